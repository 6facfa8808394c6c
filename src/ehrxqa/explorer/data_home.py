"""The first page: what there is, and a few questions to begin with."""

from __future__ import annotations

from dataclasses import dataclass

from ehrxqa.explorer.data_questions import Item, QuestionIndex, Selection
from ehrxqa.explorer.library import Library, StudyRef
from ehrxqa.spec.scopes import MODALITIES

__all__ = ["HomeView", "home_view"]

#: X-rays shown.
_STUDIES = 6
#: Questions shown of each modality.
_EXAMPLES = 2


@dataclass(frozen=True)
class HomeView:
    """What the first page shows.

    Attributes:
        questions: Split → how many.
        subjects: How many subjects have X-rays, of all databases.
        studies: How many X-rays.
        findings: How many labels that say "present".
        examples: Modality, how many questions it has, and a few of them.
        shown: A few X-rays with many findings, one of a subject.
    """

    questions: dict[str, int]
    subjects: int
    studies: int
    findings: int
    examples: tuple[tuple[str, int, tuple[Item, ...]], ...]
    shown: tuple[StudyRef, ...]


def home_view(library: Library, index: QuestionIndex) -> HomeView:
    """What the first page shows."""
    examples = []
    for modality in reversed(MODALITIES):
        listing = index.listing(Selection({"modality": (modality,), "empty": ("no",)}, sort="short"), rows=400)
        with_images = [item for item in listing.items if item.images or modality == "Table"]
        # one from the shorter half of each: easy to read, and not all of one kind
        step = max(1, len(with_images) // (_EXAMPLES + 1))
        total = index.listing(Selection({"modality": (modality,)}), rows=1).total
        examples.append((modality, total, tuple(with_images[step::step][:_EXAMPLES])))
    counts = {study.study_id: len(library.findings(study)) for study in library.studies.values()}
    best: dict[int, StudyRef] = {}
    for study in sorted(library.studies.values(), key=lambda study: (-counts[study.study_id], study.study_id)):
        if study.subject_id not in best and library.picture(study.image_id) is not None:
            best[study.subject_id] = study
        if len(best) == _STUDIES:
            break
    return HomeView(
        {split: len(records) for split, records in library.dataset.splits.items()},
        len(library.by_subject),
        len(library.studies),
        sum(counts.values()),
        tuple(examples),
        tuple(best.values()),
    )
