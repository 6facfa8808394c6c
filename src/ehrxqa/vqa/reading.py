"""How the words of a language-and-vision model become an answer: one clean-up, one table of synonyms, no guessing.

Clean-up, in this order:

1. what a model thinks aloud is dropped: all up to the last `</think>`; a `<think>` that never ends is no answer;
2. a JSON object gives its `answer`, a JSON list its elements;
3. code fences, asterisks, backticks, bullets and numbers at the beginning of lines are dropped;
4. what follows the last `Answer:`, `Final answer:` or `the answer is` counts.

Then

- yes/no: the first word `yes`, `no`, `true` or `false` decides, unless both are offered; `there is no X` and `there is
  X` are read where X is what the question asks about;
- lists: names separated by commas, semicolons, lines or "and", published or in `synonyms`, with or without lead-in
  ("the image shows …") and place ("… in the left lung"); `none`, `there are no abnormalities` and the like are the
  empty list; `both` means both choices;
- everything else abstains. A name that is not known is never an answer, so it can be no wrong one.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from ehrxqa.vqa.models import ABSTAIN, AnswerType, VqaAnswer, VqaRequest
from ehrxqa.vqa.question import Form, Target, VqaQuestion
from ehrxqa.vqa.synonyms import named
from ehrxqa.vqa.vocabulary import Role, Vocabulary, words_of

__all__ = ["cleaned", "read_answer", "read_reply"]

_THOUGHT: Final = "</think>"
_MARKS = re.compile(r"```[a-z]*|[*`_]{1,3}(?=\S)|(?<=\S)[*`_]{1,3}")
_BULLET = re.compile(r"^\s*(?:[-•–*]|\(?\d{1,2}[.)])\s+", re.MULTILINE)
_ANSWER = re.compile(r"(?:\b(?:final\s+)?answer\s*(?::|\bis\b:?)|^\s*a\s*:)\s*", re.IGNORECASE | re.MULTILINE)
_SEPARATORS = re.compile(r"[,;\n]+")
_AND = re.compile(r"\s+(?:and|&)\s+|\s+as well as\s+")
_SENTENCE = re.compile(r"(?<=[a-z0-9)])[.!]\s+(?=[A-Z])")

_TRUTHS: Final = {"yes": True, "true": True, "no": False, "false": False}
_UNSURE: Final = frozenset({"", "unsure", "unknown", "i don t know", "cannot tell", "uncertain", "not sure"})
_NOTHING: Final = frozenset(
    {"none", "no", "nothing", "none of the above", "none of these", "neither", "n a", "not applicable", "nil"}
)
_NO_FINDING = re.compile(
    r"(?:there (?:is|are|were|was) |(?:the )?(?:image|study|xray|radiograph) (?:shows|demonstrates) )?"
    r"(?:no|none|not any|without)(?: (?:other|acute|significant|visible|evident|obvious|such|definite|specific|any))*"
    r" (?:cardiopulmonary |anatomical |medical )?"
    r"(?:abnormality|abnormalities|abnormal findings?|findings?|diseases?|devices?|tubes?|lines?|tubes lines|"
    r"tubes and lines|"
    r"technical assessments?|anomaly|anomalies|process|disease process|locations?|anatomical locations?)"
    r"(?: (?:is|are|were|was|can be))?(?: (?:seen|detected|found|identified|present|visible|noted|evident))?"
    r"(?: (?:in|on) (?:the|this) .*)?"
)
_LEAD_IN = re.compile(
    r"^(?:(?:and|or|also|the|a|an)\s+)*(?:(?:there\s+(?:is|are|was|were)|(?:the|this)\s+(?:chest\s+)?(?:image|study|"
    r"x-?ray|radiograph|picture|patient|view|gender|sex)(?:\s+(?:of\s+this\s+(?:image|patient)))?\s+(?:shows?|"
    r"demonstrates?|reveals?|has|is|are)|(?:the\s+)?(?:findings?|abnormalities|abnormality|locations?|diseases?|devices?)"
    r"\s+(?:include|are|is|seen|present)(?:\s+are)?|it\s+(?:shows|is)|evidence\s+of|signs?\s+of|presence\s+of|only|likely|possible|mild|moderate|severe|small|"
    r"large)\s*:?\s+)+",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\s+(?:in|at|on|of|within|over)\s+(?:the\s+)?[a-z /-]+$", re.IGNORECASE)
_TAIL = re.compile(
    r"\s+(?:(?:is|are|was|were)\s+)?(?:present|seen|visible|noted|identified|view|projection|patient)$", re.IGNORECASE
)
_BRACKET = re.compile(r"^(?P<one>[^()]+?)\s*\((?P<other>[^()]+)\)$")


def read_reply(text: str, request: VqaRequest, vocabulary: Vocabulary) -> VqaAnswer:
    """The answer to a request in a model's words; of a free text, as far as its form goes."""
    if request.question is not None:
        return read_answer(text, request.question, vocabulary)
    return _free(text, request.answer_type)


def read_answer(text: str, question: VqaQuestion, vocabulary: Vocabulary) -> VqaAnswer:
    """The answer in a model's words.

    >>> from ehrxqa.vqa.question import VqaQuestion
    >>> from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY
    >>> read_answer("<think>maybe no</think>Answer: yes", VqaQuestion.of_kind(20), DEFAULT_VOCABULARY)
    True
    >>> read_answer("Cardiomegaly and a PICC line.", VqaQuestion.of_kind(27), DEFAULT_VOCABULARY)
    ('enlarged cardiac silhouette', 'picc')
    """
    said = cleaned(text)
    if said is None:
        return ABSTAIN
    if question.answer_type == "truth":
        return _truth(said, question, vocabulary)
    spoken = " ".join(words_of(said))
    if spoken in _UNSURE:
        return ABSTAIN
    if spoken in _NOTHING or _NO_FINDING.fullmatch(spoken):
        return ()
    if spoken.split()[0] == "both" and question.form is Form.CHOOSE:
        return _both(said, question, vocabulary)
    elements = _elements(said, question, vocabulary)
    return ABSTAIN if elements is None else tuple(sorted(elements))


def cleaned(text: str) -> str | None:
    """What a model says in the end, without what is around it; None if it never comes to it.

    >>> cleaned("<think>Is it?</think> **Answer:** Picc"), cleaned("<think>hm"), cleaned('{"answer": ["picc"]}')
    ('Picc', None, 'picc')
    """
    if _THOUGHT in text:
        text = text.rpartition(_THOUGHT)[2]
    elif "<think>" in text:
        return None
    text = _MARKS.sub("", text).strip()
    structured = _structured(text)
    if structured is not None:
        return structured
    *_, text = _ANSWER.split(text)
    return _BULLET.sub("", text.strip()).strip()


def _structured(text: str) -> str | None:
    """The answer of a JSON object or list; None if the text is neither."""
    start = text.find("{") if "{" in text else 0
    if not text[start:].startswith(("{", "[")):
        return None
    try:
        value: Any = json.JSONDecoder().raw_decode(text[start:])[0]
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        value = next((value[key] for key in value if str(key).lower() in ("answer", "answers", "final_answer")), None)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(element) for element in value) if value else "none"
    return value if isinstance(value, str) else None


def _truth(said: str, question: VqaQuestion | None, vocabulary: Vocabulary | None) -> VqaAnswer:
    words = words_of(said)
    first = _TRUTHS.get(words[0]) if words else None
    if first is not None:
        opposite = any(_TRUTHS.get(word) is (not first) for word in words[1:3])
        joined = words[1:2] in (("or",), ("and",))
        return ABSTAIN if opposite and joined else first
    if question is None or vocabulary is None or words[:2] not in (("there", "is"), ("there", "are")):
        return ABSTAIN
    denied = words[2:3] == ("no",)
    about = _SENTENCE.split(said)[0].strip(" .!")
    about = re.sub(r"^there\s+(?:is|are)\s+(?:no\s+)?(?:evidence\s+of\s+)?", "", about, flags=re.IGNORECASE)
    return (not denied) if _is_asked(about, question, vocabulary) else ABSTAIN


def _is_asked(about: str, question: VqaQuestion, vocabulary: Vocabulary) -> bool:
    """Whether a phrase names all that a yes/no question asks about."""
    if question.combination is not None:
        return False
    for text in (about, _PLACE.sub("", about)):
        if question.attributes:
            if named(text, Role.ATTRIBUTE, vocabulary) == question.attributes[0]:
                return True
        elif question.categories:
            if named(text, Role.CATEGORY, vocabulary) == question.categories[0]:
                return True
        elif question.target is Target.ABNORMALITY and named(text, Role.ABNORMALITY, vocabulary):
            return True
    return False


def _both(said: str, question: VqaQuestion, vocabulary: Vocabulary) -> VqaAnswer:
    """Both choices, if that is all it says, or what else stands there."""
    choices = question.objects if question.target is Target.OBJECT else question.attributes
    rest = re.sub(r"^\W*both\W*(?:of (?:them|these))?", "", said, flags=re.IGNORECASE).strip(" .!:,")
    if len(choices) == 2 and (not rest or re.match(r"(?:are|is|of)\b", rest, flags=re.IGNORECASE)):
        return tuple(sorted(choices))
    elements = _elements(rest, question, vocabulary)
    return ABSTAIN if elements is None else tuple(sorted(elements))


_ROLES: Final = {Target.OBJECT: Role.OBJECT, Target.VIEW: Role.VIEW, Target.GENDER: Role.GENDER}


def _elements(said: str, question: VqaQuestion, vocabulary: Vocabulary) -> set[str] | None:
    """The names that are listed; None if something that is said is no name."""
    role = _ROLES.get(question.target, Role.ATTRIBUTE)
    whole = _name(said, role, vocabulary)
    if whole is not None:  # a name may hold "and" itself
        return {whole}
    elements: set[str] = set()
    for piece in _SEPARATORS.split(_BULLET.sub("", said)):
        if not words_of(piece):
            continue
        name = _name(piece, role, vocabulary)
        if name is not None:
            elements.add(name)
            continue
        for part in _AND.split(_LEAD_IN.sub("", piece.strip())):
            if words_of(part):
                name = _name(part, role, vocabulary)
                if name is None:
                    return None
                elements.add(name)
    return elements or None


def _name(text: str, role: Role, vocabulary: Vocabulary) -> str | None:
    """The name of that role that a phrase is, with what may stand around it; None if it is none."""
    plain = text.strip(" .!:\t\"'")
    bare = _TAIL.sub("", _LEAD_IN.sub("", plain))
    candidates = [plain, bare]
    if role is Role.ATTRIBUTE:
        candidates.append(_PLACE.sub("", bare))
    if bracket := _BRACKET.match(bare):
        candidates += [bracket["one"], bracket["other"]]
    for candidate in candidates:
        name = named(candidate, role, vocabulary)
        if name is not None:
            return name
    return None


def _free(text: str, expects: AnswerType) -> VqaAnswer:
    """The answer to a free text: yes or no, or the elements as they are said, in lower case."""
    said = cleaned(text)
    if said is None or " ".join(words_of(said)) in _UNSURE:
        return ABSTAIN
    if expects == "truth":
        return _truth(said, None, None)
    if " ".join(words_of(said)) in _NOTHING:
        return ()
    pieces = (" ".join(piece.lower().split()).strip(" .!") for piece in _SEPARATORS.split(_BULLET.sub("", said)))
    return tuple(sorted({piece for piece in pieces if piece})) or ABSTAIN
