"""`ehrxqa generate`: question files of three splits, from the databases of a build."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ehrxqa.building import DATABASE_PATHS, WORK_FOLDER
from ehrxqa.dataset.records import final_record
from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.files import atomic_path
from ehrxqa.manifest import Checksums, StageRecord, read_manifest, stage_key
from ehrxqa.progress import SILENT, Progress
from ehrxqa.questions.cell import CellResult, CellTask, run_cell
from ehrxqa.questions.checking import make_indexed_copy
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.impossible import impossible_record
from ehrxqa.questions.sidecar import LINKS_PATH
from ehrxqa.questions.template import SCOPES, Template

__all__ = ["SPLITS", "GenerateReport", "generate"]

#: Split → database that answers its questions.
SPLITS: Final = {"train": "train", "valid": "train", "test": "test"}
#: Modality → its share of the official 46,152 questions.
_SHARES: Final = {"table": 16529, "image": 16366, "multimodal": 13257}
#: Rounds in which what some templates could not give is asked of the others.
_ROUNDS: Final = 4
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
        fault_examples: Some of them, in words.
    """

    questions: dict[str, int] = field(default_factory=dict)
    scopes: dict[str, int] = field(default_factory=dict)
    templates: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    faults: int = 0
    fault_examples: list[str] = field(default_factory=list)


def generate(
    out: Path | str,
    *,
    train: int = 0,
    valid: int = 0,
    test: int = 0,
    seed: int = 0,
    scopes: Sequence[str] = (),
    families: Sequence[str] = (),
    impossible: float = 0.0,
    separate_subjects: bool = False,
    workers: int | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> GenerateReport:
    """Make verified questions and write `OUT/dataset`.

    Args:
        out: Output folder of a build.
        train: Questions of the train split.
        valid: Questions of the valid split.
        test: Questions of the test split.
        seed: Seed of all chance.
        scopes: Scopes or modalities to keep to; all by default.
        families: Families, or official template numbers, to keep to; all by default.
        impossible: Share of questions that have no answer, 0 to 0.5.
        separate_subjects: Questions about one patient in train and valid are about different patients.
        workers: Processes (default: number of processors). The result does not depend on it.
        force: Replace question files that are there.
        progress: Told what happens.

    Raises:
        SettingsError: A number or name makes no sense.
        BuildError: There is no build in `out`, or it holds question files already.
    """
    out = Path(out)
    wanted = {"train": train, "valid": valid, "test": test}
    if min(wanted.values()) < 0 or not any(wanted.values()):
        raise SettingsError("say how many questions to make: --train, --valid, --test")
    if not 0 <= impossible <= 0.5:
        raise SettingsError(f"impossible must be a share from 0 to 0.5, not {impossible:g}")
    if seed < 0:
        raise SettingsError(f"seed must not be negative, not {seed}")
    templates = _chosen(scopes, families)
    manifest = read_manifest(out)
    if manifest is None or "database" not in manifest.stages:
        raise BuildError(f"{out}: holds no build; make one first: ehrxqa build SOURCES {out}")
    outputs = [f"dataset/{mark}{split}.json" for mark in ("_", "") for split in SPLITS] + [LINKS_PATH]
    if not force and any((out / path).exists() for path in outputs):
        raise BuildError(f"{out}: holds question files; choose another folder, or --force to replace them")
    work = out / WORK_FOLDER / "questions"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    settings = {
        **wanted, "seed": seed, "scopes": list(scopes), "families": list(families), "impossible": impossible,
        "separate_subjects": separate_subjects,
    }  # fmt: skip
    try:
        run = _Run(out, work, templates, seed, separate_subjects, workers or os.cpu_count() or 1, progress)
        report = run.make(wanted, impossible)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    records = Checksums(out / WORK_FOLDER / "none" / "none").of({path: out / path for path in outputs})
    key = stage_key("questions", manifest.stages["database"].outputs, settings, manifest.versions)
    counts = {name: value for name, value in asdict(report).items() if name != "fault_examples"}
    manifest.stages["questions"] = StageRecord(key, records, {**counts, "settings": settings})
    manifest.write(out)
    return report


def _chosen(scopes: Sequence[str], families: Sequence[str]) -> list[Template]:
    known = {*SCOPES, *SCOPES.values()}
    if unknown := sorted(set(scopes) - known):
        raise SettingsError(f"unknown scope {unknown[0]!r}: one of {', '.join(sorted(known))}")
    every = catalogue()
    names = {template.family for template in every.values()} | {str(number) for number in every}
    if unknown := sorted(set(families) - names):
        known_names = sorted({template.family for template in every.values()})
        raise SettingsError(f"unknown family {unknown[0]!r}: a template number, or one of {', '.join(known_names)}")
    found = [
        template
        for number, template in every.items()
        if (not scopes or {template.scope, template.modality} & set(scopes))
        and (not families or {template.family, str(number)} & set(families))
    ]
    if not found:
        raise SettingsError("no template is both in these scopes and in these families")
    return found


class _Run:
    """One generation."""

    def __init__(
        self,
        out: Path,
        work: Path,
        templates: list[Template],
        seed: int,
        separate: bool,
        workers: int,
        progress: Progress,
    ) -> None:
        self._out, self._work, self._templates = out, work, templates
        self._seed, self._separate, self._workers, self._progress = seed, separate, workers, progress
        self._seen: dict[tuple[str, int], list[bytes]] = {}
        self._offsets: dict[str, list[int]] = {split: [] for split in SPLITS}
        self._rejected: Counter[str] = Counter()
        self._faults: list[str] = []

    def make(self, wanted: dict[str, int], impossible: float) -> GenerateReport:
        """Make all questions and write the files."""
        odd = {split: round(number * impossible) for split, number in wanted.items()}
        quota = self._first_quota({split: number - odd[split] for split, number in wanted.items()})
        copies = self._copies({SPLITS[split] for split, number in wanted.items() if number})
        spools = {split: (self._work / f"{split}.jsonl").open("w+", encoding="utf-8") for split in SPLITS}
        try:
            with self._progress.task("questions", sum(wanted.values()), "questions") as task:
                for round_ in range(_ROUNDS):
                    short: Counter[tuple[str, str]] = Counter()
                    able: set[tuple[str, int]] = set()
                    tasks = self._tasks(quota, copies, round_)
                    for cell, result in zip(tasks, self._map(tasks), strict=True):
                        base = SPLITS[cell.splits[0]]
                        self._take(cell, base, result, spools)
                        task.advance(len(result.lines))
                        modality = catalogue()[cell.number].modality
                        for split, number in result.missing.items():
                            short[split, modality] += number
                        if not result.missing:
                            able.add((base, cell.number))
                    quota = self._again(short, able)
                    if not quota:
                        break
            return self._write(spools, odd, wanted)
        finally:
            for spool in spools.values():
                spool.close()

    def _first_quota(self, wanted: dict[str, int]) -> dict[tuple[str, int], int]:
        """(split, template) → questions: modalities by official shares, templates of one alike."""
        groups: dict[str, list[int]] = {}
        for template in self._templates:
            groups.setdefault(template.modality, []).append(template.number)
        total = sum(_SHARES[modality] for modality in groups)
        quota: dict[tuple[str, int], int] = {}
        for split, number in wanted.items():
            left, weight = number, total
            for modality, numbers in groups.items():
                part = round(left * _SHARES[modality] / weight)
                left, weight = left - part, weight - _SHARES[modality]
                self._spread(quota, split, part, numbers, f"{self._seed}/{split}/{modality}")
        return quota

    def _spread(
        self, quota: dict[tuple[str, int], int], split: str, number: int, templates: list[int], seed: str
    ) -> None:
        order = list(templates)
        random.Random(seed).shuffle(order)
        for place, template in enumerate(order):
            share = number // len(order) + (place < number % len(order))
            if share:
                quota[split, template] = quota.get((split, template), 0) + share

    def _again(self, short: Counter[tuple[str, str]], able: set[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Ask what is missing of the templates that gave all they were asked for."""
        quota: dict[tuple[str, int], int] = {}
        for (split, modality), number in sorted(short.items()):
            others = [
                template
                for base, template in sorted(able)
                if base == SPLITS[split] and catalogue()[template].modality == modality
            ] or [template for base, template in sorted(able) if base == SPLITS[split]]
            if others:
                self._spread(quota, split, number, others, f"{self._seed}/{split}/{modality}/again")
        return quota

    def _copies(self, bases: set[str]) -> dict[str, Path]:
        copies = {}
        for base in sorted(bases):
            database = self._out / DATABASE_PATHS[base]
            if not database.is_file():
                raise BuildError(f"{database}: no such database; build it first: ehrxqa build SOURCES {self._out}")
            copies[base] = self._work / f"{base}.db"
            make_indexed_copy(database, copies[base])
        return copies

    def _tasks(self, quota: dict[tuple[str, int], int], copies: dict[str, Path], round_: int) -> list[CellTask]:
        splits: dict[tuple[str, int], list[str]] = {}
        for (split, number), count in quota.items():
            splits.setdefault((SPLITS[split], number), []).extend([split] * count)
        tasks = []
        for (base, number), names in sorted(splits.items()):
            seed = f"{self._seed}/{base}/{number}/{round_}"
            random.Random(seed).shuffle(names)
            tasks.append(
                CellTask(
                    self._out / DATABASE_PATHS[base], copies[base], number, tuple(names), seed,
                    frozenset(self._seen.get((base, number), ())), self._separate and base == "train",
                )
            )  # fmt: skip
        return tasks

    def _map(self, tasks: list[CellTask]) -> Iterator[CellResult]:
        if self._workers == 1 or len(tasks) < 4:
            yield from map(run_cell, tasks)
            return
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(self._workers, len(tasks)), mp_context=context) as pool:
            try:
                yield from pool.map(run_cell, tasks)
            except BrokenProcessPool as error:
                raise BuildError(
                    "a worker process was killed (out of memory?); try again with fewer --workers"
                ) from error

    def _take(self, cell: CellTask, base: str, result: CellResult, spools: dict[str, Any]) -> None:
        self._seen.setdefault((base, cell.number), []).extend(result.keys)
        self._rejected += result.rejected
        self._faults.extend(result.faults)
        for split, line in result.lines:
            self._offsets[split].append(spools[split].tell())
            spools[split].write(line + "\n")

    def _write(self, spools: dict[str, Any], odd: dict[str, int], wanted: dict[str, int]) -> GenerateReport:
        """The files, from the spools, each split in an order of chance."""
        report = GenerateReport(rejected=dict(sorted(self._rejected.items())), faults=len(self._faults))
        report.fault_examples = self._faults[:_TOLD]
        scopes: Counter[str] = Counter()
        templates: set[int] = set()
        with atomic_path(self._out / LINKS_PATH) as part, part.open("w", encoding="utf-8", newline="\n") as links_file:
            for split in SPLITS:
                order = list(self._offsets[split])
                random.Random(f"{self._seed}/{split}/order").shuffle(order)
                places = _odd_places(len(order), min(odd[split], len(order)), f"{self._seed}/{split}/odd")

                def entries(
                    split: str = split, order: list[int] = order, places: set[int] = places
                ) -> Iterator[tuple[dict[str, Any], Any, dict[str, Any]]]:
                    spool, number = spools[split], 0
                    for place, offset in enumerate(order):
                        spool.seek(offset)
                        record, answer, links = json.loads(spool.readline())
                        if place in places:
                            rng = random.Random(f"{self._seed}/{split}/impossible/{place}")
                            yield {**impossible_record(record, rng), "id": number}, "null", {}
                            number += 1
                        yield {**record, "id": number}, answer, {**links, "id": number}
                        number += 1

                _write_list(self._out / f"dataset/_{split}.json", (record for record, _, _ in entries()))
                _write_list(
                    self._out / f"dataset/{split}.json",
                    (final_record(record, answer) for record, answer, _ in entries()),
                )
                count = 0
                for _, _, links in entries():
                    count += 1
                    if links:
                        scopes[links["scope"]] += 1
                        templates.add(links["template"])
                        links_file.write(json.dumps(links) + "\n")
                report.questions[split] = count
                if wanted[split] > count:
                    report.missing[split] = wanted[split] - count
        report.scopes = dict(sorted(scopes.items()))
        report.templates = len(templates)
        return report


def _odd_places(total: int, number: int, seed: str) -> set[int]:
    return set(random.Random(seed).sample(range(total), number))


def _write_list(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """A JSON list as the official files have it, without holding it."""
    with atomic_path(path) as part, part.open("w", encoding="utf-8", newline="\n") as stream:
        first = True
        for record in records:
            text = json.dumps(record, indent=4, default=str).replace("\n", "\n    ")
            stream.write(("[\n    " if first else ",\n    ") + text)
            first = False
        stream.write("[]" if first else "\n]")
