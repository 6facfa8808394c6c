"""One small build and one run of `generate` that the tests of questions share; nothing may write into either."""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from made_questions import linked
from official_rules import normalised

import ehrxqa
from ehrxqa.layout import CURRENT_TIME, DATABASE_PATHS
from ehrxqa.questions.batch import Bench, bench_of
from ehrxqa.questions.copies import Copies, make_copies

#: Of the shared run.
WANTED = {"train": 100, "valid": 40, "test": 220}


@dataclass(frozen=True)
class Run:
    """What a run of `generate` wrote."""

    out: Path
    report: ehrxqa.questions.generate.GenerateReport
    files: dict[str, bytes]

    def records(self, name):
        """The records of a question file."""
        return json.loads(self.files[f"{name}.json"])

    @property
    def pairs(self):
        """(split, pre-release record, answer, links) of every question with an answer."""
        links = {(each["split"], each["id"]): each for each in map(json.loads, self.files["links.jsonl"].splitlines())}
        return [
            (split, record, final["answer"], links[split, record["id"]])
            for split in WANTED
            for record, final in zip(self.records(f"_{split}"), self.records(split), strict=True)
            if not record["is_impossible"]
        ]


def dataset_files(out):
    """The files of a dataset folder."""
    return {path.name: path.read_bytes() for path in sorted((out / "dataset").iterdir()) if path.is_file()}


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A build whose two databases are alike: that of the gold cohort, since the other would hold seven patients."""
    folder = tmp_path_factory.mktemp("questions")
    ehrxqa.synth(folder / "hospital", subjects=200, images=False, workers=1)
    ehrxqa.build(folder / "hospital", folder / "out", workers=1)
    shutil.rmtree(folder / "hospital")
    shutil.copyfile(folder / "out" / DATABASE_PATHS["test"], folder / "out" / DATABASE_PATHS["train"])
    return folder / "out"


@pytest.fixture
def fresh(built, tmp_path) -> Path:
    """The build for a run of one's own: databases are linked, all else is copied."""
    return linked(built, tmp_path / "out")


@pytest.fixture(scope="session")
def run(built, tmp_path_factory) -> Run:
    """Questions of all scopes and splits."""
    out = linked(built, tmp_path_factory.mktemp("run") / "out")
    report = ehrxqa.generate(
        out, **WANTED, seed=5, workers=1, impossible=0.1, separate_subjects=True, separate_questions=True
    )
    return Run(out, report, dataset_files(out))


@pytest.fixture(scope="session")
def plain_rows(run) -> dict[str, list[tuple]]:
    """Gold program → its rows on the database itself, by Python's own sqlite3."""
    db = sqlite3.connect(f"file:{run.out / DATABASE_PATHS['test']}?mode=ro", uri=True)
    found = {program: db.execute(normalised(program)).fetchall()
             for program in {record["_gold_program"] for _, record, _, _ in run.pairs}}  # fmt: skip
    db.close()
    return found


@pytest.fixture(scope="session")
def copies(built, tmp_path_factory) -> Copies:
    """The copies of the database that runs work with."""
    return make_copies("test", built / DATABASE_PATHS["test"], tmp_path_factory.mktemp("copies"))


@pytest.fixture
def quick(monkeypatch, copies) -> None:
    """Runs in this process work with the copies that are there, instead of making them anew each time."""
    for module in ("generate", "coverage"):
        monkeypatch.setattr(
            f"ehrxqa.questions.{module}.make_copies",
            lambda base, database, folder, now=CURRENT_TIME: replace(copies, base=base, now=now),
        )


@pytest.fixture(scope="session")
def bench(copies) -> Bench:
    """What a worker keeps of the database."""
    return bench_of(copies)
