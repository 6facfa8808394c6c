"""Whose fault an answer is: the query's, the pictures', both, or luck; and whether holding back was right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ehrxqa.evaluation.answer_files import Predicted as Answered
from ehrxqa.evaluation.comparing import NULL, Verdict, judge
from ehrxqa.evaluation.profiles import Profile
from ehrxqa.models.run_records import Fault
from ehrxqa.neuralsql.result import Outcome

__all__ = ["Counterfactuals", "as_answered", "diagnose"]

_ABSTAINED = Answered("abstained")


@dataclass(frozen=True)
class Counterfactuals:
    """What the same queries give under other circumstances.

    Attributes:
        seen: Query → outcome with the model of the run.
        perfect: Query → outcome with perfect vision.
    """

    seen: Mapping[str, Outcome]
    perfect: Mapping[str, Outcome]


def as_answered(outcome: Outcome | None) -> Answered:
    """An outcome as evaluation sees it; no query is an abstention."""
    if outcome is None or outcome.status == "abstained":
        return _ABSTAINED
    return Answered("answered", outcome.answer) if outcome.status == "answered" else Answered("failed")


def diagnose(
    query: str | None,
    withheld: str | None,
    gold_query: str | None,
    gold: Any,
    evidence: Counterfactuals,
    profile: Profile,
    *,
    ordered: bool = True,
) -> tuple[Verdict, Fault]:
    """The verdict on an answer, and whose fault it is; see `run_records.FAULTS`.

    Args:
        query: What the parser wrote; None if it abstained.
        withheld: What it would have written.
        gold_query: The gold query; None for a question without an answer.
        gold: The gold answer as `compared_form` gives it, `"null"` if there is none.
        evidence: Outcomes of all of them.
        profile: Rules of the comparison.
        ordered: Whether the gold query asks for an order, where the profile makes a difference.
    """

    def right(query: str | None, outcomes: Mapping[str, Outcome]) -> bool:
        return query is not None and judge(gold, as_answered(outcomes.get(query)), profile, ordered=ordered) == "right"

    outcome = None if query is None else evidence.seen.get(query)
    verdict = judge(gold, as_answered(outcome), profile, ordered=ordered)
    return verdict, _fault(verdict, query, withheld, gold_query, gold, outcome, evidence, right)


def _fault(
    verdict: Verdict,
    query: str | None,
    withheld: str | None,
    gold_query: str | None,
    gold: Any,
    outcome: Outcome | None,
    evidence: Counterfactuals,
    right: Callable[[str | None, Mapping[str, Outcome]], bool],
) -> Fault:
    held_back = outcome is None or outcome.status == "abstained"
    if gold == NULL:
        return "abstained-rightly" if held_back else "right" if verdict == "right" else "parser"
    if verdict == "right":
        return "right" if right(query, evidence.perfect) else "luck"
    if held_back:
        # what the parser held back is known; a model that declines holds back an answer that only a query which is
        # right with perfect vision could have used
        would_be_right = right(query, evidence.perfect) if query is not None else right(withheld, evidence.seen)
        return "abstained-wrongly" if would_be_right else "abstained-rightly"
    if right(query, evidence.perfect):
        return "vision"
    return "parser" if right(gold_query, evidence.seen) else "both"
