"""Where things stand in a query: its SELECTs, their clauses, and the func_vqa calls within.

A query is a tree of brackets. Inside each bracket that begins with SELECT, VALUES or WITH, a handful of
keywords, all of them reserved by SQLite, tell the clauses apart. Expressions are not parsed: SQLite does that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ehrxqa.sql.errors import CallError, QuerySyntaxError
from ehrxqa.sql.tokens import Token, position, tokenise, unquote

__all__ = ["FUNCTION", "Call", "Query", "Select", "read"]

#: The function that asks the image.
FUNCTION: Final = "func_vqa"

_BEGINS_QUERY: Final = frozenset({"select", "values", "with"})
_COMPOUND: Final = frozenset({"union", "except", "intersect"})
_CLAUSES: Final = {
    "from": "from",
    "where": "where",
    "group": "group by",
    "having": "having",
    "window": "window",
    "order": "order by",
    "limit": "limit",
}


@dataclass(slots=True)
class Select:
    """One SELECT or VALUES, without the SELECTs inside it.

    Token numbers: `clauses[name]` is the half-open range after the keyword; `items` are the ranges of the
    select list; `end` is where a FROM clause, or the next clause if there is none, would end.

    Attributes:
        query: The query it is an operand of.
        keyword: "select" or "values".
    """

    query: Query
    keyword: str
    distinct: bool = False
    items: list[tuple[int, int]] = field(default_factory=list)
    clauses: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Query:
    """SELECTs joined by UNION, EXCEPT or INTERSECT, with their common ORDER BY and LIMIT.

    Attributes:
        start: Number of its first token.
        end: Number after its last token.
        selects: Its operands.
        parent: The SELECT it stands in, and None for the whole text and for common table expressions.
    """

    start: int
    parent: Select | None
    end: int = 0
    selects: list[Select] = field(default_factory=list)


@dataclass(slots=True)
class Call:
    """One func_vqa call.

    Attributes:
        number: Its rank in the text, from 0.
        start: Token number of its name; `end` the one after its closing bracket.
        question: The text of its question.
        study: Range of the tokens of its study expression.
        select: The innermost SELECT around it.
        clause: The clause of that SELECT: "items", "values", "with" or a value of `_CLAUSES`.
        member: Whether it stands alone as the right side of IN: `x in (func_vqa(…))`.
        depth: Brackets between it and its clause.
    """

    number: int
    start: int
    end: int
    question: str
    study: tuple[int, int]
    select: Select
    clause: str
    member: bool
    depth: int


@dataclass(slots=True)
class _Frame:
    """An open bracket: a query, or any other bracket (then `query` is None)."""

    query: Query | None
    select: Select | None
    clause: str
    opened: int  # token number after the bracket
    item: int = 0  # where the current select item begins


def read(sql: str) -> tuple[list[Token], Query, list[Call]]:
    """The tokens of one query, its outermost query, and its func_vqa calls in the order of the text.

    Raises:
        QuerySyntaxError: The text is not one SELECT, VALUES or WITH query, or its brackets do not match.
        CallError: A func_vqa call has not the form `func_vqa("question", study)`.
    """
    tokens = tokenise(sql)
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    if not tokens:
        raise QuerySyntaxError("there is no query in the text")
    first = tokens[0]
    if first.lower not in _BEGINS_QUERY:
        raise QuerySyntaxError(
            f"a query begins with SELECT, WITH or VALUES, not with {first.text[:40]}", line=1, column=1
        )
    return _Reader(sql, tokens).read()


class _Reader:
    """Walks once over the tokens."""

    def __init__(self, sql: str, tokens: list[Token]) -> None:
        self._sql = sql
        self._tokens = tokens
        self._closing: dict[int, int] = {}
        self._calls: list[Call] = []

    def read(self) -> tuple[list[Token], Query, list[Call]]:
        tokens = self._tokens
        self._match_brackets()
        root = Query(0, None)
        stack = [_Frame(root, None, "with", 0)]
        for number, token in enumerate(tokens):
            frame = stack[-1]
            text = token.text
            if text == "(":
                if number + 1 < len(tokens) and tokens[number + 1].lower in _BEGINS_QUERY:
                    parent = frame.select
                    stack.append(_Frame(Query(number + 1, parent), None, "with", number + 1))
                else:
                    stack.append(_Frame(None, frame.select, frame.clause, number + 1))
            elif text == ")":
                self._close(stack.pop(), number)
            elif text == ";":
                raise QuerySyntaxError("the text holds more than one statement; only one query is run")
            elif frame.query is not None:
                if token.kind == "word":
                    self._keyword(frame, number, token.lower)
                elif text == "," and frame.clause == "items":
                    self._end_item(frame, number)
                    frame.item = number + 1
            if self._is_call(number):
                self._calls.append(self._call(number, stack))
        self._close(stack.pop(), len(tokens))
        if not root.selects:
            raise QuerySyntaxError("there is no SELECT after WITH")
        return tokens, root, self._calls

    def _match_brackets(self) -> None:
        open_brackets: list[int] = []
        for number, token in enumerate(self._tokens):
            if token.text == "(":
                open_brackets.append(number)
            elif token.text == ")":
                if not open_brackets:
                    self._fail("a closing bracket without an opening one", token)
                self._closing[open_brackets.pop()] = number
        if open_brackets:
            self._fail("a bracket is never closed", self._tokens[open_brackets[-1]])

    def _fail(self, message: str, token: Token) -> None:
        line, column = position(self._sql, token.start)
        raise QuerySyntaxError(message, line=line, column=column)

    def _keyword(self, frame: _Frame, number: int, word: str) -> None:
        """Turn to the clause that a word at the level of a query begins."""
        query = frame.query
        assert query is not None
        if word in ("select", "values"):
            if frame.select is not None and frame.clause != "compound":
                self._fail(f"unexpected {word.upper()}", self._tokens[number])
            frame.select = Select(query, word)
            query.selects.append(frame.select)
            frame.clause = "items" if word == "select" else "values"
            frame.item = frame.opened = number + 1
            following = self._word(number + 1)
            if word == "select" and following in ("distinct", "all"):
                frame.select.distinct = following == "distinct"
                frame.item = number + 2
        elif frame.select is None:
            return
        elif word in _COMPOUND:
            self._end_clause(frame, number)
            frame.clause = "compound"
        elif word in _CLAUSES and not (
            word == "from" and self._word(number - 1) == "distinct" and self._is_test(number)
        ):
            self._end_clause(frame, number)
            frame.clause = _CLAUSES[word]
            frame.opened = number + 1

    def _is_test(self, number: int) -> bool:
        """Whether FROM belongs to IS [NOT] DISTINCT FROM."""
        return self._word(number - 2) in ("is", "not")

    def _word(self, number: int) -> str:
        return self._tokens[number].lower if 0 <= number < len(self._tokens) else ""

    def _close(self, frame: _Frame, number: int) -> None:
        if frame.query is not None:
            self._end_clause(frame, number)
            frame.query.end = number

    def _end_clause(self, frame: _Frame, number: int) -> None:
        if frame.select is None:
            return
        if frame.clause == "items":
            self._end_item(frame, number)
        if frame.clause not in ("compound", "with"):
            frame.select.clauses[frame.clause] = (frame.opened, number)

    @staticmethod
    def _end_item(frame: _Frame, number: int) -> None:
        assert frame.select is not None
        frame.select.items.append((frame.item, number))

    def _is_call(self, number: int) -> bool:
        token = self._tokens[number]
        if token.kind not in ("word", "name") or (number + 1 >= len(self._tokens)):
            return False
        if self._tokens[number + 1].text != "(":
            return False
        return token.lower == FUNCTION or (token.kind == "name" and unquote(token).lower() == FUNCTION)

    def _call(self, number: int, stack: list[_Frame]) -> Call:
        tokens = self._tokens
        end = self._closing[number + 1] + 1
        if number + 2 >= end - 1 or tokens[number + 2].kind not in ("text", "name") or tokens[number + 3].text != ",":
            found = tokens[number + 2].text[:40] if number + 2 < end - 1 else "nothing"
            self._refuse(number, f"func_vqa expects a question in quotes and a study, found {found}")
        study = (number + 4, end - 1)
        depth = commas = 0
        for token in tokens[study[0] : study[1]]:
            depth += (token.text == "(") - (token.text == ")")
            commas += token.text == "," and depth == 0
        if study[0] == study[1] or commas:
            self._refuse(number, f"func_vqa expects two arguments, found {commas + 2 if commas else 1}")
        queries = [index for index, frame in enumerate(stack) if frame.query is not None]
        innermost = stack[queries[-1]]
        if innermost.select is None:
            self._refuse(number, "func_vqa stands outside of a SELECT")
        assert innermost.select is not None
        member = (
            tokens[number - 1].text == "("
            and end < len(tokens)
            and tokens[end].text == ")"
            and self._word(number - 2) == "in"
        )
        return Call(
            len(self._calls), number, end, unquote(tokens[number + 2]), study, innermost.select, innermost.clause,
            member, len(stack) - 1 - queries[-1],
        )  # fmt: skip

    def _refuse(self, number: int, message: str) -> None:
        line, column = position(self._sql, self._tokens[number].start)
        raise CallError(f"line {line}, column {column}: {message}")
