"""A synthetic hospital is known by its marker, and nothing else is."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from leak_values import TABLE, TOKEN, database_of, write

from ehrxqa.leakscan import leak_scan
from ehrxqa.leakscan.masking import made_up_image_id, made_up_number


def test_examples_are_rare_among_random_numbers() -> None:
    rng = random.Random(1)
    assert sum(made_up_number(str(rng.randrange(10_000_032, 20_000_000))) for _ in range(20_000)) < 40
    assert not any(made_up_image_id("-".join(f"{rng.getrandbits(32):08x}" for _ in range(5))) for _ in range(20_000))


# -- synthetic ---------------------------------------------------------------------------------------------


def test_the_synthetic_hospital_is_recognised_and_only_by_its_marker(tmp_path: Path) -> None:
    from ehrxqa.hospital import synth

    tree = tmp_path / "hospital"
    synth(tree, subjects=60, images=False, workers=1)
    report = leak_scan(tree)
    assert report.clean, report.as_text()
    assert report.synthetic > 10
    assert leak_scan(tree / "mimiciv/2.2/hosp/patients.csv.gz").clean  # the marker is above
    (tree / "SYNTHETIC.json").unlink()
    assert {finding.rule for finding in leak_scan(tree).findings} >= {"mimic-rows", "image-id"}


@pytest.mark.parametrize(
    ("name", "marker", "clean"),
    [
        ("SYNTHETIC.json", {"synthetic": True, "generator": "g 1"}, True),
        ("manifest.json", {"synthetic": True, "stages": {}}, True),
        ("SYNTHETIC.json", {"synthetic": True}, False),
        ("SYNTHETIC.json", {"synthetic": "yes", "generator": "g"}, False),
        ("SYNTHETIC.json", [], False),
        ("manifest.json", {"synthetic": False, "stages": {}}, False),
        ("manifest.json", {"synthetic": True}, False),
        ("synthetic.txt", {"synthetic": True, "generator": "g"}, False),
    ],
)
def test_a_marker_must_be_one(name: str, marker: object, clean: bool, tmp_path: Path) -> None:
    write(tmp_path, name, json.dumps(marker))
    write(tmp_path, "database/train/mimic_iv_cxr.db", database_of("TB_CXR"))
    assert leak_scan(tmp_path).clean is clean


def test_the_nearest_marker_decides(tmp_path: Path) -> None:
    write(tmp_path, "SYNTHETIC.json", json.dumps({"synthetic": True, "generator": "g"}))
    write(tmp_path, "real/manifest.json", json.dumps({"synthetic": False, "stages": {}}))
    write(tmp_path, "real/rows.csv", TABLE)
    write(tmp_path, "made_up/rows.csv", TABLE)
    assert [finding.path for finding in leak_scan(tmp_path).findings] == ["real/rows.csv"]


def test_credentials_count_in_a_synthetic_tree_too(tmp_path: Path) -> None:
    write(tmp_path, "SYNTHETIC.json", json.dumps({"synthetic": True, "generator": "g"}))
    write(tmp_path, ".env", "PHYSIONET_PASSWORD=" + TOKEN[:12])
    assert [finding.rule for finding in leak_scan(tmp_path).findings] == ["credential-physionet"]


# -- git ---------------------------------------------------------------------------------------------------
