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

__all__ = ["changed_wordings", "compared_wordings", "finding_wordings", "visual_wordings"]

#: Measured object → its share of the thorax in words and as a fraction.
_SHARES: Final = {
    "cardiac silhouette": ("half", "one half", "1/2"),
    "upper mediastinum": ("a third", "one third", "1/3"),
}
#: Comparison → what is so, and the one of two studies that alone shows it.
_STATES: Final = {
    "still present": "still present",
    "still absent": "still absent",
    "newly detected": "newly detected",
    "resolved": "no longer present",
}
_ALONE: Final = {"newly detected": "later", "resolved": "earlier"}


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
            f"in which [location]s {_be(nouns, seen=True)} {what} [seen]?",
            f"[list] the [location]s with {what}.",
            f"[location]s with {what}?",
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
                f"{what} in {one}, {other}, both or neither",
                f"{one}, {other}, both or neither: where {_be(nouns, seen=True)} {what}",
                f"where {_be(nouns, seen=True)} {what}, if at all, {one} or {other},",
            )
        name = question.categories[0]
        return (
            f"{one}, {other}, both or neither: which {ONE[name]}{place}",
            f"which {ONE[name]}{place}, if any, {one} or {other},",
            f"which of these {MANY[name]}{place}, if any, {one} or {other},",
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
    question, place, state = nouns.question, nouns.place(), _STATES[comparison]
    one = _ALONE.get(comparison, "")
    if question.form is Form.VERIFY:
        what = nouns.finding()
        if comparison == "still present":
            return (
                f"{_be(nouns)} there still {what}{place}",
                f"do both show {what}{place}",
                f"{_be(nouns)} {what} on both{place}",
                f"do both films show {what}{place}",
            )
        if comparison == "still absent":
            return (
                f"{_be(nouns)} there still {_no(nouns)}{place}",
                f"does neither show {what}{place}",
                f"{_be(nouns)} there {_no(nouns)}{place} on either",
                f"does neither film show {what}{place}",
            )
        texts = (
            f"does only the {one} one show {what}{place}",
            f"{_be(nouns)} there {what}{place} on the {one} one only",
            f"does the {one} one alone show {what}{place}",
        )
        if not question.attributes:  # “new” would be read of one of several
            return texts
        verb = "have" if is_plural(what) else "has"
        done = "newly appeared" if comparison == "newly detected" else "disappeared"
        return (*texts, f"{verb} {what}{place} {done}")
    alone = f"does only the {one} one show" if one else "do both show"
    if question.target is Target.OBJECT:
        what = nouns.finding()
        return (
            f"where {alone} {what}",
            f"in which [location]s {alone} {what}",
            f"which [location]s show {what} on {f'the {one} one only' if one else 'both'}",
        )
    things = nouns.things()
    return (
        f"what {things} {alone}{place}",
        f"which {things} {alone}{place}",
        f"which {things}{place} are {state}",
    )


def changed_wordings(nouns: Nouns, comparison: str) -> tuple[str, ...]:
    """The same as in notes: “new ptx in left lung”; `nouns` are brief."""
    question, place, state = nouns.question, nouns.place(), _STATES[comparison]
    one = _ALONE.get(comparison, "")
    on = f"on {one} one only" if one else "on both"
    if question.form is Form.VERIFY:
        what = nouns.finding()
        if comparison == "still absent":
            return f"still {_no(nouns)}{place}", f"{_no(nouns)}{place} on either"
        if not question.attributes:
            return (f"{what}{place} {on}",)
        short = {"still present": f"still {what}{place}", "newly detected": f"new {what}{place}"}
        return f"{what}{place} {on}", short.get(comparison, f"{what}{place} no longer present")
    if question.target is Target.OBJECT:
        return f"[location]s with {nouns.finding()} {on}", f"every [location] with {nouns.finding()} {on}"
    things = nouns.things()
    new = f"new {things}{place}" if comparison == "newly detected" else f"{things}{place} {state}"
    return f"{things}{place} {on}", new, f"which {things}{place} {on}"


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
            f"which {ONE[name]}{place}: {one}, {other}, both or neither?",
            f"which of these two {MANY[name]}{place}, if any, {one} or {other}?",
            f"which {ONE[name]} do you see{place}: {one}, {other}, both or neither?",
            f"which {MANY[name]}{place}, if any, {one} or {other}?",
        )
    what = nouns.finding()
    texts = (
        f"where {_be(nouns, seen=True)} {what}: {one}, {other}, both or neither?",
        f"which [location], if any, shows {what}, {one} or {other}?",
        f"where do you see {what}: {one}, {other}, both or neither?",
        f"{what} in {one}, {other}, both or neither?",
    )
    if nouns.question.attributes:
        return texts
    return (*texts, f"what is abnormal: {one}, {other}, both or neither?")


def _sizes(measured: str) -> tuple[str, ...]:
    plain, counted, fraction = _SHARES[measured]
    return (
        f"is the {measured} wider than {plain} of the thorax",
        f"is the width of the {measured} more than {fraction} of the width of the thorax",
        f"does the {measured} take up more than {counted} of the width of the thorax",
        f"does the {measured} measure more than {plain} of the thorax width",
        f"{measured} wider than {fraction} of the thorax",
    )
