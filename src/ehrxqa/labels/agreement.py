"""`ehrxqa labels audit`: how silver labels agree with what a radiologist read.

MIMIC-CXR-JPG 2.1.0 has labels of 687 studies that a radiologist read. Silver labels of the same studies are held
against them, per finding: precision and recall of the silver labels with Wilson intervals, and Cohen's κ with the
percentile interval of a bootstrap over studies. What the radiologist did not mention counts as absent; what is called
uncertain is left out, and counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ehrxqa.arguments import checked
from ehrxqa.counting import counted
from ehrxqa.errors import SourceError
from ehrxqa.html_repr import html_repr
from ehrxqa.labels.store import Labels, read_labels
from ehrxqa.short_repr import short_repr
from ehrxqa.sources.release_folder import own_folder, release_folder
from ehrxqa.sources.table_stream import read_table
from ehrxqa.sources.tree import SourceTree, project_root
from ehrxqa.spec.human_labels import (
    DEVICE_CATEGORIES,
    FINDING_CATEGORIES,
    FINDING_COLUMNS,
    HUMAN_LABELS,
    NO_FINDING,
    SUPPORT_DEVICES,
)

__all__ = ["FindingAgreement", "Interval", "LabelAudit", "audit_text", "find_human_labels", "labels_audit"]

_RESAMPLES: Final = 2000
_Z: Final = 1.959963984540054  # of a 95 % interval
_PRESENT, _UNCERTAIN = 1.0, -1.0
_KNOWN: Final = frozenset({1.0, 0.0, -1.0})


@dataclass(frozen=True)
class Interval:
    """A share, or κ, with its 95 % interval; `value` None where nothing can be said (0 of 0)."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class FindingAgreement:
    """How the silver labels of one finding agree with the radiologist's.

    Attributes:
        finding: Column of the radiologist's file.
        both, silver_only, human_only, neither: Studies by who says that the finding is present.
        uncertain: Studies that the radiologist called uncertain, left out of all else.
        precision: Of the studies where silver says so, the share in which the radiologist does.
        recall: Of the studies where the radiologist says so, the share in which silver does.
        kappa: Cohen's κ.
    """

    finding: str
    both: int
    silver_only: int
    human_only: int
    neither: int
    uncertain: int
    precision: Interval
    recall: Interval
    kappa: Interval


@dataclass(frozen=True)
class LabelAudit:
    """The whole comparison.

    Attributes:
        read: Studies that the radiologist read.
        compared: Those that have silver labels in the build.
        findings: Per finding, in the order of the file.
    """

    read: int
    compared: int
    findings: tuple[FindingAgreement, ...]

    __repr__ = short_repr
    _repr_html_ = html_repr


def find_human_labels(path: Path | str) -> Path:
    """The radiologist's file: itself, or in a folder of sources or of MIMIC-CXR-JPG 2.1.0.

    Raises:
        SourceError: It is not there.
    """
    path = Path(path)
    name, project = HUMAN_LABELS.path, HUMAN_LABELS.project
    if path.is_file() and path.name.removesuffix(".gz") == name:
        return path
    root, below = project_root(path, [project.slug]), [release.version for release in project.releases]
    folders = [path, *(own_folder(path, project, version) for version in below)]
    folders += [release_folder(root, project, version) for version in below]
    for folder in folders:
        for candidate in (folder / name, folder / f"{name}.gz"):
            if candidate.is_file():
                return candidate
    raise SourceError(
        f"no {name} is there; it comes with {project.title} 2.1.0: give the file or its folder", path=path
    )


@checked
def labels_audit(out: Path | str, human: Path | str, *, seed: int = 0) -> LabelAudit:
    """Compare the silver labels of a build with those of a radiologist.

    Args:
        out: Output folder of a build.
        human: The radiologist's file, or a folder that holds it; see `find_human_labels`.
        seed: Of the bootstrap.

    Raises:
        SourceError: The file is not there, is not as published, or no study in it has silver labels here.
        BuildError: The label files are missing or damaged.
    """
    path = find_human_labels(human)
    labels = read_labels(Path(out) / "labels")
    findings, read = _read(path)
    rows = {study: row for row, study in zip(*_silver_studies(labels), strict=True)}
    studies = [study for study in read if study in rows]
    if not studies:
        raise SourceError(f"none of its {counted(len(read), 'study')} has silver labels in {out}", path=path)
    wanted = np.array([rows[study] for study in studies], dtype=np.int64)
    human_says = np.array([read[study] for study in studies])
    rng = np.random.default_rng(seed)
    return LabelAudit(
        read=len(read),
        compared=len(studies),
        findings=tuple(
            _agreement(finding, _silver_says(labels, finding, wanted), human_says[:, place], rng)
            for place, finding in enumerate(findings)
        ),
    )


def audit_text(audit: LabelAudit) -> str:
    """The comparison as a table of text."""
    lines = [
        f"{audit.compared:,} of {counted(audit.read, 'study')} that a radiologist read have silver labels here",
        "",
        f"{'finding':<28}{'both':>6}{'silver':>8}{'human':>7}{'unsure':>8}  {'precision':<18}{'recall':<18}κ",
    ]
    for one in audit.findings:
        shares = "".join(f"{_interval_text(interval):<18}" for interval in (one.precision, one.recall))
        lines.append(
            f"{one.finding:<28}{one.both:>6,}{one.both + one.silver_only:>8,}{one.both + one.human_only:>7,}"
            f"{one.uncertain:>8,}  {shares}{_interval_text(one.kappa)}"
        )
    return "\n".join(lines)


def _interval_text(interval: Interval) -> str:
    if interval.value is None or interval.low is None or interval.high is None:
        return "-"
    return f"{interval.value:.2f} [{interval.low:.2f}, {interval.high:.2f}]"


def _read(path: Path) -> tuple[list[str], dict[int, list[float]]]:
    """Findings in the order of the file, and per study what the radiologist says of each (NaN: not mentioned)."""
    project, wanted = HUMAN_LABELS.project, [column.name for column in HUMAN_LABELS.columns]
    table = read_table(SourceTree(path.parent, {project.slug: path.parent}), HUMAN_LABELS.key, wanted)
    findings = [name for name in table.column_names if name != "study_id"]
    if not findings:
        raise SourceError("has no column of a finding", path=path)
    studies = table["study_id"].to_pylist()
    if len(set(studies)) < len(studies):
        raise SourceError("a study_id occurs twice", path=path)
    values = np.stack([table[name].to_numpy() for name in findings], axis=1)
    if strange := sorted(
        {name for name, of in zip(findings, values.T, strict=True) if not _KNOWN.issuperset(of[~np.isnan(of)])}
    ):
        raise SourceError(f"{', '.join(strange)}: a label that is none of 1, 0, -1", path=path)
    return findings, dict(zip(studies, values.tolist(), strict=True))


def _silver_studies(labels: Labels) -> tuple[list[int], list[int]]:
    """Rows of the images with silver labels, and their studies."""
    rows = labels.images_of("silver")
    return rows.tolist(), labels.images.study_id[rows].tolist()


def _silver_says(labels: Labels, finding: str, images: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each image has the finding, by its silver labels."""
    found = labels.sets["silver"]
    if finding in (SUPPORT_DEVICES, NO_FINDING):
        categories = DEVICE_CATEGORIES if finding == SUPPORT_DEVICES else FINDING_CATEGORIES
        counts = np.isin(found.category, _codes(labels.categories, categories))
    else:
        counts = np.isin(found.attribute, _codes(labels.attributes, FINDING_COLUMNS[finding]))
    with_it = np.isin(images, found.image[counts & (found.relation == 1)])
    return ~with_it if finding == NO_FINDING else with_it


def _codes(texts: Sequence[str], wanted: Sequence[str] | frozenset[str]) -> list[int]:
    return [code for code, text in enumerate(texts) if text.lower() in wanted]


def _agreement(
    finding: str, silver: npt.NDArray[np.bool_], human: npt.NDArray[np.float64], rng: np.random.Generator
) -> FindingAgreement:
    certain = human != _UNCERTAIN
    said, seen = silver[certain], human[certain] == _PRESENT
    cells = [int((said & seen).sum()), int((said & ~seen).sum()), int((~said & seen).sum()), int((~said & ~seen).sum())]
    both, silver_only, human_only, neither = cells
    return FindingAgreement(
        finding,
        both,
        silver_only,
        human_only,
        neither,
        int((~certain).sum()),
        precision=_wilson(both, both + silver_only),
        recall=_wilson(both, both + human_only),
        kappa=_kappa_interval(np.array(cells), rng),
    )


def _wilson(hits: int, total: int) -> Interval:
    if not total:
        return Interval(None)
    share, square = hits / total, _Z * _Z
    centre = (share + square / (2 * total)) / (1 + square / total)
    half = _Z * math.sqrt(share * (1 - share) / total + square / (4 * total * total)) / (1 + square / total)
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def _kappa(cells: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Cohen's κ of tables of four cells (…, 4); NaN where chance alone gives full agreement."""
    both, silver_only, human_only, neither = np.moveaxis(cells.astype(np.float64), -1, 0)
    total = both + silver_only + human_only + neither
    with np.errstate(invalid="ignore", divide="ignore"):
        agreed = (both + neither) / total
        chance = (
            (both + silver_only) * (both + human_only) + (human_only + neither) * (silver_only + neither)
        ) / total**2
        kappa: npt.NDArray[np.float64] = np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan)
    return kappa


def _kappa_interval(cells: npt.NDArray[np.int64], rng: np.random.Generator) -> Interval:
    """κ; studies drawn with replacement are draws of the four cells from a multinomial distribution."""
    total = int(cells.sum())
    if not total:
        return Interval(None)
    value = float(_kappa(cells))
    drawn = _kappa(rng.multinomial(total, cells / total, size=_RESAMPLES))
    drawn = drawn[~np.isnan(drawn)]
    if math.isnan(value) or not len(drawn):
        return Interval(None)
    low, high = np.percentile(drawn, [2.5, 97.5]).tolist()
    return Interval(value, low, high)
