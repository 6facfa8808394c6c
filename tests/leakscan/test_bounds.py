"""The ends of what leak-scan looks at: the shortest and the longest that count."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from ehrxqa.leakscan.archives import DEEPEST
from ehrxqa.leakscan.columns import array_hits
from ehrxqa.leakscan.content import content_hits
from ehrxqa.leakscan.limits import FileBounds
from ehrxqa.leakscan.rules import text_hits
from ehrxqa.leakscan.weights import is_weights


@pytest.mark.parametrize(
    ("length", "yes"), [(0, False), (1, False), (2, True), (3, True), (100_000_000, True), (100_000_001, False)]
)
def test_weights_have_a_header_of_two_bytes_or_more(length: int, yes: bool) -> None:
    assert is_weights(length.to_bytes(8, "little") + b"{}") is yes
    assert not is_weights(length.to_bytes(8, "little") + b"[]")


@pytest.mark.parametrize("form", ["WEBP", "PNG", "JPEG", "BMP"])
def test_a_large_grey_picture_may_be_an_x_ray(form: str) -> None:
    stream = io.BytesIO()
    Image.radial_gradient("L").resize((600, 600)).convert("RGB").save(stream, form)
    bounds = FileBounds()
    assert not list(content_hits("x", stream.getvalue(), bounds))
    assert bounds.unread == [("x", "a grey picture of 600 × 600 pixels, which may be an X-ray: look at it")]


@pytest.mark.parametrize("data", [b"RIFF\x10\0\0\0WEBPVP8 \xfe torn", b"\x89PNG\r\n\x1a\n\0torn"])
def test_a_torn_picture_is_not_read(data: bytes) -> None:
    bounds = FileBounds()
    assert not list(content_hits("x", data, bounds))
    assert bounds.unread == [("x", "a picture that cannot be read")]


@pytest.mark.parametrize(("length", "found"), [(29, False), (30, True), (31, True)])
def test_base64_of_thirty_bytes_or_more_is_looked_into(length: int, found: bool) -> None:
    secret = "PHYSIONET_PASSWORD=Zq8".ljust(length, "w").encode()
    assert len(secret) == length
    assert list(text_hits(secret.decode()))
    text = f'value "{base64.b64encode(secret).decode()}" end'
    assert bool(list(content_hits("notes.txt", text.encode(), FileBounds()))) is found


@pytest.mark.parametrize("before", ["", "İ", "İİ\nİ", "İ" * 30])
def test_letters_that_grow_when_lowered_shift_no_line(before: str) -> None:
    for said in ("PHYSIONET_PASSWORD=Zq8wkfhgjfk", f"subject_id = {17_345_678}"):
        (hit,) = text_hits(f"{before}\n\n{said}\n\n\n\n\n\n")
        assert hit.line == before.count("\n") + 3


@pytest.mark.parametrize(("depth", "found"), [(0, True), (DEEPEST - 1, True), (DEEPEST, False)])
def test_base64_is_looked_into_as_deep_as_archives(depth: int, found: bool) -> None:
    secret = base64.b64encode(b"PHYSIONET_PASSWORD=Zq8wkfhgjfkwwwww").decode()
    assert bool(list(content_hits("notes.txt", f"value {secret} end".encode(), FileBounds(), depth=depth))) is found


@pytest.mark.parametrize("first", [17, 23, 35, 52])
@pytest.mark.parametrize(("spread", "found"), [(999, False), (1000, True), (1001, True)])
def test_numbers_close_together_are_counters(first: int, spread: int, found: bool) -> None:
    numbers = [first * 10**6 + 345_678 + step for step in (0, 3, 7, 20, 90, 200, 301, 450, 700, spread)]
    things = {17: "subjects", 23: "admissions", 35: "ICU stays", 52: "studies"}
    told = [f"10 numbers like those of {things[first]}"] if found else []
    assert [hit.what for hit in array_hits(numbers)] == told
    assert not list(array_hits(range(first * 10**6 + 345_678, first * 10**6 + 999_999, 50_000)))
