"""An evaluation as a table for the terminal, as JSON, and as a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from ehrxqa.dataset.plots import bar_chart, html_table, page
from ehrxqa.evaluation.evaluate import Evaluation
from ehrxqa.evaluation.profiles import rules_of
from ehrxqa.evaluation.scores import METRICS, GroupScores, Score

__all__ = ["as_html", "as_json", "as_table"]

#: Longest group name in the terminal.
_NAME_WIDTH = 60


def as_json(result: Evaluation) -> dict[str, Any]:
    """The whole evaluation but the verdict of each id, as JSON can hold it."""
    return {
        "profile": {"name": result.profile.name, "doc": result.profile.doc, **rules_of(result.profile)},
        "bootstrap": vars(result.bootstrap) | {},
        "counts": {
            "gold": result.overall.tally.total,
            "failed": result.failed,
            "missing": result.missing,
            "duplicates": result.duplicates,
            "not_lists": result.not_lists,
        },
        "overall": _group(result.overall),
        **{name: {group.name: _group(group) for group in groups} for name, groups in result.groups.items()},
    }


def _group(group: GroupScores) -> dict[str, Any]:
    tally = group.tally
    return {
        "questions": tally.total,
        "right": tally.right,
        "abstained": tally.abstained,
        "wrong": tally.wrong,
        "scores": {
            metric: {"value": score.value, "low": score.low, "high": score.high}
            for metric, score in group.scores.items()
        },
    }


def as_table(result: Evaluation, *, families: bool = False) -> str:
    """Scores per group, in columns.

    Args:
        result: What to show.
        families: Show the families too; there may be hundreds.
    """
    lines = [f"Profile {result.profile.name}: {result.profile.doc}", ""]
    names = [name for name in result.groups if families or name != "family"]
    blocks: list[tuple[str, Sequence[GroupScores]]] = [("", [result.overall])]
    blocks += [(name, result.groups[name]) for name in names]
    width = max(min(_NAME_WIDTH, len(group.name) + 2 * bool(heading)) for heading, groups in blocks for group in groups)
    width = max(width, *(len(heading) for heading, _ in blocks))
    lines.append(f"{'':<{width}} {'n':>7} {'right':>7} {'abst.':>7} {'wrong':>7}" + "".join(map(_heading, METRICS)))
    for heading, groups in blocks:
        if heading:
            lines.append(heading)
        for group in groups:
            name = ("  " if heading else "") + group.name
            name = name if len(name) <= _NAME_WIDTH else name[: _NAME_WIDTH - 1] + "…"
            tally = group.tally
            counts = f"{tally.total:>7,} {tally.right:>7,} {tally.abstained:>7,} {tally.wrong:>7,}"
            lines.append(f"{name:<{width}} {counts}" + "".join(f" {_score(group.scores[m]):>24}" for m in METRICS))
    return "\n".join([*lines, "", *_notes(result)])


def _heading(metric: str) -> str:
    return f" {metric:>24}"


def _score(score: Score, decimals: int = 1) -> str:
    if score.low is None or score.high is None:
        return f"{score.value:,.{decimals}f}"
    return f"{score.value:,.{decimals}f} [{score.low:,.{decimals}f}, {score.high:,.{decimals}f}]"


def _notes(result: Evaluation) -> list[str]:
    notes = []
    if result.bootstrap.resamples:
        notes.append(
            f"Scores in percent [{result.bootstrap.confidence:.0%} bootstrap interval, {result.bootstrap.resamples:,} "
            f"resamples, seed {result.bootstrap.seed}]. EX: execution accuracy. RSc: reliability; a wrong answer costs "
            "c, in RSN the number of questions of the group."
        )
    for count, text in (
        (result.failed, f"predictions failed or ran out of time; this profile counts them as {result.profile.failure}"),
        (result.missing, f"gold ids have no prediction; this profile counts them as {result.profile.missing}"),
        (result.duplicates, "predicted ids occur several times; the last counted"),
        (result.not_lists, 'predictions are neither a list nor "null"; they equal no list'),
    ):
        if count:
            notes.append(f"{count:,} {text}.")
    if not result.groups:
        notes.append("No scores per modality and scope: the gold file has no q_tag; give the records with --questions.")
    return notes


def as_html(result: Evaluation, title: str = "Evaluation") -> str:
    """A page that needs nothing but itself."""
    header = ("", "n", "right", "abstained", "wrong", *METRICS)
    sections = [("Overall", html_table(header, [_row(result.overall)]) + _chart("Scores", [result.overall]))]
    for name, groups in result.groups.items():
        table = html_table(header, [_row(group) for group in groups])
        if name == "family":
            table = f"<details><summary>{len(groups):,} families</summary>{table}</details>"
        else:
            table = _chart(f"Execution accuracy by {name}", groups) + table
        sections.append((f"By {name}", table))
    rules = [(name.replace("_", " "), str(value)) for name, value in rules_of(result.profile).items()]
    sections.append((f"Rules of the profile {result.profile.name}", html_table(("rule", "value"), rules)))
    lead = f"<p>{escape(result.profile.doc)}</p>" + "".join(f"<p>{escape(note)}</p>" for note in _notes(result))
    return page(title, sections, lead)


def _row(group: GroupScores) -> list[str]:
    tally = group.tally
    counts = [f"{count:,}" for count in (tally.total, tally.right, tally.abstained, tally.wrong)]
    return [group.name, *counts, *(_score(group.scores[metric]) for metric in METRICS)]


def _chart(title: str, groups: Sequence[GroupScores]) -> str:
    bars = []
    for group in groups:
        score = group.scores["EX"]
        interval = None if score.low is None or score.high is None else (score.low, score.high)
        bars.append((group.name, score.value, interval))
    return bar_chart(title, bars, unit=" %", decimals=1)
