"""A second reader of questions: from the official sentence and its slots to an answer, by plain loops over rows.

It shares nothing with the gold programs: no SQL but the reading of tables, no pattern, no renderer. And where a
sentence can be understood in two ways it takes the other one: a visit is what lies between its two times, ranks are
those of a competition, what followed something counts once, nobody is counted who could not have come back, and a
title stands for all titles that say the same. Where it agrees, the answer does not depend on the reading.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
import sys
from collections import Counter
from functools import cache
from pathlib import Path

from plain_hospital import Hospital
from second_reader_groups import OfGroups
from second_reader_images import OfImages
from second_reader_rows import listed
from second_reader_tables import OfTables

from ehrxqa.layout import DATABASE_OF_SPLIT, SPLITS, database_path, question_file
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.synonyms import title_key


class Query(OfTables, OfGroups, OfImages):
    """One question of any family."""


class Reader:
    """Answers records about one hospital.

    Args:
        hospital: Its rows.
        same_title: Whether two titles say the same thing.
    """

    def __init__(self, hospital, same_title):
        self.hospital, self.same_title = hospital, same_title

    def answer(self, record, template):
        """The answer of a record of a template, of which kinds of events, family and fixed filters are looked at."""
        q = Query(self, record, template)
        name = re.sub(r"\W+", "_", template.family)
        return getattr(q, f"of_{name}")()


def _same_title(one, other, *, drug):
    return _key(one, drug) == _key(other, drug)


@cache
def _key(title, drug):
    return title_key(title, drug=drug)


def same(one, other):
    """Whether two answers hold the same values in any order."""
    if len(one) != len(other):
        return False
    if all(isinstance(value, int | float) for value in (*one, *other)):
        return all(
            math.isclose(a, b, rel_tol=1e-6, abs_tol=2e-6) for a, b in zip(sorted(one), sorted(other), strict=True)
        )
    return listed(one) == listed(other)


def disagreements(out):
    """Every answered question of a folder: its template, record, and what the second reader says instead, if anything.

    Args:
        out: A folder with databases, question files and links.
    """
    readers = {}
    lines = (Path(out) / "dataset" / "links.jsonl").read_text().splitlines()
    links = {(each["split"], each["id"]): each for each in map(json.loads, lines)}
    for split in SPLITS:
        path = question_file(out, split)
        for record in json.loads(path.read_text()) if path.is_file() else ():
            if record["is_impossible"]:
                continue
            base = DATABASE_OF_SPLIT[split]
            if base not in readers:
                uri = f"file:{database_path(out, split)}?mode=ro"
                hospital = Hospital(sqlite3.connect(uri, uri=True))
                readers[base] = Reader(hospital, _same_title)
            template = catalogue()[links[split, record["id"]]["template"]]
            answer = readers[base].answer(record, template)
            yield template, record, None if same(answer, record["answer"]) else answer


#: Value slot → where its names stand.
_NAMED = {
    "diagnosis_name": "long_title from d_icd_diagnoses", "procedure_name": "long_title from d_icd_procedures",
    "drug_name": "drug from prescriptions", "lab_name": "label from d_labitems", "vital_name": "label from d_items",
    "intake_name": "label from d_items", "output_name": "label from d_items",
    "culture_name": "spec_type_desc from microbiologyevents", "test_name": "test_name from microbiologyevents",
}  # fmt: skip
_OVER = ("not back", "dead after", "patients after", "survival", "mortality")


class Names:
    """All names of a database, to tell which questions could be misread by theirs."""

    def __init__(self, db):
        self._all = {
            slot: {str(name) for (name,) in db.execute(f"select distinct {where}")} for slot, where in _NAMED.items()
        }
        self._keys = {
            slot: Counter(title_key(name, drug=slot == "drug_name") for name in self._all[slot])
            for slot in ("diagnosis_name", "procedure_name", "drug_name")
        }

    def _asked(self, record):
        for slot, name in record["value"].items():
            if (plain := slot.rstrip("123")) in _NAMED:
                yield plain, str(name)

    def longer(self, record):
        """The names that hold one that is asked for, and more."""
        asked = {name for _, name in self._asked(record)}
        return {each for slot, name in self._asked(record) for each in self._all[slot] - asked if name in each}

    def twice(self, record):
        """Whether what is asked for has two titles."""
        return any(
            self._keys[slot][title_key(name, drug=slot == "drug_name")] > 1
            for slot, name in self._asked(record)
            if slot in self._keys
        )


def classes_of(record, template, names):
    """The ways in which a question of this kind could be misread: those of the rules in `docs/questions.md`."""
    if any(part in time for time in record["t_tag"] for part in ("hosp", "icu")) or "of an age" in template.family:
        yield "visits by number or by date"
    if template.answer == "top":
        yield "dense or competition ranks"
    if template.family in ("top after", "top with"):
        yield "fan-out"
    if template.family in _OVER:
        yield "censoring"
    if names.longer(record):
        yield "longer names"
    if names.twice(record):
        yield "two titles"


def main(out):
    """Print what differs, and how many questions of each class were read and differ."""
    read, differ, families = Counter(), Counter(), set()
    names = {}
    for template, record, answer in disagreements(out):
        base = DATABASE_OF_SPLIT[record["split"]]
        if base not in names:
            names[base] = Names(sqlite3.connect(f"file:{database_path(out, record['split'])}?mode=ro", uri=True))
        text = record["question"]
        longer = [name for name in names[base].longer(record) if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)]
        wrong = answer is not None or bool(longer)
        if wrong:
            where = f"{record['split']} {record['id']} ({template.family})"
            print(f"{where}: {text} {record['answer']}, not {answer or longer}")
        for each in ("all", *classes_of(record, template, names[base])):
            read[each] += 1
            differ[each] += wrong
        families.add(template.family)
    for each, count in read.most_common():
        print(f"{each:<30}{count:>6,} read{differ[each]:>6,} differ")
    print(f"{len(families)} families")


if __name__ == "__main__":
    main(sys.argv[1])
