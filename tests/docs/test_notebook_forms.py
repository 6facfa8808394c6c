"""Results in a notebook, progress where somebody looks, and arguments of wrong types."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import sys
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import pytest

import ehrxqa
from ehrxqa.arguments import checked
from ehrxqa.errors import SettingsError
from ehrxqa.html_repr import MOST_ROWS, html_repr, table
from ehrxqa.progress import SILENT, RichProgress
from ehrxqa.shown_progress import FITTING, FittingProgress, NotebookProgress

FUNCTIONS = [name for name in ehrxqa.__all__ if inspect.isfunction(getattr(ehrxqa, name))]


def returned(name: str) -> type:
    function = getattr(ehrxqa, name)
    found = function.__annotations__["return"]
    return eval(found, vars(importlib.import_module(function.__module__)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_result_has_forms_of_its_own(name):
    kind = returned(name)
    assert kind.__repr__ is not object.__repr__ and callable(getattr(kind, "_repr_html_", None)), kind


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_first_argument_of_a_wrong_type_is_an_error_of_ours(name):
    function = getattr(ehrxqa, name)
    first, *others = inspect.signature(function).parameters.values()
    needed = {one.name: object() for one in others if one.default is one.empty}
    with pytest.raises(SettingsError, match=rf"^{name}: {first.name} must be .*, not object$"):
        function(object(), **needed)


@checked
def takes(
    path: Path | str = "",
    number: int = 1,
    share: float = 0.5,
    sure: bool = False,
    names: Sequence[str] = (),
    counts: Mapping[str, int] | None = None,
    kind: Literal["a", "b"] = "a",
    made: Callable[[int], int] = abs,
    unknown: Nowhere = None,  # noqa: F821
) -> str:
    return "taken"


@pytest.mark.parametrize(
    "given",
    [
        {"path": Path("x")}, {"number": 3}, {"share": 1}, {"sure": True}, {"names": ["a"]}, {"counts": {"a": 1}},
        {"kind": "c"}, {"made": len}, {"unknown": 3},
    ],
)  # fmt: skip
def test_what_fits_is_taken(given):
    assert takes(**given) == "taken"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"path": b"x"}, "path must be a path or a text, not bytes"),
        ({"number": True}, "number must be a whole number, not bool"),
        ({"number": 1.0}, "number must be a whole number, not float"),
        ({"share": "1"}, "share must be a number, not str"),
        ({"sure": 1}, "sure must be True or False, not int"),
        ({"names": "abc"}, "names must be a list, not str"),
        ({"counts": [1]}, "counts must be a mapping or None, not list"),
        ({"kind": 1}, "kind must be 'a' or 'b', not int"),
        ({"made": 1}, "made must be a function, not int"),
    ],
)
def test_what_does_not_fit_is_named(given, words):
    with pytest.raises(SettingsError) as caught:
        takes(**given)
    assert str(caught.value) == f"takes: {words}"


def test_how_many_arguments_there_are_is_python_s_business():
    with pytest.raises(TypeError):
        takes(nothing=1)


@dataclasses.dataclass
class Held:
    value: object
    _repr_html_ = html_repr


@pytest.mark.parametrize(
    ("value", "there", "not_there"),
    [
        ("<script>", "&lt;script&gt;", "<script>"),
        ({"<a>": "<b>"}, "&lt;b&gt;", "<a>"),
        (["<b>"], "&lt;b&gt;", "<b>"),
        ({str(n): n for n in range(10_000)}, "10,000 entries", "9999"),
        ("x" * 100_000, "…", "x" * 1000),
        ("\x1b[31m", "\\x1b", "\x1b"),
        (None, "<em>null</em>", "None"),
        (Path("/a/<b>"), "/a/&lt;b&gt;", "<b>"),
    ],
)
def test_html_is_escaped_and_of_one_screen(value, there, not_there):
    html = Held(value)._repr_html_()
    assert there in html and not_there not in html and len(html) < 5000


def test_of_a_long_table_the_first_rows_are_shown():
    html = table(("n",), [(f"<{number}>",) for number in range(100)])
    assert html.count("<tr>") == MOST_ROWS + 1 and "80 more" in html and "<0>" not in html


class Place:
    def __init__(self, seen):
        self.seen = seen

    def update(self, html):
        self.seen.append(html)


@pytest.fixture
def notebook(monkeypatch):
    """What a notebook shows, without one."""
    seen = []
    kernel = type("ZMQInteractiveShell", (), {})()
    ipython, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    ipython.get_ipython = lambda: kernel
    display.HTML = str
    display.display = lambda html, display_id=False: (seen.append(html), Place(seen))[1]
    ipython.display = display
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    return seen


def test_a_notebook_has_a_bar_and_then_a_line(notebook):
    times = iter([0.0, 0.1, 1.0, 2.0])
    with NotebookProgress(clock=lambda: next(times)).task("<reading>", total=10, unit="files") as task:
        task.advance(3)  # too early to be drawn
        with task.part("one") as part:
            part.advance(4)
    assert 'max="10"' in notebook[0] and "0 of 10 files" in notebook[0]
    assert "7 of 10 files" in notebook[1] and notebook[2] == "<small>&lt;reading&gt;: done (2.0 s)</small>"
    assert len(notebook) == 3


def test_what_stops_in_a_notebook_says_so(notebook):
    with pytest.raises(ValueError, match="x"), FITTING.task("work"):
        raise ValueError("x")
    assert "work: stopped" in notebook[-1]
    FITTING.note("a < b")
    assert notebook[-1] == "<small>a &lt; b</small>"


def test_show_is_html_in_a_notebook(notebook, tmp_path):
    record = {"id": 0, "split": "test", "question": "q?", "query": "select 1", "q_tag": "count", "answer": [1]}
    (tmp_path / "test.json").write_text(f"[{__import__('json').dumps(record)}]")
    ehrxqa.load(tmp_path)[0].show()
    assert "<pre" in notebook[-1] and "select 1" in notebook[-1]


def test_elsewhere_progress_is_as_the_standard_error_is(monkeypatch):
    assert FittingProgress()._fitting() is SILENT
    monkeypatch.setattr(sys, "stderr", types.SimpleNamespace(isatty=lambda: True))
    assert isinstance(FittingProgress()._fitting(), RichProgress)


def test_long_calls_show_progress_by_themselves_and_can_be_told_not_to(notebook, tmp_path):
    (tmp_path / "a.txt").write_text("nothing")
    ehrxqa.leak_scan([tmp_path], progress=ehrxqa.SILENT)
    assert notebook == []
    ehrxqa.leak_scan([tmp_path])
    assert any("<progress" in html for html in notebook) and notebook[-1] == ""  # done before it could be read


def test_a_function_answers_image_questions(tmp_path):
    import apsw

    path = tmp_path / "x.db"
    database = apsw.Connection(str(path))
    database.execute("create table TB_CXR (study_id integer, image_id text, subject_id integer)")
    database.execute("insert into TB_CXR values (50000001, 'a', 1), (50000002, 'b', 1)")
    database.close()
    sql = 'select study_id from tb_cxr where func_vqa("is there pneumonia?", study_id)'
    assert ehrxqa.query(path, sql, model=lambda request: request.image_id == "b").answer == [50000002]
    listed = ehrxqa.query(
        path, 'select func_vqa("list all findings.", study_id) from tb_cxr', model=lambda _: ["B", "a"]
    )
    assert "a" in str(listed.answer)
    with pytest.raises(ehrxqa.EhrxqaError, match="gave int for study 5000000"):
        ehrxqa.query(path, sql, model=lambda _: 3)
    with pytest.raises(SettingsError, match="kept in no cache"):
        ehrxqa.query(path, sql, model=lambda _: True, cache=tmp_path / "cache")
    with pytest.raises(SettingsError, match="query: model must be"):
        ehrxqa.query(path, sql, model=3)
