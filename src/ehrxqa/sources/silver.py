"""The silver part of Chest ImaGenome, from whichever form of it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final

import numpy as np

from ehrxqa.progress import SILENT, Progress
from ehrxqa.runs.pool import Pool
from ehrxqa.sources.build_files import FROM_GRAPHS, FROM_TABLES, silver_files
from ehrxqa.sources.chest_imagenome import (
    BOX_TYPES,
    DROPPED_CATEGORY,
    DROPPED_OBJECT,
    STATEMENT_TYPES,
    Boxes,
    Parts,
    Statements,
    append,
    joined,
    read_tabular_boxes,
    read_tabular_statements,
)
from ehrxqa.sources.dictionary_codes import Vocabulary
from ehrxqa.sources.scene_graphs import GraphChunk, decode_members, list_members
from ehrxqa.sources.tree import SourceTree

__all__ = ["SilverReader"]

#: Graphs a worker decodes at a time (some 5 MB of JSON).
GRAPHS_PER_CHUNK: Final = 256


class SilverReader:
    """Starts decoding scene graphs at once, in the background, and collects them when asked.

    Use as a context manager. If both tabular files are there they are used instead.

    Attributes:
        origin: `FROM_TABLES` or `FROM_GRAPHS`.
        paths: The files that are read.
    """

    def __init__(self, tree: SourceTree, *, workers: int, progress: Progress = SILENT) -> None:
        self._tree = tree
        self._workers = workers
        self._progress = progress
        self._pool = Pool(workers)
        self._graphs = 0
        self._decoded: Iterator[GraphChunk] = iter(())
        self.origin, self.paths = silver_files(tree)

    def __enter__(self) -> SilverReader:
        if self.origin == FROM_GRAPHS:
            members = list_members(self.paths[0])
            self._graphs = len(members)
            chunks = (members[first : first + GRAPHS_PER_CHUNK] for first in range(0, len(members), GRAPHS_PER_CHUNK))
            self._decoded = self._pool.map(decode_members, chunks, ahead=2 * self._workers)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.__exit__(kind, error, trace)

    def read(self, wanted: Callable[[str], bool]) -> tuple[Statements, Boxes]:
        """Statements about the wanted images, and the boxes of all images.

        Args:
            wanted: Says of an image id whether its statements are of use.

        Raises:
            SourceError: A file is damaged or not in its documented form.
        """
        if self.origin == FROM_TABLES:
            with self._progress.task("reading the tabular files of Chest ImaGenome"):
                return read_tabular_statements(self._tree, wanted), read_tabular_boxes(self._tree)
        collector = _Collector(wanted)
        with self._progress.task("decoding scene graphs", self._graphs, "graphs") as task:
            for chunk in self._decoded:
                collector.add(chunk)
                task.advance(len(chunk.images))
        return collector.statements(), collector.boxes()


class _Collector:
    """Joins chunks under common numbers."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self._wanted = wanted
        self._images, self._objects, self._names = Vocabulary(), Vocabulary(), Vocabulary()
        self._labels, self._categories = Vocabulary(), Vocabulary()
        self._statements: Parts = {name: [] for name in STATEMENT_TYPES}
        self._boxes: Parts = {name: [] for name in BOX_TYPES}

    def add(self, chunk: GraphChunk) -> None:
        """Add what a worker has sent."""
        image = np.array([self._images.code(text) for text in chunk.images], dtype=np.int32)
        keep_image = np.fromiter(map(self._wanted, chunk.images), dtype=bool, count=len(chunk.images))
        place = np.array([self._objects.code(text) for text in chunk.objects], dtype=np.int32)
        findings = [text.split("|") for text in chunk.findings]
        label = np.array([self._labels.code(parts[2]) for parts in findings], dtype=np.int32)
        category = np.array([self._categories.code(parts[0]) for parts in findings], dtype=np.int32)
        relation = np.array([parts[1] == "yes" for parts in findings], dtype=np.int8)
        finding = np.frombuffer(chunk.finding, dtype=np.int32)
        if len(finding):
            phrase = np.repeat(np.arange(len(chunk.phrase_count)), np.frombuffer(chunk.phrase_count, dtype=np.int32))
            of_image = np.frombuffer(chunk.phrase_image, dtype=np.int32)[phrase]
            of_object = place[np.frombuffer(chunk.phrase_object, dtype=np.int32)[phrase]]
            keep = keep_image[of_image]
            keep &= category[finding] != self._categories.find(DROPPED_CATEGORY)
            keep &= of_object != self._objects.find(DROPPED_OBJECT)
            append(
                self._statements,
                image=image[of_image[keep]],
                study=np.frombuffer(chunk.phrase_study, dtype=np.int64)[phrase[keep]],
                sentence=np.frombuffer(chunk.phrase_sentence, dtype=np.float64)[phrase[keep]],
                object=of_object[keep],
                relation=relation[finding[keep]],
                label=label[finding[keep]],
                category=category[finding[keep]],
            )
        name = np.array([self._names.code(text) for text in chunk.names], dtype=np.int32)
        if len(chunk.box_name):
            append(
                self._boxes,
                image=np.repeat(image, np.frombuffer(chunk.box_count, dtype=np.int32)),
                name=name[np.frombuffer(chunk.box_name, dtype=np.int32)],
                x1=np.frombuffer(chunk.box_x1, dtype=np.float64),
                x2=np.frombuffer(chunk.box_x2, dtype=np.float64),
                width=np.frombuffer(chunk.box_width, dtype=np.float64),
            )

    def statements(self) -> Statements:
        """All statements, in the order of graphs and of the JSON."""
        return Statements(
            **joined(self._statements, STATEMENT_TYPES),
            images=self._images,
            objects=self._objects,
            labels=self._labels,
            categories=self._categories,
        )

    def boxes(self) -> Boxes:
        """All boxes, in the order of graphs and of the JSON."""
        return Boxes(**joined(self._boxes, BOX_TYPES), images=self._images, names=self._names)
