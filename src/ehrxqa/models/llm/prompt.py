"""What a language model is told.

The tables in words, how NeuralSQL is written, similar train questions with their queries, and how the database spells
what the question may name.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from ehrxqa.dataset.records import Record
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.models.value_search import Match, ValueIndex
from ehrxqa.models.word_index import WordIndex
from ehrxqa.spec.tables import TABLES
from ehrxqa.vqa.vocabulary import ATTRIBUTES, OBJECTS

__all__ = ["Prompter", "tokens_estimated"]

_WORD: Final = re.compile(r"[a-z]+")
#: Words of train questions, as often as this, are words of questions, not names.
_COMMON_FROM: Final = 5
_LONGEST_NAME: Final = 6
_CANDIDATES: Final = 12
#: Common words beside an uncommon one that may belong to a name: “sodium” in “sodium phosphate”.
_BESIDE: Final = 2
_LEAST_SCORE: Final = 0.5

_RULES: Final = (
    "You write SQL for SQLite over hospital records and chest X-rays. Reply with one query and nothing else; reply "
    "null if the database cannot answer the question.",
    "",
    "Rules:",
    "- All texts in the database are lower case. Times are texts 'YYYY-MM-DD HH:MM:SS'. Now is "
    "'{now}'; write current_time for it.",
    '- func_vqa("question", study_id) asks the X-ray of one study: true or false for a yes/no question, one row per '
    'finding for "list all …". Its first argument is a text in double quotes, its second a study_id of tb_cxr. Ask it '
    "of as few studies as the other conditions allow.",
    "- Questions it understands: is there ATTRIBUTE in the OBJECT? are there any CATEGORY in the OBJECT? is the OBJECT "
    "abnormal? list all CATEGORY in the OBJECT. list all abnormality in the OBJECT. list all anatomical locations "
    'related to ATTRIBUTE. Without "in the OBJECT" the whole picture is meant.',
    "- Select one column. Spell names as the database does; candidates are listed with the question.",
)


class Prompter:
    """Writes the messages for questions about one database.

    Args:
        records: Train questions with NeuralSQL.
        values: Values of the database that is asked.
        examples: Similar train questions to show.
        now: The current time of the database.
    """

    def __init__(self, records: Iterable[Record], values: ValueIndex, examples: int, now: str = CURRENT_TIME) -> None:
        self._records = [record for record in records if isinstance(record.get("query"), str)]
        words = [_WORD.findall(record["question"].lower()) for record in self._records]
        self._index = WordIndex(words)
        counts = Counter(word for held in words for word in set(held))
        self._common = {word for word, count in counts.items() if count >= _COMMON_FROM}
        self._values, self._examples = values, examples
        rules = [rule.replace("{now}", now) for rule in _RULES]
        self._system = "\n".join([*rules, "", "Tables:", schema_in_words(), "", names_in_words()])

    @property
    def digest(self) -> str:
        """Of everything that is said to every question alike."""
        parts = [self._system, str(self._examples), *(f"{r['question']}\n{r['query']}" for r in self._records)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def messages(self, question: str) -> list[dict[str, str]]:
        """The messages that ask for the query of a question."""
        parts = []
        nearest = self._index.nearest(_WORD.findall(question.lower()), self._examples)
        for place, _ in reversed(nearest):  # the nearest last, beside the question
            record = self._records[place]
            parts.append(f"Question: {record['question']}\nQuery: {record['query']}")
        if candidates := self.candidates(question):
            found = "\n".join(f"- {match.column} = '{match.value}'" for match in candidates)
            parts.append(f"Values of the database that the next question may mean:\n{found}")
        parts.append(f"Question: {question}\nQuery:")
        return [{"role": "system", "content": self._system}, {"role": "user", "content": "\n\n".join(parts)}]

    def candidates(self, question: str) -> list[Match]:
        """Values that a question may mean: those that stand in it, and those near its uncommon words."""
        text = " ".join(question.lower().split())
        best: dict[tuple[str, str], Match] = {}
        spots = [spot for spot in self._values.spot(text) if not _inside_another(spot.start, spot.end, text)]
        for spot in spots:
            if len(spot.value) > 2 and not set(_WORD.findall(spot.value)) <= self._common:
                for column in spot.columns:
                    best[column, spot.value] = Match(column, spot.value, "exact", 1.0)
        for name in self._names(text):
            for match in self._values.search(name, limit=5):
                key = match.column, match.value
                if match.score >= _LEAST_SCORE and (key not in best or best[key].score < match.score):
                    best[key] = match
        return sorted(best.values(), key=lambda each: (-each.score, each.column, each.value))[:_CANDIDATES]

    def _names(self, text: str) -> list[str]:
        """Words that questions do not commonly have, rows of them, and the same with what stands beside them."""
        words = re.findall(r"[^\s,?]+", text)
        odd = [place for place, word in enumerate(words) if word not in self._common and _WORD.search(word)]
        names: dict[str, None] = {}
        while odd:
            start = end = odd.pop(0)
            while odd and odd[0] == end + 1 and end - start + 1 < _LONGEST_NAME:
                end = odd.pop(0)
            names |= dict.fromkeys(words[start : end + 1])
            for before in range(_BESIDE + 1):
                for after in range(_BESIDE + 1):
                    names[" ".join(words[max(0, start - before) : end + 1 + after])] = None
        return [name for name in names if len(name) > 2]


def _inside_another(start: int, end: int, text: str) -> bool:
    """Whether a spot is part of a longer word joined by a hyphen or slash."""
    return (start > 0 and text[start - 1] in "-/") or (end < len(text) and text[end] in "-/")


def schema_in_words() -> str:
    """The tables that queries may read, one per line, with their columns."""
    lines = []
    for table in TABLES.values():
        if table.answer_key:
            continue
        columns = ", ".join(_column(column) for column in table.columns if column.name != "row_id")
        lines.append(f"{table.name} ({table.doc.rstrip('.')}): {columns}")
    return "\n".join(lines)


def _column(column: Any) -> str:
    notes = [f"-> {column.references}" if column.references is not None else ""]
    if column.values:
        notes.append("/".join(f"{value}={word}" for value, word in column.values.items()))
    if column.unit:
        notes.append(f"in {column.unit}")
    said = "; ".join(filter(None, notes))
    return f"{column.name} ({said})" if said else str(column.name)


def names_in_words() -> str:
    """The names that image questions may have."""
    attributes = "; ".join(f"{category}: {', '.join(names)}" for category, names in ATTRIBUTES.items())
    return f"OBJECT: {', '.join(OBJECTS)}\nCATEGORY and its ATTRIBUTE: {attributes}"


def tokens_estimated(messages: Sequence[dict[str, str]]) -> int:
    """About how many tokens messages have: a token is four characters of English."""
    return sum(len(message["content"]) for message in messages) // 4
