"""What happens on a worker of a Dask cluster: it is looked at, opens what it is to use, and does shards.

A worker does shards of one command at a time: the first shard of another one closes what was opened for the last.
Exceptions of shards come back as values, so that Dask writes nothing of the data into its logs.
"""

from __future__ import annotations

import hashlib
import pickle
import platform
import threading
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from ehrxqa.errors import SettingsError
from ehrxqa.files import sha256_of
from ehrxqa.runs.manifest import package_versions
from ehrxqa.runs.sending import failed, reply, unpickled

__all__ = ["Need", "Report", "Session", "close", "do", "look", "need", "software", "threads_fault"]

_FILES: Final = "files of ehrxqa"


@dataclass(frozen=True, slots=True)
class Need:
    """A file or folder that a worker must have.

    Attributes:
        path: Where, on the worker.
        bytes: Its size; None of a folder.
        sha256: Of its bytes; None of a folder.
    """

    path: str
    bytes: int | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Session:
    """One command's use of a cluster.

    Attributes:
        id: Its own.
        software: Of the machine of the command; see `software`.
        needs: What each worker must have.
        opened: What makes the context that each worker enters, pickled.
    """

    id: str
    software: tuple[tuple[str, str], ...]
    needs: tuple[Need, ...]
    opened: bytes


@dataclass(frozen=True, slots=True)
class Report:
    """A worker, looked at.

    Attributes:
        threads: How many shards it would do at a time.
        gpu: Whether it has the resource GPU.
        lacks: What it lacks, in words.
    """

    threads: int
    gpu: bool
    lacks: tuple[str, ...]


class _Open:
    """What this process has opened, and for which session."""

    session: bytes = b""
    resources: tuple[Any, ...] = ()
    stack: ExitStack = ExitStack()


_lock = threading.Lock()


def software() -> tuple[tuple[str, str], ...]:
    """Names and versions of what the bytes of results depend on; of this package also a digest of its files."""
    python = ".".join(platform.python_version_tuple()[:2])
    return (("Python", python), *package_versions().items(), (_FILES, _digest_of_package()))


@cache
def _digest_of_package() -> str:
    root, digest = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def need(path: Path, there: str) -> Need:
    """What a worker must have of a file or folder of this machine.

    Raises:
        SettingsError: It is not there.
    """
    if path.is_dir():
        return Need(there, None, None)
    if not path.is_file():
        raise SettingsError(f"{path}: no such file or folder")
    return Need(there, path.stat().st_size, sha256_of(path))


def look(session: bytes, dask_worker: Any) -> Report:
    """The state of a worker; called by Dask outside of any shard."""
    state = dask_worker.state
    return Report(state.nthreads, "GPU" in state.total_resources, tuple(_lacks(pickle.loads(session))))


def _lacks(session: Session) -> list[str]:
    ours, theirs = dict(software()), dict(session.software)
    if ours["ehrxqa"] != theirs["ehrxqa"]:
        del theirs[_FILES]  # goes without saying
    found = [
        f"has {name} {ours.get(name, 'not at all')}, not {version}"
        for name, version in theirs.items()
        if ours.get(name) != version
    ]
    for each in session.needs:
        path = Path(each.path)
        if not path.exists():
            found.append(f"{path} is missing")
        elif path.is_dir() != (each.bytes is None):
            found.append(f"{path} is {'a folder' if path.is_dir() else 'a file'}")
        elif each.bytes is not None and (path.stat().st_size != each.bytes or _digest(path) != each.sha256):
            found.append(f"{path} is another file than here")
    return found


def _digest(path: Path) -> str:
    status = path.stat()
    return _remembered(path, status.st_size, status.st_mtime_ns)


@cache
def _remembered(path: Path, size: int, changed: int) -> str:
    return sha256_of(path)


def do(session: bytes, call: bytes) -> bytes:
    """Do one shard; what comes of it is for `sending.received`."""
    try:
        with _lock:
            if _Open.session != session:
                _open(session)
            resources = _Open.resources
    except BaseException as error:
        return failed(_named(error))
    return reply(resources, call, named=_named)


def _named(error: BaseException) -> BaseException:
    """An error of settings is one of this worker: its text begins with its name."""
    from distributed import get_worker

    if isinstance(error, SettingsError):
        with suppress(Exception):
            error.args = (f"worker {get_worker().address}: {error}", *error.args[1:])
    return error


def _open(session: bytes) -> None:
    from distributed import get_worker

    _close()
    what: Session = pickle.loads(session)
    worker = get_worker()
    report = look(session, worker)
    if lacks := list(report.lacks) + threads_fault(report.threads):
        raise SettingsError("; ".join(lacks))
    opened = unpickled(what.opened)
    if opened is not None:
        context: AbstractContextManager[Any] = opened()
        _Open.resources = (_Open.stack.enter_context(context),)
    _Open.session = session


def threads_fault(threads: int) -> list[str]:
    """What is wrong with a worker that does several shards at a time."""
    return [] if threads == 1 else [f"runs {threads} threads; start it with --nthreads 1, and more with --nworkers"]


def close(session: bytes) -> None:
    """Close what was opened for a session."""
    with _lock:
        if _Open.session == session:
            _close()


def _close() -> None:
    stack, _Open.stack, _Open.resources, _Open.session = _Open.stack, ExitStack(), (), b""
    with suppress(Exception):  # of a session that is over: nobody is there to be told
        stack.close()
