"""The images of MIMIC-CXR-JPG, one entry per image, with study times and study order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ehrxqa.errors import SourceError
from ehrxqa.sources.table_stream import stream_table
from ehrxqa.sources.tree import SourceTree

__all__ = ["ImageTable", "dense_rank", "format_ms", "order_digits", "read_images"]


@dataclass
class ImageTable:
    """All images of the archive, any view, in file order, as parallel arrays.

    Attributes:
        image_id: dicom_id.
        subject_id, study_id: int64.
        view_position: Texts such as `AP`, `PA`, `LATERAL`, or None.
        time_ms: When the image was taken: milliseconds since 1970-01-01 (the archive's own shifted calendar).
        study_order: Rank of the study among all studies of the subject, from 1.
    """

    image_id: list[str]
    subject_id: npt.NDArray[np.int64]
    study_id: npt.NDArray[np.int64]
    view_position: list[str | None]
    time_ms: npt.NDArray[np.int64]
    study_order: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.image_id)


def format_ms(time_ms: int) -> str:
    """A time in milliseconds since 1970 as text.

    >>> format_ms(4725028339892)
    '2119-09-24 19:52:19.892'
    """
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{np.datetime64(seconds, 's').item():%Y-%m-%d %H:%M:%S}.{milliseconds:03d}"


def _times_ms(date: npt.NDArray[np.int64], time: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Date YYYYMMDD and time HHMMSS.fff (which may carry binary noise) as milliseconds since 1970.

    The time is rounded to the millisecond in its decimal form, as the official builder prints it.
    """
    days = ((date // 10000 - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (date // 100 % 100 - 1)).astype(
        "datetime64[D]"
    ).astype(np.int64) + (date % 100 - 1)
    clock = np.rint(time * 1000).astype(np.int64)
    ties = np.flatnonzero(np.abs(np.abs(time * 1000 - np.trunc(time * 1000)) - 0.5) < 1e-6)
    for row in ties:  # decided by the exact binary value, as printf does; product and value can differ there
        clock[row] = int(f"{time[row]:.3f}".replace(".", ""))
    whole, ms = np.divmod(clock, 1000)
    seconds = whole // 10000 * 3600 + whole // 100 % 100 * 60 + whole % 100
    result: npt.NDArray[np.int64] = (days * 86400 + seconds) * 1000 + ms
    return result


def order_digits(study_id: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The part of a study id that decides between studies of the same millisecond: its first six digits.

    The official builder appends the id to the printed time and parses to nanoseconds, so what follows the
    milliseconds is cut after six digits. Ids have eight digits, so the last two are lost.

    >>> order_digits(np.array([50123456, 50123499])).tolist()
    [501234, 501234]
    """
    if len(study_id) and study_id.min() >= 10**7 and study_id.max() < 10**8:
        return study_id // 100
    return np.fromiter((int(str(value)[:6].ljust(6, "0")) for value in study_id.tolist()), np.int64, len(study_id))


def dense_rank(group: npt.NDArray[np.int64], *keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rank 1, 2, … of each entry by `keys` inside its group; equal keys share a rank."""
    order = np.lexsort((*reversed(keys), group))
    new_group = np.ones(len(order), dtype=bool)
    new_group[1:] = group[order][1:] != group[order][:-1]
    new_key = new_group.copy()
    for key in keys:
        new_key[1:] |= key[order][1:] != key[order][:-1]
    count = np.cumsum(new_key)
    start = np.maximum.accumulate(np.where(new_group, count, 0))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = count - start + 1
    return rank


def read_images(tree: SourceTree) -> ImageTable:
    """Read the metadata and compute time and order of every study from all its images, any view.

    Raises:
        SourceError: Not the expected file, an impossible date or time, or an image listed twice.
    """
    batches: list[Any] = list(stream_table(tree, "cxr_metadata"))
    table = pa.Table.from_batches(batches)
    path = tree.locate("cxr_metadata")
    date, time = table["StudyDate"].to_numpy(), table["StudyTime"].to_numpy()
    bad = (date < 10000101) | (date > 99991231) | ~((time >= 0) & (time < 240000))
    month, day = date // 100 % 100, date % 100
    bad |= _off_the_clock(time) & _off_the_clock(np.rint(time * 1000) / 1000)  # 173599.99999999997 is 17:36
    bad |= (month < 1) | (month > 12) | (day < 1) | (day > _days_in_month(date // 10000, month))
    if bad.any():
        row = int(np.flatnonzero(bad)[0]) + 1
        raise SourceError(f"data row {row:,}: StudyDate or StudyTime is not a date or time", path=path)
    time_ms = _times_ms(date, time)
    image_id = table["dicom_id"].cast(pa.utf8()).to_pylist()
    if len(set(image_id)) != len(image_id):
        raise SourceError("a dicom_id occurs twice; the file is not as published", path=path)
    subject_id, study_id = table["subject_id"].to_numpy(), table["study_id"].to_numpy()
    order = _study_order(subject_id, study_id, time_ms)
    views = table["ViewPosition"].cast(pa.utf8()).to_pylist()
    return ImageTable(image_id, subject_id, study_id, views, time_ms, order)


def _off_the_clock(time: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Whether HHMMSS has no such hour, minute or second."""
    result: npt.NDArray[np.bool_] = (time >= 240000) | (time % 10000 >= 6000) | (time % 100 >= 60)
    return result


def _days_in_month(year: npt.NDArray[np.int64], month: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    start = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (month - 1)
    days: npt.NDArray[np.int64] = ((start + 1).astype("datetime64[D]") - start.astype("datetime64[D]")).astype(np.int64)
    return days


def _study_order(
    subject_id: npt.NDArray[np.int64], study_id: npt.NDArray[np.int64], time_ms: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    by_study = np.lexsort((time_ms, study_id, subject_id))
    first = np.ones(len(by_study), dtype=bool)
    first[1:] = (study_id[by_study][1:] != study_id[by_study][:-1]) | (
        subject_id[by_study][1:] != subject_id[by_study][:-1]
    )
    rows = by_study[first]
    rank = dense_rank(subject_id[rows], time_ms[rows], order_digits(study_id[rows]))
    order = np.empty(len(by_study), dtype=np.int64)
    order[by_study] = rank[np.cumsum(first) - 1]
    return order
