"""A copy of the project in which one token at a time is changed and the tests are run."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mutants.changes import Change, apply
from mutants.touching import Place, Record, read_record, write_wanted

__all__ = ["Copy", "Ran"]

PROJECT = Path(__file__).parents[2]
#: Address space of one test process: a mutant that fills memory fails instead of the machine.
MOST_KIB = 12 * 2**20
_COPIED = (
    "src",
    "tests",
    "docs",
    "examples",
    "benchmarks",
    "pyproject.toml",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "CITATION.cff",
    "Makefile",
    "uv.lock",
    "zensical.toml",
    ".pre-commit-hooks.yaml",
)


@dataclass(frozen=True)
class Ran:
    """What the tests said.

    Attributes:
        passed: All of them.
        in_time: They ended before the limit.
        seconds: How long they took.
        end: The end of their output.
    """

    passed: bool
    in_time: bool
    seconds: float
    end: str


class Copy:
    """The project in a folder of its own, without reference data beside it."""

    def __init__(self, folder: Path) -> None:
        """Copy the project into `folder/project`, so that nothing lies at `../shared`."""
        self.root = folder / "project"
        self.root.mkdir(parents=True)
        (folder / "tmp").mkdir()
        for name in _COPIED:
            source = PROJECT / name
            if source.is_dir():
                unwanted = shutil.ignore_patterns("__pycache__", ".hypothesis", ".pytest_cache")
                shutil.copytree(source, self.root / name, ignore=unwanted)
            elif source.is_file():
                shutil.copy2(source, self.root / name)
        paths = os.pathsep.join((str(self.root / "src"), str(self.root / "tests")))
        self._environment = os.environ | {"PYTHONPATH": paths, "TMPDIR": str(folder / "tmp")}
        self._scratch = folder / "tmp"
        self._moment = 10**9

    @property
    def sources(self) -> Path:
        """`src/ehrxqa`, as its files call themselves."""
        return self.root / "src/ehrxqa"

    def try_change(self, change: Change, batches: Iterable[tuple[list[str], float]]) -> Ran:
        """Make a change, run batches of tests up to the first that fails, undo it.

        Args:
            change: The change.
            batches: Tests, and the seconds in which they must end.
        """
        file = self.sources / change.path
        source = file.read_text(encoding="utf-8")
        ran = Ran(True, True, 0.0, "")
        try:
            self._write(file, apply(source, change))
            for tests, seconds in batches:
                before, ran = ran.seconds, self.run(tests, seconds)
                ran = replace(ran, seconds=ran.seconds + before)
                if not ran.passed:
                    break
        finally:
            self._write(file, source)
        return ran

    def record(self, tests: list[str], places: Iterable[Place], seconds: float) -> tuple[Record, Ran]:
        """Run tests, whatever fails, and find out which of them call the functions of some places."""
        folder = self._scratch.with_name("record")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        write_wanted(folder, self.sources, places)
        start = str(Path(__file__).parent / "start")
        paths = os.pathsep.join((start, self._environment["PYTHONPATH"]))
        environment = {"MUTANTS_RECORD": str(folder), "PYTHONPATH": paths}
        ran = self.run(["-p", "mutants.recorder", "--maxfail=1000", *tests], seconds, environment)
        return read_record(folder), ran

    def run(self, tests: list[str], seconds: float, environment: Mapping[str, str] | None = None) -> Ran:
        """Run tests up to the first that fails, for so many seconds at most."""
        pytest = [sys.executable, "-m", "pytest", "-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider"]
        # rather /bin/sh than preexec_fn, which is not safe beside threads
        command = ["/bin/sh", "-c", f'ulimit -v {MOST_KIB}; exec "$@"', "sh", *pytest, *tests]
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=self.root,
            env={**self._environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        in_time, output = True, b""
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            in_time = False
        finally:
            _end_group(process)
        for left in self._scratch.iterdir():
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()
        passed = in_time and process.returncode == 0
        return Ran(passed, in_time, time.monotonic() - began, output.decode("utf-8", "replace")[-2000:])

    def _write(self, file: Path, source: str) -> None:
        """Write a file with a time that it never had: Python knows by time and size whether it has compiled it."""
        file.write_text(source, encoding="utf-8")
        self._moment += 10
        os.utime(file, (self._moment, self._moment))


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End what the tests have started; a mutant may leave processes behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()  # reads what is left, and closes the pipe
