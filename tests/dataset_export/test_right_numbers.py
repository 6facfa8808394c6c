"""Numbers of small question sets and texts of small explanations, counted and written by hand."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ehrxqa import stats, why
from ehrxqa.dataset.answer import answer
from ehrxqa.dataset.links import LINKS_FILE, Links
from ehrxqa.dataset.placement import Placement
from ehrxqa.dataset.stats import as_page, as_text
from ehrxqa.dataset.trust import FamilyCounts
from ehrxqa.errors import RecordError
from ehrxqa.explain.evidence import Evidence, EvidenceStudy, LabelSentence, TableRows
from ehrxqa.explain.explanation import Explanation, StepResult
from ehrxqa.explain.lost_rows import lost_rows
from ehrxqa.explain.report_sentences import DecidedLabel, ImageReport
from ehrxqa.explain.why_text import as_text as why_text
from ehrxqa.sql.sandbox import open_database
from ehrxqa.sql.steps import steps_of

YES_NO = "has patient {patient_id} died?"
DRUGS = "list the drugs of patient {patient_id}."


def write(folder: Path, split: str, rows: list[tuple[str, Any]], links: list[Links] | None = None) -> None:
    records = [
        {
            "split": split,
            "id": number,
            "question": f"question {number}",
            "query": "null" if answer == "null" else f"select {number}",
            "value": {},
            "q_tag": tag,
            "is_impossible": answer == "null",
            "answer": answer,
        }
        for number, (tag, answer) in enumerate(rows)
    ]
    (folder / f"{split}.json").write_text(json.dumps(records))
    if links:
        (folder / LINKS_FILE).write_text("".join(json.dumps(link.record) + "\n" for link in links))


def link_of(number: int, paths: list[str], family: str) -> Links:
    return Links(
        split="test",
        id=number,
        modality="multimodal",
        scope="multimodal-single",
        family=family,
        template="official/5000",
        study_ids=[7],
        image_ids=["a"],
        image_paths=paths,
        studies_total=1,
        rows=[],
        bounded=False,
    )


def test_answers_are_counted_by_type_and_family_without_those_that_nothing_answers(tmp_path: Path) -> None:
    rows: list[tuple[str, Any]] = [(YES_NO, [1]), (YES_NO, [0]), (YES_NO, "null"), (DRUGS, ["a", "b"]), (DRUGS, [])]
    write(tmp_path, "test", rows)
    value = stats(tmp_path).as_json()
    assert value["answers"]["types"]["yes/no"] == {"total": 2, "test": 2}
    assert value["answers"]["types"]["unanswerable"] == {"total": 1, "test": 1}
    assert value["answers"]["types"]["list"] == {"total": 1, "test": 1}
    families = value["trust"]["families"]
    assert {name: family["answered"] for name, family in families.items()} == {YES_NO: 2, DRUGS: 2}
    assert families[YES_NO]["yes_share"] == 0.5
    assert families[YES_NO]["null_share"] == 0


def test_subjects_are_those_whose_images_are_linked(tmp_path: Path) -> None:
    paths = ["p10/p10000001/s50000001/a.jpg", "p10/p10000002/s50000002/b.jpg", "odd"]
    write(tmp_path, "test", [(YES_NO, [1]), (YES_NO, [1])], [link_of(0, paths, "a"), link_of(1, paths[:1], "a")])
    about = stats(tmp_path).as_json()["about"]
    assert about["subjects"] == 2
    assert about["studies"] == 1
    assert about["most_questions_about_one_subject"] == 2
    assert about["templates"]["Image+Table"]["used"] == 1


def test_families_are_listed_by_flag_size_and_name(tmp_path: Path) -> None:
    sizes = {"c": 3, "a": 2, "b": 2, "d": 12}
    rows: list[tuple[str, Any]] = []
    for name, size in sizes.items():
        rows += [(f"what is {name} of patient {{patient_id}}?", [f"{name}{number}"]) for number in range(size)]
    rows += [("list {x} of patient {patient_id}.", []) for _ in range(3)]  # flagged: all are empty
    write(tmp_path, "test", rows)
    write(tmp_path, "train", [("what is a of patient {patient_id}?", [f"x{number}"]) for number in range(5)])
    text = as_text(stats(tmp_path).as_json())
    order = re.findall(r"^\s*(list|what is \w) ", text.split("\nfamily")[1], re.MULTILINE)
    assert order == ["list", "what is d", "what is a", "what is c", "what is b"]


def test_the_chart_shows_the_share_of_yes_in_percent(tmp_path: Path) -> None:
    write(tmp_path, "test", [(YES_NO, [1]), (YES_NO, [1]), (YES_NO, [0]), (YES_NO, [1])])
    page = as_page(stats(tmp_path).as_json())
    assert re.search(r"75(\.0)? %", page)


def test_the_most_frequent_answer_and_shares_of_a_family() -> None:
    counts = FamilyCounts()
    for kind, value in (("text", ["b"]), ("text", ["a"]), ("yes/no", [0]), ("null", [None]), ("empty", [])):
        counts.add(kind, value, "t")
    assert counts.most_frequent() == ('["a"]', 1)
    assert (counts.questions, counts.empty, counts.null, counts.yes, counts.no) == (5, 1, 1, 0, 1)
    counts.add("yes/no", [0], "u")
    assert counts.most_frequent() == ("no", 2)
    assert counts.templates == {"t", "u"}


class Counting:
    """Counts what a task is told."""

    def __init__(self) -> None:
        self.total, self.done = 0, 0

    @contextmanager
    def task(self, name: str, total: int | None = None, unit: str = "", *, done: int = 0) -> Iterator[Counting]:
        self.total += total or 0
        yield self

    @contextmanager
    def part(self, name: str, total: int | None = None, *, done: int = 0) -> Iterator[Counting]:
        yield self

    def advance(self, amount: int = 1) -> None:
        self.done += amount

    def note(self, message: str) -> None:
        raise AssertionError(message)


def test_every_program_is_run_once(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "x.db").execute("create table t(a)")
    records = [{"db_id": "x", "split": "test", "id": n, "_gold_program": f"select {n % 7}"} for n in range(20)]
    (tmp_path / "_test.json").write_text(json.dumps(records))
    progress = Counting()
    report = answer(tmp_path / "x.db", tmp_path / "_test.json", tmp_path / "out.json", workers=1, progress=progress)
    assert (report.answered, progress.total, progress.done) == (20, 7, 7)


# Texts of explanations


def explained(
    *, steps: tuple[StepResult, ...] = (), studies: tuple[EvidenceStudy, ...] = (), rows: tuple[TableRows, ...] = ()
) -> str:
    evidence = Evidence(True, studies, len(studies), rows)
    record = {"question": "q?", "split": "test", "id": 1}
    facts = Placement("Table", "TABLE-NONE", "f")
    return why_text(Explanation(record, facts, Path("x.db"), "select 1", steps, [1], [1], (), evidence))


def step(columns: tuple[str, ...], rows: tuple[tuple[Any, ...], ...], *, total: int | None = None) -> StepResult:
    return StepResult(1, "select 1", len(rows) if total is None else total, columns, rows, "", single=False)


def test_the_rows_of_a_step() -> None:
    assert "→ no row\n" in explained(steps=(step(("a",), ()),)) + "\n"
    assert "→ 1 row: x\n" in explained(steps=(step(("a",), (("x",),)),)) + "\n"
    assert "→ 2 rows (a, b): x, null; y, 2\n" in explained(steps=(step(("a", "b"), (("x", None), ("y", 2))),)) + "\n"
    assert "→ 3 rows: x; …\n" in explained(steps=(step(("a",), (("x",),), total=3),)) + "\n"


def study(labels: list[LabelSentence]) -> EvidenceStudy:
    return EvidenceStudy(7, 1, "a", "ap", "2100-01-01 00:00:00", "p/a.jpg", tuple(labels))


def label(name: str, sentence: int | None) -> LabelSentence:
    return LabelSentence("left lung", name, "anatomicalfinding", sentence)


def test_labels_stand_by_their_sentences_those_without_one_first() -> None:
    text = explained(studies=(study([label("a", 2), label("b", None), label("c", 0), label("d", 2)]),))
    found = [line.strip() for line in text.splitlines() if "sentence" in line and "in left lung" in line]
    assert found == [
        "no sentence: b in left lung",
        "sentence 0: c in left lung",
        "sentence 2: a in left lung, d in left lung",
    ]


@pytest.mark.parametrize(("count", "more"), [(12, None), (13, "… and 1 more label"), (14, "… and 2 more labels")])
def test_only_twelve_labels_are_shown(count: int, more: str | None) -> None:
    text = explained(studies=(study([label(f"l{number:02}", 0) for number in range(count)]),))
    assert "l11 in left lung" in text
    assert "l12" not in text
    found = [line.strip() for line in text.splitlines() if "more label" in line]
    assert found == ([] if more is None else [more])


@pytest.mark.parametrize(("count", "more"), [(1, ""), (12, ""), (13, ", and 1 more")])
def test_what_a_report_does_not_mention_is_named_up_to_twelve(count: int, more: str) -> None:
    labels = tuple(
        DecidedLabel("left lung", f"l{number:02}", 0, None, None, None, None, None, "unstated")
        for number in range(count)
    )
    shown = EvidenceStudy(7, 1, "a", "ap", "", "p", (), ImageReport("scene graph", labels, count, ""))
    names = ", ".join(f"l{number:02} in left lung" for number in range(min(count, 12)))
    said = f"absent because the report does not mention them, no sentence ({count}): {names}{more}"
    assert said in [line.strip() for line in explained(studies=(shown,)).splitlines()]


def test_what_the_studies_say_is_not_repeated_in_the_label_table_alone() -> None:
    columns = ("row_id", "subject_id", "object", "empty")
    for table, shown in (("tb_cxr_plus", ["row_id", "object"]), ("admissions", ["row_id", "subject_id", "object"])):
        text = explained(rows=(TableRows(table, 1, columns, ((5, 6, "left lung", None),), None),))
        lines = text.splitlines()
        place = next(number for number, line in enumerate(lines) if f"{table} (1 row)" in line)
        assert lines[place + 1].split() == shown


@pytest.mark.parametrize(("total", "more"), [(8, False), (9, True)])
def test_only_eight_rows_are_shown(total: int, more: bool) -> None:
    rows = tuple((number,) for number in range(total))
    text = explained(rows=(TableRows("admissions", total, ("row_id",), rows, 2),))
    assert f"admissions ({total} rows, of step 2)" in text
    assert ("… and 1 more" in text) == more


# Where rows are lost


@pytest.mark.parametrize(
    ("sql", "reason", "before"),
    [
        ("select a from t where a = 1 and a = 2", "of 1 row, none fulfils this condition", 1),
        ("select a from t where a > 1 and a > 9", "of 2 rows, none fulfils this condition", 2),
        ("select a from t where a > 9", "of 3 rows, none fulfils this condition", 3),
        ("select a from t where a > 1 group by a having count(*) > 5", "the conditions keep 2 rows, but no group", 2),
        ("select a from t where a = 1 limit 1 offset 3", "the conditions keep 1 row, but LIMIT 1 offset 3", 1),
        ("select b from t where a = 1", "rows are found (1), but the selected value is null in all of them", None),
        ("select a from void", "its FROM clause is empty", None),
        ("select t.a from t join void on t.a = void.a", "the join finds no pair", None),
        ("select x.a from ( select a from void ) as x", "its FROM clause reads step 1, which is empty", None),
    ],
)
def test_the_first_loss_is_told_with_the_rows_before_it(
    tmp_path: Path, sql: str, reason: str, before: int | None
) -> None:
    db = sqlite3.connect(tmp_path / "t.db")
    db.executescript("create table t(a, b); insert into t values(1, null), (2, 'x'), (3, 'y'); create table void(a)")
    db.close()
    with open_database(tmp_path / "t.db") as sandbox:
        losses = list(lost_rows(steps_of(sql), sandbox.run))
    assert losses[0].reason.startswith(reason)
    assert losses[0].before == before


@pytest.mark.parametrize(
    ("query", "computed", "lost"),
    [
        ("select count(*) from patients where subject_id > 9", [0], True),
        ("select count(*) from patients where subject_id > 1", [2], False),
        ("select subject_id from patients where subject_id > 9", [], True),
        ("select max(subject_id) from patients where subject_id > 9", [None], True),
        ("select 0 * subject_id from patients where subject_id = 1", [0], False),
        ("select subject_id from patients", [1, 2, 3], False),
    ],
)
def test_an_answer_of_nothing_says_where_its_rows_are_lost(
    tmp_path: Path, query: str, computed: list[Any], lost: bool
) -> None:
    db = sqlite3.connect(tmp_path / "x.db")
    db.executescript("create table patients(row_id, subject_id); insert into patients values(1, 1), (2, 2), (3, 3)")
    db.close()
    record = {"split": "test", "id": 1, "question": "?", "query": query, "q_tag": YES_NO, "value": {}}
    (tmp_path / "test.json").write_text(json.dumps([{**record, "answer": computed}]))
    found = why(tmp_path, 1, database=tmp_path / "x.db")
    assert found.computed == computed
    assert bool(found.losses) is lost


def test_the_floors_of_a_set_counted_by_hand(tmp_path):
    """Who knows the tables only is sure where they say no, and says yes to the rest; the images likewise."""
    asked = [
        *[("official/5000", "both", 1)] * 3,
        *[("official/5000", "image", 0)] * 3,
        *[("official/5000", "table", 0)] * 2,
        ("official/5000", "either", 0),
        *[("official/5001", "both", 1)] * 2,
        ("official/5001", "image", 0),
        *[("official/5002", "both", 1)] * 3,
        ("official/5002", "image", 0),
    ]
    links = [
        msgspec.structs.replace(link_of(number, [], "same period"), template=template, needs=needs)
        for number, (template, needs, _) in enumerate(asked)
    ]
    write(tmp_path, "test", [(YES_NO, [answer]) for *_, answer in asked], links)
    floors = stats(tmp_path).floors
    assert floors.questions == 16
    assert (floors.tables_only.open, floors.images_only.open) == (13, 10)
    assert (floors.tables_only.accuracy, floors.tables_only.accuracy_open) == (0.6875, 0.615385)
    assert (floors.images_only.accuracy, floors.images_only.accuracy_open) == (0.875, 0.8)
    # by the others of the template: six noes of 5000, three yeses of 5002; of 5001, one yes and one no say nothing
    assert floors.question_only == 0.5625
    assert floors.majority == 0.5


def test_percentiles_are_lengths_that_so_many_reach(tmp_path):
    write(tmp_path, "test", [(DRUGS, ["a"])] * 20)
    path = tmp_path / "test.json"
    records = [
        {**each, "question": " ".join(["word"] * (number + 1))}
        for number, each in enumerate(json.loads(path.read_text()))
    ]
    path.write_text(json.dumps(records))
    lengths = stats(tmp_path).as_json()["question_length"]
    assert [lengths[name] for name in ("min", "median", "p95", "max")] == [1, 10, 19, 20]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("id", None, "record 2: the id must be a whole number"),
        ("id", 2, r"record 3 \(id 2\): an earlier record has the same id"),
        ("split", "train", r"record 2 \(id 1\) is of split 'train'"),
        ("question", "half a \ud83d", "record 2 holds half a character"),
    ],
)
def test_a_damaged_record_is_named_by_its_place(tmp_path, key, value, said):
    write(tmp_path, "test", [(DRUGS, ["a"])] * 3)
    path = tmp_path / "test.json"
    records = json.loads(path.read_text())
    records[1][key] = value
    path.write_text(json.dumps(records))
    with pytest.raises(RecordError, match=rf"test\.json: {said}"):
        stats(tmp_path)
