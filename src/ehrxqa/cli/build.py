"""`ehrxqa build`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ehrxqa.cli.options import (
    DIR,
    chest_imagenome_option,
    emit,
    example,
    format_option,
    quiet_option,
    releases_option,
    seed_option,
    tables_option,
    unpublished_option,
    workers_option,
)
from ehrxqa.counting import counted
from ehrxqa.layout import OFFICIAL_SUBJECTS, database_path
from ehrxqa.progress import make_progress

__all__ = ["command"]


@click.command(
    "build", epilog=example("ehrxqa build physionet.org/files out", "ehrxqa build hospital out --train-subjects 80")
)
@click.argument("sources", type=DIR)
@click.argument("out", type=DIR)
@click.option(
    "--train-subjects",
    type=click.IntRange(min=1),
    default=OFFICIAL_SUBJECTS["train"],
    show_default=True,
    metavar="N",
    help="Subjects of the train database.",
)
@click.option(
    "--test-subjects",
    type=click.IntRange(min=1),
    default=OFFICIAL_SUBJECTS["test"],
    show_default=True,
    metavar="N",
    help="Subjects of the test database.",
)
@seed_option("Of all that is drawn; 0 gives the official databases.")
@workers_option
@click.option("--mimic-iv", type=DIR, metavar="DIR", help="Folder of MIMIC-IV 2.2, if not SOURCES/mimiciv/2.2.")
@click.option("--mimic-cxr-jpg", type=DIR, metavar="DIR", help="Folder of MIMIC-CXR-JPG 2.0.0, if not below SOURCES.")
@chest_imagenome_option
@releases_option
@tables_option
@click.option(
    "--coherent/--official",
    "coherent",
    default=None,
    help="Keep what belongs together, or exchange values between subjects, rename care units and rotate study times as "
    "the official builder does.  [default: coherent for synthetic and hybrid sources]",
)
@unpublished_option
@click.option("--force", is_flag=True, help="Build anew, even if OUT holds another build.")
@quiet_option
@format_option
def command(
    sources: Path,
    out: Path,
    train_subjects: int,
    test_subjects: int,
    seed: int,
    workers: int | None,
    mimic_iv: Path | None,
    mimic_cxr_jpg: Path | None,
    chest_imagenome: Path | None,
    releases: tuple[str, ...],
    tables: tuple[str, ...],
    coherent: bool | None,
    unpublished_sources: bool,
    force: bool,
    quiet: bool,
    output_format: str,
) -> None:
    """Build labels and databases from the source files.

    SOURCES is the folder that holds mimiciv/2.2, mimic-cxr-jpg/2.0.0 and chest-imagenome/1.0.0. A second run does
    only what is missing; a run that was broken off goes on.
    """
    from ehrxqa.building.build import build
    from ehrxqa.sources.catalogue import CHEST_IMAGENOME, MIMIC_CXR_JPG, MIMIC_IV

    manifest = build(
        sources,
        out,
        train_subjects=train_subjects,
        test_subjects=test_subjects,
        seed=seed,
        workers=workers,
        folders={MIMIC_IV.slug: mimic_iv, MIMIC_CXR_JPG.slug: mimic_cxr_jpg, CHEST_IMAGENOME.slug: chest_imagenome},
        releases=releases,
        tables=tables,
        mode=None if coherent is None else "coherent" if coherent else "official",
        force=force,
        unpublished_sources=unpublished_sources,
        progress=make_progress(quiet=quiet),
    )
    from ehrxqa.building.facts import build_facts, facts_json, facts_text

    facts = build_facts(out)
    rows = manifest.stages["database"].counts["tables"]
    result: dict[str, Any] = {
        "out": str(out),
        "data_set": manifest.data_set,
        "settings": manifest.settings,
        "tables": rows,
        "facts": facts_json(facts),
    }

    def text() -> str:
        lines = [
            f"{database_path(out, split)}: {counted(counts['patients'], 'subject')}, "
            f"{counted(counts['tb_cxr'], 'study')}, "
            f"{counted(sum(counts.values()), 'row')} in {counted(len(counts), 'table')}"
            for split, counts in rows.items()
        ]
        return "\n".join([*lines, facts_text(facts)])

    emit(output_format, result, text)
