"""Modality and scope of a question, from its template alone.

A template (`q_tag`) is a table, an image, or an image+table question, about no patient, one patient or a group, and
about one, two or N studies. A few marks of its text decide which; they agree with the ranges of the 426 official
template numbers, so that files need no list of templates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["MODALITIES", "SCOPES", "Scope", "scope_of", "scope_of_number"]

#: The three modalities as reports name them.
MODALITIES: Final = ("Table", "Image", "Image+Table")


@dataclass(frozen=True)
class Scope:
    """One of the nine scopes.

    Attributes:
        name: As official reports write it, e.g. `IMAGE-SINGLE-2`.
        modality: Table, Image or Image+Table.
        patients: none, single or group.
        images: Studies a question is about: `` (none needed), 1, 2 or N.
        first, last: Range of the official template numbers.
    """

    name: str
    modality: str
    patients: str
    images: str
    first: int
    last: int


SCOPES: Final = {
    scope.name: scope
    for scope in (
        Scope("TABLE-NONE", "Table", "none", "", 0, 5),
        Scope("TABLE-SINGLE", "Table", "single", "", 6, 121),
        Scope("TABLE-GROUP", "Table", "group", "", 122, 182),
        Scope("IMAGE-SINGLE-1", "Image", "single", "1", 1000, 1999),
        Scope("IMAGE-SINGLE-2", "Image", "single", "2", 2000, 2999),
        Scope("IMAGE-SINGLE-N", "Image", "single", "N", 3000, 3999),
        Scope("IMAGE-GROUP", "Image", "group", "N", 4000, 4999),
        Scope("MULTIMODAL-SINGLE", "Image+Table", "single", "N", 5000, 5999),
        Scope("MULTIMODAL-GROUP", "Image+Table", "group", "N", 6000, 6999),
    )
}

_CXR: Final = ("chest x-ray", "{study_id", " study of patient")
_TABLE_NONE: Final = ("what is the intake method", "what is the cost of", "what does {abbreviation}")
_CLINICAL: Final = (
    "{diagnosis_name}",
    "{procedure_name}",
    "{drug_name}",
    "any diagnosis",
    "any procedure",
    "any medication",
    "[age_group]",
)


def scope_of(q_tag: str) -> Scope:
    """The scope of a template.

    >>> scope_of("what is the gender of patient {patient_id}?").name
    'TABLE-SINGLE'
    >>> scope_of("given the study {study_id}, are there any abnormality?").modality
    'Image'
    """
    if not any(mark in q_tag for mark in _CXR):
        if "{patient_id}" in q_tag:
            return SCOPES["TABLE-SINGLE"]
        return SCOPES["TABLE-NONE" if q_tag.startswith(_TABLE_NONE) else "TABLE-GROUP"]
    if "compared to" in q_tag:
        return SCOPES["IMAGE-SINGLE-2"]
    if q_tag.startswith("given the"):
        return SCOPES["IMAGE-SINGLE-1"]
    single = "{patient_id}" in q_tag
    if any(mark in q_tag for mark in _CLINICAL):
        return SCOPES["MULTIMODAL-SINGLE" if single else "MULTIMODAL-GROUP"]
    return SCOPES["IMAGE-SINGLE-N" if single else "IMAGE-GROUP"]


def scope_of_number(number: int) -> Scope:
    """The scope of an official template number.

    Raises:
        ValueError: No scope has that number.
    """
    for scope in SCOPES.values():
        if scope.first <= number <= scope.last:
            return scope
    raise ValueError(f"{number} is no official template number")
