"""A server on the loopback address with PhysioNet's manners, that misbehaves on command."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USER, PASSWORD = "reader@example.org", "p:ä$$-w0rd-that-must-not-show"


@dataclass
class Fault:
    """One misbehaviour, used up by one GET of a file.

    Kinds: drop, stall, no_answer, garbage, reset_length, shifted_206, unsaid_206, wrong_total_206, other_bytes_206,
    unasked_206, bad_416, whole_416, 429, 503, 500, corrupt, truncated, redirect, encoded, ignore_range, change.
    """

    kind: str
    at: int = 0
    value: str = ""


@dataclass
class Seen:
    """One request."""

    method: str
    path: str
    range: str | None
    authorization: str | None
    agent: str
    headers: dict[str, str]
    sent: int = 0


@dataclass
class PhysioNet:
    """Files by path below `/files/`, accounts, signed agreements, faults."""

    files: dict[str, bytes] = field(default_factory=dict)
    protected: set[str] = field(default_factory=set)
    signed: set[str] = field(default_factory=set)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    etags: bool = True
    weak_etags: bool = False
    slow_until: threading.Event = field(default_factory=threading.Event)
    open_now: int = 0
    most_open: int = 0
    delay_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        handler = type("Bound", (_Handler,), {"site": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def start(self) -> PhysioNet:
        self.thread.start()
        return self

    def stop(self) -> None:
        self.slow_until.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def publish(self, folder: str, files: dict[str, bytes], *, sums: bool = True) -> None:
        """Put a release there, with its list of checksums."""
        for path, data in files.items():
            self.files[f"{folder}/{path}"] = data
        if sums:
            self.publish_sums(folder)

    def publish_sums(self, folder: str) -> None:
        lines = [
            f"{hashlib.sha256(data).hexdigest()} {path.removeprefix(folder + '/')}\n"
            for path, data in sorted(self.files.items())
            if path.startswith(folder + "/") and not path.endswith("SHA256SUMS.txt")
        ]
        self.files[f"{folder}/SHA256SUMS.txt"] = "".join(lines).encode()

    def gets(self, path: str = "") -> list[Seen]:
        return [one for one in self.seen if one.method == "GET" and path in one.path]

    def modified(self, data: bytes) -> int:
        """Seconds since 1970: another content, another time."""
        return 1_700_000_000 + zlib.crc32(data) % 100_000

    def etag(self, data: bytes) -> str:
        tag = '"' + hashlib.sha256(data).hexdigest()[:16] + '"'
        return "W/" + tag if self.weak_etags else tag


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer costs 40 ms
    site: PhysioNet

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError):
            self.close_connection = True

    def do_HEAD(self) -> None:
        self.respond()

    def do_GET(self) -> None:
        with self.site.lock:
            self.site.open_now += 1
            self.site.most_open = max(self.site.most_open, self.site.open_now)
        try:
            if self.site.delay_seconds:
                time.sleep(self.site.delay_seconds)
            self.respond()
        finally:
            with self.site.lock:
                self.site.open_now -= 1

    def respond(self) -> None:
        path = self.path.removeprefix("/files/")
        seen = Seen(
            self.command,
            path,
            self.headers.get("Range"),
            self.headers.get("Authorization"),
            self.headers.get("User-Agent", ""),
            dict(self.headers.items()),
        )
        with self.site.lock:
            self.site.seen.append(seen)
        if not self.allowed(path):
            return
        if path not in self.site.files:
            self.empty(404)
            return
        fault = None
        if self.command == "GET":
            with self.site.lock:
                queue = self.site.faults.get(path, [])
                fault = queue.pop(0) if queue else None
        self.serve(path, seen, fault)

    def allowed(self, path: str) -> bool:
        """PhysioNet's rules: Wget/ only; 401 when not signed in, 403 when the agreement is not signed."""
        project = path.split("/", 1)[0]
        if project not in self.site.protected:
            return True
        if not self.headers.get("User-Agent", "").startswith(("Wget/", "libwfdb/")):
            self.empty(403)
            return False
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.headers.get("Authorization") != expected:
            self.empty(
                401,
                {
                    "WWW-Authenticate": 'Basic realm="PhysioNet", charset="UTF-8"',
                    "Set-Cookie": "testcookie=1; HttpOnly; SameSite=Lax; Path=/",
                },
            )
            return False
        if project not in self.site.signed:
            self.empty(403)
            return False
        return True

    def empty(self, status: int, headers: dict[str, str] | None = None) -> None:
        body = b"" if status == 304 else f"<html>{status}</html>".encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve(self, path: str, seen: Seen, fault: Fault | None) -> None:
        data = self.site.files[path]
        kind = fault.kind if fault else ""
        if fault is not None:
            match kind:
                case "no_answer":
                    self.close_connection = True
                    return
                case "garbage":
                    self.wfile.write(b"\x00\x01 this is not HTTP\r\n\r\n")
                    self.close_connection = True
                    return
                case _ if kind.isdigit():
                    self.empty(int(kind), {"Retry-After": fault.value} if fault.value else {})
                    return
                case "redirect":
                    self.empty(302, {"Location": fault.value})
                    return
                case "bad_416":
                    self.empty(416, {"Content-Range": f"bytes */{len(data) + 1}"})
                    return
                case "change":
                    self.site.files[path] = data = fault.value.encode()
                case "corrupt" if data:
                    index = fault.at % len(data)
                    data = data[:index] + bytes([data[index] ^ 0x55]) + data[index + 1 :]
                case "truncated":
                    data = data[: fault.at % (len(data) + 1)]
        etag = self.site.etag(self.site.files[path]) if self.site.etags else None
        start = self.start_of(seen, etag) if kind != "ignore_range" else None
        end = self.end_of(seen, len(data))
        if start is not None and start >= len(data):
            self.empty(416, {"Content-Range": f"bytes */{len(data)}"})
            return
        headers = {
            "Accept-Ranges": "bytes",
            "Last-Modified": formatdate(self.site.modified(self.site.files[path]), usegmt=True),
        }
        if etag is not None:
            headers["ETag"] = etag
        status, body, total = 200, data, len(data)
        if start is not None:
            status, body = 206, data[start : end + 1]
            first = start
            if kind == "shifted_206":
                first, body = max(0, start - 1 - fault.at % 7), data[max(0, start - 1 - fault.at % 7) :]
            elif kind == "wrong_total_206":
                total += 7
            elif kind == "other_bytes_206":
                body = bytes(byte ^ 0x33 for byte in body)
            headers["Content-Range"] = f"bytes {first}-{first + len(body) - 1}/{total}"
            if kind == "unsaid_206":
                del headers["Content-Range"]
        elif kind == "unasked_206" and data:
            status, headers["Content-Range"] = 206, f"bytes 0-{len(data) - 1}/{len(data)}"
        if kind == "encoded":
            headers["Content-Encoding"] = "gzip"
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if kind in ("drop", "stall", "hold"):
            cut = fault.at % (len(body) + 1)
            self.wfile.write(body[:cut])
            self.wfile.flush()
            seen.sent = cut
            if kind == "hold":
                self.site.slow_until.wait(60)
            elif kind == "stall":
                self.connection.settimeout(0.6)
                with suppress(OSError):
                    self.connection.recv(1)  # until the client goes away
            self.close_connection = True
            return
        self.wfile.write(body)
        seen.sent = len(body)

    def start_of(self, seen: Seen, etag: str | None) -> int | None:
        """First byte asked for, if the request still concerns this content."""
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", seen.range or "")
        if match is None:
            return None
        condition = self.headers.get("If-Range")
        if condition is not None and condition != etag:
            return None
        return int(match[1])

    def end_of(self, seen: Seen, size: int) -> int:
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", seen.range or "")
        return min(int(match[2]), size - 1) if match else size - 1
