"""The copies of a database say what the database says: programs give the same rows on each."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from ehrxqa.errors import BuildError
from ehrxqa.questions.copies import make_copies, on_indexed
from ehrxqa.questions.lookup import Lookup
from ehrxqa.sql.gold.indexed import schema_of
from ehrxqa.sql.gold.runner import Prover, Runner
from ehrxqa.sql.official_text import normalise


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


def test_gold_programs_give_the_same_rows_on_the_indexed_copy(run, plain_rows, indexed):
    rewritten = 0
    for program, rows in plain_rows.items():
        text = on_indexed(normalise(program))
        rewritten += "cxr_studies" in text
        found = indexed.rows(text)
        if Counter(found) != Counter(rows):
            assert len(found) == len(rows), program
            assert all(map(alike, sorted(found), sorted(rows))), program
    assert len(plain_rows) > 250
    assert rewritten > 50


def test_gold_programs_give_the_same_rows_in_the_same_order_on_the_twins(run, copies, plain_rows):
    prover = Prover(schema_of(copies.database))
    runner = Runner(Lookup(copies.database, 20.0), Lookup(copies.twins, 20.0))
    proved = 0
    for _, record, answer, _ in run.pairs:
        job = prover.job(record["_gold_program"])[1]
        proved += bool(job.statements)
        assert runner.run(job) == (answer, None), record["template"]
    assert proved > 150


_STUDIES = "( select distinct tb_cxr_plus.study_id from tb_cxr_plus where tb_cxr_plus.subject_id = {} )"


@pytest.mark.parametrize(
    "program",
    [
        # a count counts the rows of the labels: there are some six hundred of each study
        "select count(*) from tb_cxr_plus where tb_cxr_plus.subject_id = {}",
        "select ( select count(*) from tb_cxr_plus where tb_cxr_plus.subject_id = {} ) > 5",
        "select ( select count( tb_cxr_plus.study_id ) from tb_cxr_plus where tb_cxr_plus.subject_id = {} )",
        # a condition on what the distinct studies do not have
        "select tb_cxr_plus.attribute from tb_cxr_plus where tb_cxr_plus.study_id in ( select distinct "
        "tb_cxr_plus.study_id from tb_cxr_plus where tb_cxr_plus.relation = 1 )",
    ],
)
def test_what_needs_the_rows_of_the_labels_reads_them(program):
    assert on_indexed(program) == program


def test_selects_of_studies_are_redirected(indexed, bench):
    present = bench.facts.labels.present
    subject = next(
        subject
        for subject, held in bench.facts.studies.items()
        if any(each.labelled and present[each.row] for each in held)
    )
    inner = _STUDIES.format(subject)
    program = f"select count(*) from tb_cxr_plus where tb_cxr_plus.study_id in {inner} and tb_cxr_plus.relation = 1"
    assert on_indexed(program).count("cxr_studies as tb_cxr_plus") == 1
    assert indexed.rows(on_indexed(program)) == indexed.rows(program)
    assert indexed.rows(on_indexed(program)) != [(0,)]


def test_copies_are_made_once_and_for_nobody_elses_eyes(copies):
    before = copies.indexed.stat(), copies.twins.stat()
    assert make_copies("test", copies.database, copies.indexed.parent) == copies
    assert [each.stat().st_mtime_ns for each in (copies.indexed, copies.twins)] == [each.st_mtime_ns for each in before]
    assert all(each.st_mode & 0o077 == 0 for each in before)


def test_a_database_that_is_none(tmp_path):
    (tmp_path / "x.db").write_text("no database")
    with pytest.raises(BuildError, match="cannot be written"):
        make_copies("test", tmp_path / "x.db", tmp_path / "copies")
