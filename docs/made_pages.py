"""Pages that a script makes: written, or held against those that are there (`--check`)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def write_or_check(wanted: Mapping[Path, str], how: str) -> int:
    """Write the files that are not up to date, or, with `--check`, name them and how to make them; the exit status."""
    stale = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(Path(__file__).parents[1])} is not up to date; run: {how}")
        return 1 if stale else 0
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
    return 0
