"""Options and output forms that several commands share."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from ehrxqa.json_files import json_text
from ehrxqa.layout import CURRENT_TIME, SPLITS
from ehrxqa.spec.releases import release_names

__all__ = [
    "DIR",
    "FILE",
    "FiniteRange",
    "answering_options",
    "ask_for_host",
    "chest_imagenome_option",
    "choosing_options",
    "cluster_options",
    "confirm_option",
    "database_option",
    "drawing_option",
    "emit",
    "endpoint_option",
    "example",
    "few_options",
    "format_option",
    "forms_option",
    "images_option",
    "limits_options",
    "now_option",
    "other_database_option",
    "pictures_option",
    "quiet_option",
    "releases_option",
    "run_folder_options",
    "seed_option",
    "split_option",
    "tables_option",
    "temperature_option",
    "timeout_option",
    "unpublished_option",
    "vision_option",
    "workers_option",
]

F = TypeVar("F", bound=Callable[..., Any])

DIR = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


class FiniteRange(click.FloatRange):
    """A number in a range; neither `nan`, which no range refuses, nor `inf`."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number that a text is."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


quiet_option = click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors and the result.")
workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=None,
    metavar="N",
    help="Worker processes.  [default: number of processors]",
)
releases_option = click.option(
    "--release",
    "releases",
    multiple=True,
    metavar="NAME",
    help=f"A release that is not the official one: {', '.join(release_names(official=False))}; repeatable.",
)
now_option = click.option(
    "--now",
    default=CURRENT_TIME,
    show_default=True,
    metavar="TIME",
    help="Current time of the database: what current_time, 'now' and their like mean.",
)
other_database_option = click.option(
    "--other-database", is_flag=True, help="The database may be another one than that of the questions."
)
tables_option = click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="NAME",
    help="A table beyond the 19, of another package: its entry point, or python:MODULE:NAME; repeatable.",
)
vision_option = click.option(
    "--vision", default="oracle", show_default=True, metavar="V", help='Who answers image questions, or "none".'
)
chest_imagenome_option = click.option(
    "--chest-imagenome", type=DIR, metavar="DIR", help="Folder of Chest ImaGenome 1.0.0, if not below SOURCES."
)
pictures_option = click.option(
    "--images",
    type=DIR,
    metavar="SOURCES",
    help="Sources of the build, or MIMIC-CXR-JPG alone: X-rays, boxes, sentences of reports.",
)


def forms_option(*more: str) -> Callable[[F], F]:
    """`--format`: text and json everywhere, and what else a command can write."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(["text", "json", *more]),
        default="text",
        show_default=True,
        help="Form of the result.",
    )


format_option = forms_option()


def seed_option(what: str) -> Callable[[F], F]:
    """`--seed`, of what is drawn: a number from 0, which is the default."""
    return click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="S", help=what)


def split_option(whose: str) -> Callable[[F], F]:
    """`--split`, the test split if none is named."""
    return click.option("--split", type=click.Choice(SPLITS), default="test", show_default=True, help=whose)


images_option = click.option(
    "--images", type=DIR, metavar="SOURCES", help="Sources, or folder of MIMIC-CXR-JPG: for models that look at images."
)
confirm_option = click.option(
    "--confirm-endpoint", metavar="HOST", help="Allow sending to this host, that of the endpoint."
)


drawing_option = click.option("--images/--no-images", default=True, show_default=True, help="Draw the X-ray files.")
unpublished_option = click.option(
    "--unpublished-sources",
    is_flag=True,
    help="Build even from files that differ from the checksums they were published with.",
)
endpoint_option = click.option("--endpoint", required=True, metavar="URL", help="An OpenAI-compatible endpoint.")
temperature_option = click.option("--temperature", type=FiniteRange(0, 2), metavar="T", help="Sent if given.")


def database_option(what: str = "A database file") -> Callable[[F], F]:
    """`--database`, a file or the output folder of a build."""
    return click.option(
        "--database",
        required=True,
        type=click.Path(path_type=Path),
        metavar="DB_OR_OUT",
        help=f"{what}, or the output folder of a build.",
    )


def timeout_option(seconds: float, what: str) -> Callable[[F], F]:
    """`--timeout`, of what is run one by one."""
    return click.option(
        "--timeout",
        type=FiniteRange(min=0, min_open=True),
        default=seconds,
        show_default=True,
        metavar="S",
        help=f"Seconds {what} may take.",
    )


def limits_options(command: F) -> F:
    """What a query may use up."""
    options = (
        timeout_option(30.0, "a query"),
        click.option(
            "--max-rows",
            type=click.IntRange(min=1),
            default=100_000,
            show_default=True,
            metavar="N",
            help="Rows a result may have.",
        ),
    )
    return _all(options, command)


def few_options(what: str) -> Callable[[F], F]:
    """`--ids` and `--limit`, of the questions or queries of a file."""

    def group(command: F) -> F:
        options = (
            click.option(
                "--ids", type=FILE, metavar="FILE", help=f"Only these {what}: a JSON list, or one id per line."
            ),
            click.option("--limit", type=click.IntRange(min=1), metavar="N", help=f"Only the first N {what}."),
        )
        return _all(options, command)

    return group


def run_folder_options(command: F) -> F:
    """Where a run is kept."""
    options = (
        click.option("--name", metavar="ID", help="Folder below OUT/runs.  [default: made of the settings]"),
        click.option("--restart", is_flag=True, help="Throw away what that folder holds."),
    )
    return _all(options, command)


def choosing_options(command: F) -> F:
    """Which questions of a split are asked, and how often: for commands that let a model answer them."""
    options = (
        click.option("--questions", type=FILE, help="Another question file of the split, such as a paraphrased one."),
        click.option("--subset", metavar="NAME", help="mini-100, a modality or a scope, such as image-single-1."),
        few_options("questions"),
        click.option(
            "--trials", type=click.IntRange(min=1), default=1, show_default=True, help="How often each is asked."
        ),
        click.option("--profile", default="paper", show_default=True, help="Rules of the comparison, as for evaluate."),
    )
    return _all(options, command)


def cluster_options(folder: str) -> Callable[[F], F]:
    """`--cluster` and what belongs to it; the command is given `cluster`, a `runs.cluster.Cluster` or None.

    Args:
        folder: Argument of the command whose path on the workers `--on-workers PATH` names.
    """

    def with_options(command: F) -> F:
        @functools.wraps(command)
        def named(
            *args: Any, cluster: str | None, on_workers: tuple[str, ...], confirm_cluster: str | None, **more: Any
        ) -> Any:
            if cluster is None:
                if on_workers or confirm_cluster:
                    raise click.UsageError("--on-workers and --confirm-cluster are for --cluster")
                return command(*args, cluster=None, **more)
            from ehrxqa.runs.cluster import named_cluster

            at_terminal = sys.stdin.isatty() and sys.stderr.isatty()
            found = named_cluster(
                cluster,
                on_workers,
                out=more.get(folder),
                confirmed=confirm_cluster,
                ask=ask_for_host if at_terminal else None,
            )
            return command(*args, cluster=found, **more)

        options = (
            click.option(
                "--cluster", metavar="C", help="Work on a Dask cluster: local, tcp://…, tls://HOST:PORT, slurm:FILE."
            ),
            click.option(
                "--on-workers",
                multiple=True,
                metavar="PATH",
                help=f"Where {folder.removesuffix('_folder').upper()} lies on the workers, or HERE=THERE; repeatable.",
            ),
            click.option("--confirm-cluster", metavar="HOST", help="Allow sending to this host, that of --cluster."),
        )
        return _all(options, cast(F, named))

    return with_options


def answering_options(command: F) -> F:
    """Who answers the image questions of a query, and what a query may take: for commands that run SQL."""
    options = (
        click.option(
            "--model",
            default="oracle",
            show_default=True,
            help="Who answers: oracle, perturbed:RATE, constant:yes|no, recorded:FILE, hf:FOLDER, …",
        ),
        images_option,
        click.option("--cache", type=FILE, help="File of model answers to use and extend."),
        limits_options,
        now_option,
    )
    return _all(options, command)


def _all(options: tuple[Callable[[F], F], ...], command: F) -> F:
    """A command with several options, which its help lists in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def example(*lines: str) -> str:
    """The epilogue of a command's help: examples, kept line by line."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


def emit(output_format: str, value: Any, text: Callable[[], str]) -> None:
    """Print `value` as JSON, or the text that `text()` makes of it."""
    if output_format == "json":
        click.echo(json_text(value, indent=2))
    else:  # half an emoji in a file is no reason to stop
        click.echo(text().encode("utf-8", "backslashreplace").decode())


def ask_for_host(what: str, host: str) -> str | None:
    """Let someone at a terminal allow sending something by typing the name of the host."""
    click.echo(what, err=True)
    answer = click.prompt(f"To allow it, type {host}", default="", show_default=False, err=True)
    return str(answer) or None
