from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from question_files import Built, write_links

from ehrxqa import export
from ehrxqa.cli.export import command
from ehrxqa.dataset.parquet import ABOUT, FIELDS, fields_of, parquet_table
from ehrxqa.dataset.splits import read_dataset
from ehrxqa.errors import BuildError, RecordError, SettingsError, SourceError
from ehrxqa.files import sha256_of
from ehrxqa.publish.columns import GOLD_FIELDS
from ehrxqa.publish.tables_json import schema_record
from ehrxqa.spec.tables import open_tables


def read_parquet(path: Path) -> list[dict[str, Any]]:
    """The records of an exported file, as the metadata of the file say that its columns are to be read."""
    table = pq.read_table(path)
    in_json = json.loads(table.schema.metadata[b"ehrxqa.json_columns"])
    beside = json.loads(table.schema.metadata.get(b"ehrxqa.beside_records", b"[]"))
    return [
        {name: json.loads(cell) if name in in_json else cell for name, cell in row.items() if cell is not None}
        for row in table.drop_columns(beside).to_pylist()
    ]


def test_everything_is_made_from_the_same_records(own: Path) -> None:
    report = export(own)
    folder = own / "dataset"
    assert report.questions == {"valid": 1, "test": 5}
    assert set(report.files) >= {"README.md", "croissant.json", "tables.json", "parquet/test.parquet"}
    for name in report.files:
        assert (folder / name).is_file()
    for split in report.questions:
        records = json.loads((folder / f"{split}.json").read_text())
        back = read_parquet(folder / "parquet" / f"{split}.parquet")
        assert back == records
        assert [list(record) for record in back] == [list(record) for record in records]


def test_the_same_questions_give_the_same_bytes(own: Path) -> None:
    before = {name: sha256_of(own / "dataset" / name) for name in export(own).files}
    assert before == {name: sha256_of(own / "dataset" / name) for name in export(own).files}


def test_splits_share_one_schema(own: Path) -> None:
    export(own)
    schemas = [pq.read_schema(own / "dataset" / "parquet" / f"{split}.parquet") for split in ("valid", "test")]
    assert schemas[0].equals(schemas[1], check_metadata=True)
    assert schemas[0].names == [field.name for field in (*FIELDS, *ABOUT)]
    assert schemas[0].field("t_tag").type == pa.list_(pa.utf8())


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
records = st.fixed_dictionaries(
    {
        "id": st.integers(0, 2**40),
        "question": st.text(max_size=8),
        "t_tag": st.lists(st.text(max_size=3), max_size=5),
        "value": st.dictionaries(st.text(max_size=4), values, max_size=3),
    },
    optional={
        "answer": st.lists(values, max_size=4) | st.just("null"),
        "is_impossible": st.booleans(),
        "v_tag": values,
        "more": values,
    },
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(records, max_size=4))
def test_parquet_reads_back_equal(tmp_path: Path, written: list[dict[str, Any]]) -> None:
    pq.write_table(parquet_table(tmp_path, written, fields_of(written)), tmp_path / "x.parquet")
    assert read_parquet(tmp_path / "x.parquet") == written


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"template": 3}, "template is not a text"), ({"t_tag": [1]}, "t_tag is not a list of texts")],
)
def test_a_value_that_does_not_fit(changed: dict[str, Any], message: str) -> None:
    good = {"id": 7, "question": "q", "t_tag": []}
    bad = [good, good | changed]
    with pytest.raises(RecordError, match=rf"^/there/test\.json: record 2 \(id 7\): {message}"):
        parquet_table(Path("/there/test.json"), bad, fields_of(bad))


def test_card(own: Path, built: Built) -> None:
    export(own)
    folder = own / "dataset"
    card = (folder / "README.md").read_text()
    head = card.split("---\n")[1]
    assert "license: mit" in head
    assert re.search(r"- split: validation\n    path: parquet/valid\.parquet\n  - split: test", head)
    assert "6 English questions" in card
    assert "synthetic hospital" in card
    assert "| Table | 5 | 1 | 4 |" in card
    # the examples of a synthetic data set, one per modality
    assert card.count("```sql") == 2
    assert f"patient {built.subject}" in card
    plots = re.findall(r"\]\((plots/[a-z-]+\.svg)\)", card)
    assert len(plots) == 5
    for plot in plots:
        assert ET.parse(folder / plot).getroot().tag.endswith("svg")


def test_no_patient_on_the_card_of_real_data(own: Path, built: Built) -> None:
    manifest = json.loads((built.out / "manifest.json").read_text())
    (own / "manifest.json").unlink()
    (own / "manifest.json").write_text(json.dumps(manifest | {"synthetic": False}))
    export(own)
    for name in ("README.md", "croissant.json", "tables.json"):
        text = (own / "dataset" / name).read_text()
        assert str(built.subject) not in text
        assert str(built.studies[0]) not in text
    card = (own / "dataset" / "README.md").read_text()
    assert "PhysioNet Credentialed Health Data License" in card
    assert "data use agreement" in card


def test_tables_json(built: Built) -> None:
    (database,) = schema_record(built.out / "database" / "test" / "mimic_iv_cxr.db")
    tables, columns = database["table_names_original"], database["column_names_original"]
    assert "tb_cxr_plus" not in tables
    assert tables == [table.name for table in open_tables()]
    assert columns[0] == [-1, "*"]
    assert len(columns) == 1 + sum(len(table.columns) for table in open_tables())
    for key in ("column_names", "column_types", "column_descriptions"):
        assert len(database[key]) == len(columns)
    types = {(tables[table], name): kind for (table, name), kind in zip(columns, database["column_types"], strict=True)}
    assert types["admissions", "admittime"] == "time"
    assert types["admissions", "age"] == "number"
    assert types["prescriptions", "drug"] == "text"
    named = [tuple((tables[columns[at][0]], columns[at][1]) for at in pair) for pair in database["foreign_keys"]]
    assert (("labevents", "itemid"), ("d_labitems", "itemid")) in named
    assert (("tb_cxr", "subject_id"), ("patients", "subject_id")) in named
    assert all(child != parent for child, parent in named)


def test_declared_keys_hold_in_the_database(built: Built) -> None:
    import apsw

    path = built.out / "database" / "test" / "mimic_iv_cxr.db"
    (database,) = schema_record(path)
    tables, columns = database["table_names_original"], database["column_names_original"]
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)

    def name(at: int) -> tuple[str, str]:
        return tables[columns[at][0]], columns[at][1]

    for at in database["primary_keys"]:
        table, column = name(at)
        ((rows, distinct),) = connection.execute(f"SELECT count(*), count(DISTINCT {column}) FROM {table}").fetchall()
        assert rows == distinct > 0
    for child, parent in database["foreign_keys"]:
        (table, column), (other, key) = name(child), name(parent)
        (((lost),),) = connection.execute(
            f"SELECT count(*) FROM {table} WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT {key} FROM {other})"
        ).fetchall()
        assert lost == 0, (table, column)
    connection.close()


def test_generated_questions_never_carry_the_official_name(own: Path, tmp_path: Path) -> None:
    out = tmp_path / "copy"
    shutil.copytree(own, out)
    path = out / "dataset" / "croissant.json"
    export(out)
    value = json.loads(path.read_text())
    assert value["name"] != "ehrxqa"
    assert value["version"] != "1.0.0"
    assert "url" not in value
    assert value["isBasedOn"]["name"] == "EHRXQA"
    export(out, name="my-questions", url="https://example.org/mine", version="2.1.0")
    value = json.loads(path.read_text())
    assert (value["name"], value["url"], value["version"]) == ("my-questions", "https://example.org/mine", "2.1.0")


def test_croissant_by_its_own_rules(own: Path) -> None:
    """What the format demands, without its validator: ids resolve, checksums are right, columns exist."""
    export(own, date="2026-11-23", version="1.2.3")
    folder = own / "dataset"
    value = json.loads((folder / "croissant.json").read_text())
    assert value["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert (value["datePublished"], value["version"]) == ("2026-11-23", "1.2.3")
    files = {entry["@id"]: entry for entry in value["distribution"]}
    for entry in files.values():
        assert sha256_of(folder / entry["contentUrl"]) == entry["sha256"]
    ids = [*files]
    for record_set in value["recordSet"]:
        ids.append(record_set["@id"])
        columns = set()
        for field in record_set["field"]:
            ids.append(field["@id"])
            file = files[field["source"]["fileObject"]["@id"]]
            column = field["source"]["extract"]["column"]
            assert column in pq.read_schema(folder / file["contentUrl"]).names
            columns.add(column)
        gold = record_set["@id"].startswith("gold-")
        assert columns == {field.name for field in (GOLD_FIELDS if gold else (*FIELDS, *ABOUT))}
        assert record_set["key"]["@id"] in ids
    assert len(ids) == len(set(ids))


VALIDATE = """
import json, sys
import mlcroissant
data = mlcroissant.Dataset(jsonld=sys.argv[1])
issues = data.metadata.ctx.issues
print(json.dumps([sorted(issues.errors), sorted(issues.warnings), len(list(data.records("test")))]))
"""


def test_pictures_of_credentialed_data_are_refused(own: Path) -> None:
    manifest = json.loads((own / "manifest.json").read_text())
    (own / "manifest.json").unlink()
    (own / "manifest.json").write_text(json.dumps(manifest | {"synthetic": False, "hybrid": False}))
    with pytest.raises(SettingsError, match="credentialed data are not embedded"):
        export(own, images=own)
    assert not (own / "dataset" / "parquet").exists()
    export(own)
    assert "are loaded from there" in (own / "dataset" / "README.md").read_text()


def test_pictures_that_are_missing_are_named_before_anything_is_written(own: Path, built: Built) -> None:
    with pytest.raises(SettingsError, match=r"without links\.jsonl"):
        export(own, images=own)
    link = {"split": "test", "id": 1, "modality": "image", "scope": "image-single-1", "family": "has", "template": 1000}
    link |= {"study_ids": [5], "image_ids": ["a"], "image_paths": ["p1/p1/s5/a.jpg"], "studies_total": 1, "rows": []}
    write_links(own / "dataset", link | {"bounded": False})
    with pytest.raises(SourceError, match=r"p1/p1/s5/a\.jpg: is missing"):
        export(own, images=own)
    with pytest.raises(SettingsError, match="no such folder"):
        export(own, images=own / "nowhere")
    assert not (own / "dataset" / "parquet").exists()
    (own / "files/p1/p1/s5").mkdir(parents=True)
    (own / "files/p1/p1/s5/a.jpg").write_bytes(b"picture")
    first = export(own, images=own)
    digests = [sha256_of(own / "dataset" / name) for name in first.files]
    assert digests == [sha256_of(own / "dataset" / name) for name in export(own, images=own).files]
    rows = pq.read_table(own / "dataset/parquet/test.parquet").to_pylist()
    assert [row["images"] for row in rows] == [[], [{"bytes": b"picture", "path": "a.jpg"}], [], [], []]
    assert read_parquet(own / "dataset/parquet/test.parquet") == json.loads((own / "dataset/test.json").read_text())


@pytest.mark.skipif(importlib.util.find_spec("mlcroissant") is None, reason="needs the dependency group croissant")
def test_croissant_validates(own: Path) -> None:
    # in a process of its own: its libraries warn about each other
    export(own, date="2026-11-23")
    arguments = [sys.executable, "-c", VALIDATE, str(own / "dataset" / "croissant.json")]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [[], [], 5]


def test_splits_without_answers(own: Path) -> None:
    for split in ("valid", "test"):
        (own / "dataset" / f"{split}.json").unlink()
    export(own)
    back = read_parquet(own / "dataset" / "parquet" / "test.parquet")
    assert len(back) == 5
    assert not {key for record in back for key in record} & {"answer", "_gold_program"}


def test_a_folder_of_question_files_alone(own: Path, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "test.json").write_text((own / "dataset" / "test.json").read_text())
    report = export(tmp_path / "files")
    assert "tables.json" not in report.files
    assert report.folder == str(tmp_path / "files")
    assert "license: other" in (tmp_path / "files" / "README.md").read_text()


GOOD = '[{"id": 0, "split": "test", "question": "q", "query": "s", "q_tag": "t", "answer": []}]'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "must be a JSON list"),
        ("", "is empty"),
        ("[", "is not JSON at line 1, column 2 .*; the file seems to be cut off"),
        ("[" * 100_000, "nested too deeply"),
        ("[" + "1" * 5000 + "]", "a number of thousands of digits"),
        ("[1]", "record 1 is not a JSON object"),
        (GOOD.replace("0", '"0"', 1), "record 1: the id must be a whole number, not '0'"),
        (GOOD.replace("0", "null", 1), "record 1: the id must be a whole number, not None"),
        (GOOD[:-1] + "," + GOOD[1:], r"record 2 \(id 0\): an earlier record has the same id"),
        (GOOD.replace('"q_tag": "t", ', ""), r"record 1 \(id 0\) has no q_tag"),
        (GOOD.replace('"id": 0, ', ""), "record 1 has no id"),
        (GOOD.replace('"answer": []', '"answer": 3'), "neither a list"),
        (GOOD.replace('"answer": []', '"answer": [[1]]'), "must be a flat list"),
        (GOOD.replace('"answer": []', '"answer": [NaN]'), "the answer holds nan"),
        (GOOD.replace('"answer": []', '"value": 5'), "value must be a JSON object"),
        (GOOD.replace('"test"', '"train"'), "is of split 'train', but this is the file of 'test'"),
        (GOOD.replace('"split": "test", ', ""), "has no split"),
        (GOOD.replace('"question": "q"', '"question": "\\ud800"'), "record 1 holds half a character"),
    ],
    ids=range(18),
)
def test_damaged_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "test.json").write_text(text)
    with pytest.raises(RecordError, match=message) as caught:
        export(tmp_path)
    assert str(caught.value).startswith(str(tmp_path / "test.json"))
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["test.json"]


def test_files_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "test.json"
    path.mkdir()
    with pytest.raises(RecordError, match="is a folder"):
        read_dataset(tmp_path)
    path.rmdir()
    path.write_bytes(GOOD.encode("utf-16"))
    with pytest.raises(RecordError, match="cannot be read as UTF-8"):
        read_dataset(tmp_path)
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())  # a byte order mark does no harm
    assert read_dataset(tmp_path).splits["test"][0]["question"] == "q"


@pytest.mark.parametrize("text", ["{", '{"split": "test"}', "\n", b"\xff\xfe", '"x"'])
def test_damaged_sidecar(tmp_path: Path, own: Path, text: str | bytes) -> None:
    path = own / "dataset/links.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RecordError, match=r"links\.jsonl"):
        read_dataset(own)
    link = {"split": "test", "id": 0, "modality": "table", "scope": "table-nothing", "family": "f", "template": 1}
    link |= {"study_ids": [], "image_ids": [], "image_paths": [], "studies_total": 0, "rows": [], "bounded": False}
    path.write_text(json.dumps(link))
    with pytest.raises(RecordError, match="line 1: is not a record of links"):
        read_dataset(own)


def test_nothing_is_written_if_a_value_fits_no_column(own: Path) -> None:
    path = own / "dataset/test.json"
    records = json.loads(path.read_text())
    path.write_text(json.dumps([*records[:-1], records[-1] | {"t_tag": None}]))
    with pytest.raises(RecordError, match=r"dataset/test\.json: record 5 \(id 4\): t_tag is not a list of texts"):
        export(own)
    assert not (own / "dataset/parquet").exists()


def test_other_errors(tmp_path: Path, own: Path) -> None:
    with pytest.raises(RecordError, match="no question files"):
        export(tmp_path / "none")
    with pytest.raises(SettingsError, match="YYYY-MM-DD"):
        export(own, date="23.11.2026")
    (tmp_path / "x.db").write_text("no database, but a text that is long enough to be read as one" * 100)
    with pytest.raises(BuildError, match="not a SQLite database"):
        schema_record(tmp_path / "x.db")
    with pytest.raises(BuildError, match="no such database"):
        schema_record(tmp_path / "y.db")


def test_command(own: Path) -> None:
    result = CliRunner().invoke(command, [str(own), "--format", "json"], catch_exceptions=False)
    assert json.loads(result.stdout)["questions"] == {"valid": 1, "test": 5}
    assert "6 questions" in CliRunner().invoke(command, [str(own)], catch_exceptions=False).output
    assert CliRunner().invoke(command, [str(own), "--quiet"], catch_exceptions=False).output == ""


def test_events_and_metadata_of_the_databases(own: Path, tmp_path: Path) -> None:
    """What the libraries of their consumers check in `make consumers`, as far as it can be seen without them."""
    words = [str(own), "--meds", str(tmp_path / "meds"), "--datasette", str(tmp_path / "shown")]
    done = CliRunner().invoke(command, [*words, "--format", "json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["questions"] == {} and len(report["files"]) == 7
    assert all(Path(name).is_file() for name in report["files"])
    assert not (own / "dataset" / "parquet").exists()
    events = pq.read_table(tmp_path / "meds/data/held_out/0.parquet")
    assert events.schema.names[:5] == ["subject_id", "time", "code", "numeric_value", "text_value"]
    assert events.schema.field("time").type == pa.timestamp("us")
    assert {"MEDS_BIRTH", "MEDS_DEATH"} & set(events["code"].to_pylist())
    assert "tb_cxr_plus" not in set(events["table"].to_pylist())
    shown = json.loads((tmp_path / "shown/metadata.json").read_text())["databases"]["mimic_iv_cxr"]["tables"]
    assert shown["TB_CXR_PLUS"] == {"allow": False, "hidden": True}
    assert shown["ADMISSIONS"]["columns"]["admittime"] and "admission_type" in shown["ADMISSIONS"]["facets"]
    with pytest.raises(SettingsError, match="belongs to the question set"):
        export(own, images=own, meds=tmp_path)
    with pytest.raises(BuildError, match="holds no build"):
        export(tmp_path, meds=tmp_path / "x")
