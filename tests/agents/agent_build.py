"""A small build with a canary in its answer key, pictures with a canary in their metadata, and questions."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import apsw
from PIL import Image, PngImagePlugin

from ehrxqa.layout import database_path, image_path, question_file
from ehrxqa.runs.manifest import Manifest
from hostile_corpus import CANARY, make_target

sys.path.append(str(Path(__file__).parents[1] / "neuralsql"))

from neuralsql_databases import make_small


def make_agent_build(root: Path) -> Path:
    """An output folder with databases and answered questions; `images` beside it holds the pictures."""
    out = root / "out"
    small = make_small(root / "small.db")
    for split in ("train", "test"):
        path = database_path(out, split)
        path.parent.mkdir(parents=True)
        make_target(small, path)
    Manifest(synthetic=True, settings={}).write(out)
    write_questions(out)
    draw_pictures(database_path(out, "test"), root / "images")
    return out


def studies_of(path: Path) -> list[tuple[int, int, str]]:
    """(study, subject, image) of a database."""
    return apsw.Connection(str(path)).execute("SELECT study_id, subject_id, image_id FROM tb_cxr ORDER BY 1").fetchall()


def draw_pictures(database: Path, folder: Path) -> None:
    for number, (study, subject, image) in enumerate(studies_of(database)):
        path = folder / "files" / image_path(subject, study, image)
        path.parent.mkdir(parents=True)
        picture = Image.linear_gradient("L").resize((300, 400)).convert("RGB")
        if number % 2:
            told = PngImagePlugin.PngInfo()
            told.add_text("Comment", CANARY)
            picture.save(path, format="PNG", pnginfo=told)  # a PNG that calls itself .jpg is read all the same
        else:
            exif = Image.Exif()
            exif[270] = CANARY
            picture.save(path, format="JPEG", comment=CANARY.encode(), exif=exif)


_ASKS = 'select func_vqa("is there pneumonia?", study_id) from tb_cxr where study_id = {}'


def write_questions(out: Path) -> None:
    """A handful of test questions with answers, of three kinds."""
    database = database_path(out, "test")
    study, subject, _ = studies_of(database)[0]
    db = apsw.Connection(str(database))
    asked = [
        ("what is the gender of the patient?", f"select gender from patients where subject_id = {subject}", "table"),
        ("how many patients are there?", "select count(*) from patients", "table"),
        ("is there pneumonia?", _ASKS.format(study), "image"),
        ("what is the phone number of the patient?", "null", "table"),
    ]  # fmt: skip
    gold = [
        asked[0][1],
        asked[1][1],
        f"select max(relation) from tb_cxr_plus where study_id = {study} and attribute = 'pneumonia'",
        None,
    ]
    records = []
    for number, ((text, query, modality), program) in enumerate(zip(asked, gold, strict=True)):
        answer = "null" if program is None else [value for (value,) in db.execute(program)]
        q_tag = "given the study {study_id}, is there ${attribute}?" if modality == "image" else text
        records.append(
            {
                "db_id": "mimic_iv_cxr", "split": "test", "id": number, "question": text, "template": text,
                "query": query, "value": {"patient_id": subject},
                "q_tag": q_tag, "t_tag": [""] * 5, "o_tag": {},
                "v_tag": {"object": [], "category": [], "attribute": ["pneumonia"] if modality == "image" else []},
                "tag": text, "para_type": "machine", "is_impossible": program is None, "answer": answer,
            }
        )  # fmt: skip
    path = question_file(out, "test")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(records))
