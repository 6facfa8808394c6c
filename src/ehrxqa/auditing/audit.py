"""`ehrxqa audit`: every gold of a question file against every rule, on the database it is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from ehrxqa.arguments import checked
from ehrxqa.auditing.audit_rules import AUDIT_RULES
from ehrxqa.auditing.checker import AuditFinding, GoldChecker
from ehrxqa.auditing.corrected_files import corrected_path, write_corrected, write_errata
from ehrxqa.auditing.golds import GoldFile, GoldQuery, read_golds
from ehrxqa.dataset.answer import database_for
from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.files import reading
from ehrxqa.html_repr import html_repr
from ehrxqa.layout import CURRENT_TIME, DATASET_FOLDER, SPLITS
from ehrxqa.progress import Progress
from ehrxqa.runs.output_folder import build_around
from ehrxqa.runs.pool import Pool
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING

__all__ = ["DEFAULT_SECONDS", "AuditReport", "audit", "contradictions"]

#: Time limit of one program, and of each change of it that is tried.
DEFAULT_SECONDS: Final = 10.0
#: Golds a worker looks at, at a time.
_CHUNK: Final = 16
#: Corrections of one program, one after the other.
_MOST_CORRECTIONS: Final = 5


@dataclass(frozen=True)
class AuditReport:
    """What an audit found.

    Attributes:
        questions: Golds that were looked at.
        programs: Those of them with a program.
        impossible: Those that no program answers.
        findings: In the order of the files.
        counts: Rule → golds that break it, in the order of the rules.
        wrong: Golds with at least one finding that is an error.
        corrected: Golds with a correction that is certain.
        written: Files that were written.
    """

    questions: int
    programs: int
    impossible: int
    findings: tuple[AuditFinding, ...]
    counts: dict[str, int]
    wrong: int
    corrected: int
    written: tuple[Path, ...]

    __repr__ = short_repr
    _repr_html_ = html_repr


@checked
def audit(
    questions: Path | str,
    database: Path | str,
    *,
    out: Path | str | None = None,
    fix: bool = False,
    now: str = CURRENT_TIME,
    seconds: float = DEFAULT_SECONDS,
    workers: int | None = None,
    progress: Progress = FITTING,
) -> AuditReport:
    """Audit the golds of a question file, of whatever form and about whatever SQLite database.

    Args:
        questions: The file (forms: `auditing.golds`), or a folder of question files.
        database: The SQLite file, or the output folder of a build.
        out: File of errata to write, one finding a line.
        fix: Write a corrected file beside each file with a correction that is certain.
        now: The current time of the database, as `YYYY-MM-DD HH:MM:SS`.
        seconds: Time limit of one program, and of each change of it that is tried.
        workers: Processes (default: number of processors). The result does not depend on it.
        progress: Told what happens; by default a notebook or a terminal shows it (`ehrxqa.SILENT`: nothing).

    Raises:
        RecordError: A file is of none of the forms.
        SettingsError: There is no such database, or a file to write is one that is read.
        BuildError: A file cannot be written.
    """
    from ehrxqa.sql.clock import check_time

    if seconds <= 0:
        raise SettingsError(f"seconds must be positive, not {seconds:g}")
    check_time(now)
    out = None if out is None else Path(out)
    files = [read_golds(path) for path in _files(Path(questions))]
    bases = {file.path: _database_of(Path(database), file) for file in files}
    beside = [path for file in files for path in file.beside if path not in bases]
    fixed = [corrected_path(file.path) for file in files] if fix else []
    around = [path for each in (*bases, *bases.values()) for path in build_around(each)]
    findings: list[AuditFinding] = []
    mended: dict[Path, dict[int, _Mended]] = {}
    golds = [gold for file in files for gold in file.golds]
    with (
        reading(*bases, *beside, *bases.values(), *around, writing=(out, *fixed)),
        progress.task("audit", len(golds), "questions") as task,
    ):
        for file in files:
            opened = partial(_opened, bases[file.path], now, seconds)
            chunks = [file.golds[at : at + _CHUNK] for at in range(0, len(file.golds), _CHUNK)]
            with Pool(_workers(workers, len(chunks)), opened=opened) as pool:
                looked = (each for some in pool.map(_check_chunk, chunks) for each in some)
                elsewhere = contradictions(file.golds)
                for place, (found, correction) in enumerate(looked):
                    findings += found
                    if place in elsewhere:
                        gold = file.golds[place]
                        findings.append(AuditFinding(gold.split, gold.id, "contradiction", elsewhere[place]))
                    if correction is not None:
                        mended.setdefault(file.path, {})[place] = correction
                    task.advance()
        written = []
        if out is not None:
            write_errata(out, findings, golds)
            written.append(out)
        for file in files if fix else []:
            if mended.get(file.path):
                changes = {place: (each.program, each.answer) for place, each in mended[file.path].items()}
                written.append(write_corrected(file, changes))
    return _report(golds, findings, sum(map(len, mended.values())), tuple(written))


def _files(questions: Path) -> list[Path]:
    """The question files of a folder, pre-release ones if there are any; a file alone."""
    if not questions.is_dir():
        return [questions]
    folder = questions / DATASET_FOLDER if (questions / DATASET_FOLDER).is_dir() else questions
    for mark in ("_", ""):
        if found := [path for split in SPLITS if (path := folder / f"{mark}{split}.json").is_file()]:
            return [path for path in found if path.stat().st_size > len("[]\n")] or found  # splits without questions
    if (label := folder / "label.json").is_file():
        return [label]
    raise RecordError(f"{questions}: holds no question files (_train.json, train.json, label.json); name a file")


def _database_of(database: Path, file: GoldFile) -> Path:
    return database_for(database, [{"split": gold.split or None} for gold in file.golds[:1]])


def _workers(workers: int | None, chunks: int) -> int | None:
    return 1 if chunks < 3 and workers is None else workers


@dataclass(frozen=True, slots=True)
class _Mended:
    """A program after all corrections that are certain, and what it gives."""

    program: str
    answer: list[Any]


def _opened(database: Path, now: str, seconds: float) -> closing[GoldChecker]:
    return closing(GoldChecker(database, now, seconds))


def _check_chunk(checker: GoldChecker, golds: Sequence[GoldQuery]) -> list[tuple[list[AuditFinding], _Mended | None]]:
    return [_check(checker, gold) for gold in golds]


def _check(checker: GoldChecker, gold: GoldQuery) -> tuple[list[AuditFinding], _Mended | None]:
    found = checker.check(gold)
    program, left = None, found
    for _ in range(_MOST_CORRECTIONS):
        following = next((each.corrected for each in left if each.corrected is not None), None)
        if following is None:
            break
        program = following
        left = checker.check(replace(gold, program=program, answer=None))
    return found, None if program is None else _Mended(program, checker.answer(replace(gold, program=program)))


def contradictions(golds: Sequence[GoldQuery]) -> Mapping[int, str]:
    """Places of golds whose question has another answer elsewhere in the file, and where that is."""
    asked: dict[tuple[str, str], dict[str, int]] = {}
    found: dict[int, str] = {}
    for place, gold in enumerate(golds):
        text = " ".join(gold.question.lower().split())
        if gold.impossible or not text or not isinstance(gold.answer, list):
            continue
        answers = asked.setdefault((gold.split, text), {})
        answers.setdefault(repr(sorted(map(str, gold.answer))), place)
        other = next(iter(answers.values()))
        if len(answers) > 1 and place == list(answers.values())[-1]:
            found[place] = f"id {golds[other].id} has another answer"
    return found


def _report(
    golds: Sequence[GoldQuery], findings: Sequence[AuditFinding], corrected: int, written: tuple[Path, ...]
) -> AuditReport:
    broken = {(each.rule, each.split, each.id) for each in findings}
    counts = Counter(rule for rule, _, _ in broken)
    return AuditReport(
        questions=len(golds),
        programs=sum(gold.program is not None for gold in golds),
        impossible=sum(gold.impossible for gold in golds),
        findings=tuple(findings),
        counts={name: counts[name] for name in AUDIT_RULES if counts[name]},
        wrong=len({(split, id_) for rule, split, id_ in broken if AUDIT_RULES[rule].severity == "error"}),
        corrected=corrected,
        written=written,
    )


def rows_of(report: AuditReport) -> Iterator[tuple[str, str, int, AuditFinding]]:
    """Rule, severity, golds that break it and the first finding, for each rule that is broken."""
    first: dict[str, AuditFinding] = {}
    for each in report.findings:
        first.setdefault(each.rule, each)
    for name, number in report.counts.items():
        yield name, AUDIT_RULES[name].severity, number, first[name]
