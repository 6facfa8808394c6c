"""The MCP server over HTTP: for this machine alone, and for whoever has the token."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mcp.server import MCPServer

__all__ = ["HOST", "TOKEN_VARIABLE", "guarded_app"]

#: The only address that HTTP is served on.
HOST: Final = "127.0.0.1"
TOKEN_VARIABLE: Final = "EHRXQA_MCP_TOKEN"

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def guarded_app(server: MCPServer, port: int, token: str) -> App:
    """The server as an ASGI application for this machine alone: without the token, nothing is answered."""
    from mcp.server.transport_security import TransportSecuritySettings

    names = [f"{host}:{port}" for host in (HOST, "localhost")]
    security = TransportSecuritySettings(
        allowed_hosts=names, allowed_origins=[f"http://{name}" for name in names], enable_dns_rebinding_protection=True
    )
    inner: App = server.streamable_http_app(transport_security=security, host=HOST)
    expected = f"Bearer {token}".encode()

    async def guarded(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        given = b""
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"authorization", b"")
        if scope["type"] == "lifespan" or hmac.compare_digest(given, expected):
            await inner(scope, receive, send)
            return
        headers = [(b"content-type", b"text/plain"), (b"www-authenticate", b"Bearer")]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": f"the token is missing: {TOKEN_VARIABLE}\n".encode()})

    return guarded
