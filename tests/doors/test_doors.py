"""Doors: what other packages declare is found, and what is wrong with it is said in one line."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from ehrxqa import doors
from ehrxqa.errors import SettingsError


def test_python_text_names_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "of_mine_for_doors.py").write_text("class Kept:\n    value = 7\n")
    monkeypatch.chdir(tmp_path)
    assert doors.load_python("python:of_mine_for_doors:Kept.value") == 7
    assert str(tmp_path) not in sys.path


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("python:json", "not of the form"),
        ("json:loads", "not of the form"),
        ("python:no_such_module:x", "cannot be imported"),
        ("python:json:nothing", "has no nothing"),
    ],
)
def test_wrong_texts_are_refused(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        doors.load_python(text)


def test_entry_points_are_found_and_clashes_said(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("one", "json:loads", "ehrxqa.metrics"),
        EntryPoint("two", "json:dumps", "ehrxqa.metrics"),
        EntryPoint("two", "json:dump", "ehrxqa.metrics"),
        EntryPoint("broken", "no_such_module:x", "ehrxqa.metrics"),
    ]
    monkeypatch.setattr(doors, "entry_points", lambda group: points)
    assert doors.names("ehrxqa.metrics") == ("broken", "one", "two")
    import json

    assert doors.load_named("ehrxqa.metrics", "one") is json.loads
    assert doors.load_named("ehrxqa.metrics", "three") is None
    with pytest.raises(SettingsError, match="several packages"):
        doors.load_named("ehrxqa.metrics", "two")
    with pytest.raises(SettingsError, match="cannot be loaded"):
        doors.load_all("ehrxqa.metrics")
