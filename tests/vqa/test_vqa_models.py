"""The models that come with the package."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vqa_strategies import FEW, label_sets, questions

from ehrxqa.errors import BuildError, RecordError, SettingsError, VqaError
from ehrxqa.layout import image_path
from ehrxqa.vqa import ABSTAIN, VqaModel, VqaRequest, parse, render
from ehrxqa.vqa.image_paths import ImageFiles
from ehrxqa.vqa.oracle import OracleModel
from ehrxqa.vqa.perturbed import PerturbedModel
from ehrxqa.vqa.prompts import DEFAULT_PROMPT, PromptTemplate, read_prompt
from ehrxqa.vqa.recorded import RecordedModel
from ehrxqa.vqa.registry import make_model
from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY
from made_labels import from_triples


def ask(study: int, text: str) -> VqaRequest:
    return VqaRequest(study, f"image-{study}", parse(text), text)


@pytest.fixture(scope="module")
def labels():
    triples = [("left lung", "pneumonia", "disease"), ("spine", "scoliosis", "anatomicalfinding")]
    images = [(f"image-{study}", study, study // 10) for study in range(500, 900)]
    return from_triples(images, {image: triples[: study % 3] for image, study, _ in images}, possible=triples)


@pytest.mark.parametrize("spec", ["oracle", "perturbed:0.5:seed=2", "constant:yes", "constant:abstain"])
def test_all_models_keep_the_protocol(spec, labels):
    model = make_model(spec, labels=labels)
    assert isinstance(model, VqaModel)
    assert model.name == spec.split(":")[0]
    assert model.version
    assert model.batch_size >= 1
    assert model.answer([]) == []


# --- perturbed ------------------------------------------------------------------------------------------------------


@given(label_sets(), st.lists(questions(FEW), min_size=1, max_size=6), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_at_rate_one_every_answer_is_wrong_and_at_zero_none(labels, asked, seed):
    requests = [VqaRequest(study, "", question, "") for question in asked for study in labels.study_ids]
    right = OracleModel(labels).answer(requests)
    assert PerturbedModel(labels, 0.0, seed).answer(requests) == right
    wrong = PerturbedModel(labels, 1.0, seed).answer(requests)
    may_hold_something = bool(labels.findings)
    for request, good, bad in zip(requests, right, wrong, strict=True):
        if good is None:
            assert bad is None
        elif isinstance(good, bool):
            assert bad is (not good)
        elif may_hold_something or request.question.form == "choose":
            assert bad != good
            assert list(bad) == sorted(set(bad))


def test_errors_depend_on_image_meaning_and_seed_only(labels):
    requests = [ask(study, "is there pneumonia in the left lung?") for study in labels.study_ids]
    model = PerturbedModel(labels, 0.3, 1)
    answers = model.answer(requests)
    assert [model.answer([request])[0] for request in reversed(requests)] == answers[::-1]
    reworded = [ask(study, "Does the X-ray show pneumonia in left lung") for study in labels.study_ids]
    assert model.answer(reworded) == answers
    assert PerturbedModel(labels, 0.3, 2).answer(requests) != answers
    right = OracleModel(labels).answer(requests)
    errors = {n for n, (a, b) in enumerate(zip(answers, right, strict=True)) if a != b}
    assert 0.2 < len(errors) / len(requests) < 0.4
    more = {
        n for n, (a, b) in enumerate(zip(PerturbedModel(labels, 0.6, 1).answer(requests), right, strict=True)) if a != b
    }
    assert errors < more
    versions = {PerturbedModel(labels, rate, seed).version for rate in (0.3, 0.6) for seed in (1, 2)}
    assert len(versions) == 4


# --- constant -------------------------------------------------------------------------------------------------------


def test_constant_says_the_same():
    requests = [ask(1, "is there picc?"), ask(2, "list all abnormality.")]
    assert make_model("constant:yes").answer(requests) == [True, ()]
    assert make_model("constant:no:picc, Rotated").answer(requests) == [False, ("picc", "rotated")]
    assert make_model("constant:abstain").answer(requests) == [ABSTAIN, ABSTAIN]


# --- recorded -------------------------------------------------------------------------------------------------------

RECORDS = [
    {"study_id": 501, "question": "is there picc?", "answer": ["yes"]},
    {"study_id": "502", "question": "Is there any PICC", "answer": False},
    {"image_id": "image-503", "question": "list all device.", "answer": ["Sternotomy Wires", "cabg grafts"]},
    {"study_id": 504, "question": "is there picc?", "answer": "null"},
    {"study_id": 505, "question": "is the cardiac silhouette wider than half of the thorax", "answer": None},
    {"study_id": 501, "question": "is there picc?", "answer": True},
]


@pytest.mark.parametrize("lines", [False, True])
def test_recorded_answers_are_found_by_study_or_image_and_meaning(tmp_path, lines):
    path = tmp_path / "answers.json"
    path.write_text("\n".join(map(json.dumps, RECORDS)) + "\n\n" if lines else json.dumps(RECORDS))
    model = make_model(f"recorded:{path}")
    requests = [
        ask(501, "does the image show picc?"),
        ask(502, "is there picc?"),
        ask(503, "which devices are there?"),
        ask(504, "is there picc?"),
        ask(505, "is the width of the cardiac silhouette wider than 1/2 of the thorax width?"),
    ]
    answers = [reply.answer for reply in model.answer(requests)]
    assert answers == [True, False, ("cabg grafts", "sternotomy wires"), ABSTAIN, None]
    with pytest.raises(VqaError, match=r'no recorded answer to "is there picc\?" for study 599'):
        model.answer([ask(599, "is there picc?")])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1]", "record 1: expected an object"),
        ('[{"study_id": 1, "question": "is there picc?"}]', "needs study_id or image_id"),
        ('{"study_id": 1, "question": "is there picc?", "answer": ["maybe"]}', r'\["yes"\] or \["no"\]'),
        ('{"study_id": 1, "question": "list all device.", "answer": "picc"}', "list of texts"),
        ('\n{"study_id": 1, "question": "is there foo?", "answer": true}', 'record 2: .*"foo"'),
        ('{"study_id": "x", "question": "is there picc?", "answer": true}', "not a number"),
        ("{", "line 1: is not JSON"),
        (
            '{"study_id":1,"question":"is there picc?","answer":true}\n'
            '{"study_id":1,"question":"is there a picc?","answer":false}',
            "record 2: another answer",
        ),
    ],
)
def test_a_bad_recording_is_named(tmp_path, content, said):
    path = tmp_path / "answers.json"
    path.write_text(content)
    with pytest.raises(RecordError, match=said):
        RecordedModel(path)


def test_a_missing_recording_is_named(tmp_path):
    with pytest.raises(RecordError, match=r"none\.json"):
        RecordedModel(tmp_path / "none.json")


# --- specs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("", "is not one of"),
        ("oracle:", "needs a database"),
        ("oracle:x", "is not one of"),
        ("gpt", "is not one of"),
        ("constant:maybe", "yes, no or abstain"),
        ("constant", "is not one of"),
        ("perturbed:a", "expected perturbed:RATE"),
        ("perturbed:0.1:seed=x", "expected perturbed:RATE"),
        ("perturbed:0.1:sed=3", '"sed=3"'),
        ("perturbed:2", "between 0 and 1|needs a database"),
        ("hf:/nowhere", "folder of images"),
    ],
)
def test_specs_that_are_not_understood(spec, said):
    with pytest.raises(SettingsError, match=said):
        make_model(spec)


def test_rate_outside_0_to_1_is_refused(labels):
    with pytest.raises(SettingsError, match="between 0 and 1"):
        make_model("perturbed:2", labels=labels)
    with pytest.raises(SettingsError, match="between 0 and 1"):
        make_model("perturbed:nan", labels=labels)


def test_a_missing_database_is_named(tmp_path):
    with pytest.raises(BuildError, match=r"none\.db: no such database"):
        make_model("oracle", database=tmp_path / "none.db")


# --- images ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("root", ["mimic-cxr-jpg/2.0.0/files", "2.0.0/files", "files", ""])
def test_images_are_found_from_any_folder_above(tmp_path, root):
    path = tmp_path / root / image_path(12345678, 50000001, "image-50000001")
    path.parent.mkdir(parents=True)
    path.touch()
    assert path.parts[-4:] == ("p12", "p12345678", "s50000001", "image-50000001.jpg")
    files = ImageFiles(tmp_path, {50000001: 12345678, 50000002: 12345678})
    assert files.path(ask(50000001, "is there picc?")) == path
    with pytest.raises(VqaError, match=r"study 50000002 has no image file: .*image-50000002\.jpg is missing"):
        files.path(ask(50000002, "is there picc?"))
    with pytest.raises(VqaError, match="study 50000003 is not in the database"):
        files.path(ask(50000003, "is there picc?"))


# --- prompts --------------------------------------------------------------------------------------------------------


def test_prompts_say_how_to_answer(tmp_path):
    request = ask(1, "Is there PICC?")
    assert DEFAULT_PROMPT.fill(request, DEFAULT_VOCABULARY) == (
        "Question about this chest X-ray: Is there PICC? Answer yes or no. Answer:"
    )
    listed = DEFAULT_PROMPT.fill(ask(1, "list all device."), DEFAULT_VOCABULARY)
    assert "cabg grafts, " in listed and "pneumonia" not in listed
    assert "rotated" not in DEFAULT_PROMPT.fill(ask(1, "list all abnormality."), DEFAULT_VOCABULARY)
    free = VqaRequest(1, "image-1", None, "how many lines?")
    assert DEFAULT_PROMPT.fill(free, DEFAULT_VOCABULARY).endswith("separated by commas, or none. Answer:")
    path = tmp_path / "prompt.txt"
    path.write_text("{question} [{choices}]\n")
    chosen = ask(1, "which view is in this image, ap or pa?")
    assert read_prompt(path).fill(chosen, DEFAULT_VOCABULARY) == f"{render(chosen.question)} [ap, pa]"
    assert "spine" in PromptTemplate("{question}{choices}").fill(ask(1, "where is picc?"), DEFAULT_VOCABULARY)


@pytest.mark.parametrize("text", ["", "What?", "{question} {study}"])
def test_prompts_without_a_question_are_refused(tmp_path, text):
    path = tmp_path / "prompt.txt"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"prompt\.txt: a prompt template needs"):
        read_prompt(path)
