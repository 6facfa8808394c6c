"""Find what must never be published, before someone publishes it.

What comes in: files, folders, a git history. What goes out: findings (path, line, rule), never a value of a
patient. Rows and numbers of MIMIC, answers, databases, images and credentials count; what the synthetic
hospital made does not, except credentials.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from ehrxqa.arguments import checked
from ehrxqa.errors import SettingsError, SourceError
from ehrxqa.html_repr import html_repr
from ehrxqa.leakscan import git
from ehrxqa.leakscan.allow import ALLOW_FILE, AllowList
from ehrxqa.leakscan.content import MOST_BYTES, FileBounds, content_hits
from ehrxqa.leakscan.masking import made_up_number, masked
from ehrxqa.leakscan.rules import NOT_READ, PATIENT_RULES, RULES, Hit, text_hits
from ehrxqa.leakscan.synthetic import MARKERS, marker_says, nearest_marker
from ehrxqa.progress import Progress
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING

__all__ = ["RULES", "Leak", "NotRead", "ScanReport", "leak_scan"]


#: `p19/p1…/s5…`, `subject-1…`, `patient_1…`, `hadm2…` in names.
_NAMED = re.compile(
    r"(?i)(?:p1\d/p(?=1\d{7}/s5\d{7})|(?:subject|patient|hadm|admission|stay|study)[ _-]?(?:id)?[ _=-]?)"
    r"(?P<id>[1235]\d{7})(?!\d)"
)


@dataclass(frozen=True)
class Leak:
    """Something that must not be published.

    Attributes:
        path: Where, with numbers of patients made unreadable.
        line: 1-based line, None for the file as a whole.
        rule: Name of the rule.
        what: What it is, in words.
        commit: Commit of the history that has it; None for a file on disk.
    """

    path: str
    line: int | None
    rule: str
    what: str
    commit: str | None = None


@dataclass(frozen=True)
class NotRead:
    """Something that was not read, or not read whole, and so is not called clean.

    Attributes:
        path: Where, with numbers of patients made unreadable.
        why: The reason.
    """

    path: str
    why: str


@dataclass
class ScanReport:
    """What was looked at and what was found.

    Attributes:
        findings: Sorted by path and rule.
        files: Files on disk that were read.
        blobs: Versions of files in the history that were read.
        synthetic: Findings that are known to be synthetic, and so none.
        allowed: Findings that the allow list lets stay.
        not_read: What was not read, or not read whole.
        notes: What else is worth saying.
    """

    findings: list[Leak] = field(default_factory=list)
    files: int = 0
    blobs: int = 0
    synthetic: int = 0
    allowed: int = 0
    not_read: list[NotRead] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    __repr__ = short_repr
    _repr_html_ = html_repr

    @property
    def verdict(self) -> Literal["leak", "not read", "clean"]:
        """A leak, if anything was found; clean only if all of it was read and understood."""
        return "leak" if self.findings else "not read" if self.not_read else "clean"

    @property
    def clean(self) -> bool:
        """Whether nothing was found in what was all read."""
        return self.verdict == "clean"

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "verdict": self.verdict,
            "clean": self.clean,
            **vars(self),
            "findings": [vars(finding) for finding in self.findings],
            "not_read": [vars(one) for one in self.not_read],
        }

    def as_text(self) -> str:
        """The report for people: one finding a line, `path:line: rule: what`."""
        lines = []
        for one in self.findings:
            where = one.path if one.line is None else f"{one.path}:{one.line}"
            commit = f" (commit {one.commit})" if one.commit else ""
            lines.append(f"{where}: {one.rule}: {one.what}{commit}")
        lines += [f"{one.path}: not read: {one.why}" for one in self.not_read]
        lines += [f"note: {note}" for note in self.notes]
        history = f" and {self.blobs:,} versions in the history" if self.blobs else ""
        known = [f"{self.synthetic:,} synthetic"] * bool(self.synthetic) + [f"{self.allowed:,} allowed"] * bool(
            self.allowed
        )
        aside = f" ({', '.join(known)})" if known else ""
        return "\n".join([*lines, f"{self._verdict_text()}: {self.files:,} files{history} read{aside}"])

    def _verdict_text(self) -> str:
        found, unread = len(self.findings), len(self.not_read)
        aside = f", and {unread:,} not read" if unread else ""
        match self.verdict:
            case "leak":
                return f"{found:,} finding{'s' * (found != 1)}{aside}, do not publish this"
            case "not read":
                return f"nothing found, but {unread:,} not read (look at them, or allow them)"
            case _:
                return "clean"


@checked
def leak_scan(
    paths: Path | str | Sequence[Path | str],
    *,
    history: bool = False,
    everything: bool = False,
    allow: Path | str | None = None,
    progress: Progress = FITTING,
) -> ScanReport:
    """Look for what must never be published.

    Args:
        paths: Files and folders. In a git work tree, files that git ignores are left out, unless the path
            itself is ignored or `everything`.
        history: Also every version of every file in the history of the repository that holds the path, and the
            commit messages.
        everything: Also what git ignores.
        allow: Allow list; default `.leakscan-allow` at the root of the repository or in the scanned folder.
        progress: Hears how far it is.

    Raises:
        SettingsError: A path does not exist, or the allow list cannot be read.
        SourceError: `history` of what is no git repository, or git fails.
    """
    given = [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]
    if not given:
        raise SettingsError("give a file or folder to scan")
    for path in given:
        if not path.exists():
            raise SettingsError(f"{path}: no such file or folder")
    scan = _Scan(allow)
    tops: dict[Path, None] = {}
    for path in given:
        top = git.top_level(path)
        if top is not None:
            tops[top] = None
        elif history:
            raise SourceError("is in no git repository; --history needs one", path=path)
        files = _files(path, top, everything=everything)
        base = top if top is not None else path if path.is_dir() else path.parent
        with progress.task(f"scanning {path}", total=len(files), unit="files") as task:
            for file in files:
                scan.file(file, base)
                task.advance()
        if top is not None and path.is_dir() and not history:
            scan.staged(top, path)
    if history:
        for top in tops:
            scan.history(top, progress)
    return scan.finished()


def _files(path: Path, top: Path | None, *, everything: bool) -> list[Path]:
    if path.is_file():
        return [path]
    if top is not None and not everything and not git.ignored(path):
        return [file for file in git.listed_files(path) if file.is_file() and not file.is_symlink()]
    return sorted(_walk(path))


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder; links are not followed, `.git` is for `--history`."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != ".git"]
        yield from (path for name in names if not (path := Path(root, name)).is_symlink() and path.is_file())


class _Scan:
    """One scan in progress."""

    def __init__(self, allow: Path | str | None) -> None:
        self._report = ScanReport()
        self._given_allow = AllowList.read(Path(allow)) if allow is not None else None
        self._allow: dict[Path, AllowList] = {}
        self._markers: dict[PurePosixPath, bool | None] = {}
        self._seen: set[Path] = set()

    def file(self, path: Path, base: Path) -> None:
        """Look at a file on disk."""
        resolved = path.resolve()
        if resolved in self._seen:
            return
        self._seen.add(resolved)
        name = _relative(resolved, base.resolve())
        limits = FileBounds()
        try:
            size = path.stat().st_size
            with path.open("rb") as stream:
                data = stream.read(MOST_BYTES)
        except OSError as error:
            raise SourceError(f"cannot be read ({error.strerror}), so it cannot be called clean", path=path) from error
        if size > MOST_BYTES:
            limits.skip(name, f"only the first {MOST_BYTES >> 20} MiB were read")
        self._report.files += 1
        hits = [*content_hits(name, data, limits, whole=size <= MOST_BYTES), *_path_hits(name)]
        if hits or limits.unread:
            synthetic = nearest_marker(PurePosixPath(resolved.as_posix()), self._marker_on_disk)
            self._add(hits, name, base, synthetic=synthetic)
            self._skip(limits, name, base, synthetic=synthetic)

    def staged(self, top: Path, folder: Path) -> None:
        """Look at what is staged below a folder and stands otherwise in the work tree."""
        inside = folder.resolve()
        wanted = [blob for blob in git.staged_only(top) if (top / blob.path).resolve().is_relative_to(inside)]
        for blob, data in git.contents(top, wanted, MOST_BYTES):
            limits = FileBounds()
            hits = list(content_hits(blob.path, data, limits))
            synthetic = nearest_marker(PurePosixPath((top / blob.path).as_posix()), self._marker_on_disk)
            self._add([replace(hit, what=f"{hit.what}, staged") for hit in hits], blob.path, top, synthetic=synthetic)
            self._skip(limits, blob.path, top, synthetic=synthetic)

    def history(self, top: Path, progress: Progress) -> None:
        """Look at every version of every file, and at the messages."""
        found = git.blobs(top)
        markers: dict[PurePosixPath, bool] = {}
        named = [blob for blob in found if PurePosixPath(blob.path).name in MARKERS]
        for blob, data in git.contents(top, named, MOST_BYTES):
            pure = PurePosixPath(blob.path)
            says = marker_says(pure.name, data)
            if says is not None:  # a folder that was ever built from real data is real
                markers[pure.parent] = says and markers.get(pure.parent, True)
        with progress.task(f"history of {top}", total=len(found), unit="versions") as task:
            for blob, data in git.contents(top, found, MOST_BYTES):
                self._report.blobs += 1
                limits = FileBounds()
                hits = [*content_hits(blob.path, data, limits, whole=blob.size <= MOST_BYTES), *_path_hits(blob.path)]
                if hits or limits.unread:
                    synthetic = nearest_marker(PurePosixPath(blob.path), markers.get)
                    self._add(hits, blob.path, top, synthetic=synthetic, oid=blob.oid)
                    self._skip(limits, blob.path, top, synthetic=synthetic)
                task.advance()
        for commit, text in git.messages(top):
            self._add(list(text_hits(text)), "commit message", top, synthetic=False, commit=commit)
        for name, text in git.names(top):
            hits = [*text_hits(text), *_path_hits(name)]
            self._add(hits, f"branch or tag {name}", top, synthetic=False)

    def finished(self) -> ScanReport:
        """The report, sorted."""
        report = self._report
        same = Counter(report.findings)  # masked paths may be equal
        merged = [
            replace(one, what=f"{one.what} ({count:,} files)") if count > 1 else one for one, count in same.items()
        ]
        report.findings = sorted(merged, key=lambda one: (one.path, one.line or 0, one.rule, one.commit or ""))
        if self._given_allow is not None or self._allow:
            lists = [self._given_allow] if self._given_allow is not None else list(self._allow.values())
            globs = [glob for one in lists for glob in one.unused]
            report.notes += [f"allow list: {glob} meets nothing and may be taken out" for glob in globs]
        report.not_read = list(dict.fromkeys(report.not_read))
        return report

    def _add(
        self,
        hits: Iterable[Hit],
        name: str,
        base: Path,
        *,
        synthetic: bool,
        oid: str | None = None,
        commit: str | None = None,
    ) -> None:
        allow = self._allow_list(base)
        for hit in hits:
            if synthetic and hit.rule in PATIENT_RULES:
                self._report.synthetic += 1
            elif allow.allows(name, hit.rule):
                self._report.allowed += 1
            else:
                where = commit if oid is None else git.commit_of(base, oid)
                self._report.findings.append(Leak(masked(name), hit.line, hit.rule, hit.what, where))

    def _skip(self, limits: FileBounds, file: str, base: Path, *, synthetic: bool) -> None:
        """Note what was not read; of a synthetic tree, pictures and databases are known to be made up."""
        allow = self._allow_list(base)
        for name, why in limits.unread:
            if synthetic:
                self._report.synthetic += 1
            elif allow.allows(file, NOT_READ):
                self._report.allowed += 1
            else:
                self._report.not_read.append(NotRead(masked(name), why))

    def _allow_list(self, base: Path) -> AllowList:
        if self._given_allow is not None:
            return self._given_allow
        if base not in self._allow:
            file = base / ALLOW_FILE
            self._allow[base] = AllowList.read(file) if file.is_file() else AllowList()
        return self._allow[base]

    def _marker_on_disk(self, folder: PurePosixPath) -> bool | None:
        if folder not in self._markers:
            says = None
            for name in MARKERS:
                file = Path(folder, name)
                if says is None and file.is_file():
                    says = marker_says(name, file.read_bytes())
            self._markers[folder] = says
        return self._markers[folder]


def _path_hits(name: str) -> Iterator[Hit]:
    """Numbers of patients in the name of a file, branch or tag."""
    found = [match for match in _NAMED.finditer(name) if not made_up_number(match["id"])]
    if found:
        yield Hit(
            "mimic-path" if "/" in found[0][0] else "mimic-id", None, "a name with the number of a subject or study"
        )


def _relative(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()
