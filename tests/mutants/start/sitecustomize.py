"""Imported by every Python process of a recording run: notes which tests call the functions that are to be changed.

A process that a test has started knows the test by its environment, as pytest sets it.
"""

import json
import os
import sys
import threading
from pathlib import Path

_RECORD = os.environ.get("MUTANTS_RECORD")


def _record(folder: str) -> None:
    found = json.loads(Path(folder, "wanted.json").read_text(encoding="utf-8"))
    root = found["root"]
    wanted = {(path, line) for path, lines in found["lines"].items() for line in lines}
    names: dict[str, str | None] = {}
    seen: set[tuple[str, int, str]] = set()
    notes = os.open(Path(folder, "calls.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def trace(frame, event, argument):  # type: ignore[no-untyped-def]
        code = frame.f_code
        file = code.co_filename
        if file not in names:
            names[file] = file[len(root) :].lstrip("/") if file.startswith(root) else None
        path = names[file]
        if path is not None and (path, code.co_firstlineno) in wanted:
            key = (path, code.co_firstlineno, os.environ.get("PYTEST_CURRENT_TEST", ""))
            if key not in seen:
                seen.add(key)
                os.write(notes, (json.dumps(key) + "\n").encode())

    sys.settrace(trace)
    threading.settrace(trace)


if _RECORD:
    _record(_RECORD)
