"""Files that the operating system does not give: one clear error of ours from every function and command."""

from __future__ import annotations

import inspect
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ehrxqa
from ehrxqa.cli.main import run
from ehrxqa.errors import BuildError, EhrxqaError

#: Functions whose first argument is a file or folder that is read.
READERS = sorted(
    {
        "answer",
        "audit",
        "board",
        "check",
        "compare",
        "coverage",
        "evaluate",
        "execute",
        "export",
        "generate",
        "info",
        "run",
    }
    | {"labels_audit", "labels_write", "load", "query", "run_agent", "schema", "slice_questions", "stats", "verify"}
    | {"run", "vqa_answer", "vqa_evaluate", "vqa_plan", "why"}
)
#: Linux alone: runs a command as root without the right to read what nobody may.
DROPPED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"]


@pytest.mark.parametrize("name", ["a\0b", "\ud800x", "x" * 5000])
@pytest.mark.parametrize("reader", READERS)
def test_a_name_that_no_file_can_have(reader: str, name: str) -> None:
    function = getattr(ehrxqa, reader)
    needed = [each for each in inspect.signature(function).parameters.values() if each.default is each.empty]
    given: dict[str, Any] = {each.name: 1 if str(each.annotation) == "int" else name for each in needed}
    with pytest.raises(EhrxqaError):
        function(**given)


def test_the_command_says_so_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["info", "x" * 300])
    assert ended.value.code == 1
    assert "File name too long" in capsys.readouterr().err


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "out/dataset").mkdir(parents=True)
    (tmp_path / "out/dataset/test.json").write_text("[]")
    (tmp_path / "out/dataset").chmod(0)
    try:
        as_root = os.geteuid() == 0
        if as_root and shutil.which("setpriv") is None:
            pytest.skip("needs setpriv (util-linux), since root may read everything")
        command = [*(DROPPED if as_root else []), sys.executable, "-m", "ehrxqa", "stats", str(tmp_path / "out")]
        said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert said.returncode == 1
        assert said.stderr.splitlines() == [
            f"ehrxqa: error: {tmp_path}/out/dataset/train.json: cannot be used (Permission denied)"
        ]
    finally:
        (tmp_path / "out/dataset").chmod(0o700)


def test_what_is_about_no_file_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()

    def failing(error: OSError) -> Any:
        def raises(out: Path) -> Any:
            raise error

        return raises

    monkeypatch.setattr("ehrxqa.models.board.list_runs", failing(OSError(5, "no device")))
    with pytest.raises(OSError, match="no device"):
        ehrxqa.board(tmp_path / "out")
    monkeypatch.setattr("ehrxqa.models.board.list_runs", failing(OSError(5, "Input/output error", "some/file")))
    with pytest.raises(BuildError, match=r"^some/file: cannot be used \(Input/output error\)$"):
        ehrxqa.board(tmp_path / "out")
