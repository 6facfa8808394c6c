"""The template parser: what it reads, when it abstains, and that it knows nothing of the questions it answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ehrxqa.errors import RecordError
from ehrxqa.models.parsers import AskedQuestion, Context
from ehrxqa.models.run import run
from ehrxqa.models.template.declared import declared_examples
from ehrxqa.models.template.mentions import find_mentions, longest_apart
from ehrxqa.models.template.parser import TemplateParser, fit_threshold
from ehrxqa.models.template.reading import Reader
from ehrxqa.models.value_search import ValueIndex
from ehrxqa.models.word_index import WordIndex
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.time_options import TIME_OPTIONS
from ehrxqa.questions.times import TimeChoice

VALUES = ValueIndex(
    {
        "prescriptions.drug": ("furosemide", "iron sulfate"),
        "d_icd_procedures.long_title": ("insertion of a lead into the right atrium, percutaneous",),
        "d_items.label": ("heart rate",),
    }
)


def database(out: Path, base: str = "test") -> Path:
    return out / "database" / base / "mimic_iv_cxr.db"


@pytest.fixture(scope="module")
def parser(questioned: Path) -> TemplateParser:
    return TemplateParser(Context(questioned, database(questioned)))


def test_most_questions_are_read_and_few_answers_are_wrong(questioned: Path) -> None:
    """With 240 train questions for more than 400 templates; docs/experiments.md has the figures of larger sets."""
    report = run(questioned, parser="template", name="template", workers=1)
    overall = report.scores.summary["overall"]
    never = report.scores.summary["never_abstaining"]
    assert never["EX"]["value"] > 50
    assert overall["scores"]["RS10"]["value"] > never["RS10"]["value"]
    assert overall["wrong"] < 0.1 * overall["questions"]
    assert report.run.parser.name == "template"


def test_the_questions_asked_are_not_learnt_from(questioned: Path, tmp_path: Path, parser: TemplateParser) -> None:
    """Without the file of test questions the parser is the same and says the same."""
    out = tmp_path / "out"
    (out / "dataset").mkdir(parents=True)
    for split in ("train", "valid"):
        shutil.copy(questioned / "dataset" / f"{split}.json", out / "dataset")
    (out / "database").symlink_to(questioned / "database")
    other = TemplateParser(Context(out, database(out)))
    assert (other.version, other.threshold) == (parser.version, parser.threshold)
    texts = [record["question"] for record in json.loads((questioned / "dataset" / "test.json").read_text())][:20]
    assert [other.predict(text) for text in texts] == [parser.predict(text) for text in texts]


def test_it_abstains_below_the_threshold_and_names_what_it_held_back(parser: TemplateParser) -> None:
    ((_, nonsense),) = parser.parse([AskedQuestion("1", "why is the sky blue?")], 0)
    assert nonsense.query is None
    assert nonsense.confidence is not None
    assert nonsense.confidence < parser.threshold
    assert parser.predict("").query is None


def is_said_of_2105(record, template: str) -> bool:
    """Whether “this year” stands for 2105, which is another filter with the same meaning."""
    return "this year" in record["question"] and record["q_tag"] == template


def test_train_questions_themselves_are_read_right(questioned: Path) -> None:
    parser = TemplateParser(Context(questioned, database(questioned, "train")))
    records = json.loads((questioned / "dataset" / "train.json").read_text())
    records = [record for record in records if not record["is_impossible"]]
    read = [(record, *parser.reader.read(record["question"])[:1]) for record in records]
    right = sum(
        any(each.query == record["query"] or is_said_of_2105(record, each.template) for each in found)
        for record, *found in read
    )
    assert right >= 0.97 * len(records)


def test_without_train_questions_it_says_what_to_do(questioned: Path, tmp_path: Path) -> None:
    (tmp_path / "database").symlink_to(questioned / "database")
    with pytest.raises(RecordError, match="generate --train"):
        TemplateParser(Context(tmp_path, database(tmp_path)))


@given(
    st.sampled_from(sorted(TIME_OPTIONS)),
    st.integers(2100, 2105),
    st.integers(1, 12),
    st.integers(1, 28),
    st.integers(1, 9),
    st.data(),
)
def test_every_wording_of_a_time_is_read_as_what_it_means(
    name: str, year: int, month: int, day: int, n: int, data: st.DataObject
) -> None:
    choice = TimeChoice(name, year, month, day, n)
    wording = data.draw(st.sampled_from([choice.nlq, *choice.said()]))
    mentions = [each for each in find_mentions(f"what happened {wording}, please?", VALUES) if each.kind == "time"]
    (found,) = longest_apart(mentions)
    assert found.value.meaning == choice.meaning


def test_names_are_found_as_what_they_may_be() -> None:
    text = "did patient 12345678 get furosemide after insertion of a lead into the right atrium, percutaneous, twice?"
    found = {(each.kind, text[each.start : each.end]) for each in longest_apart(find_mentions(text, VALUES))}
    assert found == {
        ("subject", "12345678"),
        ("drug", "furosemide"),
        ("procedure", "insertion of a lead into the right atrium, percutaneous"),
    }
    overlapping = {each.kind for each in find_mentions(text, VALUES)}
    assert {"object", "number"} <= overlapping


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=30))
def test_the_fitted_threshold_is_as_good_as_any(confidences: list[tuple[float, bool]]) -> None:
    def total(threshold: float) -> float:
        return sum(1.0 if right else -10.0 for confidence, right in confidences if confidence >= threshold)

    fitted = fit_threshold(confidences)
    tried = [0.0, 1.1, *(confidence for confidence, _ in confidences)]
    best = max(map(total, tried))
    if best > 0:
        assert total(fitted) == pytest.approx(best)
    else:
        assert total(fitted) == 0


@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=6), min_size=1, max_size=8), st.data())
def test_likeness_is_that_of_a_slow_obvious_loop(sentences: list[list[str]], data: st.DataObject) -> None:
    from collections import Counter
    from math import log

    words = data.draw(st.lists(st.sampled_from("abcdefgh"), max_size=6))
    found = WordIndex(sentences).likeness(words)
    total = len(sentences)

    def weight(word: str) -> float:
        holding = sum(word in sentence for sentence in sentences)
        return log(1 + total / holding) if holding else log(1 + total)

    for sentence, likeness in zip(sentences, found, strict=True):
        shared = sum(weight(word) * count for word, count in (Counter(words) & Counter(sentence)).items())
        both = sum(map(weight, words)) + sum(map(weight, sentence))
        assert likeness == pytest.approx(2 * shared / both if both else 0.0)


def test_declared_sentences_show_where_names_go_and_are_the_same_every_time() -> None:
    by_tag = {template.q_tag: template for template in catalogue().values()}
    drugs = ValueIndex({"prescriptions.drug": ("furosemide", "iron sulfate")})
    template = by_tag[
        "count the number of times that patient {patient_id} were prescribed {drug_name} [time_filter_global1]."
    ]
    found = list(declared_examples(template, drugs))
    assert found == list(declared_examples(template, drugs))
    assert found
    for example in found:
        assert {"patient_id", "drug_name"} <= set(example.slots)
        assert "furosemide" not in example.tokens
    assert not list(declared_examples(template, ValueIndex({})))  # no drug to name


def test_a_template_without_train_questions_is_read_by_its_declared_sentences() -> None:
    values = ValueIndex({"prescriptions.drug": ("furosemide",)})
    reader = Reader([], values, values)
    best, *_ = reader.read("which gender is recorded for patient 12345678?")
    assert best.query == "select patients.gender from patients where patients.subject_id = 12345678"
