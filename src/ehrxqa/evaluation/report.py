"""An evaluation as a table for the terminal, as JSON, and as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ehrxqa.counting import counted
from ehrxqa.evaluation.evaluate import Evaluation
from ehrxqa.evaluation.profiles import RULE_DOCS, rules_of, shown
from ehrxqa.evaluation.scores import Estimate, GroupScores
from ehrxqa.plots import Cell, bar_chart, html_table, page
from ehrxqa.text_table import columns, shortened

__all__ = ["as_html", "as_json", "as_table", "profiles_json", "profiles_table"]

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
            "nested": result.nested,
            "elsewhere": result.elsewhere,
            "ambiguous": result.ambiguous,
            "tolerated": result.tolerated,
        },
        "tolerant_accuracy": result.tolerant_accuracy,
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
    # EX and RS0 are equal by definition: one column
    metrics = [metric for metric in result.overall.scores if metric != "RS0"]
    table = [["", "n", "right", "abst.", "wrong", *("EX = RS0" if name == "EX" else name for name in metrics)]]
    blocks: list[tuple[str, Sequence[GroupScores]]] = [("", [result.overall])]
    blocks += [(name, result.groups[name]) for name in names]
    for heading, groups in blocks:
        if heading:
            table.append([heading])
        for group in groups:
            name = shortened(("  " if heading else "") + group.name, _NAME_WIDTH)
            counts = [f"{count:,}" for count in _counts(group)]
            table.append([name, *counts, *(_score(group.scores[metric]) for metric in metrics)])
    return "\n".join([*lines, *columns(table), "", *_notes(result)])


def profiles_table(found: Mapping[str, Evaluation | str]) -> str:
    """One row per profile: what the same answers score under every set of rules."""
    done = {name: each for name, each in found.items() if isinstance(each, Evaluation)}
    names = [name for name in next(iter(done.values())).overall.scores if name != "RS0"]
    table = [["profile", "n", "right", "abst.", "wrong", *("EX = RS0" if name == "EX" else name for name in names)]]
    notes = []
    for name, each in found.items():
        if isinstance(each, str):
            table.append([name, *("-" for _ in table[0][1:])])
            notes.append(f"{name}: {each}")
        else:
            counts = [f"{count:,}" for count in _counts(each.overall)]
            table.append([name, *counts, *(_score(each.overall.scores[metric]) for metric in names)])
    docs = [f"{name}: {each.profile.doc}" for name, each in done.items()]
    return "\n".join([*columns(table), "", *docs, *notes])


def profiles_json(found: Mapping[str, Evaluation | str]) -> dict[str, Any]:
    """Profile → the whole evaluation, or why there is none."""
    return {name: {"error": each} if isinstance(each, str) else as_json(each) for name, each in found.items()}


def _counts(group: GroupScores) -> tuple[int, int, int, int]:
    tally = group.tally
    return tally.total, tally.right, tally.abstained, tally.wrong


def _score(score: Estimate) -> str:
    interval = _interval(score)
    return f"{score.value:,.1f} {interval}" if interval else f"{score.value:,.1f}"


def _interval(score: Estimate) -> str:
    return "" if score.low is None or score.high is None else f"[{score.low:,.1f}, {score.high:,.1f}]"


def _notes(result: Evaluation) -> list[str]:
    notes = []
    if result.bootstrap.resamples:
        notes.append(
            f"Scores in percent [{result.bootstrap.confidence:.0%} bootstrap interval, {result.bootstrap.resamples:,} "
            f"resamples, seed {result.bootstrap.seed}]. EX: execution accuracy. RSc: reliability; a wrong answer costs "
            f"c, in RSN the number of questions of the {result.profile.n}."
        )
        if any(
            _is_certain(group) for group in (result.overall, *(g for groups in result.groups.values() for g in groups))
        ):
            notes.append(
                "No interval where all questions of a group are right, or all abstained, or all wrong: resampling "
                "cannot vary them, which makes the score no more certain."
            )
    if result.elsewhere:
        notes.append(
            "The predictions were found on another database than that of the gold answers: were the queries run on the "
            "database of another split, or of another build?"
        )
    for count, one, many, text in (
        (
            result.failed,
            "prediction",
            "predictions",
            f"failed or ran out of time; this profile counts that as {result.profile.failure}",
        ),
        (
            result.missing,
            "gold id has",
            "gold ids have",
            f"no prediction; this profile counts that as {result.profile.missing}",
        ),
        (result.duplicates, "predicted id occurs", "predicted ids occur", "several times; the last counted"),
        (result.not_lists, "prediction is", "predictions are", 'neither a list nor "null", and so equal to no list'),
        (
            result.nested,
            "prediction holds",
            "predictions hold",
            "a list inside the list; answers are flat, [1, 2] and not [[1], [2]]",
        ),
    ):
        if count:
            notes.append(f"{counted(count, one, many)} {text}.")
    if (tolerant := result.tolerant_accuracy) is not None:
        notes.append(
            f"{counted(result.ambiguous, 'question has', 'questions have')} another answer under another "
            f"reading (links.jsonl); {counted(result.tolerated, 'wrong prediction gave', 'wrong predictions gave')} it."
            f" Tolerant accuracy, where any reading counts: {tolerant:,.1f}."
        )
    if not result.groups:
        notes.append(
            "No scores per modality and scope: not all gold records have a q_tag; give the records with --questions."
        )
    return notes


def _is_certain(group: GroupScores) -> bool:
    return group.tally.total in (group.tally.right, group.tally.abstained, group.tally.wrong)


def as_html(result: Evaluation, title: str = "Evaluation") -> str:
    """A page that needs nothing but itself."""
    header = ("", "n", "right", "abstained", "wrong", *result.overall.scores)
    sections = [("Overall", html_table(header, [_row(result.overall)]))]
    for name, groups in result.groups.items():
        table = html_table(header, [_row(group) for group in groups])
        if name == "family":
            table = f"<details><summary>{counted(len(groups), 'family')}</summary>{table}</details>"
        else:
            table = _chart(f"Execution accuracy by {name}", groups) + table
        sections.append((f"By {name}", table))
    rules = [
        (name.replace("_", " "), shown(value), RULE_DOCS[name]) for name, value in rules_of(result.profile).items()
    ]
    table = html_table(("rule", "value", "meaning"), rules, texts=(1, 2))
    sections.append((f"Rules of the profile {result.profile.name}", table))
    lead = f"<p>{escape(result.profile.doc)}</p>" + "".join(f"<p>{escape(note)}</p>" for note in _notes(result))
    return page(title, sections, lead)


def _row(group: GroupScores) -> list[Cell]:
    scores: list[Cell] = [(f"{score.value:,.1f}", _interval(score)) for score in group.scores.values()]
    return [group.name, *(f"{count:,}" for count in _counts(group)), *scores]


def _chart(title: str, groups: Sequence[GroupScores]) -> str:
    bars = []
    for group in groups:
        score = group.scores["EX"]
        interval = None if score.low is None or score.high is None else (score.low, score.high)
        bars.append((f"{group.name} ({group.tally.total:,})", score.value, interval))
    return bar_chart(title, bars, axis="execution accuracy (%)", unit=" %", decimals=1, limits=(0.0, 100.0))
