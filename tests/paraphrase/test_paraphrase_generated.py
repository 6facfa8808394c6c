"""Generated questions of all templates: each can be masked, none of its values is sent, and options are told apart."""

from __future__ import annotations

import json
import re
from collections import defaultdict

import pytest

import ehrxqa
from ehrxqa.paraphrasing.checks import fault
from ehrxqa.paraphrasing.masking import PLACEHOLDER, mask, unmask
from ehrxqa.paraphrasing.senses import senses
from ehrxqa.paraphrasing.vocabulary import WORD, template_words


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paraphrase")
    ehrxqa.synth(folder / "hospital", subjects=120, images=False, workers=1)
    ehrxqa.build(folder / "hospital", folder / "out", workers=1)
    report = ehrxqa.generate(folder / "out", train=250, test=150, seed=2, impossible=0.05, workers=1)
    assert report.questions["train"] == 250
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


def test_sentences_say_what_their_tags_say(records):
    """The table of senses knows each wording of a slot that decides."""
    expected = {
        ("exact-first", 3): "first", ("exact-last", 3): "last", ("exact-second_to_last", 3): "second to last",
        ("within-hosp", 2): "same hospital", ("within-month", 2): "same month", ("within-day", 2): "same day",
        ("within-n_month", 2): "number month", ("within-n_day", 2): "number day",
    }  # fmt: skip
    grains = {"year": "year", "month": "month", "day": "day"}
    seen = set()
    for record in records:
        names = {sense.name for sense in senses(mask(record).shape)}
        wanted = {expected[tag, place] for place, tag in enumerate(record["t_tag"]) if (tag, place) in expected}
        for tag in record["t_tag"][:2]:
            kind, _, rest = tag.partition("-")
            unit, _, which = rest.partition("-")
            if kind == "abs":
                wanted.add(which)
            elif kind == "rel" and unit in grains:
                wanted.add({"since": "rolling"}.get(which, which) + f" {unit}")
            elif kind == "mix":
                wanted |= {"in", f"{which.split('_')[0]} {which.split('_')[1]}"}
            elif kind == "rel" and not re.search(r"currently|hospital now", record["question"]):
                wanted.add({"cur": "current"}.get(which, which) + {"hosp": " hospital", "icu": " icu"}[unit])
        for comparison in record["v_tag"].get("comparison", ()):
            wanted.add(comparison)
        operations = {slot: held["type"] for slot, held in record["o_tag"].items()}
        for slot in ("agg_function", "comparison"):
            if slot in operations:
                wanted.add({"less": "less", "greater": "greater"}.get(operations[slot], operations[slot]))
        if "unit_count" in operations:
            wanted.add(operations["unit_count"].rstrip("s"))
        if record["is_impossible"]:
            continue
        # “the last hospital stay” may be the visit that is asked about
        wanted = {name for name in wanted if not (name in ("first", "last") and f"{name} hospital" in names)}
        assert wanted <= names, (record["question"], wanted - names)
        seen |= wanted
    assert len(seen) > 20


def test_sentences_of_one_template_with_other_options_are_no_paraphrases(records):
    groups = defaultdict(list)
    for record in records:
        masked = mask(record)
        options = (
            record["t_tag"], {slot: held["type"] for slot, held in record["o_tag"].items()},
            record["v_tag"].get("comparison"), sorted(masked.values.items()),
        )  # fmt: skip
        bare = [
            [value for placeholder, value in options[3] if placeholder.startswith(("[number", "[age"))],
            *options[:3],
        ]
        groups[record["q_tag"]].append((bare, masked.shape))
    compared = 0
    for shapes in groups.values():
        for options, shape in shapes:
            for others, other in shapes:
                # a number word such as “three” is a value, which the shape does not have
                if shape != other and options[1:2] + options[3:] != others[1:2] + others[3:]:
                    compared += 1
                    assert fault(shape, other) is not None, (shape, other)
    assert compared > 100


def test_a_run_sends_no_value_and_verifies(generated, records, site):
    before = json.loads((generated / "dataset/test.json").read_text())
    report = ehrxqa.paraphrase(generated, endpoint=site.url, model="m", concurrency=8)
    assert sum(report.changed.values()) >= 0.97 * len(records), (report.kept, report.rejected)
    sent = PLACEHOLDER.sub("·", " ".join(site.shapes())).lower()
    for record in records:
        for slot, value in record["value"].items():
            words = set(WORD.findall(str(value).lower()))
            if slot.endswith("_id") or not words <= template_words():  # an emergency room is in a template, too
                assert not re.search(rf"(?<!\w){re.escape(str(value).lower())}(?!\w)", sent)
    assert not re.search(r"\d", sent)
    assert ehrxqa.verify(generated).ok
    after = json.loads((generated / "dataset/test.json").read_text())
    for old, new in zip(before, after, strict=True):
        assert {**new, "question": "", "para_type": ""} == {**old, "question": "", "para_type": ""}
        for value in old["value"].values():
            said = {"m": "male", "f": "female"}.get(str(value), str(value)).lower()
            assert new["question"].count(said) >= old["question"].count(said) > 0
