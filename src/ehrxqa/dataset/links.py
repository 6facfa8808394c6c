"""`dataset/links.jsonl`: what each generated question is about and what its answer rests on, one JSON object a line.

Lines are in the order train, valid, test, and by `id` within a split. Keys:

| key | type | meaning |
|---|---|---|
| split | text | train, valid, test |
| id | integer | number of the question within its split, as in the dataset files |
| modality | text | `table`, `image`, `multimodal` (image and table) |
| scope | text | `table-none`, `table-single`, `table-group`, `image-single-1`, `image-single-2`, `image-single-n`, |
|  |  | `image-group`, `multimodal-single`, `multimodal-group` |
| family | text | what is asked, such as `has` or `list attributes`; several templates share a family |
| template | text | id of the template: `official/` and a number from 0 to 6033, or that of another package |
| study_ids | integers | studies the question is about, all of them |
| image_ids | texts | their images, in the same order |
| image_paths | texts | where MIMIC-CXR-JPG keeps them, below its `files` folder |
| studies_total | integer | their number; files of 0.1 listed the first 20 only |
| rows | list | per table `{"table": …, "row_ids": […], "total": …}`: rows the answer rests on, at most `MOST_LINKS` |
| needs | text | what cannot be done without: `table`, `image`, `both`; `either`: each says no by itself |
| alternatives | object | reading (`ehrxqa.questions.alternatives`) → its answer, where that is another one |
| mutants | integer | single-fault mutants of the gold program (`ehrxqa.sql.mutants`) |
| killed | integer | those of them that give another answer; over `mutants`, the mutation score of the question |
| told | texts | what is misread in mutants that give another answer, whatever the values |
| untold | texts | what is misread in those that never do |
| bounded | truth value | whether anything was left out of a `row_ids` |

Of the labels only rows with relation 1 are listed; an answer "no" may rest on no row at all. Official files have no
links; everything that reads them also works without.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

import msgspec

from ehrxqa.json_files import converted, read_json_lines
from ehrxqa.layout import LINKS_PATH
from ehrxqa.spec.scopes import SCOPE_OF_KEY

__all__ = ["LINKS_FILE", "MOST_LINKS", "LinkTable", "Links", "RowLinks", "official_number", "read_links"]

#: Beside the question files.
LINKS_FILE: Final = PurePosixPath(LINKS_PATH).name
#: Rows of a table that are listed for one question.
MOST_LINKS: Final = 20
_OFFICIAL: Final = "official/"


class RowLinks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rows of one table, by `row_id`."""

    table: str
    row_ids: list[int]
    total: int


class Links(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of the file."""

    split: str
    id: int
    modality: str
    scope: str
    family: str
    template: str | int
    study_ids: list[int]
    image_ids: list[str]
    image_paths: list[str]
    studies_total: int
    rows: list[RowLinks]
    bounded: bool
    needs: Literal["table", "image", "both", "either", ""] = ""
    alternatives: dict[str, list[str | int | float | None]] = {}
    mutants: int = 0
    killed: int = 0
    told: list[str] = []
    untold: list[str] = []

    @property
    def record(self) -> dict[str, Any]:
        """The line as a JSON object."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def __post_init__(self) -> None:
        if self.scope not in SCOPE_OF_KEY:
            raise ValueError(f"unknown scope {self.scope!r}")
        if isinstance(self.template, int):  # written before templates had texts for ids
            msgspec.structs.force_setattr(self, "template", f"{_OFFICIAL}{self.template}")


def official_number(template: str | int) -> int | None:
    """The official number of a template by its id, if it has one.

    >>> official_number("official/28"), official_number("my-hospital/vitals-1")
    (28, None)
    """
    number = str(template).removeprefix(_OFFICIAL)
    return int(number) if str(template).startswith(_OFFICIAL) and number.isdecimal() else None


class LinkTable:
    """Links by split and id."""

    def __init__(self, links: Mapping[tuple[str, int], Links]) -> None:
        self._links = links

    def __len__(self) -> int:
        return len(self._links)

    def ids(self, split: str) -> set[int]:
        """The questions of a split that have links."""
        return {number for each, number in self._links if each == split}

    def of(self, record: Mapping[str, Any]) -> Links | None:
        """The links of a record, if there are any."""
        return self._links.get((str(record.get("split")), record.get("id", -1)))


def read_links(folder: Path) -> LinkTable:
    """The links of the question files in `folder`; none if there is no such file.

    Raises:
        RecordError: The file is damaged; names the line.
    """
    path = folder / LINKS_FILE
    if not path.exists():
        return LinkTable({})
    found = {}
    for number, value in read_json_lines(path):
        what = "a record of links; generate the questions anew"
        links = converted(Links, value, path, what, where=f"line {number}: ")
        found[links.split, links.id] = links
    return LinkTable(found)
