"""What is published: the same bytes twice, all that belongs to it, and a container whose steps work.

`.ci/wheel` installs the wheel, and each extra, in empty environments; here the wheel is unpacked and used from there.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import threading
import tomllib
import urllib.request
import zipfile
from pathlib import Path

import pytest

import ehrxqa

TOP = Path(__file__).parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())
ENVIRONMENT = os.environ | {"SOURCE_DATE_EPOCH": "1764400000"}


def copy_of_the_tree(folder: Path, *, time: int, mode: int) -> Path:
    """What git would publish, with other times and permissions."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=TOP, capture_output=True, text=True
    )
    if listed.returncode:
        pytest.skip("needs a git checkout")
    for name in filter(None, listed.stdout.split("\0")):
        if (TOP / name).is_file():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(TOP / name, target)
            target.chmod(mode)
            os.utime(target, (time, time))
    return folder


def build(source: Path, target: Path, kind: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target)]
    done = subprocess.run(command, cwd=source, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(target.glob("*.whl" if kind == "wheel" else "*.tar.gz"))


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    """Wheel and sdist, built twice from two copies of the tree."""
    found = {}
    for name, time, mode in (("first", 1_700_000_000, 0o644), ("second", 1_600_000_000, 0o600)):
        folder = tmp_path_factory.mktemp(name)
        source = copy_of_the_tree(folder / "tree", time=time, mode=mode)
        for kind in ("wheel", "sdist"):
            found[f"{name} {kind}"] = build(source, folder / "dist", kind)
    return found


@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_two_builds_have_the_same_bytes(built, kind):
    first, second = built[f"first {kind}"], built[f"second {kind}"]
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_the_sdist_holds_what_its_tests_need_and_makes_the_same_wheel(built, tmp_path):
    with tarfile.open(built["first sdist"]) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    for name in ("CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "SECURITY.md", "LICENSE", "Makefile", "uv.lock",
                 "zensical.toml", "Containerfile", "tests/conftest.py", "docs/index.md", "docs/images/xray.webp",
                 "examples/my-hospital/pyproject.toml", ".ci/run"):  # fmt: skip
        assert (source / name).is_file(), name
    wheel = build(source, tmp_path / "dist", "wheel")
    assert wheel.read_bytes() == built["first wheel"].read_bytes()


def test_nothing_but_the_package_is_in_the_wheel(built):
    names = zipfile.ZipFile(built["first wheel"]).namelist()
    assert {name.split("/")[0] for name in names} == {
        "ehrxqa", "ehrxqa_verifiers", f"ehrxqa-{ehrxqa.__version__}.dist-info"
    }  # fmt: skip
    assert not [name for name in names if name.endswith((".db", ".csv", ".csv.gz", ".parquet", ".jpg", ".pyc"))]


def instructions() -> list[tuple[str, str]]:
    """The steps of the container file, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (TOP / "Containerfile").read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def image(tmp_path_factory) -> Path:
    """What the COPY steps bring, built and unpacked: the package as it lies in the image."""
    folder = tmp_path_factory.mktemp("image")
    for name, words in instructions():
        if name == "COPY":
            *sources, target = shlex.split(words)
            place = folder / target.strip("/")
            for source in sources:
                if (TOP / source).is_dir():
                    shutil.copytree(TOP / source, place, ignore=shutil.ignore_patterns("__pycache__"))
                else:
                    place.mkdir(parents=True, exist_ok=True)
                    shutil.copy(TOP / source, place)
    wheel = build(folder / "source", folder / "dist", "wheel")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder


def in_image(image: Path, words: list[str]) -> list[str]:
    """A command of `ehrxqa`, run by the package of the image, from a folder without the checkout."""
    assert words[0] == "ehrxqa"
    code = f"import sys; sys.path.insert(0, {str(image / 'site')!r}); import ehrxqa; "
    code += f"assert ehrxqa.__file__.startswith({str(image)!r}); from ehrxqa.cli.main import run; run({words[1:]!r})"
    return [sys.executable, "-P", "-c", code]


def test_the_container_installs_what_is_declared():
    installed = [words for name, words in instructions() if name == "RUN" and words.startswith("pip install")]
    assert installed == ["pip install --no-cache-dir '/source[explorer]'"]
    assert "explorer" in PROJECT["project"]["optional-dependencies"]
    (base,) = [words for name, words in instructions() if name == "FROM"]
    assert f"Programming Language :: Python :: {base.split(':')[1].split('-')[0]}" in PROJECT["project"]["classifiers"]


@pytest.fixture(scope="module")
def home(image, tmp_path_factory) -> Path:
    """The folder in which the image has made its demo, of fewer questions."""
    folder = tmp_path_factory.mktemp("home")
    (made,) = [words for name, words in instructions() if name == "RUN" and words.startswith("ehrxqa")]
    small = made.replace("--questions 1000", "--questions 20 --subjects 60 --no-images --quiet")
    assert small != made
    done = subprocess.run(in_image(image, shlex.split(small)), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "10 of 10 showcase questions answered alike" in done.stdout
    return folder


def test_the_container_shows_its_demo_to_a_reader_on_the_host(image, home):
    (shown,) = [words for name, words in instructions() if name == "CMD"]
    words = [word.strip('",[]') for word in shown.split()]
    (port,) = [words for name, words in instructions() if name == "EXPOSE"]
    assert words[-2:] == ["--port", port]
    command = in_image(image, [*words[:-1], "0"])
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    server = subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment)
    watch = threading.Timer(60, server.kill)
    watch.start()
    try:
        assert server.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+/\S*", server.stdout.readline())
        assert address, "the address that a reader on the host opens is printed"
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        assert "ehrxqa" in browser.open(address[0], timeout=180).read().decode()
    finally:
        watch.cancel()
        server.terminate()
        server.communicate(timeout=180)


WITHOUT = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
"""
#: Extra → packages that it brings, and a command that needs it. `.ci/wheel` has those that need an environment.
MISSING = {
    "explorer": ({"starlette", "uvicorn", "jinja2"}, ["serve", "demo", "--port", "0"]),
    "mcp": ({"mcp"}, ["mcp", "demo/ehrxqa"]),
    "vqa": (
        {"torch", "transformers"},
        ["vqa", "train", "demo/ehrxqa", "--images", "demo/hospital", "--to", "n", "--kind", "cnn"],
    ),
    "cluster": ({"distributed", "dask"}, ["generate", "demo/ehrxqa", "--test", "5", "--force", "--cluster", "local"]),
}


@pytest.mark.parametrize("extra", sorted(MISSING))
def test_an_extra_that_is_missing_is_named(image, home, extra):
    blocked, words = MISSING[extra]
    command = in_image(image, ["ehrxqa", *words])
    command[-1] = WITHOUT.format(blocked=blocked) + command[-1]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert re.fullmatch(rf"ehrxqa: error: [^\n]*pip install ['\"]ehrxqa\[{extra}\][^\n]*\n", done.stderr)


def test_the_changelog_tells_of_this_version():
    text = (TOP / "CHANGELOG.md").read_text()
    assert re.search(rf"^## \[{re.escape(ehrxqa.__version__)}\] - 20\d\d-\d\d-\d\d$", text, re.MULTILINE)
    assert text.index("## [Unreleased]") < text.index(f"## [{ehrxqa.__version__}]")


def test_the_classifiers_name_the_versions_that_are_tried():
    declared = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["project"]["classifiers"]))
    assert declared == re.search(r"for version in ([\d. ]+);", (TOP / ".ci/smoke").read_text())[1].split()
    assert PROJECT["project"]["requires-python"] == f">={declared[0]}"


@pytest.mark.parametrize("path", sorted((TOP / ".github/ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem)
def test_issue_forms_are_what_github_reads(path):
    yaml = pytest.importorskip("yaml")
    form = yaml.safe_load(path.read_text())
    if path.stem == "config":
        assert form["blank_issues_enabled"] is False
        return
    assert {"name", "description", "body"} <= set(form)
    assert len({part.get("id", number) for number, part in enumerate(form["body"])}) == len(form["body"])
    for part in form["body"]:
        assert part["type"] in {"markdown", "textarea", "input", "dropdown", "checkboxes"}
        assert part["attributes"].get("value" if part["type"] == "markdown" else "label")
    assert "patient" in path.read_text() or "credentialed" in path.read_text() or path.stem == "wish"
