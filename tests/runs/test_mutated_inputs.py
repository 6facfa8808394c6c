"""Whatever a file holds, a command ends well or with one clear error of ours; never with "a fault of ours"."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable

import pytest
from click.testing import CliRunner
from mutating import mutated_file

from ehrxqa.cli.main import main
from ehrxqa.errors import EhrxqaError
from ehrxqa.neuralsql.predictions import read_predictions
from ehrxqa.sources.chest_imagenome import read_gold_boxes, read_gold_statements, read_semantics
from ehrxqa.sources.cxr_metadata import read_images
from ehrxqa.sources.scene_graphs import decode_members, list_members
from ehrxqa.sources.table_stream import read_table
from ehrxqa.sources.tree import SourceTree, find_sources

#: Changed files of each kind; EHRXQA_MUTATIONS multiplies them.
FILES = 40 * int(os.environ.get("EHRXQA_MUTATIONS", "1"))

ANSWERED, QUESTIONS, IMAGES = "out/dataset/test.json", "out/dataset/_test.json", "vqa/_test.json"
DATABASE = "out/database/test/mimic_iv_cxr.db"
COMMANDS = {
    "out/manifest.json": [["info", "out"], ["verify", "out"], ["export", "out"]],
    ANSWERED: [
        ["stats", "out"], ["why", "out", "0", "--split", "test"], ["why", "out", "--empty"], ["export", "out"],
        ["evaluate", "--gold", ANSWERED, "--predictions", "answers.json"],
    ],
    QUESTIONS: [["answer", "--database", "out", "--questions", QUESTIONS, "--out", "new.json"]],
    "answers.json": [["evaluate", "--gold", ANSWERED, "--predictions", "answers.json"]],
    IMAGES: [["vqa", "answer", "out", "--questions", IMAGES, "--split", "test", "--out", "new.json"]],
    "out/labels/images.parquet": [["labels", "out", "new", "--only", "valid_dataset.csv"]],
    "out/labels/findings.parquet": [["labels", "out", "new", "--only", "valid_dataset.csv"]],
    DATABASE: [["query", DATABASE, "select count(*) from patients where gender = 'f'"],
               ["query", DATABASE, 'select func_vqa("is there pneumonia?", study_id) from tb_cxr limit 3']],
}  # fmt: skip


@pytest.fixture
def place(built, tmp_path, monkeypatch):
    shutil.copytree(built, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("hospital"))
    monkeypatch.chdir(tmp_path)
    arguments = ["vqa", "generate", "out", "--split", "test", "--per-kind", "1", "--out", "vqa/test.json", "-q"]
    assert CliRunner().invoke(main, arguments).exit_code == 0
    return tmp_path


@pytest.mark.parametrize("name", COMMANDS)
def test_commands(name, place):
    path = place / name
    before = path.read_bytes()
    for number in range(FILES):
        rng = random.Random(f"{name} {number}")
        path.write_bytes(mutated_file(path, rng))
        for arguments in COMMANDS[name]:
            error = CliRunner().invoke(main, [*arguments, "-q"]).exception
            if not isinstance(error, EhrxqaError | SystemExit | None):
                raise AssertionError(f"{name} {number}: {' '.join(arguments)}") from error
            assert error is None or "\n" not in str(error), (number, arguments, str(error))
        path.write_bytes(before)


def _said(read: Callable[[], object], what: str) -> str | None:
    """The one line of an error of ours, if there is one; any other is a fault."""
    try:
        read()
    except EhrxqaError as error:
        said = str(error)
    except Exception as error:
        raise AssertionError(what) from error
    else:
        return None
    assert "\n" not in said
    return said


SOURCES: dict[str, Callable[[SourceTree], object]] = {
    "mimiciv/2.2/hosp/patients.csv.gz": lambda tree: read_table(tree, "patients"),
    "mimiciv/2.2/hosp/admissions.csv.gz": lambda tree: read_table(tree, "admissions"),
    "mimiciv/2.2/hosp/prescriptions.csv.gz": lambda tree: read_table(tree, "prescriptions"),
    "mimiciv/2.2/hosp/d_icd_diagnoses.csv.gz": lambda tree: read_table(tree, "d_icd_diagnoses"),
    "mimiciv/2.2/icu/icustays.csv.gz": lambda tree: read_table(tree, "icustays"),
    "mimic-cxr-jpg/2.0.0/mimic-cxr-2.0.0-metadata.csv.gz": read_images,
    "chest-imagenome/1.0.0/silver_dataset/scene_graph.zip": lambda tree: decode_members(
        list_members(tree.locate("scene_graphs"))
    ),
    "chest-imagenome/1.0.0/semantics/label_to_UMLS_mapping.json": read_semantics,
    "chest-imagenome/1.0.0/semantics/attribute_relations_v1.txt": read_semantics,
    "chest-imagenome/1.0.0/semantics/objects_extracted_from_reports_v1.txt": read_semantics,
    "chest-imagenome/1.0.0/gold_dataset/gold_attributes_relations_500pts_500studies1st.txt": read_gold_statements,
    "chest-imagenome/1.0.0/gold_dataset/gold_bbox_coordinate_annotations_1000images.csv": read_gold_boxes,
    "SYNTHETIC.json": lambda tree: (tree.synthetic, tree.hybrid),
}


@pytest.mark.parametrize("name", SOURCES)
def test_readers_of_sources(name, built, tmp_path):
    shutil.copytree(built / "hospital", tmp_path, dirs_exist_ok=True, copy_function=os.link)
    path = tmp_path / name
    original = built / "hospital" / name
    for number in range(FILES):
        path.unlink()
        path.write_bytes(mutated_file(original, random.Random(f"{name} {number}")))
        said = _said(lambda: SOURCES[name](find_sources(tmp_path)), f"{name} {number}")
        assert said is None or path.name in said, (number, said)


def test_files_of_predictions(built, tmp_path):
    original, path = tmp_path / "original.json", tmp_path / "p.jsonl"
    lines = [json.dumps({"id": number, "query": f"select {number} from t"}) for number in range(4)]
    for form in ("\n".join(lines), f"[{', '.join(lines)}]", '{"1": "select 1", "2": null}'):
        original.write_text(form)
        for number in range(FILES):
            path.write_bytes(mutated_file(original, random.Random(f"{form} {number}")))
            _said(lambda: read_predictions(path), str(number))
