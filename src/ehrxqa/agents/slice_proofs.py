"""Whether a slice answers a question as the whole database does, and if not, what it is that cannot be known yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.agents.questions import Question
from ehrxqa.agents.slice_policy import rule_of
from ehrxqa.agents.slices import time_of_slice
from ehrxqa.counting import counted
from ehrxqa.evaluation.answer_files import Predicted as Answered
from ehrxqa.evaluation.comparing import compared_form, judge
from ehrxqa.evaluation.profiles import PROFILES
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.neuralsql.result import Outcome
from ehrxqa.spec.tables import TABLES
from ehrxqa.sql.sandbox import ANSWER_KEY, open_database
from ehrxqa.vqa.database_labels import labels_of_database
from ehrxqa.vqa.oracle import OracleModel
from ehrxqa.vqa.parse import parse

__all__ = ["Proof", "Prover", "prover", "subject_of"]

_RULES: Final = PROFILES["paper"]


@dataclass(frozen=True)
class Proof:
    """What a slice answers to a question.

    Attributes:
        id: Of the question.
        same: Whether the answer is that of the whole database, under the rules of the paper.
        reason: Why not, in a line; "" if it is.
    """

    id: str
    same: bool
    reason: str


class Prover:
    """Asks slices what the whole database was asked; images are answered from its labels, as a perfect model would.

    Args:
        database: The whole database.
        run: Runs a query on it.
        engine_of: Opens an engine on a slice.
        subjects: Study → subject, and admission → subject.
    """

    def __init__(
        self,
        database: Path,
        run: Callable[[str], Outcome],
        engine_of: Callable[[Path], Engine],
        subjects: tuple[Mapping[int, int], Mapping[int, int]],
    ) -> None:
        self._database, self._run, self._engine_of = database, run, engine_of
        self._of_study, self._of_admission = subjects

    def subject(self, question: Question) -> int | None:
        """Whom a question is about; None if about many."""
        return subject_of(question, self._of_study, self._of_admission)

    def prove(self, path: Path, at: str, questions: Sequence[Question]) -> Iterator[Proof]:
        """One proof for each question, in order."""
        with self._engine_of(path) as engine:
            for question in questions:
                yield self._prove(engine, path, at, question)

    def _prove(self, engine: Engine, path: Path, at: str, question: Question) -> Proof:
        if question.query is None:
            return Proof(question.id, True, "")  # what nothing answers, a part of it does not either
        whole, part = self._run(question.query), engine.outcome(question.query)
        if whole.status != "answered":
            return Proof(question.id, False, f"the whole database gives no answer ({whole.error})")
        gold = compared_form(whole.answer, _RULES)
        given = Answered("answered", part.answer) if part.status == "answered" else Answered("failed")
        if judge(gold, given, _RULES) == "right":
            return Proof(question.id, True, "")
        return Proof(question.id, False, self._reason(path, at, question, part))

    def _reason(self, path: Path, at: str, question: Question, part: Outcome) -> str:
        if part.status != "answered":
            return f"the slice gives no answer ({part.error})"
        lacking = list(self._lacking(path, at, question))
        if lacking:
            return "; ".join(lacking)
        return f"the answer changes with what is known only after {at}, or with what is now: its links do not say"

    def _lacking(self, path: Path, at: str, question: Question) -> Iterator[str]:
        """What of the rows and studies that a question rests on is not in the slice, or not yet known there."""
        links = question.links
        if links is None:
            return
        with open_database(path, deny_tables=ANSWER_KEY) as cut, open_database(self._database) as whole:
            for rows in links.rows:
                if rows.table in ANSWER_KEY or not rows.row_ids:
                    continue
                ids = ", ".join(str(int(row)) for row in rows.row_ids)
                found = {row[0]: row for row in cut.run(f"SELECT * FROM {rows.table} WHERE row_id IN ({ids})")}
                if gone := len(rows.row_ids) - len(found):
                    yield (
                        f"{rows.table}: {gone} of {counted(len(rows.row_ids), 'row')} it rests on are "
                        f"known only after {at}"
                    )
                names = TABLES[rows.table].names
                full = {row[0]: row for row in whole.run(f"SELECT * FROM {rows.table} WHERE row_id IN ({ids})")}
                for name in rule_of(TABLES[rows.table]).later:
                    place = names.index(name)
                    if unknown := sum(row[place] != full[key][place] for key, row in found.items()):
                        yield f"{rows.table}: {name} is not known at {at} in {unknown} rows"
            if links.study_ids:
                ids = ", ".join(map(str, links.study_ids))
                ((known,),) = cut.run(f"SELECT count(*) FROM tb_cxr WHERE study_id IN ({ids})")
                if later := len(links.study_ids) - int(str(known)):
                    yield (
                        f"tb_cxr: {later} of "
                        f"{counted(len(links.study_ids), 'study was', 'studies were')} made after {at}"
                    )


def subject_of(question: Question, of_study: Mapping[int, int], of_admission: Mapping[int, int]) -> int | None:
    """Whom a question is about, by the values in its record: a patient, an admission, or studies of one patient."""
    values = question.record.get("value")
    found: set[int] = set()
    for slot, value in (values if isinstance(values, dict) else {}).items():
        if not isinstance(value, int):
            continue
        if slot.startswith(("patient_id", "subject_id")):
            found.add(value)
        elif slot.startswith("study_id") and value in of_study:
            found.add(of_study[value])
        elif slot.startswith("hadm_id") and value in of_admission:
            found.add(of_admission[value])
    return found.pop() if len(found) == 1 else None


@contextmanager
def prover(database: Path) -> Iterator[Prover]:
    """A prover over a database.

    Raises:
        BuildError: It is not an EHRXQA database.
        NeuralSqlError: It cannot be read.
    """
    labels = labels_of_database(database)
    model = OracleModel(labels)

    def engine_of(path: Path) -> Engine:
        now = time_of_slice(path) or CURRENT_TIME
        return Engine(path, model, parse=lambda text: parse(text, labels.vocabulary), now=now)

    with engine_of(database) as whole, open_database(database) as sandbox:
        studies = sandbox.run("SELECT study_id, subject_id FROM tb_cxr")
        admissions = sandbox.run("SELECT hadm_id, subject_id FROM admissions")
        subjects: tuple[dict[int, int], dict[int, int]] = (_numbers(studies), _numbers(admissions))
        known: dict[str, Outcome] = {}

        def run(query: str) -> Outcome:
            if query not in known:
                known[query] = whole.outcome(query)
            return known[query]

        yield Prover(database, run, engine_of, subjects)


def _numbers(rows: Any) -> dict[int, int]:
    return {int(str(key)): int(str(value)) for key, value in rows}
