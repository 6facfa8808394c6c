"""Results of the public functions show themselves in one short line, whatever they hold."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import typing
from pathlib import Path

import pytest

import ehrxqa
from ehrxqa.runs.manifest import FileRecord, Manifest, StageRecord
from ehrxqa.short_repr import short_repr


def returned(name: str) -> type:
    function = getattr(ehrxqa, name)
    home = importlib.import_module(function.__module__)
    found = function.__annotations__["return"]
    return eval(found, vars(home)) if isinstance(found, str) else found


FUNCTIONS = [name for name in ehrxqa.__all__ if inspect.isfunction(getattr(ehrxqa, name))]
RESULTS = sorted({kind for kind in map(returned, FUNCTIONS) if dataclasses.is_dataclass(kind)}, key=str)


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
def test_a_result_that_holds_anything_large_has_a_repr_of_its_own(kind):
    large = any(
        typing.get_origin(hint) in (list, tuple, dict) or "Mapping" in str(hint)
        for hint in typing.get_type_hints(kind).values()
    )
    assert not large or kind.__repr__.__globals__["__name__"].startswith("ehrxqa."), kind


def test_a_manifest_of_thousands_of_files():
    files = {f"files/p10/p{number}/s1/image.jpg": FileRecord("0" * 64, 1) for number in range(5000)}
    manifest = Manifest(False, {"seed": 0}, files, {"labels": StageRecord("k", files, {})})
    shown = repr(manifest)
    assert "\n" not in shown and len(shown) < 800
    assert "synthetic=False" in shown and "sources=<5,000 entries>" in shown and "settings={'seed': 0}" in shown


def test_an_evaluation_tells_its_scores(tmp_path):
    gold, predictions = tmp_path / "gold.json", tmp_path / "predictions.json"
    gold.write_text(json.dumps({str(number): [number] for number in range(2000)}))
    predictions.write_text(json.dumps({str(number): [number % 1000] for number in range(2000)}))
    shown = repr(ehrxqa.evaluate(gold, predictions, resamples=0))
    assert shown.startswith("Evaluation(profile='paper', questions=2,000, ") and len(shown) < 200
    assert "=50.0" in shown


@dataclasses.dataclass
class Held:
    value: object
    __repr__ = short_repr


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x" * 1000, f"'{'x' * 60}'…"),
        (Path("/a/" + "b" * 100), f"'/a/{'b' * 100}'"),
        ([[1, 2]], "<1 entry>"),
        (("a", None, 2.5), "('a', None, 2.5)"),
        (["y" * 1000], "<1 entry>"),
        ({}, "{}"),
        (Held(range(10)), "Held(…)"),
    ],
)
def test_values_are_shown_as_far_as_they_are_short(value, shown):
    assert repr(Held(value)) == f"Held(value={shown})"
