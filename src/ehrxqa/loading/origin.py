"""Where loaded questions come from: their folder, whose data they are, their pictures, and their gold programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ehrxqa.dataset.records import GOLD_PROGRAM
from ehrxqa.dataset.splits import load_records
from ehrxqa.layout import DataKind
from ehrxqa.vqa.image_paths import find_picture

__all__ = ["Origin"]


@dataclass(frozen=True)
class Origin:
    """Where questions come from.

    Attributes:
        folder: That holds their files.
        kind: Whose data they are.
        images: Folder of their pictures, if it is known.
    """

    folder: Path
    kind: DataKind
    images: Path | None = None
    _programs: dict[str, dict[int, str]] = field(default_factory=dict, repr=False, compare=False)

    def picture(self, image_path: str) -> Path | None:
        """The file of an image by its path below `files`, if it is there."""
        return None if self.images is None else find_picture(self.images, image_path)

    def gold_program(self, split: str, identifier: int) -> str | None:
        """The gold program of a question; None where no pre-release file has it. A file is read when first needed.

        Raises:
            RecordError: The pre-release file is damaged.
        """
        if split not in self._programs:
            path = self.folder / f"_{split}.json"
            records = load_records(path) if path.is_file() else []
            self._programs[split] = {
                record["id"]: record[GOLD_PROGRAM] for record in records if isinstance(record.get(GOLD_PROGRAM), str)
            }
        return self._programs[split].get(identifier)
