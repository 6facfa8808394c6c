"""The seven tools: what they answer, what they refuse, what they count, and what never comes out of them."""

from __future__ import annotations

import json
import shutil
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ehrxqa.agents.answer_key import hidden_tables, visible_question
from ehrxqa.agents.budget import Budget, BudgetUsedUp
from ehrxqa.agents.calling import TOOLS, as_json, call, said_of
from ehrxqa.agents.opened import Build, open_build
from ehrxqa.agents.slices import cut
from ehrxqa.agents.tools import Tools
from ehrxqa.agents.trace import Trace, shortened
from ehrxqa.errors import BuildError, EhrxqaError, RecordError, SettingsError, VqaError
from ehrxqa.layout import database_path
from ehrxqa.sql.errors import Denied, QuestionLimit
from ehrxqa.vqa.constant import ConstantModel
from ehrxqa.vqa.models import ABSTAIN, VqaReply
from hostile_corpus import CANARY, CORPUS


@pytest.fixture
def tools(opened: Build) -> Tools:
    return Tools(opened)


def ids(opened: Build) -> list[str]:
    return [str(study) for study in sorted(opened.studies)]


def test_tables_are_described_in_words_and_the_answer_key_is_not_among_them(tools: Tools) -> None:
    found = tools.describe_tables()
    assert len(found.tables) == 18
    assert "tb_cxr_plus" not in json.dumps(as_json(found))
    assert all(table.about and all(column.about for column in table.columns) for table in found.tables)
    (admissions,) = tools.describe_tables(["ADMISSIONS"]).tables
    by_name = {column.name: column for column in admissions.columns}
    assert by_name["subject_id"].key == "patients.subject_id"
    assert by_name["insurance"].examples == ["medicare"]
    assert by_name["hadm_id"].examples == [] == by_name["admittime"].examples
    (labs,) = tools.describe_tables(["labevents"]).tables
    told = {column.name: column.about for column in labs.columns}
    assert "unit" in told["valuenum"]
    assert "m" in by_text(tools, "patients", "gender")
    with pytest.raises(SettingsError, match="there is no table 'tb_cxr_plus'"):
        tools.describe_tables(["tb_cxr_plus"])


def by_text(tools: Tools, table: str, name: str) -> str:
    (found,) = tools.describe_tables([table]).tables
    return next(column.about for column in found.columns if column.name == name)


def test_a_database_of_another_schema_is_said(agent_out: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    apsw.Connection(str(other)).execute("CREATE TABLE tb_cxr (study_id, subject_id, image_id)")
    with open_build(agent_out, database=other) as build, pytest.raises(BuildError, match="table tb_cxr cannot be"):
        Tools(build).describe_tables()


def test_values_are_found_as_the_database_spells_them(tools: Tools) -> None:
    assert tools.search_values("Creatinine").values[0].value == "creatinine"
    assert tools.search_values("aspirn", "prescriptions").values[0].value == "aspirin"
    assert tools.search_values("pneumonia").values[0].column == "d_icd_diagnoses.long_title"
    assert tools.search_values(CANARY).values == []
    with pytest.raises(SettingsError, match="not searched"):
        tools.search_values("x", "tb_cxr_plus.attribute")


def test_queries_give_rows_and_are_cut(tools: Tools) -> None:
    found = tools.run_sql("select subject_id, gender from patients order by 1", limit=2)
    assert (found.columns, len(found.rows), found.total, found.cut) == (["subject_id", "gender"], 2, 6, True)
    whole = tools.run_sql("select printf('%.*c', 5000, 'x')")
    assert whole.cut
    assert len(str(whole.rows[0][0])) == 1001
    assert tools.run_sql("select x'0aff'").rows == [["x'0aff'"]]
    assert tools.run_sql("select 9e999").rows == [["inf"]]
    with pytest.raises(Denied, match="answer key"):
        tools.run_sql("select * from tb_cxr_plus")
    assert tools.trace.calls[-1].outcome == "refused"


def test_queries_that_ask_images_are_counted_and_bounded(opened: Build) -> None:
    number = len(opened.studies)
    tools = Tools(opened, Budget(image_questions=number + 3))
    query = 'select count(*) from tb_cxr where func_vqa("is there {}?", study_id)'
    assert tools.run_sql(query.format("pneumonia")).image_questions == number
    assert tools.trace.spent.image_questions == number
    with pytest.raises(QuestionLimit):
        tools.run_sql(query.format("atelectasis"))
    assert tools.run_sql("select 1").rows == [[1]]


def test_studies_come_in_the_order_of_time(tools: Tools, opened: Build) -> None:
    subject = next(iter(opened.studies.values()))[0]
    all_of_them = tools.list_studies(subject).studies
    assert [study.time for study in all_of_them] == sorted(study.time for study in all_of_them)
    assert all(study.study_id.isdigit() for study in all_of_them)
    before = tools.list_studies(str(subject), all_of_them[1].time).studies
    assert before == all_of_them[:1]
    assert tools.list_studies(1).studies == []


def chunks(png: bytes) -> list[bytes]:
    at, found = 8, []
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        found.append(png[at + 4 : at + 8])
        at += 12 + length
    return found


def test_pictures_are_pixels_and_nothing_else(tools: Tools, opened: Build) -> None:
    for study in ids(opened)[:4]:
        picture = tools.show_image(study, side=128)
        assert (picture.width, picture.height) == (96, 128)
        assert set(chunks(picture.png)) == {b"IHDR", b"IDAT", b"IEND"}
        assert CANARY.encode() not in picture.png
    large = tools.show_image(ids(opened)[0], side=1024)
    assert (large.width, large.height) == (300, 400)


def test_a_missing_or_damaged_picture_names_no_folder(agent_out: Path, images: Path, tmp_path: Path) -> None:
    with open_build(agent_out, images=tmp_path) as build:
        tools = Tools(build)
        with pytest.raises(VqaError, match="is not there") as caught:
            tools.show_image(ids(build)[0])
        assert str(tmp_path) not in str(caught.value)
        subject, image = build.studies[int(ids(build)[0])]
        from ehrxqa.layout import image_path

        path = tmp_path / "files" / image_path(subject, int(ids(build)[0]), image)
        path.parent.mkdir(parents=True)
        path.write_bytes(b"\xff\xd8\xff no picture")
        with pytest.raises(VqaError, match="cannot be read"):
            tools.show_image(ids(build)[0])
    with open_build(agent_out) as build, pytest.raises(SettingsError, match="no pictures here"):
        Tools(build).show_image(ids(build)[0])


def test_images_are_asked_and_the_model_may_decline(tools: Tools, opened: Build) -> None:
    studies = ids(opened)[:3]
    found = tools.ask_image("Is there pneumonia?", studies)
    assert [each.study_id for each in found.answers] == studies
    assert {tuple(each.answer or ()) for each in found.answers} <= {("yes",), ("no",)}
    listed = tools.ask_image("list all abnormality.", studies).answers
    assert all(each.answer is not None for each in listed)
    assert CANARY not in str(listed)
    assert tools.trace.spent.image_questions == 6
    assert tools.trace.calls[-1].studies == tuple(map(int, studies))
    with pytest.raises(VqaError, match="not understood"):
        tools.ask_image("what do you think?", studies)
    with pytest.raises(SettingsError, match="there is no study 7"):
        tools.ask_image("is there pneumonia?", ["7"])


def test_a_model_that_abstains_and_no_model_at_all(agent_out: Path) -> None:
    with open_build(agent_out, vision="constant:abstain") as build:
        assert ConstantModel(None, []).answer([]) == []
        (answer,) = Tools(build).ask_image("is there pneumonia?", ids(build)[:1]).answers
        assert (answer.answer, answer.reason) == (None, "the model abstains")
        assert ABSTAIN is not None
    with open_build(agent_out, vision=None) as build:
        with pytest.raises(SettingsError, match="no vision model"):
            Tools(build).ask_image("is there pneumonia?", ids(build)[:1])
        assert Tools(build).run_sql("select 1").total == 1


@pytest.mark.parametrize(
    ("given", "outcome", "answer"),
    [
        ({"answer": ["m", 2.5]}, "answered", ["m", 2.5]),
        ({"answer": []}, "answered", []),
        ({"query": "select count(*) from patients"}, "answered", [6]),
        ({"query": "select * from tb_cxr_plus"}, "error", None),
        ({"query": "null"}, "abstained", None),
        ({"query": "select 1, 2"}, "answered", [[1, 2]]),
        ({"abstain": True}, "abstained", None),
    ],
)
def test_one_answer_is_handed_in(tools: Tools, given: dict[str, Any], outcome: str, answer: Any) -> None:
    done = tools.submit_answer(**given)
    assert (done.outcome, done.answer) == (outcome, answer)
    assert bool(done.reason) == ("query" in given and outcome != "answered")
    with pytest.raises(SettingsError, match="already"):
        tools.submit_answer(abstain=True)
    with pytest.raises(SettingsError, match="the episode is over"):
        tools.run_sql("select 1")


@pytest.mark.parametrize("given", [{}, {"answer": [1], "query": "select 1"}, {"answer": [], "abstain": True}])
def test_what_is_handed_in_is_one_thing(tools: Tools, given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="hand in one of"):
        tools.submit_answer(**given)
    assert tools.trace.submission is None


@pytest.mark.parametrize(
    ("budget", "steps", "what"),
    [
        (Budget(calls=2), [("run_sql", {"query": "select 1"})] * 2, "calls"),
        (Budget(calls=2), [("fly", {}), ("run_sql", {})], "calls"),
        (Budget(rows=6), [("run_sql", {"query": "select 1 from patients"})], "rows"),
        (Budget(pictures=0), [], "pictures"),
        (Budget(image_questions=0), [], "image_questions"),
    ],
)
def test_budgets_end_an_episode_but_not_its_answer(
    opened: Build, budget: Budget, steps: list[tuple[str, dict[str, Any]]], what: str
) -> None:
    tools = Tools(opened, budget)
    for name, arguments in steps:
        try:
            call(tools, name, arguments)
        except BudgetUsedUp:
            raise
        except EhrxqaError:
            pass
    study = ids(opened)[0]
    last = {
        "pictures": ("show_image", {"study_id": study}),
        "image_questions": ("ask_image", {"question": "is there pneumonia?", "studies": [study]}),
    }.get(what, ("run_sql", {"query": "select 1"}))
    with pytest.raises(BudgetUsedUp, match=what.replace("_", " ")):
        call(tools, *last)
    assert tools.trace.calls[-1].outcome == "used-up"
    assert call(tools, "submit_answer", {"answer": [1]}).outcome == "answered"


def test_whoever_calls_on_and_on_is_not_kept_track_of(opened: Build) -> None:
    tools = Tools(opened, Budget(calls=2))
    for _ in range(500):
        with suppress(EhrxqaError):
            tools.run_sql("select 1")
        with suppress(EhrxqaError):
            tools.submit_answer()
    assert len(tools.trace.calls) <= 102
    assert tools.submit_answer(answer=[1]).outcome == "answered"
    assert tools.trace.submission is not None


def test_seconds_and_tokens_end_an_episode(opened: Build) -> None:
    now = [0.0]
    tools = Tools(opened, Budget(seconds=5, tokens=100), clock=lambda: now[0])
    tools.run_sql("select 1")
    tools.trace.spent.tokens = 100
    with pytest.raises(BudgetUsedUp, match="100 tokens"):
        tools.run_sql("select 1")
    tools.trace.spent.tokens = 0
    now[0] = 6.0
    with pytest.raises(BudgetUsedUp, match="5 seconds"):
        tools.run_sql("select 1")


def test_a_trace_is_saved_and_read_again(tools: Tools, opened: Build) -> None:
    tools.ask_image("is there pneumonia?", ids(opened)[:2])
    with pytest.raises(EhrxqaError):
        call(tools, "run_sql", {"query": "select \ud800", "more": ["\ud800"] * 99})
    tools.submit_answer(query="select 1")
    text = json.dumps(tools.trace.record())
    assert Trace.of(json.loads(text)) == tools.trace
    with pytest.raises(RecordError, match="another version"):
        Trace.of({"format": 0})
    with pytest.raises(RecordError, match="no trace"):
        Trace.of({"format": 1, "budget": 7})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each),
)


@given(JSON)
def test_whatever_is_given_can_be_noted(value: Any) -> None:
    json.dumps(shortened(value), ensure_ascii=False).encode()


@given(st.sampled_from([*TOOLS, "", "__class__"]), JSON)
def test_random_arguments_are_refused_in_one_line(opened: Build, name: str, arguments: Any) -> None:
    tools, said = Tools(opened), ""
    try:
        call(tools, name, arguments)
    except EhrxqaError as error:
        said = said_of(error)
    assert "\n" not in said
    assert len(said) < 600
    (noted,) = tools.trace.calls
    assert bool(said) == (noted.outcome != "answered")


def test_schemas_of_arguments_are_plain_objects() -> None:
    assert list(TOOLS) == [
        "describe_tables", "search_values", "run_sql", "list_studies", "show_image", "ask_image", "submit_answer",
    ]  # fmt: skip
    for tool in TOOLS.values():
        assert tool.schema["type"] == "object"
        assert tool.schema["additionalProperties"] is False
        assert "$ref" not in json.dumps(tool.schema)
        assert all("description" in each for each in tool.schema["properties"].values())
        assert tool.description


class Talkative:
    """Reads any text."""

    name, version, batch_size = "talkative", "1", 2

    def __init__(self, context):
        pass

    def answer(self, requests):
        if any("broken" in request.text for request in requests):
            raise VqaError("no picture at /secret/path")
        return [VqaReply((request.text.split()[0],) if request.question is None else True, 0.5) for request in requests]


def test_a_model_that_reads_is_asked_anything(agent_out: Path) -> None:
    with open_build(agent_out, vision=f"python:{__name__}:Talkative") as build:
        tools = Tools(build)
        assert [each.answer for each in tools.ask_image("what hides there?", ids(build)[:3]).answers] == [["what"]] * 3
        assert tools.ask_image("is there pneumonia?", ids(build)[:1]).answers[0].confidence == 0.5
        found = tools.ask_image("broken?", ids(build)[:3]).answers
        assert [each.answer for each in found] == [None] * 3
        assert "/secret" not in str(found)


def test_one_place_says_what_a_front_end_may_show() -> None:
    record = {"id": 1, "split": "test", "question": "?", "answer": [1], "query": "select 1", "value": {}, "tag": "x"}
    assert visible_question(record, "model") == {"id": 1, "split": "test", "question": "?"}
    assert visible_question(record, "person") == record
    assert hidden_tables("model") == hidden_tables("person") == {"tb_cxr_plus"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"split": "dev"}, "is not one of"),
        ({"images": "nowhere"}, "no such folder"),
        ({"database": "nowhere.db"}, "no such database"),
        ({"vision": "crystal ball"}, "crystal ball"),
    ],
)
def test_what_cannot_be_opened_is_said(agent_out: Path, arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsError, match=says), open_build(agent_out, **arguments):
        pass


def everything(build: Build) -> str:
    """What the tools say without asking an image: tables, values, studies, pictures, and all queries of the corpus."""
    said: list[Any] = [as_json(Tools(build).describe_tables())]
    for text in ("pneumonia", "lung opacity", "left lung", "disease", "ap", CANARY, "hypertension", "1"):
        said.append(as_json(Tools(build).search_values(text, limit=100)))
    for subject in sorted({subject for subject, _ in build.studies.values()}):
        said.append(as_json(Tools(build).list_studies(subject)))
    for study in sorted(build.studies):
        said.append(as_json(Tools(build).show_image(study, side=64)))
    for attack in CORPUS:
        if attack.outcome != "timeout" and "julianday" not in attack.query:
            try:
                said.append([attack.line, Tools(build).run_sql(attack.query).rows])
            except EhrxqaError as error:
                said.append([attack.line, said_of(error)])
    return json.dumps(said)


def test_nothing_but_image_questions_depends_on_the_answer_key(agent_out: Path, images: Path, tmp_path: Path) -> None:
    """Two databases that differ in their labels alone are the same to every tool but those that ask images."""
    turned = tmp_path / "turned.db"
    shutil.copy(database_path(agent_out, "test"), turned)
    db = apsw.Connection(str(turned))
    db.execute("UPDATE tb_cxr_plus SET relation = 1 - relation, attribute = 'x' || attribute, ct_ratio = 0.9")
    db.execute("DELETE FROM tb_cxr_plus WHERE row_id % 3 = 0")
    db.close()
    with (
        open_build(agent_out, vision=None, images=images) as build,
        open_build(agent_out, vision=None, images=images, database=turned) as other,
    ):
        assert everything(build) == everything(other)
        study = ids(build)[0]
        slices = [cut(path.database, tmp_path / name).path.read_bytes() for path, name in ((build, "a"), (other, "b"))]
    assert slices[0] == slices[1]
    query = f'select func_vqa("list all abnormality.", study_id) from tb_cxr where study_id = {study}'
    seen = []
    for database in (None, turned):
        with open_build(agent_out if database is None else tmp_path, database=database) as build:
            seen.append(Tools(build).run_sql(query).rows)
    assert seen[0] != seen[1]  # and the labels do differ
