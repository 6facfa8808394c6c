from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ehrxqa import evaluate
from ehrxqa.cli.evaluate import command
from ehrxqa.cli.main import run
from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.evaluation.profiles import PROFILES, RULE_DOCS, rules_of, shown
from ehrxqa.neuralsql.predictions import write_outcomes

TABLE = "what is the gender of patient {patient_id}?"
IMAGE = "given the study {study_id}, are there any ${category}?"
MULTI = "has_verb patient {patient_id} been prescribed with {drug_name} and also had a chest x-ray study?"


def write(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    records = [
        {"split": "test", "id": 0, "q_tag": TABLE, "answer": ["m"]},
        {"split": "test", "id": 1, "q_tag": IMAGE, "answer": [1]},
        {"split": "test", "id": 2, "q_tag": MULTI, "answer": []},
    ]
    return write(tmp_path / "gold.json", records)


ANSWERS = {0: ["m"], 1: "null", 2: [0]}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ANSWERS),
        json.dumps([{"id": key, "answer": value} for key, value in ANSWERS.items()]),
        json.dumps([{"id": str(key), "answer": value, "more": 1} for key, value in ANSWERS.items()]),
        "\n".join(json.dumps({"id": key, "answer": value}) for key, value in ANSWERS.items()),
        "\n\n".join(json.dumps({"id": key, "answer": value}) for key, value in reversed(ANSWERS.items())) + "\n",
        "\ufeff" + json.dumps(ANSWERS),
    ],
    ids=["object", "list", "text ids", "lines", "lines in another order", "byte order mark"],
)
def test_forms_of_predictions(tmp_path: Path, gold: Path, text: str) -> None:
    result = evaluate(gold, write(tmp_path / "p.json", text))
    assert result.verdicts == {"0": "right", "1": "abstained", "2": "wrong"}
    assert {g.name: g.tally.right for g in result.groups["modality"]} == {"Table": 1, "Image": 0, "Image+Table": 0}
    assert [g.name for g in result.groups["scope"]] == ["TABLE-SINGLE", "IMAGE-SINGLE-1", "MULTIMODAL-SINGLE"]
    assert sum(g.tally.total for g in result.groups["family"]) == 3


def test_one_line_of_jsonl_is_a_record(tmp_path: Path) -> None:
    gold = write(tmp_path / "g.json", [{"id": 5, "answer": [2]}])
    assert evaluate(gold, write(tmp_path / "p.jsonl", {"id": 5, "answer": [2]})).verdicts == {"5": "right"}
    # {id: answer} with an id that is called "id"
    gold = write(tmp_path / "g.json", {"id": [1], "x": [2]})
    assert evaluate(gold, gold).overall.tally.right == 2


def test_outcomes_of_execute(tmp_path: Path, gold: Path) -> None:
    outcomes = [
        {"id": 0, "status": "answered", "answer": ["m"], "error": None, "questions": 0, "seconds": 0.1},
        {"id": 1, "status": "timeout", "answer": None, "error": "too long", "questions": 0, "seconds": 9.0},
        {"id": 2, "status": "error", "answer": None, "error": "no such table", "questions": 0, "seconds": 0.0},
    ]
    write_outcomes(tmp_path / "o.json", outcomes)
    paper = evaluate(gold, tmp_path / "o.json")
    assert (paper.verdicts, paper.failed) == ({"0": "right", "1": "abstained", "2": "abstained"}, 2)
    strict = evaluate(gold, tmp_path / "o.json", profile="strict")
    assert strict.verdicts == {"0": "right", "1": "wrong", "2": "wrong"}
    outcomes[1]["status"] = "abstained"
    write_outcomes(tmp_path / "o.json", outcomes)
    assert evaluate(gold, tmp_path / "o.json", profile="strict").verdicts["1"] == "abstained"


def test_duplicates_and_missing_ids(tmp_path: Path, gold: Path) -> None:
    twice = [{"id": 0, "answer": ["f"]}, {"id": 0, "answer": ["m"]}]
    rest = [{"id": 1, "answer": [1]}, {"id": 2, "answer": []}]
    path = write(tmp_path / "p.json", twice + rest)
    result = evaluate(gold, path)
    assert (result.overall.tally.right, result.overall.tally.total, result.duplicates) == (3, 3, 1)
    with pytest.raises(RecordError, match="id 0 occurs several times"):
        evaluate(gold, path, profile="strict")
    path = write(tmp_path / "p.json", rest)
    with pytest.raises(RecordError, match=r"1 of 3 gold ids have no prediction, first 0; "):
        evaluate(gold, path)
    assert evaluate(gold, path, profile="strict").verdicts["0"] == "wrong"
    # a duplicated key of an object counts as well
    path = write(tmp_path / "p.json", '{"0": ["f"], "1": [1], "2": [], "0": ["m"]}')
    assert evaluate(gold, path).overall.tally.right == 3
    with pytest.raises(RecordError, match="several times"):
        evaluate(gold, path, profile="strict")


@pytest.mark.parametrize("profile", PROFILES)
def test_a_gold_id_that_is_there_twice_is_an_error_in_every_profile(tmp_path: Path, profile: str) -> None:
    gold = write(tmp_path / "g.json", [{"id": 0, "answer": [1]}, {"id": 0, "answer": [1]}, {"id": 1, "answer": [3]}])
    predictions = write(tmp_path / "p.json", {0: [1], 1: [0]})
    with pytest.raises(RecordError, match=r"g\.json: record 2: id 0 is there twice"):
        evaluate(gold, predictions, profile=profile, resamples=0)


def test_mixed_splits(tmp_path: Path) -> None:
    records = [{"split": split, "id": 0, "q_tag": TABLE, "answer": [split]} for split in ("train", "test")]
    gold = write(tmp_path / "g.json", records)
    with_split = write(tmp_path / "p.json", [{"split": r["split"], "id": 0, "answer": r["answer"]} for r in records])
    assert evaluate(gold, with_split).verdicts == {"train/0": "right", "test/0": "right"}
    by_name = write(tmp_path / "q.json", {"train/0": ["train"], "test/0": ["x"]})
    assert evaluate(gold, by_name).verdicts == {"train/0": "right", "test/0": "wrong"}
    with pytest.raises(RecordError, match="no split, but the gold answers mix splits"):
        evaluate(gold, write(tmp_path / "r.json", {0: []}))


def test_challenge_form_with_questions(tmp_path: Path, gold: Path) -> None:
    answers = write(tmp_path / "answers.json", [{"id": i, "answer": a} for i, a in ((0, ["m"]), (1, [1]), (2, []))])
    predictions = write(tmp_path / "p.json", ANSWERS)
    bare = evaluate(answers, predictions, profile="challenge")
    assert (bare.groups, bare.overall.tally.right) == ({}, 1)
    full = evaluate(answers, predictions, profile="challenge", questions=gold)
    assert [group.name for group in full.groups["modality"]] == ["Table", "Image", "Image+Table"]


BAD_PREDICTIONS = {
    "": "is empty",
    "[": "is not JSON at line 1, column 2 .*cut off",
    '{"id": 0, "answer": [1]}\n{"id": 1, "ans': "line 2 is not JSON at column 11",
    "3": "must be a JSON object {id: answer}",
    "[3]": "record 1 is not a JSON object",
    '[{"id": 0}]': r"record 1 \(id 0\) has no answer",
    '[{"answer": []}]': "record 1 has no id",
    '[{"id": 1.5, "answer": []}]': "neither a text nor a whole number",
    '[{"id": true, "answer": []}]': "neither a text nor a whole number",
    '[{"id": 0, "answer": {}}]': r'an answer is a list or the text "null"',
    '[{"id": 0, "status": "fine", "answer": []}]': "status must be answered",
    '[{"id": 0, "split": "train", "answer": []}]': "record 1 is of split 'train', the gold answers are of 'test'",
    '{"0": [], "1": [], "2": [], "3": []}': r"1 predicted id is not in gold\.json, the first is 3",
    '{"0": ' + "[" * 100_000: "nested too deeply",
    '{"0": [' + "1" * 5000 + "]}": "a number of thousands of digits",
}


@pytest.mark.parametrize(("text", "message"), BAD_PREDICTIONS.items(), ids=range(len(BAD_PREDICTIONS)))
def test_bad_predictions_get_one_line(tmp_path: Path, gold: Path, text: str, message: str) -> None:
    path = write(tmp_path / "p.json", text)
    with pytest.raises(RecordError, match=message) as caught:
        evaluate(gold, path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "holds no gold answers"),
        ("{}", "holds no gold answers"),
        ('[{"id": 0, "_gold_program": "select 1"}]', "fill its answers with ehrxqa answer"),
        ('[{"id": 0, "answer": [0.5, null]}]', "id 0: the gold answer cannot be compared"),
        ('[{"id": 0, "answer": null}]', r"record 1 \(id 0\): the gold answer is JSON null"),
        ('[{"id": 0, "answer": [NaN]}]', r"record 1 \(id 0\): the gold answer holds nan"),
    ],
)
def test_bad_gold_gets_one_line(tmp_path: Path, text: str, message: str) -> None:
    gold = write(tmp_path / "g.json", text)
    with pytest.raises(RecordError, match=message):
        evaluate(gold, write(tmp_path / "p.json", {0: []}))


def test_not_text_and_not_there(tmp_path: Path, gold: Path) -> None:
    with pytest.raises(RecordError, match="no such file"):
        evaluate(gold, tmp_path / "none.json")
    (tmp_path / "p.json").write_bytes(b"\xff\xfe[]")
    with pytest.raises(RecordError, match="cannot be read as UTF-8 text"):
        evaluate(gold, tmp_path / "p.json")
    with pytest.raises(RecordError, match="cannot be read"):
        evaluate(gold, tmp_path)


@pytest.mark.parametrize(
    "wrong", [{"profile": "x"}, {"resamples": -1}, {"confidence": 1.0}, {"confidence": 0.0}, {"seed": -1}]
)
def test_wrong_settings(gold: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        evaluate(gold, gold, **wrong)


def test_gold_against_itself(gold: Path) -> None:
    for profile in PROFILES.keys() - {"asked-order"}:  # which needs gold queries
        assert evaluate(gold, gold, profile=profile).overall.tally.right == 3


def test_every_rule_is_printed(tmp_path: Path, gold: Path) -> None:
    path = write(tmp_path / "p.json", ANSWERS)
    for profile in PROFILES.values():
        if profile.order == "asked":  # needs gold queries
            continue
        arguments = ["--gold", str(gold), "--predictions", str(path), "--profile", profile.name, "--rules"]
        out = CliRunner().invoke(command, arguments, catch_exceptions=False).output
        assert set(rules_of(profile)) == set(RULE_DOCS)
        for name, value in rules_of(profile).items():
            assert re.search(rf"^  {name} +{re.escape(shown(value))}$", out, re.MULTILINE)


def test_command_forms(tmp_path: Path, gold: Path) -> None:
    path = write(tmp_path / "p.json", ANSWERS)
    arguments = ["--gold", str(gold), "--predictions", str(path)]
    table = CliRunner().invoke(command, [*arguments, "--families"], catch_exceptions=False).output
    assert "MULTIMODAL-SINGLE" in table
    assert "33.3 [0.0, 100.0]" in table
    result = CliRunner().invoke(command, [*arguments, "--format", "json"], catch_exceptions=False)
    value = json.loads(result.stdout)
    assert value["overall"]["scores"]["RS5"]["value"] == pytest.approx(100 * (1 - 5) / 3)
    assert value["modality"]["Image"]["abstained"] == 1
    assert value["profile"]["failure"] == "abstained"
    again = CliRunner().invoke(command, [*arguments, "--format", "json"], catch_exceptions=False)
    assert again.stdout == result.stdout
    details = ["--format", "html", "--out", str(tmp_path / "r.html"), "--details", str(tmp_path / "d.json")]
    assert CliRunner().invoke(command, [*arguments, *details], catch_exceptions=False).exit_code == 0
    assert json.loads((tmp_path / "d.json").read_text()) == {"0": "right", "1": "abstained", "2": "wrong"}
    check_page((tmp_path / "r.html").read_text())


class Checker(HTMLParser):
    """Tags are closed in order, and nothing is loaded from anywhere."""

    void = frozenset({"meta", "rect", "path", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        assert tag not in ("script", "link", "img", "iframe", "image")
        assert not {name for name, _ in attrs} & {"src", "href", "xlink:href"}
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check_page(text: str) -> None:
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert {"svg", "table", "h1"} <= checker.seen


def test_columns_of_the_table_are_aligned(tmp_path: Path) -> None:
    records = [{"id": number, "q_tag": TABLE, "answer": [number]} for number in range(900)]
    gold = write(tmp_path / "g.json", records)
    path = write(tmp_path / "p.json", {number: [number if number % 3 else -1] for number in range(900)})
    out = CliRunner().invoke(command, ["--gold", str(gold), "--predictions", str(path)], catch_exceptions=False).output
    tables = out.split("\n\n")[1:-1]
    assert len(tables) == 3 and "EX = RS0" in tables[0] and "RSN" in tables[2]
    for table in tables:  # cells stand below their headings, in 80 columns
        heading, overall = (line for line in table.splitlines()[:2])
        assert len(heading) == len(overall) <= 80
    assert sum(table.count("[") for table in tables) == 3 * 4


def test_rows_instead_of_flat_lists_are_said(tmp_path: Path, gold: Path) -> None:
    path = write(tmp_path / "p.json", {0: [["m"]], 1: [1], 2: []})
    result = evaluate(gold, path)
    assert (result.nested, result.verdicts["0"]) == (1, "wrong")
    arguments = ["--gold", str(gold), "--predictions", str(path)]
    assert "1 prediction holds a list inside the list" in CliRunner().invoke(command, arguments).output


def test_input_files_are_not_overwritten(tmp_path: Path, gold: Path) -> None:
    path = write(tmp_path / "p.json", ANSWERS)
    before = gold.read_bytes()
    for option, target in (("--out", gold), ("--details", path)):
        arguments = ["--gold", str(gold), "--predictions", str(path), option, str(target)]
        done = CliRunner().invoke(command, arguments)
        assert isinstance(done.exception, SettingsError)
        assert "is read by this command" in str(done.exception)
    assert gold.read_bytes() == before


def test_errors_on_the_command_line(tmp_path: Path, gold: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        run(["evaluate", "--gold", str(gold), "--predictions", str(tmp_path / "none.json")])
    assert done.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_help_needs_no_numbers() -> None:
    code = "import sys, ehrxqa.cli.evaluate; sys.exit('numpy' in sys.modules or 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert "evaluate" in CliRunner().invoke(command, ["--help"]).output


@pytest.mark.shared
def test_reference_answers(tmp_path: Path, shared: Path) -> None:
    gold = shared / "parity" / "answers" / "test" / "expected.json"
    records = json.loads(gold.read_text())
    predictions = write(tmp_path / "p.json", {record["id"]: record["answer"] for record in records})
    for profile in PROFILES:
        assert evaluate(gold, predictions, profile=profile).overall.tally.right == len(records)
    # a value more is seen by every profile; where floats come first it cannot even be rounded
    short = [record for record in records if len(record["answer"]) < 100]
    gold = write(tmp_path / "g.json", short)
    broken = write(tmp_path / "p.json", {record["id"]: [*record["answer"], "more"] for record in short})
    for profile in PROFILES:
        assert evaluate(gold, broken, profile=profile, resamples=0).overall.tally.right == 0
