"""English in and out."""

from __future__ import annotations

import contextlib
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vqa_strategies import questions

from ehrxqa.errors import VqaError
from ehrxqa.vqa.parse import MAX_TEXT_LENGTH, parse
from ehrxqa.vqa.question import KINDS, VqaQuestion
from ehrxqa.vqa.records import question_of
from ehrxqa.vqa.render import TEMPLATES, render, render_mimic_cxr_vqa
from ehrxqa.vqa.vocabulary import ATTRIBUTES, DEFAULT_VOCABULARY, OBJECTS, Vocabulary
from ehrxqa.vqa.wordings import WORDINGS, wordings_of

ODD = DEFAULT_VOCABULARY.extended(
    objects=["Left  Cardio-Phrenic angle", "lung and pleura"],
    attributes=["pneumonia and effusion", "tubes or wires", "density (new, old)", "either one", "s", "Schmorl's node"],
    categories=["texture", "rare/odd thing"],
)


@given(questions())
@settings(max_examples=200, deadline=None)
def test_what_is_written_is_read_back(question):
    assert parse(render(question)) == question
    assert parse(render_mimic_cxr_vqa(question)) == question


@given(questions())
@settings(max_examples=150, deadline=None)
def test_every_wording_is_read_back(question):
    for wording in wordings_of(question):
        assert parse(wording) == question, wording


@given(questions(ODD))
@settings(max_examples=150, deadline=None)
def test_added_names_are_read_back(question):
    assert parse(render(question), ODD) == question


@given(
    questions(),
    st.sampled_from([str.upper, str.title, str.capitalize]),
    st.sampled_from(["", " ", "\n", "?", " ?!", " . "]),
)
@settings(max_examples=200, deadline=None)
def test_case_blanks_and_final_marks_do_not_matter(question, change, end):
    text = change(render(question)).replace(" ", "  ").rstrip("?.") + end
    assert parse("  " + text) == question


@given(questions())
@settings(max_examples=100, deadline=None)
def test_articles_do_not_matter(question):
    text = render(question)
    assert parse(re.sub(r"\bthe ", "", text)) == question
    assert parse(re.sub(r"\bin ", "in an ", text)) == question


@given(st.text(max_size=80))
@settings(max_examples=150, deadline=None)
def test_any_text_is_a_question_or_an_error(text):
    with contextlib.suppress(VqaError):
        parse(text)


@given(st.text(alphabet="ab\n\r\t(-/,", max_size=40))
@settings(deadline=None)
def test_an_error_is_one_line(text):
    with pytest.raises(VqaError) as caught:
        parse(text)
    assert len(str(caught.value).splitlines()) == 1


_WORDS = (
    "is there",
    "are there",
    "list",
    "which",
    "is related to",
    "in",
    "either",
    "both",
    "and",
    "or",
    "but not",
    ",",
)
_NAMES = (
    "left lung",
    "spine",
    "pneumonia",
    "picc",
    "diseases",
    "abnormality",
    "anatomical locations",
    "common",
    "only",
)
_PIECES = st.sampled_from([*_WORDS, *_NAMES])


@given(st.lists(_PIECES, min_size=1, max_size=9))
@settings(max_examples=250, deadline=None)
def test_what_is_read_says_all_that_was_written(pieces):
    """A reading drops no name: the canonical sentence holds each one, in order."""
    text = " ".join(pieces)
    try:
        question = parse(text)
    except VqaError:
        return
    named = [piece for piece in pieces if piece in {"left lung", "spine", "pneumonia", "picc"}]
    assert sorted(named) == sorted((*question.objects, *question.attributes))
    assert [n for n in named if n in question.objects] == list(question.objects)
    assert [n for n in named if n in question.attributes] == list(question.attributes)
    assert ("diseases" in pieces) == ("disease" in question.categories)


ATTESTED = [
    (
        "does a chest x-ray show enlarged cardiac silhouette in the mediastinum?",
        2,
        "mediastinum",
        "enlarged cardiac silhouette",
    ),
    ("Does the chest xray show any enlarged cardiac silhouette?", 22, "enlarged cardiac silhouette"),
    ("list all abnormality in the left lung.", 8, "left lung"),
    ("list all abnormalities in left lung", 8, "left lung"),
    ("LIST ALL ABNORMALITY.   ", 27),
    ("are there any abnormality in the left lung?", 3, "left lung"),
    ("is the left hilar structures abnormal?", 3, "left hilar structures"),
    (
        "which anatomical finding is related to the right hilar structures, infiltration or vascular congestion?",
        *(10, "right hilar structures", "infiltration", "vascular congestion", "anatomicalfinding"),
    ),
    ("are there any tubes/lines in the neck?", 1, "neck", "tubesandlines"),
    ("are there any tubes / lines in the neck?", 1, "neck", "tubesandlines"),
    ("are there any tubes and lines?", 19, "tubesandlines"),
    ("are there any technical assessments?", 19, "technicalassessment"),
    ("list all technicalassessments and devices.", 26, "technicalassessment", "device"),
    ("list all common anatomical findings in both the spine and the neck.", 14, "spine", "neck", "anatomicalfinding"),
    ("list all diseases only in the spine but not in the neck.", 15, "spine", "neck", "disease"),
    (
        "is there mass/nodule (not otherwise specified) in the left lung?",
        2,
        "left lung",
        "mass/nodule (not otherwise specified)",
    ),
    ("is there any mass / nodule not otherwise specified?", 22, "mass/nodule (not otherwise specified)"),
    ("are there both cardiac pacer and wires and sternotomy wires?", 23, "cardiac pacer and wires", "sternotomy wires"),
    (
        "is there either pleural/parenchymal scarring or copd/emphysema?",
        24,
        "pleural/parenchymal scarring",
        "copd/emphysema",
    ),
    ("are there pleural effusions in the left costophrenic angle?", 2, "left costophrenic angle", "pleural effusion"),
    ("is there sub diaphragmatic air", 22, "sub-diaphragmatic air"),
    ("is there a swan-ganz catheter in the svc?", 2, "svc", "swan-ganz catheter"),
    ("where is the picc?", 31, "picc"),
    ("list all anatomical locations related to any tubes/lines or diseases.", 40, "tubesandlines", "disease"),
    ("which anatomical location is related to picc, the svc or the right atrium?", 32, "svc", "right atrium", "picc"),
    ("is the width of the cardiac silhouette wider than 1/2 of the thorax width?", 47, "cardiac silhouette"),
    ("is the width of the upper mediastinum wider than 1 / 3 of the thorax width ?", 48, "upper mediastinum"),
    ("is this an PA view?", 41),
    ("which view is in this image, pa or ap?", 42),
    ("is this patient a woman?", 44),
    ("has a chest x-ray demonstrated any technical assessments?", 19, "technicalassessment"),
    (
        "is any anatomical findings revealed in the right hemidiaphragm on a chest x-ray?",
        *(1, "right hemidiaphragm", "anatomicalfinding"),
    ),
    (
        "regarding the right hilar structures, which anatomical finding is relevant, infiltration or "
        "pleural/parenchymal scarring?",
        *(10, "right hilar structures", "infiltration", "pleural/parenchymal scarring", "anatomicalfinding"),
    ),
    ("regarding the left lung, which diseases are there?", 7, "left lung", "disease"),
]


@pytest.mark.parametrize("case", ATTESTED, ids=lambda case: case[0])
def test_wordings_that_occur(case):
    text, number, *names = case
    question = parse(text)
    assert question.kind.number == number
    assert [*question.objects, *question.attributes, *question.categories] == names


REFUSED = [
    ("", "empty"),
    (" ?? ", "empty"),
    ("is there kryptonite in the left lung?", '"kryptonite"'),
    ("is there lung nodule?", '"lung nodule"'),
    ("is there pneumonai?", "near: pneumonia"),
    ("is there no pneumonia?", '"no"'),
    ("is there mild pneumonia?", '"mild"'),
    ("is there new pneumonia since last week in the spine", '"new", "since last week"'),
    ("list all abnormality except devices.", '"except"'),
    ("is there pneumonia in the left and right lung?", '"left"'),
    ("is there pneumonia (in the spine)?", r'"\("'),
    ("pneumonia", "no known form"),
    ("which disease, pneumonia", "no known form"),
    ("list all diseases in the spine and the neck.", "either … or"),
    ("list all anatomical locations related to picc and rotated.", "either … or"),
    ("are there both picc and rotated in both the spine and the neck?", "two findings and two places"),
    ("list all diseases and devices in either the spine or the neck.", "two categories and two places"),
    ("are there both diseases and devices?", "no kind of image question"),
    ("is there picc or disease?", "different sorts"),
    ("is there both picc or rotated?", '"both" goes with "and"'),
    ("list all common diseases in the spine.", '"common"'),
    ("list all diseases only in the spine.", '"only in"'),
    ("is the spine wider than half of the thorax?", "not measured"),
    ("is the cardiac silhouette wider than 1/3 of the thorax width?", "not compared with 1/3"),
    ("which view is in this image, ap or ap?", "the same"),
    ("is there pneumonia?; drop table tb_cxr", '"drop table tb'),
    ("is there pneumonia " * 40, "characters"),
]


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_is_not_understood_is_named(text, said):
    with pytest.raises(VqaError, match=said):
        parse(text)


def test_text_at_the_limit_is_read():
    text = "is there pneumonia?"
    assert parse(text + " " * (MAX_TEXT_LENGTH - len(text))).kind.number == 22


def test_a_name_of_two_meanings_is_not_guessed():
    both = Vocabulary(("spine", "cloud"), ("cloud",), ("disease",))
    assert parse("is there cloud in the spine?", both).attributes == ("cloud",)
    assert parse("is the cloud abnormal?", both).objects == ("cloud",)
    many = Vocabulary(("cloud",), ("cloud",), ("cloud",))
    with pytest.raises(VqaError, match="2 ways"):
        parse("is there cloud?", many)


def test_default_names():
    assert len(OBJECTS) == len(set(OBJECTS)) == 38
    assert {category: len(names) for category, names in ATTRIBUTES.items()} == {
        "anatomicalfinding": 43,
        "technicalassessment": 5,
        "disease": 10,
        "tubesandlines": 12,
        "device": 5,
    }


def test_every_kind_has_its_sentence_and_paraphrases():
    assert set(TEMPLATES) == set(WORDINGS) == set(KINDS)
    assert all(len(set(wordings)) >= 3 for wordings in WORDINGS.values())


@pytest.mark.shared
@pytest.mark.parametrize("split", ["train", "test"])
def test_every_func_vqa_of_the_reference_answers_is_understood(shared, split):
    records = json.loads((shared / "parity" / "answers" / split / "_questions.json").read_bytes())
    texts = {text for record in records for text in re.findall(r'func_vqa\(\s*"([^"]*)"', record["query"])}
    assert len(texts) > 50
    for text in texts:
        question = parse(text)
        assert render(question) == text or question.kind.number == 3


@pytest.mark.shared
@pytest.mark.parametrize("name", ["train/_train_part1.json", "train/_train_part2.json", "test/_test.json"])
def test_every_reference_image_question_is_understood(shared, name):
    for record in json.loads((shared / "parity" / "vqa" / name).read_bytes()):
        question = parse(record["question"])
        assert question == question_of(record["template_program"], record["template_arguments"])
        assert render_mimic_cxr_vqa(question) == record["question"]
        assert TEMPLATES[question.kind.number] == record["template"]
        assert question.kind.content_type == record["content_type"]
        assert question.kind.form == record["semantic_type"]


@pytest.mark.shared
def test_every_visual_question_of_the_official_templates_is_understood(shared):
    index = json.loads((shared / "data" / "ehrxqa" / "template_index.json").read_bytes())
    values = {
        "${object}": "left lung",
        "${object_1}": "left lung",
        "${object_2}": "cardiac silhouette",
        "${attribute}": "rotated",
        "${attribute_1}": "cyst/bullae",
        "${attribute_2}": "cardiac pacer and wires",
        "${category}": "device",
        "${category_1}": "disease",
        "${category_2}": "tubesandlines",
    }
    forms = {entry["vqa_question"] for entry in index.values()} - {None}
    assert len(forms) == 43
    found = set()
    for form in forms:
        text = re.sub(r"\$\{\w+\}", lambda slot: values[slot[0]], form)
        question = parse(text)
        found.add(question.kind.number)
        assert render(question) == text or (
            question.kind.number == 3 and text.startswith("are there any abnormality in")
        )
    assert found == set(range(1, 49)) - set(range(41, 47))
    for number in (str(1000 + kind - 1) for kind in found):
        text = re.sub(r"\$\{\w+\}", lambda slot: values[slot[0]], index[number]["vqa_question"])
        assert parse(text).kind.number == int(number) - 999


def test_choices_keep_their_order():
    question = parse("which anatomical location is abnormal, the spine or the neck?")
    assert question == VqaQuestion.of_kind(33, objects=("spine", "neck"))
