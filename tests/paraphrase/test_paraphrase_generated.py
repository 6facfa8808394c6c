"""Questions of a build: each can be masked, none of its values is sent, and the reworded build verifies."""

from __future__ import annotations

import json
import re

import pytest

import ehrxqa
from ehrxqa.paraphrasing.checks import fault
from ehrxqa.paraphrasing.known_words import WORD, template_words
from ehrxqa.paraphrasing.masking import PLACEHOLDER, mask, unmask
from ehrxqa.questions.word_forms import forms_of


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paraphrase")
    ehrxqa.synth(folder / "hospital", subjects=60, images=False, workers=1)
    ehrxqa.build(folder / "hospital", folder / "out", workers=1)
    report = ehrxqa.generate(folder / "out", train=90, test=50, seed=2, impossible=0.05, workers=1)
    assert report.questions["train"] == 90
    return folder / "out"


@pytest.fixture(scope="module")
def records(generated):
    return [
        record
        for split in ("train", "test")
        for record in json.loads((generated / f"dataset/_{split}.json").read_text())
    ]


def test_every_question_can_be_masked_and_comes_back(records):
    for record in records:
        masked = mask(record)
        assert unmask(masked.shape, masked.values) == record["question"]
        bare = PLACEHOLDER.sub(" · ", masked.shape)
        for value in (*record["value"].values(), *record["v_tag"]["object"], *record["v_tag"]["attribute"]):
            said = {"m": "male", "f": "female"}.get(str(value), str(value)) if value in ("m", "f") else str(value)
            assert not re.search(rf"(?<!\w){re.escape(said)}(?!\w)", bare, re.IGNORECASE)
        assert not re.search(r"\d", bare)
        assert fault(masked.shape, masked.shape) == "unchanged"


def test_a_run_sends_no_value_and_verifies(generated, records, site):
    before = json.loads((generated / "dataset/test.json").read_text())
    report = ehrxqa.paraphrase(generated, endpoint=site.url, model="m", concurrency=8)
    assert sum(report.changed.values()) >= 0.97 * len(records), (report.kept, report.rejected)
    sent = PLACEHOLDER.sub("·", " ".join(site.shapes())).lower()
    for record in records:
        for slot, value in record["value"].items():
            for form in (str(value).lower(), *forms_of(str(value).lower())):
                words = set(WORD.findall(form))
                if slot.endswith("_id") or not words <= template_words():  # an emergency room is in a template, too
                    assert not _count(form, sent)
    assert not re.search(r"\d", sent)
    assert ehrxqa.verify(generated).ok
    after = json.loads((generated / "dataset/test.json").read_text())
    for old, new in zip(before, after, strict=True):
        assert {**new, "question": "", "para_type": ""} == {**old, "question": "", "para_type": ""}
        for value in old["value"].values():
            said = {"m": "male", "f": "female"}.get(str(value), str(value)).lower()
            counts = {form: _count(form, old["question"]) for form in (said, *forms_of(said))}
            assert any(counts.values())
            assert all(_count(form, new["question"]) >= count for form, count in counts.items())


def _count(words, text):
    return len(re.findall(rf"(?<!\w){re.escape(words)}(?!\w)", text))
