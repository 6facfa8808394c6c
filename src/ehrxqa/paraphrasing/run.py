"""`ehrxqa paraphrase`: let a language model reword questions, without showing it any value of the database."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.html_repr import html_repr
from ehrxqa.net.chat import ChatClient, Patience
from ehrxqa.net.consent import Ask, require_consent
from ehrxqa.net.endpoint import find_key, named_endpoint
from ehrxqa.paraphrasing.asking import ATTEMPTS, Asking
from ehrxqa.paraphrasing.instructions import instructions_digest
from ehrxqa.paraphrasing.masking import Unmaskable, mask, unmask
from ehrxqa.paraphrasing.split_files import MACHINE, SplitFiles, read_splits, rewrite
from ehrxqa.progress import Progress
from ehrxqa.runs.journal import Journal
from ehrxqa.runs.manifest import read_manifest
from ehrxqa.runs.output_folder import WORK_FOLDER, exclusive
from ehrxqa.runs.replacing import finish
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING

__all__ = ["ParaphraseEstimate", "ParaphraseReport", "estimate", "paraphrase"]

#: Of the journal.
_FORMAT: Final = 1


@dataclass
class ParaphraseReport:
    """What was done.

    Attributes:
        model: Who worded.
        endpoint: The host that was asked.
        questions: Questions that were to be reworded.
        shapes: Different sentences among them, without their values.
        requests: Requests that were answered in this run.
        remembered: Requests whose reply an earlier run had kept.
        changed: Split → questions with a new wording.
        kept: Reason → questions that keep their own wording.
        rejected: Reason → wordings that were refused.
        others: Questions that were left alone because a model or a person has worded them already.
    """

    model: str
    endpoint: str
    questions: int = 0
    shapes: int = 0
    requests: int = 0
    remembered: int = 0
    changed: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    others: int = 0

    __repr__ = short_repr
    _repr_html_ = html_repr


@dataclass(frozen=True, slots=True)
class ParaphraseEstimate:
    """What a run would send.

    Attributes:
        questions: Questions that are to be reworded.
        sentences: Different sentences among them, without their values.
        requests: Requests, if each sentence has a wording that passes at once.
        most: Requests, if none passes: each is then asked for again.
        examples: The first few sentences, as they would be sent.
        kept: Reason → questions that would keep their own wording, because no sentence of theirs can be sent.
    """

    questions: int
    sentences: int
    requests: int
    most: int
    examples: tuple[str, ...]
    kept: Mapping[str, int]

    __repr__ = short_repr


@dataclass(frozen=True, slots=True)
class _Place:
    """A question: where it is, and what its placeholders stand for."""

    split: str
    number: int
    values: Mapping[str, str]


@checked
def paraphrase(
    out: Path | str,
    *,
    endpoint: str,
    model: str,
    splits: Sequence[str] = (),
    limit: int | None = None,
    per_request: int = 4,
    temperature: float | None = None,
    seed: int | None = None,
    concurrency: int = 4,
    confirm_endpoint: str | None = None,
    ask: Ask | None = None,
    patience: Patience | None = None,
    progress: Progress = FITTING,
) -> ParaphraseReport:
    """Let a language model reword the questions of `OUT/dataset`.

    Only sentences whose names, numbers and dates are replaced by placeholders are sent. A reply that loses, adds or
    changes something is refused, and its question keeps the wording it had. Nothing but `question` and `para_type`
    changes.

    Args:
        out: Output folder with question files.
        endpoint: Address of an OpenAI-compatible endpoint, such as `http://127.0.0.1:11434/v1`.
        model: The model's name there; becomes `para_type`.
        splits: Splits to reword; all by default.
        limit: Most questions to reword.
        per_request: Most wordings to ask for at once; questions of one shape share them in turn.
        temperature: Sent if given.
        seed: Sent if given, one more with each attempt.
        concurrency: Requests at a time.
        confirm_endpoint: Host of the endpoint: allows sending to it. Not needed on this machine with synthetic data.
        ask: Asked to confirm instead, with what would be sent and the host; gives the host if the user agrees.
        patience: How long to wait for the endpoint.
        progress: Told what happens; by default a notebook or a terminal shows it (`ehrxqa.SILENT`: nothing).

    Raises:
        SettingsError: An option makes no sense, or nobody confirmed.
        BuildError: There is no build in `out`, or it cannot be written.
        RecordError: A question file is not what it should be.
        EndpointError: The endpoint refuses or fails; what was answered is kept for the next run.
    """
    out, where = Path(out), named_endpoint(endpoint)
    _check_settings(model, limit, per_request, temperature, concurrency)
    manifest = read_manifest(out)
    if manifest is None:
        raise BuildError(f"{out}: holds no build; make one first: ehrxqa build SOURCES {out}")
    with exclusive(out):
        if finish(out):
            progress.note(f"{out}: completed what an interrupted run had written")
            manifest = read_manifest(out) or manifest
        files = read_splits(out, splits)
        report = ParaphraseReport(model, where.host)
        shapes = _plan(files, limit, report)
        if not shapes:
            return report
        what = f"{counted(len(shapes), 'sentence')} without their values (such as: {next(iter(shapes))})"
        synthetic = manifest.synthetic is True
        require_consent(where, what, synthetic=synthetic, confirmed=confirm_endpoint, ask=ask)
        settings = {
            "format": _FORMAT,
            "endpoint": where.url,
            "model": model,
            "temperature": temperature,
            "seed": seed,
            "instructions": instructions_digest(),
        }
        digest = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]
        with (
            Journal(out / WORK_FOLDER / "paraphrase" / f"{digest}.jsonl", settings) as journal,
            ChatClient(where, find_key(where), connections=concurrency, patience=patience) as client,
        ):
            asking = Asking(client, journal, model, temperature, seed)
            wanted = {shape: min(len(places), per_request) for shape, places in shapes.items()}
            accepted = asking.all(wanted, concurrency, progress)
        report.requests, report.remembered = asking.requests, asking.remembered
        report.rejected = dict(sorted(asking.rejected.items()))
        wordings = _assign(shapes, accepted, report)
        if wordings:
            counts = {"model": model, "temperature": temperature, "seed": seed, "changed": report.changed}
            rewrite(out, files, wordings, model, manifest, counts)
    return report


def estimate(out: Path | str, *, splits: Sequence[str] = (), limit: int | None = None) -> ParaphraseEstimate:
    """What `paraphrase` would send; sends nothing, and writes nothing.

    Args:
        out: Output folder with question files.
        splits: Splits to reword; all by default.
        limit: Most questions to reword.

    Raises:
        SettingsError: The limit makes no sense.
        BuildError: There is no build in `out`.
        RecordError: A question file is not what it should be.
    """
    _check_settings("any", limit, 1, None, 1)
    if read_manifest(Path(out)) is None:
        raise BuildError(f"{out}: holds no build; make one first: ehrxqa build SOURCES {out}")
    report = ParaphraseReport("any", "")
    shapes = _plan(read_splits(Path(out), splits), limit, report)
    return ParaphraseEstimate(
        report.questions, len(shapes), len(shapes), ATTEMPTS * len(shapes), tuple(islice(shapes, 3)), report.kept
    )


def _check_settings(
    model: str, limit: int | None, per_request: int, temperature: float | None, concurrency: int
) -> None:
    if not model.strip() or not model.isprintable() or model == MACHINE:
        raise SettingsError(f"the model needs a name, other than {MACHINE!r}: it becomes para_type")
    for name, value in (("limit", limit), ("per_request", per_request), ("concurrency", concurrency)):
        if value is not None and value < 1:
            raise SettingsError(f"{name} must be at least 1, not {value}")
    if temperature is not None and not 0 <= temperature <= 2:
        raise SettingsError(f"temperature must be from 0 to 2, not {temperature:g}")


def _plan(files: Sequence[SplitFiles], limit: int | None, report: ParaphraseReport) -> dict[str, list[_Place]]:
    """Shape → the questions that have it, in the order of the files."""
    shapes: dict[str, list[_Place]] = {}
    kept: Counter[str] = Counter()
    for split in files:
        for number, record in enumerate(split.records):
            if record.get("para_type") != MACHINE:
                report.others += 1
                continue
            if limit is not None and report.questions >= limit:
                continue
            report.questions += 1
            try:
                masked = mask(record)
            except Unmaskable as reason:
                kept[str(reason)] += 1
                continue
            shapes.setdefault(masked.shape, []).append(_Place(split.name, number, masked.values))
    report.kept, report.shapes = dict(kept), len(shapes)
    return shapes


def _assign(
    shapes: Mapping[str, list[_Place]], accepted: Mapping[str, list[str]], report: ParaphraseReport
) -> dict[tuple[str, int], str]:
    """(split, place) → new question; the wordings of a shape are used in turn."""
    wordings: dict[tuple[str, int], str] = {}
    for shape, places in shapes.items():
        good = accepted[shape]
        for turn, place in enumerate(places):
            if good:
                wordings[place.split, place.number] = unmask(good[turn % len(good)], place.values)
        if not good:
            report.kept["no wording passed"] = report.kept.get("no wording passed", 0) + len(places)
    report.changed = dict(Counter(split for split, _ in wordings))
    return wordings
