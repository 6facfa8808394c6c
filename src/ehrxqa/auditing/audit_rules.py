"""The rules of the audit in words, and how much each weighs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["AUDIT_RULES", "AuditRule", "Severity"]

Severity = Literal["error", "reading", "note"]

#: error: the gold answer is wrong, rests on chance, or is not that of its program. reading: the question can be
#: understood in another way that gives another answer. note: worth a look.


@dataclass(frozen=True, slots=True)
class AuditRule:
    """A rule of the audit.

    Attributes:
        name: Short name, as reports give it.
        severity: How much it weighs.
        words: What is wrong, in one sentence.
    """

    name: str
    severity: Severity
    words: str


_RULES: Final = (
    AuditRule("fails", "error", "The program does not run on the database."),
    AuditRule("other-answer", "error", "The program gives another answer than the file has."),
    AuditRule("limit-without-order", "error", "LIMIT keeps rows of a select that has no order: which ones is chance."),
    AuditRule("tie", "error", "LIMIT cuts between rows of equal order, and the others give another answer."),
    AuditRule(
        "null-first", "error", "LIMIT keeps a row without a value where it is ordered; others give another answer."
    ),
    AuditRule(
        "several-values", "error", "A select that stands for one value gives several; the answer is that of one."
    ),
    AuditRule("text-number", "error", "A column that is used as a number holds text in the rows that are read."),
    AuditRule("unsafe-text", "error", "The official clean-up of queries would change a value in the program."),
    AuditRule("rows-counted", "error", "Rows are counted where the question asks for things; some come twice."),
    AuditRule("integer-division", "error", "Whole numbers are divided, and what is behind the point is lost."),
    AuditRule("unknown-id", "error", "The program asks for an id that is not in the database."),
    AuditRule("other-id", "error", "The question names an id that its program does not ask for."),
    AuditRule("unknown-value", "error", "The program compares with a text that its column does not hold anywhere."),
    AuditRule("contradiction", "error", "The same question has another answer elsewhere in the file."),
    AuditRule("ambiguous", "reading", "Another reading of the question gives another answer, as its links say."),
    AuditRule("competition-rank", "reading", "Where ranks are left out after ties (1, 1, 3), the answer is another."),
    AuditRule("synonyms", "reading", "With all titles that say the same, the answer is another."),
    AuditRule("empty-answer", "note", "The answer is empty, or holds only nulls."),
    AuditRule("empty-table", "note", "The program reads a table without rows: nothing else is looked at."),
    AuditRule("null-in-answer", "note", "The answer holds a null beside values."),
    AuditRule("not-judged", "note", "Looking at the program took longer than allowed: not every rule was tried."),
)
#: Name → rule, in the order of reports.
AUDIT_RULES: Final[Mapping[str, AuditRule]] = {rule.name: rule for rule in _RULES}
