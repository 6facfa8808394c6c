"""What the author of a question set needs to know before trusting it: balance, dominant answers, duplicates.

A question set that can be answered without looking - because a family is always answered *no*, or one answer is right
half the time - measures nothing. Every number here is a plain count over the files; a flag says which rule it breaks.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, Final

from ehrxqa.dataset.links import official_number
from ehrxqa.dataset.records import Record
from ehrxqa.dataset.splits import Dataset
from ehrxqa.layout import DATABASE_OF_SPLIT
from ehrxqa.spec.scopes import MODALITY_KEYS

__all__ = [
    "OFFICIAL_TEMPLATES",
    "RULES",
    "FamilyCounts",
    "about",
    "ambiguity",
    "discrimination",
    "duplicates",
    "family_trust",
]

#: Templates of the official index, by modality.
OFFICIAL_TEMPLATES: Final = {"Table": 183, "Image": 168, "Image+Table": 75}
#: A yes/no family is off balance if its share of yes is further from a half than this (41 % are meant for questions
#: that need tables and images, see `questions.needs`) …
YES_NO_MARGIN: Final = 0.15
#: … and further than chance explains: standard deviations of a fair coin (1 % of the balanced families exceed it).
YES_NO_DEVIATIONS: Final = 2.58
#: One answer is too frequent above this share, among at least so many questions that are not yes/no.
DOMINANT_SHARE: Final = 0.5
DOMINANT_FROM: Final = 10
#: Too many answers are empty or null above this share, if they are at least so many.
EMPTY_SHARE: Final = 0.1
EMPTY_FROM: Final = 3
#: Duplicates that are listed.
LISTED: Final = 20

RULES: Final = {
    "yes/no": f"share of yes more than {YES_NO_MARGIN:.0%} from a half, and by more than {YES_NO_DEVIATIONS} standard "
    "deviations of a fair coin",
    "one answer": f"among {DOMINANT_FROM} or more questions that are not yes/no, one answer has more than "
    f"{DOMINANT_SHARE:.0%}",
    "empty": f"more than {EMPTY_SHARE:.0%} of the answers are empty or null ({EMPTY_FROM} or more)",
}


@dataclass
class FamilyCounts:
    """Counts of the answered questions of one family.

    Attributes:
        questions: Answered questions.
        empty, null: Answers without any value, and of nulls only.
        yes, no: Answers of the yes/no questions.
        answers: Every answer, as JSON text, but those of yes/no questions.
        templates: Distinct templates.
    """

    questions: int = 0
    empty: int = 0
    null: int = 0
    yes: int = 0
    no: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    templates: set[str] = field(default_factory=set)

    def add(self, kind: str, answer: Any, template: str) -> None:
        """Count one answered question; `kind` is the type of its answer."""
        self.questions += 1
        self.templates.add(template)
        self.empty += kind == "empty"
        self.null += kind == "null"
        if kind == "yes/no":
            self.yes += answer[0] == 1
            self.no += answer[0] == 0
        else:
            self.answers[json.dumps(answer, ensure_ascii=False)] += 1

    def most_frequent(self) -> tuple[str, int]:
        """The most frequent answer and its count; among equals the first by text."""
        every = self.answers + Counter({"yes": self.yes, "no": self.no})
        return min(every.items(), key=lambda pair: (-pair[1], pair[0]), default=("", 0))

    def flags(self) -> list[str]:
        """Names of the `RULES` that the family breaks."""
        found = []
        asked = self.yes + self.no
        off = abs(self.yes - asked / 2)
        if off > YES_NO_MARGIN * asked and off > YES_NO_DEVIATIONS * sqrt(asked) / 2:
            found.append("yes/no")
        open_ended = self.answers.total()
        if open_ended >= DOMINANT_FROM and max(self.answers.values()) > DOMINANT_SHARE * open_ended:
            found.append("one answer")
        nothing = self.empty + self.null
        if nothing >= EMPTY_FROM and nothing > EMPTY_SHARE * self.questions:
            found.append("empty")
        return found


def family_trust(counts: Mapping[str, FamilyCounts]) -> dict[str, dict[str, Any]]:
    """Per family, by name: counts, shares and broken rules, as JSON can hold them."""
    found = {}
    for name, family in sorted(counts.items()):
        answer, count = family.most_frequent()
        asked = family.yes + family.no
        found[name] = {
            "answered": family.questions,
            "templates": len(family.templates),
            "empty_share": round(family.empty / family.questions, 6),
            "null_share": round(family.null / family.questions, 6),
            "yes_no": asked,
            "yes_share": round(family.yes / asked, 6) if asked else None,
            "top_answer": answer,
            "top_share": round(count / family.questions, 6),
            "flags": family.flags(),
        }
    return found


def about(dataset: Dataset) -> dict[str, Any]:
    """How many templates, subjects and studies the questions ask about.

    Subjects and studies are those named in a question or listed in the sidecar (which lists at most twenty studies of a
    question); they are counted per database, because `test` has one of its own.
    """
    templates: dict[str, set[int]] = {name: set() for name in OFFICIAL_TEMPLATES}
    subjects, studies = Counter[tuple[str, int]](), set[tuple[str, int]]()
    for split, record in _each(dataset):
        base = DATABASE_OF_SPLIT[split]
        values = record.get("value") or {}
        met = {value for slot, value in values.items() if slot == "patient_id" and type(value) is int}
        named = {value for slot, value in values.items() if slot.startswith("study_id") and type(value) is int}
        link = dataset.links.of(record)
        if link is not None:
            named.update(link.study_ids)
            met.update(subject for path in link.image_paths if (subject := _subject_of(path)) is not None)
            if (number := official_number(link.template)) is not None:
                templates[MODALITY_KEYS[link.modality]].add(number)
        subjects.update((base, subject) for subject in met)
        studies.update((base, study) for study in named)
    most = max(subjects.values(), default=0)
    return {
        "templates": {
            name: {"used": len(templates[name]), "official": official} for name, official in OFFICIAL_TEMPLATES.items()
        }
        if len(dataset.links)
        else None,
        "subjects": len(subjects),
        "studies": len(studies),
        "most_questions_about_one_subject": most,
    }


def ambiguity(dataset: Dataset) -> dict[str, Any] | None:
    """How many questions have another answer under a reading that we know of; None where there are no links.

    Returns:
        `questions` with links, `ambiguous` ones, their `share`, and how many by `readings`.
    """
    links = [link for _, record in _each(dataset) if (link := dataset.links.of(record)) is not None]
    if not links:
        return None
    ambiguous = sum(bool(link.alternatives) for link in links)
    readings = Counter(reading for link in links for reading in link.alternatives)
    return {
        "questions": len(links),
        "ambiguous": ambiguous,
        "share": round(ambiguous / len(links), 6),
        "readings": dict(sorted(readings.items())),
    }


def discrimination(dataset: Dataset) -> dict[str, Any] | None:
    """How well the questions tell systems apart, on the database they are about; None where no mutants were counted.

    Returns:
        `mutants` of the gold programs, those `killed` (with another answer), their `share`, how many questions
        are `blind` (no mutant gives another answer); and of the `readings`, what is misread in them by family, how many
        are `told` by at least one question.
    """
    links = [link for _, record in _each(dataset) if (link := dataset.links.of(record)) is not None and link.mutants]
    if not links:
        return None
    mutants, killed = sum(link.mutants for link in links), sum(link.killed for link in links)
    told = {(link.family, each) for link in links for each in link.told}
    readings = told | {(link.family, each) for link in links for each in link.untold}
    return {
        "questions": len(links),
        "mutants": mutants,
        "killed": killed,
        "share": round(killed / mutants, 6),
        "blind": sum(not link.killed for link in links),
        "readings": len(readings),
        "told": len(told),
    }


def _subject_of(image_path: str) -> int | None:
    """The subject in `p19/p19999999/s50000008/….jpg`."""
    parts = image_path.split("/")
    name = parts[1][1:] if len(parts) > 1 else ""
    return int(name) if name.isdecimal() else None


def duplicates(dataset: Dataset) -> dict[str, Any]:
    """Questions that are there twice.

    Returns:
        `within_split` (questions whose text is that of an earlier one of their split), `same_query` (whose query is),
        `across_splits` (whose text is that of a question of an earlier split), `contradictions` (whose text is that of
        an earlier one over the same database, with another answer), and `listed`: the first of them, each with split
        and id of both.
    """
    kinds = ("within_split", "same_query", "across_splits", "contradictions")
    count = dict.fromkeys(kinds, 0)
    listed: list[dict[str, Any]] = []
    texts: dict[str, dict[str, Record]] = defaultdict(dict)  # text → split → its first record
    queries: dict[tuple[str, str], Record] = {}

    def note(kind: str, split: str, record: Record, earlier_split: str, earlier: Record) -> None:
        count[kind] += 1
        if len(listed) < LISTED:
            first = {"split": earlier_split, "id": earlier["id"]}
            listed.append({"kind": kind, "split": split, "id": record["id"], "first": first})

    for split, record in _each(dataset):
        by_split = texts[_plain(record["question"])]
        for earlier_split, earlier in by_split.items():
            same_database = DATABASE_OF_SPLIT[earlier_split] == DATABASE_OF_SPLIT[split]
            if same_database and "answer" in record and "answer" in earlier and record["answer"] != earlier["answer"]:
                note("contradictions", split, record, earlier_split, earlier)
                break
        if split in by_split:
            note("within_split", split, record, split, by_split[split])
        elif by_split:
            earlier_split = next(iter(by_split))
            note("across_splits", split, record, earlier_split, by_split[earlier_split])
        by_split.setdefault(split, record)
        if record["query"] == "null":  # an impossible question has none
            continue
        earlier = queries.setdefault((split, record["query"]), record)
        if earlier is not record:
            note("same_query", split, record, split, earlier)
    return {**count, "listed": listed}


def _plain(question: str) -> str:
    """A question without what readers do not notice: case, and blanks."""
    return " ".join(question.lower().split())


def _each(dataset: Dataset) -> Iterator[tuple[str, Record]]:
    for split, records in dataset.splits.items():
        for record in records:
            yield split, record
