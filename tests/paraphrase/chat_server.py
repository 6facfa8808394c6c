"""A server on the loopback address that plays an OpenAI-compatible endpoint, and misbehaves on command."""

from __future__ import annotations

import gzip
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "-".join(("sk", "key", "that", "must", "not", "show", "0123456789"))

_BOMB = gzip.compress(b"a" * 5_000_000)

#: Rewordings that keep everything: each is a good paraphrase of any sentence.
PREFIXES = ("in our data, ", "according to our data, ", "in this set of data, ", "judging by our data, ")


@dataclass
class ChatServer:
    """Requests are kept in `bodies`; `faults` are used up one by one, then all goes well.

    Faults: lossy, extra, empty, null, swap, numbered, malformed, html, choices, deep, huge, gzip, drip, slow, drop, a
    status such as 500 or 429:RETRY-AFTER, or redirect:URL.
    """

    faults: list[str] = field(default_factory=list)
    always: str = ""
    key: str = ""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answered: int = 0
    hold_after: int | None = None
    open_now: int = 0
    most_open: int = 0
    go_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        handler = type("Bound", (_Handler,), {"site": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server.server_address[1]}"

    def stop(self) -> None:
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def shapes(self) -> list[str]:
        return [body["messages"][-1]["content"].split("\n", 1)[1] for body in self.bodies]


def reworded(body: dict[str, Any], fault: str) -> str | None:
    """What a model replies."""
    first, shape = body["messages"][-1]["content"].split("\n", 1)
    number = int((re.findall(r"\d+", first) or ["1"])[0])
    lines = [prefix + shape for prefix in PREFIXES[:number]]
    match fault:
        case "lossy":
            lines = [re.sub(r"\[\w+\]", "it", line, count=1) for line in lines]
        case "extra":
            lines = [line[:-1] + " for [patient_9]?" for line in lines]
        case "swap":
            lines = [line.replace("last", "first") for line in lines]
        case "empty":
            lines = []
        case "null":
            return None
        case "numbered":
            lines = [f"{place}. “{line.capitalize()}”" for place, line in enumerate(lines, 1)]
    return "\n".join(lines)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: ChatServer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError):
            self.close_connection = True

    def do_POST(self) -> None:
        site = self.site
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with site.lock:
            site.bodies.append(body)
            site.headers.append(dict(self.headers.items()))
            site.paths.append(self.path)
            site.open_now += 1
            site.most_open = max(site.most_open, site.open_now)
            fault = site.faults.pop(0) if site.faults else site.always
            held = site.hold_after is not None and site.answered >= site.hold_after
        try:
            if held:
                site.go_on.wait(60)
            self.respond(body, fault)
        finally:
            with site.lock:
                site.open_now -= 1

    def respond(self, body: dict[str, Any], fault: str) -> None:
        site = self.site
        kind, _, detail = fault.partition(":")
        if site.key and self.headers.get("Authorization") != f"Bearer {site.key}":
            self.send(401, {"error": {"message": f"wrong key {self.headers.get('Authorization')}"}})
        elif kind.isdigit():
            said = f"trouble with {self.headers.get('Authorization')}\nand model {body['model']}"
            self.send(int(kind), {"error": {"message": said}}, {"Retry-After": detail} if detail else {})
        elif kind == "redirect":
            self.send(307, {}, {"Location": detail})
        elif kind == "malformed":
            self.raw(200, b'{"choices": [')
        elif kind == "html":
            self.raw(200, b"<html>sign in first</html>")
        elif kind == "choices":
            self.send(200, {"choices": ["text"]})
        elif kind == "deep":
            self.raw(200, b"[" * 100_000)
        elif kind == "huge":
            self.raw(200, b'{"choices": [{"message": {"content": "' + b"a" * 3_000_000 + b'"}}]}')
        elif kind == "gzip":
            self.raw(200, _BOMB, {"Content-Encoding": "gzip"})
        elif kind == "drip":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for _ in range(30):
                self.wfile.write(b" ")
                if site.go_on.wait(0.1):
                    break
            self.close_connection = True
        elif kind == "slow":
            site.go_on.wait(2)
            self.close_connection = True
        elif kind == "drop":
            self.close_connection = True
        else:
            with site.lock:
                site.answered += 1
            self.send(200, {"choices": [{"message": {"role": "assistant", "content": reworded(body, fault)}}]})

    def send(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self.raw(status, json.dumps(value).encode(), headers)

    def raw(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
