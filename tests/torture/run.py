"""`make torture`: everything that may go wrong, for up to an hour; prints what was tried, what held and what broke."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture.hostile import hostile
from torture.kills import kills
from torture.mutated import mutated
from torture.suites import suites
from torture.tally import Tally, table


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=1000)
    options.add_argument("--hostile", type=int, default=600)
    options.add_argument("--mutated", type=int, default=2000)
    options.add_argument("--no-suites", action="store_true", help="leave out download faults and leaks")
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", action="append", default=[], help="kill only this command; may be repeated")
    given = options.parse_args()
    tallies: list[Tally] = []

    def add(tally: Tally) -> None:
        tallies.append(tally)
        print(table([tally]).split("\n", 2)[2], flush=True)

    with tempfile.TemporaryDirectory(prefix="ehrxqa-torture-") as folder:
        base, scratch = Path(folder, "base"), Path(folder, "scratch")
        base.mkdir()
        if given.mutated:
            for tally in mutated(base, scratch, given.mutated, random.Random(f"{given.seed}/mutated")):
                add(tally)
        if given.hostile:
            add(hostile(base, scratch, given.hostile, random.Random(f"{given.seed}/hostile")))
        if given.kills:
            rng = random.Random(f"{given.seed}/kills")
            for tally in kills(base, scratch, given.kills, rng, only=tuple(given.only)):
                add(tally)
        if not given.no_suites:
            for tally in suites():
                add(tally)
    print()
    print(table(tallies))
    return 1 if any(tally.broke for tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
