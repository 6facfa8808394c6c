"""What readers see: every sentence of ours, under many filters, is whole, grammatical and says all that was drawn.

`EHRXQA_REWRITE_GOLDEN=1 pytest tests/questions/test_questions_wordings.py` writes `golden_wordings.txt` anew; what has
changed in it is then to be read.
"""

import os
import random
import re
from pathlib import Path

import pytest
from made_questions import OFFICIAL
from official_templates import official_template

from ehrxqa.questions.articles import article
from ehrxqa.questions.event_times import EXACT, WITHIN
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.phrases import active, passive
from ehrxqa.questions.question import Choice, Question
from ehrxqa.questions.saying import our_wording, say
from ehrxqa.questions.slots import OPERATIONS, survival_length
from ehrxqa.questions.time_options import TIME_OPTIONS
from ehrxqa.questions.times import NO_TIME, TimeChoice
from ehrxqa.questions.word_forms import forms_of
from ehrxqa.vqa.question import KINDS, VqaQuestion

_GOLDEN = Path(__file__).with_name("golden_wordings.txt")
_VALUES = {
    "patient_id": (10021,),
    "study_id": (50011,),
    "study_id1": (50012,),
    "study_id2": (50013,),
    "drug_name": ("ondansetron", "0.9% sodium chloride", "lidocaine 5% patch"),
    "drug_name1": ("furosemide",),
    "drug_name2": ("oxycodone (immediate release)",),
    "drug_name3": ("vitamin d",),
    "procedure_name": ("hemodialysis", "drainage of the right pleural cavity, percutaneous"),
    "procedure_name1": ("hemodialysis",),
    "procedure_name2": ("fiber-optic bronchoscopy",),
    "diagnosis_name": ("essential hypertension", "congestive heart failure, unspecified type"),
    "diagnosis_name1": ("atrial fibrillation",),
    "diagnosis_name2": ("anemia, unspecified",),
    "lab_name": ("anion gap", "mchc", "calcium, total", "25-oh vitamin d", "urea nitrogen"),
    "lab_value": (1.4,),
    "vital_name": ("heart rate", "o2 saturation pulseoxymetry", "arterial blood pressure mean"),
    "vital_value": (92,),
    "culture_name": ("urine", "mrsa screen", "pleural specimen"),
    "test_name": ("urine culture", "helicobacter pylori antibody test"),
    "intake_name": ("nacl 0.9%", "po intake", "8.4% solution"),
    "output_name": ("emesis", "urine output"),
    "careunit": ("medicine",),
    "admission_route": ("emergency room",),
    "drug_route": ("iv",),
    "gender": ("m", "f"),
    "abbreviation": ("spo2",),
}
_PAIRS = (("exact-first", "exact-second"), ("exact-second_to_last", "exact-last"))


def _filters(template):
    if "g1" in template.fixed:
        return [TimeChoice(template.fixed["g1"])]
    grains = [grain.rstrip("!") for grain in template.grains]
    found = [] if "hosp!" in template.grains else [NO_TIME]
    for name, option in TIME_OPTIONS.items():
        if option.grain in grains:
            dated, counted = name.startswith("abs"), name.startswith("rel") and name.endswith(("since", "until"))
            month = (dated and option.grain != "year") or (name.startswith("mix") and name.endswith("year"))
            day = option.grain == "day" and name[:3] in ("abs", "mix")
            found.append(TimeChoice(name, 2104 * dated, 3 * month, 11 * day, (1, 7)[len(found) % 2] * counted))
    return found


def _visual(template):
    if not template.visual:
        return None
    kind = KINDS[template.visual]
    if kind.measured:
        return VqaQuestion.of_kind(template.visual)
    pools = {
        "objects": ("left lung", "mediastinum"), "attributes": ("pleural effusion", "enteric tube"),
        "categories": ("disease", "device"),
    }  # fmt: skip
    return VqaQuestion.of_kind(
        template.visual, **{name: pool[: getattr(kind, name)] for name, pool in pools.items() if getattr(kind, name)}
    )


def _question(template, time, rng):
    exact = {slot: rng.choice(("exact-first", "exact-last")) for slot in template.times if slot in ("e1", "e2")}
    if template.draw == "change":
        exact = dict(zip(("e1", "e2"), rng.choice(_PAIRS), strict=True))
    return Question(template, Choice(
        values={slot: rng.choice(_VALUES[slot]) for slot in template.values},
        times={"g1": time, "g2": TimeChoice(template.fixed["g2"]) if "g2" in template.fixed else time},
        exact=exact,
        within=rng.choice(template.withins) if template.withins else "",
        operations={
            slot: rng.choice(template.options.get(slot) or tuple(OPERATIONS[slot].options))
            for slot in template.operations
        },
        visual=_visual(template),
        comparison="still present" if template.compares else "",
    ))  # fmt: skip


def _told(phrases, sentence):
    """How often one of the phrases is said."""
    longest = sorted(filter(None, phrases), key=len, reverse=True)
    return len(re.findall("|".join(rf"(?<!\w){re.escape(each)}(?!\w)" for each in longest), sentence))


def _faults(question, sentence):
    """What is wrong with a sentence, in words."""
    choice = question.choice
    if re.search(r"[{}\[\]<>|~\x00]|  | [?.,](?!\d)|,,|^[ ,]", sentence):
        yield "leftovers or stray marks"
    if sentence[-1] not in "?." or sentence.count("(") != sentence.count(")") or sentence != sentence.lower():
        yield "not a whole sentence in lower case"
    if doubled := re.search(r"(?<![\w-])([a-z]+) \1(?![\w-])", sentence):
        yield f"said twice: {doubled[0]}"
    for an, rest in re.findall(r"(?<!\w)(an?) (\S.{0,20})", sentence):
        if an != article(rest):
            yield f"{an} {rest}"
    for slot, value in choice.values.items():
        said = {"m": "male", "f": "female"}[value] if slot == "gender" else str(value)
        if _told([said, *forms_of(said)], sentence) < 1:
            yield f"{slot} is not said"


@pytest.mark.parametrize("number", OFFICIAL)
def test_every_sentence_is_whole_and_says_what_was_drawn(number):
    template = official_template(number)
    rng = random.Random(number)
    for time in _filters(template):
        for sentence in template.said:
            question = _question(template, time, rng)
            text = say(sentence, question, rng)
            assert not list(_faults(question, text)), text


@pytest.mark.parametrize("number", [number for number, each in OFFICIAL.items() if each.modality == "table"])
def test_table_sentences_say_each_filter_once_and_each_option(number):
    template = official_template(number)
    rng = random.Random(number)
    for time in _filters(template):
        question = _question(template, time, rng)
        choice = question.choice
        said = [say(sentence, question, rng) for sentence in template.said]
        assert len(set(said)) == len(said) >= 3, said
        for text in said:
            if "g1" in template.times or "[g1]" in "".join(template.said):
                assert not time.name or _told((*time.said(), *time.noted()), text) == 1, text
            assert not choice.within or _told(WITHIN[choice.within].said, text) == 1, text
            for slot in choice.exact:
                said_of = (*EXACT[choice.exact[slot]].adjectives, *EXACT[choice.exact[slot]].adverbs)
                assert _told(said_of, text), text
            for slot, option in choice.operations.items():
                words = {*OPERATIONS[slot].said.get(option, (option,))}
                if slot == "n_survival_period":
                    words.add(survival_length(option))
                if slot == "unit_average":
                    words |= {option, option.removesuffix("ly").replace("dai", "day")}
                assert _told(words, text), (slot, text)


def test_sentences_differ_by_more_than_a_moved_filter():
    """Two sentences of a template are never the same words in another order, with a filter or without."""
    for template in catalogue().values():
        if template.modality == "table":
            plain = [sorted(re.findall(r"[\w{}]+", each.replace("[g1]", ""))) for each in template.said]
            assert len({tuple(each) for each in plain}) == len(plain), template.official


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("anion gap", "an"), ("mri", "an"), ("mchc", "an"), ("nacl 0.9%", "an"), ("ekg", "an"),
        ("hdl cholesterol", "an"), ("ntprobnp", "an"), ("8.4% solution", "an"), ("11 mg", "an"), ("18", "an"),
        ("x-ray", "an"), ("ulcer", "an"), ("unassigned", "an"), ("urine", "a"), ("unilateral", "a"),
        ("25-oh vitamin d", "a"), ("1.8", "a"), ("ptt", "a"), ("ct", "a"), ("c. difficile pcr", "a"),
        ("s. aureus", "an"), ("european", "a"), ("mrsa screen", "an"),
        ("white blood cells", "a"), ("phosphate", "a"), ("troponin t", "a"), ("fresh frozen plasma", "a"),
        ("mcburney sign", "a"), ("hour", "an"), ("(alt)", "an"),
    ],
)  # fmt: skip
def test_articles(text, right):
    assert article(text) == right


def test_verbs():
    undergo = active("undergo underwent undergone", "surgery")
    assert undergo.ask("she", "") == "<has|did> she <undergone|undergo> surgery "
    assert undergo.they("") == "<have undergone|underwent> surgery"
    early = passive("diagnosed", "with x", early=True)
    assert early.that("she", "last", "in 2104") == "she was last diagnosed in 2104 with x"
    assert early.they("") == "<have been|were> diagnosed  with x"


@pytest.mark.parametrize(
    ("time", "good", "bad"),
    [
        (TimeChoice("abs-year-until", 2104), "until the end of 2104", "until 2104"),
        (TimeChoice("rel-year-since", n=1), "in the past year", "last year"),
        (TimeChoice("rel-day-since", n=1), "in the past 24 hours", "in the past day"),
        (TimeChoice("rel-month-until", n=1), "more than 1 month ago", "up to 1 month ago"),
        (TimeChoice("mix-day-last_month", day=2), "on the 2nd of last month", "on last month/02"),
        (TimeChoice("rel-hosp-last"), "during the last completed hospital stay", "on the last hospital visit"),
    ],
)
def test_no_filter_can_be_taken_for_another(time, good, bad):
    assert good in time.said()
    assert bad not in time.said()


def _golden():
    """A sentence of every table template, each with another filter."""
    for number, template in OFFICIAL.items():
        if template.modality == "table":
            rng = random.Random(1000 + number)
            question = _question(template, rng.choice(_filters(template)), rng)
            yield f"{number}\t{our_wording(question, rng)}\n"


def test_golden_sentences():
    golden = "".join(_golden())
    if os.environ.get("EHRXQA_REWRITE_GOLDEN"):
        _GOLDEN.write_text(golden, encoding="utf-8")
    assert golden == _GOLDEN.read_text(encoding="utf-8")
