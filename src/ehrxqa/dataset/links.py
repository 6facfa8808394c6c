"""Reading the sidecar of generated question files (`ehrxqa.dataset.link_records` says what it holds).

Official files have none; everything that reads links also works without them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ehrxqa.dataset.json_files import read_text
from ehrxqa.dataset.link_records import Links, RowLinks
from ehrxqa.errors import RecordError
from ehrxqa.layout import LINKS_PATH
from ehrxqa.spec.scopes import SCOPE_OF_KEY

__all__ = ["LINKS_FILE", "LinkTable", "Links", "read_links"]

#: Beside the question files.
LINKS_FILE: Final = PurePosixPath(LINKS_PATH).name


class LinkTable:
    """Links by split and id."""

    def __init__(self, links: Mapping[tuple[str, int], Links]) -> None:
        self._links = links

    def __len__(self) -> int:
        return len(self._links)

    def of(self, record: Mapping[str, Any]) -> Links | None:
        """The links of a record, if there are any."""
        return self._links.get((str(record.get("split")), record.get("id", -1)))


def read_links(folder: Path) -> LinkTable:
    """The links of the question files in `folder`; none if there is no sidecar.

    Raises:
        RecordError: The sidecar is damaged; names the line.
    """
    path = folder / LINKS_FILE
    if not path.exists():
        return LinkTable({})
    found = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        try:
            value = json.loads(line)
            key = value.pop("split"), value.pop("id")
            value["rows"] = [RowLinks(**rows) for rows in value["rows"]]
            links = Links(**value)
            if links.scope not in SCOPE_OF_KEY:
                raise ValueError(links.scope)
            found[key] = links
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RecordError(f"{path}: line {number} is no sidecar record; generate the questions anew") from error
    return LinkTable(found)
