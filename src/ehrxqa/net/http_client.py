"""GET and HEAD on the one named host, with the standard library.

What matters here is what does *not* happen: no request to another host (redirects elsewhere are
refused), no credentials before the host asks for them or outside verified TLS, no silent retry of a
half-read body, no waiting without end. Connections are kept open and there are never more than the
agreed number.

PhysioNet's manners, from its published server code (physionet-build, project/utility.py): basic
authentication is accepted only from programs whose User-Agent begins with `Wget/` or `libwfdb/`, for
GET and HEAD, over TLS; others get 403 without being asked. A wrong or missing password is 401, an
account without the signed agreement is 403. A client that returns cookies is remembered, which spares
the server a password check per file.
"""

from __future__ import annotations

import base64
import http.client
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.message import Message
from http.cookies import CookieError, SimpleCookie
from urllib.parse import unquote, urljoin, urlsplit

from ehrxqa import __version__
from ehrxqa.net.credentials import Credentials, Secret
from ehrxqa.net.errors import DownloadError, TransientFault
from ehrxqa.net.host import Host
from ehrxqa.net.pacing import Clock, Interrupted, Pause, retry_after_seconds

__all__ = ["Client", "Response"]

USER_AGENT = f"Wget/1.21.4 (ehrxqa/{__version__})"

CHUNK_BYTES = 1 << 18
SMALL_BODY_BYTES = 1 << 16  # read to the end rather than dropping the connection
LEAST_BYTES_A_WINDOW = 1024  # fewer within the stall time is a stall, however steadily they drip
MOST_REDIRECTS = 5

_GOOD = frozenset({200, 206, 416})
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})


class Response:
    """One answer; its body is read in pieces as they arrive."""

    def __init__(self, raw: http.client.HTTPResponse, client: Client, *, bodiless: bool) -> None:
        self.status: int = raw.status
        self.headers: Message = raw.headers
        length = self.headers.get("Content-Length")
        if length is not None and not (length.isascii() and length.isdigit()):
            raise TransientFault("an unreadable Content-Length")
        #: Bytes of the body as announced, or None.
        self.length: int | None = None if length is None else int(length)
        #: Whether the end of the body can be told from a lost connection.
        self.framed = self.length is not None or bool(raw.chunked)
        self.finished = bodiless
        self._raw, self._client = raw, client

    def chunks(self) -> Iterator[bytes]:
        """The body, piece by piece.

        Raises:
            TransientFault: The connection is lost, stalls, or ends before the announced length.
            Interrupted: The run was cancelled.
        """
        clock, stall = self._client.clock, self._client.stall_seconds
        left = self.length
        window_start, window_bytes = clock.monotonic(), 0
        while left is None or left > 0:
            if clock.cancelled:
                raise Interrupted
            try:
                data = self._raw.read1(CHUNK_BYTES if left is None else min(CHUNK_BYTES, left))
            except TimeoutError as error:
                raise TransientFault(f"no byte for {stall:g} s") from error
            except (OSError, http.client.HTTPException) as error:
                raise TransientFault(f"the connection was lost ({_reason(error)})") from error
            if not data:
                break
            if left is not None:
                left -= len(data)
            window_bytes += len(data)
            if (now := clock.monotonic()) - window_start > stall:
                if window_bytes < LEAST_BYTES_A_WINDOW and left != 0:
                    raise TransientFault(f"only {window_bytes} bytes in {now - window_start:.0f} s")
                window_start, window_bytes = now, 0
            self._client.count(len(data))
            yield data
        if left:
            raise TransientFault(f"the connection ended {left:,} bytes too early")
        self.finished = True

    def close(self) -> None:
        """Let go of the body."""
        self._raw.close()


class Client:
    """A few connections to one host."""

    def __init__(
        self,
        host: Host,
        clock: Clock,
        credentials: Callable[[], Credentials],
        *,
        connections: int = 4,
        connect_seconds: float = 20.0,
        stall_seconds: float = 60.0,
    ) -> None:
        self.host, self.clock, self.stall_seconds = host, clock, stall_seconds
        self.pause = Pause(clock)
        self.received_bytes = 0
        self._find_credentials = credentials
        self._credentials: Credentials | None = None
        self._cookies: dict[str, Secret] = {}
        self._connect_seconds = connect_seconds
        self._slots = threading.BoundedSemaphore(connections)
        self._idle: list[http.client.HTTPConnection] = []
        self._busy: set[http.client.HTTPConnection] = set()
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._reached = False
        self._tls = ssl.create_default_context() if host.scheme == "https" else None

    def count(self, received_bytes: int) -> None:
        """Add to the bytes received so far."""
        with self._lock:
            self.received_bytes += received_bytes

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def abort(self) -> None:
        """Break off all requests under way, from another thread."""
        with self._lock:
            busy = list(self._busy)
        for connection in busy:
            sock = connection.sock
            if sock is not None:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def open(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> Iterator[Response]:
        """Send one request; yields an answer of status 200, 206 or 416.

        Raises:
            DownloadError: The host refuses (with `status`), sends us elsewhere, or cannot be reached at all.
            TransientFault: The host is busy or the connection was lost.
        """
        with self._slots:
            self.pause.keep()
            connection, response = self._answer(method, path, dict(headers or {}))
            try:
                yield response
            finally:
                self._release(connection, response)

    def _answer(self, method: str, path: str, headers: dict[str, str]) -> tuple[http.client.HTTPConnection, Response]:
        """Follow redirects within the host and its question for a password, up to a usable answer."""
        for _ in range(MOST_REDIRECTS + 2):
            sent = self._credentials
            connection, response = self._exchange(method, path, headers, sent)
            status = response.status
            if status in _GOOD:
                return connection, response
            self._release(connection, response)
            if status == 401 and "basic" in response.headers.get("WWW-Authenticate", "").lower():
                self._ask_credentials(sent)
            elif status in (301, 302, 303, 307, 308):
                path = self._redirected(path, response.headers.get("Location", ""))
            elif status in _BUSY:
                asked = retry_after_seconds(response.headers.get("Retry-After"), self.clock)
                fault = TransientFault(f"HTTP {status} {_PHRASES.get(status, '')}".rstrip(), retry_after_seconds=asked)
                if asked is not None and asked <= 900:
                    self.pause.ask(asked)
                raise fault
            else:
                raise DownloadError(f"{self.host.name} answers HTTP {status}", status=status)
        raise DownloadError(f"{self.host.name} redirects in a circle")

    def _ask_credentials(self, sent: Credentials | None) -> None:
        """Find the credentials once; those that were refused are not tried again."""
        with self._asking:
            if sent is not None:
                raise DownloadError(
                    f"{self.host.name} does not accept the user name and password from {sent.origin}",
                    status=401,
                )
            if self._credentials is None:
                if not self.host.trusted:
                    raise DownloadError(f"{self.host.name} asks for a password without TLS; refused")
                self._credentials = self._find_credentials()

    def _redirected(self, path: str, location: str) -> str:
        target = urljoin(f"{self.host.scheme}://{_bracketed(self.host.name)}:{self.host.port}{path}", location)
        if not self.host.same_origin(target):
            other = urlsplit(target).hostname or "nowhere"
            raise DownloadError(
                f"{self.host.name} redirects to another host ({other}); refused, nothing was sent there"
            )
        parts = urlsplit(target)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def _exchange(
        self, method: str, path: str, headers: dict[str, str], credentials: Credentials | None
    ) -> tuple[http.client.HTTPConnection, Response]:
        """One request and the head of its answer; a kept connection that has died is replaced once."""
        headers = headers | self._standing_headers(credentials)
        while True:
            connection, reused = self._connection()
            try:
                connection.request(method, path, headers=headers)
                raw = connection.getresponse()
            except TimeoutError as error:
                self._drop(connection)
                raise TransientFault(f"no answer for {self.stall_seconds:g} s") from error
            except (OSError, http.client.HTTPException) as error:
                self._drop(connection)
                if self.clock.cancelled:
                    raise Interrupted from error
                if reused:
                    continue
                raise TransientFault(f"the connection was lost ({_reason(error)})") from error
            try:
                response = Response(raw, self, bodiless=method == "HEAD")
            except TransientFault:
                self._drop(connection)
                raise
            self._reached = True
            self._keep_cookies(response.headers)
            return connection, response

    def _standing_headers(self, credentials: Credentials | None) -> dict[str, str]:
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
        if credentials is not None:
            headers["Authorization"] = credentials.authorization()
        with self._lock:
            if self._cookies:
                headers["Cookie"] = "; ".join(f"{name}={value.reveal()}" for name, value in self._cookies.items())
        return headers

    def _keep_cookies(self, headers: Message) -> None:
        """Remember cookies, in memory and for this host only."""
        for line in headers.get_all("Set-Cookie", []):
            with suppress(CookieError):
                for name, morsel in SimpleCookie(line).items():
                    with self._lock:
                        self._cookies[name] = Secret(morsel.coded_value)

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            if self._idle:
                kept = self._idle.pop()
                self._busy.add(kept)
                return kept, True
        connection = self._new_connection()
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            raise DownloadError(
                f"the certificate of {self.host.name} cannot be verified ({error.verify_message}); if your network "
                "inspects TLS, let SSL_CERT_FILE name its certificate bundle"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if not self._reached:
                raise DownloadError(
                    f"{self.host.name} cannot be reached ({_reason(error)}): this machine is offline, or a firewall or "
                    "proxy is in the way (HTTPS_PROXY is honoured)"
                ) from error
            raise TransientFault(f"no connection ({_reason(error)})") from error
        connection.sock.settimeout(self.stall_seconds)
        with self._lock:
            self._busy.add(connection)
        return connection, False

    def _new_connection(self) -> http.client.HTTPConnection:
        host = self.host
        if self._tls is None:
            return http.client.HTTPConnection(host.name, host.port, timeout=self._connect_seconds)
        proxy = _proxy(host)
        if proxy is None:
            return http.client.HTTPSConnection(host.name, host.port, timeout=self._connect_seconds, context=self._tls)
        name, port, headers = proxy
        tunnel = http.client.HTTPSConnection(name, port, timeout=self._connect_seconds, context=self._tls)
        tunnel.set_tunnel(host.name, host.port, headers=headers)
        return tunnel

    def _release(self, connection: http.client.HTTPConnection, response: Response) -> None:
        """Keep the connection if its answer was read to the end (or is short), else close it."""
        short = response.length is not None and response.length <= SMALL_BODY_BYTES
        if short and not response.finished and response.status not in _GOOD:
            with suppress(TransientFault, Interrupted):
                for _ in response.chunks():
                    pass
        finished = response.finished
        response.close()
        if finished and connection.sock is not None and not self.clock.cancelled:
            with self._lock:
                self._busy.discard(connection)
                self._idle.append(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            self._busy.discard(connection)
        connection.close()


_PHRASES = {429: "(too many requests)", 503: "(unavailable)", 500: "(server error)", 502: "(bad gateway)"}


def _proxy(host: Host) -> tuple[str, int, dict[str, str]] | None:
    """Name, port and headers of the proxy that the environment names for this host, if it does."""
    if host.loopback or urllib.request.proxy_bypass(host.name):
        return None
    address = urllib.request.getproxies().get(host.scheme)
    if not address:
        return None
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        name, port = parts.hostname, parts.port or 80
    except ValueError:
        name = None
    if not name:
        raise DownloadError("HTTPS_PROXY is not an address like http://proxy.example:3128")
    headers = {}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        headers["Proxy-Authorization"] = "Basic " + base64.b64encode(pair).decode("ascii")
    return name, port, headers


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name else name


def _reason(error: BaseException) -> str:
    """What a system error says, without the address or bytes it may quote."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    if isinstance(error, OSError) and str(error).startswith("Tunnel connection failed"):
        return str(error).lower()
    return type(error).__name__
