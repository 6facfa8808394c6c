"""Scores of findings per image, made by any other program: CSV, JSON, JSON lines or Parquet.

A row is one image, named by `study_id` or `image_id`, and every other column is a score from 0 to 1:

| column | meaning |
|---|---|
| an attribute, by its published name or a synonym: `pneumonia`, `Cardiomegaly` | it is somewhere in the image |
| object and attribute: `left lung: pneumonia` | it is there |
| `view` | `AP` or `PA`, or the score of AP |
| `gender` | `M` or `F`, or the score of male |
| `cardiac silhouette: width`, `upper mediastinum: width` | width as a share of the thorax width |

Or a row is one score, with the columns `attribute`, `score` and, where it is known, `object`.

What the file does not say is not known: a question that only asks for such things is abstained from. An attribute
without a place answers questions that name no place. Where a question asks for many things, those that are not known
count as absent.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from ehrxqa.errors import RecordError, VqaError
from ehrxqa.json_files import parse_json, parse_json_lines
from ehrxqa.vqa.image_labels import Finding
from ehrxqa.vqa.models import VqaReply, VqaRequest
from ehrxqa.vqa.question import GENDERS, SIZE_LIMITS, VIEWS
from ehrxqa.vqa.synonyms import named
from ehrxqa.vqa.trained.answering import Evidences, PredictedTables
from ehrxqa.vqa.trained.table import Columns
from ehrxqa.vqa.vocabulary import ATTRIBUTES, Role, Vocabulary

__all__ = ["ScoresModel"]

_KEYS: Final = ("study_id", "image_id")
_LEAST: Final = 1e-5
#: Log-odds per share of the thorax width: how fast a width above its limit becomes certain.
_WIDTH_SLOPE: Final = 40.0
_Column = Finding | str


class ScoresModel:
    """Answers from the scores of a file.

    Args:
        path: The file.
        vocabulary: Names that columns may have.
        threshold: Score above which a finding is present.

    Raises:
        RecordError: The file cannot be read, a column is no name, or a value is no score; names the place.
    """

    name = "labels"
    batch_size = 65536
    answers_from_labels = True

    def __init__(self, path: Path, vocabulary: Vocabulary, *, threshold: float = 0.5) -> None:
        self._path = path
        try:
            content = path.read_bytes()
        except OSError as error:
            raise RecordError(f"{path}: scores cannot be read ({error.strerror})") from error
        self._version = f"{hashlib.sha256(content).hexdigest()[:16]}:{threshold!r}"
        reader = _Reader(path, vocabulary)
        for number, values in enumerate(_rows(path, content), start=1):
            reader.add(number, values)
        findings = sorted(
            {column for found in reader.scores.values() for column in found if isinstance(column, Finding)}
        )
        columns = Columns(tuple(findings))
        place: dict[_Column, int] = {finding: number for number, finding in enumerate(findings)}
        place |= {"view": columns.view, "gender": columns.gender}
        place |= {measured: columns.size(measured) for measured in SIZE_LIMITS}
        margins = np.full((len(reader.scores), len(columns)), np.nan, np.float32)
        limit = _log_odds(threshold)
        self._row: dict[int | str, int] = {}
        for row, (key, found) in enumerate(reader.scores.items()):
            self._row[key] = row
            for column, score in found.items():
                if column in SIZE_LIMITS:
                    margins[row, place[column]] = (score - SIZE_LIMITS[str(column)]) * _WIDTH_SLOPE
                else:
                    even = 0.0 if column in ("view", "gender") else limit
                    margins[row, place[column]] = _log_odds(score) - even
        ids = [str(key) for key in reader.scores]
        self._tables = PredictedTables(Evidences(columns), margins, ids, list(range(len(ids))), complete=False)

    @property
    def version(self) -> str:
        """Digest of the file, and the threshold."""
        return self._version

    def answer(self, requests: Sequence[VqaRequest]) -> list[VqaReply]:
        """Answers from the scores.

        Raises:
            VqaError: The file has no scores of an image; names the study.
        """
        asked = []
        for request in requests:
            row = self._row.get(request.study_id, self._row.get(request.image_id))
            if row is None:
                raise VqaError(f"{self._path}: no scores of study {request.study_id}")
            asked.append((request.value(), row))
        return self._tables.replies(asked)


class _Reader:
    """Collects the scores of each image."""

    def __init__(self, path: Path, vocabulary: Vocabulary) -> None:
        self._path, self._vocabulary = path, vocabulary
        self._columns: dict[str, _Column] = {}
        self.scores: dict[int | str, dict[_Column, float]] = {}

    def add(self, number: int, row: Mapping[str, Any]) -> None:
        where = f"{self._path}, row {number}"
        key = self._key(where, row)
        found = self.scores.setdefault(key, {})
        others = {name: value for name, value in row.items() if name not in _KEYS and value is not None and value != ""}
        if "attribute" in row and "score" in row:
            place = str(others.get("object") or "")
            column = self._column(f"{place}: {row['attribute']}" if place else str(row["attribute"]))
            others = {}
            found[column] = self._score(where, column, row["score"])
        for name, value in others.items():
            column = self._column(name)
            found[column] = self._score(where, column, value)

    @staticmethod
    def _key(where: str, row: Mapping[str, Any]) -> int | str:
        study, image = row.get("study_id"), row.get("image_id")
        if study is not None and str(study).strip().removesuffix(".0").isdecimal():
            return int(str(study).strip().removesuffix(".0"))
        if study is None and isinstance(image, str) and image:
            return image.strip().lower().removesuffix(".dcm").removesuffix(".jpg")
        raise RecordError(f"{where}: needs a study_id (a number) or an image_id")

    def _column(self, name: str) -> _Column:
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = self._read_column(name)
        return column

    def _read_column(self, name: str) -> _Column:
        plain = " ".join(name.replace("_", " ").lower().split())
        if plain in ("view", "gender"):
            return plain
        place, colon, what = (part.strip() for part in plain.partition(":"))
        if not colon:
            place, what = "", plain
        if what == "width" and place in SIZE_LIMITS:
            return place
        attribute = named(what, Role.ATTRIBUTE, self._vocabulary)
        where = named(place, Role.OBJECT, self._vocabulary) if place else ""
        if attribute is None or where is None:
            raise RecordError(
                f'{self._path}: column "{name}" is neither an attribute nor "object: attribute"; rename or drop it'
            )
        category = next((key for key, names in ATTRIBUTES.items() if attribute in names), "")
        return Finding(where, attribute, category)

    @staticmethod
    def _score(where: str, column: _Column, value: Any) -> float:
        said = str(value).strip().lower()
        names = {"view": VIEWS, "gender": GENDERS}.get(column) if isinstance(column, str) else None
        if names is not None and said in names:
            return 1.0 if said == names[0] else 0.0
        try:
            score = float(value)
        except (TypeError, ValueError):
            score = math.nan
        if not 0 <= score <= 1:
            what = column if isinstance(column, str) else f"{column.object}: {column.attribute}".removeprefix(": ")
            raise RecordError(f"{where}: the score of {what} is not between 0 and 1")
        return score


def _rows(path: Path, content: bytes) -> Iterator[Mapping[str, Any]]:
    """The rows of a file, whatever its form."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    start = content.lstrip()[:1]
    try:
        if content.startswith(b"PAR1"):
            yield from pa.parquet.read_table(pa.BufferReader(content)).to_pylist()
        elif start == b"[":
            yield from _objects(path, parse_json(path, content))
        elif start == b"{":
            yield from _objects(
                path, [value for _, value in parse_json_lines(path, content.decode("utf-8", "replace"))]
            )
        else:
            options = pa.csv.ConvertOptions(strings_can_be_null=True)
            table = pa.csv.read_csv(pa.BufferReader(content), convert_options=options)
            yield from table.to_pylist()
    except (ValueError, pa.ArrowInvalid, pa.ArrowKeyError) as error:
        if isinstance(error, RecordError):
            raise
        raise RecordError(
            f"{path}: neither CSV, JSON, JSON lines nor Parquet ({str(error).splitlines()[0]})"
        ) from error


def _objects(path: Path, values: Any) -> list[Mapping[str, Any]]:
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise RecordError(f"{path}: expected objects, one per image")
    return values


def _log_odds(share: float) -> float:
    share = min(max(share, _LEAST), 1 - _LEAST)
    return math.log(share / (1 - share))
