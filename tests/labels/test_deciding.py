"""Which statement decides a label, on reports of two or three sentences."""

from __future__ import annotations

import pytest

from ehrxqa.labels.deciding import Ground, verdicts
from ehrxqa.labels.ontology import Ontology
from ehrxqa.sources.report_text import Statement

LUNG, ZONE, ARM = "left lung", "left upper lung zone", "left arm"
PLACES = {
    "pneumonia": frozenset({LUNG, ZONE}),
    "lung opacity": frozenset({LUNG, ZONE}),
    "skin fold": frozenset({LUNG}),
    "fracture": frozenset({ARM}),
}
ONTOLOGY = Ontology(
    objects=(LUNG, ZONE),
    category_of={"pneumonia": "disease", "lung opacity": "anatomicalfinding"},
    label_parents=(("pneumonia", "lung opacity"),),
    object_parents=((ZONE, LUNG),),
    places=PLACES,
    pairs=tuple((place, label) for label in ("pneumonia", "lung opacity") for place in (LUNG, ZONE)),
)


def say(place: str, label: str, relation: int, sentence: int) -> Statement:
    return Statement(place, label, relation, sentence, f"sentence {sentence}")


def decided(*statements: Statement, by_hand_twice: bool = False) -> dict[tuple[str, str], tuple[int, Ground, object]]:
    found = verdicts(statements, ONTOLOGY, by_hand_twice=by_hand_twice)
    return {
        pair: (each.relation, each.ground, None if each.statement is None else each.statement.sentence)
        for pair, each in found.items()
    }


def test_what_is_said_of_a_part_or_a_kind_passes_to_the_whole() -> None:
    assert decided(say(ZONE, "pneumonia", 1, 3)) == {
        (ZONE, "pneumonia"): (1, Ground.STATED, 3),
        (LUNG, "pneumonia"): (1, Ground.INHERITED, 3),
        (ZONE, "lung opacity"): (1, Ground.INHERITED, 3),
        (LUNG, "lung opacity"): (1, Ground.INHERITED, 3),
    }


def test_what_is_said_of_the_whole_says_nothing_of_its_parts() -> None:
    assert decided(say(LUNG, "lung opacity", 1, 0)) == {
        (LUNG, "lung opacity"): (1, Ground.STATED, 0),
        (ZONE, "lung opacity"): (0, Ground.UNSTATED, None),
        (LUNG, "pneumonia"): (0, Ground.UNSTATED, None),
        (ZONE, "pneumonia"): (0, Ground.UNSTATED, None),
    }


@pytest.mark.parametrize(("first", "second"), [((1, 0), (0, 4)), ((0, 4), (1, 0)), ((1, 2), (0, 2))])
def test_the_last_sentence_counts_and_the_last_statement_of_it(first: tuple[int, int], second: tuple[int, int]) -> None:
    found = decided(say(LUNG, "pneumonia", *first), say(LUNG, "pneumonia", *second))
    assert found[LUNG, "pneumonia"] == (0, Ground.STATED, max(first[1], second[1]))


def test_a_later_denial_of_a_kind_denies_what_it_was_copied_to() -> None:
    found = decided(say(LUNG, "lung opacity", 1, 0), say(LUNG, "pneumonia", 0, 1))
    assert found[LUNG, "lung opacity"] == (0, Ground.INHERITED, 1)
    found = decided(say(LUNG, "lung opacity", 1, 2), say(LUNG, "pneumonia", 0, 1))
    assert found[LUNG, "lung opacity"] == (1, Ground.STATED, 2)


def test_an_image_with_nothing_that_may_be_there_has_no_labels() -> None:
    assert decided() == {}
    assert decided(say(ARM, "pneumonia", 1, 0)) == {}  # pneumonia is not in arms, nor is an arm asked about
    assert decided(say(ARM, "fracture", 1, 0)) == {}  # arms are too rare
    assert decided(say(LUNG, "skin fold", 1, 0)) == {}  # so are skin folds
    assert decided(say(LUNG, "abnormal", 1, 0))[LUNG, "abnormal"] == (1, Ground.STATED, 0)  # that may be anywhere


def test_labels_checked_by_hand_pass_to_parents_twice() -> None:
    """The lung's own opacity is overruled by the zone's, which is absent by default and comes later."""
    assert decided(say(LUNG, "lung opacity", 1, 0))[LUNG, "lung opacity"][0] == 1
    found = decided(say(LUNG, "lung opacity", 1, 0), by_hand_twice=True)
    assert found[LUNG, "lung opacity"] == (0, Ground.OVERRULED, 0)
    both = decided(say(ZONE, "pneumonia", 1, 0), by_hand_twice=True)
    assert both[ZONE, "pneumonia"] == (1, Ground.STATED, 0)
