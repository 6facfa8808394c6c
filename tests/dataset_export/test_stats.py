from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from question_files import Built, write_links

from ehrxqa import stats
from ehrxqa.cli.stats import command
from ehrxqa.dataset.links import LINKS_FILE, Links, RowLinks
from ehrxqa.dataset.stats import answer_type, as_text, is_yes_no
from ehrxqa.dataset.trust import FamilyCounts
from ehrxqa.errors import RecordError
from ehrxqa.plots import bar_chart

YES_NO = "has_verb patient {patient_id} died?"
OTHER = "list the drugs of patient {patient_id}."


@pytest.mark.parametrize(
    ("answer", "q_tag", "kind"),
    [
        ([1], YES_NO, "yes/no"),
        ([0], YES_NO, "yes/no"),
        ([1], OTHER, "number"),
        ([2], YES_NO, "number"),
        ([0.5], OTHER, "number"),
        (["a"], OTHER, "text"),
        (["2105-12-31 23:59:00"], OTHER, "time"),
        (["2105-12-31"], OTHER, "time"),
        (["2105-12-31 or so"], OTHER, "text"),
        (["a", None], OTHER, "list"),
        ([None], YES_NO, "null"),
        ([None, None], OTHER, "null"),
        ([], YES_NO, "empty"),
        ("null", YES_NO, "unanswerable"),
    ],
)
def test_answer_types(answer: Any, q_tag: str, kind: str) -> None:
    assert answer_type(answer, q_tag) == kind


def write(folder: Path, split: str, rows: Sequence[tuple[str, str, Any]]) -> None:
    records = [
        {"split": split, "id": number, "question": question, "query": "", "q_tag": q_tag, "answer": answer}
        for number, (question, q_tag, answer) in enumerate(rows)
    ]
    (folder / f"{split}.json").write_text(json.dumps(records))


def test_numbers_of_a_small_set(tmp_path: Path) -> None:
    write(tmp_path, "train", [("has patient 1 died?", YES_NO, [1]), ("has patient 2 died?", YES_NO, [0])])
    write(tmp_path, "test", [("list the drugs of patient 3.", OTHER, []), ("has patient 4 died?", YES_NO, [1])])
    value = stats(tmp_path).as_json()
    assert value["questions"] == {"total": 4, "train": 2, "test": 2}
    assert value["modality"] == {"Table": {"total": 4, "train": 2, "test": 2}}
    assert value["family"] == {YES_NO: {"total": 3, "train": 2, "test": 1}, OTHER: {"total": 1, "train": 0, "test": 1}}
    answers = value["answers"]
    assert (answers["empty_share"], answers["null_share"]) == (0.25, 0.0)
    assert answers["yes_no"]["families"] == {YES_NO: {"yes": 2, "no": 1}}
    assert answers["yes_no"]["yes_share"] == pytest.approx(2 / 3, abs=1e-6)
    length = value["question_length"]
    assert (length["min"], length["median"], length["max"], length["mean"]) == (4, 4, 6, 4.5)
    assert length["histogram"] == {"4": 3, "6": 1}
    assert (value["vocabulary"]["words"], value["vocabulary"]["templates"]) == (7, 2)
    assert value["vocabulary"]["frequent"][0] == ["patient", 4]
    assert "yes among yes/no" in as_text(value)


def link_of(paths: list[str]) -> Links:
    """Links of the first test question, about two studies."""
    return Links(
        split="test",
        id=0,
        modality="multimodal",
        scope="multimodal-single",
        family="has",
        template="official/5000",
        study_ids=[7, 8],
        image_ids=["a", "b"],
        image_paths=paths,
        studies_total=2,
        rows=[],
        bounded=False,
    )


def test_the_sidecar_names_families(tmp_path: Path) -> None:
    write(tmp_path, "test", [("has patient 1 died?", YES_NO, [1]), ("has patient 2 died?", YES_NO, [0])])
    link = link_of(["p", "q"])
    write_links(tmp_path, link.record)
    value = stats(tmp_path).as_json()
    assert value["modality"]["Image+Table"]["total"] == 1
    assert value["family"]["has"] == {"total": 1, "test": 1}
    assert value["images"] == {"questions_with_studies": 1, "studies": 2, "sidecar": True}
    record = link.record | {"rows": [{"table": "patients", "row_ids": [1], "total": 1}]}
    (tmp_path / LINKS_FILE).write_text(json.dumps(record) + "\n{}\n")
    with pytest.raises(RecordError, match=r"links\.jsonl: line 2: is not a record of links"):
        stats(tmp_path)
    assert RowLinks("patients", [1], 1).total == 1


def test_what_an_author_must_know(tmp_path: Path) -> None:
    count = "count the number of patients who were prescribed {drug_name}."
    drugs = "list the drugs of patient {patient_id}."
    rows: list[tuple[str, str, Any]] = [(f"has patient {n} died?", YES_NO, [int(n < 18)]) for n in range(20)]
    rows += [(f"count {n}", count, [1] if n < 7 else [n]) for n in range(12)]
    rows += [(f"list {n}", drugs, [] if n < 4 else [str(n)]) for n in range(9)]
    write(tmp_path, "train", rows)
    write(
        tmp_path, "valid", [("has  Patient 1 died?", YES_NO, [0]), ("list 8", drugs, ["8"]), ("list 8", drugs, ["8"])]
    )
    write(tmp_path, "test", [("list 8", drugs, ["other"]), ("what?", "which allergy?", "null")])
    value = stats(tmp_path).as_json()
    families = value["trust"]["families"]
    assert {name: family["flags"] for name, family in families.items()} == {
        YES_NO: ["yes/no"],
        count: ["one answer"],
        drugs: ["empty"],
    }
    assert (families[YES_NO]["yes_no"], families[YES_NO]["yes_share"]) == (21, round(18 / 21, 6))
    assert (families[count]["top_answer"], families[count]["top_share"]) == ("[1]", round(7 / 12, 6))
    assert families[drugs]["empty_share"] == round(4 / 12, 6)
    twice = value["trust"]["duplicates"]
    # queries are all empty here, so each but the first of its split repeats one
    assert {kind: count for kind, count in twice.items() if kind != "listed"} == {
        "within_split": 1,
        "same_query": 40 + 2 + 1,
        "across_splits": 3,
        "contradictions": 1,
    }
    assert value["about"] == {
        "templates": None,
        "subjects": 0,
        "studies": 0,
        "most_questions_about_one_subject": 0,
    }
    text = as_text(value)
    assert re.search(r"^flagged families +3 of 3$", text, re.MULTILINE)
    assert "flag yes/no: share of yes more than 15% from a half" in text


def test_a_small_family_is_not_off_balance_by_chance() -> None:
    def family(yes: int, no: int) -> FamilyCounts:
        counts = FamilyCounts()
        for answer in [1] * yes + [0] * no:
            counts.add("yes/no", [answer], "t")
        return counts

    assert [family(*pair).flags() for pair in ((4, 0), (6, 0), (60, 40), (5, 5))] == [[]] * 4
    assert [family(*pair).flags() for pair in ((7, 0), (0, 7), (68, 32))] == [["yes/no"]] * 3


def test_who_is_asked_about(tmp_path: Path) -> None:
    records = [
        {"split": "test", "id": number, "question": f"{number}", "query": "", "q_tag": YES_NO, "answer": [1]}
        | {"value": {"patient_id": subject}}
        for number, subject in enumerate((1, 1, 2))
    ]
    (tmp_path / "test.json").write_text(json.dumps(records))
    path = "p13/p13/s7/a.jpg"
    link = link_of([path, "odd"])
    write_links(tmp_path, link.record)
    about = stats(tmp_path).about
    assert (about.subjects, about.studies, about.most_questions_about_one_subject) == (3, 2, 2)
    assert about.templates is not None
    assert about.templates["Image+Table"] == {"used": 1, "official": 75}
    assert sum(row["official"] for row in about.templates.values()) == 426


def test_without_answers(tmp_path: Path, built: Built) -> None:
    (tmp_path / "_test.json").write_text((built.out / "dataset" / "_test.json").read_text())
    found = stats(tmp_path)
    assert found.answers is None
    value = found.as_json()
    assert value["answers"] == {"answered": 0}
    assert "answer type" not in as_text(value)


def test_an_empty_set(tmp_path: Path) -> None:
    (tmp_path / "test.json").write_text("[]")
    found = stats(tmp_path)
    assert found.questions["total"] == 0 and found.question_length is None
    for form in ("text", "json"):
        page = tmp_path / "page.html"
        done = CliRunner().invoke(command, [str(tmp_path), "--format", form, "--page", str(page)])
        assert done.exit_code == 0
        assert page.stat().st_size


class Checker(HTMLParser):
    """Tags are closed in order, and nothing is loaded from anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.count: dict[str, int] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.count[tag] = self.count.get(tag, 0) + 1
        assert tag not in ("script", "link", "img", "iframe", "image")
        assert not {name for name, _ in attrs} & {"src", "href", "xlink:href"}
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_command(tmp_path: Path, built: Built) -> None:
    page = tmp_path / "page.html"
    arguments = [str(built.out), "--format", "json", "--page", str(page)]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    value = json.loads(result.stdout)
    assert value == json.loads(json.dumps(stats(built.out).as_json()))
    assert value["questions"] == {"total": 6, "valid": 1, "test": 5}
    assert value["scope"]["IMAGE-SINGLE-1"]["test"] == 1
    checker = Checker()
    checker.feed(page.read_text())
    assert checker.open == []
    assert checker.count["svg"] == 6
    assert "modality" in CliRunner().invoke(command, [str(built.out)], catch_exceptions=False).output


@given(st.lists(st.tuples(st.text(max_size=60), st.floats(-1e6, 1e6), st.none() | st.just((-5.0, 5.0))), min_size=1))
def test_charts_are_well_formed(bars: list[tuple[str, float, tuple[float, float] | None]]) -> None:
    checker = Checker()
    checker.feed(bar_chart("a < b & c", bars, axis="x < y", unit=" %"))
    assert checker.open == []


@pytest.mark.shared
def test_yes_no_templates_have_yes_no_answers(shared: Path) -> None:
    for split in ("train", "test"):
        records = json.loads((shared / "parity" / "answers" / split / "expected.json").read_text())
        asked = [record for record in records if is_yes_no(record["q_tag"])]
        assert len(asked) > 40
        for record in asked:
            assert record["answer"] in ([0], [1], [None], [])
    index = json.loads((shared / "data" / "ehrxqa" / "template_index.json").read_text())
    assert sum(is_yes_no(entry["q_tag"]) for entry in index.values()) == 157
