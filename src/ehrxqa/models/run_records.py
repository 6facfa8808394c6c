"""What the files of a run hold, as typed values; `run_folder` reads and writes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from ehrxqa.layout import CURRENT_TIME

__all__ = [
    "FAULTS",
    "FORMAT",
    "Cost",
    "Fault",
    "OutcomeLine",
    "QueryLine",
    "QuestionLimits",
    "QuestionScore",
    "Run",
    "Scores",
    "Subset",
    "System",
]

#: Of `run.json` and `scores.json`.
FORMAT: Final = 1

Fault = Literal["right", "parser", "vision", "both", "luck", "abstained-rightly", "abstained-wrongly"]

#: Whose fault an answer is, in the order in which tables show it.
#:
#: `right`: right, and with perfect vision too. `luck`: right, though the query is wrong with perfect vision.
#: `parser`: the query is wrong with perfect vision, and the gold query is right with this model. `vision`: the query is
#: right with perfect vision, and wrong with this model. `both`: the query is wrong with perfect vision, and the gold
#: query is wrong with this model. `abstained-rightly`: the answer held back would have been wrong, or there is none.
#: `abstained-wrongly`: it would have been right. A query that fails is not an abstention here, whatever the profile
#: counts it as.
FAULTS: Final[tuple[Fault, ...]] = (
    "right",
    "luck",
    "parser",
    "vision",
    "both",
    "abstained-rightly",
    "abstained-wrongly",
)


@dataclass(frozen=True)
class System:
    """A parser, an agent or a vision model.

    Attributes:
        spec: As it was named on the command line.
        name: Its own name.
        version: What changes whenever its answers may (of trained or prompted systems a digest).
    """

    spec: str
    name: str
    version: str


@dataclass(frozen=True)
class QuestionLimits:
    """What one question may use up.

    Attributes:
        seconds: For running its query.
        rows: Of a result.
        vqa_calls: (image, question) pairs; None for any number.
        tokens: Of a language model; None for any number.
        steps: Of an agent; None where there are none.
    """

    seconds: float
    rows: int
    vqa_calls: int | None = None
    tokens: int | None = None
    steps: int | None = None


@dataclass(frozen=True)
class Subset:
    """Which questions of the split were asked.

    Attributes:
        name: `all`, `mini-100`, a scope, or `ids` for a list of the user's.
        ids_sha256: Digest of the ids, one per line, in the order asked.
        questions: How many.
    """

    name: str
    ids_sha256: str
    questions: int


@dataclass(frozen=True)
class Cost:
    """What an answer, or a whole run, used up.

    Attributes:
        calls: Requests to a language model.
        tokens_in: Tokens of prompts.
        tokens_out: Tokens of replies.
        images: (image, question) pairs put to a vision model.
        seconds: Wall-clock time.
        money: In the currency of the price given; None without price.
    """

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0
    seconds: float = 0.0
    money: float | None = None

    def __add__(self, other: Cost) -> Cost:
        money = None if self.money is None and other.money is None else (self.money or 0.0) + (other.money or 0.0)
        return Cost(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.images + other.images,
            self.seconds + other.seconds,
            money,
        )


@dataclass(frozen=True)
class Run:
    """`run.json`: everything that made the numbers of a run.

    Attributes:
        id: Name of the folder.
        status: `running` until scores are written; a run that was killed stays so, and goes on when it is started
            again.
        kind: Whether a parser wrote queries, or an agent acted.
        split: Whose questions.
        parser: The parser or agent.
        vision: The vision model.
        seed: Of everything drawn.
        trials: How often each question was asked.
        limits: Of one question.
        arguments: `given` and `defaulted`, by name, as the command line has them.
        digests: SHA-256 of `dataset` (the question file), `database`, and `images` where pictures were looked at.
        packages: Versions of packages that can change a number.
        commit: Of the working copy ehrxqa runs from; None if it is installed otherwise.
        dirty: Whether that working copy had changes.
        subset: Which questions.
        used: The budget used up so far.
        synthetic: Whether the data say of themselves that no real patient is in them.
        now: The current time of the database.
    """

    id: str
    status: Literal["running", "done"]
    kind: Literal["parser", "agent"]
    split: str
    parser: System
    vision: System
    seed: int
    trials: int
    limits: QuestionLimits
    arguments: dict[str, dict[str, Any]]
    digests: dict[str, str]
    packages: dict[str, str]
    commit: str | None
    dirty: bool | None
    subset: Subset
    used: Cost = Cost()
    synthetic: bool = False
    now: str = CURRENT_TIME
    format: int = FORMAT


@dataclass(frozen=True)
class QueryLine:
    """A line of `queries.jsonl`: what the parser wrote for a question.

    Attributes:
        id: Of the question.
        trial: From 0.
        query: NeuralSQL; None if the parser abstained.
        confidence: From 0 to 1, of parsers that have one.
        explanation: Why this query, or why none, in a line.
        cost: Of writing it.
        withheld: The query that the parser would have written, had it not abstained; None if it has none.
        steps: Steps of a clean-up that changed a reply of a language model, one for each reply.
    """

    id: str
    trial: int
    query: str | None
    confidence: float | None = None
    explanation: str | None = None
    cost: Cost = Cost()
    withheld: str | None = None
    steps: tuple[str, ...] = ()


@dataclass(frozen=True)
class OutcomeLine:
    """A line of `outcomes.jsonl`: what came of a question.

    Attributes:
        id: Of the question.
        trial: From 0.
        outcome: `abstained` (the parser or the model declined), `error`, `timeout` (a limit) are never confused.
        answer: The answer if answered, else None.
        reason: Why not, in a line, otherwise.
        vqa_calls: (image, question) pairs the query needed, asked or known.
        seconds: Of running it.
    """

    id: str
    trial: int
    outcome: Literal["answered", "abstained", "error", "timeout"]
    answer: Any = None
    reason: str | None = None
    vqa_calls: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class QuestionScore:
    """The score of one question in one trial.

    Attributes:
        id: Of the question.
        trial: From 0.
        value: 1 for right, 0 for abstained or wrong; the penalty of a wrong answer belongs to a metric.
        answer: As given; None unless answered.
        gold: The gold answer.
        fault: Whose fault it is; see `FAULTS`. None where it was not looked into.
        explanation: In a line, where there is something to say.
        cost: Of query and answer.
        measures: Further measures of this question by name (`soft_f1`, …), from 0 to 1.
        verdict: right, abstained or wrong, by the profile.
        groups: modality, scope and family → the one it belongs to.
    """

    id: str
    trial: int
    value: float
    answer: Any
    gold: Any
    fault: Fault | None = None
    explanation: str | None = None
    cost: Cost = Cost()
    measures: dict[str, float] = field(default_factory=dict)
    verdict: Literal["right", "abstained", "wrong"] | None = None
    groups: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """`scores.json`.

    Attributes:
        profile: Rules of the comparison.
        summary: Scores over all questions and per modality and scope; see `models.summary`.
        questions: One per question and trial.
    """

    profile: str
    summary: dict[str, Any]
    questions: tuple[QuestionScore, ...]
    format: int = FORMAT
