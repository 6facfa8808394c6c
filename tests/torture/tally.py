"""What was tried, what held, and what broke: one tally per kind of attack."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Tally", "table"]


@dataclass
class Tally:
    """One kind.

    Attributes:
        kind: What was done.
        tried: How often.
        broke: One line per case that did not hold, enough to repeat it.
        notes: Figures worth keeping.
    """

    kind: str
    tried: int = 0
    broke: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def held(self) -> int:
        return self.tried - len(self.broke)

    def count(self, fault: str | None) -> None:
        """One case: None if it held, else what went wrong."""
        self.tried += 1
        if fault is not None:
            self.broke.append(fault)


def table(tallies: list[Tally]) -> str:
    """The table as it stands in the documentation."""
    rows = [f"| {one.kind} | {one.tried:,} | {one.held:,} | {len(one.broke):,} |" for one in tallies]
    lines = ["| kind | tried | held | broke |", "|---|---|---|---|", *rows]
    for one in tallies:
        lines += [f"  {one.kind}: {note}" for note in one.notes]
        lines += [f"  {one.kind} BROKE: {fault}" for fault in one.broke[:20]]
    return "\n".join(lines)
