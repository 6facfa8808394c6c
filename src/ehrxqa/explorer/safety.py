"""What stands between a browser and the data: hosts, origins, a token, and headers that keep a page to itself.

A page of another site may send requests to 127.0.0.1, and a name of another site may come to mean 127.0.0.1 (DNS
rebinding). So a request must name a host that we are known by; one that changes something must come from one of our
own pages; and where data are of real patients, or the port is open to other machines, the reader shows a token, which
a cookie that is sent to us alone then carries.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CONTENT_SECURITY_POLICY", "MOST_BODY_BYTES", "Guard", "Policy", "is_loopback"]

#: Nothing but our own style sheet, script, pictures and forms; no inline style or script, no frame around us.
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
#: Bytes of a form.
MOST_BODY_BYTES: Final = 64 * 1024
_COOKIE: Final = "ehrxqa_explorer"
_HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
#: What is open while the quiz is all there is.
_OF_QUIZ: Final = ("/quiz", "/picture/", "/static/", "/favicon.ico")


@dataclass(frozen=True)
class Policy:
    """Who may see what.

    Attributes:
        hosts: Names by which we may be asked for, with port, in lower case; empty for any, which needs a token.
        token: What a reader must show; None for nothing.
        keep_nothing: Whether browsers must keep no page and no picture: data of real patients.
        quiz_only: Whether the quiz is all there is: then no page tells an answer before it is given.
    """

    hosts: frozenset[str]
    token: str | None = None
    keep_nothing: bool = True
    quiz_only: bool = False


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    return host in ("127.0.0.1", "localhost", "::1") or host.startswith("127.")


class Guard:
    """Lets through what the policy allows, and adds the headers to every answer.

    Args:
        app: What is guarded.
        policy: What is allowed.
    """

    def __init__(self, app: ASGIApp, policy: Policy) -> None:
        self._app = app
        self._policy = policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":  # of the life of the server; websockets are not served
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
            return
        sending = self._with_headers(send, scope)
        refusal = self._refusal(scope)
        await (self._app if refusal is None else refusal)(scope, receive, sending)

    def _refusal(self, scope: Scope) -> Response | None:
        policy, headers = self._policy, Headers(scope=scope)
        host = headers.get("host", "").lower()
        if policy.hosts and host not in policy.hosts:
            return _refused(421, "This is not a name of this server; open the address that ehrxqa serve printed.")
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return _refused(405, "Only GET, HEAD and POST are answered.")
        if scope["method"] == "POST":
            if headers.get("origin", "").lower() != f"{scope.get('scheme', 'http')}://{host}":
                return _refused(403, "This form was not sent from a page of this server.")
            if not _is_small(headers.get("content-length")):
                return _refused(413, "The form is too large, or does not say how large it is.")
        if policy.token is not None and (answer := self._asked_for_token(scope, headers)) is not None:
            return answer
        path = scope["path"]
        if policy.quiz_only and path != "/" and not path.startswith(_OF_QUIZ):
            return _refused(403, "This server shows the quiz only.")
        return None

    def _asked_for_token(self, scope: Scope, headers: Headers) -> Response | None:
        token = self._policy.token or ""
        pairs = parse_qsl(scope["query_string"].decode("latin-1"))
        given = next((value for name, value in pairs if name == "token"), None)
        if given is not None and hmac.compare_digest(given.encode(), token.encode()):
            rest = urlencode([pair for pair in pairs if pair[0] != "token"])
            path = "/" + scope["path"].lstrip("/\\")
            answer = RedirectResponse(f"{path}?{rest}" if rest else path, status_code=303)
            answer.set_cookie(_COOKIE, token, httponly=True, samesite="strict")
            return answer
        if hmac.compare_digest(_cookie(headers.getlist("cookie")).encode(), token.encode()):
            return None
        return _refused(401, "Open the whole address that ehrxqa serve printed, with its token.")

    def _with_headers(self, send: Send, scope: Scope) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                if self._policy.keep_nothing:
                    headers["cache-control"] = "no-store"
                else:
                    headers.setdefault("cache-control", "no-cache")
                if "server" in headers:
                    del headers["server"]
            await send(message)

        return sending


def _refused(status: int, text: str) -> Response:
    return PlainTextResponse(text + "\n", status_code=status)


def _is_small(length: str | None) -> bool:
    return length is not None and length.isascii() and length.isdigit() and int(length[:12]) <= MOST_BODY_BYTES


def _cookie(headers: Iterable[str]) -> str:
    for header in headers:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(header)
        except CookieError:
            continue
        if _COOKIE in jar:
            return jar[_COOKIE].value
    return ""
