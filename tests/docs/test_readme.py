"""Every command that the README shows, run on a small hospital; and the demo."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ehrxqa.demonstration.run import demo

#: Questions of the demo in the tests.
FEW = {"train": 20, "valid": 5, "test": 25}
README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """An empty folder in which a demo has run."""
    folder = tmp_path_factory.mktemp("newcomer")
    report = demo(folder / "demo", subjects=100, gold_subjects=25, questions=FEW, images=False, workers=1)
    assert report.ok, report
    return folder


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(line)
    assert words[0] == "ehrxqa"
    command = [sys.executable, "-m", "ehrxqa", *words[1:]]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=900, stdin=subprocess.DEVNULL)


def commands(heading: str) -> list[str]:
    section = README.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)).replace("\\\n", " ")
    return [line.split(" #")[0].strip() for line in blocks.split("\n") if line.startswith("ehrxqa ")]


def test_demo_agrees_and_prints_what_to_do_next(folder):
    done = run("ehrxqa demo demo --subjects 100 --questions 50 --no-images --quiet", folder)
    assert done.returncode == 0, done.stderr
    assert "10 of 10 showcase questions answered alike" in done.stdout
    again = demo(folder / "demo", subjects=100, gold_subjects=25, questions=FEW, images=False, workers=1)
    assert len(again.answers) == 10
    assert all(found.agree for found in again.answers)
    assert any(found.images > 5 for found in again.answers)


def test_try_it(folder):
    lines = commands("Try it")
    assert len(lines) == 4
    for line in lines:
        done = run(line, folder)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout


def test_your_own_hospital(folder):
    for line in commands("Your own hospital"):
        small = line.replace("--subjects 2000", "--subjects 100 --no-images")
        done = run(small, folder)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


def test_your_own_questions(folder, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "paraphrase"))
    from chat_server import ChatServer

    endpoint = ChatServer()
    lines = [line.replace(" out", " demo/ehrxqa") for line in commands("Your own questions")]
    assert len(lines) == 5
    for line in lines:
        small = line.replace("http://127.0.0.1:11434/v1", endpoint.url).replace(
            "--train 2000 --valid 300 --test 300", "--train 20 --valid 5 --test 20 --force"
        )
        done = run(small, folder)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout
    endpoint.stop()
    assert endpoint.bodies
    worded = json.loads((folder / "demo/ehrxqa/dataset/test.json").read_text())
    assert {record["para_type"] for record in worded} >= {"llama3.1"}


def test_your_own_model(folder):
    query = 'select count(*) from tb_cxr where func_vqa("is there pneumonia?", study_id) = true'
    (folder / "predictions.json").write_text(json.dumps({"a": query, "b": "select 1", "c": "drop table patients"}))
    line = commands("Your own parser or language model")[-1]
    done = run(line.replace(" out/database", " demo/ehrxqa/database"), folder)
    assert done.returncode == 0, done.stderr
    answers = json.loads((folder / "answers.json").read_text())
    assert answers["b"] == [1]
    assert answers["c"] == "null"
    assert isinstance(answers["a"][0], int)
    gold = [{"id": "a", "answer": answers["a"]}, {"id": "b", "answer": [1]}, {"id": "c", "answer": []}]
    (folder / "test.json").write_text(json.dumps(gold))
    line, audit = commands("Scores")
    done = run(line, folder)
    assert done.returncode == 0, done.stderr
    assert "66.7" in done.stdout
    done = run(
        audit.replace("test.json", "demo/ehrxqa/dataset/test.json").replace("--database out", "--database demo/ehrxqa"),
        folder,
    )
    assert done.returncode == 0, done.stderr


def test_your_own_vision_model(folder):
    """Trained on the X-rays of a hospital that has some; the demo of these tests has none."""
    assert run("ehrxqa synth pictured --subjects 60 --seed 3 -q", folder).returncode == 0
    assert run("ehrxqa build pictured trained -q", folder).returncode == 0
    assert run("ehrxqa generate trained --test 10 --train 10 -q", folder).returncode == 0
    train, ask = commands("Your own vision model")
    for line in (train, ask):
        done = run(line.replace("demo/ehrxqa", "trained").replace("demo/hospital", "pictured"), folder)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout


def test_your_own_parser(folder):
    for line in commands("Your own parser or language model")[:-1]:
        done = run(line.replace("--limit 50", "--limit 5"), folder)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout


def test_your_own_agent(folder):
    mcp, agent, slices = commands("Your own agent")
    assert run(f"{mcp.split(' --images')[0]} --help", folder).returncode == 0  # the tests of agents talk to it
    assert run(agent, folder).returncode == 0
    done = run(slices, folder)
    assert done.returncode in (0, 1), done.stderr  # 1: some questions have another answer at that time
    assert list((folder / "slices").glob("*.db"))


def test_an_open_hospital(folder):
    """As it is shown, but for the download, whose tests use a loopback server: here the tables of another hospital."""
    download, around, build = commands("An open hospital with real tables")
    assert download == "ehrxqa download physionet --for demo"
    assert run("ehrxqa synth made --subjects 60 --seed 9 --no-images -q", folder).returncode == 0
    (folder / "physionet/mimic-iv-demo").mkdir(parents=True)
    (folder / "made/mimiciv/2.2").rename(folder / "physionet/mimic-iv-demo/2.2")
    assert run(f"{around} --no-images", folder).returncode == 0
    assert run(build.replace(" out", " open"), folder).returncode == 0


def test_with_physionet_access(folder):
    dry, official, download, build, verify, answer = commands("With PhysioNet access")
    # tests/download/test_official.py runs it against a loopback server, and download likewise
    assert official.split("  ")[0] == "ehrxqa official out"
    assert download == "ehrxqa download sources"
    done = run(dry.split("  ")[0], folder)
    assert done.returncode == 0
    assert "0 of 16 are there" in done.stdout
    assert run(build.replace(" sources ", " demo/hospital ").replace(" out", " built"), folder).returncode == 0
    assert run(verify.replace(" out", " built"), folder).returncode == 0
    record = {"db_id": "mimic_iv_cxr", "split": "train", "id": 0, "_gold_program": "select count(*) > 0 from patients"}
    (folder / "_train.json").write_text(json.dumps([record]))
    assert run(answer.replace(" out ", " built "), folder).returncode == 0
    assert json.loads((folder / "train.json").read_text())[0]["answer"] == [1]


def test_from_python(folder):
    built, loaded = (
        subprocess.run(  # as it stands there, with nothing that guards it from being imported by workers
            [sys.executable, "-"],
            input=code.replace("subjects=240", "subjects=100")
            .replace('"hospital"', '"hospital2"')
            .replace('"out', '"out2'),
            capture_output=True,
            text=True,
            cwd=folder,
            timeout=900,
        )
        for code in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    )
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout)[0] >= 0
    assert loaded.returncode == 0, loaded.stderr
    (first,) = (each for each in json.loads((folder / "demo/ehrxqa/dataset/test.json").read_text()) if each["id"] == 0)
    assert first["question"][:40] in loaded.stdout
