"""Keeps tests on this machine."""

from __future__ import annotations

import socket
from typing import Any

import pytest

_HERE = {"127.0.0.1", "localhost", "::1"}


def stay_on_loopback(monkeypatch: pytest.MonkeyPatch, *unset: str) -> None:
    """Refuse names and addresses beyond this machine, and proxies and other `unset` variables of the environment."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in _HERE:
            raise AssertionError(f"a test wanted to leave the machine: {address}")
        connect(self, address)

    def guarded_resolve(host: Any, *rest: Any, **named: Any) -> Any:
        if host not in _HERE:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return resolve(host, *rest, **named)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_resolve)
    proxies = [f"{scheme}_proxy" for scheme in ("http", "https", "all")]
    for name in (*proxies, *map(str.upper, proxies), *unset):
        monkeypatch.delenv(name, raising=False)
