"""Finding how the database spells what a question names: exact, by synonym, by beginning, by words, by likeness.

Most failures of language models on such databases are strings that do not match. An index holds the distinct values of
the columns whose values have names; it is read once per database, and trigrams are made when they are first needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import numpy as np

from ehrxqa.errors import SettingsError
from ehrxqa.sql.sandbox import Sandbox

__all__ = ["SEARCHED", "SYNONYMS", "How", "Match", "Spot", "ValueIndex"]

#: Columns whose values have names that questions use.
SEARCHED: Final = (
    "d_icd_diagnoses.long_title",
    "d_icd_procedures.long_title",
    "d_items.label",
    "d_items.abbreviation",
    "d_labitems.label",
    "prescriptions.drug",
    "prescriptions.route",
    "microbiologyevents.spec_type_desc",
    "microbiologyevents.test_name",
    "microbiologyevents.org_name",
    "admissions.admission_type",
    "admissions.admission_location",
    "admissions.discharge_location",
    "admissions.insurance",
    "admissions.language",
    "admissions.marital_status",
    "icustays.first_careunit",
    "transfers.careunit",
    "transfers.eventtype",
    "cost.event_type",
    "tb_cxr.viewposition",
    "patients.gender",
)

#: What people say → what titles and labels say. Each stands for words or a row of words; the left is never a value.
SYNONYMS: Final[Mapping[str, str]] = {
    "heart attack": "myocardial infarction",
    "high blood pressure": "hypertension",
    "low blood pressure": "hypotension",
    "stroke": "cerebral infarction",
    "renal failure": "kidney failure",
    "afib": "atrial fibrillation",
    "copd": "chronic obstructive pulmonary disease",
    "uti": "urinary tract infection",
    "gerd": "gastro-esophageal reflux disease",
    "chf": "congestive heart failure",
    "dvt": "deep vein thrombosis",
    "high cholesterol": "hyperlipidemia",
    "blood sugar": "glucose",
    "tylenol": "acetaminophen",
    "paracetamol": "acetaminophen",
    "advil": "ibuprofen",
    "lasix": "furosemide",
    "coumadin": "warfarin",
    "zosyn": "piperacillin-tazobactam",
    "by mouth": "po",
    "orally": "po",
    "intravenously": "iv",
    "intravenous": "iv",
    "subcutaneous": "sc",
    "rectal": "pr",
    "haemoglobin": "hemoglobin",
    "oxygen saturation": "o2 saturation pulseoxymetry",
    "pulse": "heart rate",
    "systolic blood pressure": "arterial blood pressure systolic",
    "diastolic blood pressure": "arterial blood pressure diastolic",
    "mean blood pressure": "arterial blood pressure mean",
    "body temperature": "temperature celsius",
    "female": "f",
    "male": "m",
}

How = Literal["exact", "synonym", "prefix", "contains", "fuzzy"]

_WORD = re.compile(r"[a-z0-9]+")
#: Where a value may begin or end inside a sentence.
_EDGE = re.compile(r"(?<![a-z0-9])(?=\S)|(?<=\S)(?![a-z0-9])")
_LEAST: Final = 0.35
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Match:
    """A value that a text may mean.

    Attributes:
        column: `table.column` that holds it.
        value: As the database spells it.
        how: In which way it matches.
        score: From 0 to 1, 1 for the same text.
    """

    column: str
    value: str
    how: How
    score: float


@dataclass(frozen=True, slots=True)
class Spot:
    """A value that stands in a sentence as it is.

    Attributes:
        start: Offset of its first sign.
        end: Offset behind its last one.
        value: As the database spells it.
        columns: That hold it.
    """

    start: int
    end: int
    value: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class ValueIndex:
    """Distinct values of the searched columns.

    Attributes:
        values: Column → its values, sorted.
    """

    values: Mapping[str, tuple[str, ...]]

    @staticmethod
    def of(sandbox: Sandbox) -> ValueIndex:
        """Read the values of a database, with the answer key out of reach; columns that it lacks are passed over.

        Raises:
            NeuralSqlError: The database cannot be read.
        """
        known = {name.lower() for name in sandbox.tables}
        found: dict[str, tuple[str, ...]] = {}
        for column in SEARCHED:
            table, _, name = column.partition(".")
            if table in known:
                rows = sandbox.run(f"SELECT DISTINCT {name} FROM {table} WHERE typeof({name}) = 'text' ORDER BY 1")
                found[column] = tuple(str(value) for (value,) in rows)
        return ValueIndex(found)

    def search(self, text: str, column: str | None = None, limit: int = 20) -> list[Match]:
        """The values nearest to a text, the nearest first.

        Args:
            text: What a question calls it.
            column: A column (`prescriptions.drug`) or table to keep to.
            limit: Matches at most.

        Raises:
            SettingsError: The column is none of those that are searched.
        """
        wanted = " ".join(text.lower().split())[:_LONGEST]
        columns = self._columns(column)
        if not _WORD.search(wanted):
            return []
        best: dict[tuple[str, str], Match] = {}
        for said, factor in self._sayings(wanted):
            for match in self._near(said, columns):
                how: How = match.how if factor == 1.0 else "synonym"
                key, score = (match.column, match.value), round(match.score * factor, 3)
                if key not in best or best[key].score < score:
                    best[key] = Match(match.column, match.value, how, score)
        return sorted(best.values(), key=lambda each: (-each.score, each.column, each.value))[:limit]

    def spot(self, sentence: str, columns: Iterable[str] | None = None) -> list[Spot]:
        """The values that stand in a lower-case sentence, longer ones first; they may overlap."""
        kept = None if columns is None else set(columns)
        edges = sorted({match.start() for match in _EDGE.finditer(sentence)} | {len(sentence)})
        found = []
        for place, start in enumerate(edges[:-1]):
            longest = self._longest_with.get(sentence[start : edges[place + 1]], 0)
            for end in edges[place + 1 :]:
                if end - start > longest:
                    break
                held = self._columns_of.get(sentence[start:end], ())
                if held and (names := tuple(name for name in held if kept is None or name in kept)):
                    found.append(Spot(start, end, sentence[start:end], names))
        return sorted(found, key=lambda spot: (spot.start - spot.end, spot.start))

    def holds(self, column: str, value: str) -> bool:
        """Whether a column has a value, as it is spelled."""
        return column in self._columns_of.get(value, ())

    def _columns(self, column: str | None) -> frozenset[str]:
        if column is None:
            return frozenset(self.values)
        found = frozenset(name for name in self.values if column.lower() in (name, name.partition(".")[0]))
        if not found:
            raise SettingsError(f"{column[:80]!r} is not searched; one of: {', '.join(self.values)}")
        return found

    @staticmethod
    def _sayings(wanted: str) -> Iterator[tuple[str, float]]:
        """The text, and what it says with synonyms put in."""
        yield wanted, 1.0
        for said, meant in SYNONYMS.items():
            pattern = rf"(?<![a-z0-9]){re.escape(said)}(?![a-z0-9])"
            if said in wanted and (other := re.sub(pattern, meant, wanted)) != wanted:
                yield other, 0.95

    @cached_property
    def _columns_of(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for column, values in self.values.items():
            for value in values:
                found[value] = (*found.get(value, ()), column)
        return found

    @cached_property
    def _longest_with(self) -> dict[str, int]:
        """Up to the second edge of a value → length of the longest one that begins like that."""
        found: dict[str, int] = {}
        for value in self._columns_of:
            first = next((match.start() for match in _EDGE.finditer(value) if match.start()), len(value))
            found[value[:first]] = max(found.get(value[:first], 0), len(value))
        return found

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        return tuple(self._columns_of)

    @cached_property
    def _trigrams(self) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Trigram → numbers of the values that have it, and how many trigrams each value has."""
        postings: dict[str, list[int]] = {}
        sizes = np.zeros(len(self._texts), dtype=np.int64)
        for number, value in enumerate(self._texts):
            grams = _trigrams_of(value)
            sizes[number] = len(grams)
            for gram in grams:
                postings.setdefault(gram, []).append(number)
        return {gram: np.array(numbers, dtype=np.int64) for gram, numbers in postings.items()}, sizes

    def _near(self, wanted: str, columns: frozenset[str]) -> Iterator[Match]:
        postings, sizes = self._trigrams
        grams = _trigrams_of(wanted)
        hits = [postings[gram] for gram in grams if gram in postings]
        if not hits:
            return
        shared = np.bincount(np.concatenate(hits), minlength=len(sizes))  # (values,)
        likeness = 2.0 * shared / (sizes + len(grams))
        # a value that holds the whole text shares nearly all of its trigrams, however long it is
        near = np.flatnonzero((likeness >= _LEAST / 0.7) | (shared >= 0.6 * len(grams)))
        words = frozenset(_WORD.findall(wanted))
        for number in near.tolist():
            value = self._texts[number]
            how, score = _nearness(wanted, words, value, float(likeness[number]))
            if score >= _LEAST:
                yield from (Match(column, value, how, score) for column in self._columns_of[value] if column in columns)


def _trigrams_of(text: str) -> set[str]:
    padded = f"  {text} "
    return {padded[place : place + 3] for place in range(len(padded) - 2)}


def _nearness(wanted: str, words: frozenset[str], value: str, likeness: float) -> tuple[How, float]:
    if value == wanted:
        return "exact", 1.0
    share = min(1.0, len(wanted) / max(1, len(value)))
    if value.startswith(wanted):
        return "prefix", 0.8 + 0.15 * share
    if words <= set(_WORD.findall(value)) or (len(wanted) > 2 and wanted in value):
        return "contains", 0.7 + 0.1 * share
    return "fuzzy", 0.7 * likeness
