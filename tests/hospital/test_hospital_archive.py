from __future__ import annotations

import gzip
import zipfile

from hypothesis import given, settings
from hypothesis import strategies as st

from ehrxqa.hospital.archive import GzipFile, ZipFile, piece_of, zip_entry
from ehrxqa.hospital.clock import study_stamp


@settings(max_examples=30, deadline=None)
@given(contents=st.lists(st.binary(max_size=3000), max_size=6))
def test_joined_pieces_are_the_joined_contents(tmp_path_factory, contents):
    path = tmp_path_factory.mktemp("gzip") / "file.gz"
    file = GzipFile(path)
    for content in contents:
        file.add(piece_of(content))
    file.close()
    assert gzip.decompress(path.read_bytes()) == b"".join(contents)  # also checks the checksum and the size


def test_a_zip_with_more_entries_than_the_old_form_can_count(tmp_path):
    path = tmp_path / "many.zip"
    archive = ZipFile(path)
    for number in range(65_600):
        archive.add(zip_entry(f"{number}.json", b"%d" % number))
    archive.close()
    with zipfile.ZipFile(path) as read:
        assert len(read.namelist()) == 65_600
        assert read.read("65599.json") == b"65599"


@given(milliseconds=st.integers(4_500_000_000_000, 7_300_000_000_000), noise=st.booleans())
def test_study_times_keep_their_millisecond(milliseconds, noise):
    date, time = study_stamp(milliseconds, noise)
    printed = f"{float(time):010.3f}"  # as the builder reads it: three decimals, zero-padded to ten characters
    assert len(str(date)) == 8
    hours, minutes, rest = int(printed[:2]), int(printed[2:4]), float(printed[4:])
    assert round((hours * 3600 + minutes * 60 + rest) * 1000) == milliseconds % 86_400_000
