"""`ehrxqa coverage`: every official template is named, and why not where none is produced."""

from __future__ import annotations

import json

import pytest
from made_questions import OFFICIAL
from official_templates import official_template

from ehrxqa.cli.main import _guarded
from ehrxqa.questions import batch
from ehrxqa.questions import coverage as covering
from ehrxqa.questions.coverage import coverage
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.families.no_source import NO_SOURCE

SOME = (6, 95, 141, 1100, 2308, 5000)


@pytest.fixture
def few(monkeypatch, quick):
    """A catalogue of a few templates."""
    some = {number: official_template(number) for number in SOME}
    monkeypatch.setattr(covering, "catalogue", lambda: some)


def test_all_426_are_named(fresh, monkeypatch):
    """Without a look at the databases: no template gives anything."""
    monkeypatch.setattr(
        covering, "run_batch", lambda task: batch.BatchResult(rejected=batch.Counter({"empty": 3, "zero": 1}))
    )
    monkeypatch.setattr(covering, "make_copies", lambda base, path, work: batch.Copies(base, path, path, path))
    found = coverage(fresh, workers=1)
    numbers = [each.number for each in found.templates]
    assert numbers == sorted({*(template.official for template in catalogue().values()), *NO_SOURCE})
    assert (found.total, found.with_source, found.produced) == (426, 419, 0)
    for each in found.templates:
        assert each.databases == ()
        if each.number in NO_SOURCE:
            assert each.reason == f"no source in MIMIC-IV: {NO_SOURCE[each.number][2]}"
        else:
            assert each.reason == "these databases: empty"


def test_reasons_of_what_has_no_source():
    assert {number: missing for number, (_, _, missing) in NO_SOURCE.items()} == {
        21: "ward", 29: "ward", 137: "ward", 46: "allergy", 47: "allergy", 98: "allergy", 85: "other hospital",
    }  # fmt: skip
    assert not NO_SOURCE.keys() & OFFICIAL.keys()


def test_templates_are_tried_on_both_databases(fresh, few):
    found = coverage(fresh, workers=1)
    assert found.with_source == found.produced == len(SOME)
    assert found.total == len(SOME) + len(NO_SOURCE)
    held = {each.number: each for each in found.templates}
    for number in SOME:
        assert held[number].databases == ("train", "test")
        assert held[number].reason == ""
        assert (held[number].scope, held[number].family) == (
            official_template(number).scope,
            official_template(number).family,
        )
    assert held[137].scope == "table-group"
    assert held[85].scope == "table-single"
    assert not (fresh / ".work" / "coverage").exists()


def test_a_failed_proof_is_a_reason(fresh, few, monkeypatch):
    monkeypatch.setattr(covering, "run_batch", lambda task: batch.BatchResult(faults=["x"]))
    reasons = {each.number: each.reason for each in coverage(fresh, workers=1).templates}
    assert reasons[95] == "these databases: a failed proof"


def test_the_command_says_all(fresh, few, capsys):
    assert _guarded(["coverage", str(fresh), "--workers", "1", "--format", "json"], False) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["number"] for each in found["templates"]] == sorted({*SOME, *NO_SOURCE})
    assert _guarded(["coverage", str(fresh), "--workers", "1"], False) == 0
    said = capsys.readouterr().out
    assert all(str(number) in said for number in NO_SOURCE)


def test_an_interrupted_run_leaves_nothing(fresh, few, monkeypatch):
    def stop(task):
        raise KeyboardInterrupt

    monkeypatch.setattr(covering, "run_batch", stop)
    with pytest.raises(KeyboardInterrupt):
        coverage(fresh, workers=1)
    assert not (fresh / ".work" / "coverage").exists()
