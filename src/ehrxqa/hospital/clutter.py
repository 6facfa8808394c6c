"""What programs leave in a tree of source files, one function per habit; each may be called again where it was cut off.

They change the tree that they are given, which is synthetic; nothing here is ever called on other files.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ehrxqa.files import atomic_path, sha256_of, write_text
from ehrxqa.hospital.archive import ZipFile, zip_entry
from ehrxqa.json_files import json_value
from ehrxqa.sources.catalogue import CHEST_IMAGENOME, FILES, MIMIC_CXR_JPG, MIMIC_IV, SourceKind, source_file
from ehrxqa.sources.download.checksums import SUMS
from ehrxqa.sources.tree import SYNTHETIC_MARKER, SourceTree

__all__ = ["Ground"]

BOM = b"\xef\xbb\xbf"
_APPLE_DOUBLE = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        \x00\x02\x00\x00\x00\x09\x00\x00\x00\x32" + bytes(64)
_DS_STORE = b"\x00\x00\x00\x01Bud1\x00\x00\x10\x00" + bytes(32)
_THUMBS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(64)
_INDEX = (
    "<html>\n<head><title>Index of /{0}/</title></head>\n<body><h1>Index of /{0}/</h1><pre>{1}</pre></body>\n</html>\n"
)
_LOGIN = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body><form>Please log in</form></body></html>\n"


@dataclass(frozen=True)
class Ground:
    """Where a program leaves something.

    Attributes:
        tree: The tree of a synthetic hospital, as it lies by now.
        tables: Keys of the tables that were drawn for this program.
    """

    tree: SourceTree
    tables: tuple[str, ...]

    @property
    def root(self) -> Path:
        """The root of the tree."""
        return self.tree.root

    def plain(self, key: str) -> Path:
        """Where a table lies unpacked, whether it does or not."""
        file = source_file(key)
        return self.tree.folder(file.project) / file.path

    def packed(self, key: str) -> Path:
        """Where a table lies packed, whether it does or not."""
        return self.plain(key).with_name(self.plain(key).name + ".gz")

    def content(self, key: str) -> bytes:
        """The text of a table as it was written, whatever was done to it since."""
        packed = self.packed(key)
        data = gzip.decompress(packed.read_bytes()) if packed.is_file() else self.plain(key).read_bytes()
        return data.removeprefix(BOM).replace(b"\r\n", b"\n")

    def replace(self, key: str, data: bytes) -> None:
        """Leave a table unpacked with these bytes, and no packed one."""
        _write(self.plain(key), data)
        self.packed(key).unlink(missing_ok=True)

    def beside(self) -> Iterator[Path]:
        """The files of the projects, in a fixed order, without those that are clutter themselves."""
        for folder in self.folders():
            yield from sorted(path for path in folder.iterdir() if path.is_file() and not _is_clutter(path.name))

    def folders(self) -> list[Path]:
        """The root and the folders of the projects, in a fixed order."""
        found = [self.root]
        for project in (MIMIC_IV, MIMIC_CXR_JPG, CHEST_IMAGENOME):
            top = self.root / project.slug
            below = [path for path in top.rglob("*") if path.is_dir() and not set(path.parts) & {"__MACOSX"}]
            found += [top, *sorted(below)] if top.is_dir() else []
        return found


def _is_clutter(name: str) -> bool:
    return name.startswith((".", "~")) or name in ("index.html", "robots.txt", "Thumbs.db", "desktop.ini")


def _write(path: Path, data: bytes) -> None:
    with atomic_path(path) as part:
        part.write_bytes(data)


def _drop(path: Path, data: bytes) -> None:
    """Write a file that nothing reads: one that was cut off is written again, so no care is taken."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# what lies beside the files


def index_pages(ground: Ground) -> None:
    """`wget -r` keeps the pages that it found the files by."""
    _drop(ground.root / "robots.txt", b"User-agent: *\nDisallow: /works/\n")
    for folder in ground.folders():
        names = "".join(f'<a href="{path.name}">{path.name}</a>\n' for path in sorted(folder.iterdir()))
        name = folder.relative_to(ground.root).as_posix()
        for page in ("index.html", "index.html?C=M;O=A"):
            _drop(folder / page, _INDEX.format(f"files/{name}", names if page == "index.html" else "").encode())


def apple_double(ground: Ground) -> None:
    """MacOS writes a `._` file beside each one on a disk of another system, and `.DS_Store` into each folder."""
    for path in list(ground.beside()):
        _drop(path.with_name(f"._{path.name}"), _APPLE_DOUBLE)
    for folder in ground.folders():
        _drop(folder / ".DS_Store", _DS_STORE)
    (ground.root / ".fseventsd").mkdir(exist_ok=True)


def macosx_folders(ground: Ground) -> None:
    """An archive packed by the Finder and unpacked elsewhere leaves `__MACOSX` with the same folders."""
    for path in list(ground.beside()):
        below = path.relative_to(ground.root)
        _drop(ground.root / "__MACOSX" / below.with_name(f"._{below.name}"), _APPLE_DOUBLE)
        if len(below.parts) > 2:
            _drop(Path(ground.root, below.parts[0], "__MACOSX", *below.parts[1:-1], f"._{below.name}"), _APPLE_DOUBLE)


def windows_rests(ground: Ground) -> None:
    """Explorer, Excel and WSL leave previews, owners' names of open files, and where a file came from."""
    for folder in ground.folders():
        _drop(folder / "Thumbs.db", _THUMBS)
        _drop(folder / "desktop.ini", b"[.ShellClassInfo]\r\n")
    for key in ground.tables:
        path = ground.tree.locate(key)
        _drop(path.with_name(f"{path.name}:Zone.Identifier"), b"[ZoneTransfer]\r\nZoneId=3\r\n")
        _drop(path.with_name(f"~${path.name.removesuffix('.gz')}"), b"\x05Owner" + bytes(48))
        _drop(path.with_name(f".~lock.{path.name.removesuffix('.gz')}#"), b",owner,host,02.03.2026 10:00,file:///;")


def second_downloads(ground: Ground) -> None:
    """A browser or wget that fetches a file again gives it another name; one that was stopped leaves a rest."""
    for key in ground.tables:
        path = ground.tree.locate(key)
        data = path.read_bytes()
        stem, dot, ends = path.name.partition(".")
        for name, share in (
            (f"{stem} (1){dot}{ends}", 1),
            (f"{stem} (2){dot}{ends}", 3),
            (f"{path.name}.1", 2),
            (f"{path.name}.crdownload", 2),
            ("Unconfirmed 417203.crdownload", 4),
            (f"{path.name}.part", 2),
        ):
            _drop(path.with_name(name), data[: len(data) // share])


# other forms of the same values


def unpacked_beside(ground: Ground) -> None:
    """`gunzip --keep` leaves both."""
    for key in ground.tables:
        _write(ground.plain(key), ground.content(key))


def unpacked(ground: Ground) -> None:
    """`gunzip` leaves the unpacked file alone."""
    for key in ground.tables:
        ground.replace(key, ground.content(key))


def byte_order_mark(ground: Ground) -> None:
    """Editors of Windows begin a text with a byte order mark."""
    for key in ground.tables:
        ground.replace(key, BOM + ground.content(key))
    for path in _texts(ground):
        _write(path, BOM + path.read_bytes().removeprefix(BOM))


def windows_line_ends(ground: Ground) -> None:
    """Editors of Windows, and git there, end lines with two characters."""
    for key in ground.tables:
        ground.replace(key, ground.content(key).replace(b"\n", b"\r\n"))
    for path in _texts(ground):
        _write(path, path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


def _texts(ground: Ground) -> list[Path]:
    """The small files that are published unpacked."""
    return [ground.tree.locate(file) for file in FILES if not file.compressed and not file.optional]


def spreadsheet(ground: Ground) -> None:
    """LibreOffice that saves as "CSV UTF-8" with texts in quotes; no value is one that it would change."""
    for key in ground.tables:
        _save_as(ground, key, ",", quoted=True)


def spreadsheet_columns(ground: Ground) -> None:
    """A spreadsheet writes columns that somebody clicked into and left empty, without names."""
    for key in ground.tables:
        _save_as(ground, key, ",", quoted=False, empty=2)


def _save_as(ground: Ground, key: str, mark: str, *, quoted: bool, empty: int = 0) -> None:
    rows = list(csv.reader(io.StringIO(ground.content(key).decode(), newline="")))
    width = len([name for name in rows[0] if name])
    kinds = {column.name: column.kind for column in source_file(key).columns}
    texts = [quoted and kinds.get(name) in (SourceKind.TEXT, None) for name in rows[0][:width]]
    lines = []
    for row in rows:
        cells = [
            '"' + cell.replace('"', '""') + '"'
            if cell and (text or any(sign in cell for sign in f'{mark}"\n'))
            else cell
            for cell, text in zip(row[:width], texts, strict=True)
        ]
        lines.append(mark.join([*cells, *[""] * empty]))
    ground.replace(key, BOM + "".join(f"{line}\r\n" for line in lines).encode())


def half_unpacked_graphs(ground: Ground) -> None:
    """`unzip` that was stopped leaves the first files beside the archive."""
    path = ground.tree.locate("scene_graphs")
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist()[:3]:
            _write(path.with_suffix("") / name.rpartition("/")[2], archive.read(name))


def zip_by_finder(ground: Ground) -> None:
    """The Finder packs a folder anew, with its own files in a folder of their own."""
    path = ground.tree.locate("scene_graphs")
    with zipfile.ZipFile(path) as archive, atomic_path(path) as part:
        packed = ZipFile(part)
        packed.add(zip_entry("scene_graph/.DS_Store", _DS_STORE))
        for name in [name for name in archive.namelist() if not _is_clutter(Path(name).name)]:
            packed.add(zip_entry(f"scene_graph/{Path(name).name}", archive.read(name)))
            packed.add(zip_entry(f"__MACOSX/scene_graph/._{Path(name).name}", _APPLE_DOUBLE))
        packed.close()


def unpacked_graphs(ground: Ground) -> None:
    """A file manager unpacks an archive into a folder of its name; copies and its own files come to lie there."""
    path = ground.tree.folder(CHEST_IMAGENOME) / "silver_dataset/scene_graph.zip"
    folder = path.with_suffix("") / "scene_graph"
    if not path.is_file():
        return
    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(".json") and not _is_clutter(Path(name).name)]
        for name in names:
            _drop(folder / Path(name).name, archive.read(name))
            _drop(folder / f"._{Path(name).name}", _APPLE_DOUBLE)
        first = Path(names[0]).name
        for copy in (first.replace(".json", " (1).json"), f"Copy of {first}.txt"):
            _drop(folder / copy, archive.read(names[0]))
        _drop(path.with_suffix("") / first, archive.read(names[0]))
    path.unlink()


def checksums(ground: Ground) -> None:
    """`SHA256SUMS.txt` and the licence, as each project is published with them."""
    _sums(ground, lambda path: sha256_of(path))


def _sums(ground: Ground, digest: Callable[[Path], str]) -> None:
    for project in (MIMIC_IV, MIMIC_CXR_JPG, CHEST_IMAGENOME):
        folder = ground.tree.folder(project)
        write_text(folder / "LICENSE.txt", "PhysioNet Credentialed Health Data License\n")
        names = [ground.tree.locate(file) for file in FILES if file.project is project and ground.tree.find(file)]
        lines = [f"{digest(path)} {path.relative_to(folder).as_posix()}\n" for path in [*names, folder / "LICENSE.txt"]]
        write_text(folder / SUMS, "".join(sorted(lines, key=lambda line: line[65:])))


# folders


def nested_folder(ground: Ground) -> None:
    """PhysioNet's own archive holds a folder, and was unpacked in one that somebody had made for it."""
    folder = ground.tree.folder(MIMIC_IV)
    _move_into(folder, folder / f"{MIMIC_IV.archive}-{ground.tree.version(MIMIC_IV)}")


def archive_folders(ground: Ground) -> None:
    """PhysioNet's own archives, unpacked side by side."""
    for project in (MIMIC_CXR_JPG, CHEST_IMAGENOME):
        _move_into(
            ground.root / project.slug / ground.tree.version(project),
            ground.root / f"{project.archive}-{ground.tree.version(project)}",
        )
        shutil.rmtree(ground.root / project.slug, ignore_errors=True)


def wget_folders(ground: Ground) -> None:
    """`wget -r` keeps the host and the folders of the addresses."""
    root = ground.tree.given or ground.root
    _move_into(root, root / "physionet.org" / "files", but=(SYNTHETIC_MARKER,))


def _move_into(folder: Path, target: Path, but: tuple[str, ...] = ()) -> None:
    """Move what is in a folder to another, which may lie in it."""
    if not folder.is_dir():
        return
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(folder.iterdir()):
        if path not in (target, *target.parents) and path.name not in but:
            path.rename(target / path.name)


# faults: each must be told in one line


def half_unpacked(ground: Ground) -> None:
    """A disk was full, or somebody impatient, while a table was unpacked."""
    for key in ground.tables:
        data = ground.content(key)
        _write(ground.plain(key), data[: data.rindex(b"\n", 0, len(data) // 2) + 1])


def edited_copy(ground: Ground) -> None:
    """Somebody has changed a value in the unpacked copy."""
    for key in ground.tables:
        data = ground.content(key)
        at = next(i for i in range(data.index(b"\n"), len(data)) if 49 <= data[i] <= 57)
        _write(ground.plain(key), data[:at] + bytes([data[at] - 1]) + data[at + 1 :])


def kept_name(ground: Ground) -> None:
    """A browser has unpacked a table and kept its name."""
    for key in ground.tables:
        _write(ground.packed(key), ground.content(key))


def web_page(ground: Ground) -> None:
    """Without permission the page that asks to log in comes instead of the file."""
    for key in ground.tables:
        _write(ground.packed(key), _LOGIN)


def cut_off(ground: Ground) -> None:
    """A download that ended too early."""
    for key in ground.tables:
        whole = gzip.compress(ground.content(key), 1, mtime=0)
        _write(ground.packed(key), whole[: len(whole) // 2])


def renamed_by_browser(ground: Ground) -> None:
    """Only the second download is left."""
    for key in ground.tables:
        path = ground.packed(key)
        if path.is_file():
            path.rename(path.with_name(path.name.replace(".csv", " (1).csv")))


def semicolons(ground: Ground) -> None:
    """Excel in most of Europe separates fields with semicolons."""
    for key in ground.tables:
        _save_as(ground, key, ";", quoted=False)


def wide_text(ground: Ground) -> None:
    """Excel's "Unicode text", and PowerShell, write two bytes a character."""
    for key in ground.tables:
        ground.replace(key, ground.content(key).decode().encode("utf-16"))


def graphs_twice(ground: Ground) -> None:
    """Two archives unpacked over each other: one graph there twice, and not the same."""
    unpacked_graphs(ground)
    folder = ground.tree.folder(CHEST_IMAGENOME) / "silver_dataset/scene_graph"
    first = min(folder.glob("*_SceneGraph.json"))
    graph = json_value((folder / "scene_graph" / first.name).read_bytes())
    graph["attributes"] = graph["attributes"][:-1]
    write_text(first, json.dumps(graph))


def two_copies(ground: Ground) -> None:
    """A project lies there twice, under two names that are as good as each other."""
    folder, version = ground.tree.folder(MIMIC_IV), ground.tree.version(MIMIC_IV)
    target = ground.root / f"{MIMIC_IV.archive}-{version}"
    if not target.is_dir():
        shutil.copytree(folder, ground.root / f"{MIMIC_IV.archive}-{version} (1)")
    _move_into(folder, target)


def other_checksums(ground: Ground) -> None:
    """The list of another release, or of files before somebody saved them again."""
    changed = ground.tree.locate(ground.tables[0])
    _sums(ground, lambda path: sha256_of(path)[::-1] if path == changed else sha256_of(path))
