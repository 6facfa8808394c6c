"""`ehrxqa slice`: which slices are cut, and the list that goes with them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ehrxqa.agents.questions import Question, read_questions
from ehrxqa.agents.slice_policy import POLICIES, Policy
from ehrxqa.agents.slice_proofs import Proof, Prover, prover
from ehrxqa.agents.slices import Slice, cut, known_time
from ehrxqa.arguments import checked
from ehrxqa.errors import SettingsError
from ehrxqa.files import write_json
from ehrxqa.html_repr import html_repr
from ehrxqa.layout import CURRENT_TIME, database_path, question_file
from ehrxqa.progress import Progress
from ehrxqa.runs.manifest import read_manifest
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING

__all__ = ["SliceReport", "slice_questions", "slice_subject"]


@dataclass(frozen=True, repr=False)
class SliceReport:
    """What was cut.

    Attributes:
        slices: In the order of their subjects; the one of all subjects last.
        proofs: Path of the slice → one proof for each of its questions.
        list: The JSON file that says all of it.
    """

    slices: tuple[Slice, ...]
    proofs: dict[Path, tuple[Proof, ...]]
    list: Path

    __repr__ = short_repr
    _repr_html_ = html_repr

    @property
    def same(self) -> int:
        """Questions that a slice answers as the whole database does."""
        return sum(proof.same for proofs in self.proofs.values() for proof in proofs)

    @property
    def questions(self) -> int:
        """Questions that were proved or not."""
        return sum(map(len, self.proofs.values()))


@checked
def slice_subject(
    out: Path | str, subject: int, at: str, to: Path | str, *, split: str = "test", policy: Policy = "charted"
) -> SliceReport:
    """Cut the slice of one subject at a time into the file `to`; the list goes beside it, as `to` with `.json`.

    The questions of the split about this subject are proved, if there are any.

    Raises:
        SettingsError: There is no such subject, or an argument makes no sense.
        BuildError: There is no build, or the slice cannot be written.
        RecordError: The question file cannot be read.
    """
    out, to, at = Path(out), Path(to), known_time(at)
    database = database_path(out, split)
    asked = read_questions(out, split) if question_file(out, split).is_file() else []
    with prover(database) as proving:
        mine = [question for question in asked if proving.subject(question) == subject]
        made = cut(database, to, subject=subject, at=at, policy=policy)
        proofs = {to: tuple(proving.prove(to, at, mine))}
    report = SliceReport((made,), proofs, to.with_name(to.name + ".json"))
    _write_list(report, out)
    return report


@checked
def slice_questions(
    out: Path | str,
    questions: Path | str,
    to: Path | str,
    *,
    at: str = CURRENT_TIME,
    split: str = "test",
    policy: Policy = "charted",
    progress: Progress = FITTING,
) -> SliceReport:
    """Cut a slice for each subject that the questions of a file are about, into the folder `to`.

    Questions about many subjects get the slice of all of them, `all.db`. The list is `slices.json`.

    Raises:
        SettingsError: An argument makes no sense.
        BuildError: There is no build, or a slice cannot be written.
        RecordError: The question file cannot be read.
    """
    out, path, folder, at = Path(out), Path(questions), Path(to), known_time(at)
    asked = read_questions(out, split, path)
    database = database_path(out, split)
    slices: list[Slice] = []
    proofs: dict[Path, tuple[Proof, ...]] = {}
    with prover(database) as proving:
        groups = _groups(asked, proving)
        with progress.task("slices", total=len(groups), unit="slices") as task:
            for subject, mine in groups.items():
                target = folder / ("all.db" if subject is None else f"{subject}.db")
                slices.append(cut(database, target, subject=subject, at=at, policy=policy))
                proofs[target] = tuple(proving.prove(target, at, mine))
                task.advance()
    report = SliceReport(tuple(slices), proofs, folder / "slices.json")
    _write_list(report, out)
    return report


def _groups(asked: Sequence[Question], proving: Prover) -> dict[int | None, list[Question]]:
    groups: dict[int | None, list[Question]] = {}
    for question in asked:
        groups.setdefault(proving.subject(question), []).append(question)
    return dict(sorted(groups.items(), key=lambda item: (item[0] is None, item[0] or 0)))


def _write_list(report: SliceReport, out: Path) -> None:
    """The list, with every id as a text."""
    manifest = read_manifest(out)
    entries: list[dict[str, Any]] = [
        {
            "file": made.path.name,
            "subject_id": None if made.subject is None else str(made.subject),
            "at": made.at,
            "policy": made.policy,
            "rows": {name: {"known": kept, "later": later} for name, (kept, later) in made.rows.items()},
            "not_known_yet": dict(made.hidden),
            "questions": [
                {"id": proof.id, "same_answer": proof.same, "reason": proof.reason}
                for proof in report.proofs[made.path]
            ],
        }
        for made in report.slices
    ]
    synthetic = bool(manifest is not None and manifest.synthetic is True)
    policies = {name: POLICIES[name] for name in dict.fromkeys(made.policy for made in report.slices)}
    write_json(report.list, {"synthetic": synthetic, "policies": policies, "slices": entries})


def subject_number(text: str) -> int:
    """A subject as given on the command line.

    Raises:
        SettingsError: It is no such number.
    """
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise SettingsError(f"a subject is a number of at most 12 digits, not {text[:40]!r}")
    return int(text)
