"""`ehrxqa stats`: what a set of questions is made of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from ehrxqa.dataset.facts import facts_of
from ehrxqa.dataset.plots import Bar, bar_chart, html_table, page
from ehrxqa.dataset.scopes import MODALITIES, SCOPES
from ehrxqa.dataset.splits import Dataset, read_dataset

__all__ = ["answer_type", "as_page", "as_text", "dataset_stats", "is_yes_no", "plots", "stats"]

#: Frequent words that are listed.
TOP_WORDS: Final = 30

_YES_NO = re.compile(
    r"(?:given the [^,]*, )?(?:is|are|was|were|has|have|had|does|do|did|can|could|will|would)(?:_verb)?\b"
)
_WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")
_ANSWER_TYPES: Final = ("yes/no", "number", "text", "time", "list", "null", "empty", "unanswerable")
_TIME = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?\Z")


def stats(out: Path | str) -> dict[str, Any]:
    """Statistics of the question files of a folder; see `dataset_stats`.

    Raises:
        RecordError: There are no question files, or they are damaged.
    """
    return dataset_stats(read_dataset(out))


def is_yes_no(q_tag: str) -> bool:
    """Whether a template asks for yes or no.

    >>> is_yes_no("given the study {study_id}, are there any ${category}?")
    True
    >>> is_yes_no("count the number of patients who were prescribed {drug_name}.")
    False
    """
    return _YES_NO.match(q_tag) is not None


def answer_type(answer: Any, q_tag: str) -> str:
    """What kind of answer this is.

    `empty` is an answer without any value, `null` one that holds only nulls, `list` one of several values; a single
    value is yes/no (by the template), a number, a time or a text.
    """
    if answer == "null":
        return "unanswerable"
    if not answer:
        return "empty"
    if all(value is None for value in answer):
        return "null"
    if len(answer) > 1:
        return "list"
    value = answer[0]
    if isinstance(value, int | float):
        return "yes/no" if is_yes_no(q_tag) and value in (0, 1) else "number"
    return "time" if isinstance(value, str) and _TIME.match(value) else "text"


def dataset_stats(dataset: Dataset) -> dict[str, Any]:
    """Statistics of question files, as JSON can hold them.

    Returns:
        `questions` (total and per split), counts per `modality`, `scope` and `family` by split, `answers` (types per
        split; shares of empty and null answers; yes/no balance, overall and per family), `question_length` in words,
        `vocabulary` (words, templates, frequent words, values), `images` (questions with links, distinct studies).
    """
    counts = {name: {split: Counter[str]() for split in dataset.splits} for name in ("modality", "scope", "family")}
    types = {split: Counter[str]() for split in dataset.splits if split in dataset.answered}
    balance: dict[str, Counter[int]] = {}
    words, lengths = Counter[str](), Counter[int]()
    templates: set[str] = set()
    values: dict[str, set[str]] = {}
    studies: set[int] = set()
    linked = 0
    for split, records in dataset.splits.items():
        for record in records:
            facts = facts_of(record, dataset.links)
            for name, by_split in counts.items():
                by_split[split][getattr(facts, name)] += 1
            found = _WORD.findall(record["question"])
            words.update(found)
            lengths[len(record["question"].split())] += 1
            templates.add(record["q_tag"])
            for slot, value in (record.get("value") or {}).items():
                values.setdefault(slot, set()).add(str(value))
            link = dataset.links.of(record)
            if link is not None:
                linked += bool(link.study_ids)
                studies.update(link.study_ids)
            if split in types:
                kind = answer_type(record["answer"], record["q_tag"])
                types[split][kind] += 1
                if kind == "yes/no":
                    balance.setdefault(facts.family, Counter())[int(record["answer"][0])] += 1
    order = {"modality": list(MODALITIES), "scope": list(SCOPES)}
    return {
        "questions": {
            "total": sum(map(len, dataset.splits.values())),
            **{split: len(records) for split, records in dataset.splits.items()},
        },
        **{name: _by_group(by_split, order.get(name)) for name, by_split in counts.items()},
        "answers": _answers(types, balance),
        "question_length": _lengths(lengths),
        "vocabulary": {
            "words": len(words),
            "running_words": words.total(),
            "templates": len(templates),
            "values": {slot: len(found) for slot, found in sorted(values.items())},
            "frequent": [list(pair) for pair in sorted(words.items(), key=_by_count)[:TOP_WORDS]],
        },
        "images": {"questions_with_studies": linked, "studies": len(studies), "sidecar": len(dataset.links) > 0},
    }


def _by_count(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


def _by_group(by_split: Mapping[str, Counter[str]], order: list[str] | None) -> dict[str, dict[str, int]]:
    """Group → split → count, with the total first; known groups in their order, others by name."""
    found = sorted({group for counter in by_split.values() for group in counter})
    names = found if order is None else [name for name in order if name in found]
    return {
        name: {
            "total": sum(counter[name] for counter in by_split.values()),
            **{split: counter[name] for split, counter in by_split.items()},
        }
        for name in names
    }


def _answers(types: Mapping[str, Counter[str]], balance: Mapping[str, Counter[int]]) -> dict[str, Any]:
    total = sum(counter.total() for counter in types.values())
    if not total:
        return {"answered": 0}
    share = {kind: sum(counter[kind] for counter in types.values()) / total for kind in ("empty", "null")}
    yes = sum(counter[1] for counter in balance.values())
    asked = sum(counter.total() for counter in balance.values())
    return {
        "answered": total,
        "types": _by_group(types, list(_ANSWER_TYPES)),
        "empty_share": round(share["empty"], 6),
        "null_share": round(share["null"], 6),
        "yes_no": {
            "questions": asked,
            "yes": yes,
            "no": asked - yes,
            "yes_share": round(yes / asked, 6) if asked else None,
            "families": {
                name: {"yes": counter[1], "no": counter[0]}
                for name, counter in sorted(balance.items(), key=lambda pair: pair[0])
            },
        },
    }


def _lengths(lengths: Counter[int]) -> dict[str, Any]:
    """Spread of the number of words; percentiles are lengths that occur."""
    total = lengths.total()
    if not total:
        return {"histogram": {}}
    ordered = sorted(lengths)

    def percentile(share: float) -> int:
        reached = 0
        for length in ordered:
            reached += lengths[length]
            if reached >= share * total:
                return length
        return ordered[-1]

    return {
        "min": ordered[0],
        "median": percentile(0.5),
        "mean": round(sum(length * count for length, count in lengths.items()) / total, 3),
        "p95": percentile(0.95),
        "max": ordered[-1],
        "histogram": {str(length): lengths[length] for length in ordered},
    }


def _table(rows: Mapping[str, Mapping[str, int]]) -> tuple[list[str], list[list[str]]]:
    header = ["", *next(iter(rows.values()))] if rows else [""]
    return header, [[name, *(f"{count:,}" for count in counts.values())] for name, counts in rows.items()]


def _facts(value: Mapping[str, Any]) -> list[list[str]]:
    """Single numbers, as pairs of a name and a text."""
    rows = [["questions", f"{value['questions']['total']:,}"]]
    answers = value["answers"]
    if answers["answered"]:
        yes_no = answers["yes_no"]
        rows += [
            ["empty answers", f"{answers['empty_share']:.1%}"],
            ["null answers", f"{answers['null_share']:.1%}"],
        ]
        if yes_no["questions"]:
            rows.append(["yes among yes/no", f"{yes_no['yes_share']:.1%} of {yes_no['questions']:,}"])
    length = value["question_length"]
    if "mean" in length:
        spread = f"{length['min']} / {length['median']} / {length['p95']} / {length['max']}"
        rows.append(["words per question", f"{length['mean']:.1f} (min / median / 95 % / max {spread})"])
    vocabulary = value["vocabulary"]
    rows += [
        ["vocabulary", f"{vocabulary['words']:,} words in {vocabulary['running_words']:,}"],
        ["templates", f"{vocabulary['templates']:,}"],
    ]
    if value["images"]["sidecar"]:
        rows.append(["studies asked about", f"{value['images']['studies']:,}"])
    return rows


_BLOCKS: Final[tuple[tuple[str, Callable[[Mapping[str, Any]], Mapping[str, Mapping[str, int]]]], ...]] = (
    ("modality", lambda value: value["modality"]),
    ("scope", lambda value: value["scope"]),
    ("answer type", lambda value: value["answers"].get("types", {})),
    ("family", lambda value: value["family"]),
)
#: Families in a text; a set without a sidecar has one per template.
_MOST_FAMILIES: Final = 40


def as_text(value: Mapping[str, Any]) -> str:
    """Statistics as tables for a terminal."""
    lines = [f"{name:<20} {text}" for name, text in _facts(value)]
    for title, rows_of in _BLOCKS:
        rows = dict(rows_of(value))
        if not rows:
            continue
        left_out = 0
        if title == "family" and len(rows) > _MOST_FAMILIES:
            left_out = len(rows) - _MOST_FAMILIES
            rows = dict(sorted(rows.items(), key=lambda pair: (-pair[1]["total"], pair[0]))[:_MOST_FAMILIES])
        header, cells = _table(rows)
        names = [row[0] if len(row[0]) <= 60 else row[0][:59] + "…" for row in cells]
        width = max(len(title), *map(len, names))
        lines += ["", f"{title:<{width}}" + "".join(f" {cell:>8}" for cell in header[1:])]
        lines += [
            f"{name:<{width}}" + "".join(f" {cell:>8}" for cell in row[1:])
            for name, row in zip(names, cells, strict=True)
        ]
        if left_out:
            lines.append(f"… and {left_out:,} more")
    return "\n".join(lines)


def plots(value: Mapping[str, Any]) -> dict[str, str]:
    """Charts by file name, as SVG; those without data are left out."""
    charts: dict[str, tuple[str, Iterable[Bar]]] = {
        "modality": ("Questions by modality", _totals(value["modality"])),
        "scope": ("Questions by scope", _totals(value["scope"])),
        "answer-types": ("Answers by type", _totals(value["answers"].get("types", {}))),
        "question-length": (
            "Words per question",
            [(f"{low}–{low + 4} words", count, None) for low, count in _binned(value["question_length"]["histogram"])],
        ),
        "words": ("Frequent words", [(word, count, None) for word, count in value["vocabulary"]["frequent"]]),
    }
    found = {name: (title, list(bars)) for name, (title, bars) in charts.items()}
    return {name: bar_chart(title, bars) for name, (title, bars) in found.items() if bars}


def _totals(rows: Mapping[str, Mapping[str, int]]) -> list[Bar]:
    return [(name, counts["total"], None) for name, counts in rows.items()]


def _binned(histogram: Mapping[str, int]) -> list[tuple[int, int]]:
    bins = Counter[int]()
    for length, count in histogram.items():
        bins[int(length) // 5 * 5] += count
    return sorted(bins.items())


def as_page(value: Mapping[str, Any], title: str = "Questions") -> str:
    """Statistics as a page with plots that needs nothing but itself."""
    charts = plots(value)
    sections = [("Overview", html_table(("", ""), _facts(value)))]
    for (name, rows_of), chart in zip(_BLOCKS, ("modality", "scope", "answer-types", ""), strict=True):
        rows = rows_of(value)
        if not rows:
            continue
        table = html_table(*_table(rows))
        if name == "family":
            table = f"<details><summary>{len(rows):,} families</summary>{table}</details>"
        sections.append((f"By {name}", charts.get(chart, "") + table))
    yes_no = value["answers"].get("yes_no")
    if yes_no and yes_no["families"]:
        balance = html_table(
            ("family", "yes", "no"),
            [(name, f"{pair['yes']:,}", f"{pair['no']:,}") for name, pair in yes_no["families"].items()],
        )
        summary = escape(f"{yes_no['yes']:,} yes, {yes_no['no']:,} no")
        sections.append(("Yes and no", f"<p>{summary}</p><details><summary>By family</summary>{balance}</details>"))
    if "question-length" in charts:
        sections.append(("Words per question", charts["question-length"]))
    if "words" in charts:
        sections.append(("Frequent words", charts["words"]))
    values = [(slot, f"{count:,}") for slot, count in value["vocabulary"]["values"].items()]
    if values:
        sections.append(("Distinct values by slot", html_table(("slot", "values"), values)))
    return page(title, sections)
