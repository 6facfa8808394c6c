"""`ehrxqa query`: one NeuralSQL query."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ehrxqa.cli.options import answering_options, example, forms_option, quiet_option, split_option
from ehrxqa.counting import counted
from ehrxqa.json_files import read_text

if TYPE_CHECKING:
    from ehrxqa.neuralsql.result import Result

__all__ = ["command"]


@click.command(
    "query",
    epilog=example(
        "ehrxqa query out 'select count(*) from tb_cxr where func_vqa(\"is there pneumonia?\", study_id)'",
        "ehrxqa query out --split train --explain 'select count(*) from patients'",
        "ehrxqa query any.db queries.sql",
    ),
)
@click.argument("database", metavar="DB_OR_OUT", type=click.Path(path_type=Path))
@click.argument("sql")
@split_option("Whose database, of an output folder.")
@answering_options
@click.option("--explain", is_flag=True, help="Show the rewritten SQL and what was asked about how many studies.")
@forms_option("csv")
@quiet_option
def command(
    database: Path,
    sql: str,
    split: str,
    model: str,
    images: Path | None,
    cache: Path | None,
    explain: bool,
    timeout: float,
    max_rows: int,
    now: str,
    output_format: str,
    quiet: bool,
) -> None:
    """Run SQL that asks chest X-rays, on a database or that of a build in OUT.

    SQL is any SQLite SELECT; func_vqa("question", study_id) may stand wherever a value may. The database is only
    read. Give - as SQL to read it from standard input, or the name of a file that ends in .sql.
    """
    from ehrxqa.neuralsql.query import query
    from ehrxqa.sql.limits import Limits

    text = _text_of(sql)
    limits = Limits(seconds=timeout, rows=max_rows)
    result = query(database, text, split=split, model=model, images=images, cache=cache, limits=limits, now=now)
    if result.notes and not quiet:
        click.echo("\n".join(f"note: {note}" for note in result.notes), err=True)
    if explain and output_format != "json":
        click.echo(_explanation(result), err=output_format == "csv")
    match output_format:
        case "json":
            click.echo(json.dumps(_as_json(result, explain), indent=2, ensure_ascii=False, default=str))
        case "csv":
            click.echo(_as_csv(result), nl=False)
        case _:
            click.echo(_as_table(result))
            if not quiet and not explain:
                click.echo(_costs(result), err=True)


def _text_of(sql: str) -> str:
    if sql == "-":
        return sys.stdin.read()
    path = Path(sql) if sql.endswith(".sql") and "\n" not in sql else None
    return read_text(path) if path is not None and path.is_file() else sql


def _as_json(result: Result, explain: bool) -> dict[str, Any]:
    counters = result.counters
    value: dict[str, Any] = {
        "columns": list(result.columns),
        "rows": [list(row) for row in result.rows],
        "answer": _answer(result),
        "counters": {name: getattr(counters, name) for name in ("asked", "cached", "saved", "batches", "runs")},
    }
    if explain:
        value["sql"] = result.sql
        value["probe"] = result.probe
        value["questions"] = [
            {name: getattr(asked, name) for name in ("text", "kind", "answer_type", "asked", "cached")}
            for asked in result.questions
        ]
    return value


def _answer(result: Result) -> list[Any] | None:
    """The official answer list, or None where the rows are none (several columns, blobs)."""
    from ehrxqa.sql.errors import AnswerShapeError

    try:
        return result.answer
    except AnswerShapeError:
        return None


def _as_csv(result: Result) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(result.columns)
    writer.writerows(result.rows)
    return out.getvalue()


def _as_table(result: Result) -> str:
    cells = [list(result.columns), *([_cell(value) for value in row] for row in result.rows)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(result.columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    return f"x'{value.hex()}'" if isinstance(value, bytes) else " ".join(str(value).split())


def _explanation(result: Result) -> str:
    lines = ["SQL as run:", f"  {result.sql}"]
    if result.probe is not None:
        lines += ["run before it, for the studies within its LIMIT:", f"  {result.probe}"]
    lines.append("image questions:" if result.questions else "no image questions")
    for asked in result.questions:
        studies = f"{counted(asked.asked, 'study')} asked"
        known = f", {asked.cached:,} known" if asked.cached else ""
        kind = "free text" if asked.kind is None else f"kind {asked.kind}"
        lines.append(f"  {asked.text}  [{kind}, {asked.answer_type}]  {studies}{known}")
    return "\n".join((*lines, _costs(result), ""))


def _costs(result: Result) -> str:
    counters = result.counters
    return (
        f"{counted(len(result.rows), 'row')}; image questions: {counters.asked:,} asked in "
        f"{counted(counters.batches, 'batch', 'batches')}, "
        f"{counters.cached:,} known, {counters.saved:,} saved"
    )
