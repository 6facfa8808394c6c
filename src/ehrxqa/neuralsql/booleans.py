"""Chains of AND and OR, so that what costs nothing is looked at before an image is.

AND and OR give the same value in any order of their operands, unknown values included; SQLite stops at the first
operand that decides. So operands without a func_vqa call are moved to the front of their chain. CASE, iif and
coalesce choose what is looked at, too, but their order is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ehrxqa.sql.structure import Range, Structure

__all__ = ["Chain", "chains", "choices"]


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


def chains(structure: Structure, start: int, end: int, asks: Callable[[int, int], bool]) -> Iterator[Chain]:
    """The chains of the condition that fills tokens `start` to `end`, outer ones first.

    Args:
        structure: The query.
        start: First token of the condition.
        end: Token after it.
        asks: Whether a range of tokens holds a func_vqa call.
    """
    yield from _chains(structure, start, end, asks, outermost=True)


def choices(structure: Structure, asks: Callable[[int, int], bool]) -> Iterator[list[tuple[int, int, bool]]]:
    """The parts of each CASE, iif, coalesce and ifnull: ranges in the order in which SQLite looks at them.

    The truth value says whether later parts depend on this one; results of WHEN decide nothing.
    """
    tokens = structure.tokens
    for number, token in enumerate(tokens):
        word = token.lower
        if word == "case" and token.kind == "word":
            parts = _case_parts(structure, number)
        elif word in ("iif", "if", "coalesce", "ifnull") and tokens[number + 1 : number + 2]:
            if tokens[number + 1].text != "(":
                continue
            arguments = structure.split(number + 2, structure.closing[number + 1], ",")
            every = word in ("coalesce", "ifnull")
            parts = [(*argument, every or place == 0) for place, argument in enumerate(arguments)]
        else:
            continue
        if sum(asks(first, last) for first, last, _ in parts) > 1:
            yield parts


def _case_parts(structure: Structure, case: int) -> list[tuple[int, int, bool]]:
    parts: list[tuple[int, int, bool]] = []
    first, decides = case + 1, True
    inner = 0  # CASEs within this one
    for number in structure.top_level(case + 1, len(structure.tokens)):
        word = structure.tokens[number].lower
        if inner == 0 and word in ("when", "then", "else", "end"):
            parts.append((first, number, decides))
            first, decides = number + 1, word == "when"
            if word == "end":
                break
        else:
            inner += (word == "case") - (word == "end")
    return parts


def _chains(
    structure: Structure, start: int, end: int, asks: Callable[[int, int], bool], *, outermost: bool
) -> Iterator[Chain]:
    if start >= end or not asks(start, end):
        return
    for connective in ("or", "and"):  # OR binds weaker than everything else, AND than everything but OR
        operands = structure.split(start, end, connective)
        if len(operands) > 1 and all(first < last for first, last in operands):
            ordered = sorted(operands, key=lambda operand: asks(*operand))
            yield Chain(connective, start, end, tuple(ordered), outermost)
            for first, last in operands:
                yield from _chains(structure, first, last, asks, outermost=False)
            return
    tokens = structure.tokens
    while start < end and tokens[start].lower == "not":
        start += 1
    # one pair of brackets, not a subquery, around the whole
    if start < end and structure.closing.get(start) == end - 1 and start + 1 not in structure.queries:
        yield from _chains(structure, start + 1, end - 1, asks, outermost=False)
