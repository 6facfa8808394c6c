"""What is known about a build, and no more than that: the block that commands end with, and cards state.

Sources, releases, where labels come from, official counts, whether gold programs and NeuralSQL agree, and who made the
questions. `build`, `official`, `verify`, `info`, the dataset card and Croissant all take it from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ehrxqa.building.gold_check import GoldCheck, read_gold_check
from ehrxqa.building.published import Published
from ehrxqa.building.verify import published_counts
from ehrxqa.counting import counted
from ehrxqa.errors import BuildError
from ehrxqa.files import sha256_of
from ehrxqa.layout import LINKS_PATH, MANIFEST, BuildMode
from ehrxqa.runs.manifest import OFFICIAL_STAGE, QUESTIONS_STAGE, Manifest, read_manifest
from ehrxqa.spec.releases import OFFICIAL_DATA_SET

__all__ = ["Fact", "build_facts", "facts_json", "facts_text"]

_LABELS_FROM: Final[Mapping[str, str]] = {
    "tabular files": "the tabular files of Chest ImaGenome, as the official builder; equal to its output, row for row, "
    "on every source compared so far",
    "scene graphs": "the scene graphs of Chest ImaGenome, while the official builder reads tabular files made from "
    "them; equal on every source that had both, not proved for the full release",
}


@dataclass(frozen=True)
class Fact:
    """One thing that is known.

    Attributes:
        name: What it is about.
        text: In words.
        good: Whether it is as it should be; None where nothing can be said.
    """

    name: str
    text: str
    good: bool | None = None


def build_facts(out: Path | str) -> tuple[Fact, ...]:
    """What is known about the build in `out`.

    Raises:
        BuildError: There is no build.
    """
    out = Path(out)
    manifest = read_manifest(out)
    if manifest is None:
        raise BuildError(f"{out}: holds no build ({MANIFEST} is missing); make one with: ehrxqa build SOURCES {out}")
    facts = [_sources(manifest), _releases(manifest), _mode(manifest), _labels(manifest), _counts(manifest)]
    return (*facts, *_questions(out, manifest))


def facts_text(facts: tuple[Fact, ...]) -> str:
    """The facts, one a line."""
    width = max(len(fact.name) for fact in facts)
    return "\n".join(f"{_MARKS[fact.good]} {fact.name:<{width}}  {fact.text}" for fact in facts)


_MARKS: Final = {True: "✓", False: "✗", None: "·"}


def _sources(manifest: Manifest) -> Fact:
    if manifest.kind == "synthetic":
        return Fact("sources", f"{counted(len(manifest.sources), 'file')} of a synthetic hospital")
    found = Published.from_json(manifest.published) if manifest.published else None
    if manifest.kind == "hybrid":
        return Fact("sources", f"{counted(len(manifest.sources), 'file')}: the tables of the open demo, made-up X-rays")
    if found is None:
        return Fact("sources", "not compared with published checksums")
    good = False if found.different else True if found.equal == found.total else None
    return Fact("sources", found.line(), good)


def _releases(manifest: Manifest) -> Fact:
    if not manifest.releases:
        return Fact("releases", "not recorded: built by an earlier version of ehrxqa")
    named = ", ".join(f"{title} {version}" for title, version in manifest.release_numbers.items())
    if manifest.data_set == OFFICIAL_DATA_SET:
        return Fact("releases", named)
    return Fact("releases", f"{named}; this is {manifest.data_set}, another data set than {OFFICIAL_DATA_SET}")


_MODES: Final[Mapping[BuildMode, str]] = {
    "official": "official: values of events exchanged between subjects, care units renamed, study times rotated",
    "coherent": "coherent: every value, care unit and study time is the subject's own; images of any width are kept",
}


def _mode(manifest: Manifest) -> Fact:
    text = _MODES[manifest.mode]
    counts = manifest.stages["labels"].counts if "labels" in manifest.stages else {}
    if manifest.mode == "coherent" and "valid subjects" in counts:
        text += f"; {counts['valid subjects']} of {counts['silver subjects']} silver subjects make the train database"
    return Fact("mode", text)


def _labels(manifest: Manifest) -> Fact:
    stage = manifest.stages.get("labels")
    if stage is None:
        return Fact("labels", "not made yet", False)
    origin = str(stage.counts.get("silver from"))
    return Fact("labels", f"from {_LABELS_FROM.get(origin, origin)}")


def _counts(manifest: Manifest) -> Fact:
    wrong, total = published_counts(manifest)
    if total is None:
        return Fact("counts", "the official counts do not apply (they are those of the full sources)")
    if wrong:
        return Fact("counts", "; ".join(wrong), False)
    return Fact("counts", f"{total} of {total} official counts met", True)


def _questions(out: Path, manifest: Manifest) -> list[Fact]:
    check = read_gold_check(out)
    if (
        check is None
        and not (out / LINKS_PATH).is_file()
        and not {QUESTIONS_STAGE, OFFICIAL_STAGE} & manifest.stages.keys()
    ):
        return []
    facts = [_gold(check)]
    stage = manifest.stages.get(QUESTIONS_STAGE)
    if stage is None and OFFICIAL_STAGE in manifest.stages:
        facts.append(Fact("questions", "the official ones, with the answers that these databases give"))
    elif stage is None:
        facts.append(Fact("questions", "not generated here (no stage of them in the manifest)"))
    else:
        settings = stage.counts.get("settings", {})
        versions = manifest.versions
        facts.append(
            Fact(
                "questions",
                f"generated by ehrxqa {versions.get('ehrxqa', '?')}, seed {settings.get('seed', '?')}, "
                f"manifest {sha256_of(out / MANIFEST)[:16]}; not the official ones",
            )
        )
    return facts


def _gold(check: GoldCheck | None) -> Fact:
    if check is None:
        return Fact("gold", "gold programs and NeuralSQL not compared yet: run ehrxqa check OUT")
    return Fact("gold", check.line(), check.agrees)


def facts_json(facts: tuple[Fact, ...]) -> dict[str, Any]:
    """The facts as plain values."""
    return {fact.name: {"text": fact.text, "good": fact.good} for fact in facts}
