"""Limits that hold unless others are given: on both sides of each."""

from __future__ import annotations

import pytest

from ehrxqa.sql.errors import RowLimit
from ehrxqa.sql.sandbox import open_database


def counting(rows: int) -> str:
    return f"with recursive r (n) as ( select 1 union all select n + 1 from r where n < {rows} ) select n from r"


def test_a_hundred_thousand_rows_are_an_answer(tmp_path):
    path = tmp_path / "empty.db"
    path.write_bytes(b"")
    with open_database(path) as sandbox:
        assert len(sandbox.run(counting(100_000)).rows) == 100_000
        with pytest.raises(RowLimit):
            sandbox.run(counting(100_001))
