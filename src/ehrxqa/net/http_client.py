"""GET and HEAD on the one named host, with httpx2.

What matters here is what does *not* happen: no request to another host (redirects elsewhere are
refused), no credentials before the host asks for them or outside verified TLS, no silent retry of a
half-read body, no waiting without end. Connections are kept open and there are never more than the
agreed number. Errors of the HTTP library are told by their kind, without their text, which may quote a header.

PhysioNet's manners, from its published server code (physionet-build, project/utility.py): basic
authentication is accepted only from programs whose User-Agent begins with `Wget/` or `libwfdb/`, for
GET and HEAD, over TLS; others get 403 without being asked. A wrong or missing password is 401, an
account without the signed agreement is 403. A client that returns cookies is remembered, which spares
the server a password check per file.
"""

from __future__ import annotations

import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NoReturn
from urllib.parse import urljoin, urlsplit
from weakref import WeakSet

import httpx2

from ehrxqa import __version__
from ehrxqa.net.credentials import Credentials
from ehrxqa.net.errors import DownloadError, TransientFault
from ehrxqa.net.host import Host
from ehrxqa.net.pacing import Clock, Interrupted, Pause, retry_after_seconds

__all__ = ["Client", "Response"]

USER_AGENT = f"Wget/1.21.4 (ehrxqa/{__version__})"

SMALL_BODY_BYTES = 1 << 16  # read to the end rather than dropping the connection
LEAST_BYTES_A_WINDOW = 1024  # fewer within the stall time is a stall, however steadily they drip
MOST_REDIRECTS = 5

_GOOD = frozenset({200, 206, 416})
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_PHRASES = {429: "(too many requests)", 503: "(unavailable)", 500: "(server error)", 502: "(bad gateway)"}


class Response:
    """One answer; its body is read in pieces as they arrive."""

    def __init__(self, raw: httpx2.Response, client: Client) -> None:
        self.status = raw.status_code
        self.headers = raw.headers
        length = self.headers.get("Content-Length")
        #: Bytes of the body as announced, or None.
        self.length = None if length is None else int(length)
        #: Whether the end of the body can be told from a lost connection.
        self.framed = self.length is not None or "chunked" in self.headers.get("Transfer-Encoding", "")
        self._raw, self._client = raw, client

    def chunks(self) -> Iterator[bytes]:
        """The body, piece by piece.

        Raises:
            TransientFault: The connection is lost, stalls, or ends before the announced length.
            Interrupted: The run was cancelled.
        """
        clock, stall = self._client.clock, self._client.stall_seconds
        window_start, window_bytes = clock.monotonic(), 0
        pieces = self._raw.iter_raw()
        while data := self._next(pieces):
            window_bytes += len(data)
            if (now := clock.monotonic()) - window_start > stall:
                if window_bytes < LEAST_BYTES_A_WINDOW and self._raw.num_bytes_downloaded != self.length:
                    raise TransientFault(f"only {window_bytes} bytes in {now - window_start:.0f} s")
                window_start, window_bytes = now, 0
            self._client.count(len(data))
            yield data

    def _next(self, pieces: Iterator[bytes]) -> bytes:
        clock = self._client.clock
        if clock.cancelled:
            raise Interrupted
        try:
            return next(pieces, b"")
        except httpx2.TimeoutException:
            reason = f"no byte for {self._client.stall_seconds:g} s"
        except httpx2.RemoteProtocolError:
            reason = "the connection ended too early"
        except httpx2.HTTPError as error:
            reason = f"the connection was lost ({_reason(error)})"
        if clock.cancelled:
            raise Interrupted
        raise TransientFault(reason)

    def close(self) -> None:
        """Let go of the body; a short one is read to its end, so that the connection may be used again."""
        if self.status not in _GOOD and (self.length or 0) <= SMALL_BODY_BYTES:
            with suppress(TransientFault, Interrupted):
                for _ in self.chunks():
                    pass
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
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._reached = False
        self._sockets: WeakSet[socket.socket] = WeakSet()
        self._http = httpx2.Client(
            base_url=f"{host.scheme}://{f'[{host.name}]' if ':' in host.name else host.name}:{host.port}",
            headers={"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"},
            timeout=httpx2.Timeout(stall_seconds, connect=connect_seconds, pool=None),
            limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
            verify=ssl.create_default_context() if host.scheme == "https" else False,
            proxy=_proxy(host),
            trust_env=False,
            follow_redirects=False,
        )

    def count(self, received_bytes: int) -> None:
        """Add to the bytes received so far."""
        with self._lock:
            self.received_bytes += received_bytes

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def abort(self) -> None:
        """Break off all requests under way, from another thread."""
        for connected in list(self._sockets):
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def open(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> Iterator[Response]:
        """Send one request; yields an answer of status 200, 206 or 416.

        Raises:
            DownloadError: The host refuses (with `status`), sends us elsewhere, or cannot be reached at all.
            TransientFault: The host is busy or the connection was lost.
        """
        self.pause.keep()
        response = self._answer(method, path, dict(headers or {}))
        try:
            yield response
        finally:
            response.close()

    def _answer(self, method: str, path: str, headers: dict[str, str]) -> Response:
        """Follow redirects within the host and its question for a password, up to a usable answer."""
        for _ in range(MOST_REDIRECTS + 2):
            sent = self._credentials
            response = self._exchange(method, path, headers, sent)
            status = response.status
            if status in _GOOD:
                return response
            response.close()
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
        target = urljoin(str(self._http.base_url.join(path)), location)
        if not self.host.same_origin(target):
            other = urlsplit(target).hostname or "nowhere"
            raise DownloadError(
                f"{self.host.name} redirects to another host ({other}); refused, nothing was sent there"
            )
        parts = urlsplit(target)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    def _exchange(self, method: str, path: str, headers: dict[str, str], credentials: Credentials | None) -> Response:
        """One request and the head of its answer."""
        if credentials is not None:
            headers = headers | {"Authorization": credentials.authorization()}
        request = self._http.build_request(method, path, headers=headers, extensions={"trace": self._trace})
        try:
            raw = self._http.send(request, stream=True)
        except httpx2.HTTPError as error:
            fault: Exception = error
        else:
            self._reached = True
            return Response(raw, self)
        self._explain(fault)  # outside of the handler, whose error may quote a header

    def _explain(self, error: Exception) -> NoReturn:
        if self.clock.cancelled:
            raise Interrupted
        if (untrusted := _untrusted(error)) is not None:
            raise DownloadError(
                f"the certificate of {self.host.name} cannot be verified ({untrusted.verify_message}); if your network "
                "inspects TLS, let SSL_CERT_FILE name its certificate bundle"
            )
        connecting = isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError)
        if connecting and not self._reached:
            raise DownloadError(
                f"{self.host.name} cannot be reached ({_reason(error)}): this machine is offline, or a firewall or "
                "proxy is in the way (HTTPS_PROXY is honoured)"
            )
        if isinstance(error, httpx2.ReadTimeout):
            raise TransientFault(f"no answer for {self.stall_seconds:g} s")
        raise TransientFault(f"{'no connection' if connecting else 'the connection was lost'} ({_reason(error)})")

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember the sockets that are opened."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._sockets.add(info["return_value"].get_extra_info("socket"))


def _proxy(host: Host) -> httpx2.Proxy | None:
    """The proxy that the environment names for this host, if it does."""
    if host.loopback or urllib.request.proxy_bypass(host.name):
        return None
    address = urllib.request.getproxies().get(host.scheme)
    if not address:
        return None
    try:
        proxy = httpx2.Proxy(address if "://" in address else f"http://{address}")
    except (ValueError, httpx2.InvalidURL):
        proxy = None
    if proxy is None or not proxy.url.host:
        raise DownloadError("HTTPS_PROXY is not an address like http://proxy.example:3128")
    return proxy


def _untrusted(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """The refused certificate behind an error, if that is what it is."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error


def _reason(error: BaseException) -> str:
    """What a system error says, without the address or bytes it may quote."""
    if isinstance(error, httpx2.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx2.ProxyError):
        return "the proxy refuses"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    return type(error).__name__
