"""`ehrxqa synth OUT --as-downloaded`: the tree as downloads, file managers and spreadsheets leave it.

Each kind of clutter says which program leaves it and what is right: the same databases and labels as from the clean
tree, or one clear error. Which tables it meets is drawn by the seed of the hospital.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.errors import SettingsError
from ehrxqa.files import disk_errors, write_json
from ehrxqa.hospital import clutter
from ehrxqa.hospital.clutter import Ground
from ehrxqa.hospital.seeds import Purpose, stream
from ehrxqa.json_files import read_json
from ehrxqa.progress import SILENT, Progress
from ehrxqa.sources.catalogue import FILES, Form
from ehrxqa.sources.tree import SYNTHETIC_MARKER, find_sources

__all__ = ["HARMLESS", "KINDS", "Kind", "chosen_kinds", "leave_clutter"]

#: Stands for all kinds that change nothing.
HARMLESS: Final = "harmless"


@dataclass(frozen=True)
class Kind:
    """One kind of clutter.

    Attributes:
        name: For people and the command line.
        left_by: Which program leaves it, or what happened.
        leave: Leaves it.
        tables: How many tables it meets.
        error: What the one error says; "" if the same is built as from the clean tree.
    """

    name: str
    left_by: str
    leave: Callable[[Ground], None]
    tables: int = 0
    error: str = ""


#: In the order in which they come to a tree: forms, then what lies beside, then folders, then faults.
KINDS: Final = (
    Kind("unpacked-beside", "gunzip --keep", clutter.unpacked_beside, 1),
    Kind("unpacked", "gunzip", clutter.unpacked, 2),
    Kind("byte-order-mark", "editors of Windows", clutter.byte_order_mark, 1),
    Kind("windows-line-ends", "editors of Windows", clutter.windows_line_ends, 1),
    Kind("spreadsheet", "LibreOffice: texts in quotes", clutter.spreadsheet, 2),
    Kind("spreadsheet-columns", "spreadsheets: empty columns without names", clutter.spreadsheet_columns, 1),
    Kind("half-unpacked-graphs", "unzip that was stopped", clutter.half_unpacked_graphs),
    Kind("zip-by-finder", "the Finder, packing the scene graphs anew", clutter.zip_by_finder),
    Kind("unpacked-graphs", "file managers that unpack into a folder", clutter.unpacked_graphs),
    Kind("checksums", "PhysioNet: SHA256SUMS.txt and LICENSE.txt", clutter.checksums),
    Kind("second-downloads", "browsers and wget: x (1).csv.gz, .crdownload, .part", clutter.second_downloads, 2),
    Kind("index-pages", "wget -r: index.html, robots.txt", clutter.index_pages),
    Kind("windows-rests", "Explorer, Excel, WSL: Thumbs.db, ~$x.csv, x:Zone.Identifier", clutter.windows_rests, 1),
    Kind("apple-double", "macOS: ._x, .DS_Store", clutter.apple_double),
    Kind("macosx-folders", "the Finder: __MACOSX", clutter.macosx_folders),
    Kind("nested-folder", "an archive unpacked in a folder made for it", clutter.nested_folder),
    Kind("archive-folders", "archives of PhysioNet unpacked side by side", clutter.archive_folders),
    Kind("wget-folders", "wget -r: physionet.org/files", clutter.wget_folders),
    Kind("half-unpacked", "gunzip that was stopped", clutter.half_unpacked, 1, "do not hold the same"),
    Kind("edited-copy", "somebody who changed a value", clutter.edited_copy, 1, "do not hold the same"),
    Kind("kept-name", "a browser that unpacked and kept the name", clutter.kept_name, 1, "is not packed"),
    Kind("web-page", "the page that asks to log in", clutter.web_page, 1, "is a web page"),
    Kind("cut-off", "a download that ended too early", clutter.cut_off, 1, "is cut off"),
    Kind("renamed-by-browser", "a browser", clutter.renamed_by_browser, 1, "is missing: there is"),
    Kind("semicolons", "Excel in most of Europe", clutter.semicolons, 1, "separated by ;"),
    Kind("wide-text", "Excel and PowerShell: UTF-16", clutter.wide_text, 1, "is UTF-16"),
    Kind("graphs-twice", "two archives unpacked over each other", clutter.graphs_twice, 0, "do not hold the same"),
    Kind("two-copies", "a project downloaded twice", clutter.two_copies, 0, "lies there twice"),
    Kind("other-checksums", "a file changed after the list", clutter.other_checksums, 1, "not the published files"),
)
_BY_NAME: Final = {kind.name: kind for kind in KINDS}
_RECORD: Final = "as_downloaded"


def chosen_kinds(names: Sequence[str]) -> tuple[Kind, ...]:
    """The kinds of those names, in the order of `KINDS`; `harmless` stands for all that change nothing.

    Raises:
        SettingsError: There is no such kind.
    """
    for name in names:
        if name not in (HARMLESS, *_BY_NAME):
            raise SettingsError(
                f"as downloaded: no kind is called {name!r}; there are {HARMLESS}, {', '.join(_BY_NAME)}"
            )
    return tuple(kind for kind in KINDS if kind.name in names or (HARMLESS in names and not kind.error))


def leave_clutter(out: Path, names: Sequence[str], seed: int, progress: Progress = SILENT) -> bool:
    """Leave clutter in the complete tree of a synthetic hospital; what an earlier run has left is not left again.

    Args:
        out: Root of the tree.
        names: Names of kinds, or `harmless`.
        seed: Of the hospital.
        progress: Hears which kind it is.

    Returns:
        Whether there was something to do.

    Raises:
        SettingsError: There is no such kind, or the tree has clutter of other kinds.
        BuildError: A file cannot be written.
    """
    kinds = chosen_kinds(names)
    wanted = [kind.name for kind in kinds]
    marker = out / SYNTHETIC_MARKER
    record: dict[str, Any] = read_json(marker, fault=SettingsError)
    if not kinds and _RECORD not in record:
        return False
    state = record.setdefault(_RECORD, {"kinds": wanted, "done": []})
    if state["kinds"] != wanted:
        there = ", ".join(state["kinds"]) or "no clutter"
        raise SettingsError(f"{out}: is a hospital as downloaded, with {there}; choose another folder")
    left = [kind for kind in kinds if kind.name not in state["done"]]
    with progress.task("clutter", total=len(left), unit="kinds") as task, disk_errors(out):
        for kind in left:
            kind.leave(Ground(find_sources(out), _drawn(kind, seed)))
            state["done"].append(kind.name)
            write_json(marker, record)
            task.advance()
    return bool(left)


def _drawn(kind: Kind, seed: int) -> tuple[str, ...]:
    """The tables that a kind meets: no two harmless kinds the same."""
    keys = [file.key for file in FILES if file.form is Form.CSV and file.compressed]
    order = stream(seed, Purpose.CLUTTER).permutation(len(keys)).tolist()
    first = sum(before.tables for before in KINDS[: KINDS.index(kind)])
    return tuple(keys[order[(first + number) % len(keys)]] for number in range(kind.tables))
