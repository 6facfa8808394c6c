"""Ways for images and tables together.

Yes means that an event and a finding are both there. If every second question were a yes, and most noes had no event at
all, a system that never looks at an image would be right on four of five. So the four strata (event there or not ×
finding there or not) are drawn on purpose, see `needs`: a no is mostly an event with an X-ray that does not show the
finding, or a finding without the event.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from ehrxqa.questions.drawing.draw import FREQUENT, Draw, any_of, way
from ehrxqa.questions.drawing.following import follows, said_twice
from ehrxqa.questions.drawing.images import any_study, shown, studies_under
from ehrxqa.questions.facts import Event, StudyEvent, usable
from ehrxqa.questions.question import Choice
from ehrxqa.questions.times import NO_TIME, TimeChoice
from ehrxqa.vqa.question import VqaQuestion

#: Of a hundred conjunctions that hold without any filter, so many are taken: two things that both happened some time.
_WEAK_PERCENT: Final = 40
#: Of a hundred events that are not there where they would count, so many happened at another time, if any did.
_NEAR_PERCENT: Final = 75


@way("event and study")
def event_and_study(draw: Draw) -> Choice | None:
    """An event and a finding in the same period; which of them are there is given by the stratum."""
    facts, rng, template = draw.facts, draw.rng, draw.template
    study = any_study(draw)
    if study is None:
        return None
    kind, slot = template.kinds[0], template.slots[0]
    own = [event for event in facts.of(kind, study.subject) if not slot or usable(event.name)]
    with_event, with_finding = draw.stratum in ("both", "image"), draw.stratum in ("both", "table")
    event = _named_shortly(draw, own) if with_event else None
    if with_event and event is None:
        return None
    time = draw.filter(study, *((event,) if event is not None else ()))
    if with_event and time == NO_TIME and rng.randrange(100) >= _WEAK_PERCENT:
        return None
    name = event.name if event is not None else ""
    if not with_event:
        there = {each.name for each in own if facts.passes(each, time)}
        if not slot and there:
            return None
        if slot:  # mostly something that did happen at another time
            elsewhere = sorted({each.name for each in own} - there)
            near = elsewhere and rng.randrange(100) < _NEAR_PERCENT
            name = draw.rng.choice(elsewhere) if near else _other_name(draw, there)
        if slot and not name:
            return None
    asked = studies_under(draw, study.subject, time)
    others = [each.row for each in facts.studies[study.subject] if each.labelled and not facts.passes(each, time)]
    visual = (
        None
        if asked is None
        else shown(draw, [each.row for each in asked], present=with_finding, others=() if with_finding else others)
    )
    if visual is None:
        return None
    values = {"patient_id": study.subject} | ({slot: name} if slot else {})
    return draw.choice(values=values, times={"g1": time}, visual=visual)


def _other_name(draw: Draw, there: set[str]) -> str:
    """A frequent name that is not among those."""
    names = draw.facts.names[draw.template.kinds[0]][:FREQUENT]
    return _shorter(draw, [name for name in names if name not in there]) or ""


def _named_shortly(draw: Draw, events: list[Event]) -> Event | None:
    """An event; things with long names are asked about less often."""
    name = _shorter(draw, sorted({event.name for event in events}))
    return None if name is None else draw.rng.choice([event for event in events if event.name == name])


def _shorter(draw: Draw, names: list[str]) -> str | None:
    """Of two names by chance the one with fewer words."""
    return min(draw.rng.choice(names), draw.rng.choice(names), key=lambda name: name.count(" ")) if names else None


def _one_after_other(draw: Draw, *, study_later: bool) -> Choice | None:
    """An event and a study with a finding, one after the other."""
    kind = draw.template.kinds[0]
    subject = draw.subject(kind, "study")
    if subject is None:
        return None
    studies = draw.facts.studies[subject]
    if not all(study.labelled for study in studies):
        return None
    within = draw.rng.choice((*draw.template.withins, ""))

    def fits(study: StudyEvent, one: Event) -> bool:
        return follows(one, study, within) if study_later else follows(study, one, within)

    own = [event for event in draw.facts.of(kind, subject) if usable(event.name)]
    if draw.stratum in ("both", "image"):
        event = _named_shortly(draw, own)
        anchor = None if event is None else any_of(draw.rng, [study for study in studies if fits(study, event)])
        if event is None or anchor is None:
            return None
        name, time = event.name, draw.filter(event, anchor)
    else:
        study = draw.rng.choice(studies)
        time = draw.filter(study)
        passing = [each for each in studies if draw.facts.passes(each, time)]
        near = {each.name for each in own if draw.facts.passes(each, time) and any(fits(one, each) for one in passing)}
        # most of them did happen, but not near any study, or on the wrong side of it
        elsewhere = sorted({each.name for each in own} - near)
        elsewhere = sorted({each.name for each in own if draw.facts.passes(each, time)} - near) or elsewhere
        name = (
            draw.rng.choice(elsewhere)
            if elsewhere and draw.rng.randrange(100) < _NEAR_PERCENT
            else _other_name(draw, near)
        )
    if not name or said_twice(within, time):
        return None
    return _with_visual(draw, subject, name, time, within, fits)


def _with_visual(draw: Draw, subject: int, name: str, time: TimeChoice, within: str, fits: object) -> Choice | None:
    """The question with a finding that is there, or is not, where it would count."""
    assert callable(fits)
    facts, slot = draw.facts, draw.template.slots[0]
    passing = [each for each in facts.studies[subject] if facts.passes(each, time)]
    named = [
        each for each in facts.of(draw.template.kinds[0], subject) if each.name == name and facts.passes(each, time)
    ]
    near = [each.row for each in passing if any(fits(each, one) for one in named)]
    answer = draw.visuals.answer
    if draw.stratum == "both":
        visual = shown(draw, near, present=True)
    elif draw.stratum == "image":
        others = [each.row for each in facts.studies[subject]]
        far = [each.row for each in passing if each.row not in near]

        def absent(question: VqaQuestion) -> bool:
            return not any(answer(question, row) for row in near)

        def worth(question: VqaQuestion) -> int:
            right, misread = draw.visuals.said(question, near)
            told = sum(each != right for each in misread)
            return told + sum(any(answer(question, row) for row in rows) for rows in (far, others))

        visual = draw.visuals.draw(draw.template.visual, near or others, absent, draw.rng, worth, others)
    else:
        visual = shown(draw, [each.row for each in passing], present=draw.stratum == "table")
    if visual is None:
        return None
    values = {"patient_id": subject, slot: name}
    return draw.choice(values=values, times={"g1": time}, within=within, visual=visual)


way("study after event")(partial(_one_after_other, study_later=True))
way("event after study")(partial(_one_after_other, study_later=False))
