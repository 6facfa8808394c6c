"""Seconds and memory of the build, beside a floor measured in the same run.

The floor of a table is the time that the fastest reader here needs to inflate and parse the same columns of the same
file, and to do nothing with them; the floor of scene graphs is decoding their JSON alone. Each measurement is a process
of its own, so that memory is that of one job. Prints ratios; absolute times depend on the machine and its load.

    python benchmarks/build.py                  a hospital with some 2 million lab and 6 million charted rows
    python benchmarks/build.py --factor 10      ten times the rows (needs some minutes and gigabytes of disk)
    python benchmarks/build.py --parity DIR     also the whole build of the reference tree in DIR
    python benchmarks/build.py --smoke          as little as shows that it runs
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def job(name: str, *arguments: str) -> None:
    """Run one job in this process and print its seconds, rows and peak memory as JSON."""
    rows = 0
    match name:
        case "floor":
            from ehrxqa.sources.table_stream import stream_table
            from ehrxqa.sources.tree import find_sources

            tree = find_sources(arguments[0])
            begun = time.perf_counter()
            for batch in stream_table(tree, arguments[1], json.loads(arguments[2])):
                rows += batch.num_rows
        case "read":
            import numpy as np

            from ehrxqa.database.dictionaries import read_dictionaries
            from ehrxqa.database.event_reader import EventContext, read_events
            from ehrxqa.database.event_times import AdmissionTimes
            from ehrxqa.database.events import EVENT_TABLES
            from ehrxqa.database.id_set import IdSet
            from ehrxqa.sources.table_stream import read_table
            from ehrxqa.sources.tree import find_sources

            tree = find_sources(arguments[0])
            table = next(table for table in EVENT_TABLES if table.name == arguments[1])
            admissions = read_table(tree, "admissions", ["subject_id", "hadm_id"])
            share = slice(None, None, 200)  # as the cohort of the official databases to all subjects
            items = read_dictionaries(tree)
            nothing = np.empty(0, dtype=np.int64)
            with tempfile.TemporaryDirectory() as scratch:
                context = EventContext(
                    admissions=IdSet(admissions["hadm_id"].to_numpy()[share]),
                    subjects=IdSet(admissions["subject_id"].to_numpy()[share]),
                    times=AdmissionTimes(nothing, nothing, nothing),
                    known={name: IdSet(items[name].data("itemid")) for name in ("d_items", "d_labitems")},
                    scratch=Path(scratch),
                    seed=0,
                )
                begun = time.perf_counter()
                rows = read_events(tree, table, context).counts["rows"]
        case "decode" | "graphs":
            import msgspec

            from ehrxqa.sources import scene_graphs

            members = scene_graphs.list_members(Path(arguments[0]))
            if name == "decode":
                contents = [content for _, content in scene_graphs.contents(members)]
                begun = time.perf_counter()
                for content in contents:
                    msgspec.json.decode(content)
                    rows += 1
            else:
                begun = time.perf_counter()
                rows = len(scene_graphs.decode_members(members).images)
        case "build":
            from ehrxqa.building.build import build

            with tempfile.TemporaryDirectory(dir=arguments[1]) as out:
                begun = time.perf_counter()
                build(arguments[0], out, train_subjects=80, test_subjects=100)
    seconds = time.perf_counter() - begun
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print(json.dumps({"seconds": seconds, "rows": rows, "mb": max(own, children) / 1024}))


def measured(*arguments: str | Path, times: int = 2) -> dict[str, float]:
    """A job in a process of its own: the best of some runs."""
    results = []
    for _ in range(times):
        done = subprocess.run([sys.executable, __file__, "--job", *map(str, arguments)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        results.append(json.loads(done.stdout.splitlines()[-1]))
    return min(results, key=lambda result: result["seconds"])


def line(name: str, result: dict[str, float], floor: dict[str, float] | None = None) -> None:
    """Print one measurement."""
    rate = f"{result['rows'] / result['seconds']:12,.0f} rows/s" if result["rows"] else " " * 19
    ratio = f"{result['seconds'] / floor['seconds']:6.2f} × floor" if floor else ""
    print(f"{name:34}{result['seconds']:9.2f} s{rate}{result['mb']:9.0f} MB {ratio}", flush=True)


def main() -> None:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--factor", type=float, default=1.0)
    parser.add_argument("--subjects", type=int, default=600)
    parser.add_argument("--parity", type=Path)
    parser.add_argument("--smoke", action="store_true", help="as little as shows that it runs")
    parser.add_argument("--job", nargs="+")
    options = parser.parse_args()
    if options.job:
        job(*options.job)
        return
    workers = None
    if options.smoke:
        options.subjects, options.factor, workers = 60, 0.002, 1
    from ehrxqa.database.events import EVENT_TABLES
    from ehrxqa.hospital import synth

    with tempfile.TemporaryDirectory() as folder:
        if options.parity:
            line("whole build, reference tree", measured("build", options.parity, folder))
            packed = options.parity / "chest-imagenome/1.0.0/silver_dataset/scene_graph.zip"
            if packed.is_file():
                floor = measured("decode", packed)
                line("JSON of scene graphs alone", floor)
                line("scene graphs from the zip file", measured("graphs", packed), floor)
        root = Path(folder) / "hospital"
        factor = 8 * options.factor
        print(f"making a hospital (events × {factor:g}) …", flush=True)
        synth(root, subjects=options.subjects, images=False, events_factor=factor, charted_factor=6.0, workers=workers)
        for table in EVENT_TABLES:
            if table.name in ("labevents", "chartevents"):
                times = 1 if options.smoke else 2
                floor = measured("floor", root, table.name, json.dumps(table.source_columns), times=times)
                line(f"{table.name}: inflate and parse", floor)
                line(f"{table.name}: filter, spool, shuffle", measured("read", root, table.name, times=times), floor)


if __name__ == "__main__":
    main()
