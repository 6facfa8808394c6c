"""Builds the documentation: `zensical`, with the version and the repository of the package, and `llms.txt`.

    python docs/make_site.py

Reads `zensical.toml`; the address of the repository is `Repository` among the `[project.urls]` of pyproject.toml, if
there is one. `site/llms.txt` lists every page with what it is about, for language models (llmstxt.org); the pages
themselves lie beside it as Markdown.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ehrxqa

TOP = Path(__file__).parents[1]


def build(top: Path) -> int:
    """Build `top/site`; the exit status is that of zensical, which fails on any page that is not right."""
    settings = (top / "zensical.toml").read_text(encoding="utf-8")
    project = tomllib.loads(settings)["project"]
    urls = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"].get("urls", {})
    config = top / ".zensical-build.toml"  # made for this build: zensical takes no settings on its command line
    config.write_text(configuration(settings, urls.get("Repository")), encoding="utf-8")
    try:
        command = [sys.executable, "-m", "zensical", "build", "--clean", "--strict", "-f", str(config)]
        done = subprocess.run(command, cwd=top)
    finally:
        config.unlink()
    if done.returncode:
        return done.returncode
    site, docs = top / "site", top / "docs"
    for script in site.glob("*.py"):
        script.unlink()  # zensical copies whatever lies among the pages
    for _, name in pages(project["nav"]):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(docs / name, site / name)
    (site / "llms.txt").write_text(llms(project, docs), encoding="utf-8")
    return 0


def configuration(text: str, repository: str | None) -> str:
    """zensical.toml with the version in the foot of every page, and a link to the repository if there is one."""
    added = f'copyright = "ehrxqa {ehrxqa.__version__}, MIT licence"\n'
    if repository:
        added += f'repo_url = "{repository}"\n'
    return text.replace("[project]\n", f"[project]\n{added}", 1)


def llms(project: dict[str, Any], docs: Path) -> str:
    """The list of pages by part, each with the first sentence of its text."""
    lines = [f"# {project['site_name']} {ehrxqa.__version__}", "", f"> {project['site_description']}"]
    part = None
    for section, name in pages(project["nav"]):
        if section != part:
            part = section
            lines += ["", f"## {part}", ""]
        title, about = summary((docs / name).read_text(encoding="utf-8"))
        lines.append(f"- [{title}]({name}): {about}")
    return "\n".join(lines) + "\n"


def pages(nav: list[dict[str, Any]], section: str = "Start") -> Iterator[tuple[str, str]]:
    """Part and file of each page, in the order of the nav."""
    for entry in nav:
        for title, value in entry.items():
            if isinstance(value, list):
                yield from pages(value, title)
            else:
                yield section, value


def summary(page: str) -> tuple[str, str]:
    """Title of a page and its first sentence, without marks of Markdown."""
    text = re.sub(r"\A---\n.*?\n---\n|<!--.*?-->|<[^>]+>", "", page, flags=re.DOTALL)
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    assert title is not None
    passed_over = r"^(```.*?^```|!\[.*?$|#.*?$|\|.*?$|[ ]{4}.*?$)"  # blocks, pictures, headings, tables
    told = re.sub(passed_over, "", text[title.end() :], flags=re.DOTALL | re.MULTILINE)
    first = re.match(r"\s*(.+?\.)(\s|$)", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", told), re.DOTALL)
    return title[1].replace("*", ""), " ".join(first[1].replace("*", "").split()) if first else ""


if __name__ == "__main__":
    sys.exit(build(TOP))
