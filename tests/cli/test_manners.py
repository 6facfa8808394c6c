"""How the command line treats people: names that are nearly right, help, what comes next, one rule for mistakes."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import string
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ehrxqa.building.build import build
from ehrxqa.cli import groups
from ehrxqa.cli.commands import COMMANDS, NEXT, SECTIONS
from ehrxqa.cli.main import main, run
from ehrxqa.hospital import synth
from ehrxqa.questions.generate import generate
from ehrxqa.text_table import columns


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("manners")
    synth(folder / "hospital", subjects=60, seed=1, images=False, workers=1)
    build(folder / "hospital", folder / "out", workers=1)
    generate(folder / "out", test=8, seed=1, workers=1)
    return folder / "out"


@pytest.fixture
def command(capfd):
    """Run a command as the script does: status, what it says, and what it says of itself."""

    def ran(*arguments):
        with pytest.raises(SystemExit) as ended:
            run(list(map(str, arguments)))
        said = capfd.readouterr()
        return ended.value.code, said.out, said.err

    return ran


def leaves():
    context = click.Context(main, info_name="ehrxqa")
    for name in COMMANDS:
        found = main.get_command(context, name)
        if isinstance(found, click.Group):
            yield from ((f"{name} {leaf}", found.commands[leaf]) for leaf in found.list_commands(context))
        else:
            yield name, found


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("generat", "generate"), ("serv", "serve"), ("leakscan", "leak-scan"), ("vqa trian", "train"), ("qery", "query")],
)
def test_a_name_that_is_nearly_right_is_answered_with_the_right_one(command, typed, meant):
    status, _, said = command(*typed.split())
    assert status == 2
    assert f"No such command {typed.split()[-1]!r}. Did you mean {meant}" in said


def test_a_name_that_is_like_none_leads_to_the_list(command):
    assert "No such command 'xyzzy'. See: ehrxqa --help" in command("xyzzy")[2]


def test_an_option_that_is_nearly_right_is_answered_with_the_right_one(command, out):
    status, _, said = command("run", out, "--splt", "test")
    assert status == 2 and "--split" in said


@pytest.mark.parametrize("words", ["", "run", "vqa train", "leak-scan"])
def test_help_says_what_the_option_says(command, words):
    status, said, _ = command("help", *words.split())
    assert status == 0 and said == command(*words.split(), "--help")[1]


def test_help_of_what_there_is_not(command):
    assert "Did you mean train?" in command("help", "vqa", "trian")[2]
    assert "ehrxqa query has no commands of its own" in command("help", "query", "x")[2]


def test_the_help_shows_each_command_once_in_its_part_within_80_columns(command):
    said = command("--help")[1]
    for title, commands in SECTIONS.items():
        part = said.split(f"\n{title}:\n")[1].split("\n\n")[0]
        assert [line.split()[0] for line in part.splitlines()] == list(commands)
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize("name", sorted(NEXT))
def test_what_comes_next_is_a_command_with_options_that_there_are(name):
    found = dict(leaves())
    used = {field for _, field, _, _ in string.Formatter().parse(NEXT[name]) if field}
    assert used <= {parameter.name for parameter in found[name].params}
    words = shlex.split(NEXT[name])
    target = found[" ".join(words[1:3]) if words[1] in ("vqa", "labels") else words[1]]
    known = {option for parameter in target.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


#: Commands that end a way, show what was asked for, serve until they are stopped, or say it themselves.
LAST = {
    "demo", "official", "help", "audit", "query", "why", "serve", "page", "mcp", "evaluate", "compare", "leak-scan",
    "labels write", "labels audit", "vqa evaluate",
}  # fmt: skip


def test_every_command_says_what_comes_next_or_is_known_to_be_the_last():
    names = {name for name, _ in leaves()}
    assert names - LAST == set(NEXT)
    assert names >= LAST


def test_the_next_step_is_said_to_people_only(command, out):
    status, said, aside = command("info", out)
    assert status == 0 and "next:" not in said
    assert aside.splitlines()[-1] == f"next: ehrxqa schema {shlex.quote(str(out))}"
    assert "next:" not in command("info", out, "--quiet")[2]
    assert "next:" not in command("info", out, "--format", "json")[2]
    assert "next:" not in command("schema", out, "nothing")[2]


def test_a_folder_stands_for_its_database(command, out, tmp_path):
    counted = {}
    for split in ("train", "test"):
        status, said, _ = command("query", out, "select count(*) from patients", "--split", split)
        assert status == 0
        database = out / f"database/{split}/mimic_iv_cxr.db"
        assert said == command("query", database, "select count(*) from patients")[1]
        counted[split] = said
    assert counted["train"] != counted["test"]
    (tmp_path / "q.json").write_text('{"a": "select count(*) from patients"}')
    arguments = ("--predictions", tmp_path / "q.json", "--out", tmp_path / "o.json", "--workers", 1)
    assert command("execute", "--database", out, "--split", "train", *arguments)[0] == 0
    (outcome,) = json.loads((tmp_path / "o.json").read_text())
    assert str(outcome["answer"][0]) == counted["train"].split()[-1]


def test_some_queries_of_a_file(command, out, tmp_path):
    queries = {name: f"select {number}" for number, name in enumerate("abcd")}
    (tmp_path / "q.json").write_text(json.dumps(queries))
    (tmp_path / "ids.txt").write_text("b\nd\nc\n")
    arguments = ("execute", "--database", out, "--predictions", tmp_path / "q.json", "--out", tmp_path / "o.json",
                 "--workers", 1, "--ids", tmp_path / "ids.txt")  # fmt: skip
    assert command(*arguments, "--limit", 2)[0] == 0
    assert [record["id"] for record in json.loads((tmp_path / "o.json").read_text())] == ["b", "c"]
    (tmp_path / "ids.txt").write_text('["b", "x"]')
    status, _, said = command(*arguments)
    assert status == 1 and "has no query for 1 of the ids, such as x" in said
    (tmp_path / "ids.txt").write_text("b")
    planned = ("vqa", "plan", out, "--queries", tmp_path / "q.json", "--out", tmp_path / "pairs.jsonl")
    assert "1 of 1 query needs no further answer" in command(*planned, "--ids", tmp_path / "ids.txt")[1]
    assert "3 of 3 queries need no further answer" in command(*planned, "--limit", 3)[1]


def test_queries_in_a_fence_are_counted_and_said(command, out, tmp_path):
    fenced = "```sql\nselect 1\n```"
    (tmp_path / "q.json").write_text(json.dumps({"a": fenced, "b": "select 2", "c": "Sure: select 3;"}))
    arguments = ("--predictions", tmp_path / "q.json", "--out", tmp_path / "o.json", "--workers", 1)
    said = command("execute", "--database", out, *arguments)[1]
    assert "1 of them in a Markdown fence, and ran without it" in said
    notes = {record["id"]: record["notes"] for record in json.loads((tmp_path / "o.json").read_text())}
    assert notes["a"] == ["ran without its fence"] and notes["b"] == []


def test_capitals_in_a_text_are_pointed_out(command, out):
    status, said, aside = command("query", out, "select count(*) from tb_cxr where viewposition = 'PA'")
    assert status == 0 and said.split()[-1] == "0"
    assert "'PA' has capitals, but the texts of this database are in lower case: 'pa'?" in aside


def test_a_table_that_is_nearly_right(command, out):
    assert "there is no table 'patient'; did you mean patients?" in command("schema", out, "patient")[2]
    assert "no such table: patient; did you mean patients?" in command("query", out, "select 1 from patient")[2]
    # the answer key is not named to who has mistyped it
    assert "plus?" not in command("query", out, "select 1 from tb_cxr_plu")[2]


def test_paraphrase_says_what_it_would_send_and_sends_nothing(command, out):
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    where = ("--endpoint", "http://127.0.0.1:9/v1", "--model", "m", "--dry-run")  # a port at which nobody listens
    status, said, aside = command("paraphrase", out, *where, "--limit", 5)
    assert status == 0
    found = re.match(
        r"5 questions, (\d) different sentences?: (\d) requests?, up to (\d+) if replies are refused", said
    )
    assert found and found[1] == found[2] and int(found[3]) == 3 * int(found[2])
    assert "[patient_1]" in said and not re.search(r"\b1\d{7}\b", said)
    assert "next: the same without --dry-run" in aside
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before


MISSING = [
    "info nope", "stats nope", "schema nope", "verify nope", "check nope", "generate nope --test 5", "coverage nope",
    "why nope 1", "run nope", "board nope", "compare nope nope2", "export nope", "serve nope --port 0", "page nope p",
    "query nope 'select 1'", "execute --database nope --predictions q --out o", "mcp nope", "labels nope f",
    "evaluate --gold nope --predictions nope2", "answer --database nope --questions q --out o", "build nope o",
    "paraphrase nope --endpoint http://127.0.0.1:1/v1 --model x", "vqa plan nope --queries q --out o",
    "vqa ask nope --pairs p --model oracle --out o", "vqa train nope --images x --to m",
    "vqa evaluate --questions q --answers a", "vqa generate nope --split valid --per-kind 1",
    "vqa answer nope --questions q --split train --out o", "slice nope --subject 1 --at 2101-01-01 --to x",
    "agent nope --endpoint http://127.0.0.1:1/v1 --model m", "audit q --database nope",
    "download-images nope --dry-run",
]  # fmt: skip


@pytest.mark.parametrize("line", MISSING)
def test_a_file_that_is_not_there_is_a_fault_of_files_in_every_command(command, tmp_path, monkeypatch, line):
    monkeypatch.chdir(tmp_path)
    status, _, said = command(*shlex.split(line))
    assert status == 1
    assert re.fullmatch(r"ehrxqa: error: .+\n", said)
    assert not list(tmp_path.iterdir())


NONSENSE = [
    "run {} --vision fly", "run {} --parser fly", "run {} --subset fly", "run {} --limit 0",
    "query {} 'select func_vqa(\"is there pneumonia?\", 1)' --model fly", "generate {} --scope fly --test 1 --force",
    "evaluate --gold x --predictions y --profile fly",
]  # fmt: skip


@pytest.mark.parametrize("line", NONSENSE)
def test_an_option_that_makes_no_sense_is_wrong_usage_in_every_command(command, out, line):
    assert command(*shlex.split(line.format(out)))[0] == 2


def test_an_option_of_several_commands_stands_once():
    """In `cli/options.py`; two that are called alike and mean the same are one."""
    found: dict[tuple[str, str], set[str]] = {}
    for path in Path(groups.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "option":
                told = {word.arg: word.value for word in node.keywords}.get("help")
                if isinstance(told, ast.Constant) and isinstance(node.args[0], ast.Constant):
                    found.setdefault((node.args[0].value, told.value), set()).add(path.name)
    assert len(found) > 80
    assert {key: files for key, files in found.items() if len(files) > 1} == {}


@pytest.mark.parametrize("line", ["info", "stats", "schema", "board", "verify"])
def test_a_table_fits_a_terminal_of_80_columns(out, line):
    if line == "board":
        CliRunner().invoke(main, ["run", str(out), "--workers", "1", "-q"], catch_exceptions=False)
    said = CliRunner().invoke(main, [line, str(out)], catch_exceptions=False).stdout
    tables = [row for row in said.splitlines() if len(re.findall(r"  +", row.strip())) > 1]
    assert all(len(row) <= 80 for row in tables), tables


def test_a_wide_table_goes_on_below():
    table = [["", *(f"column {number}" for number in range(12))], ["all", *("1.0" for _ in range(12))], ["part"]]
    lines = columns(table, left={3})
    assert max(map(len, lines)) <= 80
    assert lines.count("part") == 2 and lines.count("") == 1
    assert " ".join(lines).count("column") == 12
    assert columns([["a", "x" * 100]]) == ["a  " + "x" * 100]  # a cell is never cut


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_commands(shell):
    environment = os.environ | {"_EHRXQA_COMPLETE": f"{shell}_source"}
    script = [sys.executable, "-c", "from ehrxqa.cli.main import run; run()"]
    done = subprocess.run(script, env=environment, capture_output=True, text=True)
    assert "_EHRXQA_COMPLETE" in done.stdout
    words = {"COMP_WORDS": "ehrxqa gene", "COMP_CWORD": "1" if shell != "fish" else "gene"}
    environment = os.environ | {"_EHRXQA_COMPLETE": f"{shell}_complete"} | words
    done = subprocess.run(script, env=environment, capture_output=True, text=True)
    assert "generate" in done.stdout and "query" not in done.stdout
