"""Our own wordings of image questions and findings, for the holes in the sentences of templates.

`{visual}` is a whole sentence about a study that was named before. `{finding}` is what a study shows (“does the study
show …?”) for yes/no questions, and for all others a question that the study is yet to be added to (“… on the study?”).
`{compared}` is a question about two studies, without an end mark. `[seen]` and the like are words of `word_forms`.

Who offers two names says that the answer may also be both or neither. A category or an abnormality is compared as a
whole: it is new where the earlier study shows none at all, so only of a named finding it is said that it is new.
"""

from __future__ import annotations

from typing import Final

from ehrxqa.questions.nouns import MANY, ONE, Nouns, bare, is_plural
from ehrxqa.vqa.question import Combination, Form, Target

__all__ = ["compared_wordings", "finding_wordings", "visual_wordings"]

#: Measured object → its share of the thorax in words and as a fraction.
_SHARES: Final = {
    "cardiac silhouette": ("half", "one half", "1/2"),
    "upper mediastinum": ("a third", "one third", "1/3"),
}


def visual_wordings(nouns: Nouns) -> tuple[str, ...]:
    """Sentences that ask a question of a study that was named before."""
    question = nouns.question
    if question.target is Target.SIZE:
        return tuple(f"{text}?" for text in _sizes(question.objects[0]))
    if question.form is Form.CHOOSE:
        return _chosen_from(nouns)
    what, place = nouns.finding(), nouns.place()
    if question.form is Form.VERIFY:
        texts: tuple[str, ...] = (
            f"{_be(nouns)} there {what}{place}?",
            f"can you see {what}{place}?",
            f"can {nouns.finding(explained=True)} be seen{place}?",
            f"do you see {what}{place}?",
            f"{what}{place}?",
            f"evidence of {what}{place}?",
            f"look for {what}{place}.",
            f"please check for {what}{place}.",
        )
        return (*texts, f"{_abnormal(nouns)}?") if question.objects and what == "any abnormality" else texts
    if question.target is Target.OBJECT:
        return (
            f"in which [location]s can {what} be seen?",
            f"[list] the [location]s with {what}.",
            f"which [location]s show {what}?",
            f"where {_be(nouns, seen=True)} {what} [seen]?",
            f"where can you see {what}?",
            f"[give] every [location] with {what}.",
        )
    things = nouns.things()
    texts = (
        f"which {things} can be seen{place}?",
        f"[list] the {things} [seen]{place}.",
        f"what {things} are there{place}?",
        f"which {nouns.things(explained=True)} are [seen]{place}?",
        f"what {things} do you see{place}?",
        f"{things}{place}?",
        f"[give] all {things}{place}.",
    )
    if question.combination is Combination.INTERSECTION:
        one, other = nouns.places
        return (*texts, f"which {things} do {one} and {other} have in common?")
    return texts


def finding_wordings(nouns: Nouns) -> tuple[str, ...]:
    """What is looked for: “a study that showed ⟨any device in the neck⟩”; see the module for lists and choices."""
    question, place = nouns.question, nouns.place()
    if question.target is Target.SIZE:
        return _sizes(question.objects[0])
    if question.form is Form.VERIFY:
        plain = nouns.finding() + place
        explained = nouns.finding(explained=True) + place
        return (plain,) if plain == explained else (*[plain] * 7, explained)
    if question.form is Form.CHOOSE:
        one, other = _offered(nouns)
        if question.target is Target.OBJECT:
            what = nouns.finding()
            return (
                f"{one} or {other}: which of these [location]s, if any, shows {what}",
                f"in which [location], {one} or {other}, or both or neither, can {what} be seen",
                f"where {_be(nouns, seen=True)} {what} [seen], if at all, {one} or {other}",
            )
        name = question.categories[0]
        return (
            f"{one} or {other}: which of these {MANY[name]}, if any, can be seen{place}",
            f"which {ONE[name]}, {one} or {other}, or both or neither, can be seen{place}",
            f"which {ONE[name]}, if any, do you see{place}, {one} or {other}",
        )
    if question.target is Target.OBJECT:
        what = nouns.finding()
        return (
            f"in which [location]s can {what} be seen",
            f"which [location]s show {what}",
            f"where can you see {what}",
        )
    things = nouns.things()
    return (
        f"which {things} can be seen{place}",
        f"what {nouns.things(explained=True)} are [seen]{place}",
        f"which {things} are there{place}",
        f"what {things} do you see{place}",
    )


def compared_wordings(nouns: Nouns, comparison: str) -> tuple[str, ...]:
    """A question about two studies of which it was said which one is the earlier."""
    question, place = nouns.question, nouns.place()
    what = nouns.finding() if question.form is Form.VERIFY or question.target is Target.OBJECT else ""
    none = "" if question.attributes else "none"
    alone = {"newly detected": ("later", "earlier"), "resolved": ("earlier", "later")}.get(comparison)
    if question.form is Form.VERIFY:
        if comparison == "still present":
            return (
                f"{_be(nouns)} there still {what}{place}",
                f"do both studies show {what}{place}",
                f"do both show {what}{place}",
                f"{what} still present{place}",
            )
        if comparison == "still absent":
            return (
                f"{_be(nouns)} there still {_no(nouns)}{place}",
                f"is it true that neither study shows {what}{place}",
                f"does neither show {what}{place}",
                f"still {_no(nouns)}{place}",
            )
        assert alone is not None
        one, other = alone
        while_ = f"while the {other} one {'shows none' if none else 'does not'}"
        texts = (
            f"does only the {one} study show {what}{place}",
            f"does the {one} study show {what}{place}, {while_}",
            f"does only the {one} one show {what}{place}",
        )
        if none:
            return (*texts, f"{what}{place} on the {one} one only")
        verb = "have" if is_plural(what) else "has"
        if comparison == "newly detected":
            return (*texts, f"{verb} {what}{place} newly appeared", f"new {bare(what)}{place}")
        return (*texts, f"{verb} {what}{place} disappeared", f"{what}{place} on the earlier one only")
    shown_by = "do both studies show" if alone is None else f"does only the {alone[0]} study show"
    short = "do both show" if alone is None else f"does only the {alone[0]} one show"
    if question.target is Target.OBJECT:
        when = "in both studies"
        if alone is not None:
            when = f"in the {alone[0]} study {'and none' if none else 'but not'} in the {alone[1]} one"
        return (
            f"in which [location]s {shown_by} {what}",
            f"which [location]s show {what} {when}",
            f"where {short} {what}",
        )
    state = {"still present": "still present", "newly detected": "newly detected", "resolved": "no longer present"}
    things = nouns.things()
    return (
        f"which {things} {shown_by}{place}",
        f"which {things}{place} are {state[comparison]}",
        f"what {things} {short}{place}",
        f"{things} {state[comparison]}{place}",
    )


def _be(nouns: Nouns, *, seen: bool = False) -> str:
    """The verb before “there”, or before what is `seen`: it agrees with what comes next."""
    plural = bool(nouns.attributes) and is_plural(nouns.attributes[0])
    both = seen and nouns.question.combination is Combination.INTERSECTION
    return "are" if len(nouns.question.categories) == 2 or plural or both else "is"


def _no(nouns: Nouns) -> str:
    """That there is none of it."""
    return f"no {bare(nouns.finding().removeprefix('any '))}"


def _abnormal(nouns: Nouns) -> str:
    places = nouns.places
    if len(places) == 1:
        return f"{'are' if is_plural(places[0]) else 'is'} {places[0]} abnormal"
    if nouns.question.combination is Combination.AND:
        return f"are both {places[0]} and {places[1]} abnormal"
    return f"{'are' if any(map(is_plural, places)) else 'is'} either {places[0]} or {places[1]} abnormal"


def _offered(nouns: Nouns) -> tuple[str, ...]:
    return nouns.places if nouns.question.target is Target.OBJECT else nouns.attributes


def _chosen_from(nouns: Nouns) -> tuple[str, ...]:
    one, other = _offered(nouns)
    place = nouns.place()
    if nouns.question.target is Target.ATTRIBUTE:
        name = nouns.question.categories[0]
        return (
            f"which {ONE[name]} can be seen{place}: {one}, {other}, both or neither?",
            f"which of these two {MANY[name]}, if any, can be seen{place}: {one} or {other}?",
            f"which {ONE[name]}{place}: {one}, {other}, both or neither?",
            f"which {MANY[name]}{place}, if any, {one} or {other}?",
        )
    what = nouns.finding()
    texts = (
        f"in which [location] can {what} be seen: {one}, {other}, both or neither?",
        f"which of these two [location]s, if any, shows {what}: {one} or {other}?",
        f"where {_be(nouns, seen=True)} {what} [seen]: {one}, {other}, both or neither?",
        f"{what} in {one}, {other}, both or neither?",
    )
    if nouns.question.attributes:
        return texts
    return (*texts, f"which [location] is abnormal: {one}, {other}, both or neither?")


def _sizes(measured: str) -> tuple[str, ...]:
    plain, counted, fraction = _SHARES[measured]
    return (
        f"is the {measured} wider than {plain} of the thorax",
        f"is the width of the {measured} more than {fraction} of the width of the thorax",
        f"does the {measured} take up more than {counted} of the width of the thorax",
        f"does the {measured} measure more than {plain} of the thorax width",
        f"{measured} wider than {fraction} of the thorax",
    )
