"""`ehrxqa evaluate --hospitals`: gold and predicted queries on several hospitals, right only where right on all.

A right answer is weak evidence: half of all answers are yes, no, 0 or 1. So both queries are run on the database and on
copies of it in which other things happened (`perturb`); whoever meant the same is right on all of them. This is the
test suite of Zhong, Yu and Klein (EMNLP 2020) with hospitals in place of random rows.
"""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.auditing.checker import runnable
from ehrxqa.auditing.golds import GoldFile, read_golds
from ehrxqa.dataset.answer import answer, database_for
from ehrxqa.dataset.records import GOLD_PROGRAM
from ehrxqa.errors import NeuralSqlError, RecordError, SettingsError
from ehrxqa.evaluation.comparing import Verdict
from ehrxqa.evaluation.evaluate import Evaluation, evaluate
from ehrxqa.explain.explanation import asks_images
from ehrxqa.files import reading, write_json
from ehrxqa.json_files import read_json
from ehrxqa.layout import CURRENT_TIME, DATABASE_NAME
from ehrxqa.neuralsql.execute import execute
from ehrxqa.progress import SILENT, Progress
from ehrxqa.short_repr import short_repr
from ehrxqa.sql.clock import check_time
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.lint import Lint
from ehrxqa.sql.sandbox import open_database
from ehrxqa.sql.structure import read
from ehrxqa.variants.mutation import MutationScore, mutation_score
from ehrxqa.variants.store import hospitals_of

__all__ = ["HospitalEvaluation", "evaluate_on_hospitals"]

_NULL: Final = "null"
#: Programs below which starting workers takes longer than the work.
_FEW: Final = 100


@dataclass(frozen=True)
class HospitalEvaluation:
    """Scores on several hospitals.

    Attributes:
        profile: Name of the rules of the comparison.
        evaluations: One for each hospital, the given database first.
        verdicts: Key → right if right on all hospitals; abstained as on the first; else wrong.
        lucky: Keys that are right on the first hospital and wrong on another.
        left_out: Golds that are not judged on a hospital: their answer rests on chance there, or they take for granted
            what is not there.
        mutation: How many mutants of the gold programs the hospitals tell from the gold, if that was asked for.
    """

    profile: str
    evaluations: tuple[Evaluation, ...]
    verdicts: dict[str, Verdict]
    lucky: tuple[str, ...]
    left_out: tuple[int, ...]
    mutation: MutationScore | None = None

    __repr__ = short_repr

    @property
    def accuracy(self) -> float:
        """Execution accuracy in percent of queries that are right on all hospitals."""
        return 100 * sum(verdict == "right" for verdict in self.verdicts.values()) / max(1, len(self.verdicts))


def evaluate_on_hospitals(
    gold: Path | str,
    queries: Path | str,
    database: Path | str,
    *,
    hospitals: int = 3,
    work: Path | str | None = None,
    profile: str = "paper",
    mutants: bool = False,
    now: str = CURRENT_TIME,
    timeout: float = 30.0,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> HospitalEvaluation:
    """Evaluate predicted queries on a database and on copies in which other things happened to the same people.

    Images are answered from the labels of each hospital (the model `oracle`): X-rays show other things there.

    Args:
        gold: Question file with gold programs, such as `_test.json`.
        queries: Predicted queries, as for `execute`.
        database: The database that the questions are about, or the output folder of its build.
        hospitals: How many, the database itself included.
        work: Folder for the copies; by default that of the build the database belongs to.
        profile: Rules of the comparison.
        mutants: Also say how many mutants of the gold programs the hospitals tell from the gold.
        now: The current time of the database.
        timeout: Seconds a query may take.
        workers: Processes (default: number of processors). The result does not depend on it.
        progress: Told what happens.

    Raises:
        RecordError: A file cannot be read, has no gold programs, or does not fit the other one.
        SettingsError: A number makes no sense, or there is no such database or folder.
        BuildError: A copy cannot be made.
    """
    gold, queries, database = Path(gold), Path(queries), Path(database)
    if not 1 <= hospitals <= 20:
        raise SettingsError(f"hospitals must be from 1 to 20, not {hospitals}")
    check_time(now)
    file = read_golds(gold)
    database = database_for(database, [{"split": each.split or None} for each in file.golds[:1]])
    judged = [each for each in file.golds if each.program is not None]
    programs = [_runs(each, now) for each in judged]
    if not programs:
        raise RecordError(f"{gold}: holds no gold programs; give a file that does, such as _test.json")
    if workers is None and len(programs) < _FEW:
        workers = 1
    with reading(gold, queries, database), tempfile.TemporaryDirectory(prefix="ehrxqa-") as folder:
        databases = hospitals_of(
            database, hospitals, programs, None if work is None else Path(work), progress, now=now, workers=workers
        )
        evaluations, left_out = [], []
        unjudged: list[set[int]] = []
        for number, path in enumerate(databases):
            right = Path(folder) / f"gold-{number}.json"
            given = Path(folder) / f"given-{number}.json"
            _answer_golds(file, path, right, now, timeout, workers)
            execute(path, queries, out=given, timeout=timeout, now=now, workers=workers)
            if number:
                _leave_out_chance(file, path, right, now, timeout)
                _leave_out_disputed(file, path, right, now, timeout, workers)
            there = {_key(record) for record in read_json(right)}
            outcomes = [record for record in read_json(given) if _key(record) in there or number == 0]
            evaluations.append(evaluate(right, outcomes, profile=profile, resamples=0))
            left_out.append(len(file.golds) - len(there))
            unjudged.append({place for place, each in enumerate(judged) if number and str(each.id) not in there})
        score = mutation_score(programs, databases, left_out=unjudged, now=now, workers=workers) if mutants else None
    verdicts: dict[str, Verdict] = {}
    for key, verdict in evaluations[0].verdicts.items():
        others = [each.verdicts[key] for each in evaluations[1:] if key in each.verdicts]
        verdicts[key] = "wrong" if verdict == "right" and any(other != "right" for other in others) else verdict
    first = evaluations[0].verdicts
    lucky = tuple(key for key, verdict in verdicts.items() if verdict != first[key])
    return HospitalEvaluation(profile, tuple(evaluations), verdicts, lucky, tuple(left_out), score)


def _runs(gold: Any, now: str) -> str:
    try:
        return runnable(gold, now)
    except NeuralSqlError as error:
        raise RecordError(f"id {gold.id}: the gold program cannot be read ({error})") from error


def _key(record: Any) -> str:
    return str(record["id"])


def _leave_out_chance(file: GoldFile, database: Path, answers: Path, now: str, timeout: float) -> None:
    """Leave out golds whose answer rests on chance on one hospital, such as a tie: others are as right there."""
    by_chance = set()
    with open_database(database, limits=Limits(seconds=timeout), now=now) as sandbox:
        lint = Lint(lambda sql: sandbox.run(sql).rows, lenient=True)
        for each in file.golds:
            if each.program is not None and not asks_images(each.program):
                with suppress(NeuralSqlError):
                    if any(lint.findings(read(_runs(each, now)))):
                        by_chance.add(each.id)
    write_json(answers, [record for record in read_json(answers) if _key(record) not in by_chance])


def _leave_out_disputed(
    file: GoldFile, database: Path, answers: Path, now: str, timeout: float, workers: int | None
) -> None:
    """Leave out golds whose NeuralSQL says something else than their program on one hospital.

    There something is not that the question takes for granted, such as a study before this one.
    """
    there = {_key(record) for record in read_json(answers)}
    own = {
        _key(record): record["query"]
        for record in (file.content if file.form == "records" and file.key == GOLD_PROGRAM else ())
        if _key(record) in there and asks_images(str(record.get("query")))
    }
    if not own:
        return
    queries, outcomes, golds = (answers.with_name(f"{name}-{answers.name}") for name in ("own", "said", "of-own"))
    write_json(queries, own)
    execute(database, queries, out=outcomes, timeout=timeout, now=now, workers=workers)
    write_json(golds, [record for record in read_json(answers) if _key(record) in own])
    verdicts = evaluate(golds, outcomes, profile="ehrsql", resamples=0).verdicts
    write_json(answers, [record for record in read_json(answers) if verdicts.get(_key(record), "right") == "right"])


def _answer_golds(file: GoldFile, database: Path, out: Path, now: str, timeout: float, workers: int | None) -> None:
    """Write what the golds give on one hospital: `[{id, answer}]`."""
    if all(each.official or each.impossible for each in file.golds):
        questions = out.with_name(f"_{out.name}")
        records = [{"db_id": DATABASE_NAME, "id": each.id, GOLD_PROGRAM: each.program or _NULL} for each in file.golds]
        write_json(questions, records)
        answer(database, questions, out, now=now, seconds=timeout, workers=workers)
        return
    queries = out.with_name(f"queries-{out.name}")
    write_json(queries, {each.id: each.program for each in file.golds})
    execute(database, queries, out=out, timeout=timeout, now=now, workers=workers)
    answers = [
        {"id": record["id"], "answer": _NULL if record["status"] == "abstained" else record["answer"]}
        for record in read_json(out)
        if record["status"] in ("answered", "abstained")
    ]
    write_json(out, answers)
