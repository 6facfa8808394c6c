"""The documentation as a site: it builds, every page is in the nav, the words of pictures stay in their boxes."""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from pathlib import Path

import pytest

import ehrxqa

TOP = Path(__file__).parents[2]
sys.path.insert(0, str(TOP / "docs"))

from make_site import build, configuration, llms, pages, summary  # noqa: E402

PROJECT = tomllib.loads((TOP / "zensical.toml").read_text())["project"]


def test_every_page_has_one_place_in_the_nav():
    named = [name for _, name in pages(PROJECT["nav"])]
    assert sorted(named) == sorted(str(path.relative_to(TOP / "docs")) for path in (TOP / "docs").rglob("*.md"))


def test_the_site_shows_the_version_and_the_repository_where_one_is_declared():
    plain = tomllib.loads(configuration((TOP / "zensical.toml").read_text(), None))["project"]
    assert ehrxqa.__version__ in plain["copyright"] and "repo_url" not in plain
    linked = tomllib.loads(configuration((TOP / "zensical.toml").read_text(), "https://example.org/x"))["project"]
    assert linked["repo_url"] == "https://example.org/x"


def test_llms_txt_lists_every_page_with_what_it_is_about():
    text = llms(PROJECT, TOP / "docs")
    for part, name in pages(PROJECT["nav"]):
        line = re.search(rf"^- \[[^\]]+\]\({re.escape(name)}\): [\w`].+\.$", text, re.MULTILINE)
        assert line, name
        assert f"\n## {part}\n" in text


def test_the_summary_of_a_page_is_its_first_sentence():
    page = "<!-- made -->\n# A *title*\n\n```sh\nls.\n```\n| a. | b. |\n\nIt [does](x.md) one\nthing: well. And more.\n"
    assert summary(page) == ("A title", "It does one thing: well.")


def test_it_builds(tmp_path):
    pytest.importorskip("zensical")
    shutil.copytree(TOP / "docs", tmp_path / "docs")
    shutil.copy(TOP / "zensical.toml", tmp_path)
    assert build(tmp_path) == 0
    assert ehrxqa.__version__ in (tmp_path / "site/index.html").read_text()
    assert (tmp_path / "site/llms.txt").is_file() and (tmp_path / "site/tutorial.md").is_file()
    assert not list((tmp_path / "site").glob("*.py")) and not (tmp_path / ".zensical-build.toml").exists()


@pytest.mark.parametrize("name", ["overview", "architecture"])
def test_words_stay_within_their_boxes(name):
    """As a browser draws them, with the fonts of this machine."""
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("needs a chromium")
    measure = """() => [...document.querySelectorAll('g[text-anchor=middle] text, rect + text')]
        .map(text => [text.textContent, text.getBBox()])
        .filter(([_, t]) => ![...document.querySelectorAll('rect')].map(rect => rect.getBBox()).some(
            r => r.width < 900 && r.x + 3 <= t.x && t.x + t.width <= r.x + r.width - 3
                 && r.y <= t.y && t.y + t.height <= r.y + r.height))
        .map(([words, _]) => words)"""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto((TOP / f"docs/images/{name}.svg").as_uri())
        assert page.evaluate("document.querySelectorAll('text').length") > 5
        assert page.evaluate(measure) == []
        browser.close()
