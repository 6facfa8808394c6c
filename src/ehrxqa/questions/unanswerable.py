"""Questions that cannot be answered: plausible ones, about what no table holds or with a value that does not exist.

As in EHRSQL, such a record has `is_impossible` true, `null` for its programs, and the answer `"null"`: a model should
abstain. Half of them ask for something without a source, in sentences that are close to those with one; the others are
questions of the usual templates about a patient, a study, or a drug, test or intake that the database does not have.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ehrxqa.dataset.records import GOLD_PROGRAM
from ehrxqa.layout import DATABASE_NAME
from ehrxqa.questions.batch import bench_of
from ehrxqa.questions.clock import clock_at
from ehrxqa.questions.copies import Copies
from ehrxqa.questions.drawing.time_filters import candidates
from ehrxqa.questions.facts import Facts
from ehrxqa.questions.families.no_source import NO_SOURCE
from ehrxqa.questions.question import Question
from ehrxqa.questions.question_records import record_of
from ehrxqa.questions.saying import our_wording, tidy
from ehrxqa.questions.template import Template, official_text
from ehrxqa.questions.times import TimeChoice

__all__ = ["UNANSWERABLE", "UnanswerableTask", "unanswerable_records"]

_P: Final = "patient {patient_id}"
#: Number of an official template without a source, or 0, and sentences that ask for what no table holds; `{when}` is
#: the place of a time filter, as most questions have one. What a code, a drug or a lab test could tell is not asked.
UNANSWERABLE: Final[tuple[tuple[int, tuple[str, ...]], ...]] = (
    (
        21,
        (
            f"how many days is it since {_P} first stayed in ward {{ward_id}} during the current hospital stay?",
            f"how many hours ago did {_P} last stay in ward {{ward_id}} during the current hospital stay?",
        ),
    ),
    (29, (f"what was the last ward of {_P} {{when}}?", f"in which ward did {_P} first stay {{when}}?")),
    (
        46,
        (
            f"what was the name of the allergy that {_P} had {{when}}?",
            f"which allergies were recorded for {_P} {{when}}?",
        ),
    ),
    (47, (f"what substance was {_P} allergic to {{when}}?", f"name the substance that {_P} was allergic to {{when}}.")),
    (
        85,
        (
            f"did {_P} undergo the procedure {{procedure_name}} in another hospital {{when}}?",
            f"in another hospital, did {_P} undergo the procedure {{procedure_name}} {{when}}?",
        ),
    ),
    (98, (f"did {_P} have any allergy {{when}}?", f"is there any record that {_P} had an allergy {{when}}?")),
    (
        137,
        (
            "how many patients stayed in ward {ward_id} {when}?",
            "count the patients who stayed in ward {ward_id} {when}.",
        ),
    ),
    (0, (f"what is the phone number of {_P}?", f"who is the emergency contact of {_P}?")),
    (
        0,
        (f"who was the attending physician of {_P} {{when}}?", f"which doctor admitted {_P} to the hospital {{when}}?"),
    ),
    (0, (f"what is the blood type of {_P}?", f"tell me the occupation of {_P}.")),
    (0, (f"how many cigarettes a day did {_P} smoke {{when}}?", f"how many hours a night did {_P} sleep {{when}}?")),
    (0, (f"how many siblings does {_P} have?", f"at what age did the mother of {_P} die?")),
    (0, (f"in which city does {_P} live?", f"when is the next outpatient appointment of {_P}?")),
    (
        0,
        (
            f"which radiologist read the last chest x-ray of {_P} {{when}}?",
            f"what did the radiologist advise after the first chest x-ray of {_P} {{when}}?",
        ),
    ),
    (
        0,
        (
            f"how high was the radiation dose of the last chest x-ray of {_P} {{when}}?",
            f"which company made the machine that took the first chest x-ray of {_P} {{when}}?",
        ),
    ),
    (
        0,
        (
            f"what did the last chest ct of {_P} {{when}} show?",
            f"did the first brain mri of {_P} {{when}} show a tumor?",
        ),
    ),
    (0, (f"in which room did {_P} stay {{when}}?", f"how many visitors did {_P} have {{when}}?")),
    (
        0,
        (
            f"which meals was {_P} served {{when}}?",
            f"what was the complaint that brought {_P} to the hospital {{when}}?",
        ),
    ),
    (0, (f"which nurse took the last heart rate of {_P} {{when}}?", f"how did {_P} rate the hospital care {{when}}?")),
    (0, ("how many nurses worked in the hospital {when}?", "what was the number of free hospital beds {when}?")),
    (
        0,
        (
            "which physician prescribed the most drugs {when}?",
            "which three surgeons performed the most procedures {when}?",
        ),
    ),
    (0, ("how many operating rooms were in use {when}?", "how many complaints did patients file {when}?")),
)

#: Names that a hospital could have, by value slot; those that a database has are not used there.
_NAMES: Final = {
    "drug_name": (
        "abatacept",
        "apremilast",
        "baricitinib",
        "bosentan",
        "canakinumab",
        "cladribine",
        "dolutegravir",
        "eculizumab",
        "evolocumab",
        "fingolimod",
        "guselkumab",
        "ivacaftor",
        "lumacaftor",
        "mepolizumab",
        "natalizumab",
        "ocrelizumab",
        "palivizumab",
        "riociguat",
        "sacubitril",
        "tofacitinib",
        "upadacitinib",
        "vedolizumab",
        "zanamivir",
    ),
    "lab_name": (
        "adenosine deaminase",
        "aldolase",
        "biotinidase",
        "chromogranin a",
        "cystatin c",
        "galectin-3",
        "hyaluronic acid",
        "inhibin b",
        "neopterin",
        "pepsinogen i",
        "procollagen peptide",
        "tryptase",
        "zonulin",
    ),
    "test_name": ("bartonella pcr", "brucella culture", "leptospira culture", "q fever serology", "tularemia culture"),
    "culture_name": ("amniotic fluid", "breast milk", "cord blood", "hair", "vitreous fluid"),
    "intake_name": ("argatroban 2%", "coconut water", "ketone drink", "perfluorocarbon", "taurolidine lock"),
}
_EMPTY_TAGS: Final[dict[str, list[str]]] = {"object": [], "category": [], "attribute": []}
_NOBODYS: Final = {"patient_id": (10_000_000, 19_999_999), "study_id": (50_000_000, 59_999_999)}
_TRIES: Final = 400
#: Of a hundred questions with the place of a time filter, so many have none; of the others so many have it first.
_UNFILTERED_PERCENT: Final = 25
_FIRST_PERCENT: Final = 30


@dataclass(frozen=True)
class UnanswerableTask:
    """What to make.

    Attributes:
        copies: The database.
        split: The split.
        number: Questions wanted.
        templates: Templates whose values may be exchanged.
        without_source: Whether official templates without a source may be asked too.
        seed: Seed of all chance, a text.
    """

    copies: Copies
    split: str
    number: int
    templates: tuple[Template, ...]
    without_source: bool
    seed: str


def unanswerable_records(task: UnanswerableTask) -> list[dict[str, Any]]:
    """Records that nothing in the database answers, no two with the same sentence; without a running number."""
    with clock_at(task.copies.now):
        return _unanswerable_records(task)


def _unanswerable_records(task: UnanswerableTask) -> list[dict[str, Any]]:
    rng = random.Random(task.seed)
    ways: tuple[Callable[[UnanswerableTask, random.Random], dict[str, Any] | None], ...] = (_no_source, _no_such_value)
    records: dict[str, dict[str, Any]] = {}
    for attempt in range(_TRIES * max(1, task.number)):
        if len(records) == task.number:
            break
        record = ways[attempt % 2](task, rng)
        if record is not None:
            records.setdefault(record["question"], record)
    return list(records.values())


def _record(split: str, **fields: Any) -> dict[str, Any]:
    return {
        "db_id": DATABASE_NAME,
        "split": split,
        "id": 0,
        "question": "",
        "template": "",
        "query": "null",
        "value": {},
        "q_tag": "",
        "t_tag": [""] * 5,
        "o_tag": {},
        "v_tag": _EMPTY_TAGS,
        "tag": "",
        "para_type": "machine",
        **fields,
        "is_impossible": True,
        GOLD_PROGRAM: "null",
    }


def _no_source(task: UnanswerableTask, rng: random.Random) -> dict[str, Any] | None:
    """A question about what no table holds."""
    number, sentences = rng.choice(UNANSWERABLE)
    if number and not task.without_source:
        return None
    sentence = rng.choice(sentences)
    facts = bench_of(task.copies).facts
    drawn: Mapping[str, Any] = {
        "patient_id": rng.choice(facts.subjects),
        "ward_id": rng.randrange(1, 60),
        "procedure_name": rng.choice(facts.names["px"] or ["hemodialysis"]),
    }
    values = {slot: drawn[slot] for slot in re.findall(r"\{(\w+)\}", sentence) if slot in drawn}
    when = _when(facts, values.get("patient_id"), rng) if "{when}" in sentence else ""
    first = bool(when) and rng.randrange(100) < _FIRST_PERCENT
    text = tidy((f"{when}, " if first else "") + sentence.format(**values, when="" if first else when))
    # of an official template its own sentence names what is asked; the filters of the slots are said in ours
    tag = official_text(NO_SOURCE[number][1]) if number else tidy(sentence.replace("{when}", ""))
    return _record(task.split, question=text, template=text, value=values, q_tag=tag, tag=tag)


def _when(facts: Facts, subject: int | None, rng: random.Random) -> str:
    """A time filter in words, near what happened to a subject, or none; or near what happened to anybody."""
    if subject is not None and rng.randrange(100) < _UNFILTERED_PERCENT:
        return ""
    events = facts.of("adm", rng.choice(facts.subjects) if subject is None else subject)
    if not events:
        return ""
    visits = [
        TimeChoice(name)
        for name in ("rel-hosp-first", "rel-hosp-last")
        if subject is not None and subject in facts.visits[name]
    ]
    # what goes on would need another tense
    dates = [each for each in candidates(rng.choice(events).time, ("year", "month"), rng) if each.over]
    options = visits if visits and rng.randrange(2) else dates
    return rng.choice(rng.choice(options).said()) if options else ""


def _no_such_value(task: UnanswerableTask, rng: random.Random) -> dict[str, Any] | None:
    """A question of a usual template with a value that the database does not have."""
    if not task.templates:
        return None
    named = [each for each in task.templates if _names_of(each)]
    by_name = bool(named) and rng.randrange(2) == 0  # most templates have numbers only
    template = rng.choice(named if by_name else task.templates)
    bench = bench_of(task.copies)
    choice = bench.sampler.draw(template, rng, truth=rng.random() < 0.5, empty=False, subjects=None)
    if choice is None:
        return None
    exchanged = _names_of(template) if by_name else [slot for slot in template.values if _number_slot(slot)]
    if not exchanged:
        return None
    slot = rng.choice(exchanged)
    if _number_slot(slot):
        new: Any = rng.randint(*_NOBODYS[_number_slot(slot)])
        known: set[Any] = set(bench.facts.subjects) | {
            each.study for held in bench.facts.studies.values() for each in held
        }
    else:
        new = rng.choice(_NAMES[slot])
        known = set(bench.checker.names(slot))
    if new in known:
        return None
    question = Question(template, replace(choice, values={**choice.values, slot: new}))
    record = record_of(question, task.split, 0, our_wording(question, rng))
    return {**record, "query": "null", "is_impossible": True, GOLD_PROGRAM: "null"}


def _names_of(template: Template) -> list[str]:
    """Slots whose name may be one that is not there; of what never happened there are none, which is an answer."""
    return [] if template.answer in ("truth", "count") else [slot for slot in template.values if slot in _NAMES]


def _number_slot(slot: str) -> str:
    return slot.rstrip("12") if slot.rstrip("12") in _NOBODYS else ""
