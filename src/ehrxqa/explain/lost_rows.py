"""Where the rows of a query are lost.

From the outside to the inside: the conditions of a SELECT are added one by one until no row is left; if the
condition that takes the last one holds a sub-query without rows, that one is looked at next. So the last entry is
the cause, and none is named that does not matter (an empty operand of OR, or of EXCEPT on the right).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ehrxqa.errors import NeuralSqlError
from ehrxqa.sql.sandbox import Rows
from ehrxqa.sql.steps import Step

__all__ = ["Loss", "lost_rows"]

Run = Callable[[str], Rows]


@dataclass(frozen=True)
class Loss:
    """One place where rows are lost.

    Attributes:
        step: Label of the step.
        reason: One line that says what takes the last row.
        condition: The condition that does, if one does.
        before: Rows before it, if they were counted.
    """

    step: int
    reason: str
    condition: str | None = None
    before: int | None = None


def lost_rows(steps: Sequence[Step], run: Run) -> Iterator[Loss]:
    """The chain of losses of a query that gives no row, or aggregates none; nothing if rows are there.

    Args:
        steps: Of the query.
        run: Runs SQL on its database.
    """
    by_number = {step.number: step for step in steps}
    step: Step | None = steps[-1] if steps else None
    while step is not None:
        following = None
        if step.operators:
            loss, following = _of_compound(step, by_number, run)
        elif "from" not in step.clauses:
            # `select ( … ) and ( … )`: whichever part is empty or false
            loss, following = _of_parts(step, by_number, run)
        else:
            loss, following = _of_select(step, by_number, run)
        if loss is None:
            return
        yield loss
        step = following


def _count(run: Run, sql: str) -> int | None:
    """The number that a count gives; None if it cannot be run by itself."""
    try:
        rows = run(sql).rows
    except NeuralSqlError:
        return None
    return int(rows[0][0]) if rows and isinstance(rows[0][0], int | float) else None


def _rows(run: Run, sql: str) -> list[tuple[object, ...]] | None:
    try:
        return list(run(sql).rows)
    except NeuralSqlError:
        return None


def _is_empty(step: Step, run: Run) -> bool:
    """Whether a step gives nothing: no row, or only nulls, as an aggregate of no row does."""
    rows = _rows(run, step.sql)
    return rows is not None and all(value is None for row in rows for value in row)


def _of_compound(step: Step, steps: dict[int, Step], run: Run) -> tuple[Loss | None, Step | None]:
    parts = [steps[number] for number in step.inner]
    operators = {operator.split()[0] for operator in step.operators}
    empty = [part for part in parts if _is_empty(part, run)]
    if operators == {"union"}:
        if len(empty) < len(parts):
            return None, None
        return Loss(step.label, "every part of the union is empty"), parts[0]
    if parts[0] in empty:
        return Loss(step.label, f"the part before {step.operators[0].upper()} is empty"), parts[0]
    if not _is_empty(step, run):
        return None, None
    if operators == {"intersect"}:
        if empty:
            return Loss(step.label, "a part of the intersection is empty"), empty[0]
        return Loss(step.label, "the parts of the intersection have no row in common"), None
    if operators == {"except"}:
        return Loss(step.label, "EXCEPT takes away every row of the part before it"), None
    return Loss(step.label, f"{', '.join(step.operators).upper()} of the parts leaves no row"), None


def _of_parts(step: Step, steps: dict[int, Step], run: Run) -> tuple[Loss | None, Step | None]:
    for number in step.inner:
        rows = _rows(run, steps[number].sql)
        if rows is None:
            continue
        if not rows or all(value is None for row in rows for value in row):
            return Loss(step.label, f"step {steps[number].label} in it is empty"), steps[number]
        if rows == [(0,)]:
            return Loss(step.label, f"step {steps[number].label} in it is false or 0"), steps[number]
    return None, None


def _of_select(step: Step, steps: dict[int, Step], run: Run) -> tuple[Loss | None, Step | None]:
    before = _count(run, step.kept_rows("count(*)", 0))
    if before is None:
        return Loss(step.label, "its rows cannot be counted by themselves"), None
    if before == 0:
        inner = next((steps[number] for number in step.derived if _is_empty(steps[number], run)), None)
        what = "its FROM clause is empty" if len(step.derived) + len(step.tables) < 2 else "the join finds no pair"
        if inner is not None:
            what = f"its FROM clause reads step {inner.label}, which is empty"
        return Loss(step.label, what), inner
    for kept in range(1, len(step.conditions) + 1):
        after = _count(run, step.kept_rows("count(*)", kept))
        condition = _named(step.conditions[kept - 1], [steps[number] for number in step.inside[kept - 1]])
        if after is None:
            return Loss(step.label, "a condition cannot be tried by itself", condition, before), None
        if after == 0:
            inside = [steps[number] for number in step.inside[kept - 1]]
            inner = next((part for part in inside if _is_empty(part, run)), None)
            what = f"of {_rows_word(before)}, none fulfils this condition"
            if inner is not None:
                what += f" (step {inner.label} in it is empty)"
            return Loss(step.label, what, condition, before), inner
        before = after
    rows = _rows(run, step.sql)
    if rows:
        if all(value is None for row in rows for value in row):
            return Loss(step.label, f"rows are found ({before:,}), but the selected value is null in all of them"), None
        return None, None
    if rows is None:
        return Loss(step.label, "it cannot be run by itself"), None
    return Loss(step.label, _after_where(step, before), None, before), None


def _rows_word(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"


def _named(condition: str, inside: Sequence[Step]) -> str:
    """A condition on one line, with the steps inside it named instead of written out."""
    for inner in inside:
        condition = condition.replace(inner.sql, f"step {inner.label}", 1)
    return " ".join(condition.split())


def _after_where(step: Step, before: int) -> str:
    if "having" in step.clauses:
        return f"the conditions keep {_rows_word(before)}, but no group fulfils HAVING {step.clauses['having']}"
    if "limit" in step.clauses:
        return f"the conditions keep {_rows_word(before)}, but LIMIT {step.clauses['limit']} leaves none"
    if "func_vqa" in step.clauses["select"].lower():
        return f"the conditions keep {_rows_word(before)}, but the image question has no answer for any of them"
    return f"the conditions keep {_rows_word(before)}, but none is left"
