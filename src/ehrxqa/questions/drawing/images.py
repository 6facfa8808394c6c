"""Ways for images: one study, two compared, all of a patient or of anybody."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from ehrxqa.questions.drawing.draw import Draw, any_of, way
from ehrxqa.questions.drawing.group import age_group
from ehrxqa.questions.drawing.time_filters import candidates
from ehrxqa.questions.facts import StudyEvent
from ehrxqa.questions.image_sql import COMPARISONS
from ehrxqa.questions.question import Choice
from ehrxqa.questions.times import NO_TIME, TimeChoice
from ehrxqa.vqa.question import KINDS, Form, Target, VqaQuestion

__all__ = ["any_study", "shown", "studies_under"]

#: Places in time of a study, of which the one is taken where misreading it leads to most others.
_PLACES: Final = 3
#: Of a hundred studies that are asked for any abnormality, so many are those with a technical assessment, in some tries.
_TECHNICAL_PERCENT: Final = 35
_TRIES: Final = 8


def any_study(draw: Draw, *, anybody: bool = False) -> StudyEvent | None:
    """A study of a patient; patients are as likely as each other, however many studies they have.

    Whether any abnormality is asked for, and nothing else, only a study tells that has a technical assessment: that is
    none.
    """
    visuals, technical = draw.visuals, _asks_for_any(draw)
    found: StudyEvent | None = None
    for _ in range(_TRIES if technical and draw.rng.randrange(100) < _TECHNICAL_PERCENT else 1):
        subject = draw.subject("study", anybody=anybody)
        if subject is None:
            return None
        found = any_of(draw.rng, [study for study in draw.facts.studies[subject] if study.labelled])
        if found is not None and visuals.has_technical(found.row):
            break
    return found


def _asks_for_any(draw: Draw) -> bool:
    """Whether the question is about any abnormality."""
    kind = KINDS.get(draw.template.visual)
    return kind is not None and not (kind.attributes or kind.categories) and kind.target is not Target.SIZE


def studies_under(draw: Draw, subject: int, time: TimeChoice) -> list[StudyEvent] | None:
    """The studies of a patient that pass a filter; None if one of them has no labels."""
    found = [each for each in draw.facts.studies[subject] if draw.facts.passes(each, time)]
    return found if all(study.labelled for study in found) else None


def shown(draw: Draw, rows: Sequence[int], *, present: bool, others: Sequence[int] = ()) -> VqaQuestion | None:
    """A verify question that is true of any of these studies (rows of the labels), or of none.

    Args:
        draw: The try.
        rows: The studies.
        present: Whether it shall be true.
        others: Studies beside them that a filter leaves out.
    """
    answer = draw.visuals.answer

    def fits(question: VqaQuestion) -> bool:
        return any(answer(question, row) for row in rows) is present

    def worth(question: VqaQuestion) -> int:
        right, misread = draw.visuals.said(question, rows)
        return sum(each != right for each in misread) + any(answer(question, row) is not present for row in others)

    if present:
        return draw.visuals.draw(draw.template.visual, rows, fits, draw.rng, worth if others else None)
    return draw.visuals.draw(draw.template.visual, rows, fits, draw.rng, worth, others)


def _ask_one(draw: Draw, study: StudyEvent, others: Sequence[StudyEvent] = ()) -> VqaQuestion | None:
    """A question about one study with the answer that is wanted; best another one than about the others."""
    percent = draw.rng.randrange(100)
    size = 1 if percent < 80 else 2 * (percent % 2)  # of two offered, mostly one is there

    def fits(question: VqaQuestion) -> bool:
        answer = draw.visuals.answer(question, study.row)
        if question.form is Form.VERIFY:
            return answer is draw.truth
        if question.form is Form.CHOOSE:
            return isinstance(answer, tuple) and len(answer) == size and (size > 0 or draw.empty)
        return isinstance(answer, tuple) and (not answer) is draw.empty

    def worth(question: VqaQuestion) -> int:
        answer = draw.visuals.answer(question, study.row)
        right, misread = draw.visuals.said(question, (study.row,))
        return sum(each != right for each in misread) + sum(
            draw.visuals.answer(question, other.row) != answer for other in others
        )

    absent = draw.template.answer == "truth" and not draw.truth
    beside = [other.row for other in others] if absent else None
    return draw.visuals.draw(draw.template.visual, (study.row,), fits, draw.rng, worth, beside)


def _mistaken(draw: Draw, study: StudyEvent, time: TimeChoice, exact: str) -> list[StudyEvent]:
    """Whom one takes for the first or last study of a time who turns its order round, takes the next, or any time."""
    studies = draw.facts.studies[study.subject]
    passing = [each for each in studies if draw.facts.passes(each, time)]
    if exact == "exact-first":
        found = [passing[-1], passing[min(1, len(passing) - 1)], studies[0]]
    else:
        found = [passing[0], passing[max(-2, -len(passing))], studies[-1]]
    return [each for each in found if each is not study and each.labelled]


def _place(draw: Draw, study: StudyEvent, times: Sequence[TimeChoice]) -> tuple[TimeChoice, str] | None:
    """A filter, and first or last, by which this study and no other is found."""
    found = []

    def mistakes(place: tuple[TimeChoice, str]) -> int:
        return len(_mistaken(draw, study, *place))

    for time in times:
        passing = [each for each in draw.facts.studies[study.subject] if draw.facts.passes(each, time)]
        if [each.time for each in passing].count(study.time) != 1:
            continue
        if passing[0] is study:
            found.append((time, "exact-first"))
        if passing[-1] is study:
            found.append((time, "exact-last"))
    return None if not found else max((draw.rng.choice(found) for _ in range(_PLACES)), key=mistakes)


def _times_of(draw: Draw, study: StudyEvent) -> list[TimeChoice]:
    grain = draw.rng.choice(("year", "month", "hosp", ""))
    if grain == "hosp":
        return draw.facts.visit_options(study, "hosp") if study.hadm else []
    return candidates(study.time, (grain,), draw.rng) if grain else [NO_TIME]


def _of_several(draw: Draw) -> StudyEvent | None:
    """A study, mostly of a patient with several: of one, the first is the last."""
    study = any_study(draw)
    if study is not None and len(draw.facts.studies[study.subject]) == 1:
        study = any_study(draw)
    return study


@way("study by time")
def study_by_time(draw: Draw) -> Choice | None:
    """A study that is the first or last of a time."""
    study = _of_several(draw)
    place = None if study is None else _place(draw, study, _times_of(draw, study))
    if study is None or place is None:
        return None
    time, exact = place
    visual = _ask_one(draw, study, _mistaken(draw, study, time, exact))
    if visual is None:
        return None
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


def _compare(
    draw: Draw,
    later: StudyEvent,
    earlier: StudyEvent,
    others: tuple[Sequence[StudyEvent], Sequence[StudyEvent]] = ((), ()),
) -> tuple[VqaQuestion, str] | None:
    """A question about both studies and what has come of it, with the answer that is wanted.

    Best another answer than with any of `others` in place of one of them.
    """
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

    def come_of(x: Any, y: Any) -> Any:
        if verify:
            return (x is now) and (y is before)
        return x & y if now and before else x - y if now else y - x

    def worth(question: VqaQuestion) -> int:
        said = draw.visuals.said
        (x, x_misread), (y, y_misread) = said(question, (later.row,)), said(question, (earlier.row,))
        x_misread = x_misread + [said(question, (other.row,))[0] for other in others[0]]
        y_misread = y_misread + [said(question, (other.row,))[0] for other in others[1]]
        right = come_of(x, y)
        others_come = [come_of(each, y) for each in x_misread] + [come_of(x, each) for each in y_misread]
        return sum(bool(each != right) for each in others_come)

    visual = draw.visuals.draw(draw.template.visual, (later.row, earlier.row), fits, draw.rng, worth)
    return None if visual is None else (visual, comparison)


def _two_studies(draw: Draw, *, by_time: bool, previous: bool) -> Choice | None:
    """A study, and an earlier one or the one before it."""
    pair = _pair(draw, previous=previous)
    if pair is None:
        return None
    later, earlier = pair
    if not by_time:
        compared = _compare(draw, later, earlier)
        if compared is None:
            return None
        visual, comparison = compared
        values = {"study_id1": later.study} | ({} if previous else {"study_id2": earlier.study})
        return draw.choice(values=values, visual=visual, comparison=comparison)
    one = _place(draw, later, _times_of(draw, later))
    if one is None:
        return None
    times, exact = {"g1": one[0]}, {"e1": one[1]}
    others: list[list[StudyEvent]] = [_mistaken(draw, later, *one), []]
    if not previous:
        options = [NO_TIME, *(draw.facts.visit_options(earlier, "hosp") if earlier.hadm else [])]
        other = _place(draw, earlier, options)
        if other is None:
            return None
        times["g2"], exact["e2"] = other
        others[1] = _mistaken(draw, earlier, *other)
    compared = _compare(draw, later, earlier, (others[0], others[1]))
    if compared is None:
        return None
    visual, comparison = compared
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
    visual = None if asked is None else _of_studies(draw, study.subject, asked, present=present)
    if visual is None:
        return None
    return draw.choice(values={"patient_id": study.subject}, times={"g1": time}, visual=visual)


def _of_studies(draw: Draw, subject: int, asked: Sequence[StudyEvent], *, present: bool) -> VqaQuestion | None:
    """A verify question of studies of a patient: which of them show something, how many, or whether one does."""
    there = {each.row for each in asked}
    others = [each.row for each in draw.facts.studies[subject] if each.labelled and each.row not in there]
    if draw.template.answer == "truth":
        return shown(draw, sorted(there), present=present, others=others)
    answer, said = draw.visuals.answer, draw.visuals.said

    def fits(question: VqaQuestion) -> bool:
        return any(answer(question, row) for row in there) is present

    def worth(question: VqaQuestion) -> int:
        of_each = [said(question, (row,)) for row in sorted(there)]
        changed = zip(*([each != right for each in misread] for right, misread in of_each), strict=True)
        told = sum(any(each) for each in changed) + any(answer(question, row) for row in others)
        return told + (len({right for right, _ in of_each}) > 1)

    return draw.visuals.draw(draw.template.visual, sorted(there), fits, draw.rng, worth)


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
