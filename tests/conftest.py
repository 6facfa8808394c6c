"""Fixtures that all tests share."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

# A shell that starts the tests in the background has them ignore Ctrl-C (nohup: the end of its terminal), and so do the
# commands that they start, some of which are interrupted.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# The tests start some thousand processes. Where Python is told to keep no bytecode, each compiles all that it imports,
# which takes longer than most of what they do: it is kept beside what pytest keeps.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode"))

#: Seconds for one test, its fixtures included, on the slowest machine: what hangs is to fail by its name.
LONGEST = 1500


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """End a test that waits for something that does not come."""

    def late(_signal: int, _frame: object) -> None:
        pytest.fail(f"took more than {LONGEST} seconds")

    if not hasattr(signal, "SIGALRM"):
        return (yield)
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST)
    try:
        return (yield)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data beside the project; tests that need it are skipped where it is absent."""
    folder = Path(__file__).parents[1] / ".." / "shared"
    if not folder.is_dir():
        pytest.skip("needs the shared reference data beside the project")
    return folder.resolve()
