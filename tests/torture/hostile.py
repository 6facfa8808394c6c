"""Hostile queries through the command line, with time and memory measured from outside, and the files watched."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import time
from pathlib import Path

from hostile_corpus import CANARY, CORPUS, make_target
from torture.kills import RUN, prepare
from torture.tally import Tally

SECONDS = 2.0
#: What the command itself may need before and after a query, in times of what `select 1` takes on this machine now.
OVERHEAD = 25.0
MOST_BYTES = 900 * 2**20


def hostile(base: Path, scratch: Path, number: int, rng: random.Random) -> Tally:
    """Run `number` queries of the corpus, all of it first."""
    prepare(base)
    scratch.mkdir(parents=True, exist_ok=True)
    folder = scratch / "target"
    folder.mkdir(exist_ok=True)
    target = make_target(base / "o/database/test/mimic_iv_cxr.db", folder / "hospital.db")
    before = hashlib.sha256(target.read_bytes()).hexdigest()
    tally = Tally("hostile query")
    some = list(CORPUS)
    rng.shuffle(some)
    while len(some) < number:
        some.append(rng.choice(CORPUS))
    _, start, _ = _one(target, "select 1", folder, 600.0)
    most = SECONDS + max(6.0, OVERHEAD * start)
    slowest, largest = 0.0, 0
    for attack in some[:number]:
        if "\0" in attack.query:
            continue  # cannot be an argument of a process
        fault, seconds, memory = _one(target, attack.query, folder, most)
        slowest, largest = max(slowest, seconds), max(largest, memory)
        tally.count(None if fault is None else f"line {attack.line} of the corpus: {fault}")
    if hashlib.sha256(target.read_bytes()).hexdigest() != before:
        tally.count("the database has changed")
    tally.notes.append(f"slowest {slowest:.1f} s under a limit of {SECONDS:g} s; largest {largest >> 20} MiB")
    return tally


def _one(target: Path, query: str, folder: Path, most: float) -> tuple[str | None, float, int]:
    command = [*RUN, "query", str(target), "-", "--timeout", str(SECONDS), "--format", "json", "-q"]
    began = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        out, err = process.communicate(query.encode("utf-8", "surrogateescape"), timeout=2 * most)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return "does not end", 2 * most, 0
    seconds = time.monotonic() - began
    memory = _peak(command, query, folder) if seconds > SECONDS else 0
    shown = out + err
    if CANARY.encode() in shown:
        return "shows the answer key", seconds, memory
    if b"Traceback" in shown or b"a fault of ours" in shown:
        return err.decode("utf-8", "replace").strip()[-200:], seconds, memory
    if seconds > most:
        return f"takes {seconds:.1f} s", seconds, memory
    if memory > MOST_BYTES:
        return f"takes {memory >> 20} MiB", seconds, memory
    if {entry.name for entry in folder.iterdir()} != {target.name}:
        return "leaves files behind", seconds, memory
    return None, seconds, memory


def _peak(command: list[str], query: str, folder: Path) -> int:
    """Peak memory of the command, in bytes, from the operating system."""
    read, write = os.pipe()
    process = os.fork()
    if process == 0:
        os.chdir(folder)
        os.dup2(read, 0)
        os.close(write)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.execv(command[0], command)
    os.close(read)
    try:
        with os.fdopen(write, "wb") as stream:
            stream.write(query.encode("utf-8", "surrogateescape"))
    except BrokenPipeError:
        pass
    _, _, usage = os.wait4(process, 0)
    return usage.ru_maxrss * 1024
