"""Waiting is said, and ends at its limit."""

from __future__ import annotations

from ehrxqa.progress import Progress
from ehrxqa.runs import waiting as module
from ehrxqa.runs.waiting import Waiting


def test_waiting_is_said_at_growing_intervals_and_ends_at_its_limit(monkeypatch):
    clock, notes = [0.0], []

    class Heard(Progress):
        def note(self, text):
            notes.append((clock[0], text))

    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(module.time, "sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    waiting = Waiting("slurm:gpu.toml", "the first job", 300.0, Heard())
    while not waiting.over():
        waiting.pause()
    assert 300.0 < clock[0] < 302.0
    assert [round(at) for at, _ in notes] == [10, 20, 40, 80, 160]
    assert notes[-1][1] == "slurm:gpu.toml: waits for the first job; 3 min of at most 5 min"
    assert waiting.failure() == "slurm:gpu.toml: waited 5 min in vain for the first job"
