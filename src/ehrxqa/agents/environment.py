"""The tools as an environment for reinforcement learning: reset, step, reward; no dependency on any trainer.

An action is a JSON object `{"tool": name, "arguments": {…}}`, an observation a text (and perhaps a picture). An episode
ends with `submit_answer`, or when the budget is used up for the second time. Rewards come from the same judge as
scores.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from ehrxqa.agents.budget import Budget, BudgetUsedUp
from ehrxqa.agents.calling import as_json, call, said_of
from ehrxqa.agents.opened import Build, open_build
from ehrxqa.agents.questions import INSTRUCTIONS, Question, verdict_of
from ehrxqa.agents.results import Picture
from ehrxqa.agents.tasks import TaskSource, endless_tasks, file_tasks
from ehrxqa.agents.tools import Tools
from ehrxqa.agents.trace import Trace, shortened
from ehrxqa.errors import EhrxqaError, SettingsError
from ehrxqa.evaluation.comparing import Verdict

__all__ = [
    "Action",
    "Environment",
    "EpisodeScore",
    "Observation",
    "Rewards",
    "Step",
    "make_environment",
    "reward_parts",
    "run_episode",
]

Action = Mapping[str, Any]
Policy = Callable[["Observation"], Action]

#: Times that the budget may turn an action away before the episode ends by itself.
_PATIENCE: Final = 2


@dataclass(frozen=True)
class Rewards:
    """What an episode is rewarded for; all of it but the costs comes with the last step.

    Attributes:
        execution: For the right answer.
        wrong: For a wrong one; -c makes it the reliability score RS(c). An abstention gives 0.
        retrieval: For looking at the studies that the question is about and no others (F1, from its links).
        call: For each call of a tool.
        image_question: For each (image, question) pair.
        profile: Rules by which an answer is right. By default an order counts where the question asks for one; the
            rules of the paper also want unordered lists in the order of the database.
    """

    execution: float = 1.0
    wrong: float = 0.0
    retrieval: float = 0.0
    call: float = 0.0
    image_question: float = 0.0
    profile: str = "asked-order"


@dataclass(frozen=True)
class Observation:
    """What the model sees.

    Attributes:
        text: The question at first, then what a tool gave, or why it gave nothing.
        picture: PNG, of `show_image`.
        left: What is left of the budget, by name.
    """

    text: str
    picture: bytes | None
    left: dict[str, float | None]


@dataclass(frozen=True)
class Step:
    """What came of an action.

    Attributes:
        observation: What the model sees.
        reward: For this step.
        done: Whether the episode is over.
        info: At the end: verdict, parts of the reward, trace. Not for the model: it tells whether the answer is right.
    """

    observation: Observation
    reward: float
    done: bool
    info: dict[str, Any] = field(default_factory=dict)


class Environment:
    """Episodes over one build; one at a time.

    Args:
        build: What the tools work on.
        tasks: Gives question number n.
        budget: Of one episode.
        rewards: What is rewarded.

    Attributes:
        build: What the tools work on.
        question: Of the current episode; its answer is not for the model.
        number: Its number.
    """

    def __init__(
        self, build: Build, tasks: TaskSource, budget: Budget | None = None, rewards: Rewards | None = None
    ) -> None:
        self.build, self._tasks = build, tasks
        self._budget, self._rewards = budget or Budget(), rewards or Rewards()
        self._tools: Tools | None = None
        self._turned_away = 0
        self.number = -1
        self.question: Question | None = None

    def reset(self, number: int | None = None) -> Observation:
        """Begin an episode with question `number`, by default the next one; gives the task in words."""
        self.number = self.number + 1 if number is None else number
        self.question = self._tasks(self.number)
        self._tools, self._turned_away = Tools(self.build, self._budget), 0
        return Observation(f"{INSTRUCTIONS}\n\nQuestion: {self.question.text}", None, self._left())

    @property
    def trace(self) -> Trace:
        """What has happened in this episode.

        Raises:
            SettingsError: There is none; `reset` comes first.
        """
        return self._open().trace

    def step(self, action: Any) -> Step:
        """Call a tool. An action that makes no sense is answered with the reason and counts as a call.

        Raises:
            SettingsError: No episode is open; `reset` begins one.
        """
        tools = self._open()
        before = asdict(tools.trace.spent)
        picture: bytes | None = None
        try:
            if not isinstance(action, Mapping):
                tools.note_refused("", {"given": shortened(action)}, "no action")
                raise SettingsError('an action is a JSON object {"tool": name, "arguments": {…}}')
            result = call(tools, action.get("tool", ""), action.get("arguments", {}))
            value = as_json(result)
            if isinstance(result, Picture):
                picture = result.png
                value.pop("png")
            text = json.dumps(value, ensure_ascii=False)
        except BudgetUsedUp as error:
            self._turned_away += 1
            text = f"refused: {said_of(error)}"
        except EhrxqaError as error:
            text = f"refused: {said_of(error)}"
        spent, rewards = tools.trace.spent, self._rewards
        reward = rewards.call * (spent.calls - before["calls"])
        reward += rewards.image_question * (spent.image_questions - before["image_questions"])
        done = tools.trace.submission is not None or self._turned_away >= _PATIENCE
        seen = Observation(text, picture, self._left())
        if not done:
            return Step(seen, reward, False)
        assert self.question is not None
        judged = reward_parts(self.question, tools.trace, rewards)
        self._tools = None
        return Step(seen, reward + sum(judged.parts.values()), True, {**asdict(judged), "trace": tools.trace.record()})

    def _open(self) -> Tools:
        if self._tools is None:
            raise SettingsError("no episode is open; begin one with reset()")
        return self._tools

    def _left(self) -> dict[str, float | None]:
        spent, budget = asdict(self._open().trace.spent), asdict(self._budget)
        return {key: None if most is None else max(0, most - spent[key]) for key, most in budget.items()}


@dataclass(frozen=True)
class EpisodeScore:
    """What an episode is worth.

    Attributes:
        verdict: Whether the answer is right.
        retrieval: F1 of the studies looked at; None where the question names none.
        parts: Parts of the reward by name.
    """

    verdict: Verdict
    retrieval: float | None
    parts: dict[str, float]


def reward_parts(question: Question, trace: Trace, rewards: Rewards) -> EpisodeScore:
    """The parts of the reward that come with the end of an episode."""
    verdict, retrieval = verdict_of(question, trace.submission, rewards.profile), _retrieval(question, trace)
    parts = {
        "execution": rewards.execution * (verdict == "right"),
        "wrong": rewards.wrong * (verdict == "wrong"),
        "retrieval": rewards.retrieval * (retrieval or 0.0),
    }
    return EpisodeScore(verdict, retrieval, parts)


def _retrieval(question: Question, trace: Trace) -> float | None:
    """F1 of the studies looked at, against those the question is about; None where its links name none, or not all."""
    wanted = set(question.studies)
    seen = {study for call in trace.calls for study in call.studies}
    if not wanted:
        return None
    return 2 * len(wanted & seen) / (len(wanted) + len(seen))


@contextmanager
def make_environment(
    out: Path | str,
    split: str = "train",
    *,
    endless: bool = True,
    seed: int = 0,
    vision: str | None = "oracle",
    images: Path | str | None = None,
    scopes: tuple[str, ...] = (),
    families: tuple[str, ...] = (),
    budget: Budget | None = None,
    rewards: Rewards | None = None,
) -> Iterator[Environment]:
    """An environment over a build.

    Args:
        out: Output folder of a build.
        split: Whose database, and whose questions if they come from the file.
        endless: Make new questions without end, or ask those of the split's file over and over.
        seed: Of the questions.
        vision: Who answers image questions; None for nobody.
        images: Folder of MIMIC-CXR-JPG, to show pictures.
        scopes: Of new questions.
        families: Of new questions.
        budget: Of one episode.
        rewards: What is rewarded.

    Raises:
        SettingsError: An argument makes no sense.
        BuildError: There is no build, or nothing to ask.
        RecordError: There is no question file.
    """
    if not endless and (scopes or families):
        raise SettingsError("scopes and families are for new questions; a question file is asked as it is")
    with open_build(out, split, vision=vision, images=images) as build:
        source = endless_tasks(out, split, seed=seed, scopes=scopes, families=families) if endless else None
        yield Environment(build, source or file_tasks(out, split, seed), budget, rewards)


def run_episode(environment: Environment, policy: Policy, number: int | None = None) -> tuple[float, dict[str, Any]]:
    """Let a policy act until the end; gives the sum of rewards, and what is told at the end."""
    seen, total = environment.reset(number), 0.0
    while True:
        step = environment.step(policy(seen))
        total += step.reward
        if step.done:
            return total, step.info
        seen = step.observation
