"""`ehrxqa vqa ask`: a model answers the pairs of a file, or the questions of a MIMIC-CXR-VQA file.

Pairs are asked image by image, so that each picture is decoded once. Every answer is written as it comes: a killed run
goes on where it was and repeats no call. Processes of this machine or the workers of a cluster may share the work.
Several machines may each take a shard; a folder of their files is read by `recorded:FOLDER`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.errors import RecordError, SettingsError, VqaError
from ehrxqa.files import reading
from ehrxqa.html_repr import html_repr
from ehrxqa.json_files import parse_json_lines
from ehrxqa.layout import LABELS_FOLDER, database_path
from ehrxqa.net.consent import Ask
from ehrxqa.progress import Progress
from ehrxqa.runs.cluster import Cluster
from ehrxqa.runs.lines import Lines
from ehrxqa.runs.output_folder import built_files
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING
from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.models import ABSTAIN, VqaModel, VqaRequest
from ehrxqa.vqa.pairs import pair_key, read_pairs
from ehrxqa.vqa.parse import parse
from ehrxqa.vqa.recorded import record_of_reply
from ehrxqa.vqa.records import decoded_arguments, question_of, read_records
from ehrxqa.vqa.shards import Answered, ModelFacts, Opening, VisionPool

__all__ = ["AskReport", "Shard", "vqa_ask"]

_REASONS: Final = 3


@dataclass(frozen=True)
class Shard:
    """Part `number` (from 1) of `of`; images are dealt out in turn."""

    number: int = 1
    of: int = 1

    @classmethod
    def read(cls, text: str) -> Shard:
        """A shard like `2/8`.

        Raises:
            SettingsError: It is not of that form.
        """
        number, slash, of = text.partition("/")
        if not (slash and number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
            raise SettingsError(f'shard "{text}" is not of the form I/N, such as 1/4')
        return cls(int(number), int(of))


@dataclass
class AskReport:
    """What was asked.

    Attributes:
        file: The file of answers.
        model, version: Who answered.
        pairs: Pairs of this shard.
        images: Different images among them.
        known: Pairs that an earlier run had answered.
        asked: Pairs answered in this run.
        abstained: Answers of the file that are abstentions.
        failed: Pairs that the model could not answer; another run asks them again.
        reasons: The first few of their reasons.
        unread: Answers of this run whose words could not be read, None if the model does not tell.
    """

    file: str
    model: str
    version: str
    pairs: int
    images: int
    known: int = 0
    asked: int = 0
    abstained: int = 0
    failed: int = 0
    reasons: list[str] = field(default_factory=list)
    unread: int | None = None

    __repr__ = short_repr
    _repr_html_ = html_repr


@checked
def vqa_ask(
    out: Path | str,
    *,
    target: Path | str,
    model: str | VqaModel,
    pairs: Path | str | None = None,
    questions: Path | str | None = None,
    split: str = "test",
    images: Path | str | None = None,
    confirm_endpoint: str | None = None,
    confirm: Ask | None = None,
    shard: Shard = Shard(),
    workers: int | None = None,
    cluster: Cluster | None = None,
    progress: Progress = FITTING,
) -> AskReport:
    """Let a model answer pairs.

    Args:
        out: Output folder of a build.
        target: File of answers, JSON lines; an unfinished one is continued.
        model: Who answers (see `registry`), or a model.
        pairs: File of pairs, as `ehrxqa vqa plan` writes it.
        questions: Or a question file of MIMIC-CXR-VQA, with answers or without.
        split: Whose images: names the database, and for questions the labels.
        images: Folder of MIMIC-CXR-JPG.
        confirm_endpoint: Host to which the user allows sending, for models behind an endpoint.
        confirm: Asked to confirm instead.
        shard: Which part of the images.
        workers: Processes, each with the model; by default this one alone.
        cluster: Or a Dask cluster, with one model a worker. The file of answers does not depend on either.
        progress: Told what happens.

    Raises:
        SettingsError: Not one of pairs and questions is given, or the target holds answers of another model.
        RecordError: A file is not what it should be.
        VqaError: The model answers nothing at all.
    """
    out, target = Path(out), Path(target)
    if (pairs is None) == (questions is None):
        raise SettingsError("give either a file of pairs or a question file")
    labels: ImageLabels | None = None
    if questions is not None:
        from ehrxqa.vqa.split_labels import read_split_labels

        labels = read_split_labels(out / LABELS_FOLDER, split)
        requests = _of_questions(Path(questions), labels)
    else:
        requests = [(request, {}) for request in read_pairs(Path(str(pairs)))]
    mine = _of_shard(requests, shard)
    opening = Opening(
        model,
        database_path(out, split),
        None if images is None else Path(images),
        None if labels is None else (out, split),
        labels,
        confirm_endpoint,
        confirm,
    )
    with VisionPool(opening, workers, cluster, progress) as pool:
        report = AskReport(
            str(target), pool.facts.name, pool.facts.version, len(mine), len({request.image_id for request, _ in mine})
        )
        with reading(*(Path(path) for path in (pairs, questions) if path), *built_files(out), writing=[target]):
            known = _known(target, pool.facts, report)
        left = [(request, more) for request, more in mine if _key(request, more) not in known]
        report.known = len(mine) - len(left)
        with (
            Lines[dict[str, Any]](target) as lines,
            progress.task("image questions", total=len(left), unit="questions") as task,
        ):
            asked = iter(left)
            for answered in pool.answer([request for request, _ in left]):
                lines.add(*_records(answered, asked, pool.facts, report))
                task.advance(len(answered.replies))
    if left and report.failed == len(left):
        raise VqaError(
            f"the model {report.model} answers none of {counted(len(left), 'question')}: {report.reasons[0]}"
        )
    return report


_Asked = tuple[VqaRequest, Mapping[str, Any]]


def _of_questions(path: Path, labels: ImageLabels) -> list[_Asked]:
    """The questions of a file with what the answers keep of them: split and number."""
    found: list[_Asked] = []
    for record in read_records(path):
        row = labels.row_of_image.get(record.image_id)
        if row is None:
            raise RecordError(f"{path}: question {record.idx}: its image has no labels in that split")
        try:
            question = question_of(record.template_program, decoded_arguments(record))
        except VqaError as error:
            raise RecordError(f"{path}: question {record.idx}: {error}") from error
        request = VqaRequest(labels.study_ids[row], record.image_id, question, record.question)
        found.append((request, {"split": record.split, "idx": record.idx}))
    return found


def _of_shard(requests: Iterable[_Asked], shard: Shard) -> list[_Asked]:
    """The pairs of a shard, all of an image one after the other, each once."""
    by_image: dict[str, dict[Any, _Asked]] = {}
    for request, more in requests:
        by_image.setdefault(request.image_id, {}).setdefault(_key(request, more), (request, more))
    return [
        asked
        for place, some in enumerate(by_image.values())
        if place % shard.of == shard.number - 1
        for asked in some.values()
    ]


def _key(request: VqaRequest, more: Mapping[str, Any]) -> Any:
    return (*pair_key(request), more.get("split"), more.get("idx"))


def _known(target: Path, model: ModelFacts, report: AskReport) -> set[Any]:
    """The pairs that the target has answers to; a line that a killed run left unfinished is none."""
    if not target.exists():
        return set()
    text = target.read_text(encoding="utf-8", errors="replace")
    whole, _, unfinished = text.rpartition("\n")
    if not whole and unfinished and not unfinished.startswith('{"'):
        raise RecordError(f"{target}: holds no answered pairs; name another file with --out")
    known = set()
    for number, record in parse_json_lines(target, whole):
        try:
            who = record["model"], record["version"]
            known.add((record["image_id"], _words(record["question"]), record.get("split"), record.get("idx")))
        except (KeyError, TypeError, AttributeError) as error:
            raise RecordError(f"{target}, line {number}: no answered pair; name another file with --out") from error
        if who != (model.name, model.version):
            raise SettingsError(
                f"{target}: holds answers of {who[0]}, version {who[1]}, not of {model.name}, version {model.version}; "
                "name another file with --out"
            )
        report.abstained += record.get("answer") == "null"
    return known


def _words(text: str) -> str:
    from ehrxqa.vqa.recorded import free_key

    return free_key(text)


def _records(
    answered: Answered, asked: Iterator[_Asked], model: ModelFacts, report: AskReport
) -> Iterator[dict[str, Any]]:
    """The records of a shard; takes as many of what was asked as it has replies."""
    for reply, (request, more) in zip(answered.replies, asked, strict=False):
        if isinstance(reply, str):
            report.failed += 1
            if len(report.reasons) < _REASONS:
                report.reasons.append(reply)
            continue
        record = record_of_reply(request, reply)
        if "expects" not in record and not _reads_back(request):
            record["expects"] = request.answer_type
        report.asked += 1
        report.abstained += reply.answer is ABSTAIN
        yield record | {**more, "model": model.name, "version": model.version}
    if answered.unread is not None:
        report.unread = (report.unread or 0) + answered.unread


def _reads_back(request: VqaRequest) -> bool:
    try:
        return parse(request.text) == request.question
    except VqaError:
        return False
