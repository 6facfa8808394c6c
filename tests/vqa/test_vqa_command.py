"""`ehrxqa vqa` on the command line."""

from __future__ import annotations

import json

import pytest

from ehrxqa.cli.main import run


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as done:
        run(["vqa", *map(str, arguments)])
    return int(done.value.code or 0)


@pytest.mark.parametrize("name", ["answer", "generate"])
def test_help_has_an_example(capsys, name):
    assert call(name, "--help") == 0
    assert f"ehrxqa vqa {name} out" in capsys.readouterr().out


@pytest.mark.shared
def test_several_files_after_one_option(shared, reference_out, tmp_path, capsys):
    folder, target = shared / "parity" / "vqa" / "train", tmp_path / "train.json"
    parts = [folder / "_train_part1.json", folder / "_train_part2.json"]
    arguments = ("--split", "train", "--out", target, "--format", "json", "--quiet")
    assert call("answer", reference_out, "--questions", *parts, *arguments) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["questions"] == 336
    assert printed.err == ""
    assert target.read_bytes() == (folder / "expected.json").read_bytes()
    assert call("answer", reference_out, "--questions", parts[0], "--questions", parts[1], *arguments) == 0
    assert target.read_bytes() == (folder / "expected.json").read_bytes()


@pytest.mark.shared
def test_generate_writes_both_files_and_never_over_others(reference_out, tmp_path, capsys):
    target = tmp_path / "new" / "test.json"
    arguments = ("generate", reference_out, "--split", "test", "--per-kind", 1, "--seed", 5, "--out", target)
    assert call(*arguments) == 0
    assert "48 questions of 48 kinds" in capsys.readouterr().out
    first = target.read_bytes()
    questions = json.loads((tmp_path / "new" / "_test.json").read_bytes())
    assert [entry["idx"] for entry in questions] == [entry["idx"] for entry in json.loads(first)]
    assert call(*arguments) == 2
    assert "_test.json is there already" in capsys.readouterr().err
    assert call(*arguments, "--force") == 0
    assert target.read_bytes() == first
    assert call("generate", reference_out, "--split", "test", "--per-kind", 1, "--quiet") == 0
    assert (reference_out / "vqa" / "test.json").is_file()


@pytest.mark.shared
def test_a_wrong_split_is_one_clear_line(shared, reference_out, tmp_path, capsys):
    questions = shared / "parity" / "vqa" / "test" / "_test.json"
    target = tmp_path / "x.json"
    assert call("answer", reference_out, "--questions", questions, "--split", "valid", "--out", target, "-q") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert '288 of 288 questions cannot be answered: question 0: it belongs to split "test"' in error
    assert not target.exists()


def test_wrong_usage(tmp_path, capsys):
    questions = tmp_path / "_test.json"
    questions.write_text("[]")
    there = ("--questions", questions, "--split", "test")
    assert (
        call("answer", tmp_path / "none", *there, "--out", tmp_path / "x.json") == 1
    )  # a folder, as a file, is missing: the command is right
    assert "no such output folder" in capsys.readouterr().err
    assert call("answer", tmp_path, *there, "--out", questions) == 2
    assert "would be overwritten" in capsys.readouterr().err
    assert call("answer", tmp_path, "--questions", questions, *there, questions, "--out", tmp_path / "x.json") == 2
    assert "several question files" in capsys.readouterr().err
    assert call("answer", tmp_path, "--split", "test", "--out", tmp_path / "x.json") == 2
    assert call("generate", tmp_path, "--split", "test", "--per-kind", 0) == 2
    capsys.readouterr()
    assert call("answer", tmp_path, *there, "--out", tmp_path / "x.json") == 1
    assert "images.parquet is missing" in capsys.readouterr().err
