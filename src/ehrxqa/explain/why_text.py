"""An explanation for readers: as text for the terminal, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ehrxqa.explain.evidence import Evidence, EvidenceStudy, TableRows
from ehrxqa.explain.lost_rows import Loss
from ehrxqa.explain.report_sentences import DecidedLabel, ImageReport
from ehrxqa.explain.why import Explanation, StepResult
from ehrxqa.labels.deciding import Ground
from ehrxqa.text_table import shortened

__all__ = ["as_json", "as_text", "losses_text"]

#: Rows of a table, and labels of a study (present, denied, not mentioned: so many of each), in a text.
_MOST_ROWS = 8
_MOST_LABELS = 12
_WIDE = 48
_NONE = "     labels: none of what is asked about is present"


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
        "impossible": value.impossible,
        "losses": [asdict(loss) for loss in value.losses],
        "evidence": _evidence_json(value.evidence),
    }


def _evidence_json(evidence: Evidence) -> dict[str, Any]:
    """The evidence; studies have a key `report` only if their sentences were asked for."""
    found = asdict(evidence)
    for study, shown in zip(evidence.studies, found["studies"], strict=True):
        if study.report is None:
            del shown["report"]
    return found


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
        f"  answer: {_answer(value.answer if value.answer is not None else value.computed)}",
    ]
    if value.impossible:
        return "\n".join([*lines, "", "The database does not hold what is asked: abstaining is the right answer."])
    if value.answer is not None and value.answer != value.computed:
        lines.append(f"  the program now gives another answer: {_answer(value.computed)}")
    if not only_losses:
        lines += ["", "Steps"]
        for step in value.steps:
            lines.append(f"  {step.number}. {step.sql}")
            if step.note:
                lines.append(f"     ({step.note})")
            else:
                lines.append(f"     → {_rows_text(step)}")
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
            lines.append(f"     {shortened(loss.condition, 200)}")
    return lines


def _evidence(evidence: Evidence) -> list[str]:
    lines = []
    if evidence.studies:
        lines += ["", f"Studies ({len(evidence.studies)} of {evidence.studies_total:,})"]
        for study in evidence.studies:
            lines += _study(study)
        if any(study.report is None and study.labels is not None for study in evidence.studies):
            lines.append("  (--sources SOURCES shows the sentences themselves)")
    if evidence.rows:
        origin = "behind the answer" if evidence.from_sidecar else "that the steps keep"
        lines += ["", f"Rows {origin}"]
        for rows in evidence.rows:
            lines += _table(rows)
    return lines


def _study(study: EvidenceStudy) -> list[str]:
    lines = [
        f"  {study.study_id}  {study.studydatetime}  {study.view_position}  subject {study.subject_id}",
        f"     image {study.path}",
    ]
    if study.labels is None:
        return [*lines, "     labels: no label files in the output folder"]
    if study.report is not None:
        if not study.report.note:
            return [*lines, *_report(study.report)]
        lines.append(f"     {study.report.note}")
    if not study.labels:
        return [*lines, _NONE]
    by_sentence: dict[int | None, list[str]] = {}
    for label in study.labels[:_MOST_LABELS]:
        by_sentence.setdefault(label.sentence, []).append(f"{label.attribute} in {label.object}")
    for sentence in sorted(by_sentence, key=lambda number: -1 if number is None else number):
        where = "no sentence" if sentence is None else f"sentence {sentence}"
        lines.append(f"     {where}: {', '.join(by_sentence[sentence])}")
    if (more := len(study.labels) - _MOST_LABELS) > 0:
        lines.append(f"     … and {more} more label{'s' * (more > 1)}")
    return lines


def _report(report: ImageReport) -> list[str]:
    """What a report says, as text: each sentence, and below it the labels that it decided."""
    lines = []
    for relation in (1, 0):
        shown = [label for label in report.labels if label.relation == relation and label.ground != "unstated"]
        last: tuple[int | None, str | None] | None = None
        for label in shown[:_MOST_LABELS]:
            sentence = label.sentence, label.text
            if sentence != last:
                lines.append(f"     {_sentence(label)}")
                last = sentence
            lines.append(f"        {_described(label)}")
        if len(shown) > _MOST_LABELS:
            lines.append(f"     … and {len(shown) - _MOST_LABELS} more {'present' if relation else 'denied'}")
    if not any(label.relation for label in report.labels):
        lines.insert(0, _NONE)
    if report.unstated:
        named = [f"{label.attribute} in {label.object}" for label in report.labels if label.ground == "unstated"]
        more = f", and {len(named) - _MOST_LABELS} more" if len(named) > _MOST_LABELS else ""
        names = f": {', '.join(named[:_MOST_LABELS])}{more}" if named else ""
        lines.append(f"     absent because the report does not mention them, no sentence ({report.unstated}){names}")
    return lines


def _sentence(label: DecidedLabel) -> str:
    if label.sentence is None:
        return "no sentence"
    if label.text is None:
        return f"sentence {label.sentence} (the sources do not show its text)"
    # a report may hold anything; the terminal gets one line of printable characters
    text = "".join(character if character.isprintable() else "�" for character in " ".join(label.text.split()))
    return f"sentence {label.sentence}: “{text}”"


def _described(label: DecidedLabel) -> str:
    """One label, and where the sentence says something else, what."""
    described = f"{'present' if label.relation else 'absent'}: {label.attribute} in {label.object}"
    said = f"{'no ' * (label.stated_relation == 0)}{label.stated_attribute} in {label.stated_object}"
    match label.ground:
        case "inherited":
            return f"{described} (inherited: the sentence says {said})"
        case "rare" | "overruled":
            return f"{described} (the sentence says {said}; {Ground[label.ground.upper()].value})"
        case "unknown":
            return f"{described} (from the tabular files; the scene graph does not say so)"
        case _:
            return described


#: Columns of the label table that the list of studies has already said.
_OF_STUDIES = frozenset(
    ("subject_id", "hadm_id", "image_id", "viewposition", "studydatetime", "studyorder", "ct_ratio", "mt_ratio")
)


def _table(rows: TableRows) -> list[str]:
    """Rows in columns; columns without any value are left out."""
    step = "" if rows.step is None else f", of step {rows.step}"
    lines = [f"  {rows.table} ({rows.total:,} row{'s' * (rows.total != 1)}{step})"]
    shown = rows.rows[:_MOST_ROWS]
    hidden = _OF_STUDIES if rows.table == "tb_cxr_plus" else frozenset()
    columns = [
        [name, *(_cell(row[place]) for row in shown)]
        for place, name in enumerate(rows.columns)
        if name.lower() not in hidden and any(row[place] is not None for row in shown)
    ]
    widths = [max(map(len, column)) for column in columns]
    for cells in zip(*columns, strict=True):
        padded = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        lines.append(f"     {'  '.join(padded)}".rstrip())
    if rows.total > len(shown):
        lines.append(f"     … and {rows.total - len(shown):,} more")
    return lines


def _rows_text(step: StepResult) -> str:
    if not step.rows:
        return "no row"
    shown = "; ".join(", ".join(_cell(cell) for cell in row) for row in step.first_rows)
    more = "; …" if step.rows > len(step.first_rows) else ""
    names = f" ({', '.join(step.columns)})" if len(step.columns) > 1 else ""
    first = ", of which the first is taken as the value" if step.single and step.rows > 1 else ""
    return f"{step.rows:,} row{'s' * (step.rows > 1)}{names}{first}: {shown}{more}"


def _answer(answer: Any) -> str:
    """An answer as its file has it."""
    return shortened(json.dumps(answer, ensure_ascii=False), 400)


def _cell(value: Any) -> str:
    return "null" if value is None else shortened(str(value), _WIDE)
