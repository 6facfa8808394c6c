"""The label pipeline against an obvious one: lists of rows, sorted and scanned, as the steps are stated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ehrxqa.errors import SourceError
from ehrxqa.labels.ontology import EXEMPT_LABELS, MINORITY_LABELS, MINORITY_OBJECTS, Ontology
from ehrxqa.labels.refine import Refiner
from ehrxqa.sources.chest_imagenome import Semantics, Statements
from ehrxqa.sources.dictionary_codes import Vocabulary

OBJECTS = ("left lung", "left apical zone", "left upper lung zone", "right lung", "left arm", "mediastinum")
SEMANTICS = Semantics(
    objects=OBJECTS,
    attributes=(
        ("anatomicalfinding", "lung opacity"),
        ("anatomicalfinding", "consolidation"),
        ("anatomicalfinding", "bronchiectasis"),
        ("disease", "pneumonia"),
        ("device", "sternotomy wires"),
        ("technicalassessment", "artifact"),
        ("device", "sternotomy wires"),
        ("nlp", "normal"),
    ),
    all_children={
        "lungs": ["left lung", "right lung"],
        "left lung": ["left apical zone", "left upper lung zone"],
        "right lung": [],
        "left upper lung zone": ["left apical zone"],
        "mediastinum": ["left lung"],
        "lung opacity": ["consolidation", "pneumonia"],
        "consolidation": ["pneumonia"],
    },
    possible_attribute_of={
        "pneumonia": ["left apical zone", "right lung", "elsewhere"],
        "consolidation": ["left upper lung zone"],
        "lung opacity": ["left lung"],
        "bronchiectasis": ["left lung"],
        "sternotomy wires": ["mediastinum"],
        "artifact": ["left arm"],
        "unlisted": ["left lung", "left arm"],
    },
)
LABELS = (*SEMANTICS.possible_attribute_of,)
CATEGORIES = ("anatomicalfinding", "disease", "device")

ROW = st.tuples(
    st.integers(0, 2),  # image
    st.sampled_from([0.0, 1.0, 2.0, math.nan]),
    st.sampled_from([*OBJECTS, "elsewhere", "nowhere"]),
    st.integers(0, 1),
    st.sampled_from(LABELS),
    st.sampled_from(CATEGORIES),
)


def statements_of(rows) -> Statements:
    images, objects, labels, categories = (Vocabulary() for _ in range(4))
    return Statements(
        image=np.array([images.code(f"image {row[0]}") for row in rows], dtype=np.int32),
        study=np.array([row[0] for row in rows], dtype=np.int64),
        sentence=np.array([row[1] for row in rows], dtype=np.float64),
        object=np.array([objects.code(row[2]) for row in rows], dtype=np.int32),
        relation=np.array([row[3] for row in rows], dtype=np.int8),
        label=np.array([labels.code(row[4]) for row in rows], dtype=np.int32),
        category=np.array([categories.code(row[5]) for row in rows], dtype=np.int32),
        images=images,
        objects=objects,
        labels=labels,
        categories=categories,
    )


def numbers_of(statements: Statements) -> np.ndarray:
    return np.array([int(text.split()[1]) for text in statements.images.texts], dtype=np.int64)


def last_per_key(rows):
    """Stable sort by image, sentence (none last), object, label; the last row of each image, object and label."""
    ordered = sorted(
        rows, key=lambda row: (row[0], math.isnan(row[1]), 0 if math.isnan(row[1]) else row[1], row[2], row[4])
    )
    kept = {}
    for row in ordered:
        kept.pop((row[0], row[2], row[4]), None)
        kept[row[0], row[2], row[4]] = row
    return list(kept.values())


def obvious(rows, ontology: Ontology):
    """All labels of all images, absent ones included."""
    rows = last_per_key(rows)
    copies = [
        (*row[:4], parent, ontology.category_of[parent])
        for child, parent in ontology.label_parents
        for row in rows
        if row[4] == child
    ]
    rows = last_per_key(rows + copies)
    copies = [
        (row[0], row[1], parent, *row[3:])
        for child, parent in ontology.object_parents
        for row in rows
        if row[2] == child
    ]
    rows = last_per_key(rows + copies)
    rows = [row for row in rows if row[4] in EXEMPT_LABELS or row[2] in ontology.places[row[4]]]
    rows = [row for row in rows if row[2] not in MINORITY_OBJECTS and row[4] not in MINORITY_LABELS]
    absent = [
        (image, math.nan, place, 0, label, ontology.category_of[label])
        for image in sorted({row[0] for row in rows})
        for place, label in ontology.pairs
    ]
    kept = {}
    for row in sorted(rows + absent, key=lambda row: (row[0], row[2], row[4], row[3])):
        kept[row[0], row[2], row[4]] = row
    return [kept[key] for key in sorted(kept)]


def expanded(refiner: Refiner, found):
    rows = refiner.expand(found, found.present)
    return [
        (
            int(rows.image[i]),
            float(rows.sentence[i]),
            refiner.objects[rows.object[i]],
            int(rows.relation[i]),
            refiner.labels[rows.label[i]],
            refiner.categories[rows.category[i]],
        )
        for i in range(len(rows))
    ]


def same(left, right):
    return [tuple(map(str, row)) for row in left] == [tuple(map(str, row)) for row in right]


def test_what_an_implied_finding_says_wins_over_the_sentence_itself_however_many_rows_there_are():
    ontology = Ontology.from_semantics(SEMANTICS)
    (child, parent), place = ontology.label_parents[0], "left lung"
    category = ontology.category_of[child]
    rows = []
    for image in range(500):
        rows += [(image, 0.0, place, image % 2, child, category), (image, 0.0, place, 1 - image % 2, parent, category)]
    statements = statements_of(rows)
    refiner = Refiner(ontology, statements.objects.texts, statements.labels.texts, statements.categories.texts)
    found = expanded(refiner, refiner.refine(statements, numbers_of(statements)))
    said = {image: relation for image, _, where, relation, label, _ in found if (where, label) == (place, parent)}
    assert said == {image: image % 2 for image in range(500)}


@settings(deadline=None, max_examples=300)
@given(st.lists(ROW, max_size=40))
def test_pipeline_against_the_obvious_one(rows):
    ontology = Ontology.from_semantics(SEMANTICS)
    statements = statements_of(rows)
    refiner = Refiner(ontology, statements.objects.texts, statements.labels.texts, statements.categories.texts)
    found = refiner.refine(statements, numbers_of(statements))
    assert same(expanded(refiner, found), obvious(rows, ontology))


@settings(deadline=None, max_examples=200)
@given(st.lists(ROW, max_size=30), st.lists(ROW, max_size=20))
def test_second_pass_against_the_obvious_one(gold, silver):
    silver = [(row[0] + 10, *row[1:]) for row in silver]
    ontology = Ontology.from_semantics(SEMANTICS)
    first, second = statements_of(gold), statements_of(silver)
    refiner = Refiner(
        ontology,
        [*first.objects.texts, *second.objects.texts],
        [*first.labels.texts, *second.labels.texts],
        [*first.categories.texts, *second.categories.texts],
    )
    found = refiner.refine(first, numbers_of(first))
    again = refiner.refine_again(found, second, numbers_of(second))
    assert same(expanded(refiner, again), obvious(obvious(gold, ontology) + silver, ontology))


def test_ontology_is_extended_in_single_passes():
    ontology = Ontology.from_semantics(SEMANTICS)
    # the apical zone passes its label to its parents, and these, being there now, to theirs: the mediastinum
    # comes last in the pass, so it is reached; consolidation gets what pneumonia has
    assert ontology.places["pneumonia"] == {
        "left apical zone",
        "right lung",
        "elsewhere",
        "left lung",
        "left upper lung zone",
        "mediastinum",
    }
    assert ontology.places["consolidation"] >= ontology.places["pneumonia"]
    assert ("left arm", "artifact") in ontology.pairs
    assert all(place in OBJECTS for place, _ in ontology.pairs)
    assert ontology.label_parents == (
        ("consolidation", "lung opacity"),
        ("pneumonia", "lung opacity"),
        ("pneumonia", "consolidation"),
    )


def test_a_later_negative_of_a_child_overrides_an_earlier_positive_of_its_parent():
    ontology = Ontology.from_semantics(SEMANTICS)
    rows = [
        (0, 0.0, "left lung", 1, "lung opacity", "anatomicalfinding"),
        (0, 1.0, "left lung", 0, "pneumonia", "disease"),
    ]
    labels = {(row[2], row[4]): row[3] for row in obvious(rows, ontology)}
    assert labels["left lung", "lung opacity"] == 0


def test_a_label_without_places_is_an_error():
    ontology = Ontology.from_semantics(SEMANTICS)
    statements = statements_of([(0, 0.0, "left lung", 1, "martian", "disease")])
    refiner = Refiner(ontology, statements.objects.texts, statements.labels.texts, statements.categories.texts)
    with pytest.raises(SourceError, match="'martian'"):
        refiner.refine(statements, numbers_of(statements))
