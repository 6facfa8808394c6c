"""A database has no time zone: its times are the local times of the hospital, and `'localtime'` changes nothing.

SQLite reads the time zone of the machine for it and for `'utc'`, so the same query had other answers elsewhere.
Where a query may ask for it, SQLite's functions of date and time stand behind ours, which answer as SQLite does on a
machine in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import apsw

from ehrxqa.sql.clock import file_system_at

__all__ = ["may_ask_for_time_zone", "replace_time_functions", "views_ask_for_time_zone"]

#: Function → arguments before its modifiers.
_BEFORE_MODIFIERS: Final = {"date": 1, "time": 1, "datetime": 1, "julianday": 1, "unixepoch": 1, "strftime": 2}
_ASK: Final = ("localtime", "utc")
#: A modifier that changes nothing, and counts as one: some must stand at a certain place.
_NOTHING: Final = "+0 seconds"
#: The end of a name and what opens its arguments, or a comment before them.
_CALL: Final = re.compile(
    r"(?P<format>strf)?(?:date|time|julianday|unixepoch)[\"`\]]?[\s\ufeff]*(?P<opens>\(|/\*|--)", re.I
)
_PLACEHOLDER: Final = r"\?[0-9]+"


def _quick(literal: str) -> dict[int, re.Pattern[str]]:
    """Arguments that are seen to be harmless at a glance: a literal or a name, and literals behind it; by `before`."""
    one = rf"""(?:\s*'[^']*'\s*|[^'"`\[(),/-]*)(?:,\s*(?:{literal})\s*)*\)"""
    return {1: re.compile(one, re.I), 2: re.compile(rf"\s*'[^']*'\s*,{one}", re.I)}


#: By whether placeholders stand for nothing that asks.
_QUICK: Final = {
    bound: _quick(rf"'(?!(?:localtime|utc)')[^']*'{'|' + _PLACEHOLDER if bound else ''}") for bound in (False, True)
}
_PIECE: Final = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*(?s:.*?)\*/|[^'"`\[(),/-]+|(?s:.)"""
)


def may_ask_for_time_zone(sql: str, parameters: Sequence[Any] = ()) -> bool:
    """Whether a query has such a modifier, or one that is computed and could be. Only calls are looked at: it is quick.

    Args:
        sql: Its text.
        parameters: Values for its placeholders, by number: as modifiers they are what they say.

    >>> may_ask_for_time_zone("select datetime(charttime, '-1 day', 'start of month') from labevents")
    False
    >>> may_ask_for_time_zone("select datetime(t, 'LocalTime')"), may_ask_for_time_zone("select date(1, a || b)")
    (True, True)
    >>> may_ask_for_time_zone("select date(t, ?1)", ["-1 day"]), may_ask_for_time_zone("select date(t, ?1)", ["utc"])
    (False, True)
    """
    bound = len(parameters) > 0 and not any(map(_asks, parameters))
    return any(
        call["opens"] != "(" or not _is_harmless(sql, call.end(), 2 if call["format"] else 1, bound)
        for call in _CALL.finditer(sql)
    )


def _is_harmless(sql: str, start: int, before: int, bound: bool) -> bool:
    """Whether all arguments from `start` on, but so many, are literals and none asks for the time zone.

    Placeholders do not if they are `bound` to values that do not.
    """
    if _QUICK[bound][before].match(sql, start):
        return True
    depth, place, seen = 1, 0, 0
    for found in _PIECE.finditer(sql, start):
        piece = found[0]
        depth += (piece == "(") - (piece == ")")
        if depth == 0:
            return True
        if depth == 1 and piece == ",":
            place, seen = place + 1, 0
        elif place >= before and not piece.isspace():
            seen += 1
            literal = piece[0] == "'" and piece[1:-1].lower() not in _ASK
            if seen > 1 or not (literal or (bound and re.fullmatch(_PLACEHOLDER, piece.strip()))):
                return False
    return True


def views_ask_for_time_zone(db: apsw.Connection) -> bool:
    """Whether a view of the database may ask for it."""
    views = db.execute("SELECT sql FROM main.sqlite_schema WHERE type = 'view' AND sql IS NOT NULL").fetchall()
    return any(may_ask_for_time_zone(str(sql)) for (sql,) in views)


def replace_time_functions(db: apsw.Connection, now: str) -> None:
    """Put functions without a time zone in the place of SQLite's own; at the time `now`, and slower.

    SQLite does not take its own back on the same connection.
    """
    behind = apsw.Connection(":memory:", vfs=file_system_at(now))
    for name, before in _BEFORE_MODIFIERS.items():
        function = _without_time_zone(behind, name, before)
        db.create_scalar_function(name, function, -1, deterministic=True, flags=apsw.SQLITE_INNOCUOUS)


def _without_time_zone(behind: apsw.Connection, name: str, before: int) -> Callable[..., Any]:
    def answer(*arguments: Any) -> Any:
        harmless = (*arguments[:before], *map(_or_nothing, arguments[before:]))
        marks = ", ".join("?" * len(arguments))
        return behind.execute(f"SELECT {name}({marks})", harmless).get

    return answer


def _or_nothing(modifier: Any) -> Any:
    return _NOTHING if _asks(modifier) else modifier


def _asks(modifier: Any) -> bool:
    """Whether a modifier asks for the time zone; SQLite reads a text up to its first NUL."""
    text = modifier.decode("utf-8", "replace") if isinstance(modifier, bytes) else modifier
    return isinstance(text, str) and text.partition("\0")[0].lower() in _ASK
