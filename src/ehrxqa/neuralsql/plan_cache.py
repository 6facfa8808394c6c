"""Plans of queries that differ only in their values and in what they ask the image: made once, then filled in.

What a plan looks like depends neither on the value of a text or a long number nor on the words of a question, but on
where they stand, on whether a question is answered by a truth value or a list, and on which questions are equal.
A query is therefore read with marks in their place. Whatever is unusual (comments, quotes within quotes, a faulty
query) is planned as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ehrxqa.errors import NeuralSqlError, VqaError
from ehrxqa.neuralsql.plan import Plan, Question
from ehrxqa.neuralsql.planner import make_plan
from ehrxqa.sql.clean_text import clean
from ehrxqa.sql.shape import INTEGER_SLOT, TEXT_SLOT, Unproven, shape_of
from ehrxqa.vqa.question import VqaQuestion

__all__ = ["PlanCache"]

#: Plans that are kept.
MOST_PLANS: Final = 512

_CALL: Final = re.compile(r'(\bfunc_vqa\s*\(\s*)"([^"]*)"')
_QUOTED: Final = re.compile(r'"[^"]*"')
_MARK: Final = "ehrxqa mark"
_NUMBER: Final = 900_000_000_000_000
_SLOTS: Final = re.compile(f"[{TEXT_SLOT}{INTEGER_SLOT}]")
_FILLED: Final = re.compile(rf"'{_MARK} (\d+)'|{_NUMBER // 1000}(\d{{3}})\b")
_MOST_VALUES: Final = 999


class PlanCache:
    """Makes plans.

    Args:
        parse: How the text of a question is read.
        deny_tables: Tables out of reach.
    """

    def __init__(self, parse: Callable[[str], VqaQuestion], deny_tables: frozenset[str]) -> None:
        self._parse, self._deny_tables = parse, deny_tables
        self._plans: dict[str, Plan] = {}

    def plan(self, query: str) -> Plan:
        """The plan of a query, equal to that of `make_plan`.

        Raises:
            NeuralSqlError: As `make_plan` says.
        """
        marked = self._marked(clean(query))
        if marked is not None:
            shape, values, questions = marked
            plan = self._plans.get(shape) or self._made(shape, questions)
            if plan is not None:
                return _filled(plan, values, questions)
        return make_plan(query, self._parse, deny_tables=self._deny_tables)

    def _marked(self, sql: str) -> tuple[str, list[str | int], list[Question]] | None:
        """A query with marks, its values, and its distinct questions by the numbers in their marks."""
        if any(sign in sql for sign in ("--", "/*", "`", "[", '""', _MARK, str(_NUMBER // 1000))):
            return None
        if any("'" in quoted for quoted in _QUOTED.findall(sql)):
            return None
        questions: list[Question] = []
        number_of: dict[VqaQuestion, int] = {}

        def mark(match: re.Match[str]) -> str:
            value = self._parse(match[2])
            if value not in number_of:
                number_of[value] = len(questions)
                questions.append(Question(match[2], value))
            return f'{match[1]}"{_mark(number_of[value], value)}"'

        try:
            shape, values = shape_of(_CALL.sub(mark, sql))
        except (VqaError, Unproven):
            return None
        return (shape, values, questions) if len(values) <= _MOST_VALUES else None

    def _made(self, shape: str, questions: list[Question]) -> Plan | None:
        """The plan of a marked query, with marks; None if it is faulty, which is told better without them."""
        numbers = iter(range(_MOST_VALUES + 1))

        def sign(match: re.Match[str]) -> str:
            number = next(numbers)
            return f"'{_MARK} {number}'" if match[0] == TEXT_SLOT else str(_NUMBER + number)

        try:
            plan = make_plan(
                _SLOTS.sub(sign, shape), lambda text: questions[_number_of(text)].value, deny_tables=self._deny_tables
            )
        except NeuralSqlError:
            return None
        if len(self._plans) >= MOST_PLANS:
            self._plans.pop(next(iter(self._plans)))
        self._plans[shape] = plan
        return plan


def _mark(number: int, question: VqaQuestion) -> str:
    return f"{_MARK} {number} {question.answer_type}"


def _number_of(mark: str) -> int:
    """The number in the mark of a question."""
    words = mark.removeprefix(_MARK).split()
    if not mark.startswith(_MARK) or len(words) != 2:
        raise VqaError(f"{mark}: is not a mark")
    return int(words[0])


def _filled(plan: Plan, values: list[str | int], questions: list[Question]) -> Plan:
    """A plan with values and questions in the place of their marks."""

    def fill(text: str) -> str:
        return _FILLED.sub(lambda match: _written(values[int(match[1] or match[2])]), text)

    texts = {
        f'"{_MARK} {n} {question.value.answer_type}"': f'"{question.text}"' for n, question in enumerate(questions)
    }
    items = []
    for item in plan.items:
        for mark, text in texts.items():
            item = item.replace(mark, text)
        items.append(fill(item))
    return replace(
        plan,
        sql=fill(plan.sql),
        probe=None if plan.probe is None else fill(plan.probe),
        questions=tuple(questions[_number_of(question.text)] for question in plan.questions),
        items=tuple(items),
    )


def _written(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"
