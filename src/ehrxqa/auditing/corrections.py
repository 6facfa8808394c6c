"""Programs mended where it is certain what was meant; the author's own words stay everywhere else.

| rule | correction |
|---|---|
| null-first | rows without the value that is ordered by are left out: they are neither first nor last |
| several-values | `=` becomes `in` before a select of the codes or ids of a dictionary: all of them bear the name |
| rows-counted | `count(*)` becomes the count of distinct ids of what the question names |
"""

from __future__ import annotations

from typing import Final

from ehrxqa.auditing.counted_things import counts_of_things
from ehrxqa.auditing.effects import guarded, replaced
from ehrxqa.errors import NeuralSqlError
from ehrxqa.sql.lint import Finding
from ehrxqa.sql.structure import Structure, read

__all__ = ["as_written", "correction", "counted_correction"]

_EQUAL: Final = ("=", "==")


def as_written(program: str, structure: Structure) -> Structure | None:
    """The program as its author wrote it, if its tokens are those of what the database runs: else it is not mended."""
    try:
        found = read(program)
    except NeuralSqlError:
        return None
    return found if len(found.tokens) == len(structure.tokens) else None


def correction(structure: Structure, found: Finding) -> str | None:
    """The program without a fault that lint found; None where it is not certain what was meant."""
    query = structure.queries.get(found.start)
    if query is None:
        return None
    if found.rule == "null-first":
        return guarded(structure, query)
    if found.rule == "several-values" and structure.tokens[query.start - 2].text in _EQUAL:
        select = query.selects[0]
        tables = [source.table for source in structure.sources(select)] if "from" in select.clauses else []
        plain = len(query.selects) == 1 and not {"limit", "group"} & select.clauses.keys()
        if plain and len(tables) == 1 and (tables[0] or "").lower().startswith("d_"):
            return replaced(structure, query.start - 2, query.start - 1, "in")
    return None


def counted_correction(structure: Structure, thing: str, place: int) -> str | None:
    """The program that counts things; `place` says which of the ways of `counts_of_things` runs on the database."""
    ways = list(counts_of_things(structure, thing))
    return ways[place] if place < len(ways) else None
