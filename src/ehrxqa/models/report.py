"""A finished run, and its text for the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa import html_repr
from ehrxqa.counting import counted
from ehrxqa.models.run_records import FAULTS, Run, Scores
from ehrxqa.text_table import columns

__all__ = ["RunReport", "interval_text", "run_text"]

_SHOWN: Final = ("EX", "RS5", "RS10", "RSN")


@dataclass(frozen=True)
class RunReport:
    """A finished run of a parser or an agent; printed, what the command shows.

    Attributes:
        folder: `OUT/runs/ID`.
        run: What made the numbers.
        scores: The numbers.
        was_complete: Whether nothing was left to do.
    """

    folder: Path
    run: Run
    scores: Scores
    was_complete: bool

    def __repr__(self) -> str:
        ex = self.scores.summary["overall"]["scores"]["EX"]["value"]
        return f"RunReport({self.run.id}: {counted(self.run.subset.questions, 'question')}, EX {ex:.1f})"

    def __str__(self) -> str:
        return run_text(self)

    def _repr_html_(self) -> str:
        return html_repr.screen(repr(self), html_repr.code(run_text(self)))


def run_text(report: RunReport) -> str:
    """Scores and faults of a run, overall and per modality and scope."""
    summary = report.scores.summary
    run = report.run
    table = [["", "n", *_SHOWN, "soft F1", *FAULTS], _row("all", summary["overall"])]
    for name in ("modality", "scope"):
        table.append([name])
        table += [_row(f"  {each}", group) for each, group in summary[name].items()]
    used = f"{counted(run.used.images, 'image question')} asked"
    if run.used.calls:
        used += f", {counted(run.used.calls, 'request')}, {counted(run.used.tokens_in + run.used.tokens_out, 'token')}"
    overall = summary["overall"]
    lines = [
        f"{run.parser.spec} × {run.vision.spec}, {run.split}, {run.subset.name}, profile {report.scores.profile}",
        "",
        *columns(table),
        "",
        ", ".join(f"{name} {interval_text(overall['scores'][name])}" for name in ("EX", "RS10"))
        + f" (95 % bootstrap interval); {used}",
    ]
    never = summary["never_abstaining"]
    if overall["abstained"]:
        lines.append(f"never abstaining: EX {never['EX']['value']:.1f}, RS10 {never['RS10']['value']:.1f}")
    measures = overall["measures"]
    found = [
        f"{many}: recall {measures[f'{one}_recall']:.1f}, precision {measures[f'{one}_precision']:.1f}"
        for one, many in (("row", "rows"), ("study", "studies"))
        if f"{one}_recall" in measures and f"{one}_precision" in measures
    ]
    if found:
        lines.append(f"found on the way, {'; '.join(found)}")
    if "clean_up" in summary:
        lines.append(
            "replies changed: " + ", ".join(f"{step} {count:,}" for step, count in summary["clean_up"].items())
        )
    if "pass_k" in summary:
        each = ", ".join(f"{trial['EX']:.1f}" for trial in summary["per_trial"])
        passed = ", ".join(f"k={k} {value:.1f}" for k, value in summary["pass_k"].items())
        lines.append(f"EX per trial {each}; Pass^k {passed}")
    return "\n".join([*lines, str(report.folder)])


def _row(name: str, group: dict[str, Any]) -> list[str]:
    scores = [f"{group['scores'][metric]['value']:,.1f}" for metric in _SHOWN]
    soft = group["measures"].get("soft_f1")
    counts = [f"{group['faults'][fault]:,}" for fault in FAULTS]
    return [name, f"{group['questions']:,}", *scores, "" if soft is None else f"{soft:.1f}", *counts]


def interval_text(score: dict[str, float | None]) -> str:
    """A score with the ends of its interval, if it has one."""
    if score["low"] is None or score["high"] is None:
        return f"{score['value']:,.1f}"
    return f"{score['value']:,.1f} [{score['low']:,.1f}, {score['high']:,.1f}]"
