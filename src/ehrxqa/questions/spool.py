"""What has been made so far, on disk: the questions in the order they were made, and which batches are finished.

One line per question (split, tab, JSON), then one per finished batch (`=`, tab, JSON). A run that was interrupted goes on
behind the last finished batch of a file that begins with the same key; what follows that is cut off.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from ehrxqa.files import disk_errors
from ehrxqa.json_files import json_value
from ehrxqa.questions.batch import BatchResult, BatchTask

__all__ = ["Spool"]

_BATCH: Final = "="


class Spool:
    """The questions made so far.

    Args:
        path: The file; it is made, or gone on with.
        key: What the questions depend on; a file with another key is overwritten.
    """

    def __init__(self, path: Path, key: str) -> None:
        self._path = path
        self._finished: dict[str, BatchResult] = {}
        #: Split → where the line of each of its questions begins.
        self.offsets: dict[str, list[int]] = {}
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            end = self._read(key)
            self._stream = path.open("r+b" if end else "w+b")
            self._stream.truncate(end)
            self._stream.seek(end)
            if not end:
                self._stream.write(f"{key}\n".encode())

    def _read(self, key: str) -> int:
        """Take what is finished; gives where it ends, 0 if nothing can be used."""
        if not self._path.is_file():
            return 0
        with self._path.open("rb") as stream:
            if stream.readline() != f"{key}\n".encode():
                return 0
            end = place = stream.tell()
            pending: list[tuple[str, int]] = []
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                mark, _, text = line.decode(errors="replace").partition("\t")
                if mark == _BATCH:
                    try:
                        self._finish(json_value(text), pending)
                    except (ValueError, KeyError, TypeError, AttributeError):
                        break  # damaged: what follows is made anew
                    pending, end = [], place + len(line)
                else:
                    pending.append((mark, place))
                place += len(line)
        return end

    def _finish(self, batch: dict[str, Any], places: list[tuple[str, int]]) -> None:
        self._finished[batch["task"]] = BatchResult(
            [],
            [bytes.fromhex(key) for key in batch["keys"]],
            Counter(batch["missing"]),
            Counter(batch["rejected"]),
            batch["faults"],
            len(places),
            Counter(batch["truths"]),
        )
        for split, place in places:
            self.offsets.setdefault(split, []).append(place)

    def finished(self, task: BatchTask) -> BatchResult | None:
        """What an earlier run, or this one, made of a task: without the lines, which lie here."""
        return self._finished.get(_digest(task))

    def add(self, task: BatchTask, result: BatchResult) -> None:
        """Keep what was made of a task.

        Raises:
            BuildError: The disk is full.
        """
        places = []
        with disk_errors(self._path):
            for split, text in result.lines:
                places.append((split, self._stream.tell()))
                self._stream.write(f"{split}\t{text}\n".encode())
            batch = {
                "task": _digest(task),
                "keys": [key.hex() for key in result.keys],
                "missing": result.missing,
                "rejected": result.rejected,
                "faults": result.faults,
                "truths": result.truths,
            }
            self._stream.write(f"{_BATCH}\t{json.dumps(batch)}\n".encode())
            self._stream.flush()
        self._finish(batch, places)

    def entries(self, split: str, order: list[int]) -> Iterator[tuple[dict[str, Any], Any, dict[str, Any]]]:
        """Record, answer and links of questions of a split; `order` holds their places among those of the split."""
        for number in order:
            self._stream.seek(self.offsets[split][number])
            record, answer, links = json.loads(self._stream.readline().partition(b"\t")[2])
            yield record, answer, links

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            with disk_errors(self._path):
                self._stream.close()
        else:  # closing writes what the full disk refused once more; what is told is the first error
            with suppress(OSError):
                self._stream.close()


def _digest(task: BatchTask) -> str:
    """What a result depends on, beyond the key of the file."""
    value = [
        task.copies.base,
        task.template.id,
        task.wanted,
        task.seed,
        sorted(key.hex() for key in task.seen),
        task.held_out,
        task.truths,
    ]
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()
