"""Every sentence of every template, said without a database: all can be masked, and options are told apart."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import pytest

from ehrxqa.paraphrasing import known_words
from ehrxqa.paraphrasing.checks import fault
from ehrxqa.paraphrasing.known_words import template_words
from ehrxqa.paraphrasing.masking import PLACEHOLDER, mask, unmask
from ehrxqa.paraphrasing.senses import senses
from ehrxqa.paraphrasing.specimens import Listener, specimens
from ehrxqa.questions.event_times import EXACT, WITHIN
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.image_sql import COMPARISONS
from ehrxqa.questions.question import Question
from ehrxqa.questions.saying import say
from ehrxqa.questions.slots import OPERATIONS
from ehrxqa.questions.time_options import TIME_OPTIONS
from ehrxqa.questions.times import TimeChoice
from ehrxqa.vqa.question import Target

VALUES = {
    "patient_id": (10000001,), "study_id": (50011,), "study_id1": (50012,), "study_id2": (50013,),
    "drug_name": ("ondansetron", "0.9% sodium chloride", "lidocaine 5% patch"), "drug_name1": ("furosemide",),
    "drug_name2": ("oxycodone (immediate release)",), "drug_name3": ("vitamin d",),
    "procedure_name": ("hemodialysis", "drainage of the right pleural cavity, percutaneous"),
    "procedure_name1": ("hemodialysis",), "procedure_name2": ("fiber-optic bronchoscopy",),
    "diagnosis_name": ("essential hypertension", "congestive heart failure, unspecified type"),
    "diagnosis_name1": ("atrial fibrillation",), "diagnosis_name2": ("anemia, unspecified",),
    "lab_name": ("anion gap", "mchc", "calcium, total", "25-oh vitamin d"), "lab_value": (1.4, 1),
    "vital_name": ("heart rate", "o2 saturation pulseoxymetry"), "vital_value": (92,),
    "culture_name": ("urine", "mrsa screen", "pleural specimen"),
    "test_name": ("urine culture", "helicobacter pylori antibody test"),
    "intake_name": ("nacl 0.9%", "po intake", "8.4% solution"), "output_name": ("emesis", "urine output"),
    "careunit": ("medicine",), "admission_route": ("emergency room",), "drug_route": ("iv",), "gender": ("m", "f"),
    "abbreviation": ("spo2",),
}  # fmt: skip
TEMPLATES = list(catalogue().values())


def value(slot, n):
    return VALUES[slot][n % len(VALUES[slot])]


def sentences_of(question):
    return question.template.said_at if question.choice.moments else question.template.said


def record(question, sentence, n):
    visual = question.choice.visual
    v_tag = {} if visual is None else {
        "object": [] if visual.target is Target.SIZE else visual.objects, "attribute": visual.attributes,
        "category": visual.categories,
    }  # fmt: skip
    return {"question": say(sentence, question, Listener(n)), "value": question.choice.values, "v_tag": v_tag}


def shape_of(question, sentence, n):
    return mask(record(question, sentence, n)).shape


def test_every_wording_can_be_masked_and_comes_back():
    asked = 0
    for template in TEMPLATES:
        for n, question in enumerate(specimens(template, value, all_times=False)):
            for place, sentence in enumerate(sentences_of(question)):
                if n and (n + place) % 4:
                    continue
                one = record(question, sentence, n + place)
                masked = mask(one)
                assert unmask(masked.shape, masked.values) == one["question"]
                bare = PLACEHOLDER.sub(" · ", masked.shape)
                assert not re.search(r"\d", bare)
                v_tag = one["v_tag"]
                for held in (*one["value"].values(), *v_tag.get("object", ()), *v_tag.get("attribute", ())):
                    said = {"m": "male", "f": "female"}.get(held, str(held))
                    assert not re.search(rf"(?<!\w){re.escape(said)}(?!\w)", bare), one
                asked += 1
    assert len(TEMPLATES) == 419 and asked > 5 * len(TEMPLATES)


def test_filters_in_other_templates_add_no_word(monkeypatch):
    whole = template_words()
    monkeypatch.setattr(
        known_words,
        "specimens",
        lambda template, all_times: specimens(template, all_times=all_times or template.official % 4 == 0),
    )
    assert template_words.__wrapped__() == whole


def _bare(text):
    return {(sense.family, sense.name) for sense in senses(mask({"question": f"was it given {text}?"}).shape)}


def test_all_ways_to_say_an_option_have_the_same_senses():
    """And no two options have; numbers are values, not senses."""
    options = {}
    for name in TIME_OPTIONS:
        for n in (1, 7):
            said = TimeChoice(name, 2104, 3, 11, n).said()
            options[name, n if name.endswith("day-since") else 0] = {frozenset(_bare(text)) for text in said}
    options |= {name: {frozenset(_bare(text)) for text in within.said} for name, within in WITHIN.items()}
    options |= {
        name: {frozenset(_bare(f"on the {text} time")) for text in said}
        for name, said in ((name, exact.adjectives) for name, exact in EXACT.items())
        if said != ("",)
    }
    assert {name: senses for name, senses in options.items() if len(senses) != 1} == {}
    # dates of years, months and days have placeholders of their own kind; so have the days of “mix”
    alike = Counter(next(iter(senses)) for name, senses in options.items() if not str(name).count("'mix-"))
    dated = {next(iter(options[f"abs-year-{which}", 0])) for which in ("in", "since", "until")}
    assert {senses for senses, times in alike.items() if times > 1} == dated


@pytest.mark.parametrize(
    ("slot", "option", "name"),
    [
        ("age_group", "60 or above", "and above"), ("n_times", "two times", "exactly"),
        ("n_times", "two or more times", "at least"), ("comparison", "less", "less"),
        ("comparison", "greater", "greater"),
        *(("agg_function", each, each) for each in ("maximum", "minimum", "average")),
        ("sort", "min", "minimum"), ("sort", "max", "maximum"), ("unit_average", "daily", "day"),
        ("unit_average", "monthly", "month"), ("unit_average", "yearly", "year"), ("unit_count", "hours", "hour"),
        ("unit_count", "days", "day"),
    ],
)  # fmt: skip
def test_operations_are_understood(slot, option, name):
    operation = OPERATIONS[slot]
    for text in operation.said.get(option) or (operation.options[option][0],):
        assert name in {sense for _, sense in _bare(text)}, text


def others(question):
    """The choices that differ from that of a question in one slot."""
    template, choice = question.template, question.choice
    for slot in choice.exact if not choice.moments else ():
        for name in EXACT:
            if name not in (choice.exact[slot], "exact-default"):
                yield replace(choice, exact={**choice.exact, slot: name})
    if len(choice.exact) == 2 and not choice.moments:
        yield replace(choice, exact={"e1": choice.exact["e2"], "e2": choice.exact["e1"]})
    for within in template.withins:
        yield replace(choice, within=within)
    for slot in choice.operations:
        for option in template.options.get(slot) or OPERATIONS[slot].options:
            yield replace(choice, operations={**choice.operations, slot: option})
    for comparison in COMPARISONS if choice.comparison else ():
        if template.answer == "truth" or comparison != "still absent":
            yield replace(choice, comparison=comparison)


def without_numbers(shape):
    """A shape in which one is like many: how many it is, is a value."""
    return re.sub(r"\b(year|month|day)s\b", r"\1", shape)


def test_sentences_with_another_option_are_no_paraphrases():
    compared = 0
    for template in TEMPLATES[:183:3] + TEMPLATES[183::10]:
        questions = list(specimens(template, value))
        first = questions[template.official % min(3, len(questions))]
        for place, sentence in enumerate(sentences_of(first)):
            shape = shape_of(first, sentence, place)
            changed = [Question(template, choice) for choice in others(first)]
            if place == template.official % 4:  # and with another filter
                for other in questions:
                    times = {slot: other.choice.time("g1") for slot in ("g1", "g2")}
                    changed.append(Question(template, replace(first.choice, times=times)))
            for other in changed:
                mutated = shape_of(other, sentence, place)
                if other.key != first.key and without_numbers(mutated) != without_numbers(shape):
                    compared += 1
                    assert fault(shape, mutated) is not None, (template.official, shape, mutated)
    assert compared > 1000
