"""Groups of commands: parts of the help, names that are nearly right, and what comes next."""

from __future__ import annotations

import difflib
import functools
import importlib
import shlex
from pathlib import Path
from typing import Any

import click

from ehrxqa.cli.commands import COMMANDS, NEXT, SECTIONS

__all__ = ["LazyGroup", "SuggestingGroup"]


class SuggestingGroup(click.Group):
    """A group that answers a name that it does not know with the nearest ones that it does."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named."""
        name = args[0]
        names = self.list_commands(ctx)
        if name in names or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        near = difflib.get_close_matches(name, names, n=3)
        meant = f"Did you mean {' or '.join(near)}?" if near else f"See: {ctx.command_path} --help"
        raise click.UsageError(f"No such command {name!r}. {meant}", ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, which says what comes next."""
        command = super().get_command(ctx, cmd_name)
        return None if command is None else _followed(command, f"{ctx.info_name} {cmd_name}")

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with its first sentence, over as many lines as it takes."""
        told = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            sentence = " ".join((command.help or "" if command else "").split("\n\n")[0].split())
            told.append((name, sentence))
        with formatter.section("Commands"):
            formatter.write_dl(told)


class LazyGroup(SuggestingGroup):
    """The group of all commands; it imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the way of the data."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return _followed(command, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands part by part, without importing them."""
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), text) for name, (_, text) in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Names that begin so, without importing any command."""
        from click.shell_completion import CompletionItem

        options = click.Command.shell_complete(self, ctx, incomplete)
        found = [(name, text) for name, (_, text) in COMMANDS.items() if name.startswith(incomplete)]
        return [*(CompletionItem(name, help=text) for name, text in found), *options]


def _followed(command: click.Command, name: str) -> click.Command:
    """The same command, which ends with a line that says what comes next, if it went well and someone reads it."""
    callback = command.callback
    if name not in NEXT or callback is None or hasattr(callback, "says_next"):
        return command

    @functools.wraps(callback)
    def following(**given: Any) -> Any:
        status = callback(**given)
        if not status and not given.get("quiet") and given.get("output_format", "text") == "text":
            click.echo(f"next: {_next(name, given)}", err=True)
        return status

    following.says_next = True  # type: ignore[attr-defined]
    command.callback = following
    return command


def _next(name: str, given: dict[str, Any]) -> str:
    if given.get("dry_run"):
        return "the same without --dry-run"
    shown = {key: shlex.quote(str(value)) for key, value in given.items() if isinstance(value, str | Path)}
    return NEXT[name].format_map(_Named(shown))


class _Named(dict[str, str]):
    """Values by name; what was not given keeps its name, in capitals."""

    def __missing__(self, key: str) -> str:
        return key.upper()
