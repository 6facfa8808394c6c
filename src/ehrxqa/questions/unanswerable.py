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

from ehrxqa.dataset.records import DATABASE_NAME, GOLD_PROGRAM
from ehrxqa.questions.cell import bench_of
from ehrxqa.questions.copies import Copies
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.families.no_source import NO_SOURCE
from ehrxqa.questions.question import Question
from ehrxqa.questions.template import official

__all__ = ["UnanswerableTask", "unanswerable_records"]

_P: Final = "patient {patient_id}"
#: Number of an official template without a source, or 0, and sentences that ask for what no table holds.
_NO_SOURCE: Final[tuple[tuple[int, tuple[str, ...]], ...]] = (
    (21, (f"how many days have passed since {_P} was first in ward {{ward_id}} on the current hospital visit?",)),
    (29, (f"what was the last ward of {_P}?", f"in which ward was {_P} first?")),
    (46, (f"what is the name of the allergy that {_P} has?", f"which allergies does {_P} have?")),
    (47, (f"which substance is {_P} allergic to?",)),
    (85, (f"did {_P} undergo the procedure {{procedure_name}} in any other hospital?",)),
    (98, (f"does {_P} have any allergy?", f"is any allergy of {_P} recorded?")),
    (137, ("how many patients stayed in ward {ward_id} this year?",)),
    (0, (f"what is the phone number of {_P}?", f"which person is to be called in an emergency of {_P}?")),
    (0, (f"what is the name of the physician who treats {_P}?", f"which doctor admitted {_P} the last time?")),
    (0, (f"what is the blood type of {_P}?", f"is the blood type of {_P} rh positive?")),
    (0, (f"does {_P} smoke?", f"how many cigarettes a day did {_P} smoke before the last hospital visit?")),
    (0, (f"did a parent of {_P} have diabetes?", f"which diseases run in the family of {_P}?")),
    (0, (f"what is the occupation of {_P}?", f"where does {_P} live?")),
    (0, (f"when is the next appointment of {_P}?", f"when will {_P} be discharged?")),
    (0, (f"who read the last chest x-ray of {_P}?", f"what did the radiologist advise after the last chest x-ray of {_P}?")),
    (0, (f"which radiation dose did {_P} get with the last chest x-ray?",)),
    (0, (f"what does the last chest ct of {_P} show?", f"did the last brain mri of {_P} show a tumor?")),
    (0, (f"in which room is {_P} now?", f"how many visitors did {_P} have on the last hospital visit?")),
    (0, (f"which meal did {_P} have yesterday?", f"what diet was ordered for {_P} on the last hospital visit?")),
    (0, (f"which vaccines did {_P} get?", f"when was {_P} last vaccinated against influenza?")),
    (0, ("how many nurses work in the hospital now?", "how many beds of the hospital are free now?")),
    (0, ("which physician prescribed the most drugs last year?", "how satisfied were the patients last year?")),
    (0, ("which drug of the hospital pharmacy will run out first?", "who makes the x-ray machines of the hospital?")),
)  # fmt: skip

#: Names that a hospital could have, by value slot; those that a database has are not used there.
_NAMES: Final = {
    "drug_name": (
        "abatacept", "apremilast", "baricitinib", "bosentan", "canakinumab", "cladribine", "dolutegravir", "eculizumab",
        "evolocumab", "fingolimod", "guselkumab", "ivacaftor", "lumacaftor", "mepolizumab", "natalizumab", "ocrelizumab",
        "palivizumab", "riociguat", "sacubitril", "tofacitinib", "upadacitinib", "vedolizumab", "zanamivir",
    ),
    "lab_name": (
        "adenosine deaminase", "aldolase", "biotinidase", "chromogranin a", "cystatin c", "galectin-3", "hyaluronic acid",
        "inhibin b", "neopterin", "pepsinogen i", "procollagen peptide", "tryptase", "zonulin",
    ),
    "test_name": ("bartonella pcr", "brucella culture", "leptospira culture", "q fever serology", "tularemia culture"),
    "culture_name": ("amniotic fluid", "breast milk", "cord blood", "hair", "vitreous fluid"),
    "intake_name": ("argatroban 2%", "coconut water", "ketone drink", "perfluorocarbon", "taurolidine lock"),
}  # fmt: skip
_EMPTY_TAGS: Final[dict[str, list[str]]] = {"object": [], "category": [], "attribute": []}
_NOBODYS: Final = {"patient_id": (10_000_000, 19_999_999), "study_id": (50_000_000, 59_999_999)}
_TRIES: Final = 400


@dataclass(frozen=True)
class UnanswerableTask:
    """What to make.

    Attributes:
        copies: The database.
        split: The split.
        number: Questions wanted.
        templates: Numbers of the templates whose values may be exchanged.
        seed: Seed of all chance, a text.
    """

    copies: Copies
    split: str
    number: int
    templates: tuple[int, ...]
    seed: str


def unanswerable_records(task: UnanswerableTask) -> list[dict[str, Any]]:
    """Records that nothing in the database answers, no two with the same sentence; without a running number."""
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
        "db_id": DATABASE_NAME, "split": split, "id": 0, "question": "", "template": "", "query": "null", "value": {},
        "q_tag": "", "t_tag": [""] * 5, "o_tag": {}, "v_tag": _EMPTY_TAGS, "tag": "", "para_type": "machine",
        **fields, "is_impossible": True, GOLD_PROGRAM: "null",
    }  # fmt: skip


def _no_source(task: UnanswerableTask, rng: random.Random) -> dict[str, Any] | None:
    """A question about what no table holds."""
    number, sentences = rng.choice(_NO_SOURCE)
    if number and number not in task.templates:
        return None
    sentence = rng.choice(sentences)
    slots = re.findall(r"\{(\w+)\}", sentence)
    facts = bench_of(task.copies).facts
    drawn: Mapping[str, Any] = {
        "patient_id": rng.choice(facts.subjects),
        "ward_id": rng.randrange(1, 60),
        "procedure_name": rng.choice(facts.names["px"] or ["hemodialysis"]),
    }
    values = {slot: drawn[slot] for slot in slots}
    text = sentence.format(**values)
    # of an official template its own sentence names what is asked; the filters of the slots are said in ours
    tag = official(NO_SOURCE[number][0]) if number else sentence
    return _record(task.split, question=text, template=text, value=values, q_tag=tag, tag=tag)


def _no_such_value(task: UnanswerableTask, rng: random.Random) -> dict[str, Any] | None:
    """A question of a usual template with a value that the database does not have."""
    usual = [number for number in task.templates if number in catalogue()]
    if not usual:
        return None
    template = catalogue()[rng.choice(usual)]
    bench = bench_of(task.copies)
    choice = bench.sampler.draw(template, rng, truth=rng.random() < 0.5, empty=False, subjects=None)
    if choice is None:
        return None
    exchanged = [slot for slot in template.values if slot in _NAMES or _number_slot(slot)]
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
    record = question.record(task.split, 0, question.wording(rng), "machine")
    return {**record, "query": "null", "is_impossible": True, GOLD_PROGRAM: "null"}


def _number_slot(slot: str) -> str:
    return slot.rstrip("12") if slot.rstrip("12") in _NOBODYS else ""
