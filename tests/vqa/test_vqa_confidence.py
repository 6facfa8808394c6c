"""Confidence travels with an answer, and models come through the door."""

from __future__ import annotations

import json
import sys

import apsw
import pytest

from ehrxqa.errors import RecordError, SettingsError, VqaError
from ehrxqa.neuralsql.cache import AnswerCache
from ehrxqa.vqa import ABSTAIN, VqaReply, VqaRequest, parse
from ehrxqa.vqa.models import as_reply, expected_answer
from ehrxqa.vqa.oracle import OracleModel
from ehrxqa.vqa.recorded import RecordedModel, record_of_reply
from ehrxqa.vqa.registry import make_model
from made_labels import from_triples


def ask(study: int, text: str) -> VqaRequest:
    return VqaRequest(study, f"image-{study}", parse(text), text)


def test_a_reply_holds_an_answer_and_a_share():
    assert as_reply(True) == VqaReply(True, None)
    assert as_reply(VqaReply(("picc",), 0.5)).confidence == 0.5
    for wrong in (1.5, -0.1, float("nan")):
        with pytest.raises(VqaError, match="not between 0 and 1"):
            VqaReply(True, wrong)


@pytest.mark.parametrize(
    "reply", [VqaReply(True, 0.875), VqaReply(None), VqaReply(("picc", "rotated"), 0.0), VqaReply(ABSTAIN, 0.25)]
)
def test_the_cache_keeps_confidence(tmp_path, reply):
    with AnswerCache(tmp_path / "cache") as cache:
        cache.put("m", "1", [("q", "image", reply)])
    with AnswerCache(tmp_path / "cache") as cache:
        assert cache.get("m", "1", "q", ["image", "other"]) == {"image": reply}


def test_a_cache_without_confidence_is_read_and_extended(tmp_path):
    path = tmp_path / "cache"
    with apsw.Connection(str(path)) as old:
        old.execute(
            "CREATE TABLE answers (model TEXT NOT NULL, version TEXT NOT NULL, question TEXT NOT NULL, image_id TEXT "
            "NOT NULL, answer TEXT NOT NULL, PRIMARY KEY (model, version, question, image_id)) WITHOUT ROWID"
        )
        old.execute("INSERT INTO answers VALUES ('m', '1', 'q', 'a', 'true'), ('m', '1', 'q', 'b', '[\"picc\"]')")
    old.close()
    with AnswerCache(path) as cache, AnswerCache(path) as second:
        assert cache.get("m", "1", "q", ["a", "b"]) == {"a": VqaReply(True), "b": VqaReply(("picc",))}
        second.put("m", "1", [("q", "c", VqaReply(False, 0.75))])
        assert cache.get("m", "1", "q", ["c"]) == {"c": VqaReply(False, 0.75)}


def test_recorded_answers_keep_confidence_and_free_texts(tmp_path):
    path = tmp_path / "answers.jsonl"
    known = ask(501, "is there picc?")
    free = VqaRequest(501, "image-501", None, "Is the heart enlarged?")
    listed = VqaRequest(502, "image-502", None, "how many lines are visible?")
    replies = [VqaReply(True, 0.9), VqaReply(ABSTAIN), VqaReply(("2",), 0.25)]
    records = [record_of_reply(request, reply) for request, reply in zip((known, free, listed), replies, strict=True)]
    path.write_text("\n".join(map(json.dumps, records)))
    model = RecordedModel(path)
    assert model.answer([known, free, listed]) == replies
    assert model.answer([VqaRequest(501, "", None, "is the heart  enlarged")]) == [replies[1]]
    with pytest.raises(VqaError, match="no recorded answer"):
        model.answer([VqaRequest(502, "", None, "is the heart enlarged")])


def test_a_folder_of_recordings_is_one_recording(tmp_path):
    for number, study in enumerate((501, 502)):
        record = {"study_id": study, "question": "is there picc?", "answer": ["yes"], "confidence": 1}
        (tmp_path / f"part-{number}.jsonl").write_text(json.dumps(record) + "\n")
    model = make_model(f"recorded:{tmp_path}")
    assert model.answer([ask(501, "is there picc?"), ask(502, "is there picc?")]) == [VqaReply(True, 1.0)] * 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordError, match=r"holds no \.json"):
        make_model(f"recorded:{tmp_path / 'empty'}")


@pytest.mark.parametrize("confidence", ["high", 1.5, True])
def test_a_recorded_confidence_is_a_share(tmp_path, confidence):
    path = tmp_path / "answers.json"
    path.write_text(
        json.dumps([{"study_id": 1, "question": "is there picc?", "answer": True, "confidence": confidence}])
    )
    with pytest.raises(RecordError, match="record 1: .*confidence"):
        RecordedModel(path)


def test_models_of_labels_say_that_free_texts_are_not_for_them():
    labels = from_triples([("image-1", 1, 1)], {"image-1": [("spine", "scoliosis", "anatomicalfinding")]})
    request = VqaRequest(1, "image-1", None, "is the heart enlarged?")
    with pytest.raises(VqaError, match="no question of the known kinds"):
        OracleModel(labels).answer([request])
    assert make_model("constant:yes").answer([request]) == [True]


def test_the_form_of_a_free_text_tells_what_answers_it():
    assert expected_answer("Does the heart look large?") == "truth"
    assert expected_answer("which lobe is worst?") == "list"
    assert expected_answer("") == "list"
    assert VqaRequest(1, "", None, "which lobe?", expects="truth").answer_type == "truth"
    assert ask(1, "is there picc?").answer_type == "truth"


MODULE = """
from ehrxqa.vqa import VqaReply

class Coin:
    name, version, batch_size = "coin", "1", 8
    def __init__(self, context):
        self.side = context.argument or "heads"
    def answer(self, requests):
        return [VqaReply(self.side == "heads", 0.5) for _ in requests]

coin = Coin(type("Context", (), {"argument": "tails"}))
number = 3
def nothing(context):
    return None
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "coin_model.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    yield "coin_model"
    sys.modules.pop("coin_model", None)


def test_models_come_from_python_modules(module):
    request = [ask(1, "is there picc?")]
    assert make_model(f"python:{module}:Coin").answer(request) == [VqaReply(True, 0.5)]
    assert make_model(f"python:{module}:Coin:tails").answer(request) == [VqaReply(False, 0.5)]
    assert make_model(f"python:{module}:coin").answer(request) == [VqaReply(False, 0.5)]
    for name, said in (("number", "neither a vision model"), ("nothing", "gives NoneType"), ("none", "has no none")):
        with pytest.raises(SettingsError, match=said):
            make_model(f"python:{module}:{name}")


def test_models_come_from_installed_packages(tmp_path, module, monkeypatch):
    info = tmp_path / "coins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: coins\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[ehrxqa.vision_models]\ncoin = {module}:Coin\noracle = {module}:Coin\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert make_model("coin:tails").answer([ask(1, "is there picc?")]) == [VqaReply(False, 0.5)]
    with pytest.raises(SettingsError, match="coin"):
        make_model("coins")
    with pytest.raises(SettingsError, match="needs a database"):
        make_model("oracle")  # the package's own models are not replaced


def test_a_model_itself_is_taken_and_anything_else_refused():
    model = make_model("constant:yes")
    assert make_model(model) is model
    with pytest.raises(SettingsError, match="int is no vision model"):
        make_model(3)
