"""Small made-up releases under the names of the real ones."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import zipfile
from pathlib import Path

from physionet_server import PhysioNet

from ehrxqa.sources.catalogue import FILES, MIMIC_IV
from ehrxqa.sources.download.releases import MADE_LOCALLY, SCRIPT

IMAGE_IDS = [f"{i:08x}-00000000-11111111-22222222-33333333" for i in range(1, 9)]
SUBJECT_OF = {image: 99000001 + i // 2 for i, image in enumerate(IMAGE_IDS)}
STUDY_OF = {image: 88000001 + i // 2 for i, image in enumerate(IMAGE_IDS)}


def gz(text: str) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def graphs_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        member = zipfile.ZipInfo("scene_graph/a_SceneGraph.json", (2020, 1, 1, 0, 0, 0))
        archive.writestr(member, json.dumps({"image_id": "a", "objects": [], "attributes": []}))
    return out.getvalue()


def metadata_csv() -> str:
    lines = ["dicom_id,subject_id,study_id,ViewPosition"]
    for i, image in enumerate(IMAGE_IDS):
        lines.append(f"{image},{SUBJECT_OF[image]},{STUDY_OF[image]},{'LATERAL' if i == 7 else 'PA'}")
    return "\n".join(lines) + "\n"


def jpeg(image: str) -> bytes:
    return b"\xff\xd8\xff\xe0" + image.encode() * 5 + b"\xff\xd9"


def image_file(image: str) -> str:
    subject = str(SUBJECT_OF[image])
    return f"files/p{subject[:2]}/p{subject}/s{STUDY_OF[image]}/{image}.jpg"


def publish_everything(site: PhysioNet) -> None:
    """All that a build, the questions, the images and the demo need."""
    by_folder: dict[str, dict[str, bytes]] = {}
    for file in FILES:
        if file.key in MADE_LOCALLY:
            continue
        text = f"made up: {file.key}\n" * 30
        data = gz(text) if file.compressed else text.encode()
        if file.key == "scene_graphs":
            data = graphs_zip()
        if file.key == "cxr_metadata":
            data = gz(metadata_csv())
        by_folder.setdefault(file.project.folder, {})[file.path + (".gz" if file.compressed else "")] = data
        if file.project is MIMIC_IV:
            by_folder.setdefault("mimic-iv-demo/2.2", {})[file.path + ".gz"] = gz(f"demo {file.key}\n")
    by_folder["chest-imagenome/1.0.0"][SCRIPT] = b"raise SystemExit('must never run')\n"
    by_folder["mimic-cxr-jpg/2.0.0"] |= {image_file(image): jpeg(image) for image in IMAGE_IDS}
    by_folder["ehrxqa/1.0.0"] = {f"dataset/mimic_iv_cxr/_{split}.json": b"[]\n" for split in ("train", "valid", "test")}
    by_folder["mimic-ext-mimic-cxr-vqa/1.0.0"] = {
        f"MIMIC-CXR-VQA/dataset/_{name}.json": b"[]\n" for name in ("train_part1", "train_part2", "valid", "test")
    } | {"MIMIC-CXR-VQA/dataset/ans2idx.json": b"{}"}
    for folder, files in by_folder.items():
        site.publish(folder, files)
    site.protected = {folder.split("/")[0] for folder in by_folder} - {"mimic-iv-demo"}
    site.signed = set(site.protected)


def built_output(out: Path, train: list[str], test: list[str]) -> Path:
    """An output folder with the two databases, as far as image selection reads them."""
    for name, images in (("train", train), ("test", test)):
        folder = out / "database" / name
        folder.mkdir(parents=True)
        with sqlite3.connect(folder / "mimic_iv_cxr.db") as connection:
            connection.execute("CREATE TABLE TB_CXR (subject_id INTEGER, study_id INTEGER, image_id TEXT)")
            rows = [(SUBJECT_OF[image], STUDY_OF[image], image) for image in images]
            connection.executemany("INSERT INTO TB_CXR VALUES (?, ?, ?)", rows)
        connection.close()
    return out
