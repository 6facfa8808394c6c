"""What the expressions of a gold program hold, as an allow-list: what is not listed here is not read.

Operators stay beside their operands, flat: for what is proved about a program it matters which columns, calls and
selects an expression holds, not how its operators bind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ehrxqa.sql.gold.shape import Unproven
from ehrxqa.sql.structure import Query, Structure

__all__ = ["RANKS", "Part", "order_terms", "read_expression", "walk"]

#: Functions that give the same for the same, and those of many rows.
_SCALARS: Final = frozenset(
    "coalesce date datetime ifnull iif julianday length lower nullif round strftime substr time trim upper".split()  # noqa: SIM905
)
_AGGREGATES: Final = frozenset({"avg", "count", "group_concat", "max", "min", "sum", "total"})
RANKS: Final = frozenset({"cume_dist", "dense_rank", "percent_rank", "rank"})

_OPERATORS: Final = frozenset({"-", "+", "*", "/", "%", "=", "==", "<>", "!=", "<", "<=", ">", ">="})
_WORDS: Final = frozenset({"and", "or", "not", "is", "between", "like", "in", "case", "when", "then", "else", "end"})
_RESERVED_WORDS: Final = """
    all as asc by cast collate cross current_date current_time current_timestamp desc distinct escape except exists
    filter from full glob group groups having indexed inner intersect isnull join left limit match materialized natural
    notnull nulls offset on order outer over partition range recursive regexp returning right rows select union using
    values where window with
"""
_RESERVED: Final = frozenset(_RESERVED_WORDS.split())
#: A longer pattern of LIKE is an error, and only if it is ever compared.
_LONGEST_PATTERN: Final = 200


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an expression.

    Attributes:
        kind: "all" is an expression of several parts; "aggregate" a call over many rows, "window" one with OVER;
            "select" a query in brackets, "brackets" anything else in them.
        text: Name of a column or function, an operator or a literal.
        table: What stands before the name of a column.
        parts: What it is made of: the arguments of a call, the terms of a window.
        query: The query in the brackets.
        flag: "distinct" or "*" in a call; "in" before a query of which all rows count, not only the first.
    """

    kind: Literal["all", "column", "literal", "operator", "call", "aggregate", "window", "brackets", "select"]
    text: str = ""
    table: str | None = None
    parts: tuple[Part, ...] = ()
    query: Query | None = None
    flag: str = ""


def walk(part: Part) -> Iterator[Part]:
    """A part and all parts inside it, but not those inside selects."""
    yield part
    for inner in part.parts:
        yield from walk(inner)


def read_expression(structure: Structure, start: int, end: int) -> Part:
    """The expression in a range of tokens; one of a single part is that part.

    Raises:
        Unproven: It holds something that is not listed.
    """
    parts: list[Part] = []
    while start < end:
        part, start = _part(structure, start, end)
        if parts and part.kind != "operator" and (parts[-1].kind != "operator" or parts[-1].text == "end"):
            raise Unproven("two operands side by side")
        parts.append(part)
    if not parts:
        raise Unproven("an expression is missing")
    return parts[0] if len(parts) == 1 else Part("all", parts=tuple(parts))


def _part(structure: Structure, at: int, end: int) -> tuple[Part, int]:
    """The part that begins at a token, and the token behind it."""
    tokens, token, word = structure.tokens, structure.tokens[at], structure.tokens[at].lower
    following = tokens[at + 1].text if at + 1 < end else ""
    if token.text == "(":
        closing, query = structure.closing[at], structure.queries.get(at + 1)
        if query is not None:
            return Part("select", query=query, flag="in" if at and tokens[at - 1].lower == "in" else ""), closing + 1
        return Part("brackets", parts=_arguments(structure, at + 1, closing)), closing + 1
    if token.kind in ("number", "text", "parameter") or word in ("null", "true", "false"):
        return Part("literal", word), at + 1
    if token.text in _OPERATORS or word in _WORDS:
        if word == "like" and (tokens[at + 1].kind != "text" or len(tokens[at + 1].text) > _LONGEST_PATTERN):
            raise Unproven("a pattern that is no short text")
        if word == "in" and following != "(":
            raise Unproven("IN without brackets")
        return Part("operator", word), at + 1
    if token.kind != "word" or word in _RESERVED:
        raise Unproven(f"{token.text} in an expression")
    if following == "(":
        return _call(structure, at)
    if following == "." and at + 2 < end and tokens[at + 2].kind == "word":
        return Part("column", tokens[at + 2].lower, word), at + 3
    return Part("column", word), at + 1


def _arguments(structure: Structure, start: int, end: int) -> tuple[Part, ...]:
    return tuple(read_expression(structure, *each) for each in structure.split(start, end, ",") if start < end)


def _call(structure: Structure, at: int) -> tuple[Part, int]:
    tokens, closing = structure.tokens, structure.closing[at + 1]
    name, first = tokens[at].lower, tokens[at + 2].lower
    if [token.lower for token in tokens[closing : closing + 3]] == [")", "over", "("]:
        if name not in RANKS | {"row_number"} or closing != at + 2:
            raise Unproven(f"the window function {name}")
        start, stop = closing + 3, structure.closing[closing + 2]
        order = next((each for each in structure.top_level(start, stop) if tokens[each].lower == "order"), stop)
        partition = order_terms(structure, start + 2, order) if start < order else ()
        return Part("window", name, parts=(*partition, *order_terms(structure, order + 2, stop))), stop + 1
    flag = first if first == "distinct" or (first == "*" and name == "count") else ""
    arguments = _arguments(structure, at + 2 + len(flag[:1]), closing)
    if name in _AGGREGATES and len(arguments) <= 1:
        return Part("aggregate", name, parts=arguments, flag=flag), closing + 1
    if not flag and arguments and (name in _SCALARS or name in ("min", "max")):
        return Part("call", name, parts=arguments), closing + 1
    raise Unproven(f"the function {name}")


def order_terms(structure: Structure, start: int, end: int) -> tuple[Part, ...]:
    """The terms of an ORDER BY or GROUP BY: positions, or expressions that hold a column, call or select."""
    terms = []
    for first, last in structure.split(start, end, ","):
        if last > first and structure.tokens[last - 1].lower in ("asc", "desc"):
            last -= 1
        term = read_expression(structure, first, last)
        if not term.text.isdigit() and all(part.kind in ("all", "literal", "operator") for part in walk(term)):
            raise Unproven("a constant to sort or group by")
        terms.append(term)
    return tuple(terms)
