"""What is said about a build is what is known: sources against published checksums, gold against NeuralSQL."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from ehrxqa.building.build import build
from ehrxqa.building.facts import Fact, build_facts
from ehrxqa.building.gold_check import check, read_gold_check
from ehrxqa.building.published import Published
from ehrxqa.cli.main import main
from ehrxqa.errors import BuildError, SourceError
from ehrxqa.evaluation.evaluate import evaluate
from ehrxqa.evaluation.profiles import PROFILES
from ehrxqa.hospital import synth
from ehrxqa.layout import database_path
from ehrxqa.neuralsql.execute import execute
from ehrxqa.questions.generate import generate
from ehrxqa.sources.catalogue import PROJECTS


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sources") / "hospital"
    synth(root, subjects=60, seed=2, images=False)
    return root


@pytest.fixture
def published(hospital: Path, tmp_path: Path) -> Path:
    """The tree as if it came from PhysioNet: no word of a synthetic hospital, a list of checksums per project."""
    root = tmp_path / "physionet"
    shutil.copytree(hospital, root)
    (root / "SYNTHETIC.json").unlink()
    for project in PROJECTS:
        folder = root / project.folder
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.relative_to(folder)}\n" for path in files]
        (folder / "SHA256SUMS.txt").write_text("".join(lines))
    return root


def _fact(out: Path, name: str) -> Fact:
    return next(fact for fact in build_facts(out) if fact.name == name)


def test_published_sources_are_called_so(published: Path, tmp_path: Path) -> None:
    build(published, tmp_path / "out", workers=1)
    fact = _fact(tmp_path / "out", "sources")
    assert fact.good is True
    assert fact.text == "23 of 23 files are the published ones"


def test_a_shortened_table_stops_the_build(published: Path, tmp_path: Path) -> None:
    path = published / "mimiciv/2.2/hosp/labevents.csv.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(lines[:-50])))
    with pytest.raises(SourceError, match=r"not the published files: hosp/labevents\.csv\.gz .*--unpublished-sources"):
        build(published, tmp_path / "out", workers=1)
    assert not (tmp_path / "out" / "manifest.json").exists()
    build(published, tmp_path / "out", workers=1, unpublished_sources=True)
    fact = _fact(tmp_path / "out", "sources")
    assert fact.good is False
    assert "1 not the published ones: hosp/labevents.csv.gz" in fact.text
    done = CliRunner().invoke(main, ["verify", str(tmp_path / "out"), "-q"], standalone_mode=False)
    assert "✗ sources" in done.output


def test_what_cannot_be_compared_is_said(published: Path, tmp_path: Path) -> None:
    for project in PROJECTS[1:]:
        (published / project.folder / "SHA256SUMS.txt").unlink()
    plain = published / "mimiciv/2.2/hosp/patients.csv"
    plain.write_bytes(gzip.decompress(plain.with_name("patients.csv.gz").read_bytes()))
    plain.with_name("patients.csv.gz").unlink()
    build(published, tmp_path / "out", workers=1)
    fact = _fact(tmp_path / "out", "sources")
    assert fact.good is None
    assert fact.text.startswith("15 of 23 files are the published ones; 1 not in their project's SHA256SUMS.txt: ")
    assert "7 without SHA256SUMS.txt beside them" in fact.text


def test_a_synthetic_build_claims_nothing(hospital: Path, tmp_path: Path) -> None:
    build(hospital, tmp_path / "out", workers=1)
    facts = {fact.name: fact for fact in build_facts(tmp_path / "out")}
    assert facts["sources"].text == "23 files of a synthetic hospital"
    assert facts["counts"].good is None
    assert "not proved for the full release" in facts["labels"].text
    assert "gold" not in facts  # there are no questions yet
    with pytest.raises(BuildError, match="holds no build"):
        build_facts(tmp_path)


def test_a_comparison_survives_the_manifest() -> None:
    found = Published(3, ("a",), ("b", "c"), ())
    assert Published.from_json(json.loads(json.dumps(found.as_json()))) == found
    assert (
        Published(0, (), (), ("x",) * 2).line() == "no list of checksums (SHA256SUMS.txt) beside them to compare with"
    )


def test_gold_and_neuralsql_are_compared_under_every_profile(hospital: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(hospital, out, workers=1)
    with pytest.raises(BuildError, match="no question file with answers"):
        check(out)
    generate(out, test=40, seed=5, workers=1)
    assert "not compared yet" in _fact(out, "gold").text
    found = check(out, workers=1)
    assert set(found.splits["test"].right) == set(PROFILES)
    assert read_gold_check(out) == found
    path = out / "dataset" / "test.json"
    records = json.loads(path.read_text())
    place = next(i for i, record in enumerate(records) if record["answer"] not in ([], [0]))
    records[place]["answer"] = ["something else"]
    path.write_text(json.dumps(records, indent=4))
    assert read_gold_check(out) is None  # what was found is not about these questions
    spoilt = check(out, workers=1)
    assert not spoilt.agrees
    assert all(str(records[place]["id"]) in ids for ids in spoilt.splits["test"].differ.values())
    assert _fact(out, "gold").good is False
    done = CliRunner().invoke(main, ["check", str(out), "-q"], standalone_mode=False)
    assert done.return_value == 1


def test_outcomes_of_another_splits_database_are_told(hospital: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build(hospital, out, workers=1)
    generate(out, test=12, seed=5, workers=1)
    records = json.loads((out / "dataset/test.json").read_text())
    queries = tmp_path / "queries.json"
    queries.write_text(json.dumps({str(record["id"]): record["query"] for record in records}))
    told = {}
    for base in ("train", "test"):
        outcomes = tmp_path / f"{base}.json"
        execute(database_path(out, base), queries, out=outcomes, workers=1)
        told[base] = evaluate(out / "dataset/test.json", outcomes, resamples=0).elsewhere
        options = ["evaluate", "--gold", str(out / "dataset/test.json"), "--predictions", str(outcomes)]
        shown = CliRunner().invoke(main, options, standalone_mode=False).output
        assert ("another database" in shown) == told[base]
    assert told == {"train": True, "test": False}
    shutil.copy(out / "dataset/test.json", tmp_path / "elsewhere.json")  # of this one nothing is known
    assert not evaluate(tmp_path / "elsewhere.json", tmp_path / "train.json", resamples=0).elsewhere
