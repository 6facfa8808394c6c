"""No test here leaves the loopback addresses, and none waits."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_clock import FakeClock
from physionet_server import PASSWORD, USER, PhysioNet

from ehrxqa.downloading import Credentials, Network
from ehrxqa.net.pacing import Retries

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Refuse names and addresses beyond this machine, and whatever the developer's own files hold."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and address[0] not in LOOPBACK:
            raise AssertionError(f"a test wanted to leave the machine: {address}")
        connect(self, address)

    def guarded_resolve(host: Any, *rest: Any, **named: Any) -> Any:
        if host not in LOOPBACK:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return resolve(host, *rest, **named)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_resolve)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("PHYSIONET_USERNAME", "PHYSIONET_PASSWORD", "NETRC", "EHRXQA_PHYSIONET_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def site() -> Iterator[PhysioNet]:
    server = PhysioNet().start()
    yield server
    server.stop()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def network(site: PhysioNet, clock: FakeClock) -> Network:
    return Network(
        address=site.address,
        clock=clock.again,
        stall_seconds=0.2,
        retries=Retries(random=random.Random(0)),
    )


@pytest.fixture
def credentials() -> Credentials:
    return Credentials(USER, PASSWORD, "the test")
