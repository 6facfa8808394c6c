"""`.leakscan-allow`: what was looked at and may stay.

One entry a line: a glob of paths (relative to the file's folder), then optionally rules separated by commas;
without rules, all. `#` begins a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from ehrxqa.errors import SettingsError
from ehrxqa.leakscan.rules import NOT_READ, RULES

__all__ = ["ALLOW_FILE", "AllowList"]

ALLOW_FILE = ".leakscan-allow"


@dataclass
class AllowList:
    """Entries (glob, rules), and which of them were of use."""

    entries: list[tuple[str, frozenset[str]]] = field(default_factory=list)
    used: set[int] = field(default_factory=set)

    @classmethod
    def read(cls, path: Path) -> AllowList:
        """The entries of a file.

        Raises:
            SettingsError: It cannot be read, or names a rule that does not exist.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: cannot be read as text") from error
        return cls(list(_entries(path, lines)))

    def allows(self, path: str, rule: str) -> bool:
        """Whether a finding of that rule may stay; the path is relative to the folder of the allow list."""
        for number, (glob, rules) in enumerate(self.entries):
            if rule in rules and fnmatchcase(path, glob):
                self.used.add(number)
                return True
        return False

    @property
    def unused(self) -> list[str]:
        """Globs that met nothing: they may be taken out."""
        return [glob for number, (glob, _) in enumerate(self.entries) if number not in self.used]


def _entries(path: Path, lines: Iterable[str]) -> Iterable[tuple[str, frozenset[str]]]:
    for number, line in enumerate(lines, 1):
        words = re.sub(r"(^|\s)#.*", "", line).split()
        if not words:
            continue
        rules = frozenset(rule for word in words[1:] for rule in word.split(",") if rule)
        unknown = rules - {*RULES, NOT_READ}
        if unknown:
            raise SettingsError(
                f"{path}, line {number}: no rule {min(unknown)!r}; there are {', '.join((*RULES, NOT_READ))}"
            )
        yield words[0], rules or frozenset((*RULES, NOT_READ))
