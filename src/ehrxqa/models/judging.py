"""Judging the answers of a run: scores, whose fault a wrong one is, and what partial credit it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import product
from typing import Any

from ehrxqa.dataset.records import Record
from ehrxqa.errors import RecordError
from ehrxqa.evaluation.comparing import NULL, asks_for_order, compared_form, judge
from ehrxqa.evaluation.profiles import Profile
from ehrxqa.evaluation.soft import soft_f1
from ehrxqa.models.executing import QueryRunner
from ehrxqa.models.faults import Counterfactuals, as_answered, diagnose
from ehrxqa.models.question_set import QuestionSet
from ehrxqa.models.retrieval import Retrieval
from ehrxqa.models.run_records import Cost, OutcomeLine, QueryLine, QuestionScore, Scores
from ehrxqa.models.summary import GROUPINGS, Judged, summarise
from ehrxqa.neuralsql.result import Outcome

__all__ = ["gather_evidence", "judge_answers"]

Key = tuple[str, int]


def gather_evidence(
    asked: QuestionSet,
    queries: Mapping[Key, QueryLine],
    outcomes: Mapping[Key, OutcomeLine],
    runner: QueryRunner,
    oracle: QueryRunner,
) -> Counterfactuals:
    """Run what the outcomes do not say yet: gold queries and withheld ones, and all of them with perfect vision.

    Args:
        asked: The questions.
        queries: What the parser wrote.
        outcomes: What came of it.
        runner: Runs queries with the model of the run.
        oracle: Runs them with perfect vision; may be the same.
    """
    known = {line.query: _outcome_of(outcomes[key]) for key, line in queries.items() if line.query is not None}
    predicted = [line.query or line.withheld for line in queries.values()]
    gold = [asked.gold_query(identifier) for identifier in asked.records]
    every = [query for query in dict.fromkeys([*predicted, *gold]) if query is not None]
    seen = known | dict(runner.run([query for query in every if query not in known], "queries to compare with"))
    if runner is oracle:
        return Counterfactuals(seen, seen)
    return Counterfactuals(seen, dict(oracle.run(every, "queries with perfect vision")))


def judge_answers(
    asked: QuestionSet,
    queries: Mapping[Key, QueryLine],
    outcomes: Mapping[Key, OutcomeLine],
    evidence: Counterfactuals,
    profile: Profile,
    seed: int,
    retrieval: Retrieval,
) -> Scores:
    """The scores of every question in every trial.

    Args:
        asked: The questions.
        queries: What the parser wrote.
        outcomes: What came of it.
        evidence: What the same queries give under other circumstances.
        profile: Rules of the comparison.
        seed: Of the intervals.
        retrieval: Measures the rows and studies that queries find.

    Raises:
        RecordError: A question has no gold answer, nor a query that gives one.
    """
    judged: list[Judged] = []
    questions: list[QuestionScore] = []
    trials = 1 + max((trial for _, trial in outcomes), default=0)
    for trial, identifier in product(range(trials), asked.records):
        line, outcome = queries[identifier, trial], outcomes[identifier, trial]
        gold_query = asked.gold_query(identifier)
        gold = _gold_answer(asked.records[identifier], gold_query, evidence.perfect)
        ordered = profile.order != "asked" or (gold_query is not None and asks_for_order(gold_query))
        form = NULL if gold == NULL else compared_form(gold, profile, ordered=ordered)
        verdict, fault = diagnose(line.query, line.withheld, gold_query, form, evidence, profile, ordered=ordered)
        unheld_outcome = as_answered(evidence.seen.get(line.query or line.withheld or ""))
        unheld = judge(form, unheld_outcome, profile, ordered=ordered)
        answer = outcome.answer if outcome.outcome == "answered" else None
        measures = {} if gold == NULL else {"soft_f1": soft_f1(gold, answer, profile)}
        measures |= retrieval.measures(gold_query, line.query)
        cost = line.cost + Cost(images=outcome.vqa_calls, seconds=outcome.seconds)
        explanation = outcome.reason or line.explanation
        judged.append(Judged(identifier, trial, verdict, unheld, fault, measures))
        questions.append(
            QuestionScore(
                identifier,
                trial,
                float(verdict == "right"),
                answer,
                gold,
                fault,
                explanation,
                cost,
                measures,
                verdict,
                {name: getattr(asked.facts[identifier], name) for name in GROUPINGS},
            )
        )
    summary = summarise(judged, asked.facts, seed)
    if steps := Counter(step for line in queries.values() for step in line.steps):
        summary["clean_up"] = dict(sorted(steps.items()))
    return Scores(profile.name, summary, tuple(questions))


def _outcome_of(line: OutcomeLine) -> Outcome:
    return Outcome(line.outcome, line.answer, line.reason, line.vqa_calls, line.seconds)


def _gold_answer(record: Record, gold_query: str | None, perfect: Mapping[str, Outcome]) -> Any:
    """The gold answer of a record; without one, what its query gives with perfect vision."""
    if gold_query is None:
        return NULL
    if "answer" in record:
        return record["answer"]
    outcome = perfect[gold_query]
    if outcome.status != "answered":
        raise RecordError(f"id {record['id']}: no gold answer, and the gold query gives none ({outcome.error})")
    return outcome.answer
