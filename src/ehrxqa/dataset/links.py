"""The sidecar of generated question files: what each question is about, and the rows behind its answer.

Official files have none; everything that reads it also works without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ehrxqa.errors import RecordError

__all__ = ["LINKS_FILE", "Link", "Links", "read_links"]

#: Beside the question files.
LINKS_FILE: Final = "links.jsonl"


@dataclass(frozen=True)
class Link:
    """The links of one question.

    Attributes:
        family: Of the question's template.
        template: Official template number, if it has one.
        scope: As in `ehrxqa.dataset.scopes`.
        modality: Table, Image or Image+Table.
        study_ids: Studies it is about.
        image_ids: Their images.
        image_paths: Files of these images, below the folder of MIMIC-CXR-JPG.
        rows: Table → row ids that support the answer.
    """

    family: str
    template: int | None
    scope: str
    modality: str
    study_ids: tuple[int, ...]
    image_ids: tuple[str, ...]
    image_paths: tuple[str, ...]
    rows: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


class Links:
    """Links by split and id."""

    def __init__(self, links: Mapping[tuple[str, int], Link]) -> None:
        self._links = links

    def __len__(self) -> int:
        return len(self._links)

    def of(self, record: Mapping[str, Any]) -> Link | None:
        """The links of a record, if there are any."""
        return self._links.get((str(record.get("split")), record.get("id", -1)))


def read_links(folder: Path) -> Links:
    """The links of the question files in `folder`; none if there is no sidecar.

    Raises:
        RecordError: The sidecar is damaged; names the line.
    """
    path = folder / LINKS_FILE
    if not path.is_file():
        return Links({})
    found = {}
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, start=1):
            try:
                value = json.loads(line)
                found[value["split"], value["id"]] = Link(
                    family=value["family"],
                    template=value.get("template"),
                    scope=value["scope"],
                    modality=value["modality"],
                    study_ids=tuple(value["study_ids"]),
                    image_ids=tuple(value["image_ids"]),
                    image_paths=tuple(value["image_paths"]),
                    rows={table: tuple(rows) for table, rows in value.get("rows", {}).items()},
                )
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise RecordError(f"{path}: line {number} is no sidecar record; generate the questions anew") from error
    return Links(found)
