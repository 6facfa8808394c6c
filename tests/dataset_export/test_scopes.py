from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from ehrxqa.dataset.scopes import scope_of
from ehrxqa.spec.scopes import MODALITIES, SCOPES


@pytest.mark.shared
def test_all_official_templates(shared: Path) -> None:
    index = json.loads((shared / "data" / "ehrxqa" / "template_index.json").read_text())
    assert len(index) == 426
    for entry in index.values():
        assert scope_of(entry["q_tag"]).name == entry["scope"]
    counts = Counter(entry["scope"] for entry in index.values())
    assert [counts[name] for name in SCOPES] == [6, 116, 61, 84, 48, 24, 12, 63, 12]


@pytest.mark.parametrize(
    ("q_tag", "scope"),
    [
        ("what does {abbreviation} stand for?", "TABLE-NONE"),
        ("what is the cost of a {lab_name} lab test?", "TABLE-NONE"),
        ("when was patient {patient_id} admitted?", "TABLE-SINGLE"),
        ("count the number of patients who died.", "TABLE-GROUP"),
        ("given the study {study_id}, are there any ${category}?", "IMAGE-SINGLE-1"),
        ("given the last study of patient {patient_id}, is it pa?", "IMAGE-SINGLE-1"),
        ("given the study {study_id1}, what is new compared to {study_id2}?", "IMAGE-SINGLE-2"),
        ("has patient {patient_id} had a chest x-ray study?", "IMAGE-SINGLE-N"),
        ("how many patients had a chest x-ray?", "IMAGE-GROUP"),
        ("has patient {patient_id} had a chest x-ray after {drug_name}?", "MULTIMODAL-SINGLE"),
        ("list patients in their [age_group] with a chest x-ray.", "MULTIMODAL-GROUP"),
    ],
)
def test_rules(q_tag: str, scope: str) -> None:
    assert scope_of(q_tag).name == scope
    assert scope_of(q_tag).modality in MODALITIES
