"""A hospital of the official size: build, generate, answer, each with seconds and the memory of all its processes.

The official databases have 800 and 400 subjects of many more, and 46,152 questions. Each step is the command itself, in
processes of its own; their memory together (PSS: what they share counts once) is looked at five times a second.

    python benchmarks/official_size.py                     5,000 subjects (tens of minutes, some gigabytes of disk)
    python benchmarks/official_size.py --keep FOLDER       go on where it was, and leave the files there
    python benchmarks/official_size.py --smoke             as little as shows that it runs
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import apsw

#: Questions of the official splits, of 46,152.
SHARES = {"train": 0.784, "valid": 0.109, "test": 0.107}


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subjects", type=int, default=5_000)
    parser.add_argument("--train-subjects", type=int, default=800)
    parser.add_argument("--test-subjects", type=int, default=400)
    parser.add_argument("--questions", type=int, default=46_000)
    parser.add_argument("--events-factor", type=float, default=2.0, help="of lab and vital rows")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--keep", type=Path, help="folder for the files")
    parser.add_argument("--smoke", action="store_true", help="as little as shows that it runs")
    given = parser.parse_args()
    if given.smoke:
        given.subjects, given.train_subjects, given.test_subjects = 60, 30, 15
        given.questions, given.events_factor = 60, 0.02
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        measure(folder, given)


def measure(folder: Path, given: argparse.Namespace) -> None:
    """Every step, and what the databases hold."""
    hospital, out = folder / "hospital", folder / "out"
    workers = [f"--workers={given.workers}"] if given.workers else []
    gold = min(500, given.subjects // 4)
    print(f"{'step':26}{'wall s':>9}{'CPU s':>9}{'a second':>10}{'MB together':>13}", flush=True)
    step(
        "synth", given.subjects, "synth", hospital, f"--subjects={given.subjects}", f"--gold-subjects={gold}",
        "--no-images", f"--events-factor={given.events_factor}", *workers,
    )  # fmt: skip
    step(
        "build", None, "build", hospital, out, f"--train-subjects={given.train_subjects}",
        f"--test-subjects={given.test_subjects}", *workers,
    )  # fmt: skip
    wanted = {split: max(1, round(given.questions * share)) for split, share in SHARES.items()}
    step(
        "generate", sum(wanted.values()), "generate", out, *(f"--{split}={number}" for split, number in wanted.items()),
        "--force", *workers,
    )  # fmt: skip
    for split in SHARES:
        questions = out / f"dataset/_{split}.json"
        number = len(json.loads(questions.read_text(encoding="utf-8")))
        answers = folder / f"{split}.json"
        step(
            f"answer {split}", number, "answer", "--database", out, "--questions", questions, "--out", answers, *workers
        )
        if answers.read_bytes() != (out / f"dataset/{split}.json").read_bytes():
            sys.exit(f"{answers}: other answers than those that generate proved")
    for base in ("train", "test"):
        path = out / f"database/{base}/mimic_iv_cxr.db"
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as db:
            names = [
                name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            ]
            rows = {name: db.execute(f'SELECT count(*) FROM "{name}"').fetchall()[0][0] for name in names}
        listed = ", ".join(f"{name} {number:,}" for name, number in sorted(rows.items(), key=lambda item: -item[1])[:6])
        print(f"{base}: {sum(rows.values()):,} rows, {path.stat().st_size / 1e6:,.0f} MB ({listed}, …)")


def step(name: str, done: int | None, *command: str | Path) -> None:
    """Run a command of ehrxqa and print a line."""
    before, started = _cpu(), time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "ehrxqa", *map(str, command), "-q"], stdout=subprocess.DEVNULL)
    peak = [0.0]
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(process.pid, peak, over))
    watching.start()
    status = process.wait()
    over.set()
    watching.join()
    seconds = time.perf_counter() - started
    if status:
        sys.exit(f"{name}: failed")
    rate = f"{done / seconds:10,.0f}" if done else " " * 10
    print(f"{name:26}{seconds:9.1f}{_cpu() - before:9.1f}{rate}{peak[0]:13,.0f}", flush=True)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _watch(root: int, peak: list[float], over: threading.Event) -> None:
    while not over.wait(0.2):
        peak[0] = max(peak[0], sum(map(_pss_mb, _family(root))))


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
