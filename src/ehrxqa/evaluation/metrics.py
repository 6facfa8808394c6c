"""Scores as values, and metrics as functions over them.

A score says what became of one question: its value, the verdict, the answer, why, and what it cost. A metric makes one
number of many scores. Reliability scores are instances of one metric with their penalty; others come from packages
(entry points `ehrxqa.metrics`) or from the command line (`python:MODULE:NAME`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ehrxqa.doors import load_all, load_python
from ehrxqa.errors import SettingsError
from ehrxqa.evaluation.comparing import Verdict

__all__ = ["EX", "METRICS", "Metric", "NamedMetric", "Reliability", "Score", "installed_metrics", "metric_named"]


@dataclass(frozen=True, slots=True)
class Score:
    """What became of one question.

    Attributes:
        value: From 0 to 1; 1 for a right answer, 0 for an abstention or a wrong one.
        verdict: right, abstained or wrong.
        answer: As predicted; None if there is none.
        explanation: Why, in a line, where there is something to say.
        cost: What it used up, by name (`seconds`, `tokens`, …).
    """

    value: float
    verdict: Verdict
    answer: Any = None
    explanation: str | None = None
    cost: Mapping[str, float] | None = None


class Metric(Protocol):
    """One number over scores.

    Attributes:
        name: As reports show it.
    """

    @property
    def name(self) -> str:
        """As reports show it."""
        ...

    def __call__(self, scores: Sequence[Score]) -> float:
        """The number for at least one score."""
        ...


@dataclass(frozen=True)
class Reliability:
    """RS(c) in percent: a right answer counts 1, an abstention 0, a wrong answer -c.

    >>> scores = [Score(1.0, "right")] * 2 + [Score(0.0, "abstained")] + [Score(0.0, "wrong")] * 2
    >>> Reliability(5)(scores), Reliability(None)(scores), EX(scores)
    (-160.0, -160.0, 40.0)

    Attributes:
        penalty: c; None for the number of scores.
        name: As reports show it; by default made of c.
    """

    penalty: float | None
    name: str = ""

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", "RSN" if self.penalty is None else f"RS{self.penalty:g}")

    def __call__(self, scores: Sequence[Score]) -> float:
        """The mean over scores."""
        verdicts = [score.verdict for score in scores]
        return self.of_counts(verdicts.count("right"), verdicts.count("wrong"), len(scores))

    def of_counts(self, right: int, wrong: int, total: int) -> float:
        """The same, from how often each verdict occurs."""
        penalty = float(total) if self.penalty is None else self.penalty
        return 100.0 * (right - penalty * wrong) / total


#: Execution accuracy; it equals RS0, because both count right answers.
EX: Final = Reliability(0.0, "EX")
#: What every report shows.
METRICS: Final = (EX, Reliability(0.0), Reliability(5.0), Reliability(10.0), Reliability(None))


@dataclass(frozen=True)
class NamedMetric:
    """A plain function over scores with a name."""

    name: str
    function: Callable[[Sequence[Score]], float]

    def __call__(self, scores: Sequence[Score]) -> float:
        """What the function gives.

        Raises:
            SettingsError: That is no number.
        """
        value = self.function(scores)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SettingsError(f"the metric {self.name} gave {type(value).__name__}, not a number")
        return float(value)


def installed_metrics() -> tuple[Metric, ...]:
    """Metrics that installed packages declare, by name.

    Raises:
        SettingsError: One cannot be loaded, or is no metric.
    """
    return tuple(_as_metric(name, value) for name, value in load_all("ehrxqa.metrics").items())


def metric_named(text: str) -> Metric:
    """A metric by its text: `RS7.5`, or `python:MODULE:NAME`.

    Raises:
        SettingsError: It is neither, or what it names is no metric.
    """
    if text.startswith("python:"):
        return _as_metric(text.rpartition(":")[2], load_python(text))
    try:
        if text.startswith("RS") and float(text[2:]) >= 0:
            return Reliability(float(text[2:]))
    except ValueError:
        pass
    raise SettingsError(f'metric "{text}" is neither RS with a penalty (RS7.5) nor python:MODULE:NAME')


def _as_metric(name: str, value: Any) -> Metric:
    if not callable(value) or isinstance(value, type):
        raise SettingsError(f"the metric {name} is no function over scores")
    return value if isinstance(getattr(value, "name", None), str) else NamedMetric(name, value)
