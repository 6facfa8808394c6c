"""Question files, links and manifest are copies of one truth: where they differ, both files are named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from question_files import write_links

import ehrxqa
from ehrxqa.auditing.golds import read_golds
from ehrxqa.cli.main import run
from ehrxqa.dataset.beside import links_beside
from ehrxqa.dataset.splits import load_records, read_dataset
from ehrxqa.errors import RecordError
from ehrxqa.evaluation.evaluate import evaluate
from ehrxqa.files import sha256_of
from ehrxqa.models.question_set import read_questions
from ehrxqa.publish.export import export
from ehrxqa.runs.manifest import FileRecord, Manifest, StageRecord, read_manifest

DOORS: dict[str, Callable[[Path], Any]] = {
    "read_dataset": read_dataset,
    "load": ehrxqa.load,
    "stats": ehrxqa.stats,
    "export": export,
    "why": lambda out: ehrxqa.why(out, 0, split="test"),
    "evaluate": lambda out: evaluate(out / "dataset/test.json", out / "dataset/test.json", resamples=0),
    "audit": lambda out: read_golds(out / "dataset/test.json"),
    "run": lambda out: read_questions(out, "test", out / "dataset/test.json"),
}


@pytest.fixture
def generated(own: Path) -> Path:
    """A build whose question files have links, and stand in its manifest."""
    write_links(own / "dataset")
    record(own)
    return own


def record(out: Path) -> None:
    manifest = read_manifest(out)
    assert isinstance(manifest, Manifest)
    files = [file for file in sorted((out / "dataset").iterdir()) if file.is_file()]
    outputs = {f"dataset/{file.name}": FileRecord(sha256_of(file), file.stat().st_size) for file in files}
    manifest.stages["questions"] = StageRecord("k", outputs, {})
    (out / "manifest.json").unlink()  # a link to that of the build
    manifest.write(out)


def change(path: Path, records: Callable[[list[Any]], list[Any]]) -> None:
    path.write_text(json.dumps(records(json.loads(path.read_text()))))


@pytest.mark.parametrize("door", DOORS)
def test_a_question_file_or_links_that_the_manifest_does_not_name(generated: Path, door: str) -> None:
    DOORS[door](generated)
    for name in ("test.json", "_test.json", "links.jsonl"):
        path = generated / "dataset" / name
        before = path.read_bytes()
        path.write_bytes(before.replace(b'"id": 1', b'"id": 7', 1))
        with pytest.raises(RecordError) as caught:
            DOORS[door](generated)
        told = str(caught.value)
        assert told.startswith(f"{path}: is not the file that {generated / 'manifest.json'} names (SHA-256 ")
        assert "keep a changed copy in another folder" in told and "\n" not in told
        path.write_bytes(before)
    DOORS[door](generated)


@pytest.mark.parametrize("door", DOORS)
def test_links_of_other_questions(generated: Path, door: str) -> None:
    (generated / "manifest.json").unlink()  # somebody's copy of the folder, without its build
    questions, links = generated / "dataset/test.json", generated / "dataset/links.jsonl"
    before = questions.read_bytes()
    change(questions, lambda records: [{**each, "id": each["id"] + 1} for each in records])
    with pytest.raises(RecordError, match=r"links\.jsonl: names 1 question that .*test\.json does not hold .*: id 0"):
        DOORS[door](generated)
    questions.write_bytes(before)
    lines = links.read_text().splitlines(keepends=True)
    links.write_text("".join(line for line in lines if '"split": "test", "id": 2' not in line))
    with pytest.raises(RecordError, match=r"links\.jsonl: lacks 1 question that .*test\.json holds .*: id 2"):
        DOORS[door](generated)
    change(questions, lambda records: [each | {"is_impossible": each["id"] == 2} for each in records])
    DOORS[door](generated)  # nothing to link to
    links.unlink()
    DOORS[door](generated)


def test_files_of_others_are_read_as_they_are(generated: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    questions = mine / "test.json"
    questions.write_bytes((generated / "dataset/test.json").read_bytes())
    change(questions, lambda records: records[1:3])
    for name, text in (("manifest.json", '{"name": "my app", "stages": 7}'), ("manifest.json", "[1]")):
        (mine / name).write_text(text)
        assert len(read_dataset(mine).splits["test"]) == 2
        assert len(evaluate(questions, questions, resamples=0).verdicts) == 2
    # a file with a name of its own may hold some of the questions, with their links
    some = generated / "dataset/some.json"
    some.write_bytes(questions.read_bytes())
    records = load_records(some)
    assert all(links_beside({some: records}).of(each) for each in records)
    assert len(read_questions(generated, "test", some).records) == 2


def test_the_command_says_it_in_one_line(generated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(generated / "dataset/test.json", lambda records: records[:-1])
    with pytest.raises(SystemExit) as ended:
        run(["stats", str(generated)])
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert f"{generated}/dataset/test.json: is not the file that {generated}/manifest.json names" in told
    assert "Traceback" not in told
