"""The password goes to the host and nowhere else: no file, no stream, no process list, no traceback."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from physionet_server import PASSWORD, USER, Fault, PhysioNet
from published import publish_everything

from ehrxqa.cli.main import main

RUN = [sys.executable, "-c", "from ehrxqa.cli.main import run; run()"]
SECRETS = [PASSWORD.encode(), USER.encode(), base64.b64encode(f"{USER}:{PASSWORD}".encode())]


def _environment(site: PhysioNet, home: Path, password: str = PASSWORD) -> dict[str, str]:
    home.mkdir(exist_ok=True)
    return os.environ | {
        "EHRXQA_PHYSIONET_URL": site.address,
        "PHYSIONET_USERNAME": USER,
        "PHYSIONET_PASSWORD": password,
        "HOME": str(home),
        "EHRXQA_DEBUG": "1",
    }


def _assert_clean(*texts: bytes) -> None:
    for text in texts:
        for secret in SECRETS:
            assert secret not in text


def test_a_run_shows_the_password_to_nobody(site: PhysioNet, tmp_path: Path) -> None:
    publish_everything(site)
    tree = tmp_path / "sources"
    path = "mimiciv/2.2/hosp/labevents.csv.gz"
    site.faults[path] = [Fault("drop", 3), Fault("hold", 20)]
    process = subprocess.Popen(
        [*RUN, "download", str(tree), "--only", "mimiciv", "--format", "json"],
        env=_environment(site, tmp_path / "home"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    while not (tree / (path + ".part.json")).exists():
        assert process.poll() is None
        time.sleep(0.01)
    proc = Path("/proc") / str(process.pid)
    if proc.exists():
        _assert_clean((proc / "cmdline").read_bytes(), (proc / "comm").read_bytes())
    _assert_clean(*(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()))
    site.slow_until.set()
    out, error = process.communicate(timeout=180)
    assert process.returncode == 0, error
    _assert_clean(out, error)
    report = json.loads(out)
    assert {file["outcome"] for file in report["files"]} == {"fetched"}
    _assert_clean(*(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()))
    assert any(one.authorization for one in site.seen)


@pytest.mark.parametrize("trouble", ["wrong password", "unsigned", "fault of ours"])
def test_tracebacks_show_no_password(trouble: str, site: PhysioNet, tmp_path: Path) -> None:
    publish_everything(site)
    environment = _environment(site, tmp_path / "home")
    command = [*RUN, "--debug", "download", str(tmp_path / "s"), "--only", "mimiciv"]
    match trouble:
        case "wrong password":
            environment["PHYSIONET_PASSWORD"] = PASSWORD + "x"
        case "unsigned":
            site.signed.clear()
        case _:
            # something unforeseen breaks while the credentials are in use
            broken = (
                "import httpx2\n"
                "def boom(self, *a, **k):\n"
                "    raise RuntimeError('unforeseen')\n"
                "httpx2.Response.iter_raw = boom\n"
                "from ehrxqa.cli.main import run; run()"
            )
            command[2] = broken
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    assert done.returncode == 1
    assert b"Traceback" in done.stderr
    _assert_clean(done.stdout, done.stderr)


def test_no_option_takes_a_password() -> None:
    for command in ("download", "download-images"):
        shown = CliRunner().invoke(main, [command, "--help"])
        assert shown.exit_code == 0
        options = {word.rstrip(",") for word in shown.output.split() if word.startswith("-")}
        assert not {option for option in options if "pass" in option or "user" in option or "token" in option}
        refused = CliRunner().invoke(main, [command, ".", "--password", "x"])
        assert refused.exit_code == 2


def test_the_command_line_reports_in_text_and_json(
    site: PhysioNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_everything(site)
    monkeypatch.setenv("EHRXQA_PHYSIONET_URL", site.address)
    dry = CliRunner().invoke(main, ["download", str(tmp_path), "--for", "demo", "--dry-run", "--quiet"])
    assert dry.exit_code == 0, dry.output
    assert dry.stdout.splitlines()[-1].startswith("to fetch: ")
    site.seen.clear()
    done = CliRunner().invoke(main, ["download", str(tmp_path), "--for", "demo", "-q", "--format", "json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["received_bytes"] == sum(one.sent for one in site.gets())
    assert done.stderr == ""
    wrong = CliRunner().invoke(main, ["download", str(tmp_path), "--connections", "99"])
    assert wrong.exit_code == 2
