"""`ehrxqa.load`: questions as typed records."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from PIL import Image
from question_files import Built, write_links

import ehrxqa
from ehrxqa.errors import RecordError, SettingsError, VqaError
from ehrxqa.loading.question_record import answer_text


@pytest.fixture
def linked(own: Path, built: Built, tmp_path: Path) -> Path:
    """A copy of the build in which test 1 has links and a picture."""
    path = f"p{str(built.subject)[:2]}/p{built.subject}/s{built.studies[0]}/{built.image}.jpg"
    link = {
        "split": "test", "id": 1, "modality": "image", "scope": "image-single-1", "family": "has", "template": 1000,
        "study_ids": [built.studies[0]], "image_ids": [built.image], "image_paths": [path], "studies_total": 1,
        "rows": [], "bounded": False, "needs": "image",
    }  # fmt: skip
    write_links(own / "dataset", link)
    picture = tmp_path / "hospital" / "files" / path
    picture.parent.mkdir(parents=True)
    Image.linear_gradient("L").save(picture)
    return own


def credentialed(out: Path) -> None:
    """Make the build say that its data are credentialed."""
    manifest = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").unlink()
    (out / "manifest.json").write_text(json.dumps(manifest | {"synthetic": False, "hybrid": False}))


def test_splits_length_iteration_and_places(own: Path) -> None:
    ds = ehrxqa.load(own)
    assert ds.splits == ("valid", "test") and len(ds) == 6 and len(ds.test) == 5
    assert [q.split for q in ds] == ["valid"] + ["test"] * 5
    assert ds[-1] == ds.test[4] == ds["test"][4] == ds.by_id(4)
    assert [q.id for q in ds.test[1:3]] == [1, 2] and type(ds.test[1:3]) is type(ds)
    assert ds[:2].test[0].id == 0 and len(ds[:1].test) == 0
    records = json.loads((own / "dataset" / "test.json").read_text())
    assert [q.record for q in ds.test] == records
    assert [(q.question, q.query, q.answer) for q in ds.test] == [
        (record["question"], record["query"], record["answer"]) for record in records
    ]


def test_what_is_asked_wrongly_is_said(own: Path) -> None:
    ds = ehrxqa.load(own)
    for wrong, words in (
        (lambda: ds.train, "no split 'train'; there are: valid, test"),
        (lambda: ds.by_id(0), "2 questions have the number 0, so name the split"),
        (lambda: ds.by_id(17), "no question has the number 17"),
        (lambda: ds[1.5], "not by float"),
        (lambda: ds.filter(scope="image-singel-1"), "did you mean IMAGE-SINGLE-1"),
        (lambda: ds.filter(modality=3), "filter: modality must be a text"),
        (lambda: ds.filter(needs="nothing"), "there are: table, image, both, either"),
        (lambda: ehrxqa.load(5), "load: out must be a path or a text, not int"),
        (lambda: ehrxqa.load(own, images=own / "nowhere"), "no such folder of images"),
    ):
        with pytest.raises(SettingsError, match=words):
            wrong()
    with pytest.raises(RecordError, match="no question files"):
        ehrxqa.load(own / "database")
    with pytest.raises(IndexError):
        ds[6]


def test_filters(linked: Path) -> None:
    ds = ehrxqa.load(linked)
    assert [q.id for q in ds.filter(scope="image-single-1")] == [1]
    assert [q.id for q in ds.test.filter(modality=["table", "image"], answer_type="yes/no")] == [1]
    assert ds.filter(family="has", needs="image")[0].id == 1
    assert len(ds.filter(family="hasn't")) == 0
    assert [q.id for q in ds.filter(lambda q: "gender" in q.question, split="test")] == [0]
    assert len(ds.filter(is_impossible=True)) == 0


def test_a_record_is_typed(linked: Path, built: Built) -> None:
    question = ehrxqa.load(linked).by_id(1)
    assert (question.scope, question.modality, question.needs) == ("IMAGE-SINGLE-1", "Image", "image")
    assert question.study_ids == (built.studies[0],) and question.answer_text == "yes"
    assert question.gold_program.startswith("select count(*) > 0 from tb_cxr_plus")
    (linked / "dataset" / "links.jsonl").unlink()
    question = ehrxqa.load(linked).by_id(1)
    assert question.study_ids == (built.studies[0],) and question.image_paths == () and question.needs is None
    assert "test 1, IMAGE-SINGLE-1" in repr(question) and "answer='yes'" in repr(question)
    (linked / "dataset" / "_test.json").unlink()
    assert ehrxqa.load(linked).by_id(1).gold_program is None


@pytest.mark.parametrize(
    ("answer", "kind", "text"),
    [([0], "yes/no", "no"), ([0], "number", "0"), ([None], "null", "null"), ([], "empty", "none"),
     ("null", "unanswerable", "unanswerable"), (["a", 1.5], "list", "a, 1.5")],
)  # fmt: skip
def test_answers_in_words(answer, kind, text) -> None:
    assert answer_text(answer, kind) == text


def test_show_tells_question_query_answer_and_xray(linked: Path, built: Built, capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    question = ehrxqa.load(linked, images=linked.parent / "hospital").by_id(1)
    question.show()
    shown = capsys.readouterr().out
    assert shown.startswith("test 1 · IMAGE-SINGLE-1 · has · needs image\n")
    assert "func_vqa" in shown and "answer: yes" in shown and f"{built.image}.jpg" in shown
    assert max(map(len, shown.splitlines()[:-1])) <= 80
    html = question._repr_html_()
    assert "data:image/png;base64," in html and built.image in html


def test_no_page_keeps_a_credentialed_picture_unless_it_is_asked_for(linked: Path, capsys) -> None:
    credentialed(linked)
    question = ehrxqa.load(linked, images=linked.parent / "hospital").by_id(1)
    assert "data:image" not in question._repr_html_()
    assert str(linked.parent / "hospital") in question._repr_html_()
    from ehrxqa.loading.showing import as_html

    assert "data:image" in as_html(question, pictures=True)
    # and none is looked for by itself
    assert ehrxqa.load(linked).origin.images is None


def test_the_pictures_of_a_demo_are_found(linked: Path) -> None:
    assert ehrxqa.load(linked).origin.images == linked.parent / "hospital"


def test_a_damaged_picture_is_named(linked: Path) -> None:
    path = next((linked.parent / "hospital").rglob("*.jpg"))
    path.write_bytes(b"no picture")
    with pytest.raises(VqaError, match=r"\.jpg cannot be read"):
        ehrxqa.load(linked).by_id(1)._repr_html_()


def test_html_is_escaped_and_short(own: Path) -> None:
    path = own / "dataset" / "test.json"
    records = json.loads(path.read_text())
    records[0] |= {"question": "<script>alert(1)</script>\x1b[31m", "query": "<b>" * 5000}
    path.write_text(json.dumps(records))
    ds = ehrxqa.load(own)
    for html in (ds._repr_html_(), ds.test[0]._repr_html_()):
        assert "<script>" not in html and "<b>" not in html and "\x1b" not in html and "&lt;script&gt;" in html
    assert len(repr(ds).splitlines()) <= 7


def test_tables(linked: Path) -> None:
    ds = ehrxqa.load(linked)
    table = ds.to_arrow()
    assert table.num_rows == 6
    assert table["answer"].to_pylist()[2] == "[1]" and table["answer_text"].to_pylist()[2] == "yes"
    assert table["study_ids"].to_pylist()[2] == list(ds[2].study_ids)
    assert ds[:0].to_arrow().schema.equals(table.schema) and ds[:0].to_arrow().num_rows == 0
    if importlib.util.find_spec("pandas") is None:
        with pytest.raises(SettingsError, match="pip install pandas"):
            ds.to_pandas()
        return
    frame = ds.to_pandas()
    assert list(frame.answer[:2]) == [ds[0].answer, ds[1].answer] and frame.scope[2] == "IMAGE-SINGLE-1"
    assert list(frame.columns) == table.column_names
    assert list(ds[:0].to_pandas().columns)


def test_answers_are_evaluated_without_files(own: Path) -> None:
    ds = ehrxqa.load(own)
    by_file = own.parent / "answers.json"
    answers = {q.id: q.answer for q in ds.test} | {3: [0]}
    by_file.write_text(json.dumps(answers))
    expected = ehrxqa.evaluate(own / "dataset" / "test.json", by_file)
    assert ehrxqa.evaluate(ds.test, answers) == expected and expected.overall.tally.wrong == 1
    assert ehrxqa.evaluate(ds.test, {q.id: q for q in ds.test}).overall.tally.right == 5
    assert ehrxqa.evaluate({1: (1,)}, {"1": [1]}).overall.tally.right == 1
    assert ehrxqa.evaluate(ds, {f"{q.split}/{q.id}": q.answer for q in ds}).overall.tally.right == 6
    result = ehrxqa.query(own / "database/test/mimic_iv_cxr.db", "select count(*) from patients")
    assert ehrxqa.evaluate({3: ds.by_id(3).answer}, {3: result}).overall.tally.right == 1
    html = expected._repr_html_()
    assert "wrong" in html and "RS10" in html and len(html) < 5000


@pytest.mark.parametrize(
    ("gold", "predictions", "words"),
    [
        (5, {}, "gold must be a path, a text, a mapping or a list, not int"),
        ({1: [1]}, None, "predictions must be a path, .* not NoneType"),
        ({1: {1}}, {}, "gold: id 1: an answer is a list .* not set"),
        ({1: [1]}, [5], "predictions: record 1 is int"),
        ({}, {}, "gold: holds no gold answers"),
        ({1: [1]}, {}, "predictions: 1 of 1 gold id has no prediction"),
    ],
)
def test_objects_that_are_no_answers_are_refused(gold, predictions, words) -> None:
    with pytest.raises(ehrxqa.EhrxqaError, match=words):
        ehrxqa.evaluate(gold, predictions)


def test_an_answer_that_holds_itself_is_refused() -> None:
    answer: list[object] = []
    answer.append(answer)
    with pytest.raises(RecordError, match="nested"):
        ehrxqa.evaluate({1: answer}, {1: [1]})
