"""The OpenEnv server, in an environment of its own: the same episodes over HTTP and WebSocket, the same attacks."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openenv", reason="openenv pins another mcp; run: make adapters")

from fastapi.testclient import TestClient

from ehrxqa.agents.openenv_server import openenv_app
from ehrxqa.agents.tasks import endless_tasks
from ehrxqa.environment import Rewards
from hostile_corpus import CANARY, CORPUS

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def client(agent_out: Path, images: Path) -> Iterator[TestClient]:
    app = openenv_app(agent_out, "test", seed=3, images=images, rewards=Rewards(wrong=-5.0))
    with TestClient(app) as made:
        yield made
    app.state.ehrxqa.close()


@pytest.fixture
def session(client: TestClient) -> Iterator[Any]:
    with client.websocket_connect("/ws") as socket:

        def send(kind: str, **data: Any) -> dict[str, Any]:
            socket.send_json({"type": kind, "data": data})
            return socket.receive_json()["data"]

        yield send


def test_its_schema_names_the_tools(client: TestClient) -> None:
    action = client.get("/schema").json()["action"]
    assert set(action["properties"]) >= {"tool", "arguments"}
    assert client.get("/health").status_code == 200


def test_an_episode(session: Any, agent_out: Path) -> None:
    question = endless_tasks(agent_out, "test", seed=3)(5)
    begun = session("reset", seed=5)
    seen = begun["observation"]
    assert question.text in seen["text"]
    assert len(seen["tools"]) == 7
    assert "select" not in json.dumps(seen["text"]).lower().replace("selected", "")
    look = session("step", tool="run_sql", arguments={"query": "select count(*) from patients"})
    assert json.loads(look["observation"]["text"])["rows"] == [[6]]
    assert look["done"] is False
    end = session("step", tool="submit_answer", arguments={"query": question.query})
    assert (end["done"], end["reward"]) == (True, 1.0)
    session("reset", seed=5)
    wrong = session("step", tool="submit_answer", arguments={"answer": ["wrong"]})
    assert wrong["reward"] == -5.0


def test_pictures_come_as_base64(session: Any) -> None:
    session("reset", seed=0)
    listed = session("step", tool="list_studies", arguments={"subject_id": "10000000"})
    study = json.loads(listed["observation"]["text"])["studies"][0]["study_id"]
    shown = session("step", tool="show_image", arguments={"study_id": study, "side": 64})
    assert base64.b64decode(shown["observation"]["picture"]).startswith(b"\x89PNG")


def test_hostile_queries(session: Any) -> None:
    attacks = [attack for attack in CORPUS if attack.outcome == "denied"]
    for place, attack in enumerate(attacks):
        if place % 50 == 0:
            session("reset", seed=0)
        step = session("step", tool="run_sql", arguments={"query": attack.query})
        text = step["observation"]["text"]
        assert text.startswith("refused: "), attack.query
        assert attack.why in text
        assert CANARY not in text
