"""Fixtures that all tests share."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Generator
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


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], None]], Path]:
    """Gives a folder that one process of a run of tests makes for all: each gets a copy of its own.

    Called with a name and what fills the folder of that name.
    """
    base = tmp_path_factory.getbasetemp()
    common = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def copied(name: str, make: Callable[[Path], None]) -> Path:
        import fcntl

        first, copy = common / f"once-{name}", tmp_path_factory.mktemp(name) / name
        with (common / f"once-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (first / ".made").exists():
                shutil.rmtree(first, ignore_errors=True)
                first.mkdir()
                make(first)
                (first / ".made").touch()
        shutil.copytree(first, copy, ignore=shutil.ignore_patterns(".made"))
        return copy

    return copied


def make_x_rayed(root: Path) -> None:
    """A synthetic hospital with X-rays (`hospital`), its build (`out`), and in it a linear model (`first`)."""
    import ehrxqa
    from ehrxqa.vqa.trained.train import vqa_train

    ehrxqa.synth(root / "hospital", subjects=60, gold_subjects=15, events_factor=0.05, image_size=256, workers=1)
    ehrxqa.build(root / "hospital", root / "out", workers=1)
    vqa_train(root / "out", images=root / "hospital", name="first")


@pytest.fixture(scope="session")
def x_rayed(once: Callable[[str, Callable[[Path], None]], Path]) -> Path:
    """A copy of what `make_x_rayed` makes, which the tests of one process share."""
    return once("x-rayed", make_x_rayed)
