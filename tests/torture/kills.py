"""Commands killed at random moments: no process stays behind, no half file, and the next run gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from processes import wait_until_ready
from torture.tally import Tally

RUN = [sys.executable, "-c", "from ehrxqa.cli.main import run; run()"]
MARK = "EHRXQA_TORTURE"
#: Seconds in which all processes of a killed command must have gone.
PATIENCE = 60.0


@dataclass(frozen=True)
class Case:
    """One command.

    Attributes:
        name: Of the command.
        arguments: With `{w}` for the folder of the trial and `{b}` for what was prepared.
        prepare: Copies into the folder of the trial what the command changes.
        result: Digest of what it has made there.
    """

    name: str
    arguments: tuple[str, ...]
    prepare: Callable[[Path, Path], None]
    result: Callable[[Path], str]


def _nothing(base: Path, work: Path) -> None:
    pass


def _copy_build(base: Path, work: Path) -> None:
    shutil.copytree(base / "o", work / "o")


def _files(*names: str) -> Callable[[Path], str]:
    """Digest of files below the folder of a trial; folders stand for all that is in them, temporary data apart."""

    def digest(work: Path) -> str:
        found = hashlib.sha256()
        for name in names:
            path = work / name
            inside = sorted(path.rglob("*")) if path.is_dir() else [path]
            for file in inside:
                if file.is_file() and ".work" not in file.parts:
                    found.update(str(file.relative_to(work)).encode() + file.read_bytes())
        return found.hexdigest()

    return digest


CASES = (
    Case(
        "synth",
        ("synth", "{w}/h", "--subjects", "60", "--seed", "3", "--no-images", "--workers", "2"),
        _nothing,
        _files("h"),
    ),
    Case("build", ("build", "{b}/h", "{w}/o", "--workers", "2"), _nothing, _files("o/labels", "o/database")),
    Case(
        "generate",
        ("generate", "{w}/o", "--test", "20", "--seed", "2", "--workers", "2", "--force"),
        _copy_build,
        _files("o/dataset/_test.json", "o/dataset/test.json", "o/dataset/links.jsonl"),
    ),
    Case(
        "answer",
        ("answer", "--database", "{b}/o", "--questions", "{b}/o/dataset/_test.json", "--out", "{w}/answered.json"),
        _nothing,
        _files("answered.json"),
    ),
    Case(
        "execute",
        (
            "execute",
            "--database",
            "{b}/o/database/test/mimic_iv_cxr.db",
            "--predictions",
            "{b}/queries.json",
            "--out",
            "{w}/outcomes.json",
            "--answers",
            "{w}/answers.json",
        ),
        _nothing,
        _files("answers.json"),
    ),
    Case(
        "run",
        ("run", "{w}/o", "--parser", "gold", "--vision", "perturbed:0.2:seed=1", "--name", "t", "--workers", "2"),
        _copy_build,
        _files("o/runs/t/answers.json"),
    ),
    Case("export", ("export", "{w}/o", "--date", "2026-01-01"), _copy_build, _files("o/dataset")),
    Case("check", ("check", "{w}/o", "--workers", "2"), _copy_build, _files("o/dataset/check.json")),
)


def prepare(base: Path) -> None:
    """A small hospital, a build, questions and their queries."""
    if (base / "queries.json").is_file():
        return
    for arguments in (
        ("synth", str(base / "h"), "--subjects", "60", "--seed", "5", "--no-images"),
        ("build", str(base / "h"), str(base / "o")),
        ("generate", str(base / "o"), "--train", "20", "--test", "120", "--seed", "1"),
    ):
        subprocess.run([*RUN, *arguments, "-q"], check=True, stdout=subprocess.DEVNULL)
    records = json.loads((base / "o/dataset/test.json").read_text())
    queries = {str(record["id"]): record["query"] for record in records}
    (base / "queries.json").write_text(json.dumps(queries))


def kills(base: Path, scratch: Path, number: int, rng: random.Random, *, only: tuple[str, ...] = ()) -> Iterator[Tally]:
    """Kill each command so often that there are `number` kills in all."""
    prepare(base)
    cases = [case for case in CASES if not only or case.name in only]
    for place, case in enumerate(cases):
        tally = Tally(f"kill {case.name}")
        share = number // len(cases) + (place < number % len(cases))
        expected, seconds = _undisturbed(case, base, scratch)
        for _ in range(share):
            tally.count(_trial(case, base, scratch, expected, seconds, rng))
        yield tally


def _undisturbed(case: Case, base: Path, scratch: Path) -> tuple[str, float]:
    with _folder(scratch) as work:
        case.prepare(base, work)
        began = time.monotonic()
        done = _start(case, base, work, "")
        assert done.wait(600) == 0, case.name
        return case.result(work), time.monotonic() - began


class _folder:  # noqa: N801 - a context manager
    def __init__(self, scratch: Path) -> None:
        self._path = scratch / uuid.uuid4().hex[:12]

    def __enter__(self) -> Path:
        self._path.mkdir(parents=True)
        return self._path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


def _start(case: Case, base: Path, work: Path, mark: str) -> subprocess.Popen[bytes]:
    arguments = [argument.format(w=work, b=base) for argument in case.arguments]
    with (work / "stderr.txt").open("wb") as stderr:
        return subprocess.Popen(
            [*RUN, *arguments, "-q"],
            env={**os.environ, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )


_WAYS = ("SIGKILL", "SIGTERM", "SIGINT", "SIGKILL to all")


def _trial(case: Case, base: Path, scratch: Path, expected: str, seconds: float, rng: random.Random) -> str | None:
    way, after = rng.choice(_WAYS), rng.uniform(0.0, seconds)
    what = f"{case.name}, {way} after {after:.2f} s"
    with _folder(scratch) as work:
        case.prepare(base, work)
        mark = uuid.uuid4().hex
        process = _start(case, base, work, mark)
        wait_until_ready(process)
        time.sleep(after)
        if way == "SIGKILL to all":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.send_signal(getattr(signal, way.split()[0]))
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            _end_all(mark)
            return f"{what}: still runs after {PATIENCE:g} s"
        left = _left_behind(mark)
        if left:
            _end_all(mark)
            return f"{what}: {left} processes stay behind"
        said = (work / "stderr.txt").read_text("utf-8", "replace")
        if "Traceback" in said or "a fault of ours" in said:
            return f"{what}: says {said.strip().splitlines()[-1][:200]}"
        again = _start(case, base, work, "")
        if again.wait(600) != 0:
            return f"{what}: the next run fails: {(work / 'stderr.txt').read_text('utf-8', 'replace').strip()[-200:]}"
        if case.result(work) != expected:
            return f"{what}: other bytes after the next run"
    return None


def _marked(mark: str) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            except OSError:
                continue
            if f"{MARK}={mark}".encode() in environment and state != "Z":
                found.append(int(entry.name))
    return found


def _left_behind(mark: str) -> int:
    until = time.monotonic() + PATIENCE
    while left := _marked(mark):
        if time.monotonic() > until:
            return len(left)
        time.sleep(0.1)
    return 0


def _end_all(mark: str) -> None:
    for process in _marked(mark):
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
