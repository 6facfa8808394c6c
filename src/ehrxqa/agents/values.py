"""Looking texts up among the values that the database holds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ehrxqa.agents.results import FoundValue
from ehrxqa.errors import SettingsError
from ehrxqa.sql.sandbox import Sandbox

__all__ = ["SEARCHED", "ValueIndex"]

#: Columns whose values have names that questions use.
SEARCHED: Final = (
    "d_icd_diagnoses.long_title", "d_icd_procedures.long_title", "d_items.label", "d_items.abbreviation",
    "d_labitems.label", "prescriptions.drug", "prescriptions.route", "microbiologyevents.spec_type_desc",
    "microbiologyevents.test_name", "microbiologyevents.org_name", "admissions.admission_type",
    "admissions.admission_location", "admissions.discharge_location", "admissions.insurance", "admissions.language",
    "admissions.marital_status", "icustays.first_careunit", "transfers.careunit", "transfers.eventtype",
    "cost.event_type", "tb_cxr.viewposition", "patients.gender",
)  # fmt: skip

_WORD = re.compile(r"[a-z0-9]+")
_LEAST_NEAR: Final = 0.5


@dataclass(frozen=True)
class ValueIndex:
    """Distinct values of the searched columns.

    Attributes:
        values: Column → its values, sorted.
    """

    values: dict[str, tuple[str, ...]]

    @staticmethod
    def of(sandbox: Sandbox) -> ValueIndex:
        """Read the values of a database, with the answer key out of reach."""
        known = {name.lower() for name in sandbox.tables}
        found: dict[str, tuple[str, ...]] = {}
        for column in SEARCHED:
            table, _, name = column.partition(".")
            if table in known:
                rows = sandbox.run(f"SELECT DISTINCT {name} FROM {table} WHERE typeof({name}) = 'text' ORDER BY 1")
                found[column] = tuple(str(value) for (value,) in rows)
        return ValueIndex(found)

    def search(self, text: str, column: str | None = None, limit: int = 20) -> list[FoundValue]:
        """The values nearest to a text, the nearest first.

        Raises:
            SettingsError: The column is none of those that are searched.
        """
        wanted = " ".join(text.lower().split())
        columns = list(self.values)
        if column is not None:
            columns = [name for name in columns if column.lower() in (name, name.partition(".")[0])]
            if not columns:
                raise SettingsError(f"{column[:80]!r} is not searched; one of: {', '.join(self.values)}")
        if not _WORD.search(wanted):
            return []
        found = sorted(self._near(wanted, columns), key=lambda each: (-each.score, each.column, each.value))
        return found[:limit]

    def _near(self, wanted: str, columns: Iterable[str]) -> Iterator[FoundValue]:
        words = frozenset(_WORD.findall(wanted))
        matcher = difflib.SequenceMatcher(autojunk=False)
        matcher.set_seq2(wanted)
        for column in columns:
            for value in self.values[column]:
                how, score = _nearness(wanted, words, value, matcher)
                if score >= _LEAST_NEAR:
                    yield FoundValue(column, value, how, round(score, 3))


How = Literal["exact", "prefix", "contains", "fuzzy"]


def _nearness(
    wanted: str, words: frozenset[str], value: str, matcher: difflib.SequenceMatcher[str]
) -> tuple[How, float]:
    if value == wanted:
        return "exact", 1.0
    share = len(wanted) / max(1, len(value))
    if value.startswith(wanted):
        return "prefix", 0.8 + 0.15 * share
    if wanted in value or words <= set(_WORD.findall(value)):
        return "contains", 0.7 + 0.1 * min(1.0, share)
    matcher.set_seq1(value)
    if matcher.real_quick_ratio() < _LEAST_NEAR or matcher.quick_ratio() < _LEAST_NEAR:
        return "fuzzy", 0.0
    return "fuzzy", 0.7 * matcher.ratio()
