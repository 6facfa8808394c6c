"""From statements in reports to one label per image, object and attribute.

The steps of the official pipeline, over whole columns: keep the last statement, pass findings on to parent
attributes and then to parent objects, drop impossible and too rare pairs, and count what is left as absent.
"Last" means: the latest sentence, nulls after all numbers; among equals the later row, where copies for
parents come after what was stated, in the order of the ontology.

Every step looks at one image at a time, so images are taken in groups and memory stays small.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ehrxqa.errors import SourceError
from ehrxqa.labels.ontology import EXEMPT_LABELS, MINORITY_LABELS, MINORITY_OBJECTS, Ontology
from ehrxqa.sources.chest_imagenome import Statements

__all__ = ["Findings", "Refiner"]

#: Images refined at once.
IMAGES_PER_GROUP = 4096

Codes = npt.NDArray[np.int64]


@dataclass
class Findings:
    """Labels that differ from "absent, never stated", sorted by image, object and attribute.

    An image of `present` has every possible pair of the ontology; those that are not listed here are absent.
    Listed are the labels that are present, and those absent ones whose pair is not possible anywhere.

    Attributes:
        image: Number of the image (as given to the refiner).
        object, label: Numbers in the refiner's sorted `objects` and `labels`.
        relation: 1 present, 0 absent.
        category: Number in the refiner's `categories`.
        sentence: Position of the deciding sentence (NaN: none).
        present: Numbers of all images that have labels, ascending.
    """

    image: Codes
    object: Codes
    label: Codes
    relation: npt.NDArray[np.int8]
    category: Codes
    sentence: npt.NDArray[np.float64]
    present: Codes

    def __len__(self) -> int:
        return len(self.image)


@dataclass
class _Rows:
    image: Codes
    object: Codes
    label: Codes
    relation: npt.NDArray[np.int8]
    category: Codes
    sentence: npt.NDArray[np.float64]

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> _Rows:
        return _Rows(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @staticmethod
    def concatenate(parts: Sequence[_Rows]) -> _Rows:
        return _Rows(*(np.concatenate([getattr(part, name) for part in parts]) for name in _Rows.__dataclass_fields__))

    def __len__(self) -> int:
        return len(self.image)


class _ParentTable:
    """For each code, its parents and the rank of the copy made for each of them."""

    def __init__(self, pairs: Sequence[tuple[int, int]], size: int) -> None:
        self.count = np.bincount(np.array([child for child, _ in pairs], dtype=np.int64), minlength=size)
        self.start = np.concatenate([[0], np.cumsum(self.count)])[:-1]
        by_child = sorted(range(len(pairs)), key=lambda rank: pairs[rank][0])
        self.parent = np.array([pairs[rank][1] for rank in by_child], dtype=np.int64)
        self.rank = np.array([rank + 1 for rank in by_child], dtype=np.int64)

    def copies(self, codes: Codes) -> tuple[Codes, Codes, Codes]:
        """Rows to copy, the parent each copy is for, and the rank of each copy."""
        counts = self.count[codes]
        rows = np.repeat(np.arange(len(codes)), counts)
        within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        places = self.start[codes[rows]] + within
        return rows, self.parent[places], self.rank[places]


class Refiner:
    """Applies the pipeline with one ontology.

    Args:
        ontology: What implies what, and what can be where.
        objects, labels, categories: Further names that occur in statements.

    Attributes:
        objects, labels: All names, sorted by code point; their places are the codes.
        categories: All categories; their places are the codes.
    """

    def __init__(
        self, ontology: Ontology, objects: Sequence[str], labels: Sequence[str], categories: Sequence[str]
    ) -> None:
        self.ontology = ontology
        self.objects = sorted({*ontology.objects, *objects, *(place for place, _ in ontology.pairs)})
        self.labels = sorted({*ontology.category_of, *labels})
        self.categories = sorted({*ontology.category_of.values(), *categories})
        self.object_code = {name: code for code, name in enumerate(self.objects)}
        self.label_code = {name: code for code, name in enumerate(self.labels)}
        self.category_code = {name: code for code, name in enumerate(self.categories)}
        shape = (len(self.objects), len(self.labels))

        self._label_parents = _ParentTable(
            [(self.label_code[child], self.label_code[parent]) for child, parent in ontology.label_parents],
            len(self.labels),
        )
        self._object_parents = _ParentTable(
            [(self.object_code[child], self.object_code[parent]) for child, parent in ontology.object_parents],
            len(self.objects),
        )
        self._category_of_label = np.full(len(self.labels), -1, dtype=np.int64)
        for label, category in ontology.category_of.items():
            self._category_of_label[self.label_code[label]] = self.category_code[category]

        self._known = np.array([name in EXEMPT_LABELS or name in ontology.places for name in self.labels])
        self._kept = np.zeros(shape, dtype=bool)
        for label, code in self.label_code.items():
            if label in EXEMPT_LABELS:
                self._kept[:, code] = True
            for place in ontology.places.get(label, ()):
                if place in self.object_code:
                    self._kept[self.object_code[place], code] = True
        for name in MINORITY_OBJECTS & self.object_code.keys():
            self._kept[self.object_code[name], :] = False
        for name in MINORITY_LABELS & self.label_code.keys():
            self._kept[:, self.label_code[name]] = False

        self._possible = np.zeros(shape, dtype=bool)
        for place, label in ontology.pairs:
            self._possible[self.object_code[place], self.label_code[label]] = True
        #: The possible pairs by object and attribute: their codes, and the category of each.
        self.pair_object, self.pair_label = np.nonzero(self._possible)
        self.pair_category = self._category_of_label[self.pair_label]

    def refine(self, statements: Statements, image_number: npt.NDArray[np.int64]) -> Findings:
        """Labels from statements.

        Args:
            statements: In file order; without category `nlp` and box `unknown`.
            image_number: For each image of `statements`, the number it has in the result; -1 leaves it out.

        Raises:
            SourceError: A label is not in the ontology.
        """
        objects = np.array([self.object_code[name] for name in statements.objects.texts], dtype=np.int64)
        labels = np.array([self.label_code[name] for name in statements.labels.texts], dtype=np.int64)
        categories = np.array([self.category_code[name] for name in statements.categories.texts], dtype=np.int64)
        image = image_number[statements.image] if len(statements) else np.empty(0, dtype=np.int64)
        order = np.argsort(image, kind="stable")
        order = order[np.searchsorted(image[order], 0) :]
        numbers = image[order]
        found = []
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        for first in range(0, len(starts), IMAGES_PER_GROUP):
            end = starts[first + IMAGES_PER_GROUP] if first + IMAGES_PER_GROUP < len(starts) else len(order)
            rows = order[starts[first] : end]
            found.append(
                self._refine_rows(
                    _Rows(
                        image[rows],
                        objects[statements.object[rows]],
                        labels[statements.label[rows]],
                        statements.relation[rows],
                        categories[statements.category[rows]],
                        statements.sentence[rows],
                    )
                )
            )
        return _joined(found)

    def refine_again(self, findings: Findings, statements: Statements, image_number: npt.NDArray[np.int64]) -> Findings:
        """Run the pipeline over finished labels together with statements about other images.

        This is what the official builder does for its test labels: images labelled by hand pass through the
        parents a second time, now with their completed negatives, which have no sentence, sort last and win.
        """
        parts = []
        for first in range(0, len(findings.present), IMAGES_PER_GROUP):
            parts.append(self._refine_rows(self.expand(findings, findings.present[first : first + IMAGES_PER_GROUP])))
        parts.append(self.refine(statements, image_number))
        return _joined(parts)

    def expand(self, findings: Findings, images: Codes) -> _Rows:
        """All labels of some images, absent ones included, sorted by image, object and attribute."""
        rows = np.flatnonzero(np.isin(findings.image, images))
        listed = _Rows(
            findings.image[rows],
            findings.object[rows],
            findings.label[rows],
            findings.relation[rows],
            findings.category[rows],
            findings.sentence[rows],
        )
        pairs = len(self.pair_object)
        absent = _Rows(
            np.repeat(images, pairs),
            np.tile(self.pair_object, len(images)),
            np.tile(self.pair_label, len(images)),
            np.zeros(len(images) * pairs, dtype=np.int8),
            np.tile(self.pair_category, len(images)),
            np.full(len(images) * pairs, np.nan),
        )
        absent = absent.take(~np.isin(self._key(absent), self._key(listed)))
        both = _Rows.concatenate([listed, absent])
        return both.take(np.argsort(self._key(both), kind="stable"))

    def _key(self, rows: _Rows) -> Codes:
        return (rows.image * len(self.objects) + rows.object) * len(self.labels) + rows.label

    def _last(self, rows: _Rows, rank: Codes | None = None) -> _Rows:
        """The last row of each image, object and attribute, sorted by them.

        Among equal sentences the higher rank is later; without ranks, the later row.
        """
        key = self._key(rows)
        if rank is None:
            rank = np.arange(len(rows), dtype=np.int64)
        positions, sentence = np.unique(rows.sentence, return_inverse=True)  # not-a-number comes last
        ranks = int(rank.max(initial=0)) + 1
        if int(key.max(initial=0) + 1) * len(positions) * ranks < 2**63:
            # one number for all that decides: sorting it is many times faster than sorting by several keys
            order = np.argsort((key * len(positions) + sentence) * ranks + rank)
        else:
            order = np.lexsort((rank, sentence, key))
        key = key[order]
        last = np.ones(len(key), dtype=bool)
        last[:-1] = key[1:] != key[:-1]
        return rows.take(order[last])

    def _refine_rows(self, rows: _Rows) -> Findings:
        rows = self._last(rows)
        rows = self._with_parents(rows, self._label_parents, of_labels=True)
        rows = self._with_parents(rows, self._object_parents, of_labels=False)
        unknown = ~self._known[rows.label]
        if unknown.any():
            name = self.labels[int(rows.label[unknown][0])]
            raise SourceError(f"label {name!r} of a statement is not in possible_attribute_of of the ontology")
        rows = rows.take(self._kept[rows.object, rows.label])
        present = np.unique(rows.image)
        rows = rows.take((rows.relation == 1) | ~self._possible[rows.object, rows.label])
        return Findings(rows.image, rows.object, rows.label, rows.relation, rows.category, rows.sentence, present)

    def _with_parents(self, rows: _Rows, parents: _ParentTable, *, of_labels: bool) -> _Rows:
        source, parent, rank = parents.copies(rows.label if of_labels else rows.object)
        copies = rows.take(source)
        if of_labels:
            copies.label = parent
            copies.category = self._category_of_label[parent]
        else:
            copies.object = parent
        both = _Rows.concatenate([rows, copies])
        return self._last(both, np.concatenate([np.zeros(len(rows), dtype=np.int64), rank]))


def _joined(parts: Sequence[Findings]) -> Findings:
    if not parts:
        empty = np.empty(0, dtype=np.int64)
        return Findings(empty, empty, empty, np.empty(0, dtype=np.int8), empty, np.empty(0), empty)
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in Findings.__dataclass_fields__}
    present = np.sort(columns.pop("present"))
    order = np.argsort(columns["image"], kind="stable")
    return Findings(**{name: values[order] for name, values in columns.items()}, present=present)
