"""NeuralSQL against gold SQL, and model calls against asking row by row.

    python benchmarks/neuralsql.py [DATABASE RECORDS] [--repeat N] [--subjects N]

DATABASE is an integrated database, RECORDS a pre-release question file for it (with `query` and `_gold_program`);
without them a synthetic hospital is made, built and asked first.
Every ratio is of two measurements of the same run on the same machine:

- CPU time: the NeuralSQL queries under the oracle against the gold programs of the same records, both through the
  sandbox, the best of N rounds; once with the answers of the round before known, once without;
- questions: a train-like workload (each query for many subjects and other yes/no questions of the file) through
  one engine, against SQLite calling the model for every row that mentions func_vqa.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import apsw

from ehrxqa.neuralsql.engine import Engine
from ehrxqa.neuralsql.execute import execute
from ehrxqa.neuralsql.planner import make_plan
from ehrxqa.sql.answer_list import answer_list
from ehrxqa.sql.clean_text import clean, clean_tokens
from ehrxqa.sql.official_text import normalise
from ehrxqa.sql.sandbox import open_database
from ehrxqa.sql.structure import read
from ehrxqa.vqa.models import VqaRequest
from ehrxqa.vqa.parse import parse
from ehrxqa.vqa.registry import make_model


def best(rounds: int, work: Callable[[], None]) -> float:
    """Seconds of CPU of the fastest of some rounds: other work on the machine does not count."""
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


class CountingModel:
    """A model that counts how often it is called, and with how many requests."""

    def __init__(self, model) -> None:
        self._model = model
        self.name, self.version, self.batch_size = model.name, model.version, 32
        self.calls = self.requests = 0

    def answer(self, requests):
        """The model's answers."""
        self.calls += 1
        self.requests += len(requests)
        return self._model.answer(requests)


class RowByRow:
    """SQLite calls the model wherever the query mentions func_vqa."""

    def __init__(self, database: Path, model) -> None:
        self._db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
        self._db.create_scalar_function("func_vqa", self._answer, 2, deterministic=True)
        self._parsed: dict = {}
        self._model = model

    def _answer(self, text, study):
        if study is None:
            return None
        question = self._parsed.get(text) or self._parsed.setdefault(text, parse(text))
        (answer,) = self._model.answer([VqaRequest(int(study), "", question, text)])
        return "|".join(answer) if isinstance(answer, tuple) else int(bool(answer))

    def run(self, query: str) -> list:
        """All rows; a list answer counts as one value, as only the calls matter here."""
        return self._db.execute(clean(query)).fetchall()


def train_like(queries: list[str], database: Path, subjects: int, seed: int = 0) -> list[str]:
    """Each query for several subjects, with a yes/no question of the file in the place of its own."""
    rng = random.Random(seed)
    db = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    known = [str(row[0]) for row in db.execute("SELECT DISTINCT subject_id FROM tb_cxr ORDER BY 1")]
    texts = sorted({text for query in queries for text in re.findall(r'func_vqa\("([^"]*)"', query)})
    yes_no = [text for text in texts if parse(text).answer_type == "truth"]
    made = []
    for query in queries:
        for _ in range(subjects):
            subject = rng.choice(known)
            other = re.sub(r"(subject_id = )\d+", lambda match, subject=subject: match[1] + subject, query)
            if all(parse(text).answer_type == "truth" for text in re.findall(r'func_vqa\("([^"]*)"', query)):
                text = rng.choice(yes_no)
                other = re.sub(r'(func_vqa\(")[^"]*', lambda match, text=text: match[1] + text, other)
            made.append(other)
    return made


def _cpu() -> float:
    mine, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("database", type=Path, nargs="?")
    parser.add_argument("records", type=Path, nargs="?")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--subjects", type=int, default=30)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        if options.records is None:
            options.database, options.records = synthetic(Path(made))
        measure(options)


def synthetic(folder: Path) -> tuple[Path, Path]:
    """The test database of a synthetic hospital, and questions about it."""
    import ehrxqa

    ehrxqa.synth(folder / "sources", subjects=240, gold_subjects=60, images=False)
    ehrxqa.build(folder / "sources", folder / "out")
    ehrxqa.generate(folder / "out", test=300)
    return folder / "out/database/test/mimic_iv_cxr.db", folder / "out/dataset/_test.json"


def measure(options: argparse.Namespace) -> None:
    """Everything, on a database and its questions."""
    records = [r for r in json.loads(options.records.read_text("utf-8")) if "func_vqa" in r["query"]]
    queries = [record["query"] for record in records]
    print(f"{len(records)} NeuralSQL records, {options.database.stat().st_size / 1e6:.0f} MB")

    started = time.perf_counter()
    oracle = make_model("oracle", database=options.database)
    print(f"oracle opened in {time.perf_counter() - started:.2f} s")
    gold = open_database(options.database)
    gold_seconds = best(
        options.repeat, lambda: [answer_list(gold.run(normalise(r["_gold_program"]))) for r in records] and None
    )
    engines: list[Engine] = []

    def fresh() -> None:
        engines.append(Engine(options.database, oracle))
        for query in queries:
            engines[-1].outcome(query)

    fresh_seconds = best(options.repeat, fresh)
    again_seconds = best(options.repeat, lambda: [engines[-1].outcome(query) for query in queries] and None)
    plan_seconds = best(options.repeat, lambda: [make_plan(query, parse) for query in queries] and None)
    n = len(records)
    print(f"gold SQL              {gold_seconds / n * 1e3:8.3f} ms a query")
    print(f"NeuralSQL             {fresh_seconds / n * 1e3:8.3f} ms a query, {fresh_seconds / gold_seconds:.2f} × gold")
    print(f"NeuralSQL, again      {again_seconds / n * 1e3:8.3f} ms a query, {again_seconds / gold_seconds:.2f} × gold")
    read_seconds = best(options.repeat, lambda: [read(*clean_tokens(query)) for query in queries] and None)
    print(f"planning alone        {plan_seconds / n * 1e3:8.3f} ms a query, {read_seconds / n * 1e3:.3f} of it reading")
    with tempfile.TemporaryDirectory() as folder:
        predictions = {
            f"{number} {place}": f"{query}{' ' * number}" for number in range(20) for place, query in enumerate(queries)
        }
        (Path(folder) / "predictions.json").write_text(json.dumps(predictions), "utf-8")
        cpu, started = _cpu(), time.perf_counter()
        execute(options.database, Path(folder) / "predictions.json", out=Path(folder) / "out.json")
        seconds, cpu, many = time.perf_counter() - started, _cpu() - cpu, len(predictions)
    print(
        f"execute               {many / seconds:8.0f} queries/s with {os.cpu_count()} workers, their start included; "
        f"{cpu / many * 1e3:.2f} ms of CPU each, {cpu / many / (fresh_seconds / n):.1f} × one engine alone"
    )

    workload = train_like(queries, options.database, options.subjects)
    ours, theirs = CountingModel(oracle), CountingModel(oracle)
    statuses: dict[str, int] = {}
    started = time.perf_counter()
    with Engine(options.database, ours) as engine:
        for query in workload:
            status = engine.outcome(query).status
            statuses[status] = statuses.get(status, 0) + 1
    seconds = time.perf_counter() - started
    slow = RowByRow(options.database, theirs)
    for query in workload:
        slow.run(query)
    print(f"train-like workload   {len(workload)} queries in {seconds:.1f} s: {statuses}")
    print(f"row by row            {theirs.requests:8d} questions in {theirs.calls} calls of the model")
    print(f"NeuralSQL             {ours.requests:8d} questions in {ours.calls} calls of the model")
    print(
        f"fewer                 {theirs.requests / max(1, ours.requests):8.1f} × questions, "
        f"{theirs.calls / max(1, ours.calls):.1f} × calls"
    )


if __name__ == "__main__":
    main()
