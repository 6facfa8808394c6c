"""The example package: what it brings through each door, used as an installed package and by name."""

import json
import os
import sqlite3
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from ehrxqa.errors import SettingsError
from ehrxqa.spec.extra import extra_tables

EXAMPLE = Path(__file__).parents[2] / "examples/my-hospital"
TABLES = ("--table", "services", "--table", "d_services")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Environment of a process for which the example is installed: its entry points, without pip."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    site = tmp_path_factory.mktemp("site")
    folder = site / "my_hospital-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: my-hospital\nVersion: 0.1.0\n")
    lines = []
    for group, points in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in points.items())]
    (folder / "entry_points.txt").write_text("\n".join(lines))
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(EXAMPLE), str(site)])}


@pytest.fixture(scope="module")
def run(installed):
    def command(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "ehrxqa", *map(str, arguments)], env=installed, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return command


@pytest.fixture(scope="module")
def built(run, tmp_path_factory):
    root = tmp_path_factory.mktemp("my-hospital")
    run("synth", root / "sources", "--subjects", 60, "--seed", 2, *TABLES, "--quiet")
    run("build", root / "sources", root / "out", *TABLES, "--quiet")
    chosen = [f"--family={name}" for name in ("my-hospital", "my-hospital-x-rays", "official/1001")]
    run("generate", root / "out", "--train", 0, "--valid", 0, "--test", 16, *chosen, "--quiet")
    return root


def test_the_table_is_in_the_hospital_and_in_the_database(built):
    assert (built / "sources/mimiciv/2.2/hosp/services.csv.gz").is_file()
    with sqlite3.connect(built / "out/database/test/mimic_iv_cxr.db") as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(services)")]
        rows = database.execute("SELECT curr_service FROM services").fetchall()
        lost = database.execute("SELECT count(*) FROM services WHERE hadm_id NOT IN (SELECT hadm_id FROM admissions)")
        assert lost.fetchone() == (0,)
        named = database.execute("SELECT service, label FROM d_services ORDER BY row_id").fetchall()
        assert len(named) == 5 and named[0] == ("med", "internal medicine")
    database.close()
    assert columns == ["row_id", "subject_id", "hadm_id", "transfertime", "prev_service", "curr_service"]
    assert len(rows) > 10 and {row[0] for row in rows} <= {"med", "surg", "cmed", "nmed", "ortho"}


def test_the_build_is_another_data_set_and_says_what_the_table_is(built, run):
    manifest = json.loads((built / "out/manifest.json").read_text())
    assert manifest["data_set"] == "EHRXQA with d_services and services"
    assert manifest["tables"]["services"]["columns"][3]["doc"] == "when the service took over"
    run("export", built / "out", "--quiet")
    (schema,) = json.loads((built / "out/dataset/tables.json").read_text())
    assert "services" in schema["table_names_original"]


def test_the_schema_says_all_tables_in_words(built, run):
    assert "transfertime (time): when the service took over" in run("schema", built / "out", "SERVICES")
    every = json.loads(run("schema", built / "out", "--format", "json"))
    assert len(every) == 21 and every["d_services"]["is_dictionary"]
    assert every["tb_cxr_plus"]["answer_key"] and not every["services"]["answer_key"]
    assert every["labevents"]["columns"][3]["references"] == ["d_labitems", "itemid"]


def test_the_family_asks_about_the_table(built):
    records = json.loads((built / "out/dataset/test.json").read_text())
    about = [record for record in records if "services" in record["q_tag"]]
    counts = [record["answer"] for record in about if record["q_tag"].startswith("how many")]
    assert counts and all(type(count) is int and count > 1 for (count,) in counts)
    names = {name for record in about if record["q_tag"].startswith("which") for name in record["answer"]}
    assert names and names <= {"internal medicine", "general surgery", "cardiology", "neurology", "orthopaedics"}


def test_the_family_asks_the_image_a_question_of_its_own_kind(built):
    records = json.loads((built / "out/dataset/test.json").read_text())
    about = [record for record in records if "is there bilateral" in record["query"]]
    assert about and all(record["is_impossible"] is False for record in about)
    assert any(
        record["answer"] for record in about
    )  # the oracle gives what the gold program gives, else none is written


def test_the_model_and_the_metric_stand_beside_ours(built, run):
    images = built / "sources"
    run("run", built / "out", "--parser", "gold", "--vision", "brightness", "--images", images, "--quiet")
    (folder,) = (built / "out/runs").iterdir()
    value = json.loads((folder / "run.json").read_text())
    assert "brightness" in json.dumps(value)
    predictions = built / "answers.json"
    records = json.loads((built / "out/dataset/test.json").read_text())
    predictions.write_text(json.dumps({str(record["id"]): record["answer"] for record in records}))
    report = run("evaluate", "--gold", built / "out/dataset/test.json", "--predictions", predictions)
    assert "seconds per question" in report


def test_nothing_changes_without_being_asked_for(run, tmp_path):
    run("synth", tmp_path / "plain", "--subjects", 60, "--no-images", "--quiet")
    assert not list((tmp_path / "plain").rglob("services*"))


def test_a_table_by_half_is_named():
    from dataclasses import replace

    sys.path.insert(0, str(EXAMPLE))
    try:
        from my_hospital.service_names import D_SERVICES
        from my_hospital.services import SERVICES
    finally:
        sys.path.remove(str(EXAMPLE))
    table = SERVICES.table
    for broken, message in (
        (replace(table, events=None), "table services: it has a source but no `events`"),
        (replace(table, source=None, events=None), "table services: it needs `source`"),
        (replace(table, source=None), "it has events but no source"),
        (replace(table, columns=table.columns[1:]), "its first column must be row_id"),
        (replace(table, name="patients"), "table patients: there is one of that name already"),
    ):
        with pytest.raises(SettingsError, match=message):
            extra_tables([replace(SERVICES, table=broken), D_SERVICES])
    names = D_SERVICES.table
    assert extra_tables([SERVICES, D_SERVICES]) == (D_SERVICES, SERVICES)
    with pytest.raises(SettingsError, match=r"refers to d_services\.service, which is not declared"):
        extra_tables([SERVICES])
    for broken, message in (
        (replace(names, source=None), "table d_services: a dictionary needs `source`"),
        (replace(names, events=table.events), "and no `events`"),
        (replace(names, name="d_wards"), "its source has the key d_services"),
        (replace(names, key="label"), "a dictionary needs `key`"),
        (replace(names, columns=names.columns[:2]), r"marked as used \(\*\)"),
    ):
        with pytest.raises(SettingsError, match=message):
            extra_tables([replace(D_SERVICES, table=broken)])
    with pytest.raises(SettingsError, match="no rows of subjects; table services: a dictionary has no times"):
        extra_tables([D_SERVICES, replace(SERVICES, table=replace(table, events=None, is_dictionary=True))])
    with pytest.raises(SettingsError, match="a table is named twice"):
        extra_tables([SERVICES, SERVICES, D_SERVICES])
    with pytest.raises(SettingsError, match="unknown table 'wards'"):
        extra_tables(["wards"])
    with pytest.raises(SettingsError, match=r"must be an ehrxqa\.spec\.extra\.ExtraTable"):
        extra_tables(["python:ehrxqa.spec.tables:TABLES"])


def test_the_documentation_states_how_many_lines_it_took():
    page = (EXAMPLE.parents[1] / "docs/extending.md").read_text()
    for name in ("services", "service_names", "families", "bilateral", "x_rays", "brightness", "seconds"):
        lines = len((EXAMPLE / f"my_hospital/{name}.py").read_text().splitlines())
        assert f"| {lines} |" in page, name
