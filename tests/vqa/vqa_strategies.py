"""Random image questions and labels for the tests."""

from __future__ import annotations

from hypothesis import strategies as st

from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.question import CATEGORIES, GENDERS, KINDS, SIZE_LIMITS, VIEWS, VqaQuestion
from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY, Vocabulary
from made_labels import from_triples

#: Few names, so that they meet often.
FEW = Vocabulary(
    ("left lung", "right lung", "spine"),
    ("pneumonia", "picc", "rotated", "cardiac pacer and wires"),
    CATEGORIES,
)


@st.composite
def questions(draw: st.DrawFn, vocabulary: Vocabulary = DEFAULT_VOCABULARY, kinds=tuple(KINDS)) -> VqaQuestion:
    kind = KINDS[draw(st.sampled_from(kinds))]

    def names(known, count):
        return tuple(draw(st.lists(st.sampled_from(known), min_size=count, max_size=count, unique=True)))

    return VqaQuestion.of_kind(
        kind.number,
        objects=() if kind.measured else names(vocabulary.objects, kind.objects),
        attributes=names(vocabulary.attributes, kind.attributes),
        categories=names(vocabulary.categories, kind.categories),
        view=draw(st.sampled_from(VIEWS)) if kind.views else None,
        gender=draw(st.sampled_from(GENDERS)) if kind.genders else None,
    )


@st.composite
def label_sets(draw: st.DrawFn, vocabulary: Vocabulary = FEW, images: int = 3) -> ImageLabels:
    """A few images; an attribute may come in more than one category."""
    triples = st.tuples(
        st.sampled_from(vocabulary.objects),
        st.sampled_from(vocabulary.attributes),
        st.sampled_from(vocabulary.categories),
    )
    ids = [f"image-{number}" for number in range(images)]
    some_share = st.one_of(st.none(), st.sampled_from([-0.2, 0.0, 1 / 3, 0.34, 0.5, 0.51, 1.7]))
    shares = {name: {i: s for i in ids if (s := draw(some_share)) is not None} for name in SIZE_LIMITS}
    return from_triples(
        [(image, 50 + number, 10 + number) for number, image in enumerate(ids)],
        {image: draw(st.lists(triples, max_size=8)) for image in ids},
        views={image: draw(st.sampled_from(["ap", "pa", "lateral"])) for image in ids[:2]},
        genders={image: draw(st.sampled_from(GENDERS)) for image in ids[:2]},
        shares=shares,
    )
