"""Labels of images, written down by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ehrxqa.vqa.image_labels import Finding, ImageLabels
from ehrxqa.vqa.question import SIZE_LIMITS


def from_triples(
    images: Sequence[tuple[str, int, int]],
    present: Mapping[str, Iterable[tuple[str, str, str]]],
    *,
    views: Mapping[str, str] | None = None,
    genders: Mapping[str, str] | None = None,
    shares: Mapping[str, Mapping[str, float]] | None = None,
    possible: Sequence[tuple[str, str, str]] = (),
) -> ImageLabels:
    """Labels written down by hand: few images whose findings a test states.

    Args:
        images: (image, study, subject) of each image.
        present: Image → its present (object, attribute, category).
        views: Image → view position.
        genders: Image → gender.
        shares: Measured object → image → share of the thorax width.
        possible: Pairs that can occur, with their category.
    """
    by_image = {image: [Finding(*triple) for triple in present.get(image, ())] for image, _, _ in images}
    findings = sorted({finding for found in by_image.values() for finding in found})
    number = {finding: place for place, finding in enumerate(findings)}
    ids = [image for image, _, _ in images]
    return ImageLabels(
        image_ids=ids,
        study_ids=[study for _, study, _ in images],
        subject_ids=[subject for _, _, subject in images],
        findings=findings,
        present=[sum({1 << number[finding] for finding in by_image[image]}) for image in ids],
        views=[(views or {}).get(image) for image in ids],
        genders=[(genders or {}).get(image) for image in ids],
        shares={name: [(shares or {}).get(name, {}).get(image) for image in ids] for name in SIZE_LIMITS},
        possible=[Finding(*triple) for triple in possible],
    )
