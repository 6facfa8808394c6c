"""Questions per second, with verification, and peak memory: `python benchmarks/generate.py OUT [QUESTIONS]`.

OUT is the output folder of a build; its question files are replaced.
"""

from __future__ import annotations

import resource
import sys
import time

import ehrxqa


def main() -> None:
    """Generate test questions and print what it took."""
    out, wanted = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    started = time.perf_counter()
    report = ehrxqa.generate(out, test=wanted, seed=0, force=True)
    seconds = time.perf_counter() - started
    made = sum(report.questions.values())
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(f"{made:,} questions in {seconds:.1f} s: {made / seconds:.0f}/s, peak of one process {peak / 1024:.0f} MB")
    print(f"proofs that failed: {report.faults}; draws not taken: {report.rejected}")


if __name__ == "__main__":
    main()
