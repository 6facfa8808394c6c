"""Whole runs of `generate`: what is promised of the files, of runs that are cut off, and of wrong orders."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

import ehrxqa
from ehrxqa import files
from ehrxqa.cli.main import _guarded
from ehrxqa.errors import BuildError, SettingsError
from ehrxqa.layout import DATABASE_PATHS
from ehrxqa.questions import production
from ehrxqa.questions.batch import run_batch
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.held_out import split_of_patient

#: As in the official example of a pre-release record.
KEYS = (
    "db_id", "split", "id", "question", "template", "query", "value", "q_tag", "t_tag", "o_tag", "v_tag", "tag",
    "para_type", "is_impossible", "_gold_program",
)  # fmt: skip
#: A run of a few seconds: many batches, some of which have less to give than they are asked for.
SMALL = {
    "train": 24, "test": 30, "seed": 3, "families": ["95", "141", "1100", "2308", "5000", "44", "6", "7"], "workers": 1,
}  # fmt: skip
ARGUMENTS = [
    "--train", "24", "--test", "30", "--seed", "3",
    *(word for name in SMALL["families"] for word in ("--family", name)),
]  # fmt: skip


def dataset_files(out):
    return {path.name: path.read_bytes() for path in sorted((out / "dataset").iterdir()) if path.is_file()}


@pytest.fixture(scope="module")
def small(built, copies, tmp_path_factory):
    """The files of the small run, done in one go."""
    out = tmp_path_factory.mktemp("small") / "out"
    for path in DATABASE_PATHS.values():
        (out / path).parent.mkdir(parents=True)
        (out / path).hardlink_to(built / path)
    (out / "manifest.json").write_bytes((built / "manifest.json").read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "ehrxqa.questions.generate.make_copies",
            lambda base, database, folder, now: replace(copies, base=base, now=now),
        )
        report = ehrxqa.generate(out, **SMALL)
    assert report.faults == 0
    return dataset_files(out)


# --- the files ---------------------------------------------------------------------------------------------------


def test_all_that_was_wanted_is_there_and_every_proof_held(run):
    assert run.report.faults == 0, run.report.fault_examples
    assert run.report.missing == {}
    assert run.report.questions == {"train": 100, "valid": 40, "test": 220}
    for split, number in run.report.questions.items():
        assert [record["id"] for record in run.records(split)] == list(range(number))
        assert {record["split"] for record in run.records(split)} == {split}
    assert sum(run.report.scopes.values()) == len(run.pairs)


def test_records_have_the_official_keys_in_the_official_order(run):
    for split in ("train", "valid", "test"):
        for record, final in zip(run.records(f"_{split}"), run.records(split), strict=True):
            assert tuple(record) == KEYS
            assert tuple(final) == (*KEYS[:-1], "answer")
            assert {key: final[key] for key in KEYS[:-1]} == {key: record[key] for key in KEYS[:-1]}
            assert record["db_id"] == "mimic_iv_cxr"
            assert [type(record[key]) for key in KEYS] == [
                str, str, int, str, str, str, dict, str, list, dict, dict, str, str, bool, str,
            ]  # fmt: skip
            assert len(record["t_tag"]) == 5
            assert list(record["v_tag"])[:3] == ["object", "category", "attribute"]
            assert set(record["v_tag"]) <= {"object", "category", "attribute", "comparison"}
            for option in record["o_tag"].values():
                assert list(option) == ["nlq", "sql", "type", "sql_pattern"]
            for key in ("question", "template", "query", "_gold_program"):
                assert record[key] == record[key].lower()
            assert set(record["value"]) == set(re.findall(r"(?<!\$)\{(\w+)\}", record["q_tag"]))
            assert all(str(value) in record["template"] or value in ("m", "f") for value in record["value"].values())


def test_files_are_written_as_the_official_ones(run):
    for split in ("_train", "train", "_test", "test"):
        text = run.files[f"{split}.json"].decode("ascii")
        assert text == json.dumps(json.loads(text), indent=4)


def test_pre_release_files_hold_no_answer(run):
    for split in ("train", "valid", "test"):
        assert b'"answer"' not in run.files[f"_{split}.json"]
        assert b"_gold_program" not in run.files[f"{split}.json"]
    assert b'"answer"' not in run.files["links.jsonl"]


def test_nothing_of_the_work_is_left(run):
    assert not (run.out / ".work" / "questions").exists()
    assert set(run.files) == {f"{mark}{split}.json" for split in ("train", "valid", "test") for mark in ("", "_")} | {
        "links.jsonl"
    }


def test_modalities_have_their_official_shares(run):
    held = defaultdict(Counter)
    for split, _, _, links in run.pairs:
        held[split][links["modality"]] += 1
    for counts in held.values():
        total = counts.total()
        for modality, share in (("table", 16529), ("image", 16366), ("multimodal", 13257)):
            assert abs(counts[modality] - total * share / 46152) <= 1


def test_every_question_with_an_answer_has_its_line_of_links(run):
    keys = [
        "split", "id", "modality", "scope", "family", "template", "study_ids", "image_ids", "image_paths",
        "studies_total", "rows", "bounded", "needs", "alternatives", "mutants", "killed", "told", "untold",
    ]  # fmt: skip
    for _, record, _, links in run.pairs:
        template = catalogue()[links["template"]]
        assert list(links) == keys
        assert (links["scope"], links["family"], links["modality"]) == (
            template.scope, template.family, template.modality,
        )  # fmt: skip
        assert record["q_tag"] == template.q_tag
    assert len(run.files["links.jsonl"].splitlines()) == len(run.pairs)


def test_at_most_the_share_of_lists_and_counts_is_empty(run):
    may = [answer for _, _, answer, links in run.pairs if catalogue()[links["template"]].may_be_empty]
    assert len(may) > 30
    assert sum(answer in ([], [0]) for answer in may) <= len(may) * 0.05
    others = [answer for _, _, answer, links in run.pairs if catalogue()[links["template"]].answer != "truth"
              and not catalogue()[links["template"]].may_be_empty]  # fmt: skip
    assert not any(answer == [] for answer in others)


def test_yes_and_no_are_in_balance(run):
    counts = Counter()
    for split, _, answer, links in run.pairs:
        if catalogue()[links["template"]].answer == "truth":
            counts[split, links["template"], answer[0]] += 1
    assert {answer for _, _, answer in counts} == {0, 1}
    for split, number, _ in counts:
        assert abs(counts[split, number, 0] - counts[split, number, 1]) <= 2
    yes = sum(count for (_, _, answer), count in counts.items() if answer)
    assert 0.35 < yes / counts.total() < 0.65


def meaning(record):
    """All but the words of a question."""
    return json.dumps(
        [record["q_tag"], record["value"], record["t_tag"], record["o_tag"], record["v_tag"], record["template"]]
    )


def test_nothing_is_asked_twice(run):
    for splits in (("train", "valid"), ("test",)):
        held = [(record, answer, links) for split, record, answer, links in run.pairs if split in splits]
        assert len({record["template"] for record, _, _ in held}) == len(held)
        assert len({record["_gold_program"] + record["q_tag"] for record, _, _ in held}) == len(held)
        # nor with a filter that changes nothing
        bare = defaultdict(set)
        for record, answer, links in held:
            same = [record[key] for key in ("q_tag", "value", "o_tag", "v_tag")] + [record["t_tag"][2:], answer]
            same += [links[key] for key in ("rows", "study_ids", "studies_total")]
            bare[json.dumps(same)].add(bool(record["t_tag"][0] or record["t_tag"][1]))
        assert not [each for each in bare.values() if len(each) > 1]


def test_splits_ask_about_patients_of_their_own_where_that_is_wanted(run, bench):
    owner = {each.study: subject for subject, held in bench.facts.studies.items() for each in held}
    asked = defaultdict(set)
    for split, record, _, links in run.pairs:
        if "single" in links["scope"]:
            value = record["value"]
            asked[split].add(value.get("patient_id") or owner[value.get("study_id") or value["study_id1"]])
    assert len(asked["train"]) > 10
    assert asked["valid"]
    assert not asked["train"] & asked["valid"]
    assert all(split_of_patient(subject) == split for split in ("train", "valid") for subject in asked[split])


def test_no_question_without_a_patient_is_in_two_splits_where_that_is_wanted(run):
    """Both databases of the run are the same, so that nothing but the rule keeps them apart."""
    asked = defaultdict(set)
    for split, record, _, links in run.pairs:
        if "single" not in links["scope"]:
            asked[split].add(meaning(record))
    assert all(len(held) > 3 for held in asked.values())
    assert not asked["train"] & asked["valid"]
    assert not asked["train"] & asked["test"]
    assert not asked["valid"] & asked["test"]


def test_current_visits_are_asked_about_of_patients_in_hospital(run, bench):
    current = {
        option: set(bench.facts.visits[option]) for option in ("rel-hosp-cur", "rel-icu-cur")
    }  # fmt: skip
    seen = 0
    for _, record, answer, _ in run.pairs:
        option = record["t_tag"][0]
        if option in current and "patient_id" in record["value"] and answer != [0]:
            seen += 1
            assert record["value"]["patient_id"] in current[option]
    assert seen > 3


def test_series_are_finer_than_their_filter(run):
    """Of one day there are no daily values, and of one year no yearly ones."""
    coarser = {"day": (), "month": ("daily",), "year": ("daily", "monthly")}
    for _, record, _, _ in run.pairs:
        unit = record["o_tag"].get("unit_average", {}).get("type")
        option = record["t_tag"][0]
        if unit and option and "hosp" not in option and "icu" not in option:
            assert unit in coarser[option.split("-")[1]], record["template"]
        elif unit and option:
            assert unit in ("daily", "monthly")


def test_the_answers_are_those_of_ehrxqa_answer(run, tmp_path):
    records = [record for record in run.records("_test") if not record["is_impossible"]]
    (tmp_path / "_test.json").write_text(json.dumps(records))
    ehrxqa.answer(run.out, tmp_path / "_test.json", tmp_path / "test.json", workers=1)
    final = [record for record in run.records("test") if not record["is_impossible"]]
    assert json.loads((tmp_path / "test.json").read_text()) == final


# --- runs that are cut off ------------------------------------------------------------------------------------------


def test_workers_change_nothing(small, fresh, quick):
    ehrxqa.generate(fresh, **{**SMALL, "workers": 2})
    assert dataset_files(fresh) == small


class CutOff:
    """`run_batch` that counts, and stops at a batch as Ctrl-C or a full disk would."""

    def __init__(self, stop=None, error=KeyboardInterrupt):
        self.ran, self.stop, self.error, self.real = [], stop, error, run_batch

    def __call__(self, task):
        if len(self.ran) == self.stop:
            raise self.error
        self.ran.append((task.copies.base, task.template.id, task.seed))
        return self.real(task)


def test_an_interrupted_run_goes_on_and_asks_nothing_of_finished_cells(small, fresh, quick, monkeypatch):
    whole = []
    for stop in (0, 3, 1, 5, None):
        cut = CutOff(stop)
        monkeypatch.setattr(production, "run_batch", cut)
        if stop is not None:
            with pytest.raises(KeyboardInterrupt):
                ehrxqa.generate(fresh, **SMALL)
            assert not (fresh / "dataset").exists()
        else:
            ehrxqa.generate(fresh, **SMALL)
        whole += cut.ran
    assert len(whole) == len(set(whole)) > 10
    assert dataset_files(fresh) == small


def test_other_settings_start_anew(fresh, quick, monkeypatch):
    monkeypatch.setattr(production, "run_batch", CutOff(3))
    with pytest.raises(KeyboardInterrupt):
        ehrxqa.generate(fresh, **SMALL)
    left = list((fresh / ".work/questions").iterdir())
    cut = CutOff(3)
    monkeypatch.setattr(production, "run_batch", cut)
    with pytest.raises(KeyboardInterrupt):
        ehrxqa.generate(fresh, **{**SMALL, "seed": 4})
    assert len(cut.ran) == 3
    assert not set(left) & set((fresh / ".work/questions").iterdir())


def test_old_files_stay_until_the_new_ones_are_complete(fresh, quick, monkeypatch):
    few = {**SMALL, "train": 0, "test": 6, "families": ["6"]}
    ehrxqa.generate(fresh, **few)
    old = dataset_files(fresh)
    monkeypatch.setattr(production, "run_batch", CutOff(0))
    with pytest.raises(KeyboardInterrupt):
        ehrxqa.generate(fresh, **{**few, "seed": 4}, force=True)
    assert dataset_files(fresh) == old
    with pytest.raises(BuildError, match="holds question files"):
        ehrxqa.generate(fresh, **{**few, "seed": 5})
    ehrxqa.generate(fresh, **few)  # all of it is there: nothing is made
    assert dataset_files(fresh) == old


@pytest.mark.parametrize(("number", "said"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "not writable")])
def test_a_disk_that_refuses_is_said_in_one_line_and_nothing_is_lost(fresh, quick, monkeypatch, capsys, number, said):
    """All batches are finished when the first of the files cannot be written."""
    few = ["--test", "6", "--family", "6", "--workers", "1", "--quiet"]
    assert _guarded(["generate", str(fresh), *few, "--seed", "1"], False) == 0
    old = dataset_files(fresh)
    real = files.fsync_path

    def refuse(path):
        if "dataset" in str(path):
            raise OSError(number, os.strerror(number))
        real(path)

    monkeypatch.setattr(files, "fsync_path", refuse)
    capsys.readouterr()
    assert _guarded(["generate", str(fresh), *few, "--seed", "2", "--force"], False) == 1
    message = capsys.readouterr().err.strip()
    assert said in message
    assert "\n" not in message.replace("\r", "")
    assert dataset_files(fresh) == old
    monkeypatch.setattr(files, "fsync_path", real)
    cut = CutOff(0)
    monkeypatch.setattr(production, "run_batch", cut)
    assert _guarded(["generate", str(fresh), *few, "--seed", "2", "--force"], False) == 0
    assert cut.ran == []
    assert dataset_files(fresh) != old


def started(out, workers):
    return subprocess.Popen(
        [sys.executable, "-m", "ehrxqa", "generate", str(out), *ARGUMENTS, "--workers", str(workers), "--quiet"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(ehrxqa.__file__).parents[1]), *sys.path])},
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def has_finished_cells(folder):
    return any(path.read_bytes().count(b"\n=\t") >= 3 for path in folder.glob("*/spool"))


@pytest.mark.parametrize(
    ("sign", "workers", "when", "code"),
    [(signal.SIGKILL, 1, has_finished_cells, -signal.SIGKILL), (signal.SIGINT, 2, has_finished_cells, 130)],
    ids=("kill", "ctrl-c"),
)
def test_a_killed_run_ends_with_the_same_bytes(small, fresh, quick, sign, workers, when, code):
    """Killed with all its workers, as a terminal does."""
    process = started(fresh, workers)
    until = time.monotonic() + 240
    while time.monotonic() < until and process.poll() is None and not when(fresh / ".work/questions"):
        time.sleep(0.01)
    os.killpg(process.pid, sign)
    _, said = process.communicate(timeout=180)
    assert process.returncode == code, said
    assert said.strip().count(b"\n") == 0, said
    assert not (fresh / "dataset").exists()
    ehrxqa.generate(fresh, **SMALL)
    assert dataset_files(fresh) == small
    assert not (fresh / ".work" / "questions").exists()


# --- wrong orders ------------------------------------------------------------------------------------------------


def test_what_is_refused(built, tmp_path):
    with pytest.raises(SettingsError, match="how many"):
        ehrxqa.generate(built)
    with pytest.raises(SettingsError, match="unknown scope"):
        ehrxqa.generate(built, test=1, scopes=["x"])
    with pytest.raises(SettingsError, match="unknown family"):
        ehrxqa.generate(built, test=1, families=["x"])
    with pytest.raises(SettingsError, match="both in these scopes"):
        ehrxqa.generate(built, test=1, scopes=["image"], families=["95"])
    with pytest.raises(BuildError, match="no such database; build it first"):
        ehrxqa.generate(tmp_path, test=1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "how many questions"),
        (["--train", "-1"], "how many questions"),
        (["--train", "-5", "--test", "5"], "how many questions"),
        (["--test", "x"], "not a valid integer"),
        (["--test", "1", "--impossible", "0.9"], "0 to 0.5"),
        (["--test", "1", "--impossible", "nan"], "must be a number, not nan"),
        (["--test", "1", "--empty", "-0.1"], "0 to 0.5"),
        (["--test", "1", "--empty", "nan"], "must be a number, not nan"),
        (["--test", "1", "--seed", "-1"], "seed"),
        (["--test", "1", "--scope", "tables"], "unknown scope 'tables'"),
        (["--test", "1", "--family", "999"], "unknown family '999'"),
        (["--test", "1", "--family", "46"], "46"),
        (["--test", "1", "--workers", "0"], "workers"),
        (["--test", "1", "--scope", "image", "--family", "95"], "no template"),
    ],
)  # fmt: skip
def test_a_wrong_order_is_said_in_one_line(built, capsys, arguments, said):
    assert _guarded(["generate", str(built), *arguments], False) == 2
    message = capsys.readouterr().err.strip()
    assert said in message
    assert "Traceback" not in message and "unexpected" not in message
    errors = [line for line in message.splitlines() if line and not line.startswith(("Usage:", "Try "))]
    assert len(errors) == 1, message
    assert not (built / "dataset").exists()


@pytest.mark.parametrize("command", ["generate", "coverage"])
def test_a_folder_without_a_build(tmp_path, capsys, command):
    assert _guarded([command, str(tmp_path), *(["--test", "1"] if command == "generate" else [])], False) == 1
    message = capsys.readouterr().err.strip()
    assert "build it first" in message
    assert "\n" not in message
    assert list(tmp_path.iterdir()) == []


def test_a_build_without_its_database(built, tmp_path, capsys):
    (tmp_path / "manifest.json").write_bytes((built / "manifest.json").read_bytes())
    assert _guarded(["generate", str(tmp_path), "--test", "1"], False) == 1
    message = capsys.readouterr().err.strip()
    assert "no such database" in message
    assert "\n" not in message


def test_a_database_that_is_broken(fresh, capsys):
    path = fresh / DATABASE_PATHS["test"]
    path.unlink()
    path.write_bytes(b"SQLite format 3\0" + bytes(5000))
    assert _guarded(["generate", str(fresh), "--test", "1", "--workers", "1"], False) == 1
    message = capsys.readouterr().err.strip()
    assert "unexpected" not in message
    assert "\n" not in message


def test_databases_of_others_need_no_manifest(fresh, quick):
    """The official ones, say: no manifest is made up for them."""
    (fresh / "manifest.json").unlink()
    report = ehrxqa.generate(fresh, test=6, families=["6"], workers=1)
    assert report.questions["test"] == 6
    first = dataset_files(fresh)
    assert not (fresh / "manifest.json").exists()
    with pytest.raises(BuildError, match="holds question files"):
        ehrxqa.generate(fresh, test=6, families=["6"], workers=1)
    ehrxqa.generate(fresh, test=6, families=["6"], workers=1, force=True)
    assert dataset_files(fresh) == first
