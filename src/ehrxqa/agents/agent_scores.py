"""What a run keeps of an agent's episodes, and the scores they come to."""

from __future__ import annotations

from pathlib import Path

from ehrxqa.agents.questions import Question, question_of, verdict_of
from ehrxqa.agents.trace import Submission, Trace
from ehrxqa.counting import counted
from ehrxqa.errors import RecordError
from ehrxqa.evaluation.comparing import NULL, Verdict
from ehrxqa.evaluation.profiles import profile_named
from ehrxqa.evaluation.soft import soft_f1
from ehrxqa.models.question_set import QuestionSet
from ehrxqa.models.run_folder import read_outcomes, read_queries
from ehrxqa.models.run_records import Cost, Fault, OutcomeLine, QueryLine, QuestionScore, Scores
from ehrxqa.models.summary import GROUPINGS, Judged, summarise

__all__ = ["agent_scores", "lines_of"]


def lines_of(identifier: str, trial: int, trace: Trace, cost: Cost) -> tuple[QueryLine, OutcomeLine]:
    """What a run keeps of an episode: what was written, and what came of it."""
    handed_in = trace.submission or Submission("abstain", "abstained", reason="nothing was handed in")
    explanation = counted(len(trace.calls), "call of a tool", "calls of tools")
    return QueryLine(identifier, trial, handed_in.query, None, explanation, cost), OutcomeLine(
        identifier,
        trial,
        handed_in.outcome,
        handed_in.answer,
        handed_in.reason or ("the agent abstains" if handed_in.outcome == "abstained" else None),
        trace.spent.image_questions,
        round(trace.spent.seconds, 4),
    )


def agent_scores(
    folder: Path, asked: QuestionSet, split: str, trials: int, profile: str, seed: int
) -> tuple[Scores, Cost]:
    """The scores of every question in every trial, and what the run used up."""
    queries, outcomes = read_queries(folder), read_outcomes(folder)
    rules = profile_named(profile)
    judged: list[Judged] = []
    scores: list[QuestionScore] = []
    used = Cost()
    for trial in range(trials):
        for identifier, asked_record in asked.records.items():
            if "answer" not in asked_record:
                raise RecordError(f"{asked.path}: id {identifier} has no answer; answer the file first: ehrxqa answer")
            question = question_of(asked_record, split, asked.facts[identifier], None)
            line, outcome = queries[identifier, trial], outcomes[identifier, trial]
            submission = Submission("answer", outcome.outcome, outcome.answer)
            verdict = verdict_of(question, submission, profile)
            fault = _fault(question, verdict)
            answer = outcome.answer if outcome.outcome == "answered" else None
            measures = {} if question.gold == NULL else {"soft_f1": soft_f1(question.gold, answer, rules)}
            cost = line.cost + Cost(images=outcome.vqa_calls)
            used += cost
            judged.append(Judged(identifier, trial, verdict, verdict, fault, measures))
            scores.append(
                QuestionScore(
                    identifier,
                    trial,
                    float(verdict == "right"),
                    answer,
                    question.gold,
                    fault,
                    outcome.reason or line.explanation,
                    cost,
                    measures,
                    verdict,
                    {name: getattr(question.placement, name) for name in GROUPINGS},
                )
            )
    return Scores(profile, summarise(judged, asked.facts, seed), tuple(scores)), used


def _fault(question: Question, verdict: Verdict) -> Fault | None:
    """Whose fault it is, as far as an answer without a query tells."""
    if verdict != "right":
        return None
    return "abstained-rightly" if question.gold == NULL else "right"
