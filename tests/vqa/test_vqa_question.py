"""The image question as a value."""

from __future__ import annotations

import pytest

from ehrxqa.errors import VqaError
from ehrxqa.vqa.question import KINDS, Form, Target, VqaQuestion


def test_the_48_kinds_have_48_shapes():
    assert sorted(KINDS) == list(range(1, 49))
    for number, kind in KINDS.items():
        question = VqaQuestion.of_kind(
            number,
            objects=() if kind.measured else ("left lung", "spine")[: kind.objects],
            attributes=("picc", "pneumonia")[: kind.attributes],
            categories=("disease", "device")[: kind.categories],
            view="ap" if kind.views else None,
            gender="f" if kind.genders else None,
        )
        assert question.kind is kind
        assert kind.program == f"program_{number}"
        assert question.answer_type == ("truth" if kind.form is Form.VERIFY else "list")


def test_equal_questions_are_one_key():
    one = VqaQuestion.of_kind(1, objects=("spine",), categories=("disease",))
    other = VqaQuestion.of_kind(1, objects=("spine",), categories=("disease",))
    assert one.kind is other.kind
    assert {one: 1}[other] == 1


def test_order_of_operands_matters():
    assert VqaQuestion.of_kind(36, attributes=("picc", "rotated")) != VqaQuestion.of_kind(
        36, attributes=("rotated", "picc")
    )


@pytest.mark.parametrize(
    ("number", "names", "said"),
    [
        (0, {}, "no image question kind 0"),
        (49, {}, "no image question kind 49"),
        (2, {"objects": ("spine",)}, "no kind of image question has this shape"),
        (
            2,
            {"attributes": ("picc",)},
            "no kind of image question has this shape: verify attribute with 1 × attribute|kind 22",
        ),
        (47, {"objects": ("upper mediastinum",)}, "kind 48"),
        (47, {"objects": ("spine",)}, "no kind of image question"),
        (1, {"objects": ("Spine",), "categories": ("disease",)}, "plain form"),
        (1, {"objects": ("",), "categories": ("disease",)}, "plain form"),
        (41, {"view": "lateral"}, "lateral"),
        (41, {}, "no kind of image question"),
        (44, {"gender": "male"}, "male"),
    ],
)
def test_what_is_no_question_is_refused(number, names, said):
    with pytest.raises(VqaError, match=said):
        VqaQuestion.of_kind(number, **names)


def test_a_shape_that_no_kind_has_is_described():
    with pytest.raises(VqaError, match="query object with 2 × object"):
        VqaQuestion(Form.QUERY, Target.OBJECT, objects=("spine", "neck"))
