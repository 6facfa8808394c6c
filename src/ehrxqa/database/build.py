"""The database stage: MIMIC-IV and labels in, two SQLite files out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ehrxqa.database.calendar import START_SECONDS
from ehrxqa.database.clinical import read_clinical
from ehrxqa.database.cohort import Cohort, make_cohort
from ehrxqa.database.cost import cost_table
from ehrxqa.database.dictionaries import keys_of, read_dictionaries
from ehrxqa.database.draws import OFFICIAL_SEED
from ehrxqa.database.event_reader import EventContext, EventRows, read_events
from ehrxqa.database.events import EVENT_TABLES, EventTable, event_table
from ehrxqa.database.frame import Frame
from ehrxqa.database.id_set import IdSet
from ehrxqa.database.shuffle import shuffled_rows
from ehrxqa.database.stored import read_back
from ehrxqa.database.studies import admission_of_studies, studies_of
from ehrxqa.database.writer import DatabaseWriter, connection, write_frames
from ehrxqa.files import atomic_path
from ehrxqa.labels.store import Labels
from ehrxqa.layout import BASES
from ehrxqa.progress import SILENT, Progress
from ehrxqa.sources.tree import SourceTree
from ehrxqa.spec.table import Table
from ehrxqa.spec.tables import TABLES

__all__ = ["DatabaseReport", "build_databases"]


@dataclass(frozen=True)
class DatabaseReport:
    """Counts of the database stage, for the manifest.

    Attributes:
        sources: Rows read and kept of each source table, by reason.
        cohorts: Sizes of each cohort.
        events: For each database and event table, rows of its admissions, and rows dropped by the calendar.
        tables: Rows of each table of each database.
    """

    sources: dict[str, dict[str, int]]
    cohorts: dict[str, dict[str, int]]
    events: dict[str, dict[str, dict[str, int]]]
    tables: dict[str, dict[str, int]]


def build_databases(
    tree: SourceTree,
    labels: Labels,
    paths: Mapping[str, Path],
    subjects: Mapping[str, int],
    *,
    seed: int = OFFICIAL_SEED,
    scratch: Path,
    extra: Sequence[Table] = (),
    exchange: bool = True,
    progress: Progress = SILENT,
) -> DatabaseReport:
    """Build the train and test databases in one pass over the sources.

    Args:
        tree: The sources.
        labels: What the label stage made.
        paths: Where each database goes, by split.
        subjects: Size of each cohort, by split.
        seed: Seed of all draws; 0 gives the official databases.
        scratch: Existing folder for temporary data.
        extra: Event tables and dictionaries beyond those of the package, declared in full.
        exchange: Exchange values between rows, rename care units and rotate study times, as the official builder does
            to hide who is who; without it every row keeps what is its own.
        progress: Told what happens.

    Raises:
        SourceError: A source file is missing, damaged, or does not fit the others.
        BuildError: A cohort is empty, or a file cannot be written.
    """
    event_tables = (*EVENT_TABLES, *(found for table in extra if (found := event_table(table))))
    studies = {split: studies_of(labels, split) for split in BASES}
    with progress.task("reading subjects, admissions and stays"):
        with_studies = IdSet(np.concatenate([studies[split].subject_id for split in BASES]))
        clinical = read_clinical(tree, with_studies, seed)
        for split in BASES:
            admission_of_studies(studies[split], clinical.transfers, transfers_had_null=clinical.transfer_hadm_had_null)
        cohorts = {
            split: make_cohort(clinical, studies[split], split, subjects[split], seed, exchange=exchange)
            for split in BASES
        }
    with progress.task("reading dictionaries"):
        dictionaries = read_dictionaries(tree, [table for table in extra if table.is_dictionary])
    context = EventContext(
        admissions=IdSet(np.concatenate([cohort.admissions_kept for cohort in cohorts.values()])),
        subjects=IdSet(np.concatenate([cohort.subjects for cohort in cohorts.values()])),
        times=clinical.times,
        known={
            table.name: keys_of(dictionaries[table.name], table)
            for table in (*TABLES.values(), *extra)
            if table.is_dictionary
        },
        scratch=scratch,
        seed=seed,
        exchange=exchange,
    )
    events = {table.name: read_events(tree, table, context, progress) for table in event_tables}

    counts: dict[str, dict[str, int]] = {}
    happened: dict[str, dict[str, dict[str, int]]] = {}
    side = scratch / "dictionaries.db"
    side.unlink(missing_ok=True)
    with connection(side) as database:
        database.execute("BEGIN")
        write_frames(database, {name: read_back(frame) for name, frame in dictionaries.items()})
        database.execute("COMMIT")
    writer = DatabaseWriter(labels, side, extra)
    for split in BASES:
        happened[split] = {}
        with progress.task(f"writing the {split} database"), atomic_path(paths[split]) as part:
            part.unlink(missing_ok=True)
            cohort = cohorts[split]
            frames = _finished(cohort, event_tables, events, happened[split], exchange=exchange)
            counts[split] = writer.write(part, split, cohort.studies, cohort.labelled, cohort.hadm_kind, frames)
    side.unlink()
    return DatabaseReport(
        sources={**clinical.counts, **{name: rows.counts for name, rows in events.items()}},
        cohorts={split: cohort.counts for split, cohort in cohorts.items()},
        events=happened,
        tables=counts,
    )


def _finished(
    cohort: Cohort,
    tables: Sequence[EventTable],
    events: Mapping[str, EventRows],
    happened: dict[str, dict[str, int]],
    *,
    exchange: bool,
) -> dict[str, Frame]:
    """All tables of one database but dictionaries and X-rays, as read back."""
    frames = {name: read_back(frame) for name, frame in cohort.tables.items()}
    for table in tables:
        happened[table.name] = {}
        rows = _event_rows(table, events[table.name].frame, cohort, happened[table.name], exchange=exchange)
        frames[table.name] = read_back(rows)
    frames["cost"] = read_back(cost_table(frames, cohort.draws))
    return frames


def _event_rows(table: EventTable, frame: Frame, cohort: Cohort, counts: dict[str, int], *, exchange: bool) -> Frame:
    """The rows of one database: of its admissions, shifted, happened, and in 2100 or later."""
    if table.rules.items:
        # shuffled inside the database, after the shift and before the choice of admissions
        frame = frame.take(np.isin(frame.data("subject_id"), cohort.subjects))
        counts["rows"] = len(frame)
        frame = _shifted(table, frame, cohort)
        counts["dropped, after the current time"] = counts["rows"] - len(frame)
        if exchange:
            order = shuffled_rows(len(frame), np.arange(len(frame)), seed=cohort.draws.seed)
            frame = frame.replace(**{name: frame[name].take(order) for name in table.rules.shuffled})
        before = len(frame)
        frame = frame.take(np.isin(frame.data("hadm_id"), cohort.admissions_kept))
        counts["dropped, other admissions"] = before - len(frame)
    else:
        frame = frame.take(np.isin(frame.data("hadm_id"), cohort.admissions_kept))
        counts["rows"] = len(frame)
        frame = _shifted(table, frame, cohort)
        counts["dropped, without time or after the current time"] = counts["rows"] - len(frame)
    before = len(frame)
    frame = frame.take(frame.data(table.rules.time) >= START_SECONDS)
    counts["dropped, before 2100"] = before - len(frame)
    return frame


def _shifted(table: EventTable, frame: Frame, cohort: Cohort) -> Frame:
    subject = frame.data("subject_id")
    times = (table.rules.time, *table.rules.other_times)
    frame = frame.replace(**{name: cohort.shift.shift(subject, frame[name]) for name in times})
    return frame.take(~frame[table.rules.time].null)
