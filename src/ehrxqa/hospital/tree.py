"""Writing the whole PhysioNet tree of a synthetic hospital, in parallel and in order."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ehrxqa.arguments import checked
from ehrxqa.files import atomic_path, disk_errors, write_json, write_text
from ehrxqa.hospital.archive import GzipFile, ZipFile, piece_of
from ehrxqa.hospital.as_downloaded import chosen_kinds, leave_clutter
from ehrxqa.hospital.csvtext import header_text, rows_text
from ehrxqa.hospital.marker import counts_of_finished
from ehrxqa.hospital.ontology import attribute_list_text, object_list_text, ontology_json
from ehrxqa.hospital.plan import DEFAULT_IMAGE_SIZE, GENERATOR, Plan
from ehrxqa.hospital.production import Batch, file_of, make_batch, table_keys
from ehrxqa.hospital.records import dictionary_rows
from ehrxqa.html_repr import html_repr
from ehrxqa.progress import Progress, Task
from ehrxqa.runs.cluster import Cluster
from ehrxqa.runs.shards import shard_pool
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING
from ehrxqa.spec.extra import ExtraTable
from ehrxqa.spec.files import SourceFile

__all__ = [
    "DEFAULT_SUBJECTS",
    "MARKER",
    "SynthReport",
    "grow",
    "report_of_counts",
    "source_path",
    "synth",
]

DEFAULT_SUBJECTS = 600

#: File at the root of a synthetic tree that says what it is.
MARKER = "SYNTHETIC.json"

_NOTE = "Synthetic: made by a program from a seed. No record of a real person is in this tree."


@dataclass(frozen=True)
class SynthReport:
    """What a synthetic hospital holds.

    Attributes:
        out: Root of the tree; give it to `build` as its sources.
        fresh: Whether the tree was written now (False: it was complete already).
    """

    out: Path
    fresh: bool
    subjects: int
    gold_subjects: int
    seed: int
    admissions: int
    icustays: int
    studies: int
    metadata_images: int
    images: int
    scene_graphs: int
    labevents: int
    chartevents: int
    prescriptions: int

    __repr__ = short_repr
    _repr_html_ = html_repr


@checked
def synth(
    out: Path | str,
    *,
    subjects: int = DEFAULT_SUBJECTS,
    gold_subjects: int | None = None,
    seed: int = 0,
    images: bool = True,
    events_factor: float = 1.0,
    charted_factor: float = 1.0,
    releases: Sequence[str] = (),
    tables: Sequence[str | ExtraTable] = (),
    image_size: int = DEFAULT_IMAGE_SIZE,
    as_downloaded: Sequence[str] = (),
    workers: int | None = None,
    cluster: Cluster | None = None,
    progress: Progress = FITTING,
) -> SynthReport:
    """Write a synthetic hospital as a PhysioNet tree of source files.

    The same parameters give the same bytes, whatever the number of workers. A run that was interrupted
    is started again by the same call; X-rays that are already there are kept.

    Args:
        out: Folder to write; empty, missing, or a tree of the same parameters.
        subjects: Number of subjects, 60 to 100,000.
        gold_subjects: Subjects with a study checked by hand; by default a quarter, at most 500.
        seed: Seed of all random numbers.
        images: Whether X-ray files are drawn (the tables name them in any case).
        events_factor: Multiplier of laboratory and charted events, for large tables.
        charted_factor: Further multiplier of charted events alone.
        releases: Releases to write that are not the official ones, such as `mimic-iv-3.1`.
        image_size: Pixels of the longer side of the X-rays, 256 to 1,024.
        tables: Tables to write beyond those of the package, by name (see `ehrxqa.spec.extra`) or as objects.
        as_downloaded: Kinds of clutter to leave in the complete tree, as downloads and other programs do (see
            `ehrxqa.hospital.as_downloaded`); `harmless` stands for all that change nothing that is built.
        workers: Worker processes; by default one per processor.
        cluster: A Dask cluster that draws instead, where its workers have `out`, too.
        progress: Hears how far it is.

    Raises:
        SettingsError: A parameter is out of range, or `out` holds something else.
        BuildError: A file cannot be written.
    """
    out = Path(out)
    plan = Plan.checked(
        subjects, gold_subjects, seed, images, events_factor, charted_factor, releases, tables, image_size
    )
    chosen_kinds(as_downloaded)
    done = counts_of_finished(out / MARKER, _marker(plan, None), "a synthetic hospital")
    if done is not None:
        if not leave_clutter(out, as_downloaded, seed, progress):
            progress.note(f"{out}: complete already, nothing to do")
        return report_of_counts(out, plan, Counter(done), fresh=False)
    write_json(out / MARKER, _marker(plan, None))
    _write_small_files(out, plan)
    with progress.task("synthetic hospital", total=plan.subjects, unit="subjects") as task:
        counts = grow(plan, out, table_keys(plan), _batches(plan, out, workers, cluster, progress), task)
    write_json(out / MARKER, _marker(plan, counts))
    leave_clutter(out, as_downloaded, seed, progress)
    return report_of_counts(out, plan, counts, fresh=True)


def grow(plan: Plan, out: Path, keys: Iterable[str], batches: Iterable[Batch], task: Task) -> Counter[str]:
    """Write batches to the tables `keys` and the scene graphs, which appear whole at the end; gives the counts."""
    counts: Counter[str] = Counter()
    with ExitStack() as stack:
        growing = {key: _GrowingTable.open(stack, source_path(out, key, plan), file_of(plan, key)) for key in keys}
        graphs = ZipFile(stack.enter_context(atomic_path(source_path(out, "scene_graphs", plan))))
        stack.push(_closing(graphs))
        for batch in batches:
            with disk_errors(out):
                for key, table in growing.items():
                    table.add(batch, key)
                for entry in batch.graphs:
                    graphs.add(entry)
            counts += batch.counts
            task.advance(batch.counts["subjects"])
    return counts


def _marker(plan: Plan, counts: Counter[str] | None) -> dict[str, Any]:
    return {
        "synthetic": True,
        "note": _NOTE,
        "generator": GENERATOR,
        "parameters": plan.as_dict(),
        "complete": counts is not None,
        "counts": dict(sorted((counts or {}).items())),
    }


def report_of_counts(out: Path, plan: Plan, counts: Counter[str], *, fresh: bool) -> SynthReport:
    """The report on a tree with these counts."""
    return SynthReport(
        out=out,
        fresh=fresh,
        subjects=plan.subjects,
        gold_subjects=plan.gold_subjects,
        seed=plan.seed,
        admissions=counts["admissions"],
        icustays=counts["icustays"],
        studies=counts["studies"],
        metadata_images=counts["cxr_metadata"],
        images=counts["images"],
        scene_graphs=counts["scene_graphs"],
        labevents=counts["labevents"],
        chartevents=counts["chartevents"],
        prescriptions=counts["prescriptions"],
    )


def source_path(out: Path, key: str, plan: Plan, *, compressed: bool | None = None) -> Path:
    """Where a source file lies below the root of a tree; packed as it is published, if not said otherwise."""
    file = file_of(plan, key)
    packed = file.compressed if compressed is None else compressed
    return out / plan.folder(file.project) / (file.path + (".gz" if packed else ""))


def _write_small_files(out: Path, plan: Plan) -> None:
    """The dictionaries, the same in every hospital but those of other packages, and the semantics."""
    own = {each.table.name: [tuple(row) for row in each.make(plan)] for each in plan.tables if each.table.is_dictionary}
    for key, rows in {**dictionary_rows(), **own}.items():
        file = file_of(plan, key)
        with atomic_path(source_path(out, key, plan)) as part:
            table = GzipFile(part)
            table.add(piece_of(header_text(file).encode() + rows_text(file, rows)))
            table.close()
    write_text(source_path(out, "attribute_list", plan), attribute_list_text())
    write_text(source_path(out, "object_list", plan), object_list_text())
    write_text(source_path(out, "ontology", plan), ontology_json())


class _GrowingTable:
    """A table file that grows batch by batch: compressed, or plain for the gold files."""

    def __init__(self, part: Path, file: SourceFile) -> None:
        header = header_text(file).encode()
        self._gzip: GzipFile | None = None
        if file.compressed:
            self._gzip = GzipFile(part)
            self._gzip.add(piece_of(header))
        else:
            self._plain = part.open("wb")
            self._plain.write(header)

    @classmethod
    def open(cls, stack: ExitStack, path: Path, file: SourceFile) -> _GrowingTable:
        """The file of a table, finished and given its name when the stack unwinds."""
        table = cls(stack.enter_context(atomic_path(path)), file)
        stack.push(_closing(table))
        return table

    def add(self, batch: Batch, key: str) -> None:
        """Append what a batch has for the table."""
        if self._gzip is not None:
            self._gzip.add(batch.pieces[key])
        else:
            self._plain.write(batch.plain[key])

    def close(self) -> None:
        """Finish the file."""
        (self._gzip or self._plain).close()


def _closing(thing: _GrowingTable | ZipFile) -> Any:
    """An exit handler that finishes a file, before the file gets its final name."""

    def close(*_: object) -> None:
        thing.close()

    return close


def _batches(
    plan: Plan, out: Path, workers: int | None, cluster: Cluster | None, progress: Progress
) -> Iterator[Batch]:
    """All batches in subject order, made by workers, a few ahead of the writer."""
    size = _batch_size(plan)
    ranges = [range(start, min(start + size, plan.subjects)) for start in range(0, plan.subjects, size)]
    make = partial(make_batch, plan, out=out)
    if cluster is None:
        workers = min(workers or os.cpu_count() or 1, len(ranges))
    with shard_pool(workers, cluster, needs=[out / MARKER], progress=progress) as pool:
        yield from pool.map(make, ranges, ahead=2 * pool.count)


def _batch_size(plan: Plan) -> int:
    """Subjects per batch: decided by the plan alone, because it shows in the compressed bytes."""
    return max(1, min(24, int(24 / max(plan.events_factor, plan.events_factor * plan.charted_factor, 1.0))))


def as_dict(report: SynthReport) -> dict[str, Any]:
    """The report as plain values."""
    return {**asdict(report), "out": str(report.out)}
