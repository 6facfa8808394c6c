"""The official dataset by one command, against a loopback PhysioNet that publishes a small hospital."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from physionet_server import PASSWORD, USER, PhysioNet

from ehrxqa.building import official as official_module
from ehrxqa.building.build import build
from ehrxqa.building.official import official
from ehrxqa.dataset.answer import answer
from ehrxqa.downloading import Network
from ehrxqa.errors import BuildError
from ehrxqa.hospital import synth
from ehrxqa.net.credentials import Credentials
from ehrxqa.net.errors import DownloadError
from ehrxqa.questions.generate import generate
from ehrxqa.sources.catalogue import MIMIC_CXR_JPG
from ehrxqa.sources.download.releases import SCRIPT

WORD = "PHYSIONET_PASSWORD"
RUN = [sys.executable, "-c", "from ehrxqa.cli.main import run; run()"]


@dataclass(frozen=True)
class Published:
    """What the site publishes, and what comes of it when it is built directly."""

    files: dict[str, dict[str, bytes]]
    expected: Path


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    root = tmp_path_factory.mktemp("official")
    synth(root / "hospital", subjects=60, seed=4, workers=1)
    out = root / "out"
    build(root / "hospital", out, mode="official", workers=1)
    generate(out, train=15, valid=8, test=20, seed=1, workers=1)
    files: dict[str, dict[str, bytes]] = {}
    for path in sorted((root / "hospital").rglob("*")):
        if path.is_file() and path.name != "SYNTHETIC.json":
            project, version, *rest = path.relative_to(root / "hospital").parts
            files.setdefault(f"{project}/{version}", {})["/".join(rest)] = path.read_bytes()
    files["chest-imagenome/1.0.0"][SCRIPT] = b"raise SystemExit('must never run')\n"
    splits = ("train", "valid", "test")
    files["ehrxqa/1.0.0"] = {
        f"dataset/_{split}.json": (out / f"dataset/_{split}.json").read_bytes() for split in splits
    }
    for split in splits:
        answer(out, out / f"dataset/_{split}.json", root / f"{split}.json", workers=1)
        (root / f"{split}.json").replace(out / f"dataset/{split}.json")
    return Published(files, out)


@pytest.fixture
def site(published: Published) -> Iterator[PhysioNet]:
    server = PhysioNet().start()
    for folder, files in published.files.items():
        server.publish(folder, files)
    server.protected = {folder.split("/")[0] for folder in published.files}
    server.signed = set(server.protected)
    yield server
    server.stop()


@pytest.fixture
def network(site: PhysioNet) -> Network:
    return Network(address=site.address)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _same_result(out: Path, expected: Path) -> None:
    names = [f"database/{base}/mimic_iv_cxr.db" for base in ("train", "test")]
    names += [f"dataset/{mark}{split}.json" for split in ("train", "valid", "test") for mark in ("", "_")]
    names += [f"labels/{path.name}" for path in (expected / "labels").iterdir()]
    for name in names:
        assert _digest(out / name) == _digest(expected / name), name


def _times(out: Path) -> dict[Path, int]:
    files = (path for path in out.rglob("*") if path.is_file() and ".work" not in path.parts)
    return {path: path.stat().st_mtime_ns for path in files}


def test_one_call_makes_the_dataset_and_a_second_does_nothing(
    published: Published, site: PhysioNet, network: Network, tmp_path: Path
) -> None:
    said: list[str] = []
    report = official(
        tmp_path / "out",
        network=network,
        credentials=Credentials(USER, PASSWORD, "the test"),
        workers=1,
        said=said.append,
    )
    assert report.complete
    _same_result(tmp_path / "out", published.expected)
    assert [line.split(":")[0] for line in said] == ["sources", "labels and databases", "answers", "verified"]
    facts = {fact.name: fact for fact in report.facts}
    assert facts["sources"].text == "23 of 23 files are the published ones"
    before = _times(tmp_path / "out")
    site.seen.clear()
    again = official(tmp_path / "out", network=network, workers=1)  # without any account
    assert again.complete
    assert "there already" in again.steps[2]
    assert site.seen == []
    assert _times(tmp_path / "out") == before


def _environment(site: PhysioNet, tmp_path: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PHYSIONET")}
    return {**kept, "HOME": str(tmp_path), "EHRXQA_PHYSIONET_URL": site.address, **more}


def _command(site: PhysioNet, tmp_path: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    given = {"PHYSIONET_USERNAME": USER, WORD: PASSWORD} | more
    command = [*RUN, "official", *arguments]
    environment = _environment(site, tmp_path, **given)
    return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=900)


def test_the_command_as_a_newcomer_types_it(published: Published, site: PhysioNet, tmp_path: Path) -> None:
    dry = _command(site, tmp_path, "out", "--dry-run")
    assert dry.returncode == 0
    assert "sign-dua/ehrxqa/1.0.0/" in dry.stdout
    assert "0 of 16 are there" in dry.stdout
    assert site.seen == []
    assert list(tmp_path.iterdir()) == []
    done = _command(site, tmp_path, "out", "--images")
    assert done.returncode == 0, done.stderr
    assert [line[:1] for line in done.stdout.splitlines()].count("✓") >= 5
    assert "23 of 23 files are the published ones" in done.stdout
    assert "next: ehrxqa stats out" in done.stdout
    assert PASSWORD not in done.stdout + done.stderr
    _same_result(tmp_path / "out", published.expected)
    pictures = list((tmp_path / "out/sources" / MIMIC_CXR_JPG.folder / "files").rglob("*.jpg"))
    assert len(pictures) > 10
    commands = "stats out", "why out 0 --split test", "info out", "check out", "export out"
    for command in (line.split() for line in (*commands, "page out pages --sample 2 --patients")):
        shown = subprocess.run([*RUN, *command], cwd=tmp_path, capture_output=True, text=True)
        assert shown.returncode == 0, shown.stderr
        assert "Traceback" not in shown.stderr
        assert shown.stdout


def test_a_wrong_password_is_one_line(site: PhysioNet, tmp_path: Path) -> None:
    done = _command(site, tmp_path, "out", "-q", **{WORD: "guess"})
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "does not accept the user name and password" in done.stderr


def test_what_was_mistyped_may_be_typed_again_three_times(
    site: PhysioNet, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = iter(["first", "second", PASSWORD])
    asked: list[str] = []

    def prompted(note: Callable[[str], None]) -> Credentials:
        asked.append("once")
        return Credentials(USER, next(typed), "the prompt")

    monkeypatch.setattr(official_module, "find_credentials", prompted)
    assert official(tmp_path / "out", network=network, images=True, workers=1).complete
    assert len(asked) == 3  # and not once more for the images
    typed = iter(["a", "b", "c", "d"])
    with pytest.raises(DownloadError, match="does not accept"):
        official(tmp_path / "other", network=network, workers=1)
    assert len(asked) == 6


def test_an_agreement_that_is_not_signed_is_named_and_the_rest_is_done(
    published: Published, site: PhysioNet, tmp_path: Path
) -> None:
    site.signed -= {"ehrxqa"}
    done = _command(site, tmp_path, "out")
    assert done.returncode == 1
    assert "EHRXQA 1.0.0 (https://physionet.org/sign-dua/ehrxqa/1.0.0/)" in done.stdout
    assert _digest(tmp_path / "out/database/test/mimic_iv_cxr.db") == _digest(
        published.expected / "database/test/mimic_iv_cxr.db"
    )
    site.signed |= {"ehrxqa"}
    site.signed -= {"mimic-cxr-jpg"}
    other = _command(site, tmp_path, "other", "-q")
    assert other.returncode == 1
    assert "MIMIC-CXR-JPG 2.0.0 (https://physionet.org/sign-dua/mimic-cxr-jpg/2.0.0/)" in other.stderr
    assert (tmp_path / "other/sources/mimiciv/2.2/hosp/labevents.csv.gz").is_file()
    site.signed |= {"mimic-cxr-jpg"}
    assert _command(site, tmp_path, "other", "-q").returncode == 0
    _same_result(tmp_path / "other", published.expected)


def test_offline_is_said(site: PhysioNet, tmp_path: Path) -> None:
    address = site.address
    site.stop()
    environment = _environment(site, tmp_path, PHYSIONET_USERNAME=USER, PHYSIONET_PASSWORD=PASSWORD)
    assert environment["EHRXQA_PHYSIONET_URL"] == address
    done = subprocess.run(
        [*RUN, "official", "out", "-q"], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "connection" in done.stderr.lower() or "reached" in done.stderr.lower()


def test_killed_at_random_moments(published: Published, site: PhysioNet, tmp_path: Path) -> None:
    """However often it is killed, the bytes are those of a run that was not."""
    rng = random.Random(int(os.environ.get("EHRXQA_TEST_SEED", "1")))
    environment = _environment(site, tmp_path, PHYSIONET_USERNAME=USER, PHYSIONET_PASSWORD=PASSWORD)
    command = [*RUN, "official", "out", "-q", "--workers", "1"]
    kills = int(os.environ.get("EHRXQA_TEST_KILLS", "6"))
    for number in range(kills):
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.DEVNULL)
        try:
            process.wait(rng.uniform(0.2, 5.0))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        else:
            assert process.returncode == 0
            shutil.rmtree(tmp_path / "out")  # complete: begin anew
            assert number >= 0
    for _ in range(600):  # the lock of a killed run goes with its last process
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=900)
        if "another command is at work" not in done.stderr:
            break
        time.sleep(0.2)
    assert done.returncode == 0, done.stderr
    _same_result(tmp_path / "out", published.expected)


def test_a_tree_that_is_there_is_adopted_and_one_half_there_is_completed(
    published: Published, site: PhysioNet, network: Network, tmp_path: Path
) -> None:
    tree = tmp_path / "wget" / "physionet.org" / "files"
    for folder, files in published.files.items():
        for name, data in files.items():
            if not name.endswith(".jpg"):
                path = tree / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
    labs = tree / "mimiciv/2.2/hosp/labevents.csv.gz"
    half = labs.stat().st_size // 2
    labs.write_bytes(labs.read_bytes()[:half])
    (tree / "mimiciv/2.2/hosp/patients.csv.gz").unlink()
    credentials = Credentials(USER, PASSWORD, "the test")
    report = official(tmp_path / "out", sources=tmp_path / "wget", network=network, credentials=credentials, workers=1)
    assert report.complete
    _same_result(tmp_path / "out", published.expected)
    fetched = {seen.path.rsplit("/", 1)[1] for seen in site.gets(".csv.gz")}
    assert fetched == {"labevents.csv.gz", "patients.csv.gz"}
    assert all(seen.sent < labs.stat().st_size for seen in site.gets("labevents"))


def test_a_damaged_file_is_named_and_kept(published: Published, network: Network, tmp_path: Path) -> None:
    path = tmp_path / "sources/mimiciv/2.2/hosp/admissions.csv.gz"
    path.parent.mkdir(parents=True)
    data = bytearray(published.files["mimiciv/2.2"]["hosp/admissions.csv.gz"])
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(DownloadError, match=r"admissions\.csv\.gz: there, but not the published file"):
        official(
            tmp_path / "out",
            sources=tmp_path / "sources",
            network=network,
            credentials=Credentials(USER, PASSWORD, "the test"),
        )
    assert path.read_bytes() == bytes(data)


def test_a_full_disk_is_said_before_anything_is_fetched(
    site: PhysioNet, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(BuildError, match="are free; nothing was fetched"):
        official(tmp_path / "out", network=network, credentials=Credentials(USER, PASSWORD, "the test"))
    assert not site.gets(".csv.gz")


def test_a_question_file_that_is_lost_and_refused_is_said(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    out = tmp_path / "out"
    credentials = Credentials(USER, PASSWORD, "the test")
    assert official(out, network=network, credentials=credentials, workers=1).complete
    assert json.loads((out / "manifest.json").read_text())["published"]["equal"] == 23
    (out / "sources/ehrxqa/1.0.0/dataset/_test.json").unlink()
    site.signed.clear()
    report = official(out, network=network, credentials=credentials, workers=1)
    assert not report.complete
    assert [release.slug for release in report.refused] == ["ehrxqa"]
