"""The same attacks at every door: no escape, no answer key, limits kept, the files unharmed."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from doors import (
    HOSTILE_ARGUMENTS,
    QUERIES,
    SUBMISSIONS,
    as_corpus_says,
    as_refused,
    doors_of,
    knock,
    short_build,
    unharmed,
)
from ehrxqa.agents.opened import Build

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def attacked(agent_out: Path, images: Path) -> Iterator[Build]:
    with short_build(agent_out, images) as build:
        yield build


@pytest.fixture(autouse=True)
def streams_left_open() -> Iterator[None]:
    yield
    gc.collect()


@pytest.mark.parametrize("name", ["tools", "MCP", "Inspect", "environment"])
def test_hostile_queries(attacked: Build, agent_out: Path, name: str) -> None:
    assert len(QUERIES) >= 500
    with unharmed(agent_out):
        figures = knock(doors_of(attacked, agent_out)[name], QUERIES, as_corpus_says)
    assert figures.wrong == []
    assert figures.canaries == 0
    assert figures.refused > 400
    assert figures.longest_seconds < 5


@pytest.mark.parametrize("name", ["tools", "MCP"])
def test_hostile_queries_handed_in_as_answers(attacked: Build, agent_out: Path, name: str) -> None:
    with unharmed(agent_out):
        figures = knock(doors_of(attacked, agent_out)[name], SUBMISSIONS, as_corpus_says)
    assert figures.wrong == []
    assert figures.canaries == 0


@pytest.mark.parametrize("name", ["tools", "MCP", "Inspect", "environment"])
def test_hostile_arguments(attacked: Build, agent_out: Path, name: str) -> None:
    assert len(HOSTILE_ARGUMENTS) >= 100
    with unharmed(agent_out):
        figures = knock(doors_of(attacked, agent_out)[name], HOSTILE_ARGUMENTS, as_refused)
    assert figures.wrong == []
    assert figures.canaries == 0
