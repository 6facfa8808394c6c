"""Zip files that would harm whoever unpacks them."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from ehrxqa.downloading import DownloadError, ZipLimits, check_zip


def _zip(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    return path


def _info(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def test_an_ordinary_zip_passes(tmp_path: Path) -> None:
    path = _zip(
        tmp_path / "a.zip", ("scene_graph/", b""), ("scene_graph/a.json", b"{}"), (_info("b.json", 0o100644), b"{}")
    )
    assert check_zip(path) == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/etc/passwd", "absolute path"),
        ("~/.profile", "absolute path"),
        ("../up.json", "leaves its folder"),
        ("a/../../up.json", "leaves its folder"),
        ("a\\..\\up.json", "other systems read"),
        ("C:/x.json", "other systems read"),
        (_info("link", 0o120777), "is a link"),
        (_info("pipe", 0o010644), "special file"),
        (_info("device", 0o020644), "special file"),
    ],
)
def test_names_and_kinds_that_lead_elsewhere(name: str | zipfile.ZipInfo, message: str, tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", ("fine.json", b"{}"), (name, b"target"))
    with pytest.raises(DownloadError, match=f"member 2 .*{message}"):
        check_zip(path)


def test_repeated_names(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = _zip(tmp_path / "a.zip", ("a", b"1"), ("a", b"2"))
    with pytest.raises(DownloadError, match="name of an earlier one"):
        check_zip(path)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (ZipLimits(members=1), "2 members, more than 1"),
        (ZipLimits(member_bytes=1_999_999), "unpacks to 2,000,000 bytes"),
        (ZipLimits(total_bytes=2_000_000, ratio=2000), "bytes unpacked, more than"),
        (ZipLimits(ratio=50), "times its size"),
    ],
)
def test_bombs(limits: ZipLimits, message: str, tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", ("big", b"\0" * 2_000_000), ("small", b"x" * 10))
    with pytest.raises(DownloadError, match=message):
        check_zip(path, limits)
    assert check_zip(path, ZipLimits(ratio=2000)) == 2


def test_many_small_members_together_are_a_bomb_too(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", *((f"m{i}", b"\0" * 900_000) for i in range(5)))
    with pytest.raises(DownloadError, match="unpacks to more than 200 times its size"):
        check_zip(path)


def test_overlapping_members(tmp_path: Path) -> None:
    """Two entries of the directory that point at the same bytes."""
    path = _zip(tmp_path / "a.zip", ("a", b"x" * 500), ("b", b"y" * 500))
    data = bytearray(path.read_bytes())
    second = data.rindex(b"PK\x01\x02")
    struct.pack_into("<L", data, second + 42, 0)
    path.write_bytes(data)
    with pytest.raises(DownloadError, match="overlap"):
        check_zip(path)


def test_encrypted_and_unusual_members(tmp_path: Path) -> None:
    path = _zip(tmp_path / "a.zip", ("a", b"x" * 50))
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(DownloadError, match="encrypted"):
        check_zip(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"x" * 50)
    with pytest.raises(DownloadError, match="packed with method 14"):
        check_zip(path)


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip file" * 100])
def test_what_is_no_zip(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(DownloadError, match="not a readable zip file"):
        check_zip(path, name="scene_graph.zip")
