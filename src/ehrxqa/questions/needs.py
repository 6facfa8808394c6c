"""What a yes/no question about an event and a finding needs: the tables, the image, or both.

The answer is yes if the event is there, an X-ray is where it counts, and shows the finding. Where the event is missing,
tables alone say no; where no X-ray shows the finding, images alone do. What one of them leaves open needs the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from ehrxqa.questions.programs import INDEXED, Rendering, alternative_program
from ehrxqa.questions.question import Question
from ehrxqa.questions.template import OPEN_TO_IMAGES, OPEN_TO_TABLES, Template

__all__ = ["SHARES", "Needs", "Stratum", "is_stratified", "needs_of", "open_programs", "wanted_stratum"]

#: What is needed. `either`: each says no by itself, since neither event nor finding is there.
Needs = Literal["table", "image", "both", "either"]
#: What a question shall need: a yes needs both.
Stratum = Needs
#: Stratum → its share. Even shares of 41 to 29 to 29 would be best for all floors at once; but of a no that only the image
#: shall give, fewer are found, and one that needs both is taken in its place. With these shares 53 to 58 % are right for
#: who never looks at images, at tables, or always says no.
SHARES: Final[Mapping[Stratum, float]] = {"both": 0.40, "image": 0.34, "table": 0.25, "either": 0.01}

#: Multiples of the golden ratio, and of the root of two, are spread more evenly over 0 to 1 than chance would.
_GOLDEN: Final = 0.6180339887498949
_ROOT: Final = 0.41421356237309515


def is_stratified(template: Template) -> bool:
    """Whether a template asks for an event and a finding of one patient."""
    return template.scope == "multimodal-single"


def open_programs(question: Question, how: Rendering = INDEXED) -> tuple[str, str]:
    """SQL that says whether tables, and whether images, leave the answer of such a question open."""
    tables, images = (alternative_program(question, name, how) for name in (OPEN_TO_TABLES, OPEN_TO_IMAGES))
    return tables, images


def needs_of(*, open_to_tables: bool, open_to_images: bool) -> Needs:
    """What a question needs whose answer is open, or not, to who knows only the tables, and only the images."""
    if open_to_tables:
        return "both" if open_to_images else "image"
    return "table" if open_to_images else "either"


def wanted_stratum(series: int, number: int) -> Stratum:
    """The stratum of question `number` of a series: by their shares as evenly as can be, over all series together, too.

    Args:
        series: Number of the series; of neighbouring ones, each begins elsewhere.
        number: Of the question, from 0.
    """
    place = (series * _ROOT + number * _GOLDEN) % 1
    for stratum, share in SHARES.items():
        place -= share
        if place < 0:
            return stratum
    return "both"
