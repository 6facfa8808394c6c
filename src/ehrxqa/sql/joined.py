"""The tables and subqueries that a FROM clause joins."""

from __future__ import annotations

from ehrxqa.sql.tokens import Token, unquote

__all__ = ["source_names"]

_ENDS_SOURCE = frozenset(
    ("on", "using", "join", "left", "right", "full", "inner", "cross", "natural", "outer", "indexed", "not", "as")
)


def source_names(tokens: list[Token], start: int, end: int) -> list[str]:
    """Names, in lower case, by which the sources of a FROM clause are called: alias, or else table name.

    A source without a name (a subquery without an alias, a join in brackets) is left out.
    """
    names: list[str] = []
    number, expected = start, True
    while number < end:
        token = tokens[number]
        if token.text == "(":
            number, after_group = _after_bracket(tokens, number), True
        elif token.text == "," or token.lower == "join":
            number, expected, after_group = number + 1, True, False
            continue
        elif expected and token.kind in ("word", "name") and token.lower not in _ENDS_SOURCE:
            number, after_group = number + 1, False
            while number + 1 < end and tokens[number].text == ".":
                token, number = tokens[number + 1], number + 2
        else:
            number += 1
            continue
        if expected:
            name = None if after_group else unquote(token)
            if number < end and tokens[number].text == "(":  # the arguments of a table function
                number = _after_bracket(tokens, number)
            if number < end and tokens[number].lower == "as":
                number += 1
            if number < end and tokens[number].kind in ("word", "name") and tokens[number].lower not in _ENDS_SOURCE:
                name, number = unquote(tokens[number]), number + 1
            if name is not None:
                names.append(name.lower())
            expected = False
    return names


def _after_bracket(tokens: list[Token], number: int) -> int:
    depth = 0
    for at in range(number, len(tokens)):
        depth += (tokens[at].text == "(") - (tokens[at].text == ")")
        if depth == 0:
            return at + 1
    return len(tokens)
