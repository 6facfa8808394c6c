"""`ehrxqa serve` and `ehrxqa page` as a user starts them."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ehrxqa.cli.main import run
from ehrxqa.errors import SettingsError
from ehrxqa.explorer.serving import listen, serve
from ehrxqa.explorer.static_pages import write_pages


def invoke(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    return int(ended.value.code or 0)


def _start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ehrxqa", "serve", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def test_serve_prints_an_address_that_answers_and_ends_with_ctrl_c(folder: Path):
    process = _start(str(folder), "--port", "0")
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/ ", line)
        assert found, line
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=180)
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.status == 200
        assert b"<h1>" in answer.read()
        connection.close()
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=180)
    assert "Traceback" not in errors


def test_data_of_patients_need_the_token_even_on_this_machine(folder: Path, tmp_path: Path):
    out = tmp_path / "out"
    shutil.copytree(folder / "ehrxqa", out)
    manifest = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps({**manifest, "synthetic": False}))
    process = _start(str(out), "--port", "0")
    try:
        assert process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=(\S{20,})", process.stdout.readline())
        assert found
        assert "data of patients" in process.stdout.readline()
        for path, status in (("/", 401), ("/questions.json", 401), (f"/?token={found[2]}", 303)):
            connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=180)
            connection.request("GET", path)
            assert connection.getresponse().status == status
            connection.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=180)
    with pytest.raises(SettingsError, match="--patients"):
        write_pages(out, tmp_path / "pages")
    assert write_pages(out, tmp_path / "pages", patients=True, sample=1).questions == 1
    assert "Data of patients" in (tmp_path / "pages/index.html").read_text()


def test_a_port_that_is_taken_is_said(folder: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(SettingsError, match="cannot listen there"):
            listen("127.0.0.1", other.getsockname()[1])
    with pytest.raises(SettingsError, match="cannot listen there"):
        listen("host.invalid", 0)


def test_what_cannot_be_served_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["serve", str(tmp_path)]) == 1
    assert "holds no build" in capsys.readouterr().err
    assert invoke(["page", str(tmp_path), str(tmp_path / "pages")]) == 1
    assert "holds no build" in capsys.readouterr().err


def test_a_missing_package_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(SettingsError, match=r"pip install 'ehrxqa\[explorer\]'"):
        serve(folder)


def test_pages_of_some_questions(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert invoke(["page", str(folder), str(tmp_path / "pages"), "--ids", "3,1", "--format", "json", "-q"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["questions"] == 2
    assert (tmp_path / "pages/question/test/1.html").is_file()
    page = (tmp_path / "pages/question/test/3.html").read_text()
    assert 'href="../../static/explorer.css"' in page
    assert "http" not in page.replace("http://www.w3.org/", "")
    assert invoke(["page", str(folder), str(tmp_path / "pages")]) == 2  # not empty
    assert invoke(["page", str(folder), str(tmp_path / "other"), "--ids", "999999"]) == 1
    assert invoke(["page", str(folder), str(tmp_path / "other"), "--ids", "1", "--sample", "2"]) == 2
    assert not (tmp_path / "other").exists()


def test_the_same_pages_twice_are_the_same_bytes(folder: Path, tmp_path: Path):
    for name in ("one", "two"):
        write_pages(folder, tmp_path / name, sample=4, seed=3)
    one, two = (sorted(p.relative_to(tmp_path / name) for p in (tmp_path / name).rglob("*")) for name in ("one", "two"))
    assert one == two
    for path in one:
        if (tmp_path / "one" / path).is_file():
            assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes(), path
