"""Our own wordings of image questions and findings, for the holes in the sentences of templates.

`{visual}` is a whole sentence about a study that was named before. `{finding}` is what a study shows (“does the study
show …?”) for yes/no questions, and for all others a question that the study is yet to be added to (“… on the study?”).
`{compared}` is a question about two studies, without an end mark.

Who offers two names says that the answer may also be both or neither. A category or an abnormality is compared as a
whole: it is new where the earlier study shows none at all.
"""

from __future__ import annotations

from typing import Final

from ehrxqa.questions.nouns import MANY, ONE, finding_of, is_plural, place_of, things_of, with_article
from ehrxqa.vqa.question import Combination, Form, Target, VqaQuestion

__all__ = ["compared_wordings", "finding_wordings", "visual_wordings"]

_LOCATION: Final = "anatomical location"
#: Measured object → its share of the thorax in words and as a fraction.
_SHARES: Final = {
    "cardiac silhouette": ("half", "one half", "1/2"),
    "upper mediastinum": ("a third", "one third", "1/3"),
}


def visual_wordings(question: VqaQuestion) -> tuple[str, ...]:
    """Sentences that ask a question of a study that was named before."""
    if question.target is Target.SIZE:
        return tuple(f"{text}?" for text in _sizes(question.objects[0]))
    if question.form is Form.CHOOSE:
        return _chosen_from(question)
    place = place_of(question)
    what = finding_of(question)
    if question.form is Form.VERIFY:
        explained = finding_of(question, explained=True)
        texts = (
            f"{_be(question)} there {what}{place}?",
            f"can {explained} be seen{place}?",
            f"do you see {what}{place}?",
        )
        return (*texts, f"{_abnormal(question)}?") if question.objects and what == "any abnormality" else texts
    if question.target is Target.OBJECT:
        return (
            f"in which {_LOCATION}s can {what} be seen?",
            f"list all {_LOCATION}s with {what}.",
            f"which {_LOCATION}s show {what}?",
        )
    things = things_of(question)
    texts = (
        f"which {things_of(question, explained=True)} can be seen{place}?",
        f"list all {things} that are visible{place}.",
        f"what {things} are there{place}?",
    )
    if question.combination is Combination.INTERSECTION:
        return (*texts, f"which {things} do the {question.objects[0]} and the {question.objects[1]} have in common?")
    return texts


def finding_wordings(question: VqaQuestion) -> tuple[str, ...]:
    """What is looked for: “a study that showed ⟨any device in the neck⟩”; see the module for lists and choices."""
    place = place_of(question)
    if question.target is Target.SIZE:
        return _sizes(question.objects[0])
    if question.form is Form.VERIFY:
        return tuple(dict.fromkeys(finding_of(question, explained=each) + place for each in (False, True)))
    if question.form is Form.CHOOSE:
        one, other = _offered(question)
        if question.target is Target.OBJECT:
            what = finding_of(question)
            return (
                f"{one} or {other}: which of these {_LOCATION}s, if any, shows {what}",
                f"in which {_LOCATION}, {one} or {other}, or both or neither, can {what} be seen",
            )
        name = question.categories[0]
        return (
            f"{one} or {other}: which of these {MANY[name]}, if any, can be seen{place}",
            f"which {ONE[name]}, {one} or {other}, or both or neither, can be seen{place}",
        )
    if question.target is Target.OBJECT:
        what = finding_of(question)
        return (f"in which {_LOCATION}s can {what} be seen", f"which {_LOCATION}s show {what}")
    return (
        f"which {things_of(question, explained=True)} can be seen{place}",
        f"what {things_of(question)} are visible{place}",
    )


def compared_wordings(question: VqaQuestion, comparison: str) -> tuple[str, ...]:
    """A question about two studies of which it was said which one is the earlier."""
    place = place_of(question)
    what = finding_of(question) if question.form is Form.VERIFY or question.target is Target.OBJECT else ""
    none = "" if question.attributes else "none"
    alone = {"newly detected": ("later", "earlier"), "resolved": ("earlier", "later")}.get(comparison)
    if question.form is Form.VERIFY:
        what += place
        if comparison == "still present":
            return (f"{_be(question)} there still {what}", f"do both studies show {what}")
        if comparison == "still absent":
            return (
                f"{_be(question)} there still {_no(question)}{place}",
                f"is it true that neither study shows {what}",
            )
        assert alone is not None
        one, other = alone
        while_ = f"while the {other} one {'shows none' if none else 'does not'}"
        return (f"does only the {one} study show {what}", f"does the {one} study show {what}, {while_}")
    shown_by = "do both studies show" if alone is None else f"does only the {alone[0]} study show"
    if question.target is Target.OBJECT:
        when = "in both studies"
        if alone is not None:
            when = f"in the {alone[0]} study {'and none' if none else 'but not'} in the {alone[1]} one"
        return (f"in which {_LOCATION}s {shown_by} {what}", f"which {_LOCATION}s show {what} {when}")
    state = {"still present": "still present", "newly detected": "newly detected", "resolved": "no longer present"}
    things = things_of(question)
    return (f"which {things} {shown_by}{place}", f"which {things}{place} are {state[comparison]}")


def _be(question: VqaQuestion) -> str:
    """The verb before “there”: it agrees with what comes next."""
    first = question.attributes[0] if question.attributes else ""
    return "are" if len(question.categories) == 2 or (is_plural(first) and with_article(first) == first) else "is"


def _no(question: VqaQuestion) -> str:
    """That there is none of it."""
    found = finding_of(question)
    for word in ("any ", "an ", "a "):
        found = found.removeprefix(word)
    return f"no {found}"


def _abnormal(question: VqaQuestion) -> str:
    places = [f"the {name}" for name in question.objects]
    if len(places) == 1:
        return f"{'are' if is_plural(places[0]) else 'is'} {places[0]} abnormal"
    if question.combination is Combination.AND:
        return f"are both {places[0]} and {places[1]} abnormal"
    return f"{'are' if any(map(is_plural, places)) else 'is'} either {places[0]} or {places[1]} abnormal"


def _offered(question: VqaQuestion) -> tuple[str, ...]:
    if question.target is Target.OBJECT:
        return tuple(f"the {name}" for name in question.objects)
    return tuple(map(with_article, question.attributes))


def _chosen_from(question: VqaQuestion) -> tuple[str, ...]:
    one, other = _offered(question)
    place = place_of(question)
    if question.target is Target.ATTRIBUTE:
        name = question.categories[0]
        return (
            f"which {ONE[name]} can be seen{place}: {one}, {other}, both or neither?",
            f"which of these two {MANY[name]}, if any, can be seen{place}: {one} or {other}?",
            f"name the {MANY[name]} that can be seen{place}, choosing none, one or both of {one} and {other}.",
        )
    what = finding_of(question)
    texts = (
        f"in which {_LOCATION} can {what} be seen: {one}, {other}, both or neither?",
        f"which of these two {_LOCATION}s, if any, shows {what}: {one} or {other}?",
        f"name the {_LOCATION}s with {what}, choosing none, one or both of {one} and {other}.",
    )
    if question.attributes:
        return texts
    return (*texts, f"which {_LOCATION} is abnormal: {one}, {other}, both or neither?")


def _sizes(measured: str) -> tuple[str, ...]:
    plain, counted, fraction = _SHARES[measured]
    return (
        f"is the {measured} wider than {plain} of the thorax",
        f"is the width of the {measured} more than {fraction} of the width of the thorax",
        f"does the {measured} take up more than {counted} of the width of the thorax",
    )
