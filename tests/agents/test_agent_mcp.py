"""The MCP server by its own protocol: in process, over stdio, and over HTTP with a token."""

from __future__ import annotations

import base64
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from ehrxqa.agents.budget import Budget
from ehrxqa.agents.calling import TOOLS
from ehrxqa.agents.mcp_http import HOST, guarded_app
from ehrxqa.agents.mcp_server import Episodes, make_server, write_traces
from ehrxqa.agents.opened import Build
from ehrxqa.agents.questions import read_questions
from ehrxqa.agents.trace import Trace
from hostile_corpus import CANARY


@pytest.fixture
def episodes(opened: Build, tmp_path: Path) -> Episodes:
    return Episodes(opened, Budget(calls=50), write_traces(tmp_path / "traces.jsonl"))


@pytest.fixture
def server(opened: Build, episodes: Episodes, agent_out: Path) -> Any:
    return make_server(opened, episodes, read_questions(agent_out, "test"))


def test_tools_have_schemas_and_structured_results(server: Any, opened: Build) -> None:
    async def check() -> None:
        async with Client(server) as client:
            listed = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert list(listed) == list(TOOLS)
            assert all(tool.output_schema and tool.description for tool in listed.values())
            assert listed["run_sql"].input_schema["properties"]["query"]["maxLength"] == 20_000
            rows = await client.call_tool("run_sql", {"query": "select count(*) from patients"})
            assert rows.structured_content is not None
            assert rows.structured_content["rows"] == [[6]]
            found = await client.call_tool("list_studies", {"subject_id": 10_000_000})
            study = found.structured_content["studies"][0]["study_id"]
            assert isinstance(study, str)
            shown = await client.call_tool("show_image", {"study_id": study, "side": 64})
            (content,) = shown.content
            assert content.type == "image"
            assert content.mime_type == "image/png"
            png = base64.b64decode(content.data)
            assert png.startswith(b"\x89PNG")
            assert CANARY.encode() not in png
            assert shown.structured_content == {"study_id": study, "width": 48, "height": 64}
            asked = await client.call_tool("ask_image", {"question": "is there pneumonia?", "studies": [study]})
            assert asked.structured_content["answers"][0]["answer"] in (["yes"], ["no"])

    anyio.run(check)


def test_refusals_are_results_that_a_model_can_read(server: Any, episodes: Episodes) -> None:
    async def check() -> None:
        async with Client(server) as client:
            for query, says in (("select * from tb_cxr_plus", "answer key"), ("null", "says null"), ("[1]", "SELECT")):
                done = await client.call_tool("run_sql", {"query": query})
                assert done.is_error
                assert says in done.content[0].text
            wrong = await client.call_tool("run_sql", {"query": 7})
            assert wrong.is_error
            assert "Expected `str`" in wrong.content[0].text
            assert "\n" not in wrong.content[0].text

    anyio.run(check)
    assert [call.outcome for call in episodes.tools.trace.calls] == ["refused"] * 4


def test_an_answer_ends_an_episode_and_the_next_call_begins_another(
    server: Any, episodes: Episodes, tmp_path: Path
) -> None:
    async def check() -> None:
        async with Client(server) as client:
            await client.call_tool("run_sql", {"query": "select 1"})
            done = await client.call_tool("submit_answer", {"query": "select 7"})
            assert done.structured_content == {"outcome": "answered", "answer": [7], "reason": ""}
            await client.call_tool("run_sql", {"query": "select 2"})

    anyio.run(check)
    (line,) = (tmp_path / "traces.jsonl").read_text().splitlines()
    trace = Trace.of(json.loads(line))
    assert trace.submission is not None
    assert trace.submission.query == "select 7"
    assert [call.tool for call in episodes.tools.trace.calls] == ["run_sql"]


def test_questions_and_tables_are_resources_without_answers(server: Any) -> None:
    async def check() -> None:
        async with Client(server) as client:
            names = {str(resource.uri) for resource in (await client.list_resources()).resources}
            assert names == {"ehrxqa://tables", "ehrxqa://questions"}
            questions = json.loads((await client.read_resource("ehrxqa://questions")).contents[0].text)
            assert all(set(question) == {"id", "split", "question"} for question in questions)
            one = json.loads((await client.read_resource("ehrxqa://questions/1")).contents[0].text)
            assert one["question"] == "how many patients are there?"
            tables = (await client.read_resource("ehrxqa://tables")).contents[0].text
            assert "tb_cxr_plus" not in tables
            for number, says in (("99", "no question"), ("..%2f..%2fetc", "Unknown resource")):
                with pytest.raises(MCPError, match=says):
                    await client.read_resource(f"ehrxqa://questions/{number}")
            prompt = (await client.get_prompt("answer_question", {"number": "1"})).messages[0].content.text
            assert "how many patients are there?" in prompt
            assert "select" not in prompt.lower().replace("selected", "")

    anyio.run(check)


def test_over_stdio(agent_out: Path) -> None:
    parameters = StdioServerParameters(command=sys.executable, args=["-m", "ehrxqa", "mcp", str(agent_out), "-q"])

    async def check() -> None:
        async with Client(stdio_client(parameters)) as client:
            assert len((await client.list_tools()).tools) == 7
            done = await client.call_tool("run_sql", {"query": "select count(*) from patients"})
            assert done.structured_content["rows"] == [[6]]
            no_pictures = await client.call_tool("show_image", {"study_id": "50000001"})
            assert no_pictures.is_error

    anyio.run(check)


@pytest.fixture
def http(server: Any) -> Iterator[int]:
    with socket.socket() as found:
        found.bind((HOST, 0))
        port = found.getsockname()[1]
    running = uvicorn.Server(
        uvicorn.Config(guarded_app(server, port, "open-sesame"), host=HOST, port=port, log_level="error")
    )
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield port
    running.should_exit = True
    thread.join(10)


def test_over_http_with_the_token_only(http: int) -> None:
    address = f"http://{HOST}:{http}/mcp"

    async def check() -> None:
        bearer = {"Authorization": "Bearer open-sesame"}
        async with (
            httpx2.AsyncClient(headers=bearer, trust_env=False) as connection,
            Client(streamable_http_client(address, http_client=connection)) as client,
        ):
            done = await client.call_tool("run_sql", {"query": "select count(*) from patients"})
            assert done.structured_content["rows"] == [[6]]

    anyio.run(check)
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    with httpx2.Client(trust_env=False) as client:
        for token in ("", "Bearer", "Bearer wrong", "open-sesame"):
            refused = client.post(address, json=body, headers={"Authorization": token})
            assert refused.status_code == 401
            assert "run_sql" not in refused.text
        elsewhere = {"Authorization": "Bearer open-sesame", "Host": "evil.example"}
        assert client.post(address, json=body, headers=elsewhere).status_code in (400, 403, 421)
        foreign = {"Authorization": "Bearer open-sesame", "Origin": "https://evil.example"}
        assert client.post(address, json=body, headers=foreign).status_code in (400, 403)
