"""Image labels of an integrated database: TB_CXR names the studies, TB_CXR_PLUS holds their labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ehrxqa.errors import BuildError, NeuralSqlError
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.sandbox import open_database
from ehrxqa.vqa.image_labels import Finding, ImageLabels

__all__ = ["labels_of_database", "studies_of_database"]

_STUDIES = "SELECT study_id, image_id, subject_id, viewposition FROM tb_cxr ORDER BY row_id"
_GENDERS = "SELECT subject_id, gender FROM patients"
# of some 600 rows of a study, all have the same sizes: they are grouped when there is one of each
_SIZES = (
    "SELECT study_id, max(ct_ratio), max(mt_ratio) "
    "FROM (SELECT DISTINCT study_id, ct_ratio, mt_ratio FROM tb_cxr_plus) GROUP BY study_id"
)
_FINDINGS = "SELECT DISTINCT object, attribute, category FROM tb_cxr_plus"
_PRESENT = "SELECT study_id, object, attribute, category FROM tb_cxr_plus WHERE relation = 1"


# Labels are read as a query is: a table of a database of somebody else may be a view that never ends. What is ours and
# whole is far within these bounds.
_LIMITS = Limits(seconds=120, rows=50_000_000, result_bytes=1 << 33, memory=1 << 33)


def labels_of_database(path: Path | str) -> ImageLabels:
    """The labels of every study of a database, by which its gold programs answer.

    Studies of TB_CXR without a row in TB_CXR_PLUS have no finding and no size. Studies that only TB_CXR_PLUS
    has are taken too. Sizes are the stored ratios ct_ratio and mt_ratio.

    Raises:
        BuildError: The file is missing or not an EHRXQA database.
    """
    with _Reader(Path(path)) as reader:
        studies = {row[0]: row for row in reader.rows(_STUDIES)}
        genders: dict[int, str | None] = dict(reader.rows(_GENDERS))
        sizes = {study: (ct, mt) for study, ct, mt in reader.rows(_SIZES)}
        findings = sorted(Finding(*row) for row in reader.rows(_FINDINGS) if None not in row)
        if missing := sizes.keys() - studies.keys():
            more = reader.rows("SELECT DISTINCT study_id, image_id, subject_id, viewposition FROM tb_cxr_plus")
            studies.update((row[0], row) for row in more if row[0] in missing)
        row_of = {study: row for row, study in enumerate(studies)}
        bit = {tuple(finding): 1 << place for place, finding in enumerate(findings)}
        present = [0] * len(studies)
        for study, *finding in reader.rows(_PRESENT):
            if study is not None and None not in finding:
                present[row_of[study]] |= bit[tuple(finding)]
    return ImageLabels(
        image_ids=[str(row[1]) for row in studies.values()],
        study_ids=list(studies),
        subject_ids=[row[2] for row in studies.values()],
        findings=findings,
        present=present,
        views=[row[3] for row in studies.values()],
        genders=[genders.get(row[2]) for row in studies.values()],
        shares={
            "cardiac silhouette": [sizes.get(study, (None, None))[0] for study in studies],
            "upper mediastinum": [sizes.get(study, (None, None))[1] for study in studies],
        },
        possible=findings,
    )


def studies_of_database(path: Path | str) -> dict[int, tuple[int, str]]:
    """Study → (subject, image) of TB_CXR; reads no labels.

    Raises:
        BuildError: The file is missing or not an EHRXQA database.
    """
    with _Reader(Path(path)) as reader:
        return {study: (subject, image) for study, image, subject, _ in reader.rows(_STUDIES)}


class _Reader:
    """A database opened for reading only, within limits."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> _Reader:
        if not self._path.is_file():
            raise BuildError(f"{self._path}: no such database; build it first: ehrxqa build SOURCES OUT")
        try:
            self._sandbox = open_database(self._path, limits=_LIMITS)
        except NeuralSqlError as error:
            raise BuildError(str(error)) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._sandbox.close()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        try:
            return self._sandbox.run(query).rows
        except NeuralSqlError as error:
            raise BuildError(f"{self._path}: not an EHRXQA database ({error})") from error
