"""A hospital of the official size: build, generate, answer, each with seconds and the memory of all its processes.

The official databases have 800 and 400 subjects of 65,000 with X-rays, and 46,152 questions. Of the silver subjects
only the valid ones, one in twenty, come into the train database, and about one in seven of these has no admission that
can be used: so 800 need a hospital of 22,000. Each step is the command itself, in processes of its own; their memory
together (PSS: what they share counts once) is looked at once a second.

    python benchmarks/official_size.py                     22,000 subjects (some hours of a processor, 6 GB of disk)
    python benchmarks/official_size.py --keep FOLDER       leave the files there; again: go on where it was
    python benchmarks/official_size.py --keep FOLDER --minutes 60
                                                           end `generate` then, answer what there is, extrapolate
    python benchmarks/official_size.py --smoke             as little as shows that it runs

What the steps took lies in FOLDER/steps.jsonl; of a step that was broken off and went on, all parts are added up. A
folder of another version or of other numbers is refused; with --anew it is emptied first.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import apsw

from ehrxqa import __version__
from ehrxqa.hospital.plan import GENERATOR
from ehrxqa.questions.spool import Spool

#: Questions of the official splits, of 46,152.
SHARES = {"train": 0.784, "valid": 0.109, "test": 0.107}
#: What the files of a folder depend on, beside the version.
NUMBERS = ("subjects", "train_subjects", "test_subjects", "questions", "events_factor")
STEPS = "steps.jsonl"
#: Seconds between looks at the memory: each reads /proc as a whole.
LOOK = 1.0


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=22_000)
    parser.add_argument("--train-subjects", type=int, default=800)
    parser.add_argument("--test-subjects", type=int, default=400)
    parser.add_argument("--questions", type=int, default=46_000)
    parser.add_argument("--events-factor", type=float, default=2.0, help="of lab and vital rows")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--minutes", type=float, help="for generate, at most; it goes on next time")
    parser.add_argument("--keep", type=Path, help="folder for the files")
    parser.add_argument("--anew", action="store_true", help="empty the folder first, if a run of this script made it")
    parser.add_argument("--smoke", action="store_true", help="as little as shows that it runs")
    given = parser.parse_args()
    if given.smoke:
        given.subjects, given.train_subjects, given.test_subjects = 60, 30, 15
        given.questions, given.events_factor = 20, 0.02
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        begin(
            folder,
            {"ehrxqa": __version__, "generator": GENERATOR, **{name: getattr(given, name) for name in NUMBERS}},
            given.anew,
        )
        measure(folder, given)


def begin(folder: Path, what: dict[str, Any], anew: bool) -> None:
    """Begin, or go on with, a folder of this script."""
    steps = folder / STEPS
    if anew and steps.is_file():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not steps.is_file():
        if any(folder.iterdir()):
            sys.exit(f"{folder}: is not empty and has no {STEPS}; name an empty folder")
        steps.write_text(json.dumps(what) + "\n", encoding="utf-8")
    held = json.loads(steps.read_text(encoding="utf-8").partition("\n")[0])
    if other := [f"{name} {held.get(name)}, not {value}" for name, value in what.items() if held.get(name) != value]:
        sys.exit(f"{folder}: was begun with {', '.join(other)}; --anew empties it, or name another folder")


def measure(folder: Path, given: argparse.Namespace) -> None:
    """Every step, and what the databases hold."""
    hospital, out = folder / "hospital", folder / "out"
    workers = [f"--workers={given.workers}"] if given.workers else []
    gold = min(500, given.subjects // 4)
    print(f"{'step':26}{'done':>10}{'wall s':>9}{'CPU s':>9}{'a CPU s':>9}{'MB together':>13}", flush=True)
    step(
        folder, "synth", given.subjects, "synth", hospital, f"--subjects={given.subjects}", f"--gold-subjects={gold}",
        "--no-images", f"--events-factor={given.events_factor}", *workers,
    )  # fmt: skip
    step(
        folder, "build", given.subjects, "build", hospital, out, f"--train-subjects={given.train_subjects}",
        f"--test-subjects={given.test_subjects}", *workers,
    )  # fmt: skip
    describe(out)
    wanted = {split: max(1, round(given.questions * share)) for split, share in SHARES.items()}
    total = sum(wanted.values())
    ended = step(
        folder, "generate", total, "generate", out, *(f"--{split}={number}" for split, number in wanted.items()),
        *workers, minutes=given.minutes, made=lambda: sum(1 for _ in spooled(out)),
    )  # fmt: skip
    for split in SHARES:
        questions = out / f"dataset/_{split}.json"
        if ended:
            proved = json.loads((out / f"dataset/{split}.json").read_text(encoding="utf-8"))
        else:
            entries = [(record, answer) for name, record, answer in spooled(out) if name == split]
            if not entries:
                continue
            proved = [{"id": number, "answer": answer} for number, (_, answer) in enumerate(entries)]
            questions = folder / f"_{split}.json"
            questions.write_text(json.dumps([record | {"id": number} for number, (record, _) in enumerate(entries)]))
        answers = folder / f"{split}{'' if ended else f'-of-{len(proved)}'}.json"
        step(
            folder, f"answer {answers.stem}", len(proved), "answer", "--database", out, "--questions", questions,
            "--out", answers, *workers,
        )  # fmt: skip
        found = {each["id"]: each["answer"] for each in json.loads(answers.read_text(encoding="utf-8"))}
        if found != {each["id"]: each["answer"] for each in proved}:
            sys.exit(f"{answers}: other answers than those that generate proved")


def describe(out: Path) -> None:
    """What the databases hold."""
    for base in ("train", "test"):
        path = out / f"database/{base}/mimic_iv_cxr.db"
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as db:
            names = [
                name for (name,) in db.execute("SELECT lower(name) FROM sqlite_schema WHERE type = 'table'").fetchall()
            ]
            rows = {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchall()[0][0] for name in names}
        listed = ", ".join(f"{name} {number:,}" for name, number in sorted(rows.items(), key=lambda item: -item[1])[:6])
        print(
            f"  {base}: {rows['patients']:,} subjects, {sum(rows.values()):,} rows, "
            f"{path.stat().st_size / 1e6:,.0f} MB ({listed}, …)",
            flush=True,
        )


def spooled(out: Path) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Split, record and answer of each question that `generate` has made before it was broken off."""
    for path in out.glob(".work/questions/*/spool"):
        with path.open("rb") as stream:
            key = stream.readline().decode().strip()
        with Spool(path, key) as spool:
            for split, offsets in spool.offsets.items():
                for record, answer, _ in spool.entries(split, list(range(len(offsets)))):
                    yield split, record, answer


def step(folder: Path, name: str, whole: int, *command: Any, minutes: float | None = None, made: Any = None) -> bool:
    """Run a command of ehrxqa, unless that is done, and print a line; whether it ended.

    Args:
        folder: With the file of steps.
        name: Of the step.
        whole: What it makes.
        command: Its words.
        minutes: After which it is ended.
        made: Says how much it has made, where it was ended.
    """
    steps = folder / STEPS
    parts = [
        part for part in map(json.loads, steps.read_text(encoding="utf-8").splitlines()[1:]) if part["step"] == name
    ]
    if not any(part["ended"] for part in parts):
        parts.append(_run(steps, name, command, minutes))
    ended = any(part["ended"] for part in parts)
    done = whole if ended else made()
    wall, cpu = (sum(part[key] for part in parts) for key in ("wall", "cpu"))
    most = max(part["mb"] for part in parts)
    in_parts = f"   in {len(parts)} parts" if len(parts) > 1 else ""
    print(f"{name:26}{done:10,}{wall:9.1f}{cpu:9.1f}{done / max(cpu, 0.1):9,.1f}{most:13,.0f}{in_parts}", flush=True)
    if not ended:
        print(f"  {whole:,} would take {cpu * whole / max(done, 1):,.0f} CPU s (extrapolated)", flush=True)
    return ended


def _run(steps: Path, name: str, command: tuple[Any, ...], minutes: float | None) -> dict[str, Any]:
    """Run a command, and keep what it took, however it ends."""
    before, started = _cpu(), time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "ehrxqa", *map(str, command), "-q"], stdout=subprocess.DEVNULL)
    peak = [0.0]
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(process.pid, peak, over))
    watching.start()
    late = False
    try:
        process.wait(None if minutes is None else 60 * minutes)
    except (subprocess.TimeoutExpired, KeyboardInterrupt) as error:
        late = isinstance(error, subprocess.TimeoutExpired)
        process.terminate()  # Ctrl-C is ignored by what a shell starts in the background
        process.wait()
    over.set()
    watching.join()
    wall, ended = time.perf_counter() - started, process.returncode == 0
    part = {"step": name, "ended": ended, "wall": wall, "cpu": _cpu() - before, "mb": peak[0]}
    with steps.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(part) + "\n")
    if not (ended or late):
        sys.exit(f"{name}: broken off; run this again, and it goes on")
    return part


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch(root: int, peak: list[float], over: threading.Event) -> None:
    while True:
        peak[0] = max(peak[0], sum(map(_pss_mb, _family(root))))
        if over.wait(LOOK):
            return


def _family(root: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            parent = int((path / "stat").read_text().rpartition(") ")[2].split()[1])
            children.setdefault(parent, []).append(int(path.name))
    found = [root]
    for process in found:
        found += children.get(process, [])
    return found


def _pss_mb(process: int) -> float:
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("Pss:")).split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
