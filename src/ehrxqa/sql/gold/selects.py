"""The selects of a gold program: what each reads, and the columns, aggregates and ranks it uses.

What is proved about a program depends on what its expressions use, not on how their operators bind: so expressions
are looked through, not parsed. Every name must be a column that is known where it stands, or a function listed here;
anything else (a keyword that is not listed, too) leaves the program to the plain database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ehrxqa.sql.gold.shape import INTEGER_SLOT, TEXT_SLOT, Unproven
from ehrxqa.sql.structure import Range, Select, Source, Structure

__all__ = ["SLOTS", "Schema", "SelectParts", "Selects"]

Schema = Mapping[str, Mapping[str, str]]
"""Declared type by column by table, in lower case."""

SLOTS: Final = frozenset({TEXT_SLOT, INTEGER_SLOT})

#: Functions that give the same for the same, those of many rows, and those of a window.
_SCALARS: Final = frozenset({"coalesce", "date", "datetime", "julianday", "max", "min", "round", "strftime", "substr"})
_AGGREGATES: Final = frozenset({"avg", "count", "group_concat", "max", "min", "sum", "total"})
_RANKS: Final = frozenset({"cume_dist", "dense_rank", "percent_rank", "rank", "row_number"})

_WORDS: Final = frozenset(
    {"and", "asc", "between", "by", "case", "desc", "distinct", "else", "end", "in", "is"}
    | {"false", "not", "null", "offset", "or", "order", "over", "partition", "then", "true", "when"}
)
_JOINS: Final = frozenset({"", ",", "join", "inner join", "cross join"})


@dataclass(frozen=True, slots=True)
class Use:
    """A column, an aggregate or a rank in an expression.

    Attributes:
        name: Of the column or function.
        table: What stands before the name of a column.
        start: Its first token; `end` the one behind it. What an aggregate is of, or a rank by, lies between.
        clause: Where it stands: "on", or as in `Select.clauses`.
    """

    kind: Literal["column", "aggregate", "rank"]
    name: str
    table: str | None
    start: int
    end: int
    clause: str


@dataclass(frozen=True, slots=True)
class SelectParts:
    """A select that has been read.

    Attributes:
        sources: What it reads from.
        items: Its results with their aliases; None stands for `*`.
        uses: What its expressions use, selects inside of them left out.
        group: Whether there is a GROUP BY.
        limited: Whether LIMIT keeps only some of its rows.
    """

    distinct: bool
    sources: tuple[Source, ...]
    items: tuple[tuple[Range | None, str | None], ...]
    uses: tuple[Use, ...]
    group: bool
    limited: bool

    def used(self, kind: Literal["column", "aggregate", "rank"]) -> list[Use]:
        """The uses of a kind."""
        return [use for use in self.uses if use.kind == kind]


class Selects:
    """Reads the selects of one program, and checks the names in them.

    Attributes:
        in_from: First tokens of the queries in FROM clauses.

    Raises:
        Unproven: There is something in it that is not understood, or a column that is not known where it stands.
    """

    def __init__(self, structure: Structure, schema: Schema) -> None:
        self._structure, self._schema = structure, schema
        self.in_from: set[int] = set()
        selects = [select for query in structure.queries.values() for select in query.selects]
        self._readings = {id(select): self._read(select) for select in selects}
        for select in selects:
            self._check_names(select)

    def of(self, select: Select) -> SelectParts:
        """What has been read of a select."""
        return self._readings[id(select)]

    def _read(self, select: Select) -> SelectParts:
        structure, clauses = self._structure, select.clauses
        if structure.tokens[select.start].lower != "select" or "window" in clauses:
            raise Unproven("WITH, VALUES or WINDOW")
        sources = tuple(structure.sources(select))
        for source in sources:
            known = source.query is not None or (source.table or "").lower() in self._schema
            if not (source.plain and known and source.join in _JOINS):
                raise Unproven("a source that is not understood")
            if source.query is not None:
                self.in_from.add(source.query.start)
        for name in ("group", "order"):  # an integer here would be the position of a result
            if any(token.text in SLOTS for token in structure.tokens[slice(*clauses.get(name, (0, 0)))]):
                raise Unproven("a value to sort or group by")
        items = tuple(self._item(*each) for each in select.items)
        # ORDER BY and LIMIT of a compound belong to all of its selects
        names = ("where", "group", "having") + (("order", "limit") if len(select.query.selects) == 1 else ())
        spans = [(source.on, "on") for source in sources] + [(span, "select") for span, _ in items]
        spans += [(clauses.get(name), name) for name in names]
        return SelectParts(
            select.distinct,
            sources,
            items,
            tuple(use for span, clause in spans if span is not None for use in _uses(structure, span, clause)),
            "group" in clauses,
            "limit" in clauses and "limit" in names,
        )

    def _item(self, start: int, end: int) -> tuple[Range | None, str | None]:
        tokens, stop = self._structure.tokens, self._structure.value_end(start, end)
        if stop < end and (stop + 2 != end or tokens[stop + 1].kind != "word"):
            raise Unproven("an alias that is no word")
        alone = end - start == 1 and tokens[start].text == "*"
        return None if alone else (start, stop), tokens[stop + 1].lower if stop < end else None

    def _columns(self, source: Source) -> set[str]:
        """The names of the columns of a source; results without a name cannot be referred to."""
        if source.query is None:
            return set(self._schema[(source.table or "").lower()])
        select = source.query.selects[0]
        reading, found = self.of(select), set[str]()
        single = {(use.start, use.end): use.name for use in reading.used("column")}
        for span, alias in reading.items:
            if span is None:
                found.update(*map(self._columns, reading.sources))
            elif alias or span in single:
                found.add(alias or single[span])
        return found

    def _check_names(self, select: Select) -> None:
        """A select may refer to nothing outside of it: an aggregate of outer columns would belong to the outer one."""
        reading = self.of(select)
        sources = [((source.name or "").lower(), self._columns(source)) for source in reading.sources]
        aliases = {alias for _, alias in reading.items}
        for column in reading.used("column"):
            owners = sum(column.table in (None, name) and column.name in columns for name, columns in sources)
            an_alias = column.table is None and column.name in aliases and column.clause in ("group", "having", "order")
            if owners > 1 or (owners == 0 and not an_alias):
                raise Unproven(f"the column {column.name}")


def _uses(structure: Structure, span: Range, clause: str) -> Iterator[Use]:
    """What the expressions in a range of tokens use.

    Raises:
        Unproven: There is a function that is not listed.
    """
    (at, end), tokens = span, structure.tokens
    while at < end:
        token, following = tokens[at], tokens[at + 1].text if at + 1 < end else ""
        if token.text == "(" and at + 1 in structure.queries:
            at = structure.closing[at]
        elif token.kind == "word" and token.lower not in _WORDS:
            if following == "(":
                use = _call(structure, at, clause)
                if use is not None:
                    yield use
            elif following == "." and at + 2 < end:
                yield Use("column", tokens[at + 2].lower, token.lower, at, at + 3, clause)
                at += 2
            else:
                yield Use("column", token.lower, None, at, at + 1, clause)
        at += 1


def _call(structure: Structure, at: int, clause: str) -> Use | None:
    """The aggregate or rank that is called; a function of one row is none."""
    name, stop = structure.tokens[at].lower, structure.closing[at + 1] + 1
    over = stop + 1 < len(structure.tokens) and structure.tokens[stop].lower == "over"
    if over and name in _RANKS:
        return Use("rank", name, None, at, structure.closing.get(stop + 1, stop) + 1, clause)
    several = len(structure.split(at + 2, stop - 1, ",")) > 1
    if name in _AGGREGATES and not several and not over:
        return Use("aggregate", name, None, at, stop, clause)
    if name not in _SCALARS or over:
        raise Unproven(f"the function {name}")
    return None
