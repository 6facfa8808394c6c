"""Rules against gold programs whose answer rests on chance.

Each rule looks at the program's text or at what its parts select; a generated program that breaks one is not written,
and `ehrxqa audit` looks for them in the programs of others.

| rule | what is wrong |
|---|---|
| limit-without-order | LIMIT keeps rows of an unordered select |
| tie | LIMIT cuts between rows of equal order that give different results |
| null-first | a row that LIMIT keeps has NULL where it is ordered |
| several-values | a select that stands for one value gives several |
| text-number | a column that is averaged, summed, ordered or compared as a number holds text |
| unsafe-text | the official normalisation of queries would change a value |
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ehrxqa.errors import NeuralSqlError
from ehrxqa.sql.errors import LimitReached
from ehrxqa.sql.kept_rows import kept_rows
from ehrxqa.sql.number_columns import holds_text
from ehrxqa.sql.official_text import normalise
from ehrxqa.sql.structure import Query, Range, Structure, read

__all__ = ["RULES", "Finding", "Lint", "is_unsafe", "prefix_of", "stands_for_one_value"]

RULES: Final = ("limit-without-order", "tie", "null-first", "several-values", "text-number", "unsafe-text")

_KNOWN: Final = 4096
#: A literal, and one that is a format of time, which the official normalisation is meant for.
_LITERAL: Final = re.compile(r"'([^']*)'")
_FORMAT: Final = re.compile(r"(?:%[a-z]-?)+")

Run = Callable[[str], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a part of a program breaks.

    Attributes:
        rule: One of `RULES`.
        start: Number of the first token of the query that breaks it; `end` behind the last.
        what: The column that holds text, where it is one.
        block: For rows that a LIMIT keeps: places of the rows that might as well be kept.
    """

    rule: str
    start: int
    end: int
    what: str = ""
    block: Range = (0, 0)


class Lint:
    """Checks programs against one database, of whatever schema.

    Args:
        run: Runs SQL on the database, gives rows.
        lenient: Pass over parts that cannot be run by themselves (they depend on the row of an outer query).
    """

    def __init__(self, run: Run, *, lenient: bool = False) -> None:
        self._run = run
        self._lenient = lenient
        self._known: dict[str, tuple[str, str, Range] | None] = {}

    def check(self, program: str, runs: str | None = None) -> str | None:
        """The first rule that a program breaks, or None.

        Args:
            program: As it is written.
            runs: As the database runs it: after the official normalisation, if that is not to be done again.
        """
        if is_unsafe(program):
            return "unsafe-text"
        structure = read(normalise(program) if runs is None else runs)
        return next((found.rule for found in self.findings(structure)), None)

    def findings(self, structure: Structure) -> Iterator[Finding]:
        """The rules that the parts of a program break, the whole first; at most one of each part for each kind of rule.

        Args:
            structure: The program, as the database runs it.
        """
        prefix = prefix_of(structure)
        for query in sorted(structure.queries.values(), key=lambda query: (query is not structure.root, query.end)):
            if not query.selects or (query is structure.root and not structure.tokens):
                continue
            part = structure.text(query.start, query.end)
            rules = [("numbers", partial(self._numbers, structure, query, prefix))]
            if "limit" in query.selects[-1].clauses:
                rules.append(("limited", partial(self._limited, structure, query, prefix)))
            if stands_for_one_value(structure, query):
                rules.append(("single", partial(self._single, prefix + part)))
            for kind, rule in rules:
                if (broken := self._once(f"{kind} {prefix}{part}", rule)) is not None:
                    yield Finding(broken[0], query.start, query.end, broken[1], broken[2])

    def _once(self, key: str, rule: Callable[[], tuple[str, str, Range] | None]) -> tuple[str, str, Range] | None:
        if key not in self._known:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            try:
                self._known[key] = rule()
            except NeuralSqlError as error:
                if not self._lenient or isinstance(error, LimitReached):
                    raise
                self._known[key] = None
        return self._known[key]

    def _limited(self, structure: Structure, query: Query, prefix: str) -> tuple[str, str, Range] | None:
        kept = kept_rows(structure, query, self._run, prefix)
        return None if kept is None else (kept.rule, "", kept.block)

    def _numbers(self, structure: Structure, query: Query, prefix: str) -> tuple[str, str, Range] | None:
        column = holds_text(structure, query, self._run, prefix)
        return None if column is None else ("text-number", column, (0, 0))

    def _single(self, part: str) -> tuple[str, str, Range] | None:
        return ("several-values", "", (0, 0)) if len(set(self._run(part))) > 1 else None


def prefix_of(structure: Structure) -> str:
    """The common table expressions of a program with WITH, in front of its parts; nothing for other programs."""
    select = structure.root.selects[0]
    if structure.tokens[select.start].lower != "with":
        return ""
    first = next(
        at for at in structure.top_level(select.start, select.end) if structure.tokens[at].lower == select.keyword
    )
    return structure.text(select.start, first) + " "


def stands_for_one_value(structure: Structure, query: Query) -> bool:
    """Whether a query stands in brackets where one value is meant: not behind IN or EXISTS, and not as a source."""
    if query is structure.root or query.parent is None or query.clause == "from":
        return False
    return structure.tokens[query.start - 2].lower not in ("in", "exists")


def is_unsafe(program: str) -> bool:
    """Whether the official normalisation would change a value: it is for the rest of a program."""
    return (
        "''" in program
        or re.search("[‘’“”]", program) is not None
        or any(normalise(text) != text for text in _LITERAL.findall(program) if not _FORMAT.fullmatch(text))
    )
