"""Databases for the tests of NeuralSQL, made once per run."""

from __future__ import annotations

from pathlib import Path

import pytest
from neuralsql_databases import make_reference, make_small
from slow_evaluator import SlowEvaluator

from ehrxqa.neuralsql.engine import Engine
from ehrxqa.vqa.registry import make_model


@pytest.fixture(scope="session")
def small_database(tmp_path_factory) -> Path:
    return make_small(tmp_path_factory.mktemp("neuralsql") / "small database.db")


@pytest.fixture(scope="session")
def reference_databases(tmp_path_factory, shared) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reference")
    return {split: make_reference(folder / f"{split}.db", shared, split) for split in ("train", "test")}


@pytest.fixture(scope="session")
def oracle(small_database):
    return make_model("oracle", database=small_database)


@pytest.fixture(scope="session")
def slow(small_database, oracle):
    evaluator = SlowEvaluator(small_database, oracle)
    yield evaluator
    evaluator.close()


@pytest.fixture
def engine(small_database, oracle):
    with Engine(small_database, oracle) as engine:
        yield engine
