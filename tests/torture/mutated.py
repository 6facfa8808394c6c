"""Files that are nearly right: every reader says what is wrong, in one line, and never that the fault is ours."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ehrxqa.cli import main as cli
from torture.kills import prepare
from torture.tally import Tally


@dataclass(frozen=True)
class Reader:
    """A command and the file that is mutated before it runs.

    Attributes:
        name: Of the reader.
        file: The file, below what was prepared.
        arguments: Of the command; `{o}` is a build whose file was mutated, `{w}` a folder for results.
    """

    name: str
    file: str
    arguments: tuple[str, ...]


_DATABASE = "{o}/database/test/mimic_iv_cxr.db"
READERS = (
    Reader("info: manifest", "o/manifest.json", ("info", "{o}")),
    Reader("verify: manifest", "o/manifest.json", ("verify", "{o}")),
    Reader("generate: manifest", "o/manifest.json", ("generate", "{o}", "--test", "1", "--workers", "1", "--force")),
    Reader("stats: questions", "o/dataset/test.json", ("stats", "{o}")),
    Reader("stats: links", "o/dataset/links.jsonl", ("stats", "{o}")),
    Reader("export: questions", "o/dataset/test.json", ("export", "{o}")),
    Reader("why: questions", "o/dataset/_test.json", ("why", "{o}", "1", "--split", "test")),
    Reader("check: questions", "o/dataset/test.json", ("check", "{o}", "--workers", "1")),
    Reader(
        "answer: questions",
        "o/dataset/_test.json",
        ("answer", "--database", "{o}", "--questions", "{o}/dataset/_test.json", "--out", "{w}/a.json", "-q"),
    ),
    Reader(
        "execute: predictions",
        "queries.json",
        (
            "execute", "--database", _DATABASE, "--predictions", "{w}/queries.json", "--out", "{w}/x.json",
            "--workers", "1",
        ),
    ),
    Reader(
        "evaluate: gold",
        "o/dataset/test.json",
        ("evaluate", "--gold", "{o}/dataset/test.json", "--predictions", "{w}/answers.json"),
    ),
    Reader(
        "evaluate: predictions",
        "answers.json",
        ("evaluate", "--gold", "{o}/dataset/test.json", "--predictions", "{w}/answers.json"),
    ),
    Reader("query: database", "o/database/test/mimic_iv_cxr.db", ("query", _DATABASE, "select count(*) from tb_cxr")),
    Reader("board: run", "o/runs/r/run.json", ("board", "{o}")),
    Reader("board: scores", "o/runs/r/scores.json", ("board", "{o}")),
    Reader("leak-scan: anything", "o/dataset/links.jsonl", ("leak-scan", "{o}/dataset/links.jsonl")),
    Reader("synth: marker", "h/SYNTHETIC.json", ("synth", "{h}", "--subjects", "60", "--seed", "5", "--no-images")),
)  # fmt: skip
#: Of the sources, each file in turn.
SOURCES = "build: sources"


def mutated(base: Path, scratch: Path, number: int, rng: random.Random) -> Iterator[Tally]:
    """`number` mutated files, spread over all readers."""
    prepare(base)
    _prepare_more(base)
    sources = sorted(path for path in (base / "h").rglob("*") if path.is_file() and path.name != "SYNTHETIC.json")
    per_reader = max(1, number // (len(READERS) + 4))
    left = number
    for reader in READERS:
        tally = Tally(f"mutated {reader.name}")
        for _ in range(min(per_reader, left)):
            left -= 1
            tally.count(_trial(reader, base, scratch, rng))
        yield tally
    tally = Tally(f"mutated {SOURCES}")
    for _ in range(left):
        tally.count(_source_trial(base, scratch, rng.choice(sources), rng))
    yield tally


def _prepare_more(base: Path) -> None:
    """Answers of a model, and a run."""
    if not (base / "answers.json").is_file():
        records = json.loads((base / "o/dataset/test.json").read_text())
        (base / "answers.json").write_text(json.dumps({str(r["id"]): r["answer"] for r in records}))
    if not (base / "o/runs/r/scores.json").is_file():
        code, said = _run(("run", str(base / "o"), "--name", "r", "--limit", "20", "--workers", "1", "-q"))
        assert code == 0, said


def _trial(reader: Reader, base: Path, scratch: Path, rng: random.Random) -> str | None:
    work = scratch / "mutated"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    out = work / "o"
    _linked(base / "o", out)
    for name in ("queries.json", "answers.json"):
        shutil.copy(base / name, work / name)
    hospital = work / "h"
    if reader.file.startswith("h/"):
        _linked(base / "h", hospital)
    target = work / reader.file
    how = _mutate(target, rng)
    arguments = tuple(part.format(o=out, w=work, h=hospital) for part in reader.arguments)
    return _judge(arguments, f"{reader.name}: {how}")


def _source_trial(base: Path, scratch: Path, path: Path, rng: random.Random) -> str | None:
    work = scratch / "mutated"
    shutil.rmtree(work, ignore_errors=True)
    _linked(base / "h", work / "h")
    target = work / "h" / path.relative_to(base / "h")
    how = _mutate(target, rng)
    return _judge(("build", str(work / "h"), str(work / "o"), "--workers", "1", "-q"), f"{path.name}: {how}")


def _linked(source: Path, target: Path) -> None:
    """The tree again, by hard links; a file that is mutated is replaced, not written into."""
    for path in source.rglob("*"):
        if path.is_file():
            copy = target / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            # what a command might change in place is copied
            (shutil.copy if path.suffix in (".json", ".jsonl", ".db") else _link)(path, copy)


def _link(source: Path, target: Path) -> None:
    target.hardlink_to(source)


def _judge(arguments: tuple[str, ...], what: str) -> str | None:
    code, said = _run(arguments)
    if "a fault of ours" in said or "Traceback" in said:
        return f"{what}: {said.strip()[-200:]}"
    if code not in (0, 1, 2, 3):
        return f"{what}: exit status {code}"
    return None


def _run(arguments: tuple[str, ...]) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli.run(list(arguments))
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return code, err.getvalue()


# -- mutations -----------------------------------------------------------------------------------------------------


def _mutate(path: Path, rng: random.Random) -> str:
    """Change a file, inside its compression half of the time; says how, for repeating it."""
    data = path.read_bytes()
    packed = path.suffix == ".gz" and rng.random() < 0.7
    if packed:
        data = gzip.decompress(data)
    how = rng.choice(tuple(_WAYS))
    data = _WAYS[how](data, rng)
    path.unlink()
    path.write_bytes(gzip.compress(data, 1) if packed else data)
    return f"{how}{' inside gzip' if packed else ''}"


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _flip(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 3, 20))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _insert(piece: Callable[[random.Random], bytes]) -> Callable[[bytes, random.Random], bytes]:
    def insert(data: bytes, rng: random.Random) -> bytes:
        place = rng.randrange(len(data) + 1)
        return data[:place] + piece(rng) + data[place:]

    return insert


def _number(data: bytes, rng: random.Random) -> bytes:
    """Another number in the place of one."""
    places = [place for place, byte in enumerate(data[:200_000]) if 48 <= byte <= 57]
    if not places:
        return data
    place = rng.choice(places)
    other = rng.choice((b"-1", b"9" * 400, b"1e999", b"NaN", b"Infinity", b"null", b'"x"', b"0.5", b"", b"61"))
    return data[:place] + other + data[place + 1 :]


def _swap(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    return b"\n".join(lines)


def _double(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    place = rng.randrange(len(lines))
    return b"\n".join([*lines[: place + 1], lines[place], *lines[place + 1 :]])


def _deep(data: bytes, rng: random.Random) -> bytes:
    return b"[" * 100_000 + data


def _login_page(data: bytes, rng: random.Random) -> bytes:
    return b"<!DOCTYPE html><html><head><title>Login</title></head><body>Please sign in</body></html>\n"


_WAYS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "cut": _cut,
    "empty": lambda data, rng: b"",
    "bytes changed": _flip,
    "NUL inserted": _insert(lambda rng: b"\0" * rng.choice((1, 100))),
    "cp1252 byte inserted": _insert(lambda rng: b"\xe9"),
    "half a character inserted": _insert(lambda rng: b"\\ud83d"),
    "quote inserted": _insert(lambda rng: b'"'),
    "comma inserted": _insert(lambda rng: b","),
    "long text inserted": _insert(lambda rng: b"x" * 2_000_000),
    "line ends inserted": _insert(lambda rng: b"\r\n\r\n\x85\xe2\x80\xa8"),
    "another number": _number,
    "lines exchanged": _swap,
    "line doubled": _double,
    "nested deeply": _deep,
    "a login page": _login_page,
    "a byte order mark": lambda data, rng: b"\xef\xbb\xbf" + data,
}
