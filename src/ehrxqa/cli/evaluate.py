"""`ehrxqa evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ehrxqa.cli.options import DIR, FILE, example, forms_option, quiet_option, seed_option
from ehrxqa.layout import CURRENT_TIME
from ehrxqa.progress import make_progress
from ehrxqa.runs.output_folder import build_around

__all__ = ["command"]


@click.command(
    "evaluate",
    epilog=example(
        "ehrxqa evaluate --gold out/dataset/test.json --predictions answers.json",
        "ehrxqa evaluate --gold test.json --predictions outcomes.json --profile strict --format html --out report.html",
    ),
)
@click.option("--gold", required=True, type=FILE, metavar="FILE", help="Final file, or [{id, answer}].")
@click.option(
    "--predictions",
    required=True,
    type=FILE,
    metavar="FILE",
    help='{id: answer}, [{id, answer}], JSONL, or the outcomes of "ehrxqa execute". "null" abstains.',
)
@click.option(
    "--profile",
    type=click.Choice(["paper", "ehrsql", "strict", "asked-order", "challenge", "all"]),
    default="paper",
    show_default=True,
    help="Rules of the comparison, printed with --rules; all of them in one table.",
)
@click.option("--rules", is_flag=True, help="Print the rules of the profile, too.")
@click.option("--questions", type=FILE, metavar="FILE", help="Question records, where the gold file has only answers.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="M",
    help="Another metric: RS with a penalty (RS7.5), or python:MODULE:NAME; may be repeated.",
)
@click.option(
    "--hospitals",
    type=click.IntRange(1, 20),
    metavar="K",
    help="Run gold programs and predicted queries on so many hospitals: --database and copies with other events.",
)
@click.option(
    "--database",
    type=click.Path(path_type=Path),
    metavar="DB_OR_OUT",
    help="With --hospitals: the database of the questions.",
)
@click.option("--work", type=DIR, metavar="DIR", help="With --hospitals: folder for the copies.  [default: OUT/.work]")
@click.option(
    "--now",
    metavar="TIME",
    help=f"With --hospitals: current time of the database, for 'now' and its like.  [default: {CURRENT_TIME}]",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --hospitals: worker processes.  [default: number of processors]",
)
@click.option("--mutants", is_flag=True, help="With --hospitals: say how many faulty queries they would tell apart.")
@click.option("--families", is_flag=True, help="Show scores per family in the table, too.")
@click.option("--details", type=FILE, metavar="FILE", help="Write {id: right|abstained|wrong} to a file.")
@click.option("--out", type=FILE, metavar="FILE", help="Write the result to a file instead of standard output.")
@click.option("--resamples", type=click.IntRange(min=0), default=2000, show_default=True, help="For the intervals.")
@click.option("--confidence", type=float, default=0.95, show_default=True, help="Of the intervals.")
@seed_option("Of the intervals.")
@forms_option("html")
@quiet_option
def command(
    gold: Path,
    predictions: Path,
    profile: str,
    rules: bool,
    questions: Path | None,
    metrics: tuple[str, ...],
    hospitals: int | None,
    database: Path | None,
    work: Path | None,
    now: str | None,
    workers: int | None,
    mutants: bool,
    families: bool,
    details: Path | None,
    out: Path | None,
    resamples: int,
    confidence: float,
    seed: int,
    output_format: str,
    quiet: bool,
) -> None:
    """Score predicted answers: execution accuracy and reliability RS0, RS5, RS10, RSN.

    Scores are given overall and per modality, scope and family, with bootstrap intervals.
    """
    from ehrxqa.errors import SettingsError
    from ehrxqa.evaluation.evaluate import evaluate, evaluate_all
    from ehrxqa.evaluation.profiles import rules_of, shown
    from ehrxqa.evaluation.report import as_html, as_json, as_table, profiles_json, profiles_table
    from ehrxqa.files import reading, write_json, write_text
    from ehrxqa.json_files import json_text

    given: Any = {
        "questions": questions,
        "metrics": metrics,
        "resamples": resamples,
        "confidence": confidence,
        "seed": seed,
    }
    if hospitals is None and (mutants or (database, work, now, workers) != (None, None, None, None)):
        raise click.UsageError("--database, --work, --now, --workers and --mutants go with --hospitals")
    if hospitals is not None:
        from ehrxqa.variants.hospital_text import as_json as hospitals_json
        from ehrxqa.variants.hospital_text import as_text as hospitals_text
        from ehrxqa.variants.hospitals import evaluate_on_hospitals

    with reading(gold, predictions, questions, database, *build_around(gold), writing=(out, details)):
        if hospitals is not None:
            if database is None or profile == "all" or output_format == "html":
                raise click.UsageError("--hospitals needs --database, one profile, and text or json")
            found = evaluate_on_hospitals(
                gold,
                predictions,
                database,
                hospitals=hospitals,
                work=work,
                profile=profile,
                mutants=mutants,
                now=now or CURRENT_TIME,
                workers=workers,
                progress=make_progress(quiet=quiet),
            )
            text = json_text(hospitals_json(found), indent=2) if output_format == "json" else hospitals_text(found)
            if details is not None:
                write_json(details, found.verdicts)
        elif profile == "all":
            if output_format == "html" or details is not None or rules or families:
                raise SettingsError(
                    "--profile all is one table; --details, --rules, --families and html need one profile"
                )
            every = evaluate_all(gold, predictions, **given)
            text = json_text(profiles_json(every), indent=2) if output_format == "json" else profiles_table(every)
        else:
            result = evaluate(gold, predictions, profile=profile, **given)
            match output_format:
                case "json":
                    text = json_text(as_json(result), indent=2)
                case "html":
                    text = as_html(result, f"{predictions.name} against {gold.name}")
                case _:
                    text = as_table(result, families=families)
            if rules and output_format == "text":
                text += "\n\n" + "\n".join(
                    f"  {name:<11} {shown(value)}" for name, value in rules_of(result.profile).items()
                )
            if details is not None:
                write_json(details, result.verdicts)
        if out is None:
            click.echo(text)
            return
        write_text(out, text.rstrip("\n") + "\n")
        if not quiet:
            click.echo(f"{out}: written", err=True)
