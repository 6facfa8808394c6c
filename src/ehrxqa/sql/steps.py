"""A query as the steps in which it can be evaluated by hand: sub-queries first, the whole last.

Brackets and keywords are found on SQLite's own tokens; the text of a step is the author's, so that SQLite can run it
as it stands. A step knows the clauses of its SELECT, so that its conditions can be tried one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ehrxqa.sql.tokens import Token, tokenise, unquote

__all__ = ["Source", "Step", "steps_of"]

_COMPOUND: Final = frozenset({"union", "except", "intersect"})
_CLAUSES: Final = ("select", "from", "where", "group", "having", "window", "order", "limit")
_BEGINS: Final = frozenset({"select", "values", "with"})
_NOT_ALIAS: Final = frozenset(
    ("on", "using", "join", "left", "right", "full", "inner", "cross", "natural", "outer", "indexed", "not", "where")
)


@dataclass(frozen=True)
class Source:
    """A table in a FROM clause, and the name by which it is called there."""

    table: str
    alias: str


@dataclass(frozen=True)
class Step:
    """One SELECT, or several joined by set operators.

    Attributes:
        number: From 1, in the order of evaluation.
        sql: Its text.
        start, end: Where it stands in the query.
        inner: Numbers of the steps directly inside it, in the order of the text.
        operators: Set operators between its parts, if it is compound; `inner` are then its parts.
        clauses: Keyword → text after it, for a single SELECT.
        conditions: The WHERE clause, cut at the ANDs of its top level.
        tables: Base tables of its FROM clause.
        derived: Numbers of inner steps in the FROM clause.
        inside: Per condition, the numbers of the inner steps in it.
        label: How readers know the step: from 1, the same for steps of the same text (a query often finds, say, the
            visits of a patient several times).
        single: Numbers of inner steps that stand for one value, of which SQLite takes the first row.
    """

    number: int
    sql: str
    start: int
    end: int
    inner: tuple[int, ...]
    operators: tuple[str, ...]
    clauses: dict[str, str]
    conditions: tuple[str, ...]
    tables: tuple[Source, ...]
    derived: tuple[int, ...]
    inside: tuple[tuple[int, ...], ...]
    label: int
    single: tuple[int, ...]

    @property
    def distinct(self) -> bool:
        """Whether equal rows are merged."""
        return self.clauses.get("select", "").lower().startswith("distinct")

    def kept_rows(self, select: str, conditions: int | None = None, *, tail: bool = False) -> str:
        """The query that selects something else from the rows of this step, before grouping.

        Args:
            select: What to select.
            conditions: How many of the conditions hold (default: all).
            tail: Keep ORDER BY and LIMIT.
        """
        chosen = self.conditions if conditions is None else self.conditions[:conditions]
        text = f"select {select} from {self.clauses['from']}"
        if chosen:
            text += " where " + " and ".join(f"( {condition} )" for condition in chosen)
        if tail:
            text += f" order by {self.clauses['order']}" if "order" in self.clauses else ""
            text += f" limit {self.clauses['limit']}" if "limit" in self.clauses else ""
        return text


def steps_of(sql: str) -> list[Step]:
    """The steps of a query, each after those inside it; the last one is the query itself.

    >>> [step.sql for step in steps_of("select a from t where b in ( select c from u ) and d = 1")]
    ['select c from u', 'select a from t where b in ( select c from u ) and d = 1']
    >>> steps_of("select a from t where b between 1 and 2 and d = 1")[0].conditions
    ('b between 1 and 2', 'd = 1')

    Raises:
        QuerySyntaxError: The text cannot be read as SQL tokens.
    """
    tokens = tokenise(sql)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    reader = _Reader(sql, tokens)
    if tokens:
        reader.read(0, len(tokens))
    return reader.steps


class _Reader:
    """Collects the steps of one query."""

    def __init__(self, sql: str, tokens: Sequence[Token]) -> None:
        self._sql = sql
        self._tokens = tokens
        self._closing = _closing_brackets(tokens)
        self._labels: dict[str, int] = {}
        self.steps: list[Step] = []

    def read(self, first: int, last: int) -> int:
        """Read tokens first … last-1 as a step, and give its number."""
        cuts = [at for at in self._top_level(first, last) if self._tokens[at].lower in _COMPOUND]
        if cuts:
            return self._compound(first, last, cuts)
        inner = self._inside(first, last)  # (token of the bracket, step)
        bounds = self._clause_bounds(first, last)
        clauses = {name: self._text(begin, end) for name, (begin, end) in bounds.items()}
        spans = list(self._conditions(*bounds["where"])) if "where" in bounds else []
        source = bounds.get("from", (0, 0))
        return self._add(
            first,
            last,
            inner=tuple(number for _, number in inner),
            clauses=clauses,
            conditions=tuple(self._text(begin, end) for begin, end in spans),
            tables=tuple(self._sources(*source)),
            derived=tuple(number for at, number in inner if source[0] <= at < source[1]),
            inside=tuple(tuple(number for at, number in inner if begin <= at < end) for begin, end in spans),
            single=tuple(
                number
                for at, number in inner
                if not source[0] <= at < source[1] and self._tokens[at - 1].lower not in ("in", "exists")
            ),
        )

    def _compound(self, first: int, last: int, cuts: list[int]) -> int:
        operators, parts = [], []
        begin = first
        for cut in [*cuts, last]:
            parts.append(self.read(begin, cut))
            if cut < last:
                operators.append(self._tokens[cut].lower)
                begin = cut + 1
                if begin < last and self._tokens[begin].lower == "all":
                    operators[-1] += " all"
                    begin += 1
        return self._add(first, last, inner=tuple(parts), operators=tuple(operators))

    def _add(
        self,
        first: int,
        last: int,
        *,
        inner: tuple[int, ...],
        operators: tuple[str, ...] = (),
        clauses: dict[str, str] | None = None,
        conditions: tuple[str, ...] = (),
        tables: tuple[Source, ...] = (),
        derived: tuple[int, ...] = (),
        inside: tuple[tuple[int, ...], ...] = (),
        single: tuple[int, ...] = (),
    ) -> int:
        number = len(self.steps) + 1
        text = self._text(first, last)
        self.steps.append(
            Step(
                number,
                text,
                self._tokens[first].start,
                self._tokens[last - 1].end,
                inner,
                operators,
                clauses or {},
                conditions,
                tables,
                derived,
                inside,
                self._labels.setdefault(" ".join(text.split()), len(self._labels) + 1),
                single,
            )
        )
        return number

    def _inside(self, first: int, last: int) -> list[tuple[int, int]]:
        """Read the sub-queries in brackets; give the place of each bracket and the number of its step."""
        found = []
        at = first
        while at < last:
            end = self._closing.get(at, at)
            if at + 1 < end and self._tokens[at + 1].lower in _BEGINS:
                found.append((at, self.read(at + 1, end)))
                at = end
            at += 1
        return found

    def _top_level(self, first: int, last: int) -> Iterator[int]:
        """Places of the tokens outside brackets."""
        at = first
        while at < last:
            yield at
            at = self._closing.get(at, at) + 1

    def _clause_bounds(self, first: int, last: int) -> dict[str, tuple[int, int]]:
        """Keyword → tokens after it, for the clauses of a SELECT; a leading WITH is left to SQLite."""
        if self._tokens[first].lower != "select":
            return {}
        starts = [(at, self._tokens[at].lower) for at in self._top_level(first, last)]
        starts = [(at, name) for at, name in starts if name in _CLAUSES]
        bounds: dict[str, tuple[int, int]] = {}
        for (at, name), (end, _) in zip(starts, [*starts[1:], (last, "")], strict=True):
            begin = at + 1
            if name in ("group", "order") and begin < end and self._tokens[begin].lower == "by":
                begin += 1
            bounds.setdefault(name, (begin, end))
        return bounds

    def _conditions(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Tokens of the conditions joined by AND; one condition if OR stands at the top level."""
        top = list(self._top_level(first, last))
        if any(self._tokens[at].lower == "or" for at in top):
            yield first, last
            return
        begin, between, case = first, 0, 0
        for at in top:
            word = self._tokens[at].lower
            case += (word == "case") - (word == "end")
            if case:
                continue
            if word == "between":
                between += 1
            elif word == "and" and between:
                between -= 1
            elif word == "and":
                yield begin, at
                begin = at + 1
        if begin < last:
            yield begin, last

    def _sources(self, first: int, last: int) -> Iterator[Source]:
        """Base tables of a FROM clause, of its top level."""
        expected = True
        top = list(self._top_level(first, last))
        for place, at in enumerate(top):
            token = self._tokens[at]
            if token.text == "," or token.lower == "join":
                expected = True
            elif expected and token.kind in ("word", "name") and token.lower not in _NOT_ALIAS:
                table = alias = unquote(token)
                rest = [self._tokens[later] for later in top[place + 1 : place + 3]]
                if rest and rest[0].lower == "as":
                    rest.pop(0)
                if rest and rest[0].kind in ("word", "name") and rest[0].lower not in _NOT_ALIAS:
                    alias = unquote(rest[0])
                yield Source(table.lower(), alias)
                expected = False
            elif expected and token.text == "(":
                expected = False

    def _text(self, first: int, last: int) -> str:
        return "" if first >= last else self._sql[self._tokens[first].start : self._tokens[last - 1].end]


def _closing_brackets(tokens: Sequence[Token]) -> dict[int, int]:
    """Place of each opening bracket → place of its closing one."""
    found, open_ = {}, []
    for at, token in enumerate(tokens):
        if token.text == "(":
            open_.append(at)
        elif token.text == ")" and open_:
            found[open_.pop()] = at
    return found
