"""What a declaration of a source file says: project, path, form, and its columns with the kind of their values.

Columns are declared in file order as words: `*hadm_id:int?` is a column that is used (`*`), holds integers, and may be
empty (`?`).

>>> file = mimic_iv("hosp/d_labitems.csv", "One row per laboratory item.", "*itemid:int *label:text? fluid:text?")
>>> file.key, [column.name for column in file.used]
('d_labitems', ['itemid', 'label'])
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ehrxqa.spec.releases import MIMIC_CXR_JPG, MIMIC_IV, Project

__all__ = ["Form", "SourceColumn", "SourceFile", "SourceKind", "mimic_iv", "table_file"]


class SourceKind(Enum):
    """Type of a source column, as it is written in the file."""

    INT = "integer"
    NUM = "decimal number"
    TEXT = "text"
    TIME = "time, YYYY-MM-DD HH:MM:SS"
    DATE = "date, YYYY-MM-DD"


class Form(Enum):
    """Form of a source file."""

    CSV = "comma-separated, with header"
    TSV = "tab-separated, with header"
    LINES = "lines of text"
    JSON = "JSON"
    ZIP = "zip of JSON files"


@dataclass(frozen=True)
class SourceColumn:
    """One column of a source file.

    Attributes:
        name: Name in the header.
        kind: Type of its values.
        used: Whether any rule of ours reads it; the others only have to be there or not at all.
        nullable: Whether the field may be empty.
    """

    name: str
    kind: SourceKind
    used: bool = False
    nullable: bool = True


@dataclass(frozen=True)
class SourceFile:
    """One source file.

    Attributes:
        key: Short name by which the code asks for it, e.g. `labevents`.
        project: The PhysioNet project.
        path: Path below the project's folder, without `.gz`.
        form: Form of its content.
        columns: Columns in file order; empty for files that are not tables.
        doc: What one row is.
        optional: Whether a build can do without it.
        packed: Whether PhysioNet publishes it as `.gz`, where it does so with tables.
    """

    key: str
    project: Project
    path: str
    form: Form
    columns: tuple[SourceColumn, ...] = ()
    doc: str = ""
    optional: bool = False
    packed: bool = True

    @property
    def used(self) -> tuple[SourceColumn, ...]:
        """The columns that are read, in file order."""
        return tuple(column for column in self.columns if column.used)

    @property
    def compressed(self) -> bool:
        """Whether PhysioNet publishes the file as `.gz`."""
        return self.packed and self.form is Form.CSV and self.project in (MIMIC_IV, MIMIC_CXR_JPG)


_KINDS = {
    "int": SourceKind.INT,
    "num": SourceKind.NUM,
    "text": SourceKind.TEXT,
    "time": SourceKind.TIME,
    "date": SourceKind.DATE,
}


def _columns(declaration: str) -> tuple[SourceColumn, ...]:
    """Columns from lines of `name:kind`; `*` before a name: used, `?` after a kind: may be empty."""
    columns = []
    for word in declaration.split():
        name, _, kind = word.partition(":")
        columns.append(
            SourceColumn(
                name=name.removeprefix("*"),
                kind=_KINDS[kind.removesuffix("?")],
                used=name.startswith("*"),
                nullable=kind.endswith("?"),
            )
        )
    return tuple(columns)


def table_file(
    project: Project,
    path: str,
    doc: str,
    columns: str,
    *,
    key: str | None = None,
    form: Form = Form.CSV,
    optional: bool = False,
) -> SourceFile:
    """A file with one header line; its key is the stem of its name, unless one is given."""
    stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return SourceFile(key or stem, project, path, form, _columns(columns), doc, optional)


def mimic_iv(path: str, doc: str, columns: str) -> SourceFile:
    """A table of MIMIC-IV."""
    return table_file(MIMIC_IV, path, doc, columns)
