"""A kind of image question that is none of the 48: whether a finding is on both sides."""

from collections.abc import Mapping, Sequence

from ehrxqa.vqa.image_labels import Finding
from ehrxqa.vqa.other_kinds import OtherKind


def on_both_sides(findings: Sequence[Finding], asked: Mapping[str, str]) -> bool:
    """What labels say: the finding is in a place of the left and in one of the right."""
    places = [finding.object for finding in findings if finding.attribute == asked["finding"]]
    return all(any(place.startswith(side) for place in places) for side in ("left ", "right "))


BILATERAL = OtherKind(r"(?:is|are) there (?:any )?bilateral (?P<finding>.+)", "truth", on_both_sides)
