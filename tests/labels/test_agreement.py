"""Silver labels held against what a radiologist read."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from ehrxqa.building.build import build
from ehrxqa.cli.main import main
from ehrxqa.errors import SourceError
from ehrxqa.hospital import synth
from ehrxqa.labels import agreement as agreement_module
from ehrxqa.labels.agreement import _agreement, audit_text, find_human_labels, labels_audit
from ehrxqa.spec.human_labels import FINDING_COLUMNS, HUMAN_LABELS

RELEASES = ("mimic-iv-3.1", "mimic-cxr-jpg-2.1.0")


@pytest.fixture(scope="module")
def recent(tmp_path_factory):
    """A hospital of the latest releases, and its build."""
    root = tmp_path_factory.mktemp("recent")
    synth(root / "sources", subjects=90, seed=3, images=False, releases=RELEASES)
    build(root / "sources", root / "out", train_subjects=10, test_subjects=10, releases=RELEASES, mode="official")
    return root


def agreement(silver, human):
    return _agreement("x", np.array(silver, dtype=bool), np.array(human, dtype=float), np.random.default_rng(0))


def test_cells_shares_and_kappa_by_hand():
    # 40 both, 10 silver only, 5 human only, 45 neither: observed 0.85, by chance 0.5 * 0.45 + 0.5 * 0.55 = 0.5
    silver = [True] * 50 + [False] * 50
    human = [1.0] * 40 + [0.0] * 4 + [np.nan] * 6 + [1.0] * 5 + [np.nan] * 45
    found = agreement([*silver, True], [*human, -1.0])
    assert (found.both, found.silver_only, found.human_only, found.neither, found.uncertain) == (40, 10, 5, 45, 1)
    assert found.precision.value == 0.8 and found.recall.value == pytest.approx(40 / 45)
    assert found.kappa.value == pytest.approx(0.7)
    # Wilson's interval of 40 of 50, by the published formula
    assert (found.precision.low, found.precision.high) == pytest.approx((0.6696, 0.8876), abs=1e-4)
    # the bootstrap's interval of κ is near the large-sample one: standard error 0.0713
    assert (found.kappa.low, found.kappa.high) == pytest.approx((0.56, 0.84), abs=0.02)


def test_the_interval_of_kappa_holds_the_middle_95_percent(monkeypatch):
    drawn = np.append(np.arange(1001) / 1000, np.nan)
    monkeypatch.setattr(agreement_module, "_kappa", lambda cells: np.float64(0.5) if cells.ndim == 1 else drawn)
    found = agreement([True, False], [1.0, 0.0]).kappa
    assert (found.value, found.low, found.high) == (0.5, 0.025, 0.975)


def test_what_cannot_be_said_is_not_said():
    none = agreement([False] * 5, [np.nan] * 5)
    assert none.precision.value is none.recall.value is none.kappa.value is None
    unsure = agreement([True], [-1.0])
    assert unsure.uncertain == 1 and unsure.kappa.value is None


def test_full_agreement_and_none():
    assert agreement([True, False] * 20, [1.0, np.nan] * 20).kappa.value == 1.0
    assert agreement([True, False] * 20, [np.nan, 1.0] * 20).kappa.value == -1.0


def test_the_synthetic_radiologist_mostly_agrees(recent):
    found = labels_audit(recent / "out", recent / "sources")
    assert 30 < found.compared < found.read
    assert {one.finding for one in found.findings} == {column.name for column in HUMAN_LABELS.columns[1:]}
    by_name = {one.finding: one for one in found.findings}
    for one in found.findings:
        assert one.both + one.silver_only + one.human_only + one.neither + one.uncertain == found.compared
    assert by_name["Airspace Opacity"].kappa.value > 0.6
    assert by_name["Airspace Opacity"].human_only + by_name["Airspace Opacity"].silver_only > 0
    assert by_name["Support Devices"].both > 5
    assert found == labels_audit(recent / "out", recent / "sources")
    assert found.findings[0].kappa != labels_audit(recent / "out", recent / "sources", seed=1).findings[0].kappa


def test_the_command(recent):
    done = CliRunner().invoke(
        main, ["labels", "audit", str(recent / "out"), str(recent / "sources"), "--format", "json"]
    )
    assert done.exit_code == 0, done.output
    value = json.loads(done.stdout)
    assert value["findings"][0]["finding"] == "Airspace Opacity"
    text = CliRunner().invoke(main, ["labels", "audit", str(recent / "out"), str(recent / "sources")]).stdout
    assert f"{value['compared']:,} of {value['read']:,} studies" in text and "Support Devices" in text


def test_labels_without_a_subcommand_writes(recent, tmp_path):
    for arguments in (["labels"], ["labels", "write"]):
        done = CliRunner().invoke(main, [*arguments, str(recent / "out"), str(tmp_path), "--only", "gold_dataset.csv"])
        assert done.exit_code == 0 and done.stdout == f"{tmp_path / 'gold_dataset.csv'}\n"
    done = CliRunner().invoke(
        main, ["labels", "--gzip", str(recent / "out"), str(tmp_path), "--only", "gold_dataset.csv"]
    )
    assert done.exit_code == 0 and (tmp_path / "gold_dataset.csv.gz").is_file()


def test_where_the_file_is_looked_for(recent, tmp_path):
    path = recent / "sources/mimic-cxr-jpg/2.1.0" / HUMAN_LABELS.path
    for place in (path, path.parent, path.parents[1], recent / "sources"):
        assert find_human_labels(place) == path
    with pytest.raises(SourceError, match=r"no mimic-cxr-2.1.0-test-set-labeled.csv is there; it comes with"):
        find_human_labels(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study_id,Edema\n50000001,2\n", "Edema: a label that is none of 1, 0, -1"),
        ("study_id,Edema\n50000001,1\n50000001,1\n", "a study_id occurs twice"),
        ("study_id,Edema\n50000001,yes\n", "line 2: Edema is not a number"),
        ("study_id,Other\n50000001,1\n", "has no column of a finding"),
        ("Edema\n1\n", "column study_id missing"),
        ("study_id,Edema\n99999999,1\n", "none of its 1 study has silver labels"),
    ],
)
def test_a_file_that_is_not_as_published(recent, tmp_path, text, message):
    (tmp_path / HUMAN_LABELS.path).write_text(text)
    with pytest.raises(SourceError, match=message):
        labels_audit(recent / "out", tmp_path)


def test_findings_are_attributes_that_the_labels_have(recent):
    from ehrxqa.labels.store import read_labels

    known = {text.lower() for text in read_labels(recent / "out/labels").attributes}
    wanted = {name for names in FINDING_COLUMNS.values() for name in names}
    assert len(wanted & known) > len(wanted) / 2


def test_a_table_of_text(recent):
    lines = audit_text(labels_audit(recent / "out", recent / "sources")).splitlines()
    assert len(lines) == 3 + len(HUMAN_LABELS.columns) - 1 and lines[2].startswith("finding")
