"""The prompt for one reply that is NeuralSQL, and the query in such a reply."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ehrxqa.agents.results import Table
from ehrxqa.agents.schema_words import NOTES
from ehrxqa.layout import CURRENT_TIME

__all__ = ["query_prompt", "reply_query"]

_FENCED: Final = re.compile(r"```[a-z]*\n(.*?)```", re.DOTALL)


def query_prompt(tables: Iterable[Table]) -> str:
    """What a model is told before the question."""
    lines = [
        "Write one query that answers the question. Reply with the query alone, or null if the data cannot answer."
    ]
    lines += [f"Now is {CURRENT_TIME}; write current_time.", *NOTES, "", "Tables:"]
    for table in tables:
        columns = ", ".join(f"{column.name} ({column.about})" for column in table.columns)
        lines.append(f"{table.name}: {table.about} {columns}")
    return "\n".join(lines)


def reply_query(reply: str) -> str:
    r"""The query in a reply: what stands in its first fence, or all of it; nothing means null.

    >>> reply_query("Here it is:\n```sql\nselect 1\n```")
    'select 1'
    >>> reply_query("select 1;"), reply_query(" ")
    ('select 1;', 'null')
    """
    found = _FENCED.search(reply)
    return (found[1] if found else reply).strip() or "null"
