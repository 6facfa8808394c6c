"""Chains of AND and OR, so that what costs nothing is looked at before an image is.

AND and OR give the same value in any order of their operands, unknown values included; SQLite stops at the first
operand that decides. So operands without a func_vqa call are moved to the front of their chain. CASE, iif and
coalesce choose what is looked at, too, but their order is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ehrxqa.sql.tokens import Token

__all__ = ["Chain", "chains", "choices"]

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Chain:
    """Operands joined by one connective.

    Attributes:
        connective: "and" or "or".
        start: First token; `end` the one after the last.
        operands: Their token ranges, those without a call first, otherwise as written.
        outermost: Whether it is the whole condition.
    """

    connective: str
    start: int
    end: int
    operands: tuple[Range, ...]
    outermost: bool


def chains(tokens: list[Token], start: int, end: int, asks: Callable[[int, int], bool]) -> Iterator[Chain]:
    """The chains of the condition that fills tokens `start` to `end`, outer ones first.

    Args:
        tokens: The query.
        start: First token of the condition.
        end: Token after it.
        asks: Whether a range of tokens holds a func_vqa call.
    """
    yield from _chains(tokens, start, end, asks, outermost=True)


def choices(tokens: list[Token], asks: Callable[[int, int], bool]) -> Iterator[list[tuple[int, int, bool]]]:
    """The parts of each CASE, iif, coalesce and ifnull: ranges in the order in which SQLite looks at them.

    The truth value says whether later parts depend on this one; results of WHEN decide nothing.
    """
    for number, token in enumerate(tokens):
        word = token.lower
        if word == "case" and token.kind == "word":
            parts = _case_parts(tokens, number)
        elif word in ("iif", "if", "coalesce", "ifnull") and tokens[number + 1 : number + 2]:
            if tokens[number + 1].text != "(":
                continue
            parts = _arguments(tokens, number + 2, decides_all=word in ("coalesce", "ifnull"))
        else:
            continue
        if sum(asks(first, last) for first, last, _ in parts) > 1:
            yield parts


def _case_parts(tokens: list[Token], case: int) -> list[tuple[int, int, bool]]:
    parts: list[tuple[int, int, bool]] = []
    first, decides = case + 1, True
    depth = 0
    for number in range(case + 1, len(tokens)):
        token = tokens[number]
        word = token.lower
        if depth == 0 and word in ("when", "then", "else", "end"):
            parts.append((first, number, decides))
            first, decides = number + 1, word == "when"
            if word == "end":
                break
        elif token.text == "(" or word == "case":
            depth += 1
        elif token.text == ")" or word == "end":
            depth -= 1
    return parts


def _arguments(tokens: list[Token], start: int, *, decides_all: bool) -> list[tuple[int, int, bool]]:
    parts: list[tuple[int, int, bool]] = []
    first, depth = start, 0
    for number in range(start, len(tokens)):
        text = tokens[number].text
        if depth == 0 and text in (",", ")"):
            parts.append((first, number, decides_all or not parts))
            first = number + 1
            if text == ")":
                break
        depth += (text == "(") - (text == ")")
    return parts


def _chains(
    tokens: list[Token], start: int, end: int, asks: Callable[[int, int], bool], *, outermost: bool
) -> Iterator[Chain]:
    if start >= end or not asks(start, end):
        return
    for connective in ("or", "and"):  # OR binds weaker than everything else, AND than everything but OR
        operands = _split(tokens, start, end, connective)
        if len(operands) > 1 and all(first < last for first, last in operands):
            ordered = sorted(operands, key=lambda operand: asks(*operand))
            yield Chain(connective, start, end, tuple(ordered), outermost)
            for first, last in operands:
                yield from _chains(tokens, first, last, asks, outermost=False)
            return
    while start < end and tokens[start].lower == "not":
        start += 1
    if start < end and _is_group(tokens, start, end):
        yield from _chains(tokens, start + 1, end - 1, asks, outermost=False)


def _split(tokens: list[Token], start: int, end: int, connective: str) -> list[Range]:
    """Ranges between the connectives at this level; the AND of BETWEEN and all of CASE are no connectives."""
    ranges, first = [], start
    depth = between = 0
    for number in range(start, end):
        token = tokens[number]
        word = token.lower
        if token.text == "(" or word == "case":
            depth += 1
        elif token.text == ")" or (word == "end" and depth):
            depth -= 1
        elif depth:
            continue
        elif word == "between":
            between += 1
        elif word == "and" and between:
            between -= 1
        elif word == connective:
            ranges.append((first, number))
            first = number + 1
    return [*ranges, (first, end)]


def _is_group(tokens: list[Token], start: int, end: int) -> bool:
    """Whether one pair of brackets, not a subquery, encloses the whole range."""
    if tokens[start].text != "(" or tokens[end - 1].text != ")":
        return False
    depth = 0
    for number in range(start, end):
        depth += (tokens[number].text == "(") - (tokens[number].text == ")")
        if depth == 0:
            return number == end - 1 and tokens[start + 1].lower not in ("select", "with", "values")
    return False
