"""Ways for images: one study, two compared, all of a patient or of anybody."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ehrxqa.questions.drawing.draw import Draw, any_of, way
from ehrxqa.questions.drawing.group import age_group
from ehrxqa.questions.drawing.time_filters import candidates
from ehrxqa.questions.facts import StudyEvent
from ehrxqa.questions.image_sql import COMPARISONS
from ehrxqa.questions.question import Choice
from ehrxqa.questions.times import NO_TIME, TimeChoice
from ehrxqa.vqa.question import Form, VqaQuestion

__all__ = ["any_study", "shown", "studies_under"]


def any_study(draw: Draw, *, anybody: bool = False) -> StudyEvent | None:
    """A study of a patient; patients are as likely as each other, however many studies they have."""
    subject = draw.subject("study", anybody=anybody)
    if subject is None:
        return None
    return any_of(draw.rng, [study for study in draw.facts.studies[subject] if study.labelled])


def studies_under(draw: Draw, subject: int, time: TimeChoice) -> list[StudyEvent] | None:
    """The studies of a patient that pass a filter; None if one of them has no labels."""
    found = [each for each in draw.facts.studies[subject] if draw.facts.passes(each, time)]
    return found if all(study.labelled for study in found) else None


def shown(draw: Draw, rows: Sequence[int], *, present: bool) -> VqaQuestion | None:
    """A verify question that is true of any of these studies (rows of the labels), or of none."""
    answer = draw.visuals.answer
    return draw.visuals.draw(
        draw.template.visual, rows, lambda question: any(answer(question, row) for row in rows) is present, draw.rng
    )


def _ask_one(draw: Draw, study: StudyEvent) -> VqaQuestion | None:
    """A question about one study with the answer that is wanted."""
    percent = draw.rng.randrange(100)
    size = 1 if percent < 80 else 2 * (percent % 2)  # of two offered, mostly one is there

    def fits(question: VqaQuestion) -> bool:
        answer = draw.visuals.answer(question, study.row)
        if question.form is Form.VERIFY:
            return answer is draw.truth
        if question.form is Form.CHOOSE:
            return isinstance(answer, tuple) and len(answer) == size and (size > 0 or draw.empty)
        return isinstance(answer, tuple) and (not answer) is draw.empty

    return draw.visuals.draw(draw.template.visual, (study.row,), fits, draw.rng)


def _place(draw: Draw, study: StudyEvent, times: Sequence[TimeChoice]) -> tuple[TimeChoice, str] | None:
    """A filter, and first or last, by which this study and no other is found."""
    found = []
    for time in times:
        passing = [each for each in draw.facts.studies[study.subject] if draw.facts.passes(each, time)]
        if [each.time for each in passing].count(study.time) != 1:
            continue
        if passing[0] is study:
            found.append((time, "exact-first"))
        if passing[-1] is study:
            found.append((time, "exact-last"))
    return any_of(draw.rng, found)


def _times_of(draw: Draw, study: StudyEvent) -> list[TimeChoice]:
    grain = draw.rng.choice(("year", "month", "hosp", ""))
    if grain == "hosp":
        return draw.facts.visit_options(study, "hosp") if study.hadm else []
    return candidates(study.time, (grain,), draw.rng) if grain else [NO_TIME]


@way("study by time")
def study_by_time(draw: Draw) -> Choice | None:
    """A study that is the first or last of a time."""
    study = any_study(draw)
    place = None if study is None else _place(draw, study, _times_of(draw, study))
    visual = None if study is None or place is None else _ask_one(draw, study)
    if study is None or place is None or visual is None:
        return None
    time, exact = place
    return draw.choice(values={"patient_id": study.subject}, times={"g1": time}, exact={"e1": exact}, visual=visual)


@way("study by id")
def study_by_id(draw: Draw) -> Choice | None:
    """A study by its number."""
    study = any_study(draw)
    visual = None if study is None else _ask_one(draw, study)
    if study is None or visual is None:
        return None
    return draw.choice(values={"study_id": study.study}, visual=visual)


def _pair(draw: Draw, *, previous: bool) -> tuple[StudyEvent, StudyEvent] | None:
    """A later and an earlier study of a patient."""
    subject = draw.subject("study")
    if subject is None:
        return None
    studies = draw.facts.studies[subject]
    pairs = [
        (later, earlier)
        for n, later in enumerate(studies)
        for earlier in (studies[n - 1 : n] if previous else studies[:n])
        if earlier.time < later.time and earlier.labelled and later.labelled
    ]
    if previous:  # which is the one before must not be a matter of chance
        pairs = [pair for pair in pairs if sum(each.time == pair[1].time for each in studies) == 1]
    return any_of(draw.rng, pairs)


def _compare(draw: Draw, later: StudyEvent, earlier: StudyEvent) -> tuple[VqaQuestion, str] | None:
    """A question about both studies and what has come of it, with the answer that is wanted."""
    answer = draw.visuals.answer
    verify = draw.template.answer == "truth"
    comparison = draw.rng.choice([name for name in COMPARISONS if verify or name != "still absent"])
    now, before = COMPARISONS[comparison]

    def fits(question: VqaQuestion) -> bool:
        x, y = answer(question, later.row), answer(question, earlier.row)
        if verify:
            return ((x is now) and (y is before)) is draw.truth
        if not isinstance(x, tuple) or not isinstance(y, tuple):
            return False
        kept = set(x) & set(y) if now and before else set(x) - set(y) if now else set(y) - set(x)
        return (not kept) is draw.empty

    visual = draw.visuals.draw(draw.template.visual, (later.row, earlier.row), fits, draw.rng)
    return None if visual is None else (visual, comparison)


def _two_studies(draw: Draw, *, by_time: bool, previous: bool) -> Choice | None:
    """A study, and an earlier one or the one before it."""
    pair = _pair(draw, previous=previous)
    compared = None if pair is None else _compare(draw, *pair)
    if pair is None or compared is None:
        return None
    later, earlier = pair
    visual, comparison = compared
    if not by_time:
        values = {"study_id1": later.study} | ({} if previous else {"study_id2": earlier.study})
        return draw.choice(values=values, visual=visual, comparison=comparison)
    one = _place(draw, later, _times_of(draw, later))
    if one is None:
        return None
    times, exact = {"g1": one[0]}, {"e1": one[1]}
    if not previous:
        options = [NO_TIME, *(draw.facts.visit_options(earlier, "hosp") if earlier.hadm else [])]
        other = _place(draw, earlier, options)
        if other is None:
            return None
        times["g2"], exact["e2"] = other
    return draw.choice(
        values={"patient_id": later.subject}, times=times, exact=exact, visual=visual, comparison=comparison
    )


for _by_time, _by in ((True, "time"), (False, "id")):
    way(f"two studies by {_by}")(partial(_two_studies, by_time=_by_time, previous=False))
    way(f"two studies by {_by} previous")(partial(_two_studies, by_time=_by_time, previous=True))


@way("studies")
def studies(draw: Draw) -> Choice | None:
    """All studies of a patient that pass a filter."""
    study = any_study(draw)
    if study is None:
        return None
    time = draw.filter(study)
    asked = studies_under(draw, study.subject, time)
    present = draw.truth if draw.template.answer == "truth" else not draw.empty
    visual = None if asked is None else shown(draw, [each.row for each in asked], present=present)
    if visual is None:
        return None
    return draw.choice(values={"patient_id": study.subject}, times={"g1": time}, visual=visual)


@way("study group")
def study_group(draw: Draw) -> Choice | None:
    """Studies of anybody, or of patients of an age and gender."""
    template, facts = draw.template, draw.facts
    study = any_study(draw, anybody=True)
    if study is None:
        return None
    time = draw.filter(study)
    if draw.empty:
        everybody = (each for held in facts.studies.values() for each in held)
        visual = shown(draw, [each.row for each in everybody if facts.passes(each, time)], present=False)
    else:
        visual = shown(draw, (study.row,), present=True)
    if visual is None:
        return None
    values: dict[str, Any] = {}
    operations = {}
    if "age_group" in template.operations:
        age = age_group(facts.ages.get(study.hadm))
        if age is None:
            return None
        operations["age_group"] = age
    if "gender" in template.values:
        values["gender"] = facts.genders[study.subject]
    return draw.choice(values=values, times={"g1": time}, visual=visual, operations=operations)
