"""Columns that a select uses as numbers, and whether the rows that it reads hold text there.

`'9'` is more than `'10'`, an average passes over `'1-2'`, and a text is more than every number: SQLite says nothing.
Whether a column is used as a number is seen from what stands beside it: AVG or SUM, a sign of arithmetic, a comparison
with a number. A text that a bound leaves out counts only if it is that of a number: `'9' < 10` is false, and should not
be, but `'none' < 10` should. A column that is only ordered by, or of which the largest value is taken, is looked at for
texts among numbers, and for texts of numbers that stand in another order than the numbers.
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
#: What a condition that bounds a column by numbers holds beside them.
_BOUNDING: Final = _COMPARED | {"between", "and", "+", "-"}
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
        bounds = dict(_bounds(structure, select))
        for column, use in dict.fromkeys(_used(structure, select)):
            bound = bounds.get(column) if use == "compared" else None
            rows, joined = _rows_without(structure, select, bound)
            kind, kept = f"typeof({column})", "1" if bound is None else structure.text(*bound)
            some = (
                f"{prefix}select distinct {column}, ( {kept} ) from {rows} {joined} {kind} in ('text', 'blob') "
                f"limit {_LOOKED_AT}"
            )
            found = run(some)
            texts = [text for text, _ in found]
            if use == "ordered":
                numbers = f"{prefix}select 1 from {rows} {joined} {kind} in ('integer', 'real') limit 1"
                wrong = bool(texts) and (bool(run(numbers)) or _sorted_otherwise(texts))
            elif use == "compared":  # one that is kept is compared as a text; a number that is left out might be meant
                wrong = any(is_kept or _is_number(text) for text, is_kept in found)
            else:  # SQLite reckons with the text of a number as with the number
                wrong = not all(map(_is_number, texts))
            if wrong:
                return column
    return None


def _bounds(structure: Structure, select: Select) -> Iterator[tuple[str, Range]]:
    """Columns that WHERE bounds by a number, and the condition that does; one that is a part of another is none."""
    for start, end in _conditions(structure, select):
        columns = list(columns_of(structure, start, end))
        rest = set(range(start, end)).difference(*(range(*column) for column in columns))
        if len(columns) == 1 and all(
            structure.tokens[at].kind == "number" or structure.tokens[at].lower in _BOUNDING for at in rest
        ):
            yield structure.text(*columns[0]), (start, end)


def _conditions(structure: Structure, select: Select) -> list[Range]:
    """The conditions of WHERE that are joined by AND."""
    if "where" not in select.clauses:
        return []
    start, end = select.clauses["where"]
    return [(start, end)] if len(structure.split(start, end, "or")) > 1 else structure.split(start, end, "and")


def _rows_without(structure: Structure, select: Select, left_out: Range | None) -> tuple[str, str]:
    """The rows that a select reads without one of its conditions, and the word that joins another one to them."""
    rows = structure.text(*select.clauses["from"])
    kept = [f"( {structure.text(*each)} )" for each in _conditions(structure, select) if each != left_out]
    return (f"{rows} where {' and '.join(kept)}", "and") if kept else (rows, "where")


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
            shifted = before in _ARITHMETIC and (before != "+" or _is_operand(structure, start - 2))
            extreme = _word(structure, start - 2) in ("max", "min")
            reckoned = shifted or (after in _ARITHMETIC and end < last)
            compared = (after in _COMPARED or after == "between") and _begins_number(structure, end + 1, last)
            compared = compared or (before in _COMPARED and start - 2 >= first and tokens[start - 2].kind == "number")
            if summed or reckoned:
                yield structure.text(start, end), "reckoned"
            elif compared:
                yield structure.text(start, end), "compared"
            elif before == "by" or (name == "order" and start == first) or (before == "(" and after == ")" and extreme):
                yield structure.text(start, end), "ordered"


def _begins_number(structure: Structure, at: int, last: int) -> bool:
    """Whether a number stands at a place, with a sign or without."""
    if _word(structure, at) in ("+", "-"):
        at += 1
    return at < last and structure.tokens[at].kind == "number"


def _is_operand(structure: Structure, at: int) -> bool:
    """Whether a token can stand before a plus that joins two values; else the plus does nothing."""
    token = structure.tokens[at] if at >= 0 else None
    if token is None or token.lower in _KEYWORDS:
        return False
    return token.text == ")" or token.kind in ("word", "name", "number", "text")


def _word(structure: Structure, at: int) -> str:
    return structure.tokens[at].lower if 0 <= at < len(structure.tokens) else ""
