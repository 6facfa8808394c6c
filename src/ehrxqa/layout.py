"""Where things lie, and the few facts that every stage shares; each stands here and nowhere else.

Paths are relative to the output folder of a build unless a function takes one. Splits are those of question files;
*bases* are the databases that answer them: train and valid questions are asked of the train database.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

__all__ = [
    "BASES",
    "CURRENT_TIME",
    "DATABASE_NAME",
    "DATABASE_OF_SPLIT",
    "DATABASE_PATHS",
    "DATASET_FOLDER",
    "IMAGES_FOLDER",
    "LABELS_FOLDER",
    "LINKS_PATH",
    "MANIFEST",
    "MODELS_FOLDER",
    "OFFICIAL_SUBJECTS",
    "RUNS_FOLDER",
    "SPLITS",
    "START_YEAR",
    "TRAINED_ON_SYNTHETIC",
    "WORK_FOLDER",
    "Base",
    "BuildMode",
    "DataKind",
    "Split",
    "base_of_database",
    "database_file",
    "database_path",
    "image_path",
    "question_file",
]

Split = Literal["train", "valid", "test"]
Base = Literal["train", "test"]
#: Whose data a folder holds: nobody's (a synthetic hospital), the open demo's subjects with made-up X-rays, or MIMIC's.
DataKind = Literal["synthetic", "hybrid", "credentialed"]

#: How databases are made: as the official builder does, which exchanges values between subjects, or so that what
#: belongs together stays together, for hospitals where nobody has to be protected.
BuildMode = Literal["official", "coherent"]

#: Splits of question files, in the order in which they are written and shown.
SPLITS: Final[tuple[Split, ...]] = ("train", "valid", "test")
#: The databases of a build.
BASES: Final[tuple[Base, ...]] = ("train", "test")
#: Which database answers the questions of a split: there is none for valid.
DATABASE_OF_SPLIT: Final[dict[str, Base]] = {"train": "train", "valid": "train", "test": "test"}

#: Subjects of the official databases.
OFFICIAL_SUBJECTS: Final[dict[str, int]] = {"train": 800, "test": 400}

#: Name of the schema, in file names and in the `db_id` of questions.
DATABASE_NAME: Final = "mimic_iv_cxr"
#: The databases, below the output folder.
DATABASE_PATHS: Final[dict[str, str]] = {base: f"database/{base}/{DATABASE_NAME}.db" for base in BASES}

#: “Now” in every database that the official builder makes: the last minute of the shifted calendar.
CURRENT_TIME: Final = "2105-12-31 23:59:00"
#: The first year of the shifted calendar.
START_YEAR: Final = 2100

MANIFEST: Final = "manifest.json"
#: What an unfinished run needs to go on, and what several commands share (indexed copies).
WORK_FOLDER: Final = ".work"
DATASET_FOLDER: Final = "dataset"
#: What each generated question is about and rests on.
LINKS_PATH: Final = f"{DATASET_FOLDER}/links.jsonl"
#: Labels of images, as Parquet.
LABELS_FOLDER: Final = "labels"
#: Trained vision models.
MODELS_FOLDER: Final = "models"
#: In the header of their weights: `true`, or `false` where they were trained on real X-rays.
TRAINED_ON_SYNTHETIC: Final = "ehrxqa.synthetic"
#: Experiments: one folder per run.
RUNS_FOLDER: Final = "runs"

#: The pictures, below the folder of a release of MIMIC-CXR-JPG.
IMAGES_FOLDER: Final = "files"


def database_path(out: Path | str, split: str) -> Path:
    """The database that answers the questions of a split (or the database of that name)."""
    return Path(out) / DATABASE_PATHS[DATABASE_OF_SPLIT[split]]


def database_file(path: Path | str, split: str) -> Path:
    """A database that is named by itself, or by the output folder of a build: there the one that answers a split."""
    path = Path(path)
    return database_path(path, split) if path.is_dir() else path


def base_of_database(path: Path) -> Base:
    """Which database of a build a file is: its folder says so. One that lies elsewhere counts as `train`."""
    return "test" if path.parent.name == "test" else "train"


def question_file(out: Path | str, split: str, *, answered: bool = True) -> Path:
    """The question file of a split: with answers, or as pre-release file (`_train.json`)."""
    return Path(out) / DATASET_FOLDER / f"{'' if answered else '_'}{split}.json"


def image_path(subject_id: int, study_id: int, image_id: str) -> str:
    """Path of an image below `files` of MIMIC-CXR-JPG.

    >>> image_path(19999999, 59999999, "11aa22bb-cc33dd44")
    'p19/p19999999/s59999999/11aa22bb-cc33dd44.jpg'
    """
    return f"p{str(subject_id)[:2]}/p{subject_id}/s{study_id}/{image_id}.jpg"
