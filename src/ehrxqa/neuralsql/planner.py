"""From a query to its plan.

A func_vqa call becomes

- for a yes/no question, a look-up by study: `ehrxqa_truth(call, study)`, 1, 0 or NULL;
- for a list question in the select list, GROUP BY, HAVING or ORDER BY, a join with one row per element:
  `CROSS JOIN ehrxqa_elements(call, study) AS e`, and `e.ehrxqa_element` in its place. Equal calls of one SELECT
  are one join;
- for a list question as `x in (func_vqa(…))`, the set of its elements.

Everything else stays as the author wrote it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ehrxqa.errors import VqaError
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.neuralsql.booleans import chains, choices
from ehrxqa.neuralsql.calls import FUNCTION, VqaCall, calls_of
from ehrxqa.neuralsql.plan import Plan, Question
from ehrxqa.neuralsql.probe import probe_edits
from ehrxqa.neuralsql.rewriting import ELEMENT, ELEMENTS, TRUTH, Edits
from ehrxqa.sql.clean_text import clean_tokens
from ehrxqa.sql.errors import CallError, Denied
from ehrxqa.sql.hints import hints_of
from ehrxqa.sql.structure import Select, Structure, read
from ehrxqa.sql.tokens import Token, position, unquote
from ehrxqa.text_table import shortened
from ehrxqa.vqa.models import AnswerType, expected_answer
from ehrxqa.vqa.other_kinds import other_question
from ehrxqa.vqa.question import VqaQuestion

__all__ = ["RESERVED", "make_plan"]

#: Names that a query may not use: they are the engine's own.
RESERVED = "ehrxqa_"


def make_plan(
    query: str,
    parse: Callable[[str], VqaQuestion],
    *,
    deny_tables: frozenset[str] = frozenset(),
    free_text: bool = False,
    now: str = CURRENT_TIME,
) -> Plan:
    """Clean, read, check and rewrite a query.

    Args:
        query: As it was written.
        parse: How the text of a question is read.
        deny_tables: Tables out of reach.
        free_text: Whether a question that is not understood is left to the model as it is.
        now: What `current_time` means.

    Raises:
        QuerySyntaxError: The text is not one query.
        CallError: A call has no meaning where it stands, or its question is not understood.
        Denied: A denied table is named.
    """
    sql, tokens = clean_tokens(query, now)
    structure = read(sql, tokens)
    calls = calls_of(structure)
    _check_names(sql, structure.tokens, deny_tables)
    hints = hints_of(structure.tokens)
    if not calls:
        return Plan(sql, None, (), (), (), (), (), hints)
    return replace(_Planner(structure, calls, parse, free_text=free_text).plan(), hints=hints)


def _check_names(sql: str, tokens: list[Token], deny_tables: frozenset[str]) -> None:
    """Refuse names out of reach early, with their place; the authorizer refuses them too."""
    for token in tokens:
        if token.kind in ("word", "name"):
            name = token.lower if token.kind == "word" else unquote(token).lower()
            if name in deny_tables:
                line, column = position(sql, token.start)
                raise Denied(
                    f"line {line}, column {column}: {name} is the answer key: no query may read it "
                    "(ask the image with func_vqa)",
                    action="read",
                    target=name,
                )
            if name.startswith(RESERVED):
                raise Denied(f"names that begin with {RESERVED} are the engine's own", action="name", target=name)


class _Planner:
    def __init__(
        self, structure: Structure, calls: list[VqaCall], parse: Callable[[str], VqaQuestion], *, free_text: bool
    ) -> None:
        self._structure, self._calls, self._free_text = structure, calls, free_text
        self._sql, self._tokens = structure.sql, structure.tokens
        self._edits = Edits(structure)
        self._numbers: dict[VqaQuestion | str, int] = {}
        self._questions: list[Question] = []
        self._question_of = [self._question(call, parse) for call in calls]
        self._places: list[list[tuple[int, int, bool]]] = [[] for _ in calls]
        self._joins: dict[tuple[int, int, str], str] = {}
        self._first: dict[tuple[int, int, str], int] = {}
        self._number_of = list(range(len(calls)))

    def plan(self) -> Plan:
        for call in self._calls:
            question = self._questions[self._question_of[call.number]]
            if question.answer_type == "list":
                self._rewrite_list(call)
            else:
                self._rewrite_truth(call)
        self._order_chains()
        probed = probe_edits(self._structure, self._calls, self._is_truth, self._number_of)
        items = self._structure.root.selects[0].items
        return Plan(
            self._edits.write(),
            None if probed is None else self._edits.write_probe(probed),
            tuple(self._questions),
            tuple(self._question_of),
            tuple(tuple(places) for places in self._places),
            () if probed is None else probed.calls,
            tuple(self._structure.text(start, end) for start, end in items),
        )

    def _question(self, call: VqaCall, parse: Callable[[str], VqaQuestion]) -> int:
        try:
            value = parse(call.question)
        except VqaError as error:
            other = other_question(call.question)
            if other is None and not self._free_text:
                why = shortened(" ".join(str(error).split()), 300)
                raise self._error(call, f"question not understood: {why}") from None
            question = Question(call.question, None, other.kind.answer_type if other else self._expected(call))
        else:
            question = Question(call.question, value, value.answer_type)
        if question.key not in self._numbers:
            self._numbers[question.key] = len(self._questions)
            self._questions.append(question)
        return self._numbers[question.key]

    def _expected(self, call: VqaCall) -> AnswerType:
        """What a free text is answered with: as its place demands, else as the sentence sounds."""
        if call.member:
            return "list"
        _, before, after, further_on = self._neighbours(call)
        if after is not None and after.lower in ("=", "==", "<>", "!=", "is") and further_on is not None:
            return "list" if further_on.kind == "text" else "truth"
        if call.clause in ("where", "from", "limit", "values", "window"):
            return "truth"  # a list has no meaning there
        if before is not None and before.lower in ("and", "or", "not", "when"):
            return "truth"
        if after is not None and after.lower in ("and", "or", "then"):
            return "truth"
        return expected_answer(call.question)

    def _is_truth(self, call: VqaCall) -> bool:
        return self._questions[self._question_of[call.number]].answer_type == "truth"

    def _error(self, call: VqaCall, message: str) -> CallError:
        line, column = position(self._sql, self._tokens[call.start].start)
        return CallError(f"line {line}, column {column}: {message}")

    def _neighbours(self, call: VqaCall) -> tuple[Token | None, Token | None, Token | None, Token | None]:
        """The two tokens before and the two after a call, outside of brackets that hold nothing else."""
        first, last = call.start - 1, call.end
        tokens = self._tokens
        while first >= 0 and last < len(tokens) and tokens[first].text == "(" and tokens[last].text == ")":
            first, last = first - 1, last + 1

        def token(number: int) -> Token | None:
            return tokens[number] if 0 <= number < len(tokens) else None

        return token(first - 1), token(first), token(last), token(last + 1)

    # Truth-valued calls

    def _rewrite_truth(self, call: VqaCall) -> None:
        self._check_comparison(
            call, ("text", "name"), "a yes/no question is true or false: compare it with true or false"
        )
        simple = all(
            token.kind in ("word", "name", "number", "text") or token.text in ".-"
            for token in self._tokens[call.study[0] : call.study[1]]
        )
        number = self._number_of[call.number] = self._same_as(call)
        head, tail = f"{TRUTH}({number}, ", ")"
        if simple and call.clause in ("where", "from"):
            # SQLite looks at a condition with a correlated subquery after all others of the same loop; columns
            # of the other sources make it wait for the innermost loop. So the rest of the query filters first.
            columns = self._columns_of_others(call) if call.clause == "where" else []
            head = f"(SELECT {head}"
            tail = "".join(f", {column}" for column in columns) + "))"
        self._edits.replace_call(call, lambda study: f"{head}{study}{tail}")

    def _same_as(self, call: VqaCall) -> int:
        """The number of the first equal call of the SELECT, so that equal expressions stay equal texts."""
        spelled = self._edits.spelled(*call.study)
        question = self._question_of[call.number]
        selects = call.select.query.selects if call.clause == "order" else [call.select]
        for select in selects:  # the ORDER BY of a compound may mean a column of any of its SELECTs
            if (id(select), question, spelled) in self._first:
                return self._first[id(select), question, spelled]
        return self._first.setdefault((id(call.select), question, spelled), call.number)

    def _check_comparison(self, call: VqaCall, kinds: tuple[str, ...], message: str) -> None:
        further_back, before, after, further_on = self._neighbours(call)
        signs = ("=", "==", "<>", "!=", "is", "like", "in")
        if after is not None and after.lower in signs and further_on is not None and further_on.kind in kinds:
            raise self._error(call, message)
        if before is not None and before.lower in signs and further_back is not None and further_back.kind == "text":
            raise self._error(call, message)

    def _columns_of_others(self, call: VqaCall) -> list[str]:
        """One column of each other source of the call's SELECT, as the author writes it somewhere in that SELECT."""
        select, tokens = call.select, self._tokens
        names = [source.name.lower() for source in self._structure.sources(select) if source.name is not None]
        if len(names) < 2:
            return []
        used = {token.lower for token in tokens[call.study[0] : call.study[1]]}
        wanted = {name for name in names if name not in used and names.count(name) == 1}
        columns: dict[str, str] = {}
        for number in self._own_tokens(select):
            name = unquote(tokens[number]).lower()
            if (
                name in wanted
                and name not in columns
                and tokens[number + 1 : number + 2]
                and tokens[number + 1].text == "."
                and tokens[number + 2].kind in ("word", "name")
                and (number == 0 or tokens[number - 1].text != ".")
                and (number + 3 >= len(tokens) or tokens[number + 3].text not in (".", "("))
            ):
                columns[name] = self._sql[tokens[number].start : tokens[number + 2].end]
        return [columns[name] for name in names if name in columns]

    def _own_tokens(self, select: Select) -> list[int]:
        """Tokens of WHERE and ON conditions and of the select list, without those of subqueries."""
        tokens, numbers = self._tokens, []
        ranges = [*select.items, *(select.clauses[name] for name in ("from", "where") if name in select.clauses)]
        for start, end in ranges:
            number = start
            while number < end:
                if number + 1 in self._structure.queries:
                    number = self._structure.closing[number] + 1
                    continue
                if tokens[number].kind in ("word", "name"):
                    numbers.append(number)
                number += 1
        return numbers

    # List-valued calls

    def _rewrite_list(self, call: VqaCall) -> None:
        if call.member:
            self._edits.replace_call(call, lambda study: f"SELECT {ELEMENT} FROM {ELEMENTS}({call.number}, {study})")
            return
        self._check_list_place(call)
        key = (id(call.select), self._question_of[call.number], self._edits.spelled(*call.study))
        alias = self._joins.get(key)
        if alias is None:
            alias = self._joins[key] = f"{RESERVED}e{call.number}"
            self._edits.join(call, lambda study: f"{ELEMENTS}({call.number}, {study}) AS {alias}")
        self._edits.replace_call(call, lambda _study: f"{alias}.{ELEMENT}")

    def _check_list_place(self, call: VqaCall) -> None:
        where = {
            "where": "a condition",
            "from": "a join",
            "limit": "a LIMIT",
            "values": "VALUES",
            "window": "a window",
        }.get(call.clause)
        if call.clause == "order" and len(call.select.query.selects) > 1:
            where = "the ORDER BY of a compound"
        if where is not None:
            raise self._error(
                call,
                f'a list question in {where} has no single value: say "x in ({FUNCTION}(…))", '
                "or put the call into the select list",
            )
        *_, after, further_on = self._neighbours(call)
        if after is not None and after.lower in ("=", "==", "<>", "!=", "is") and further_on is not None:
            word = further_on.lower
            if word in ("true", "false", "not", "null", "1", "0"):
                raise self._error(call, f"a list question has no truth value: it cannot be compared with {word}")

    # Conditions

    def _order_chains(self) -> None:
        starts = [call.start for call in self._calls]

        def asks(start: int, end: int) -> bool:
            return any(start <= at < end for at in starts)

        number = 0
        for start, end, clause in self._conditions():
            for chain in chains(self._structure, start, end, asks):
                self._note_places([(*operand, True) for operand in chain.operands], number)
                number += 1
                # The terms of WHERE itself are SQLite's to order: it knows which of them an index serves.
                if not (clause == "where" and chain.outermost and chain.connective == "and"):
                    self._edits.reorder(chain)
        for parts in choices(self._structure, asks):
            self._note_places(parts, number)
            number += 1

    def _note_places(self, parts: list[tuple[int, int, bool]], number: int) -> None:
        inside = [[call.number for call in self._calls if first <= call.start < last] for first, last, _ in parts]
        if sum(bool(calls) for calls in inside) < 2:
            return
        for place, calls in enumerate(inside):
            for call in calls:
                self._places[self._number_of[call]].append((number, place, parts[place][2]))

    def _conditions(self) -> list[tuple[int, int, str]]:
        """Ranges that hold one condition each: WHERE, HAVING, and bracketed or whole select items."""
        found: list[tuple[int, int, str]] = []
        seen: set[int] = set()
        selects: list[Select] = []
        for call in self._calls:
            select: Select | None = call.select
            while select is not None and id(select) not in seen:
                seen.add(id(select))
                selects.append(select)
                select = select.query.parent
        for select in selects:
            for clause in ("where", "having"):
                if clause in select.clauses:
                    found.append((*select.clauses[clause], clause))
            for start, end in select.items:
                last = self._condition_end(start, end)
                if last is not None:
                    found.append((start, last, "items"))
        return found

    def _condition_end(self, start: int, end: int) -> int | None:
        """Where the expression of a select item ends; None if it may carry an alias without AS."""
        before_as = self._structure.value_end(start, end)
        if before_as < end:
            return before_as
        last = self._tokens[end - 1]
        sure = last.text == ")" or last.kind in ("number", "blob") or last.lower in ("true", "false", "null")
        return end if sure else None
