"""A small output folder with question files, written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ehrxqa.dataset.records import final_record, write_records
from ehrxqa.runs.manifest import Checksums, Manifest, StageRecord

SENTENCES: list[tuple[str, dict[str, Any], dict[str, list[str]]]] = [
    ("was patient {0} prescribed {1} in march 2103?", {"patient_id": 70037321, "drug_name": "Aspirin 81"}, {}),
    ("was patient {0} prescribed {1} in 07/2104?", {"patient_id": 70099999, "drug_name": "heparin (porcine)"}, {}),
    ("when was the last {1} lab test of patient {0} within the last 2 years?",
     {"patient_id": 70037321, "lab_name": "c-reactive protein"}, {}),
    ("in the chest x-ray study {0}, is there {1} in the {2}?", {"study_id": 85501234},
     {"object": ["left lung"], "attribute": ["lung opacity"]}),
    ("how many {0} patients have had a chest x-ray study that showed any {1} since 2101?", {"gender": "f"},
     {"category": ["anatomicalfinding"]}),
    ("how many days is it since the first chest x-ray study of patient {0} that showed {1}?",
     {"patient_id": 70037321}, {"attribute": ["pneumothorax"]}),
]  # fmt: skip
SAID = {"f": "female", "anatomicalfinding": "anatomical finding"}
SECRET_WORDS = (
    "70037321", "70099999", "aspirin", "heparin", "porcine", "march", "2103", "2104", "protein", "85501234",
    "left lung", "opacity", "female", "anatomical finding", "2101", "pneumothorax",
)  # fmt: skip


def record(number: int, split: str, sentence: tuple[str, dict[str, Any], dict[str, list[str]]]) -> dict[str, Any]:
    text, value, visual = sentence
    v_tag = {"object": [], "category": [], "attribute": [], **visual}
    said = [*value.values(), *v_tag["attribute"], *v_tag["category"], *v_tag["object"]]
    question = text.format(*(SAID.get(str(one), str(one)).lower() for one in said))
    return {
        "db_id": "mimic_iv_cxr", "split": split, "id": number, "question": question, "template": question,
        "query": "select 1", "value": value, "q_tag": text, "t_tag": [""] * 5, "o_tag": {}, "v_tag": v_tag,
        "tag": text, "para_type": "machine", "is_impossible": False, "_gold_program": "select 1",
    }  # fmt: skip


def write_folder(out: Path, *, synthetic: bool = True, splits: tuple[str, ...] = ("train", "test")) -> Path:
    """Question files of these splits, and a manifest that knows them."""
    paths = []
    for split in splits:
        records = [record(number, split, sentence) for number, sentence in enumerate(SENTENCES)]
        write_records(out / f"dataset/_{split}.json", records)
        write_records(out / f"dataset/{split}.json", [final_record(one, [one["id"]]) for one in records])
        paths += [f"dataset/_{split}.json", f"dataset/{split}.json"]
    outputs = Checksums(out / "none" / "none").of({path: out / path for path in paths})
    manifest = Manifest(synthetic=synthetic, settings={"train_subjects": 1, "test_subjects": 1, "seed": 0})
    manifest.stages |= {name: StageRecord("key", {}, {}) for name in ("labels", "database")}
    manifest.stages["questions"] = StageRecord("key", outputs, {"templates": 6})
    manifest.write(out)
    return out
