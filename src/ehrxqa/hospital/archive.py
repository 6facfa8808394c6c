"""Growing `.gz` and `.zip` files from pieces that were compressed elsewhere, with fixed dates.

A `.gz` file here is one ordinary member: its pieces are raw deflate blocks that end on a byte, so they
can be compressed in any process and simply joined. The zip writer keeps its directory in a side file, so
that its memory does not grow with the number of entries; files beyond four gigabytes or 65,535 entries
use the zip64 form.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cache
from io import BufferedRandom, BufferedWriter
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

__all__ = ["GzipFile", "Piece", "ZipEntry", "ZipFile", "piece_of", "zip_entry"]

#: Compression level, fixed because another gives other bytes. zlib rather than igzip, which is three times
#: faster but does not promise the same bytes on every processor.
LEVEL = 1
_LIMIT = 0xFFFFFFFF


@dataclass(frozen=True)
class Piece:
    """Part of a `.gz` file: raw deflate data without an end mark, with checksum and size of its content."""

    data: bytes
    crc: int
    size: int


def piece_of(content: bytes) -> Piece:
    """Compress `content` into a piece."""
    squeeze = zlib.compressobj(LEVEL, zlib.DEFLATED, -15)
    data = squeeze.compress(content) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return Piece(data, zlib.crc32(content), len(content))


class GzipFile:
    """A `.gz` file that grows by pieces; no name and no time in its header."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BufferedWriter = path.open("wb")
        self._file.write(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff")
        self._crc = 0
        self._size = 0

    def add(self, piece: Piece) -> None:
        """Append a piece."""
        self._file.write(piece.data)
        self._crc = _joined_crc(self._crc, piece.crc, piece.size)
        self._size += piece.size

    def close(self) -> None:
        """Write the end of the file."""
        self._file.write(b"\x03\x00" + struct.pack("<LL", self._crc, self._size & _LIMIT))
        self._file.close()


_POLYNOMIAL = 0xEDB88320


@cache
def _power(exponent: int) -> int:
    """X ** (8 · 2**exponent) modulo the polynomial of CRC-32, as reflected bits."""
    return 0x00800000 if exponent == 0 else _times(_power(exponent - 1), _power(exponent - 1))


def _times(a: int, b: int) -> int:
    """Product of two reflected polynomials modulo that of CRC-32."""
    product, bit = 0, 1 << 31
    while a:
        if a & bit:
            product ^= b
            a ^= bit
        b = (b >> 1) ^ _POLYNOMIAL if b & 1 else b >> 1
        bit >>= 1
    return product


def _joined_crc(first: int, second: int, size: int) -> int:
    """CRC-32 of two contents in a row, from theirs and the size of the second."""
    factor, exponent = 1 << 31, 0
    while size:
        if size & 1:
            factor = _times(_power(exponent), factor)
        size >>= 1
        exponent += 1
    return _times(factor, first) ^ second


@dataclass(frozen=True)
class ZipEntry:
    """One file of a zip: name, deflated data, checksum and size of its content."""

    name: str
    data: bytes
    crc: int
    size: int


def zip_entry(name: str, content: bytes) -> ZipEntry:
    """Compress `content` into a zip entry."""
    squeeze = zlib.compressobj(LEVEL, zlib.DEFLATED, -15)
    return ZipEntry(name, squeeze.compress(content) + squeeze.flush(), zlib.crc32(content), len(content))


class ZipFile:
    """A zip file that grows by compressed entries, all dated 1 January 1980."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BufferedWriter = path.open("wb")
        self._directory: IO[bytes] | BufferedRandom = TemporaryFile()  # noqa: SIM115 - closed by close()
        self._count = 0
        self._position = 0

    def add(self, entry: ZipEntry) -> None:
        """Append an entry."""
        name = entry.name.encode("ascii")
        sizes = (entry.crc, len(entry.data), entry.size, len(name))
        # version 2.0, no flags, deflated, 00:00 on 1 January 1980
        common = struct.pack("<HHHHHLLLH", 20, 0, 8, 0, 0x21, *sizes[:3], sizes[3])
        far = self._position >= _LIMIT
        extra = struct.pack("<HHQ", 1, 8, self._position) if far else b""
        self._file.write(b"PK\x03\x04" + common + struct.pack("<H", 0) + name + entry.data)
        self._directory.write(
            b"PK\x01\x02"
            + struct.pack("<H", 45 if far else 20)
            + struct.pack("<H", 45 if far else 20)
            + common[2:]
            + struct.pack("<HHHHLL", len(extra), 0, 0, 0, 0, _LIMIT if far else self._position)
            + name
            + extra
        )
        self._count += 1
        self._position += 30 + len(name) + len(entry.data)

    def close(self) -> None:
        """Write the directory and the end of the file."""
        size = self._directory.tell()
        self._directory.seek(0)
        while block := self._directory.read(1 << 20):
            self._file.write(block)
        self._directory.close()
        start, end = self._position, self._position + size
        if self._count > 0xFFFE or start >= _LIMIT or size >= _LIMIT:
            self._file.write(
                struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, self._count, self._count, size, start)
            )
            self._file.write(struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1))
        count = min(self._count, 0xFFFF)
        self._file.write(
            struct.pack("<4sHHHHLLH", b"PK\x05\x06", 0, 0, count, count, min(size, _LIMIT), min(start, _LIMIT), 0)
        )
        self._file.close()
