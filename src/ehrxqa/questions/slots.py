"""Operation slots and value slots, each declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["OPERATIONS", "PERIODS", "TIME_SLOTS", "Operation", "operation_sql", "operation_tag", "survival_length"]

#: Short name in our declarations → official name, in the order of `t_tag`.
TIME_SLOTS: Final = {
    "g1": "time_filter_global1",
    "g2": "time_filter_global2",
    "w": "time_filter_within",
    "e1": "time_filter_exact1",
    "e2": "time_filter_exact2",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation slot.

    Attributes:
        pattern: Its `sql_pattern`; `{column}` stands for a column.
        options: Option → (wording, SQL).
        said: Option → our wordings, where the official one is not the best.
        before, after: What `o_tag` has around the SQL of an option.
    """

    pattern: str
    options: dict[str, tuple[str, str]]
    said: dict[str, tuple[str, ...]]
    before: str = ""
    after: str = ""


def _ages() -> dict[str, tuple[str, str]]:
    decades = {f"{age}s": f"admissions.age between {age} and {age + 9}" for age in (20, 30, 40, 50)}
    return {name: (name, sql) for name, sql in {**decades, "60 or above": "admissions.age >= 60"}.items()}


_NUMBERS: Final = {"two": 2, "three": 3, "four": 4, "five": 5}

OPERATIONS: Final = {
    "age_group": Operation(
        "age_group(admissions.age)",
        _ages(),
        {
            **{
                f"{age}s": (
                    f"admitted in their {age}s",
                    f"aged {age}-{age + 9} at admission",
                    f"in their {age}s at admission",
                )
                for age in (20, 30, 40, 50)
            },
            "60 or above": ("aged 60 or above at admission", "admitted at 60 or older", "60 or older at admission"),
        },
        before="and ",
    ),
    "agg_function": Operation(
        "[agg_function]",
        {"maximum": ("maximum", "max"), "minimum": ("minimum", "min"), "average": ("average", "avg")},
        {"maximum": ("highest", "maximum"), "minimum": ("lowest", "minimum"), "average": ("average",)},
    ),
    "comparison": Operation(
        "[comparison]",
        {"less": ("less", "<"), "greater": ("greater", ">")},
        {"less": ("lower",), "greater": ("higher",)},
    ),
    "n_rank": Operation("[n_rank]", {word: (word, str(_NUMBERS[word])) for word in ("three", "four", "five")}, {}),
    "n_survival_period": Operation(
        "[n_survival_period]",
        {
            **{f"{word} year": (f"{word} year", f"{n} * 365") for word, n in {"one": 1, **_NUMBERS}.items()},
            "3-month": ("3-month", "1 * 365/4"),
            "6-month": ("6-month", "1 * 365/2"),
        },
        {f"{word} year": (f"{word}-year",) for word in ("one", *_NUMBERS)},
    ),
    "n_times": Operation(
        "[n_times]",
        {"two times": ("two times", "= 2"), "two or more times": ("two or more times", ">= 2")},
        {
            "two times": ("exactly twice", "exactly two times"),
            "two or more times": ("at least twice", "two or more times"),
        },
    ),
    "sort": Operation(
        "sort({column})",
        {"min": ("minimum", "order by {column} asc"), "max": ("maximum", "order by {column} desc")},
        {"min": ("lowest", "minimum"), "max": ("highest", "maximum")},
        after=" limit 1",
    ),
    "unit_average": Operation(
        "unit_average({column})",
        {
            "daily": ("daily", "group by strftime('%Y-%m-%d',{column})"),
            "monthly": ("monthly", "group by strftime('%Y-%m',{column})"),
            "yearly": ("yearly", "group by strftime('%Y',{column})"),
        },
        {},
    ),
    "unit_count": Operation("[unit_count]", {"hours": ("hours", "24 * "), "days": ("days", "1 * ")}, {}),
}

#: Option of `unit_average` → the period it stands for.
PERIODS: Final = {"daily": "day", "monthly": "month", "yearly": "year"}


def survival_length(option: str) -> str:
    """How long an option of `n_survival_period` is.

    >>> survival_length("two year"), survival_length("3-month")
    ('two years', '3 months')
    """
    number, unit = option.replace("-", " ").split()
    return f"{number} {unit}" if number == "one" else f"{number} {unit}s"


def operation_sql(slot: str, option: str, column: str = "") -> str:
    """What stands in SQL for an option."""
    return OPERATIONS[slot].options[option][1].format(column=column)


def operation_tag(slot: str, option: str, column: str = "") -> dict[str, Any]:
    """The entry of an option in `o_tag`."""
    operation = OPERATIONS[slot]
    nlq, sql = operation.options[option]
    return {
        "nlq": nlq,
        "sql": f"{operation.before}{sql.format(column=column)}{operation.after}".lower(),
        "type": option,
        "sql_pattern": operation.pattern.format(column=column),
    }
