"""Texts cut into pieces with a kind each, for pages to colour: SQL by our tokens, questions by their slots."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ehrxqa.neuralsql.calls import FUNCTION
from ehrxqa.questions.nouns import bare
from ehrxqa.questions.word_forms import forms_of
from ehrxqa.sql.errors import QuerySyntaxError
from ehrxqa.sql.tokens import Token, tokenise

__all__ = ["Piece", "marked_question", "marked_sentence", "marked_sql"]

_KEYWORDS: Final = frozenset(
    (
        *("all", "and", "as", "asc", "between", "by", "case", "collate", "cross", "desc", "distinct", "else", "end"),
        *("escape", "except", "exists", "filter", "from", "full", "glob", "group", "having", "in", "inner"),
        *("intersect", "is", "isnull", "join", "left", "like", "limit", "natural", "not", "notnull", "null", "offset"),
        *("on", "or", "order", "outer", "over", "partition", "right", "select", "then", "true", "false", "union"),
        *("using", "values", "when", "where", "window", "with"),
    )
)
_CLAUSES: Final = frozenset({"from", "where", "group", "having", "order", "limit", "union", "except", "intersect"})
_COMPOUND: Final = frozenset({"union", "all", "except", "intersect"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text.

    Attributes:
        kind: What it is, for the style sheet; empty for plain text.
        text: As it is shown.
        note: What it stands for, if that is worth saying.
    """

    kind: str
    text: str
    note: str = ""


def marked_sql(sql: str, tables: frozenset[str] = frozenset()) -> tuple[Piece, ...]:
    """A query in pieces, laid out over lines: sub-selects are indented, clauses begin a line.

    Only blanks differ from the text itself. What cannot be read as tokens is one plain piece.

    Args:
        sql: The query.
        tables: Names of tables in lower case.
    """
    try:
        tokens = tokenise(sql)
    except QuerySyntaxError:
        return (Piece("", sql),)
    return tuple(_laid_out(tokens, tables))


def _laid_out(tokens: Sequence[Token], tables: frozenset[str]) -> Iterator[Piece]:
    opened: list[bool] = []  # per open bracket, whether a sub-select begins in it
    depth, between = 0, False
    for place, token in enumerate(tokens):
        before = tokens[place - 1] if place else None
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        in_select = not opened or opened[-1]
        begins_line = (
            (before is not None and before.text == "(" and bool(opened) and opened[-1])
            or (place > 0 and in_select and token.lower in _CLAUSES)
            or (before is not None and before.lower in _COMPOUND and token.lower == "select")
        )
        if token.text == ")" and opened and opened.pop():
            depth -= 1
            yield Piece("", "\n" + "  " * depth)
        elif begins_line:
            yield Piece("", "\n" + "  " * depth)
        elif place and in_select and token.lower in ("and", "or") and not between:
            yield Piece("", "\n" + "  " * (depth + 1))
        elif before is not None and token.start > before.end:
            yield Piece("", " ")
        between = token.lower == "between" or (between and token.lower != "and")
        yield Piece(_kind(tokens, place, tables), token.text)
        if token.text == "(":
            opened.append(after is not None and after.lower in ("select", "with", "values"))
            depth += opened[-1]


def _kind(tokens: Sequence[Token], place: int, tables: frozenset[str]) -> str:
    token = tokens[place]
    if token.kind == "word":
        if token.lower == FUNCTION:
            return "vqa"
        if token.lower in _KEYWORDS:
            return "keyword"
        if place + 1 < len(tokens) and tokens[place + 1].text == "(":
            return "function"
        return "table" if token.lower in tables else "name"
    if token.kind in ("text", "name") and place > 1 and tokens[place - 2].lower == FUNCTION:
        return "asked"
    return {"text": "text", "blob": "text", "number": "number", "parameter": "number"}.get(token.kind, "")


_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}|\[(\w+?):([^\]]+)\]|\$\{(\w+)\}")
_MONTHS: Final = "january|february|march|april|may|june|july|august|september|october|november|december"
_TIMES: Final = re.compile(
    rf"""\b(?:(?:since|until|before|after|in|on|from|through|(?:by|until|before|after)?\s*the\s(?:end|start)\sof)\s+)?
    (?:\d{{4}}-\d\d-\d\d(?:\s\d\d:\d\d(?::\d\d)?)? | \d{{1,2}}/\d{{1,2}}/\d{{4}} | \d{{1,2}}/\d{{1,4}}
      | (?:{_MONTHS})(?:\s\d{{1,2}}(?:st|nd|rd|th)?)?(?:,?\s\d{{4}})? | 210\d
      | (?:this|last|the\s(?:current|last|first))\s(?:month|year|day|(?:hospital\s|icu\s)?(?:visit|stay|encounter))
      | today | yesterday)\b""",
    re.VERBOSE,
)


def marked_sentence(record: Mapping[str, Any]) -> tuple[Piece, ...]:
    """The sentence of a record before rewording, with slots and time filters marked; plain if it has no `tag`.

    >>> [piece.text for piece in marked_sentence({"template": "is it 3?", "tag": "is it {n}?"}) if piece.kind]
    ['3']
    """
    sentence, tag = record.get("template"), record.get("tag")
    if not isinstance(sentence, str) or not isinstance(tag, str):
        return (Piece("", str(sentence or "")),) if sentence else ()
    pattern, names, at = "", [], 0
    for found in _PLACEHOLDER.finditer(tag):
        value = (record.get("value") or {}).get(found[1])
        pattern += _literal(tag[at : found.start()]) + ("(.*?)" if value is None else f"({re.escape(str(value))})")
        names.append(found)
        at = found.end()
    match = re.fullmatch(pattern + _literal(tag[at:]), sentence, re.DOTALL)
    if match is None:
        return (Piece("", sentence),)
    spans = []
    for number, name in enumerate(names, start=1):
        if name[2]:
            spans.append((*match.span(number), "time", f"time filter {name[3]}"))
        else:
            spans.append((*match.span(number), "slot", (name[1] or name[4]).replace("_", " ")))
    return _cut(sentence, spans)


def _literal(text: str) -> str:
    """A pattern for the words between placeholders: `has_verb` stands for a form of the verb, blanks may vary."""
    return r"\s*".join(re.escape(part) for part in re.split(r"\s+", text.replace("_verb", "")))


def marked_question(record: Mapping[str, Any]) -> tuple[Piece, ...]:
    """The question of a record, with its values and the times it names marked."""
    question = str(record["question"])
    lowered = question.lower()
    spans: list[tuple[int, int, str, str]] = []
    for slot, value in (record.get("value") or {}).items():
        for form in (str(value), *forms_of(str(value))):
            spans += _occurrences(lowered, form, "slot", slot.replace("_", " "))
    for name, values in (record.get("v_tag") or {}).items():
        for value in values if isinstance(values, list) else []:
            for form in (str(value), *map(bare, forms_of(str(value)))):
                spans += _occurrences(lowered, form, "visual", name)
    for piece in marked_sentence(record):
        if piece.kind == "time" and piece.text:
            spans += _occurrences(lowered, piece.text, "time", piece.note)
    spans += [(*found.span(), "time", "time filter") for found in _TIMES.finditer(lowered)]
    return _cut(question, spans)


def _occurrences(text: str, value: str, kind: str, note: str) -> list[tuple[int, int, str, str]]:
    if not value:
        return []
    pattern = rf"(?<![a-z0-9]){re.escape(value.lower())}(?![a-z0-9])"
    return [(*found.span(), kind, note) for found in re.finditer(pattern, text)]


def _cut(text: str, spans: Sequence[tuple[int, int, str, str]]) -> tuple[Piece, ...]:
    """The text in pieces; of spans that overlap, the first and longest counts."""
    pieces, at = [], 0
    for start, end, kind, note in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start < at or start == end:
            continue
        if start > at:
            pieces.append(Piece("", text[at:start]))
        pieces.append(Piece(kind, text[start:end], note))
        at = end
    if at < len(text):
        pieces.append(Piece("", text[at:]))
    return tuple(pieces)
