"""Scoring, querying and loading where there is no fcntl and there are no signals but those of Windows.

No Windows runs these tests: a fresh Python is made to look like one, by the modules and names that it lacks there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ehrxqa.building.build import build
from ehrxqa.hospital import synth
from ehrxqa.questions.generate import generate

#: Runs before anything else: what is not there on Windows (docs.python.org, "Availability: Unix").
WINDOWS = """
import os, signal, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in {"fcntl", "resource", "termios", "tty", "pty", "pwd", "grp", "syslog", "readline"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
for name in ("fcntl", "resource", "termios", "pwd", "grp"):
    sys.modules.pop(name, None)
for name in ("SIGHUP", "SIGKILL", "SIGALRM", "SIGCHLD", "SIGUSR1", "SIGUSR2", "SIGPIPE", "pthread_sigmask", "alarm",
             "setitimer", "SIG_BLOCK", "SIG_SETMASK", "siginterrupt", "sigwait"):
    if hasattr(signal, name):
        delattr(signal, name)
for name in ("fork", "geteuid", "getuid", "getpgid", "killpg", "setsid", "statvfs", "posix_fadvise", "mkfifo",
             "O_NOFOLLOW", "O_DIRECTORY", "O_CLOEXEC", "sched_getaffinity", "getloadavg", "fchmod", "chown"):
    if hasattr(os, name):
        delattr(os, name)
"""


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("windows")
    synth(folder / "hospital", subjects=60, seed=1, images=False, workers=1)
    build(folder / "hospital", folder / "out", workers=1)
    generate(folder / "out", test=6, seed=1, workers=1)
    gold = json.loads((folder / "out/dataset/test.json").read_text())
    (folder / "answers.json").write_text(json.dumps({record["id"]: record["answer"] for record in gold}))
    return folder / "out"


def on_windows(code: str, folder) -> str:
    done = subprocess.run(
        [sys.executable, "-c", WINDOWS + code],
        cwd=folder,
        env=os.environ | {"PYTHONNOUSERSITE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_disguise_holds(tmp_path):
    code = "try:\n    import fcntl\nexcept ModuleNotFoundError: print('none')\nprint(hasattr(signal, 'SIGHUP'))"
    assert on_windows(code, tmp_path).split() == ["none", "False"]


def test_answers_are_scored(out):
    code = """
import ehrxqa
result = ehrxqa.evaluate("out/dataset/test.json", "answers.json", resamples=100)
print(result.overall.scores["EX"].value)
"""
    assert on_windows(code, out.parent).strip() == "100.0"


def test_queries_are_run(out):
    code = """
import ehrxqa
database = "out/database/test/mimic_iv_cxr.db"
print(ehrxqa.query(database, "select count(*) > 0 from patients").answer)
sql = 'select count(*) from tb_cxr where func_vqa("is there pneumonia?", study_id) = true'
print(len(ehrxqa.query(database, sql).answer))
"""
    assert on_windows(code, out.parent).split() == ["[1]", "1"]


def test_questions_are_loaded(out):
    code = 'import ehrxqa\nprint(len(ehrxqa.load("out")["test"]))'
    assert int(on_windows(code, out.parent)) == len(json.loads((out / "dataset/test.json").read_text())) > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["evaluate", "--gold", "out/dataset/test.json", "--predictions", "answers.json"], "100.0"),
        (["evaluate", "--gold", "out/dataset/test.json", "--predictions", "answers.json", "--out", "scores.txt"], ""),
        (["query", "out", "select 'one'"], "one"),
        (["why", "out", "0", "--split", "test"], "answer"),
        (["stats", "out"], "questions"),
        (["schema", "out", "patients"], "PATIENTS"),
        (["info", "out"], "synthetic"),
        (["--help"], "Start:"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_commands_that_only_read(out, words, said):
    code = f"from ehrxqa.cli.main import run\ntry: run({words!r})\nexcept SystemExit as end: assert not end.code"
    assert said.lower() in on_windows(code, out.parent).lower()
