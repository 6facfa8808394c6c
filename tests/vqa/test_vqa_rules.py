"""Answers from labels, against the published table of rules read literally."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from vqa_strategies import FEW, label_sets, questions

from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.models import VqaRequest
from ehrxqa.vqa.oracle import OracleModel
from ehrxqa.vqa.question import KINDS, VqaQuestion
from ehrxqa.vqa.rules import rule_for
from made_labels import from_triples

ABNORMAL = ("anatomicalfinding", "disease", "device", "tubesandlines")


class Slow:
    """One image, its rows in a list, one line of code per kind: obvious, and independent of the fast rules."""

    def __init__(self, labels: ImageLabels, row: int) -> None:
        self.rows = [finding for bit, finding in enumerate(labels.findings) if labels.present[row] >> bit & 1]
        self.view, self.gender = labels.views[row], labels.genders[row]
        self.shares = {name: values[row] for name, values in labels.shares.items()}

    def has(self, o=None, a=None, c=None) -> bool:
        return len(self._rows(o, a, c)) > 0

    def attrs(self, o=None, a=None, c=None) -> set[str]:
        return {row.attribute for row in self._rows(o, a, c)}

    def objs(self, a=None, c=None) -> set[str]:
        return {row.object for row in self._rows(None, a, c)}

    def _rows(self, o, a, c):
        return [
            row
            for row in self.rows
            if (o is None or row.object == o)
            and (a is None or row.attribute in ((a,) if isinstance(a, str) else a))
            and (c is None or row.category in ((c,) if isinstance(c, str) else c))
        ]

    def wide(self, name: str, limit: float) -> bool | None:
        return None if self.shares[name] is None else self.shares[name] > limit


#: Kind → answer from (image, objects, attributes, categories).
TABLE: dict[int, Callable] = {
    1: lambda p, o, a, c: p.has(o[0], c=c[0]),
    2: lambda p, o, a, c: p.has(o[0], a[0]),
    3: lambda p, o, a, c: p.has(o[0], c=ABNORMAL),
    4: lambda p, o, a, c: p.has(o[0], c=c[0]) or p.has(o[0], c=c[1]),
    5: lambda p, o, a, c: p.has(o[0], a[0]) and p.has(o[0], a[1]),
    6: lambda p, o, a, c: p.has(o[0], a[0]) or p.has(o[0], a[1]),
    7: lambda p, o, a, c: p.attrs(o[0], c=c[0]),
    8: lambda p, o, a, c: p.attrs(o[0], c=ABNORMAL),
    9: lambda p, o, a, c: p.attrs(o[0], c=c),
    10: lambda p, o, a, c: p.attrs(o[0], a=a),
    11: lambda p, o, a, c: p.has(o[0], c=ABNORMAL) or p.has(o[1], c=ABNORMAL),
    12: lambda p, o, a, c: p.has(o[0], c=ABNORMAL) and p.has(o[1], c=ABNORMAL),
    13: lambda p, o, a, c: p.attrs(o[0], c=c[0]) | p.attrs(o[1], c=c[0]),
    14: lambda p, o, a, c: p.attrs(o[0], c=c[0]) & p.attrs(o[1], c=c[0]),
    15: lambda p, o, a, c: p.attrs(o[0], c=c[0]) - p.attrs(o[1], c=c[0]),
    16: lambda p, o, a, c: p.attrs(o[0], c=ABNORMAL) | p.attrs(o[1], c=ABNORMAL),
    17: lambda p, o, a, c: p.attrs(o[0], c=ABNORMAL) & p.attrs(o[1], c=ABNORMAL),
    18: lambda p, o, a, c: p.attrs(o[0], c=ABNORMAL) - p.attrs(o[1], c=ABNORMAL),
    19: lambda p, o, a, c: p.has(c=c[0]),
    20: lambda p, o, a, c: p.has(c=ABNORMAL),
    21: lambda p, o, a, c: p.has(c=c[0]) or p.has(c=c[1]),
    22: lambda p, o, a, c: p.has(a=a[0]),
    23: lambda p, o, a, c: p.has(a=a[0]) and p.has(a=a[1]),
    24: lambda p, o, a, c: p.has(a=a[0]) or p.has(a=a[1]),
    25: lambda p, o, a, c: p.attrs(c=c[0]),
    26: lambda p, o, a, c: p.attrs(c=c),
    27: lambda p, o, a, c: p.attrs(c=ABNORMAL),
    28: lambda p, o, a, c: p.attrs(a=a),
    29: lambda p, o, a, c: p.has(o[0], a[0]) and p.has(o[1], a[0]),
    30: lambda p, o, a, c: p.has(o[0], a[0]) or p.has(o[1], a[0]),
    31: lambda p, o, a, c: p.objs(a[0]),
    32: lambda p, o, a, c: p.objs(a[0]) & set(o),
    33: lambda p, o, a, c: p.objs(c=ABNORMAL) & set(o),
    34: lambda p, o, a, c: p.objs(a[0]) | p.objs(a[1]),
    35: lambda p, o, a, c: p.objs(a[0]) & p.objs(a[1]),
    36: lambda p, o, a, c: p.objs(a[0]) - p.objs(a[1]),
    37: lambda p, o, a, c: p.has(o[0], c=c[0]) and p.has(o[1], c=c[0]),
    38: lambda p, o, a, c: p.has(o[0], c=c[0]) or p.has(o[1], c=c[0]),
    39: lambda p, o, a, c: p.objs(c=c[0]),
    40: lambda p, o, a, c: p.objs(c=c[0]) | p.objs(c=c[1]),
    42: lambda p, o, a, c: {p.view} - {None},
    43: lambda p, o, a, c: {p.view} - {None},
    45: lambda p, o, a, c: {p.gender} - {None},
    46: lambda p, o, a, c: {p.gender} - {None},
    47: lambda p, o, a, c: p.wide("cardiac silhouette", 1 / 2),
    48: lambda p, o, a, c: p.wide("upper mediastinum", 1 / 3),
}


def slow_answer(question: VqaQuestion, labels: ImageLabels, row: int):
    image = Slow(labels, row)
    if question.view is not None:
        return None if image.view is None else image.view == question.view
    if question.gender is not None:
        return None if image.gender is None else image.gender == question.gender
    answer = TABLE[question.kind.number](image, question.objects, question.attributes, question.categories)
    return tuple(sorted(answer)) if isinstance(answer, set) else answer


@given(label_sets(), st.data())
@settings(max_examples=25, deadline=None)
def test_every_kind_follows_the_table(labels, data):
    for number in KINDS:
        question = data.draw(questions(FEW, kinds=(number,)))
        rule = rule_for(question, labels)
        for row in range(len(labels)):
            assert rule(row) == slow_answer(question, labels, row), question


@given(label_sets(), st.lists(questions(FEW), min_size=1, max_size=8), st.randoms())
@settings(max_examples=60, deadline=None)
def test_oracle_answers_each_request_by_itself(labels, asked, rng):
    requests = [VqaRequest(study, "", question, "") for question in asked for study in (*labels.study_ids, 999)]
    rng.shuffle(requests)
    oracle = OracleModel(labels)
    assert oracle.answer(requests) == [oracle.answer([request])[0] for request in requests]


def test_a_study_without_labels_has_nothing_and_no_size():
    oracle = OracleModel(from_triples([("i", 1, 1)], {}))
    asked = {2: ("spine", "picc"), 3: ("spine",)}
    questions = [
        VqaQuestion.of_kind(2, objects=asked[2][:1], attributes=asked[2][1:]),
        VqaQuestion.of_kind(20),
        VqaQuestion.of_kind(27),
        VqaQuestion.of_kind(47),
        VqaQuestion.of_kind(41, view="ap"),
        VqaQuestion.of_kind(43),
    ]
    for study in (1, 2):
        answers = oracle.answer([VqaRequest(study, "", question, "") for question in questions])
        assert answers == [False, False, (), None, None, ()]


def test_technical_assessments_are_no_abnormality():
    labels = from_triples([("i", 1, 1)], {"i": [("spine", "rotated", "technicalassessment")]})
    assert rule_for(VqaQuestion.of_kind(20), labels)(0) is False
    assert rule_for(VqaQuestion.of_kind(27), labels)(0) == ()
    assert rule_for(VqaQuestion.of_kind(25, categories=("technicalassessment",)), labels)(0) == ("rotated",)


def test_versions_follow_the_labels():
    one = from_triples([("i", 1, 1)], {"i": [("spine", "rotated", "technicalassessment")]})
    same = from_triples([("i", 1, 1)], {"i": [("spine", "rotated", "technicalassessment")]})
    other = from_triples([("i", 1, 1)], {"i": []}, possible=[("spine", "rotated", "technicalassessment")])
    assert OracleModel(one).version == OracleModel(same).version != OracleModel(other).version
