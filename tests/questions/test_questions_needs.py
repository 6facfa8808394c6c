"""What questions about an event and a finding need, and what a system reaches that looks at one of the two only."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter

import pytest
from made_questions import OFFICIAL, linked
from plain_hospital import Hospital, Row
from second_reader import Query, Reader

import ehrxqa
from ehrxqa.layout import database_path
from ehrxqa.questions.checking import Checker
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.needs import SHARES, is_stratified, needs_of, wanted_stratum

FAMILIES = ["same period", "study after event", "event after study"]


@pytest.fixture(scope="module")
def asked(built, copies, tmp_path_factory):
    """Many questions about an event and a finding: folder, records, links."""
    out = linked(built, tmp_path_factory.mktemp("needs") / "out")
    ehrxqa.generate(out, test=240, seed=4, families=FAMILIES, workers=1)
    links = [json.loads(line) for line in (out / "dataset" / "links.jsonl").read_text().splitlines()]
    return out, json.loads((out / "dataset" / "test.json").read_text()), links


def test_shares_are_kept_as_evenly_as_can_be():
    for series in (0, 5000, 5213):
        for length in (5, 20, 100):
            counts = Counter(wanted_stratum(series, number) for number in range(length))
            assert all(abs(counts[stratum] - share * length) <= 2 for stratum, share in SHARES.items())
    together = Counter(wanted_stratum(5000 + series, number) for series in range(50) for number in range(5))
    assert all(abs(together[stratum] / 250 - share) < 0.015 for stratum, share in SHARES.items())


def test_what_is_needed():
    assert needs_of(open_to_tables=True, open_to_images=True) == "both"
    assert needs_of(open_to_tables=True, open_to_images=False) == "image"
    assert needs_of(open_to_tables=False, open_to_images=True) == "table"
    assert needs_of(open_to_tables=False, open_to_images=False) == "either"


def test_links_say_what_the_rows_say(asked):
    """By hand: is there an event, an X-ray where it counts, one that shows the finding?"""
    out, records, links = asked
    hospital = Hospital(sqlite3.connect(f"file:{database_path(out, 'test')}?mode=ro", uri=True))
    reader = Reader(hospital, lambda one, other, *, drug: one == other)
    for record, link in zip(records, links, strict=True):
        template = catalogue()[link["template"]]
        query = Query(reader, record, template)
        events, studies = query.rows(), [Row(time, query.subject) for time, _ in query.studies()]
        pairs = [(event, study) for event in events for study in studies]
        if template.family == "event after study":
            pairs = [(study, event) for event, study in pairs]
        near = bool(pairs) if template.family == "same period" else any(query.follows(*pair) for pair in pairs)
        expected = needs_of(open_to_tables=near, open_to_images=bool(query.shown()))
        assert link["needs"] == expected, record["question"]
        if record["answer"] == [1]:
            assert link["needs"] == "both"


def test_who_looks_at_one_of_the_two_only_gets_no_further_than_three_of_five(asked):
    floors = ehrxqa.stats(asked[0]).floors
    assert floors.questions == 240
    for side in (floors.tables_only, floors.images_only):
        assert side.open > 120
        assert side.accuracy_open <= 0.6
    assert floors.question_only <= 0.6
    assert floors.majority <= 0.6


def test_other_questions_need_what_they_are_about(run):
    for _, _, _, link in run.pairs:
        if not is_stratified(catalogue()[link["template"]]):
            assert link["needs"] == {"table": "table", "image": "image"}.get(link["modality"], "both")


@pytest.mark.parametrize("number", [17, 124, 132, 139, 140])
def test_what_has_too_little_support_is_not_asked(number, copies, bench):
    """A rate needs patients, a percentile values, a count more than one."""
    template = OFFICIAL[number]
    assert template.support >= 3 or template.least >= 2
    assert isinstance(bench.checker, Checker)
    assert not template.inner or template.denominator
