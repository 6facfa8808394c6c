"""An audit as a table for a terminal, and as a JSON value."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from ehrxqa.auditing.audit import AuditReport, rows_of
from ehrxqa.auditing.audit_rules import AUDIT_RULES
from ehrxqa.counting import counted

__all__ = ["as_json", "as_text"]

#: Characters of an example.
_WIDTH: Final = 96


def as_text(report: AuditReport) -> str:
    """What an audit found, by rule, each with one example."""
    lines = [
        f"{counted(report.questions, 'gold')}: {report.programs:,} with a program, {report.impossible:,} unanswerable; "
        f"{report.wrong:,} wrong, {report.corrected:,} of all with a correction that is certain"
    ]
    if report.counts:
        width = max(map(len, report.counts))
        lines.append("")
        for rule, severity, number, first in rows_of(report):
            lines.append(f"{rule:<{width}}  {severity:<7} {number:>7,}  {AUDIT_RULES[rule].words}")
            where = f"{first.split} {first.id}".strip()
            lines.append(f"{'':<{width}}  e.g. {_cut(f'{where}: {first.what}')}")
    lines += [f"{path}: written" for path in report.written]
    return "\n".join(lines)


def as_json(report: AuditReport) -> dict[str, Any]:
    """All of an audit; each finding with its severity."""
    value = asdict(report)
    value["findings"] = [{**each, "severity": AUDIT_RULES[each["rule"]].severity} for each in value["findings"]]
    value["written"] = [str(path) for path in report.written]
    return value


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…"
