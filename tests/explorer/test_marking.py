"""Marking changes nothing but blanks, whatever the text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ehrxqa.explorer.addresses import query_of, selection_of
from ehrxqa.explorer.data_questions import SORTS, Selection
from ehrxqa.explorer.marking import marked_question, marked_sentence, marked_sql
from ehrxqa.sql.tokens import tokenise

WORDS = st.sampled_from(
    [
        "select",
        "from",
        "where",
        "(",
        ")",
        "and",
        "between",
        "union",
        "'it''s'",
        '"a b"',
        "x",
        ",",
        "1.5",
        "--c\n",
        "or",
        "'",
    ]
)


@given(st.lists(WORDS, max_size=30).map(" ".join) | st.text(max_size=60))
def test_a_query_keeps_all_its_signs(sql: str):
    pieces = marked_sql(sql)
    shown = "".join(piece.text for piece in pieces)
    if len(pieces) > 1:  # it could be read: comments and blanks are laid out anew
        assert "".join(shown.split()) == "".join("".join(token.text.split()) for token in tokenise(sql))
    elif pieces:
        assert shown.strip() in sql


@given(
    st.text(max_size=80),
    st.dictionaries(st.sampled_from(["patient_id", "drug_name", "study_id"]), st.integers() | st.text(max_size=8)),
    st.text(max_size=40),
    st.text(max_size=40),
)
def test_a_question_keeps_all_its_signs(question: str, value: dict[str, object], template: str, tag: str):
    record = {
        "question": question,
        "value": value,
        "template": template,
        "tag": tag,
        "v_tag": {"object": ["left lung"]},
    }
    assert "".join(piece.text for piece in marked_question(record)) == question
    assert "".join(piece.text for piece in marked_sentence(record)) == template


def test_slots_and_time_filters_are_marked():
    record = {
        "question": "since 03/2102, was aspirin prescribed to patient 12?",
        "template": "has patient 12 been prescribed aspirin since 03/2102?",
        "tag": "has_verb patient {patient_id} been prescribed {drug_name} [time_filter_global1:abs-month-since]?",
        "value": {"patient_id": 12, "drug_name": "aspirin"},
    }
    marked = [(piece.kind, piece.text) for piece in marked_sentence(record) if piece.kind]
    assert marked == [("slot", "12"), ("slot", "aspirin"), ("time", "since 03/2102")]
    marked = [(piece.kind, piece.text) for piece in marked_question(record) if piece.kind]
    assert marked == [("time", "since 03/2102"), ("slot", "aspirin"), ("slot", "12")]


def test_values_findings_and_places_are_marked_in_the_form_in_which_they_are_said():
    record = {
        "question": "has a film of patient 12 shown an enlarged heart or ptx in the left mid zone, with a bun over 20?",
        "value": {"patient_id": 12, "lab_name": "urea nitrogen"},
        "v_tag": {"object": ["left mid lung zone"], "attribute": ["enlarged cardiac silhouette", "pneumothorax"]},
    }
    marked = [piece.text for piece in marked_question(record) if piece.kind]
    assert marked == ["12", "enlarged heart", "ptx", "left mid zone", "bun"]


NAMES = st.text(min_size=1, max_size=12).filter(lambda text: not any(0xD800 <= ord(sign) < 0xE000 for sign in text))


@given(
    st.dictionaries(
        st.sampled_from(["split", "family", "run.a b&c", "flagged"]),
        st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple),
    ),
    NAMES.map(lambda text: " ".join(text.split())),
    st.sampled_from(sorted(SORTS)),
    st.integers(1, 999),
)
def test_an_address_says_what_a_list_shows(chosen: dict[str, tuple[str, ...]], search: str, sort: str, page: int):
    selection = Selection(chosen, search, sort, page)
    assert selection_of(query_of(selection)) == selection
