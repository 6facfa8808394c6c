"""How far one gets without looking: at images, at tables, or at either.

Of questions about an event and a finding of one patient, the links say what each needs. A system that knows the tables
but never looks at an image is sure of the noes without an event, and says yes to the rest; and the other way round.
What such systems reach is the floor of a benchmark: an accuracy close to it shows no skill. The floors that are run as
systems (`models.floors`) answer by the same rule.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from ehrxqa.dataset.splits import Dataset

__all__ = ["SIDES", "floors", "one_sided_answer"]

#: Floor → the modality that it knows.
SIDES: Final = {"tables-only": "Table", "images-only": "Image"}
#: What a question needs where that leaves its answer open.
_OPEN_TO: Final = {"tables-only": ("image", "both"), "images-only": ("table", "both")}


def one_sided_answer(floor: str, needs: str) -> bool:
    """What who knows one side only says to a question about an event and a finding: yes, unless that side says no.

    >>> [one_sided_answer("tables-only", needs) for needs in ("table", "image", "both", "either")]
    [False, True, True, False]
    """
    return needs in _OPEN_TO[floor]


def floors(dataset: Dataset) -> dict[str, Any] | None:
    """Accuracy without looking, of the yes/no questions about an event and a finding; None if there are none.

    Returns:
        `questions`; for `tables_only` and `images_only` the `accuracy` over all of them, how many are `open` to such a
        system, and the `accuracy_open` there, where it always says yes; `question_only`: the most frequent answer of
        other questions of the template; `majority`: of the most frequent answer.
    """
    asked: list[tuple[str, str, bool]] = []
    for split in dataset.splits:
        for record in dataset.splits[split]:
            link, answer = dataset.links.of(record), record.get("answer")
            if link is not None and link.scope == "multimodal-single" and link.needs and answer in ([0], [1]):
                asked.append((str(link.template), link.needs, answer == [1]))
    if not asked:
        return None
    total = len(asked)
    found: dict[str, Any] = {"questions": total}
    for floor in SIDES:
        right = sum(one_sided_answer(floor, needs) is yes for _, needs, yes in asked)
        open_ = [yes for _, needs, yes in asked if one_sided_answer(floor, needs)]
        found[floor.replace("-", "_")] = {
            "accuracy": round(right / total, 6),
            "open": len(open_),
            "accuracy_open": round(sum(open_) / len(open_), 6) if open_ else None,
        }
    answers = Counter((template, yes) for template, _, yes in asked)
    guessed = sum(answers[template, yes] - 1 > answers[template, not yes] for template, _, yes in asked)
    yes = sum(each[2] for each in asked)
    found["question_only"] = round(guessed / total, 6)
    found["majority"] = round(max(yes, total - yes) / total, 6)
    return found
