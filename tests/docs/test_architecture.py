"""The map of the rooms: drawn from the imports, with arrows in one direction only."""

import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
sys.path.insert(0, str(DOCS))

from make_architecture import circle, imports_of_rooms, layers, picture  # noqa: E402


def test_imports_run_in_no_circle():
    assert circle(imports_of_rooms()) == []


def test_the_map_is_up_to_date():
    command = [sys.executable, str(DOCS / "make_architecture.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_facts_and_tools_know_nothing_of_the_stages():
    imports = imports_of_rooms()
    assert set(imports["spec"]) <= {"errors", "doors"} and set(imports["layout"]) <= {"errors"}
    assert not {"labels", "database", "questions", "building"} & set(imports["sources"])
    assert not set(imports["labels"]) & {"database", "questions", "building", "hospital"}
    for room, targets in imports.items():
        assert room == "cli" or "cli" not in targets, room


@pytest.fixture
def made(tmp_path):
    def house(**modules):
        for name, text in modules.items():
            path = tmp_path / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return imports_of_rooms(tmp_path)

    return house


def test_a_circle_is_named_also_when_it_is_inside_a_function(made):
    found = made(a__x="from ehrxqa.b import y", b="def f():\n    import ehrxqa.c", c="from ehrxqa.a import x")
    assert circle(found) == ["a", "b", "c", "a"]
    assert found["b"]["c"] == {"b"}


def test_types_alone_make_no_arrow(made):
    found = made(
        a="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ehrxqa.b import y", b="import ehrxqa.a"
    )
    assert circle(found) == [] and layers(found) == [["a"], ["b"]]
    assert picture(found).count("<line") == 1
