"""A small synthetic build with X-rays and questions, and the explorer serving it on a free port of this machine."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from asking import Client

from ehrxqa.building.build import build
from ehrxqa.explorer.app import make_app
from ehrxqa.explorer.library import Library, open_library
from ehrxqa.explorer.safety import Policy
from ehrxqa.explorer.serving import listen
from ehrxqa.explorer.state import Explorer, open_explorer
from ehrxqa.hospital import synth
from ehrxqa.questions.generate import generate


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `ehrxqa demo` leaves it: `hospital` and `ehrxqa`."""
    folder = tmp_path_factory.mktemp("explorer")
    synth(folder / "hospital", subjects=60, gold_subjects=20, images=True, workers=1)
    build(folder / "hospital", folder / "ehrxqa", workers=1)
    generate(folder / "ehrxqa", train=30, valid=6, test=40, workers=1, force=True)
    return folder


@pytest.fixture(scope="session")
def library(folder: Path) -> Library:
    return open_library(folder)


@pytest.fixture(scope="session")
def explorer(library: Library) -> Explorer:
    return open_explorer(library)


@contextlib.contextmanager
def served(explorer: Explorer, **policy: object) -> Iterator[Client]:
    """The explorer on a port of its own."""
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
    app = make_app(explorer, Policy(**{"hosts": hosts, "keep_nothing": False, **policy}))  # type: ignore[arg-type]
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Client(port)
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


@pytest.fixture(scope="session")
def site(explorer: Explorer) -> Iterator[Client]:
    with served(explorer) as client:
        yield client
