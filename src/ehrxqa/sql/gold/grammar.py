"""Reads the part of SQL in which gold programs are written, as an allow-list.

Expressions are kept flat, operators beside operands: for what is proved about a program it matters which columns,
calls and selects an expression holds, not how its operators bind. What is not listed here is not read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ehrxqa.sql.shape import INTEGER_SLOT, TEXT_SLOT, Unproven

__all__ = [
    "AGGREGATES", "RANKS", "SCALARS", "Call", "Case", "Column", "Expression", "Literal", "Part", "Query", "Select",
    "Source", "Sub", "parse", "parts_of",
]  # fmt: skip

#: Functions that give the same for the same, and never fail, by the number of arguments they may have. Without a time
#: the date functions mean now.
SCALARS: Final = {
    "coalesce": (2, 9), "date": (1, 9), "datetime": (1, 9), "ifnull": (2, 2), "iif": (3, 3), "julianday": (1, 9),
    "length": (1, 1), "lower": (1, 1), "max": (2, 9), "min": (2, 9), "nullif": (2, 2), "round": (1, 2),
    "strftime": (2, 9), "substr": (2, 3), "time": (1, 9), "trim": (1, 1), "upper": (1, 1),
}  # fmt: skip
AGGREGATES: Final = frozenset({"avg", "count", "group_concat", "max", "min", "sum", "total"})
RANKS: Final = frozenset({"cume_dist", "dense_rank", "percent_rank", "rank"})
_WINDOWS: Final = RANKS | {"row_number"}

_SYMBOLS: Final = frozenset({"-", "+", "*", "/", "%", "=", "==", "<>", "!=", "<", "<=", ">", ">="})
_WORDS: Final = frozenset({"and", "or", "not", "is", "between", "like"})
_WORDS_THAT_END_EXPRESSIONS: Final = """
    as asc cross desc else end except from group having inner intersect join limit offset on order then union when where
"""
_OTHER_WORDS: Final = """
    all by case cast collate distinct escape exists filter full glob groups in indexed isnull left match materialized
    natural notnull null nulls outer over partition range recursive regexp returning right rows select using values
    window with
"""
_ENDS: Final = frozenset(_WORDS_THAT_END_EXPRESSIONS.split())
_RESERVED: Final = _ENDS | _WORDS | frozenset(_OTHER_WORDS.split())
_LONGEST_PATTERN: Final = 200


@dataclass(slots=True)
class Column:
    """A column by name; `table` is the name before the dot."""

    table: str | None
    name: str


@dataclass(slots=True)
class Literal:
    """A number, text, null, truth value or slot, as written."""

    text: str


@dataclass(slots=True)
class Call:
    """A function call, with its window if it has one."""

    name: str
    arguments: list[Expression]
    distinct: bool = False
    star: bool = False
    over: tuple[list[Expression], list[Expression]] | None = None


@dataclass(slots=True)
class Case:
    """A case expression: what it looks at, and what it may give."""

    tests: list[Expression]
    results: list[Expression]


@dataclass(slots=True)
class Sub:
    """A select inside an expression; `many` where all its rows count, as behind IN, not only the first."""

    query: Query
    many: bool


@dataclass(slots=True)
class Expression:
    """Operands and operators (as texts) side by side."""

    parts: list[Part] = field(default_factory=list)


Part = Column | Literal | Call | Case | Sub | Expression | str


@dataclass(slots=True)
class Source:
    """A table or select in FROM.

    Attributes:
        table: Name in lower case, or None.
        query: The select, or None.
        name: By which columns refer to it.
        start: Token of the table name or the opening parenthesis.
        aliased: Whether an alias is written.
    """

    table: str | None
    query: Query | None
    name: str
    start: int
    aliased: bool


@dataclass(slots=True)
class Select:
    """One SELECT without ORDER BY and LIMIT.

    Attributes:
        items: Results with their aliases; an expression that is None is `*`.
        source_end: First token behind FROM … WHERE ….
    """

    distinct: bool = False
    items: list[tuple[Expression | None, str | None]] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    on: list[Expression] = field(default_factory=list)
    where: Expression | None = None
    where_start: int = 0
    source_end: int = 0
    group: list[Expression] = field(default_factory=list)
    having: Expression | None = None


@dataclass(slots=True)
class Query:
    """SELECTs joined by UNION and its like, with what holds for all: ORDER BY and LIMIT."""

    start: int
    end: int = 0
    selects: list[Select] = field(default_factory=list)
    operators: list[str] = field(default_factory=list)
    order: list[Expression] = field(default_factory=list)
    limited: bool = False


def parse(tokens: list[str]) -> Query:
    """The query that the tokens are.

    Raises:
        Unproven: They are not within the grammar.
    """
    parser = _Parser(tokens)
    query = parser.query()
    if parser.place != len(tokens):
        raise Unproven("text behind the query")
    return query


def parts_of(expression: Expression) -> list[Part]:
    """All parts of an expression, those inside calls and cases too, but not those inside selects."""
    found: list[Part] = []
    waiting: list[Part] = [expression]
    while waiting:
        part = waiting.pop()
        found.append(part)
        if isinstance(part, Expression):
            waiting += part.parts
        elif isinstance(part, Call):
            waiting += part.arguments
            if part.over is not None:
                waiting += part.over[0] + part.over[1]
        elif isinstance(part, Case):
            waiting += part.tests + part.results
    return found


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.words = [*(token.lower() if token[0] != "'" else token for token in tokens), "", ""]
        self.place = 0

    @property
    def word(self) -> str:
        return self.words[self.place]

    def take(self, word: str) -> bool:
        if self.word == word:
            self.place += 1
            return True
        return False

    def need(self, word: str) -> None:
        if not self.take(word):
            raise Unproven(f"{word} expected")

    def name(self) -> str:
        word = self.word
        if not _is_name(word) or "." in word:
            raise Unproven("name expected")
        self.place += 1
        return word

    def query(self) -> Query:
        query = Query(start=self.place)
        query.selects.append(self.select())
        while self.word in ("union", "intersect", "except"):
            operator = self.word
            self.place += 1
            query.operators.append("union all" if operator == "union" and self.take("all") else operator)
            query.selects.append(self.select())
        if self.take("order"):
            self.need("by")
            query.order = self.order_terms()
        if self.take("limit"):
            query.limited = True
            self.number()
            if self.take("offset"):
                self.number()
        query.end = self.place
        return query

    def number(self) -> None:
        self.take("-")
        if not self.word.isdigit() and self.word != INTEGER_SLOT:
            raise Unproven("number expected")
        self.place += 1

    def select(self) -> Select:
        self.need("select")
        select = Select(distinct=self.take("distinct"))
        while True:
            if self.take("*"):
                select.items.append((None, None))
            else:
                value = self.expression()
                select.items.append((value, self.name() if self.take("as") else None))
            if not self.take(","):
                break
        if self.take("from"):
            self.sources(select)
        if self.take("where"):
            if not select.sources:
                raise Unproven("where without from")
            select.where_start = self.place
            select.where = self.expression()
        select.source_end = self.place
        if self.take("group"):
            self.need("by")
            select.group = [self.term()]
            while self.take(","):
                select.group.append(self.term())
        if self.take("having"):
            select.having = self.expression()
        return select

    def sources(self, select: Select) -> None:
        select.sources.append(self.source())
        while True:
            if self.take(","):
                select.sources.append(self.source())
                continue
            if self.word in ("inner", "cross"):
                self.place += 1
                self.need("join")
            elif not self.take("join"):
                break
            select.sources.append(self.source())
            if self.take("on"):
                select.on.append(self.expression())

    def source(self) -> Source:
        start = self.place
        query = table = None
        if self.take("("):
            query = self.query()
            self.need(")")
        else:
            table = self.name()
        aliased = self.take("as")
        if aliased or (_is_name(self.word) and "." not in self.word):
            return Source(table, query, self.name(), start, aliased=True)
        return Source(table, query, table or "", start, aliased=False)

    def order_terms(self) -> list[Expression]:
        terms = []
        while True:
            terms.append(self.term())
            if not self.take("desc"):
                self.take("asc")
            if not self.take(","):
                return terms

    def term(self) -> Expression:
        """A term of GROUP BY or ORDER BY: a position, or an expression that holds a column, call or select."""
        value = self.expression()
        lone = value.parts[0] if len(value.parts) == 1 else None
        if isinstance(lone, Literal) and lone.text.isdigit():
            return value
        if not any(isinstance(part, Column | Call | Sub) for part in parts_of(value)):
            raise Unproven("a constant to sort or group by")
        return value

    def expression(self) -> Expression:
        value = Expression()
        operand = False  # whether the last part was one
        while (word := self.word) and word not in _ENDS and word not in (",", ")"):
            if word in _SYMBOLS or word in _WORDS:
                self.place += 1
                value.parts.append(word)
                operand = False
                if word == "like":
                    self.check_pattern()
            elif word == "in":
                self.place += 1
                value.parts += ["in", self.set_of_values()]
                operand = True
            elif operand:
                raise Unproven("two operands side by side")
            else:
                value.parts.append(self.operand())
                operand = True
        if not operand:
            raise Unproven("operand expected")
        return value

    def check_pattern(self) -> None:
        # A long pattern is an error, and only if it is ever compared.
        if self.word[:1] != "'" or len(self.word) > _LONGEST_PATTERN:
            raise Unproven("pattern expected")

    def set_of_values(self) -> Part:
        self.need("(")
        if self.word == "select":
            query = self.query()
            self.need(")")
            return Sub(query, many=True)
        values: list[Part] = []
        while True:
            values.append(self.expression())
            if not self.take(","):
                break
            values.append(",")
        self.need(")")
        return Expression(values)

    def operand(self) -> Part:
        word = self.word
        if word[0] in f"'{TEXT_SLOT}{INTEGER_SLOT}" or word[0].isdigit() or word in ("null", "true", "false"):
            self.place += 1
            # a slot is told from the others by its place
            return Literal(f"{word}{self.place}" if word in (TEXT_SLOT, INTEGER_SLOT) else word)
        if self.take("("):
            inner: Part
            inner = Sub(self.query(), many=False) if self.word == "select" else self.expression()
            self.need(")")
            return inner if isinstance(inner, Sub) else Expression([inner])
        if self.take("case"):
            return self.case()
        if not _is_name(word):
            raise Unproven("operand expected")
        self.place += 1
        if self.word == "(" and "." not in word:
            return self.call(word)
        table, _, name = word.rpartition(".")
        return Column(table or None, name)

    def case(self) -> Case:
        case = Case([], [])
        if self.word != "when":
            case.tests.append(self.expression())
        while self.take("when"):
            case.tests.append(self.expression())
            self.need("then")
            case.results.append(self.expression())
        if self.take("else"):
            case.results.append(self.expression())
        self.need("end")
        return case

    def call(self, name: str) -> Call:
        self.need("(")
        call = Call(name, [], distinct=self.take("distinct"))
        if self.take("*"):
            call.star = True
        elif self.word != ")":
            call.arguments.append(self.expression())
            while self.take(","):
                call.arguments.append(self.expression())
        self.need(")")
        if self.take("over"):
            call.over = self.window()
        self.check_call(call)
        return call

    def window(self) -> tuple[list[Expression], list[Expression]]:
        partition: list[Expression] = []
        self.need("(")
        if self.take("partition"):
            self.need("by")
            partition.append(self.expression())
            while self.take(","):
                partition.append(self.expression())
        self.need("order")
        self.need("by")
        order = self.order_terms()
        self.need(")")
        return partition, order

    def check_call(self, call: Call) -> None:
        count = len(call.arguments)
        if call.over is not None:
            known = call.name in _WINDOWS and count == 0 and not call.distinct and not call.star
        elif call.star:
            known = call.name == "count" and count == 0 and not call.distinct
        elif count == 1 and call.name in AGGREGATES:
            known = True
        else:
            least, most = SCALARS.get(call.name, (1, 0))
            known = least <= count <= most and not call.distinct
        if not known:
            raise Unproven(f"the function {call.name}")


def _is_name(word: str) -> bool:
    return bool(word) and (word[0].isalpha() or word[0] == "_") and word not in _RESERVED
