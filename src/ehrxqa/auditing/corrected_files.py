"""What an audit writes: errata, one finding a line, and question files with the corrections that are certain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ehrxqa.auditing.audit_rules import AUDIT_RULES
from ehrxqa.auditing.checker import AuditFinding
from ehrxqa.auditing.golds import GoldFile, GoldQuery
from ehrxqa.dataset.records import write_records
from ehrxqa.errors import SettingsError
from ehrxqa.files import write_json, write_text
from ehrxqa.json_files import json_text

__all__ = ["corrected_path", "write_corrected", "write_errata"]


def corrected_path(path: Path) -> Path:
    """Where the corrected form of a file lies: `_test.corrected.json` beside `_test.json`."""
    return path.with_name(f"{path.stem}.corrected{path.suffix}")


def write_errata(path: Path, findings: Sequence[AuditFinding], golds: Sequence[GoldQuery]) -> None:
    """Write one finding a line: split, id, rule, severity, what, question, program, corrected.

    Raises:
        SettingsError: The file holds verdicts of readers, which the explorer wrote.
        BuildError: It cannot be written.
    """
    if path.is_file() and '"verdict"' in path.read_text(encoding="utf-8", errors="replace")[:4096]:
        raise SettingsError(f"{path}: holds verdicts of readers; name another file")
    known = {(gold.split, gold.id): gold for gold in golds}
    lines = []
    for each in findings:
        gold = known[each.split, each.id]
        line = {
            "split": each.split,
            "id": each.id,
            "rule": each.rule,
            "severity": AUDIT_RULES[each.rule].severity,
            "what": each.what,
            "question": gold.question,
            "program": gold.program,
            "corrected": each.corrected,
        }
        lines.append(json_text(line) + "\n")
    write_text(path, "".join(lines))


def write_corrected(file: GoldFile, changes: Mapping[int, tuple[str, list[Any]]]) -> Path:
    """Write a file again with some programs replaced, and their answers where it has answers; gives its path.

    Args:
        file: The file.
        changes: Place of a gold → its program and answer.

    Raises:
        SettingsError: The programs stand in another file.
        BuildError: It cannot be written.
    """
    path = corrected_path(file.path)
    if file.form == "by id":
        content = dict(file.content)
        for place, (program, _) in changes.items():
            content[file.golds[place].id] = program
        write_json(path, content, indent=4)
        return path
    records: list[dict[str, Any]] = list(file.content)
    for place, (program, answer) in changes.items():
        record = records[place]
        if str(record.get(file.key)) != file.golds[place].program:
            raise SettingsError(
                f"{file.path}: its gold programs stand in _{file.path.name}, give that file to correct them"
            )
        records[place] = {**record, file.key: program, **({"answer": answer} if "answer" in record else {})}
    if file.path.suffix == ".jsonl":
        write_text(path, "".join(json_text(record) + "\n" for record in records))
    else:
        write_records(path, records)
    return path
