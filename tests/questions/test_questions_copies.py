"""The copies of a database say what the database says: programs give the same rows on each."""

from __future__ import annotations

import math
import random
import shutil
from collections import Counter

import apsw
import pytest

from ehrxqa.dataset.answer import answer
from ehrxqa.errors import BuildError
from ehrxqa.layout import DATABASE_PATHS
from ehrxqa.questions.copies import make_copies
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.generate import generate
from ehrxqa.questions.lookup import Lookup
from ehrxqa.questions.programs import INDEXED, gold_program
from ehrxqa.questions.question import Question
from ehrxqa.sql.gold.indexed import schema_of
from ehrxqa.sql.gold.runner import Prover, Runner
from ehrxqa.sql.official_text import normalise
from ehrxqa.vqa.database_labels import labels_of_database


@pytest.fixture
def indexed(copies):
    lookup = Lookup(copies.indexed, 20.0)
    yield lookup
    lookup.close()


def alike(one, other):
    """Whether two rows are equal, bar the last digits of what was added up in another order."""
    return len(one) == len(other) and all(
        math.isclose(a, b, rel_tol=1e-9) if isinstance(a, float) and isinstance(b, float) else a == b
        for a, b in zip(one, other, strict=True)
    )


def test_gold_programs_give_the_same_rows_on_the_indexed_copy(plain_rows, indexed):
    for program, rows in plain_rows.items():
        found = indexed.rows(normalise(program))
        if Counter(found) != Counter(rows):
            assert len(found) == len(rows), program
            assert all(map(alike, sorted(found), sorted(rows))), program
    assert len(plain_rows) > 250


def test_programs_that_select_from_the_distinct_studies_give_the_same(bench, indexed):
    """Rendered for the copy, selects of studies read a table of them; all that counts rows of the labels does not."""
    rng, seen = random.Random(4), Counter()
    for template in list(catalogue().values())[::5]:
        if template.modality == "table":
            continue
        choice = bench.sampler.draw(template, rng, truth=True, empty=False, subjects=None)
        if choice is None:
            continue
        question = Question(template, choice)
        plain, quick = (normalise(gold_program(question, *how).lower()) for how in ((), (INDEXED,)))
        assert indexed.rows(quick) == indexed.rows(plain)
        assert quick.replace("cxr_studies as ", "") == plain
        seen["cxr_studies" in quick] += 1
    assert seen[True] > 10
    assert seen[False] > 2


def test_gold_programs_give_the_same_rows_in_the_same_order_on_the_twins(run, copies, plain_rows):
    prover = Prover(schema_of(copies.database))
    runner = Runner(Lookup(copies.database, 20.0), Lookup(copies.twins, 20.0))
    proved = 0
    for _, record, expected, _ in run.pairs:
        job = prover.job(record["_gold_program"])[1]
        proved += job.indexed is not None
        assert runner.run(job) == (expected, None), record["template"]
    assert proved > 150


def test_copies_are_made_once_and_for_nobody_elses_eyes(copies):
    before = copies.indexed.stat(), copies.twins.stat()
    assert make_copies("test", copies.database, copies.indexed.parent) == copies
    assert [each.stat().st_mtime_ns for each in (copies.indexed, copies.twins)] == [each.st_mtime_ns for each in before]
    assert all(each.st_mode & 0o077 == 0 for each in before)


def test_a_database_that_is_none(tmp_path):
    (tmp_path / "x.db").write_text("no database")
    with pytest.raises(BuildError, match="cannot be written"):
        make_copies("test", tmp_path / "x.db", tmp_path / "copies")


def test_tables_without_x_rays_are_asked_about_like_any_other(built, tmp_path):
    """A database of somebody else has neither studies nor labels; what is asked of its tables needs none."""
    database = tmp_path / DATABASE_PATHS["test"]
    database.parent.mkdir(parents=True)
    shutil.copy(built / DATABASE_PATHS["test"], database)
    db = apsw.Connection(str(database))
    db.execute("drop table tb_cxr; drop table tb_cxr_plus")
    db.close()
    report = generate(tmp_path, test=6, scopes=["table-single"], workers=1)
    assert report.questions["test"] == 6
    answer(tmp_path, tmp_path / "dataset" / "_test.json", tmp_path / "again.json", workers=1)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "dataset" / "test.json").read_bytes()
    with pytest.raises(BuildError):
        labels_of_database(database)


def test_both_copies_of_a_build_are_kept_for_the_next_run(built, tmp_path):
    out = tmp_path / "out"
    database = out / DATABASE_PATHS["test"]
    database.parent.mkdir(parents=True)
    (out / ".work").mkdir()
    shutil.copy(built / DATABASE_PATHS["test"], database)
    first = make_copies("test", database, tmp_path / "one")
    assert {first.indexed.parent, first.twins.parent} == {out / ".work"}
    made = first.indexed.stat().st_mtime_ns, first.twins.stat().st_mtime_ns
    again = make_copies("test", database, tmp_path / "two")
    assert again == first
    assert (again.indexed.stat().st_mtime_ns, again.twins.stat().st_mtime_ns) == made
    connection = apsw.Connection(str(database))
    connection.execute("delete from prescriptions")
    connection.close()
    changed = make_copies("test", database, tmp_path / "three")
    assert changed.indexed != first.indexed
    assert sorted(path.name for path in (out / ".work").iterdir()) == sorted([changed.indexed.name, changed.twins.name])
