"""Words with several forms: each form stands for one thing, and what is said is read back as what was drawn."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_questions import OFFICIAL, filters, question_of

from ehrxqa.models.template.mentions import find_mentions, longest_apart
from ehrxqa.models.value_search import ValueIndex
from ehrxqa.questions.nouns import bare
from ehrxqa.questions.saying import say
from ehrxqa.questions.word_forms import CALLED, MEASURED, WORDS, forms_of
from ehrxqa.spec.findings import ATTRIBUTES, OBJECTS

NAMES = {*OBJECTS, *(name for held in ATTRIBUTES.values() for name in held)}
NOTHING = ValueIndex({})


def test_no_form_stands_for_two_things():
    meanings = {(bare(form), name) for name in NAMES for form in (name, *forms_of(name))}
    assert len({form for form, _ in meanings}) == len(meanings)
    words = [form for forms in WORDS.values() for form in set(forms)]
    assert len(set(words)) == len(words)
    assert set(CALLED) <= NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_form_is_read_as_its_name(name):
    kind = "object" if name in OBJECTS else "attribute"
    for form in (name, *forms_of(name)):
        text = f"is there {form} on that?" if kind == "attribute" else f"is it in the {form} or elsewhere?"
        found = [
            each.value for each in longest_apart(find_mentions(text, NOTHING)) if each.kind in ("object", "attribute")
        ]
        assert found == [name], text


LABELS = {"vital_name": "d_items.label", "lab_name": "d_labitems.label"}
MEASUREMENTS = [(slot, name) for slot, names in MEASURED.items() for name in names]


def test_no_form_of_a_measurement_is_another_one_or_part_of_it():
    said = {(form, name) for _, name in MEASUREMENTS for form in (name, *forms_of(name))}
    for form, name in said:
        holding = {
            other for text, other in said if other != name and re.search(rf"(?<!\w){re.escape(form)}(?!\w)", text)
        }
        # labels may hold each other: the catalogue is not ours
        assert not holding or form == name, (form, name, holding)
    others = {bare(form) for held in CALLED.values() for form in held} | {
        form for forms in WORDS.values() for form in forms
    }
    assert not others & {form for form, _ in said}


@pytest.mark.parametrize(("slot", "name"), MEASUREMENTS)
def test_every_form_of_a_measurement_is_read_as_its_label_where_the_database_has_it(slot, name):
    kind = "item" if slot == "vital_name" else "lab"
    for form in forms_of(name):
        text = f"what was the last {form} of patient 10000001?"
        for labels, expected in (((name,), [name]), (("other",), [])):
            index = ValueIndex({LABELS[slot]: labels})
            found = [each.value for each in longest_apart(find_mentions(text, index)) if each.kind == kind]
            assert found == expected, text


@given(st.sampled_from([each for each in OFFICIAL.values() if each.visual]), st.integers(0, 999), st.data())
def test_what_a_sentence_names_is_read_back(template, n, data):
    """Places, findings and times, whatever they are called, however a sentence is built."""
    time = data.draw(st.sampled_from(filters(template)))
    question = question_of(template, n, time)
    text = say(data.draw(st.sampled_from(template.said)), question, random.Random(n))
    mentions = longest_apart(
        each for each in find_mentions(text, NOTHING) if each.kind in ("object", "attribute", "time")
    )
    visual = question.choice.visual
    read = {kind: {each.value for each in mentions if each.kind == kind} for kind in ("object", "attribute", "time")}
    assert set(visual.objects) <= read["object"], text
    assert read["attribute"] == set(visual.attributes), text
    meanings = {time.meaning, question.choice.time("g2").meaning} - {""}
    assert {each.meaning for each in read["time"]} <= meanings and time.meaning in (
        {each.meaning for each in read["time"]} | {""}
    ), text
