"""Reading source tables: what is right is read as the official reader reads it; what is wrong gets one clear line."""

from __future__ import annotations

import gzip
import resource
import time
import weakref
from pathlib import Path

import pytest

from ehrxqa.errors import SourceError
from ehrxqa.sources import opened
from ehrxqa.sources.opened import check_bytes
from ehrxqa.sources.table_stream import read_table, stream_table
from ehrxqa.sources.tree import find_sources

LABITEMS = "itemid,label,fluid,category\n1,Sodium,Blood,Chemistry\n2,,Blood,Chemistry\n"
TRANSFERS = (
    "subject_id,hadm_id,transfer_id,eventtype,careunit,intime,outtime\n"
    "10000001,20000001,30000001,admit,Ward,2150-01-01 10:00:00,2150-01-02 11:00:00\n"
    "10000001,,30000002,discharge,,2150-01-02 11:00:00,\n"
)


def tree_with(tmp_path: Path, path: str, content: str | bytes, packed: bool = False):
    file = tmp_path / "mimiciv" / "2.2" / (path + ".gz" * packed)
    file.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    file.write_bytes(gzip.compress(data) if packed else data)
    return find_sources(tmp_path)


@pytest.mark.parametrize("packed", [False, True])
def test_rows_types_and_nulls(tmp_path, packed):
    tree = tree_with(tmp_path, "hosp/transfers.csv", TRANSFERS, packed)
    table = read_table(tree, "transfers")
    assert table["subject_id"].to_pylist() == [10000001, 10000001]
    assert table["hadm_id"].to_pylist() == [20000001.0, None]
    assert table["careunit"].to_pylist() == ["Ward", None]
    assert [str(time) for time in table["intime"].to_pylist()] == ["2150-01-01 10:00:00", "2150-01-02 11:00:00"]
    assert table["outtime"].to_pylist()[1] is None


@pytest.mark.parametrize(
    "word", ["", "NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "<NA>", "#N/A", "-1.#IND", '"NA"', '""']
)
def test_null_words(tmp_path, word):
    tree = tree_with(tmp_path, "hosp/d_labitems.csv", f"itemid,label,fluid,category\n1,{word},x,y\n")
    assert read_table(tree, "d_labitems")["label"].to_pylist() == [None]


@pytest.mark.parametrize("word", ["None", "none", " ", "Null", "na"])
def test_words_that_are_not_null(tmp_path, word):
    tree = tree_with(tmp_path, "hosp/d_labitems.csv", f"itemid,label,fluid,category\n1,{word},x,y\n")
    assert read_table(tree, "d_labitems")["label"].to_pylist() == [word]


def test_quotes_line_breaks_blank_lines_bom_and_windows_line_ends(tmp_path):
    text = '\ufeffitemid,label,fluid,category\r\n1,"a ""b"", c",x,y\r\n\r\n2,"two\nlines",x,y'
    tree = tree_with(tmp_path, "hosp/d_labitems.csv", text)
    assert read_table(tree, "d_labitems")["label"].to_pylist() == ['a "b", c', "two\nlines"]


def test_times_may_have_blanks_around(tmp_path):
    text = TRANSFERS.replace("2150-01-01 10:00:00", "  2150-01-01 10:00:00 ")
    tree = tree_with(tmp_path, "hosp/transfers.csv", text)
    assert str(read_table(tree, "transfers")["intime"].to_pylist()[0]) == "2150-01-01 10:00:00"


@pytest.mark.parametrize(
    ("key", "path", "content", "message"),
    [
        ("d_labitems", "hosp/d_labitems.csv", "", "is empty, not even a header"),
        ("d_labitems", "hosp/d_labitems.csv", "itemid,label,fluid,category\n", "no rows"),
        ("d_labitems", "hosp/d_labitems.csv", "itemid,name\n1,x\n", "column label missing .*another release.*2.2"),
        ("d_labitems", "hosp/d_labitems.csv", "itemid,label,label\n1,x,y\n", "label occurs twice"),
        ("d_labitems", "hosp/d_labitems.csv", LABITEMS + "3,x,y\n", "line 4: expected 4 fields, found 3"),
        ("d_labitems", "hosp/d_labitems.csv", LABITEMS + "3,x,y,z,w\n", "line 4: expected 4 fields, found 5"),
        ("d_labitems", "hosp/d_labitems.csv", LABITEMS + "x3,x,y,z\n", "line 4: itemid is not an integer"),
        ("d_labitems", "hosp/d_labitems.csv", LABITEMS + ",x,y,z\n", "itemid is empty, but must have a value"),
        (
            "transfers",
            "hosp/transfers.csv",
            TRANSFERS.replace("2150-01-02 11", "2150-01-02 x1"),
            "line 2: outtime is not a time",
        ),
        ("d_labitems", "hosp/d_labitems.csv", b"itemid,label,fluid,category\n1,\xff\xfe,x,y\n", "not UTF-8"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(tmp_path, key, path, content, message):
    tree = tree_with(tmp_path, path, content)
    with pytest.raises(SourceError, match=message) as caught:
        list(stream_table(tree, key))
    assert path in str(caught.value)
    assert "\n" not in str(caught.value)


def test_messages_hold_no_values(tmp_path):
    tree = tree_with(tmp_path, "hosp/transfers.csv", TRANSFERS.replace("20000001", "SECRET"))
    with pytest.raises(SourceError, match="hadm_id is not an integer") as caught:
        list(stream_table(tree, "transfers"))
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize("cut", [5, 40, 200])
def test_truncated_gzip(tmp_path, cut):
    rows = "".join(f"{i},label {i * 7919 % 1000003},x,y\n" for i in range(5000))
    data = gzip.compress(("itemid,label,fluid,category\n" + rows).encode())
    tree = tree_with(tmp_path, "hosp/d_labitems.csv.gz", data[: len(data) - cut])
    with pytest.raises(SourceError, match="cut off before its end"):
        list(stream_table(tree, "d_labitems"))


def test_corrupt_gzip(tmp_path):
    rows = "".join(f"{i},label {i * 7919 % 1000003},x,y\n" for i in range(5000))
    data = bytearray(gzip.compress(("itemid,label,fluid,category\n" + rows).encode()))
    data[len(data) // 2] ^= 0xFF
    tree = tree_with(tmp_path, "hosp/d_labitems.csv.gz", bytes(data))
    with pytest.raises(SourceError, match="d_labitems.csv.gz"):
        list(stream_table(tree, "d_labitems"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (LABITEMS.encode(), "is not packed .* rename it to end without .gz"),
        (b"<!DOCTYPE html>\n<html><body>please log in</body></html>\n", "is a web page"),
        (b"\0\1\2,", "is not a gzip file; download it again"),
        (b"", "is empty"),
    ],
)
def test_what_is_named_gz_and_is_not(tmp_path, content, message):
    tree = tree_with(tmp_path, "hosp/d_labitems.csv.gz", content)
    with pytest.raises(SourceError, match=f"d_labitems.csv.gz: {message}"):
        list(stream_table(tree, "d_labitems"))


@pytest.mark.parametrize("packed", [False, True])
def test_a_byte_that_is_not_utf_8_is_named_with_its_line(tmp_path, packed):
    rows = b"".join(b"%d,label,x,y\n" % number for number in range(1, 2000))
    content = b"itemid,label,fluid,category\n" + rows + b"2000,\x93title\x94,x,y\n"
    tree = tree_with(tmp_path, "hosp/d_labitems.csv", content, packed)
    with pytest.raises(SourceError, match="line 2001: byte 6 of the line is not UTF-8 text"):
        list(stream_table(tree, "d_labitems"))


@pytest.mark.parametrize("packed", [False, True])
def test_zero_bytes_are_not_text(tmp_path, packed):
    tree = tree_with(tmp_path, "hosp/d_labitems.csv", LABITEMS.replace("Sodium", "So\0ium"), packed)
    with pytest.raises(SourceError, match="line 2: holds a zero byte"):
        list(stream_table(tree, "d_labitems"))


def test_a_line_without_end_is_no_table_and_fills_no_memory(tmp_path):
    rows = b"itemid,label,fluid,category\n1," + b"x" * (120 << 20)
    tree = tree_with(tmp_path, "hosp/d_labitems.csv", rows, packed=True)
    del rows
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(SourceError, match="line 2: has more than 16,777,216 bytes in one line"):
        list(stream_table(tree, "d_labitems"))
    with pytest.raises(SourceError, match="line 2: has more than"):
        check_bytes(tree.locate("d_labitems"))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 70_000


def test_no_thread_of_the_reader_outlives_the_error(tmp_path):
    """A read-ahead that came back for more while Python ends would abort the process, now and then."""
    rows = "".join(f"{i},label {i},x,y\n" for i in range(1_000_000))
    tree = tree_with(tmp_path, "hosp/d_labitems.csv", "itemid,label,fluid,category\nx,,,\n" + rows, packed=True)
    calls, lent = [], []
    read = opened._Loan.read

    def counted(self, size):
        calls.append(size)
        block = read(self, size)
        if block:
            lent.append(weakref.ref(block))
        return block

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opened._Loan, "read", counted)
        started = time.monotonic()
        with pytest.raises(SourceError, match="line 2: itemid is not an integer"):
            list(stream_table(tree, "d_labitems"))
        assert time.monotonic() - started < 8  # nobody had to be waited for in vain
        assert all(block() is None for block in lent)
        number = len(calls)
        time.sleep(0.3)
        assert len(calls) == number


def test_missing_file_and_other_release(tmp_path):
    tree = tree_with(tmp_path, "hosp/d_labitems.csv", LABITEMS)
    with pytest.raises(SourceError, match=r"patients.csv\[.gz\] is missing.*--mimic-iv"):
        tree.locate("patients")
    (tmp_path / "mimic-cxr-jpg" / "2.1.0").mkdir(parents=True)
    with pytest.raises(SourceError, match="found release 2.1.0 of MIMIC-CXR-JPG, need 2.0.0"):
        tree.locate("cxr_metadata")
    with pytest.raises(SourceError, match="and 3 more"):
        tree.require(["patients", "admissions", "d_labitems", "ontology", "object_list"])


def test_unknown_folders(tmp_path):
    with pytest.raises(SourceError, match="no such folder"):
        find_sources(tmp_path / "nowhere")
    with pytest.raises(SourceError, match="given with --mimic-iv"):
        find_sources(tmp_path, {"mimiciv": tmp_path / "nowhere"})


def test_physionet_folder_is_found_from_above(tmp_path):
    tree_with(tmp_path / "physionet.org" / "files", "hosp/d_labitems.csv", LABITEMS)
    assert len(read_table(find_sources(tmp_path), "d_labitems")) == 2
