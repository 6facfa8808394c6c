"""Every script in benchmarks/ runs, in its smallest form, so that none can rot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ehrxqa

SCRIPTS = Path(__file__).parents[2] / "benchmarks"

#: Arguments of each script; {small} is a folder as `ehrxqa demo` leaves one, {copy} a copy of its output folder.
SMALLEST = {
    "agents.py": "{small} --smoke",
    "answers.py": "--database {database} --questions {questions} --records 30 --sample 5",
    "build.py": "--smoke",
    "cluster.py": "--smoke",
    "explorer.py": "--out {small} --questions 60 --requests 5",
    "generate.py": "{copy} 12",
    "neuralsql.py": "{database} {questions} --repeat 1 --subjects 1",
    "official_size.py": "--smoke --workers 1",
    "template_parser.py": "{copy} --train 20 --test 4",
    "vqa.py": "--images 100 --questions 100",
    "wordings.py": "{small}/ehrxqa",
    "xrays.py": "{small}/hospital",
}
#: Scripts that end with 1 when a budget is passed, which a busy machine may do.
WITH_BUDGET = {"explorer.py": "OVER BUDGET"}


@pytest.fixture(scope="module")
def small(x_rayed, tmp_path_factory):
    """A hospital with X-rays, its build and questions, laid out as `ehrxqa demo` does."""
    root = tmp_path_factory.mktemp("benchmarks")
    (root / "hospital").symlink_to(x_rayed / "hospital")
    shutil.copytree(x_rayed / "out", root / "ehrxqa")
    ehrxqa.generate(root / "ehrxqa", train=24, valid=6, test=48, workers=1, force=True)
    return root


def test_every_script_is_tried():
    assert SMALLEST.keys() == {path.name for path in SCRIPTS.glob("*.py")}


@pytest.mark.parametrize("name", sorted(SMALLEST))
def test_a_script_runs(name, small, tmp_path):
    places = {
        "small": small,
        "copy": tmp_path / "copy",
        "database": small / "ehrxqa/database/test/mimic_iv_cxr.db",
        "questions": small / "ehrxqa/dataset/_test.json",
    }
    if "{copy}" in SMALLEST[name]:
        shutil.copytree(small / "ehrxqa", places["copy"])
    done = subprocess.run(
        [sys.executable, SCRIPTS / name, *SMALLEST[name].format(**places).split()],
        capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"}, cwd=tmp_path, timeout=900,
    )  # fmt: skip
    over = WITH_BUDGET.get(name)
    assert done.returncode == 0 or (over and over in done.stdout and "Traceback" not in done.stderr), done.stderr[
        -2000:
    ]
    assert done.stdout
