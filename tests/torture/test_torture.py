"""A short part of `make torture`: each kind of attack, a few times, with a seed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from torture.hostile import hostile
from torture.kills import CASES, kills
from torture.mutated import READERS, mutated
from torture.tally import Tally, table


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("torture")


def test_killed_commands_leave_nothing_behind_and_go_on(base: Path, tmp_path: Path) -> None:
    tallies = list(kills(base, tmp_path, len(CASES), random.Random("suite/kills")))
    assert [fault for tally in tallies for fault in tally.broke] == []
    assert sum(tally.tried for tally in tallies) == len(CASES)


def test_mutated_files_are_named(base: Path, tmp_path: Path) -> None:
    tallies = list(mutated(base, tmp_path, 3 * (len(READERS) + 4), random.Random("suite/mutated")))
    assert [fault for tally in tallies for fault in tally.broke] == []
    assert sum(tally.tried for tally in tallies) >= 3 * len(READERS)


def test_hostile_queries_end_in_time(base: Path, tmp_path: Path) -> None:
    tally = hostile(base, tmp_path, 25, random.Random("suite/hostile"))
    assert tally.broke == []


def test_the_table_says_what_broke() -> None:
    tally = Tally("kind")
    tally.count(None)
    tally.count("fell over")
    assert "| kind | 2 | 1 | 1 |" in table([tally])
    assert "kind BROKE: fell over" in table([tally])
