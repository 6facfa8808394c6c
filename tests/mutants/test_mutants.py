"""The changes are of one token, can be repeated, and are noticed or not by real runs of tests."""

from __future__ import annotations

import ast
from pathlib import Path

from mutants.belonging import BELONGING, MODULES
from mutants.changes import apply, changes
from mutants.run import SOURCES, all_changes, drawn, equivalents
from mutants.trial import PROJECT, Copy

SMALL = """def f(a: "1 < 2", b=1):
    "1 < 2."
    return a <= b and not b in a != (b not in a) or f"{a + 1}" + "x" == -a
"""
ONE_TEST = """
from ehrxqa.questions.drawing import group

def test_it():
    assert "/project/src/" in group.__file__
    assert group.age_group(20) == "20s"
"""


def test_only_tokens_that_run_are_changed() -> None:
    found = changes("x.py", SMALL)
    words = ["1 -> 2", "1 -> 0", "<= -> >=", "<= -> <", "and -> or", "not -> nothing", "in -> not in"]
    assert [change.words for change in found] == [*words, "!= -> ==", "not -> nothing", "or -> and", "== -> !="]
    assert all(ast.dump(ast.parse(apply(SMALL, change))) != ast.dump(ast.parse(SMALL)) for change in found)


def test_draws_are_spread_and_repeated_and_can_be_compiled() -> None:
    possible = all_changes()
    chosen = drawn(possible, 60, 3)
    assert chosen == drawn(possible, 60, 3) != drawn(possible, 60, 4)
    assert {len(listed) for listed in chosen.values()} == {2, 3}
    for listed in chosen.values():
        for change in listed:
            compile(apply((SOURCES / change.path).read_text(), change), change.path, "exec")


def test_every_package_has_tests() -> None:
    packages = {file.parent.name for file in SOURCES.glob("*/__init__.py")}
    assert packages | {MODULES} == BELONGING.keys()
    assert all((PROJECT / "tests" / place).exists() for places in BELONGING.values() for place in places)


def test_what_is_listed_as_equivalent_is_possible() -> None:
    known = {(change.path, change.text, change.words) for listed in all_changes().values() for change in listed}
    assert equivalents().keys() <= known


def test_a_change_is_tried_in_a_copy_and_undone(tmp_path: Path) -> None:
    copy = Copy(tmp_path)
    (copy.root / "tests/test_one.py").write_text(ONE_TEST)
    tests, path = ["tests/test_one.py"], "questions/drawing/group.py"
    source = (SOURCES / path).read_text()
    found = {(change.text, change.words): change for change in changes(path, source)}
    assert copy.run(tests, 60).passed
    assert not copy.try_change(found["if age is None or age < 20:", "< -> <="], [(tests, 60)]).passed
    assert copy.try_change(found["_ALONE_PERCENT: Final = 25", "25 -> 26"], [(tests, 60)]).passed
    assert not copy.run(tests, 0.01).in_time
    assert (copy.root / "src/ehrxqa" / path).read_text() == source
