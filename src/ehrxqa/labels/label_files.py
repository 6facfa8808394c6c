"""`labels_write`: cohorts and labels of a build as the official CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ehrxqa.arguments import checked
from ehrxqa.errors import SettingsError
from ehrxqa.files import reading
from ehrxqa.html_repr import html_repr
from ehrxqa.labels.official_csv import OFFICIAL_FILES, write_official_csv
from ehrxqa.labels.store import read_labels
from ehrxqa.layout import LABELS_FOLDER
from ehrxqa.progress import Progress
from ehrxqa.runs.output_folder import built_files
from ehrxqa.short_repr import short_repr
from ehrxqa.shown_progress import FITTING

__all__ = ["LabelFiles", "labels_write"]


@dataclass(frozen=True)
class LabelFiles:
    """What was written.

    Attributes:
        files: Paths, in the order written.
    """

    files: tuple[str, ...]

    __repr__ = short_repr
    _repr_html_ = html_repr


@checked
def labels_write(
    out: Path | str,
    folder: Path | str,
    *,
    only: Sequence[str] = (),
    packed: bool = False,
    progress: Progress = FITTING,
) -> LabelFiles:
    """Write cohorts and labels of a build as the official CSV files, byte for byte.

    Args:
        out: Output folder of the build.
        folder: Folder for the files.
        only: Names of the files to write, e.g. `valid_dataset.csv` (default: all).
        packed: Write `.csv.gz` files.
        progress: Told what happens; by default a notebook or a terminal shows it (`ehrxqa.SILENT`: nothing).

    Raises:
        SettingsError: There is no file of such a name, or one would replace what is read.
        BuildError: The labels are missing or damaged, or a file cannot be written.
    """
    out, folder = Path(out), Path(folder)
    unknown = sorted(set(only) - set(OFFICIAL_FILES))
    if unknown:
        raise SettingsError(f"--only {unknown[0]}: no such file; choose from {', '.join(OFFICIAL_FILES)}")
    labels = read_labels(out / LABELS_FOLDER)
    paths = {name: folder / (name + ".gz" * packed) for name in OFFICIAL_FILES if not only or name in only}
    with reading(*built_files(out), writing=paths.values()):
        for name, path in paths.items():
            with progress.task(f"writing {path}"):
                write_official_csv(labels, path, name)
    return LabelFiles(tuple(map(str, paths.values())))
