"""The environment: one seed, one row of tasks; rewards come from the judge of scores, and policies earn theirs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ehrxqa.agents.policies import oracle_policy, parser_policy, random_policy
from ehrxqa.agents.tasks import endless_tasks, file_tasks
from ehrxqa.agents.trace import Trace
from ehrxqa.environment import Budget, Environment, Rewards, make_environment, run_episode
from ehrxqa.errors import SettingsError
from ehrxqa.models.parsers import FunctionParser
from hostile_corpus import CANARY

SUBMIT = {"tool": "submit_answer", "arguments": {"abstain": True}}


@pytest.fixture
def environment(agent_out: Path, images: Path) -> Iterator[Environment]:
    with make_environment(agent_out, "test", images=images, rewards=Rewards(wrong=-5, retrieval=1)) as made:
        yield made


@pytest.fixture
def of_file(agent_out: Path) -> Iterator[Environment]:
    rewards = Rewards(wrong=-5.0, call=-0.01, image_question=-0.001)
    with make_environment(agent_out, "test", endless=False, budget=Budget(calls=3), rewards=rewards) as made:
        yield made


def test_tasks_are_endless_and_the_same_for_the_same_seed(agent_out: Path) -> None:
    first, again, other = (endless_tasks(agent_out, "test", seed=seed) for seed in (1, 1, 2))
    asked = [first(number).record for number in range(12)]
    assert asked == [again(number).record for number in reversed(range(12))][::-1]
    assert len({record["question"] for record in asked}) > 8
    assert asked != [other(number).record for number in range(12)]
    only = endless_tasks(agent_out, "test", scopes=("image-single-1",))
    assert {only(number).placement.scope for number in range(4)} == {"IMAGE-SINGLE-1"}


def test_tasks_of_a_file_come_in_turns(agent_out: Path) -> None:
    plain, mixed = file_tasks(agent_out, "test"), file_tasks(agent_out, "test", seed=3)
    assert [plain(number).id for number in range(5)] == ["0", "1", "2", "3", "0"]
    turns = [[mixed(turn * 4 + place).id for place in range(4)] for turn in range(3)]
    assert all(sorted(turn) == ["0", "1", "2", "3"] for turn in turns)
    assert len(set(map(tuple, turns))) > 1


def test_policies_earn_what_they_should(environment: Environment, agent_out: Path) -> None:
    oracle = [run_episode(environment, oracle_policy(environment), number) for number in range(15)]
    assert {info["verdict"] for _, info in oracle} == {"right"}
    looked = [(total, info) for total, info in oracle if info["retrieval"] is not None]
    assert looked
    assert all(total == pytest.approx(1 + info["retrieval"]) for total, info in looked)
    chance = [run_episode(environment, random_policy(environment.build, number), number)[0] for number in range(15)]
    assert sum(chance) < sum(total for total, _ in oracle) / 2
    known = {task.text: task.query for task in map(endless_tasks(agent_out, "test"), range(5))}
    parser = parser_policy(FunctionParser(known.get))
    assert run_episode(environment, parser, 3)[1]["verdict"] == "right"
    assert run_episode(environment, parser, 14)[1]["verdict"] == "abstained"


def test_rewards_are_those_of_the_scores_less_costs(of_file: Environment) -> None:
    wrong = {"tool": "submit_answer", "arguments": {"answer": ["neither"]}}
    verdicts = {}
    for number in range(4):
        of_file.reset(number)
        look = of_file.step({"tool": "run_sql", "arguments": {"query": "select 1"}})
        assert look.reward == pytest.approx(-0.01)
        assert not look.done
        assert look.info == {}
        end = of_file.step(wrong)
        verdicts[of_file.question.id] = end.info["verdict"]
        assert end.reward == -5.0
        of_file.reset(number)
        assert of_file.step(SUBMIT).reward == (1.0 if of_file.question.gold == "null" else 0.0)
    assert set(verdicts.values()) == {"wrong"}
    of_file.reset(1)
    query = 'select count(*) from tb_cxr where func_vqa("is there pneumonia?", study_id)'
    asked = of_file.step({"tool": "run_sql", "arguments": {"query": query}})
    assert asked.reward == pytest.approx(-0.01 - 0.001 * of_file.trace.spent.image_questions)


def test_order_counts_where_it_is_asked_for(agent_out: Path) -> None:
    task = endless_tasks(agent_out, "test", scopes=("image-single-1",))
    question = next(each for each in map(task, range(999)) if len(each.gold) > 1)
    turned = {"tool": "submit_answer", "arguments": {"answer": question.gold[::-1]}}
    for rewards, earned in ((Rewards(), 1.0), (Rewards(profile="paper"), 0.0)):
        with make_environment(agent_out, "test", scopes=("image-single-1",), rewards=rewards) as made:
            made.reset(int(question.id))
            assert made.step(turned).reward == earned


def test_an_observation_never_holds_the_answer(of_file: Environment) -> None:
    seen = of_file.reset(0)
    assert seen.left["calls"] == 3
    assert "select gender" not in seen.text
    step = of_file.step({"tool": "run_sql", "arguments": {"query": "select * from tb_cxr_plus"}})
    assert step.observation.text.startswith("refused: ")
    assert "answer key" in step.observation.text
    assert step.observation.left["calls"] == 2
    end = of_file.step({"tool": "submit_answer", "arguments": {"answer": ["m"]}})
    assert "right" not in end.observation.text
    assert CANARY not in json.dumps(end.info)
    assert Trace.of(end.info["trace"]).submission is not None


def test_pictures_are_seen(environment: Environment) -> None:
    environment.reset(0)
    study = str(min(environment.build.studies))
    seen = environment.step({"tool": "show_image", "arguments": {"study_id": study}}).observation
    assert seen.picture is not None
    assert seen.picture.startswith(b"\x89PNG")
    assert json.loads(seen.text)["width"] == 300


def test_an_episode_ends_when_the_budget_is_used_up_twice(of_file: Environment) -> None:
    of_file.reset(0)
    look = {"tool": "run_sql", "arguments": {"query": "select 1"}}
    steps = [of_file.step(look) for _ in range(5)]
    assert [step.done for step in steps] == [False] * 4 + [True]
    assert "used up" in steps[3].observation.text
    assert steps[-1].info["verdict"] == "abstained"
    with pytest.raises(SettingsError, match="reset"):
        of_file.step(look)


@pytest.mark.parametrize(
    "action",
    [None, [], "run_sql", 7, {}, {"tool": 7}, {"tool": "run_sql"}, {"tool": "run_sql", "arguments": [1]},
     {"tool": "run_sql", "arguments": {"query": "select \ud800"}}, {"tool": ["run_sql"], "arguments": {}}],
)  # fmt: skip
def test_actions_that_make_no_sense_are_refused_and_counted(of_file: Environment, action: Any) -> None:
    of_file.reset(0)
    step = of_file.step(action)
    assert step.observation.text.startswith("refused: ")
    assert not step.done
    assert of_file.trace.spent.calls == 1


def test_scopes_are_for_new_questions(agent_out: Path) -> None:
    with pytest.raises(SettingsError, match="new questions"), make_environment(agent_out, endless=False, scopes=("x",)):
        pass
