"""Modality and scope of a question, from its template alone.

A template (`q_tag`) is a table, an image, or an image+table question, about no patient, one patient or a group, and
about one, two or N studies. A few marks of its text decide which; they agree with the ranges of the 426 official
template numbers, so that files need no list of templates.
"""

from __future__ import annotations

from typing import Final

from ehrxqa.spec.scopes import SCOPES, Scope

__all__ = ["scope_of"]

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
