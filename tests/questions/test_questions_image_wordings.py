"""Every sentence of our own about images: all templates, wordings, names and kinds of filter, and a file of examples.

No database is needed: what is drawn is made here. `EHRXQA_REWRITE_EXAMPLES=1` writes the file of examples anew; read
what changed before it is committed.
"""

from __future__ import annotations

import doctest
import os
import random
import re
from dataclasses import replace
from itertools import cycle, islice, product
from pathlib import Path

import pytest

from ehrxqa.questions import nouns
from ehrxqa.questions.articles import article
from ehrxqa.questions.event_times import EXACT
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.image_sql import COMPARISONS
from ehrxqa.questions.image_wordings import changed_wordings, compared_wordings, finding_wordings, visual_wordings
from ehrxqa.questions.nouns import MANY, ONE, Nouns, bare, is_plural, with_article
from ehrxqa.questions.question import Choice, Question
from ehrxqa.questions.saying import our_wording
from ehrxqa.questions.slots import OPERATIONS
from ehrxqa.questions.times import NO_TIME, TimeChoice
from ehrxqa.questions.word_forms import WORDS, forms_of
from ehrxqa.vqa.question import KINDS, Form, VqaQuestion
from ehrxqa.vqa.vocabulary import ATTRIBUTES, OBJECTS

EXAMPLES = Path(__file__).parent / "golden_image_wordings.txt"

TEMPLATES = [template for template in catalogue().values() if template.visual]
NAMES = [name for names in ATTRIBUTES.values() for name in names]
VALUES = {
    "patient_id": 10000001, "study_id": 50000005, "study_id1": 50000001, "study_id2": 50000002, "gender": "f",
    "diagnosis_name": "essential (primary) hypertension", "procedure_name": "bronchoscopy", "drug_name": "heparin",
}  # fmt: skip
FILTERS = (
    NO_TIME, TimeChoice("abs-year-in", 2104), TimeChoice("abs-year-since", 2103), TimeChoice("rel-year-this"),
    TimeChoice("abs-month-until", 2104, 7), TimeChoice("rel-month-since", n=13), TimeChoice("rel-year-until", n=2),
    TimeChoice("mix-month-last_year", month=3), TimeChoice("rel-hosp-cur"), TimeChoice("rel-hosp-last"),
)  # fmt: skip
#: What only the sentences of one comparison hold.
SAYS = {
    "still present": r"still (?!no )|do both|on both",
    "still absent": r"still no |does neither|on either",
    "newly detected": r"only the later|later one (only|alone)|newly (detected|appeared)|(^|[:,.] )new ",
    "resolved": r"only the earlier|earlier one (only|alone)|no longer present|disappeared",
}


_IMPERATIVES = "|".join([
    *(form for slot in ("tell", "give", "list", "count", "check") for form in WORDS[slot]),
    "look for", "look at", "put", "check", "please check", "compare",
])  # fmt: skip


class Nth(random.Random):
    """Chance that always takes the n-th."""

    def __init__(self, n):
        super().__init__(0)
        self.n = n

    def choice(self, seq):
        return seq[self.n % len(seq)]


def visual(number, n):
    """The n-th question of a kind; over all n every name is drawn."""
    kind = KINDS[number]
    categories = tuple(islice(cycle(ATTRIBUTES), n % 5, n % 5 + kind.categories))
    known = ATTRIBUTES[categories[0]] if kind.form is Form.CHOOSE and categories else NAMES
    return VqaQuestion.of_kind(
        number,
        objects=() if kind.measured else tuple(islice(cycle(OBJECTS), n % 38, n % 38 + kind.objects)),
        attributes=tuple(islice(cycle(known), n % len(known), n % len(known) + kind.attributes)),
        categories=categories,
    )


def choice(template, n):
    times = [time for time in FILTERS if template.grains and (not time.visit or "hosp" in template.grains)] or [NO_TIME]
    options = {slot: tuple(OPERATIONS[slot].options) for slot in template.operations}
    comparisons = [name for name in COMPARISONS if template.answer == "truth" or name != "still absent"]
    return Choice(
        values={slot: VALUES[slot] for slot in template.values},
        times={"g1": times[n % len(times)], "g2": (NO_TIME, TimeChoice("rel-hosp-first"))[n % 2]},
        exact={slot: ("exact-first", "exact-last")[n % 2] for slot in template.times if slot in ("e1", "e2")},
        within=("", *template.withins)[n % (len(template.withins) + 1)],
        operations={slot: held[n % len(held)] for slot, held in options.items()},
        visual=visual(template.visual, n + template.official * 7),
        comparison=comparisons[n % len(comparisons)] if template.compares else "",
    )  # fmt: skip


def wordings(template, drawn):
    """All sentences: each of the template's with each of its holes' (their numbers divide 12)."""
    for said in template.said:
        question = Question(replace(template, said=(said,)), drawn)
        yield from dict.fromkeys(our_wording(question, Nth(n)) for n in range(0, 12, 2))


def fault(text):
    """What is wrong with a sentence as such, or nothing."""
    if text != text.lower() or re.search(
        r"[][{}<>|]|  | [,.:;?)]|\( |,,|,\.|anatomicalfinding|tubesandlines|lassessment", text
    ):
        return "marks"
    if re.search(r"\b(\w+) \1\b", text):
        return "a word twice"
    if re.search(r"\ban? (no|any|both|the)\b|\b(in|on|of|at) (in|on|of|at|since|until)\b", text):
        return "article or preposition"
    if any(an != article(rest) for an, rest in re.findall(r"(?<!\w)(an?) (\S.{0,20})", text)):
        return "article"
    *_, last = re.split(r"[?.] |: ", re.sub(r"no\. (?=\d)", "", text))
    *_, last = re.split(rf", (?=(?:{_IMPERATIVES})\b)", last)
    told = re.match(rf"(?:{_IMPERATIVES})\b", last) or re.search(r"(ids only|give ids|patient ids, please)\.$", text)
    if text[-1] != ("." if told else "?"):
        return "end"
    return ""


def missing(text, template, drawn):
    """What was drawn and is not said."""
    question = drawn.visual
    names = [str(VALUES[slot]) for slot in template.values if slot != "gender"]
    names += ["female"] if "gender" in template.values else []
    found = [name for name in names if name not in text]
    found += [
        name
        for name in (*question.objects, *question.attributes)
        if not any(bare(form) in text for form in (name, with_article(name), *forms_of(name)))
    ]
    found += [
        option
        for option in drawn.exact.values()
        if not any(said in text for said in (*EXACT[option].adjectives, *EXACT[option].adverbs))
    ]
    for slot, option in drawn.operations.items():
        said = OPERATIONS[slot].said.get(option, option)
        found += [option] if not any(words in text for words in ([said] if isinstance(said, str) else said)) else []
    found += [name for name in question.categories if ONE[name] not in text and MANY[name] not in text]
    if not (question.attributes or question.categories or KINDS[template.visual].measured) and "abnormal" not in text:
        found.append("abnormality")
    if not any(phrase in text for phrase in (*drawn.time("g1").said(), *drawn.time("g1").noted())):
        found.append("filter")
    return found


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: str(template.official))
def test_every_sentence_is_clean_and_says_all_that_was_drawn(template):
    assert len(set(template.said)) >= 3
    for n in range(template.official % 2, 10, 3):
        drawn = choice(template, n)
        texts = list(wordings(template, drawn))
        assert len(texts) == len(set(texts)) >= 3
        for text in texts:
            assert not fault(text), text
            assert not missing(text, template, drawn), text


def test_there_are_all_image_templates():
    assert len(TEMPLATES) == 243


@pytest.mark.parametrize("template", [t for t in TEMPLATES if t.compares], ids=lambda template: str(template.official))
def test_comparisons_say_which_study_is_earlier_and_what_is_compared(template):
    for n in range(4):
        drawn = choice(template, n)
        for text in wordings(template, drawn):
            assert [name for name, pattern in SAYS.items() if re.search(pattern, text)] == [drawn.comparison], text
            named = r"the prior one|the one before|earlier( study)? \d|earlier, "
            assert re.search(named, text), text
            earlier = str(VALUES["study_id2"])
            assert earlier not in text or text.index(str(VALUES["study_id1"])) < text.index(earlier)


def findings(question):
    """All ways to say a finding with its place, the longest first."""
    wheres = [
        Nouns(question, dict(zip(names, called, strict=True)), brief)
        for names in [(*question.objects, *question.attributes)]
        for called in product(*(("", *forms_of(name)) for name in names))
        for brief in (False, True)
    ]
    texts = {each.finding(explained=explained) + each.place() for each in map(_as_said, wheres) for explained in (0, 1)}
    return sorted(texts, key=len, reverse=True)


def _as_said(nouns):
    return replace(nouns, called={name: form for name, form in nouns.called.items() if form})


@pytest.mark.parametrize(
    "template", [t for t in TEMPLATES if t.official >= 3000], ids=lambda template: str(template.official)
)
def test_filters_stand_with_the_study_not_with_the_finding(template):
    """“A study in 2104 that showed it”, not “that showed it in 2104”; an event has the filter as well."""
    for n in range(1, 4):
        drawn = replace(choice(template, n), times={"g1": FILTERS[1]})
        for text in wordings(template, drawn):
            finding = next(said for said in findings(drawn.visual) if said in text)
            before, _, after = text.partition(finding)
            time = next(said for said in (*FILTERS[1].said(), *FILTERS[1].noted()) if said in text)
            assert time in before or re.search(
                rf"({'|'.join(WORDS['cxr'])})s?\b[^,]* {time}|, both {time}[.?]$", after
            ), text
            assert not after.startswith(f" {time}"), text
            assert not re.search(rf"admi[^:]*, {time}:", text), text  # as if they were admitted then
            if template.official in range(5100, 5300):
                # what is said first is said of both, and so are records
                assert re.search(f"^{time}, |^patient \\d+, {time}: |, both {time}[.?]$|whether, {time}, ", text), text


@pytest.mark.parametrize("name", NAMES)
def test_attributes_have_their_article_and_number(name):
    asked = VqaQuestion.of_kind(22, attributes=(name,))
    said = with_article(name)
    assert name in said
    plural = is_plural(name) and said == name
    verb = "are" if plural else "is"
    assert visual_wordings(Nouns(asked))[0] == f"{verb} there {said}?"
    assert compared_wordings(Nouns(asked), "still absent")[0] == f"{verb} there still no {bare(said)}"
    assert finding_wordings(Nouns(asked)) == (said,)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("picc", "a picc"),
        ("ij line", "an ij line"),
        ("low lung volumes", "low lung volumes"),
        ("cabg grafts", "cabg grafts"),
        ("copd/emphysema", "copd/emphysema"),
        ("mass/nodule (not otherwise specified)", "a mass/nodule (not otherwise specified)"),
        ("diaphragmatic eventration (benign)", "diaphragmatic eventration (benign)"),
        ("cardiac pacer and wires", "a cardiac pacer and wires"),
        ("rotated", "rotated positioning"),
        ("feeding tube", "a feeding tube"),
    ],
)
def test_articles(name, said):
    assert with_article(name) == said


def test_the_examples_of_nouns():
    assert doctest.testmod(nouns) == (0, 3)


def test_plurals():
    plurals = (
        "multiple masses/nodules;spinal degenerative changes;low lung volumes;breast/nipple shadows;sternotomy wires;"
    )
    plurals += "cabg grafts;cardiac pacer and wires;left hilar structures;right hilar structures"
    assert {name for name in (*NAMES, *OBJECTS) if is_plural(name)} == set(plurals.split(";"))
    asked = VqaQuestion.of_kind(11, objects=("neck", "left hilar structures"))
    assert "are either the neck or the left hilar structures abnormal?" in visual_wordings(Nouns(asked))


@pytest.mark.parametrize("number", [10, 28, 32, 33])
def test_who_offers_two_names_allows_both_and_neither(number):
    for n in range(10):
        asked = visual(number, n)
        for text in (*visual_wordings(Nouns(asked)), *finding_wordings(Nouns(asked))):
            assert re.search(r"both or neither|, if any[,?]|, if at all,", text), text


def test_what_two_places_must_both_show_need_not_be_the_same():
    asked = VqaQuestion.of_kind(37, objects=("neck", "spine"), categories=("device",))
    assert "is there any device in the neck and any in the spine?" in visual_wordings(Nouns(asked))
    same = VqaQuestion.of_kind(29, objects=("neck", "spine"), attributes=("picc",))
    assert "is there a picc in both the neck and the spine?" in visual_wordings(Nouns(same))


def test_a_category_is_compared_as_a_whole():
    asked = VqaQuestion.of_kind(1, objects=("neck",), categories=("device",))
    texts = compared_wordings(Nouns(asked), "newly detected")
    assert "does only the later one show any device in the neck" in texts
    texts += changed_wordings(Nouns(asked, brief=True), "newly detected")
    assert not any(re.search("new|appeared", text) for text in texts)  # “any new device” would be another question


def test_examples():
    """One sentence of every fourth template: whoever changes a wording sees what becomes of it."""
    lines = []
    for n, template in enumerate(TEMPLATES[::4]):
        question = Question(template, choice(template, n))
        lines.append(f"{template.official}: {our_wording(question, random.Random(template.official))}\n")
    if os.environ.get("EHRXQA_REWRITE_EXAMPLES") == "1":
        EXAMPLES.write_text("".join(lines), encoding="utf-8")
    assert len(lines) >= 40
    assert EXAMPLES.read_text(encoding="utf-8") == "".join(lines)
