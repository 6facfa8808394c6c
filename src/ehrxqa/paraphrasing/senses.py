"""The decisive words of a question, as a table: what a paraphrase must neither lose, add nor exchange.

A *sense* is what some words of a sentence decide: that the last study is meant and not the first, that a value is less
and not greater, that days are counted and not hours. The table lists, family by family, the ways in which each sense is
said. A sentence is read from the top of the table to the bottom, and words that were understood are taken out, so that
"the last hospital stay" is a visit and its "last" says nothing more about which study is meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

__all__ = ["ORDERED", "Sense", "content", "question_kind", "senses"]

_N: Final = r"\[number_\d+\]"
_D: Final = r"(?:the )?(?:(?:year|month|day|date) (?:of )?)?\[(?:year|month|date|day)_\d+\]"
_HOSPITAL: Final = (
    r"(?:(?:hospital(?:'s)?|in-hospital) (?:visit|stay|admission|hospitali[sz]ation)|hospitali[sz]ation"
    r"|(?:visit|stay|admission) (?:to|in|at) (?:the )?hospital)"
)
_ICU: Final = (
    r"(?:(?:icu|intensive care(?: unit)?) (?:visit|stay|admission)"
    r"|(?:visit|stay|admission) (?:to|in|at) (?:the )?(?:icu|intensive care unit))"
)
_FIRST: Final = r"(?:first|initial|earliest)"
_LAST: Final = r"(?:last|latest|most recent|final)"
_ENDED: Final = r"(?:(?:completed|finished|ended) )?"
_UNITS: Final = ("year", "month", "day", "hour", "week", "minute")
#: Families whose senses stand for different things when their order changes.
ORDERED: Final = frozenset({"visit", "period", "date", "order", "within", "sequence", "studies", "balance"})


def _rows() -> tuple[tuple[str, str, str], ...]:
    rows = [
        (
            "times",
            "at least",
            rf"at least (?:twice|{_N} times)|(?:twice|{_N} times|{_N}) or more(?: times)?|more than once",
        ),
        ("times", "exactly", rf"(?:exactly|precisely|just|only) (?:twice|{_N} times)|(?:twice|{_N} times) exactly"),
        ("times", "once", r"at least once|one or more times|ever\b(?! since)"),
        ("order", "second to last", r"second[- ]to[- ]last|second[- ]last|next[- ]to[- ]last|penultimate"),
        (
            "age",
            "and above",
            rf"(?:at least|no younger than|not younger than) {_N}(?: years(?: old| of age))?(?! (?:year|month|day|hour)s? ago)(?! times)"
            rf"|{_N} years (?:old|of age) or (?:above|older|over|more)|(?:or|and) (?:above|older|over|more|up)(?! times)",
        ),
    ]
    for where, stay in (("hospital", _HOSPITAL), ("icu", _ICU)):
        rows += [
            ("visit", f"current {where}", rf"(?:current|present|ongoing) {stay}"),
            ("visit", f"first {where}", rf"{_FIRST} {_ENDED}{stay}"),
            ("visit", f"last {where}", rf"{_LAST} {_ENDED}{stay}"),
            ("within", f"same {where}", rf"same {stay}"),
        ]
    rows.append(("visit", "current hospital", r"(?:current|present|ongoing) (?:visit|stay|admission)"))
    rows += [
        ("within", "same period", r"same (?:time )?(?:period|frame|timeframe|interval|window)"),
        ("within", "same month", r"same (?:calendar )?month"),
        ("within", "same day", r"same (?:calendar )?day"),
        ("within", "same time", r"same time|simultaneously|concurrently"),
    ]
    for unit in _UNITS[:4]:
        rows += [
            (
                "within",
                f"number {unit}",
                rf"(?:within|no more than|not more than|at most|inside)(?: the)?(?: next| following)? {_N} {unit}s?(?! ago)",
            ),
            (
                "period",
                f"rolling {unit}",
                rf"(?:in|within|over|during|throughout|from|of) the (?:(?:past|last|previous|preceding) {_N}|past|last) {unit}s?"
                rf"|(?:since|from) {_N} {unit}s? ago|past (?:{_N} )?{unit}s?",
            ),
            (
                "period",
                f"until {unit}",
                rf"(?:up to|up until|until|till|by|no later than|at least|more than|over) {_N} {unit}s? ago|{_N} {unit}s? ago or (?:earlier|before|more)",
            ),
            ("period", f"this {unit}", rf"(?:this|the current) {unit}" if unit != "day" else "today"),
            ("period", f"last {unit}", rf"(?:last|the previous|the prior) {unit}" if unit != "day" else "yesterday"),
        ]
    rows += [
        ("date", "from to", rf"(?:from|between) {_D} (?:to|and|until) {_D}"),
        ("date", "since", rf"(?:in|on) or after {_D}"),
        ("date", "beyond", rf"(?:before|prior to|after|following|ahead of) (?:the (?:end|start|beginning) of )?{_D}"),
        (
            "date",
            "until",
            rf"(?:until|till|up to|up until|through|by|no later than|on or before)(?: and including)? (?:the end of )?{_D}",
        ),
        (
            "date",
            "since",
            rf"(?:since|from|starting (?:in|from|on|with)|beginning (?:in|on|with)|on or after|as of) (?:the (?:start|beginning) of )?{_D}(?: on(?:wards?)?)?",
        ),
        ("date", "part", rf"(?:end|start|beginning|middle) of {_D}"),
        ("date", "in", rf"(?:in|on|during|within|throughout|over|of|for|at) {_D}"),
        ("date", "unclear", _D),
        (
            "comparison of studies",
            "still absent",
            r"neither (?:of (?:the (?:two )?|these )?)?(?:study|studies)|still (?:absent|no\b|not|missing|without)|remain\w* (?:absent|undetected)",
        ),
        (
            "comparison of studies",
            "newly detected",
            r"only (?:(?:in|on|by) )?(?:the )?later|newly(?: (?:detected|found|seen|present|visible|identified|appeared))?"
            r"|(?:now,? )?(?:but|that|and) (?:\w+ )?(?:was|were|is|are)? ?not (?:there |present |seen |visible |detected )?(?:before|previously|earlier)"
            r"|but absent (?:before|previously)",
        ),
        (
            "comparison of studies",
            "resolved",
            r"only (?:(?:in|on|by) )?(?:the )?earlier|resol\w+|disappeared|(?:before|previously|earlier),? but (?:(?:is|are|has|have) )?(?:now )?"
            r"(?:not (?:there )?(?:any ?more|now)|gone|no longer(?: there| present)?)|no longer (?:there|present|seen|visible)|not any ?more",
        ),
        (
            "comparison of studies",
            "still present",
            r"both (?:of (?:the|these) )?studies|still(?: (?:there|present|seen|visible))?|persist\w*|(?:there|present|seen|visible|found) (?:in|on) both(?! (?:of )?(?:the )?\[)",
        ),
        ("studies", "later", r"later"),
        ("studies", "earlier", r"earlier"),
        ("order", "second", r"second"),
        ("order", "first", rf"{_FIRST}|initially"),
        ("order", "last", rf"{_LAST}(?:ly)?"),
        ("order", "previous", r"previous|prior(?! to)|preceding|(?:study|one|x-ray) before it"),
        ("ties", "included", r"ties included|(?:with|including|counting|and) (?:all )?ties"),
        ("rank", "top", r"most (?:common|frequent|often)(?:ly)?|top"),
        ("meaning", "meaning", r"stands? for|meaning|does (?:the abbreviation )?\[\w+\] mean|is short for|short for"),
        ("than", "less", r"(?:less|lower|smaller|fewer)(?: than)?|below|beneath|under(?= \[)"),
        (
            "than",
            "greater",
            r"(?:greater|higher|larger|bigger|wider)(?: than)?|more than|exceed\w*|(?:above|over|beyond)(?= \[)",
        ),
        ("aggregate", "maximum", r"maximum|maximal|highest|largest|greatest|peak"),
        ("aggregate", "minimum", r"minimum|minimal|lowest|smallest|(?<!at )least"),
        ("aggregate", "average", r"averages?|mean"),
        ("total", "total", r"total|sum|altogether|add(?:ed|ing)? up"),
        ("difference", "minus", r"minus"),
        ("difference", "from one to the other", r"subtract\w*|chang\w*"),
        ("balance", "intake", r"intakes?|inputs?"),
        ("balance", "output", r"outputs?"),
        ("direction", "up", r"increas\w*|r[io]se|grown|gain\w*"),
        ("direction", "down", r"decreas\w*|drop\w*|fall\w*|fell|los[te]\w*|declin\w*"),
    ]
    for unit, adjective in (("day", "daily"), ("month", "monthly"), ("year", "yearly|annual(?:ly)?")):
        rows.append(("per", unit, rf"{adjective}|(?:per|each|every|by) {unit}"))
    rows += [("unit", unit, rf"{unit}s?") for unit in _UNITS]
    rows += [
        ("now", "now", r"currently|now|at (?:present|the moment)|right now|presently"),
        ("sequence", "followed", r"followed"),
        ("sequence", "after", r"after|following|subsequent(?:ly)?"),
        ("sequence", "before", r"before|prior to|ahead of"),
        ("logic", "or", r"any (?:one )?of (?:\[\w+\](?:,? (?:and|or) |, )?)+|or|either"),
        ("logic", "both", r"both|in common|common to|shared by"),
        ("logic", "and", r"(?<=\] )and(?= (?:(?:in|the|any|all|on|with|of) )*\[)|as well as|together with|along with"),
        (
            "negation",
            "not",
            r"not|no|never|without|none|neither|nor|except|excluding|cannot|\w+n't|absent|absence|lack\w*",
        ),
        ("normal", "abnormal", r"abnormal\w*"),
        ("normal", "normal", r"normal"),
    ]
    return tuple(rows)


#: Family, sense, and how it is said.
_TABLE: Final = tuple(
    (family, sense, re.compile(rf"(?<![\w\[-])(?:{words})(?![\w-])")) for family, sense, words in _rows()
)

#: What is spoken of: if a sentence has a word of a group (by its beginning), so has its paraphrase.
_CONTENT: Final = tuple(
    re.compile(rf"\b(?:{words})")
    for words in (
        r"x-ray|radiograph|study|studies|scan\b|image|film",
        r"prescri",
        r"drug|medication|medicine",
        r"diagnos",
        r"procedure|underg|underwent",
        r"lab\b|laborator",
        r"microbiolog|culture|specimen",
        r"organism|grow|grew",
        r"test",
        r"intake|input",
        r"output",
        r"weigh",
        r"height|tall",
        r"cost|charg|bill|expens",
        r"dose|dosage|doses",
        r"route|administ|method",
        r"insur",
        r"marital|married",
        r"gender\b|sex\b",
        r"birth|born",
        r"aged?\b|old\b|in their",
        r"die[ds]?\b|dead|death|dying|mortality|deceased",
        r"surviv",
        r"icu\b|intensive care",
        r"emergency",
        r"hospital|admission|admit",
        r"care ?unit|unit\b",
        r"discharg|releas",
        r"length|long\b|duration|lasted",
        r"ids?\b|identif",
        r"locations?|where|sites?\b|regions?\b|areas?\b",
        r"cardiac|heart",
        r"mediastinum|mediastinal",
        r"thora",
        r"half",
        r"third",
        r"complet|finish|ended",
        r"percentile|rank",
        r"share|percent|proportion|fraction|rate",
        r"volume|amount",
        r"ml\b|milli",
        r"allerg",
        r"ward",
        r"substance",
        r"abbreviat|stand|mean|short",
        r"different|distinct|unique",
        r"new\b|newly",
        r"patient|people|individuals|persons?\b|who\b",
        r"differ|chang|minus|subtract|balance|exceed|(?:great|high|larg|bigg)er than",
        r"normal|abnormal",
        r"male\b|men\b|man\b",
        r"female|women|woman",
        r"values?|levels?|measure|readings?|results?",
        r"type|kind",
    )
)

_PLACEHOLDER: Final = re.compile(r"\[[a-z]+_\d+\]")
_ASKED: Final = (
    (
        "number",
        re.compile(r"\b(?:how many(?! ml\b)|(?<!by )how often|how frequently|how long|number of|count of|count\b)"),
    ),
    (
        "time",
        re.compile(
            r"\b(?:when(?! [^,?]* compared)|(?:what|which) (?:times?|dates?)|times? (?:at which|of)|dates? (?:on which|of|and time))\b"
        ),
    ),
    (
        "name",
        re.compile(
            r"\b(?:what|which|list|name|give|show me|tell me(?! whether| if)|identify|where|who|provide|specify|state|report"
            r"|enumerate|find|subtract|add up|calculate|compute|how (?:is|was|are|were|does|did|much|many ml|large|high|low|tall|old))\b"
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Sense:
    """What words of a sentence decide.

    Attributes:
        family: Such as `order`.
        name: Such as `last`.
        place: Where in the sentence, in characters.
    """

    family: str
    name: str
    place: int


@lru_cache(maxsize=4096)
def senses(sentence: str) -> tuple[Sense, ...]:
    """The senses of a sentence in lower case, in the order in which they are said."""
    found: list[Sense] = []
    left = sentence
    for family, name, pattern in _TABLE:
        for match in pattern.finditer(left):
            found.append(Sense(family, name, match.start()))
        left = pattern.sub(lambda match: "·" * len(match[0]), left)
    return tuple(sorted(found, key=lambda sense: sense.place))


def question_kind(sentence: str) -> str:
    """What is asked for: `number`, `time`, `name` (of anything, or a list), or `truth`."""
    bare = _PLACEHOLDER.sub("", sentence)
    return next((kind for kind, pattern in _ASKED if pattern.search(bare)), "truth")


def content(sentence: str) -> frozenset[int]:
    """The groups of content words that a sentence has, by number."""
    bare = _PLACEHOLDER.sub("", sentence)
    return frozenset(number for number, pattern in enumerate(_CONTENT) if pattern.search(bare))
