"""What a language-and-vision model is asked.

A prompt template is a text with `{question}` (the wording of the query), `{form}` (how to answer: yes or no, one or
both of two names, or a list of names) and, where wanted, `{names}` (a sentence with the names that a list may hold;
empty for other questions) or `{choices}` (all names that an answer may hold). How its words are read: see `reading`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ehrxqa.errors import SettingsError
from ehrxqa.spec.values import GENDER_WORDS
from ehrxqa.vqa.models import VqaRequest
from ehrxqa.vqa.question import ABNORMALITY_CATEGORIES, VIEWS, Form, Target, VqaQuestion
from ehrxqa.vqa.vocabulary import ATTRIBUTES, Vocabulary

__all__ = ["DEFAULT_PROMPT", "PromptTemplate", "choices_of", "read_prompt"]

_SLOTS: Final = frozenset({"question", "form", "names", "choices"})
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class PromptTemplate:
    """A text with `{question}`, `{form}` and perhaps `{choices}`."""

    text: str

    def fill(self, request: VqaRequest, vocabulary: Vocabulary) -> str:
        """The prompt for one request."""
        choices = () if request.question is None else choices_of(request.question, vocabulary)
        listed = request.question is not None and request.question.form is Form.QUERY
        values = {
            "question": request.text,
            "form": _form(request),
            "choices": ", ".join(choices),
            "names": f"Use these names: {', '.join(choices)}." if listed else "",
        }
        text = self.text if listed else self.text.replace(" {names}", "")
        return _SLOT.sub(lambda slot: values[slot[1]], text)


#: Used where no other template is given.
DEFAULT_PROMPT: Final = PromptTemplate("Question about this chest X-ray: {question} {form} {names} Answer:")


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
        raise SettingsError(
            f"{path}: a prompt template needs {{question}} and may use {{form}}, {{names}} and {{choices}} only"
        )
    return PromptTemplate(text)


def _form(request: VqaRequest) -> str:
    question = request.question
    if request.answer_type == "truth":
        return "Answer yes or no."
    if question is not None and question.form is Form.CHOOSE:
        return "Answer with one of the two, both separated by a comma, or none."
    return "Answer with a list separated by commas, or none."


def choices_of(question: VqaQuestion, vocabulary: Vocabulary) -> tuple[str, ...]:
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
            return question.attributes if question.form is Form.CHOOSE else _attributes(question, vocabulary)


def _attributes(question: VqaQuestion, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The attributes of the categories that a question names; those without a known category always."""
    asked = question.categories or ABNORMALITY_CATEGORIES
    others = {name for category, names in ATTRIBUTES.items() if category not in asked for name in names}
    return tuple(name for name in vocabulary.attributes if name not in others)
