"""Whatever the values are, none is left in the shape, and all come back."""

from __future__ import annotations

import json
import re
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ehrxqa.paraphrasing.instructions import request_body
from ehrxqa.paraphrasing.known_words import template_words
from ehrxqa.paraphrasing.masking import PLACEHOLDER, Unmaskable, mask, unmask
from ehrxqa.questions.unanswerable import UNANSWERABLE

SENTENCES = (
    "was patient {patient_id} prescribed {drug_name} {time}?",
    "{time}, what are the five drugs most often prescribed to patients after {drug_name1} and {drug_name2}?",
    "how many days is it since patient {patient_id} first had a {lab_name} lab test {time}?",
    "was the {vital_name} of patient {patient_id} ever higher than {vital_value} {time}?",
    "look at chest x-ray {study_id1} and the earlier study {study_id2}. is there still no abnormality?",
)
TIMES = (
    "", "in {y}", "from {y} on", "until the end of {y}", "in {m:02}/{y}", "since {month} {y}", "on {m:02}/{d:02}/{y}",
    "up to and including {month} {d}, {y}", "in {month} of this year", "on {month} {d} of last year",
    "on the {d}th of {month} last year", "on the {d}th of last month", "in the past {n} months",
    "over the past 24 hours", "within two months", "until 1 year ago",
    "from {y}-{m:02}-{d:02} 12:30:00 to {y}-{m:02}-{d:02} 13:30:00",
)  # fmt: skip
MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november")

texts = st.text(string.ascii_lowercase + string.digits + " ,.;:/()[]%'&+-_\\{}*?éß", min_size=1, max_size=30).filter(
    lambda text: text == text.strip() and not PLACEHOLDER.search(text) and text.lower() == text
)
numbers = st.one_of(st.integers(0, 99_999_999), st.floats(0, 500).map(lambda value: round(value, 1)))


@st.composite
def records(draw):
    sentence = draw(st.sampled_from(SENTENCES))
    time = draw(st.sampled_from(TIMES)).format(
        y=draw(st.integers(2100, 2105)), m=draw(st.integers(1, 12)), d=draw(st.integers(1, 28)),
        n=draw(st.integers(2, 60)), month=draw(st.sampled_from(MONTHS)),
    )  # fmt: skip
    slots = [slot for slot in re.findall(r"\{(\w+)\}", sentence) if slot != "time"]
    value = {slot: draw(numbers if slot.endswith(("id", "id1", "id2", "value")) else texts) for slot in slots}
    return {"question": sentence.format(**value, time=time).strip(), "value": value}


def alone(text: str, sentence: str) -> bool:
    """Whether a text is in a sentence, not as part of a word or number."""
    return re.search(rf"(?<![^\W_]){re.escape(text)}(?![^\W_])", sentence, re.IGNORECASE) is not None


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records())
def test_masked_sentences_hold_no_value_and_come_back_whole(record):
    try:
        masked = mask(record)
    except Unmaskable:
        return  # nothing is sent
    assert unmask(masked.shape, masked.values) == record["question"]
    bare = PLACEHOLDER.sub(" · ", masked.shape)
    assert not re.search(r"\d", bare)
    assert set(re.findall(r"[^\W\d_]+", bare)) <= set(re.findall(r"[^\W\d_]+", " ".join(template_words())))
    for value in filter(re.compile(r"\w").search, map(str, record["value"].values())):  # a mark alone says nothing
        assert not alone(value, bare)
    assert sorted(masked.values) == sorted({match[0] for match in PLACEHOLDER.finditer(masked.shape)})


@settings(deadline=None)
@given(
    st.integers(10_000_000, 19_999_999), st.sampled_from(TIMES), st.sampled_from(["aspirin", "5% dextrose", "insulin"])
)
def test_plain_values_are_always_masked(patient, time, drug):
    time = time.format(y=2101, m=3, d=9, n=12, month="may")
    value = {"patient_id": patient, "drug_name": drug}
    masked = mask({"question": f"was patient {patient} prescribed {drug} {time}?", "value": value})
    assert masked.values["[patient_1]"] == str(patient) and masked.values["[drug_1]"] == drug
    assert masked.shape.startswith("was patient [patient_1] prescribed [drug_1]")


@pytest.mark.parametrize("sentence", SENTENCES)
def test_the_sentences_here_are_like_ours(sentence):
    value = {slot: f"#{place}" for place, slot in enumerate(re.findall(r"\{(\w+)\}", sentence)) if slot != "time"}
    for time in TIMES:
        time = time.format(y=2101, m=3, d=9, n=12, month="may")
        masked = mask({"question": sentence.format(**value, time=time), "value": value})
        assert set(masked.values.values()) >= set(value.values())


@pytest.mark.parametrize(
    ("question", "value", "reason"),
    [
        ("was patient 1 given aspirin?", {"patient_id": 2}, "a value is not in the sentence"),
        ("was mr smith given aspirin?", {"drug_name": "aspirin"}, "a word is left that no template has"),
        ("was patient 1 given [drug_1]?", {"patient_id": 1}, "holds a placeholder itself"),
        ("was patient 1 given é?", {"patient_id": 1}, "a number or sign is left"),
        ("was patient x1y given it?", {}, "a number or sign is left"),
        ("was it given?", {"drug_name": " "}, "a value is empty"),
        ("does patient 1 have diabetes?", {"patient_id": 1}, "a word is left that no template has"),
    ],
)
def test_what_is_not_certain_is_not_sent(question, value, reason):
    with pytest.raises(Unmaskable, match=re.escape(reason)):
        mask({"question": question, "value": value})


def test_categories_in_one_and_many_and_equal_values():
    v_tag = {"category": ["tubesandlines", "device"], "object": ["neck"]}
    masked = mask({"question": "which tubes/lines and devices are seen in the neck, any tube or line?", "v_tag": v_tag})
    assert masked.shape == "which [categories_1] and [categories_2] are seen in the [location_1], any [category_1]?"
    same = mask({"question": "was urine after urine?", "value": {"output_name": "urine", "culture_name": "urine"}})
    assert same.shape == "was [output_1] after [output_1]?"


def test_a_value_within_another_value():
    value = {"drug_name1": "insulin", "drug_name2": "insulin glargine", "vital_value": 7, "lab_value": 7.5}
    masked = mask({"question": "was insulin glargine given after insulin, over 7.5 and 7?", "value": value})
    assert masked.shape == "was [drug_1] given after [drug_2], over [value_1] and [value_2]?"
    assert masked.values["[drug_1]"] == "insulin glargine" and masked.values["[value_1]"] == "7.5"


def test_a_finding_is_masked_as_it_is_said():
    v_tag = {"attribute": ["rotated", "cardiac pacer and wires"]}
    masked = mask({"question": "is there rotated positioning but not a cardiac pacer and wires?", "v_tag": v_tag})
    assert masked.shape == "is there [finding_1] but not a [finding_2]?"
    assert masked.values["[finding_1]"] == "rotated positioning"


def test_only_questions_without_an_answer_may_ask_for_what_no_table_holds():
    for _, sentences in UNANSWERABLE:
        for sentence in sentences:
            value = {slot: 60000 + place for place, slot in enumerate(re.findall(r"\{(\w+)\}", sentence))}
            question = sentence.format(**value)
            masked = mask({"question": question, "value": value, "is_impossible": True})
            assert unmask(masked.shape, masked.values) == question
    with pytest.raises(Unmaskable):
        mask({"question": "does mr smith have diabetes?", "is_impossible": True})


def test_letters_that_change_with_their_case():
    with pytest.raises(Unmaskable, match="not in the sentence"):
        mask({"question": "was s given?", "value": {"drug_name": "ſ"}})


def test_the_example_of_the_documentation():
    page = (Path(__file__).parents[2] / "docs/paraphrase.md").read_text()
    question = page.split("\n> ", 1)[1].split("\n\n")[0].replace("\n> ", " ")
    record = {
        "question": question,
        "value": {"patient_id": 90004235, "drug_name": "heparin (porcine)"},
        "v_tag": {"attribute": ["lung opacity"], "object": ["left lung"]},
    }
    shown = json.loads(page.split("```json\n")[1].split("```")[0])
    body = request_body(mask(record).shape, model="llama3.1", wordings=1, temperature=None, seed=None)
    system, user = body["messages"]
    assert shown["messages"][1] == user
    assert system["content"].startswith(shown["messages"][0]["content"].removesuffix("…").strip())
    assert set(shown) == set(body)


def test_no_template_word_is_a_value():
    assert not {word for word in template_words() if re.search(r"\d", word)}
    assert template_words() >= {"patient", "prescribed", "last", "x-ray"}
    assert not template_words() & {"aspirin", "pneumonia", "glucose", "lung", "diabetes", "picc", "effusion"}
