"""The files of a run, from its spool: question files in both forms, and the links."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ehrxqa.dataset.records import final_record, write_records
from ehrxqa.files import atomic_path
from ehrxqa.layout import LINKS_PATH, SPLITS
from ehrxqa.questions.spool import Spool

__all__ = ["QuestionFiles"]


class QuestionFiles:
    """The question files and the links, each split in an order of chance; they are written one by one.

    Args:
        spool: The questions.
        seed: Seed of the order.
        unanswerable: Split → records without an answer, to be strewn among the others.
    """

    def __init__(self, spool: Spool, seed: int, unanswerable: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self._spool, self._unanswerable = spool, unanswerable
        self._orders: dict[str, list[int]] = {}
        for split in SPLITS:
            # the numbers behind those of the answerable ones stand for the unanswerable ones
            order = list(range(len(spool.offsets.get(split, ())) + len(unanswerable.get(split, ()))))
            random.Random(f"{seed}/{split}/order").shuffle(order)
            self._orders[split] = order
        self.scopes: Counter[str] = Counter()
        self.templates: set[str] = set()
        #: Mutants of all gold programs, and those that the questions tell from the gold.
        self.mutants = self.killed = 0
        #: What is misread in them, by family; and what at least one question tells.
        self.readings: set[tuple[str, str]] = set()
        self.told: set[tuple[str, str]] = set()

    @property
    def counts(self) -> dict[str, int]:
        """Split → questions."""
        return {split: len(order) for split, order in self._orders.items()}

    @property
    def writers(self) -> dict[str, Callable[[Path], None]]:
        """Path below the output folder → what writes that file to the path that it is given."""
        found: dict[str, Callable[[Path], None]] = {}
        for split in SPLITS:
            found[f"dataset/_{split}.json"] = partial(self._write_records, split, False)
            found[f"dataset/{split}.json"] = partial(self._write_records, split, True)
        return {**found, LINKS_PATH: self._write_links}

    def _entries(self, split: str) -> Iterator[tuple[dict[str, Any], Any, dict[str, Any]]]:
        order, odd = self._orders[split], self._unanswerable.get(split, ())
        answerable = len(order) - len(odd)
        known = self._spool.entries(split, [place for place in order if place < answerable])
        for number, place in enumerate(order):
            if place >= answerable:
                yield {**odd[place - answerable], "split": split, "id": number}, "null", {}
            else:
                record, answer, links = next(known)
                yield {**record, "id": number}, answer, {**links, "id": number}

    def _write_records(self, split: str, final: bool, path: Path) -> None:
        entries = self._entries(split)
        write_records(path, (final_record(record, answer) if final else record for record, answer, _ in entries))

    def _write_links(self, path: Path) -> None:
        self.scopes.clear()
        self.mutants = self.killed = 0
        self.readings.clear()
        self.told.clear()
        with atomic_path(path) as part, part.open("w", encoding="utf-8", newline="\n") as stream:
            for split in SPLITS:
                for _, _, links in self._entries(split):
                    if links:
                        self.scopes[links["scope"]] += 1
                        self.templates.add(links["template"])
                        self.mutants += links["mutants"]
                        self.killed += links["killed"]
                        self.told |= {(links["family"], each) for each in links["told"]}
                        self.readings |= {(links["family"], each) for each in (*links["told"], *links["untold"])}
                        stream.write(json.dumps(links) + "\n")
