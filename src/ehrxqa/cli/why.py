"""`ehrxqa why`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ehrxqa.cli.options import DIR, FILE, chest_imagenome_option, emit, example, format_option, quiet_option
from ehrxqa.counting import counted
from ehrxqa.layout import SPLITS

__all__ = ["command"]


@click.command(
    "why",
    epilog=example(
        "ehrxqa why out 17 --split test",
        "ehrxqa why out 17 --split test --sources physionet.org/files",
        "ehrxqa why out 17 --split test --empty",
        "ehrxqa why out --empty",
    ),
)
@click.argument("out", type=DIR)
@click.argument("identifier", metavar="[ID]", required=False)
@click.option("--split", type=click.Choice(SPLITS), help="Where several splits have that id.")
@click.option("--empty", is_flag=True, help="Say only why an answer is empty; without ID, for every empty answer.")
@click.option("--neuralsql", is_flag=True, help="Step through the NeuralSQL query instead of the gold program.")
@click.option("--database", type=FILE, metavar="DB", help="Database file, where OUT holds none.")
@click.option(
    "--sources", type=DIR, metavar="SOURCES", help="Sources of the build in OUT: shows the sentences behind the labels."
)
@chest_imagenome_option
@format_option
@quiet_option
def command(
    out: Path,
    identifier: str | None,
    split: str | None,
    empty: bool,
    neuralsql: bool,
    database: Path | None,
    sources: Path | None,
    chest_imagenome: Path | None,
    output_format: str,
    quiet: bool,
) -> None:
    """Explain the answer of question ID in OUT: the SQL step by step, studies, images, label sentences, rows.

    Sub-queries are run one by one, each after those inside it. The gold program is stepped through if the
    pre-release file is there, else the query, with images answered from labels. With --sources, sentences of patients'
    reports are printed, of the studies asked about only; they are written nowhere.
    """
    from ehrxqa.explain.why import explain_empty_answers, why
    from ehrxqa.explain.why_text import as_json, as_text, losses_text
    from ehrxqa.sources.catalogue import CHEST_IMAGENOME

    if chest_imagenome is not None and sources is None:
        raise click.UsageError("--chest-imagenome goes with --sources")
    if identifier is not None:
        value = why(
            out,
            identifier,
            split=split,
            neuralsql=neuralsql,
            database=database,
            sources=sources,
            folders={CHEST_IMAGENOME.slug: chest_imagenome},
        )
        emit(output_format, as_json(value), lambda: as_text(value, only_losses=empty))
        return
    if not empty:
        raise click.UsageError("give the ID of a question, or --empty for every empty answer")
    if sources is not None:
        raise click.UsageError("--sources goes with the ID of a question")
    found = list(explain_empty_answers(out, split=split, database=database))
    rows = [
        {
            "split": record.get("split"),
            "id": record["id"],
            "question": record["question"],
            "losses": [asdict(loss) for loss in losses],
        }
        for record, losses in found
    ]
    lines = [
        line
        for record, losses in found
        for line in (f"{record.get('split', '')} {record['id']}: {record['question']}", *losses_text(losses[-1:]))
    ]
    emit(output_format, rows, lambda: "\n".join([*lines, f"{counted(len(found), 'empty answer')}"]))
