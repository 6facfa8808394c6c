"""Leaks in every form in which people keep data, and trees of other people that hold none.

What the tables hold is drawn at run time; this file itself holds no number like those of MIMIC.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import random
import sqlite3
import subprocess
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from PIL import Image, PngImagePlugin

from ehrxqa.leakscan import leak_scan
from ehrxqa.leakscan.limits import FileBounds

RNG = random.Random(20260202)


def number(first: int) -> int:
    rest = [digit for digit in "0123456789" if digit != str(first)]
    return int(str(first) + "".join(RNG.sample(rest, 7)))


SUBJECTS = [number(1) for _ in range(30)]
ADMISSIONS = [number(2) for _ in range(30)]
STUDIES = [number(5) for _ in range(30)]
SECRET = "".join(RNG.sample("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 20))
PAIRS = list(zip(SUBJECTS, ADMISSIONS, strict=True))


def _bytes(write: object, *arguments: object) -> bytes:
    out = io.BytesIO()
    write(*arguments[:1], out, *arguments[1:])  # type: ignore[operator]
    return out.getvalue()


def _parquet(**columns: list[object]) -> bytes:
    return _bytes(pq.write_table, pa.table(columns))


def _feather(**columns: list[object]) -> bytes:
    return _bytes(pyarrow.feather.write_feather, pa.table(columns))


def _npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def _npz(**arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def _sqlite(create: str, rows: list[tuple[object, ...]], *, wal: bool = False) -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.execute(create)
    table = create.split()[2]
    connection.executemany(f"insert into {table} values ({', '.join('?' * len(rows[0]))})", rows)
    connection.commit()
    data = connection.serialize()
    connection.close()
    return data[:18] + b"\2\2" + data[20:] if wal else data


def _zip(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), data)
    return out.getvalue()


def _tar(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def _zstd(data: bytes, kind: str = "zstd") -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, kind) as stream:
        stream.write(data)
    return bytes(sink.getvalue())


def _workbook(header: list[str], rows: list[tuple[int, ...]]) -> bytes:
    strings = "".join(f"<si><t>{name}</t></si>" for name in header)
    space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    cells = "".join(f'<c r="{chr(66 + place)}1" t="s"><v>{place}</v></c>' for place in range(len(header)))
    body = [f"<row>{cells}</row>"]
    for number_, row in enumerate(rows, 2):
        body.append(
            "<row>" + "".join(f'<c r="{chr(66 + p)}{number_}"><v>{v}</v></c>' for p, v in enumerate(row)) + "</row>"
        )
    sheet = f"<worksheet {space}><sheetData>{''.join(body)}</sheetData></worksheet>"
    return _zip(
        xl__workbook_dot_xml=b"<workbook/>",
        xl__sharedStrings_dot_xml=f"<sst {space}>{strings}</sst>".encode(),
        xl__worksheets__sheet1_dot_xml=sheet.encode(),
    )


def _notebook(*outputs: dict[str, object], source: str = "df") -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": [source], "outputs": list(outputs)}], "nbformat": 4})


def _png(comment: str | None = None, *, grey: bool = False, size: int = 64) -> bytes:
    shades = np.random.default_rng(1).normal(120, 40, (size, size)).clip(0, 255).astype("uint8")
    colours = np.stack([shades, shades[::-1], shades.T], axis=-1)
    picture = Image.fromarray(shades if grey else colours)
    info = PngImagePlugin.PngInfo()
    if comment is not None:
        info.add_text("Comment", comment)
    out = io.BytesIO()
    picture.save(out, "PNG", pnginfo=info)
    return out.getvalue()


CSV = "subject_id,hadm_id\n" + "".join(f"{s},{a}\n" for s, a in PAIRS)
UNNAMED = "".join(f"{s},{a},x\n" for s, a in PAIRS)
FRAME = "   subject_id   hadm_id  age\n" + "".join(f"{i}    {s}  {a}   60\n" for i, (s, a) in enumerate(PAIRS[:5]))
SERIES = "".join(f"{i}    {s}\n" for i, s in enumerate(SUBJECTS[:3])) + "Name: subject_id, dtype: int64\n"
HTML = (
    '<table border="1"><tr><th></th><th>subject_id</th></tr>'
    + "".join(f"<tr><th>{i}</th><td>{s}</td></tr>" for i, s in enumerate(SUBJECTS[:3]))
    + "</table>"
)

LEAKS: dict[str, bytes | str] = {
    "rows.pkl": pickle.dumps({"subject_id": SUBJECTS, "hadm_id": ADMISSIONS}),
    "rows2.pickle": pickle.dumps([{"subject_id": SUBJECTS[0]}], protocol=5),
    "old.pkl": pickle.dumps({"hadm_id": ADMISSIONS[:2]}, protocol=2),
    "array.pkl": pickle.dumps(np.array(SUBJECTS)),
    "floats.pkl": pickle.dumps(np.array(SUBJECTS, dtype=float)),
    "small.pkl": pickle.dumps(np.array(STUDIES, dtype=np.int32)),
    "subjects.npy": _npy(np.array(SUBJECTS)),
    "texts.npy": _npy(np.array([str(s) for s in STUDIES])),
    "pairs.npy": _npy(np.array(PAIRS)),
    "floats.npy": _npy(np.array(PAIRS, dtype=float)),
    "column.npy": _npy(np.array(SUBJECTS).reshape(-1, 1)),
    "named.npy": _npy(np.array(PAIRS[:2], dtype=[("subject_id", int), ("hadm_id", int)])),
    "objects.npy": _npy(np.array([*SUBJECTS, None], dtype=object)),
    "arrays.npz": _npz(ids=np.array(SUBJECTS), y=np.zeros(3)),
    "rows.feather": _feather(subject_id=SUBJECTS),
    "pairs.feather": _feather(a=SUBJECTS, b=ADMISSIONS),
    "other_names.parquet": _parquet(pid=SUBJECTS, visit=ADMISSIONS),
    "camel.parquet": _parquet(subjectId=SUBJECTS),
    "unnamed.parquet": _parquet(c0=SUBJECTS, c1=STUDIES),
    "strings.parquet": _parquet(c0=[str(s) for s in SUBJECTS], c1=[f"s{s}" for s in STUDIES]),
    "rows.xlsx": _workbook(["subject_id", "hadm_id"], PAIRS[:2]),
    "unnamed.xlsx": _workbook(["a", "b"], PAIRS),
    "other.db": _sqlite("create table t (pid integer, visit integer)", PAIRS),
    "unnamed.sqlite": _sqlite("create table t (a integer, b text)", [(s, str(a)) for s, a in PAIRS]),
    "wal.db": _sqlite("create table t (subject_id integer)", [(SUBJECTS[0],)], wal=True),
    "rows.csv.zst": _zstd(CSV.encode()),
    "rows.csv.lz4": _zstd(CSV.encode(), "lz4"),
    "rows.npy.gz": gzip.compress(_npy(np.array(SUBJECTS))),
    "rows.tar.gz": _tar("inner/rows.parquet", _parquet(subject_id=SUBJECTS)),
    "rows.zip": _zip(inner__rows_dot_pkl=pickle.dumps({"subject_id": SUBJECTS})),
    "utf16le.csv": CSV.encode("utf-16-le"),
    "utf16be.csv": CSV.encode("utf-16-be"),
    "unnamed.csv": UNNAMED,
    "semicolons.csv": CSV.replace(",", ";"),
    "pipes.psv": CSV.replace(",", "|"),
    "one_column.csv": "subject_id\n" + "".join(f"{s}\n" for s in SUBJECTS),
    "spaced.csv": "\n\n" + CSV,
    "quoted.csv": "".join(f'"{s}","{a}"\n' for s, a in PAIRS),
    "prefixed.csv": "".join(f"p{s},s{a}\n" for s, a in zip(SUBJECTS, STUDIES, strict=True)),
    "blob.txt": "data = '''\n" + base64.b64encode(CSV.encode()).decode() + "\n'''\n",
    "wrapped.txt": base64.encodebytes(gzip.compress(CSV.encode())).decode(),
    "blob.json": json.dumps({"payload": base64.b64encode(_parquet(subject_id=SUBJECTS)).decode()}),
    "urlsafe.json": json.dumps(
        {
            "payload": base64.urlsafe_b64encode(
                _sqlite("create table t (subject_id)", PAIRS[:0] or [(SUBJECTS[0],)])
            ).decode()
        }
    ),
    "frame.txt": FRAME,
    "series.log": SERIES,
    "page.html": HTML,
    "frame.ipynb": _notebook({"output_type": "execute_result", "data": {"text/plain": [FRAME]}}),
    "series.ipynb": _notebook({"output_type": "execute_result", "data": {"text/plain": SERIES}}),
    "html.ipynb": _notebook({"output_type": "display_data", "data": {"text/html": [HTML]}}),
    "stream.ipynb": _notebook({"output_type": "stream", "text": [f"subject_id={SUBJECTS[0]}\n"]}),
    "error.ipynb": _notebook({"output_type": "error", "traceback": [f"KeyError: hadm_id = {ADMISSIONS[0]}"]}),
    "source.ipynb": _notebook(source=f"get(subject={SUBJECTS[0]})"),
    "picture.ipynb": _notebook({"data": {"image/png": base64.b64encode(_png(f"subject_id: {SUBJECTS[0]}")).decode()}}),
    "json.ipynb": _notebook({"data": {"application/json": {"hadm_id": ADMISSIONS[0]}}}),
    "figure.png": _png(f"study {STUDIES[0]}"),
    "camel.json": json.dumps({"subjectId": SUBJECTS[0]}),
    "camel.ts": f"const patientId = {SUBJECTS[0]};\n",
    "keyword.py": f"load(subject={SUBJECTS[0]})\n",
    "dict.rb": f":study => {STUDIES[0]}\n",
    "url.txt": f"https://example.org/?hadm={ADMISSIONS[0]}\n",
    "dash.yaml": f"subject-id: {SUBJECTS[0]}\n",
    "plural.py": f"subject_ids = [{SUBJECTS[0]}]\n",
    f"subject_{SUBJECTS[0]}.txt": "nothing within\n",
    f"out/study{STUDIES[0]}/log.txt": "nothing within\n",
    "curl.sh": f"curl -L --user me:{SECRET} https://physionet.org/x\n",
    "curl2.sh": f"curl --fail -u 'me:{SECRET}' https://physionet.org/x\n",
    "requests.py": f'requests.get(url, auth=("me", "{SECRET}"))\n',
    "basic.py": f"session.auth = HTTPBasicAuth('me', '{SECRET}')\n",
    ".env": f"PHYSIONET_PW={SECRET}\nAPI_KEY={SECRET}\n",
    ".env.local": f'export OPENAI_API_KEY="{SECRET}"\n',
    "prod.env": f"SECRET_TOKEN: {SECRET}\n",
}


def _put(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


@pytest.mark.parametrize("name", LEAKS)
def test_leaks_are_found_in_whatever_form(name: str, tmp_path: Path) -> None:
    _put(tmp_path, name, LEAKS[name])
    report = leak_scan(tmp_path)
    assert report.verdict == "leak", report.as_text()
    shown = report.as_text()
    assert SECRET not in shown
    assert not any(str(value) in shown for value in (*SUBJECTS, *ADMISSIONS, *STUDIES))


_GENOME = "".join(
    f"chr1\t{p}\t{p + RNG.randrange(50, 5000)}\tx\n" for p in sorted(RNG.sample(range(10**7, 3 * 10**7), 200))
)
_GENOMES = "".join(
    f"chr{c}\t{RNG.randrange(10**5, 2 * 10**8)}\t{RNG.randrange(10**5, 2 * 10**8)}\n" for c in range(1, 200)
)
_HASH = "".join(RNG.choice("0123456789abcdef") for _ in range(64))
_LOCK = "".join(
    f'    {{ url = "https://x.test/a-{i}.whl", hash = "sha256:{_HASH}", size = {RNG.randrange(10**7, 2 * 10**7)} }},\n'
    for i in range(50)
)
CLEAN: dict[str, bytes | str] = {
    "peaks.bed": _GENOME,
    "variants.vcf": _GENOMES,
    "uv.lock": "version = 1\n[[package]]\nwheels = [\n" + _LOCK + "]\n",
    "package-lock.json": json.dumps({"packages": {f"p{i}": {"integrity": "sha512-" + _HASH} for i in range(30)}}),
    "poetry.lock": "".join(f'    {{file = "a{i}.whl", hash = "sha256:{_HASH}"}},\n' for i in range(30)),
    "sums.txt": "".join(f"{_HASH}  file{i}\n" for i in range(30)),
    "dates.csv": "start,end\n" + "".join(f"2019{m:02d}01,2020{m:02d}15\n" for m in range(1, 13)),
    "log.txt": "".join(f"took {RNG.randrange(10**7, 2 * 10**7)} ns, {RNG.randrange(9)} left\n" for _ in range(50)),
    "serial.csv": "id,next\n" + "".join(f"{10_345_678 + i},{20_345_678 + i}\n" for i in range(50)),
    "range.npy": _npy(np.arange(12_000_000, 12_000_500)),
    "weights.npy": _npy(np.random.default_rng(0).normal(size=1000)),
    "counts.npy": _npy(np.random.default_rng(0).integers(0, 10**9, 1000)),
    "model.pkl": pickle.dumps({"w": np.random.default_rng(0).normal(size=1000), "n": 12_345_678}),
    "other.parquet": _parquet(order=list(range(100)), price=[1.5] * 100),
    "years.parquet": _parquet(year=[2019] * 10, subject=["history"] * 10),
    "shop.db": _sqlite("create table orders (id integer, total real)", [(1, 2.0), (2, 3.5)]),
    "school.csv": "subject,mark\nhistory,2\nphysics,1\n",
    "study.csv": "study,year\nalpha,2019\nbeta,2020\n",
    "table.html": "<table><tr><th>patient</th></tr><tr><td>anna</td></tr></table>",
    "plot.png": _png("made with a plotting library"),
    "icon.png": _png(grey=True, size=32),
    "shell.sh": "curl -u $USER:$PASSWORD https://x.test\ncurl -u user:password https://x.test\n",
    "auth.py": 'requests.get(url, auth=(user, password))\nrequests.get(url, auth=("user", "<password>"))\n',
    ".env.example": "API_KEY=<your key>\nPASSWORD=changeme\nTOKEN=${TOKEN}\n",
    ".env": "DEBUG=1\nPORT=8000\nPASSWORD=$(pass show x)\n",
    "empty.ipynb": _notebook(),
    "plain.ipynb": _notebook({"data": {"text/plain": "   mark  year\n0   1    2019\n"}}),
    "words.txt": "the study of 2019 had 20000 subjects; each subject, 15 visits\n",
    "base64.txt": base64.b64encode(random.Random(5).randbytes(3000)).decode(),
    "key.pub": "ssh-ed25519 " + base64.b64encode(random.Random(6).randbytes(51)).decode() + " me@here\n",
    "jwt.md": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U\n",
    "code.py": "subject_id = row['subject_id']\nstudy_id: int\nhadm_id = 2\n",
    "sheet.xlsx": _workbook(["mark", "year"], [(1, 2019), (2, 2020)]),
    "notes.zip": _zip(a_dot_txt=b"hello", b_dot_csv=b"x,y\n1,2\n"),
    "nested.tar.gz": _tar("a.json", b'{"a": 1}'),
    "words.zst": _zstd(b"hello " * 100),
    "phone.csv": "name,phone\n" + "".join(f"n{i},0{RNG.randrange(10**8, 10**9)}\n" for i in range(30)),
    "coordinates.csv": "x,y\n" + "".join(f"{RNG.random()},{RNG.random()}\n" for _ in range(50)),
    "program": b"\x7fELF" + bytes(range(256)) * 20,
    "font.woff2": b"wOF2" + random.Random(7).randbytes(500),
    "empty.bin": b"",
}


@pytest.mark.parametrize("name", CLEAN)
def test_trees_of_others_are_clean(name: str, tmp_path: Path) -> None:
    _put(tmp_path, name, CLEAN[name])
    report = leak_scan(tmp_path)
    assert report.verdict == "clean", report.as_text()


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "data.h5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
    "data.7z": (b"7z\xbc\xaf\x27\x1c" + bytes(50), "7z"),
    "paper.pdf": (b"%PDF-1.7\n\xff\xfe\0" + bytes(50), "PDF"),
    "old.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(50), "office"),
    "table.orc": (b"ORC" + bytes(range(256)), "ORC"),
    "unknown.dat": (bytes(range(256)) * 4, "unknown kind"),
    "scan.png": (_png(grey=True, size=300), "may be an X-ray"),
    "torn.parquet": (_parquet(x=[1])[:-8], "Parquet"),
    "torn.npy": (_npy(np.arange(1000))[:-20], "numpy"),
    "torn.db": (_sqlite("create table t (a)", [(1,)])[:4000], "SQLite"),
    "torn.pkl": (pickle.dumps(list(range(1000)))[:-500], "pickle"),
    "torn.png": (_png()[:200], "picture"),
    "deep.gz": (gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"x")))), "too deeply"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_not_understood_is_never_called_clean(name: str, tmp_path: Path) -> None:
    data, why = UNREADABLE[name]
    _put(tmp_path, name, data)
    report = leak_scan(tmp_path)
    assert report.verdict == "not read"
    assert why in report.not_read[0].why
    assert "not read" in report.as_text()
    (tmp_path / ".leakscan-allow").write_text(f"{name}  not-read  # looked at\n")
    assert leak_scan(tmp_path).verdict == "clean"


def test_an_encrypted_archive_is_not_read(tmp_path: Path) -> None:
    data = bytearray(_zip(a_dot_txt=b"hello"))
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    _put(tmp_path, "locked.zip", bytes(data))
    assert [one.why for one in leak_scan(tmp_path).not_read] == ["a member is encrypted"]


def test_a_large_archive_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ehrxqa.leakscan.FileBounds", lambda: FileBounds(most_seconds=-1.0))
    _put(tmp_path, "many.zip", _zip(**{f"m{i}": b"x" for i in range(20)}))
    assert "only 0 of its 20 members were read" in leak_scan(tmp_path).not_read[0].why


def _git(folder: Path, *arguments: str, given: bytes | None = None) -> bytes:
    command = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e@x.test", *arguments]
    return subprocess.run(command, check=True, capture_output=True, input=given).stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    _git(tmp_path, "init", "-q", "-b", "main")
    _put(tmp_path, "a.txt", "hello\n")
    _git(tmp_path, "add", "-A")
    _git(tmp_path, "commit", "-qm", "first")
    return tmp_path


LEAK = f"subject_id = {SUBJECTS[0]}"


@pytest.mark.parametrize("where", ["annotated tag", "tag on a blob", "branch name", "tag name", "file name", "note"])
def test_history_is_read_in_every_corner(where: str, repository: Path) -> None:
    match where:
        case "annotated tag":
            _git(repository, "tag", "-a", "v1", "-m", LEAK)
        case "tag on a blob":
            blob = _git(repository, "hash-object", "-w", "--stdin", given=LEAK.encode()).decode().strip()
            _git(repository, "tag", "data", blob)
        case "branch name":
            _git(repository, "branch", f"subject-{SUBJECTS[0]}")
        case "tag name":
            _git(repository, "tag", f"study_{STUDIES[0]}")
        case "file name":
            _put(repository, f"hadm_{ADMISSIONS[0]}.txt", "x\n")
            _git(repository, "add", "-A")
            _git(repository, "commit", "-qm", "second")
            _git(repository, "rm", "-q", f"hadm_{ADMISSIONS[0]}.txt")
            _git(repository, "commit", "-qm", "third")
        case "note":
            _git(repository, "notes", "add", "-m", LEAK)
    assert leak_scan(repository, history=True).verdict == "leak"


def test_what_is_staged_is_read_though_the_file_was_mended(repository: Path) -> None:
    _put(repository, "b.txt", LEAK)
    _git(repository, "add", "b.txt")
    _put(repository, "b.txt", "mended\n")
    assert leak_scan(repository).verdict == "leak"
    assert leak_scan(repository, history=True).verdict == "leak"
    _git(repository, "add", "b.txt")
    assert leak_scan(repository).verdict == "clean"
