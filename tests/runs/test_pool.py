"""The pool of worker processes: order, errors, and that nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pool_tasks
import pytest

from ehrxqa.errors import BuildError, SettingsError, SourceError
from ehrxqa.runs.pool import Lost, Pool


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("ahead", [None, 2])
def test_results_come_in_the_order_of_tasks(workers, ahead):
    with Pool(workers) as pool:
        assert list(pool.map(pool_tasks.square, range(12), ahead=ahead)) == [n * n for n in range(12)]
        assert list(pool.map(pool_tasks.square, [])) == []
        assert dict(pool.as_ended(pool_tasks.square, range(5))) == {n: n * n for n in range(5)}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_of_a_task_arrives_as_it_was(workers):
    with pytest.raises(SourceError, match="^file.csv, line 7: is damaged$") as caught, Pool(workers) as pool:
        list(pool.map(pool_tasks.fault, range(8)))
    assert (caught.value.path, caught.value.line) == (Path("file.csv"), 7)


def test_a_killed_worker_ends_a_map_with_one_clear_error():
    with pytest.raises(BuildError, match="a worker process was killed"), Pool(2) as pool:
        list(pool.map(pool_tasks.die, range(6)))


def test_a_killed_worker_takes_only_its_task_with_it():
    with Pool(2) as pool:
        found = dict(pool.as_ended(pool_tasks.die, range(6)))
    lost = found.pop(2)
    assert isinstance(lost, Lost)
    assert not lost.late
    assert found == {0: 0, 1: 1, 3: 3, 4: 4, 5: 5}


def test_patience_ends_a_task_and_not_the_others():
    with Pool(1, alone=False) as pool:
        found = dict(pool.as_ended(pool_tasks.dawdle, range(3), patience=0.5))
    assert isinstance(found[1], Lost)
    assert found[1].late
    assert 0.5 <= found[1].seconds < 5
    assert (found[0], found[2]) == (0, 2)


def test_other_workers_are_started_for_what_takes_longer(tmp_path):
    with Pool(2, others_after=600) as pool:
        assert len(set(pool.map(pool_tasks.process, range(9)))) == 1
    with Pool(2, others_after=0.1) as pool:
        assert list(pool.map(pool_tasks.meet, [str(tmp_path)] * 2)) == [2, 2]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_opened_is_opened_once_in_each_worker_and_closed(workers, tmp_path):
    with Pool(workers, opened=partial(pool_tasks.opened, tmp_path)) as pool:
        assert list(pool.map(pool_tasks.with_resource, range(8))) == [("resource", number) for number in range(8)]
    states = [path.name.partition("-") for path in tmp_path.iterdir()]
    assert {pid for state, _, pid in states if state == "opened"} == {p for state, _, p in states if state == "closed"}
    assert 1 <= len(states) / 2 <= workers


def test_what_cannot_be_opened_is_said_as_it_was():
    with pytest.raises(SourceError, match="^model: cannot be opened$"), Pool(2, opened=pool_tasks.broken) as pool:
        list(pool.map(pool_tasks.with_resource, range(4)))


def test_what_cannot_be_sent_is_said():
    with pytest.raises(SettingsError, match="cannot be sent to worker processes"), Pool(2) as pool:
        list(pool.map(lambda number: number, range(4)))


SCRIPT = """
import pool_tasks
from ehrxqa.runs.pool import Pool
with Pool(2) as pool:
    print(list(pool.map(pool_tasks.square, range(4))))
"""


@pytest.fixture
def environment():
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}


@pytest.mark.parametrize("form", ["file", "pipe", "option"])
def test_scripts_need_no_guard(form, tmp_path, environment):
    (tmp_path / "script.py").write_text(SCRIPT)
    arguments = {"file": ["script.py"], "pipe": ["-"], "option": ["-c", SCRIPT]}[form]
    done = subprocess.run(
        [sys.executable, *arguments], cwd=tmp_path, env=environment, input=SCRIPT, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[0, 1, 4, 9]\n", "")


def test_a_function_of_the_script_itself_is_refused_with_the_reason(tmp_path, environment):
    script = SCRIPT.replace("import pool_tasks", "def own(number): return number").replace("pool_tasks.square", "own")
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert "SettingsError: worker processes cannot find what they are to use" in done.stderr
    assert "put it into a module" in done.stderr


HOLD = """
import sys, pool_tasks
from ehrxqa.runs.pool import Pool
with Pool(2) as pool:
    list(pool.map(pool_tasks.note_and_hold, [sys.argv[1]] * 2))
"""


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_its_parent(sign, tmp_path, environment):
    parent = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], env=environment, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 240
    while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    workers = [int(path.name) for path in tmp_path.iterdir()]
    assert len(workers) == 2
    assert all(map(_alive, workers))
    parent.send_signal(sign)
    parent.communicate(timeout=180)  # whoever reads its standard error is not kept waiting by workers
    until = time.monotonic() + 60
    while any(map(_alive, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(_alive, workers))


@pytest.mark.parametrize("delay", [0.02, 0.1, 0.2, 0.35])
def test_ctrl_c_while_workers_start_shows_one_traceback_at_the_most(delay, tmp_path, environment):
    script = "print(flush=True)\n" + HOLD  # the line says that Python runs
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert parent.stdout is not None
    parent.stdout.readline()
    time.sleep(delay)
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal does: to workers too
    _, said = parent.communicate(timeout=180)
    chained = said.count("During handling of the above") + said.count("the direct cause of the following")
    assert said.count("Traceback") - chained == 1, said  # an import that is interrupted may raise in turn
    assert said.rstrip().endswith("KeyboardInterrupt")
