"""`ehrxqa help`."""

from __future__ import annotations

import click

from ehrxqa.cli.options import example, quiet_option

__all__ = ["command"]


@click.command("help", epilog=example("ehrxqa help", "ehrxqa help run", "ehrxqa help vqa train"))
@click.argument("words", metavar="[COMMAND]...", nargs=-1)
@quiet_option
@click.pass_context
def command(ctx: click.Context, words: tuple[str, ...], quiet: bool) -> None:
    """Say what a command does; without COMMAND, which commands there are.

    `ehrxqa help run` says the same as `ehrxqa run --help`.
    """
    assert ctx.parent is not None
    asked = ctx.parent
    for word in words:
        group = asked.command
        if not isinstance(group, click.Group):
            raise click.UsageError(f"{asked.command_path} has no commands of its own", ctx)
        name, found, _ = group.resolve_command(asked, [word])
        if found is None:  # an option, or `labels`, which takes any word as the beginning of its default
            raise click.UsageError(f"No such command {word!r}", asked)
        asked = found.context_class(found, info_name=name, parent=asked, **found.context_settings)
    click.echo(asked.command.get_help(asked))
