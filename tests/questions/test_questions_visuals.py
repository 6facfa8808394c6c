"""Drawing the names of image questions: both operands tell, rare findings come up, places do not lie in each other."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from ehrxqa.questions.image_sql import elementary
from ehrxqa.questions.misread_images import readings
from ehrxqa.questions.visuals import Visuals
from ehrxqa.vqa.question import KINDS, Combination, Form, Target, VqaQuestion
from ehrxqa.vqa.vocabulary import ATTRIBUTES
from made_labels import from_triples

COMMON, RARE = "lung opacity", "hernia"
PLACES = ("left lung", "right lung", "left lower lung zone", "spine", "mediastinum", "aortic arch")


@pytest.fixture(scope="module")
def visuals():
    """Forty studies with many findings, the common one nearly everywhere, the rare one in the last study only."""
    rng = random.Random(1)
    category = {name: held for held, names in ATTRIBUTES.items() for name in names}
    names = [COMMON, "atelectasis", "pneumonia", "copd/emphysema", "picc", "chest tube", "cabg grafts", "rotated"]
    triples = {}
    for n in range(40):
        drawn = {(place, name, category[name]) for place in PLACES for name in names if rng.random() < 0.35}
        triples[f"image-{n}"] = [*sorted(drawn), *((place, COMMON, category[COMMON]) for place in PLACES)]
    triples["image-39"].append(("spine", RARE, category[RARE]))
    images = [(f"image-{n}", 100 + n, n) for n in range(40)]
    return Visuals(from_triples(images, triples, views={}, genders={}, shares={}))


def _drawn(visuals, number, rows, count=60):
    rng = random.Random(number)
    questions = (visuals.draw(number, rows, lambda question: True, rng) for _ in range(count))
    return [question for question in questions if question is not None]


@pytest.mark.parametrize(
    "number", [n for n, kind in KINDS.items() if kind.combination in (Combination.INTERSECTION, Combination.DIFFERENCE)]
)
def test_lists_are_not_compared_with_empty_ones(visuals, number):
    questions = _drawn(visuals, number, (3,))
    assert questions
    for question in questions:
        assert all(visuals.answer(part, 3) for part in elementary(question)), question


def test_no_to_both_mostly_rests_on_one_of_the_two(visuals):
    triples = {f"image-{n}": [(PLACES[n % 6], name, "disease")] for n, name in enumerate(ATTRIBUTES["disease"] * 4)}
    sparse = Visuals(from_triples([(image, n, n) for n, image in enumerate(triples)], triples))
    rng = random.Random(2)
    shown = Counter()
    for n in range(300):
        row = n % 40
        question = sparse.draw(29, (row,), lambda question, row=row: sparse.answer(question, row) is False, rng)
        shown[any(sparse.answer(part, row) for part in elementary(question))] += 1
    assert shown[True] > 2 * shown[False] > 0, shown


def test_rare_findings_are_asked_for_where_they_are(visuals):
    asked = Counter(question.attributes[0] for question in _drawn(visuals, 22, (39,), 300))
    assert asked[RARE] > asked[COMMON] > 0


def test_places_do_not_lie_in_each_other(visuals):
    for number in (11, 12, 29, 32, 33, 37):
        for question in _drawn(visuals, number, (5,)):
            places = set(question.objects)
            assert len(places) == 2
            assert places not in ({"left lung", "left lower lung zone"}, {"mediastinum", "aortic arch"}), question


def test_only_what_can_be_labelled_is_asked(visuals):
    possible = {(finding.object, finding.attribute) for finding in visuals.labels.findings}
    for number in (2, 5, 6, 29, 30):
        for question in _drawn(visuals, number, (6,)):
            pairs = {(place, name) for place in question.objects for name in question.attributes}
            assert pairs <= possible, question


def test_a_question_says_what_the_rules_say(visuals):
    """What `readings` holds right is the answer of the labels, for every kind of names."""
    masks = visuals.labels.masks
    kinds = [kind for kind in KINDS.values() if kind.target not in (Target.SIZE, Target.VIEW, Target.GENDER)]
    for kind in kinds:
        for question in _drawn(visuals, kind.number, range(40), count=3):
            for row in (0, 39):
                right, misread = readings(question, masks, visuals.labels.present[row])
                answer = visuals.answer(question, row)
                assert right == (answer if kind.form is Form.VERIFY else frozenset(answer))
                assert len(misread) >= len(elementary(question))


def test_a_name_passed_over_lets_other_findings_through():
    labels = from_triples(
        [("a", 1, 1)], {"a": [("neck", "picc", "tubesandlines"), ("spine", "hernia", "anatomicalfinding")]}
    )
    asked = VqaQuestion.of_kind(2, objects=("neck",), attributes=("hernia",))
    assert readings(asked, labels.masks, labels.present[0]) == (False, [True, True])
    assert readings(asked, labels.masks, 0) == (False, [False, False])
    there = VqaQuestion.of_kind(2, objects=("neck",), attributes=("picc",))
    assert readings(there, labels.masks, labels.present[0]) == (True, [True, True])


def test_a_no_is_about_what_is_nearly_there(visuals):
    """All of them tell who passes over the place, and who the finding; drawn without that, some do not."""

    def absent(question):
        return not visuals.answer(question, 39)

    def told(question):
        right, misread = visuals.said(question, [39])
        return sum(each != right for each in misread)

    rng = random.Random(5)
    near = [visuals.draw(2, [39], absent, rng, told, []) for _ in range(40)]
    far = [visuals.draw(2, [39], absent, rng) for _ in range(40)]
    assert None not in near and all(map(absent, near))
    assert sum(map(told, filter(None, far))) < sum(map(told, near)) == 2 * len(near)
