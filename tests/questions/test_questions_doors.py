"""Families of other packages: by entry point, `python:MODULE:NAME`, or as objects; official ones stay as they are."""

from __future__ import annotations

import json
import sys
import types
from importlib.metadata import EntryPoint

import pytest

import ehrxqa
from ehrxqa.errors import SettingsError
from ehrxqa.questions.families.catalogue import catalogue, chosen_templates, official_template
from ehrxqa.questions.families.pieces import PATIENT, ROWS_AT_THAT_TIME, single
from ehrxqa.questions.template import Template


def families():
    """A family of a hospital of its own."""
    yield single(
        id="my-hospital/dose-1",
        family="first dose",
        text=f"what was the [e1] dose of {{drug_name}} of {PATIENT} [g1]?",
        said=(f"how much {{drug_name}} was {PATIENT} [e1] given [g1]?",),
        sql=f"select <v> {ROWS_AT_THAT_TIME}",
        kind="rx",
    )


@pytest.fixture
def package(monkeypatch):
    """The family in a module of its own, and an entry point to it."""
    module = types.ModuleType("my_hospital")
    module.families, module.nothing, module.wrong = families, (), [1]
    monkeypatch.setitem(sys.modules, "my_hospital", module)
    point = EntryPoint("my-hospital", "my_hospital:families", "ehrxqa.families")
    monkeypatch.setattr("ehrxqa.doors.entry_points", lambda group: (point,) if group == "ehrxqa.families" else ())


@pytest.mark.parametrize(
    "name", ["my-hospital", "my-hospital/dose-1", "first dose", "python:my_hospital:families", next(iter(families()))]
)
def test_a_family_of_another_package_is_found_by_any_of_its_names(package, name):
    (template,) = chosen_templates(families=[name]).values()
    assert (template.id, template.official, template.scope) == ("my-hospital/dose-1", None, "table-single")


def test_it_is_asked_for_only_by_name(package):
    assert chosen_templates() == dict(catalogue())
    both = chosen_templates(families=["official", "my-hospital"])
    assert list(both) == [*catalogue(), "my-hospital/dose-1"]


@pytest.mark.parametrize("name", ["28", "official/28"])
def test_official_templates_have_numbers_and_ids(name):
    assert chosen_templates(families=[name]) == {"official/28": official_template(28)}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("official/21", "unknown family"),
        ("my-hospital/dose-2", "unknown family"),
        ("python:my_hospital:nothing", "must be a function that yields"),
        ("python:my_hospital:wrong", "must be a function that yields"),
        ("python:my_hospital:other", "has no other"),
    ],
)
def test_names_that_say_nothing(package, name, message):
    with pytest.raises(SettingsError, match=message):
        chosen_templates(families=[name])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": ""}, "must have an id"),
        ({"id": "vitals"}, "must have an id"),
        ({"id": "official/1"}, "must not begin with official/"),
        ({"id": "a/b", "scope": "table"}, "scope must be one of"),
    ],
)
def test_a_template_says_what_is_wrong_with_it(fields, message):
    plain = {"family": "f", "scope": "table-none", "text": "t?", "said": ("t?",), "draw": "names", "answer": "list"}
    with pytest.raises(SettingsError, match=message):
        Template(**(plain | fields))


def test_questions_of_it_are_made_checked_and_named_in_the_links(fresh, package, quick):
    report = ehrxqa.generate(fresh, test=6, families=["my-hospital"], workers=1, seed=2)
    assert (report.questions["test"], report.templates, report.faults) == (6, 1, 0)
    links = [json.loads(line) for line in (fresh / "dataset" / "links.jsonl").read_text().splitlines()]
    assert {(each["template"], each["family"]) for each in links} == {("my-hospital/dose-1", "first dose")}
    about = ehrxqa.stats(fresh).about["templates"]
    assert all(each["used"] == 0 for each in about.values())
