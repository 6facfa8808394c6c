"""A database has no time zone: its times are the local times of the hospital, and `'localtime'` changes nothing.

SQLite reads the time zone of the machine for it and for `'utc'`, so the same query had other answers elsewhere.
Where a query may ask for it, SQLite's functions of date and time stand behind ours, which answer as SQLite does on a
machine in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
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
#: Arguments that are seen to be harmless at a glance: a literal or a name, and literals behind it.
_ONE_AND_LITERALS: Final = r"""(?:\s*'[^']*'\s*|[^'"`\[(),/-]*)(?:,\s*'(?!(?:localtime|utc)')[^']*'\s*)*\)"""
_HARMLESS: Final = {
    1: re.compile(_ONE_AND_LITERALS, re.I),
    2: re.compile(rf"\s*'[^']*'\s*,{_ONE_AND_LITERALS}", re.I),
}
_PIECE: Final = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|/\*(?s:.*?)\*/|[^'"`\[(),/-]+|(?s:.)"""
)


def may_ask_for_time_zone(sql: str) -> bool:
    """Whether a query has such a modifier, or one that is computed and could be. Only calls are looked at: it is quick.

    >>> may_ask_for_time_zone("select datetime(charttime, '-1 day', 'start of month') from labevents")
    False
    >>> may_ask_for_time_zone("select datetime(t, 'LocalTime')"), may_ask_for_time_zone("select date(1, a || b)")
    (True, True)
    """
    return any(
        call["opens"] != "(" or not _is_harmless(sql, call.end(), 2 if call["format"] else 1)
        for call in _CALL.finditer(sql)
    )


def _is_harmless(sql: str, start: int, before: int) -> bool:
    """Whether all arguments from `start` on, but so many, are literals and none asks for the time zone."""
    if _HARMLESS[before].match(sql, start):
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
            if piece[0] != "'" or seen > 1 or piece[1:-1].lower() in _ASK:
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
    text = modifier.decode("utf-8", "replace") if isinstance(modifier, bytes) else modifier
    # SQLite reads a text up to its first NUL
    return _NOTHING if isinstance(text, str) and text.partition("\0")[0].lower() in _ASK else modifier
