"""Boards, comparisons and floors: what is shown is what the runs say."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ehrxqa.cli.main import main
from ehrxqa.dataset.floors import SIDES, floors
from ehrxqa.dataset.splits import read_dataset
from ehrxqa.errors import RecordError
from ehrxqa.models.board import board, board_html, board_text
from ehrxqa.models.compare import compare, compare_text
from ehrxqa.models.floors import FLOORS, literal_query
from ehrxqa.models.report import RunReport
from ehrxqa.models.run import run
from ehrxqa.models.run_records import FAULTS, Cost
from ehrxqa.neuralsql.query import query


@pytest.fixture(scope="module")
def runs(questioned: Path) -> dict[str, RunReport]:
    made = {
        "b-oracle": run(questioned, name="b-oracle", subset="mini-60", workers=1),
        "b-blurred": run(questioned, name="b-blurred", subset="mini-60", vision="perturbed:0.5", workers=1),
    }
    for name, (parser, vision) in FLOORS.items():
        made[name] = run(questioned, name=f"b-{name}", subset="mini-60", parser=parser, vision=vision, workers=1)
    return made


def ex(report: RunReport, **group: str) -> float:
    summary = report.scores.summary
    if not group:
        return summary["overall"]["scores"]["EX"]["value"]
    ((name, value),) = group.items()
    return summary[name][value]["scores"]["EX"]["value"]


def test_floors_reach_what_they_may_and_no_more(runs: dict[str, RunReport]) -> None:
    assert ex(runs["floor-tables-only"], modality="Table") == 100
    assert ex(runs["floor-images-only"], modality="Image") > 90
    for floor, modality in (("floor-tables-only", "Table"), ("floor-images-only", "Image")):
        answered = [each for each in runs[floor].scores.questions if each.answer is not None]
        assert {each.groups["modality"] for each in answered} == {modality, "Image+Table"}
    assert 0 < ex(runs["floor-question-only"]) < 60
    assert ex(runs["floor-constant"], modality="Table") == ex(runs["floor-prior"], modality="Table") == 100
    for floor in FLOORS:
        assert ex(runs[floor]) < ex(runs["b-oracle"])


def test_floors_that_are_run_are_those_that_stats_print(questioned: Path, runs: dict[str, RunReport]) -> None:
    """The answer of who knows one side only has one rule."""
    dataset = read_dataset(questioned)
    for name in SIDES:
        scored = {each.id: each for each in runs[f"floor-{name}"].scores.questions}
        records = [record for record in dataset.splits["test"] if str(record["id"]) in scored]
        expected = floors(replace(dataset, splits={"test": records}))
        asked = [each for each in scored.values() if each.groups["scope"] == "MULTIMODAL-SINGLE"]
        right = sum(each.value == 1 for each in asked) / len(asked)
        assert expected["questions"] == len(asked) > 5
        assert right == pytest.approx(expected[name.replace("-", "_")]["accuracy"], abs=1e-6)


def test_the_board_holds_all_runs_of_the_same_questions_the_best_first(
    questioned: Path, runs: dict[str, RunReport]
) -> None:
    (found,) = [each for each in board(questioned) if "mini-60" in each.title]
    assert {row.run.id for row in found.rows} == {report.run.id for report in runs.values()}
    values = [row.summary["overall"]["scores"]["EX"]["value"] for row in found.rows]
    assert values == sorted(values, reverse=True)
    assert found.rows[0].run.id == "b-oracle"
    assert {row.run.id for row in found.rows if row.is_floor} == {f"b-{name}" for name in FLOORS}
    text = board_text([found])
    assert "gold × perturbed:0.5" in text
    assert "(floor)" in text
    html = board_html([found])
    assert html.count("<details>") == len(found.rows)
    assert not re.search(r"(src|href)=.?https?:", html)


def test_the_board_fits_a_terminal_and_says_what_the_runs_say(questioned: Path, runs: dict[str, RunReport]) -> None:
    (found,) = [each for each in board(questioned) if "mini-60" in each.title]
    lines = board_text([found]).splitlines()
    assert max(map(len, lines)) <= 100
    scores, faults = (line.split()[3:] for line in lines if line.startswith("gold × perturbed:0.5"))
    summary = runs["b-blurred"].scores.summary
    shown = [summary["overall"]["scores"][name]["value"] for name in ("EX", "RS10")]
    assert [f"{value:.1f}" for value in shown] == scores[:2]
    counted = [int(count) for count in faults]
    assert counted[0] == summary["overall"]["faults"]["right"]
    assert counted[2] == summary["overall"]["faults"]["vision"] > 0
    first = found.rows[0]
    parser = replace(first.run.parser, spec="llm:http://127.0.0.1:8000/v1:Organisation/Model-with-a-long-name-8B")
    used = Cost(calls=400, tokens_in=123_456_789, tokens_out=99_999_999, images=1_234_567)
    counts = dict.fromkeys(FAULTS, 1_234)
    overall = {**first.summary["overall"], "faults": counts}
    costly = replace(
        first, run=replace(first.run, parser=parser, used=used), summary={**first.summary, "overall": overall}
    )
    text = board_text([replace(found, rows=(costly, *found.rows))])
    assert max(map(len, text.splitlines())) <= 100
    assert "name-8B × oracle" in text
    assert "223,456,788" in text


def test_the_comparison_is_that_of_the_scores(questioned: Path, runs: dict[str, RunReport]) -> None:
    folders = [runs[name].folder for name in ("b-blurred", "b-oracle")]
    found = compare(*folders)
    assert (found.ex.first, found.ex.second) == pytest.approx((ex(runs["b-blurred"]), ex(runs["b-oracle"])))
    assert found.ex.is_more_than_chance
    assert found.groups["modality"]["Table"].gain == 0
    assert not found.groups["modality"]["Table"].is_more_than_chance
    right = [
        {question.id for question in runs[name].scores.questions if question.value == 1}
        for name in ("b-blurred", "b-oracle")
    ]
    assert set(found.gained) == right[1] - right[0]
    assert set(found.lost) == right[0] - right[1]
    assert sum(found.faults.values()) == 60
    assert found.faults["vision", "right"] > 0
    assert "right only in B" in compare_text(found, families=True)


def test_the_interval_is_that_of_resampled_pairs(runs: dict[str, RunReport]) -> None:
    found = compare(runs["b-blurred"].folder, runs["b-oracle"].folder)
    sides = [
        {question.id: 100 * question.value for question in runs[name].scores.questions}
        for name in ("b-blurred", "b-oracle")
    ]
    gains = np.array([sides[1][key] - sides[0][key] for key in sides[0]])
    rng = np.random.default_rng(3)
    slow = gains[rng.integers(0, len(gains), size=(20_000, len(gains)))].mean(axis=1)
    low, high = np.percentile(slow, (2.5, 97.5))
    assert (found.ex.low, found.ex.high) == pytest.approx((low, high), abs=2.5)


def test_runs_over_other_questions_are_not_compared(questioned: Path, runs: dict[str, RunReport]) -> None:
    other = run(questioned, name="b-other", subset="mini-20", workers=1)
    with pytest.raises(RecordError, match="different questions"):
        compare(runs["b-oracle"].folder, other.folder)
    strict = run(questioned, name="b-strict", subset="mini-60", profile="strict", workers=1)
    with pytest.raises(RecordError, match="profile"):
        compare(runs["b-oracle"].folder, strict.folder)


def test_an_empty_board_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="make one"):
        board(tmp_path)


def test_the_commands(questioned: Path, runs: dict[str, RunReport], tmp_path: Path) -> None:
    page = tmp_path / "board.html"
    ran = CliRunner().invoke(main, ["board", str(questioned), "--html", str(page), "--format", "json"])
    assert ran.exit_code == 0, ran.output
    shown = {row["id"] for each in json.loads(ran.stdout) for row in each["runs"]}
    assert {report.run.id for report in runs.values()} <= shown
    assert page.read_text().startswith("<!doctype html>")
    folders = [str(runs[name].folder) for name in ("b-blurred", "b-oracle")]
    ran = CliRunner().invoke(main, ["compare", *folders, "--format", "json"])
    assert json.loads(ran.stdout)["EX"]["gain"] > 0


@pytest.mark.parametrize("answer", [[], ["it's"], [1, 2.5, None, "x"], [True, False]])
def test_a_literal_query_gives_its_answer(questioned: Path, answer: list) -> None:
    database = questioned / "database" / "test" / "mimic_iv_cxr.db"
    assert query(database, literal_query(answer)).answer == answer
