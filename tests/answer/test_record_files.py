"""Files of records: the bytes of the official ones, whatever the records hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ehrxqa.dataset.records import write_records

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(Path("x"))
keys = st.text() | st.integers() | st.floats() | st.booleans() | st.none()
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(keys, inner), max_leaves=12
)


@pytest.mark.parametrize("count", [0, 1, 2])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_records_are_written_as_python_indents_json(count: int, data: st.DataObject, tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [data.draw(st.dictionaries(st.text(), values)) for _ in range(count)]
    write_records(tmp_path / "x.json", records)
    assert (tmp_path / "x.json").read_text(encoding="utf-8") == json.dumps(records, indent=4, default=str)
