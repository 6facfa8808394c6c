"""Changes of a program that can make no difference, on any database of the schema; each rule says why.

| what is changed | why nothing differs |
|---|---|
| DISTINCT in a select that stands for one value | its first row is taken, and that is the same row |
| DISTINCT of ids in the table whose rows they number | each is there once |
| DISTINCT of places of a finding, or findings of a place, on one study | a study has one row for each of both |
| DISTINCT of studies that show a finding at a place | a study has one row for each of both |
| the category left out on one side of EXCEPT or INTERSECT | a finding has one category, and the other side names it |
| `x is not null` left out beside a comparison of x | no comparison with NULL is true |
| `d_items.linksto = 't'` left out for items of rows of `t` | an item links to the table that has its rows |

Two changes are the same misreading where the last condition is left out of a select behind IN: then it holds every id
there is, as if the IN itself were left out; and where `x < y` is left out beside `y between x and …`, which is `x <= y`
as well. And a bound of an instant of the clock is no fault: what is asked "since
two years ago" leaves open whether that very second counts.
"""

from __future__ import annotations

from typing import Final

from ehrxqa.sql.structure import Query, Range, Select, Structure

__all__ = ["distinct_is_moot", "filter_is_implied", "filter_is_said_outside", "instant_bound"]

_COMPARISONS: Final = frozenset({"=", "<", ">", "<=", ">=", "<>", "!="})
#: Table → the id that numbers its rows.
_NUMBERED_BY: Final = {"patients": "subject_id", "admissions": "hadm_id", "icustays": "stay_id"}
#: What else a row of a study says, by what its DISTINCT asks for.
_OTHER_OF_STUDY: Final = {"object": "attribute", "attribute": "object"}


def distinct_is_moot(structure: Structure, select: Select, at: int) -> bool:
    """Whether the DISTINCT at token `at`, of a select or in an aggregate of it, changes nothing by the schema."""
    tokens, query = structure.tokens, select.query
    of_select = tokens[at - 1].lower == "select"
    if of_select and query.parent is not None and _is_value(structure, query):
        return True
    sources = structure.sources(select)
    if len(sources) != 1 or sources[0].table is None:
        return False
    table = sources[0].table.lower()
    what = _words(structure, (at + 1, _end(structure, select, at, of_select)))
    if len(query.selects) > 1 or "group" in select.clauses:
        return False
    if what == [table, ".", _NUMBERED_BY.get(table, "")]:
        return True
    if table != "tb_cxr_plus" or len(what) != 3 or what[:2] != [table, "."]:
        return False
    said = [_words(structure, part) for part in _conditions(structure, select)]
    if what[2] == "study_id":
        return all(any(words[:4] == [table, ".", column, "="] for words in said) for column in _OTHER_OF_STUDY)
    if what[2] not in _OTHER_OF_STUDY:
        return False
    other = [table, ".", _OTHER_OF_STUDY[what[2]], "="]
    return any(words[:4] == other for words in said) and any(_one_study(words) for words in said)


def filter_is_implied(structure: Structure, select: Select, part: Range) -> bool:
    """Whether a condition of a WHERE clause follows from what stands beside or around it."""
    words = _words(structure, part)
    if words[-3:] == ["is", "not", "null"]:
        column = words[:-3]
        others = [_words(structure, each) for each in _conditions(structure, select) if each != part]
        return any(_compares(other, column) for other in others)
    if words[:4] == ["d_items", ".", "linksto", "="]:
        before = [token.lower for token in structure.tokens[max(0, select.query.start - 5) : select.query.start]]
        return before[1:] == [".", "itemid", "in", "("] and words[4].strip("'") == before[0]
    if words[:3] == ["tb_cxr_plus", ".", "category"]:
        return _is_said_by_the_other_side(structure, select, words)
    return "<" in words and any(
        _between(_words(structure, other)) == (words[words.index("<") + 1 :], words[: words.index("<")])
        for other in _conditions(structure, select)
    )


def _is_said_by_the_other_side(structure: Structure, select: Select, category: list[str]) -> bool:
    """Whether findings of a category are taken out of, or kept among, findings of the same category."""
    query = select.query
    if query.operators not in (["except"], ["intersect"]):
        return False
    first, second = query.selects
    if "except" in query.operators and select is first:
        return False
    other = first if select is second else second
    listed = ["select", "distinct", "tb_cxr_plus", ".", "attribute"]
    return all(
        _words(structure, (each.start, each.start + len(listed) + 1)) == [*listed, "from"] for each in query.selects
    ) and any(_words(structure, part) == category for part in _conditions(structure, other))


def _between(words: list[str]) -> tuple[list[str], list[str]] | None:
    """What is between, and from where: y and x of `datetime(y) between datetime(x) and …`."""
    if words[:2] != ["datetime", "("] or "between" not in words:
        return None
    at = words.index("between")
    end = next((place for place in range(at, len(words)) if words[place] == ")"), at)
    if words[at - 1] != ")" or words[at + 1 : at + 3] != ["datetime", "("]:
        return None
    return words[2 : at - 1], words[at + 3 : end]


def filter_is_said_outside(structure: Structure, select: Select) -> bool:
    """Whether leaving out the one condition of a select says the same as leaving out the IN that it stands behind."""
    query = select.query
    if len(query.selects) > 1 or query.parent is None or query.clause != "where" or "limit" in select.clauses:
        return False
    before = [token.lower for token in structure.tokens[max(0, query.start - 3) : query.start]]
    if before[-2:] != ["in", "("] or before[0] == "not":
        return False
    parts = _conditions(structure, query.parent)
    return any(first < query.start < last and structure.tokens[last - 1].text == ")" for first, last in parts)


def instant_bound(structure: Structure, at: int) -> bool:
    """Whether the comparison at token `at` is of a time, as it is, with an instant given from the clock."""
    words = [token.lower for token in structure.tokens[max(0, at - 6) : at + 12]]
    here = min(at, 6)
    left, right = words[:here], words[here + 1 :]
    if left[-6:-4] != ["datetime", "("] or left[-3:-2] != ["."] or left[-1:] != [")"] or right[:2] != ["datetime", "("]:
        return False
    closed = right.index(")") if ")" in right else len(right)
    said = right[2:closed]
    return bool(said) and said[0].startswith("'") and not any("start of" in word for word in said)


def _is_value(structure: Structure, query: Query) -> bool:
    before = structure.tokens[query.start - 2]
    return before.kind == "operator" and before.text in _COMPARISONS


def _end(structure: Structure, select: Select, at: int, of_select: bool) -> int:
    """Where the expression behind a DISTINCT ends."""
    if of_select:
        return select.clauses["select"][1]
    return structure.closing[at - 1]


def _conditions(structure: Structure, select: Select) -> list[Range]:
    """The conditions of a WHERE clause, all of which must hold; none if it has an OR."""
    if "where" not in select.clauses or len(structure.split(*select.clauses["where"], "or")) > 1:
        return []
    return structure.split(*select.clauses["where"], "and")


def _words(structure: Structure, part: Range) -> list[str]:
    return [token.lower for token in structure.tokens[slice(*part)]]


def _compares(words: list[str], column: list[str]) -> bool:
    """Whether a condition is a comparison that is not true of NULL."""
    end = len(column)
    return words[:end] == column and len(words) > end and words[end] in {*_COMPARISONS, "between"}


def _one_study(words: list[str]) -> bool:
    """Whether a condition is `tb_cxr_plus.study_id in (…)` of one study: its id, or the first of an order."""
    if words[:5] != ["tb_cxr_plus", ".", "study_id", "in", "("]:
        return False
    return len(words) == 7 or words[-3:] == ["limit", "1", ")"]
