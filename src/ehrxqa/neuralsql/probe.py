"""Finding select items that only the rows within a LIMIT need.

`SELECT func_vqa(q, study_id) FROM … ORDER BY time LIMIT 1` needs one answer, but SQLite makes the select list of
every row before it sorts. For such queries the studies of the rows that come out are fetched first.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ehrxqa.neuralsql.calls import VqaCall
from ehrxqa.neuralsql.rewriting import Probed
from ehrxqa.sql.structure import Range, Structure
from ehrxqa.sql.tokens import Token, unquote

__all__ = ["probe_edits"]

# Any of these in the select list may make one row of many; the words that only mean an aggregate in a query
# over several rows (max, min) are taken for one.
_AGGREGATES = re.compile(r"avg|count|max|median|min|sum|total|group_concat|string_agg|percentile\w*|jsonb?_group_\w+")
_CHOOSES = frozenset(("and", "or", "case", "coalesce", "ifnull", "iif", "if", "over"))


def probe_edits(
    structure: Structure, calls: list[VqaCall], is_truth: Callable[[VqaCall], bool], number_of: list[int]
) -> Probed | None:
    """The items to probe, or None where a probe is not possible or saves nothing.

    `number_of` gives the number under which a call is looked up: equal calls of one SELECT share it.
    """
    tokens, selects = structure.tokens, structure.root.selects
    if len(selects) != 1:
        return None
    select = selects[0]
    if "limit" not in select.clauses or select.distinct or select.keyword != "select":
        return None
    if any(clause in select.clauses for clause in ("group", "having", "window")):
        return None
    if any(_AGGREGATES.fullmatch(token.lower) for start, end in select.items for token in tokens[start:end]):
        return None
    if any(call.select is select and not is_truth(call) and not call.member for call in calls):
        return None  # one row per element: the LIMIT counts elements
    items: list[int] = []
    probed: list[VqaCall] = []
    for number, (start, end) in enumerate(select.items):
        inside = [call for call in calls if start <= call.start < end]
        if not inside:
            continue
        words = {token.lower for token in tokens[start:end]}
        if words & _CHOOSES or any(call.select is not select or not is_truth(call) for call in inside):
            return None
        if any(other is not call and call.start < other.start < call.end for call in inside for other in inside):
            return None
        if _is_sorted_by(tokens, select.clauses.get("order"), number, tokens[end - 1]):
            return None
        items.append(number)
        probed += inside
    if not probed:
        return None
    numbers = tuple(number_of[call.number] for call in probed)
    if any(number_of[call.number] in numbers for call in calls if call not in probed):
        return None  # a condition or the order needs the same answers, for all rows
    return Probed(select, tuple(items), numbers, tuple(call.study for call in probed))


def _is_sorted_by(tokens: list[Token], order: Range | None, item: int, last: Token) -> bool:
    """Whether ORDER BY may mean the item: by its number, or by its alias."""
    if order is None:
        return False
    name = unquote(last).lower()
    return any(
        token.text == str(item + 1) or (token.kind in ("word", "name") and unquote(token).lower() == name)
        for token in tokens[order[0] : order[1]]
    )
