"""Copies in which other things happened: what stays true in them, and queries that are right by luck alone."""

from __future__ import annotations

import json
import shutil

import apsw
import pytest
from click.testing import CliRunner

from ehrxqa.cli.evaluate import command
from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.variants.composing import best_copies, compose
from ehrxqa.variants.hospitals import evaluate_on_hospitals
from ehrxqa.variants.mutation import mutation_score
from ehrxqa.variants.perturb import perturb
from ehrxqa.variants.store import hospitals_of

SUBJECTS = range(1, 13)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Twelve subjects, two admissions each, drugs with their costs, and studies with findings."""
    path = tmp_path_factory.mktemp("hospitals") / "one.db"
    db = apsw.Connection(str(path))
    db.execute("""
        create table patients(row_id, subject_id, gender, dob, dod);
        create table admissions(row_id, subject_id, hadm_id, admittime, dischtime, age);
        create table prescriptions(row_id, subject_id, hadm_id, starttime, drug, dose_val_rx);
        create table d_labitems(row_id, itemid, label);
        create table labevents(row_id, subject_id, hadm_id, itemid, charttime, valuenum);
        create table cost(row_id, subject_id, hadm_id, event_type, event_id, chargetime, cost);
        create table tb_cxr(row_id, subject_id, hadm_id, study_id, image_id, viewposition, studydatetime);
        create table tb_cxr_plus(row_id, subject_id, hadm_id, study_id, image_id, viewposition, studydatetime,
            studyorder, object, relation, attribute, category, ct_ratio, mt_ratio);
    """)
    db.executemany("insert into d_labitems values (?, ?, ?)", [(n, 50 + n, f"lab {n}") for n in range(4)])
    costs = {"heparin": 3.5, "aspirin": 1.25, "insulin": 7.0}
    event = lab = row = 0
    db.execute("begin")
    for subject in SUBJECTS:
        died = f"2105-01-{subject:02} 00:00:00" if subject % 4 == 0 else None
        db.execute(
            "insert into patients values (?, ?, ?, ?, ?)", (subject, subject, "fm"[subject % 2], "2050-01-01", died)
        )
        for visit in (1, 2):
            hadm, start = 10 * subject + visit, f"210{visit}-0{subject % 8 + 1}-01 08:00:00"
            db.execute(
                "insert into admissions values (?, ?, ?, ?, ?, ?)",
                (hadm, subject, hadm, start, start.replace("-01 08", "-09 08"), 40 + subject),
            )
            for number, drug in enumerate(sorted(costs)[: 1 + (subject + visit) % 3]):
                at = start.replace("-01 08", f"-0{number + 2} 1{subject % 10}")
                db.execute(
                    "insert into prescriptions values (?, ?, ?, ?, ?, ?)", (event, subject, hadm, at, drug, event % 5)
                )
                db.execute(
                    "insert into cost values (?, ?, ?, 'prescriptions', ?, ?, ?)",
                    (event, subject, hadm, event, at, costs[drug]),
                )
                event += 1
            for number in range(3):
                db.execute(
                    "insert into labevents values (?, ?, ?, ?, ?, ?)",
                    (lab, subject, hadm, 50 + (lab % 4), start.replace("-01 08", f"-0{number + 3} 09"), lab * 7 % 11),
                )
                lab += 1
            study = 100 * subject + visit
            at = start.replace("-01 08", "-05 12")
            db.execute(
                "insert into tb_cxr values (?, ?, ?, ?, ?, 'pa', ?)", (study, subject, hadm, study, f"i{study}", at)
            )
            for place in ("left lung", "right lung"):
                for attribute in ("edema", "mass"):
                    db.execute(
                        "insert into tb_cxr_plus values (?, ?, ?, ?, ?, 'pa', ?, 1, ?, ?, ?, 'disease', 0.4, 0.2)",
                        (row, subject, hadm, study, f"i{study}", at, place, (row + subject) % 3 == 0, attribute),
                    )
                    row += 1
    db.execute("commit")
    db.close()
    return path


HEPARIN = "select count( distinct prescriptions.subject_id ) from prescriptions where prescriptions.drug = 'heparin'"
ASKED = [
    HEPARIN,
    "select count(*) > 0 from prescriptions where prescriptions.subject_id = 3 and prescriptions.drug = 'insulin'",
    "select prescriptions.drug from prescriptions where prescriptions.subject_id = 5 order by starttime asc limit 1",
    "select max(labevents.valuenum) from labevents where labevents.subject_id = 7 and labevents.charttime >= '2102'",
    "select count(*) > 0 from tb_cxr_plus where tb_cxr_plus.subject_id = 2 and tb_cxr_plus.object = 'left lung' "
    "and tb_cxr_plus.attribute = 'edema' and tb_cxr_plus.relation = 1",
]


def rows(path, sql):
    db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return db.execute(sql).fetchall()
    finally:
        db.close()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_what_holds_in_every_hospital_holds_in_a_copy(tmp_path, database, seed):
    copy = tmp_path / "copy.db"
    perturb(database, copy, seed, ASKED)
    for table in ("patients", "admissions", "d_labitems"):  # who is there, and when
        names = "row_id, itemid, label" if table == "d_labitems" else "row_id, subject_id"
        assert rows(copy, f"select {names} from {table}") == rows(database, f"select {names} from {table}")
    for table in ("prescriptions", "labevents"):  # to whom and to which admission an event belongs
        own = "select 1 from admissions a where a.hadm_id = t.hadm_id and a.subject_id = t.subject_id"
        strangers = f"select count(*) from {table} t where not exists ({own})"
        assert rows(copy, strangers) == [(0,)]
        assert rows(copy, f"select count(*) - count(distinct row_id) from {table}") == [(0,)]
    # one cost for what an event was, at its time; none without its event
    assert (
        rows(copy, "select count(distinct cost) from cost join prescriptions p on event_id = p.row_id group by drug")
        == [(1,)] * 3
    )
    assert rows(copy, "select count(*) from cost where event_id not in (select row_id from prescriptions)") == [(0,)]
    assert rows(copy, "select count(*) from prescriptions where row_id not in (select event_id from cost)") == [(0,)]
    assert rows(
        copy, "select count(*) from cost join prescriptions p on event_id = p.row_id where chargetime <> starttime"
    ) == [(0,)]
    # a study is the same one in both tables, and has one subject and time
    one = "select study_id, subject_id, hadm_id, image_id, studydatetime from"
    assert sorted(map(str, rows(copy, f"{one} tb_cxr"))) == sorted(
        map(str, rows(copy, f"select distinct * from ({one} tb_cxr_plus)"))
    )
    assert rows(copy, "select count(*) - count(distinct study_id) from tb_cxr") == [(0,)]
    assert rows(copy, "select distinct relation in (0, 1) from tb_cxr_plus") == [(1,)]
    assert rows(copy, "select count(*) from labevents where valuenum is not null") > [(0,)]


def test_the_same_seed_gives_the_same_copy_and_another_one_another(tmp_path, database):
    before = database.read_bytes()
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        perturb(database, tmp_path / name, seed, ASKED)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != (tmp_path / "c").read_bytes()
    assert database.read_bytes() == before


def test_for_each_subject_the_copy_is_taken_that_tells_most_of_what_is_left():
    told = [
        ((3,), [{1, 2}, {2}, {0, 1}, {0, 1}, {3}, set()]),  # 0: told by the database itself
        ((5,), [{1}, {2, 3}, {3}]),
        ((), [{2}]),
    ]
    first, second = best_copies(told, 3, 2)
    assert first == {3: 2, 5: 3, None: 2}
    assert second == {3: 3, 5: 1, None: 2}  # where nothing is left to tell, that of its turn
    assert best_copies(told, 3, 1) == [first]


def test_each_subject_has_the_rows_of_one_copy(tmp_path, database):
    copies = [tmp_path / f"{seed}.db" for seed in (1, 2, 3)]
    for seed, copy in enumerate(copies, 1):
        perturb(database, copy, seed, ASKED)
    made = tmp_path / "made.db"
    made.write_bytes(copies[1].read_bytes())
    compose(copies, {None: 2, 3: 1, 5: 3, 7: 2}, made)
    for table in ("patients", "admissions", "prescriptions", "labevents", "cost", "tb_cxr", "tb_cxr_plus"):
        for subject in SUBJECTS:
            one = f"select rowid, * from {table} where subject_id = {subject} order by rowid"
            assert rows(made, one) == rows(copies[{3: 0, 5: 2}.get(subject, 1)], one)
        assert rows(made, f"select count(*) - count(distinct row_id) from {table}") == [(0,)]
    assert rows(made, "select * from d_labitems") == rows(database, "select * from d_labitems")
    assert rows(made, "select count(*) - count(distinct study_id) from tb_cxr") == [(0,)]
    own = "select 1 from prescriptions p where p.row_id = event_id and p.subject_id = cost.subject_id"
    assert rows(made, f"select count(*) from cost where not exists ({own})") == [(0,)]


def test_copies_are_kept_and_need_a_folder(tmp_path, database):
    first = hospitals_of(database, 3, ASKED, tmp_path)
    times = [path.stat().st_mtime_ns for path in first]
    assert [path.stat().st_mtime_ns for path in hospitals_of(database, 3, ASKED, tmp_path)] == times
    assert hospitals_of(database, 3, ASKED[:1], tmp_path)[1] != first[1]
    assert all(path.stat().st_mode & 0o077 == 0 for path in first[1:])
    with pytest.raises(SettingsError, match="--work"):
        hospitals_of(database, 2, ASKED)


def test_the_copies_of_a_build_lie_in_its_folder_for_work_which_may_have_been_deleted(tmp_path, database):
    out = tmp_path / "out"
    built = out / "database/test/mimic_iv_cxr.db"
    built.parent.mkdir(parents=True)
    shutil.copy(database, built)
    (out / "manifest.json").write_text(
        json.dumps(dict.fromkeys(("format", "synthetic", "settings", "sources", "stages", "versions")))
    )
    assert hospitals_of(built, 2, ASKED)[1].is_relative_to(out / ".work")


def test_more_hospitals_tell_more_mutants_apart_and_workers_change_nothing(tmp_path, database):
    databases = hospitals_of(database, 3, ASKED, tmp_path)
    score = mutation_score(ASKED, databases, workers=1)
    assert score.programs == len(ASKED) and 0 < score.killed[0] < score.killed[2] <= score.mutants
    assert list(score.killed) == sorted(score.killed)
    assert mutation_score(ASKED, databases, workers=2) == score
    nobody = [set(), *[set(range(len(ASKED)))] * 2]  # what is not judged on a hospital is not told there
    assert mutation_score(ASKED, databases, left_out=nobody, workers=1).killed == (score.killed[0],) * 3


@pytest.fixture
def files(tmp_path, database):
    gold, queries = tmp_path / "_gold.json", tmp_path / "queries.json"
    records = [
        {"db_id": "mimic_iv_cxr", "split": "test", "id": number, "question": "?", "_gold_program": program}
        for number, program in enumerate(ASKED[:4])
    ]
    gold.write_text(json.dumps([*records, {**records[0], "id": 4, "_gold_program": "null"}]))
    (number,) = rows(database, HEPARIN)
    queries.write_text(json.dumps({
        "0": f"select {number[0]}",  # right by luck
        "1": "select exists( select 1 from prescriptions where subject_id = 3 and drug = 'insulin' )",
        "2": "with p as ( select * from prescriptions where subject_id = 5 ) select drug from p order by starttime "
             "limit 1",
        "3": "select valuenum from labevents where subject_id = 7 and charttime >= '2102' order by valuenum desc "
             "limit 1",
        "4": None,
    }))  # fmt: skip
    return gold, queries


def test_who_means_the_same_is_right_on_all_and_who_is_lucky_is_not(tmp_path, database, files):
    found = evaluate_on_hospitals(*files, database, hospitals=4, work=tmp_path, workers=1)
    assert found.lucky == ("0",) and found.verdicts == {"0": "wrong", **dict.fromkeys("1234", "right")}
    assert found.accuracy == 80 and found.evaluations[0].overall.tally.right == 5
    assert repr(found).startswith("HospitalEvaluation(profile='paper'")


def test_the_command(tmp_path, database, files):
    gold, queries = files
    arguments = ["--gold", str(gold), "--predictions", str(queries), "--hospitals", "2", "--work", str(tmp_path)]
    shown = CliRunner().invoke(command, [*arguments, "--database", str(database), "--mutants"])
    assert shown.exit_code == 0 and "right on all           EX   80.0" in shown.output, shown.output
    value = json.loads(
        CliRunner().invoke(command, [*arguments, "--database", str(database), "--format", "json"]).stdout
    )
    assert value["accuracy_all"] == 80 and value["lucky"] == ["0"]
    assert CliRunner().invoke(command, arguments).exit_code == 2
    for alone in (["--mutants"], ["--now", "2105-12-31 23:59:00"], ["--workers", "1"]):
        shown = CliRunner().invoke(command, [*arguments[:4], *alone])
        assert shown.exit_code == 2 and "go with --hospitals" in shown.output


def test_the_command_is_told_the_current_time(tmp_path, database):
    gold, queries = tmp_path / "_test.json", tmp_path / "queries.json"
    program = "select count(*) from admissions where strftime('%Y', admittime) = strftime('%Y', current_time)"
    gold.write_text(
        json.dumps([{"split": "test", "id": 0, "question": "?", "query": program, "_gold_program": program}])
    )
    queries.write_text(json.dumps({"0": program.replace("strftime('%Y', current_time)", "'2102'")}))
    arguments = ["--gold", str(gold), "--predictions", str(queries), "--hospitals", "1", "--database", str(database)]
    for now, accuracy in (("2102-06-01 00:00:00", 100), ("2105-06-01 00:00:00", 0)):
        found = CliRunner().invoke(
            command, [*arguments, "--work", str(tmp_path), "--now", now, "--workers", "1", "--format", "json"]
        )
        assert json.loads(found.stdout)["accuracy_all"] == accuracy


def test_a_file_without_gold_programs_ends_in_one_line(tmp_path, database):
    (tmp_path / "answers.json").write_text('{"1": [2]}')
    with pytest.raises(RecordError, match="holds no gold programs"):
        evaluate_on_hospitals(tmp_path / "answers.json", tmp_path / "answers.json", database, work=tmp_path)


def test_predictions_of_other_ids_and_a_build_that_is_not_there_are_named(tmp_path, database, files):
    gold, queries = files
    (tmp_path / "other.json").write_text('[{"id": 1000000000000000000000000000000, "query": "select 1"}]')
    with pytest.raises(RecordError, match=r"^predictions: .* gold ids have no prediction"):
        evaluate_on_hospitals(gold, tmp_path / "other.json", database, hospitals=1, work=tmp_path, workers=1)
    with pytest.raises(SettingsError, match="no such database"):  # a folder stands for the build in it
        evaluate_on_hospitals(gold, queries, tmp_path, hospitals=1, work=tmp_path, workers=1)
