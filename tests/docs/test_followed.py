"""The tutorial and the how-to pages, followed line by line: every block of shell and Python, in the form shown.

What a page takes for granted (a server at an address, a file of yours) is put there; sizes are made small. Lines that
need what no test has, such as an account, are named with the test that runs them otherwise.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
DOCS = TOP / "docs"
#: Pages of the reference whose blocks name things of the reader, not placeholders such as OUT.
REFERENCE = ("answers", "dataset", "evaluation", "experiments", "explorer", "paraphrase")
PAGES = [
    DOCS / "tutorial.md",
    *sorted((DOCS / "how-to").glob("*.md")),
    *(DOCS / f"{name}.md" for name in REFERENCE),
]

#: Line → the test that runs it otherwise, and a word that is there.
ELSEWHERE = {
    "pip install 'ehrxqa[explorer]'": (".ci/wheel", "explorer"),
    "pip install 'ehrxqa[mcp]'": (".ci/wheel", "mcp"),
    "ehrxqa demo": ("tests/docs/conftest.py", "demo("),
    "ehrxqa serve demo --open": ("tests/docs/test_release.py", "CMD"),
    "ehrxqa official out": ("tests/download/test_official.py", '"official"'),
    "ehrxqa mcp demo/ehrxqa --images demo/hospital": ("tests/agents", "mcp"),
    "ehrxqa download physionet --for demo": ("tests/download", "demo"),
    "ehrxqa serve out --images physionet.org/files": ("tests/explorer/test_commands.py", "serve"),
    "vllm serve Qwen/Qwen3-8B --max-model-len 16384": ("tests/models", "chat"),
    "ollama serve & ollama pull qwen3:8b": ("tests/models", "chat"),
    "ehrxqa build physionet out31 --release mimic-iv-3.1": ("tests/build", "mimic-iv-3.1"),
}
#: What is made smaller, or led to a server of the test.
SMALLER = [
    (r"--subjects 300\b", "--subjects 60 --no-images"),
    (r"--subjects 60 --table", "--subjects 60 --no-images --table"),
    (r"--train 200 --valid 50 --test 50|--train 100 --valid 20 --test 50", "--train 10 --valid 5 --test 10"),
    (r"synth hybrid --around physionet", "synth hybrid --around physionet --no-images"),
    (r"--subset mini-100", "--subset mini-5"),
    (r"--vision (mine|python|labels)(\S*) (.*)--name", r"--vision \1\2 \3--limit 5 --name"),
    (r"https://llm\.example/v1 (.*)--confirm-endpoint llm\.example", r"http://127.0.0.1:8000/v1 \1"),
    (r"physionet\.org/files", "demo/hospital"),
]


class _Stub(BaseHTTPRequestHandler):
    """A model that says "null" to whatever it is asked: the parser abstains, the reader of pictures cannot be read."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        message = {"role": "assistant", "content": "null"}
        body = json.dumps({"choices": [{"index": 0, "finish_reason": "stop", "message": message}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def place(reader: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the reader's folder with what the pages say is yours."""
    folder = tmp_path_factory.mktemp("pages") / "work"
    shutil.copytree(reader / "demo", folder / "demo")
    shutil.copytree(reader / "demo/ehrxqa", folder / "out")
    gold = json.loads((folder / "out/dataset/test.json").read_text())
    (folder / "answers.json").write_text(json.dumps({record["id"]: record["answer"] for record in gold}))
    (folder / "queries.json").write_text(json.dumps({record["id"]: record["query"] for record in gold}))
    (scores,) = re.findall(r"```text\n(study_id.*?)```", (DOCS / "how-to/vision-model.md").read_text(), re.DOTALL)
    (folder / "scores.csv").write_text(scores)
    for name, target in (("dataset/test.json", "test.json"), ("dataset/_test.json", "_test.json")):
        shutil.copy(folder / "out" / name, folder / target)
    outcomes = [{"id": record["id"], "status": "answered", "answer": record["answer"]} for record in gold]
    (folder / "outcomes.json").write_text(json.dumps(outcomes))
    (parser,) = re.findall(r"```python\n(# my_module.py.*?)```", (DOCS / "experiments.md").read_text(), re.DOTALL)
    (folder / "my_module.py").write_text(parser)
    with sqlite3.connect(folder / "my.db") as database:
        database.execute("CREATE TABLE patients (subject_id INTEGER)")
    # the open demo has real tables of few subjects in these files: here those of a synthetic hospital
    shutil.copytree(folder / "demo/hospital/mimiciv/2.2", folder / "physionet/mimic-iv-demo/2.2")
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """With the command at hand, and examples/my-hospital as if it were installed."""
    example = TOP / "examples/my-hospital"
    project = tomllib.loads((example / "pyproject.toml").read_text())["project"]
    site = tmp_path_factory.mktemp("site")
    folder = site / "my_hospital-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: my-hospital\nVersion: 0.1.0\n")
    points = [
        f"[{group}]\n" + "\n".join(f"{name} = {value}" for name, value in entries.items())
        for group, entries in project["entry-points"].items()
    ]
    (folder / "entry_points.txt").write_text("\n".join(points))
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PATH": path, "PYTHONPATH": os.pathsep.join([str(example), str(site)])}


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of the blocks of a page; those that are indented, too, if they hold commands."""
    text = page.read_text()
    found = [
        (match.start(), match[1] or "sh", match[2])
        for match in _FENCED.finditer(text)
        if match[1] in _RUN or (not match[1] and "ehrxqa " in match[2])
    ]
    found += [(match.start(), "sh", match[1]) for match in _INDENTED.finditer(text) if "ehrxqa " in match[1]]
    return [(language, block) for _, language, block in sorted(found)]


_RUN = ("sh", "bash", "console", "python")
_FENCED = re.compile(r"^```(\w*)\n(.*?)```", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"\n\n((?:    [^\n]+\n)+)")


def lines_of(block: str) -> list[str]:
    lines = (line.split("  #")[0].strip().removeprefix("$ ") for line in block.replace("\\\n", " ").splitlines())
    return [line for line in lines if line]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_followed_line_by_line(page, place, environment, endpoint):
    if "leak-scan . --history" in page.read_text():
        place = place / "published"  # a repository of one's own
        place.mkdir()
        shutil.copytree(place.parent / "out", place / "demo/ehrxqa")
        subprocess.run(["git", "init", "-q"], cwd=place, check=True)
    run = 0
    for language, block in blocks(page):
        if language == "python" and page.stem in REFERENCE:
            continue  # in test_python_blocks
        if language == "python":
            named = re.match(r"# (\w+\.py)\n", block)
            name = named[1] if named else "block.py"
            (place / name).write_text(block)
            done = subprocess.run([sys.executable, name], cwd=place, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, f"{name}\n{done.stderr}"
            continue
        for line in lines_of(block):
            if line in ELSEWHERE:
                continue
            small = line
            for pattern, replacement in SMALLER:
                small = re.sub(pattern, replacement, small)
            small = re.sub(r"http://127\.0\.0\.1:(8000|11434)/v1", endpoint, small)
            done = subprocess.run(
                ["bash", "-c", small], cwd=place, env=environment, capture_output=True, text=True,
                stdin=subprocess.DEVNULL, timeout=900,
            )  # fmt: skip
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            assert done.stdout or done.stderr, line
            run += 1
    assert run >= 1


def test_what_is_run_elsewhere_is_run_there():
    shown = {
        line for page in PAGES for language, block in blocks(page) if language != "python" for line in lines_of(block)
    }
    assert set(ELSEWHERE) <= shown
    for name, word in ELSEWHERE.values():
        path = TOP / name
        texts = [path.read_text()] if path.is_file() else [file.read_text() for file in path.glob("*.py")]
        assert any(word in text for text in texts), name


def test_the_query_of_the_first_page_gives_every_location_of_the_first_study(reader):
    import ehrxqa

    (sql,) = re.findall(r"```sql\n(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL)
    (call,) = re.findall(r"func_vqa\(.*?\)", sql, re.DOTALL)
    found = 0
    for base in ("train", "test"):
        database = reader / f"demo/ehrxqa/database/{base}/mimic_iv_cxr.db"
        rows = ehrxqa.query(
            database,
            "select a.subject_id, t.study_id, min(t.studydatetime) from admissions a "
            "join tb_cxr t on t.hadm_id = a.hadm_id where a.dischtime is null group by 1",
        ).rows
        for subject, study, _ in rows:
            of_study = ehrxqa.query(database, f"select {call} from tb_cxr where study_id = {study}").answer
            assert ehrxqa.query(database, sql.replace("10000001", str(subject))).answer == of_study
            found += bool(of_study)
    assert found
