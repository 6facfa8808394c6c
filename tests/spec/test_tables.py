"""The tables as declared: complete, and referring to each other rightly."""

from dataclasses import replace

import pytest

from ehrxqa.errors import SettingsError
from ehrxqa.spec.checks import faults_of
from ehrxqa.spec.columns import item, text
from ehrxqa.spec.tables import TABLES, column_help, describe, find_table, open_tables


def test_every_reference_and_index_names_a_column_that_there_is():
    for table in TABLES.values():
        assert table.columns[0].name == "row_id" and len(set(table.names)) == len(table.names), table.name
        assert table.key is None or table.key in table.names
        for column in table.columns:
            if column.references:
                assert column.references.column in TABLES[column.references.table].names, (table.name, column.name)
        for index in table.indexes:
            assert set(index.split(", ")) <= set(table.names), (table.name, index)


def test_a_reference_is_to_a_column_of_the_same_type():
    for table in TABLES.values():
        for column in table.columns:
            if column.references:
                there = TABLES[column.references.table].column(column.references.column)
                assert there.type == column.type, (table.name, column.name)


def test_units_are_given_for_measures_only_and_name_columns_that_there_are():
    for table in TABLES.values():
        for column in table.columns:
            if column.unit:
                assert column.type in ("integer", "number")
                if column.unit.startswith("see "):
                    assert column.unit.removeprefix("see ") in table.names


def test_models_may_read_all_but_the_answer_key():
    assert [table.name for table in TABLES.values() if table.answer_key] == ["tb_cxr_plus"]
    assert [*(table.name for table in open_tables())] == [name for name in TABLES if name != "tb_cxr_plus"]


def test_a_description_has_a_line_for_every_column():
    for table in TABLES.values():
        lines = describe(table).splitlines()
        assert lines[0].startswith(f"{table.name}: {table.doc}")
        assert [line.split()[0] for line in lines[1:]] == list(table.names)


@pytest.mark.parametrize(
    ("table", "column", "said"),
    [
        ("patients", "gender", "m = male, f = female"),
        ("labevents", "valuenum", "unit: see valueuom"),
        ("labevents", "itemid", "refers to d_labitems.itemid"),
        ("admissions", "hadm_id", "one row each"),
        ("transfers", "careunit", "may be null"),
    ],
)
def test_what_is_said_of_a_column(table, column, said):
    assert said in column_help(TABLES[table], TABLES[table].column(column))


def test_a_table_that_is_not_there():
    with pytest.raises(SettingsError, match=r"there is no table 'labs'; there are tb_cxr_plus, tb_cxr, patients"):
        describe("labs")
    assert find_table("TB_CXR").name == "tb_cxr"
    with pytest.raises(KeyError):
        TABLES["patients"].column("age")


def test_the_tables_fit_together():
    assert [faults_of(table, TABLES) for table in TABLES.values()] == [[]] * len(TABLES)


def broken(table, **changes):
    return faults_of(replace(table, **changes), TABLES)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"columns": TABLES["labevents"].columns[1:]}, "its first column must be row_id"),
        ({"columns": (*TABLES["labevents"].columns, TABLES["labevents"].columns[1])}, "occur twice (subject_id)"),
        ({"name": "LabEvents"}, "names must be in lower case"),
        ({"key": "labevent_id"}, "key labevent_id is not a column"),
        ({"indexes": ("hadm_id, item",)}, "index on item, which is not a column"),
        ({"source": None}, "it has events but no source"),
        ({"source": TABLES["chartevents"].source}, "its source has the key chartevents"),
        ({"events": replace(TABLES["labevents"].events, time="storetime")}, "events.time: storetime"),
        ({"events": replace(TABLES["labevents"].events, shuffled=("value",))}, "events.shuffled: value"),
        ({"events": replace(TABLES["labevents"].events, required=("units",))}, "events.required: units"),
        ({"events": replace(TABLES["labevents"].events, unit=("units", "ml"))}, "events.unit: units"),
        ({"events": replace(TABLES["labevents"].events, dictionary="valueuom")}, "events.dictionary: valueuom"),
    ],
)
def test_a_declaration_by_half_is_named(changes, fault):
    assert any(fault in found for found in broken(TABLES["labevents"], **changes))


def test_a_column_has_to_be_in_the_file_and_used():
    table = TABLES["labevents"]
    more = replace(table, columns=(*table.columns, text("flag", "flag"), text("colour", "colour")))
    assert faults_of(more, TABLES) == [
        "column colour is not in the source",
        "column flag of the source is not marked as used (*)",
    ]


def test_every_fault_is_reported_at_once():
    assert broken(TABLES["cost"], key="price", columns=(*TABLES["cost"].columns, item("d_drugs"))) == [
        "key price is not a column",
        "column itemid refers to d_drugs.itemid, which is not declared",
    ]
