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
    """Every answered question of a folder: its family, record, and what the second reader says instead, if anything.

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
            yield template.family, record, None if same(answer, record["answer"]) else answer


if __name__ == "__main__":
    read = list(disagreements(sys.argv[1]))
    for family, record, answer in read:
        if answer is not None:
            print(f"{record['split']} {record['id']} ({family}): {record['question']} {record['answer']}, not {answer}")
    print(f"{len(read):,} questions of {len({each[0] for each in read})} families read again")
