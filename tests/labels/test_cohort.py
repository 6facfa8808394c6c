"""Which images take part, and which boxes are measured, by rules that a small hospital hardly meets."""

from __future__ import annotations

import statistics
from types import SimpleNamespace

import numpy as np
import pytest

from ehrxqa.labels.build import _size_boxes
from ehrxqa.labels.cohort import _outliers, _wrong_count
from ehrxqa.labels.split import valid_studies
from ehrxqa.sources.chest_imagenome import SIZE_OBJECTS
from ehrxqa.sources.dictionary_codes import Vocabulary


def vocabulary(texts):
    found = Vocabulary()
    for text in texts:
        found.code(text)
    return found


def test_boxes_beyond_three_deviations_of_their_object_are_outliers():
    widths = [10.0, 12.0] * 40 + [7.5, 14.6, 15.2, 6.5, 20.0]
    mean, deviation = statistics.mean(widths), statistics.stdev(widths)
    distances = [abs(width - mean) / deviation for width in widths]
    assert sum(2 < distance < 2.95 for distance in distances) >= 2 and sum(each > 3.05 for each in distances) >= 1
    others = [1.0, 100.0, float("nan")]  # of another object: they are not compared with these
    boxes = SimpleNamespace(
        image=np.arange(len(widths) + 3),
        name=np.array([0] * len(widths) + [1] * 3),
        width=np.array([*widths, *others]),
        names=vocabulary(["heart", "spine"]),
        images=vocabulary(map(str, range(len(widths) + 3))),
    )
    assert _outliers(boxes).tolist() == [distance > 3 for distance in distances] + [False] * 3


@pytest.mark.parametrize(("boxes", "wrong"), [(35, True), (36, False), (37, True)])
def test_an_image_has_36_different_boxes(boxes, wrong):
    names = vocabulary(map(str, range(40)))
    found = SimpleNamespace(
        image=np.zeros(boxes + 1, dtype=np.int32), name=np.array([*range(boxes), 0]), names=names, images=["a"]
    )
    assert _wrong_count(found).tolist() == [wrong]


def test_of_two_subjects_one_is_valid():
    for subjects in ([7, 8], [7, 7, 8, 8, 8]):
        valid = valid_studies(np.array(subjects), np.ones(len(subjects), dtype=bool))
        assert len(set(np.array(subjects)[valid])) == 1
        assert valid.sum() == subjects.count(np.array(subjects)[valid][0])


@pytest.mark.parametrize("first", range(4))
def test_size_boxes_are_those_of_four_objects_on_labelled_images(first):
    names = [*SIZE_OBJECTS[first:], "left arm", *SIZE_OBJECTS[:first]]
    boxes = SimpleNamespace(
        names=vocabulary(names), images=vocabulary(["a", "b"]), image=np.array([0] * 5 + [1] * 5),
        name=np.tile(np.arange(5), 2), x1=np.arange(10.0), x2=np.arange(10.0) + 5,
    )  # fmt: skip
    found = _size_boxes(boxes, {"b": 3})
    wanted = [(SIZE_OBJECTS.index(name), 5.0 + place) for place, name in enumerate(names) if name != "left arm"]
    assert list(zip(found.object.tolist(), found.x1.tolist(), strict=True)) == wanted
    assert found.image.tolist() == [3] * 4 and (found.x2 - found.x1).tolist() == [5.0] * 4
