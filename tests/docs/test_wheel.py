"""The wheel: what is in it, and what a type checker sees of it."""

import ast
import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

import ehrxqa

PROJECT = Path(__file__).parents[2]

CONSUMER = """
from pathlib import Path
from typing import assert_type

import ehrxqa
from ehrxqa.hospital import SynthReport
from ehrxqa.runs.manifest import Manifest

hospital = ehrxqa.synth("hospital", subjects=60)
assert_type(hospital, SynthReport)
assert_type(hospital.out, Path)
assert_type(ehrxqa.__version__, str)
assert_type(ehrxqa.build(hospital.out, Path("out"), train_subjects=10), Manifest)
ehrxqa.build(hospital.out, Path("out"), train_subjects="10")  # type: ignore[arg-type]
ehrxqa.export("out", version=1)  # type: ignore[arg-type]
ehrxqa.biuld("out")  # type: ignore[attr-defined]
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_module_and_says_that_it_is_typed(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert "ehrxqa/py.typed" in names
    modules = {str(path.relative_to(PROJECT / "src")) for path in (PROJECT / "src/ehrxqa").rglob("*.py")}
    assert modules <= names


def test_the_version_stands_in_one_place(wheel):
    assert wheel.name.split("-")[1] == ehrxqa.__version__
    assert f"version: {ehrxqa.__version__}\n" in (PROJECT / "CITATION.cff").read_text()
    assert metadata.version("ehrxqa") == ehrxqa.__version__


def test_a_strict_type_checker_sees_the_types_of_a_users_file(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv/bin/python"
    site = next((tmp_path / "venv/lib").glob("python3*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site)
    (tmp_path / "consumer.py").write_text(CONSUMER)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "--cache-dir", str(tmp_path / "cache")]
    command += ["--config-file", "", "--python-executable", str(python), "consumer.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "Success: no issues found in 1 source file\n", done.stdout + done.stderr


def test_what_type_checkers_see_is_what_is_imported():
    tree = ast.parse((PROJECT / "src/ehrxqa/__init__.py").read_text())
    seen = {
        alias.asname: node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    homes = {name: home for name, home in seen.items() if home and home.startswith("ehrxqa.")}
    assert homes == ehrxqa._HOMES
    assert {*homes, "__version__"} == set(ehrxqa.__all__)
