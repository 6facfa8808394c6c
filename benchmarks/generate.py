"""Questions per second with verification, and peak memory: `python benchmarks/generate.py [OUT] [QUESTIONS]`.

Without OUT, a hospital as in the demo is made (240 subjects, no X-ray files) in a temporary folder. OUT is the output
folder of a build; its question files are replaced. Two runs are made, of a quarter of the questions and of all, so that
what they cost at the start, and whether memory grows, can be seen.

The yardstick is what nobody can do without: running each gold program of the larger run twice (once to answer, once
for the proof), on a copy of the database with the same indexes, in one process, nothing else. The ratio compares
processor seconds.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import apsw

import ehrxqa
from ehrxqa.layout import DATABASE_PATHS
from ehrxqa.questions.copies import make_copies
from ehrxqa.sql.official_text import normalise

QUESTIONS = 8_000


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _generate(out: Path, questions: int) -> tuple[float, float, int]:
    wall, cpu = time.perf_counter(), _cpu()
    report = ehrxqa.generate(out, test=questions, seed=0, force=True)
    wall, cpu = time.perf_counter() - wall, _cpu() - cpu
    made = sum(report.questions.values())
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"{made:,} questions in {wall:.1f} s: {made / wall:.0f}/s; failed proofs {report.faults}")
    print(f"  {cpu:.1f} s of processors, {cpu / made * 1e3:.2f} ms a question; largest process {peak / 1024:.0f} MB")
    print(f"  draws not taken: {report.rejected}")
    return wall, cpu, made


def _yardstick(out: Path, folder: Path) -> tuple[float, int]:
    copies = make_copies("test", out / DATABASE_PATHS["test"], folder)
    records = json.loads((out / "dataset/_test.json").read_text(encoding="utf-8"))
    db = apsw.Connection(str(copies.indexed), flags=apsw.SQLITE_OPEN_READONLY)
    started = time.process_time()
    for record in records:
        for _ in range(2):
            db.execute(normalise(record["_gold_program"])).fetchall()
    return time.process_time() - started, len(records)


def main() -> None:
    """Generate test questions and print what it took."""
    questions = int(sys.argv[2]) if len(sys.argv) > 2 else QUESTIONS
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(scratch) / "out"
        if len(sys.argv) < 2:
            ehrxqa.synth(Path(scratch) / "hospital", subjects=240, gold_subjects=60, images=False)
            ehrxqa.build(Path(scratch) / "hospital", out)
        small_wall, _, small = _generate(out, questions // 4)
        wall, cpu, made = _generate(out, questions)
        print(f"between the two runs: {(made - small) / (wall - small_wall):.0f} questions/s")
        floor, programs = _yardstick(out, Path(scratch) / "copies")
        print(
            f"yardstick: {programs:,} gold programs twice in {floor:.1f} s; ratio {cpu / made / (floor / programs):.1f}"
        )


if __name__ == "__main__":
    main()
