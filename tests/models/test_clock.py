"""A clock belongs to a database: questions made at another time are asked, explained and checked at that time."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from ehrxqa.agents.opened import open_build
from ehrxqa.building.gold_check import check
from ehrxqa.cli.main import main
from ehrxqa.errors import SettingsError
from ehrxqa.explain.why import why
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.models.run import estimate, run
from ehrxqa.questions.clock import clock_at
from ehrxqa.questions.times import TimeChoice
from ehrxqa.runs.manifest import read_manifest, recorded_time

NOW = "2103-06-30 12:00:00"


@pytest.fixture(scope="module")
def earlier(questioned: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with questions that were made at another time."""
    out = tmp_path_factory.mktemp("earlier") / "out"
    shutil.copytree(questioned, out, ignore=shutil.ignore_patterns("runs", ".work", "dataset"))
    made = CliRunner().invoke(
        main,
        ["generate", str(out), "--test", "40", "--scope", "table-single", "--now", NOW, "--seed", "3", "--force", "-q"],
    )
    assert made.exit_code == 0, made.output
    assert "proofs that failed: 0" in made.output
    return out


def test_runs_are_at_the_time_of_the_questions(earlier: Path) -> None:
    assert recorded_time(read_manifest(earlier)) == NOW
    at_their_time = run(earlier, name="then", workers=1)
    assert at_their_time.run.now == NOW
    assert at_their_time.scores.summary["overall"]["scores"]["EX"]["value"] == 100
    assert estimate(earlier).requests == 0
    at_another = run(earlier, name="now", now=CURRENT_TIME, workers=1)
    assert at_another.run.now == CURRENT_TIME
    assert at_another.scores.summary["overall"]["scores"]["EX"]["value"] < 100
    with pytest.raises(SettingsError, match=r"holds another run \(it differs in now\)"):
        run(earlier, name="then", now=CURRENT_TIME, workers=1)
    with pytest.raises(SettingsError, match="YYYY-MM-DD"):
        run(earlier, now="yesterday", workers=1)


def test_answers_are_checked_and_explained_at_that_time(earlier: Path) -> None:
    (split,) = check(earlier, workers=1).splits.values()
    assert set(split.right.values()) == {40}
    for record in json.loads((earlier / "dataset/test.json").read_text())[:15]:
        for neuralsql in (False, True):
            found = why(earlier, record["id"], neuralsql=neuralsql)
            assert found.computed == record["answer"], record["question"]
    with open_build(earlier, vision=None) as build:
        assert build.now == NOW
        assert build.sandbox.run("select datetime('now')").rows == [(NOW,)]


def test_without_another_time_it_is_that_of_the_official_databases(questioned: Path) -> None:
    assert recorded_time(read_manifest(questioned)) == recorded_time(None) == CURRENT_TIME


def test_filters_are_those_of_the_clock() -> None:
    last_year, this_year = TimeChoice("rel-year-last"), TimeChoice("abs-year-in", year=2103)
    year_ago, june_31 = TimeChoice("rel-year-since", n=1), TimeChoice("rel-month-since", n=4)
    assert last_year.lets_through("2104-05-01 00:00:00")
    assert this_year.said()[-1] != "this year"
    with clock_at(NOW):
        assert last_year.lets_through("2102-05-01 00:00:00")
        assert not last_year.lets_through("2104-05-01 00:00:00")
        assert this_year.said()[-1] == "this year"
        assert year_ago.meaning == "since 2102-06-30 12:00:00"
        assert june_31.meaning == "since 2103-03-02 12:00:00"  # SQLite's 30 February
    assert year_ago.meaning == "since 2104-12-31 23:59:00"
