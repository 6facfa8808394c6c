"""Tables in text: separated by commas or tabs, aligned by blanks as pandas prints them, or HTML."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import Iterator

from ehrxqa.leakscan.columns import named_column, table_hits
from ehrxqa.leakscan.masking import made_up_number
from ehrxqa.leakscan.rules import Hit

__all__ = ["delimited_hits", "html_hits", "printed_hits"]

_DELIMITERS = "\t,;|"
_HTML_ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL | re.IGNORECASE)
_HTML_CELL = re.compile(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
#: `Name: subject_id, Length: 3, dtype: int64`, below what pandas prints of a column.
_SERIES = re.compile(r"^Name: (?P<name>[^,\n]+)(?:, Length: \d+)?, dtype: \w+", re.MULTILINE)
#: A column's name in a printed frame; code has brackets and commas.
_NAME = re.compile(r"[\w.#%/-]{1,40}")
_LAST_NUMBER = re.compile(r"(?<![\w.])([1235]\d{7})[ \t]*$", re.MULTILINE)


def delimited_hits(text: str) -> Iterator[Hit]:
    """Rows of MIMIC in a table whose cells are separated; the header may lack, or name nothing."""
    start = text[:20_000].lstrip("\n\r")
    header_line = start.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header_line.count)
    if delimiter not in header_line:
        if not named_column(header_line.strip().strip('"')):
            return
        delimiter = ","  # a table of one column
    rows = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        header = [cell.strip() for cell in next(row for row in rows if row)]
        if not any(named_column(name) for name in header) and not _all_tabular(start, delimiter):
            return
        yield from table_hits(header, ((rows.line_num, row) for row in rows), text.count("\n"))
    except (csv.Error, StopIteration):
        return


def _all_tabular(start: str, delimiter: str) -> bool:
    """Whether the first lines have as many cells each: prose and code have not."""
    counts = {line.count(delimiter) for line in start.splitlines()[:20] if line.strip()}
    return len(counts) == 1 and counts.pop() > 0


def html_hits(text: str) -> Iterator[Hit]:
    """Rows of MIMIC in the tables of a web page, or of a notebook's output."""
    if "<t" not in text.lower():
        return
    rows: list[tuple[int | None, list[str]]] = []
    for row in _HTML_ROW.finditer(text):
        cells = [html.unescape(_TAG.sub("", cell[1])).strip() for cell in _HTML_CELL.finditer(row[0])]
        rows.append((text.count("\n", 0, row.start()) + 1, cells) if not rows else (None, cells))
    if rows:
        header = next((cells for _, cells in rows if any(map(named_column, cells))), rows[0][1])
        yield from table_hits(header, ((rows[0][0], cells) for _, cells in rows[1:]), len(rows) - 1)


def printed_hits(text: str) -> Iterator[Hit]:
    """What pandas prints: a frame aligned by blanks, or one column above its name."""
    for match in _SERIES.finditer(text):
        if named_column(match["name"]):
            block = text[max(0, match.start() - 4000) : match.start()]
            real = [number for number in _LAST_NUMBER.findall(block) if not made_up_number(number)]
            if real:
                line = text.count("\n", 0, match.start()) + 1
                yield Hit("mimic-rows", line, f"a printed column {match['name']} with {len(real):,} numbers")
                return
    lines = text.splitlines()
    for number, heading in enumerate(lines):
        names = heading.split()
        if 1 <= len(names) <= 60 and any(map(named_column, names)) and all(map(_NAME.fullmatch, names)):
            below = [(number + 2 + place, row.split()) for place, row in enumerate(lines[number + 1 : number + 200])]
            # an index stands before the cells of a printed frame, so that rows are one longer than the header
            shifted = [(place, cells[len(cells) - len(names) :]) for place, cells in below if len(cells) >= len(names)]
            hits = list(table_hits(names, shifted, len(shifted)))
            if hits:
                yield hits[0]
                return
