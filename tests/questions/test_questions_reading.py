"""Filled official sentences read back as the tags and values they were made from, whatever the names hold."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_questions import filters, question_of
from official_templates import official_template

from ehrxqa.questions.facts import usable
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.official_sentences import filled
from ehrxqa.questions.question import Question
from ehrxqa.questions.reading import may_be_read_back, read_back, slots_of
from ehrxqa.questions.slots import TIME_SLOTS
from ehrxqa.questions.time_options import TIME_OPTIONS

TEMPLATES = list(catalogue().values())
#: Words of the official sentences and of filters, and marks, as they may stand in a name.
WORDS = ("and", "in", "or", "of", "on", "a", "via", "patient", "within", "since", "heparin", "calcium,", "0.9%", "2104",
         "38.1", "(iv)", "is", "it?", "no.", "procedure", "test", "measured", "-", "left lung", "first")  # fmt: skip


def drawn_of(template, seed):
    """A question of a template under a filter of chance."""
    rng = random.Random(f"{template.official}/{seed}")
    return question_of(template, rng.randrange(1000), rng.choice(filters(template)))


def test_every_template_reads_back_under_every_filter():
    seen, names = 0, {}
    for template in TEMPLATES:
        for n, time in enumerate(filters(template), template.official):
            question = question_of(template, n, time)
            seen += 1
            if template.official != 93:  # three names between commas; see below
                assert read_back(question), filled(question)
            names.setdefault(time.name, set()).add(template.official)
    assert seen > 4000
    assert set(names) == {"", *TIME_OPTIONS}


@pytest.mark.parametrize("template", TEMPLATES[::7], ids=lambda template: str(template.official))
def test_what_is_read_is_what_was_drawn(template):
    """The slots one by one: `read_back` compares with what it makes of the choice itself."""
    for seed in range(3):
        question = drawn_of(template, seed)
        choice = question.choice
        slots = dict(slots_of(template, filled(question)).slots)
        if template.official == 93:
            continue
        for slot in template.values:
            assert slots.pop(slot) == str(choice.values[slot])
        for short in template.times:
            read = slots.pop(TIME_SLOTS[short])
            if short in ("g1", "g2"):
                time = choice.time(short)
                assert read == (repr(time) if time.name else "")
            elif short == "w":
                assert read == choice.within
            else:
                assert read == f"{choice.exact[short]} {choice.moments.get(short, '')}".strip()
        for slot, option in choice.operations.items():
            assert slots.pop(slot) == option
        if choice.comparison:
            assert slots.pop("comparison") == choice.comparison
        found = sorted(slots.values())
        visual = choice.visual
        measured = visual is None or template.q_tag.count("${") == 0
        assert found == ([] if measured else sorted([*visual.objects, *visual.attributes, *visual.categories]))


@settings(max_examples=250, deadline=None, derandomize=True)
@given(st.sampled_from(TEMPLATES), st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), min_size=6,
       max_size=6), st.integers(0, 999))  # fmt: skip
def test_names_may_hold_the_words_of_sentences(template, words, n):
    names = [name for held in words if usable(name := " ".join(held))] or ["heparin"]
    time = filters(template)[n % len(filters(template))]
    question = question_of(template, n, time, names)
    named = [slot for slot in template.values if not slot.startswith(("patient", "study", "lab_value", "vital_value"))]
    if re.search(r"(in|since|on) (2104|first)|(2104|38.1)$", " ".join(map(str, question.choice.values.values()))):
        return  # "since 2104" in a name is a filter to any reader
    assert may_be_read_back(question), filled(question)
    if len(named) < 2:
        assert read_back(question), filled(question)


@pytest.mark.parametrize("template", TEMPLATES[::3], ids=lambda template: str(template.official))
def test_a_changed_sentence_does_not_read_back(template):
    rng = random.Random(template.official)
    question = drawn_of(template, 0)
    right = slots_of(template, filled(question))
    assert right is not None
    words = filled(question).split(" ")
    for place in range(len(words)):
        without = " ".join(words[:place] + words[place + 1 :])
        twice = " ".join(words[: place + 1] + words[place:])
        for changed in (without, twice):
            assert slots_of(template, changed) != right, changed
    for match in re.finditer(r"\d", filled(question)):
        digit = str((int(match[0]) + rng.randrange(1, 10)) % 10)
        changed = filled(question)[: match.start()] + digit + filled(question)[match.end() :]
        assert slots_of(template, changed) != right, changed
    assert slots_of(template, filled(question) + " please") is None


def test_numbers_and_categories_are_no_names():
    """Otherwise a gap for them takes in words that belong elsewhere."""
    gender = official_template(6)
    assert slots_of(gender, "what is the gender of patient 10000001?") is not None
    assert slots_of(gender, "what is the gender of patient heparin?") is None
    listed = official_template(1124)
    assert slots_of(listed, "given the study 50000001, list all disease.") is not None
    assert slots_of(listed, "given the study 50000001, list all disease in the left lung.") is None
    assert slots_of(listed, "given the study 50000001, list all abnormality.") is None


def test_three_names_with_a_comma_can_be_told_from_a_wrong_sentence():
    """Chance may draw a name that makes a sentence ambiguous; that is no fault of ours, and not written either."""
    template = official_template(93)
    question = question_of(template, 0)
    plain = replace(question.choice, values={**question.choice.values, "drug_name1": "a", "drug_name2": "b"})
    assert read_back(Question(template, replace(plain, values={**plain.values, "drug_name3": "calcium carbonate"})))
    odd = Question(template, replace(plain, values={**plain.values, "drug_name1": "calcium, total"}))
    assert not read_back(odd)
    assert may_be_read_back(odd)
    assert slots_of(template, filled(question).replace("prescribed", "given")) is None


def test_no_two_filters_are_worded_alike():
    said = [time.nlq for time in {time for template in TEMPLATES for time in filters(template)}]
    assert len(set(said)) == len(said) == 34
