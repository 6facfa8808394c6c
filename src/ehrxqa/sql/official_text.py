"""The official textual clean-up of a query, applied before a gold program runs.

Published queries are lower-cased as a whole and keep placeholders; six replacements, in this order, make
them SQL again. They work on the raw text, string literals included: that is what the official answers were
made with. The engine for model-written queries applies the same rules to tokens instead
(`ehrxqa.sql.clean_text`), which leaves ordinary literals alone.
"""

from __future__ import annotations

import re

from ehrxqa.layout import CURRENT_TIME

__all__ = ["VITAL_RANGES", "normalise"]

#: Normal range (lower, upper) of each vital sign, in the unit of its chart item.
VITAL_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (35.5, 38.1),
    "sao2": (95.0, 100.0),
    "heart rate": (60.0, 100.0),
    "respiration": (12.0, 18.0),
    "systolic bp": (90.0, 120.0),
    "diastolic bp": (60.0, 90.0),
    "mean bp": (60.0, 110.0),
}

# A bound counts only after a blank or newline; what follows it is not looked at.
_LOWER = re.compile(r"[ \n]([a-zA-Z0-9_]+)_lower")
_UPPER = re.compile(r"[ \n]([a-zA-Z0-9_]+)_upper")

_QUOTES_AND_FORMATS = (
    ("''", "'"),
    ("< =", "<="),
    ("%y", "%Y"),  # undoes the lower-casing of the published queries
    ("%j", "%J"),  # the Julian day, likewise
    ("‘", "'"),
    ("’", "'"),
    ("“", '"'),
    ("”", '"'),
)


def normalise(query: str, now: str = CURRENT_TIME) -> str:
    """The text that the official code hands to SQLite for `query`; `now` in place of its current time.

    >>> normalise("select ‘%y’ < = current_time")
    "select '%Y' <= '2105-12-31 23:59:00'"
    >>> normalise("where c.valuenum between heart_rate_lower and heart_rate_upper")
    'where c.valuenum between 60.0 and 100.0'
    """
    query = query.replace("current_time", f"'{now}'")
    if "_lower" in query:  # the search for a name before it is slow
        query = _with_vital_range(query)
    for old, new in _QUOTES_AND_FORMATS:
        query = query.replace(old, new)
    return query


def _with_vital_range(query: str) -> str:
    """Write the numbers of the first vital sign whose two bounds are named; other text stays."""
    lower, upper = _LOWER.search(query), _UPPER.search(query)
    if lower is None or upper is None or lower[1] != upper[1]:
        return query
    bounds = VITAL_RANGES.get(lower[1].replace("_", " "))
    if bounds is None:
        return query
    return query.replace(f"{lower[1]}_lower", str(bounds[0])).replace(f"{upper[1]}_upper", str(bounds[1]))
