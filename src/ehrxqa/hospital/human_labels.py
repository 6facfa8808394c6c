"""The radiologist of a synthetic hospital: reads some studies, and mostly sees what they show.

Slight findings are missed more often than severe ones, a few are seen that are not there, some are called uncertain:
as in life, so that agreement with the silver labels has something to measure.
"""

from __future__ import annotations

import numpy as np

from ehrxqa.hospital.life import Subject
from ehrxqa.hospital.ontology import CATEGORY_OF, attribute_parents
from ehrxqa.hospital.orders import Row
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.seeds import Purpose, stream
from ehrxqa.hospital.studies import Study
from ehrxqa.spec.human_labels import (
    DEVICE_CATEGORIES,
    FINDING_CATEGORIES,
    FINDING_COLUMNS,
    HUMAN_LABELS,
    NO_FINDING,
    SUPPORT_DEVICES,
)

__all__ = ["human_label_rows"]

#: One subject of so many is read, all studies with a frontal image; never one of the gold cohort.
_ONE_OF = 3
_OVERCALLED, _UNCERTAIN, _SAID_ABSENT = 0.015, 0.03, 0.2


def human_label_rows(plan: Plan, subject: Subject, studies: tuple[Study, ...]) -> list[Row]:
    """Rows of the label file for the studies of a subject, in the column order of the catalogue."""
    if subject.gold or subject.number % _ONE_OF:
        return []
    rng = stream(plan.seed, Purpose.HUMAN_LABELS, subject.number)
    return [_row(study, rng) for study in studies if study.first_frontal is not None]


def _row(study: Study, rng: np.random.Generator) -> Row:
    severity: dict[str, float] = {}
    for finding in study.findings:
        for name in finding.attributes:
            for attribute in (name, *attribute_parents(name)):
                severity[attribute] = max(severity.get(attribute, 0.0), finding.severity)
    read: dict[str, str] = {}
    for column in (*FINDING_COLUMNS, SUPPORT_DEVICES):
        read[column] = _reading(max((severity[name] for name in severity if _means(column, name)), default=None), rng)
    healthy = not any(CATEGORY_OF[name] in FINDING_CATEGORIES for name in severity)
    read[NO_FINDING] = "1.0" if healthy and "1.0" not in (read[column] for column in FINDING_COLUMNS) else ""
    return (study.study_id, *(read[column.name] for column in HUMAN_LABELS.columns[1:]))


def _means(column: str, attribute: str) -> bool:
    if column == SUPPORT_DEVICES:
        return CATEGORY_OF[attribute] in DEVICE_CATEGORIES
    return attribute in FINDING_COLUMNS[column]


def _reading(severity: float | None, rng: np.random.Generator) -> str:
    chance, other = rng.random(2)
    if chance < _UNCERTAIN:
        return "-1.0"
    if severity is None:
        return "1.0" if chance > 1 - _OVERCALLED else "0.0" if other < _SAID_ABSENT else ""
    missed = 0.2 * (1 - severity)
    return "1.0" if chance < 1 - missed else ""
