"""`prior`, which does not look, and `labels:FILE`, which reads scores of any other program."""

from __future__ import annotations

import json
from collections import Counter

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from vqa_strategies import FEW, label_sets, questions

from ehrxqa.errors import RecordError, SettingsError, VqaError
from ehrxqa.vqa import ABSTAIN, DEFAULT_VOCABULARY, VqaRequest, parse
from ehrxqa.vqa.prior import PriorModel
from ehrxqa.vqa.registry import make_model
from ehrxqa.vqa.rules import rule_for
from ehrxqa.vqa.scores import ScoresModel
from ehrxqa.vqa.synonyms import SYNONYMS, named
from ehrxqa.vqa.vocabulary import Role
from made_labels import from_triples


def ask(study: int, text: str) -> VqaRequest:
    return VqaRequest(study, f"image-{study}", parse(text), text)


@given(label_sets(), questions(FEW))
@settings(max_examples=60, deadline=None)
def test_prior_says_what_is_most_frequent(labels, question):
    if not len(labels):
        with pytest.raises(SettingsError, match="no image there"):
            PriorModel(labels)
        return
    reply = PriorModel(labels).answer([VqaRequest(1, "", question, "")])[0]
    counts = Counter(rule_for(question, labels)(row) for row in range(len(labels)))
    counts.pop(None, None)
    if not counts:
        assert reply.answer is None
        assert reply.confidence is None
    else:
        assert counts[reply.answer] == max(counts.values())
        assert reply.confidence == pytest.approx(counts[reply.answer] / counts.total())


def test_prior_needs_the_train_split(tmp_path):
    with pytest.raises(SettingsError, match="name its folder"):
        make_model("prior")
    (tmp_path / "lonely.db").touch()
    with pytest.raises(SettingsError, match="does not know the train split"):
        make_model("prior", database=tmp_path / "lonely.db")
    with pytest.raises(SettingsError, match="neither an output folder nor a database"):
        make_model(f"prior:{tmp_path}")


WIDE = [
    {"study_id": 501, "Cardiomegaly": 0.9, "left lung: pneumonia": 0.2, "view": "AP", "gender": 0.1},
    {"study_id": 502, "Cardiomegaly": 0.4, "left lung: pneumonia": 0.8, "view": "PA", "gender": 0.7},
]
LONG = [
    {"study_id": row["study_id"], "object": place, "attribute": what, "score": row[column]}
    for row in WIDE
    for column, place, what in (
        ("Cardiomegaly", "", "cardiomegaly"),
        ("left lung: pneumonia", "left lung", "pneumonia"),
    )
]


def written(folder, rows, form):
    path = folder / f"scores.{form}"
    if form == "json":
        path.write_text(json.dumps(rows))
    elif form == "jsonl":
        path.write_text("\n".join(map(json.dumps, rows)))
    elif form == "csv":
        pa.csv.write_csv(pa.Table.from_pylist(rows), path)
    else:
        pa.parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("rows", [WIDE, LONG], ids=["wide", "long"])
@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "parquet"])
def test_scores_of_any_form_become_answers(tmp_path, rows, form):
    model = make_model(f"labels:{written(tmp_path, rows, form)}")
    enlarged, there = "is there enlarged cardiac silhouette?", "is there pneumonia in the left lung?"
    replies = model.answer([ask(501, enlarged), ask(502, enlarged), ask(501, there), ask(502, there)])
    assert [reply.answer for reply in replies] == [True, False, False, True]
    assert [round(reply.confidence, 3) for reply in replies] == [0.9, 0.6, 0.8, 0.8]
    assert model.answer([ask(502, "list all disease in the left lung.")])[0].answer == ("pneumonia",)
    lower = make_model(f"labels:{tmp_path / f'scores.{form}'}:threshold=0.3")
    assert lower.answer([ask(502, enlarged)])[0].answer is True
    assert lower.version != model.version


def test_what_the_file_does_not_say_is_not_known(tmp_path):
    model = ScoresModel(written(tmp_path, WIDE, "json"), DEFAULT_VOCABULARY)
    texts = ("is there picc?", "is there enlarged cardiac silhouette in the mediastinum?", "list all device.")
    assert [model.answer([ask(501, text)])[0].answer for text in texts] == [ABSTAIN] * 3
    said = [model.answer([ask(study, "which view is in this image, ap or pa?")])[0].answer for study in (501, 502)]
    assert said == [("ap",), ("pa",)]
    assert model.answer([ask(501, "what is the gender of this patient?")])[0].answer == ("f",)
    assert model.answer([ask(501, "are there any abnormalities?")])[0].answer is True
    with pytest.raises(VqaError, match="no scores of study 599"):
        model.answer([ask(599, "is there picc?")])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[{"study_id": 1, "foo": 0.5}]', 'column "foo" is neither'),
        ('[{"study_id": 1, "left lung: foo": 0.5}]', 'column "left lung: foo"'),
        ('[{"study_id": 1, "pneumonia": 1.5}]', "row 1: the score of pneumonia"),
        ('[{"study_id": 1, "pneumonia": "high"}]', "row 1: the score of pneumonia"),
        ('[{"pneumonia": 0.5}]', "row 1: needs a study_id"),
        ('["pneumonia"]', "expected objects"),
        ("{", "line 1: is not JSON"),
    ],
)
def test_bad_score_files_are_named(tmp_path, content, said):
    path = tmp_path / "scores.json"
    path.write_text(content)
    with pytest.raises(RecordError, match=said):
        make_model(f"labels:{path}")


def test_widths_and_images_by_name(tmp_path):
    rows = [{"image_id": "IMAGE-501.dcm", "cardiac silhouette: width": 0.55, "upper_mediastinum: width": 0.2}]
    model = ScoresModel(written(tmp_path, rows, "json"), DEFAULT_VOCABULARY)
    texts = (
        "is the width of the cardiac silhouette wider than 1/2 of the thorax width?",
        "is the width of the upper mediastinum wider than 1/3 of the thorax width?",
    )
    assert [reply.answer for reply in model.answer([ask(501, text) for text in texts])] == [True, False]
    labels = from_triples([("image-501", 501, 1)], {"image-501": []})
    assert labels.image_ids[0] in {"image-501"}


def test_no_synonym_means_two_names():
    seen = {}
    for name, others in SYNONYMS.items():
        role = Role.OBJECT if name in DEFAULT_VOCABULARY.objects else Role.ATTRIBUTE
        assert name in (*DEFAULT_VOCABULARY.objects, *DEFAULT_VOCABULARY.attributes)
        for other in others:
            assert seen.setdefault(other, name) == name
            assert named(other, role, DEFAULT_VOCABULARY) == name, other
            assert named(f"the {other.upper()}", role, DEFAULT_VOCABULARY) == name
    assert named("picc", Role.OBJECT, DEFAULT_VOCABULARY) is None
    assert named("a", Role.ATTRIBUTE, DEFAULT_VOCABULARY) is None
