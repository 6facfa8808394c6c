"""Models that are trained here: the label table, its calibration, the folder, and answers that fit together."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from vqa_strategies import FEW, label_sets, questions

from ehrxqa.cli.main import main
from ehrxqa.errors import BuildError, SettingsError, VqaError
from ehrxqa.leakscan import leak_scan
from ehrxqa.vqa import ABSTAIN, VqaRequest, parse
from ehrxqa.vqa.image_labels import Finding
from ehrxqa.vqa.image_paths import ImageFiles
from ehrxqa.vqa.question import Target, VqaQuestion
from ehrxqa.vqa.registry import make_model
from ehrxqa.vqa.rules import rule_for
from ehrxqa.vqa.split_labels import read_split_labels
from ehrxqa.vqa.trained.answering import Evidences, PredictedTables
from ehrxqa.vqa.trained.calibration import fit_calibration
from ehrxqa.vqa.trained.fitting import auroc
from ehrxqa.vqa.trained.folder import read_folder
from ehrxqa.vqa.trained.linear import train_linear
from ehrxqa.vqa.trained.pixels import grey, read_pictures
from ehrxqa.vqa.trained.table import Columns, Targets, targets_of
from ehrxqa.vqa.trained.train import vqa_train


def certain(labels):
    """The label table of labels, as margins, and its columns."""
    columns = Columns(tuple(labels.findings))
    truths = targets_of(labels, columns).truths
    return columns, np.where(np.isnan(truths), np.nan, np.where(truths == 1, 2.0, -2.0)).astype(np.float32)


# --- answers from tables --------------------------------------------------------------------------------------------


@given(label_sets(), st.lists(questions(FEW), min_size=1, max_size=8))
@settings(max_examples=80, deadline=None)
def test_a_table_without_error_answers_as_the_oracle_does(labels, asked):
    columns, margins = certain(labels)
    tables = PredictedTables(Evidences(columns), margins, labels.image_ids, labels.study_ids)
    for question in asked:
        rule = rule_for(question, labels)
        for row in range(len(labels)):
            if question.target is Target.VIEW and labels.views[row] == "lateral":
                continue  # frontal images are AP or PA: no column says otherwise
            (reply,) = tables.replies([(question, row)])
            if reply.answer is ABSTAIN:  # nothing is known
                assert rule(row) in (None, ())
            else:
                assert reply.answer == rule(row)
                assert 0 < reply.confidence <= 1


@given(st.lists(questions(FEW, kinds=(1, 2, 3, 5, 6, 8, 16, 17, 27, 32)), min_size=1, max_size=5), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_confidence_falls_with_the_margins(asked, seed):
    columns = Columns(tuple(FEW_FINDINGS))
    margins = np.random.default_rng(seed).normal(size=(1, len(columns))).astype(np.float32)
    sure, unsure = (PredictedTables(Evidences(columns), margins * f, ["i"], [1]) for f in (4.0, 0.25))
    for question in asked:
        (one,), (other,) = sure.replies([(question, 0)]), unsure.replies([(question, 0)])
        assert one.answer == other.answer
        assert one.confidence >= other.confidence


def few_findings():
    from ehrxqa.vqa.image_labels import Finding
    from ehrxqa.vqa.vocabulary import ATTRIBUTES

    category_of = {name: category for category, names in ATTRIBUTES.items() for name in names}
    return [Finding(o, a, category_of[a]) for o in FEW.objects for a in FEW.attributes if a in category_of]


FEW_FINDINGS = few_findings()


def test_answers_of_one_image_never_contradict_each_other():
    columns = Columns(tuple(FEW_FINDINGS))
    margins = np.random.default_rng(1).normal(size=(20, len(columns))).astype(np.float32)
    tables = PredictedTables(Evidences(columns), margins, [str(n) for n in range(20)], list(range(20)))
    for row in range(20):
        for place in FEW.objects:
            listed = tables.replies([(VqaQuestion.of_kind(8, objects=(place,)), row)])[0].answer
            there = tables.replies([(VqaQuestion.of_kind(3, objects=(place,)), row)])[0].answer
            assert there is bool(listed)


# --- calibration ----------------------------------------------------------------------------------------------------


def test_curves_turn_scores_into_probabilities():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(4000, 3)).astype(np.float32)
    odds = np.stack([2 * scores[:, 0] - 1, scores[:, 1] - 3, np.zeros(4000)], axis=1)
    truths = (rng.random((4000, 3)) < 1 / (1 + np.exp(-odds))).astype(np.float32)
    margins = fit_calibration(scores, truths).margins(scores)
    assert np.abs(margins[:, 0] - odds[:, 0]).mean() < 0.2
    assert np.abs(margins[:, 1] - odds[:, 1]).mean() < 0.4
    assert np.abs(margins[:, 2]).mean() < 0.2
    usual = fit_calibration(scores, truths, lean=1.0).margins(scores)
    assert (usual[:, 1] > 0).mean() > (margins[:, 1] > 0).mean()  # a rare finding counts sooner


def test_a_column_without_a_positive_is_never_present():
    scores = np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32)
    noisy = scores[:, 1] + np.random.default_rng(1).normal(size=200) > 0
    truths = np.stack([np.zeros(200), noisy], axis=1).astype(np.float32)
    truths[:20, 1] = np.nan
    margins = fit_calibration(scores, truths).margins(scores)
    assert (margins[:, 0] < 0).all()
    assert ((margins[:, 1] > 0) == (scores[:, 1] > 0)).mean() > 0.9


def test_auroc_is_the_share_of_pairs_in_order():
    rng = random.Random(4)
    scores = np.array([[rng.randrange(5)] for _ in range(60)], np.float32)
    truths = np.array([[float(rng.random() < 0.3 + value / 10)] for (value,) in scores], np.float32)
    positive, negative = scores[truths == 1], scores[truths == 0]
    pairs = [(a > b) + 0.5 * (a == b) for a in positive for b in negative]
    assert auroc(scores, truths) == pytest.approx(np.mean(pairs))
    assert auroc(scores[:5], truths[:5]) is None


# --- linear ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [60, 400])  # fewer and more than pixels
def test_linear_finds_what_shines(images):
    rng = np.random.default_rng(2)
    there = rng.random((images, 3)) < 0.5
    pixels = rng.integers(60, 120, (images, 12, 12)).astype(np.uint8)
    for column in range(3):
        pixels[there[:, column], 4 * column : 4 * column + 3, 2:5] += 60
    values = there.astype(np.float32)
    values[0, 0] = np.nan
    model, left_out, chosen = train_linear(pixels, Targets(values, values), np.arange(images) // 2, seed=0)
    assert auroc(left_out, values) > 0.95
    assert np.isfinite(model.scores(pixels)).all()
    assert chosen["left_out_error"] < 0.5
    again = train_linear(pixels, Targets(values, values), np.arange(images) // 2, seed=0)[0]
    assert (again.scores(pixels) == model.scores(pixels)).all()


def test_pictures_of_any_form_become_small_and_grey(tmp_path):
    for mode, name in (("L", "a.jpg"), ("RGB", "b.png"), ("I;16", "c.png"), ("P", "d.png")):
        Image.new(mode, (100, 70), 0 if mode != "I;16" else 60000).save(tmp_path / name)
        assert grey(tmp_path / name, 28).shape == (28, 28)
    assert grey(tmp_path / "c.png", 8).min() == 255
    (tmp_path / "e.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:300])
    for name in ("e.jpg", "none.jpg"):
        with pytest.raises(VqaError, match="not a readable image"):
            grey(tmp_path / name, 28)


def test_pictures_too_many_for_memory_lie_in_a_file_without_a_name(tmp_path, monkeypatch):
    for number in range(5):
        Image.new("L", (60, 60), 40 * number).save(tmp_path / f"{number}.png")
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    inside = read_pictures(paths, 16)
    monkeypatch.setattr("ehrxqa.vqa.trained.pixels.MOST_IN_MEMORY", 100)
    outside = read_pictures(paths, 16, work=tmp_path / "work")
    assert isinstance(outside, np.memmap)
    assert (outside == inside).all()
    assert not list((tmp_path / "work").iterdir())


# --- the command ----------------------------------------------------------------------------------------------------


def test_train_writes_a_model_that_says_what_it_is(trained):
    about = json.loads((trained / "out/models/first/model.json").read_text())
    assert about["kind"] == "linear"
    assert about["synthetic"] is True
    assert about["data"]["train"]["images"] > 60
    assert about["measured"]["held_out"] == about["data"]["train"]["images"] + about["data"]["valid"]["images"]
    assert set(about["abstain_below"]) == {"1", "5", "10"}


def test_the_weights_tell_wide_hearts_and_views_of_subjects_they_were_not_fitted_on(trained):
    """Of 45 subjects little else can be learnt; a model that is fed other pictures, or other labels, is at 0.5 here."""
    folder = read_folder(trained / "out/models/first")
    columns, hospital = folder.columns, trained / "hospital"
    labels = read_split_labels(trained / "out/labels", "valid")
    files = ImageFiles(hospital, dict(zip(labels.study_ids, labels.subject_ids, strict=True)))
    paths = [files.find(study, image) for study, image in zip(labels.study_ids, labels.image_ids, strict=True)]
    scores, targets = folder.predictor.scores(read_pictures(paths, folder.size)), targets_of(labels, columns)
    wide = columns.findings.index(Finding("cardiac silhouette", "enlarged cardiac silhouette", "anatomicalfinding"))
    for column, least in ((wide, 0.75), (columns.view, 0.8), (columns.gender, 0.7)):
        assert auroc(scores[:, [column]], targets.truths[:, [column]]) > least, column
    width = columns.size("cardiac silhouette")
    assert np.corrcoef(scores[:, width], targets.values[:, width])[0, 1] > 0.6


def test_the_same_seed_gives_the_same_bytes_on_one_thread_as_on_several(trained):
    words = ["vqa", "train", trained / "out", "--images", trained / "hospital", "--to", "second", "-q"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "ehrxqa", *map(str, words)], check=True, env=environment)
    one, other = (trained / "out/models" / name for name in ("first", "second"))
    assert (one / "weights.safetensors").read_bytes() == (other / "weights.safetensors").read_bytes()
    told = [json.loads((folder / "model.json").read_text()) for folder in (one, other)]
    assert told[0].pop("name") != told[1].pop("name")
    assert told[0] == told[1]


def test_a_trained_model_beats_always_no_and_is_found_by_name(trained):
    database = trained / "out/database/test/mimic_iv_cxr.db"
    settings_ = {"database": database, "images": trained / "hospital"}
    model, oracle = make_model("first", **settings_), make_model("oracle", database=database)
    requests = [
        VqaRequest(study, image, parse(text), text)
        for text in ("is the width of the cardiac silhouette wider than 1/2 of the thorax width?", "is there picc?")
        for image, study in zip(oracle._labels.image_ids, oracle._labels.study_ids, strict=True)
    ]
    right, said = oracle.answer(requests), model.answer(requests)
    asked = [(one, other.answer) for one, other in zip(right, said, strict=True) if one is not None]
    assert np.mean([a == b for a, b in asked]) > 0.6
    assert all(reply.confidence is not None for reply in said)
    assert [model.answer([request])[0] for request in requests[:3]] == list(said[:3])  # whatever the batch
    same = make_model(f"trained:{trained / 'out/models/first'}", **settings_)
    assert (same.name, same.version) == (model.name, model.version)
    careful = make_model("first:abstain=10", **settings_)
    assert careful.version != model.version
    for plain, reply in zip(said, careful.answer(requests), strict=True):
        assert reply.answer in (plain.answer, ABSTAIN)
        assert reply.confidence == plain.confidence


def test_models_that_are_not_there_or_damaged_are_named(trained, tmp_path):
    database, images = trained / "out/database/test/mimic_iv_cxr.db", trained / "hospital"
    with pytest.raises(SettingsError, match="no trained model"):
        make_model(f"trained:{tmp_path}", database=database, images=images)
    with pytest.raises(SettingsError, match="needs a database and the folder of images"):
        make_model(f"trained:{trained / 'out/models/first'}")
    with pytest.raises(SettingsError, match="abstain is one of 1, 5, 10"):
        make_model("first:abstain=3", database=database, images=images)
    source = trained / "out/models/first"
    for name in ("model.json", "weights.safetensors"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    (tmp_path / "weights.safetensors").write_bytes((source / "weights.safetensors").read_bytes()[:-4] + b"\0\0\0\1")
    with pytest.raises(VqaError, match="not the weights"):
        make_model(f"trained:{tmp_path}", database=database, images=images)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--to", "first"], "is there already"),
        (["--to", "oracle"], "built-in model"),
        (["--to", "a/b"], "no name of a model"),
        (["--to", "x", "--epochs", "3"], "no epochs"),
    ],
)
def test_faults_of_the_command(trained, arguments, said):
    out, hospital = str(trained / "out"), str(trained / "hospital")
    result = CliRunner().invoke(main, ["vqa", "train", out, "--images", hospital, *arguments])
    assert result.exit_code != 0
    assert said in (result.output + str(result.exception))


def test_without_pictures_nothing_is_trained(trained, tmp_path):
    with pytest.raises(BuildError, match="pictures of 0 of the"):
        vqa_train(trained / "out", images=tmp_path, name="blind")
    assert not (trained / "out/models/blind").exists()


def test_leak_scan_knows_weights_of_real_images(trained, tmp_path):
    from safetensors.numpy import save_file

    assert leak_scan(trained / "out/models/first").clean
    for word in ("false", "true"):
        save_file({"a": np.zeros(3, np.float32)}, tmp_path / f"{word}.bin", metadata={"ehrxqa.synthetic": word})
    assert [(one.path, one.rule) for one in leak_scan(tmp_path).findings] == [("false.bin", "trained-model")]
