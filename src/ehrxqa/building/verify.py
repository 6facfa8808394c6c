"""`ehrxqa verify`: is an output folder what its manifest says, what was published, and what another folder holds?"""

from __future__ import annotations

import csv
import gzip
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw

from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.errors import BuildError
from ehrxqa.files import sha256_of
from ehrxqa.html_repr import html_repr
from ehrxqa.layout import DATABASE_PATHS, OFFICIAL_SUBJECTS
from ehrxqa.progress import Progress
from ehrxqa.runs.manifest import Manifest, read_manifest
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING
from ehrxqa.spec.releases import OFFICIAL_DATA_SET, project_of
from ehrxqa.spec.tables import TABLES

__all__ = ["PUBLISHED_COUNTS", "PUBLISHED_IMAGES", "VerifyReport", "published_counts", "verify"]

#: Images of MIMIC-CXR-JPG 2.0.0: sources with as many are the full ones.
PUBLISHED_IMAGES: Final = 377_110
#: Counts that the official builder states, by counter of the label stage.
PUBLISHED_COUNTS: Final = {
    "gold cohort": 2_338,
    "gold subjects": 500,
    "gold images": 500,
    "valid images": 8_653,
    "objects": 38,
    "possible pairs": 609,
}
#: REAL values agree if they agree to nine significant digits: the official reader does not round decimals correctly.
RELATIVE_TOLERANCE: Final = 1e-9


@dataclass
class VerifyReport:
    """What was checked, and what is wrong.

    Attributes:
        checked: One line per thing that was checked and is right.
        problems: One line per thing that is not.
    """

    checked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    __repr__ = short_repr
    _repr_html_ = html_repr

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


@checked
def verify(out: Path | str, expected: Path | str | None = None, *, progress: Progress = FITTING) -> VerifyReport:
    """Check an output folder.

    Args:
        out: Output folder of a build.
        expected: Another output folder, or a folder of table listings (`train/labevents.csv.gz` …) to compare with.
        progress: Told what happens; by default a notebook or a terminal shows it (`ehrxqa.SILENT`: nothing).

    Raises:
        BuildError: There is no build in `out`, or nothing to compare with in `expected`.
    """
    out = Path(out)
    manifest = read_manifest(out)
    if manifest is None:
        raise BuildError(f"{out}: holds no build (no manifest.json); give the output folder of: ehrxqa build")
    report = VerifyReport()
    with progress.task(f"checking {out} against its manifest"):
        _check_outputs(out, manifest, report)
    report.checked.append(f"mode: {manifest.mode}")
    _check_published(manifest, report)
    if expected is not None:
        expected = Path(expected)
        if not expected.is_dir():
            raise BuildError(f"{expected}: no such folder to compare with")
        with progress.task(f"comparing with {expected}"):
            _compare_folders(out, expected, report)
    return report


def _check_outputs(out: Path, manifest: Manifest, report: VerifyReport) -> None:
    for stage in ("labels", "database"):
        if stage not in manifest.stages:
            report.problems.append(f"stage {stage} is not complete; run the build again")
    for stage, record in manifest.stages.items():
        wrong = 0
        for path, expected in record.outputs.items():
            file = out / path
            if not file.is_file():
                problem = "is missing"
            elif file.stat().st_size != expected.bytes:
                problem = f"has {file.stat().st_size:,} bytes, the manifest says {expected.bytes:,}"
            elif sha256_of(file) != expected.sha256:
                problem = "has changed since it was built (checksum)"
            else:
                continue
            wrong += 1
            report.problems.append(f"{path}: {problem}")
        if not wrong:
            report.checked.append(f"{stage}: {counted(len(record.outputs), 'file')} as in the manifest")


def _check_published(manifest: Manifest, report: VerifyReport) -> None:
    _check_rows(manifest, report)
    if manifest.data_set != OFFICIAL_DATA_SET:
        report.checked.append(f"{manifest.data_set}: another data set, nothing is published about its cohorts")
    wrong, total = published_counts(manifest)
    report.problems += [f"published counts: {line}" for line in wrong]
    if total is not None and not wrong:
        report.checked.append(f"{total} counts as published")


def published_counts(manifest: Manifest) -> tuple[list[str], int | None]:
    """Counts that differ from the official ones, and how many there are; None where they do not apply."""
    labels = manifest.stages.get("labels")
    if labels is None or labels.counts.get("images") != PUBLISHED_IMAGES:
        return [], None
    if manifest.data_set != OFFICIAL_DATA_SET or manifest.mode != "official":
        return [], None
    counts: dict[str, Any] = {**labels.counts}
    wanted = dict(PUBLISHED_COUNTS)
    database = manifest.stages.get("database")
    for split, official in OFFICIAL_SUBJECTS.items():
        if database is not None and manifest.settings[f"{split}_subjects"] == official:
            counts[f"{split} subjects"] = database.counts["cohorts"][split]["subjects"]
            wanted[f"{split} subjects"] = official
    wrong = [
        f"{name}: {counts.get(name)}, published {number}"
        for name, number in wanted.items()
        if counts.get(name) != number
    ]
    return wrong, len(wanted)


def _check_rows(manifest: Manifest, report: VerifyReport) -> None:
    """Compare rows of source tables with those that their release was published with."""
    labels, database = manifest.stages.get("labels"), manifest.stages.get("database")
    if database is None or labels is None or labels.counts.get("images") != PUBLISHED_IMAGES:
        return
    for slug, found in manifest.releases.items():
        project = project_of(slug)
        release = project.release(found.version)
        for key, published in (release.rows if release else {}).items():
            rows = database.counts.get("sources", {}).get(key, {}).get("rows")
            line = f"{project.title} {found.version}: {key} has {counted(published, 'row')}"
            if rows == published:
                report.checked.append(f"{line} as published")
            elif rows is not None:
                report.problems.append(f"published counts: {line} as published, here {rows:,}")


def _compare_folders(out: Path, expected: Path, report: VerifyReport) -> None:
    compared = 0
    for split, path in DATABASE_PATHS.items():
        if not (out / path).is_file():
            continue
        other = expected / path
        listing = expected / split
        if other.is_file():
            compared += 1
            with _Tables(out / path) as mine, _Tables(other) as theirs:
                _compare_tables(split, mine, theirs, report)
        elif (listing / "schema.sql").is_file():
            compared += 1
            with _Tables(out / path) as mine:
                _compare_tables(split, mine, _Listings(listing, expected / "both"), report)
    compared += _compare_labels(out, expected, report)
    if not compared:
        raise BuildError(
            f"{expected}: neither an output folder (database/train/…) nor table listings (train/schema.sql)"
        )


def _compare_labels(out: Path, expected: Path, report: VerifyReport) -> int:
    """Compare cohorts and labels, written as the official files, with such files in `expected`."""
    from ehrxqa.labels.official_csv import OFFICIAL_FILES, official_rows
    from ehrxqa.labels.store import read_labels

    found = [(name, path) for name in OFFICIAL_FILES if (path := _either(expected, name)) is not None]
    labels = read_labels(out / "labels") if found else None
    for name, path in found:
        assert labels is not None
        with _open_text(path) as stream:
            problem = None
            pairs = itertools.zip_longest(official_rows(labels, name), stream)
            for number, (mine, theirs) in enumerate(pairs, 1):
                if mine != theirs:
                    what = "differs" if mine and theirs else "is only on one side"
                    problem = f"{name}: line {number:,} {what}"
                    break
        if problem is None:
            report.checked.append(f"{name}: equal")
        else:
            report.problems.append(problem)
    return len(found)


def _either(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def _open_text(path: Path) -> io.TextIOWrapper:
    raw: Any = gzip.GzipFile(path) if path.name.endswith(".gz") else path.open("rb")
    return io.TextIOWrapper(raw, encoding="utf-8", newline="\n")


class _Tables:
    """The tables of a database file."""

    def __init__(self, path: Path) -> None:
        try:
            self._database = apsw.Connection(
                f"{path.resolve().as_uri()}?mode=ro&immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
            )
            statements = self._database.execute("SELECT sql FROM sqlite_schema WHERE type = 'table'").fetchall()
        except apsw.Error as error:
            raise BuildError(f"{path}: is not a SQLite database ({error})") from error
        self.schema = [str(statement) for (statement,) in statements]
        self.exact = True

    def __enter__(self) -> _Tables:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def rows(self, name: str) -> tuple[list[str], Iterator[Sequence[Any]]]:
        """Column names and rows of a table, in stored order."""
        cursor = self._database.execute(f'SELECT * FROM "{name.upper()}" ORDER BY rowid')
        columns = [str(row[1]) for row in self._database.execute(f'PRAGMA table_info("{name.upper()}")')]
        return columns, iter(cursor)


class _Listings:
    """Tables as CSV files: a header line, null as an empty field, rows in stored order."""

    def __init__(self, folder: Path, shared: Path) -> None:
        self._folders = (folder, shared)
        text = (folder / "schema.sql").read_text(encoding="utf-8")
        self.schema = [statement.strip() for statement in text.split(";\n") if statement.strip()]
        self.exact = False

    def rows(self, name: str) -> tuple[list[str], Iterator[Sequence[Any]]]:
        """Column names and rows of a table, in stored order."""
        for folder in self._folders:
            path = _either(folder, f"{name}.csv")
            if path is not None:
                reader = csv.reader(_open_text(path))
                return next(reader), reader
        raise BuildError(f"{self._folders[0]}: has no listing of table {name}")


def _compare_tables(split: str, mine: _Tables, theirs: _Tables | _Listings, report: VerifyReport) -> None:
    if [text.strip() for text in mine.schema] != [text.strip() for text in theirs.schema]:
        report.problems.append(f"{split}: {_schema_difference(mine.schema, theirs.schema)}")
    equal = 0
    for table in TABLES.values():
        problem = _first_difference(table.name, mine, theirs)
        if problem is None:
            equal += 1
        else:
            report.problems.append(f"{split}: {problem}")
    report.checked.append(f"{split}: {equal} of {counted(len(TABLES), 'table')} equal")


def _schema_difference(mine: list[str], theirs: list[str]) -> str:
    for left, right in itertools.zip_longest(mine, theirs):
        if left is None or right is None or left.strip() != right.strip():
            for a, b in itertools.zip_longest((left or "").split("\n"), (right or "").split("\n")):
                if a != b:
                    name = (left or right or "").split('"')[1]
                    return f"schema of {name}: {(a or 'nothing').strip()} instead of {(b or 'nothing').strip()}"
    return "schemas differ"


def _first_difference(name: str, mine: _Tables, theirs: _Tables | _Listings) -> str | None:
    try:
        my_columns, my_rows = mine.rows(name)
        their_columns, their_rows = theirs.rows(name)
    except apsw.SQLError:
        return f"table {name} is missing on one side"
    if my_columns != their_columns:
        return f"table {name}: columns {my_columns} instead of {their_columns}"
    same = _same if theirs.exact else _same_as_text
    for number, (left, right) in enumerate(itertools.zip_longest(my_rows, their_rows)):
        if left is None or right is None:
            return f"table {name}: has {'fewer' if left is None else 'more'} rows than expected (from row {number:,})"
        for column, a, b in zip(my_columns, left, right, strict=True):
            if not same(a, b):
                return f"table {name}: first difference in row {number:,}, column {column}"
    return None


def _close(a: float, b: float) -> bool:
    return a == b or abs(a - b) <= RELATIVE_TOLERANCE * max(abs(a), abs(b))


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return _close(a, b)
    return type(a) is type(b) and bool(a == b)


def _same_as_text(value: Any, text: str) -> bool:
    if value is None:
        return text == ""
    if isinstance(value, float):
        try:
            return not text.lstrip("-").isdigit() and _close(value, float(text))
        except ValueError:
            return False
    return str(value) == text
