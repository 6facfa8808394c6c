"""Scene graphs, straight from the zip file or an unpacked folder, decoded by worker processes.

A worker gets the places of some members, inflates and decodes them with a typed JSON decoder, and sends
back flat arrays. It imports neither numpy nor pyarrow, so it starts quickly.

One statement per attribute string of each phrase of each location, in the order of the JSON; one box per
object. Graphs are taken in the order of their file names. This listing is what the tabular files of Chest
ImaGenome hold, as far as the published format tells; the shipped script itself is not run.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
from array import array
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from struct import unpack_from
from typing import Final, TypeVar, cast

import msgspec
from isal import isal_zlib

from ehrxqa.errors import SourceError

__all__ = [
    "GraphChunk",
    "Member",
    "contents",
    "decode_members",
    "decoded",
    "find_members",
    "is_graph",
    "list_members",
]

_T = TypeVar("_T")

_DEFLATED: Final = 8
_STORED: Final = 0
#: A graph is some 20 kB; a member that claims a thousand times as much is not a scene graph.
_LARGEST_GRAPH_BYTES: Final = 64 << 20
#: What follows the image id in the name of a graph.
_GRAPH_SUFFIX: Final = "_SceneGraph.json"


class _Box(msgspec.Struct, gc=False):
    bbox_name: str
    x1: float | None = None
    x2: float | None = None
    width: float | None = None


class _Location(msgspec.Struct):
    bbox_name: str
    attributes: list[list[str]]
    phrase_IDs: list[str]  # noqa: N815 (the name in the file)


class _Graph(msgspec.Struct):
    image_id: str
    study_id: int
    objects: list[_Box]
    attributes: list[_Location]


@dataclass(frozen=True)
class Member:
    """One scene graph: a file of its own, or a member of a zip file.

    Attributes:
        name: File name, for order and messages.
        path: The file, or the zip file.
        offset: Where the member's local header starts; -1 for a file of its own.
        size: Compressed size in bytes.
        inflated: Size in bytes when inflated.
        method: Zip method (0 stored, 8 deflated).
        crc: CRC-32 of the inflated bytes.
    """

    name: str
    path: str
    offset: int = -1
    size: int = 0
    inflated: int = 0
    method: int = _STORED
    crc: int = 0


@dataclass
class GraphChunk:
    """What some graphs say, as flat arrays with numbers of texts in the chunk's own lists.

    The fields are those of `Statements` and `Boxes`; coordinates and widths are pixels of the 224 grid. A phrase has
    `phrase_count` statements, whose findings follow each other in `finding`; an image has `box_count` boxes.
    """

    images: list[str] = field(default_factory=list)
    phrase_image: array[int] = field(default_factory=lambda: array("i"))
    phrase_study: array[int] = field(default_factory=lambda: array("q"))
    phrase_sentence: array[float] = field(default_factory=lambda: array("d"))
    phrase_object: array[int] = field(default_factory=lambda: array("i"))
    phrase_count: array[int] = field(default_factory=lambda: array("i"))
    finding: array[int] = field(default_factory=lambda: array("i"))
    objects: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    box_count: array[int] = field(default_factory=lambda: array("i"))
    box_name: array[int] = field(default_factory=lambda: array("i"))
    box_x1: array[float] = field(default_factory=lambda: array("d"))
    box_x2: array[float] = field(default_factory=lambda: array("d"))
    box_width: array[float] = field(default_factory=lambda: array("d"))
    names: list[str] = field(default_factory=list)


def list_members(path: Path) -> list[Member]:
    """The scene graphs in a zip file or folder, sorted by file name.

    Raises:
        SourceError: Not a sound zip file, or no scene graph in it.
    """
    if path.is_dir():
        members = [
            Member(entry.name, entry.path)
            for folder in (path, path / "scene_graph")
            if folder.is_dir()
            for entry in os.scandir(folder)
            if is_graph(entry.name)
        ]
    else:
        try:
            with zipfile.ZipFile(path) as archive:
                members = [_member(info, path) for info in archive.infolist() if is_graph(info.filename)]
        except (zipfile.BadZipFile, OSError) as error:
            raise _not_a_zip(path) from error
    if not members:
        raise SourceError("holds no scene graph (*_SceneGraph.json)", path=path)
    return _each_once(sorted(members, key=lambda member: member.name))


def is_graph(name: str) -> bool:
    """Whether a file or member of that name is a scene graph; macOS puts `._` files beside them, browsers copies."""
    name = name.rpartition("/")[2]
    return name.endswith(_GRAPH_SUFFIX) and not name.startswith("._")


def _each_once(members: list[Member]) -> list[Member]:
    """Sorted members, of those of one name the first.

    Raises:
        SourceError: Two of one name do not hold the same.
    """
    kept: list[Member] = []
    for member in members:
        if kept and kept[-1].name == member.name:
            (first, one), (second, other) = contents([kept[-1], member])
            if one != other:
                what = f"{first.path} and {second.path}"
                if first.path == second.path:
                    what = f"{first.path}: two members {member.name}"
                raise SourceError(f"{what} do not hold the same; remove the one that is wrong")
        else:
            kept.append(member)
    return kept


def find_members(path: Path, image_ids: Collection[str]) -> dict[str, Member]:
    """The scene graphs of some images, by image id, found by their file names; images without one are left out.

    Of a zip file only its directory is read.

    Raises:
        SourceError: Not a sound zip file.
    """
    wanted = {f"{image_id}{_GRAPH_SUFFIX}": image_id for image_id in image_ids}
    if path.is_dir():
        files = [folder / name for folder in (path, path / "scene_graph") for name in wanted]
        there = sorted((Member(file.name, str(file)) for file in files if file.is_file()), key=lambda one: one.name)
        return {wanted[member.name]: member for member in _each_once(there)}
    try:
        with zipfile.ZipFile(path) as archive:
            found = [info for info in archive.infolist() if info.filename.rpartition("/")[2] in wanted]
    except (zipfile.BadZipFile, OSError) as error:
        raise _not_a_zip(path) from error
    members = _each_once(sorted((_member(info, path) for info in found), key=lambda member: member.name))
    return {wanted[member.name]: member for member in members}


def _not_a_zip(path: Path) -> SourceError:
    return SourceError("is not a sound zip file (cut off or damaged); download it again", path=path)


def _member(info: zipfile.ZipInfo, path: Path) -> Member:
    if info.flag_bits & 0x1 or info.compress_type not in (_STORED, _DEFLATED):
        raise SourceError(f"member {info.filename} is encrypted or packed in an unknown way", path=path)
    if info.file_size > _LARGEST_GRAPH_BYTES:
        raise SourceError(f"member {info.filename} is too large for a scene graph", path=path)
    return Member(
        info.filename.rpartition("/")[2],
        str(path),
        info.header_offset,
        info.compress_size,
        info.file_size,
        info.compress_type,
        info.CRC,
    )


def decode_members(members: list[Member]) -> GraphChunk:
    """Decode some graphs; runs in a worker process.

    Raises:
        SourceError: A graph cannot be read, or is not in the documented form.
    """
    decoder = msgspec.json.Decoder(_Graph, strict=False)
    chunk = GraphChunk()
    adder = _Adder(chunk)
    for member, content in contents(members):
        try:
            adder.add(decoded(decoder, content))
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            where = f"{member.path}: " if member.offset >= 0 else ""
            message = f"{where}{member.name}: is not a scene graph in the documented form ({error})"
            raise SourceError(message) from error
    return chunk


def decoded(decoder: msgspec.json.Decoder[_T], content: bytes) -> _T:
    """A graph from its JSON text, in which Python may have written NaN or Infinity: no number, as null is.

    Raises:
        msgspec.DecodeError, ValueError, RecursionError: It is no such graph.
    """
    try:
        return decoder.decode(content)
    except msgspec.DecodeError:
        if b"NaN" not in content and b"Infinity" not in content:
            raise
    return msgspec.convert(json.loads(content, parse_constant=lambda _: None), decoder.type, strict=False)


def contents(members: list[Member]) -> Iterator[tuple[Member, bytes]]:
    """The JSON text of some graphs; of a zip file nothing but these members is read.

    Raises:
        SourceError: A graph cannot be read or inflated.
    """
    open_path, descriptor = "", -1
    try:
        for member in members:
            if member.offset < 0:
                try:
                    yield member, Path(member.path).read_bytes()
                except OSError as error:
                    raise SourceError(f"cannot be read ({error.strerror})", path=member.path) from error
                continue
            if member.path != open_path:
                if descriptor >= 0:
                    os.close(descriptor)
                open_path, descriptor = member.path, os.open(member.path, os.O_RDONLY)
            yield member, _inflate(descriptor, member)
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _inflate(descriptor: int, member: Member) -> bytes:
    header = os.pread(descriptor, 30, member.offset)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise _damaged(member)
    name_length, extra_length = unpack_from("<HH", header, 26)
    packed = os.pread(descriptor, member.size, member.offset + 30 + name_length + extra_length)
    try:
        content = packed if member.method == _STORED else isal_zlib.decompress(packed, -15, member.inflated)
    except isal_zlib.error as error:  # type: ignore[misc]  # isal ships no types
        raise _damaged(member) from error
    if len(content) != member.inflated or isal_zlib.crc32(content) != member.crc:
        raise _damaged(member)
    return bytes(content)


def _damaged(member: Member) -> SourceError:
    return SourceError(f"member {member.name} is damaged; download the file again", path=member.path)


class _Numbers(dict[str, int]):
    """Numbers texts in order of first appearance, and keeps them in a list."""

    def __init__(self, texts: list[str], check: Callable[[str], None] = lambda _: None) -> None:
        super().__init__()
        self._texts = texts
        self._check = check

    def __missing__(self, text: str) -> int:
        self._check(text)
        number = self[text] = len(self._texts)
        self._texts.append(text)
        return number


def _check_finding(text: str) -> None:
    parts = text.split("|")
    if len(parts) != 3 or parts[1] not in ("yes", "no"):
        raise ValueError("an attribute is not category|yes or no|label")


class _Adder:
    """Appends graphs to a chunk."""

    def __init__(self, chunk: GraphChunk) -> None:
        self._chunk = chunk
        self._objects = _Numbers(chunk.objects)
        self._findings = _Numbers(chunk.findings, _check_finding)
        self._names = _Numbers(chunk.names)

    def add(self, graph: _Graph) -> None:
        """Append one graph.

        Raises:
            ValueError: Parallel lists of different length, or an attribute that is not `category|yes or no|label`.
        """
        chunk = self._chunk
        image = len(chunk.images)
        chunk.images.append(graph.image_id.replace(".dcm", ""))
        names, findings = self._names, self._findings
        boxes = graph.objects
        chunk.box_count.append(len(boxes))
        chunk.box_name.extend([names[box.bbox_name] for box in boxes])
        _extend(chunk.box_x1, [box.x1 for box in boxes])
        _extend(chunk.box_x2, [box.x2 for box in boxes])
        _extend(chunk.box_width, [box.width for box in boxes])
        phrases = 0
        for location in graph.attributes:
            if len(location.attributes) != len(location.phrase_IDs):
                raise ValueError("attributes and phrase_IDs differ in length")
            place = self._objects[location.bbox_name]
            for strings, phrase in zip(location.attributes, location.phrase_IDs, strict=True):
                chunk.finding.extend([findings[text] for text in strings])
                chunk.phrase_count.append(len(strings))
                chunk.phrase_object.append(place)
                chunk.phrase_sentence.append(float(phrase.rpartition("|")[2]))
                phrases += 1
        chunk.phrase_image.extend([image] * phrases)
        chunk.phrase_study.extend([graph.study_id] * phrases)


def _extend(column: array[float], values: list[float | None]) -> None:
    """Append numbers; a missing one is NaN."""
    if None in values:
        values = [math.nan if value is None else value for value in values]
    column.extend(cast(list[float], values))
