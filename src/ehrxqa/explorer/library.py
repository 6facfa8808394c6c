"""An output folder, opened once and read by every page: questions, programs, studies, labels, boxes.

What is large is read when it is first needed and kept; connections are opened per use, so that any thread may ask.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from ehrxqa.dataset.links import LinkTable
from ehrxqa.dataset.records import Record
from ehrxqa.dataset.splits import Dataset, read_dataset
from ehrxqa.errors import BuildError, RecordError, SettingsError, SourceError
from ehrxqa.explain.why import gold_programs
from ehrxqa.explorer.quick import QuickCopies
from ehrxqa.layout import BASES, DATABASE_OF_SPLIT, DATABASE_PATHS, IMAGES_FOLDER, MANIFEST, image_path
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.runs.manifest import read_manifest, recorded_time
from ehrxqa.sources.build_files import graphs_path
from ehrxqa.sources.catalogue import CHEST_IMAGENOME, MIMIC_CXR_JPG, source_file
from ehrxqa.sources.image_boxes import ImageBox, read_gold_image_boxes, read_graph_image_boxes
from ehrxqa.sources.scene_graphs import Member, find_members
from ehrxqa.sources.tree import SourceTree, find_sources
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.sandbox import Sandbox, open_database
from ehrxqa.vqa.database_labels import labels_of_database
from ehrxqa.vqa.image_labels import Finding, ImageLabels
from ehrxqa.vqa.oracle import OracleModel
from ehrxqa.vqa.parse import parse

__all__ = ["Library", "StudyRef", "open_library"]

_STUDIES: Final = "SELECT study_id, subject_id, image_id, viewposition, studydatetime FROM tb_cxr ORDER BY row_id"


@dataclass(frozen=True, slots=True)
class StudyRef:
    """A study of a database, with its one image.

    Attributes:
        base: Database that holds it: train or test.
        study_id, subject_id, image_id, view_position, time: As in TB_CXR; the time is shifted.
    """

    base: str
    study_id: int
    subject_id: int
    image_id: str
    view_position: str
    time: str


class Library:
    """An output folder as pages need it.

    Attributes:
        out: The output folder.
        dataset: Its question files; without any, there are no splits.
        databases: Base → file, as far as they are there.
        synthetic: Whether the build says that no real patient is in it.
        tree: The sources, if Chest ImaGenome is among them: boxes, and sentences of reports.
        quick: Indexed copies, once they are made.
        pictures: Folder `files` of MIMIC-CXR-JPG, if it was found.
        now: The current time of the databases.
    """

    def __init__(self, out: Path, dataset: Dataset, synthetic: bool, tree: SourceTree | None) -> None:
        self.out = out
        self.dataset = dataset
        self.synthetic = synthetic
        self.databases: dict[str, Path] = {
            base: out / DATABASE_PATHS[base] for base in BASES if (out / DATABASE_PATHS[base]).is_file()
        }
        self.tree = tree if tree is not None and tree.folder(CHEST_IMAGENOME).is_dir() else None
        self.pictures = None if tree is None else _pictures(tree)
        self.now = recorded_time(read_manifest(out))
        self.quick = QuickCopies(out, self.databases, self.now)
        self._lock = threading.RLock()
        self._labels: dict[str, ImageLabels] = {}
        self._models: dict[str, OracleModel] = {}
        self._tables: dict[str, frozenset[str]] = {}

    @cached_property
    def programs(self) -> Mapping[str, Mapping[str, str]]:
        """Split → id → gold program, as far as pre-release files are there."""
        return {split: gold_programs(self.dataset, split) for split in self.dataset.splits}

    def record(self, split: str, identifier: str) -> Record | None:
        """A question, or None."""
        return self._records.get((split, identifier))

    @cached_property
    def _records(self) -> Mapping[tuple[str, str], Record]:
        return {
            (split, str(record["id"])): record for split, records in self.dataset.splits.items() for record in records
        }

    @cached_property
    def by_template(self) -> Mapping[str, tuple[tuple[str, Record], ...]]:
        """Sentence before rewording → the questions (split, record) made of it."""
        found: dict[str, list[tuple[str, Record]]] = {}
        for split, records in self.dataset.splits.items():
            for record in records:
                if isinstance(sentence := record.get("template"), str):
                    found.setdefault(sentence, []).append((split, record))
        return {sentence: tuple(records) for sentence, records in found.items()}

    @cached_property
    def studies(self) -> Mapping[int, StudyRef]:
        """Every study of the databases."""
        found = {}
        for base in self.databases:
            with self.sandbox(base) as sandbox:
                for study, subject, image, view, time in sandbox.run(_STUDIES):
                    if isinstance(study, int) and isinstance(subject, int):
                        found[study] = StudyRef(base, study, subject, str(image), str(view or ""), str(time))
        return found

    @cached_property
    def by_image(self) -> Mapping[str, StudyRef]:
        """Image → its study."""
        return {study.image_id: study for study in self.studies.values()}

    @cached_property
    def by_subject(self) -> Mapping[int, tuple[StudyRef, ...]]:
        """Subject → studies in the order of time."""
        found: dict[int, list[StudyRef]] = {}
        for study in sorted(self.studies.values(), key=lambda study: (study.time, study.study_id)):
            found.setdefault(study.subject_id, []).append(study)
        return {subject: tuple(studies) for subject, studies in found.items()}

    @cached_property
    def subjects(self) -> frozenset[int]:
        """Every subject of the databases, with or without X-rays."""
        found: set[object] = set()
        for base in self.databases:
            with self.sandbox(base) as sandbox:
                found.update(row[0] for row in sandbox.run("SELECT subject_id FROM patients"))
        return frozenset(subject for subject in found if isinstance(subject, int))

    def base_of_split(self, split: str) -> str:
        """The database that answers a split.

        Raises:
            SettingsError: It is not there.
        """
        base = DATABASE_OF_SPLIT[split]
        if base not in self.databases:
            raise SettingsError(
                f"{self.out / DATABASE_PATHS[base]}: no such database; build it: ehrxqa build SOURCES OUT"
            )
        return base

    @contextmanager
    def sandbox(self, base: str, limits: Limits | None = None) -> Iterator[Sandbox]:
        """The database for queries of our own, the label table included."""
        with open_database(self.databases[base], limits=limits or Limits(rows=1_000_000), now=self.now) as sandbox:
            yield sandbox

    @contextmanager
    def engine(self, base: str, limits: Limits) -> Iterator[Engine]:
        """The database for NeuralSQL, images answered from labels, the label table out of reach."""
        labels = self.labels(base)
        with self._lock:
            model = self._models.setdefault(base, OracleModel(labels))
        with Engine(
            self.databases[base], model, limits=limits, parse=lambda text: parse(text, labels.vocabulary), now=self.now
        ) as engine:
            yield engine

    def table_names(self, base: str) -> frozenset[str]:
        """The tables of a database, in lower case."""
        with self._lock:
            if base not in self._tables:
                with self.sandbox(base) as sandbox:
                    self._tables[base] = frozenset(map(str.lower, sandbox.tables))
            return self._tables[base]

    def labels(self, base: str) -> ImageLabels:
        """Labels of every study of a database; read once."""
        with self._lock:
            if base not in self._labels:
                self._labels[base] = labels_of_database(self.databases[base])
            return self._labels[base]

    def findings(self, study: StudyRef) -> tuple[Finding, ...]:
        """What is present in a study, by object and attribute."""
        labels = self.labels(study.base)
        row = labels.row_of_study.get(study.study_id)
        bits = 0 if row is None else labels.present[row]
        found = []
        while bits:
            lowest = bits & -bits
            found.append(labels.findings[lowest.bit_length() - 1])
            bits ^= lowest
        return tuple(sorted(found))

    def picture(self, image_id: str) -> Path | None:
        """The file of an image of the databases; None if it is unknown or not there. The id is never part of a path."""
        study = self.by_image.get(image_id)
        if study is None or self.pictures is None:
            return None
        path = self.pictures / image_path(study.subject_id, study.study_id, study.image_id)
        return path if path.is_file() else None

    def has_boxes(self, image_id: str) -> bool:
        """Whether the sources hold boxes of an image."""
        return self.tree is not None and (image_id in self._gold_boxes or image_id in self.graphs)

    def boxes(self, image_id: str) -> tuple[ImageBox, ...]:
        """Where the objects of an image are, checked by hand if they were; none without sources.

        Raises:
            SourceError: The sources are damaged.
        """
        if self.tree is None or image_id not in self.by_image:
            return ()
        with self._lock:
            gold = self._gold_boxes.get(image_id)
            member = self.graphs.get(image_id)
        if gold is not None:
            return gold
        return () if member is None else read_graph_image_boxes(member)

    @cached_property
    def _gold_boxes(self) -> Mapping[str, tuple[ImageBox, ...]]:
        if self.tree is None or self.tree.find(source_file("gold_boxes")) is None:
            return {}
        return read_gold_image_boxes(self.tree, self.by_image.keys())

    @cached_property
    def graphs(self) -> Mapping[str, Member]:
        """Where the scene graphs of our images lie; of a zip file only its directory is read."""
        if self.tree is None:
            return {}
        try:
            path = graphs_path(self.tree)
        except SourceError:  # built from the tabular files: no boxes of single images
            return {}
        return find_members(path, self.by_image.keys())


def open_library(out: Path | str, sources: Path | str | None = None) -> Library:
    """Open an output folder; a folder that `ehrxqa demo` made stands for what is built in it and its hospital.

    Args:
        out: The output folder.
        sources: The folder of sources, or of MIMIC-CXR-JPG alone: pictures, boxes and sentences of reports.

    Raises:
        BuildError: There is no build.
        SourceError: There is no such folder of sources.
        RecordError: The question files are damaged.
    """
    out = Path(out)
    if not (out / MANIFEST).is_file() and (out / "ehrxqa" / MANIFEST).is_file():
        if sources is None and (out / "hospital").is_dir():
            sources = out / "hospital"
        out = out / "ehrxqa"
    manifest = read_manifest(out)
    if manifest is None:
        raise BuildError(f"{out}: holds no build (no {MANIFEST}); make one with: ehrxqa build SOURCES {out}")
    try:
        dataset = read_dataset(out)
    except RecordError:
        if any(out.glob("dataset/**/*.json")):
            raise
        dataset = Dataset(out / "dataset", {}, {}, frozenset(), LinkTable({}))
    tree = None if sources is None else find_sources(sources, _own_folder(Path(sources)))
    library = Library(out, dataset, manifest.synthetic, tree)
    if not library.databases:
        raise BuildError(f"{out}: holds no database; run the build again: ehrxqa build SOURCES {out}")
    return library


def _own_folder(folder: Path) -> dict[str, Path | str | None]:
    """The folder given as that of MIMIC-CXR-JPG, where its pictures lie right in it."""
    for inner in (folder, folder.parent):
        if (inner / IMAGES_FOLDER).is_dir() and any((inner / IMAGES_FOLDER).glob("p1[0-9]")):
            return {MIMIC_CXR_JPG.slug: inner}
    if (folder / MIMIC_CXR_JPG.version / IMAGES_FOLDER).is_dir():
        return {MIMIC_CXR_JPG.slug: folder / MIMIC_CXR_JPG.version}
    return {}


def _pictures(tree: SourceTree) -> Path | None:
    folder = tree.folder(MIMIC_CXR_JPG) / IMAGES_FOLDER
    return folder.resolve() if folder.is_dir() else None
