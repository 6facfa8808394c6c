"""Many questions: a sequence that knows its splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, overload

from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.dataset.links import LinkTable
from ehrxqa.errors import SettingsError
from ehrxqa.html_repr import screen, table
from ehrxqa.layout import SPLITS
from ehrxqa.loading.origin import Origin
from ehrxqa.loading.question_record import QuestionRecord
from ehrxqa.spec.scopes import MODALITIES, MODALITY_KEYS, SCOPES

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["QuestionRecords"]

#: What may be asked for in a filter, where names are known; of a family any name may be.
_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "split": SPLITS,
    "modality": MODALITIES,
    "scope": tuple(SCOPES),
    "answer_type": ("yes/no", "number", "text", "time", "list", "null", "empty", "unanswerable"),
    "needs": ("table", "image", "both", "either"),
}
#: Questions in a repr and in a notebook.
_SHOWN: Final = 5

Wanted = str | Collection[str] | None


class QuestionRecords(Sequence[QuestionRecord]):
    """Questions in the order of their files.

    Indices are places: `questions[0]` is the first question, `questions[:10]` and `questions.test` are questions again.
    Numbers of questions within their split are taken by `by_id`.
    """

    def __init__(
        self, questions: Sequence[QuestionRecord], splits: tuple[str, ...], origin: Origin, links: LinkTable
    ) -> None:
        self._questions = tuple(questions)
        #: Splits that the folder holds, also where no question of one is left.
        self.splits = splits
        #: Where the questions come from.
        self.origin = origin
        #: Studies and rows of each question, if they are known.
        self.links = links

    def __len__(self) -> int:
        return len(self._questions)

    def __iter__(self) -> Iterator[QuestionRecord]:
        return iter(self._questions)

    @overload
    def __getitem__(self, index: int) -> QuestionRecord: ...
    @overload
    def __getitem__(self, index: slice | str) -> QuestionRecords: ...
    def __getitem__(self, index: int | slice | str) -> QuestionRecord | QuestionRecords:
        if isinstance(index, str):
            return self.of_split(index)
        if isinstance(index, slice):
            return self._only(self._questions[index])
        try:
            return self._questions[index]
        except TypeError:
            raise SettingsError(
                f"questions are taken by place, slice or split, not by {type(index).__name__}; by number: .by_id(17)"
            ) from None

    @property
    def train(self) -> QuestionRecords:
        """Questions of the split train."""
        return self.of_split("train")

    @property
    def valid(self) -> QuestionRecords:
        """Questions of the split valid."""
        return self.of_split("valid")

    @property
    def test(self) -> QuestionRecords:
        """Questions of the split test."""
        return self.of_split("test")

    def of_split(self, split: str) -> QuestionRecords:
        """Questions of a split.

        Raises:
            SettingsError: The folder has no such split.
        """
        if split not in self.splits:
            raise SettingsError(f"{self.origin.folder}: has no split {split!r}; there are: {', '.join(self.splits)}")
        return QuestionRecords([each for each in self if each.split == split], (split,), self.origin, self.links)

    def by_id(self, identifier: int, split: str | None = None) -> QuestionRecord:
        """The question of that number.

        Args:
            identifier: Its number within its split.
            split: Its split, where there are several.

        Raises:
            SettingsError: There is none, or there are several.
        """
        found = [each for each in self if each.id == identifier and split in (None, each.split)]
        if len(found) != 1:
            several = f"{len(found)} questions have" if found else "no question has"
            hint = ", so name the split" if found else f"; these are of {', '.join(self.splits)}"
            raise SettingsError(f"{several} the number {identifier}{hint}")
        return found[0]

    @checked
    def filter(
        self,
        where: Callable[[QuestionRecord], Any] | None = None,
        *,
        scope: Wanted = None,
        modality: Wanted = None,
        family: Wanted = None,
        answer_type: Wanted = None,
        needs: Wanted = None,
        split: Wanted = None,
        is_impossible: bool | None = None,
    ) -> QuestionRecords:
        """Questions that meet all conditions; of several names, one has to fit.

        Args:
            where: A function that says of each question whether it is wanted.
            scope: Such as `IMAGE-SINGLE-1`, in upper or lower case.
            modality: Table, Image or Image+Table.
            family: Such as `has`.
            answer_type: yes/no, number, text, time, list, null, empty or unanswerable.
            needs: table, image, both or either.
            split: train, valid or test.
            is_impossible: Whether the database holds no answer.

        Raises:
            SettingsError: There is no such scope, modality, answer type, need or split.
        """
        named = {
            "scope": scope,
            "modality": modality,
            "family": family,
            "answer_type": answer_type,
            "needs": needs,
            "split": split,
        }
        wanted = {name: _wanted(name, value) for name, value in named.items() if value is not None}
        kept = [
            each
            for each in self
            if all(getattr(each, name) in values for name, values in wanted.items())
            and is_impossible in (None, each.is_impossible)
            and (where is None or where(each))
        ]
        return self._only(kept)

    def to_arrow(self) -> pa.Table:
        """The questions as the table that `ehrxqa export` writes: fields that vary are JSON text.

        Raises:
            RecordError: A value fits no column.
        """
        from ehrxqa.loading.tables import arrow_table

        return arrow_table(self)

    def to_pandas(self) -> pd.DataFrame:
        """The questions as a data frame; answers and values are Python lists and mappings.

        Raises:
            SettingsError: pandas is not installed.
        """
        from ehrxqa.loading.tables import data_frame

        return data_frame(self)

    def _only(self, questions: Sequence[QuestionRecord]) -> QuestionRecords:
        return QuestionRecords(questions, self.splits, self.origin, self.links)

    def __repr__(self) -> str:
        counts = Counter(each.split for each in self)
        splits = ", ".join(f"{split}={counts[split]:,}" for split in self.splits)
        lines = [f"QuestionRecords({splits})", *(f"  {each!r}" for each in self._questions[:_SHOWN])]
        if len(self) > _SHOWN:
            lines.append(f"  … and {len(self) - _SHOWN:,} more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        counts = Counter(each.split for each in self)
        title = f"{counted(len(self), 'question')}: " + ", ".join(f"{counts[split]:,} {split}" for split in self.splits)
        rows = [(each.split, each.id, each.scope, each.question, each.answer_text) for each in self._questions[:_SHOWN]]
        return screen(title, table(("split", "id", "scope", "question", "answer"), rows, len(self)))


def _wanted(name: str, value: str | Collection[str]) -> frozenset[str]:
    """The names that a condition allows, as records have them."""
    values = [value] if isinstance(value, str) else list(value)
    known = _NAMES.get(name)
    if known is None:
        return frozenset(values)
    by_key = {one.lower(): one for one in known} | (MODALITY_KEYS if name == "modality" else {})
    for one in values:
        if not isinstance(one, str) or one.lower() not in by_key:
            near = get_close_matches(str(one).lower(), by_key, 1)
            hint = f"did you mean {by_key[near[0]]}?" if near else f"there are: {', '.join(known)}"
            raise SettingsError(f"filter: no {name.replace('_', ' ')} is called {one!r}; {hint}")
    return frozenset(by_key[one.lower()] for one in values)
