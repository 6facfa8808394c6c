"""Scores on several hospitals as a table for a terminal, and as a JSON value."""

from __future__ import annotations

from typing import Any

from ehrxqa.counting import counted
from ehrxqa.variants.hospitals import HospitalEvaluation

__all__ = ["as_json", "as_text"]


def as_json(found: HospitalEvaluation) -> dict[str, Any]:
    """All of it but the scores of groups."""
    value: dict[str, Any] = {
        "profile": found.profile,
        "questions": len(found.verdicts),
        "accuracy_all": round(found.accuracy, 6),
        "accuracy": [_accuracy(each) for each in found.evaluations],
        "lucky": list(found.lucky),
        "left_out": list(found.left_out),
        "verdicts": found.verdicts,
    }
    if (score := found.mutation) is not None:
        value["mutation"] = {
            "mutants": score.mutants,
            "killed": list(score.killed),
            "shares": [round(share, 6) for share in score.shares],
            "faults": {fault: list(counts) for fault, counts in score.faults.items()},
        }
    return value


def _accuracy(evaluation: Any) -> float:
    tally = evaluation.overall.tally
    return round(100 * tally.right / tally.total, 6) if tally.total else 0.0


def as_text(found: HospitalEvaluation) -> str:
    """One line for each hospital, then all of them together."""
    lines = [f"{counted(len(found.verdicts), 'question')}, profile {found.profile}", ""]
    for number, each in enumerate(found.evaluations):
        name = "the database itself" if number == 0 else f"hospital {number + 1}"
        left = (
            f"  ({found.left_out[number]:,} golds not judged: chance, or not what they take for granted)"
            if found.left_out[number]
            else ""
        )
        lines.append(f"{name:<22} EX {_accuracy(each):6.1f}{left}")
    lines.append(f"{'right on all':<22} EX {found.accuracy:6.1f}")
    if found.lucky:
        shown = ", ".join(found.lucky[:10]) + (", …" if len(found.lucky) > 10 else "")
        lines.append(f"{len(found.lucky):,} right on the database only: {shown}")
    if (score := found.mutation) is not None:
        shares = ", ".join(f"{share:.0%}" for share in score.shares)
        lines.append(
            f"of {score.mutants:,} single-fault mutants of the golds, told apart by 1, 2, … hospitals: {shares}"
        )
    return "\n".join(lines)
