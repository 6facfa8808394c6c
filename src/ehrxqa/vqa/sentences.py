r"""The English sentence patterns of image questions.

A sentence is matched after its names were replaced by the letters of their roles (O object, A attribute,
C category, B abnormality, L location, V view, G gender) and articles, "any" and "all" were left out:
"Is there any pleural effusion in the left lung?" becomes `is there A in O`. Patterns are written with macros
(`{IS}` and so on) and named groups: `f` the finding asked for, `p` the place, `x` the names to choose from,
`k` the category named in a choice, `s` the share of the thorax width.
"""

from __future__ import annotations

import re
from enum import Enum
from functools import cache
from typing import Final

__all__ = ["IGNORED_WORDS", "Grouping", "Sentence", "grammar_words", "sentences_like"]


class Grouping(Enum):
    """How the groups of a sentence become a question."""

    VERIFY = "is a finding there"
    VERIFY_ABNORMAL = "is a place, or the image, abnormal"
    LIST_FINDINGS = "which findings are there"
    LIST_PLACES = "where is a finding"
    CHOOSE_FINDING = "which of two attributes is there"
    CHOOSE_PLACE = "which of two places shows a finding"
    SIZE = "is an object wide"
    VERIFY_VIEW = "is it this view"
    CHOOSE_VIEW = "which of the two views"
    ASK_VIEW = "which view"
    VERIFY_GENDER = "is the patient of this gender"
    CHOOSE_GENDER = "which of the two genders"
    ASK_GENDER = "which gender"


class Sentence:
    """One sentence pattern, compiled when a text may be of that form for the first time.

    Attributes:
        reading: How its groups become a question.
        source: The pattern, without macros.
    """

    def __init__(self, reading: Grouping, source: str) -> None:
        self.reading, self.source = reading, source
        self._pattern: re.Pattern[str] | None = None

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """The whole text, if it is of this form."""
        if self._pattern is None:
            self._pattern = re.compile(self.source)
        return self._pattern.fullmatch(text)


#: Words that carry no meaning in any sentence.
IGNORED_WORDS: Final = frozenset({"the", "a", "an", "any", "all", "every", "some", "please"})

_MACROS: Final = {
    "IS": r"(?:is|are|was|were)",
    "SEEN": (
        r"(?:present|visible|seen|found|noted|evident|detected|identified|observed|shown|located|visualized|"
        r"indicated|apparent|displayed|depicted|detectable|revealed|demonstrated|exhibited|suggested)"
    ),
    "SHOWN": r"(?:shown|displayed|indicated|revealed|demonstrated|exhibited|suggested|depicted|presented|contained)",
    "ABOUT": r"(?:regarding|concerning|with regard to|with respect to|as for)",
    "SHOW": (
        r"(?:show|shows|display|displays|indicate|indicates|reveal|reveals|demonstrate|demonstrates|have|has|"
        r"contain|contains|exhibit|exhibits|suggest|suggests|depict|depicts|present|presents)"
    ),
    "REL": (
        r"(?:related to|relevant to|relevant for|associated with|linked to|linked with|connected to|connected with|"
        r"involved with|affected by)"
    ),
    "IMG": (
        r"(?:(?:this|that|given|current|patient|chest|frontal) )*"
        r"(?:xray|radiograph|cxr|film|image|picture|scan|study|exam|examination|patient|it)"
        r"(?: (?:image|study|film|scan|exam|examination|result))?"
    ),
    "EV": r"(?:(?:sign|signs|evidence|presence|indication|indications) of )?",
    "LEAD": (
        r"(?:list|name|give|give me|show|show me|tell me|enumerate|identify|state|report|find|return|provide|"
        r"output|display|describe|mention)(?: out)?"
    ),
    "WHICH": r"(?:what|which)",
    "FIND": r"(?:(?:both|either) )?[ACB](?: (?:and|or) [ACB](?: both)?)?",
    "KIND": r"(?:(?:both|either) )?[CB](?: (?:and|or) [CB])?",
    "TRACE": r"(?:(?:both|either) )?[AC](?: (?:and|or|but not|and not) (?:(?:{REL}|to|with) )?[AC])?",
    "PLACE": r"(?:(?:both|either) )?O(?: (?:and|or) (?:(?:in|within|on) )?O(?: both)?)?",
    "PLACES": r"(?:{PLACE}|O(?: only)? (?:but|and) not (?:(?:in|within|on|{REL}|to) )?O)",
    "AT": r"(?:in|within|on|at|inside|of|{REL})",
    "SEP": r"(?: [,:;])?",
}

_PATTERNS: Final = (
    # yes or no: a finding
    (
        Grouping.VERIFY,
        r"{IS} there {EV}(?P<f>{FIND})(?: (?:(?:that|which) {IS} )?{SEEN})?{IN_IMG}{WHERE}{IN_IMG}",
    ),
    (
        Grouping.VERIFY,
        r"(?:does|do|did|can|could) {IMG} {SHOW} {EV}(?P<f>{FIND}){WHERE}",
    ),
    (Grouping.VERIFY, r"(?:has|have|had) {IMG} {SHOWN} {EV}(?P<f>{FIND}){WHERE}"),
    (
        Grouping.VERIFY,
        r"(?:can|do|could) (?:you|we|one) (?:see|find|identify|detect|observe|notice) {EV}(?P<f>{FIND})"
        r"{IN_IMG}{WHERE}{IN_IMG}",
    ),
    (Grouping.VERIFY, r"{IS} {EV}(?P<f>{FIND}) (?:{SEEN} )?{AT} (?P<p>{PLACE}){IN_IMG}"),
    (Grouping.VERIFY, r"{IS} {EV}(?P<f>{FIND}) {SEEN}{IN_IMG}"),
    (Grouping.VERIFY, r"{IS} (?P<p>{PLACE}) {REL} {EV}(?P<f>{FIND}){IN_IMG}"),
    (Grouping.VERIFY, r"(?:does|do|did) (?P<p>{PLACE}) {SHOW} {EV}(?P<f>{FIND}){IN_IMG}"),
    (Grouping.VERIFY_ABNORMAL, r"{IS} (?P<p>{PLACE}) abnormal{IN_IMG}"),
    (Grouping.VERIFY_ABNORMAL, r"{IS} {IMG} abnormal"),
    # lists of findings
    (
        Grouping.LIST_FINDINGS,
        r"{LEAD} (?P<common>common )?(?P<f>{KIND})(?: (?:that|which) {IS} {SEEN})?{IN_IMG}{WHERE_ALL}{IN_IMG}",
    ),
    (Grouping.LIST_FINDINGS, r"{WHICH} {IS} (?P<common>common )?(?P<f>{KIND}){IN_IMG}{WHERE_ALL}{IN_IMG}"),
    (
        Grouping.LIST_FINDINGS,
        r"{WHICH} (?P<common>common )?(?P<f>{KIND}) {IS} (?:there|{SEEN}){IN_IMG}{WHERE_ALL}{IN_IMG}",
    ),
    (Grouping.LIST_FINDINGS, r"{WHICH} (?P<common>common )?(?P<f>{KIND}) {IS}{WHERE_ALL}{IN_IMG}"),
    (Grouping.LIST_FINDINGS, r"{WHICH} (?P<f>{KIND}) (?:does|do|did) {IMG} {SHOW}{WHERE_ALL}"),
    (Grouping.LIST_FINDINGS, r"{WHICH} (?P<f>{KIND}) (?:does|do|did) (?P<p>O) {SHOW}{IN_IMG}"),
    (
        Grouping.LIST_FINDINGS,
        r"{ABOUT} (?P<p>{PLACE}){SEP} {WHICH} (?P<f>{KIND}) {IS} (?:there|relevant|related|{SEEN}){IN_IMG}",
    ),
    # lists of places
    (
        Grouping.LIST_PLACES,
        r"{LEAD} (?P<common>common )?L(?: (?:that|which))?(?: {IS})? (?:{REL}|{SHOW}|with|showing|containing|of) "
        r"{EV}(?P<f>{TRACE}){IN_IMG}",
    ),
    (
        Grouping.LIST_PLACES,
        r"{WHICH} (?P<common>common )?L (?:{IS} {REL}|{SHOW}) {EV}(?P<f>{TRACE}){IN_IMG}",
    ),
    (Grouping.LIST_PLACES, r"{WHICH} {IS} (?P<common>common )?L {REL} {EV}(?P<f>{TRACE}){IN_IMG}"),
    (Grouping.LIST_PLACES, r"where {IS} (?P<f>{TRACE})(?: {SEEN})?{IN_IMG}"),
    (Grouping.LIST_PLACES, r"(?:in|within) {WHICH} L {IS} (?:there )?(?P<f>{TRACE})(?: {SEEN})?{IN_IMG}"),
    (Grouping.LIST_PLACES, r"{LEAD} L (?:where|in which) (?P<f>{TRACE}) {IS} {SEEN}{IN_IMG}"),
    # choices
    (
        Grouping.CHOOSE_FINDING,
        r"{WHICH} (?P<k>C) {IS} (?:{SEEN} )?{AT} (?P<p>O){IN_IMG}{SEP} (?P<x>(?:either )?A or A)",
    ),
    (
        Grouping.CHOOSE_FINDING,
        r"{WHICH} (?P<k>C) {IS} (?:related|there|{SEEN}){IN_IMG}{SEP} (?P<x>(?:either )?A or A)",
    ),
    (
        Grouping.CHOOSE_FINDING,
        r"{ABOUT} (?P<p>O){SEP} {WHICH} (?P<k>C) {IS} (?:relevant|related|there|{SEEN}){IN_IMG}{SEP} "
        r"(?P<x>(?:either )?A or A)",
    ),
    (Grouping.CHOOSE_FINDING, r"{WHICH} (?P<k>C) {IS} relevant{IN_IMG}{SEP} (?P<x>(?:either )?A or A)"),
    (
        Grouping.CHOOSE_PLACE,
        r"{WHICH}(?: L)? (?:{IS} {REL}|{SHOW}) {EV}(?P<f>[AB]){IN_IMG}{SEP} (?P<x>(?:either )?O or O)",
    ),
    (Grouping.CHOOSE_PLACE, r"{WHICH}(?: L)? {IS} abnormal{IN_IMG}{SEP} (?P<x>(?:either )?O or O)"),
    # size
    (
        Grouping.SIZE,
        r"(?:is|does) (?:width of )?(?P<p>O)(?: width)? "
        r"(?:(?:wider|larger|greater|bigger|broader|more) than|exceed) (?P<s>1/2|half|one half|1/3|third|one third)"
        r"(?: of)? (?:width of )?(?:thorax|thoracic|chest)(?: width)?{IN_IMG}",
    ),
    # view
    (
        Grouping.VERIFY_VIEW,
        r"(?:is|was) (?:this|{IMG})(?: taken)?(?: in| from| with| of)? (?P<x>V)(?: {VIEW})?(?: {IMG})?",
    ),
    (
        Grouping.CHOOSE_VIEW,
        r"(?:is|was) (?:this|{IMG})(?: taken)?(?: in| from)? (?P<x>V or V)(?: {VIEW})?(?: {IMG})?",
    ),
    (
        Grouping.CHOOSE_VIEW,
        r"{WHICH} (?:is )?{VIEW}(?: {IS})?(?: (?:in|of|used in|shown in))?(?: {IMG})?{SEP} (?P<x>(?:either )?V or V)",
    ),
    (Grouping.ASK_VIEW, r"{WHICH} (?:is )?{VIEW}(?: {IS})?(?: (?:in|of|used in|shown in))? {IMG}"),
    # gender
    (Grouping.VERIFY_GENDER, r"is (?:this )?patient (?P<x>G)"),
    (Grouping.VERIFY_GENDER, r"is {IMG} (?:from|of) (?P<x>G)(?: patient)?"),
    (Grouping.CHOOSE_GENDER, r"{WHICH} is (?:gender|sex) of (?:this )?patient{SEP} (?P<x>(?:either )?G or G)"),
    (Grouping.CHOOSE_GENDER, r"is (?:this )?patient (?P<x>(?:either )?G or G)"),
    (Grouping.ASK_GENDER, r"{WHICH} is (?:gender|sex) of (?:this )?patient"),
    (Grouping.ASK_GENDER, r"{WHICH} is (?:this )?patient (?:gender|sex)"),
    (Grouping.ASK_GENDER, r"{WHICH} (?:gender|sex) is (?:this )?patient"),
)

_MACROS_OF_MACROS: Final = {
    "IN_IMG": r"(?: (?:in|on|from|of|by) {IMG})?",
    "WHERE": r"(?: (?:(?:that|which) {IS} )?(?:{SEEN} )?{AT} (?P<p>{PLACE}))?",
    "WHERE_ALL": (
        r"(?: (?:(?:that|which) )?(?:{IS} )?(?:{SEEN} )?"
        r"(?:(?P<only>only )?{AT}|(?P<shared>(?:common|shared) (?:to|in|between|by))) (?P<p>{PLACES}))?"
    ),
    "VIEW": r"(?:view|projection|view position|position)",
}


_MACRO: Final = re.compile(r"\{([A-Z_]+)\}")


def _expand(pattern: str) -> str:
    """`pattern` without macros."""
    macros = {**_MACROS, **_MACROS_OF_MACROS}
    while _MACRO.search(pattern):
        pattern = _MACRO.sub(lambda match: macros[match[1]], pattern)
    return pattern


def _first_words(source: str) -> set[str]:
    """The words with which a pattern begins: with one, or with one of a group that has no groups in it."""
    begins = source[3 : source.index(")")].split("|") if source.startswith("(?:") else [source]
    return {begin.split(" ", 1)[0] for begin in begins}


@cache
def _by_first_word() -> dict[str, tuple[Sentence, ...]]:
    found: dict[str, tuple[Sentence, ...]] = {}
    for reading, pattern in _PATTERNS:
        source = _expand(pattern)
        sentence = Sentence(reading, source)
        for word in _first_words(source):
            found[word] = (*found.get(word, ()), sentence)
    return found


def sentences_like(text: str) -> tuple[Sentence, ...]:
    """The sentences that begin as a text does; it means what every one that matches it says (they must agree)."""
    return _by_first_word().get(text.split(" ", 1)[0], ())


@cache
def grammar_words() -> frozenset[str]:
    """Words that occur in some sentence, for telling a user which of theirs does not."""
    sources = (re.sub(r"\?P<\w+>", "", _expand(pattern)) for _, pattern in _PATTERNS)
    return frozenset(word for source in sources for word in re.findall(r"[a-z]+|\d/\d", source))
