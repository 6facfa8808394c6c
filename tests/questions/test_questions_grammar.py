"""The grammar makes the official sentences, and reads its own back."""

import json
import random

import pytest
from made_questions import OFFICIAL

from ehrxqa.questions.drawing.time_filters import candidates
from ehrxqa.questions.facts import usable
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.families.no_source import NO_SOURCE
from ehrxqa.questions.template import official_text
from ehrxqa.questions.time_options import TIME_OPTIONS
from ehrxqa.questions.times import TimeChoice

apsw = pytest.importorskip("apsw")


@pytest.mark.shared
def test_the_official_sentences_come_from_the_grammar(shared):
    index = json.loads((shared / "data/ehrxqa/template_index.json").read_text())
    ours = {number: template.q_tag for number, template in OFFICIAL.items()}
    ours |= {number: official_text(text) for number, (_, text, _) in NO_SOURCE.items()}
    assert ours == {int(number): entry["q_tag"] for number, entry in index.items()}
    scopes = {number: template.scope for number, template in OFFICIAL.items()}
    assert scopes == {number: index[str(number)]["scope"].lower() for number in scopes}


def test_counts_and_distinct_sentences():
    assert len(OFFICIAL) == 419
    assert len({template.q_tag for template in catalogue().values()}) == 419
    assert all(template.said for template in catalogue().values())


def test_filters_mean_the_same_in_python_and_in_sqlite():
    db = apsw.Connection(":memory:")
    rng = random.Random(0)
    seen = set()
    for _ in range(300):
        year, month, day = (
            rng.choice((2100, 2103, 2104, 2105, 2105)),
            rng.choice((1, 2, 7, 11, 12)),
            rng.randrange(1, 29),
        )
        anchor = f"{year}-{month:02}-{rng.choice((day, 28, 30 if month == 12 else day))} 10:11:12"
        if rng.random() < 0.2:
            anchor = rng.choice(("2105-12-31 03:00:00", "2105-12-30 22:00:00"))
        if len(anchor) != 19:
            continue
        for choice in candidates(anchor, ("year", "month", "day"), rng):
            seen.add(choice.name)
            for time in (anchor, "2104-12-31 23:59:59", "2105-11-30 00:00:00", "2105-12-01 00:00:00"):
                condition = choice.sql("t.c").replace("current_time", "'2105-12-31 23:59:00'")
                (said,) = db.execute(f"select {condition} from (select ? as c) t", (time,)).fetchone()
                assert bool(said) is choice.lets_through(time), (choice, time)
    assert seen == {name for name, option in TIME_OPTIONS.items() if option.grain not in ("hosp", "icu")}


def test_verbs_follow_the_filter():
    assert TimeChoice("abs-year-in", 2104).past
    assert not TimeChoice("abs-year-in", 2105).past
    assert not TimeChoice("rel-hosp-cur").past
    assert TimeChoice("rel-hosp-last").past


@pytest.mark.parametrize(
    ("name", "good"), [("0.9% sodium chloride", True), ("o'brien", False), ("12", False), ("a  b", False)]
)
def test_names_that_can_be_asked_for(name, good):
    assert usable(name) is good
