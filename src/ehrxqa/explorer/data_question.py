"""A question with its proof: wordings, SQL, steps, evidence, the X-rays it is about, and what each run answered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from ehrxqa.dataset.records import Record
from ehrxqa.errors import EhrxqaError
from ehrxqa.explain.evidence import EvidenceStudy
from ehrxqa.explain.explanation import Explanation, Runner, asks_images, explain
from ehrxqa.explorer.data_images import ImageView, image_view
from ehrxqa.explorer.data_questions import Item
from ehrxqa.explorer.library import Library
from ehrxqa.explorer.marking import Piece, marked_question, marked_sentence, marked_sql
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.sandbox import Rows

__all__ = ["Explanations", "QuestionView", "StudyView", "Wording", "question_view", "tables_of"]

#: Rows of a step that can be opened.
SHOWN_ROWS: Final = 20
#: X-rays of a question that are shown with boxes.
MOST_IMAGES: Final = 4
#: Subjects of X-rays that are named one by one.
FEW_SUBJECTS: Final = 3
_LIMITS: Final = Limits(seconds=20.0)


@dataclass(frozen=True, slots=True)
class Wording:
    """Another question that says the same: made of the same sentence."""

    split: str
    id: str
    question: str


@dataclass(frozen=True)
class StudyView:
    """A study that a question is about: its evidence, and its picture if it is among the first ones."""

    study: EvidenceStudy
    view: ImageView | None


@dataclass(frozen=True)
class QuestionView:
    """What the page of a question shows.

    Attributes:
        item: The question.
        question, sentence: Its text, and the sentence before rewording, in pieces.
        query, program: NeuralSQL and gold SQL in pieces; no gold SQL if it is not known.
        wordings: Other questions made of the same sentence.
        explanation: Steps and evidence; None if there is none, and `fault` says why.
        fault: What keeps it from being explained.
        studies: With pictures.
        subjects: Those that it names, or whose X-rays it rests on if they are few.
        neuralsql: Whether the steps are those of the NeuralSQL query.
    """

    item: Item
    question: tuple[Piece, ...]
    sentence: tuple[Piece, ...]
    query: tuple[Piece, ...]
    program: tuple[Piece, ...]
    wordings: tuple[Wording, ...]
    explanation: Explanation | None
    fault: str
    studies: tuple[StudyView, ...]
    subjects: tuple[int, ...]
    neuralsql: bool

    @property
    def record(self) -> Record:
        """The question as its file has it."""
        return self.item.record


class Explanations:
    """Explanations of questions, of which the last ones are kept.

    Args:
        library: The output folder.
        kept: How many are kept.
    """

    def __init__(self, library: Library, kept: int = 64) -> None:
        self._library = library
        self._kept = kept
        self._known: OrderedDict[tuple[str, str, bool], Explanation] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, item: Item, *, neuralsql: bool = False) -> Explanation:
        """The explanation of a question.

        Raises:
            EhrxqaError: It cannot be explained; says why.
        """
        key = item.split, item.id, neuralsql
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        library = self._library
        base = library.base_of_split(item.split)
        program = library.programs[item.split].get(item.id)
        if neuralsql or program is None:
            program = str(item.record["query"])
        with _runner(library, base, program) as run:
            found = explain(
                library.out,
                library.dataset,
                item.record,
                library.databases[base],
                program,
                run,
                library.tree,
                shown=SHOWN_ROWS,
                members=library.graphs,
            )
        with self._lock:
            self._known[key] = found
            while len(self._known) > self._kept:
                self._known.popitem(last=False)
        return found


@contextmanager
def _runner(library: Library, base: str, program: str) -> Iterator[Runner]:
    if not asks_images(program):
        with library.quick.runner(base, _LIMITS) as run_quickly:
            yield run_quickly
        return
    with library.engine(base, _LIMITS) as engine:

        def run(sql: str) -> Rows:
            result = engine.run(sql)
            return Rows(result.columns, result.rows)

        yield run


def question_view(library: Library, explanations: Explanations, item: Item, *, neuralsql: bool = False) -> QuestionView:
    """What the page of a question shows; a question that cannot be explained is shown without steps."""
    record = item.record
    explanation, fault = None, ""
    try:
        explanation = explanations.of(item, neuralsql=neuralsql)
    except EhrxqaError as error:
        fault = str(error)
    program = library.programs[item.split].get(item.id)
    tables = tables_of(library, item.split)
    return QuestionView(
        item,
        marked_question(record),
        marked_sentence(record),
        marked_sql(str(record["query"]), tables),
        () if program is None else marked_sql(program, tables),
        tuple(
            Wording(split, str(other["id"]), str(other["question"]))
            for split, other in library.by_template.get(str(record.get("template")), ())
            if (split, str(other["id"])) != (item.split, item.id)
        )[:20],
        explanation,
        fault,
        () if explanation is None else tuple(_studies(library, explanation, record)),
        _subjects(library, explanation, record),
        neuralsql or program is None,
    )


def _subjects(library: Library, explanation: Explanation | None, record: Mapping[str, Any]) -> tuple[int, ...]:
    """Subjects that a question names; if it names none, those of its X-rays, as far as they are few."""
    value = record.get("value") or {}
    named = [of for slot, of in value.items() if slot.startswith("patient_id") and isinstance(of, int)]
    met = [] if explanation is None else [study.subject_id for study in explanation.evidence.studies]
    found = tuple(subject for subject in dict.fromkeys(named or met) if subject in library.subjects)
    return found if named or len(found) <= FEW_SUBJECTS else ()


def _studies(library: Library, explanation: Explanation, record: Mapping[str, Any]) -> Iterator[StudyView]:
    asked = record.get("v_tag") or {}
    named = asked.get("object") or []
    for number, study in enumerate(explanation.evidence.studies):
        # a question about anything anywhere marks nothing: its findings are shown as on any X-ray
        labels = study.labels if asked.get("attribute") else None
        objects = frozenset(named) or frozenset(label.object for label in labels or ())
        view = image_view(library, study.image_id, objects) if number < MOST_IMAGES else None
        yield StudyView(study, view)


def tables_of(library: Library, split: str) -> frozenset[str]:
    """Names of the tables that a split can ask, in lower case."""
    try:
        base = library.base_of_split(split)
    except EhrxqaError:
        return frozenset()
    return library.table_names(base)
