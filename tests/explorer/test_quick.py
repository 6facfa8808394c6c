"""Indexed copies give the rows of the database itself, in their order, and leave nothing behind."""

from __future__ import annotations

import shutil
from pathlib import Path

from ehrxqa.errors import NeuralSqlError
from ehrxqa.explain.explanation import readable
from ehrxqa.explorer.library import open_library
from ehrxqa.explorer.quick import QuickCopies
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.steps import steps_of


def test_every_step_gives_the_same_rows_on_the_copy(folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    shutil.copytree(folder / "ehrxqa", out)
    library = open_library(out)
    (out / ".work/explorer-999999999").mkdir()  # of a process that was killed
    library.quick.make()
    assert not (out / ".work/explorer-999999999").exists()
    assert len(list((out / ".work").glob("explorer-*/*.db"))) == 2
    for path in (out / ".work").glob("explorer-*/*.db"):
        assert path.stat().st_mode & 0o077 == 0
    compared = 0
    for split, programs in library.programs.items():
        base = library.base_of_split(split)
        with library.sandbox(base) as plain, library.quick.runner(base, Limits()) as quick:
            for program in programs.values():
                for step in steps_of(readable(program)) if program != "null" else ():
                    try:
                        rows = plain.run(step.sql)
                    except NeuralSqlError:  # depends on the query around it
                        continue
                    assert quick(step.sql) == rows, step.sql
                    compared += 1
    assert compared > 100
    library.quick.remove()
    assert not list((out / ".work").glob("explorer-*"))


def test_a_folder_that_cannot_be_written_goes_without(folder: Path, tmp_path: Path):
    databases = {"test": folder / "ehrxqa/database/test/mimic_iv_cxr.db"}
    (tmp_path / ".work").write_text("a file where a folder should be")
    copies = QuickCopies(tmp_path, databases, CURRENT_TIME)
    copies.make()
    with copies.runner("test", Limits()) as run:
        assert run("select count(*) from patients").rows[0][0] > 0
