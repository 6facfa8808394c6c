"""The explorer on a port, and requests to it as they are on the wire, so that hostile ones can be made too."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import uvicorn

from ehrxqa.explorer.app import make_app
from ehrxqa.explorer.safety import Policy
from ehrxqa.explorer.serving import listen
from ehrxqa.explorer.state import Explorer


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class Client:
    """Asks one server.

    Attributes:
        port: Of 127.0.0.1.
    """

    port: int

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=180)
        try:
            connection.putrequest(method, path, skip_host="Host" in headers, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask(path, **headers)

    def post(self, path: str, body: str, **headers: str) -> Answer:
        headers = {"Origin": self.base, "Content-Type": "application/x-www-form-urlencoded", **headers}
        return self.ask(path, "POST", body.encode(), **headers)


@dataclass
class Links(HTMLParser):
    """What a page refers to, by tag and attribute."""

    found: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src", "action") and value is not None:
                self.found.append((tag, value))


def links_of(text: str) -> list[tuple[str, str]]:
    parser = Links()
    parser.feed(text)
    return parser.found


@contextlib.contextmanager
def served(explorer: Explorer, **policy: object) -> Iterator[Client]:
    """The explorer on a port of its own."""
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
    app = make_app(explorer, Policy(**{"hosts": hosts, "keep_nothing": False, **policy}))  # type: ignore[arg-type]
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Client(port)
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
