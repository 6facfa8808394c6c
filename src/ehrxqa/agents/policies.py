"""Three policies to measure others by: chance, any parser, and one that knows the gold query."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from ehrxqa.agents.environment import Action, Environment, Observation
from ehrxqa.agents.opened import Build
from ehrxqa.models.parsers import AskedQuestion, Parser

__all__ = ["oracle_policy", "parser_policy", "random_policy"]

Policy = Callable[[Observation], Action]

_QUESTION = re.compile(r"\nQuestion: (.*)\Z", re.DOTALL)


def random_policy(build: Build, seed: int = 0) -> Policy:
    """Calls tools at random with arguments that make sense, and answers at random: yes, no, a number, or nothing."""
    chance = random.Random(seed)
    studies, tables = sorted(build.studies), sorted(build.tables)

    def act(seen: Observation) -> Action:
        study = str(chance.choice(studies))
        match chance.randrange(6):
            case 0:
                return {"tool": "describe_tables", "arguments": {"tables": [chance.choice(tables)]}}
            case 1:
                return {"tool": "search_values", "arguments": {"text": chance.choice(("heparin", "glucose", "fever"))}}
            case 2:
                return {"tool": "run_sql", "arguments": {"query": f"select count(*) from {chance.choice(tables)}"}}
            case 3:
                return {"tool": "list_studies", "arguments": {"subject_id": str(build.studies[int(study)][0])}}
            case 4:
                return {"tool": "ask_image", "arguments": {"question": "is there pneumonia?", "studies": [study]}}
        answer = chance.choice(([0], [1], [chance.randrange(10)], []))
        return {"tool": "submit_answer", "arguments": {"answer": answer}}

    return act


def parser_policy(parser: Parser) -> Policy:
    """Hands in the query that a parser makes of the question, or abstains where it does."""

    def act(seen: Observation) -> Action:
        found = _QUESTION.search(seen.text)
        asked = AskedQuestion("0", found[1] if found else seen.text)
        (_, made), *_ = parser.parse([asked], 0)
        arguments = {"abstain": True} if made.query is None else {"query": made.query}
        return {"tool": "submit_answer", "arguments": arguments}

    return act


def oracle_policy(environment: Environment) -> Policy:
    """Hands in the gold query: the most that can be had with the environment's vision model."""

    def act(seen: Observation) -> Action:
        question = environment.question
        query = None if question is None else question.query
        return {"tool": "submit_answer", "arguments": {"abstain": True} if query is None else {"query": query}}

    return act
