"""Other ways to ask each kind of image question, for generated questions.

Every wording is read back by `parse` as the question it was made from (the tests try each one). `${category}` is
replaced by plain words: plural ("anatomical findings"), or singular in questions that offer two attributes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ehrxqa.vqa.question import Form, VqaQuestion
from ehrxqa.vqa.render import fill, render_mimic_cxr_vqa

__all__ = ["WORDINGS", "wordings_of"]

#: Number of a kind → its paraphrases.
WORDINGS: Final[Mapping[int, tuple[str, ...]]] = MappingProxyType(
    {
        1: (
            "Does the chest X-ray show any ${category} in the ${object}?",
            "Are any ${category} visible in the ${object}?",
            "Can you see any ${category} in the ${object} on this image?",
        ),
        2: (
            "Does this image show ${attribute} in the ${object}?",
            "Is ${attribute} present in the ${object}?",
            "Is there any evidence of ${attribute} in the ${object}?",
            "Is the ${object} affected by ${attribute}?",
        ),
        3: (
            "Are there any abnormalities in the ${object}?",
            "Does the ${object} show any abnormality?",
            "Can you see any abnormality in the ${object}?",
        ),
        4: (
            "Does the chest X-ray show either ${category_1} or ${category_2} in the ${object}?",
            "Are either ${category_1} or ${category_2} visible in the ${object}?",
            "Can you see any ${category_1} or any ${category_2} in the ${object}?",
        ),
        5: (
            "Does this image show both ${attribute_1} and ${attribute_2} in the ${object}?",
            "Are ${attribute_1} and ${attribute_2} both present in the ${object}?",
            "Are both ${attribute_1} and ${attribute_2} seen in the ${object}?",
        ),
        6: (
            "Does this image show either ${attribute_1} or ${attribute_2} in the ${object}?",
            "Is ${attribute_1} or ${attribute_2} present in the ${object}?",
            "Is there any sign of ${attribute_1} or ${attribute_2} in the ${object}?",
        ),
        7: (
            "Which ${category} are seen in the ${object}?",
            "What ${category} are there in the ${object}?",
            "Name all ${category} that are visible in the ${object}.",
        ),
        8: (
            "Which abnormalities are seen in the ${object}?",
            "What abnormalities are there in the ${object}?",
            "Name every abnormality that is visible in the ${object}.",
        ),
        9: (
            "Which ${category_1} and ${category_2} are seen in the ${object}?",
            "What ${category_1} or ${category_2} are there in the ${object}?",
            "Name all ${category_1} and all ${category_2} in the ${object}.",
        ),
        10: (
            "Which ${category} is seen in the ${object}, ${attribute_1} or ${attribute_2}?",
            "What ${category} is present in the ${object}: ${attribute_1} or ${attribute_2}?",
            "Which ${category} is associated with the ${object}, either ${attribute_1} or ${attribute_2}?",
        ),
        11: (
            "Is either the ${object_1} or the ${object_2} abnormal?",
            "Can you see any abnormality in the ${object_1} or in the ${object_2}?",
            "Does the ${object_1} or the ${object_2} show any abnormality?",
        ),
        12: (
            "Are both the ${object_1} and the ${object_2} abnormal?",
            "Can you see abnormalities in both the ${object_1} and the ${object_2}?",
            "Do both the ${object_1} and the ${object_2} show abnormalities?",
        ),
        13: (
            "Which ${category} are seen in the ${object_1} or the ${object_2}?",
            "Name all ${category} that are present in either the ${object_1} or the ${object_2}.",
            "What ${category} are there in either the ${object_1} or the ${object_2}?",
        ),
        14: (
            "Which ${category} are seen in both the ${object_1} and the ${object_2}?",
            "Name all ${category} common to the ${object_1} and the ${object_2}.",
            "What ${category} are there in both the ${object_1} and the ${object_2}?",
        ),
        15: (
            "Which ${category} are seen in the ${object_1} but not in the ${object_2}?",
            "Name all ${category} that are present only in the ${object_1} but not in the ${object_2}.",
            "What ${category} are there in the ${object_1} and not in the ${object_2}?",
        ),
        16: (
            "Which abnormalities are seen in the ${object_1} or the ${object_2}?",
            "Name every abnormality that is present in either the ${object_1} or the ${object_2}.",
            "What abnormalities are there in either the ${object_1} or the ${object_2}?",
        ),
        17: (
            "Which abnormalities are seen in both the ${object_1} and the ${object_2}?",
            "Name all abnormalities common to the ${object_1} and the ${object_2}.",
            "What abnormalities are there in both the ${object_1} and the ${object_2}?",
        ),
        18: (
            "Which abnormalities are seen in the ${object_1} but not in the ${object_2}?",
            "Name every abnormality that is present only in the ${object_1} but not in the ${object_2}.",
            "What abnormalities are there in the ${object_1} and not in the ${object_2}?",
        ),
        19: (
            "Does the chest X-ray show any ${category}?",
            "Are any ${category} visible?",
            "Can you see any ${category} on this image?",
        ),
        20: (
            "Does the chest X-ray show any abnormality?",
            "Is this image abnormal?",
            "Can you see any abnormality on this image?",
        ),
        21: (
            "Does the chest X-ray show any ${category_1} or ${category_2}?",
            "Are any ${category_1} or ${category_2} visible?",
            "Can you see either ${category_1} or ${category_2} on this image?",
        ),
        22: (
            "Does this image show ${attribute}?",
            "Is ${attribute} present on this image?",
            "Is there any evidence of ${attribute}?",
        ),
        23: (
            "Does this image show both ${attribute_1} and ${attribute_2}?",
            "Are ${attribute_1} and ${attribute_2} both visible?",
            "Is there ${attribute_1} and ${attribute_2} on this image?",
        ),
        24: (
            "Does this image show either ${attribute_1} or ${attribute_2}?",
            "Is ${attribute_1} or ${attribute_2} present on this image?",
            "Is there any evidence of ${attribute_1} or ${attribute_2}?",
        ),
        25: (
            "Which ${category} are seen on this image?",
            "What ${category} are there?",
            "Name all ${category} that are visible.",
        ),
        26: (
            "Which ${category_1} and ${category_2} are seen on this image?",
            "What ${category_1} or ${category_2} are there?",
            "Name all ${category_1} and all ${category_2} that are visible.",
        ),
        27: (
            "Which abnormalities are seen on this image?",
            "What abnormalities are there?",
            "Name every abnormality that is visible.",
        ),
        28: (
            "Which ${category} is seen on this image, ${attribute_1} or ${attribute_2}?",
            "What ${category} is present: ${attribute_1} or ${attribute_2}?",
            "Which ${category} is visible, either ${attribute_1} or ${attribute_2}?",
        ),
        29: (
            "Is there ${attribute} in both the ${object_1} and the ${object_2}?",
            "Do both the ${object_1} and the ${object_2} show ${attribute}?",
            "Are the ${object_1} and the ${object_2} both affected by ${attribute}?",
        ),
        30: (
            "Is there ${attribute} in either the ${object_1} or the ${object_2}?",
            "Does the ${object_1} or the ${object_2} show ${attribute}?",
            "Is either the ${object_1} or the ${object_2} affected by ${attribute}?",
        ),
        31: (
            "Which anatomical locations show ${attribute}?",
            "Where is ${attribute} seen on this image?",
            "In which anatomical locations is there ${attribute}?",
        ),
        32: (
            "Which anatomical location shows ${attribute}, the ${object_1} or the ${object_2}?",
            "Which location is affected by ${attribute}: the ${object_1} or the ${object_2}?",
            "Which is related to ${attribute}, either the ${object_1} or the ${object_2}?",
        ),
        33: (
            "Which is abnormal, the ${object_1} or the ${object_2}?",
            "Which location is abnormal: the ${object_1} or the ${object_2}?",
            "Which anatomical location shows an abnormality, the ${object_1} or the ${object_2}?",
        ),
        34: (
            "Which anatomical locations show ${attribute_1} or ${attribute_2}?",
            "Where is either ${attribute_1} or ${attribute_2} seen on this image?",
            "Name all anatomical locations with ${attribute_1} or ${attribute_2}.",
        ),
        35: (
            "Which anatomical locations show both ${attribute_1} and ${attribute_2}?",
            "Where are both ${attribute_1} and ${attribute_2} seen on this image?",
            "Name all anatomical locations with both ${attribute_1} and ${attribute_2}.",
        ),
        36: (
            "Which anatomical locations show ${attribute_1} but not ${attribute_2}?",
            "Where is ${attribute_1} but not ${attribute_2} seen on this image?",
            "Name all anatomical locations with ${attribute_1} and not ${attribute_2}.",
        ),
        37: (
            "Are there any ${category} in both the ${object_1} and the ${object_2}?",
            "Do both the ${object_1} and the ${object_2} show any ${category}?",
            "Can you see ${category} in the ${object_1} and in the ${object_2}?",
        ),
        38: (
            "Are there any ${category} in either the ${object_1} or the ${object_2}?",
            "Does the ${object_1} or the ${object_2} show any ${category}?",
            "Can you see ${category} in the ${object_1} or in the ${object_2}?",
        ),
        39: (
            "Which anatomical locations show any ${category}?",
            "Where are ${category} seen on this image?",
            "Name all anatomical locations with any ${category}.",
        ),
        40: (
            "Which anatomical locations show any ${category_1} or ${category_2}?",
            "Where are ${category_1} or ${category_2} seen on this image?",
            "Name all anatomical locations with any ${category_1} or any ${category_2}.",
        ),
        41: (
            "Was this image taken in ${viewpos} position?",
            "Is this chest X-ray in ${viewpos} projection?",
            "Is it a ${viewpos} view?",
        ),
        42: (
            "Is this image in AP or PA view?",
            "Which projection is used in this chest X-ray, AP or PA?",
            "What is the view of this image, AP or PA?",
        ),
        43: (
            "Which view is shown in this image?",
            "What is the projection of this chest X-ray?",
            "What is the view position of this image?",
        ),
        44: (
            "Is the patient ${gender}?",
            "Is this image of a ${gender} patient?",
            "Is this chest X-ray from a ${gender} patient?",
        ),
        45: (
            "Is this patient male or female?",
            "What is the sex of the patient, male or female?",
            "Which is the gender of the patient: male or female?",
        ),
        46: (
            "What is the sex of the patient?",
            "What is the patient's gender?",
            "Which gender is this patient?",
        ),
        47: (
            "Is the cardiac silhouette wider than half of the thorax?",
            "Is the width of the cardiac silhouette larger than one half of the thorax width?",
            "Is the cardiac silhouette width greater than 1/2 of the chest width?",
        ),
        48: (
            "Is the upper mediastinum wider than a third of the thorax?",
            "Is the width of the upper mediastinum larger than one third of the thorax width?",
            "Is the upper mediastinum width greater than 1/3 of the chest width?",
        ),
    }
)

_PLURALS: Final = {
    "anatomicalfinding": "anatomical findings",
    "technicalassessment": "technical assessments",
    "disease": "diseases",
    "tubesandlines": "tubes/lines",
    "device": "devices",
}
_SINGULARS: Final = {
    "anatomicalfinding": "anatomical finding",
    "technicalassessment": "technical assessment",
    "disease": "disease",
    "tubesandlines": "tube/line",
    "device": "device",
}


def wordings_of(question: VqaQuestion) -> tuple[str, ...]:
    """The canonical MIMIC-CXR-VQA sentence of a question and its paraphrases."""
    words = _SINGULARS if question.form is Form.CHOOSE else _PLURALS
    return (
        render_mimic_cxr_vqa(question),
        *(fill(wording, question, category_words=words) for wording in WORDINGS[question.kind.number]),
    )
