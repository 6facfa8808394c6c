"""Canonical English of image questions.

`TEMPLATES` holds the sentence of each kind with the slots of MIMIC-CXR-VQA. EHRXQA's func_vqa texts are the same
sentences in lower case, with the singular "abnormality" throughout.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ehrxqa.spec.values import GENDER_WORDS
from ehrxqa.vqa.question import VqaQuestion

__all__ = ["TEMPLATES", "fill", "render", "render_mimic_cxr_vqa"]

#: Number of a kind → its sentence in MIMIC-CXR-VQA.
TEMPLATES: Final[Mapping[int, str]] = MappingProxyType(
    {
        1: "Are there any ${category} in the ${object}?",
        2: "Is there ${attribute} in the ${object}?",
        3: "Is the ${object} abnormal?",
        4: "Are there any ${category_1} or ${category_2} in the ${object}?",
        5: "Are there both ${attribute_1} and ${attribute_2} in the ${object}?",
        6: "Is there either ${attribute_1} or ${attribute_2} in the ${object}?",
        7: "List all ${category} in the ${object}.",
        8: "List all abnormalities in the ${object}.",
        9: "List all ${category_1} and ${category_2} in the ${object}.",
        10: "Which ${category} is related to the ${object}, ${attribute_1} or ${attribute_2}?",
        11: "Are there any abnormalities in either the ${object_1} or the ${object_2}?",
        12: "Are there any abnormalities in both the ${object_1} and the ${object_2}?",
        13: "List all ${category} in either the ${object_1} or the ${object_2}.",
        14: "List all common ${category} in both the ${object_1} and the ${object_2}.",
        15: "List all ${category} only in the ${object_1} but not in the ${object_2}.",
        16: "List all abnormalities in either the ${object_1} or the ${object_2}.",
        17: "List all common abnormalities in both the ${object_1} and the ${object_2}.",
        18: "List all abnormalities only in the ${object_1} but not in the ${object_2}.",
        19: "Are there any ${category}?",
        20: "Are there any abnormalities?",
        21: "Are there any ${category_1} or ${category_2}?",
        22: "Is there ${attribute}?",
        23: "Are there both ${attribute_1} and ${attribute_2}?",
        24: "Is there either ${attribute_1} or ${attribute_2}?",
        25: "List all ${category}.",
        26: "List all ${category_1} and ${category_2}.",
        27: "List all abnormalities.",
        28: "Which ${category} is related, ${attribute_1} or ${attribute_2}?",
        29: "Are both the ${object_1} and the ${object_2} related to ${attribute}?",
        30: "Is either the ${object_1} or the ${object_2} related to ${attribute}?",
        31: "List all anatomical locations related to ${attribute}.",
        32: "Which anatomical location is related to ${attribute}, the ${object_1} or the ${object_2}?",
        33: "Which anatomical location is abnormal, the ${object_1} or the ${object_2}?",
        34: "List all anatomical locations related to either ${attribute_1} or ${attribute_2}.",
        35: "List all common anatomical locations related to both ${attribute_1} and ${attribute_2}.",
        36: "List all anatomical locations related to ${attribute_1} but not ${attribute_2}.",
        37: "Are there any ${category} related to the ${object_1} and the ${object_2}?",
        38: "Are there any ${category} related to the ${object_1} or the ${object_2}?",
        39: "List all anatomical locations related to any ${category}.",
        40: "List all anatomical locations related to any ${category_1} or ${category_2}.",
        41: "Is this an ${viewpos} view?",
        42: "Which view is in this image, AP or PA?",
        43: "What is the view of this image?",
        44: "Is this patient ${gender}?",
        45: "What is the gender of this patient, male or female?",
        46: "What is the gender of this patient?",
        47: "Is the width of the cardiac silhouette wider than 1/2 of the thorax width?",
        48: "Is the width of the upper mediastinum wider than 1/3 of the thorax width?",
    }
)

_SLOT = re.compile(r"\$\{(\w+)\}")


def _func_vqa_sentence(template: str) -> str:
    pieces = re.split(r"(\$\{\w+\})", template)
    lowered = "".join(piece if piece.startswith("${") else piece.lower() for piece in pieces)
    return lowered.replace("abnormalities", "abnormality")


_FUNC_VQA_SENTENCES: Final = {number: _func_vqa_sentence(text) for number, text in TEMPLATES.items()}


def fill(template: str, question: VqaQuestion, *, category_words: Mapping[str, str] | None = None) -> str:
    """`template` with its `${…}` slots replaced by the names of `question`.

    Slots are `object`, or `object_1` and `object_2`, and likewise `attribute` and `category`; `viewpos`
    (lower case) and `gender` (male, female). Categories in `category_words` are written as given there.
    """
    said = category_words or {}
    values: dict[str, str] = {}
    for slot, names in (
        ("object", question.objects),
        ("attribute", question.attributes),
        ("category", tuple(said.get(name, name) for name in question.categories)),
    ):
        if len(names) == 1:
            values[slot] = names[0]
        values.update((f"{slot}_{number}", name) for number, name in enumerate(names, start=1))
    if question.view is not None:
        values["viewpos"] = question.view
    if question.gender is not None:
        values["gender"] = GENDER_WORDS[question.gender]
    return _SLOT.sub(lambda slot: values[slot[1]], template)


def render(question: VqaQuestion) -> str:
    """The canonical English of a question: the wording of EHRXQA's func_vqa texts.

    >>> from ehrxqa.vqa.question import VqaQuestion
    >>> render(VqaQuestion.of_kind(8, objects=("left lung",)))
    'list all abnormality in the left lung.'
    """
    return fill(_FUNC_VQA_SENTENCES[question.kind.number], question)


def render_mimic_cxr_vqa(question: VqaQuestion) -> str:
    """The canonical English of a question in MIMIC-CXR-VQA: capital first letter, view in capitals.

    >>> from ehrxqa.vqa.question import VqaQuestion
    >>> render_mimic_cxr_vqa(VqaQuestion.of_kind(41, view="pa"))
    'Is this an PA view?'
    """
    template = TEMPLATES[question.kind.number]
    if question.view is not None:
        template = template.replace("${viewpos}", question.view.upper())
    return fill(template, question)
