"""Ways for images and tables together."""

from __future__ import annotations

from functools import partial

from ehrxqa.questions.drawing.draw import FREQUENT, Draw, any_of, way
from ehrxqa.questions.drawing.following import follows, said_twice
from ehrxqa.questions.drawing.images import any_study, shown, studies_under
from ehrxqa.questions.facts import Event, Study, usable
from ehrxqa.questions.question import Choice
from ehrxqa.questions.times import NO_TIME

#: Of a hundred conjunctions that hold without any filter, so many are taken: two things that both happened some time.
_WEAK_PERCENT = 40


@way("event and study")
def event_and_study(draw: Draw) -> Choice | None:
    """An event and a finding in the same period; if the answer is no, one of them or both are missing."""
    facts, rng, template = draw.facts, draw.rng, draw.template
    study = any_study(draw)
    if study is None:
        return None
    kind, slot = template.kinds[0], template.slots[0]
    own = [event for event in facts.of(kind, study.subject) if not slot or usable(event.name)]
    with_event, with_finding = True, True
    if not draw.truth:
        with_event, with_finding = rng.choice(((True, False), (False, True), (False, False)))
    event = any_of(rng, own) if with_event else None
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
        name = any_of(rng, [each for each in facts.names[kind][:FREQUENT] if each not in there]) or ""
        if slot and not name:
            return None
    asked = studies_under(draw, study.subject, time)
    visual = None if asked is None else shown(draw, [each.row for each in asked], present=with_finding)
    if visual is None:
        return None
    values = {"patient_id": study.subject} | ({slot: name} if slot else {})
    return draw.choice(values=values, times={"g1": time}, visual=visual)


def _one_after_other(draw: Draw, *, study_later: bool) -> Choice | None:
    """An event and a study with a finding, one after the other."""
    facts, rng, template = draw.facts, draw.rng, draw.template
    kind, slot = template.kinds[0], template.slots[0]
    subject = draw.subject(kind, "study")
    event = None if subject is None else draw.pick([each for each in facts.of(kind, subject) if usable(each.name)])
    if event is None or subject is None:
        return None
    within = rng.choice((*template.withins, ""))
    studies = facts.studies[subject]
    if not all(study.labelled for study in studies):
        return None

    def fits(study: Study, one: Event) -> bool:
        return follows(one, study, within) if study_later else follows(study, one, within)

    anchor = any_of(rng, [study for study in studies if fits(study, event)])
    if draw.truth and anchor is None:
        return None
    time = draw.filter(event, *((anchor,) if anchor is not None else ()))
    if said_twice(within, time):
        return None
    same = [each for each in facts.of(kind, subject) if each.name == event.name and facts.passes(each, time)]
    rows = [each.row for each in studies if facts.passes(each, time) and any(fits(each, one) for one in same)]
    if draw.truth:
        visual = shown(draw, rows, present=True)
    else:
        answer = draw.visuals.answer
        visual = draw.visuals.draw(
            template.visual,
            [study.row for study in studies],
            lambda question: not any(answer(question, row) for row in rows),
            rng,
        )
    if visual is None:
        return None
    return draw.choice(
        values={"patient_id": subject, slot: event.name}, times={"g1": time}, within=within, visual=visual
    )


way("study after event")(partial(_one_after_other, study_later=True))
way("event after study")(partial(_one_after_other, study_later=False))
