"""Families of other packages: by entry point, `python:MODULE:NAME`, or as objects; official ones stay as they are."""

from __future__ import annotations

import json
import pickle
import sys
import types
from dataclasses import replace
from importlib.metadata import EntryPoint

import pytest
from official_templates import official_template

import ehrxqa
from ehrxqa.errors import SettingsError
from ehrxqa.questions.families.catalogue import catalogue, chosen_templates
from ehrxqa.questions.families.pieces import PATIENT, rows_at_that_time, single
from ehrxqa.questions.template import Template


def families():
    """A family of a hospital of its own."""
    yield single(
        id="my-hospital/dose-1",
        family="first dose",
        text=f"what was the [e1] dose of {{drug_name}} of {PATIENT} [g1]?",
        said=(f"how much {{drug_name}} was {PATIENT} [e1] given [g1]?",),
        sql=lambda q: f"select {q.a.value} {rows_at_that_time(q)}",
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


@pytest.mark.parametrize("name", ["official/28", "python:my_hospital:families", "my-hospital"])
def test_a_template_is_sent_as_the_place_where_it_is_found(package, name):
    (template,) = chosen_templates(families=[name]).values()
    there = pickle.loads(pickle.dumps(template))
    assert (there.id, there.text) == (template.id, template.text)
    assert (there is template) is (name == "official/28")


def test_a_template_given_as_an_object_is_sent_with_its_programs():
    template = replace(official_template(6), said=("which gender has patient {patient_id}?",))
    assert pickle.loads(pickle.dumps(template)).said == template.said


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
        ({"id": "a/b", "sql": "select 1"}, "sql must be a function over the parts of a question, not a text"),
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
    about = ehrxqa.stats(fresh).about.templates
    assert all(each["used"] == 0 for each in about.values())
