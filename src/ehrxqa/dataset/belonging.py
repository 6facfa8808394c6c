"""Which database questions belong to: the manifest of the build they lie in says so, and the subjects they name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from ehrxqa.errors import NeuralSqlError, RecordError
from ehrxqa.layout import BASES, DATABASE_PATHS, MANIFEST
from ehrxqa.runs.manifest import FileRecord, Manifest, read_manifest
from ehrxqa.runs.output_folder import build_above

__all__ = ["ASK_OTHERS", "build_of", "check_belongs", "recorded_database", "subjects_of"]

#: What `answer` and `execute` say one can do.
_HINT: Final = "give the right one, or --other-database"
#: What those say that take database and questions from one folder.
ASK_OTHERS: Final = "build it again, or ask questions made from it"
_SIGNS: Final = 12


def check_belongs(
    database: Path,
    sha256: str,
    questions: Path,
    records: Iterable[Mapping[str, Any]] = (),
    *,
    base: str | None = None,
    hint: str = _HINT,
) -> None:
    """Refuse a database that is not the one of a file of questions or queries, as far as it can be told.

    Args:
        database: The file.
        sha256: Of the database.
        questions: The file.
        records: Its records, if they say what they are about.
        base: The database of its split, where that is known: `train` or `test`.
        hint: What to do about it.

    Raises:
        RecordError: The manifest of the build that the database, or the file, lies in names another database, or
            subjects that the records name are not in it. Both are named.
    """
    for beside in (database, questions):
        out, manifest = build_of(beside)
        if manifest is None:
            continue
        if beside == database:  # the file that the manifest names, by its path
            named = [each for each in BASES if (out / DATABASE_PATHS[each]).resolve() == database.resolve()]
        else:
            named = [each for each in BASES if base in (None, each)]
        known = {each: record for each in named if (record := recorded_database(manifest, each)) is not None}
        if known and all(record.sha256 != sha256 for record in known.values()):
            paths = " or ".join(str(out / DATABASE_PATHS[each]) for each in known)
            told = ", ".join(record.sha256[:_SIGNS] for record in known.values())
            whose = f"{questions} belongs to {paths}" if beside == questions else f"{out / MANIFEST} names another"
            raise RecordError(f"{database}: SHA-256 {sha256[:_SIGNS]}, but {whose} (SHA-256 {told}); {hint}")
    subjects = subjects_of(records)
    if subjects and (known_subjects := _subjects_in(database)) is not None and (lacking := subjects - known_subjects):
        raise RecordError(
            f"{database}: lacks {len(lacking):,} of the {len(subjects):,} subjects that {questions} asks about; {hint}"
        )


def recorded_database(manifest: Manifest, base: str) -> FileRecord | None:
    """What a manifest says of a database of its build."""
    stage = manifest.stages.get("database")
    return None if stage is None else stage.outputs.get(DATABASE_PATHS[base])


def subjects_of(records: Iterable[Mapping[str, Any]]) -> set[int]:
    """The subjects that questions name."""
    values = (record.get("value") for record in records if not record.get("is_impossible"))
    found = {value.get("patient_id") for value in values if isinstance(value, dict)}
    return {subject for subject in found if isinstance(subject, int)}


def build_of(path: Path) -> tuple[Path, Manifest | None]:
    """The nearest folder above a file that holds a manifest of ours, and the manifest."""
    folder = build_above(path)
    return (path.parent, None) if folder is None else (folder, read_manifest(folder))


def _subjects_in(database: Path) -> set[int] | None:
    """The subjects of a database; None if it is not one of ours, with patients and their numbers."""
    from ehrxqa.sql.limits import Limits
    from ehrxqa.sql.sandbox import open_database

    with open_database(database, limits=Limits(seconds=60, rows=10_000_000, result_bytes=1 << 32)) as sandbox:
        tables = {name.lower() for name in sandbox.tables}
        if "patients" not in tables:
            return None
        try:
            query = " union ".join(
                f"select subject_id from {name}" for name in ("patients", "tb_cxr") if name in tables
            )
            rows = sandbox.run(query).rows
        except NeuralSqlError:
            return None
        return {int(subject) for (subject,) in rows if isinstance(subject, int | float)}
