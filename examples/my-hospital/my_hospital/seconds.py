"""A metric: what a question costs in time."""

from collections.abc import Sequence

from ehrxqa.evaluation.metrics import Score


def seconds(scores: Sequence[Score]) -> float:
    """Mean seconds of those scores that say how long they took; 0 if none does."""
    spent = [score.cost["seconds"] for score in scores if score.cost and "seconds" in score.cost]
    return sum(spent) / len(spent) if spent else 0.0
