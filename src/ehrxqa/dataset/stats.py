"""`ehrxqa stats`: what a set of questions is made of."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any, Final

from ehrxqa.counting import counted
from ehrxqa.dataset.floors import floors
from ehrxqa.dataset.placement import placement_of
from ehrxqa.dataset.splits import Dataset
from ehrxqa.dataset.trust import RULES, FamilyCounts, about, ambiguity, discrimination, duplicates, family_trust
from ehrxqa.plots import Bar, bar_chart, html_table, page
from ehrxqa.spec.scopes import MODALITIES, SCOPES
from ehrxqa.text_table import columns, shortened

__all__ = ["answer_type", "as_page", "as_text", "dataset_stats", "fact_rows", "is_yes_no", "plots"]

#: Frequent words that are listed.
TOP_WORDS: Final = 30

_YES_NO = re.compile(
    r"(?:given the [^,]*, )?(?:is|are|was|were|has|have|had|does|do|did|can|could|will|would)(?:_verb)?\b"
)
_WORD = re.compile(r"[a-z]+(?:[-'][a-z]+)*")
_ANSWER_TYPES: Final = ("yes/no", "number", "text", "time", "list", "null", "empty", "unanswerable")
_TIME = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?\Z")


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
        `vocabulary` (words, templates, frequent words, values), `images` (questions with links, distinct studies),
        `ambiguity` (questions that another reading answers otherwise), `discrimination` (mutants
        that give another answer), `floors` (accuracy without looking),
        `about` (templates out of the official ones, subjects, studies), `trust` (per family the balance, the most
        frequent answer, empty answers and what is wrong with them; duplicates).
    """
    counts = {name: {split: Counter[str]() for split in dataset.splits} for name in ("modality", "scope", "family")}
    types = {split: Counter[str]() for split in dataset.splits if split in dataset.answered}
    families: dict[str, FamilyCounts] = {}
    words, lengths = Counter[str](), Counter[int]()
    templates: set[str] = set()
    values: dict[str, set[str]] = {}
    studies: set[int] = set()
    linked = 0
    for split, records in dataset.splits.items():
        for record in records:
            facts = placement_of(record, dataset.links)
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
                if kind != "unanswerable":
                    families.setdefault(facts.family, FamilyCounts()).add(kind, record["answer"], record["q_tag"])
    order = {"modality": list(MODALITIES), "scope": list(SCOPES)}
    return {
        "questions": {
            "total": sum(map(len, dataset.splits.values())),
            **{split: len(records) for split, records in dataset.splits.items()},
        },
        **{name: _by_group(by_split, order.get(name)) for name, by_split in counts.items()},
        "answers": _answers(types, families),
        "question_length": _lengths(lengths),
        "vocabulary": {
            "words": len(words),
            "running_words": words.total(),
            "templates": len(templates),
            "values": {slot: len(found) for slot, found in sorted(values.items())},
            "frequent": [list(pair) for pair in sorted(words.items(), key=_by_count)[:TOP_WORDS]],
        },
        "images": {"questions_with_studies": linked, "studies": len(studies), "sidecar": len(dataset.links) > 0},
        "about": about(dataset),
        "ambiguity": ambiguity(dataset),
        "discrimination": discrimination(dataset),
        "floors": floors(dataset),
        "trust": {"rules": RULES, "families": family_trust(families), "duplicates": duplicates(dataset)},
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


def _answers(types: Mapping[str, Counter[str]], families: Mapping[str, FamilyCounts]) -> dict[str, Any]:
    total = sum(counter.total() for counter in types.values())
    if not total:
        return {"answered": 0}
    share = {kind: sum(counter[kind] for counter in types.values()) / total for kind in ("empty", "null")}
    yes = sum(family.yes for family in families.values())
    asked = yes + sum(family.no for family in families.values())
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
                name: {"yes": family.yes, "no": family.no}
                for name, family in sorted(families.items())
                if family.yes + family.no
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


def fact_rows(value: Mapping[str, Any]) -> list[list[str]]:
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
    rows.append(["vocabulary", f"{counted(vocabulary['words'], 'word')} in {vocabulary['running_words']:,}"])
    seen = value["about"]
    if seen["templates"] is None:
        rows.append(["templates", f"{vocabulary['templates']:,} (without links.jsonl, official numbers are not known)"])
    else:
        used, official = (sum(row[key] for row in seen["templates"].values()) for key in ("used", "official"))
        parts = ", ".join(f"{name} {row['used']} of {row['official']}" for name, row in seen["templates"].items())
        rows.append(["official templates", f"{used:,} of {official:,} ({parts})"])
    most = f"at most {seen['most_questions_about_one_subject']:,} questions about one"
    rows.append(
        ["asked about", f"{counted(seen['subjects'], 'subject')} ({most}), {counted(seen['studies'], 'study')}"]
    )
    if (doubt := value["ambiguity"]) is not None:
        kinds = ", ".join(f"{name} {count:,}" for name, count in doubt["readings"].items())
        rows.append(["ambiguous", f"{doubt['share']:.1%} of {doubt['questions']:,}" + (f" ({kinds})" if kinds else "")])
    if (told := value["discrimination"]) is not None:
        share = f"{told['share']:.0%} of {told['mutants']:,} mutants"
        if told["readings"]:
            share += f", {told['told'] / told['readings']:.0%} of {told['readings']:,} misreadings"
        rows.append(["told apart", f"{share}; none of those of {counted(told['blind'], 'question')}"])
    if (floor := value["floors"]) is not None:
        blind = [
            f"{name} only {floor[f'{name}_only']['accuracy_open']:.0%} of {floor[f'{name}_only']['open']:,}"
            for name in ("tables", "images")
            if floor[f"{name}_only"]["open"]
        ]
        blind.append(f"question only {floor['question_only']:.0%}")
        blind.append(f"majority {floor['majority']:.0%} of {floor['questions']:,}")
        rows.append(["floors (both)", ", ".join(blind)])
    twice = value["trust"]["duplicates"]
    rows.append(
        [
            "duplicates",
            f"{counted(twice['within_split'], 'question')} and {counted(twice['same_query'], 'query')} within a split, "
            f"{counted(twice['across_splits'], 'question')} across splits, "
            f"{counted(twice['contradictions'], 'contradiction')}",
        ]
    )
    flagged = sum(bool(family["flags"]) for family in value["trust"]["families"].values())
    if value["trust"]["families"]:
        rows.append(["flagged families", f"{flagged:,} of {len(value['trust']['families']):,}"])
    return rows


_BLOCKS: Final[tuple[tuple[str, Callable[[Mapping[str, Any]], Mapping[str, Mapping[str, int]]]], ...]] = (
    ("modality", lambda value: value["modality"]),
    ("scope", lambda value: value["scope"]),
    ("answer type", lambda value: value["answers"].get("types", {})),
)
#: Families in a text; a set without a sidecar has one per template. Flagged ones come first.
_MOST_FAMILIES: Final = 40


def as_text(value: Mapping[str, Any]) -> str:
    """Statistics as tables for a terminal."""
    lines = [f"{name:<20} {text}" for name, text in fact_rows(value)]
    blocks = [(title, *_table(rows)) for title, rows_of in _BLOCKS if (rows := rows_of(value))]
    header, families = _family_table(value)
    left_out = len(families) - _MOST_FAMILIES
    if families:
        # a flag counts more than size, where not all can be shown
        families.sort(key=lambda row: (not row[-1], -int(row[1].replace(",", "")), row[0]))
        blocks.append(("family", header, families[:_MOST_FAMILIES]))
    for title, names, cells in blocks:
        shown = [[shortened(row[0], 60), *(shortened(cell, 30) for cell in row[1:])] for row in cells]
        shown.insert(0, [title, *names[1:]])
        left = {place for place, name in enumerate(names) if name in _TEXTS}
        lines += ["", *columns(shown, left=left)]
    if left_out > 0:
        lines.append(f"… and {left_out:,} more (--format json and --page have all)")
    broken = dict.fromkeys(flag for family in value["trust"]["families"].values() for flag in family["flags"])
    lines += ["", *(f"flag {name}: {value['trust']['rules'][name]}" for name in broken)] if broken else []
    lines += [": ".join(_pair(pair)) for pair in value["trust"]["duplicates"]["listed"][:_LISTED_TEXT]]
    return "\n".join(lines)


#: Duplicates in a text.
_LISTED_TEXT: Final = 5
_KINDS: Final = {
    "within_split": "same question as",
    "same_query": "same query as",
    "across_splits": "same question as",
    "contradictions": "same question with another answer than",
}
_TEXTS: Final = ("most frequent answer", "flags")


def _pair(pair: Mapping[str, Any]) -> tuple[str, str]:
    """A question, and what it repeats."""
    first = pair["first"]
    return f"{pair['split']} {pair['id']}", f"{_KINDS[pair['kind']]} {first['split']} {first['id']}"


def _family_table(value: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Per family: questions by split, and, where there are answers, what makes it trusted."""
    header, rows = _table(value["family"])
    trust = value["trust"]["families"]
    if not trust:
        return header, rows
    header = [*header, "templates", "empty", "yes", "top", "most frequent answer", "flags"]
    for row in rows:
        family = trust.get(row[0])
        if family is None:
            row += [""] * 6
            continue
        yes = "" if family["yes_share"] is None else f"{family['yes_share']:.0%} of {family['yes_no']:,}"
        nothing = f"{family['empty_share'] + family['null_share']:.0%}"
        top = f"{family['top_share']:.0%}"
        row += [f"{family['templates']:,}", nothing, yes, top, family["top_answer"], ", ".join(family["flags"])]
    return header, rows


def plots(value: Mapping[str, Any]) -> dict[str, str]:
    """Charts by file name, as SVG; those without data are left out."""
    charts: dict[str, tuple[str, Iterable[Bar]]] = {
        "modality": ("Questions by modality", _totals(value["modality"])),
        "scope": ("Questions by scope", _totals(value["scope"])),
        "answer-types": ("Answers by type", _totals(value["answers"].get("types", {}))),
        "question-length": (
            "Words per question",
            [
                (f"{low} to {low + 4} words", count, None)
                for low, count in _binned(value["question_length"]["histogram"])
            ],
        ),
        "words": ("Frequent words", [(word, count, None) for word, count in value["vocabulary"]["frequent"]]),
    }
    found = {name: (title, list(bars)) for name, (title, bars) in charts.items()}
    axes = {"answer-types": "answers", "words": "occurrences"}
    return {
        name: bar_chart(title, bars, axis=axes.get(name, "questions")) for name, (title, bars) in found.items() if bars
    }


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
    sections = [("Overview", html_table(("", ""), fact_rows(value), texts=(1,)))]
    for (name, rows_of), chart in zip(_BLOCKS, ("modality", "scope", "answer-types"), strict=True):
        if rows := rows_of(value):
            sections.append((f"By {name}", charts.get(chart, "") + html_table(*_table(rows))))
    header, families = _family_table(value)
    if families:
        texts = [place for place, cell in enumerate(header) if cell in _TEXTS]
        shown = [[cell if place == 0 else shortened(cell, 120) for place, cell in enumerate(row)] for row in families]
        flagged = [row for row in shown if row[-1] and texts]
        table = html_table(header, shown, texts=texts)
        table = f"<details><summary>{counted(len(shown), 'family')}</summary>{table}</details>"
        if flagged:
            rules = "; ".join(f"{name}: {rule}" for name, rule in value["trust"]["rules"].items())
            lead = f"<p>{counted(len(flagged), 'family is', 'families are')} flagged ({escape(rules)}).</p>"
            table = lead + html_table(header, flagged, texts=texts) + table
        sections.append(("By family", table))
    yes_no = value["answers"].get("yes_no")
    if yes_no and yes_no["families"]:
        shares: list[Bar] = [
            (f"{name} ({pair['yes'] + pair['no']:,})", 100 * pair["yes"] / (pair["yes"] + pair["no"]), None)
            for name, pair in sorted(yes_no["families"].items(), key=lambda item: (-sum(item[1].values()), item[0]))
        ]
        lead = f"<p>{yes_no['yes']:,} yes, {yes_no['no']:,} no; families by size.</p>"
        chart = bar_chart(
            "Share of yes by family", shares[:_MOST_FAMILIES], axis="answered yes (%)", unit=" %", limits=(0.0, 100.0)
        )
        sections.append(("Yes and no", lead + chart))
    twice = value["trust"]["duplicates"]["listed"]
    if twice:
        pairs = [_pair(pair) for pair in twice]
        lead = f"<p>The first {len(pairs):,}.</p>"
        sections.append(("Duplicates", lead + html_table(("question", "is"), pairs, texts=(1,))))
    if "question-length" in charts:
        sections.append(("Words per question", charts["question-length"]))
    if "words" in charts:
        sections.append(("Frequent words", charts["words"]))
    values = [(slot, f"{count:,}") for slot, count in value["vocabulary"]["values"].items()]
    if values:
        sections.append(("Distinct values by slot", html_table(("slot", "values"), values)))
    return page(title, sections)
