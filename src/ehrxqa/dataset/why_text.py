"""An explanation for readers: as text for the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ehrxqa.dataset.evidence import Evidence, Study, TableRows
from ehrxqa.dataset.lost_rows import Loss
from ehrxqa.dataset.why import Explanation

__all__ = ["as_json", "as_text", "losses_text"]

#: Rows of a table, and labels of a study, in a text.
_MOST_ROWS = 8
_MOST_LABELS = 12
_WIDE = 48


def as_json(value: Explanation) -> dict[str, Any]:
    """The whole explanation, as JSON can hold it."""
    return {
        "record": value.record,
        "facts": asdict(value.facts),
        "database": str(value.database),
        "program": value.program,
        "steps": [asdict(step) for step in value.steps],
        "answer": value.answer,
        "computed": value.computed,
        "losses": [asdict(loss) for loss in value.losses],
        "evidence": asdict(value.evidence),
    }


def as_text(value: Explanation, *, only_losses: bool = False) -> str:
    """The explanation as text.

    Args:
        value: What to show.
        only_losses: Show only why the answer is empty.
    """
    record = value.record
    lines = [
        str(record["question"]),
        f"  {record.get('split', '')} {record['id']}, {value.facts.scope}, answered on {value.database}",
        f"  answer: {_short(value.answer if value.answer is not None else value.computed, 400)}",
    ]
    if value.answer is not None and value.answer != value.computed:
        lines.append(f"  the program now gives another answer: {_short(value.computed, 400)}")
    if not only_losses:
        lines += ["", "Steps"]
        for step in value.steps:
            lines.append(f"  {step.number}. {step.sql}")
            if step.note:
                lines.append(f"     ({step.note})")
            else:
                lines.append(f"     → {_rows_text(step.rows or 0, step.columns, step.first_rows)}")
    if value.losses or only_losses:
        lines += ["", "Why nothing is found"]
        lines += losses_text(value.losses) or ["  The answer is not empty."]
    if not only_losses:
        lines += _evidence(value.evidence)
    return "\n".join(lines)


def losses_text(losses: Sequence[Loss]) -> list[str]:
    """One or two lines per place where rows are lost, the cause last."""
    lines = []
    for loss in losses:
        lines.append(f"  step {loss.step}: {loss.reason}")
        if loss.condition is not None:
            lines.append(f"     {_short(loss.condition, 200)}")
    return lines


def _evidence(evidence: Evidence) -> list[str]:
    lines = []
    if evidence.studies:
        lines += ["", f"Studies ({len(evidence.studies)} of {evidence.studies_total:,})"]
        for study in evidence.studies:
            lines += _study(study)
    if evidence.rows:
        origin = "behind the answer" if evidence.from_sidecar else "that the steps keep"
        lines += ["", f"Rows {origin}"]
        for rows in evidence.rows:
            lines += _table(rows)
    return lines


def _study(study: Study) -> list[str]:
    lines = [
        f"  {study.study_id}  {study.studydatetime}  {study.view_position}  subject {study.subject_id}",
        f"     image {study.path}",
    ]
    if study.labels is None:
        return [*lines, "     labels: no label files in the output folder"]
    if not study.labels:
        return [*lines, "     labels: none of what is asked about is present"]
    by_sentence: dict[int | None, list[str]] = {}
    for label in study.labels[:_MOST_LABELS]:
        by_sentence.setdefault(label.sentence, []).append(f"{label.attribute} in {label.object}")
    for sentence in sorted(by_sentence, key=lambda number: -1 if number is None else number):
        where = "no sentence" if sentence is None else f"sentence {sentence}"
        lines.append(f"     {where}: {', '.join(by_sentence[sentence])}")
    if len(study.labels) > _MOST_LABELS:
        lines.append(f"     … and {len(study.labels) - _MOST_LABELS} more labels")
    return lines


def _table(rows: TableRows) -> list[str]:
    step = "" if rows.step is None else f", step {rows.step}"
    lines = [f"  {rows.table} ({rows.total:,} row{'s' * (rows.total != 1)}{step}): {', '.join(rows.columns)}"]
    lines += [f"     {_short(', '.join(_cell(cell) for cell in row), 160)}" for row in rows.rows[:_MOST_ROWS]]
    if rows.total > _MOST_ROWS:
        lines.append(f"     … and {rows.total - min(_MOST_ROWS, len(rows.rows)):,} more")
    return lines


def _rows_text(count: int, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    if not count:
        return "no row"
    shown = "; ".join(", ".join(_cell(cell) for cell in row) for row in rows)
    more = ", …" if count > len(rows) else ""
    names = f" ({', '.join(columns)})" if len(columns) > 1 else ""
    return f"{count:,} row{'s' * (count > 1)}{names}: {shown}{more}"


def _cell(value: Any) -> str:
    return "null" if value is None else _short(str(value), _WIDE)


def _short(value: Any, width: int) -> str:
    text = str(value)
    return text if len(text) <= width else text[: width - 1] + "…"
