"""No test here leaves the loopback addresses, and none waits."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_clock import FakeClock
from physionet_server import PASSWORD, USER, PhysioNet

from ehrxqa.downloading import Credentials, Network
from ehrxqa.net.pacing import Retries
from loopback import stay_on_loopback


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Refuse names and addresses beyond this machine, and whatever the developer's own files hold."""
    stay_on_loopback(monkeypatch, "PHYSIONET_USERNAME", "PHYSIONET_PASSWORD", "NETRC", "EHRXQA_PHYSIONET_URL")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


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
