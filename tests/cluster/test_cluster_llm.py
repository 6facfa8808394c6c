"""A language model asked by the workers of a cluster: with their own keys, and nothing twice."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import pytest
from cluster_nodes import SLOW, NodesUnderTest, kill

import ehrxqa
from ehrxqa.errors import EndpointError, SettingsError
from ehrxqa.models.run import run
from ehrxqa.net.endpoint import KEY_VARIABLE
from ehrxqa.runs.cluster import named_cluster

CHOSEN = {"examples": 1, "samples": 2, "concurrency": 2}
SHARD = 4 * CHOSEN["concurrency"]


class Endpoint:
    """Answers questions with their gold queries, and notes each request and its key."""

    def __init__(self, gold):
        self.asked, self.keys, self.delay, self.lock = Counter(), Counter(), 0.0, threading.Lock()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                question = body["messages"][-1]["content"].rpartition("Question: ")[2].removesuffix("\nQuery:")
                key = self.headers.get("Authorization")
                with endpoint.lock:
                    endpoint.keys[key] += 1
                    endpoint.asked[question, body["seed"]] += 1
                time.sleep(endpoint.delay)
                value = {"choices": [{"message": {"content": gold[question]}}], "usage": {"prompt_tokens": 10}}
                data = json.dumps(value).encode()
                self.send_response(200 if key == "Bearer of-a-worker" else 401)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.spec = f"llm:http://127.0.0.1:{self.server.server_address[1]}/v1:model"

    @contextmanager
    def serving(self):
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield self
        self.server.shutdown()
        self.server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def asked(small, tmp_path_factory):
    """An output folder with questions, which runs copy, and who knows their queries."""
    out = tmp_path_factory.mktemp("asked") / "out"
    shutil.copytree(small / "out", out, ignore=shutil.ignore_patterns(".work"))
    ehrxqa.generate(out, train=4, test=30, seed=3, scopes=["table"], workers=1)
    records = json.loads((out / "dataset/test.json").read_text())
    with Endpoint({record["question"]: record["query"] or "null" for record in records}).serving() as endpoint:
        yield out, endpoint


def copied(asked, folder):
    shutil.copytree(asked[0], folder, ignore=shutil.ignore_patterns(".work"))
    return folder


def whole(asked, folder, monkeypatch, cluster=None):
    """What a run of one go writes, and its requests."""
    out, endpoint = copied(asked, folder), asked[1]
    endpoint.asked.clear()
    endpoint.delay = 0.0
    with monkeypatch.context() as patch:
        patch.setenv(KEY_VARIABLE, "of-a-worker" if cluster is None else "of-the-command")
        run(out, parser=endpoint.spec, options=CHOSEN, name="x", workers=1, cluster=cluster)
    return written(out), dict(endpoint.asked)


def written(out):
    """Answers, and scores but for the seconds that queries took."""
    scores = re.sub(r'"seconds": ?[\d.e-]+', "", (out / "runs/x/scores.json").read_text())
    return (out / "runs/x/answers.json").read_text(), scores


def test_workers_ask_with_their_own_keys_and_a_killed_run_goes_on(asked, tmp_path, monkeypatch):
    endpoint = asked[1]
    alone = whole(asked, tmp_path / "alone", monkeypatch)
    assert set(alone[1].values()) == {1}
    endpoint.keys.clear()
    with NodesUnderTest(tmp_path / "nodes", **{KEY_VARIABLE: "of-a-worker"}) as nodes:
        nodes.add_workers(1)
        assert whole(asked, tmp_path / "one", monkeypatch, named_cluster(nodes.address)) == alone
        nodes.add_workers(1)
        nodes.wait_for_workers(2)
        out = copied(asked, tmp_path / "killed")
        command = [
            sys.executable, "-m", "ehrxqa", "run", str(out), "--parser", endpoint.spec, "--name", "x", "-q",
            "--cluster", nodes.address, "--workers", "1", *(f"--{name}={value}" for name, value in CHOSEN.items()),
        ]  # fmt: skip
        endpoint.asked.clear()
        endpoint.delay = 0.05
        environment = {**os.environ, KEY_VARIABLE: "of-the-command"}
        first = subprocess.Popen(command, env=environment)
        lines = out / "runs/x/queries.jsonl"
        until = time.monotonic() + SLOW
        while time.monotonic() < until and not (lines.is_file() and lines.read_text().count("\n") >= 4):
            time.sleep(0.01)
        kill(psutil.Process(first.pid))
        first.wait()
        assert lines.read_text().count("\n") < 30
        kill(nodes.workers.pop())  # and one of the workers, on the way
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert written(out) == alone[0]
    assert endpoint.asked.keys() == alone[1].keys()
    assert max(endpoint.asked.values()) <= 2
    assert endpoint.asked.total() - len(endpoint.asked) <= 4 * SHARD  # what two workers had under way
    assert set(endpoint.keys) == {"Bearer of-a-worker"}  # that of the command was never sent


def test_a_worker_without_a_key_and_a_cluster_without_work_are_named(asked, tmp_path, monkeypatch):
    out, endpoint = copied(asked, tmp_path / "out"), asked[1]
    monkeypatch.setenv(KEY_VARIABLE, "of-the-command")
    endpoint.keys.clear()
    with NodesUnderTest(tmp_path / "nodes", **{KEY_VARIABLE: ""}) as nodes:
        nodes.add_workers(1)
        cluster = named_cluster(nodes.address)
        with pytest.raises(EndpointError, match=rf"^worker on .*: 127\.0\.0\.1:\d+ asks for a key .*{KEY_VARIABLE}$"):
            run(out, parser=endpoint.spec, options=CHOSEN, name="x", workers=1, cluster=cluster)
        assert set(endpoint.keys) == {None}
        with pytest.raises(SettingsError, match="is for language models and for models that look at pictures"):
            run(out, cluster=cluster)
