"""The record of a question as it lies in a pre-release file."""

from __future__ import annotations

from typing import Any

from ehrxqa.dataset.records import GOLD_PROGRAM
from ehrxqa.layout import DATABASE_NAME
from ehrxqa.questions.official_sentences import filled, tag
from ehrxqa.questions.programs import gold_program, query
from ehrxqa.questions.question import Question
from ehrxqa.questions.slots import TIME_SLOTS, operation_tag
from ehrxqa.vqa.question import Target

__all__ = ["record_of"]


def record_of(question: Question, split: str, number: int, wording: str, para_type: str = "machine") -> dict[str, Any]:
    """The pre-release record.

    Args:
        question: The question.
        split: Its split.
        number: Its number within the split.
        wording: Its sentence, `question` of the record.
        para_type: Who worded it.
    """
    template, choice = question.template, question.choice
    return {
        "db_id": DATABASE_NAME,
        "split": split,
        "id": number,
        "question": wording,
        "template": filled(question),
        "query": query(question).lower(),
        "value": {slot: choice.values[slot] for slot in template.values},
        "q_tag": template.q_tag,
        "t_tag": [question.time_options[official] for official in TIME_SLOTS.values()],
        "o_tag": {
            slot: operation_tag(slot, option, _column(question, slot)) for slot, option in choice.operations.items()
        },
        "v_tag": _visual_tag(question),
        "tag": tag(question),
        "para_type": para_type,
        "is_impossible": False,
        GOLD_PROGRAM: gold_program(question).lower(),
    }


def _visual_tag(question: Question) -> dict[str, list[str]]:
    visual = question.choice.visual
    if visual is None:
        return {"object": [], "category": [], "attribute": []}
    found = {
        "object": [] if visual.target is Target.SIZE else list(visual.objects),
        "category": list(visual.categories),
        "attribute": list(visual.attributes),
    }
    return found | ({"comparison": [question.choice.comparison]} if question.choice.comparison else {})


def _column(question: Question, slot: str) -> str:
    """The column that an operation is about."""
    if not question.template.kinds:
        return ""
    event = question.template.events[0]
    return f"{event.table}.{event.value}" if slot == "sort" else event.column
