"""The prompt for one reply that is NeuralSQL."""

from __future__ import annotations

from collections.abc import Iterable

from ehrxqa.agents.results import TableDescription
from ehrxqa.agents.schema_words import NOTES

__all__ = ["query_prompt"]


def query_prompt(tables: Iterable[TableDescription], now: str) -> str:
    """What a model is told before the question."""
    lines = [
        "Write one query that answers the question. Reply with the query alone, or null if the data cannot answer."
    ]
    lines += [f"Now is {now}; write current_time.", *NOTES, "", "Tables:"]
    for table in tables:
        columns = ", ".join(f"{column.name} ({column.about})" for column in table.columns)
        lines.append(f"{table.name}: {table.about} {columns}")
    return "\n".join(lines)
