"""Good rewordings pass; those that change something are refused, and for that reason."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ehrxqa.paraphrasing.checks import clean, fault
from ehrxqa.paraphrasing.instructions import sentences

GOOD = [
    ("was patient [patient_1] prescribed [drug_1] in [month_1]?",
     "during [month_1], did patient [patient_1] have a prescription for [drug_1]?"),
    ("when was the last [lab_1] lab test of patient [patient_1] within the last [number_1] years?",
     "at what time did patient [patient_1] most recently have a [lab_1] lab test in the past [number_1] years?"),
    ("how many days is it since the first chest x-ray study of patient [patient_1] that showed [finding_1]?",
     "since patient [patient_1]'s earliest chest x-ray showing [finding_1], how many days have gone by?"),
    ("has patient [patient_1] been diagnosed with [diagnosis_1] since [year_1]?",
     "did patient [patient_1] receive a diagnosis of [diagnosis_1] from [year_1] onwards?"),
    ("comparing study [study_1] with study [study_2], is there [finding_1] now, but not before?",
     "comparing study [study_1] to study [study_2], has [finding_1] been newly detected?"),
    ("what was the highest [vital_1] of patient [patient_1] on the first icu visit?",
     "what is the maximum [vital_1] measured for patient [patient_1] during the initial intensive care unit stay?"),
    ("how much does the hospital care of patient [patient_1] cost in total since [year_1]?",
     "what is the total cost of hospital care for patient [patient_1] since [year_1]?"),
    ("is there a chest x-ray of patient [patient_1] in the past month that shows [finding_1] in the [location_1]?",
     "does any chest x-ray of patient [patient_1] from the past month show [finding_1] in the [location_1]?"),
    ("by how much did the weight of patient [patient_1] change between the second to last and the last measurement?",
     "how much did patient [patient_1]'s weight change between the second-to-last and last measurements?"),
    ("which patients aged [age_1] or above have had a chest x-ray study that showed [finding_1]? list their ids.",
     "list the ids of all patients aged [age_1] and older whose chest x-ray study showed [finding_1]."),
    ("by how much did the [lab_1] value of patient [patient_1] change from [date_1] to [date_2]?",
     "how much did patient [patient_1]'s [lab_1] value change between [date_1] and [date_2]?"),
    ("how many patients who are at least [number_1] years old are in the hospital now?",
     "how many patients aged [number_1] or older are currently in the hospital?"),
    ("given chest x-ray study [study_1] and the patient's previous study, does only the later study show [finding_1]?",
     "comparing chest x-ray study [study_1] to the patient's prior study, is [finding_1] only in the later one?"),
    ("which drugs was patient [patient_1] prescribed up to and including [date_1]?",
     "what drugs were prescribed to patient [patient_1] until the end of [date_1]?"),
    ("what was the second-to-last weight in kg of patient [patient_1] from [year_1] on?",
     "since [year_1], what was the second to last weight in kg measured for patient [patient_1]?"),
    ("when [study_1] is compared with the earlier study [study_2], do both studies show [finding_1]?",
     "comparing [study_1] with the earlier study [study_2], is there still [finding_1]?"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "reply"), GOOD)
def test_good_rewordings_pass(shape, reply):
    assert fault(shape, clean(reply, shape)) is None


BASE = "when was the last [lab_1] lab test of patient [patient_1] since [year_1]?"
BAD = [
    (BASE, "", "empty"),
    (BASE, BASE.upper(), "unchanged"),
    (BASE, "when was the last lab test of patient [patient_1] since [year_1]?", "placeholder lost or repeated"),
    (BASE, "when was the last [lab_1] lab test of [patient_1] [patient_1] since [year_1]?", "placeholder lost"),
    (BASE, "when was the last [lab_1] lab test of patient [patient_1] for [drug_1] since [year_1]?", "new placeholder"),
    (BASE, "when was the last [lab_1] lab test of patient [patient_1] since [year_1] at 12?", "new number"),
    (BASE, "when was the last [lab_1] lab test of patient [patient_1] since [year_1] within two tries?", "new number"),
    (BASE, "when was the last [lab_1] läb test of patient [patient_1] since [year_1]?", "odd signs"),
    (BASE, "when was the last [lab_1] lab test of patient[patient_1] since [year_1]?", "placeholder joined to a word"),
    (BASE, "sure. when was the last [lab_1] lab test of patient [patient_1] since [year_1]?", "not one sentence"),
    (BASE, "last [lab_1] lab test [patient_1] when since [year_1]" + " indeed" * 30, "too short or too long"),
    (BASE, "when was the last [lab_1] lab test for pneumonia of patient [patient_1] since [year_1]?", "new name"),
    (BASE, "what was the last [lab_1] lab test of patient [patient_1] since [year_1]?", "asks something else"),
    (BASE, "when was the first [lab_1] lab test of patient [patient_1] since [year_1]?", "changes order"),
    (BASE, "when was the last [lab_1] lab test of patient [patient_1] in [year_1]?", "changes date"),
    (BASE, "when was the last [lab_1] lab test of patient [patient_1] before [year_1]?", "changes date"),
    (BASE, "when was the last [lab_1] test of patient [patient_1] since [year_1]?", "loses a word"),
    ("was the [vital_1] of patient [patient_1] less than [value_1]?",
     "was patient [patient_1]'s [vital_1] greater than [value_1]?", "changes than"),
    ("how many hours since [finding_1]?", "how many days since [finding_1]?", "changes unit"),
    ("is [finding_1] still present?", "is [finding_1] still absent?", "changes comparison of studies"),
    ("is there [finding_1] or [finding_2] in it?", "is there [finding_1] and [finding_2] in it?", "changes logic"),
    ("was [drug_1] given last year?", "was [drug_1] given this year?", "changes period"),
    ("was [drug_1] given in the past [number_1] months?", "was [drug_1] given [number_1] months ago?", "changes"),
    ("was [drug_1] given on the first hospital visit?", "was [drug_1] given on the current hospital stay?",
     "changes visit"),
    ("did [vital_1] change from [date_1] to [date_2]?", "did [vital_1] change from [date_2] to [date_1]?",
     "changes the order"),
    ("what was [vital_1] at [date_1] minus that at [date_2]?", "subtract [vital_1] at [date_1] from that at [date_2]?",
     "changes difference"),
    ("what is the total intake minus the total output?", "what is the total output minus the total intake?",
     "changes the order"),
    ("given [study_1] and an earlier one, does only the later study show [finding_1]?",
     "given [study_1] and an earlier one, does only the earlier study show [finding_1]?", "changes comparison"),
    ("was [diagnosis_1] followed by [finding_1]?", "was [finding_1] followed by [diagnosis_1]?", "changes the order"),
    ("was it the second-to-last hospital stay?", "was it the last hospital stay?", "changes"),
    ("was [drug_1] given from [year_1] on?", "was [drug_1] given in [year_1]?", "changes date"),
    ("are patients at least [number_1] years old?", "are patients younger than [number_1] years?", "changes"),
    ("was it not normal for [patient_1]?", "was it abnormal for [patient_1]?", "changes"),
    ("was [drug_1] prescribed after [drug_2]?", "was [drug_2] prescribed after [drug_1]?", "changes the order"),
    ("was [drug_1] prescribed after [drug_2]?", "was [drug_1] prescribed before [drug_2]?", "changes sequence"),
    ("is [finding_1] in the [location_1] but not in the [location_2]?",
     "is [finding_1] in the [location_2] but not in the [location_1]?", "changes the order"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "reply", "reason"), BAD)
def test_what_changes_something_is_refused(shape, reply, reason):
    assert str(fault(shape, clean(reply, shape))).startswith(reason)


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_judged(text):
    reply = clean(text, BASE)
    assert reply == clean(reply, BASE)
    assert fault(BASE, reply) is not None


@given(st.lists(st.text("ab \n", max_size=8), max_size=4), st.integers(1, 4))
def test_a_reply_gives_at_most_as_many_sentences_as_were_asked_for(texts, number):
    found = sentences(texts, number)
    assert len(found) <= number and len(set(found)) == len(found) and all(found)
