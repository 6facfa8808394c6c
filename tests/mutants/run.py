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
from mutants.trial import PROJECT, Copy, Ran

SOURCES = PROJECT / "src/ehrxqa"
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
#: The tests of a package end within this, unchanged; changed, within three times what they took, and a minute.
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


def baseline(copy: Copy, chosen: dict[str, list[Change]]) -> dict[str, float]:
    """Package → seconds its tests take unchanged.

    Raises:
        SystemExit: They fail.
    """
    seconds = {}
    paths: dict[str, set[str]] = defaultdict(set)
    for listed in chosen.values():
        for change in listed:
            paths[package_of(change.path)].add(change.path)
    for package, changed in paths.items():
        ran = copy.run(tests_of(package, changed), MOST_SECONDS)
        if not ran.passed:
            raise SystemExit(f"the tests of {package} fail before anything is changed:\n{ran.end}")
        print(f"{package}: its tests take {ran.seconds:.0f} s unchanged", flush=True)
        seconds[package] = ran.seconds
    return seconds


def trials(
    copies: list[Copy], chosen: dict[str, list[Change]], seconds: dict[str, float]
) -> Iterator[tuple[str, Change, Ran]]:
    """Try all changes, as many at a time as there are copies; in the order of the draw."""
    free: SimpleQueue[Copy] = SimpleQueue()
    for copy in copies:
        free.put(copy)

    def one(change: Change) -> Ran:
        copy, package = free.get(), package_of(change.path)
        try:
            return copy.try_change(change, tests_of(package, [change.path]), 3 * seconds[package] + 60)
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
    options.add_argument("--package", action="append", default=[], help="this package or file only; may be repeated")
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="changes tried at a time [all cores]")
    options.add_argument("--list", action="store_true", help="print what is drawn and try nothing")
    given = options.parse_args()
    possible = all_changes(given.package)
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
        seconds = baseline(copies[0], tried)
        for name, change, ran in trials(copies, tried, seconds):
            verdict = "SURVIVED" if ran.passed else "noticed" if ran.in_time else "noticed (does not end)"
            print(f"{verdict}: src/ehrxqa/{change.path}:{change.line}: {change.words}    {change.text}", flush=True)
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
