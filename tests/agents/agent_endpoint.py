"""A server on the loopback address that plays an endpoint whose model calls tools, by a script."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Message = dict[str, Any]


class AgentEndpoint:
    """`play` turns the messages of a request into the message of the reply, or into a status."""

    def __init__(self, play: Callable[[list[Message]], Message | int]) -> None:
        self.bodies: list[dict[str, Any]] = []
        lock, bodies = threading.Lock(), self.bodies

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    bodies.append(body)
                message = play(body["messages"])
                usage = {"prompt_tokens": 100, "completion_tokens": 10}
                value = {"choices": [{"message": message}], "usage": usage} if isinstance(message, dict) else {}
                data = json.dumps(value).encode()
                self.send_response(message if isinstance(message, int) else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}/v1"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def tool_call(name: str, arguments: Any, identifier: str = "c1") -> Message:
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    call = {"id": identifier, "type": "function", "function": {"name": name, "arguments": text}}
    return {"role": "assistant", "content": None, "tool_calls": [call]}
