"""How a model's words become an answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vqa_strategies import questions

from ehrxqa.vqa import ABSTAIN, DEFAULT_VOCABULARY, VqaQuestion, VqaRequest
from ehrxqa.vqa.reading import cleaned, read_answer, read_reply
from ehrxqa.vqa.synonyms import SYNONYMS

NAMES = {22: {"attributes": ("pneumonia",)}, 19: {"categories": ("device",)}, 23: {"attributes": ("picc", "goiter")}}
NAMES |= {33: {"objects": ("left lung", "spine")}, 7: {"objects": ("neck",), "categories": ("device",)}}
NAMES |= {28: {"attributes": ("picc", "goiter"), "categories": ("device",)}, 31: {"attributes": ("picc",)}}


def read(said, number):
    return read_answer(said, VqaQuestion.of_kind(number, **NAMES.get(number, {})), DEFAULT_VOCABULARY)


@pytest.mark.parametrize(
    ("said", "number", "answer"),
    [
        ("yes", 20, True),
        (" No, the lungs are clear.", 20, False),
        ("TRUE", 20, True),
        ("maybe", 20, ABSTAIN),
        ("", 20, ABSTAIN),
        ("not sure", 20, ABSTAIN),
        ("<think>maybe no</think>Yes", 20, True),
        ("<think>yes, or no? yes</think>\n\nNo.", 20, False),
        ("<think>yes it is", 20, ABSTAIN),
        ("Answer: yes", 20, True),
        ("The answer is yes.", 20, True),
        ("Let me look. The heart is large. **Final answer:** No", 20, False),
        ("**Yes**", 20, True),
        ('{"answer": "yes"}', 20, True),
        ('```json\n{"answer": false}\n```', 20, False),
        ("yes or no", 20, ABSTAIN),
        ("The lungs are normal.", 20, ABSTAIN),
        ("There are no abnormalities.", 20, False),
        ("There is no pneumonia.", 22, False),
        ("There is pneumonia in the left lung.", 22, True),
        ("There is no pneumothorax.", 22, ABSTAIN),
        ("There are no devices.", 19, False),
        ("There is no picc.", 23, ABSTAIN),
    ],
)
def test_yes_and_no(said, number, answer):
    assert read(said, number) is answer


@pytest.mark.parametrize(
    ("said", "number", "answer"),
    [
        ("none", 27, ()),
        ("None.", 27, ()),
        ("There are no abnormalities.", 27, ()),
        ("There are no acute abnormalities seen.", 27, ()),
        ("No significant findings", 27, ()),
        ("There are no devices in the neck.", 7, ()),
        ('{"answer": []}', 27, ()),
        ("", 27, ABSTAIN),
        ("unknown", 27, ABSTAIN),
        ("...", 27, ABSTAIN),
        ("pneumonia, PICC", 27, ("picc", "pneumonia")),
        ("Pleural effusions and a picc.", 27, ("picc", "pleural effusion")),
        ("cardiac pacer and wires", 27, ("cardiac pacer and wires",)),
        ("picc, cardiac pacer and wires", 27, ("cardiac pacer and wires", "picc")),
        ("picc\n- scoliosis", 27, ("picc", "scoliosis")),
        ("1. Cardiomegaly\n2. Pulmonary edema\n3) PICC line", 27, (
            "enlarged cardiac silhouette", "picc", "pulmonary edema/hazy opacity")),
        ("The image shows mild cardiomegaly and a PICC line.", 27, ("enlarged cardiac silhouette", "picc")),
        ("Answer: pneumonia; scoliosis", 27, ("pneumonia", "scoliosis")),
        ("['picc', 'goiter']", 27, ("goiter", "picc")),
        ('["picc", "goiter"]', 27, ("goiter", "picc")),
        ("there is atelectasis in the left lower lung zone", 27, ("atelectasis",)),
        ("pneumonia, and something odd", 27, ABSTAIN),
        ("a picture of a cat", 27, ABSTAIN),
        ("the left lung", 33, ("left lung",)),
        ("Both", 33, ("left lung", "spine")),
        ("Both the left lung and the spine.", 33, ("left lung", "spine")),
        ("Both are abnormal.", 33, ("left lung", "spine")),
        ("Neither", 33, ()),
        ("Both", 28, ("goiter", "picc")),
        ("left base, right hilum", 31, ("left lower lung zone", "right hilar structures")),
        ("PA", 43, ("pa",)),
        ("The view is PA.", 43, ("pa",)),
        ("AP (anteroposterior)", 43, ("ap",)),
        ("anteroposterior", 42, ("ap",)),
        ("Female", 46, ("f",)),
        ("The patient is male.", 46, ("m",)),
    ],
)  # fmt: skip
def test_lists(said, number, answer):
    assert read(said, number) == answer


def test_the_case_of_the_reference(shared):
    text = (shared / "cases" / "16-vqa-think").rglob("*")
    assert any(path.is_file() for path in text)
    assert read("<think>maybe no</think>Yes", 20) is True
    assert read("Answer: yes", 20) is True
    assert read("The lungs are normal.", 20) is ABSTAIN


@given(
    questions(kinds=(7, 8, 25, 27)), st.lists(st.sampled_from(DEFAULT_VOCABULARY.attributes), min_size=1, unique=True)
)
@settings(deadline=None)
def test_names_joined_by_commas_are_read_back(question, names):
    assert read_answer(", ".join(names), question, DEFAULT_VOCABULARY) == tuple(sorted(names))


@given(st.sampled_from([(name, other) for name, others in SYNONYMS.items() for other in others]))
def test_synonyms_are_read(pair):
    name, other = pair
    number = 31 if name in DEFAULT_VOCABULARY.objects else 27
    assert read(f"- {other.capitalize()}.", number) == (name,)


@given(st.text(max_size=60), st.sampled_from([20, 22, 27, 28, 31, 33, 43, 46]))
@settings(max_examples=300, deadline=None)
def test_whatever_is_said_no_wrong_name_comes_of_it(said, number):
    answer = read(said, number)
    if number in (20, 22):
        assert answer in (True, False, ABSTAIN)
    else:
        known = {*DEFAULT_VOCABULARY.objects, *DEFAULT_VOCABULARY.attributes, "ap", "pa", "m", "f"}
        assert answer is ABSTAIN or set(answer) <= known


def test_free_texts_are_read_by_their_form():
    def free(said, expects):
        return read_reply(said, VqaRequest(1, "", None, "?", expects), DEFAULT_VOCABULARY)

    assert free("Answer: Yes", "truth") is True
    assert free("hard to say", "truth") is ABSTAIN
    assert free("Two", "list") == ("two",)
    assert free("1. left side\n2. Right side.", "list") == ("left side", "right side")
    assert free("none", "list") == ()
    assert free("unsure", "list") is ABSTAIN


def test_what_is_around_an_answer_goes():
    assert cleaned("<think>a</think> b <think>c</think> d") == "d"
    assert cleaned("A: picc") == "picc"
    assert cleaned('{"reason": "x", "answer": "no"}') == "no"
    assert cleaned('{"reason": "x"}') == '{"reason": "x"}'
