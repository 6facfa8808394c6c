"""`ehrxqa mcp`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import click

from ehrxqa.cli.options import DIR, FILE, example, images_option, quiet_option, split_option, vision_option

__all__ = ["command"]


@click.command(
    "mcp",
    epilog=example(
        "ehrxqa mcp demo/ehrxqa --images demo/hospital",
        "ehrxqa mcp out --vision constant:abstain --transport http --port 8766",
    ),
)
@click.argument("out", type=DIR)
@split_option("Whose questions and database.")
@vision_option
@images_option
@click.option("--database", type=FILE, metavar="FILE", help="Another database, such as a slice.")
@click.option(
    "--transport",
    type=click.Choice(["stdio", "http"]),
    default="stdio",
    show_default=True,
    help="http listens on this machine only, and answers only who has the token.",
)
@click.option("--port", type=click.IntRange(1, 65535), default=8766, show_default=True, help="Of http.")
@click.option(
    "--calls", type=click.IntRange(min=1), default=200, show_default=True, metavar="N", help="Most calls of an episode."
)
@click.option("--trace", type=FILE, metavar="FILE", help="Append what happened in each episode.")
@quiet_option
def command(
    out: Path,
    split: str,
    vision: str,
    images: Path | None,
    database: Path | None,
    transport: str,
    port: int,
    calls: int,
    trace: Path | None,
    quiet: bool,
) -> None:
    """Let a model's client work in OUT: the tools as a Model Context Protocol server.

    A client starts this command by itself and talks to it over stdio; see the documentation for its configuration.
    With http the token comes from EHRXQA_MCP_TOKEN, or is made and shown. What the client's model sees leaves this
    machine if the model runs elsewhere: with real data, use a model that may see them.
    """
    from ehrxqa.agents.budget import Budget
    from ehrxqa.agents.mcp_http import HOST, TOKEN_VARIABLE, guarded_app
    from ehrxqa.agents.mcp_server import Episodes, make_server, write_traces
    from ehrxqa.agents.opened import open_build
    from ehrxqa.agents.questions import read_questions
    from ehrxqa.files import reading
    from ehrxqa.layout import question_file
    from ehrxqa.runs.output_folder import built_files

    questions = read_questions(out, split) if question_file(out, split).is_file() else []
    seen_by = None if vision == "none" else vision
    with (
        reading(database, *built_files(out), writing=[trace]),
        open_build(out, split, vision=seen_by, images=images, database=database) as build,
    ):
        budget = Budget(calls=calls, seconds=None)
        done = (lambda _: None) if trace is None else write_traces(trace)
        server = make_server(build, Episodes(build, budget, done), questions)
        if transport == "stdio":
            server.run("stdio")
            return
        import uvicorn

        token = os.environ.get(TOKEN_VARIABLE) or secrets.token_urlsafe(24)
        if not quiet:
            click.echo(f"listening on http://{HOST}:{port}/mcp", err=True)
            if TOKEN_VARIABLE not in os.environ:
                click.echo(f"token (send it as Authorization: Bearer …): {token}", err=True)
        uvicorn.run(guarded_app(server, port, token), host=HOST, port=port, log_level="warning")
