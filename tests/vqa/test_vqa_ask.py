"""Pairs planned, asked by shard, continued and evaluated; queries then run without a model."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from click.testing import CliRunner

from ehrxqa.cli.main import main
from ehrxqa.errors import RecordError, SettingsError, VqaError
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.neuralsql.needed import vqa_plan
from ehrxqa.vqa import ABSTAIN, VqaReply, VqaRequest, parse
from ehrxqa.vqa.ask import Shard, vqa_ask
from ehrxqa.vqa.evaluate import OFFICIAL_ANSWERS, JudgedImageQuestion, scores_of, vqa_evaluate
from ehrxqa.vqa.models import VqaModel
from ehrxqa.vqa.pairs import read_answered, read_pairs, write_pairs
from ehrxqa.vqa.question import VqaQuestion
from ehrxqa.vqa.registry import make_model

FIRST = 'select count(*) from tb_cxr where func_vqa("is there lung opacity?", study_id) = true'
QUERIES = {
    "plain": "select count(*) from patients",
    "one": FIRST,
    "two": FIRST + ' and func_vqa("is there pleural effusion?", study_id) = true',
    "free": 'select study_id from tb_cxr where func_vqa("is the heart enlarged?", study_id) = true order by study_id',
    "wrong": "select one from nowhere",
    "null": None,
}


class Counting:
    """Answers from a rule, counts, and fails where it is told to."""

    batch_size = 7

    def __init__(self, *, version="1", stop_after=None, failing=()):
        self.name, self.version, self.seen, self.stop_after, self.failing = "counting", version, [], stop_after, failing

    def answer(self, requests):
        if self.stop_after is not None and len(self.seen) >= self.stop_after:
            raise KeyboardInterrupt
        if any(request.image_id in self.failing for request in requests):
            raise VqaError("the picture is damaged")
        self.seen += [(request.image_id, request.text) for request in requests]
        return [
            VqaReply(request.study_id % 2 == 0, 0.75) if request.answer_type == "truth" else ("picc",)
            for request in requests
        ]


@pytest.fixture(scope="module")
def queries(tmp_path_factory):
    path = tmp_path_factory.mktemp("ask") / "queries.json"
    path.write_text(json.dumps(QUERIES))
    return path


def database(trained):
    return trained / "out/database/test/mimic_iv_cxr.db"


def test_pairs_are_planned_in_rounds_and_the_queries_then_need_no_model(trained, queries, tmp_path):
    model, answers, pairs = Counting(), tmp_path / "answers.jsonl", tmp_path / "pairs.jsonl"
    assert isinstance(model, VqaModel)
    counts = []
    for _ in range(5):
        report = vqa_plan(database(trained), queries, target=pairs, answers=[answers] if answers.exists() else [])
        counts.append(report.pairs)
        assert report.faulty == 1
        assert "nowhere" in report.reasons[0]
        if not report.pairs:
            break
        vqa_ask(trained / "out", target=answers, model=model, pairs=pairs)
    assert counts[-1] == 0
    assert len(counts) == 3  # the second question of "two" is only asked about what passed the first
    assert report.ready == 5
    assert len(set(model.seen)) == len(model.seen) == sum(counts)
    recorded = make_model(f"recorded:{answers}")
    with Engine(database(trained), recorded) as one, Engine(database(trained), Counting()) as other:
        for name in ("one", "two", "free"):
            assert one.outcome(QUERIES[name]).answer == other.outcome(QUERIES[name]).answer is not None


def test_pairs_lie_image_by_image(trained, queries, tmp_path):
    vqa_plan(database(trained), queries, target=tmp_path / "pairs.jsonl")
    images = [request.image_id for request in read_pairs(tmp_path / "pairs.jsonl")]
    assert len(set(images)) == 1 + sum(one != other for one, other in pairwise(images))


def test_a_killed_run_repeats_no_call_and_cuts_what_it_left_unfinished(trained, queries, tmp_path):
    pairs, answers = tmp_path / "pairs.jsonl", tmp_path / "answers.jsonl"
    total = vqa_plan(database(trained), queries, target=pairs).pairs
    first = Counting(stop_after=21)
    with pytest.raises(KeyboardInterrupt):
        vqa_ask(trained / "out", target=answers, model=first, pairs=pairs)
    with answers.open("a") as stream:
        stream.write('{"study_id": 1, "ima')
    second = Counting()
    report = vqa_ask(trained / "out", target=answers, model=second, pairs=pairs)
    assert report.known == len(first.seen)
    assert len({*first.seen, *second.seen}) == len(first.seen) + len(second.seen) == total
    assert vqa_ask(trained / "out", target=answers, model=Counting(), pairs=pairs).asked == 0
    with pytest.raises(SettingsError, match="version 1, not of counting, version 2"):
        vqa_ask(trained / "out", target=answers, model=Counting(version="2"), pairs=pairs)


def test_shards_share_the_images_out(trained, queries, tmp_path):
    pairs = tmp_path / "pairs.jsonl"
    total = vqa_plan(database(trained), queries, target=pairs).pairs
    seen = []
    for number in (1, 2, 3):
        model = Counting()
        vqa_ask(
            trained / "out", target=tmp_path / f"a/{number}.jsonl", model=model, pairs=pairs, shard=Shard(number, 3)
        )
        seen.append({image for image, _ in model.seen})
    assert not seen[0] & seen[1] and not seen[1] & seen[2] and not seen[0] & seen[2]
    assert len(make_model(f"recorded:{tmp_path / 'a'}")) == total
    for text in ("0/3", "4/3", "1", "x/y", "1/0"):
        with pytest.raises(SettingsError, match="of the form I/N"):
            Shard.read(text)


def test_only_the_images_at_fault_suffer(trained, queries, tmp_path):
    pairs, answers = tmp_path / "pairs.jsonl", tmp_path / "answers.jsonl"
    vqa_plan(database(trained), queries, target=pairs)
    bad = read_pairs(pairs)[0].image_id
    report = vqa_ask(trained / "out", target=answers, model=Counting(failing={bad}), pairs=pairs)
    assert report.failed == sum(request.image_id == bad for request in read_pairs(pairs))
    assert report.reasons[0] == "the picture is damaged"
    again = vqa_ask(trained / "out", target=answers, model=Counting(), pairs=pairs)
    assert again.asked == report.failed
    every = {request.image_id for request in read_pairs(pairs)}
    with pytest.raises(VqaError, match="answers none of"):
        vqa_ask(trained / "out", target=tmp_path / "none.jsonl", model=Counting(failing=every), pairs=pairs)


def test_pairs_are_read_back(tmp_path):
    known = VqaRequest(501, "image-501", parse("is there picc?"), "Is there PICC?")
    free = VqaRequest(502, "image-502", None, "which side is worse?", "list")
    assert write_pairs(tmp_path / "p.jsonl", [known, free]) == 2
    assert read_pairs(tmp_path / "p.jsonl") == [known, free]
    for content, said in (
        ('{"study_id": 1, "image_id": "a"}', "line 1: needs study_id"),
        ('{"study_id": 1, "image_id": "a", "question": "is there foo?"}', 'line 1: .*"foo"'),
        ("{", "line 1: is not JSON"),
    ):
        (tmp_path / "bad.jsonl").write_text(content)
        with pytest.raises(RecordError, match=said):
            read_pairs(tmp_path / "bad.jsonl")
    with pytest.raises(RecordError, match="no answered pair"):
        list(read_answered(tmp_path / "p.jsonl"))


# --- question files -------------------------------------------------------------------------------------------------


def run(*words):
    result = CliRunner().invoke(main, ["vqa", *map(str, words)])
    assert result.exit_code == 0, result.output + str(result.exception)
    return result.output


def test_a_question_file_is_asked_and_evaluated(trained, tmp_path):
    out, questions = trained / "out", tmp_path / "valid.json"
    run("generate", out, "--split", "train", "--per-kind", 4, "--out", questions, "-q")
    common = ("--questions", questions, "--split", "train", "--images", trained / "hospital", "-q")
    scores = {}
    for model in ("oracle", "first", "prior"):
        answers = tmp_path / f"{model}.jsonl"
        run("ask", out, *common, "--model", model, "--out", answers)
        told = json.loads(run("evaluate", "--questions", questions, "--answers", answers, "--format", "json"))
        scores[model] = told
        assert told["missing"] == 0
    assert scores["oracle"]["accuracy"] == scores["oracle"]["micro_f1"] == 1.0
    assert scores["oracle"]["calibration"] is None
    assert scores["first"]["accuracy"] > scores["prior"]["accuracy"]
    assert scores["first"]["auroc"] > 0.7
    assert set(scores["first"]["groups"]) == {
        "kind", "form", "content", "open or closed", "attribute", "object"
    }  # fmt: skip
    lines = (tmp_path / "first.jsonl").read_text().splitlines()
    (tmp_path / "part.jsonl").write_text("\n".join(lines[:50]))
    part = vqa_evaluate(questions, tmp_path / "part.jsonl")
    assert part.missing == len(lines) - 50
    text = run("evaluate", "--questions", questions, "--answers", tmp_path / "first.jsonl", "--by", "form")
    assert "calibration error" in text and "verify" in text


def judge(kind, right, said, confidence=None, **names):
    said = None if said is None else frozenset(said)
    return JudgedImageQuestion(VqaQuestion.of_kind(kind, **names), frozenset(right), said, confidence)


def test_scores_by_hand():
    pneumonia = {"attributes": ("pneumonia",)}
    judged = [
        judge(22, ["yes"], ["yes"], 0.9, **pneumonia),
        judge(22, ["no"], ["yes"], 0.6, **pneumonia),
        judge(22, ["no"], ["no"], 0.8, **pneumonia),
        judge(22, ["yes"], None, **pneumonia),
        judge(27, ["picc", "scoliosis"], ["picc", "goiter"], 0.5),
        judge(27, [], [], 0.5),
    ]
    scores = scores_of(judged, missing=1)
    assert (scores.questions, scores.answered, scores.abstained, scores.missing) == (6, 5, 0, 1)
    assert scores.accuracy == 0.5
    # elements: yes 1 hit 2 wrong; no 1 hit 1 wrong; picc 1 hit; scoliosis and goiter 1 wrong each
    assert scores.micro_f1 == pytest.approx(6 / (6 + 5))
    assert scores.macro_f1 == pytest.approx((2 / 4 + 2 / 3 + 1 + 0 + 0) / 5)
    assert scores.auroc == 1.0
    assert scores.auroc_by_finding == {"pneumonia": 1.0}
    assert scores.calibration["brier"] == pytest.approx((0.01 + 0.36 + 0.04 + 0.25 + 0.25) / 5)
    assert scores.calibration["ece"] == pytest.approx((0.1 + 0.6 + 0.2 + 0.0 * 2) / 5)
    assert scores.groups["open or closed"] == {"closed": (4, 0.5), "open": (2, 0.5)}
    assert scores.groups["attribute"] == {"pneumonia": (4, 0.5)}
    official = scores_of(judged, answer_space=OFFICIAL_ANSWERS)
    assert official.labels == len(OFFICIAL_ANSWERS) == 110
    assert official.macro_f1 == pytest.approx((2 / 4 + 2 / 3 + 1) / 110)
    with pytest.raises(RecordError, match="no question"):
        scores_of([])
    assert ABSTAIN is not None
