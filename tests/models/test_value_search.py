"""Value search: the spelling of the database is found from what a question says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ehrxqa.errors import SettingsError
from ehrxqa.models.value_search import SEARCHED, SYNONYMS, ValueIndex
from ehrxqa.sql.sandbox import ANSWER_KEY, open_database

INDEX = ValueIndex(
    {
        "d_icd_diagnoses.long_title": (
            "acute kidney failure, unspecified",
            "myocardial infarction",
            "old myocardial infarction",
            "pneumonia, unspecified organism",
        ),
        "prescriptions.drug": ("acetaminophen", "acetaminophen iv", "furosemide", "iron sulfate"),
        "prescriptions.route": ("iv", "po"),
        "d_items.label": ("or ebl",),
    }
)


def found(text: str, **more) -> list[tuple[str, str]]:
    return [(match.value, match.how) for match in INDEX.search(text, **more)]


def test_the_nearest_comes_first_and_says_how_it_matches() -> None:
    assert found("Acetaminophen")[:2] == [("acetaminophen", "exact"), ("acetaminophen iv", "prefix")]
    assert found("kidney failure")[0] == ("acute kidney failure, unspecified", "contains")
    assert found("acetominophen")[0] == ("acetaminophen", "fuzzy")
    assert found("heart attack")[0] == ("myocardial infarction", "synonym")
    assert found("tylenol")[0] == ("acetaminophen", "synonym")
    assert found("unspecified pneumonia")[0] == ("pneumonia, unspecified organism", "contains")


def test_columns_and_limits_are_kept_to() -> None:
    assert found("iv", column="prescriptions.route") == [("iv", "exact")]
    assert {match.column for match in INDEX.search("acetaminophen", column="prescriptions")} == {"prescriptions.drug"}
    assert len(INDEX.search("acetaminophen", limit=1)) == 1
    with pytest.raises(SettingsError, match=r"prescriptions\.drug"):
        INDEX.search("x", column="nowhere")


@pytest.mark.parametrize("text", ["", "  ", "?!", "qqqqzzzz"])
def test_what_is_like_nothing_finds_nothing(text: str) -> None:
    assert INDEX.search(text) == []


def test_values_are_spotted_in_a_sentence_at_word_edges_the_longest_first() -> None:
    spots = INDEX.spot("was acetaminophen iv given iv, or or ebl recorded? (iron sulfates: no)")
    assert [(spot.value, spot.columns) for spot in spots] == [
        ("acetaminophen iv", ("prescriptions.drug",)),
        ("acetaminophen", ("prescriptions.drug",)),
        ("or ebl", ("d_items.label",)),
        ("iv", ("prescriptions.route",)),
        ("iv", ("prescriptions.route",)),
    ]
    assert [spot.value for spot in INDEX.spot("iv or po", ["prescriptions.drug"])] == []


@given(st.sampled_from([value for values in INDEX.values.values() for value in values]), st.text(max_size=8))
def test_every_value_is_found_by_itself_and_spotted_between_marks(value: str, around: str) -> None:
    assert found(value.upper())[0] == (value, "exact")
    sentence = f"{around} {value}, {around}".lower()
    assert value in [spot.value for spot in INDEX.spot(sentence)]
    for spot in INDEX.spot(sentence):
        assert sentence[spot.start : spot.end] == spot.value


def test_no_synonym_hides_a_value_and_none_leads_to_another() -> None:
    assert not set(SYNONYMS) & {"iv", "po"}
    assert all(said != meant for said, meant in SYNONYMS.items())


def test_a_database_is_read_without_its_answer_key(questioned: Path) -> None:
    database = questioned / "database" / "test" / "mimic_iv_cxr.db"
    with open_database(database, deny_tables=ANSWER_KEY) as sandbox:
        index = ValueIndex.of(sandbox)
    assert set(index.values) == set(SEARCHED)
    assert all(values == tuple(sorted(set(values))) for values in index.values.values())
    assert index.search(index.values["prescriptions.drug"][0])[0].how == "exact"
