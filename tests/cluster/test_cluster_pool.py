"""The map of shards over a real cluster: separate processes on 127.0.0.1, some of which are killed."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from functools import partial
from pathlib import Path

import cluster_tasks
import psutil
import pytest
from cluster_nodes import HERE, SLOW, NodesUnderTest, kill, wait_for

from ehrxqa.errors import BuildError, SettingsError, SourceError
from ehrxqa.progress import SILENT, Progress
from ehrxqa.runs import dask_pool
from ehrxqa.runs.cluster import named_cluster
from ehrxqa.runs.dask_pool import DaskPool, started_nodes
from ehrxqa.runs.shards import shard_pool

sys.path.insert(0, str(HERE))


class Heard(Progress):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory):
    with NodesUnderTest(tmp_path_factory.mktemp("nodes")) as started:
        started.add_workers(1, "--resources=GPU=1")
        started.add_workers(1)
        yield started


def on(nodes, **more):
    return named_cluster(nodes.address, **more)


def test_results_come_in_the_order_of_shards_and_errors_as_they_were(nodes, tmp_path):
    opened = partial(cluster_tasks.opened, tmp_path)
    with shard_pool(cluster=on(nodes)) as pool:
        assert list(pool.map(cluster_tasks.square, range(30))) == [number**2 for number in range(30)]
        assert list(pool.map(cluster_tasks.square, range(7), ahead=2)) == [number**2 for number in range(7)]
        assert list(pool.map(cluster_tasks.square, [])) == []
        with pytest.raises(SourceError, match=r"^file.csv, line 7: is damaged$") as caught:
            list(pool.map(cluster_tasks.fault, range(8)))
        assert (caught.value.path, caught.value.line) == (Path("file.csv"), 7)
        with pytest.raises(SettingsError, match="cannot be sent to workers"):
            list(pool.map(lambda number: number, range(4)))
    with shard_pool(cluster=on(nodes), opened=opened) as pool:
        assert list(pool.map(cluster_tasks.with_resource, range(20))) == [("resource", number) for number in range(20)]
    marks = Counter(path.name.partition("-")[0] for path in tmp_path.iterdir())
    assert marks["opened"] == marks["closed"] >= 1


def test_what_is_for_a_gpu_goes_to_workers_that_have_one(nodes, tmp_path):
    with shard_pool(cluster=on(nodes), opened=partial(cluster_tasks.opened, tmp_path), gpu=True) as pool:
        assert pool.count == 1
        list(pool.map(cluster_tasks.with_resource, range(20)))
    assert len(list(tmp_path.glob("opened-*"))) == 1


def test_paths_are_those_of_the_workers(nodes, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    (tmp_path / "there/file").write_text("same")
    (tmp_path / "here/file").write_text("same")
    moved = on(nodes, on_workers=[f"{tmp_path}/here={tmp_path}/there"])
    with shard_pool(cluster=moved, needs=[tmp_path / "here/file", tmp_path / "here"]) as pool:
        assert list(pool.map(cluster_tasks.text_of, [tmp_path / "here/file"])) == [(f"{tmp_path}/there/file", "same")]
    (tmp_path / "there/file").write_text("also")
    with (
        pytest.raises(SettingsError, match=r"worker tcp://127\.0\.0\.1:\d+: .*there/file is another file than here"),
        shard_pool(cluster=moved, needs=[tmp_path / "here/file"]),
    ):
        pass
    (tmp_path / "there/file").unlink()
    with (
        pytest.raises(SettingsError, match=r"worker tcp://127\.0\.0\.1:\d+: .*there/file is missing; worker tcp"),
        shard_pool(cluster=moved, needs=[tmp_path / "here/file"]),
    ):
        pass


def test_a_worker_with_other_software_is_named(nodes, monkeypatch):
    theirs = [("ehrxqa", "99.0") if name == "ehrxqa" else (name, text) for name, text in dask_pool.software()]
    monkeypatch.setattr(dask_pool, "software", lambda: tuple(theirs))
    with (
        pytest.raises(SettingsError, match=r"^worker tcp://127\.0\.0\.1:\d+: has ehrxqa [\d.a-z]+, not 99\.0; worker "),
        shard_pool(cluster=on(nodes)),
    ):
        pass


def test_a_killed_worker_takes_no_shard_with_it(nodes, tmp_path):
    """And the worker that takes its place is looked at before it does anything."""
    nodes.add_workers(1)
    with shard_pool(cluster=on(nodes)) as pool:
        results = pool.map(cluster_tasks.held, [(tmp_path, number) for number in range(12)])
        assert next(results) == 0
        held = wait_for(tmp_path, "held-*")[0]
        os.kill(int(held.name.removeprefix("held-")), signal.SIGKILL)
        assert list(results) == list(range(1, 12))
    nodes.workers = [worker for worker in nodes.workers if worker.is_running()]


def test_a_shard_that_ends_every_worker_is_given_up(tmp_path):
    with NodesUnderTest(tmp_path, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1") as nodes:
        nodes.add_workers(2)
        with (
            pytest.raises(BuildError, match="the same shard ended 2 workers, one after the other"),
            shard_pool(cluster=on(nodes)) as pool,
        ):
            list(pool.map(cluster_tasks.ends_its_worker, [1]))


def test_workers_that_are_gone_are_not_waited_for_when_it_is_known_that_none_will_come(tmp_path, monkeypatch):
    monkeypatch.setattr(dask_pool, "_LOOK", 0.2)
    with NodesUnderTest(tmp_path) as nodes:
        nodes.add_workers(1)
        with (
            started_nodes(on(nodes), None, SILENT) as running,
            shard_pool(cluster=dataclasses.replace(on(nodes), nodes=running)) as pool,
        ):
            results = pool.map(cluster_tasks.held, [(tmp_path, number) for number in range(4)])
            assert next(results) == 0
            wait_for(tmp_path, "held-*")
            running.ended = lambda: "no job is left in the queue"
            kill(*nodes.workers)
            with pytest.raises(BuildError, match=r"^no job is left in the queue; run the same command again, it goes"):
                list(results)


def test_a_lost_scheduler_is_waited_for_and_repeats_only_what_was_under_way(tmp_path):
    count, heard = 60, Heard()
    marks = tmp_path / "marks"
    marks.mkdir()
    with NodesUnderTest(tmp_path / "nodes") as nodes:
        nodes.add_workers(2)

        def kill_and_start_again():
            kill(nodes.scheduler, *nodes.workers)
            nodes.workers = []
            nodes.start_scheduler(nodes.port)
            nodes.add_workers(2)

        with shard_pool(cluster=on(nodes), progress=heard) as pool:
            results, found = pool.map(cluster_tasks.noted, [(marks, number) for number in range(count)]), []
            for number in results:
                found.append(number)
                if number == 20:
                    restart = threading.Thread(target=kill_and_start_again)
                    restart.start()
            restart.join()
    assert found == list(range(count))
    begun = Counter(path.name.split("-")[1] for path in marks.iterdir())
    assert len(begun) == count
    assert max(begun.values()) <= 2
    assert begun.total() <= count + 8  # four shards a worker are under way
    assert any("the scheduler is lost" in note for note in heard.notes)


def test_what_is_not_there_or_not_fit_is_said(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(dask_pool, "_CONNECTING", 1.0)
        pool = shard_pool(cluster=named_cluster("tcp://127.0.0.1:1"))
        with pytest.raises(BuildError, match="no Dask scheduler answers"):
            pool.__enter__()
    with NodesUnderTest(tmp_path, "--dashboard-address=:0") as nodes:
        nodes.add_workers(1, "--nthreads=2")
        pool = shard_pool(cluster=on(nodes))
        with pytest.raises(SettingsError, match=r"shows pages about its work to everyone \(0\.0\.0\.0\)"):
            pool.__enter__()
        monkeypatch.setattr(DaskPool, "_require_private", lambda *_: None)
        with pytest.raises(SettingsError, match=r"worker tcp://.*: runs 2 threads; start it with --nthreads 1"):
            pool.__enter__()
    with pytest.raises(SettingsError, match="has workers of its own; --workers is for this machine"):
        shard_pool(3, named_cluster("tcp://127.0.0.1:1"))


LOCAL = """
import os, sys, time, cluster_tasks
from ehrxqa.runs.cluster import named_cluster
from ehrxqa.runs.dask_pool import DaskPool, started_nodes
from ehrxqa.runs.shards import shard_pool
with shard_pool(2, named_cluster("local")) as pool:
    assert list(pool.map(cluster_tasks.square, range(4))) == [0, 1, 4, 9]
    print("works", flush=True)
    time.sleep(3600)
"""


def test_the_cluster_of_this_machine_listens_to_itself_alone_and_ends_with_its_client():
    """A script needs no guard; killed without a word, it leaves nothing behind."""
    client = subprocess.Popen(
        [sys.executable, "-c", LOCAL], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(HERE)}, text=True
    )
    try:
        assert client.stdout.readline() == "works\n"
        family = psutil.Process(client.pid).children(recursive=True)
        assert len(family) >= 3
        sockets = [
            each for process in family for each in process.net_connections("inet") if each.status == psutil.CONN_LISTEN
        ]
        assert len(sockets) >= 3
        assert {each.laddr.ip for each in sockets} == {"127.0.0.1"}
    finally:
        client.kill()
        client.communicate()
    _, alive = psutil.wait_procs(family, timeout=SLOW)
    assert not alive
