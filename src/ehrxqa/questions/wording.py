"""Our own wordings of findings inside longer sentences."""

from __future__ import annotations

from typing import Final

from ehrxqa.vqa.question import Form, Target, VqaQuestion
from ehrxqa.vqa.wordings import wordings_of

__all__ = ["compared_wordings", "finding_wordings", "visual_wordings"]

_ONE: Final = {
    "anatomicalfinding": "anatomical finding",
    "technicalassessment": "technical assessment",
    "disease": "disease",
    "tubesandlines": "tube or line",
    "device": "device",
}
_MANY: Final = {
    "anatomicalfinding": "anatomical findings",
    "technicalassessment": "technical assessments",
    "disease": "diseases",
    "tubesandlines": "tubes/lines",
    "device": "devices",
}


def visual_wordings(question: VqaQuestion) -> tuple[str, ...]:
    """Sentences that ask a question of a study that was named before."""
    found = tuple(text.lower() for text in wordings_of(question)[1:])
    plain = tuple(text for text in found if not any(word in text for word in ("image", "x-ray", "film", "scan")))
    return plain or found


def finding_wordings(question: VqaQuestion) -> tuple[str, ...]:
    """What is looked for, as in “a study that showed ⟨any device in the neck⟩”."""
    place = f" in the {question.objects[0]}" if question.objects else ""
    if question.attributes:
        return (question.attributes[0] + place,)
    if question.categories:
        return (f"any {_ONE[question.categories[0]]}{place}",)
    return (f"any abnormality{place}",)


def compared_wordings(question: VqaQuestion, comparison: str) -> tuple[str, ...]:
    """A question about the first of two studies compared to the second, earlier one."""
    place = f" in the {question.objects[0]}" if question.objects else ""
    if question.form is Form.VERIFY:
        (finding,) = finding_wordings(question)
        bare = finding.removeprefix("any ")
        negative = f"no {bare}"
        return {
            "still present": (f"is {finding} still present", f"is there still {finding}"),
            "still absent": (f"is {finding} still absent", f"is there still {negative}"),
            "newly detected": (f"is {finding} newly detected", f"is there {finding} now, but not before"),
            "resolved": (f"has {finding} resolved", f"was there {finding} before, but not any more"),
        }[comparison]
    tail = {
        "still present": ("that are still present", "that are there in both"),
        "newly detected": ("that are newly detected", "that are there now but were not before"),
        "resolved": ("that have resolved", "that were there before but are not any more"),
    }[comparison]
    if question.target is Target.OBJECT:
        cause = question.attributes[0] if question.attributes else f"any {_ONE[question.categories[0]]}"
        head = f"list all anatomical locations related to {cause}"
    else:
        head = "list all " + (_MANY[question.categories[0]] if question.categories else "abnormalities") + place
    return tuple(f"{head} {each}" for each in tail)
