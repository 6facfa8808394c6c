"""A killed `answer` goes on where it was, and writes the same file."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from programs import Programs, make_database

from ehrxqa.dataset import answer as answer_module
from ehrxqa.dataset.answer import answer
from ehrxqa.errors import BuildError
from ehrxqa.progress import SILENT

#: About a quarter of a second; and what it counts to makes another program of it.
SLOW = "with recursive n(x) as (select 1 union all select x + 1 from n where x < {}) select max(x) from n"


class Heard(type(SILENT)):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def questions_file(path: Path, programs: list[str]) -> Path:
    records = [
        {"db_id": "mimic_iv_cxr", "split": "test", "id": number, "question": "?", "_gold_program": program}
        for number, program in enumerate(programs)
    ]
    path.write_text(json.dumps(records), "utf-8")
    return path


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_command_goes_on_behind_its_last_answers(tmp_path, workers, monkeypatch):
    make_database(tmp_path / "plain.db", random.Random(7))
    make = Programs(random.Random(3))
    slow = [SLOW.format(1_500_000 + number) for number in range(12)]
    programs = [*(make.program() for _ in range(60)), *slow, "select x'00'", "select 1 from nowhere", *slow[:2]]
    questions, out = questions_file(tmp_path / "_test.json", programs), tmp_path / "out.json"
    journal = tmp_path / "out.json.journal"
    killed = subprocess.Popen(
        [
            sys.executable, "-m", "ehrxqa", "answer", "--database", str(tmp_path / "plain.db"), "--out", str(out),
            "--questions", str(questions), "--workers", str(workers), "-q",
        ]
    )  # fmt: skip
    until = time.monotonic() + 300
    while time.monotonic() < until and not (journal.is_file() and journal.read_text().count("\n") > 30):
        time.sleep(0.01)
    killed.kill()
    assert killed.wait() == -9
    kept = [line for line in journal.read_text().splitlines()[1:] if line.endswith("}}")]
    assert 30 <= len(kept) < len(set(programs))
    assert not out.exists()
    run, heard = [], Heard()
    original = answer_module._Run.outcomes

    def noted(self, left, scratch):
        run.extend(left)
        return original(self, left, scratch)

    with monkeypatch.context() as patch:
        patch.setattr(answer_module._Run, "outcomes", noted)
        report = answer(tmp_path / "plain.db", questions, out, workers=1, progress=heard)
    assert len(run) == len(set(programs)) - len(kept)
    assert {"select x'00'", "select 1 from nowhere"} <= set(run)
    assert report.failed[-1].reason == "no such table: nowhere"
    assert heard.notes == [f"{len(kept):,} of {len(set(programs)):,} programs were answered by an interrupted run"]
    assert not journal.exists()
    assert answer(tmp_path / "plain.db", questions, tmp_path / "whole.json", workers=1) == report
    assert out.read_bytes() == (tmp_path / "whole.json").read_bytes()


def test_what_another_database_or_time_answered_is_not_used(tmp_path, monkeypatch):
    make_database(tmp_path / "plain.db", random.Random(7))
    questions = questions_file(tmp_path / "_test.json", ["select current_time", "select 'kept'", "select 'last'"])
    original, left = answer_module._Run.outcomes, [2]

    def stopped(self, programs, scratch):
        for some in original(self, programs, scratch):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            yield some

    with monkeypatch.context() as patch:
        patch.setattr(answer_module._Run, "outcomes", stopped)
        patch.setattr("ehrxqa.dataset.answer_journal._HELD_BACK", -1.0)
        with pytest.raises(KeyboardInterrupt):
            answer(tmp_path / "plain.db", questions, tmp_path / "out.json", now="2100-12-31 23:59:00")
    heard = Heard()
    answer(tmp_path / "plain.db", questions, tmp_path / "out.json", now="2101-01-01 00:00:00", progress=heard)
    assert json.loads((tmp_path / "out.json").read_text())[0]["answer"] == ["2101-01-01 00:00:00"]
    assert heard.notes == []
    (tmp_path / "out.json.journal").write_text("my notes\n")
    with pytest.raises(BuildError, match=r"out\.json\.journal: .* is another file; move it"):
        answer(tmp_path / "plain.db", questions, tmp_path / "out.json")
    assert (tmp_path / "out.json.journal").read_text() == "my notes\n"
