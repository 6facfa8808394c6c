"""Questions as tables: for Arrow the columns that are exported, for pandas values as Python has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ehrxqa.dataset.parquet import ABOUT, fields_of, parquet_table
from ehrxqa.errors import SettingsError
from ehrxqa.loading.question_record import QuestionRecord
from ehrxqa.loading.question_records import QuestionRecords

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["about", "arrow_table", "data_frame"]


def arrow_table(questions: QuestionRecords) -> pa.Table:
    """Questions as the table that is exported.

    Raises:
        RecordError: A value fits no column.
    """
    records = [each.record for each in questions]
    return parquet_table(questions.origin.folder, records, fields_of(records, answered=True), about(questions))


def about(questions: Sequence[QuestionRecord]) -> list[dict[str, Any]]:
    """What is said about each question beside its record, by the names in `ABOUT`."""
    return [
        {field.name: list(value) if isinstance(value := getattr(each, field.name), tuple) else value for field in ABOUT}
        for each in questions
    ]


def data_frame(questions: QuestionRecords) -> pd.DataFrame:
    """Questions as a data frame, a row each.

    Raises:
        SettingsError: pandas is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise SettingsError("to_pandas needs pandas: pip install pandas (to_arrow needs nothing more)") from None
    records = [each.record for each in questions]
    names = [field.name for field in fields_of(records, answered=True)]
    rows = [
        {**{name: record.get(name) for name in names}, **more}
        for record, more in zip(records, about(questions), strict=True)
    ]
    return pd.DataFrame(rows, columns=[*names, *(field.name for field in ABOUT)])
