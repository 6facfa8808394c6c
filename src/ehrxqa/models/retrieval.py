"""What a query found on the way to its answer: rows of the tables, and studies, held against those of the gold query.

A query may be wrong and yet look in the right place, or right by chance in a wrong one. Rows are those of event tables
that the conditions of its steps keep; studies are those of TB_CXR that its steps keep, with perfect vision. Tables
that only lead to rows (patients, admissions, ICU stays) and dictionaries do not count.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from ehrxqa.errors import NeuralSqlError
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.sql.steps import Step, steps_of

__all__ = ["Found", "Retrieval", "found_by", "retrieval", "retrieval_of_gold"]

_WAYS: Final = frozenset(("patients", "admissions", "icustays", "tb_cxr_plus"))
_STUDIES: Final = "tb_cxr"


@dataclass(frozen=True)
class Found:
    """What the steps of a query keep.

    Attributes:
        rows: (table, row_id) of event tables.
        studies: Study ids.
    """

    rows: frozenset[tuple[str, Any]]
    studies: frozenset[Any]


def found_by(query: str, engine: Engine) -> Found:
    """The rows and studies of a query; steps that cannot be run by themselves keep nothing.

    Args:
        query: NeuralSQL.
        engine: Over its database, with perfect vision.
    """
    rows: set[tuple[str, Any]] = set()
    studies: set[Any] = set()
    try:
        steps = steps_of(query)
    except NeuralSqlError:
        return Found(frozenset(), frozenset())
    seen: set[int] = set()
    for step in steps:
        if "from" not in step.clauses or step.label in seen:
            continue
        seen.add(step.label)
        for source in step.tables:
            if source.table == _STUDIES:
                studies |= _kept(step, f"{source.alias}.study_id", engine)
            elif source.table not in _WAYS and not source.table.startswith("d_"):
                rows |= {(source.table, row) for row in _kept(step, f"{source.alias}.row_id", engine)}
    return Found(frozenset(rows), frozenset(studies))


def retrieval_of_gold(query: str) -> dict[str, float]:
    """What the gold query itself reaches, without running anything: all of the rows or studies that it looks for."""
    try:
        tables = {source.table for step in steps_of(query) for source in step.tables}
    except NeuralSqlError:
        return {}
    events = {table for table in tables - _WAYS - {_STUDIES} if not table.startswith("d_")}
    names = [*(["row"] if events else []), *(["study"] if _STUDIES in tables else [])]
    return {f"{name}_{measure}": 1.0 for name in names for measure in ("recall", "precision")}


def _kept(step: Step, column: str, engine: Engine) -> set[Any]:
    """Values of a column in the rows that a step keeps: within its LIMIT, if that means rows."""
    tails = (True, False) if "group" not in step.clauses and not step.distinct else (False,)
    for tail in tails:
        try:
            return {row[0] for row in engine.run(step.kept_rows(column, tail=tail)).rows}
        except NeuralSqlError:
            continue
    return set()


def retrieval(gold: Found, found: Found | None) -> dict[str, float]:
    """Precision and recall of rows and of studies, from 0 to 1, by name.

    What the gold query does not look for is left out, and so is the precision of a query that finds nothing; without a
    query nothing is recalled.
    """
    measures: dict[str, float] = {}
    for name, theirs, mine in (
        ("row", gold.rows, frozenset() if found is None else found.rows),
        ("study", gold.studies, frozenset() if found is None else found.studies),
    ):
        if theirs:
            measures[f"{name}_recall"] = _share(theirs, mine)
            if mine:
                measures[f"{name}_precision"] = _share(mine, theirs)
    return measures


class Retrieval:
    """Measures of predicted queries; each query is run once.

    Args:
        engine: Over the database that is asked, with perfect vision.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._found: dict[str, Found] = {}

    def measures(self, gold: str | None, query: str | None) -> dict[str, float]:
        """Precision and recall of a query, None for an abstention; nothing for a question without an answer."""
        if gold is None:
            return {}
        if query is not None and " ".join(query.split()).lower() == " ".join(gold.split()).lower():
            return retrieval_of_gold(gold)
        return retrieval(self._of(gold), None if query is None else self._of(query))

    def _of(self, query: str) -> Found:
        if query not in self._found:
            self._found[query] = found_by(query, self._engine)
        return self._found[query]


def _share(of: Collection[Any], among: Collection[Any]) -> float:
    return sum(each in among for each in of) / len(of)
