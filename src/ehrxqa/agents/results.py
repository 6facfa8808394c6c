"""What the tools answer: typed values that every front end turns into JSON in the same way.

Ids of subjects, admissions and studies are texts: no reader of JSON rounds them, and none computes with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "AnswerValue",
    "Cell",
    "ColumnDescription",
    "FoundValue",
    "FoundValues",
    "ImageAnswer",
    "ImageAnswers",
    "Picture",
    "QueryRows",
    "StudyDescription",
    "StudyList",
    "Submitted",
    "TableDescription",
    "Tables",
]

Cell = str | int | float | None
#: A value of an answer; of a query with several columns, a row.
AnswerValue = Cell | list[Cell]


@dataclass(frozen=True)
class ColumnDescription:
    """A column of a table.

    Attributes:
        name: In lower case.
        type: Its SQL type.
        about: What it holds, with its unit.
        key: `TABLE.COLUMN` it refers to, or "".
        examples: Some of its values, the most frequent first; none of ids and times.
    """

    name: str
    type: str
    about: str
    key: str
    examples: list[Cell]


@dataclass(frozen=True)
class TableDescription:
    """A table.

    Attributes:
        name: In lower case.
        about: What one row is.
        rows: How many it has.
        columns: In the order of the table.
    """

    name: str
    about: str
    rows: int
    columns: list[ColumnDescription]


@dataclass(frozen=True)
class Tables:
    """Descriptions of tables.

    Attributes:
        current_time: What `current_time` means in a query: now.
        notes: How queries are written here.
        tables: The tables asked for.
    """

    current_time: str
    notes: list[str]
    tables: list[TableDescription]


@dataclass(frozen=True)
class FoundValue:
    """A value that a column holds.

    Attributes:
        column: `table.column`.
        value: As the database spells it.
        how: By which rule it was found.
        score: From 0 to 1; how near it is.
    """

    column: str
    value: str
    how: Literal["exact", "prefix", "synonym", "contains", "fuzzy"]
    score: float


@dataclass(frozen=True)
class FoundValues:
    """Values near a text, the nearest first."""

    values: list[FoundValue]


@dataclass(frozen=True)
class QueryRows:
    """Rows of a query.

    Attributes:
        columns: Their names.
        rows: The first of them.
        total: How many the query has.
        cut: Whether rows or parts of long texts were left out.
        image_questions: (image, question) pairs that it needed.
        seconds: That it took.
        notes: What was taken away from the text before it ran, and what looks like a slip in it.
    """

    columns: list[str]
    rows: list[list[Cell]]
    total: int
    cut: bool
    image_questions: int
    seconds: float
    notes: list[str]


@dataclass(frozen=True)
class StudyDescription:
    """A study of a subject; it has one image.

    Attributes:
        study_id: The study.
        time: When the image was taken, `YYYY-MM-DD HH:MM:SS`.
        view_position: `ap` or `pa`, or "" if unknown.
        hadm_id: The admission it was taken in, or "".
    """

    study_id: str
    time: str
    view_position: str
    hadm_id: str


@dataclass(frozen=True)
class StudyList:
    """Studies of a subject, the first first."""

    subject_id: str
    studies: list[StudyDescription]


@dataclass(frozen=True)
class Picture:
    """The X-ray of a study, as PNG without metadata.

    Attributes:
        study_id: The study.
        width: In pixels, as shown.
        height: In pixels, as shown.
        png: The file.
    """

    study_id: str
    width: int
    height: int
    png: bytes


@dataclass(frozen=True)
class ImageAnswer:
    """What the vision model says of a study.

    Attributes:
        study_id: The study.
        answer: `["yes"]`, `["no"]`, the findings (perhaps none), or None.
        confidence: How sure the model is, from 0 to 1; None if it cannot tell.
        reason: Why there is no answer, or "".
    """

    study_id: str
    answer: list[str] | None
    confidence: float | None
    reason: str


@dataclass(frozen=True)
class ImageAnswers:
    """Answers to one question, in the order of the studies.

    Attributes:
        question: As it was understood.
        answers: One per study.
    """

    question: str
    answers: list[ImageAnswer]


@dataclass(frozen=True)
class Submitted:
    """What was handed in; whether it is right is told elsewhere.

    Attributes:
        outcome: answered, abstained, error or timeout.
        answer: The answer list, if there is one.
        reason: Why there is none, or "".
    """

    outcome: Literal["answered", "abstained", "error", "timeout"]
    answer: list[AnswerValue] | None
    reason: str
