"""What may read indexed tables, and what has to read the plain ones."""

from __future__ import annotations

import pytest

from ehrxqa.sql.gold.indexed import keys_of
from ehrxqa.sql.gold.proof import prove
from ehrxqa.sql.gold.shape import INTEGER_SLOT, TEXT_SLOT, Unproven, shape_of

SCHEMA = {
    "admissions": {"subject_id": "integer", "hadm_id": "integer", "admittime": "text", "age": "integer"},
    "prescriptions": {"subject_id": "integer", "hadm_id": "integer", "drug": "text", "dose_val_rx": "real"},
    "tb_cxr_plus": {"subject_id": "integer", "study_id": "integer", "studydatetime": "text", "relation": "integer"},
}
STUDIES = "from tb_cxr_plus where tb_cxr_plus.subject_id = 10001"
LOOKED_UP = "from prescriptions where prescriptions.drug = 'zinc'"
JOIN = "from admissions join prescriptions on admissions.hadm_id = prescriptions.hadm_id"


def program_of(text):
    shape, values = shape_of(text)
    return prove(shape, SCHEMA, keys_of(SCHEMA)), values


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        # one table: the same rows in the same sequence
        (
            f"select prescriptions.dose_val_rx {LOOKED_UP}",
            ["FROM indexed_prescriptions", "ORDER BY prescriptions.rowid LIMIT -1 ) AS prescriptions"],
        ),
        (f"select sum(prescriptions.dose_val_rx) {LOOKED_UP}", ["ORDER BY prescriptions.rowid"]),
        (f"select t.drug from ( select * {LOOKED_UP} ) as t", ["FROM indexed_prescriptions"]),
        (f"select t.d from ( select prescriptions.drug as d {LOOKED_UP} ) as t", ["FROM indexed_prescriptions"]),
        # order cannot matter
        (f"select count( distinct admissions.subject_id ) {JOIN}", ["from indexed_admissions", "join indexed_presc"]),
        (f"select count(*) > 0 {JOIN}", ["from indexed_admissions", "join indexed_presc"]),
        (
            f"select 1 from admissions where admissions.hadm_id in ( select prescriptions.hadm_id {LOOKED_UP} )",
            ["in ( select prescriptions.hadm_id from indexed_prescriptions AS prescriptions where"],
        ),
        # a join whose order counts stays plain, what is inside its condition does not
        (
            f"select admissions.age {JOIN} where admissions.hadm_id = ( select prescriptions.hadm_id {LOOKED_UP} ) "
            "limit 1",
            ["from admissions join prescriptions on", "FROM indexed_prescriptions AS prescriptions where"],
        ),
    ],
)
def test_fast(text, parts):
    program, values = program_of(text)
    for part in parts:
        assert part in " ".join(program.statement(values)[0].split())


@pytest.mark.parametrize(
    "text",
    [
        f"select sum(prescriptions.dose_val_rx) {JOIN}",  # rounding depends on the order of a sum
        f"select group_concat(prescriptions.drug) {JOIN}",
        f"select admissions.age {JOIN} group by admissions.age",
        f"select max(admissions.age) {JOIN}",
        f"select distinct admissions.age {JOIN}",
        f"select count(*), admissions.age {JOIN}",
        f"select dense_rank() over ( order by count(*) ) {JOIN}",
        f"select prescriptions.drug {JOIN} limit 1",
        f"select prescriptions.drug {JOIN}",
        f"select row_number() over ( order by admissions.age ) {JOIN}",
        f"select distinct admissions.age * 1.5 {JOIN}",
        f"select t.drug from ( select prescriptions.drug {JOIN} ) as t limit 2",
        "select drug from prescriptions",  # nothing to look up
        "select prescriptions.rowid from prescriptions where prescriptions.drug = 'zinc'",
        'select prescriptions.drug from prescriptions where prescriptions.drug = "zinc"',
        "select prescriptions.drug from prescriptions where prescriptions.drug = 'zinc' -- why",
        "select prescriptions.drug from prescriptions where prescriptions.drug = 'zinc'; select 1",
        "select random() from prescriptions where prescriptions.drug = 'zinc'",
        "select prescriptions.drug from prescriptions where prescriptions.drug = 'zinc' collate nocase",
        "select * from admissions left join prescriptions on admissions.hadm_id = prescriptions.hadm_id",
        "select 1 from admissions where exists ( select 1 from prescriptions where prescriptions.drug = 'zinc' )",
        "select 1 from admissions where admissions.age = ( select 1 from prescriptions "
        "where prescriptions.hadm_id = admissions.hadm_id )",
        # a column that the derived table does not have
        f"select t.route from ( select * {LOOKED_UP} ) as t",
        f"select t.subject_id from ( select prescriptions.drug {LOOKED_UP} ) as t",
        f"select t.drug from ( select prescriptions.drug as d {LOOKED_UP} ) as t",
        "select x.drug from elsewhere as x where x.drug = 'zinc'",
        "with t as ( select 1 ) select * from t",
    ],
)
def test_plain(text):
    with pytest.raises(Unproven):
        program_of(text)


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        (f"select distinct tb_cxr_plus.study_id {STUDIES} order by tb_cxr_plus.studydatetime desc limit 1", True),
        (f"select count( distinct tb_cxr_plus.study_id ) {STUDIES}", True),
        (f"select max(tb_cxr_plus.studydatetime) {STUDIES}", True),
        (f"select tb_cxr_plus.study_id {STUDIES} group by tb_cxr_plus.study_id", True),
        (f"select 1 from admissions where admissions.age in ( select tb_cxr_plus.study_id {STUDIES} )", True),
        # how many rows there are counts
        (f"select tb_cxr_plus.study_id {STUDIES}", False),
        (f"select count(tb_cxr_plus.study_id) {STUDIES}", False),
        (f"select tb_cxr_plus.study_id {STUDIES} group by tb_cxr_plus.study_id having count(*) > 1", False),
        (f"select 1 from admissions where admissions.age in ( select tb_cxr_plus.study_id {STUDIES} limit 2 )", False),
        (f"select distinct tb_cxr_plus.study_id, row_number() over ( order by tb_cxr_plus.study_id ) {STUDIES}", False),
        # so does what one finding has
        (f"select distinct tb_cxr_plus.study_id {STUDIES} and tb_cxr_plus.relation = 1", False),
        (f"select distinct * {STUDIES}", False),
    ],
)
def test_what_reads_the_distinct_studies(text, reads):
    program, values = program_of(text)
    assert ("distinct_tb_cxr_plus" in program.statement(values)[0]) is reads


def test_values_beside_a_plain_join_are_written_as_they_were():
    text = f"select prescriptions.drug {JOIN} where prescriptions.drug = 'o''brien' and admissions.hadm_id in "
    text += "( select admissions.hadm_id from admissions where admissions.subject_id = 10001 ) limit 1"
    program, values = program_of(text)
    assert values == ["o'brien", 10001]
    assert "prescriptions.drug = 'o''brien'" in " ".join(program.statement(values)[0].split())
    assert program.statement(values)[1] == ()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("select 1 from t where a = 'b' and c in ( 12345 ) and d = 1", ["b", 12345]),
        ("select strftime('%Y', a) from t group by strftime('%Y', a)", []),
        ("select datetime(a,'+2 month') from t where a <'x'", ["+2 month", "x"]),
        ("select a from t limit 10000", []),
        ("select a from t where b > 1234.5 and c = 12345678901234567890", []),
    ],
)
def test_shapes_keep_what_is_no_value(text, values):
    shape, found = shape_of(text)
    assert found == values
    for value in found:
        slot = TEXT_SLOT if isinstance(value, str) else INTEGER_SLOT
        shape = shape.replace(slot, f"'{value}'" if isinstance(value, str) else str(value), 1)
    assert shape == text
