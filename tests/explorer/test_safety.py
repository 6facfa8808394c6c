"""What strangers may try: other names, other sites, paths, parameters, SQL. And nothing gets through."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from asking import Client, served

from ehrxqa.explorer.data_ask import LIMITS as ASK_LIMITS
from ehrxqa.explorer.data_ask import AskBox
from ehrxqa.explorer.library import open_library
from ehrxqa.explorer.safety import CONTENT_SECURITY_POLICY, MOST_BODY_BYTES, is_loopback
from ehrxqa.explorer.state import Explorer, open_explorer
from hostile_corpus import CANARY, CORPUS, LIMITS, make_target

TRAVERSALS = [
    "../../../../etc/passwd", "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "....//....//etc/passwd",
    "..\\..\\etc\\passwd", "/etc/passwd", "%00", "x%00.jpg", "%252e%252e%252fetc%252fpasswd", "..;/..;/etc/passwd",
    "file:///etc/passwd", "~root", "C:\\windows\\win.ini", "%c0%ae%c0%ae/etc/passwd", "manifest.json", "." * 300,
]  # fmt: skip
SQL = [
    "select * from tb_cxr_plus",
    'select * from "TB_CXR_PLUS"',
    "select * from main.tb_cxr_plus",
    "select load_extension('x')",
    "attach database '/etc/passwd' as x",
    "select readfile('/etc/passwd')",
    "select writefile('/tmp/x', 'y')",
    "pragma table_info(tb_cxr)",
    "select * from pragma_database_list",
    "select sql from sqlite_schema",
    "select * from sqlite_master",
    "select * from sqlite_dbpage",
    "insert into patients values (1)",
    "delete from patients",
    "drop table patients",
    "update patients set gender = 'x'",
    "create table x (y)",
    "vacuum into '/tmp/x.db'",
    "begin; drop table patients; commit",
    "select 1; select 2",
    "explain select 1",
    "with recursive r(x) as (select 1 union all select x + 1 from r) select count(*) from r",
    "select count(*) from labevents a, labevents b, labevents c, labevents d",
    "select zeroblob(1000000000)",
    "select randomblob(1000000000)",
    "select group_concat(hex(zeroblob(50000))) from labevents",
    "select printf('%.*c', 100000000, 'x')",
    "select " + "1+" * 9000 + "1",
    "select * from labevents where " + " or ".join(["1"] * 3000),
    "select 'unclosed",
    "select func_vqa('is there pneumonia?')",
    "select func_vqa('; drop table patients', study_id) from tb_cxr",
    'select func_vqa("select * from tb_cxr_plus", study_id) from tb_cxr',
    "select ehrxqa_truth(0, 1)",
    "select <script>alert(1)</script>",
    "\x00select 1",
    "select char(55357) || char(0)",
    "x" * 30_000,
]
#: Odd, but harmless.
ODD = [
    "select x'00ff'",
    "select 9e999",
    "values (1)",
]
MARKUP = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


@pytest.fixture(scope="module")
def hasty(explorer: Explorer) -> Iterator[Client]:
    """The Ask box with the limits that it has, but for one second instead of ten."""
    assert ASK_LIMITS.seconds <= 10
    box = AskBox(explorer.library, replace(ASK_LIMITS, seconds=1.0))
    with served(replace(explorer, asking=box)) as client:
        yield client


def test_other_names_of_this_machine_are_not_answered(site: Client):
    port = site.port
    names = [
        "evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}", f"127.0.0.1.evil.example:{port}",
        f"localhost.evil.example:{port}", "", f"0.0.0.0:{port}", f"127.0.0.1:{port}.", f"user@127.0.0.1:{port}",
        f"127.0.0.1:{port}@evil.example", f"2130706433:{port}", f"[::ffff:127.0.0.1]:{port}", f"0x7f.1:{port}",
    ]  # fmt: skip
    for name in names:
        assert site.get("/", Host=name).status in (400, 421), name
        assert site.get("/question/test/0", Host=name).status in (400, 421), name
    assert site.get("/", Host=f"LOCALHOST:{port}").status == 200


def test_forms_of_other_sites_are_not_taken(site: Client, explorer: Explorer):
    item = explorer.index.items[0]
    path, body = f"/audit/{item.split}/{item.id}", b"verdict=rejected&comment=x"
    for origin in (
        "http://evil.example",
        "null",
        f"http://127.0.0.1:{site.port + 1}",
        f"https://127.0.0.1:{site.port}",
    ):
        assert site.ask(path, "POST", body, Origin=origin).status == 403, origin
    assert site.ask(path, "POST", body).status == 403  # without any origin
    assert explorer.audit.erratum(item) is None


def test_other_methods_and_large_forms_are_refused(site: Client):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "X"):
        assert site.ask("/", method).status in (400, 405), method
    large = b"comment=" + b"x" * MOST_BODY_BYTES
    assert site.ask("/audit", "POST", large, Origin=site.base).status == 413
    assert site.ask("/audit", "POST", None, Origin=site.base).status == 413  # says no length
    assert site.ask("/ask", "POST", b"", Origin=site.base).status == 405


def test_no_part_of_a_request_is_part_of_a_path(site: Client):
    for path in TRAVERSALS:
        for place in ("/", "/static/", "/picture/", "/thumbnail/", "/image/", "/question/test/", "/runs/"):
            for end in ("", ".jpg") if place in ("/picture/", "/thumbnail/") else ("",):
                answer = site.get(place + quote(path, safe="/%.;:\\~").replace("\\", "%5C") + end)
                assert answer.status in (400, 404, 405), place + path
                assert b"root:" not in answer.content


@pytest.mark.parametrize("sql", SQL, ids=range(len(SQL)))
def test_hostile_sql_is_refused_or_ended(hasty: Client, sql: str):
    started = time.monotonic()
    answer = hasty.get("/ask.json?sql=" + quote(sql.encode("utf-8", "replace")))
    assert time.monotonic() - started < 20
    assert answer.status == 200
    result = answer.json["result"]
    assert "kind" in result, sql[:60]  # never rows
    refusals = ("Denied", "SqlError", "QuerySyntaxError", "CallError", "TimeLimit", "MemoryLimit", "RowLimit")
    assert result["kind"] in refusals


@pytest.mark.parametrize("sql", ODD, ids=range(len(ODD)))
def test_odd_values_are_shown(site: Client, sql: str):
    page = site.get("/ask?sql=" + quote(sql))
    assert page.status == 200
    assert "1 row" in page.text
    value = site.get("/ask.json?sql=" + quote(sql))
    assert value.status == 200
    assert value.json["result"]["total"] == 1


def test_the_corpus_of_attacks_through_the_ask_box(folder: Path, tmp_path: Path):
    out = tmp_path / "ehrxqa"
    shutil.copytree(folder / "ehrxqa", out)
    database = out / "database/test/mimic_iv_cxr.db"
    make_target(folder / "ehrxqa/database/test/mimic_iv_cxr.db", database)
    before = hashlib.sha256(database.read_bytes()).hexdigest()
    library = open_library(out)
    explorer = replace(open_explorer(library), asking=AskBox(library, LIMITS))
    ended = Counter()
    with served(explorer) as client:
        for number, attack in enumerate(CORPUS):
            path = "/ask" if number % 5 == 0 else "/ask.json"
            address = f"{path}?base=test&sql=" + quote(attack.query.encode("utf-8", "replace"))
            try:
                answer = client.get(address)
            except ConnectionError:
                assert len(address) > 64_000, attack.line  # longer than an address may be: the server hangs up
                continue
            if answer.status == 400 and len(address) > 64_000:
                continue
            assert answer.status == 200, attack.line
            assert CANARY not in answer.text.replace(CANARY if CANARY in attack.query else "", ""), attack.line
            if path == "/ask.json":
                result = answer.json["result"] or {"kind": "no query"}
                kind = result.get("kind", "answered")
                ended[attack.outcome, kind] += 1
                assert attack.outcome != "denied" or kind != "answered", (attack.line, attack.query)
        assert "1 row" in client.get("/ask?sql=select+count(*)+from+patients").text
    assert ended["denied", "Denied"] > 50
    assert hashlib.sha256(database.read_bytes()).hexdigest() == before
    assert [path.name for path in database.parent.iterdir()] == [database.name]


def test_what_a_request_says_never_becomes_markup(site: Client):
    value = quote(MARKUP)
    for address in (
        f"/questions?q={value}", f"/questions?family={value}", f"/questions?run.x={value}", f"/ask?sql={value}",
        f"/audit?only={value}", f"/question/{value}/1", f"/question/test/{value}", f"/runs/{value}", f"/image/{value}",
        f"/compare?a={value}&b={value}", f"/quiz/1?right={value}&asked={value}",
        f"/questions?sort={value}&page={value}",
        f"/question/test/0?steps={value}&family={value}", f"/ask?base={value}&sql=select+1",
    ):  # fmt: skip
        text = site.get(address).text
        assert "<script>alert" not in text, address
        assert "<img src=x" not in text, address


@pytest.mark.parametrize(
    "address",
    [
        "/questions?page=999999999999999999999", "/questions?page=-1", "/questions?page=1e9",
        "/questions?" + "q=a&" * 5000,
        "/questions?q=" + "a" * 20_000, "/questions?split=%ff%fe", "/subject/99999999999999999999999999", "/study/-1",
        "/quiz/99999999999999999999", "/questions?run..=x&run.=y", "/question/test/0.json.json", "/questions?q=%00",
        "/image/" + "a" * 5000, "/compare", "/compare?a=x&a=y",
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense_are_no_fault_of_ours(site: Client, address: str):
    assert site.get(address).status in (200, 303, 400, 404, 414, 431)


def test_headers_keep_a_page_to_itself(site: Client):
    for address in ("/", "/questions", "/nothing", "/static/explorer.css", "/questions.json"):
        headers = site.get(address).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    for address in ("/", "/questions", "/question/test/0", "/ask", "/runs", "/audit", "/quiz/1"):
        text = site.get(address).text
        assert not re.search(r"<[^>]+\s(style|on[a-z]+)=", text), address
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), address


def test_a_query_that_another_site_sends_is_not_run(site: Client):
    address = "/ask?sql=select+count(*)+from+patients"
    assert "1 row" in site.get(address).text
    answer = site.get(address, Sec_Fetch_Site="cross-site")
    assert "was not run" in answer.text
    assert "1 row" not in answer.text


def test_a_token_is_needed_where_it_is_asked_for(explorer: Explorer):
    with served(explorer, token="s3cret-token") as client:
        for address in (
            "/",
            "/questions",
            "/picture/x.jpg",
            "/static/explorer.css",
            "/ask?sql=select+1",
            "/?token=other",
        ):
            answer = client.get(address)
            assert answer.status == 401, address
            assert len(answer.content) < 200
        answer = client.get("/questions?token=s3cret-token&split=test")
        assert answer.status == 303
        assert answer.headers["location"] == "/questions?split=test"  # the token does not stay in the address
        cookie = answer.headers["set-cookie"]
        assert "httponly" in cookie.lower()
        assert "samesite=strict" in cookie.lower()
        assert client.get("/", Cookie=cookie.split(";")[0]).status == 200
        assert client.get("/", Cookie="ehrxqa_explorer=other").status == 401
        assert client.get("//evil.example/?token=s3cret-token").headers["location"].startswith("/evil.example")


def test_data_of_patients_carry_a_banner_and_are_not_kept(library):
    real = type(library)(library.out, library.dataset, False, library.tree)
    explorer = open_explorer(real)
    with served(explorer, keep_nothing=True) as client:
        for address in ("/", "/questions", "/question/test/0", "/questions.json", "/static/explorer.css"):
            assert client.get(address).headers["cache-control"] == "no-store"
        image = next(iter(library.by_image))
        answer = client.get(f"/thumbnail/{image}.jpg")
        assert answer.headers["cache-control"] == "no-store"
        assert "Data of patients" in client.get("/").text


def test_the_quiz_alone_tells_nothing_before_an_answer_is_given(library):
    explorer = open_explorer(library, quiz_only=True)
    with served(explorer, quiz_only=True) as client:
        item = next(item for item in map(explorer.quiz.item, range(50)) if item is not None)
        image, study = item.view.study.image_id, item.view.study.study_id
        subject = item.view.study.subject_id
        for address in (
            f"/image/{image}", f"/image/{image}.json", f"/study/{study}", f"/subject/{subject}", "/questions", "/ask",
            "/ask?sql=select+1", "/questions.json", "/runs", "/audit", "/question/test/0", "/question/test/0.json",
            "/schema.json", f"/thumbnail/{image}.jpg",
        ):  # fmt: skip
            assert client.get(address).status == 403, address
        page = client.get(f"/quiz/{item.number}").text
        assert "<rect" not in page
        for finding in library.findings(library.by_image[image]):
            if finding.attribute != item.attribute:
                assert finding.attribute not in page
        revealed = client.post(f"/quiz/{item.number}", "absent=1&right=0&asked=0").text
        assert "Right." in revealed or "Not so." in revealed
        assert client.get("/").status in (200, 303)
        assert "/questions" not in client.get(f"/quiz/{item.number}").text


def test_only_this_machine_is_listened_to_unless_a_host_is_named(folder: Path):
    assert is_loopback("127.0.0.1")
    assert not is_loopback("0.0.0.0")
    assert not is_loopback("192.0.2.1")


def test_requests_that_are_no_http_do_no_harm(site: Client):
    for raw in (
        b"\x00" * 100,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", site.port), timeout=5) as connection:
            connection.sendall(raw)
            assert b" 200 " not in connection.recv(4096).split(b"\r\n")[0]
    assert site.get("/").status == 200
