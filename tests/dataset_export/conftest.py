"""One small synthetic build with questions, read-only; tests that write copy what they need."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import apsw
import pytest
from question_files import Built, record

from ehrxqa.building.build import build
from ehrxqa.dataset.answer import answer
from ehrxqa.hospital import synth


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("questions")
    synth(folder / "hospital", subjects=60, images=False, workers=1)
    out = folder / "out"
    build(folder / "hospital", out, train_subjects=30, test_subjects=20, workers=1)
    for name in ("mimiciv", "mimic-cxr-jpg"):  # nothing that comes after the build reads more than the reports
        shutil.rmtree(folder / "hospital" / name)
    database = apsw.Connection(str(out / "database/test/mimic_iv_cxr.db"), flags=apsw.SQLITE_OPEN_READONLY)
    # a study with a label, of a subject with another study
    subject, newest, place, finding = database.execute(
        "SELECT subject_id, study_id, object, attribute FROM tb_cxr_plus WHERE relation = 1 AND subject_id IN "
        "(SELECT subject_id FROM tb_cxr GROUP BY 1 HAVING count(*) > 1) ORDER BY 1, 2, 3, 4 LIMIT 1"
    ).fetchall()[0]
    ((oldest,),) = database.execute(
        "SELECT min(study_id) FROM tb_cxr WHERE subject_id = ? AND study_id != ?", (subject, newest)
    ).fetchall()
    (image,) = database.execute("SELECT image_id FROM tb_cxr WHERE study_id = ?", (newest,)).fetchall()[0]
    database.close()
    dataset = out / "dataset"
    dataset.mkdir()
    visual = {"object": [place], "category": [], "attribute": [finding]}
    there = (
        f"select count(*) > 0 from tb_cxr_plus where tb_cxr_plus.study_id in ( {newest} ) and tb_cxr_plus.object = "
        f"'{place}' and tb_cxr_plus.attribute = '{finding}' and tb_cxr_plus.relation = 1"
    )
    asked = f"is there {finding} in the {place}?"
    neural = f'select func_vqa("{asked}", t1.study_id) = true from ( select tb_cxr.study_id from tb_cxr '
    lost = (
        "select prescriptions.drug from prescriptions where prescriptions.hadm_id in ( select admissions.hadm_id from "
        f"admissions where admissions.subject_id = {subject} and strftime('%y',admissions.admittime) = '1999' )"
    )
    gender = "select patients.gender from patients where patients.subject_id = {}"
    questions = {
        "test": [
            record(
                "test",
                0,
                "what is the gender of patient {patient_id}?",
                f"what is the gender of patient {subject}?",
                gender.format(subject),
                value={"patient_id": subject},
            ),
            record(
                "test",
                1,
                "given the study {study_id}, is there ${attribute} in the ${object}?",
                f"given the study {newest}, {asked}",
                there,
                query=neural + f"where tb_cxr.study_id = {newest} ) as t1",
                value={"study_id": newest},
                v_tag=visual,
            ),
            record(
                "test",
                2,
                "list the drugs patient {patient_id} was prescribed [time_filter_global1].",
                "list the drugs.",
                lost,
                o_tag={"n_rank": {"nlq": "three", "sql": "3", "type": "three", "sql_pattern": "[n_rank]"}},
                value={"patient_id": subject, "lab_value": 1.5, "drug_name": "ä|ö"},
            ),
            record("test", 3, "count the patients.", "count the patients.", "select count(*) from patients"),
            record("test", 4, "list all ages.", "list all ages.", "select age from admissions"),
        ],
        "valid": [record("valid", 0, "what is the gender of patient {patient_id}?", "who?", gender.format(1))],
    }
    for split, records in questions.items():
        (dataset / f"_{split}.json").write_text(json.dumps(records, indent=4))
        answer(out, dataset / f"_{split}.json", dataset / f"{split}.json", workers=1)
    return Built(folder / "hospital", out, subject, (newest, oldest), image, (place, finding))


@pytest.fixture
def own(built: Built, tmp_path: Path) -> Path:
    """A copy of the output folder that a test may change; databases and labels are links."""
    out = tmp_path / "out"
    out.mkdir()
    for name in ("database", "labels", "manifest.json"):
        (out / name).symlink_to(built.out / name)
    shutil.copytree(
        built.out / "dataset", out / "dataset", ignore=lambda _, names: [n for n in names if n[-5:] != ".json"]
    )
    return out


@pytest.fixture(scope="session")
def reference(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference questions beside a database of the reference sources."""
    out = tmp_path_factory.mktemp("reference") / "out"
    build(shared / "parity" / "source", out, train_subjects=80, test_subjects=100, workers=1, mode="official")
    (out / "dataset").mkdir()
    for split in ("train", "test"):
        for name, theirs in ((f"_{split}.json", "_questions.json"), (f"{split}.json", "expected.json")):
            (out / "dataset" / name).symlink_to(shared / "parity" / "answers" / split / theirs)
    return out
