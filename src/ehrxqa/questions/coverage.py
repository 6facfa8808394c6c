"""`ehrxqa coverage`: which official templates the databases of a build can produce, and why not where they cannot."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ehrxqa.arguments import checked
from ehrxqa.errors import BuildError
from ehrxqa.html_repr import html_repr
from ehrxqa.layout import DATABASE_PATHS, WORK_FOLDER
from ehrxqa.progress import Progress
from ehrxqa.questions.batch import BatchResult, BatchTask, Wanted, run_batch
from ehrxqa.questions.copies import make_copies
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.families.no_source import NO_SOURCE
from ehrxqa.questions.template import Template
from ehrxqa.runs.pool import Pool
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING

__all__ = ["Coverage", "TemplateCoverage", "coverage"]

#: Seeds tried for each template, each with many draws.
_TRIES: Final = 4


@dataclass(frozen=True)
class TemplateCoverage:
    """One official template.

    Attributes:
        number: Its official number.
        scope: Its scope.
        family: What is asked.
        databases: Databases (`train`, `test`) that gave a verified question.
        reason: Why none did; empty if one did.
    """

    number: int
    scope: str
    family: str
    databases: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Coverage:
    """All official templates.

    Attributes:
        templates: In the order of numbers.
        total: 426.
        with_source: Templates of which MIMIC-IV has data, 419.
        produced: Templates that gave a verified question.
    """

    templates: tuple[TemplateCoverage, ...]
    total: int
    with_source: int
    produced: int

    __repr__ = short_repr
    _repr_html_ = html_repr


@checked
def coverage(out: Path | str, *, workers: int | None = None, progress: Progress = FITTING) -> Coverage:
    """Try every template on both databases of a build.

    Raises:
        BuildError: There is no database in `out`.
    """
    out = Path(out)
    bases = {base: out / path for base, path in DATABASE_PATHS.items() if (out / path).is_file()}
    if not bases:
        raise BuildError(f"{out}: holds no database; build it first: ehrxqa build SOURCES {out}")
    work = out / WORK_FOLDER / "coverage"
    try:
        tasks = [
            BatchTask(copies, template, (Wanted("test"),) * _TRIES, f"coverage/{template.chance}")
            for copies in (make_copies(base, path, work) for base, path in bases.items())
            for template in catalogue().values()
        ]
        results = []
        with progress.task("coverage", len(tasks), "templates") as task, Pool(workers) as pool:
            for result in pool.map(run_batch, tasks):
                results.append(result)
                task.advance()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    found: dict[Template, dict[str, BatchResult]] = {}
    for batch, result in zip(tasks, results, strict=True):
        found.setdefault(batch.template, {})[batch.copies.base] = result
    templates = {
        number: _of(template, number, tried)
        for template, tried in found.items()
        if (number := template.official) is not None
    }
    for number, (scope, _, missing) in NO_SOURCE.items():
        templates[number] = TemplateCoverage(number, scope, missing, (), f"no source in MIMIC-IV: {missing}")
    every = tuple(templates[number] for number in sorted(templates))
    return Coverage(every, len(every), len(found), sum(bool(each.databases) for each in every))


def _of(template: Template, number: int, tried: dict[str, BatchResult]) -> TemplateCoverage:
    databases = tuple(base for base, result in tried.items() if result.lines)
    reasons: Counter[str] = Counter()
    for result in tried.values():
        reasons += result.rejected
    reason = "" if databases else "these databases: " + (reasons.most_common(1)[0][0] if reasons else "a failed proof")
    return TemplateCoverage(number, template.scope, template.family, databases, reason)
