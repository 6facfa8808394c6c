"""The explorer in a real browser: every page opened and used; what it loads, says and looks like."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import Client, served

from ehrxqa.explorer.library import open_library
from ehrxqa.explorer.state import Explorer, open_explorer
from ehrxqa.explorer.static_pages import write_pages
from ehrxqa.models.run import run

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHECKS = (Path(__file__).parent / "checks.js").read_text()
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the dependency group browser (playwright)")
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium (apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS if os.geteuid() == 0 else FLAGS[1:])
        yield started
        started.close()


@pytest.fixture(scope="module")
def own(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Explorer:
    """With two runs, and a file of verdicts that may be written."""
    out = tmp_path_factory.mktemp("browser") / "ehrxqa"
    shutil.copytree(folder / "ehrxqa", out)
    run(out, parser="gold", vision="oracle", name="all-right", workers=1)
    run(out, parser="gold", vision="constant:no", name="sees-nothing", workers=1)
    return open_explorer(open_library(out, folder / "hospital"))


@pytest.fixture(scope="module")
def work(own: Explorer) -> Iterator[Client]:
    with served(own) as client:
        yield client


class Watched:
    """A page of which all is noted that it loads and complains of."""

    def __init__(self, browser: Any, base: str, **options: Any) -> None:
        options.setdefault("viewport", {"width": 1280, "height": 900})
        self._context = browser.new_context(**options)
        self.page = self._context.new_page()
        self.base = base
        self.faults: list[str] = []
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("request", self._ask)
        self.page.on("requestfailed", self._failed)
        self.page.on("response", lambda r: self.faults.append(f"{r.status}: {r.url}") if r.status >= 400 else None)

    def _ask(self, request: Any) -> None:
        if not request.url.startswith((self.base, "data:")):
            self.faults.append(f"asked elsewhere: {request.url}")

    def _failed(self, request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # the next page was opened before it came
            self.faults.append(f"{request.failure}: {request.url}")

    def open(self, path: str) -> Any:
        self.page.goto(self.base + path, wait_until="load")
        return self.page

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()


@pytest.fixture
def watched(browser: Any, work: Client) -> Iterator[Watched]:
    with Watched(browser, work.base) as found:
        yield found
        assert found.faults == []


def _addresses(explorer: Explorer) -> list[str]:
    library = explorer.library
    items = {item.facts.modality: item for item in explorer.index.items if item.split == "test"}
    compound = next(item for item in explorer.index.items if "compare" in item.facts.family)
    study = max(library.studies.values(), key=lambda study: len(library.findings(study)))
    sql = "select+study_id,+subject_id+from+tb_cxr+where+func_vqa(%22is+there+any+abnormality?%22,+study_id)+%3D+true"
    return [
        "/", "/questions", "/questions?modality=Image&q=the&sort=long", "/questions?q=nosuchword",
        *(f"/question/test/{item.id}" for item in items.values()), f"/question/{compound.split}/{compound.id}",
        f"/question/test/{items['Image'].id}?steps=neuralsql", f"/subject/{study.subject_id}",
        f"/image/{study.image_id}", "/ask", f"/ask?sql={sql}", "/ask?sql=select+x+frm", "/runs", "/runs/sees-nothing",
        "/compare?a=all-right&b=sees-nothing", "/audit", "/quiz/3",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390), ("light", 1920)]
)
def test_every_page_can_be_read(browser: Any, work: Client, own: Explorer, scheme: str, width: int):
    with Watched(browser, work.base, color_scheme=scheme, viewport={"width": width, "height": 900}) as watched:
        for address in _addresses(own):
            page = watched.open(address)
            assert page.evaluate(CHECKS) == [], address
            broken = page.evaluate(
                "() => Promise.all([...document.images].map(i => { i.loading = 'eager'; "
                "return i.decode().then(() => null, () => i.src) })).then(found => found.filter(Boolean))"
            )
            assert broken == [], address
        assert watched.faults == []


def test_a_clinician_finds_why_in_three_clicks(watched: Watched):
    page = watched.open("/")
    page.click("nav >> text=Questions")
    page.click("ol.items li:first-child a.say")
    page.wait_for_selector("h2:text-is('Why')")
    assert page.locator("ol.plan > li").count() >= 1
    page.locator("ol.plan > li:first-child summary").click()
    assert page.locator("ol.plan > li:first-child details").get_attribute("open") is not None


def test_keys(watched: Watched):
    page = watched.open("/questions")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.type("jk?")  # are letters there
    assert page.input_value("#find") == "jk?"
    page.fill("#find", "chest")
    page.keyboard.press("Enter")
    page.wait_for_url("**/questions?q=chest")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("j")
    first = page.locator("ol.items li:nth-child(1) a.say").get_attribute("href")
    second = page.locator("ol.items li:nth-child(2) a.say").get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{second}")
    page.keyboard.press("k")
    page.wait_for_url(f"**{first}")
    page.keyboard.press("j")
    page.wait_for_url(f"**{second}")
    page.keyboard.press("?")
    assert page.locator("dialog#keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("dialog#keys").is_visible()
    steps = page.locator("details.step")
    page.keyboard.press("o")
    assert steps.evaluate_all("all => all.every(one => one.open)")


def test_an_xray_is_zoomed_windowed_and_boxed(watched: Watched, own: Explorer):
    library = own.library
    study = max(library.studies.values(), key=lambda study: len(library.findings(study)))
    page = watched.open(f"/image/{study.image_id}")
    shown = ".box >> visible=true"
    some = page.locator(shown).count()
    assert some
    page.keyboard.press("b")
    assert page.locator(shown).count() == len(library.boxes(study.image_id)) > some
    page.keyboard.press("b")
    assert page.locator(shown).count() == 0
    page.hover("tr[data-points]")
    assert page.locator(shown).count() == 1
    whole = page.get_attribute(".xray > svg", "viewBox")
    page.keyboard.press("+")
    page.dblclick(".xray > svg")
    zoomed = page.get_attribute(".xray > svg", "viewBox")
    assert float(zoomed.split()[2]) < float(whole.split()[2]) / 2
    box = page.locator(".xray > svg").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 150)
    page.mouse.up()
    assert page.get_attribute(".xray > svg", "viewBox") != zoomed
    page.keyboard.press("0")
    assert page.get_attribute(".xray > svg", "viewBox") == whole
    page.locator("[data-do=width]").fill("100")
    assert float(page.get_attribute("feFuncR", "slope")) == pytest.approx(2.55, abs=0.01)
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("[data-do=theme]")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark


def test_ask_completes_and_runs(watched: Watched):
    page = watched.open("/ask")
    page.wait_for_load_state("networkidle")
    page.click("#sql")
    page.keyboard.type("select count(*) from tb_c")
    page.wait_for_selector(".completions li")
    page.keyboard.press("Tab")
    assert page.input_value("#sql") == "select count(*) from tb_cxr"
    page.keyboard.type(" where tb_cxr.study")
    assert page.locator(".completions li").all_inner_texts() == ["study_id", "studydatetime"]
    page.keyboard.press("Tab")
    page.keyboard.type(" > 0")
    page.keyboard.press("Control+Enter")
    page.wait_for_url("**/ask?*")
    page.wait_for_selector("h2:has-text('1 row')")


def test_a_verdict_is_given(watched: Watched, own: Explorer):
    item = own.index.items[1]
    page = watched.open(f"/question/{item.split}/{item.id}")
    page.fill(".judging input[type=text]", "the last visit has not ended")
    page.click(".judging button:has-text('Reject')")
    page.wait_for_load_state("load")
    assert page.locator(".judging .fault").inner_text() == "rejected"
    erratum = own.audit.erratum(item)
    assert erratum is not None
    assert erratum.comment == "the last visit has not ended"


@pytest.mark.parametrize("script", [True, False])
def test_the_quiz_is_answered_by_a_click(browser: Any, work: Client, own: Explorer, script: bool):
    number = next(n for n in range(50) if (found := own.quiz.reveal(n, None)) is not None and found.boxes)
    revealed = own.quiz.reveal(number, None)
    assert revealed is not None
    box, view = revealed.boxes[0], revealed.item.view
    with Watched(browser, work.base, java_script_enabled=script) as watched:
        page = watched.open(f"/quiz/{number}")
        place = page.locator("input.place").bounding_box()
        page.mouse.click(
            place["x"] + (box.x1 + box.x2) / 2 / view.width * place["width"],
            place["y"] + (box.y1 + box.y2) / 2 / view.height * place["height"],
        )
        page.wait_for_selector(".verdict-line")
        assert page.locator(".verdict-line").inner_text().startswith("Right.")
        page.click("text=Next →")
        page.wait_for_selector("input.place")
        assert "1 of 1 right" in page.inner_text("main")
        assert watched.faults == []


def test_without_script_all_can_be_read(browser: Any, work: Client, own: Explorer):
    with Watched(browser, work.base, java_script_enabled=False) as watched:
        item = next(i for i in own.index.items if len(i.images) == 1 and (i.record.get("v_tag") or {}).get("object"))
        page = watched.open(f"/question/{item.split}/{item.id}")
        assert page.locator(".box >> visible=true").count() >= 1
        page.click("label:has-text('none') >> nth=0")
        assert page.locator(".study[open] .box >> visible=true").count() == 0
        step = page.locator("ol.plan details.step:has(table)").first
        shown = step.locator("table").first.is_visible()  # the last step is open to begin with
        step.locator("summary").first.click()
        assert step.locator("table").first.is_visible() is not shown
        assert page.locator(".scripted >> visible=true").count() == 0
        page = watched.open("/questions")
        page.select_option("select[name=sort]", "long")
        page.click("button:text-is('Sort')")
        assert "sort=long" in page.url
        assert watched.faults == []


def test_pages_as_files(browser: Any, folder: Path, tmp_path: Path):
    report = write_pages(folder, tmp_path / "pages", sample=5, seed=1)
    files = sorted((tmp_path / "pages").rglob("*.html"))
    assert len(files) == 1 + report.questions + report.subjects + report.images
    with Watched(browser, f"file://{tmp_path}/pages") as watched:
        seen = set()
        waiting = ["/index.html"]
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            page = watched.open(path)
            if len(seen) < 25:
                assert page.evaluate(CHECKS) == [], path
            links = page.evaluate(
                "[...document.querySelectorAll('a[href]')].map(a => new URL(a.getAttribute('href'), location).href)"
            )
            waiting += [link.partition("#")[0].removeprefix(watched.base) for link in set(links)]
        assert {f"{watched.base}{path}" for path in seen} == {f"file://{file}" for file in files}
        assert watched.faults == []
