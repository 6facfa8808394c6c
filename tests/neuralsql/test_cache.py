"""Answers that outlive a run, and models that fail on some studies."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import apsw
import pytest

from ehrxqa.errors import NeuralSqlError, VqaError
from ehrxqa.neuralsql.cache import AnswerCache
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.vqa.models import ABSTAIN

SUM = 'select sum(func_vqa("is there pneumonia?", study_id)) from tb_cxr'


class Model:
    """Answers yes, notes how often it is asked, and fails on the studies it is told to."""

    name, batch_size = "told", 8

    def __init__(self, version="1", failing=()):
        self.version, self.failing, self.asked = version, set(failing), 0

    def answer(self, requests):
        for request in requests:
            if request.study_id in self.failing:
                raise VqaError(f"image {request.image_id} is missing")
        self.asked += len(requests)
        return [True for _ in requests]


def test_every_kind_of_answer_comes_back(tmp_path):
    answers = [True, False, None, (), ("a", "é"), ABSTAIN]
    with AnswerCache(tmp_path / "new folder" / "c.db") as cache:
        cache.put("m", "1", [("q", f"i{number}", answer) for number, answer in enumerate(answers)])
        cache.put("m", "1", [("q", "i0", False)])  # what is there stays
        assert len(cache) == 6
    with AnswerCache(tmp_path / "new folder" / "c.db") as cache:
        found = cache.get("m", "1", "q", [f"i{number}" for number in range(9)])
        assert [found[f"i{number}"].answer for number in range(6)] == answers
        assert len(found) == 6
        for other in (("n", "1", "q"), ("m", "2", "q"), ("m", "1", "r")):
            assert cache.get(*other, ["i0"]) == {}


def test_many_images_are_found_at_once(tmp_path):
    with AnswerCache(tmp_path / "c.db") as cache:
        cache.put("m", "1", [("q", f"i{number}", bool(number % 2)) for number in range(1_201)])
        found = cache.get("m", "1", "q", [f"i{number}" for number in range(1_300)])
    assert len(found) == 1_201
    assert found["i1200"].answer is False


def test_a_new_version_of_the_model_is_asked_again(small_database, tmp_path):
    path = tmp_path / "c.db"
    for version, asked in (("1", 21), ("1", 0), ("2", 21)):
        model = Model(version)
        with AnswerCache(path) as cache, Engine(small_database, model, cache=cache) as engine:
            result = engine.run(SUM)
        assert (result.rows, model.asked, result.counters.cached) == ([(21,)], asked, 21 - asked)


def test_a_broken_cache_is_a_clear_error(tmp_path):
    path = tmp_path / "c.db"
    path.write_text("not a cache " * 100)
    with pytest.raises(NeuralSqlError, match=r"c\.db: not an answer cache"):
        AnswerCache(path)


def test_a_model_that_fails_on_one_study_spoils_only_what_needs_it(small_database):
    failing = 50000008
    with Engine(small_database, Model(failing=[failing])) as engine:
        outcome = engine.outcome(SUM)
        assert outcome.status == "error"
        assert outcome.error.startswith(f"study {failing}: image image{failing} is missing")
        assert engine.run(f"{SUM} where study_id <> {failing}").rows == [(20,)]


def test_a_model_that_loses_answers_is_named(small_database):
    class Loses(Model):
        def answer(self, requests):
            return [True]

    with Engine(small_database, Loses()) as engine:
        assert engine.outcome(SUM).error == "the model told gave 1 answers to 8 questions"


MANY = """
import sys
from ehrxqa.neuralsql.cache import AnswerCache
print("ready", flush=True)
sys.stdin.readline()
for number in range(25):
    with AnswerCache("c.db") as cache:
        cache.put("m", "1", [("q", sys.argv[1] + str(number), True)])
"""


def test_many_open_one_file_at_once(tmp_path):
    """The first to open changes the file to WAL, the last to close takes it back: nobody else may fail in between."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MANY, name], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name in "abcde"
    ]
    for process in processes:
        process.stdout.readline()
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        process.communicate()
    assert [process.returncode for process in processes] == [0] * 5
    with AnswerCache(tmp_path / "c.db") as cache:
        assert len(cache) == 125


def test_a_file_that_another_process_keeps_is_in_use_and_not_broken(tmp_path, monkeypatch):
    monkeypatch.setattr("ehrxqa.neuralsql.cache._PATIENCE", 0.1)
    with AnswerCache(tmp_path / "c.db"):
        pass
    with closing(apsw.Connection(str(tmp_path / "c.db"))) as other:
        other.execute("pragma locking_mode = exclusive; begin exclusive").fetchall()
        with pytest.raises(NeuralSqlError, match="another process has kept this answer cache to itself"):
            AnswerCache(tmp_path / "c.db")
