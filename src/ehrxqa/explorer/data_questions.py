"""The list of questions: facets with counts, search, order, pages; quick for tens of thousands of questions.

Every value of a facet is one integer whose bits are its questions, in the order of the files; a selection is a few
`&` and `|`, and a count `bit_count`. Choosing several values of one facet means any of them; counts of a facet say
how many questions a click would give, whatever else is chosen in the same facet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ehrxqa.dataset.placement import Placement, placement_of
from ehrxqa.dataset.records import Record
from ehrxqa.dataset.splits import Dataset
from ehrxqa.dataset.stats import answer_type
from ehrxqa.layout import SPLITS
from ehrxqa.spec.scopes import MODALITIES, SCOPES

__all__ = ["FACETS", "SORTS", "Facet", "FacetValue", "Item", "Listing", "QuestionIndex", "Selection"]

#: Facet → its title, in the order shown.
FACETS: Final = {
    "split": "Split",
    "modality": "Modality",
    "scope": "Scope",
    "answer": "Answer type",
    "empty": "Empty answer",
    "family": "Family",
    "template": "Template",
    "flagged": "Flagged",
}
#: Order → its title.
SORTS: Final = {
    "file": "order of the files",
    "short": "shortest question first",
    "long": "longest question first",
    "studies": "most studies first",
    "answers": "longest answer first",
}
_ORDERS: Final[dict[str, Sequence[str]]] = {"split": SPLITS, "modality": MODALITIES, "scope": tuple(SCOPES)}
PAGE_ROWS: Final = 50


@dataclass(frozen=True, slots=True)
class Item:
    """A question as lists show it.

    Attributes:
        split, id: Which question; the id as text.
        facts: Modality, scope, family.
        template: Its template (`q_tag`).
        kind: Type of its answer; `not answered` without answer.
        studies: How many studies it is about.
        images: Images of the first few of them.
        record: The question itself.
    """

    split: str
    id: str
    facts: Placement
    template: str
    kind: str
    studies: int
    images: tuple[str, ...]
    record: Record

    @property
    def question(self) -> str:
        """Its text."""
        return str(self.record["question"])


@dataclass(frozen=True)
class Selection:
    """What a list shows; an address says it.

    Attributes:
        chosen: Facet → values chosen.
        search: Words that must be in the question, its SQL or its id.
        sort: One of `SORTS`.
        page: From 1.
    """

    chosen: Mapping[str, tuple[str, ...]]
    search: str = ""
    sort: str = "file"
    page: int = 1


@dataclass(frozen=True, slots=True)
class FacetValue:
    """A value of a facet, how many questions it would give, and whether it is chosen."""

    value: str
    count: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A facet with the values worth showing, chosen and frequent ones."""

    name: str
    title: str
    values: tuple[FacetValue, ...]


@dataclass(frozen=True)
class Listing:
    """One page of a list.

    Attributes:
        items: Its questions.
        total: Questions of all pages.
        page, pages: Which page of how many, from 1.
        facets: To choose from.
    """

    items: tuple[Item, ...]
    total: int
    page: int
    pages: int
    facets: tuple[Facet, ...]


class QuestionIndex:
    """All questions of the files, ready to be listed.

    Args:
        dataset: The question files.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.items: tuple[Item, ...] = tuple(
            _item(dataset, split, record) for split, records in dataset.splits.items() for record in records
        )
        self._place = {(item.split, item.id): place for place, item in enumerate(self.items)}
        self._everything = (1 << len(self.items)) - 1
        self._texts = [_text(item) for item in self.items]
        self._bits: dict[str, dict[str, int]] = {name: {} for name in FACETS}
        for name, of in (
            ("split", lambda item: item.split),
            ("modality", lambda item: item.facts.modality),
            ("scope", lambda item: item.facts.scope),
            ("answer", lambda item: item.kind),
            ("empty", lambda item: "yes" if item.kind in ("empty", "null") else "no"),
            ("family", lambda item: item.facts.family),
            ("template", lambda item: item.template),
        ):
            self._bits[name] = self._bits_of(map(of, self.items))
        self._ranks = {
            "file": np.arange(len(self.items)),
            "short": _ranks([len(item.question) for item in self.items]),
            "long": _ranks([-len(item.question) for item in self.items]),
            "studies": _ranks([-item.studies for item in self.items]),
            "answers": _ranks([-_length(item.record.get("answer")) for item in self.items]),
        }

    def _bits_of(self, values: Iterable[str]) -> dict[str, int]:
        places: dict[str, list[int]] = {}
        for place, value in enumerate(values):
            places.setdefault(value, []).append(place)
        return {value: _mask(found, len(self.items)) for value, found in places.items()}

    def set_facet(self, name: str, questions: Mapping[str, Iterable[tuple[str, str]]]) -> None:
        """Give a facet its values from outside: value → (split, id) of its questions; unknown ones are passed over."""
        self._bits[name] = {
            value: _mask([self._place[key] for key in keys if key in self._place], len(self.items))
            for value, keys in questions.items()
        }

    def set_run_facets(self, runs: Mapping[str, Mapping[str, Iterable[tuple[str, str]]]]) -> None:
        """Give the list a facet per run in place of those it had: run → value → (split, id) of its questions."""
        self._bits = {name: bits for name, bits in self._bits.items() if not name.startswith("run.")}
        for run, values in runs.items():
            self.set_facet(f"run.{run}", values)

    def __len__(self) -> int:
        return len(self.items)

    def item(self, split: str, identifier: str) -> Item | None:
        """A question, or None."""
        place = self._place.get((split, identifier))
        return None if place is None else self.items[place]

    def listing(self, selection: Selection, rows: int = PAGE_ROWS) -> Listing:
        """A page of a list; a page beyond the last gives the last."""
        found = self._search(selection.search)
        masks = {name: self._chosen(name, values) for name, values in selection.chosen.items() if values}
        selected = found
        for mask in masks.values():
            selected &= mask
        places = self._ordered(selected, selection.sort)
        pages = max(1, -(-len(places) // rows))
        page = min(max(1, selection.page), pages)
        facets = tuple(self._facet(name, selection, found, masks) for name in list(self._bits))
        return Listing(
            tuple(self.items[place] for place in places[(page - 1) * rows : page * rows]),
            len(places),
            page,
            pages,
            tuple(facet for facet in facets if facet.values),
        )

    def neighbours(self, selection: Selection, item: Item) -> tuple[Item | None, Item | None]:
        """The questions before and after one in a list; none for a question that is not in it."""
        selected = self._search(selection.search)
        for name, values in selection.chosen.items():
            if values:
                selected &= self._chosen(name, values)
        places = self._ordered(selected, selection.sort)
        at = np.flatnonzero(places == self._place[item.split, item.id])
        if not len(at):
            return None, None
        place = int(at[0])
        before = self.items[places[place - 1]] if place else None
        return before, self.items[places[place + 1]] if place + 1 < len(places) else None

    def _search(self, text: str) -> int:
        words = text.lower().split()
        if not words:
            return self._everything
        found = [place for place, content in enumerate(self._texts) if all(word in content for word in words)]
        return _mask(found, len(self.items))

    def _chosen(self, name: str, values: Iterable[str]) -> int:
        bits = self._bits.get(name, {})
        mask = 0
        for value in values:
            mask |= bits.get(value, 0)
        return mask

    def _ordered(self, selected: int, sort: str) -> np.ndarray[Any, np.dtype[np.int64]]:
        size = len(self.items)
        packed = np.frombuffer(selected.to_bytes(-(-size // 8) or 1, "little"), dtype=np.uint8)
        places = np.flatnonzero(np.unpackbits(packed, bitorder="little", count=size))
        ranks = self._ranks.get(sort, self._ranks["file"])
        return places[np.argsort(ranks[places], kind="stable")]

    def _facet(self, name: str, selection: Selection, found: int, masks: Mapping[str, int]) -> Facet:
        base = found
        for other, mask in masks.items():
            if other != name:
                base &= mask
        chosen = set(selection.chosen.get(name, ()))
        counted = [
            FacetValue(value, (mask & base).bit_count(), value in chosen) for value, mask in self._bits[name].items()
        ]
        order = _ORDERS.get(name)
        if order is not None:
            counted.sort(key=lambda value: order.index(value.value) if value.value in order else len(order))
        elif not name.startswith("run."):
            counted.sort(key=lambda value: (-value.count, value.value))
        shown = tuple(value for value in counted if value.count or value.chosen)
        return Facet(name, FACETS.get(name) or f"Run {name.removeprefix('run.')}", shown)


def _item(dataset: Dataset, split: str, record: Record) -> Item:
    link = dataset.links.of(record)
    kind = answer_type(record["answer"], record["q_tag"]) if "answer" in record else "not answered"
    return Item(
        split,
        str(record["id"]),
        placement_of(record, dataset.links),
        record["q_tag"],
        kind,
        0 if link is None else link.studies_total,
        () if link is None else tuple(link.image_ids[:4]),
        record,
    )


def _text(item: Item) -> str:
    return f"{item.split} {item.id} {item.question} {item.record['query']}".lower()


def _length(answer: Any) -> int:
    return len(answer) if isinstance(answer, list) else 0


def _ranks(keys: Sequence[int]) -> np.ndarray[Any, np.dtype[np.int64]]:
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[np.argsort(np.asarray(keys, dtype=np.int64), kind="stable")] = np.arange(len(keys))
    return ranks


def _mask(places: Sequence[int], size: int) -> int:
    bits = np.zeros(size, dtype=np.uint8)
    bits[list(places)] = 1
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")
