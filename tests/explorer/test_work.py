"""The pages for working: Ask, runs, audit, quiz."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from asking import Client, links_of, served

from ehrxqa.auditing.audit import audit
from ehrxqa.auditing.audit_rules import AUDIT_RULES
from ehrxqa.explorer.data_audit import FLAG_WORDS
from ehrxqa.explorer.library import open_library
from ehrxqa.explorer.state import Explorer, open_explorer
from ehrxqa.models.run import run
from ehrxqa.neuralsql.query import query


@pytest.fixture(scope="module")
def copy(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build that may be written to, with two runs."""
    out = tmp_path_factory.mktemp("work") / "ehrxqa"
    shutil.copytree(folder / "ehrxqa", out)
    run(out, parser="gold", vision="oracle", name="all-right", workers=1)
    run(out, parser="gold", vision="constant:no", name="sees-nothing", workers=1)
    return out


@pytest.fixture(scope="module")
def own(copy: Path, folder: Path) -> Explorer:
    return open_explorer(open_library(copy, folder / "hospital"))


@pytest.fixture(scope="module")
def work(own: Explorer):
    with served(own) as client:
        yield client


def test_ask_gives_the_rows_of_query_with_pictures(site: Client, library):
    sql = 'select study_id from tb_cxr where func_vqa("is there any abnormality?", study_id) = true'
    wanted = query(library.databases["test"], sql)
    result = site.get("/ask.json?base=test&sql=" + quote(sql)).json["result"]
    assert result["total"] == len(wanted.rows)
    assert [tuple(row) for row in result["rows"]] == wanted.rows[: len(result["rows"])]
    assert result["questions"][0]["asked"] == wanted.questions[0].asked
    page = site.get("/ask?base=test&sql=" + quote(sql)).text
    for study in result["studies"][:3]:
        assert f"/thumbnail/{study['image_id']}.jpg" in page


def test_ask_says_where_a_query_is_wrong(site: Client):
    result = site.get("/ask.json?sql=" + quote("select subject_id\nfrom tb_cxr where x = 'y")).json["result"]
    assert (result["kind"], result["line"], result["column"]) == ("QuerySyntaxError", 2, 23)


def test_the_schema_leaves_the_answer_key_out(site: Client):
    tables = site.get("/schema.json").json
    assert "tb_cxr" in tables
    assert "tb_cxr_plus" not in tables
    assert "One row" in site.get("/ask").text


def test_every_number_of_a_run_opens_as_many_questions(work: Client, own: Explorer):
    page = work.get("/runs/sees-nothing").text
    found = 0
    for link, text in re.findall(r'<a href="(/questions\?[^"]+)">([\d,]+)</a>', page):
        listing = work.get(unescape(link).replace("/questions?", "/questions.json?")).json
        assert listing["total"] == int(text.replace(",", "")), link
        found += 1
    assert found > 10
    for link, text in re.findall(r'<a href="(/questions\?[^"]+)">([\d,]+)</a>', work.get("/runs").text):
        assert work.get(unescape(link).replace("/questions?", "/questions.json?")).json["total"] == int(text)


def test_comparing_two_runs(work: Client, copy: Path):
    page = work.get("/compare?a=all-right&b=sees-nothing").text
    scores = {
        name: {s["id"]: s["value"] for s in json.loads((copy / "runs" / name / "scores.json").read_text())["questions"]}
        for name in ("all-right", "sees-nothing")
    }
    lost = sum(1 for key, value in scores["all-right"].items() if value == 1 and scores["sees-nothing"][key] < 1)
    assert lost
    counted = 0
    for link, text in re.findall(r'<a href="(/questions\?[^"]+)">([\d,]+)</a>', page):
        total = work.get(unescape(link).replace("/questions?", "/questions.json?")).json["total"]
        assert total == int(text)
        if "run.all-right=correct" in link and "run.sees-nothing=correct" not in link:
            counted += total
    assert counted == lost
    assert work.get("/compare?a=all-right&b=none").status == 404


def test_a_question_shows_what_each_run_answered_and_whose_fault_it_was(work: Client, copy: Path):
    scores = json.loads((copy / "runs/sees-nothing/scores.json").read_text())["questions"]
    wrong = next(score for score in scores if score["fault"] == "vision")
    value = work.get(f"/question/test/{wrong['id']}.json").json["runs"]
    assert [(answer["id"], answer["fault"]) for answer in value] == [("all-right", "right"), ("sees-nothing", "vision")]
    page = work.get(f"/question/test/{wrong['id']}").text
    assert "f-vision" in page
    assert any(link == "/runs/sees-nothing" for _, link in links_of(page))


def test_what_an_agent_did_is_shown(work: Client, copy: Path):
    scores = json.loads((copy / "runs/all-right/scores.json").read_text())["questions"]
    call = {
        "tool": "run_sql", "arguments": {"query": "select <b> from t"}, "outcome": "refused", "said": "no such table",
        "rows": 2, "image_questions": 1, "pictures": 0, "studies": [], "seconds": 0.25,
    }  # fmt: skip
    trace = copy / "runs/all-right/trace.jsonl"
    lines = [{"id": scores[0]["id"], "trial": 0, "calls": [call]}, {"id": "other", "trial": 0, "calls": []}]
    trace.write_text("".join(json.dumps(line) + "\n" for line in lines))
    page = work.get(f"/question/test/{scores[0]['id']}").text
    assert "1 call of tools" in page
    assert "select &lt;b&gt; from t" in page
    assert "refused, 2 rows, 1 image question, 0.25 s: no such table" in page
    value = work.get(f"/question/test/{scores[0]['id']}.json").json["runs"]
    assert [call["tool"] for call in value[0]["calls"]] == ["run_sql"]
    trace.write_text("{")
    assert work.get(f"/question/test/{scores[0]['id']}").status == 200
    trace.unlink()


def test_a_new_run_is_seen_and_a_damaged_one_is_said(work: Client, copy: Path):
    shutil.copytree(copy / "runs/all-right", copy / "runs/later")
    text = (copy / "runs/later/run.json").read_text().replace('"id": "all-right"', '"id": "later"')
    (copy / "runs/later/run.json").write_text(text)
    assert "/runs/later" in work.get("/runs").text
    (copy / "runs/later/scores.json").write_text("{")
    page = work.get("/runs").text
    assert "not written by a run" in page
    assert work.get("/runs/later").status == 404
    shutil.rmtree(copy / "runs/later")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Path, "iterdir", _denied)
        assert "runs: cannot be used (Permission denied)" in work.get("/runs").text
    assert "later" not in work.get("/runs").text


def _denied(path: Path) -> list[Path]:
    raise PermissionError(13, "Permission denied", str(path))


def test_verdicts_are_kept(work: Client, own: Explorer, copy: Path, folder: Path):
    item = own.index.items[0]
    assert work.post(f"/audit/{item.split}/{item.id}", "verdict=rejected&comment=two+answers+%3Cb%3E").status == 303
    assert work.post(f"/audit/{item.split}/{item.id}", "verdict=accepted&comment=").status == 303
    assert work.post(f"/audit/{item.split}/{item.id}", "verdict=commented&comment=+").status == 400
    assert work.post(f"/audit/{item.split}/{item.id}", "verdict=deleted&comment=x").status == 400
    lines = [json.loads(line) for line in (copy / "errata.jsonl").read_text().splitlines()]
    assert [(line["split"], line["id"], line["verdict"]) for line in lines] == [
        (item.split, item.id, "rejected"), (item.split, item.id, "accepted"),
    ]  # fmt: skip
    assert lines[0]["comment"] == "two answers <b>"
    assert work.get("/questions.json?flagged=accepted").json["total"] == 1
    assert work.get("/questions.json?flagged=rejected").json["total"] == 0
    again = open_explorer(open_library(copy))
    erratum = again.audit.erratum(item)
    assert erratum is not None
    assert erratum.verdict == "accepted"


def test_golds_that_rest_on_chance_are_flagged(copy: Path, tmp_path: Path):
    out = tmp_path / "ehrxqa"
    shutil.copytree(copy, out)
    manifest = json.loads((out / "manifest.json").read_text())
    del manifest["stages"]["questions"]  # they are changed below
    (out / "manifest.json").write_text(json.dumps(manifest))
    path = out / "dataset/_test.json"
    records = json.loads(path.read_text())
    records[0]["_gold_program"] = "select patients.subject_id from patients limit 1"
    records[1]["_gold_program"] = "select nothing from patients"
    path.write_text(json.dumps(records))
    path = out / "dataset/test.json"
    records = json.loads(path.read_text())
    records[2]["answer"] = ["something else"]
    path.write_text(json.dumps(records))
    explorer = open_explorer(open_library(out))
    with served(explorer) as client:
        assert client.post("/audit", "").status == 303
        explorer.audit.check_all()
        page = client.get("/audit").text
        assert "limit-without-order" in page
        assert client.get("/questions.json?flagged=limit-without-order").json["total"] == 1
        assert client.get("/questions.json?flagged=fails").json["total"] == 1
        assert client.get("/questions.json?flagged=other-answer").json["total"] == 2  # of what has no order, too
        tags = re.findall(r'<a class="tag" href="(/audit\?only=[^"]+)"[^>]*>[a-z-]+ ([\d,]+)</a>', page)
        assert len(tags) >= 4
        for link, text in tags:
            assert client.get(link).text.count("data-item>") == int(text), link
        assert "There is no such page." in client.get("/nowhere").text
        assert FLAG_WORDS["limit-without-order"] in client.get(f"/question/test/{records[0]['id']}").text
        said = _findings(explorer)
    report = audit(out / "dataset/_test.json", out, workers=1)
    assert {rule for _, _, rule in said} >= {"limit-without-order", "fails", "other-answer"}
    assert said == {(each.split, each.id, each.rule) for each in report.findings}
    assert set(FLAG_WORDS) == set(AUDIT_RULES)


def _findings(explorer: Explorer) -> set[tuple[str, str, str]]:
    """Split, id and rule of all that the audit page lists about the test questions."""
    return {
        (finding.split, finding.id, finding.rule)
        for row in explorer.audit.rows()
        for finding in row.findings
        if finding.split == "test"
    }


def test_the_quiz_judges_a_click_by_the_boxes(site: Client, explorer: Explorer, library):
    kinds = set()
    for number in range(40):
        item = explorer.quiz.item(number)
        assert item is not None
        present = {f.attribute: f.object for f in library.findings(library.by_image[item.view.study.image_id])}
        there = item.attribute in present
        kinds.add(there)
        assert ("Right." in site.post(f"/quiz/{number}", "absent=1").text) == (not there)
        revealed = explorer.quiz.reveal(number, None)
        assert revealed is not None
        assert bool(revealed.boxes) == there
        for box in revealed.boxes[:1]:
            x = (box.x1 + box.x2) / 2 / item.view.width
            y = (box.y1 + box.y2) / 2 / item.view.height
            text = site.post(f"/quiz/{number}", f"part_x={x}&part_y={y}&right=2&asked=4").text
            assert "Right." in text
            assert "3 of 5 right" in text
            pixel = 344 / item.view.width  # without script: pixels of the picture as it is shown
            place = f"place.x={x * item.view.width * pixel}&place.y={y * item.view.height * pixel}&part_x=&part_y="
            assert "Right." in site.post(f"/quiz/{number}", place).text
    assert kinds == {True, False}
    for body in ("", "part_x=2&part_y=0", "part_x=nan&part_y=0", "place.x=a&place.y=b"):
        assert site.post("/quiz/1", body).status == 400, body
