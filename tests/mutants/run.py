"""`make mutants`: changes one token at a time and says which changes the tests of the same package do not notice."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

sys.path.insert(0, str(Path(__file__).parents[1]))

from mutants.belonging import BELONGING, package_of, tests_of
from mutants.changes import Change, changes
from mutants.touching import Place, Record, place_of
from mutants.trial import PROJECT, Copy, Ran

SOURCES = PROJECT / "src/ehrxqa"
#: The packages that decide what is right, or what leaves the machine: where a fault is not seen by looking.
TEN = ("database", "dataset", "evaluation", "explain", "labels", "leakscan", "net", "neuralsql", "questions", "sql")
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
#: The tests of a package end within this, unchanged; some of them, changed, within three times what they took, and a
#: minute.
MOST_SECONDS = 1800.0


def all_changes(wanted: Iterable[str] = ()) -> dict[str, list[Change]]:
    """Package → all changes, of those packages or files (below `src/ehrxqa`) only if some are named."""
    found: dict[str, list[Change]] = defaultdict(list)
    names = tuple(wanted)
    for file in sorted(SOURCES.rglob("*.py")):
        path = file.relative_to(SOURCES).as_posix()
        if not names or package_of(path) in names or path in names:
            found[path if path in names else package_of(path)] += changes(path, file.read_text(encoding="utf-8"))
    return {name: listed for name, listed in sorted(found.items()) if listed}


def drawn(possible: dict[str, list[Change]], number: int, seed: int) -> dict[str, list[Change]]:
    """So many changes, spread evenly over the packages; those of a package are drawn with a seed of its own."""
    found = {}
    for place, (name, listed) in enumerate(possible.items()):
        share = number // len(possible) + (place < number % len(possible))
        found[name] = random.Random(f"{seed}/{name}").sample(listed, min(share, len(listed)))
    return found


def equivalents(file: Path = EQUIVALENT) -> dict[tuple[str, str, str], str]:
    """(file, line of code, change) → why the change makes no difference."""
    found = {}
    for place, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if line and not line.startswith("#"):
            parts = [part.strip() for part in line.split(" || ")]
            if len(parts) != 4 or not all(parts):
                raise SystemExit(f"{file}:{place}: expected FILE || LINE || CHANGE || REASON")
            found[parts[0], parts[1], parts[2]] = parts[3]
    return found


def recorded(copy: Copy, chosen: dict[str, list[Change]]) -> dict[str, Record]:
    """Package → which of its tests call the functions that are to be changed, by one run of all tests unchanged.

    Raises:
        SystemExit: They do not run.
    """
    listed = [change for some in chosen.values() for change in some]
    packages = dict.fromkeys(package_of(change.path) for change in listed)
    wanted = dict.fromkeys(test for name in packages for test in tests_of(name, {x.path for x in listed}))
    record, ran = copy.record(list(wanted), [placed(copy, change) for change in listed], MOST_SECONDS)
    if not ran.in_time or record.seconds.keys() <= record.failed:
        raise SystemExit(f"the tests do not run before anything is changed:\n{ran.end}")
    left_out = f"; {len(record.failed)} fail or are skipped, and are left out" * bool(record.failed)
    print(f"{len(record.seconds):,} tests take {ran.seconds:.0f} s unchanged{left_out}", flush=True)
    return {name: record.of(("tests/docs/", *(f"tests/{place}" for place in BELONGING[name]))) for name in packages}


def placed(copy: Copy, change: Change) -> Place:
    """Where a change lies."""
    return place_of(change, (copy.sources / change.path).read_text(encoding="utf-8"))


def batches(record: Record, place: Place) -> list[tuple[list[str], float]]:
    """What is run for a change: tests that call its function; then those that may see what fixtures made with it."""
    return [
        (tests, 60 + 3 * sum(record.seconds[test] for test in tests))
        for tests in (record.first(place), record.then(place))
        if tests
    ]


def trials(
    copies: list[Copy], chosen: dict[str, list[Change]], records: dict[str, Record]
) -> Iterator[tuple[str, Change, Ran]]:
    """Try all changes, as many at a time as there are copies; in the order of the draw."""
    free: SimpleQueue[Copy] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def one(change: Change) -> Ran:
        copy, package = free.get(), package_of(change.path)
        try:
            return copy.try_change(change, batches(records[package], placed(copy, change)))
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        waiting = [(name, change, pool.submit(one, change)) for name, listed in chosen.items() for change in listed]
        for name, change, future in waiting:
            yield name, change, future.result()


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--number", type=int, default=200, help="changes in all [200]")
    options.add_argument("--seed", type=int, default=1, help="of the draw [1]")
    options.add_argument(
        "--package", action="append", default=[], help=f"package or file; repeatable [{' '.join(TEN)}]"
    )
    options.add_argument("--all", action="store_true", help="all packages")
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="changes tried at a time [all cores]")
    options.add_argument("--list", action="store_true", help="print what is drawn and try nothing")
    given = options.parse_args()
    possible = all_changes(() if given.all else given.package or TEN)
    for name in given.package:
        if name not in possible:
            options.error(f"--package {name}: no such package ({', '.join(BELONGING)}) or file below src/ehrxqa")
    chosen, same = drawn(possible, given.number, given.seed), equivalents()
    known = {change: same.get((change.path, change.text, change.words)) for x in chosen.values() for change in x}
    tried = {name: [change for change in listed if known[change] is None] for name, listed in chosen.items()}
    if given.list:
        for change in known:
            print(f"src/ehrxqa/{change.path}:{change.line}: {change.words}    {change.text}")
        return 0
    survived: dict[str, list[Change]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="ehrxqa-mutants-", ignore_cleanup_errors=True) as folder:
        copies = [Copy(Path(folder, str(place))) for place in range(max(1, given.workers))]
        records = recorded(copies[0], tried)
        for name, change, ran in trials(copies, tried, records):
            verdict = "SURVIVED" if ran.passed else "noticed" if ran.in_time else "noticed (does not end)"
            where = f"src/ehrxqa/{change.path}:{change.line}"
            print(f"{verdict} in {ran.seconds:.0f} s: {where}: {change.words}    {change.text}", flush=True)
            if ran.passed:
                survived[name].append(change)
    print(table(chosen, tried, survived))
    return 1 if survived else 0


def table(chosen: dict[str, list[Change]], tried: dict[str, list[Change]], survived: dict[str, list[Change]]) -> str:
    """Per package, how many changes were drawn, listed as equivalent, noticed, and which were not."""
    lines = ["", "| package | drawn | equivalent | noticed | survived |", "|---|---|---|---|---|"]
    sums = [0, 0, 0, 0]
    for name, listed in chosen.items():
        left = len(survived.get(name, ()))
        row = [len(listed), len(listed) - len(tried[name]), len(tried[name]) - left, left]
        sums = [a + b for a, b in zip(sums, row, strict=True)]
        lines.append(f"| {name} | {' | '.join(map(str, row))} |")
    lines.append(f"| all | {' | '.join(map(str, sums))} |")
    if sums[2] + sums[3]:
        lines.append(f"\n{sums[2] / (sums[2] + sums[3]):.0%} noticed of those that change something.")
    lines += [
        f"survived: src/ehrxqa/{change.path}:{change.line}: {change.words}    {change.text}"
        for listed in survived.values()
        for change in listed
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
