"""`ehrxqa generate`: question files of three splits, from the databases of a build."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from ehrxqa.arguments import checked
from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.files import sha256_of
from ehrxqa.html_repr import html_repr
from ehrxqa.layout import CURRENT_TIME, DATABASE_OF_SPLIT, DATABASE_PATHS, LINKS_PATH, MANIFEST, SPLITS
from ehrxqa.progress import Progress
from ehrxqa.questions.copies import Copies, make_copies
from ehrxqa.questions.families.catalogue import catalogue, chosen_templates
from ehrxqa.questions.held_out import HeldOut
from ehrxqa.questions.lookup import Lookup
from ehrxqa.questions.production import Request, produce
from ehrxqa.questions.question_files import QuestionFiles
from ehrxqa.questions.spool import Spool
from ehrxqa.questions.template import Template
from ehrxqa.questions.unanswerable import UnanswerableTask, unanswerable_records
from ehrxqa.runs.cluster import Cluster
from ehrxqa.runs.manifest import FileRecord, Manifest, StageRecord, package_versions, read_manifest, stage_key
from ehrxqa.runs.output_folder import exclusive
from ehrxqa.runs.replacing import finish, replace_together, staged_path
from ehrxqa.runs.shards import ShardPool, shard_pool
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING
from ehrxqa.sql.clock import check_time

__all__ = ["GenerateReport", "generate"]

_OUTPUTS: Final = (*(f"dataset/{mark}{split}.json" for mark in ("_", "") for split in SPLITS), LINKS_PATH)
#: Time limit of a count.
_SECONDS: Final = 20.0
#: Patients below which a database has too little to ask about.
_FEW_SUBJECTS: Final = 50
#: Failed proofs that are told in full.
_TOLD: Final = 20


@dataclass
class GenerateReport:
    """What was made.

    Attributes:
        questions: Split → questions written.
        scopes: Scope → questions written.
        templates: Templates with at least one question.
        missing: Split → questions that could not be made.
        rejected: Reason → draws that were not taken.
        faults: Proofs that failed; such questions are never written.
        mutants: Single-fault mutants of the gold programs.
        killed: Those of them that give another answer.
        readings: What is misread in them, by family and whatever the values.
        readings_told: Those that at least one question of the set tells, by another answer.
        fault_examples: Some of them, in words.
    """

    questions: dict[str, int] = field(default_factory=dict)
    scopes: dict[str, int] = field(default_factory=dict)
    templates: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    faults: int = 0
    mutants: int = 0
    killed: int = 0
    readings: int = 0
    readings_told: int = 0
    fault_examples: list[str] = field(default_factory=list)

    __repr__ = short_repr
    _repr_html_ = html_repr


@checked
def generate(
    out: Path | str,
    *,
    train: int = 0,
    valid: int = 0,
    test: int = 0,
    seed: int = 0,
    scopes: Sequence[str] = (),
    families: Sequence[str | Template] = (),
    impossible: float = 0.0,
    empty: float = 0.05,
    separate_subjects: bool = True,
    separate_questions: bool = False,
    ambiguous: bool = False,
    choices: int = 4,
    now: str = CURRENT_TIME,
    workers: int | None = None,
    cluster: Cluster | None = None,
    force: bool = False,
    progress: Progress = FITTING,
) -> GenerateReport:
    """Make verified questions and write `OUT/dataset`.

    Args:
        out: Output folder of a build, or a folder with just `database/{train,test}/mimic_iv_cxr.db`.
        train: Questions of the train split.
        valid: Questions of the valid split.
        test: Questions of the test split.
        seed: Seed of all chance.
        scopes: Scopes or modalities to keep to; all by default.
        families: Families to keep to, all official ones by default: names, ids of templates, what a package declares in
            the entry point group `ehrxqa.families`, `python:MODULE:NAME`, or templates themselves.
        impossible: Share of questions that have no answer, 0 to 0.5.
        empty: Most that may be empty, of the lists and counts about images, 0 to 0.5; others never are.
        separate_subjects: Questions about one patient in train and valid are about different patients.
        separate_questions: Questions without a patient are in one split only, also of train and test.
        ambiguous: Also questions that another reading answers otherwise; their links hold the other answers.
        choices: Good questions that are drawn for each that is taken: that which tells systems apart best, since it
            tells misreadings that no other one of its template does, or most single-fault mutants of its gold program
            give another answer.
        now: The current time of the databases, as `YYYY-MM-DD HH:MM:SS`; the manifest keeps it.
        workers: Processes (default: number of processors). The result does not depend on it.
        cluster: A Dask cluster that makes them instead; OUT must be there, too.
        force: Replace question files that are there.
        progress: Told what happens; by default a notebook or a terminal shows it (`ehrxqa.SILENT`: nothing).

    Raises:
        SettingsError: A number or name makes no sense.
        BuildError: There is no database in `out`, it holds other question files already, or another command is at work there.
    """
    out = Path(out)
    wanted = {"train": train, "valid": valid, "test": test}
    if min(wanted.values()) < 0 or not any(wanted.values()):
        raise SettingsError("say how many questions to make: --train, --valid, --test")
    if not 0 <= impossible <= 0.5:
        raise SettingsError(f"impossible must be a share from 0 to 0.5, not {impossible:g}")
    if not 0 <= empty <= 0.5:
        raise SettingsError(f"empty must be a share from 0 to 0.5, not {empty:g}")
    if not 1 <= choices <= 10:
        raise SettingsError(f"choices must be from 1 to 10, not {choices}")
    if seed < 0:
        raise SettingsError(f"seed must not be negative, not {seed}")
    templates = chosen_templates(scopes, families)
    wanted_bases: list[str] = sorted({DATABASE_OF_SPLIT[split] for split, number in wanted.items() if number})
    databases = {base: out / DATABASE_PATHS[base] for base in wanted_bases}
    for path in databases.values():
        if not path.is_file():
            raise BuildError(f"{path}: no such database; build it first: ehrxqa build SOURCES {out}")
    with exclusive(out) as work:
        if finish(out):
            progress.note(f"{out}: completed what an interrupted run had written")
        manifest = read_manifest(out)
        inputs, versions = _inputs(out, manifest, databases)
        settings = {
            **wanted,
            "seed": seed,
            "scopes": list(scopes),
            "families": [str(getattr(each, "id", each)) for each in families],
            "impossible": impossible,
            "empty": empty,
            "separate_subjects": separate_subjects,
            "separate_questions": separate_questions,
            "ambiguous": ambiguous,
            "choices": choices,
            "now": check_time(now),
        }
        key = stage_key("questions", inputs, settings, versions)
        if not force and (done := _done(out, key, manifest)) is not None:
            progress.note(f"{out}: already complete, nothing to do")
            return done
        if not force and any((out / path).exists() for path in _OUTPUTS):
            raise BuildError(f"{out}: holds question files; choose another folder, or --force to replace them")
        folder = _folder_for(work / "questions", key, progress)
        odd = {split: round(number * impossible) for split, number in wanted.items()}
        request = Request(
            templates,
            {split: number - odd[split] for split, number in wanted.items()},
            seed,
            empty,
            HeldOut(separate_subjects, separate_questions),
            ambiguous,
            choices,
        )
        copies = {base: make_copies(base, path, folder, now) for base, path in databases.items()}
        needs = [path for each in copies.values() for path in (each.database, each.indexed, each.twins)]
        with (
            shard_pool(workers, cluster, needs=needs, progress=progress) as pool,
            Spool(folder / "spool", key) as spool,
        ):
            for base, each in copies.items():
                ((subjects,),) = Lookup(each.indexed, _SECONDS).rows("select count(*) from patients")
                if subjects < _FEW_SUBJECTS:
                    progress.note(
                        f"{base} database: only {subjects} patients; with fewer than {_FEW_SUBJECTS} questions repeat themselves"
                    )
            made = produce(request, copies, spool, pool, progress)
            files = QuestionFiles(spool, seed, _unanswerable(odd, copies, templates, seed, pool))
            report = GenerateReport(
                questions=files.counts,
                missing={split: left for split, n in wanted.items() if (left := n - files.counts[split]) > 0},
                rejected=dict(sorted(made.rejected.items())),
                faults=len(made.faults),
                fault_examples=made.faults[:_TOLD],
            )

            def stage_manifest() -> None:
                report.scopes, report.templates = dict(sorted(files.scopes.items())), len(files.templates)
                report.mutants, report.killed = files.mutants, files.killed
                report.readings, report.readings_told = len(files.readings), len(files.told)
                if manifest is None:
                    return
                counts = {name: value for name, value in asdict(report).items() if name != "fault_examples"}
                outputs = {path: _record_of(staged_path(out, path)) for path in files.writers}
                manifest.stages["questions"] = StageRecord(key, outputs, {**counts, "settings": settings})
                manifest.write(out, name=staged_path(out, MANIFEST).name)

            replace_together(out, files.writers, stage_manifest)
        shutil.rmtree(work / "questions", ignore_errors=True)
    return report


def _inputs(
    out: Path, manifest: Manifest | None, databases: Mapping[str, Path]
) -> tuple[Mapping[str, FileRecord], Mapping[str, str]]:
    """What the questions depend on: the databases, as the manifest has them or as they lie there, and versions."""
    if manifest is None:  # databases that somebody else has made
        return {DATABASE_PATHS[base]: _record_of(path) for base, path in databases.items()}, package_versions()
    if "database" not in manifest.stages:
        raise BuildError(f"{out}: the build is not complete; go on with: ehrxqa build SOURCES {out}")
    return manifest.stages["database"].outputs, manifest.versions


def _done(out: Path, key: str, manifest: Manifest | None) -> GenerateReport | None:
    """What an earlier run with this key reported, if all that it wrote is still there."""
    stage = None if manifest is None else manifest.stages.get("questions")
    if stage is None or stage.key != key:
        return None
    if not all((out / path).is_file() and _record_of(out / path) == record for path, record in stage.outputs.items()):
        return None
    return GenerateReport(
        **{each.name: stage.counts[each.name] for each in fields(GenerateReport) if each.name in stage.counts}
    )


def _folder_for(work: Path, key: str, progress: Progress) -> Path:
    """The folder of a run with this key; what a run with another one has left is removed."""
    if work.is_dir() and not (work / key).is_dir():
        progress.note(f"{work}: left by a run with other settings; removed")
        shutil.rmtree(work)
    return work / key


def _record_of(path: Path) -> FileRecord:
    return FileRecord(sha256_of(path), path.stat().st_size)


def _unanswerable(
    odd: Mapping[str, int], copies: Mapping[str, Copies], templates: Mapping[str, Template], seed: int, pool: ShardPool
) -> dict[str, list[dict[str, Any]]]:
    """Split → records without an answer."""
    everything = catalogue().keys() <= templates.keys()
    tasks = [
        UnanswerableTask(
            copies[DATABASE_OF_SPLIT[split]],
            split,
            number,
            tuple(templates.values()),
            everything,
            f"{seed}/{split}/impossible",
        )
        for split, number in odd.items()
        if number
    ]
    return dict(zip((task.split for task in tasks), pool.map(unanswerable_records, tasks), strict=True))
