"""The build as a whole: same bytes however it is run, resuming, and what goes wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import apsw
import pytest

from ehrxqa.building.build import build
from ehrxqa.building.verify import verify
from ehrxqa.errors import BuildError, SettingsError, SourceError
from ehrxqa.layout import DATABASE_PATHS
from ehrxqa.runs.manifest import read_manifest
from ehrxqa.sources.cxr_metadata import read_images
from ehrxqa.sources.tree import find_sources
from ehrxqa.spec.tables import TABLES

SIZES = {"train_subjects": 20, "test_subjects": 30}


def hashes(out: Path) -> dict[str, str]:
    files = (path for path in out.rglob("*") if path.is_file() and ".work" not in path.parts)
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def copy_of(hospital: Path, tmp_path: Path) -> Path:
    """A copy of the sources in which single files can be exchanged."""
    root = tmp_path / "sources"
    shutil.copytree(hospital, root, copy_function=os.link)
    return root


def exchange(path: Path, data: bytes) -> None:
    path.unlink()
    path.write_bytes(data)


def run(*arguments: str | Path, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ehrxqa", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


def test_all_tables_are_there_with_their_columns(built):
    for path in DATABASE_PATHS.values():
        database = apsw.Connection(str(built / path), flags=apsw.SQLITE_OPEN_READONLY)
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_schema ORDER BY rowid")]
        assert names == [table.name.upper() for table in TABLES.values()]
        for table in TABLES.values():
            columns = [row[1] for row in database.execute(f"PRAGMA table_info({table.name})")]
            assert columns == list(table.names), table.name
        database.close()


def test_rules_that_hold_in_every_database(built):
    for path in DATABASE_PATHS.values():
        database = apsw.Connection(str(built / path), flags=apsw.SQLITE_OPEN_READONLY)

        def value(sql, database=database):
            return database.execute(sql).fetchall()[0][0]

        assert value("SELECT count(*) FROM patients") > 5
        assert value("SELECT count(*) FROM labevents") > 100
        for table in TABLES.values():
            gaps = f"SELECT count(*) FROM {table.name} WHERE row_id <> rowid - 1"
            assert value(gaps) == 0, table.name
        for table, column in (("admissions", "admittime"), ("labevents", "charttime"), ("tb_cxr", "studydatetime")):
            outside = f"{column} < '2100-01-01 00:00:00' OR {column} > '2105-12-31 23:59:00' OR {column} IS NULL"
            assert value(f"SELECT count(*) FROM {table} WHERE {outside}") == 0, table
        events = "diagnoses_icd procedures_icd labevents prescriptions chartevents inputevents outputevents"
        for table in [*events.split(), "microbiologyevents"]:
            lost = f"SELECT count(*) FROM {table} WHERE hadm_id NOT IN (SELECT hadm_id FROM admissions)"
            assert value(lost) == 0, table
        assert value("SELECT count(*) FROM cost") == sum(
            value(f"SELECT count(*) FROM {table}")
            for table in ("diagnoses_icd", "labevents", "procedures_icd", "prescriptions")
        )
        assert value("SELECT count(*) FROM admissions WHERE dischtime IS NULL") > 0
        studies = value("SELECT count(DISTINCT study_id) FROM tb_cxr_plus")
        pairs = value("SELECT count(*) FROM (SELECT DISTINCT object, attribute FROM tb_cxr_plus)")
        assert value("SELECT count(*) FROM tb_cxr_plus") == studies * pairs
        assert value("SELECT count(*) FROM tb_cxr_plus WHERE relation = 1") > 0
        assert value("SELECT count(*) FROM sqlite_schema WHERE type <> 'table'") == 0
        database.close()


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_make_no_difference(hospital, built, tmp_path, workers):
    build(hospital, tmp_path / "out", **SIZES, workers=workers)
    assert hashes(tmp_path / "out") == hashes(built)


def test_time_zone_and_locale_make_no_difference(hospital, built, tmp_path):
    environment = {**os.environ, "TZ": "America/New_York", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "77"}
    done = run(
        "build", hospital, tmp_path / "out", "--train-subjects", 20, "--test-subjects", 30, "-q", env=environment
    )
    assert done.returncode == 0, done.stderr
    assert hashes(tmp_path / "out") == hashes(built)


def test_another_seed_makes_another_database(hospital, built, tmp_path):
    build(hospital, tmp_path / "out", **SIZES, workers=1, seed=1)
    mine, official = hashes(tmp_path / "out"), hashes(built)
    assert mine["labels/findings.parquet"] == official["labels/findings.parquet"]
    assert mine[DATABASE_PATHS["test"]] != official[DATABASE_PATHS["test"]]


def test_unpacked_files_and_graphs_make_no_difference(hospital, built, tmp_path):
    root = copy_of(hospital, tmp_path)
    for path in list(root.rglob("*.csv.gz")):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    packed = root / "chest-imagenome/1.0.0/silver_dataset/scene_graph.zip"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(packed.with_suffix(""))  # one level deeper, as some unpackers do
    packed.unlink()
    build(root, tmp_path / "out", **SIZES, workers=1)
    mine, wanted = hashes(tmp_path / "out"), hashes(built)
    assert {name: mine[name] for name in DATABASE_PATHS.values()} == {
        name: wanted[name] for name in DATABASE_PATHS.values()
    }


def test_second_run_does_nothing(hospital, built):
    before = {path: path.stat().st_mtime_ns for path in built.rglob("*") if ".work" not in path.parts}
    build(hospital, built, **SIZES, workers=1)
    assert {path: path.stat().st_mtime_ns for path in built.rglob("*") if ".work" not in path.parts} == before


def test_manifest_says_how_it_was_made(hospital, built):
    manifest = read_manifest(built)
    assert manifest is not None
    assert manifest.synthetic
    assert manifest.settings == {**SIZES, "seed": 0, "mode": "coherent"}
    assert set(manifest.stages) == {"labels", "database"}
    patients = hospital / "mimiciv/2.2/hosp/patients.csv.gz"
    assert manifest.sources["patients"].sha256 == hashlib.sha256(patients.read_bytes()).hexdigest()
    counts = manifest.stages["database"].counts["sources"]["labevents"]
    dropped = sum(count for reason, count in counts.items() if reason.startswith("dropped"))
    assert counts["rows"] == dropped + counts["usable"]
    text = (built / "manifest.json").read_text()
    assert str(hospital) not in text
    assert not list(built.rglob("*.part"))


@pytest.mark.parametrize("seconds", [0.7, 1.4, 2.1, 2.8])
def test_killed_build_goes_on_and_ends_with_the_same_bytes(hospital, built, tmp_path, seconds):
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "ehrxqa",
        "build",
        hospital,
        out,
        "--train-subjects",
        "20",
        "--test-subjects",
        "30",
    ]
    process = subprocess.Popen([*map(str, command), "-q"], start_new_session=True, stdout=subprocess.DEVNULL)
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    build(hospital, out, **SIZES, workers=1)
    assert hashes(out) == hashes(built)
    assert sorted(path.name for path in (out / ".work").iterdir()) == ["checksums.json", "lock"]


def test_two_builds_at_once(hospital, tmp_path):
    import fcntl

    out = tmp_path / "out"
    (out / ".work").mkdir(parents=True)
    with (out / ".work" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(BuildError, match="another command is at work"):
            build(hospital, out, **SIZES, workers=1)


def test_a_folder_of_something_else_is_left_alone(hospital, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(BuildError, match="not empty and holds no build"):
        build(hospital, tmp_path, **SIZES)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_other_settings_need_another_folder_or_force(hospital, built, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(built, out)
    with pytest.raises(BuildError, match="other settings; choose another folder, or --force"):
        build(hospital, out, train_subjects=10, test_subjects=30)
    assert hashes(out) == hashes(built)
    build(hospital, out, train_subjects=10, test_subjects=30, workers=1, force=True)
    assert hashes(out) != hashes(built)


def test_damaged_output_is_found_and_made_again(hospital, built, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(built, out)
    database = out / DATABASE_PATHS["train"]
    database.write_bytes(database.read_bytes()[:-4096])
    assert [line.split(":")[0] for line in verify(out).problems] == [DATABASE_PATHS["train"]]
    build(hospital, out, **SIZES, workers=1)
    assert hashes(out) == hashes(built)


@pytest.mark.parametrize(
    ("path", "change", "message"),
    [
        ("mimiciv/2.2/hosp/labevents.csv.gz", lambda data: data[:-1000], "labevents.csv.gz.*cut off"),
        (
            "mimiciv/2.2/icu/chartevents.csv.gz",
            lambda data: b"this is no gzip file, whatever its name says",
            "chartevents.csv.gz.*is not packed",
        ),
        (
            "chest-imagenome/1.0.0/silver_dataset/scene_graph.zip",
            lambda data: data[:-500],
            "scene_graph.zip.*not a sound zip",
        ),
        (
            "mimiciv/2.2/hosp/patients.csv.gz",
            lambda data: gzip.compress(gzip.decompress(data) + gzip.decompress(data).split(b"\n")[1] + b"\n"),
            "patients.csv.gz.*subject_id occur more than once",
        ),
        (
            "chest-imagenome/1.0.0/semantics/label_to_UMLS_mapping.json",
            lambda data: data[:-10],
            "label_to_UMLS_mapping.json.*is not JSON at line .*cut off",
        ),
        (
            "mimic-cxr-jpg/2.0.0/mimic-cxr-2.0.0-metadata.csv.gz",
            lambda data: gzip.compress(gzip.decompress(data).replace(b",StudyTime,", b",Studytime,")),
            "column StudyTime missing.*MIMIC-CXR-JPG 2.0.0",
        ),
    ],
)
def test_damaged_sources(hospital, tmp_path, path, change, message):
    root = copy_of(hospital, tmp_path)
    exchange(root / path, change((root / path).read_bytes()))
    with pytest.raises(SourceError, match=message):
        build(root, tmp_path / "out", **SIZES, workers=1)


def test_damage_inside_a_scene_graph(hospital, tmp_path):
    root = copy_of(hospital, tmp_path)
    packed = root / "chest-imagenome/1.0.0/silver_dataset/scene_graph.zip"
    data = bytearray(packed.read_bytes())
    data[2000] ^= 0xFF
    exchange(packed, bytes(data))
    with pytest.raises(SourceError, match="scene_graph.zip.*damaged"):
        build(root, tmp_path / "out", **SIZES, workers=2)


def test_missing_file(hospital, tmp_path):
    root = copy_of(hospital, tmp_path)
    (root / "mimiciv/2.2/icu/icustays.csv.gz").unlink()
    with pytest.raises(SourceError, match=r"icustays.csv\[.gz\] is missing: download it, or point --mimic-iv"):
        build(root, tmp_path / "out", **SIZES)


def test_settings_out_of_range(hospital, tmp_path):
    with pytest.raises(SettingsError, match="train_subjects must be at least 1"):
        build(hospital, tmp_path / "out", train_subjects=0)


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files with Linux's ulimit")
def test_full_disk_is_one_clear_error_and_loses_nothing(hospital, built, tmp_path):
    out = tmp_path / "out"
    limited = (
        "import resource, sys, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000));"
        "from ehrxqa.cli.main import run; run(sys.argv[1:])"
    )
    arguments = [
        "build",
        str(hospital),
        str(out),
        "--train-subjects",
        "20",
        "--test-subjects",
        "30",
        "-q",
        "--workers",
        "1",
    ]
    done = subprocess.run([sys.executable, "-c", limited, *arguments], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "mimic_iv_cxr.db" in done.stderr or "dictionaries.db" in done.stderr
    assert not (out / DATABASE_PATHS["test"]).exists()
    build(hospital, out, **SIZES, workers=1)
    assert hashes(out) == hashes(built)


class TestCommand:
    """The commands as a user calls them."""

    def test_build_prints_what_it_made(self, hospital, built):
        done = run("build", hospital, built, "--train-subjects", 20, "--test-subjects", 30, "--format", "json")
        assert done.returncode == 0
        assert json.loads(done.stdout)["tables"]["train"]["tb_cxr"] > 0
        assert "nothing to do" in done.stderr

    def test_a_build_that_is_there_already_reads_no_table(self, hospital, built):
        code = (
            "import sys; from ehrxqa.cli.main import main; main(sys.argv[1:], standalone_mode=False); "
            "sys.exit(str({'numpy', 'pyarrow'} & sys.modules.keys()))"
        )
        arguments = ["build", str(hospital), str(built), "--train-subjects", "20", "--test-subjects", "30", "-q"]
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=300)
        assert done.stderr == "set()\n"

    def test_wrong_folder(self, tmp_path):
        done = run("build", tmp_path / "nowhere", tmp_path / "out")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("ehrxqa: error:")
        assert done.stderr.count("\n") == 1

    def test_debug_shows_the_traceback(self, tmp_path):
        done = run("build", tmp_path / "nowhere", tmp_path / "out", "--debug")
        assert "Traceback" in done.stderr

    @pytest.mark.parametrize(
        "arguments", [["--train-subjects", "0"], ["--train-subjects", "many"], ["--colour", "red"]]
    )
    def test_wrong_usage(self, hospital, tmp_path, arguments):
        done = run("build", hospital, tmp_path / "out", *arguments)
        assert done.returncode == 2

    def test_verify_and_info(self, built):
        done = run("verify", built, "--expected", built, "-q")
        assert done.returncode == 0, done.stdout
        assert "19 of 19 tables equal" in done.stdout
        assert json.loads(run("info", built, "--format", "json").stdout)["synthetic"] is True
        assert "synthetic hospital" in run("info", built).stdout

    def test_verify_names_the_first_difference(self, built, tmp_path):
        other = tmp_path / "out"
        shutil.copytree(built, other)
        database = apsw.Connection(str(other / DATABASE_PATHS["test"]))
        database.execute("UPDATE labevents SET valuenum = valuenum + 1 WHERE rowid = 18")
        database.close()
        done = run("verify", built, "--expected", other, "-q")
        assert done.returncode == 1
        assert "test: table labevents: first difference in row 17, column valuenum" in done.stdout

    def test_commands_without_a_build(self, tmp_path):
        for command in ("verify", "info"):
            done = run(command, tmp_path)
            assert done.returncode == 1
            assert "holds no build" in done.stderr

    def test_labels(self, built, tmp_path):
        done = run("labels", built, tmp_path / "csv", "--only", "cohort_gold.csv", "--only", "gold_dataset.csv", "-q")
        assert done.returncode == 0
        lines = (tmp_path / "csv" / "gold_dataset.csv").read_text().splitlines()
        assert lines[0].startswith("subject_id,study_id,image_id,sent_loc")
        assert len(lines) == 1 + 40 * 609
        assert run("labels", built, tmp_path, "--only", "x.csv").returncode == 2


def _late_fault(root: Path) -> bytes:
    """Make a table that only the last stage reads faulty; gives it as it was."""
    path = root / "mimiciv/2.2/hosp/microbiologyevents.csv.gz"
    before = path.read_bytes()
    lines = gzip.decompress(before).split(b"\n")
    lines[2] = lines[2].rpartition(b",")[0]
    exchange(path, gzip.compress(b"\n".join(lines)))
    return before


def test_a_build_that_failed_late_goes_on_with_the_healed_source(hospital, built, tmp_path):
    root, out = copy_of(hospital, tmp_path), tmp_path / "out"
    before = _late_fault(root)
    with pytest.raises(SourceError, match=r"microbiologyevents.csv.gz, line 3"):
        build(root, out, **SIZES, workers=1)
    labels = {path: path.stat().st_mtime_ns for path in (out / "labels").iterdir()}
    exchange(root / "mimiciv/2.2/hosp/microbiologyevents.csv.gz", before)
    build(root, out, **SIZES, workers=1)
    assert {path: path.stat().st_mtime_ns for path in (out / "labels").iterdir()} == labels  # not made again
    assert hashes(out) == hashes(built)


def test_a_build_that_failed_late_does_not_keep_labels_of_other_sources(hospital, tmp_path):
    root, out = copy_of(hospital, tmp_path), tmp_path / "out"
    _late_fault(root)
    with pytest.raises(SourceError):
        build(root, out, **SIZES, workers=1)
    path = root / "mimiciv/2.2/hosp/patients.csv.gz"
    exchange(path, gzip.compress(gzip.decompress(path.read_bytes())[:-1] + b" \n"))
    with pytest.raises(BuildError, match="other sources"):
        build(root, out, **SIZES, workers=1)


def test_a_source_that_is_cut_off_is_named_before_anything_is_built(hospital, tmp_path):
    root, out = copy_of(hospital, tmp_path), tmp_path / "out"
    path = root / "mimiciv/2.2/icu/chartevents.csv.gz"
    exchange(path, path.read_bytes()[:-100])
    with pytest.raises(SourceError, match=r"chartevents.csv.gz: is cut off before its end"):
        build(root, out, **SIZES, workers=1)
    assert not (out / "labels").exists()
    exchange(path, (hospital / "mimiciv/2.2/icu/chartevents.csv.gz").read_bytes())


def test_two_copies_of_a_table_must_say_the_same(hospital, tmp_path):
    root, out = copy_of(hospital, tmp_path), tmp_path / "out"
    packed = root / "mimiciv/2.2/hosp/d_labitems.csv.gz"
    rows = gzip.decompress(packed.read_bytes())
    plain = packed.with_suffix("")
    plain.write_bytes(rows.replace(b"Blood", b"Mud", 1))
    with pytest.raises(SourceError, match=r"d_labitems.csv and d_labitems.csv.gz beside it do not hold the same"):
        build(root, out, **SIZES, workers=1)
    plain.write_bytes(rows)
    build(root, out, **SIZES, workers=1)


def test_a_box_edge_that_is_no_number_is_no_edge(hospital, built, tmp_path):
    """Python writes NaN into JSON unless told otherwise; it is read as null is."""
    path = "chest-imagenome/1.0.0/silver_dataset/scene_graph.zip"
    for number, word in enumerate((b"NaN", b"null")):
        root = copy_of(hospital, tmp_path / str(number))
        with zipfile.ZipFile(hospital / path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        first = next(iter(members))
        graph = json.loads(members[first])
        graph["objects"][0]["x1"] = graph["objects"][0]["width"] = "EDGE"
        members[first] = json.dumps(graph).encode().replace(b'"EDGE"', word)
        (root / path).unlink()
        with zipfile.ZipFile(root / path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        build(root, tmp_path / f"out{number}", **SIZES, workers=1)
    nan, null = ({**hashes(tmp_path / f"out{number}"), "manifest.json": ""} for number in (0, 1))
    assert nan == null


def at_time(hospital, folder, time):
    """A copy of the hospital whose first image was taken at this time of day."""
    root = copy_of(hospital, folder)
    path = root / "mimic-cxr-jpg/2.0.0/mimic-cxr-2.0.0-metadata.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    row = lines[1].split(",")
    row[lines[0].split(",").index("StudyTime")] = time
    lines[1] = ",".join(row)
    exchange(path, gzip.compress("\n".join(lines).encode()))
    return root


def test_a_whole_minute_with_binary_noise_is_that_minute(hospital, tmp_path):
    """A digit less than 17:36:00 reads as second 99 of minute 35; the official builder rounds it, too."""
    times = []
    for number, clock in enumerate(("173600.0", "173599.99999999997")):
        root = at_time(hospital, tmp_path / str(number), clock)
        times.append(read_images(find_sources(root)).time_ms)
    assert (times[0] == times[1]).all()
    assert times[0][0] % 86_400_000 == (17 * 60 + 36) * 60_000


@pytest.mark.parametrize("time", ["126199.5", "120060", "240000", "235999.99999999997", "173599.7", "-1"])
def test_a_time_with_minute_61_is_none(hospital, tmp_path, time):
    root = at_time(hospital, tmp_path, time)
    with pytest.raises(SourceError, match="data row 1: StudyDate or StudyTime is not a date or time"):
        build(root, tmp_path / "out", **SIZES, workers=1)
