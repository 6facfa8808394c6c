"""The `template` parser: reads questions as train questions show, and abstains below a confidence fitted on valid."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ehrxqa.dataset.records import Record
from ehrxqa.dataset.splits import load_records
from ehrxqa.errors import RecordError
from ehrxqa.evaluation.comparing import compared_form, judge
from ehrxqa.evaluation.profiles import PROFILES
from ehrxqa.layout import database_path, question_file
from ehrxqa.models.faults import as_answered
from ehrxqa.models.parsers import AskedQuestion, Context, Prediction
from ehrxqa.models.template.reading import Reader
from ehrxqa.models.value_search import ValueIndex
from ehrxqa.neuralsql.setup import Setup, open_engine
from ehrxqa.progress import SILENT, Progress
from ehrxqa.sql.sandbox import ANSWER_KEY, open_database

__all__ = ["TemplateParser", "fit_threshold", "values_of"]

#: What a wrong answer costs where the threshold is fitted: c of RS(c).
PENALTY: Final = 10.0
#: A threshold that no confidence reaches.
_NEVER: Final = 1.01
#: Changes whenever the parser reads a question in another way.
_VERSION: Final = 2
#: Valid questions that the threshold is fitted on, at most.
_FITTED_ON: Final = 1000


class TemplateParser:
    """Needs the train questions and both databases of an output folder; valid questions tell when to abstain.

    Train questions teach words and the order of names; the names themselves are looked for among the values of the
    database that is asked. Nothing of the questions to be answered is known but their text.

    Args:
        context: What it is made from.

    Raises:
        RecordError: There are no train questions.
        NeuralSqlError: A database cannot be read.
    """

    name = spec = "template"

    def __init__(self, context: Context) -> None:
        train, valid = (_question_path(context.out, split) for split in ("train", "valid"))
        if train is None:
            raise RecordError(
                f"{context.out}: the parser template learns from train questions, and there are none; "
                "make some: ehrxqa generate --train N"
            )
        records = load_records(train)
        learnt_from = database_path(context.out, "train")
        train_values = values_of(learnt_from)
        same = learnt_from.resolve() == context.database.resolve()
        values = train_values if same else values_of(context.database)
        self.reader = Reader(records, train_values, values)
        digest = hashlib.sha256(str(_VERSION).encode())
        for path in (train, valid):
            digest.update(b"" if path is None else path.read_bytes())
        self.version = digest.hexdigest()[:16]
        self._known: dict[str, Prediction] = {}
        self.threshold = 0.0
        if valid is not None:
            reader = self.reader if same else Reader(records, train_values, train_values)
            self.threshold = _fitted(reader, load_records(valid), learnt_from, context.progress)

    def parse(self, questions: Sequence[AskedQuestion], trial: int) -> Iterator[tuple[int, Prediction]]:
        """The likeliest query of each question, or an abstention that names it."""
        for place, question in enumerate(questions):
            if question.text not in self._known:
                self._known[question.text] = self.predict(question.text)
            yield place, self._known[question.text]

    def predict(self, text: str) -> Prediction:
        """The query of a question; the one held back, if the confidence is below the threshold."""
        candidates = self.reader.read(text)
        if not candidates:
            return Prediction(None, 0.0, "no template fits what the question names")
        best = candidates[0]
        if best.confidence >= self.threshold:
            return Prediction(best.query, best.confidence, best.template)
        reason = f"confidence {best.confidence:.2f} is below {self.threshold:.2f}: {best.template}"
        return Prediction(None, best.confidence, reason, withheld=best.query)


def values_of(database: Path) -> ValueIndex:
    """The values of a database, its answer key out of reach."""
    with open_database(database, deny_tables=ANSWER_KEY) as sandbox:
        return ValueIndex.of(sandbox)


def fit_threshold(confidences: Sequence[tuple[float, bool]], penalty: float = PENALTY) -> float:
    """The confidence from which on answering pays: 1 for a right answer, minus `penalty` for a wrong one.

    Between the last answer that is kept and the first that is held back, halfway; of equal sums the one that answers
    more.

    >>> fit_threshold([(0.9, True), (0.8, True), (0.4, False), (0.3, True)])
    0.6000000000000001
    >>> fit_threshold([(0.9, True), (0.2, True)]), fit_threshold([(0.9, False)])
    (0.0, 1.01)
    """
    ranked = sorted(confidences, key=lambda each: (-each[0], each[1]))
    best, kept, total = 0.0, 0, 0.0
    for place, (confidence, right) in enumerate(ranked, start=1):
        total += 1.0 if right else -penalty
        last = place == len(ranked) or ranked[place][0] < confidence  # equal ones are kept together
        if last and total >= best and total > 0:
            best, kept = total, place
    if kept == len(ranked):
        return 0.0
    if not kept:
        return _NEVER
    above, below = ranked[kept - 1][0], ranked[kept][0]
    between = (above + below) / 2
    return between if between > below else above


def _question_path(out: Path, split: str) -> Path | None:
    """The question file of a split, with or without answers."""
    return next(
        (path for path in (question_file(out, split, answered=done) for done in (True, False)) if path.is_file()), None
    )


def _fitted(reader: Reader, records: Sequence[Record], database: Path, progress: Progress = SILENT) -> float:
    """The threshold that valid questions ask for; a query is right if it gives the gold answer with perfect vision."""
    rules = PROFILES["paper"]
    found: list[tuple[float, bool]] = []
    with (
        open_engine(Setup(database)) as (engine, _),
        progress.task("threshold", total=min(len(records), _FITTED_ON), unit="questions") as task,
    ):
        for record in records[:_FITTED_ON]:
            candidates = reader.read(record["question"])
            if candidates:
                best, gold = candidates[0], record.get("query")
                right = best.query == gold
                if not right and "answer" in record and not record.get("is_impossible"):
                    outcome = as_answered(engine.outcome(best.query))
                    right = judge(compared_form(record["answer"], rules), outcome, rules) == "right"
                found.append((best.confidence, right))
            task.advance()
    return fit_threshold(found)
