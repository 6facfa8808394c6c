"""A plugin for pytest: how long each test takes, and what came of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note one phase of a test: setup, call, teardown."""
    if folder := os.environ.get("MUTANTS_RECORD"):
        with Path(folder, "tests.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps([report.nodeid, report.when, report.outcome, report.duration]) + "\n")
