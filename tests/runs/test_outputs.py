"""No command writes over what it reads, whatever name it is given for it; and only regular files are written."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ehrxqa.cli.commands import COMMANDS
from ehrxqa.cli.main import main
from ehrxqa.errors import EhrxqaError, SettingsError
from ehrxqa.files import atomic_path, reading, write_text

DATABASE = "out/database/test/mimic_iv_cxr.db"
QUESTIONS, ANSWERED = "out/dataset/_test.json", "out/dataset/test.json"


@dataclass(frozen=True)
class Case:
    """A command that writes single files.

    Attributes:
        command: Its words, with the files it reads.
        reads: The files it reads, also those it finds by itself in a folder.
        writes: Its options for files to write.
        beside: What it writes beside such a file: name → option, and the name of the side file made of it.
    """

    command: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    beside: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """The words of the command alone."""
        return " ".join(self.command[: 2 if self.command[0] == "vqa" else 1])


LABELS = ("out/labels/images.parquet", "out/manifest.json")
CASES = [
    Case(("answer", "--database", "out", "--questions", QUESTIONS), (DATABASE, QUESTIONS), ("--out",)),
    Case(
        ("vqa", "answer", "out", "--questions", "vqa.json", "--split", "test"),
        ("vqa.json", *LABELS, DATABASE, ANSWERED), ("--out",),
    ),
    Case(
        ("vqa", "generate", "out", "--split", "test", "--per-kind", "1", "--force"),
        (*LABELS, DATABASE, ANSWERED), ("--out",), (("--out", "_{}"),),
    ),
    Case(
        ("query", DATABASE, 'select func_vqa("is there pneumonia?", study_id) from tb_cxr'), (DATABASE,), ("--cache",)
    ),
    Case(
        ("execute", "--database", DATABASE, "--predictions", "predictions.json", "--workers", "1"),
        (DATABASE, "predictions.json"), ("--out", "--answers", "--cache"), (("--out", "{}.journal"),),
    ),
    Case(("vqa", "plan", "out", "--queries", "predictions.json"), (DATABASE, "predictions.json"), ("--out",)),
    Case(
        ("vqa", "ask", "out", "--pairs", "pairs.jsonl", "--model", "constant:no"),
        ("pairs.jsonl", DATABASE, "out/manifest.json"), ("--out",),
    ),
    Case(("board", "out"), (DATABASE, ANSWERED, "out/manifest.json"), ("--html",)),
    Case(
        ("slice", "out", "--questions", ANSWERED), (DATABASE, ANSWERED, "out/manifest.json"), ("--to",),
    ),
    Case(("mcp", "out", "--vision", "none"), (DATABASE, ANSWERED, "out/manifest.json"), ("--trace",)),
    Case(("stats", "out"), (ANSWERED, "out/manifest.json", DATABASE), ("--page",)),
    Case(
        ("audit", QUESTIONS, "--database", "out", "--workers", "1"),
        (QUESTIONS, ANSWERED, DATABASE), ("--out",),
    ),
    Case(
        ("evaluate", "--gold", ANSWERED, "--predictions", "answers.json", "--questions", QUESTIONS),
        (ANSWERED, "answers.json", QUESTIONS), ("--out", "--details"),
    ),
]  # fmt: skip
NEEDED = {"execute": ("--out", "new.json"), "answer": ("--out", "new.json"), "vqa answer": ("--out", "new.json")}

#: Every other path that may name a file: what is read.
INPUTS = {
    "synth out", "answer database", "answer questions", "vqa answer more_questions", "vqa answer questions",
    "vqa plan queries", "vqa plan answers", "vqa ask pairs", "vqa ask questions", "vqa evaluate questions",
    "vqa evaluate answers", "evaluate gold", "evaluate predictions", "evaluate questions", "download subjects",
    "download questions", "download-images questions", "download-images subjects", "leak-scan allow", "leak-scan paths",
    "why database", "query database", "mcp database", "run questions", "run ids", "agent questions", "agent ids",
    "slice questions", "labels audit human", "audit questions", "audit database", "execute ids", "execute database",
    "execute predictions", "vqa plan ids", "evaluate database",
}  # fmt: skip


def _options(name: str, command: click.Command) -> dict[str, str]:
    """`command option` → its long name, of all options of a command, and of those in it, that may name a new file."""
    if isinstance(command, click.Group):
        inner = [_options(f"{name} {word}", each) for word, each in command.commands.items()]
        return {key: option for options in inner for key, option in options.items()}
    return {
        f"{name} {parameter.name}": parameter.opts[-1]
        for parameter in command.params
        if isinstance(parameter.type, click.Path) and parameter.type.file_okay and not parameter.type.exists
    }


def test_every_path_of_every_command_is_known_here():
    found = {}
    for name, (module, _) in COMMANDS.items():
        found.update(_options(name, import_module(module).command))
    written = {(case.name, option) for case in CASES for option in case.writes}
    left = {key for key, option in found.items() if (key.rpartition(" ")[0], option) not in written}
    assert left - INPUTS == set(), "say in this file whether these are read, or add cases of what writes them"


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


PAIRS = [
    pytest.param(case, option, path, how, id=f"{case.command[0]}{option}={Path(path).name}-{how}")
    for case in CASES
    for option in case.writes
    for path in case.reads
    for how in ("itself", "hard link", "link", "folder/../name")
]


@pytest.fixture(scope="module")
def place(built, tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    shutil.copytree(built, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("hospital"))
    (folder / "vqa.json").write_text("[]")
    (folder / "pairs.jsonl").write_text("")
    return folder


@pytest.fixture
def inside(place, monkeypatch):
    """The folder of the build, as it was before the test when it ends."""
    monkeypatch.chdir(place)
    yield place
    for extra in ("other", "new.json", "new.json.journal"):
        (place / extra).unlink(missing_ok=True)


def _call(case: Case, option: str, target: str) -> BaseException | None:
    needed = NEEDED.get(case.name, ())
    needed = () if needed[:1] == (option,) else needed
    return CliRunner().invoke(main, [*case.command, *needed, option, target, "-q"]).exception


@pytest.mark.parametrize(("case", "option", "path", "how"), PAIRS)
def test_no_output_destroys_an_input(case, option, path, how, inside):
    match how:
        case "itself":
            target = path
        case "folder/../name":
            target = f"out/../{path}"
        case "hard link":
            os.link(path, target := "other")
        case _:
            target = "other"
            Path(target).symlink_to(inside / path)
    before = _digests(inside)
    error = _call(case, option, target)
    assert _digests(inside) == before
    assert isinstance(error, EhrxqaError), error


@pytest.mark.parametrize("case", [case for case in CASES if case.beside], ids=lambda case: case.command[0])
def test_no_side_file_destroys_an_input(case, inside):
    for path in case.reads:
        for option, form in case.beside:
            folder, name = os.path.split(path)
            before_, after = form.split("{}")
            if not (name.startswith(before_) and name.endswith(after)):  # give the input a name that a side file gets
                continue
            before = _digests(inside)
            assert isinstance(_call(case, option, str(Path(folder, name[len(before_) :]))), EhrxqaError)
            assert _digests(inside) == before


def test_predictions_named_as_the_journal_stay(inside):
    shutil.copy("predictions.json", "new.json.journal")
    before = Path("new.json.journal").read_bytes()
    words = ["execute", "--database", DATABASE, "--out", "new.json", "-q", "--predictions"]
    assert isinstance(CliRunner().invoke(main, [*words, "new.json.journal"]).exception, SettingsError)
    assert isinstance(CliRunner().invoke(main, [*words, "predictions.json"]).exception, EhrxqaError)  # someone's file
    assert Path("new.json.journal").read_bytes() == before


def test_an_input_named_as_an_unfinished_output_stays(tmp_path):
    (tmp_path / "x.part").write_text("input")
    with reading(tmp_path / "x.part"), pytest.raises(SettingsError, match="is read by this command"):
        write_text(tmp_path / "x", "output")
    assert (tmp_path / "x.part").read_text() == "input"


def test_a_link_named_as_an_unfinished_output_is_not_followed(tmp_path):
    (tmp_path / "other").write_text("other")
    (tmp_path / "x.part").symlink_to(tmp_path / "other")
    write_text(tmp_path / "x", "output")
    assert ((tmp_path / "x").read_text(), (tmp_path / "other").read_text()) == ("output", "other")


@pytest.mark.parametrize("kind", ["folder", "link", "pipe", "device"])
def test_only_regular_files_are_replaced(kind, tmp_path):
    path = Path("/dev/null") if kind == "device" else tmp_path / "x"
    match kind:
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(tmp_path / "nowhere")
        case "pipe":
            os.mkfifo(path)
    before = path.lstat()
    with pytest.raises(SettingsError), atomic_path(path) as part:
        part.touch()
    assert path.lstat().st_mode == before.st_mode


def test_an_output_that_is_written_twice_is_said(tmp_path):
    with pytest.raises(SettingsError, match="written twice"), reading(writing=[tmp_path / "x", tmp_path / "y/../x"]):
        pass
