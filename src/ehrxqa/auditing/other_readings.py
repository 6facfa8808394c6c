"""Programs for other readings of a question, made from its program alone: competition ranks, all titles of a thing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ehrxqa.sql.comparisons import TableColumns, table_of
from ehrxqa.sql.number_columns import columns_of
from ehrxqa.sql.structure import Structure
from ehrxqa.sql.tokens import Token, unquote

__all__ = ["TITLES", "other_readings", "same_thing"]

#: Columns that hold titles of diagnoses and procedures, of which ICD-9 and ICD-10 have one each for most things.
TITLES: Final = (
    ("d_icd_diagnoses", "long_title"),
    ("d_icd_procedures", "long_title"),
    ("d_icd_diagnoses", "short_title"),
    ("d_icd_procedures", "short_title"),
)


def other_readings(
    structure: Structure, schema: TableColumns, titles: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, str]]:
    """Readings with their programs.

    Args:
        structure: The program.
        schema: Of its database.
        titles: Title → all titles that say the same (`questions.synonyms.same_titles`).
    """
    ranks = {at: "rank" for at, token in enumerate(structure.tokens) if token.lower == "dense_rank"}
    if ranks:
        yield "competition-rank", _changed(structure, ranks)
    named: dict[int, str] = {}
    for query in structure.queries.values():
        for select in query.selects:
            if "where" not in select.clauses:
                continue
            for span in columns_of(structure, *select.clauses["where"]):
                at = span[1] + 1
                if (
                    at >= len(structure.tokens)
                    or structure.tokens[at - 1].text != "="
                    or structure.tokens[at].kind != "text"
                ):
                    continue
                title = unquote(structure.tokens[at])
                same = [each for each in titles.get(title, ()) if same_thing(title, each)]
                if len(same) > 1 and table_of(structure, select, span, schema) in TITLES:
                    named[at - 1] = "in"
                    named[at] = "( " + ", ".join(_quoted(title) for title in same) + " )"
    if named:
        yield "synonyms", _changed(structure, named | _several(structure, named))


def same_thing(title: str, other: str) -> bool:
    """Whether two titles of the same words name the same thing for certain: "other" forms, and degrees, do not.

    >>> same_thing("hyperlipidemia, unspecified", "other and unspecified hyperlipidemia")
    True
    >>> same_thing("psoriasis, unspecified", "other psoriasis")
    False
    """
    marks = [
        ("other" in words and "unspecified" not in words, "uncontrolled" in words and "not" not in words)
        for words in (re.findall(r"[a-z]+", each.lower()) for each in (title, other))
    ]
    return marks[0] == marks[1]


def _several(structure: Structure, named: Mapping[int, str]) -> dict[int, str]:
    """Signs of equality before the selects of codes, which now give several."""
    found = {}
    for query in structure.queries.values():
        inside = any(query.start <= at < query.end for at in named)
        if inside and query is not structure.root and structure.tokens[query.start - 2].text == "=":
            found[query.start - 2] = "in"
    return found


def _changed(structure: Structure, changes: Mapping[int, str]) -> str:
    """The program with some of its tokens replaced."""
    pieces: list[str] = []
    at = 0
    for place in sorted(changes):
        token: Token = structure.tokens[place]
        pieces += [structure.sql[at : token.start], changes[place]]
        at = token.end
    return "".join([*pieces, structure.sql[at : structure.tokens[-1].end]])


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
