"""`ehrxqa page`: questions, their subjects and X-rays as a folder of files that any browser opens."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.explorer.addresses import Addresses
from ehrxqa.explorer.data_images import image_view
from ehrxqa.explorer.data_question import question_view
from ehrxqa.explorer.data_questions import Item
from ehrxqa.explorer.data_subject import subject_view
from ehrxqa.explorer.library import open_library
from ehrxqa.explorer.pages import Values, image_page, question_page, subject_page
from ehrxqa.explorer.state import Explorer, open_explorer
from ehrxqa.files import atomic_path, write_text
from ehrxqa.progress import SILENT, Progress

__all__ = ["STATIC_FILES", "PagesReport", "write_pages"]

#: Name → media type of what pages load.
STATIC_FILES = {
    "explorer.css": "text/css",
    "explorer.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


@dataclass(frozen=True)
class PagesReport:
    """What was written.

    Attributes:
        folder: Where.
        questions, subjects, images: How many pages of each.
    """

    folder: Path
    questions: int
    subjects: int
    images: int


def write_pages(
    out: Path | str,
    folder: Path | str,
    *,
    sources: Path | str | None = None,
    ids: Sequence[str] = (),
    sample: int | None = None,
    split: str = "test",
    seed: int = 0,
    patients: bool = False,
    progress: Progress = SILENT,
) -> PagesReport:
    """Write questions with their subjects and X-rays as files; `index.html` lists them.

    Args:
        out: The output folder, or the folder of `ehrxqa demo`.
        folder: New or empty folder for the pages.
        sources: The sources of the build, for pictures, boxes and sentences.
        ids: Questions of the split; without, a sample.
        sample: How many questions to draw; 20 if nothing is said.
        split: Whose questions.
        seed: Of the sample.
        patients: Write pages of data that are not synthetic.
        progress: Told what happens.

    Raises:
        SettingsError: The folder is not empty, or the data are of patients and that was not allowed.
        RecordError: There is no such question.
        EhrxqaError: The output folder or the sources cannot be read.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingsError(f"{folder}: is not an empty folder; choose another one")
    library = open_library(out, sources)
    if not library.synthetic and not patients:
        raise SettingsError(
            f"{library.out}: holds data of patients, and pages are easily passed on; add --patients if they stay where "
            "the data may be"
        )
    explorer = open_explorer(library)
    items = _chosen(explorer, split, ids, sample, seed)
    subjects = sorted(_subjects(explorer, items))
    images = [study for subject in subjects for study in library.by_subject.get(subject, ())]
    shown = frozenset(
        [f"question/{item.split}/{item.id}" for item in items]
        + [f"subject/{subject}" for subject in subjects]
        + [f"image/{study.image_id}" for study in images]
    )
    with atomic_path(folder) as part:
        part.mkdir(parents=True)
        with progress.task("pages", total=len(shown) + 1, unit="pages") as task:

            def write(path: str, values: Values) -> None:
                to = Addresses(root="../" * path.count("/"), static=True, shown=shown)
                write_text(part / f"{path}.html", explorer.renderer.page(values[0], to, path="", **values[1]))
                task.advance()

            write("index", ("index.html", {"items": items}))
            for item in items:
                view = question_view(library, explorer.explanations, item)
                write(f"question/{item.split}/{item.id}", question_page(explorer, item, view, Addresses()))
            for subject in subjects:
                of = subject_view(library, subject)
                assert of is not None
                write(f"subject/{subject}", subject_page(of))
            for study in images:
                seen = image_view(library, study.image_id)
                assert seen is not None
                write(f"image/{study.image_id}", image_page(seen))
        _copy(explorer, part, [study.image_id for study in images])
    return PagesReport(folder, len(items), len(subjects), len(images))


def _chosen(explorer: Explorer, split: str, ids: Sequence[str], sample: int | None, seed: int) -> list[Item]:
    there = [item for item in explorer.index.items if item.split == split]
    if not ids:
        if not there:
            raise RecordError(f"{explorer.library.out}: has no questions of split {split}")
        drawn = random.Random(seed).sample(range(len(there)), min(20 if sample is None else sample, len(there)))
        return [there[place] for place in sorted(drawn)]
    found = []
    for identifier in dict.fromkeys(ids):
        item = explorer.index.item(split, identifier)
        if item is None:
            raise RecordError(f"{explorer.library.out}: no question with id {identifier} in {split}")
        found.append(item)
    return found


def _subjects(explorer: Explorer, items: Iterable[Item]) -> set[int]:
    """Subjects that questions name, or whose X-rays they rest on."""
    found: set[int] = set()
    for item in items:
        view = question_view(explorer.library, explorer.explanations, item)
        found.update(view.subjects, (study.study.subject_id for study in view.studies))
    return found


def _copy(explorer: Explorer, part: Path, images: Iterable[str]) -> None:
    for name in STATIC_FILES:
        target = part / "static" / name
        target.parent.mkdir(exist_ok=True)
        target.write_bytes((files("ehrxqa.explorer") / "static" / name).read_bytes())
    for image in images:
        path = explorer.library.picture(image)
        if path is None:
            continue
        for name in ("picture", "thumbnail"):
            (part / name).mkdir(exist_ok=True)
        shutil.copyfile(path, part / "picture" / f"{image}.jpg")
        (part / "thumbnail" / f"{image}.jpg").write_bytes(explorer.thumbnails.of(path))
