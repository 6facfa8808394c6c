"""Files and history of a git repository, read with the `git` command; nothing is ever written."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ehrxqa.errors import SourceError

__all__ = [
    "Blob",
    "blobs",
    "commit_of",
    "contents",
    "ignored",
    "listed_files",
    "messages",
    "names",
    "staged_only",
    "top_level",
]


@dataclass(frozen=True)
class Blob:
    """One version of one file in the history, under one of its paths."""

    oid: str
    path: str
    size: int


def top_level(path: Path) -> Path | None:
    """Root of the work tree that holds `path`, None if there is none (or no git)."""
    folder = path if path.is_dir() else path.parent
    try:
        found = _git(folder, "rev-parse", "--show-toplevel").decode().rstrip("\n")
    except SourceError:
        return None
    return Path(found) if found else None


def ignored(path: Path) -> bool:
    """Whether git ignores that path."""
    folder = path if path.is_dir() else path.parent
    done = _run(folder.absolute().parent if path.is_dir() else folder, "check-ignore", "-q", "--", str(path.absolute()))
    return done.returncode == 0


def listed_files(folder: Path) -> list[Path]:
    """Files below a folder that are tracked, or new and not ignored."""
    out = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".")
    return sorted(folder / name for name in {os.fsdecode(name) for name in out.split(b"\0")} if name)


def blobs(top: Path) -> list[Blob]:
    """Every version of every file in every branch, tag and stash, each content once."""
    objects: dict[str, str] = {}
    for line in _git(top, "rev-list", "--objects", "--all", "--reflog").splitlines():
        oid, _, path = line.partition(b" ")
        name = oid.decode("ascii")
        if path or name not in objects:  # commits and folders are sorted out below; a tag may name a blob directly
            objects[name] = objects.get(name) or os.fsdecode(path)
    for staged, where in _staged(top):
        objects.setdefault(staged, where)
    asked = "".join(f"{oid}\n" for oid in objects).encode()
    out = _git(top, "cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", given=asked)
    found = []
    for answer in out.decode("ascii", "replace").splitlines():
        name, kind, *size = answer.split(" ")
        if kind == "blob":
            found.append(Blob(name, objects[name] or "(a tagged file)", int(size[0])))
    return found


def _staged(top: Path) -> Iterator[tuple[str, str]]:
    """Files as they are staged: what the next commit would hold, whatever stands in the work tree."""
    for entry in _git(top, "ls-files", "-z", "--stage").split(b"\0"):
        facts, _, path = entry.partition(b"\t")
        if path and not facts.startswith(b"160000"):  # a submodule is a commit of another repository
            yield facts.split(b" ")[1].decode("ascii"), os.fsdecode(path)


def staged_only(top: Path) -> list[Blob]:
    """Staged files that differ from those in the work tree."""
    changed = _git(top, "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff").split(b"\0")
    names = {os.fsdecode(name) for name in changed if name}
    return [Blob(oid, path, 0) for oid, path in _staged(top) if path in names]


def names(top: Path) -> Iterator[tuple[str, str]]:
    """What branches and tags are called, and the messages of annotated tags."""
    out = _git(top, "for-each-ref", "--format=%(refname:short)%00%(if)%(taggername)%(then)%(contents)%(end)%00%00")
    for entry in out.decode("utf-8", "replace").split("\0\0\n"):
        name, _, message = entry.partition("\0")
        if name:
            yield name, f"{name}\n{message}"


def contents(top: Path, wanted: list[Blob], most_bytes: int) -> Iterator[tuple[Blob, bytes]]:
    """The first `most_bytes` of each blob, in the given order."""
    command = ["git", "-C", str(top), "cat-file", "--batch"]
    with tempfile.TemporaryFile() as asked:  # a file, so that neither side waits for the other
        asked.write("".join(f"{blob.oid}\n" for blob in wanted).encode())
        asked.seek(0)
        process = subprocess.Popen(command, stdin=asked, stdout=subprocess.PIPE, env=_environment())
        assert process.stdout is not None
        try:
            for blob in wanted:
                header = process.stdout.readline().split()
                if len(header) != 3:
                    raise SourceError("git cannot read its history; run `git fsck`", path=top)
                left = int(header[2]) + 1  # and the line end that follows
                data = process.stdout.read(min(left - 1, most_bytes))
                left -= len(data)
                while left > 0:
                    left -= len(process.stdout.read(min(left, 1 << 20))) or left
                yield blob, data
        finally:
            process.stdout.close()
            process.terminate()
            process.wait()


def messages(top: Path) -> Iterator[tuple[str, str]]:
    """Short id and message of every commit."""
    out = _git(top, "log", "--all", "-z", "--format=%h%n%an <%ae>%n%B")
    for entry in out.decode("utf-8", "replace").split("\0"):
        commit, _, text = entry.partition("\n")
        if commit:
            yield commit, text


def commit_of(top: Path, oid: str) -> str:
    """Short id of the oldest commit that brought a blob; `unreachable` if no branch or tag has one."""
    out = _git(top, "log", "--all", "-m", "--raw", "--format=%h", f"--find-object={oid}").decode("ascii", "replace")
    commits = [line for line in out.splitlines() if line and not line.startswith(":")]
    return commits[-1] if commits else "unreachable"


def _environment() -> dict[str, str]:
    """A fixed language, no prompt, no lock, and no other repository than the one that is named."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}


def _run(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), "-c", "core.fsmonitor=false", *arguments],
            input=given,
            capture_output=True,
            env=_environment(),
            check=False,
        )
    except FileNotFoundError as error:
        raise SourceError("the git command is not installed", path=folder) from error


def _git(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    done = _run(folder, *arguments, given=given)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()[:200]
        raise SourceError(f"git {arguments[0]} failed: {said}", path=folder)
    return done.stdout
