"""Columns that a select uses as numbers, and whether the rows that it reads hold text there.

`'9'` is more than `'10'`, an average passes over `'1-2'`, and a text is more than every number: SQLite says nothing.
Whether a column is used as a number is seen from what stands beside it: AVG or SUM, a sign of arithmetic, a comparison
with a number. A column that is only ordered by, or of which the largest value is taken, is looked at for texts among
numbers, and for texts of numbers that stand in another order than the numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, Literal

from ehrxqa.sql.kept_rows import result_name
from ehrxqa.sql.structure import Query, Range, Select, Structure

__all__ = ["columns_of", "holds_text"]

Run = Callable[[str], list[tuple[Any, ...]]]
Use = Literal["reckoned", "compared", "ordered"]

#: Different texts of a column that are looked at.
_LOOKED_AT: Final = 1000

_SUMS: Final = frozenset({"avg", "sum", "total"})
_ARITHMETIC: Final = frozenset({"+", "-", "*", "/"})
_COMPARED: Final = frozenset({"<", ">", "<=", ">="})
_KEYWORDS: Final = frozenset(
    {"and", "as", "asc", "between", "by", "case", "cast", "collate", "cross", "current_date", "current_time"}
    | {"current_timestamp", "desc", "distinct", "else", "end", "escape", "except", "exists", "false", "from", "glob"}
    | {"group", "having", "in", "inner", "intersect", "is", "isnull", "join", "left", "like", "limit", "not", "notnull"}
    | {"null", "offset", "on", "or", "order", "outer", "over", "partition", "regexp", "select", "then", "true", "union"}
    | {"values", "when", "where", "with"}
)


def columns_of(structure: Structure, start: int, end: int) -> Iterator[Range]:
    """The columns named in a range of tokens, selects in it left out: `a.b`, or `b` alone.

    >>> from ehrxqa.sql.structure import read
    >>> found = read("select max(t.a) - b as c, (select d from e) from t")
    >>> [found.text(*span) for span in columns_of(found, *found.root.selects[0].clauses["select"])]
    ['t.a', 'b']
    """
    tokens, at = structure.tokens, start
    while at < end:
        token = tokens[at]
        if token.text == "(" and at + 1 in structure.queries:
            at = structure.closing[at]
        elif token.kind in ("word", "name") and token.lower not in _KEYWORDS:
            after = tokens[at + 1].text if at + 1 < len(tokens) else ""
            if after == "." and at + 2 < end:
                if tokens[at + 2].kind in ("word", "name"):  # else all columns of a table
                    yield at, at + 3
                at += 2
            elif after != "(" and (at == start or tokens[at - 1].lower not in ("as", "collate")):
                yield at, at + 1
        at += 1


def holds_text(structure: Structure, query: Query, run: Run, prefix: str = "") -> str | None:
    """The first column that a query uses as a number although rows that it reads hold text there.

    Args:
        structure: The program.
        query: The query; those inside it are not looked at.
        run: Runs SQL on the database; its errors are passed on.
        prefix: Common table expressions of the program, WITH included.
    """
    for select in query.selects:
        if select.keyword != "select" or "from" not in select.clauses:
            continue
        rows, joined = structure.text(*select.clauses["from"]), "where"
        if "where" in select.clauses:
            rows, joined = f"{rows} where ( {structure.text(*select.clauses['where'])} )", "and"
        for column, use in dict.fromkeys(_used(structure, select)):
            kind = f"typeof({column})"
            some = (
                f"{prefix}select distinct {column} from {rows} {joined} {kind} in ('text', 'blob') limit {_LOOKED_AT}"
            )
            texts = [text for (text,) in run(some)]
            if use == "ordered":
                numbers = f"{prefix}select 1 from {rows} {joined} {kind} in ('integer', 'real') limit 1"
                wrong = bool(texts) and (bool(run(numbers)) or _sorted_otherwise(texts))
            else:  # SQLite reckons with the text of a number as with the number, but compares it as a text
                wrong = bool(texts) if use == "compared" else not all(map(_is_number, texts))
            if wrong:
                return column
    return None


def _sorted_otherwise(texts: list[Any]) -> bool:
    """Whether all texts are those of numbers, and sorted as texts the first or last is another: '9' behind '10'."""
    return all(map(_is_number, texts)) and any(
        float(choose(texts)) != choose(map(float, texts)) for choose in (min, max)
    )


def _is_number(text: Any) -> bool:
    """Whether a text is that of a number and nothing else."""
    try:
        float(text)
    except (TypeError, ValueError):
        return False
    return isinstance(text, str)


def _used(structure: Structure, select: Select) -> Iterator[tuple[str, Use]]:
    """Columns that are used as numbers, and how."""
    tokens = structure.tokens
    made = {result_name(structure, *item) for item in select.items if structure.value_end(*item) < item[1]}
    for name, (first, last) in select.clauses.items():
        if name in ("from", "limit", "window", "group"):
            continue
        for start, end in columns_of(structure, first, last):
            if end - start == 1 and name != "where" and tokens[start].lower in made:
                continue  # a result by its name: what it is made of is looked at where that stands
            before, after = _word(structure, start - 1), _word(structure, end)
            opened = start - 2 if before == "distinct" else start - 1
            summed = _word(structure, opened) == "(" and _word(structure, opened - 1) in _SUMS and after == ")"
            shifted = before in _ARITHMETIC and _is_operand(structure, start - 2)
            extreme = _word(structure, start - 2) in ("max", "min")
            reckoned = shifted or (after in _ARITHMETIC and end < last)
            compared = (after in _COMPARED and tokens[min(end + 1, last - 1)].kind == "number") or (
                after == "between" and end + 1 < last and tokens[end + 1].kind == "number"
            )
            if summed or reckoned:
                yield structure.text(start, end), "reckoned"
            elif compared:
                yield structure.text(start, end), "compared"
            elif before == "by" or (name == "order" and start == first) or (before == "(" and after == ")" and extreme):
                yield structure.text(start, end), "ordered"


def _is_operand(structure: Structure, at: int) -> bool:
    """Whether a token can stand before a sign that joins two values; else the sign is that of one."""
    token = structure.tokens[at] if at >= 0 else None
    return token is not None and (token.text == ")" or token.kind in ("word", "name", "number", "text"))


def _word(structure: Structure, at: int) -> str:
    return structure.tokens[at].lower if 0 <= at < len(structure.tokens) else ""
