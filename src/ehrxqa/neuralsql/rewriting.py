"""Changing a query at a few places and keeping every other character of it."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from ehrxqa.neuralsql.booleans import Chain
from ehrxqa.neuralsql.calls import VqaCall
from ehrxqa.sql.structure import Range, Select, Structure

__all__ = ["ELEMENT", "ELEMENTS", "TRUTH", "Edits", "Probed"]

#: `ehrxqa_truth(call, study, …)`: the answer to a yes/no call. Further arguments are ignored.
TRUTH: Final = "ehrxqa_truth"

#: `ehrxqa_elements(call, study)`: a table function with one row per element of a list answer.
ELEMENTS: Final = "ehrxqa_elements"

#: The column of `ehrxqa_elements` that holds the element.
ELEMENT: Final = "ehrxqa_element"


@dataclass(frozen=True, slots=True)
class Probed:
    """Select items of the outermost query that only the rows it returns need.

    Attributes:
        select: That SELECT.
        items: Numbers of the items with calls; the probe yields NULL in their place.
        calls: The calls in them; the probe yields their studies in further columns, in this order.
        studies: Token ranges of the study expressions of `calls`.
    """

    select: Select
    items: tuple[int, ...]
    calls: tuple[int, ...]
    studies: tuple[Range, ...]


class Edits:
    """Replacements of token ranges, nested or apart, and text put in between."""

    def __init__(self, structure: Structure) -> None:
        self._structure = structure
        self._sql, self._tokens = structure.sql, structure.tokens
        self._replaced: dict[int, list[tuple[int, Callable[[], str]]]] = {}  # start → (end, text)
        self._joins: dict[int, tuple[bool, list[Callable[[], str]]]] = {}  # before token → (has FROM, sources)
        self._insertions: dict[int, str] = {}
        # Tokens before which something may be put in, in order; what lies between is written as it stands.
        self._stops = [
            number
            for number, (before, token) in enumerate(pairwise(self._tokens), start=1)
            if before.end == token.start and _in_word(before.text[-1]) and _in_word(token.text[0])
        ]

    def spelled(self, start: int, end: int) -> str:
        """The tokens of a range in one spelling, to tell equal expressions."""
        return " ".join(token.lower for token in self._tokens[start:end])

    def replace_call(self, call: VqaCall, text: Callable[[str], str]) -> None:
        """Put `text(study)` in the place of a call, where `study` is its rewritten study expression."""
        self._replace(call.start, call.end, lambda: text(self._write(*call.study)))

    def join(self, call: VqaCall, source: Callable[[str], str]) -> None:
        """Join `source(study)` to the FROM clause of the call's SELECT, which gets one if it has none."""
        select = call.select
        has_from = "from" in select.clauses
        at = select.clauses["from"][1] if has_from else select.items[-1][1]
        insort(self._stops, at)
        self._joins.setdefault(at, (has_from, []))[1].append(lambda: source(self._write(*call.study)))

    def reorder(self, chain: Chain) -> None:
        """Write the operands of a chain in its order."""
        word = f" {chain.connective} "
        self._replace(
            chain.start, chain.end, lambda: word.join(self._write(first, last) for first, last in chain.operands)
        )

    def write(self) -> str:
        """The rewritten query."""
        end = len(self._tokens)
        return _joined([self._write(0, end), self._between(end)])

    def write_probe(self, probed: Probed) -> str:
        """The rewritten query with NULL for its probed items and their studies as further columns."""
        kept = {start: list(edits) for start, edits in self._replaced.items()}
        kept_joins = dict(self._joins)
        for number in probed.items:
            start, end = probed.select.items[number]
            self._replace(start, self._structure.value_end(start, end), lambda: "NULL")
        last = probed.select.items[-1][1]
        studies = "".join(f", {self._write(*study)}" for study in probed.studies)
        self._insertions = {last: studies}
        insort(self._stops, last)
        text = self.write()
        self._insertions = {}
        self._replaced, self._joins = kept, kept_joins
        return text

    def _replace(self, start: int, end: int, text: Callable[[], str]) -> None:
        insort(self._stops, start)
        edits = self._replaced.setdefault(start, [])
        edits.insert(0, (end, text))
        edits.sort(key=lambda edit: -edit[0])  # the widest first, of equal ones the latest

    def _between(self, number: int) -> str:
        """What is put in before token `number`."""
        text = self._insertions.get(number, "")
        if number in self._joins:
            has_from, sources = self._joins[number]
            begin = " CROSS JOIN " if has_from else " FROM "
            text += begin + " CROSS JOIN ".join(source() for source in sources)
        return text

    def _write(self, start: int, end: int) -> str:
        """Tokens `start` to `end` with all that is changed in them."""
        tokens, sql = self._tokens, self._sql
        pieces: list[str] = []
        number = start
        while number < end:
            if number > start:
                pieces += [self._between(number), sql[tokens[number - 1].end : tokens[number].start]]
            for last, text in self._replaced.get(number, ()):
                if last <= end:
                    pieces.append(text())
                    number = last
                    break
            else:
                place = bisect_right(self._stops, number)
                last = min(end, self._stops[place]) if place < len(self._stops) else end
                pieces.append(sql[tokens[number].start : tokens[last - 1].end])
                number = last
        return _joined(pieces)


def _joined(pieces: list[str]) -> str:
    """The pieces in a row; a blank keeps words apart that were written against a bracket or quote before."""
    parts: list[str] = []
    for piece in pieces:
        if piece:
            if parts and _in_word(parts[-1][-1]) and _in_word(piece[0]):
                parts.append(" ")
            parts.append(piece)
    return "".join(parts)


def _in_word(character: str) -> bool:
    return character.isalnum() or character in "_$"
