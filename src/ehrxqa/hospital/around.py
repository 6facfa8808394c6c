"""`ehrxqa synth OUT --around DEMO`: X-rays drawn for the subjects of the open MIMIC-IV demo.

The tables are the demo's own, copied unchanged; studies, scene graphs and pictures are made up to fit them: a study
falls into an admission or stands between them, and shows what the diagnoses make likely. The result is an open
hospital with real tables, which everyone may build, share under the demo's licence, and try things on.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ehrxqa.errors import SettingsError
from ehrxqa.files import atomic_path, sha256_of, write_json, write_text
from ehrxqa.hospital.life import Subject
from ehrxqa.hospital.marker import counts_of_finished
from ehrxqa.hospital.ontology import attribute_list_text, object_list_text, ontology_json
from ehrxqa.hospital.plan import DEFAULT_IMAGE_SIZE, GENERATOR, Plan, checked_image_size
from ehrxqa.hospital.production import GOLD_TABLES, Batch, make_x_ray_batch
from ehrxqa.hospital.recorded import count_subjects, read_subjects
from ehrxqa.hospital.tree import SynthReport, grow, report_of_counts, source_path
from ehrxqa.progress import SILENT, Progress
from ehrxqa.runs.manifest import OPEN_DEMO_LICENCE
from ehrxqa.runs.pool import Pool
from ehrxqa.sources.catalogue import FILES, MIMIC_IV
from ehrxqa.sources.tree import HYBRID_MARKER, SourceTree, find_sources

__all__ = ["synth_around"]

_NOTE = (
    "Real, de-identified tables of the open MIMIC-IV demo (doi:10.13026/dp1f-ex47, Open Database License 1.0) with "
    "made-up X-ray studies, scene graphs and pictures around them. The X-rays belong to no real person."
)
#: Subjects made at a time.
_BATCH = 12


def synth_around(
    out: Path | str,
    demo: Path | str,
    *,
    gold_subjects: int | None = None,
    seed: int = 0,
    images: bool = True,
    image_size: int = DEFAULT_IMAGE_SIZE,
    workers: int | None = None,
    progress: Progress = SILENT,
) -> SynthReport:
    """Write a source tree with the tables of the open demo and X-rays drawn for its subjects.

    The same demo and parameters give the same bytes, whatever the number of workers; an interrupted run is started
    again by the same call, and pictures that are there are kept. Nothing in `demo` is changed.

    Args:
        out: Folder to write; empty, missing, or a tree of the same parameters.
        demo: Folder of the MIMIC-IV demo 2.2 (the one that holds `hosp` and `icu`), or one that holds
            `mimic-iv-demo/2.2`, as `ehrxqa download --for demo` makes it.
        gold_subjects: Subjects with a study checked by hand; they make the test database. By default half.
        seed: Seed of all random numbers.
        images: Whether X-ray files are drawn.
        image_size: Pixels of the longer side of the X-rays, 256 to 1,024.
        workers: Worker processes; by default one per processor.
        progress: Hears how far it is.

    Raises:
        SettingsError: A parameter is out of range, or `out` holds something else.
        SourceError: The demo is not there, or a table of it is missing or cannot be read.
        BuildError: A file cannot be written.
    """
    out = Path(out)
    tree = _demo_tree(Path(demo))
    tables = {file.key: tree.locate(file.key) for file in FILES if file.project is MIMIC_IV}
    count = count_subjects(tree)
    gold = max(count // 2, 1) if gold_subjects is None else gold_subjects
    if not 1 <= gold <= max(count // 2, 1):
        raise SettingsError(f"gold subjects: {gold} of {count} subjects; choose 1 to {max(count // 2, 1)}")
    plan = Plan(count, gold, seed, images, 1.0, 1.0, image_size=checked_image_size(image_size))
    marker = _marker(plan, tables, None)
    done = counts_of_finished(out / HYBRID_MARKER, marker, "a tree of X-rays around tables")
    if done is not None:
        progress.note(f"{out}: complete already, nothing to do")
        return report_of_counts(out, plan, Counter(done), fresh=False)
    people = read_subjects(plan, tree)  # before anything is written: a torn table is found here
    write_json(out / HYBRID_MARKER, marker)
    for key, path in tables.items():
        _copy(path, source_path(out, key, plan, compressed=path.suffix == ".gz"))
    write_text(source_path(out, "attribute_list", plan), attribute_list_text())
    write_text(source_path(out, "object_list", plan), object_list_text())
    write_text(source_path(out, "ontology", plan), ontology_json())
    counts = _draw(plan, people, out, workers or os.cpu_count() or 1, progress)
    write_json(out / HYBRID_MARKER, {**marker, "complete": True, "counts": dict(sorted(counts.items()))})
    return report_of_counts(out, plan, counts, fresh=True)


def _demo_tree(demo: Path) -> SourceTree:
    """The demo's tables as a source tree of MIMIC-IV."""
    for folder in (demo, demo / "2.2", demo / "mimic-iv-demo" / "2.2"):
        if (folder / "hosp").is_dir():
            return find_sources(folder, {MIMIC_IV.slug: folder})
    raise SettingsError(
        f"{demo}: holds no MIMIC-IV demo (no hosp folder); bring it with: ehrxqa download {demo} --for demo"
    )


def _draw(plan: Plan, subjects: list[Subject], out: Path, workers: int, progress: Progress) -> Counter[str]:
    with progress.task("X-rays around the demo", total=len(subjects), unit="subjects") as task:
        counts = grow(plan, out, ("cxr_metadata", *GOLD_TABLES), _batches(plan, subjects, out, workers), task)
    for subject in subjects:
        counts["admissions"] += len(subject.admissions)
        counts["icustays"] += sum(len(admission.icu) for admission in subject.admissions)
    return counts


def _batches(plan: Plan, subjects: list[Subject], out: Path, workers: int) -> Iterator[Batch]:
    some = [subjects[start : start + _BATCH] for start in range(0, len(subjects), _BATCH)]
    with Pool(min(workers, len(some))) as pool:
        yield from pool.map(partial(make_x_ray_batch, plan, out=out), some, ahead=2 * workers)


def _copy(source: Path, target: Path) -> None:
    with atomic_path(target) as part:
        shutil.copyfile(source, part)


def _marker(plan: Plan, tables: dict[str, Path], counts: Counter[str] | None) -> dict[str, Any]:
    return {
        "hybrid": True,
        "synthetic": False,
        "licence": OPEN_DEMO_LICENCE,
        "note": _NOTE,
        "generator": GENERATOR,
        "parameters": {
            "gold_subjects": plan.gold_subjects,
            "seed": plan.seed,
            "images": plan.images,
            "image_size": plan.image_size,
        },
        "tables": {key: sha256_of(path) for key, path in sorted(tables.items())},
        "complete": False,
        "counts": {},
    }
