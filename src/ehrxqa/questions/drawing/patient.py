"""Ways for tables and one patient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ehrxqa.layout import START_YEAR
from ehrxqa.questions.clock import current_time
from ehrxqa.questions.drawing.draw import FREQUENT, Draw, Happening, any_of, number_as_said, way
from ehrxqa.questions.drawing.following import follows, said_twice
from ehrxqa.questions.drawing.time_filters import candidates
from ehrxqa.questions.events import VITALS
from ehrxqa.questions.facts import Event, usable
from ehrxqa.questions.question import Choice
from ehrxqa.questions.time_options import TIME_OPTIONS
from ehrxqa.questions.times import NO_TIME, TimeChoice
from ehrxqa.sql.official_text import VITAL_RANGES

#: Pairs of places in time that a change is measured between.
_EXACT_PAIRS: Final = (
    ("exact-first", "exact-second"),
    ("exact-first", "exact-last"),
    ("exact-second_to_last", "exact-last"),
    ("exact-default", "exact-default"),
)
#: Tries to find a time in which a vital sign was measured, but not normal.
_TRIES: Final = 12
#: Share of the events that a patient did not have which happened at another time, if any did.
_NEAR: Final = 0.75
#: Of a hundred lists by period that would have one value only, so many are taken.
_ONE_PERIOD_PERCENT: Final = 2
_PLACES: Final = {"exact-first": 0, "exact-second": 1, "exact-last": -1, "exact-second_to_last": -2}


@way("event", "finished", "finished icu")
def event(draw: Draw) -> Choice | None:
    """An event of a patient, and a filter that it passes."""
    subject = draw.subject(draw.template.kinds[0])
    if subject is None:
        return None
    one = draw.pick(draw.events(subject))
    return None if one is None else draw.one(one, draw.filter(one))


@way("patient")
def patient(draw: Draw) -> Choice | None:
    """A patient, whatever happened to them."""
    subject = draw.subject()
    return None if subject is None else draw.choice(values={"patient_id": subject})


@way("both")
def both(draw: Draw) -> Choice | None:
    """An intake and an output under one filter."""
    subject = draw.subject("in", "out")
    if subject is None:
        return None
    one, other = (draw.rng.choice(draw.facts.of(kind, subject)) for kind in ("in", "out"))
    return draw.one(one, draw.filter(one, other))


@way("measured")
def measured(draw: Draw) -> Choice | None:
    """A lab test and one of its values."""
    choice = event(draw)
    if choice is None or not choice.time("g1").name:
        return None
    name = choice.values["lab_name"]
    values = [each.value for each in draw.facts.of("lab", choice.values["patient_id"]) if each.name == name]
    return Choice({**choice.values, "lab_value": number_as_said(draw.rng.choice(values))}, choice.times, choice.exact)


@way("series")
def series(draw: Draw) -> Choice | None:
    """Measurements of several days, months or years."""
    choice = event(draw)
    if choice is None:
        return None
    facts, time, name = draw.facts, choice.time("g1"), choice.values.get(draw.template.slots[0])
    width = {"daily": 10, "monthly": 7, "yearly": 4}[choice.operations["unit_average"]]
    periods = {
        each.time[:width]
        for each in draw.events(choice.values["patient_id"])
        if (name is None or each.name == name) and facts.passes(each, time)
    }
    return choice if len(periods) > 1 or draw.rng.randrange(100) < _ONE_PERIOD_PERCENT else None


@way("organism")
def organism(draw: Draw) -> Choice | None:
    """A microbiology test in which an organism grew."""
    subject = draw.subject(draw.template.kinds[0])
    if subject is None:
        return None
    one = draw.pick([each for each in draw.events(subject) if each.value])
    return None if one is None else draw.one(one, draw.filter(one))


@way("repeated")
def repeated(draw: Draw) -> Choice | None:
    """Something that happened to a patient more than once."""
    subject = draw.subject(draw.template.kinds[0])
    pair = None if subject is None else any_of(draw.rng, pairs_of_one_name(draw.events(subject)))
    return None if pair is None else draw.one(pair[0], draw.filter(*pair))


def pairs_of_one_name(events: Sequence[Event]) -> list[tuple[Event, Event]]:
    """All pairs of events with the same name."""
    return [(one, other) for n, one in enumerate(events) for other in events[n + 1 :] if one.name == other.name]


@way("today")
def today(draw: Draw) -> Choice | None:
    """A patient with a drug of today that was not prescribed yesterday."""
    now, before = TimeChoice("rel-day-this"), TimeChoice("rel-day-last")
    found = []
    for subject in draw.facts.events["rx"]:
        if draw.subjects is not None and subject not in draw.subjects:
            continue
        events = draw.facts.of("rx", subject)
        yesterday = {each.name for each in events if before.lets_through(each.time)}
        if any(now.lets_through(each.time) and each.name not in yesterday for each in events):
            found.append(subject)
    subject = any_of(draw.rng, found) or 0
    return draw.choice(values={"patient_id": subject}, times={"g1": before, "g2": now}) if subject else None


@way("change")
def change(draw: Draw) -> Choice | None:
    """Two measurements of one thing, in one visit; or at two given times, without a filter."""
    template, rng, facts = draw.template, draw.rng, draw.facts
    subject = draw.subject(template.kinds[0])
    one = None if subject is None else draw.pick(draw.events(subject))
    if subject is None or one is None:
        return None
    e1, e2 = rng.choice(_EXACT_PAIRS)
    given = e1 == "exact-default"
    time = NO_TIME if given else draw.filter(one)
    same = [each for each in draw.events(subject) if each.name == one.name and facts.passes(each, time)]
    times = sorted({each.time for each in same})
    if len(times) < 2:
        return None
    moments = sorted(rng.sample(times, 2)) if given else [times[_PLACES[exact]] for exact in (e1, e2)]
    first, second = (next(each for each in same if each.time == moment) for moment in moments)
    operations = {}
    if template.answer == "truth":
        if first.value is None or second.value is None or first.value == second.value:
            return None
        operations = {"comparison": "greater" if (second.value > first.value) is draw.truth else "less"}
    values: dict[str, Any] = {"patient_id": subject}
    if template.slots[0]:
        values[template.slots[0]] = one.name
    return draw.choice(
        values=values,
        times={"g1": time, "g2": time},
        exact={"e1": e1, "e2": e2},
        operations=operations,
        moments=dict(zip(("e1", "e2"), moments, strict=True)) if given else {},
    )


@way("threshold")
def threshold(draw: Draw) -> Choice | None:
    """A vital sign and a value that others of the same patient lie beyond, or none does."""
    subject = draw.subject("vit")
    one = None if subject is None else draw.pick(draw.events(subject))
    if subject is None or one is None or one.value is None:
        return None
    time = draw.filter(one)
    same = [
        each.value
        for each in draw.facts.of("vit", subject)
        if each.name == one.name and each.value is not None and draw.facts.passes(each, time)
    ]
    comparison = draw.rng.choice(("less", "greater"))
    limit = extreme = max(same) if comparison == "greater" else min(same)
    if draw.template.answer != "truth" or draw.truth:
        limit = draw.rng.choice(same)
        if limit == extreme:
            return None
    return draw.one(one, time, values={"vital_value": number_as_said(limit)}, operations={"comparison": comparison})


@way("normal")
def normal(draw: Draw) -> Choice | None:
    """A vital sign that was normal at least once; or was measured, but never normal."""
    for _ in range(1 if draw.truth else _TRIES):
        choice = event(draw)
        if choice is None or draw.truth:
            return choice
        name, time = choice.values["vital_name"], choice.time("g1")
        low, high = VITAL_RANGES[VITALS[name].replace("_", " ")]
        values = [
            each.value
            for each in draw.facts.of("vit", choice.values["patient_id"])
            if each.name == name and draw.facts.passes(each, time)
        ]
        if not any(value is not None and low <= value <= high for value in values):
            return choice
    return None


@way("has")
def has(draw: Draw) -> Choice | None:
    """What a patient had; or had not, while others often do."""
    if draw.truth:
        return event(draw)
    template, rng, facts = draw.template, draw.rng, draw.facts
    kind, slot = template.kinds[0], template.slots[0]
    subject = draw.subject()
    if subject is None:
        return None
    own = facts.of(kind, subject)
    if not slot:
        time = _gap(draw, subject, own)
        return None if time is None else draw.choice(values={"patient_id": subject}, times={"g1": time})
    anchor = any_of(rng, own) or any_of(rng, facts.of("adm", subject))
    if anchor is None:
        return None
    time = draw.filter(anchor)
    there = {each.name for each in own if facts.passes(each, time)}
    elsewhere = sorted({each.name for each in own} - there)
    pool = elsewhere if elsewhere and rng.random() < _NEAR else facts.names[kind][:FREQUENT]
    name = any_of(rng, [each for each in pool if each not in there and usable(each)])
    if name is None:
        return None
    return draw.choice(values={"patient_id": subject, slot: name}, times={"g1": time})


def _gap(draw: Draw, subject: int, events: Sequence[Happening]) -> TimeChoice | None:
    """A filter that lets no event of a subject through, drawn near what else happened to the subject."""
    rng, facts, grains = draw.rng, draw.facts, draw.template.grains
    others: list[Happening] = [*facts.of("adm", subject), *facts.studies.get(subject, [])]
    anchor = any_of(rng, others)
    if anchor is None:
        return None
    years = range(START_YEAR, int(current_time()[:4]) + 1)
    moment = anchor.time if rng.random() < 0.5 else f"{rng.choice(years)}{anchor.time[4:]}"
    if moment.endswith("02-29", 4, 10) or moment > current_time():
        return None
    options = candidates(moment, (rng.choice([grain for grain in grains if grain not in ("hosp", "icu")]),), rng)
    visits = [visit for visit in ("hosp", "icu") if visit in grains]
    if visits and rng.random() < 0.3:
        options = [
            TimeChoice(name)
            for name, option in TIME_OPTIONS.items()
            if option.grain == visits[0] and subject in facts.visits[name]
        ]
    return any_of(rng, [time for time in options if not any(facts.passes(each, time) for each in events)])


@way("three")
def three(draw: Draw) -> Choice | None:
    """Three drugs, one of which the patient had, or none."""
    subject = draw.subject("rx")
    if subject is None:
        return None
    own = [each for each in draw.facts.of("rx", subject) if usable(each.name)]
    one = draw.pick(own)
    if one is None:
        return None
    time = draw.filter(one)
    there = {each.name for each in own if draw.facts.passes(each, time)}
    others = [name for name in draw.facts.names["rx"][:FREQUENT] if name not in there]
    if len(others) < 3:
        return None
    names = draw.rng.sample(others, 3)
    if draw.truth:
        names[draw.rng.randrange(3)] = one.name
    values = {"patient_id": subject, **{f"drug_name{n}": name for n, name in enumerate(names, 1)}}
    return draw.choice(values=values, times={"g1": time})


@way("pair")
def pair(draw: Draw) -> Choice | None:
    """An event of a patient and a later one."""
    a, b = draw.template.kinds
    subject = draw.subject(a, b)
    one = None if subject is None else draw.pick(draw.events(subject))
    if subject is None or one is None:
        return None
    within = draw.rng.choice(draw.template.withins)
    other = any_of(draw.rng, [each for each in draw.facts.of(b, subject) if follows(one, each, within)])
    if other is None:
        return None
    time = draw.filter(one, other)
    return None if said_twice(within, time) else draw.one(one, time, within=within)


@way("together")
def together(draw: Draw) -> Choice | None:
    """Two drugs prescribed to a patient at the same time."""
    subject = draw.subject("rx")
    own = [] if subject is None else [each for each in draw.facts.of("rx", subject) if usable(each.name)]
    one = any_of(draw.rng, own)
    if one is None:
        return None
    other = any_of(draw.rng, [each for each in own if each.time == one.time and each.name != one.name])
    if other is None:
        return None
    values = {"patient_id": subject, "drug_name1": one.name, "drug_name2": other.name}
    return draw.choice(values=values, times={"g1": draw.filter(one)}, within="within-same")
