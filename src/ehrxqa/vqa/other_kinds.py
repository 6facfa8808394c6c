"""Kinds of image questions beyond the 48, from other packages: a sentence, and what labels answer to it.

A package declares an `OtherKind` as entry point of the group `ehrxqa.vqa_kinds`; its name is the kind's. It is looked
at only where a text is none of the 48 kinds: the oracle then answers by its rule, and models that look at X-rays read
the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final

from ehrxqa.doors import load_all
from ehrxqa.errors import SettingsError, VqaError
from ehrxqa.vqa.image_labels import Finding
from ehrxqa.vqa.models import AnswerType, VqaAnswer
from ehrxqa.vqa.recorded import free_key

__all__ = ["OtherKind", "OtherQuestion", "other_question"]

_GROUP: Final = "ehrxqa.vqa_kinds"


@dataclass(frozen=True)
class OtherKind:
    """A kind of image question.

    Attributes:
        sentence: What its texts look like, as a pattern of the whole text in lower case, with single blanks and without
            the mark at its end; named groups are what is asked for.
        answer_type: What it is answered with: `truth` or `list`.
        answer: The answer by labels: a function of the findings that an image shows and of the named groups. A truth is
            True or False, a list a sorted tuple of texts in lower case.
        version: Changes whenever an answer may change.
    """

    sentence: str
    answer_type: AnswerType
    answer: Callable[[Sequence[Finding], Mapping[str, str]], VqaAnswer]
    version: str = "1"


@dataclass(frozen=True)
class OtherQuestion:
    """A question of such a kind.

    Attributes:
        name: Of the kind.
        kind: The kind.
        groups: What is asked for.
    """

    name: str
    kind: OtherKind
    groups: Mapping[str, str]

    def answer(self, findings: Sequence[Finding]) -> VqaAnswer:
        """The answer for an image that shows these findings.

        Raises:
            VqaError: The rule of the kind fails.
        """
        try:
            return self.kind.answer(findings, self.groups)
        except Exception as error:  # another package's code: whatever it raises is said in one line
            raise VqaError(f"image questions of {self.name}: {type(error).__name__}: {error}") from error


@lru_cache(maxsize=4096)
def other_question(text: str) -> OtherQuestion | None:
    """The question that a text asks, if it is of a kind that an installed package declares.

    Raises:
        VqaError: Two kinds read it.
        SettingsError: What a package declares is no kind.
    """
    plain = free_key(text)
    found = [
        OtherQuestion(name, kind, match.groupdict(default=""))
        for name, kind in _kinds().items()
        if (match := re.fullmatch(kind.sentence, plain))
    ]
    if len(found) > 1:
        names = ", ".join(each.name for each in found)
        raise VqaError(f'image question "{plain}" is of several kinds that packages declare ({names})')
    return found[0] if found else None


@cache
def _kinds() -> dict[str, OtherKind]:
    kinds = load_all(_GROUP)
    for name, kind in kinds.items():
        if not isinstance(kind, OtherKind):
            raise SettingsError(f'{_GROUP}: "{name}" must be an ehrxqa.vqa.other_kinds.OtherKind')
        try:
            re.compile(kind.sentence)
        except re.error as error:
            raise SettingsError(f'{_GROUP}: the sentence of "{name}" is no pattern ({error})') from error
    return kinds
