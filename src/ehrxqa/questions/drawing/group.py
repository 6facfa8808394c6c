"""Ways for tables without a patient, or with groups of them."""

from __future__ import annotations

from typing import Final

from ehrxqa.questions.drawing.draw import FREQUENT, Draw, any_of, way
from ehrxqa.questions.drawing.following import follows
from ehrxqa.questions.drawing.patient import pairs_of_one_name
from ehrxqa.questions.facts import Event, usable
from ehrxqa.questions.question import Choice
from ehrxqa.questions.times import NO_TIME, TimeChoice

__all__ = ["age_group"]

#: Of a hundred names that a group is asked about, at most so many are those of one patient.
_ALONE_PERCENT: Final = 25
#: Of a hundred survival rates, at least so many are asked of diagnoses of somebody who died: most others are 1.
_DEADLY_PERCENT: Final = 70


@way("nothing")
def nothing(draw: Draw) -> Choice | None:
    """Nothing but operations."""
    fixed = draw.template.fixed.get("g1")
    return draw.choice(times={"g1": TimeChoice(fixed) if fixed else NO_TIME})


@way("names")
def names(draw: Draw) -> Choice | None:
    """A name of the kind the template is about."""
    name = any_of(draw.rng, draw.facts.names[draw.template.kinds[0]])
    return None if name is None else draw.choice(values={draw.template.slots[0]: name})


@way("abbreviation")
def abbreviation(draw: Draw) -> Choice | None:
    """An abbreviation with one meaning."""
    name = any_of(draw.rng, draw.facts.abbreviations)
    return None if name is None else draw.choice(values={"abbreviation": name})


def _anybody(draw: Draw) -> Event | None:
    """Anybody's event; half of the names are among the most widespread, and few are of one patient only."""
    facts, rng, kind = draw.facts, draw.rng, draw.template.kinds[0]
    if not draw.template.slots[0]:
        subject = draw.subject(kind, anybody=True)
        return None if subject is None else rng.choice(facts.of(kind, subject))
    known = facts.names[kind][:FREQUENT] if rng.random() < 0.5 else facts.names[kind]
    if facts.shared_names[kind] and (draw.template.denominator or rng.randrange(100) >= _ALONE_PERCENT):
        known = facts.shared_names[kind][: len(known)]
    if draw.template.family == "survival" and rng.randrange(100) < _DEADLY_PERCENT:
        known = [name for name in facts.deadly_names if name in set(known)] or known
    name = any_of(rng, known)
    return None if name is None else rng.choice(facts.by_name[kind][name])


@way("group")
def group(draw: Draw) -> Choice | None:
    """Something that happened to somebody."""
    event = _anybody(draw)
    if event is None:
        return None
    slot = draw.template.slots[0]
    within = draw.rng.choice(draw.template.withins) if draw.template.withins else ""
    return draw.choice(values={slot: event.name} if slot else {}, times={"g1": draw.filter(event)}, within=within)


@way("group pair")
def group_pair(draw: Draw) -> Choice | None:
    """Two things that happened to somebody, one after the other."""
    template, facts = draw.template, draw.facts
    a, b = template.kinds
    one = _anybody(draw)
    if one is None:
        return None
    within = draw.rng.choice(template.withins) if template.withins else ""
    later = [each for each in facts.of(b, one.subject) if follows(one, each, within) and usable(each.name)]
    if a == b:
        later = [each for each in later if each.name != one.name]
    other = any_of(draw.rng, later)
    if other is None:
        return None
    values = {slot: event.name for slot, event in zip(template.slots, (one, other), strict=True) if slot}
    operations = {}
    if "gender" in template.values:
        values["gender"] = facts.genders[one.subject]
    if "age_group" in template.operations:
        age = age_group(facts.ages.get(other.hadm))
        if age is None:
            return None
        operations["age_group"] = age
    return draw.choice(values=values, times={"g1": draw.filter(one, other)}, within=within, operations=operations)


@way("group repeated")
def group_repeated(draw: Draw) -> Choice | None:
    """Something that happened to somebody more than once."""
    subject = draw.subject(draw.template.kinds[0], anybody=True)
    pair = None if subject is None else any_of(draw.rng, pairs_of_one_name(draw.events(subject)))
    if pair is None:
        return None
    return draw.choice(values={draw.template.slots[0]: pair[0].name}, times={"g1": draw.filter(*pair)})


@way("group dead")
def group_dead(draw: Draw) -> Choice | None:
    """A diagnosis of somebody who died, mostly within the time asked about."""
    facts = draw.facts
    subject = any_of(draw.rng, sorted(facts.died))
    event = None if subject is None else any_of(draw.rng, [e for e in facts.of("dx", subject) if usable(e.name)])
    if event is None or subject is None:
        return None
    death = Event(facts.died[subject], "", event.hadm, 0, None, subject)
    within = draw.rng.choice(draw.template.withins)
    if not follows(event, death, within) and draw.rng.random() < 0.9:
        return None
    return draw.choice(values={"diagnosis_name": event.name}, times={"g1": draw.filter(event, death)}, within=within)


def age_group(age: int | None) -> str | None:
    """The option of the slot `age_group` that an age in years belongs to; None below 20.

    >>> [age_group(age) for age in (19, 20, 59, 60, 91)]
    [None, '20s', '50s', '60 or above', '60 or above']
    """
    if age is None or age < 20:
        return None
    return "60 or above" if age >= 60 else f"{age // 10 * 10}s"
