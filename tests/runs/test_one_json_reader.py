"""JSON is read by one loader, which no text can break; who reads otherwise is named here, with the reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import ehrxqa
from ehrxqa.errors import RecordError
from ehrxqa.json_files import decoded_file, json_value

SOURCES = Path(ehrxqa.__file__).parent
READING = re.compile(
    r"json\.loads?\(|JSONDecoder\(|msgspec\.json\.(?:decode|Decoder)\(|orjson|(?:from|import) simplejson"
)
#: File below `src/ehrxqa` → why it reads JSON itself.
ITSELF = {
    "agents/tasks.py": "a line that this process has just made",
    "json_files.py": "the loader",
    "models/run_folder.py": "typed lines, half a million a run; every fault of a file is its own RecordError",
    "publish/card.py": "text of the card: code for readers of the data set",
    "questions/spool.py": "lines that this process has written or checked",
    "runs/dask_nodes.py": "one line from the process that started this one",
    "runs/journal.py": "what this process has just written as JSON",
    "sources/image_boxes.py": "scene graphs by their declared form, as scene_graphs.py",
    "sources/report_text.py": "scene graphs by their declared form, as scene_graphs.py",
    "sources/scene_graphs.py": "240,000 graphs by their declared form, with NaN; every fault is its own SourceError",
    "vqa/reading.py": "a JSON value at the head of a model's reply, with prose behind it",
    "vqa/records.py": "arguments that were read already",
}


def test_everybody_reads_json_through_the_one_loader() -> None:
    readers = {
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*.py")
        if READING.search(path.read_text(encoding="utf-8"))
    }
    assert readers == ITSELF.keys()


@pytest.mark.parametrize("text", ["[" * 200_000, "1" * 9999, "{", "", b"\xff", '{"a": 1} 2'])
def test_whatever_is_no_json_is_a_value_error(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="."):
        json_value(text)


def test_large_files_are_read_as_the_others_are(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("\ufeff[[1, 2]]")
    assert decoded_file(list[list[int]], path, "pairs") == [[1, 2]]
    path.write_text('["\\ud83d"]')
    assert decoded_file(list[str], path, "texts") == ["\ud83d"]
    for text, said in (
        ('[["a"]]', "is not pairs"),
        ("[" * 200_000, "too deeply"),
        ("", "is empty"),
        ("[[1]", "cut off"),
    ):
        path.write_text(text)
        with pytest.raises(RecordError, match=said):
            decoded_file(list[list[int]], path, "pairs")
    with pytest.raises(RecordError, match="no such file"):
        decoded_file(list[list[int]], tmp_path / "y.json", "pairs")
