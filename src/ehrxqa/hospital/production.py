"""One batch of subjects made from nothing but the plan: table pieces, scene graphs, X-ray files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from ehrxqa.hospital.anatomy import Chest, body_of, pose
from ehrxqa.hospital.archive import Piece, ZipEntry, piece_of, zip_entry
from ehrxqa.hospital.csvtext import rows_text
from ehrxqa.hospital.graphs import gold_box_rows, gold_rows, graph_boxes, scene_graph
from ehrxqa.hospital.human_labels import human_label_rows
from ehrxqa.hospital.life import Subject, live
from ehrxqa.hospital.measurements import ChartedRows, LabRows, charted_of, charted_text, labs_of, labs_text
from ehrxqa.hospital.orders import Row, Rows, orders_of
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.records import metadata_rows, person_rows
from ehrxqa.hospital.reports import report_of
from ehrxqa.hospital.seeds import Purpose, stream
from ehrxqa.hospital.studies import Image, Study, studies_of
from ehrxqa.layout import IMAGES_FOLDER, image_path
from ehrxqa.sources.catalogue import MIMIC_CXR_JPG, source_file
from ehrxqa.spec import tables as spec
from ehrxqa.spec.files import SourceFile
from ehrxqa.spec.human_labels import HUMAN_LABELS

__all__ = ["GOLD_TABLES", "TABLES", "Batch", "file_of", "make_batch", "make_x_ray_batch", "table_keys"]

#: Tables made of subjects, by catalogue key.
TABLES: Final = (
    *(table.name for table in spec.TABLES.values() if table.source and not table.is_dictionary),
    "cxr_metadata",
)
GOLD_TABLES = ("gold_attributes", "gold_boxes")

_encode = msgspec.json.Encoder().encode


@dataclass
class Batch:
    """What a run of subjects adds to the files of the tree."""

    pieces: dict[str, Piece] = field(default_factory=dict)
    plain: dict[str, bytes] = field(default_factory=dict)
    graphs: list[ZipEntry] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def table_keys(plan: Plan) -> tuple[str, ...]:
    """Catalogue keys of the tables that a hospital has, those that are the same in every hospital apart."""
    extra = (each.table.name for each in plan.tables if not each.table.is_dictionary)
    return (*TABLES, *GOLD_TABLES, *((HUMAN_LABELS.key,) if plan.human_labels else ()), *extra)


def file_of(plan: Plan, key: str) -> SourceFile:
    """The file of a table: of the catalogue, or of one beyond it."""
    return next((each.source for each in plan.tables if each.table.name == key), None) or source_file(key)


def make_batch(plan: Plan, numbers: range, out: Path) -> Batch:
    """Make the subjects `numbers`; X-rays are written below `out`, everything else is returned."""
    batch = Batch()
    rows: Rows = {key: [] for key in table_keys(plan)}
    laboratory: list[LabRows] = []
    charted: list[ChartedRows] = []
    for number in numbers:
        subject = live(plan, number)
        studies = studies_of(plan, subject)
        laboratory.append(labs_of(plan, subject))
        for key, more in {**person_rows(subject), **orders_of(plan, subject, laboratory[-1])}.items():
            rows[key] += more
        for extra in plan.tables:
            if not extra.table.is_dictionary:
                rows[extra.table.name] += [tuple(row) for row in extra.make(plan, subject)]
        charted.append(charted_of(plan, subject))
        _add_x_rays(plan, subject, studies, out, rows, batch)
    _add_rows(plan, rows, batch)
    batch.counts["labevents"] += sum(len(part.item) for part in laboratory)
    batch.counts["chartevents"] += sum(len(part.item) for part in charted)
    batch.pieces["labevents"] = piece_of(labs_text(laboratory))
    batch.pieces["chartevents"] = piece_of(charted_text(charted))
    batch.counts["scene_graphs"] += len(batch.graphs)
    return batch


def make_x_ray_batch(plan: Plan, subjects: Sequence[Subject], out: Path) -> Batch:
    """The X-rays of subjects whose tables others have made: metadata, scene graphs, gold rows, pictures."""
    batch = Batch()
    rows: Rows = {key: [] for key in ("cxr_metadata", *GOLD_TABLES)}
    for subject in subjects:
        _add_x_rays(plan, subject, studies_of(plan, subject), out, rows, batch)
    _add_rows(plan, rows, batch)
    batch.counts["scene_graphs"] += len(batch.graphs)
    return batch


def _add_x_rays(plan: Plan, subject: Subject, studies: tuple[Study, ...], out: Path, rows: Rows, batch: Batch) -> None:
    rng = stream(plan.seed, Purpose.REPORTS, subject.number)
    rows["cxr_metadata"] += metadata_rows(rng, subject, studies)["cxr_metadata"]
    _chest_imagenome(plan, subject, studies, rows, batch)
    if plan.human_labels:
        rows[HUMAN_LABELS.key] += human_label_rows(plan, subject, studies)
    if plan.images:
        batch.counts["images"] += _pictures(plan, subject, studies, out)
    batch.counts["subjects"] += 1
    batch.counts["studies"] += len(studies)
    batch.counts["gold_subjects"] += subject.gold


def _add_rows(plan: Plan, rows: Rows, batch: Batch) -> None:
    for key, own in rows.items():
        batch.counts[key] += len(own)
        file = file_of(plan, key)
        text = rows_text(file, own)
        if not file.compressed:
            batch.plain[key] = text
        else:
            batch.pieces[key] = piece_of(text)


def _chest_imagenome(
    plan: Plan, subject: Subject, studies: tuple[Study, ...], rows: dict[str, list[Row]], batch: Batch
) -> None:
    """Scene graphs of the frontal images, and the gold rows of a gold subject."""
    gold_boxes = 0
    for study in studies:
        first = study.first_frontal
        if first is None:
            continue
        rng = stream(plan.seed, Purpose.REPORTS, subject.number, study.running)
        report = report_of(rng, study.findings)
        for image in study.images:
            if not image.frontal:
                continue
            chest = _chest(plan, subject, study, image)
            if subject.gold and image is first:
                if study.running == 0:
                    rows["gold_attributes"] += gold_rows(subject, study, image, report)
                if gold_boxes < 2:  # the study checked by hand, and one more
                    rows["gold_boxes"] += gold_box_rows(rng, chest, image)
                    gold_boxes += 1
            if image.graph != "none":
                graph = scene_graph(subject, study, image, graph_boxes(rng, chest, image), report)
                batch.graphs.append(zip_entry(f"scene_graph/{image.image_id}_SceneGraph.json", _encode(graph)))


def _chest(plan: Plan, subject: Subject, study: Study, image: Image) -> Chest:
    """The chest of a subject in one image: boxes and picture are made of the same."""
    return pose(
        stream(plan.seed, Purpose.PICTURES, subject.number, image.running, 0),
        body_of(stream(plan.seed, Purpose.GOLD, subject.number), subject.body),
        image.view,
        study.findings,
        bedside=study.portable,
        woman=subject.gender == "F",
        age=subject.age,
        seed=plan.seed * 1_000_003 + subject.number,
    )


def _pictures(plan: Plan, subject: Subject, studies: tuple[Study, ...], out: Path) -> int:
    """Draw and write the X-rays that are not there yet; returns how many there are."""
    from ehrxqa.hospital.xray import draw, write_jpeg

    count = 0
    folder = out / plan.folder(MIMIC_CXR_JPG) / IMAGES_FOLDER
    for study in studies:
        for image in study.images:
            path = folder / image_path(subject.subject_id, study.study_id, image.image_id)
            count += 1
            if path.exists():
                continue
            rng = stream(plan.seed, Purpose.PICTURES, subject.number, image.running, 1)
            chest = _chest(plan, subject, study, image)
            write_jpeg(path, draw(rng, chest, image, study.findings, bedside=study.portable))
    return count
