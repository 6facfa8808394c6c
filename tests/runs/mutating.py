"""Files changed at random, as disks, editors, programs of others and mishaps change them."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

_BYTES: Final = [
    *(bytes([code]) for code in b"\0\xff\x93\"'\n\r,\t{}[]:-"), b"null", b"NaN", b"1e999", b"../", b"\xef\xbb\xbf",
    b"7" * 5000, b"[" * 20_000, b"x" * 200_000, "\ud83d".encode("utf-8", "surrogatepass"), "\u2028ä".encode(),
]  # fmt: skip
_VALUES: Final[list[Any]] = [
    None, True, False, 0, 1, -1, 1.5, float("nan"), float("inf"), 10**30, 10**400, [], {}, [[]], [None], [1, "1"],
    "", "x", "1", "\ud83d", "\0", "../../etc", "é" * 3000, "2150-08-01", "select 1", {"": None}, {"a": []}, [[[1]]],
]  # fmt: skip


def mutated_bytes(data: bytes, rng: random.Random) -> bytes:
    """Cut, flip, insert, repeat or drop."""
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        place = rng.randrange(len(data) + 1)
        match rng.randrange(6):
            case 0:
                data = data[:place]
            case 1 if data:
                place = min(place, len(data) - 1)
                data = data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :]
            case 2:
                data = data[:place] + data[place + rng.randrange(1, 40) :]
            case 3:
                data = data[:place] + data[max(0, place - 200) : place] + data[place:]
            case _:
                data = data[:place] + rng.choice(_BYTES) + data[place:]
    return data


def mutated_json(data: bytes, rng: random.Random) -> bytes:
    """A value exchanged, a key dropped, renamed or added, somewhere in a JSON text, or in one of its lines."""
    text = data.decode()
    lines = text.split("\n") if text.lstrip().startswith("{") and '"}\n{' in text.replace("}\n{", '"}\n{') else [text]
    at = rng.randrange(len(lines))
    try:
        value = json.loads(lines[at])
        holders = list(_holders(value))
    except (ValueError, RecursionError):
        return mutated_bytes(data, rng)
    if not holders or rng.random() < 0.05:
        value = deepcopy(rng.choice(_VALUES))
    for _ in range(rng.choice([1, 1, 2])):
        if holders:
            holder = rng.choice(holders)
            key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
            match rng.randrange(5):
                case 0 if isinstance(holder, dict):
                    holder[rng.choice(["", "x", "\ud83d", key + "_"])] = holder.pop(key)
                case 1:
                    del holder[key]
                case 2 if isinstance(holder, list):
                    holder.append(holder[key])
                case _:
                    holder[key] = deepcopy(rng.choice(_VALUES))
            holders = list(_holders(value))
    lines[at] = json.dumps(value, ensure_ascii=rng.random() < 0.7)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _holders(value: Any) -> Any:
    if isinstance(value, dict | list):
        if value:
            yield value
        for member in value.values() if isinstance(value, dict) else value:
            yield from _holders(member)


def mutated_file(path: Path, rng: random.Random) -> bytes:
    """The content of a file, changed: as it is, or what is packed in it."""
    data = path.read_bytes()
    if rng.random() < 0.3:
        return mutated_bytes(data, rng)
    change: Callable[[bytes, random.Random], bytes] = (
        mutated_json if path.suffix in (".json", ".jsonl") and rng.random() < 0.8 else mutated_bytes
    )
    if path.suffix == ".gz":
        return gzip.compress(change(gzip.decompress(data), rng), 1)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        name = rng.choice(list(members))
        members[name] = (mutated_json if rng.random() < 0.7 else mutated_bytes)(members[name], rng)
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for key, content in members.items():
                archive.writestr(key, content)
        return out.getvalue()
    return change(data, rng)
