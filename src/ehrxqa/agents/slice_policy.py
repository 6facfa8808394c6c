"""What may be known at a time: for each table, when a row is there, and which of its values come later.

The policy is one declaration, shown to users as it stands. A value that is not known yet is null; a row that has not
happened yet is gone. A table without a rule stops a slice: nothing is let through because nobody thought of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from ehrxqa.errors import BuildError
from ehrxqa.spec.table import Table

__all__ = ["POLICIES", "Policy", "Rule", "rule_of"]

Policy = Literal["charted", "clinical"]

#: What each policy means, for help and documentation.
POLICIES: Final[Mapping[Policy, str]] = MappingProxyType(
    {
        "charted": "a row is known from the time that the database gives it",
        "clinical": "as charted, but billed codes (diagnoses, procedures, and what they cost) are known from discharge "
        "on, when they are coded; the database dates them to the admission or procedure",
    }
)


@dataclass(frozen=True)
class Rule:
    """When the rows of a table are known.

    Attributes:
        since: Time column from which on a row is known; None for tables without times, which are always known.
        later: Column → time column of the same row from which on its value is known.
        at_discharge: Whether the policy `clinical` lets rows in only once their admission has ended.
    """

    since: str | None
    later: Mapping[str, str] = field(default_factory=dict)
    at_discharge: bool = False


_RULES: Final[dict[str, Rule]] = {
    "patients": Rule(None, {"dod": "dod"}),
    "admissions": Rule("admittime", {"dischtime": "dischtime", "discharge_location": "dischtime"}),
    "icustays": Rule("intime", {"outtime": "outtime", "last_careunit": "outtime"}),
    "transfers": Rule("intime", {"outtime": "outtime"}),
    "diagnoses_icd": Rule("charttime", at_discharge=True),
    "procedures_icd": Rule("charttime", at_discharge=True),
    "prescriptions": Rule("starttime", {"stoptime": "stoptime"}),
    "labevents": Rule("charttime"),
    "chartevents": Rule("charttime"),
    "inputevents": Rule("starttime"),
    "outputevents": Rule("charttime"),
    "microbiologyevents": Rule("charttime"),
    "cost": Rule("chargetime", at_discharge=True),
    "tb_cxr": Rule("studydatetime"),
}


def rule_of(table: Table) -> Rule:
    """The rule of a table.

    Raises:
        BuildError: It has none.
    """
    if table.is_dictionary:
        return Rule(None)
    try:
        return _RULES[table.name]
    except KeyError:
        raise BuildError(
            f"table {table.name}: nobody has said when its rows are known; declare it in agents/slice_policy.py"
        ) from None
