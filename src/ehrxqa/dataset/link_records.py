"""`dataset/links.jsonl`: what each question is about and what its answer rests on, one JSON object a line.

Lines are in the order train, valid, test, and by `id` within a split. Keys:

| key | type | meaning |
|---|---|---|
| split | text | train, valid, test |
| id | integer | number of the question within its split, as in the dataset files |
| modality | text | `table`, `image`, `multimodal` (image and table) |
| scope | text | `table-none`, `table-single`, `table-group`, `image-single-1`, `image-single-2`, `image-single-n`, |
|  |  | `image-group`, `multimodal-single`, `multimodal-group` |
| family | text | what is asked, such as `has` or `list attributes`; several templates share a family |
| template | integer | official template number, 0 to 6033 |
| study_ids | integers | studies the question is about, at most `MOST_LINKS` |
| image_ids | texts | their images, in the same order |
| image_paths | texts | where MIMIC-CXR-JPG keeps them, below its `files` folder |
| studies_total | integer | number of studies the question is about, also those not listed |
| rows | list | per table `{"table": …, "row_ids": […], "total": …}`: rows the answer rests on, at most `MOST_LINKS` |
| bounded | truth value | whether anything was left out of `study_ids` or a `row_ids` |

Of the labels only rows with relation 1 are listed; an answer "no" may rest on no row at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["MOST_LINKS", "Links", "RowLinks"]

#: Studies, and rows of a table, that are listed for one question.
MOST_LINKS: Final = 20


@dataclass(frozen=True, slots=True)
class RowLinks:
    """Rows of one table, by `row_id`."""

    table: str
    row_ids: list[int]
    total: int


@dataclass(frozen=True, slots=True)
class Links:
    """One line of the file, without split and id."""

    modality: str
    scope: str
    family: str
    template: int
    study_ids: list[int]
    image_ids: list[str]
    image_paths: list[str]
    studies_total: int
    rows: list[RowLinks]
    bounded: bool

    def record(self, split: str, number: int) -> dict[str, Any]:
        """The JSON object of question `number` of a split."""
        rows = [{"table": row.table, "row_ids": row.row_ids, "total": row.total} for row in self.rows]
        return {
            "split": split, "id": number, "modality": self.modality, "scope": self.scope, "family": self.family,
            "template": self.template, "study_ids": self.study_ids, "image_ids": self.image_ids,
            "image_paths": self.image_paths, "studies_total": self.studies_total, "rows": rows, "bounded": self.bounded,
        }  # fmt: skip
