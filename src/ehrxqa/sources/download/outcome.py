"""What a download has to say afterwards: outcomes of files, and what a refusal means and where to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ehrxqa.errors import BuildError, EhrxqaError
from ehrxqa.html_repr import html_repr
from ehrxqa.net.errors import DownloadError
from ehrxqa.progress import human_bytes
from ehrxqa.short_repr import short_repr
from ehrxqa.sources.download.fetch_list import Item, State
from ehrxqa.sources.download.releases import Release

__all__ = [
    "CREDENTIALING",
    "DownloadReport",
    "FileReport",
    "explained",
    "hopeless",
    "planned",
    "refusal",
    "report",
    "summary",
]

CREDENTIALING = "https://physionet.org/settings/credentialing/"


@dataclass(frozen=True)
class FileReport:
    """What became of one file: `fetched`, `present` or `present, not checked`; in a dry run as `planned` says."""

    name: str
    project: str
    outcome: str
    bytes: int | None
    why: str = ""


@dataclass(frozen=True)
class DownloadReport:
    """What a run did, or in a dry run would do.

    Attributes:
        root: Folder of the sources.
        dry_run: Whether nothing was fetched.
        files: Each file but images, which are only counted.
        images: Outcome → number of images.
        expected_bytes: Bytes that were or are to be fetched; None if the host did not say.
        estimated: Whether that is an estimate.
        received_bytes: Bytes of content that came over the network.
        refused: Releases that the account may not read; what else was asked for has come.
    """

    root: Path
    dry_run: bool
    files: tuple[FileReport, ...]
    images: dict[str, int]
    expected_bytes: int | None
    estimated: bool
    received_bytes: int
    refused: tuple[Release, ...] = ()

    __repr__ = short_repr
    _repr_html_ = html_repr

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return {
            "root": str(self.root),
            "dry_run": self.dry_run,
            "expected_bytes": self.expected_bytes,
            "estimated": self.estimated,
            "received_bytes": self.received_bytes,
            "files": [
                {"path": file.name, "outcome": file.outcome, "bytes": file.bytes, "note": file.why}
                for file in self.files
            ],
            "images": self.images,
            "refused": [release.agreement for release in self.refused],
        }

    def as_text(self) -> str:
        """The report for people."""
        lines = []
        for file in self.files:
            size = "" if file.bytes is None else human_bytes(file.bytes)
            lines.append(f"{file.outcome:<21}{size:>9}  {file.name}" + (f"  ({file.why})" if file.why else ""))
        lines += [f"{outcome:<21}{count:>9,}  images" for outcome, count in sorted(self.images.items())]
        about = "about " if self.estimated else ""
        if self.dry_run:
            total = "an unknown number of bytes" if self.expected_bytes is None else human_bytes(self.expected_bytes)
            lines.append(f"to fetch: {about}{total} into {self.root} (dry run: nothing was fetched)")
        else:
            lines.append(f"{human_bytes(self.received_bytes)} received; the sources are in {self.root}")
        if self.refused:
            lines.append(f"not fetched: {refusal(self.refused)}")
        return "\n".join(lines)


def refusal(releases: Sequence[Release]) -> str:
    """What a refusal of these releases means, and where to mend it."""
    listed = ", ".join(f"{release.title} {release.version} ({release.agreement})" for release in releases)
    return (
        f"your PhysioNet account may not read this yet (HTTP 403): {listed}; sign the data use agreement "
        f"there, after becoming credentialed at {CREDENTIALING}, or leave it out with --only"
    )


def planned(item: Item, *, replace: bool) -> FileReport:
    """What a run would do about an item: it is missing, continued, in conflict or replaced, or there."""
    match item.state:
        case State.MISSING:
            outcome = "missing"
        case State.PARTIAL:
            outcome = "continued"
        case State.DIFFERENT:
            outcome = "replaced" if replace else "conflict"
        case _:
            outcome = "there"
    why = f"{item.why}; needs --replace" if outcome == "conflict" else item.why
    return FileReport(item.name, item.release.slug, outcome, item.size if item.needed else item.have or None, why)


def report(item: Item) -> FileReport:
    """What there is to say about an item that was not fetched."""
    outcome = item.state.value
    return FileReport(item.name, item.release.slug, outcome, item.size if item.needed else item.have or None, item.why)


def hopeless(error: EhrxqaError) -> bool:
    """Whether an error will meet every other file too: a full disk, a refused password."""
    return isinstance(error, BuildError) or (isinstance(error, DownloadError) and error.status in (401, 403))


@contextmanager
def explained(release: Release, name: str) -> Iterator[None]:
    """Add to a refusal what it means for this project and where to mend it."""
    try:
        yield
    except DownloadError as error:
        advice = _advice(error, release, name)
        if advice is None:
            raise
        raise DownloadError(advice, status=error.status) from error


def _advice(error: DownloadError, release: Release, name: str) -> str | None:
    match error.status:
        case 401:
            return f"{error} (needed for {release.title} {release.version})"
        case 403:
            return (
                f"{name}: your PhysioNet account may not read {release.title} {release.version} (HTTP 403): sign its "
                f"data use agreement at {release.agreement} and, if you have not yet, become credentialed at "
                f"{CREDENTIALING}"
            )
        case 404:
            return (
                f"{name}: not there (HTTP 404); release {release.version} of {release.title} is expected at "
                f"https://physionet.org/content/{release.folder}/"
            )
        case status if status is not None:
            return f"{name}: {error}"
    return None


def summary(failures: list[tuple[Item, EhrxqaError]], wanted: int, *, fetched: int) -> EhrxqaError:
    """One error for all that failed."""
    _, first = failures[0]
    if len(failures) == 1 and wanted == 1:
        return first
    messages = list(dict.fromkeys(str(error) for _, error in failures))
    shown = "; ".join(messages[:3]) + (f"; and {len(messages) - 3} more" if len(messages) > 3 else "")
    counts = f"{len(failures)} of {wanted} files could not be fetched ({fetched} were; run the same command to go on)"
    text = f"{counts}: {shown}"
    if isinstance(first, BuildError):
        return BuildError(text)
    return DownloadError(text, status=first.status if isinstance(first, DownloadError) else None)
