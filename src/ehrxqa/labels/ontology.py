"""The ontology of Chest ImaGenome as the benchmark uses it: what implies what, and what can be where.

Attributes have parents (pneumonia is a lung opacity) and so have objects (the left apical zone is part of
the left lung). The published ontology is extended in three fixed ways before use: a few children of
objects are added, possible places grow to the parents of objects, and then to the parents of attributes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ehrxqa.errors import SourceError
from ehrxqa.sources.chest_imagenome import Semantics

__all__ = [
    "CATEGORIES",
    "EXEMPT_LABELS",
    "MINORITY_LABELS",
    "MINORITY_OBJECTS",
    "Ontology",
]

#: The five categories that questions ask about.
CATEGORIES: Final = ("anatomicalfinding", "technicalassessment", "disease", "tubesandlines", "device")
#: Labels that may be stated anywhere.
EXEMPT_LABELS: Final = frozenset({"artifact", "normal", "abnormal"})
#: Too rare to ask about; their rows are dropped (and come back as absent when negatives are completed).
MINORITY_OBJECTS: Final = frozenset({"left arm", "right arm"})
MINORITY_LABELS: Final = frozenset(
    {
        "artifact",
        "bronchiectasis",
        "pigtail catheter",
        "skin fold",
        "aortic graft/repair",
        "diaphragmatic eventration (benign)",
        "sternotomy wires",
    }
)

#: Children that the benchmark adds to the published ontology.
_ADDED_CHILDREN: Final = {
    "lungs": ("hilar structures", "right hilar structures", "left hilar structures"),
    "left lung": ("left hilar structures",),
    "right lung": ("right hilar structures",),
    "mediastinum": ("aortic arch", "svc"),
}
#: Children that it sets, whatever was published.
_SET_CHILDREN: Final = {"hilar structures": ("right hilar structures", "left hilar structures")}
#: Listed twice as published; one of the two is dropped.
_LISTED_TWICE: Final = "sternotomy wires"


@dataclass(frozen=True)
class Ontology:
    """Objects, attributes, and the relations between them.

    Attributes:
        objects: The objects that questions ask about, in file order.
        category_of: Attribute → category, for the attributes that questions ask about, in file order.
        label_parents: (child, parent) attributes, in the order in which copies are made.
        object_parents: (child, parent) objects, in the order in which copies are made.
        places: Label → objects where it may occur, after extension.
        pairs: The possible (object, attribute) pairs; every labelled image has a value for each of them.
    """

    objects: tuple[str, ...]
    category_of: dict[str, str]
    label_parents: tuple[tuple[str, str], ...]
    object_parents: tuple[tuple[str, str], ...]
    places: dict[str, frozenset[str]]
    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def from_semantics(cls, semantics: Semantics) -> Ontology:
        """Extend the published ontology.

        Raises:
            SourceError: A name that the extension needs is not in it.
        """
        by_category: dict[str, list[str]] = {}
        for category, attribute in semantics.attributes:
            if category in CATEGORIES:
                by_category.setdefault(category, []).append(attribute)
        attributes = [attribute for group in by_category.values() for attribute in group]
        if _LISTED_TWICE not in attributes:
            raise SourceError(f"the attribute list does not name {_LISTED_TWICE!r}; it is another release")
        attributes.remove(_LISTED_TWICE)
        category_of = {attribute: category for category, group in by_category.items() for attribute in group}

        children = {name: list(below) for name, below in semantics.all_children.items()}
        for parent, added in _ADDED_CHILDREN.items():
            if parent not in children:
                raise SourceError(f"all_children of the ontology does not name {parent!r}; it is another release")
            children[parent] += added
        for parent, below in _SET_CHILDREN.items():
            children[parent] = list(below)

        objects = semantics.objects
        label_parents = _parents(children, set(attributes))
        object_parents = _parents(children, set(objects))
        places = _extend_places(semantics.possible_attribute_of, set(attributes), object_parents, label_parents)
        known_objects = set(objects)
        pairs = tuple(
            (place, attribute)
            for attribute, where in places.items()
            if attribute in set(attributes)
            for place in dict.fromkeys(where)
            if place in known_objects
        )
        return cls(
            objects=objects,
            category_of=category_of,
            label_parents=_flat(label_parents),
            object_parents=_flat(object_parents),
            places={label: frozenset(where) for label, where in places.items()},
            pairs=pairs,
        )


def _parents(children: dict[str, list[str]], known: set[str]) -> dict[str, list[str]]:
    """Child → its parents among `known`, both in the order in which the file first names them."""
    parents: dict[str, list[str]] = {}
    for parent, below in children.items():
        if parent in known:
            for child in below:
                if child in known:
                    parents.setdefault(child, []).append(parent)
    return parents


def _flat(parents: dict[str, list[str]]) -> tuple[tuple[str, str], ...]:
    return tuple((child, parent) for child, group in parents.items() for parent in group)


def _extend_places(
    published: dict[str, list[str]],
    attributes: set[str],
    object_parents: dict[str, list[str]],
    label_parents: dict[str, list[str]],
) -> dict[str, list[str]]:
    """Possible places, grown to parent objects and then from child to parent attributes.

    Each growth is a single pass in file order, not a closure: an added parent object takes part in the rest
    of the same pass, and a parent attribute passes on only what it has got so far.
    """
    places = {label: list(where) for label, where in published.items()}
    for label, where in places.items():
        if label in attributes:
            for child, parents in object_parents.items():
                for parent in parents:
                    if child in where and parent not in where:
                        where.append(parent)
    for label, where in places.items():
        for parent in label_parents.get(label, ()):
            if parent not in places:
                raise SourceError(f"possible_attribute_of of the ontology lacks {parent!r}, a parent of {label!r}")
            above = places[parent]
            above += [place for place in dict.fromkeys(where) if place not in above]
    return places
