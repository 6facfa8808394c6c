"""The official rules from a stored program to an answer, written out once more: a second opinion for the tests."""

from __future__ import annotations

_RANGES = {
    "temperature": (35.5, 38.1), "sao2": (95.0, 100.0), "heart_rate": (60.0, 100.0), "respiration": (12.0, 18.0),
    "systolic_bp": (90.0, 120.0), "diastolic_bp": (60.0, 90.0), "mean_bp": (60.0, 110.0),
}  # fmt: skip


def normalised(program):
    """The official clean-up of a program, as the specification lists it."""
    program = program.replace("current_time", "'2105-12-31 23:59:00'")
    for name, (lower, upper) in _RANGES.items():
        program = program.replace(f" {name}_lower", f" {lower}").replace(f" {name}_upper", f" {upper}")
    return program.replace("''", "'").replace("< =", "<=").replace("%y", "%Y").replace("%j", "%J")


def answer_of_rows(rows):
    """The answer that the official code makes of rows."""
    assert all(len(row) == 1 for row in rows)
    values = [value for (value,) in rows]
    return [round(value, 6) for value in values] if values and isinstance(values[0], float) else values
