"""A small build for all tests of agents; `agent_build` says what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_build import make_agent_build

from ehrxqa.agents.opened import Build, open_build


@pytest.fixture(scope="session")
def agent_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder with databases and answered questions."""
    return make_agent_build(tmp_path_factory.mktemp("agents"))


@pytest.fixture(scope="session")
def images(agent_out: Path) -> Path:
    """Its pictures."""
    return agent_out.parent / "images"


@pytest.fixture(scope="session")
def opened(agent_out: Path, images: Path) -> Iterator[Build]:
    """The test split, opened once."""
    with open_build(agent_out, images=images) as build:
        yield build
