"""Profiles: every rule by which answers are compared, as data.

Published results were made with slightly different rules. A profile names them all, so that a score says what it
means; `evaluate` reads the rules from here and knows no others.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal

from ehrxqa.errors import SettingsError

__all__ = ["PROFILES", "RULE_DOCS", "Profile", "profile_named", "rules_of", "shown"]


@dataclass(frozen=True)
class Profile:
    """The rules of one way to evaluate.

    Attributes:
        name: Of the profile.
        doc: Where the rules come from.
        order: `kept`: lists are compared as they stand; `ignored`: as multisets (sorted by their texts); `asked`: kept
            where the gold query ends in an ORDER BY, ignored elsewhere.
        ties: What becomes of rows that tie in the order of the query. `as listed`: they must come in gold's order,
            which is the order SQLite returns rows in; `ignored`: their order does not matter. Rows that a LIMIT cut
            off are lost either way: an answer file does not hold them.
        rounding: `first value`: if the first value is a float, all numbers are rounded to `places` (half-even of the
            binary value), else none; `each number`: every value that is or reads as a number, truth values among them,
            becomes a float of so many places; `none`: nothing is.
        places: Decimal places kept by `rounding`.
        values: `numbers`: 1, 1.0 and true are equal, "1" is not 1; `kinds`: as numbers, but a truth value equals
            only a truth value; `texts`: the texts of the values are equal.
        rows: `flat`: a list inside the list is a value like others; `lists`: every value is a row, and one that is no
            list a row of one.
        at_most: Rows compared, after sorting if `order` is ignored; None: all.
        missing: A gold id without prediction is an `error` of the file, or counts as `wrong`.
        extra: A prediction without gold id is an `error` of the file, or is `ignored`.
        duplicates: Of several predictions with one id the `last` counts, or it is an `error` of the file.
        failure: What a query that failed or ran out of time counts as: `abstained` or `wrong`. A query that
            abstained, and the answer "null", are always abstentions; JSON null never is.
        n: N of RSN, the number of distinct gold ids: of the `group` that a row of scores is about (so each modality is
            scored as if it were the whole data set, as the challenge reports it), or of the whole `file`.
    """

    name: str
    doc: str
    order: Literal["kept", "ignored", "asked"]
    ties: Literal["as listed", "ignored"]
    rounding: Literal["first value", "each number", "none"]
    places: int
    values: Literal["numbers", "kinds", "texts"]
    rows: Literal["flat", "lists"]
    at_most: int | None
    missing: Literal["error", "wrong"]
    extra: Literal["error", "ignored"]
    duplicates: Literal["last", "error"]
    failure: Literal["abstained", "wrong"]
    n: Literal["group", "file"]


_PAPER: Final = Profile(
    name="paper",
    doc="EHRXQA paper and release: lists equal as they stand after the official clean-up; a failed query abstains.",
    order="kept",
    ties="as listed",
    rounding="first value",
    places=6,
    values="numbers",
    rows="flat",
    at_most=None,
    missing="error",
    extra="error",
    duplicates="last",
    failure="abstained",
    n="group",
)

_ALL: Final = (
    _PAPER,
    Profile(
        name="ehrsql",
        doc="EHRSQL 2024 shared task (github.com/glee4810/ehrsql-2024, scoring_utils.py of e207f57, 2024-03-21): the "
        "first hundred rows, sorted, as texts; whatever reads as a number to three places; a failed query is wrong.",
        order="ignored",
        ties="ignored",
        rounding="each number",
        places=3,
        values="texts",
        rows="lists",
        at_most=100,
        missing="error",
        extra="error",
        duplicates="last",
        failure="wrong",
        n="file",
    ),
    replace(
        _PAPER,
        name="strict",
        doc="Nothing is forgiven: as paper, but failed queries and missing ids are wrong, truth values are not "
        "numbers, and an id may occur once.",
        values="kinds",
        missing="wrong",
        duplicates="error",
        failure="wrong",
    ),
    replace(
        _PAPER,
        name="asked-order",
        doc="As paper, but order counts only where the gold query asks for one: what SQLite happens to return first is "
        "no merit.",
        order="asked",
    ),
    replace(
        _PAPER,
        name="challenge",
        doc="EHRXQA challenge at ML4H 2024: answers compared as given, without the official clean-up.",
        rounding="none",
        places=0,
    ),
)

PROFILES: Final[dict[str, Profile]] = {profile.name: profile for profile in _ALL}


#: What each rule is about, for readers of a report.
RULE_DOCS: Final = {
    "order": "order of the values of an answer",
    "ties": "order of rows that tie in an ORDER BY",
    "rounding": "which numbers are rounded before they are compared (half-even of the binary value)",
    "places": "decimal places kept by rounding",
    "values": "what is equal: numbers (1, 1.0 and true), kinds (true only equals true) or texts",
    "rows": "whether a value that is a list is a row",
    "at_most": "how many rows are compared",
    "missing": "a gold id without prediction",
    "extra": "a prediction without gold id",
    "duplicates": "a predicted id that occurs several times",
    "failure": "a query that failed or ran out of time",
    "n": "whose number of distinct gold ids is N in RSN",
}


def profile_named(name: str) -> Profile:
    """The profile of that name.

    Raises:
        SettingsError: There is none.
    """
    if name not in PROFILES:
        raise SettingsError(f"profile must be one of {', '.join(PROFILES)}, not {name!r}")
    return PROFILES[name]


def rules_of(profile: Profile) -> dict[str, Any]:
    """The rules by name, without name and doc."""
    return {field.name: getattr(profile, field.name) for field in fields(profile) if field.name not in ("name", "doc")}


def shown(value: Any) -> str:
    """The value of a rule as reports write it."""
    return "all" if value is None else str(value)
