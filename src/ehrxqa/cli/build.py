"""`ehrxqa build`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ehrxqa.cli.options import (
    DIR,
    chest_imagenome_option,
    cluster_options,
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

if TYPE_CHECKING:
    from ehrxqa.runs.cluster import Cluster

__all__ = ["command"]


@click.command(
    "build",
    epilog=example(
        "ehrxqa build physionet.org/files out",
        "ehrxqa build hospital out --train-subjects 80",
        "ehrxqa build hospitals builds --each",
    ),
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
@click.option(
    "--each",
    is_flag=True,
    help="SOURCES holds one source tree in each of its folders; build each to a folder of that name in OUT.",
)
@click.option("--force", is_flag=True, help="Build anew, even if OUT holds another build.")
@cluster_options("out")
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
    each: bool,
    force: bool,
    cluster: Cluster | None,
    quiet: bool,
    output_format: str,
) -> int:
    """Build labels and databases from the source files.

    SOURCES is the folder that holds mimiciv/2.2, mimic-cxr-jpg/2.0.0 and chest-imagenome/1.0.0. A second run does
    only what is missing; a run that was broken off goes on.
    """
    from ehrxqa.building.build import build
    from ehrxqa.sources.catalogue import CHEST_IMAGENOME, MIMIC_CXR_JPG, MIMIC_IV

    settings: dict[str, Any] = {
        "train_subjects": train_subjects,
        "test_subjects": test_subjects,
        "seed": seed,
        "releases": releases,
        "tables": tables,
        "mode": None if coherent is None else "coherent" if coherent else "official",
        "force": force,
        "unpublished_sources": unpublished_sources,
    }
    progress = make_progress(quiet=quiet)
    folders = {MIMIC_IV.slug: mimic_iv, MIMIC_CXR_JPG.slug: mimic_cxr_jpg, CHEST_IMAGENOME.slug: chest_imagenome}
    if each:
        if any(folders.values()):
            raise click.UsageError("--each takes all projects from the tree; leave out folders of single projects")
        from ehrxqa.building.build_each import build_each

        built = build_each(sources, out, settings=settings, workers=workers, cluster=cluster, progress=progress)
        emit(
            output_format,
            {"out": str(out), "builds": [asdict(tree) for tree in built]},
            lambda: "\n".join(f"{out / tree.name}: {tree.error or 'built'}" for tree in built),
        )
        return int(any(tree.error for tree in built))
    if cluster is not None:
        raise click.UsageError("--cluster is for several trees; add --each")
    manifest = build(sources, out, workers=workers, folders=folders, progress=progress, **settings)
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
    return 0
