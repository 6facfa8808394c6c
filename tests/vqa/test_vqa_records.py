"""MIMIC-CXR-VQA files: questions in, answers out, and new questions."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vqa_strategies import questions

from ehrxqa.errors import BuildError, RecordError, SettingsError, VqaError
from ehrxqa.labels.store import LabelledImages, Labels, LabelSet, SizeBoxes
from ehrxqa.vqa import parse
from ehrxqa.vqa.answering import answer_files
from ehrxqa.vqa.generate import generate
from ehrxqa.vqa.image_labels import bits_of_rows
from ehrxqa.vqa.question import KINDS
from ehrxqa.vqa.records import arguments_of, question_of, read_records, write_records
from ehrxqa.vqa.rules import rule_for
from ehrxqa.vqa.split_labels import labels_of_split, read_split_labels
from made_labels import from_triples

QUESTION_FILES = {
    "train": ("train/_train_part1.json", "train/_train_part2.json"),
    "test": ("test/_test.json",),
}


@pytest.mark.shared
@pytest.mark.parametrize("split", QUESTION_FILES)
def test_reference_answers_byte_for_byte(shared, reference_out, tmp_path, split):
    folder = shared / "parity" / "vqa"
    labels = read_split_labels(reference_out / "labels", split)
    files = [folder / name for name in QUESTION_FILES[split]]
    report = answer_files(labels, files, split, tmp_path / "answers.json")
    expected = (folder / split / "expected.json").read_bytes()
    assert (tmp_path / "answers.json").read_bytes() == expected
    assert report.questions == len(json.loads(expected))
    assert report.kinds == 48


@given(questions())
@settings(deadline=None)
def test_arguments_are_read_back(question):
    arguments = arguments_of(question)
    assert list(arguments) == ["object", "attribute", "category", "viewpos", "gender"]
    assert question_of(question.kind.program, arguments) == question


def test_abnormality_kinds_ignore_given_categories():
    abnormal = dict(enumerate_as_text("anatomicalfinding", "disease", "device", "tubesandlines"))
    for number in (3, 8, 11, 12, 16, 17, 18, 20, 27, 33):
        objects = dict(enumerate_as_text(*("spine", "neck")[: KINDS[number].objects]))
        question = question_of(f"program_{number}", {"object": objects, "category": abnormal})
        assert question.kind.number == number
        assert question.categories == ()


def enumerate_as_text(*values: str):
    return ((str(number), value) for number, value in enumerate(values))


@pytest.mark.parametrize(
    ("program", "arguments", "said"),
    [
        ("program_49", {}, "program_49"),
        ("program_x", {}, "program_x"),
        ("7", {}, "program_1 to"),
        ("program_2", {"object": {"0": "spine"}}, "kind"),
        ("program_2", {"object": {"0": "spine"}, "attribute": {"0": "picc"}, "category": {"0": "device"}}, "no kind"),
        ("program_41", {"viewpos": {}}, "expected 1 argument viewpos"),
        ("program_44", {"gender": {"0": "X"}}, "gender"),
        ("program_20", {"colour": {}}, "colour"),
    ],
)
def test_arguments_that_do_not_fit_are_named(program, arguments, said):
    with pytest.raises(VqaError, match=said):
        question_of(program, arguments)


def test_both_argument_views_of_a_choice_are_accepted():
    assert question_of("program_42", {"viewpos": {"0": "AP", "1": "PA"}}).kind.number == 42


@given(
    st.lists(st.fixed_dictionaries({"a": st.text(), "b": st.dictionaries(st.text(), st.lists(st.text()), max_size=2)}))
)
@settings(deadline=None, max_examples=60)
def test_files_are_written_as_python_writes_them(tmp_path_factory, records):
    path = tmp_path_factory.mktemp("json") / "x.json"
    assert write_records(path, records) == len(records)
    assert path.read_text() == json.dumps(records, indent=4)


def test_many_records_are_one_list(tmp_path):
    records = [{"idx": number} for number in range(20000)]
    write_records(tmp_path / "x.json", records)
    assert (tmp_path / "x.json").read_text() == json.dumps(records, indent=4)


def record(idx: int, **changes: object) -> dict[str, object]:
    return {
        "split": "valid",
        "idx": idx,
        "image_id": "i1",
        "question": "Is thére picc?",
        "content_type": "presence",
        "semantic_type": "verify",
        "template": "Is there ${attribute}?",
        "template_program": "program_22",
        "template_arguments": {"object": {}, "attribute": {"0": "picc"}, "category": {}, "viewpos": {}, "gender": {}},
    } | changes


@pytest.fixture
def small_labels():
    return from_triples(
        [("i1", 50000001, 12345678), ("i2", 50000002, 12345678)],
        {"i1": [("svc", "picc", "tubesandlines")]},
        views={"i1": "pa"},
    )


def test_a_final_record(tmp_path, small_labels):
    questions_file, target = tmp_path / "_valid.json", tmp_path / "valid.json"
    questions_file.write_text(json.dumps([record(7, other="dropped")], ensure_ascii=False), encoding="utf-8")
    answer_files(small_labels, [questions_file], "valid", target)
    assert target.read_text() == json.dumps(
        [
            {
                "split": "valid",
                "idx": 7,
                "subject_id": "12345678",
                "study_id": "50000001",
                "image_id": "i1",
                "image_path": "p12/p12345678/s50000001/i1.jpg",
                "question": "Is thére picc?",
                "semantic_type": "verify",
                "content_type": "presence",
                "template": "Is there ${attribute}?",
                "template_program": "program_22",
                "template_arguments": record(7)["template_arguments"],
                "answer": ["yes"],
            }
        ],
        indent=4,
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"split": "train"}, 'question 1: it belongs to split "train"'),
        ({"image_id": "i9"}, "question 1: its image has no labels in split valid"),
        ({"template_program": "program_99"}, 'question 1: no program "program_99"'),
        ({"template_arguments": {"object": 3}}, "question 1: template_arguments are not of the known form"),
        (
            {"template_program": "program_47", "template_arguments": {}},
            "question 1: its image lacks the boxes it needs",
        ),
        ({"template_program": "program_46", "template_arguments": {}}, "lacks a known gender"),
        ({"question": 1}, r"_valid\.json: is not a pre-release question file"),
    ],
)
def test_what_cannot_be_answered_is_named_and_nothing_written(tmp_path, small_labels, changes, said):
    questions_file, target = tmp_path / "_valid.json", tmp_path / "valid.json"
    questions_file.write_text(json.dumps([record(0), record(1, **changes)]))
    target.write_text("before")
    with pytest.raises(RecordError, match=said):
        answer_files(small_labels, [questions_file], "valid", target)
    assert target.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["_valid.json", "valid.json"]


def test_many_faults_are_counted(tmp_path, small_labels):
    path = tmp_path / "_valid.json"
    path.write_text(json.dumps([record(n, image_id="i9") for n in range(9)]))
    with pytest.raises(RecordError, match=r"9 of 9 questions .*question 2.*\(and 6 more\)"):
        answer_files(small_labels, [path], "valid", tmp_path / "x.json")


@pytest.mark.parametrize("content", [b"", b"{}", b"[{}]", b"[\xff]", None])
def test_a_file_of_another_form_is_named(tmp_path, content):
    path = tmp_path / "_valid.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordError, match=r"_valid\.json"):
        read_records(path)


# --- labels of a split ----------------------------------------------------------------------------------------------


def tiny_labels() -> Labels:
    """Four images; silver labels of the first three, gold labels of the last."""
    images = LabelledImages(
        image_id=["a", "b", "c", "d"],
        subject_id=np.array([1, 1, 2, 3]),
        study_id=np.array([11, 12, 13, 14]),
        view_position=["AP", "PA", "PA", "LATERAL"],
        time_ms=np.zeros(4, dtype=np.int64),
        study_order=np.ones(4, dtype=np.int64),
        metadata_row=np.arange(4),
        gender=["M", "M", None, "F"],
        in_silver_cohort=np.array([True, True, True, False]),
        in_gold_cohort=np.array([False, False, False, True]),
        silver_split=np.array(["train", "valid", "train", ""], dtype=object),
        has_gold=np.array([False, False, False, True]),
        has_gold_plus=np.array([False, False, False, True]),
    )
    objects, attributes = ["left arm", "left lung", "spine"], ["artifact", "hernia", "picc"]
    categories = ["anatomicalfinding", "technicalassessment", "tubesandlines"]

    def rows(*cells: tuple[int, int, int, int, int]) -> LabelSet:
        columns = np.array(cells, dtype=np.int64).reshape(-1, 5).T
        return LabelSet(*columns[:4], columns[4].astype(np.int8), np.zeros(len(cells)))

    silver = rows((0, 1, 2, 2, 1), (0, 2, 1, 0, 1), (0, 0, 2, 2, 1), (0, 2, 0, 1, 1), (1, 1, 2, 2, 1), (2, 1, 1, 0, 0))
    gold = rows((3, 2, 2, 2, 1))
    box = lambda *cells: SizeBoxes(*(np.array(column) for column in zip(*cells, strict=True)))  # noqa: E731
    return Labels(
        images=images,
        objects=objects,
        attributes=attributes,
        categories=categories,
        sets={"silver": silver, "gold": gold, "gold+": rows()},
        pair_object=np.array([1, 0, 2]),
        pair_attribute=np.array([2, 2, 0]),
        pair_category=np.array([2, 2, 1]),
        boxes={
            # image, object (left lung, right lung, cardiac silhouette, upper mediastinum), x1, x2
            "silver": box(
                (0, 0, 120.0, 200.9),
                (0, 1, 20.9, 110.0),
                (0, 2, 60.0, 150.7),
                (0, 3, 90.0, 150.0),
                (2, 0, 120.0, 200.0),
                (2, 1, 20.0, 110.0),
                (2, 2, 60.0, 150.0),
                (2, 2, 61.0, 150.0),
                (2, 3, 150.0, 90.0),
            ),
            "gold": box((3, 0, 1.0, 20.0), (3, 1, 20.0, 9.0), (3, 2, 1.0, 9.0), (3, 3, 1.0, np.nan)),
        },
    )


def test_labels_of_a_split():
    labels = labels_of_split(tiny_labels(), "train")
    assert list(labels.image_ids) == ["a", "c"]
    assert labels.views == ["ap", "pa"]
    assert labels.genders == ["m", None]
    found = {tuple(labels.findings[n]) for n in range(len(labels.findings)) if labels.present[0] >> n & 1}
    assert found == {
        ("left lung", "picc", "tubesandlines"),
        ("spine", "hernia", "anatomicalfinding"),
    }  # no arm, no artifact
    assert labels.present[1] == 0  # relation 0
    assert [tuple(pair) for pair in labels.possible] == [("left lung", "picc", "tubesandlines")]
    # edges are cut to whole pixels before they are subtracted; two different boxes are none; widths keep their sign
    assert labels.shares["cardiac silhouette"] == [90 / 180, None]
    assert labels.shares["upper mediastinum"] == [60 / 180, -60 / 180]
    assert [rule_for(question_of("program_47", {}), labels)(row) for row in (0, 1)] == [False, None]
    assert [rule_for(question_of("program_48", {}), labels)(row) for row in (0, 1)] == [False, False]


def test_test_labels_are_gold_and_a_flat_thorax_is_no_error():
    labels = labels_of_split(tiny_labels(), "test")
    assert list(labels.image_ids) == ["d"]
    assert labels.views == ["lateral"]
    assert rule_for(question_of("program_22", {"attribute": {"0": "picc"}}), labels)(0) is True
    assert rule_for(question_of("program_47", {}), labels)(0) is True  # 8 / (20 - 20) is infinite
    assert rule_for(question_of("program_48", {}), labels)(0) is None


def test_an_unknown_split_is_refused():
    with pytest.raises(SettingsError, match="dev"):
        labels_of_split(tiny_labels(), "dev")


@given(st.integers(0, 40), st.integers(0, 70), st.data())
@settings(deadline=None)
def test_bits_of_rows(images, findings, data):
    cells = st.tuples(st.integers(0, max(images - 1, 0)), st.integers(0, max(findings - 1, 0)))
    pairs = data.draw(st.lists(cells, max_size=30)) if images and findings else []
    image, finding = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    expected = [sum({1 << f for i, f in pairs if i == row}) for row in range(images)]
    assert bits_of_rows(images, findings, image, finding) == expected


# --- generated ------------------------------------------------------------------------------------------------------


def made_up_labels(images: int = 60):
    rng = random.Random(3)
    triples = [
        (place, attribute, category)
        for place in ("left lung", "right lung", "spine", "mediastinum")
        for attribute, category in (
            ("picc", "tubesandlines"),
            ("chest port", "tubesandlines"),
            ("hernia", "anatomicalfinding"),
            ("consolidation", "anatomicalfinding"),
            ("pneumonia", "disease"),
            ("goiter", "disease"),
            ("rotated", "technicalassessment"),
            ("cabg grafts", "device"),
            ("prosthetic valve", "device"),
        )
    ]
    ids = [(f"i{number}", 500 + number, 100 + number) for number in range(images)]
    return from_triples(
        ids,
        {image: rng.sample(triples, rng.choice((0, 0, 2, 5, 9))) for image, _, _ in ids},
        views={image: rng.choice(["ap", "pa", "lateral"]) for image, _, _ in ids},
        genders={image: rng.choice("mf") for image, _, _ in ids},
        shares={
            name: {i: rng.random() for i, _, _ in ids[:50]} for name in ("cardiac silhouette", "upper mediastinum")
        },
        possible=triples,
    )


def test_generated_questions_are_balanced_different_and_say_what_they_ask(tmp_path):
    labels = made_up_labels()
    made = generate(labels, "valid", per_kind=20, seed=4)
    assert made.missing == made.unbalanced == {}
    assert [r["idx"] for r in made.records] == list(range(48 * 20))
    answers: dict[int, list[object]] = defaultdict(list)
    seen = set()
    possible = {(f.object, f.attribute) for f in labels.possible}
    for entry in made.records:
        question = question_of(str(entry["template_program"]), entry["template_arguments"])
        assert parse(str(entry["question"])) == question
        assert (entry["image_id"], question) not in seen
        seen.add((entry["image_id"], question))
        answers[question.kind.number].append(rule_for(question, labels)(labels.row_of_image[entry["image_id"]]))
        assert len({*question.objects}) == len(question.objects)
        if question.objects and question.attributes and question.kind.form == "verify":
            assert {(o, a) for o in question.objects for a in question.attributes} <= possible
    for number, kind in KINDS.items():
        counts = Counter(answers[number])
        if kind.form == "verify":
            assert counts == {True: 10, False: 10}, number
        elif kind.target in ("view", "gender"):
            assert sorted(counts.values()) == [10, 10]
        elif kind.form == "choose":
            assert sum(len(answer) == 1 for answer in answers[number]) >= 12
        else:
            assert sum(answer == () for answer in answers[number]) <= 6
    wordings = {str(entry["question"]).split()[0] for entry in made.records}
    assert len(wordings) > 8


def test_generated_files_are_the_same_for_the_same_seed(tmp_path):
    labels = made_up_labels()
    made = [generate(labels, "valid", per_kind=3, seed=seed).records for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
    path, target = tmp_path / "_valid.json", tmp_path / "valid.json"
    write_records(path, made[0])
    assert path.read_text() == json.dumps(made[0], indent=4)
    assert answer_files(labels, [path], "valid", target).questions == 144


def test_what_the_labels_do_not_give_is_counted():
    labels = from_triples(
        [(f"i{n}", n, n) for n in range(4)],
        {"i0": [("spine", "picc", "tubesandlines")]},
        genders={"i0": "f"},
        possible=[("spine", "picc", "tubesandlines")],
    )
    made = generate(labels, "test", per_kind=2, seed=0)
    kinds = Counter(entry["template_program"] for entry in made.records)
    assert {5, 41, 42, 43, 47, 48} <= made.missing.keys()
    assert all(made.missing.get(n, 0) == 2 - kinds[f"program_{n}"] for n in KINDS)
    assert made.missing[46] == 1  # one image of known gender can be asked once


def test_no_images_no_questions():
    with pytest.raises(BuildError, match="no labelled image"):
        generate(from_triples([], {}), "test", per_kind=1, seed=0)


@pytest.mark.shared
@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_generated_from_reference_labels(reference_out: Path, split):
    labels = read_split_labels(reference_out / "labels", split)
    made = generate(labels, split, per_kind=2, seed=9)
    assert len(made.records) == 96
    assert not made.missing
