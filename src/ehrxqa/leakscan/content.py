"""What a file holds, whatever it is called: text, table, database, image, or an archive of these.

Three verdicts are possible: hits, none (it was read and understood), or *not read*, with the reason.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath

from ehrxqa.leakscan.archives import COMPRESSED, DEEPEST, packed_hits, tar_hits, zip_hits
from ehrxqa.leakscan.binary_tables import (
    UnreadError,
    database_hits,
    feather_hits,
    numpy_hits,
    parquet_hits,
    pickle_hits,
)
from ehrxqa.leakscan.limits import MOST_BYTES, FileBounds
from ehrxqa.leakscan.masking import IMAGE_ID, made_up_image_id
from ehrxqa.leakscan.notebooks import notebook_parts
from ehrxqa.leakscan.pictures import picture_hits
from ehrxqa.leakscan.records import record_hits
from ehrxqa.leakscan.rules import CREDENTIAL_RULES, ENVIRONMENT_RULES, TEXT_RULES, Hit, text_hits
from ehrxqa.leakscan.text_tables import delimited_hits, html_hits, printed_hits
from ehrxqa.leakscan.weights import is_weights, weights_hits

__all__ = ["MOST_BYTES", "FileBounds", "content_hits"]

_REPORT_NAME = re.compile(r"s5\d{7}\.txt", re.ASCII)
_IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".dcm", ".dicom", ".webp", ".tif", ".tiff"})
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*", b"BM")
#: Formats that hold tables or records and that this package cannot read.
_UNREADABLE = {
    b"\x89HDF\r\n": "an HDF5 file",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
    b"ORC": "an ORC file",
    b"Obj\x01": "an Avro file",
    b"FEA1": "a Feather file of the first version",
    b"\xd0\xcf\x11\xe0": "a file of an old office program",
    b"%PDF": "a PDF file",
    b"RDX": "an R data file",
    b"<stata_dta>": "a Stata file",
    b"$FL2": "an SPSS file",
    b"MATLAB": "a MATLAB file",
}
#: Programs, fonts and the like: they hold no tables; the texts in them are looked at.
_HARMLESS = (
    b"\x7fELF",
    b"MZ",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"\0asm",
    b"wOFF",
    b"wOF2",
    b"\0\1\0\0",
    b"OTTO",
    b"DIRC",
    b"\0\0\1\0",
    b"!<arch>",
    b"\xde\x12\x04\x95",
)
_TABLES = (b"SQLite format 3\0", b"PAR1", b"ARROW1", b"\x93NUMPY")
_STRING = re.compile(rb"[\x20-\x7e\t]{6,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{40}[A-Za-z0-9+/_\s-]*={0,2}")
_MOST_BASE64 = 200


def content_hits(name: str, data: bytes, limits: FileBounds, *, whole: bool = True, depth: int = 0) -> Iterator[Hit]:
    """What must not be published in one file.

    Args:
        name: Path of the file, `/` between folders.
        data: Its bytes, or its first ones.
        limits: Bounds, and what was not read.
        whole: Whether `data` is all of it.
        depth: How many archives it is packed in.
    """
    yield from _name_hits(name, data)

    def look(member: str, content: bytes, complete: bool) -> Iterator[Hit]:
        yield from content_hits(member, content, limits, whole=complete, depth=depth + 1)

    packed = _unpacker(data)
    if packed is not None:
        if depth >= DEEPEST:
            limits.skip(name, "packed too deeply")
        elif packed is not packed_hits and not whole:
            limits.skip(name, "an archive too large to be read")
        else:
            yield from packed(name, data, limits, look)
        return
    text = _text(data)
    if text is not None:
        yield from _in_text(name, text, limits, depth)
        return
    try:
        yield from _binary_hits(name, data, limits, whole=whole)
    except UnreadError as why:
        limits.skip(name, str(why))


def _unpacker(data: bytes) -> Callable[..., Iterator[Hit]] | None:
    if data.startswith(b"PK\x03\x04"):
        return zip_hits
    if data.startswith(tuple(COMPRESSED)):
        return packed_hits
    return tar_hits if data[257:262] == b"ustar" else None


def _binary_hits(name: str, data: bytes, limits: FileBounds, *, whole: bool) -> Iterator[Hit]:
    if data.startswith(b"SQLite format 3\0"):
        yield from database_hits(data, whole=whole)
    elif data.startswith(b"PAR1"):
        yield from _complete(parquet_hits, "a Parquet file", data, whole)
    elif data.startswith(b"ARROW1"):
        yield from _complete(feather_hits, "a Feather file", data, whole)
    elif data.startswith(b"\x93NUMPY"):
        yield from _complete(numpy_hits, "a numpy file", data, whole)
    elif data[:1] == b"\x80" and data[1:2] in (b"\2", b"\3", b"\4", b"\5"):
        yield from _complete(pickle_hits, "a pickle", data, whole)
    elif is_weights(data):
        yield from weights_hits(data)
    elif data.startswith(_PICTURES) or data[:4] == b"RIFF":
        yield from picture_hits(data)
    elif kind := next((kind for magic, kind in _UNREADABLE.items() if data.startswith(magic)), None):
        raise UnreadError(kind)
    else:
        strings = b"\n".join(match[0] for match in _STRING.finditer(data)).decode("ascii")
        # where a text lies in a program says nothing; that it is there does
        yield from (Hit(hit.rule, None, hit.what) for hit in text_hits(strings, CREDENTIAL_RULES))
        if data and not data.startswith(_HARMLESS):
            raise UnreadError("a binary file of an unknown kind")


def _complete(read: Callable[[bytes], Iterator[Hit]], what: str, data: bytes, whole: bool) -> Iterator[Hit]:
    if not whole:
        raise UnreadError(f"{what} too large to be read")
    yield from read(data)


def _name_hits(name: str, data: bytes) -> Iterator[Hit]:
    pure = PurePosixPath(name)
    stem = IMAGE_ID.match(pure.name)
    real_stem = stem is not None and not made_up_image_id(stem[0])
    if data[128:132] == b"DICM":
        yield Hit("image", None, "a DICOM file")
    elif real_stem and (data.startswith((b"\xff\xd8\xff", b"\x89PNG")) or pure.suffix.lower() in _IMAGE_SUFFIXES):
        yield Hit("image", None, "an image named like those of MIMIC-CXR")
    elif real_stem:
        yield Hit("image-id", None, "a file named like an image of MIMIC-CXR")
    elif _REPORT_NAME.fullmatch(pure.name):
        yield Hit("report", None, "a text named like a report of MIMIC-CXR")


def _text(data: bytes) -> str | None:
    """The data as text; None if it is binary."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    start = data[:8192]
    if b"\0" in start:
        # UTF-16 without its mark: every second byte is nothing, as far as the text is Latin
        for encoding, zeros, letters in (
            ("utf-16-le", start[1::2], start[::2]),
            ("utf-16-be", start[::2], start[1::2]),
        ):
            if zeros.count(0) > 0.9 * len(zeros) and letters.count(0) == 0:
                return data.decode(encoding, "replace")
        return None
    if data.startswith((b"PAR1", b"%PDF", *_PICTURES)):
        return None
    if sum(start.count(byte) for byte in range(9)) > len(start) // 20:
        return None
    return data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")


def _in_text(name: str, text: str, limits: FileBounds, depth: int) -> Iterator[Hit]:
    base = PurePosixPath(name).name
    if base.endswith(".ipynb"):
        try:
            yield from _in_notebook(name, text, limits, depth)
            return
        except ValueError:
            limits.skip(name, "a notebook that cannot be read; its text was")
    rows = [*delimited_hits(text), *html_hits(text), *printed_hits(text)][:1]
    yield from rows
    yield from record_hits(text, base)
    # a table is reported once, not again for each of its columns
    hits = list(text_hits(text, CREDENTIAL_RULES if rows else TEXT_RULES))
    yield from hits
    if base == ".env" or base.startswith(".env.") or base.endswith(".env"):
        said = {hit.line for hit in hits}
        yield from (hit for hit in text_hits(text, ENVIRONMENT_RULES) if hit.line not in said)
    yield from _encoded_hits(name, text, limits, depth)


def _in_notebook(name: str, text: str, limits: FileBounds, depth: int) -> Iterator[Hit]:
    seen: set[str] = set()
    for part in notebook_parts(text):
        if part.kind.startswith("image/") and part.kind != "image/svg+xml":
            hits = content_hits(f"cell {part.cell}", _decoded(part.text) or b"", limits, depth=depth + 1)
        else:
            hits = _in_text(f"{name}.{part.kind.replace('/', '.')}", part.text, limits, depth)
        for hit in hits:
            if hit.rule not in seen:
                seen.add(hit.rule)
                yield Hit(hit.rule, None, f"in cell {part.cell}: {hit.what}")


def _encoded_hits(name: str, text: str, limits: FileBounds, depth: int) -> Iterator[Hit]:
    """What is written as base64 in a text; most of what looks like it is none, and is passed over."""
    if depth >= DEEPEST:
        return
    for number, match in enumerate(_BASE64.finditer(text)):
        if number >= _MOST_BASE64 or limits.late or not limits.bytes_left:
            return
        decoded = _decoded(match[0])
        if decoded is None or len(decoded) < 30:
            continue
        limits.take(len(decoded))
        known = _unpacker(decoded) is not None or decoded.startswith(_TABLES)
        if known or _printable(decoded):
            aside = FileBounds(most_bytes=limits.bytes_left)
            for hit in content_hits(f"{name} (base64)", decoded, aside, depth=depth + 1):
                yield Hit(hit.rule, text.count("\n", 0, match.start()) + 1, f"written as base64: {hit.what}")


def _decoded(text: str) -> bytes | None:
    packed = re.sub(r"\s+", "", text).replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _printable(data: bytes) -> bool:
    start = data[:2000]
    return sum(32 <= byte < 127 or byte in (9, 10, 13) for byte in start) > 0.95 * len(start)
