"""What a language-and-vision model is asked, and how its words become an answer.

A prompt template is a text with `{question}` (the wording of the query), `{form}` (how to answer: yes or no, one or
both of two names, or a list of names) and, where wanted, `{choices}` (the names that may be listed).

How words become an answer:

- yes/no: the first word `yes` or `no` (or `true`, `false`) decides, whatever follows;
- lists: names separated by commas, semicolons, "and" or lines, each in singular or plural; `none` and the like are
  the empty list. A name that is not in the vocabulary stays as it was said: it is an answer, though a wrong one;
- everything else (nothing said, "unsure", no yes or no) is an abstention.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ehrxqa.errors import SettingsError
from ehrxqa.spec.values import GENDER_WORDS
from ehrxqa.vqa.models import ABSTAIN, VqaAnswer, VqaRequest
from ehrxqa.vqa.question import VIEWS, Form, Target, VqaQuestion
from ehrxqa.vqa.vocabulary import Role, Vocabulary, words_of

__all__ = ["DEFAULT_PROMPT", "PromptTemplate", "read_answer", "read_prompt"]

_SLOTS: Final = frozenset({"question", "form", "choices"})
_SLOT = re.compile(r"\{(\w+)\}")

_TRUTHS: Final = {"yes": True, "true": True, "no": False, "false": False}
_NOTHING: Final = frozenset(
    {
        "none",
        "no",
        "nothing",
        "no abnormality",
        "no abnormalities",
        "no findings",
        "none of the above",
        "neither",
        "n a",
    }
)
_UNSURE: Final = frozenset({"", "unsure", "unknown", "i don t know", "cannot tell", "uncertain", "not sure"})
_SEPARATORS = re.compile(r"[,;\n]+|\s+\band\b\s+")


@dataclass(frozen=True)
class PromptTemplate:
    """A text with `{question}`, `{form}` and perhaps `{choices}`."""

    text: str

    def fill(self, request: VqaRequest, vocabulary: Vocabulary) -> str:
        """The prompt for one request."""
        values = {
            "question": request.text,
            "form": _form(request.value()),
            "choices": ", ".join(_choices(request.value(), vocabulary)),
        }
        return _SLOT.sub(lambda slot: values[slot[1]], self.text)


#: Used where no other template is given.
DEFAULT_PROMPT: Final = PromptTemplate("Question about this chest X-ray: {question} {form} Answer:")


def read_prompt(path: Path) -> PromptTemplate:
    """A prompt template from a text file.

    Raises:
        SettingsError: The file cannot be read, lacks `{question}` or has an unknown slot.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: prompt template cannot be read ({error})") from error
    slots = set(_SLOT.findall(text))
    if "question" not in slots or slots - _SLOTS:
        raise SettingsError(f"{path}: a prompt template needs {{question}} and may use {{form}} and {{choices}} only")
    return PromptTemplate(text)


def _form(question: VqaQuestion) -> str:
    match question.form:
        case Form.VERIFY:
            return "Answer yes or no."
        case Form.CHOOSE:
            return "Answer with one of the two, both separated by a comma, or none."
        case _:
            return "Answer with a list separated by commas, or none."


def _choices(question: VqaQuestion, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The names that an answer may hold."""
    if question.form is Form.VERIFY:
        return ("yes", "no")
    match question.target:
        case Target.VIEW:
            return VIEWS
        case Target.GENDER:
            return tuple(GENDER_WORDS.values())
        case Target.OBJECT:
            return question.objects if question.form is Form.CHOOSE else vocabulary.objects
        case _:
            return question.attributes if question.form is Form.CHOOSE else vocabulary.attributes


def read_answer(text: str, question: VqaQuestion, vocabulary: Vocabulary) -> VqaAnswer:
    """The answer in a model's words.

    >>> from ehrxqa.vqa.question import VqaQuestion
    >>> from ehrxqa.vqa.vocabulary import DEFAULT_VOCABULARY
    >>> read_answer("Yes, there is.", VqaQuestion.of_kind(20), DEFAULT_VOCABULARY)
    True
    >>> read_answer("Pleural effusions and a PICC.", VqaQuestion.of_kind(27), DEFAULT_VOCABULARY)
    ('picc', 'pleural effusion')
    """
    words = words_of(text)
    said = " ".join(words)
    if said in _UNSURE:
        return ABSTAIN
    if question.answer_type == "truth":
        return _TRUTHS.get(words[0], ABSTAIN)
    if said in _NOTHING:
        return ()
    return tuple(sorted(_elements(text, question, vocabulary))) or ABSTAIN


def _elements(text: str, question: VqaQuestion, vocabulary: Vocabulary) -> set[str]:
    role = {Target.OBJECT: Role.OBJECT, Target.VIEW: Role.VIEW, Target.GENDER: Role.GENDER}.get(
        question.target, Role.ATTRIBUTE
    )
    whole = _name(text, role, vocabulary)
    if whole is not None:  # a name may hold "and" itself
        return {whole}
    elements = set()
    for part in _SEPARATORS.split(text.lower()):
        spoken = part.strip(" .!\t\"'")
        if words_of(spoken):
            elements.add(_name(spoken, role, vocabulary) or " ".join(spoken.split()))
    return elements


def _name(text: str, role: Role, vocabulary: Vocabulary) -> str | None:
    """The name of that role which the text is, articles apart, or None."""
    words = words_of(text)
    while words and words[0] in {"the", "a", "an"}:
        words = words[1:]
    if not words:
        return None
    for phrase in vocabulary.phrases.get(words[0], ()):
        if phrase.words == words:
            return next((name.name for name in phrase.names if name.role is role), None)
    return None
