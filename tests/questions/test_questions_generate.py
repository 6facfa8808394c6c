"""Generated files, from a synthetic hospital to the answers."""

import json

import pytest

import ehrxqa
from ehrxqa.errors import BuildError, SettingsError


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("questions")
    ehrxqa.synth(folder / "hospital", subjects=200, images=False, workers=1)
    ehrxqa.build(folder / "hospital", folder / "out", workers=1)
    return folder / "out"


def _files(out):
    return {path.name: path.read_bytes() for path in sorted((out / "dataset").iterdir()) if path.is_file()}


def test_files_do_not_depend_on_workers_and_are_answered_as_gold_programs_say(built, tmp_path):
    report = ehrxqa.generate(built, train=20, valid=10, test=60, seed=5, workers=1, impossible=0.1)
    assert report.faults == 0, report.fault_examples
    assert report.questions == {"train": 20, "valid": 10, "test": 60}
    first = _files(built)
    ehrxqa.generate(built, train=20, valid=10, test=60, seed=5, workers=2, impossible=0.1, force=True)
    assert _files(built) == first
    records = [record for record in json.loads(first["_test.json"]) if not record["is_impossible"]]
    (tmp_path / "_test.json").write_text(json.dumps(records))
    assert len(records) == 54
    ehrxqa.answer(built, tmp_path / "_test.json", tmp_path / "test.json", workers=1)
    final = [record for record in json.loads(first["test.json"]) if not record["is_impossible"]]
    assert json.loads((tmp_path / "test.json").read_text()) == final
    assert len({record["template"] + record["query"] for record in final}) == len(final)
    links = [json.loads(line) for line in first["links.jsonl"].splitlines()]
    assert {(each["split"], each["id"]) for each in links if each["split"] == "test"} == {
        ("test", record["id"]) for record in final
    }
    train, valid = ({json.dumps([r["q_tag"], r["value"], r["t_tag"], r["v_tag"], r["query"]]) for r in
                     json.loads(first[name])} for name in ("train.json", "valid.json"))  # fmt: skip
    assert not {each for each in train & valid if '"null"' not in each}


def test_what_is_refused(built, tmp_path):
    with pytest.raises(SettingsError, match="how many"):
        ehrxqa.generate(built)
    with pytest.raises(SettingsError, match="unknown scope"):
        ehrxqa.generate(built, test=1, scopes=["x"])
    with pytest.raises(SettingsError, match="unknown family"):
        ehrxqa.generate(built, test=1, families=["x"])
    with pytest.raises(BuildError, match="holds no build"):
        ehrxqa.generate(tmp_path, test=1)
