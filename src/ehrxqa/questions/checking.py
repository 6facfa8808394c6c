"""Proof of a question before it is written: its answer, twice, its sentence read back, its gold program linted.

Programs run on a copy of the database with indexes. The order of an unordered list is that of the database itself, so
lists are answered there.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw

from ehrxqa.errors import NeuralSqlError
from ehrxqa.files import atomic_path
from ehrxqa.neuralsql.answer_list import answer_list
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.neuralsql.limits import Limits
from ehrxqa.neuralsql.official_text import normalise
from ehrxqa.neuralsql.sandbox import open_database
from ehrxqa.questions.expand import support
from ehrxqa.questions.lint import Lint
from ehrxqa.questions.question import Question
from ehrxqa.questions.reading import read_back
from ehrxqa.questions.sidecar import MOST_LINKS, Links, RowLinks, image_path
from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.oracle import OracleModel

__all__ = ["Checked", "Checker", "make_indexed_copy"]

#: Longest list that is a good answer.
MOST_ANSWERS: Final = 20

_INDEXES: Final = """
admissions subject_id; admissions hadm_id; icustays hadm_id; icustays stay_id; patients subject_id
diagnoses_icd hadm_id; diagnoses_icd icd_code; procedures_icd hadm_id; procedures_icd icd_code
prescriptions hadm_id; prescriptions drug; prescriptions subject_id; labevents hadm_id, itemid; labevents itemid
microbiologyevents hadm_id; microbiologyevents spec_type_desc; microbiologyevents test_name
inputevents stay_id; inputevents itemid; outputevents stay_id; outputevents itemid; chartevents stay_id, itemid
chartevents itemid; transfers hadm_id; transfers careunit; cost hadm_id; cost event_type, event_id
d_icd_diagnoses long_title; d_icd_diagnoses icd_code; d_icd_procedures long_title; d_icd_procedures icd_code
d_items label; d_items itemid; d_items abbreviation; d_labitems label; d_labitems itemid
tb_cxr study_id; tb_cxr subject_id, studydatetime, study_id; tb_cxr hadm_id
tb_cxr_plus study_id, relation, object, attribute, category; tb_cxr_plus subject_id, studydatetime, study_id
tb_cxr_plus hadm_id, relation; tb_cxr_plus attribute, relation, object; tb_cxr_plus relation, category, object
tb_cxr_plus study_id, studydatetime, subject_id
"""


def make_indexed_copy(database: Path, copy: Path) -> None:
    """Copy a database and give the copy indexes.

    Raises:
        BuildError: The copy cannot be written.
    """
    with atomic_path(copy) as part:
        shutil.copyfile(database, part)
        db = apsw.Connection(str(part))
        db.execute("pragma journal_mode = off; pragma synchronous = off")
        for number, index in enumerate(_INDEXES.replace("\n", ";").split(";")):
            table, _, columns = index.strip().partition(" ")
            if table:
                db.execute(f"create index fast_{number} on {table}({columns})")
        db.execute("analyze")
        db.close()


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of checking a question.

    Attributes:
        answer: The answer, if the question is good.
        reason: Why it is not written; drawing again may help.
        fault: What of ours is wrong; never a matter of chance.
    """

    answer: list[Any] | None = None
    reason: str = ""
    fault: str = ""


class Checker:
    """Checks questions about one database.

    Args:
        database: The database.
        copy: Its indexed copy.
        labels: Its labels, for the oracle.
    """

    def __init__(self, database: Path, copy: Path, labels: ImageLabels) -> None:
        limits = Limits(seconds=20.0)
        self._plain = open_database(database, limits=limits)
        self._fast = open_database(copy, limits=limits)
        self._engine = Engine(copy, OracleModel(labels), limits=limits)
        self._lint = Lint(lambda sql: self._fast.run(normalise(sql)).rows)
        self._images: dict[int, tuple[int, str]] = {
            int(str(study)): (int(str(subject)), str(image))
            for study, subject, image in self._fast.run("select study_id, subject_id, image_id from tb_cxr").rows
        }

    def check(self, question: Question, *, truth: bool | None, empty: bool, strict: bool) -> Checked:
        """Answer a question and prove it.

        Args:
            question: The question.
            truth: The answer that a yes/no question should have; None for either.
            empty: Whether an empty list or a count of 0 is wanted.
            strict: Whether a ranking must have no ties.
        """
        gold = normalise(question.gold.lower())
        try:
            rows = self._fast.run(gold).rows
        except NeuralSqlError as error:
            return Checked(fault=f"gold program fails: {error}: {question.gold}")
        answer = answer_list(rows)
        if reason := _unfit(question, answer, truth, empty, strict):
            return Checked(reason=reason)
        if rule := self._lint.check(gold):
            return Checked(reason=f"lint: {rule}")
        if len(answer) > 1:
            answer = answer_list(self._plain.run(gold).rows)
        if question.template.neural:
            try:
                asked = self._engine.run(question.query.lower()).answer
            except NeuralSqlError as error:
                return Checked(fault=f"NeuralSQL fails: {error}: {question.query}")
            if not _same(asked, answer):
                return Checked(fault=f"NeuralSQL gives {asked}, gold {answer}: {question.query}")
        if not read_back(question):
            return Checked(fault=f"the template does not read back: {question.filled}")
        return Checked(answer)

    def links(self, question: Question) -> Links:
        """What a question is about, and the rows its answer rests on."""
        studies = (
            []
            if not question.studies
            else [int(str(row[0])) for row in self._fast.run(normalise(question.studies)).rows]
        )
        total = len(studies)
        studies = studies[:MOST_LINKS]
        images = [self._images[study] for study in studies]
        rows = [self._rows(table, sql) for table, sql in support(question)]
        template = question.template
        return Links(
            template.modality,
            template.scope,
            template.family,
            template.number,
            studies,
            [image for _, image in images],
            [image_path(subject, study, image) for study, (subject, image) in zip(studies, images, strict=True)],
            total,
            rows,
            total > len(studies) or any(each.total > len(each.row_ids) for each in rows),
        )

    def _rows(self, table: str, sql: str) -> RowLinks:
        head = f"select {table}.row_id from"
        counted = sql.replace(head, f"select {table}.row_id, count(*) over () from", 1)
        found = self._fast.run(normalise(f"{counted.lower()} order by 1 limit {MOST_LINKS}")).rows
        return RowLinks(table, [int(str(row[0])) for row in found], int(str(found[0][1])) if found else 0)


def _unfit(question: Question, answer: list[Any], truth: bool | None, empty: bool, strict: bool) -> str:
    """Why an answer makes no good question, or nothing."""
    kind = question.template.answer
    if None in answer:
        return "null in the answer"
    if kind == "truth":
        if len(answer) != 1 or answer[0] not in (0, 1):
            return "no single truth value"
        return "other truth value" if truth is not None and bool(answer[0]) is not truth else ""
    if kind == "value":
        return "" if len(answer) == 1 else "several values" if answer else "empty"
    if kind == "count":
        return "" if (answer == [0]) is empty else "zero" if answer == [0] else "not zero"
    if not answer:
        return "" if empty else "empty"
    if len(answer) > MOST_ANSWERS:
        return "long list"
    if kind == "top" and strict:
        wanted = {"three": 3, "four": 4, "five": 5}[question.choice.operations["n_rank"]]
        return "" if len(answer) == wanted else "ties in the ranking"
    return ""


def _same(one: list[Any], other: list[Any]) -> bool:
    return one == other or Counter(map(repr, map(_plain, one))) == Counter(map(repr, map(_plain, other)))


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, int | float) else value
