"""The one reader of SQL: where the SELECTs of a query stand, their clauses, sources and conditions.

A query is a tree of brackets. Inside each bracket that begins with SELECT, VALUES or WITH, a handful of
keywords, all of them reserved by SQLite, tell the clauses apart. Expressions are not parsed: SQLite does that.
Whoever needs to know what an expression is made of takes it apart with `Structure.split` and `Structure.closing`.

Everything is a number of a token; ranges are half open. So whoever changes a query changes it at one place and keeps
the author's own words everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn

from ehrxqa.sql.errors import MemoryLimit, QuerySyntaxError
from ehrxqa.sql.tokens import Token, position, tokenise, unquote

__all__ = ["Query", "Range", "Select", "Source", "Structure", "read"]

Range = tuple[int, int]

#: Brackets within brackets; SQLite itself gives up not much later.
MOST_DEPTH: Final = 250

_BEGINS_QUERY: Final = frozenset({"select", "values", "with"})
_COMPOUND: Final = frozenset({"union", "except", "intersect"})
_CLAUSES: Final = frozenset({"from", "where", "group", "having", "window", "order", "limit"})
#: What the reader has to look at.
_TURNS: Final = frozenset({"(", ")", ";", ",", "select", "values", *_COMPOUND, *_CLAUSES})
_JOIN_WORDS: Final = frozenset({"natural", "left", "right", "full", "inner", "cross", "outer"})
#: Words after a source that are no alias of it.
_NO_ALIAS: Final = frozenset({"indexed", "not"})


@dataclass(slots=True)
class Select:
    """One SELECT or VALUES, without the SELECTs inside it.

    Attributes:
        query: The query it is an operand of.
        keyword: "select" or "values".
        start: Its first token (for the first operand that of the query, WITH included); `end` the one after its last.
        distinct: Whether equal rows are merged.
        items: The expressions of the select list, with their aliases.
        clauses: "select", "from", "where", "group", "having", "window", "order", "limit" → what stands behind the
            keyword, and behind BY. The last operand of a compound has the ORDER BY and LIMIT of all.
    """

    query: Query
    keyword: str
    start: int
    end: int = 0
    distinct: bool = False
    items: list[Range] = field(default_factory=list)
    clauses: dict[str, Range] = field(default_factory=dict)


@dataclass(slots=True)
class Query:
    """SELECTs joined by UNION, EXCEPT or INTERSECT, with their common ORDER BY and LIMIT.

    Attributes:
        start: Number of its first token.
        end: Number after its last token.
        parent: The SELECT it stands in, and None for the whole text and for common table expressions.
        clause: The clause of that SELECT.
        selects: Its operands.
        operators: What stands between them: "union", "union all", "except", "intersect".
    """

    start: int
    parent: Select | None
    clause: str
    end: int = 0
    selects: list[Select] = field(default_factory=list)
    operators: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Source:
    """One source of a FROM clause.

    Attributes:
        join: How it is joined to what stands before: "" (the first), ",", "join", "left outer join", …
        table: Its name without schema; None for brackets.
        query: The query in the brackets, if there is one; a join in brackets has neither table nor query.
        alias: The name it is given, as written.
        start: Its first token; `end` the one after its alias.
        on: Its ON condition.
        plain: Whether there is nothing else: no schema, arguments, USING or INDEXED BY.
    """

    join: str
    table: str | None
    query: Query | None
    alias: str | None
    start: int
    end: int
    on: Range | None
    plain: bool

    @property
    def name(self) -> str | None:
        """By which columns refer to it: alias, or else table."""
        return self.alias if self.alias is not None else self.table


@dataclass(frozen=True, slots=True)
class Structure:
    """A query that has been read.

    Attributes:
        sql: Its text.
        tokens: Its tokens, without semicolons at the end.
        closing: Number of each opening bracket → that of its closing one.
        queries: All queries by their first token.
    """

    sql: str
    tokens: list[Token]
    closing: dict[int, int]
    queries: dict[int, Query]

    @property
    def root(self) -> Query:
        """The outermost query."""
        return self.queries[0]

    def text(self, start: int, end: int) -> str:
        """What the author wrote in a range of tokens."""
        return self.sql[self.tokens[start].start : self.tokens[end - 1].end] if end > start else ""

    def top_level(self, start: int, end: int) -> Iterator[int]:
        """The tokens of a range outside of brackets; of each bracket only the opening one."""
        at = start
        while at < end:
            yield at
            at = self.closing.get(at, at) + 1

    def split(self, start: int, end: int, mark: str) -> list[Range]:
        """Ranges between the words or signs `mark` at this level; the AND of BETWEEN and all of CASE are none."""
        tokens, closing = self.tokens, self.closing
        ranges, first = [], start
        between = case = 0
        at = start
        while at < end:
            word = tokens[at].lower
            if word == "(":
                at = closing[at]
            elif word == "case":
                case += 1
            elif word == "end" and case:
                case -= 1
            elif case:
                pass
            elif word == "between":
                between += 1
            elif word == "and" and between:
                between -= 1
            elif word == mark:
                ranges.append((first, at))
                first = at + 1
            at += 1
        return [*ranges, (first, end)]

    def value_end(self, start: int, end: int) -> int:
        """Where the expression of a select item ends, before AS."""
        return next((at for at in self.top_level(start, end) if self.tokens[at].lower == "as"), end)

    def queries_in(self, start: int, end: int) -> Iterator[Query]:
        """The queries in brackets within a range, without those inside of them."""
        at = start
        while at < end:
            query = self.queries.get(at + 1) if self.tokens[at].text == "(" else None
            if query is not None:
                yield query
                at = query.end
            at += 1

    def sources(self, select: Select) -> list[Source]:
        """The sources of its FROM clause."""
        start, end = select.clauses.get("from", (0, 0))
        found: list[Source] = []
        join, first = "", start
        for at in [*self.top_level(start, end), end]:
            word = self.tokens[at].lower if at < end else ","
            if word in (",", "join") and at > first:
                last = at
                while word == "join" and last > first and self.tokens[last - 1].lower in _JOIN_WORDS:
                    last -= 1
                found.append(self._source(join, first, last))
                join, first = " ".join(token.lower for token in self.tokens[last : at + 1]), at + 1
        return found

    def _source(self, join: str, start: int, end: int) -> Source:
        tokens = self.tokens
        stop = next((at for at in self.top_level(start, end) if tokens[at].lower in ("on", "using")), end)
        on = (stop + 1, end) if stop < end and tokens[stop].lower == "on" else None
        query, table, at, plain = None, None, start + 1, on is not None or stop == end
        if tokens[start].text == "(":
            query, at = self.queries.get(start + 1), self.closing[start] + 1
            plain = plain and query is not None
        elif start < stop:
            table = unquote(tokens[start])
            while at + 1 < stop and tokens[at].text == ".":
                table, at, plain = unquote(tokens[at + 1]), at + 2, False
            if at < stop and tokens[at].text == "(":  # the arguments of a table function
                at, plain = self.closing[at] + 1, False
        alias = None
        if at < stop and tokens[at].lower == "as":
            at += 1
        if at < stop and tokens[at].kind in ("word", "name", "text") and tokens[at].lower not in _NO_ALIAS:
            alias, at = unquote(tokens[at]), at + 1
        return Source(join, table, query, alias, start, at, on, plain and at == stop)


@dataclass(slots=True)
class _Frame:
    """An open bracket: a query, or any other bracket (then `query` is None)."""

    query: Query | None
    select: Select | None
    clause: str
    opened: int  # token number where the clause begins
    item: int = 0  # where the current select item begins


def read(sql: str, tokens: list[Token] | None = None) -> Structure:
    """Read one query.

    Args:
        sql: Its text.
        tokens: Its tokens, if they are known.

    Raises:
        QuerySyntaxError: The text is not one SELECT, VALUES or WITH query, or its brackets do not match.
        MemoryLimit: Its brackets are nested too deep.
    """
    tokens = tokenise(sql) if tokens is None else tokens
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    if not tokens:
        raise QuerySyntaxError("there is no query in the text")
    first = tokens[0]
    if first.lower not in _BEGINS_QUERY:
        found = " ".join(first.text[:40].split())
        raise QuerySyntaxError(f"a query begins with SELECT, WITH or VALUES, not with {found}", line=1, column=1)
    return _Reader(sql, tokens).read()


class _Reader:
    """Walks once over the tokens."""

    def __init__(self, sql: str, tokens: list[Token]) -> None:
        self._sql = sql
        self._tokens = tokens
        self._queries: dict[int, Query] = {}

    def read(self) -> Structure:
        tokens = self._tokens
        closing = self._match_brackets()
        stack = [self._open(0, None, "")]
        frame = stack[-1]
        for number, token in enumerate(tokens):
            word = token.lower
            if word not in _TURNS:
                continue
            if word == "(":
                if len(stack) > MOST_DEPTH:
                    raise MemoryLimit(f"brackets are nested more than {MOST_DEPTH} deep")
                if self._word(number + 1) in _BEGINS_QUERY:
                    frame = self._open(number + 1, frame.select, frame.clause)
                else:
                    frame = _Frame(None, frame.select, frame.clause, number + 1)
                stack.append(frame)
            elif word == ")":
                self._close(stack.pop(), number)
                frame = stack[-1]
            elif word == ";":
                raise QuerySyntaxError("the text holds more than one statement; only one query is run")
            elif frame.query is not None:
                if word == ",":
                    if frame.clause == "select":
                        self._end_item(frame, number)
                        frame.item = number + 1
                elif token.kind == "word":
                    self._keyword(frame, number, word)
        self._close(stack.pop(), len(tokens))
        if not self._queries[0].selects:
            raise QuerySyntaxError("there is no SELECT after WITH")
        return Structure(self._sql, tokens, closing, self._queries)

    def _open(self, number: int, parent: Select | None, clause: str) -> _Frame:
        query = self._queries[number] = Query(number, parent, clause)
        return _Frame(query, None, "with", number)

    def _match_brackets(self) -> dict[int, int]:
        closing: dict[int, int] = {}
        open_brackets: list[int] = []
        for number, token in enumerate(self._tokens):
            if token.text == "(":
                open_brackets.append(number)
            elif token.text == ")":
                if not open_brackets:
                    self._fail("a closing bracket without an opening one", token)
                closing[open_brackets.pop()] = number
        if open_brackets:
            self._fail("a bracket is never closed", self._tokens[open_brackets[-1]])
        return closing

    def _fail(self, message: str, token: Token) -> NoReturn:
        line, column = position(self._sql, token.start)
        raise QuerySyntaxError(message, line=line, column=column)

    def _keyword(self, frame: _Frame, number: int, word: str) -> None:
        """Turn to the clause that a word at the level of a query begins."""
        query = frame.query
        assert query is not None
        if word in ("select", "values"):
            if frame.select is not None and frame.clause != "compound":
                self._fail(f"unexpected {word.upper()}", self._tokens[number])
            start = number if query.selects else query.start
            frame.select = Select(query, word, start)
            query.selects.append(frame.select)
            frame.clause = word
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
            query.operators.append(f"{word} all" if self._word(number + 1) == "all" else word)
        elif word in _CLAUSES and frame.clause != "compound":
            if word == "from" and self._word(number - 1) == "distinct" and self._word(number - 2) in ("is", "not"):
                return  # IS [NOT] DISTINCT FROM
            self._end_clause(frame, number)
            frame.clause = word
            frame.opened = number + 2 if word in ("group", "order") and self._word(number + 1) == "by" else number + 1

    def _word(self, number: int) -> str:
        return self._tokens[number].lower if 0 <= number < len(self._tokens) else ""

    def _close(self, frame: _Frame, number: int) -> None:
        if frame.query is not None:
            self._end_clause(frame, number)
            frame.query.end = number

    def _end_clause(self, frame: _Frame, number: int) -> None:
        select = frame.select
        if select is None or frame.clause in ("compound", "with"):
            return
        if frame.clause == "select":
            self._end_item(frame, number)
        # the first of a kind: a second ORDER BY is SQLite's to refuse
        select.clauses.setdefault(frame.clause, (min(frame.opened, number), number))
        select.end = number

    @staticmethod
    def _end_item(frame: _Frame, number: int) -> None:
        assert frame.select is not None
        frame.select.items.append((frame.item, number))
