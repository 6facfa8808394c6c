"""No test here leaves the loopback addresses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chat_server import ChatServer
from paraphrase_folder import write_folder

from loopback import stay_on_loopback


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse names and addresses beyond this machine, and whatever the developer's own environment holds."""
    stay_on_loopback(monkeypatch, "EHRXQA_LLM_API_KEY", "OPENAI_API_KEY")


@pytest.fixture
def site() -> Iterator[ChatServer]:
    server = ChatServer()
    yield server
    server.stop()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "out")
