"""Commands that are ended by a signal end in good order, and nothing of theirs goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

import ehrxqa.cli.main as command_line
from ehrxqa.errors import SettingsError
from processes import wait_until_ready

SYNTH = ["synth", "hospital", "--subjects", "400", "--workers", "2", "-q"]
GENERATE = ["generate", "out", "--train", "2000", "--test", "2000", "--workers", "2", "-q"]


def _members(group: int) -> list[int]:
    """Living processes of a process group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, process_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(process_group) == group and state != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
@pytest.mark.parametrize(
    ("sign", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -signal.SIGKILL)],
)
@pytest.mark.parametrize(("arguments", "delay"), [(SYNTH, 0.5), (SYNTH, 1.5), (GENERATE, 3.0)])
def test_a_signal_to_the_command_alone_ends_its_workers_too(sign, status, arguments, delay, built, tmp_path):
    if arguments is GENERATE:
        shutil.copytree(built / "out", tmp_path / "out", ignore=shutil.ignore_patterns("dataset"))
    command = subprocess.Popen(
        [sys.executable, "-m", "ehrxqa", *arguments], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    wait_until_ready(command)
    time.sleep(delay)
    if command.poll() is not None:
        pytest.skip("this machine is too fast")
    os.kill(command.pid, sign)
    _, said = command.communicate(timeout=180)
    assert command.returncode == status
    if sign is not signal.SIGKILL:
        assert said.strip() == "ehrxqa: interrupted; run the same command again to go on"
    until = time.monotonic() + 60
    while _members(command.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert _members(command.pid) == []


@pytest.mark.parametrize("reader", ["closed at once", "closed after a line", "closed by the shell"])
def test_a_standard_error_that_nobody_reads_never_ends_work(reader, built, tmp_path):
    command = [sys.executable, "-m", "ehrxqa", "build", str(built / "hospital"), str(tmp_path / "out")]
    command += ["--workers", "2", "--train-subjects", "30", "--test-subjects", "20"]
    if reader == "closed by the shell":
        done = subprocess.run(["/bin/sh", "-c", '"$@" 2>&-', "sh", *command], stdout=subprocess.PIPE)
        assert done.returncode == 0
    else:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert process.stderr is not None
        if reader == "closed after a line":
            process.stderr.readline()
        process.stderr.close()
        assert process.wait() == 0
    assert (tmp_path / "out/manifest.json").read_bytes() == (built / "out/manifest.json").read_bytes()


@pytest.mark.parametrize("raised", [AttributeError("half imported"), SettingsError("cannot be imported")])
def test_what_an_interrupted_import_raises_is_an_interruption(raised, monkeypatch, capsys):
    """Ctrl-C within the import of a library comes out as whatever that library makes of it."""

    def interrupted(**_):
        with suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
        raise raised

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(command_line.main, "main", interrupted)
    try:
        assert command_line._guarded([], debug=False) == 130
        assert "interrupted" in capsys.readouterr().err
        monkeypatch.setattr(command_line.main, "main", lambda **_: 0)
        assert command_line._guarded([], debug=False) == 0
    finally:
        for sign in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(sign, signal.SIG_DFL)
        signal.signal(signal.SIGINT, before)


LOST = """
import os, signal, time
import ehrxqa.cli.main as command_line

class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.2)

def work(**_):
    Dying()
    time.sleep(600)
    return 0

command_line.main.main = work
raise SystemExit(command_line._guarded([], debug=False))
"""


def test_a_signal_while_an_object_is_destroyed_is_not_lost():
    """Python prints what a destructor raises, and drops it."""
    done = subprocess.run([sys.executable, "-c", LOST], capture_output=True, text=True, timeout=180)
    assert (done.returncode, done.stderr) == (143, "ehrxqa: interrupted; run the same command again to go on\n")


AMID = """
import ehrxqa.cli.main as command_line

def work(**_):
    exec("import os, signal, time; os.kill(os.getpid(), signal.SIGINT); time.sleep(600)")

command_line.main.main = work
raise SystemExit(command_line._guarded([], debug=False))
"""


def test_ctrl_c_amid_a_text_that_is_executed_is_an_interruption_like_any(tmp_path):
    """Python notes such a one, and ends by the signal whatever the command says, if it runs a module."""
    (tmp_path / "amid.py").write_text(AMID)
    command = [sys.executable, "-m", "amid"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180)
    assert (done.returncode, done.stderr) == (130, "ehrxqa: interrupted; run the same command again to go on\n")
