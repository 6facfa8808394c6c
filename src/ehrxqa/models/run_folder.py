"""The folder of a run, `OUT/runs/ID`: everything that made its numbers, and the numbers.

What the files hold is typed in `run_records`.

| file | holds | written |
|---|---|---|
| `run.json` | one `Run` | at the start, and again at the end |
| `queries.jsonl` | one `QueryLine` per question and trial | appended as they come |
| `outcomes.jsonl` | one `OutcomeLine` per question and trial | appended as they come |
| `trace.jsonl` | whatever an agent did, one JSON object per line (optional) | appended as they come |
| `answers.json` | `{id: answer}` of the first trial, as `ehrxqa evaluate` reads it | at the end |
| `scores.json` | one `Scores` | at the end |

Ids of questions are texts here, unique within the split. A line that a crash cut short is passed over by readers
and cut off by the next writer; of several lines about one question and trial the last counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.files import write_json, write_text
from ehrxqa.layout import RUNS_FOLDER
from ehrxqa.models.run_records import FAULTS, FORMAT, OutcomeLine, QueryLine, Run, Scores

__all__ = [
    "ANSWERS",
    "OUTCOMES",
    "QUERIES",
    "RUN",
    "SCORES",
    "TRACE",
    "line_text",
    "list_runs",
    "read_outcomes",
    "read_queries",
    "read_run",
    "read_scores",
    "read_trace",
    "run_path",
    "write_answers",
    "write_run",
    "write_scores",
]

RUN: Final = "run.json"
QUERIES: Final = "queries.jsonl"
OUTCOMES: Final = "outcomes.jsonl"
TRACE: Final = "trace.jsonl"
ANSWERS: Final = "answers.json"
SCORES: Final = "scores.json"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def run_path(out: Path | str, identifier: str) -> Path:
    """The folder of a run.

    Raises:
        SettingsError: The id cannot be the name of a folder: it has signs other than letters, digits, `.`, `_`, `-`.
    """
    if not _ID.fullmatch(identifier):
        raise SettingsError(
            f'"{identifier}" cannot name a run; use letters, digits, ".", "_" and "-", beginning with a letter or digit'
        )
    return Path(out) / RUNS_FOLDER / identifier


def list_runs(out: Path | str) -> tuple[Run, ...]:
    """The runs below an output folder, by id; what is no run is passed over.

    Raises:
        RecordError: A `run.json` is damaged or of another version.
    """
    folder = Path(out) / RUNS_FOLDER
    inside = sorted(folder.iterdir()) if folder.is_dir() else []  # no glob, which passes over what may not be read
    return tuple(read_run(path) for path in inside if (path / RUN).is_file())


def read_run(folder: Path | str) -> Run:
    """What made the numbers of a run; `folder` is `OUT/runs/ID`: the id of a folder that was renamed is its new name.

    Raises:
        RecordError: There is no `run.json`, or it is damaged or of another version.
    """
    return replace(_read(Path(folder) / RUN, Run), id=Path(folder).absolute().name)


def write_run(folder: Path, run: Run) -> None:
    """Write `run.json`, whole or not at all; the folder is made if need be."""
    write_json(folder / RUN, asdict(run))


def read_queries(folder: Path | str) -> dict[tuple[str, int], QueryLine]:
    """Queries by question and trial; none if no query was written yet."""
    return {(line.id, line.trial): line for line in _read_lines(Path(folder) / QUERIES, QueryLine)}


def read_outcomes(folder: Path | str) -> dict[tuple[str, int], OutcomeLine]:
    """Outcomes by question and trial; none if no query was run yet."""
    return {(line.id, line.trial): line for line in _read_lines(Path(folder) / OUTCOMES, OutcomeLine)}


def read_trace(folder: Path | str) -> Iterator[dict[str, Any]]:
    """What an agent did, as it was written; nothing for a parser's run."""
    yield from _read_lines(Path(folder) / TRACE, dict[str, Any])


class _Score(msgspec.Struct):
    value: float
    low: float | None
    high: float | None


class _Metrics(msgspec.Struct):
    EX: _Score
    RS5: _Score
    RS10: _Score
    RSN: _Score


class _Group(msgspec.Struct):
    questions: int
    right: int
    abstained: int
    wrong: int
    scores: _Metrics
    faults: dict[str, int]
    measures: dict[str, float]


class _Summary(msgspec.Struct):
    """What others read of the summary, as `models.summary` makes it."""

    overall: _Group
    never_abstaining: _Metrics
    modality: dict[str, _Group]
    scope: dict[str, _Group]
    family: dict[str, _Group]


def read_scores(folder: Path | str) -> Scores | None:
    """The scores of a run, or None if it has not ended yet.

    Raises:
        RecordError: The file is damaged or of another version.
    """
    path = Path(folder) / SCORES
    if not path.is_file():
        return None
    scores = _read(path, Scores)
    try:
        summary = msgspec.convert(scores.summary, _Summary)
        lacking = set(FAULTS) - summary.overall.faults.keys()
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        raise RecordError(f"{path}: not written by a run of ehrxqa (summary: {error})") from None
    if lacking:
        raise RecordError(f"{path}: not written by a run of ehrxqa (summary: no count of {min(lacking)})")
    return scores


def write_scores(folder: Path, scores: Scores) -> None:
    """Write `scores.json`, whole or not at all: one line per question."""
    head = {"format": scores.format, "profile": scores.profile, "summary": scores.summary}
    lines = ",\n".join(line_text(question) for question in scores.questions)
    write_text(folder / SCORES, f'{_text(head)[:-1]},\n"questions": [\n{lines}\n]}}\n')


def write_answers(folder: Path, answers: dict[str, Any]) -> None:
    """Write `answers.json`, whole or not at all: one line per question."""
    lines = ",\n".join(f"{_text(key)}: {_text(value)}" for key, value in answers.items())
    write_text(folder / ANSWERS, f"{{\n{lines}\n}}\n" if answers else "{}\n")


T = TypeVar("T")


def _read(path: Path, kind: type[T]) -> T:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror}); is this the folder of a run?") from error
    try:
        value = msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: not written by a run of ehrxqa ({error})") from None
    if getattr(value, "format", FORMAT) != FORMAT:
        raise RecordError(f"{path}: written by another version of ehrxqa (format {getattr(value, 'format', '?')})")
    return value


def _read_lines(path: Path, kind: type[T]) -> Iterator[T]:
    if not path.is_file():
        return
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.endswith(b"\n"):
                return  # cut short by a crash, or being written at this moment
            try:
                yield decoder.decode(line)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
                raise RecordError(f"{path}: line {number} was not written by a run of ehrxqa ({error})") from None


def line_text(record: Any) -> str:
    """A record of a run as it stands in one of the files of lines: a dataclass of `run_records`, or a JSON object."""
    return _text(record if isinstance(record, dict) else asdict(record))


def _text(value: Any) -> str:
    """JSON that every reader takes: a number too large for one, or half of a surrogate pair, becomes a text."""
    try:
        return msgspec.json.encode(value).decode()
    except (OverflowError, UnicodeEncodeError):
        return msgspec.json.encode(_plain(value)).decode()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_plain(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return str(value) if abs(value) < 10**4000 else "a number of thousands of digits"
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
