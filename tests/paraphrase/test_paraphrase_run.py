"""The whole of it on small question files: what is sent, what is written, what survives a kill."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from chat_server import KEY, PREFIXES
from click.testing import CliRunner
from paraphrase_folder import SECRET_WORDS, SENTENCES, write_folder

import ehrxqa
from ehrxqa.cli.main import main
from ehrxqa.errors import BuildError, EndpointError, RecordError, SettingsError
from ehrxqa.net.chat import Patience
from ehrxqa.runs import replacing
from ehrxqa.runs.manifest import read_manifest
from ehrxqa.runs.output_folder import exclusive

QUICK = Patience(attempts=2, first_seconds=0.01, answer_seconds=60)
RUN = [sys.executable, "-c", "from ehrxqa.cli.main import run; run()"]


def load(out: Path, name: str) -> list[dict]:
    return json.loads((out / "dataset" / f"{name}.json").read_text())


def files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*.json"))}


def paraphrase(out, site, **more):
    return ehrxqa.paraphrase(out, endpoint=site.url, model="small-model", patience=QUICK, **more)


def test_only_question_and_para_type_change_and_both_forms_agree(out, site):
    before = {name: load(out, name) for name in ("_train", "train", "_test", "test")}
    report = paraphrase(out, site)
    assert report.questions == 12 and report.changed == {"train": 6, "test": 6}
    assert (report.kept, report.rejected, report.others) == ({}, {}, 0)
    for name, records in before.items():
        after = load(out, name)
        assert [list(record) for record in after] == [list(record) for record in records]
        for old, new in zip(records, after, strict=True):
            assert new["para_type"] == "small-model" and old["para_type"] == "machine"
            assert new["question"] != old["question"] and new["question"].endswith(old["question"])
            assert {**new, "question": "", "para_type": ""} == {**old, "question": "", "para_type": ""}
    for split in ("train", "test"):
        assert [r["question"] for r in load(out, f"_{split}")] == [r["question"] for r in load(out, split)]
    # equal shapes, two of them in each split, got different wordings in turn
    assert len({record["question"].split(" was patient")[0] for split in ("train", "test") for record in
                load(out, split)[:2]}) == 4  # fmt: skip


def test_the_endpoint_sees_no_value(out, site):
    report = paraphrase(out, site)
    sent = json.dumps([site.bodies, site.headers]).lower()
    assert not [word for word in SECRET_WORDS if word in sent]
    assert report.shapes == 5 == report.requests == len(set(site.shapes())) == len(site.bodies)
    assert "was patient [patient_1] prescribed [drug_1] in [month_1]?" in site.shapes()


def test_verify_stays_clean_and_the_manifest_tells_of_it(out, site):
    paraphrase(out, site, splits=["test"], seed=3)
    report = ehrxqa.verify(out)
    assert report.ok, report.problems
    assert "questions: 4 files as in the manifest" in report.checked
    manifest = read_manifest(out)
    told = {"model": "small-model", "temperature": None, "seed": 3, "changed": {"test": 6}}
    assert manifest.stages["questions"].counts == {"templates": 6, "paraphrase": [told]}
    assert {record["para_type"] for record in load(out, "train")} == {"machine"}
    assert CliRunner().invoke(main, ["info", str(out)]).exit_code == 0


def test_refused_wordings_are_counted_asked_again_and_keep_the_question(out, site):
    before = files(out)
    site.always = "lossy"
    report = paraphrase(out, site)
    assert report.changed == {} and report.kept == {"no wording passed": 12}
    assert set(report.rejected) == {"placeholder lost or repeated"}
    assert len(site.bodies) == 3 * report.shapes == report.requests
    assert files(out) == before


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("extra", "new placeholder"), ("empty", "empty"), ("null", "empty"), ("lossy", "placeholder lost")],
)
def test_one_bad_reply_is_mended_by_the_next(fault, reason, out, site):
    site.faults = [fault]
    report = paraphrase(out, site, concurrency=1, seed=40)
    assert report.changed == {"train": 6, "test": 6}
    assert [name.startswith(reason) for name in report.rejected] == [True]
    assert report.requests == report.shapes + 1
    assert [body["seed"] for body in site.bodies] == [40, 41, 40, 40, 40, 40]


def test_a_changed_meaning_keeps_the_question(out, site):
    site.always = "swap"  # first for last
    report = paraphrase(out, site)
    assert report.kept == {"no wording passed": 2} and report.changed == {"train": 5, "test": 5}
    assert {record["id"] for record in load(out, "test") if record["para_type"] == "machine"} == {2}


def test_numbered_and_quoted_lines_are_understood(out, site):
    site.always = "numbered"
    report = paraphrase(out, site)
    assert report.changed == {"train": 6, "test": 6}
    source = "in the chest x-ray study 85501234, is there lung opacity in the left lung?"
    assert load(out, "train")[3]["question"] == PREFIXES[0] + source


def test_the_same_replies_give_the_same_bytes_whatever_the_order(tmp_path, site):
    found = []
    for name, concurrency in (("a", 1), ("b", 8)):
        out = write_folder(tmp_path / name)
        paraphrase(out, site, concurrency=concurrency)
        found.append(files(out))
    assert found[0] == found[1]
    assert site.most_open <= 8


def test_limit_and_what_is_already_worded(out, site):
    first = paraphrase(out, site, limit=4)
    assert first.questions == 4 and first.changed == {"train": 4}
    second = paraphrase(out, site, limit=4)
    assert second.others == 4 and second.changed == {"train": 2, "test": 2}
    third = paraphrase(out, site)
    assert third.others == 8 and third.changed == {"test": 4}
    asked = len(site.bodies)
    last = paraphrase(out, site)
    assert (last.questions, last.others, len(site.bodies)) == (0, 12, asked)


def test_what_cannot_be_masked_is_kept_and_counted(out, site):
    for name in ("_test", "test"):
        records = load(out, name)
        records[0]["question"] = "was mr smith prescribed 70037321 aspirin 81?"
        (out / "dataset" / f"{name}.json").write_text(json.dumps(records))
    report = paraphrase(out, site, splits=["test"])
    assert report.kept == {"a word is left that no template has": 1}
    assert load(out, "test")[0]["para_type"] == "machine"
    assert "smith" not in json.dumps(site.bodies)


def test_one_form_alone_is_enough(out, site):
    (out / "dataset/_train.json").unlink()
    assert paraphrase(out, site, splits=["train"]).changed == {"train": 6}
    assert not (out / "dataset/_train.json").exists()


# --- consent -----------------------------------------------------------------------------------------------------


def test_real_data_are_confirmed_even_for_this_machine(tmp_path, site):
    out = write_folder(tmp_path / "real", synthetic=False)
    with pytest.raises(
        SettingsError, match=r"nothing was sent: 5 sentences without their values .* --confirm-endpoint"
    ):
        paraphrase(out, site)
    with pytest.raises(SettingsError, match="not the host"):
        paraphrase(out, site, confirm_endpoint="localhost")
    with pytest.raises(SettingsError, match="nothing was sent"):
        paraphrase(out, site, ask=lambda what, host: None)
    assert not site.bodies
    asked = []
    paraphrase(out, site, limit=2, ask=lambda what, host: asked.append((what, host)) or host)
    assert asked[0][1] == site.host and "1 sentence without their values" in asked[0][0]
    assert sum(paraphrase(out, site, confirm_endpoint=site.host.upper()).changed.values()) == 10


def test_synthetic_data_are_confirmed_for_another_machine(out):
    with pytest.raises(SettingsError, match=r"would go to llm\.example; allow it with --confirm-endpoint llm\.example"):
        ehrxqa.paraphrase(out, endpoint="https://llm.example/v1", model="m")
    with pytest.raises(EndpointError, match=r"llm\.example cannot be reached"):
        ehrxqa.paraphrase(out, endpoint="https://llm.example/v1", model="m", confirm_endpoint="llm.example")


def test_the_command_refuses_with_one_line(tmp_path, site):
    out = write_folder(tmp_path / "real", synthetic=False)
    done = subprocess.run([*RUN, "paraphrase", str(out), "--endpoint", site.url, "--model", "m"], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL)  # fmt: skip
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1 and site.host in done.stderr
    assert not [word for word in SECRET_WORDS if word in done.stderr.lower()]
    assert not site.bodies


def test_someone_at_a_terminal_is_asked(tmp_path, site):
    out = write_folder(tmp_path / "real", synthetic=False)
    command = [*RUN, "paraphrase", str(out), "--endpoint", site.url, "--model", "m", "-q", "--format", "json"]
    for answer, status in ((f"{site.host}\n", 0), ("no\n", 2)):
        write_folder(out, synthetic=False)
        site.bodies.clear()
        ours, theirs = pty.openpty()
        process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, close_fds=True)
        os.close(theirs)
        shown = b""
        while b"To allow it" not in shown:
            shown += os.read(ours, 4096)
        assert not site.bodies
        os.write(ours, answer.encode())
        stdout, _ = process.communicate(timeout=180)
        os.close(ours)
        assert process.returncode == status
        assert bool(site.bodies) == (status == 0) == bool(stdout)
        assert b"5 sentences without their values" in shown
        shutil.rmtree(out)


def test_a_wrong_confirmation_counts_even_where_none_is_needed(out, site):
    with pytest.raises(SettingsError, match="not the host"):
        paraphrase(out, site, confirm_endpoint="llm.example")
    assert not site.bodies


# --- wrong input -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"model": "machine"}, SettingsError), ({"model": " "}, SettingsError), ({"limit": 0}, SettingsError),
        ({"per_request": 0}, SettingsError), ({"concurrency": 0}, SettingsError), ({"temperature": 3}, SettingsError),
        ({"splits": ["dev"]}, SettingsError), ({"splits": ["valid"]}, RecordError), ({"endpoint": "x"}, SettingsError),
    ],
)  # fmt: skip
def test_wrong_settings(more, error, out, site):
    with pytest.raises(error) as caught:
        ehrxqa.paraphrase(out, **{"endpoint": site.url, "model": "m", **more})
    assert "\n" not in str(caught.value)
    assert not site.bodies


def test_wrong_folders(tmp_path, out, site):
    with pytest.raises(BuildError, match="holds no build"):
        paraphrase(tmp_path, site)
    with exclusive(out), pytest.raises(BuildError, match="another command is at work"):
        paraphrase(out, site)
    records = load(out, "train")
    records[2]["question"] = "another question?"
    (out / "dataset/train.json").write_text(json.dumps(records))
    with pytest.raises(RecordError, match="do not hold the same questions"):
        paraphrase(out, site)
    for text in ("{", "{}", '[{"id": 1}]'):
        (out / "dataset/train.json").write_text(text)
        with pytest.raises(RecordError):
            paraphrase(out, site)
    for path in (out / "dataset").iterdir():
        path.unlink()
    with pytest.raises(RecordError, match="holds no question files"):
        paraphrase(out, site)
    assert not site.bodies


# --- interruptions -----------------------------------------------------------------------------------------------


def test_a_killed_run_goes_on_and_asks_nothing_twice(out, site):
    before = files(out)
    site.hold_after = 3
    command = [*RUN, "paraphrase", str(out), "--endpoint", site.url, "--model", "m", "--concurrency", "1", "-q"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while len(site.bodies) < 4:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert files(out) == before
    answered = site.shapes()[:3]
    site.hold_after = None
    site.go_on.set()
    site.bodies.clear()
    report = ehrxqa.paraphrase(out, endpoint=site.url, model="m")
    assert (report.remembered, report.requests) == (3, 2)
    assert not set(answered) & set(site.shapes())
    assert report.changed == {"train": 6, "test": 6}


def test_interrupting_a_waiting_run_ends_it_at_once(out, site):
    site.hold_after = 1
    command = [*RUN, "paraphrase", str(out), "--endpoint", site.url, "--model", "m"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while len(site.bodies) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=180)
    assert process.returncode == 130
    assert error.decode().splitlines()[-1] == "ehrxqa: interrupted; run the same command again to go on"


def test_an_endpoint_that_fails_midway_loses_nothing(out, site):
    before = files(out)
    site.faults = ["", "", "404"]
    with pytest.raises(EndpointError, match="HTTP 404"):
        paraphrase(out, site, concurrency=1)
    assert files(out) == before
    report = paraphrase(out, site)
    assert (report.remembered, report.requests) == (2, 3)


class Killed(BaseException):
    """Stands for a power cut: no handler mends anything."""


@pytest.mark.parametrize("step", range(6))
def test_cut_while_files_are_replaced(step, out, site, monkeypatch, tmp_path):
    """Five files change together: four forms and the manifest. Whatever step is the last, the next run completes it."""
    whole = write_folder(tmp_path / "whole")
    paraphrase(whole, site)
    before, after = files(out), files(whole)
    real, count = Path.replace, 0

    def replace(self, target):
        nonlocal count
        if self.name.endswith(".staged"):
            if count == step:
                raise Killed
            count += 1
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    if step < 5:
        with pytest.raises(Killed):
            paraphrase(out, site)
        assert (out / replacing.RECORD).exists()
    else:
        paraphrase(out, site)
    monkeypatch.undo()
    site.bodies.clear()
    report = paraphrase(out, site)
    assert report.others == 12 and not site.bodies
    assert files(out) == after != before
    assert not list(out.rglob("*.staged"))
    assert ehrxqa.verify(out).ok


@pytest.mark.parametrize("name", ["_test.json.staged", "manifest.json.staged", ".replacing.json"])
def test_cut_before_all_is_staged(name, out, site, monkeypatch):
    before = files(out)
    real = Path.replace

    def replace(self, target):
        if Path(target).name == name:
            raise Killed
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(Killed):
        paraphrase(out, site)
    monkeypatch.undo()
    assert files(out) == before
    assert ehrxqa.verify(out).ok
    assert paraphrase(out, site).changed == {"train": 6, "test": 6}


def test_files_made_anew_since_are_left_alone(out, site, monkeypatch):
    monkeypatch.setattr(replacing, "finish", lambda out: None)
    paraphrase(out, site)  # staged, not renamed
    monkeypatch.undo()
    write_folder(out, splits=("train",))
    before = files(out)
    assert not replacing.finish(out)
    assert files(out) == {path: data for path, data in before.items() if path != replacing.RECORD}
    assert not list(out.rglob("*.staged"))


# --- the key -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", ["", "400"])
def test_the_key_shows_nowhere(trouble, out, site, tmp_path):
    site.key = KEY
    site.always = trouble
    environment = {**os.environ, "EHRXQA_LLM_API_KEY": KEY, "HOME": str(tmp_path)}
    command = [*RUN, "--debug", "paraphrase", str(out), "--endpoint", site.url, "--model", "m"]
    command[2] = (
        "import ehrxqa.net.chat as client, dataclasses, logging\n"
        "logging.basicConfig(level=0)\n"
        "old = client.Patience\n"
        "client.Patience = lambda: old(attempts=2, first_seconds=0.01)\n" + command[2]
    )
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == (1 if trouble else 0)
    assert (b"Traceback" in done.stderr) == bool(trouble)
    for text in (done.stdout, done.stderr, *(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())):
        assert KEY.encode() not in text
    assert site.headers[0]["Authorization"] == f"Bearer {KEY}"


def test_no_option_takes_a_key(out, site):
    shown = CliRunner().invoke(main, ["paraphrase", "--help"]).output
    assert not {word for word in shown.split() if word.startswith("--") and ("key" in word or "token" in word)}
    refused = CliRunner().invoke(
        main, ["paraphrase", str(out), "--endpoint", site.url, "--model", "m", "--api-key", "x"]
    )
    assert refused.exit_code == 2


def test_the_command_reports_in_text(out, site):
    site.faults = ["lossy"]
    done = CliRunner().invoke(
        main, ["paraphrase", str(out), "--endpoint", site.url, "--model", "m", "--split", "test", "--concurrency", "1"]
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[:2] == ["6 of 6 questions reworded by m", "  test: 6"]
    assert "refused, placeholder lost or repeated: 2" in done.stdout
    assert len(SENTENCES) == 6
