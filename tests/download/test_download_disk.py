"""What is on the disk before, during and after: adoption, resumption, locks, space, checks."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from pathlib import Path

import pytest
from fake_clock import FakeClock
from physionet_server import Fault, PhysioNet
from published import graphs_zip, gz, publish_everything

from ehrxqa.downloading import Credentials, DownloadError, Network, download
from ehrxqa.errors import BuildError
from ehrxqa.hospital.as_downloaded import leave_clutter
from ehrxqa.progress import PlainProgress
from ehrxqa.sources.tree import SYNTHETIC_MARKER

DEMO = "mimic-iv-demo/2.2"
PATIENTS = f"{DEMO}/hosp/patients.csv.gz"
RUN = [sys.executable, "-c", "from ehrxqa.cli.main import run; run()"]


def _demo(site: PhysioNet, network: Network, root: Path, **options: object) -> dict[str, str]:
    report = download(root, stages=["demo"], network=network, **options)  # type: ignore[arg-type]
    return {file.name: file.outcome for file in report.files}


def test_a_second_run_fetches_nothing_and_asks_nobody(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    _demo(site, network, tmp_path)
    before = len(site.seen)
    assert set(_demo(site, network, tmp_path).values()) == {"present"}
    assert len(site.seen) == before


def test_a_wget_tree_is_adopted_without_fetching_a_file(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    root = tmp_path / "physionet.org" / "files"
    for path, data in site.files.items():
        if path.startswith(DEMO):
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
    (root / "mimic-iv-demo").rename(root / "kept")
    (root / "kept").rename(root / "mimic-iv-demo")
    assert set(_demo(site, network, tmp_path).values()) == {"present"}
    assert site.seen == []


def test_an_interrupted_wget_is_continued_from_its_last_byte(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    data = os.urandom(200_000)
    site.publish(DEMO, {"hosp/labevents.csv.gz": data})
    target = tmp_path / DEMO / "hosp/labevents.csv.gz"
    target.parent.mkdir(parents=True)
    target.write_bytes(data[:150_000])
    _demo(site, network, tmp_path)
    assert target.read_bytes() == data
    ranges = [one.range for one in site.gets("labevents")]
    assert ranges == [f"bytes={150_000 - 65_536}-149999", "bytes=150000-"]


@pytest.mark.parametrize("content", [b"my own sample", b"x" * 100_000])
def test_a_foreign_file_is_left_alone_unless_told(
    content: bytes, site: PhysioNet, network: Network, tmp_path: Path
) -> None:
    publish_everything(site)
    target = tmp_path / PATIENTS
    target.parent.mkdir(parents=True)
    target.write_bytes(content)
    with pytest.raises(DownloadError, match=r"patients\.csv\.gz: there, but not the published file.*--replace"):
        _demo(site, network, tmp_path)
    assert target.read_bytes() == content
    assert _demo(site, network, tmp_path, replace=True)[PATIENTS] == "fetched"
    assert target.read_bytes() == site.files[PATIENTS]


def test_unpacked_tables_and_graphs_count_as_present_but_unchecked(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    table = tmp_path / "mimiciv/2.2/hosp/labevents.csv"
    graph = tmp_path / "chest-imagenome/1.0.0/silver_dataset/scene_graph/scene_graph/a_SceneGraph.json"
    for path in (table, graph):
        path.parent.mkdir(parents=True)
        path.write_text("unpacked\n")
    report = download(tmp_path, network=network, credentials=credentials)
    outcomes = {file.name: (file.outcome, file.why) for file in report.files}
    outcome, why = outcomes["mimiciv/2.2/hosp/labevents.csv.gz"]
    assert outcome == "present, not checked"
    assert why == "unpacked as labevents.csv, cannot be checksummed"
    assert outcomes["chest-imagenome/1.0.0/silver_dataset/scene_graph.zip"][0] == "present, not checked"
    assert not site.gets("labevents")
    assert not site.gets("scene_graph.zip")


def test_clutter_beside_the_files_and_other_folders_do_not_make_them_come_again(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    download(tmp_path, network=network, credentials=credentials)
    (tmp_path / SYNTHETIC_MARKER).write_text('{"synthetic": true}')
    kinds = ["second-downloads", "index-pages", "windows-rests", "apple-double", "macosx-folders"]
    leave_clutter(tmp_path, [*kinds, "nested-folder", "archive-folders", "wget-folders"], seed=1)
    before = len(site.seen)
    report = download(tmp_path, network=network, credentials=credentials)
    assert {file.outcome for file in report.files} == {"present"}
    assert len(site.seen) == before
    missing = next(tmp_path.rglob("2.2/mimic-iv-2.2/hosp/labevents.csv.gz"))
    whole = missing.read_bytes()
    missing.rename(missing.with_name("labevents (1).csv.gz"))
    missing.with_name(f"{missing.name}.part").write_bytes(b"what a browser has left")
    download(tmp_path, network=network, credentials=credentials)
    assert missing.read_bytes() == whole


def test_the_tabular_files_make_the_graphs_unnecessary(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    publish_everything(site)
    folder = tmp_path / "chest-imagenome/1.0.0/silver_dataset/scene_tabular"
    folder.mkdir(parents=True)
    for name in ("attribute_relations_tabular.txt", "bbox_objects_tabular.txt"):
        (folder / name).write_text("made before\n")
    report = download(tmp_path, only=["chest-imagenome"], network=network, credentials=credentials)
    zipped = next(file for file in report.files if file.name.endswith(".zip"))
    assert zipped.outcome == "present, not checked"
    assert "scene_tabular" in zipped.why
    assert not site.gets("scene_graph.zip")


def test_damage_after_the_check_is_found_by_recheck(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    _demo(site, network, tmp_path)
    target = tmp_path / PATIENTS
    status = target.stat()
    damaged = bytearray(target.read_bytes())
    damaged[3] ^= 1
    target.write_bytes(damaged)
    os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))  # bit rot leaves no trace
    assert set(_demo(site, network, tmp_path).values()) == {"present"}
    with pytest.raises(DownloadError, match="not the published file"):
        _demo(site, network, tmp_path, recheck=True)


def test_a_torn_ledger_line_is_passed_over(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    _demo(site, network, tmp_path)
    ledger = tmp_path / DEMO / ".ehrxqa-checked.jsonl"
    ledger.write_bytes(ledger.read_bytes()[:-25] + b"\xff\n{}\n[1]\n")
    assert set(_demo(site, network, tmp_path).values()) == {"present"}


def test_a_dry_run_states_sizes_and_fetches_no_file(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    report = download(tmp_path, stages=["demo"], dry_run=True, network=network)
    sizes = {path: len(data) for path, data in site.files.items() if path.startswith(DEMO) and "SUMS" not in path}
    assert report.expected_bytes == sum(sizes.values())
    assert {file.name: file.bytes for file in report.files} == sizes
    assert {file.outcome for file in report.files} == {"missing"}
    assert [one.path for one in site.gets()] == [f"{DEMO}/SHA256SUMS.txt"]
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_tells_four_states_and_writes_nothing(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    folder = tmp_path / DEMO / "hosp"
    folder.mkdir(parents=True)
    content = {name: site.files[f"{DEMO}/hosp/{name}.csv.gz"] for name in ("patients", "admissions", "transfers")}
    (folder / "patients.csv.gz").write_bytes(content["patients"])
    (folder / "admissions.csv.gz").write_bytes(content["admissions"][:-9])  # as an interrupted wget leaves it
    (folder / "transfers.csv.gz").write_bytes(b"my own notes")
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}
    for replace in (False, True):
        report = download(tmp_path, stages=["demo"], dry_run=True, replace=replace, network=network)
        outcomes = {file.name.rpartition("/")[2].removesuffix(".csv.gz"): file for file in report.files}
        assert outcomes["patients"].outcome == "there"
        assert outcomes["admissions"].outcome == "continued"
        assert outcomes["transfers"].outcome == ("replaced" if replace else "conflict")
        assert ("--replace" in outcomes["transfers"].why) is not replace
        assert outcomes["labevents"].outcome == "missing"
        others = {name for name in outcomes if name not in ("patients", "admissions", "transfers")}
        assert report.expected_bytes == 9 + sum(
            len(data) for path, data in site.files.items()
            if path.startswith(DEMO) and path.rpartition("/")[2].removesuffix(".csv.gz") in others
        ) + replace * len(content["transfers"])  # fmt: skip
        assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()} == before
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == list(before)


@pytest.mark.parametrize(
    "given", [".", "physionet.org", *(f"physionet.org/files/{to}" for to in ("", DEMO[:13], DEMO))]
)
def test_a_tree_is_found_one_level_up_or_down(given: str, site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    _demo(site, network, tmp_path / "physionet.org" / "files")
    site.seen.clear()
    assert set(_demo(site, network, tmp_path / given).values()) == {"present"}
    assert site.seen == []
    assert [path.name for path in tmp_path.iterdir()] == ["physionet.org"]


def test_a_full_disk_is_noticed_before_the_start(
    site: PhysioNet, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_everything(site)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**6, 10**6, 1000))
    with pytest.raises(BuildError, match=r"are needed, 1\.0 kB are free; nothing was fetched"):
        _demo(site, network, tmp_path)
    assert not site.gets("csv.gz")


def test_a_disk_that_fills_up_is_one_clear_error_and_keeps_the_part(
    site: PhysioNet, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    publish_everything(site)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(BuildError, match="disk is full"):
            _demo(site, network, tmp_path)
    assert set(_demo(site, network, tmp_path).values()) == {"fetched"}


def test_a_changed_list_of_checksums_is_fetched_again(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    """A stale SHA256SUMS.txt in the tree does not make good files look wrong."""
    publish_everything(site)
    folder = tmp_path / DEMO
    folder.mkdir(parents=True)
    stale = "".join(
        f"{hashlib.sha256(b'older').hexdigest()} {path.removeprefix(DEMO + '/')}\n"
        for path in site.files
        if path.startswith(DEMO)
    )
    (folder / "SHA256SUMS.txt").write_text(stale)
    assert set(_demo(site, network, tmp_path).values()) == {"fetched"}
    assert (folder / "SHA256SUMS.txt").read_bytes() == site.files[f"{DEMO}/SHA256SUMS.txt"]


@pytest.mark.parametrize(
    "text", ["<html>please log in</html>\n", "0" * 64 + " ../../../etc/passwd/patients.csv.gz\n", "\xff\xfe"]
)
def test_a_list_that_is_none_is_refused(text: str, site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    site.files[f"{DEMO}/SHA256SUMS.txt"] = text.encode("latin-1")
    with pytest.raises(DownloadError):
        _demo(site, network, tmp_path)
    assert not site.gets("csv.gz")


def test_a_zip_that_is_not_safe_never_gets_its_name(
    site: PhysioNet, network: Network, credentials: Credentials, tmp_path: Path
) -> None:
    import io
    import zipfile

    publish_everything(site)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../outside.json", "{}")
    site.publish("chest-imagenome/1.0.0", {"silver_dataset/scene_graph.zip": out.getvalue()})
    with pytest.raises(DownloadError, match=r"scene_graph\.zip: member 1 leaves its folder"):
        download(tmp_path, only=["chest-imagenome"], network=network, credentials=credentials)
    assert not list(tmp_path.rglob("scene_graph.zip*"))
    site.publish("chest-imagenome/1.0.0", {"silver_dataset/scene_graph.zip": graphs_zip()})
    download(tmp_path, only=["chest-imagenome"], network=network, credentials=credentials)
    assert (tmp_path / "chest-imagenome/1.0.0/silver_dataset/scene_graph.zip").read_bytes() == graphs_zip()


def test_two_runs_share_the_work(site: PhysioNet, tmp_path: Path) -> None:
    """The same tree, two runs at once: every file is fetched exactly once."""
    publish_everything(site)
    site.delay_seconds = 0.02
    errors: list[BaseException] = []

    def one() -> None:
        try:
            download(tmp_path, stages=["demo"], network=Network(address=site.address))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for path, data in site.files.items():
        if path.startswith(DEMO) and path.endswith(".gz"):
            assert (tmp_path / path).read_bytes() == data
            assert len(site.gets(path)) == 1, path
    assert not list(tmp_path.rglob("*.part*"))


def test_a_lock_that_another_process_holds_is_waited_for(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    part = tmp_path / (PATIENTS + ".part")
    part.parent.mkdir(parents=True)
    script = (
        "import fcntl, os, sys; fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT); fcntl.flock(fd, fcntl.LOCK_EX); "
        "print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(part)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == "held\n"
    notes: list[str] = []

    class Notes(PlainProgress):
        def note(self, message: str) -> None:
            notes.append(message)
            if "another run is fetching it" in message:
                # the other run finishes the file, as a rename, and lets go
                part.write_bytes(site.files[PATIENTS])
                part.rename(tmp_path / PATIENTS)
                holder.stdin.close()  # type: ignore[union-attr]
                holder.wait()

    _demo(site, network, tmp_path, progress=Notes())
    holder.stdout.close()
    assert sum("another run is fetching it" in note for note in notes) == 1
    assert not site.gets(PATIENTS)
    assert not part.exists()


def test_a_killed_run_loses_only_what_was_in_flight(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    """SIGKILL in the middle of a file: the next run asks for the very next byte."""
    publish_everything(site)
    data = os.urandom(300_000)
    site.publish(DEMO, {"hosp/labevents.csv.gz": data})
    path, sent = f"{DEMO}/hosp/labevents.csv.gz", 210_001
    site.faults[path] = [Fault("hold", sent)]
    env = os.environ | {"EHRXQA_PHYSIONET_URL": site.address}
    process = subprocess.Popen(
        [*RUN, "download", str(tmp_path), "--for", "demo", "--quiet"], env=env, stdin=subprocess.DEVNULL
    )
    part = tmp_path / (path + ".part")
    _wait_for(lambda: part.is_file() and part.stat().st_size == sent, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / path).exists()
    assert part.stat().st_size == sent  # nothing of what arrived is lost
    site.seen.clear()
    _demo(site, network, tmp_path)
    assert (tmp_path / path).read_bytes() == data
    assert [one.range for one in site.gets("labevents")] == [f"bytes={sent}-"]
    assert site.gets("labevents")[0].sent == len(data) - sent


def test_interrupting_leaves_the_part_and_says_how_to_go_on(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    path = f"{DEMO}/hosp/labevents.csv.gz"
    site.publish(DEMO, {"hosp/labevents.csv.gz": os.urandom(100_000)})
    site.faults[path] = [Fault("hold", 60_000)]
    env = os.environ | {"EHRXQA_PHYSIONET_URL": site.address}
    process = subprocess.Popen(
        [*RUN, "download", str(tmp_path), "--for", "demo"],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    part = tmp_path / (path + ".part")
    _wait_for(lambda: part.is_file() and part.stat().st_size == 60_000, process)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=180)
    assert process.returncode == 130
    assert "run the same command again" in error
    assert "Traceback" not in error
    assert part.stat().st_size == 60_000


def _wait_for(condition: object, process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    assert callable(condition)
    while not condition():
        assert process.poll() is None, "the run ended by itself"
        time.sleep(0.01)


def test_modification_times_are_the_servers(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    _demo(site, network, tmp_path)
    assert (tmp_path / PATIENTS).stat().st_mtime == site.modified(site.files[PATIENTS])


def test_a_target_that_cannot_be_written_is_one_clear_error(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    (tmp_path / DEMO).parent.mkdir(parents=True)
    (tmp_path / DEMO).write_text("a file where a folder should be")
    with pytest.raises(BuildError, match="cannot be written"):
        _demo(site, network, tmp_path)


def test_no_lock_outlives_a_run(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    site.faults[PATIENTS] = [Fault("drop", 5), *(Fault("500") for _ in range(30))]
    with pytest.raises(DownloadError, match="the first 5 bytes are kept"):
        _demo(site, network, tmp_path)
    part = tmp_path / (PATIENTS + ".part")
    assert part.stat().st_size == 5
    with part.open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    facts = json.loads(part.with_name(part.name + ".json").read_text())
    assert facts["size"] == len(site.files[PATIENTS])


def test_many_failures_are_one_line(site: PhysioNet, network: Network, tmp_path: Path) -> None:
    publish_everything(site)
    for name in ("hosp/patients", "icu/d_items"):
        site.faults[f"{DEMO}/{name}.csv.gz"] = [Fault("corrupt", 9) for _ in range(9)]
    with pytest.raises(DownloadError, match=r"2 of 16 files could not be fetched \(14 were") as caught:
        _demo(site, network, tmp_path)
    assert str(caught.value).count("its SHA-256 is not the published one") == 2
    assert len(list(tmp_path.rglob("*.gz"))) == 14


def test_gz_helper_is_stable() -> None:
    assert gz("a") == gz("a")


def test_the_clock_of_these_tests_does_not_wait(clock: FakeClock) -> None:
    started = time.monotonic()
    clock.sleep(10_000)
    assert time.monotonic() - started < 1_000
