"""Run folders: what is written is read back, torn lines are no lines, damage is said in a line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ehrxqa.dataset.placement import Placement
from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.models import run_folder as rf
from ehrxqa.models import run_records as rr
from ehrxqa.models.run_records import Scores
from ehrxqa.models.summary import Judged, summarise
from ehrxqa.runs.lines import Lines

RUN = rr.Run(
    id="first",
    status="running",
    kind="parser",
    split="test",
    parser=rr.System("gold", "gold", "1"),
    vision=rr.System("oracle", "oracle", "1"),
    seed=0,
    trials=2,
    limits=rr.QuestionLimits(30.0, 100_000),
    arguments={"given": {"parser": "gold"}, "defaulted": {"seed": 0}},
    digests={"dataset": "aa", "database": "bb"},
    packages={"ehrxqa": "0.1.0"},
    commit=None,
    dirty=None,
    subset=rr.Subset("all", "cc", 2),
    used=rr.Cost(calls=1, money=0.5),
    synthetic=True,
)


def test_a_run_is_read_back_and_listed(tmp_path: Path) -> None:
    folder = rf.run_path(tmp_path, "first")
    rf.write_run(folder, RUN)
    rf.write_run(rf.run_path(tmp_path, "a-second"), replace(RUN, id="a-second"))
    (tmp_path / "runs" / "no-run").mkdir()
    assert rf.read_run(folder) == RUN
    assert [run.id for run in rf.list_runs(tmp_path)] == ["a-second", "first"]
    assert rf.list_runs(tmp_path / "elsewhere") == ()


def a_summary() -> dict[str, object]:
    judged = [
        Judged("1", 0, "right", "right", "right", {"soft_f1": 1.0}),
        Judged("2", 0, "wrong", "wrong", "parser", {}),
    ]
    return summarise(judged, dict.fromkeys("12", Placement("Table", "TABLE-NONE", "count")), 0)


def test_scores_and_answers_are_read_back(tmp_path: Path) -> None:
    assert rf.read_scores(tmp_path) is None
    questions = (
        rr.QuestionScore("0", 0, 1.0, [1], [1], "right", cost=rr.Cost(images=3)),
        rr.QuestionScore("1", 0, 0.0, None, ["ä\u2028"], "abstained-wrongly", "no slot", measures={"soft_f1": 0.0}),
    )
    scores = rr.Scores("paper", a_summary(), questions)
    rf.write_scores(tmp_path, scores)
    rf.write_answers(tmp_path, {"0": [1], "1": "null"})
    assert rf.read_scores(tmp_path) == scores
    assert json.loads((tmp_path / "answers.json").read_text()) == {"0": [1], "1": "null"}


def test_scores_without_questions_are_json(tmp_path: Path) -> None:
    rf.write_scores(tmp_path, rr.Scores("paper", a_summary(), ()))
    assert rf.read_scores(tmp_path) == rr.Scores("paper", a_summary(), ())


@given(
    st.lists(
        st.builds(
            rr.QueryLine,
            id=st.text(st.characters(exclude_categories=["Cs"])),
            trial=st.integers(0, 3),
            query=st.none() | st.text(st.characters(exclude_categories=["Cs"])),
            confidence=st.none() | st.floats(0, 1),
            cost=st.builds(rr.Cost, tokens_in=st.integers(0, 10**6)),
        ),
        max_size=6,
    ),
    st.integers(0, 200),
)
def test_what_a_crash_cuts_short_is_no_line_and_the_next_writer_goes_on(
    tmp_path_factory: pytest.TempPathFactory, lines: list[rr.QueryLine], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("run")
    path = folder / rf.QUERIES
    with Lines[rr.QueryLine](path, rf.line_text) as stream:
        for line in lines:
            stream.add(line)
    whole = path.read_bytes()
    kept = whole[: max(0, len(whole) - cut)]
    path.write_bytes(kept)
    complete = lines[: kept.count(b"\n")]
    assert rf.read_queries(folder) == {(line.id, line.trial): line for line in complete}
    with Lines[rr.QueryLine](path, rf.line_text) as stream:
        for line in lines[len(complete) :]:
            stream.add(line)
    assert path.read_bytes() == whole


def test_the_last_line_about_a_question_counts(tmp_path: Path) -> None:
    with Lines[rr.OutcomeLine](tmp_path / rf.OUTCOMES, rf.line_text) as stream:
        stream.add(rr.OutcomeLine("7", 0, "error", reason="first"))
        stream.add(rr.OutcomeLine("7", 1, "answered", [None, 1.5, "x"]))
        stream.add(rr.OutcomeLine("7", 0, "timeout", reason="second"))
    found = rf.read_outcomes(tmp_path)
    assert found["7", 0].reason == "second"
    assert found["7", 1].answer == [None, 1.5, "x"]


def test_a_trace_holds_any_object(tmp_path: Path) -> None:
    with Lines[dict[str, object]](tmp_path / rf.TRACE, rf.line_text) as stream:
        stream.add({"id": "1", "tool": "search_values", "step": 0})
    assert list(rf.read_trace(tmp_path)) == [{"id": "1", "tool": "search_values", "step": 0}]


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "a b", "x" * 101])
def test_an_id_names_a_folder_and_nothing_above_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot name a run"):
        rf.run_path(tmp_path, name)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not written by a run"),
        ("[" * 5000, "not written by a run"),
        ('{"id": 3}', "not written by a run"),
    ],
)
def test_a_damaged_run_is_named(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / rf.RUN).write_text(content)
    with pytest.raises(RecordError, match=said) as error:
        rf.read_run(tmp_path)
    assert rf.RUN in str(error.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"EX"', '"EXx"'),
        ('"overall"', '"all"'),
        ('"modality"', '"x"'),
        ('"value"', '"v"'),
        ('"right":', '"right": "x", "r":'),
        ('"parser":', '"parsers":'),
        ('"low":', '"low":"x","l":'),
        ('"soft_f1":100.0', '"soft_f1":"x"'),
    ],
)
def test_a_damaged_summary_is_named(tmp_path: Path, old: str, new: str) -> None:
    rf.write_scores(tmp_path, Scores("paper", a_summary(), ()))
    path = tmp_path / rf.SCORES
    assert rf.read_scores(tmp_path) is not None
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(RecordError, match="not written by a run of ehrxqa") as error:
        rf.read_scores(tmp_path)
    assert str(path) in str(error.value)


def test_another_format_and_a_missing_run_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="is this the folder of a run"):
        rf.read_run(tmp_path)
    rf.write_run(tmp_path, replace(RUN, format=99))
    with pytest.raises(RecordError, match="another version of ehrxqa"):
        rf.read_run(tmp_path)


def test_a_line_of_others_is_named_with_its_number(tmp_path: Path) -> None:
    (tmp_path / rf.OUTCOMES).write_text('{"id": "1", "trial": 0, "outcome": "answered"}\n{"id": 1}\n')
    with pytest.raises(RecordError, match="line 2"):
        rf.read_outcomes(tmp_path)


def test_costs_add_up() -> None:
    assert rr.Cost(1, 2, 3, 4, 0.5) + rr.Cost(1, money=0.25) == rr.Cost(2, 2, 3, 4, 0.5, 0.25)


def test_what_no_json_reader_takes_becomes_a_text(tmp_path: Path) -> None:
    with Lines[rr.OutcomeLine](tmp_path / rf.OUTCOMES, rf.line_text) as stream:
        stream.add(rr.OutcomeLine("1", 0, "answered", [10**30, "cut \ud83d", 2.5]))
    assert rf.read_outcomes(tmp_path)["1", 0].answer == [str(10**30), "cut ?", 2.5]
