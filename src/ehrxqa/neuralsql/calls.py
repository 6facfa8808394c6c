"""The func_vqa calls of a query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NoReturn

from ehrxqa.sql.errors import CallError
from ehrxqa.sql.structure import Query, Range, Select, Structure
from ehrxqa.sql.tokens import position, unquote

__all__ = ["FUNCTION", "VqaCall", "calls_of"]

#: The function that asks the image.
FUNCTION: Final = "func_vqa"


@dataclass(frozen=True, slots=True)
class VqaCall:
    """One func_vqa call.

    Attributes:
        number: Its rank in the text, from 0.
        start: Token number of its name; `end` the one after its closing bracket.
        question: The text of its question.
        study: Range of the tokens of its study expression.
        select: The innermost SELECT around it.
        clause: The clause of that SELECT, as in `Select.clauses`.
        member: Whether it stands alone as the right side of IN: `x in (func_vqa(…))`.
    """

    number: int
    start: int
    end: int
    question: str
    study: Range
    select: Select
    clause: str
    member: bool


def calls_of(structure: Structure) -> list[VqaCall]:
    """The func_vqa calls of a query in the order of the text.

    Raises:
        CallError: A call has not the form `func_vqa("question", study)`.
    """
    found: list[VqaCall] = []
    for number, token in enumerate(structure.tokens[:-1]):
        if (
            token.kind in ("word", "name")
            and structure.tokens[number + 1].text == "("
            and unquote(token).lower() == FUNCTION
        ):
            found.append(_call(structure, number, len(found)))
    return found


def _call(structure: Structure, start: int, number: int) -> VqaCall:
    tokens = structure.tokens
    closing = structure.closing[start + 1]
    text = start + 2
    if text >= closing or tokens[text].kind not in ("text", "name") or tokens[text + 1].text != ",":
        found = tokens[text].text[:40] if text < closing else "nothing"
        _refuse(structure, start, f"{FUNCTION} expects a question in quotes and a study, found {found}")
    study = (text + 2, closing)
    arguments = structure.split(*study, ",")
    if study[0] == study[1] or len(arguments) > 1:
        count = 1 + len(arguments) if study[0] < study[1] else 1
        _refuse(structure, start, f"{FUNCTION} expects two arguments, found {count}")
    query = _query_around(structure, start)
    select = next((select for select in reversed(query.selects) if select.start <= start), None)
    clauses = {} if select is None else select.clauses
    clause = next((name for name, (first, last) in clauses.items() if first <= start < last), None)
    if select is None or clause is None:
        _refuse(structure, start, f"{FUNCTION} stands outside of a SELECT")
    after = closing + 1
    member = (
        tokens[start - 1].text == "("
        and after < len(tokens)
        and tokens[after].text == ")"
        and tokens[start - 2].lower == "in"
    )
    return VqaCall(number, start, after, unquote(tokens[text]), study, select, clause, member)


def _query_around(structure: Structure, number: int) -> Query:
    """The innermost query that holds a token."""
    return max(
        (query for query in structure.queries.values() if query.start <= number < query.end),
        key=lambda query: query.start,
    )


def _refuse(structure: Structure, number: int, message: str) -> NoReturn:
    line, column = position(structure.sql, structure.tokens[number].start)
    raise CallError(f"line {line}, column {column}: {message}")
