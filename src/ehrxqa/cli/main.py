"""The `ehrxqa` command: finds the subcommand, and turns errors into one clear line.

Exit status: 0 done, 1 something is wrong with files or data, 2 wrong usage, 130 interrupted (143 by SIGTERM, 129 by
SIGHUP, which end a command in the same way).
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from typing import Any

import click

from ehrxqa.errors import EhrxqaError, SettingsError
from ehrxqa.terminal import Forgiving, Visible, visible

__all__ = ["COMMANDS", "main", "run"]

#: Command name → (module, one-line help). Modules are imported when their command runs, so that
#: `ehrxqa --help` costs nothing.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("ehrxqa.cli.demo", "Make a synthetic hospital, build everything from it, and look around."),
    "official": ("ehrxqa.cli.official", "Make the official dataset: download, build, answers, verification."),
    "synth": ("ehrxqa.cli.synth", "Make a synthetic hospital with X-rays in PhysioNet's own files."),
    "build": ("ehrxqa.cli.build", "Build labels and databases from the source files."),
    "generate": ("ehrxqa.cli.generate", "Make new questions over the databases, each verified."),
    "coverage": ("ehrxqa.cli.coverage", "Say which official question templates a build can produce."),
    "paraphrase": ("ehrxqa.cli.paraphrase", "Let a language model reword questions; it sees no values."),
    "answer": ("ehrxqa.cli.answer", "Fill the answers of pre-release question files."),
    "verify": ("ehrxqa.cli.verify", "Check an output folder, alone or against another one."),
    "audit": ("ehrxqa.cli.audit", "Find wrong and doubtful gold answers, in any question file."),
    "check": ("ehrxqa.cli.check", "Prove that gold programs and NeuralSQL agree, under every profile."),
    "info": ("ehrxqa.cli.info", "Say what an output folder holds and how it was made."),
    "schema": ("ehrxqa.cli.schema", "Say what the tables and columns of a build are."),
    "labels": ("ehrxqa.cli.labels", "Write cohorts and labels as the official CSV files."),
    "vqa": ("ehrxqa.cli.vqa", "Answer and generate questions about single chest X-rays."),
    "query": ("ehrxqa.cli.query", "Run SQL that asks chest X-rays."),
    "execute": ("ehrxqa.cli.execute", "Run a file of predicted queries."),
    "run": ("ehrxqa.cli.run", "Ask a parser and a vision model all questions, and score the answers."),
    "board": ("ehrxqa.cli.board", "Show all runs side by side, with the floors."),
    "compare": ("ehrxqa.cli.compare", "Say what changed from one run to another, and where."),
    "export": ("ehrxqa.cli.export", "Write Parquet, dataset card, Croissant and tables.json of the questions."),
    "stats": ("ehrxqa.cli.stats", "Say what the questions are made of."),
    "serve": ("ehrxqa.cli.serve", "Show questions, subjects, X-rays and proofs in a browser."),
    "page": ("ehrxqa.cli.page", "Write questions with X-rays and proofs as a folder of pages."),
    "why": ("ehrxqa.cli.why", "Explain the answer of a question step by step."),
    "evaluate": ("ehrxqa.cli.evaluate", "Score predicted answers: accuracy and reliability."),
    "agent": ("ehrxqa.cli.agent", "Let a model answer questions with the tools, and score it."),
    "slice": ("ehrxqa.cli.slice", "Write the database as it was at a time: what an agent may know."),
    "mcp": ("ehrxqa.cli.mcp", "Let a model's client work in a build: an MCP server."),
    "download": ("ehrxqa.cli.download", "Download source files from PhysioNet."),
    "download-images": ("ehrxqa.cli.download_images", "Download the X-rays of the built databases."),
    "leak-scan": ("ehrxqa.cli.leak_scan", "Find what must never be published, in a folder or git history."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the way of the data."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(None, "-V", "--version", package_name="ehrxqa", prog_name="ehrxqa")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def main(ctx: click.Context, debug: bool) -> None:
    """Build, extend and evaluate EHRXQA: questions over health records and chest X-rays.

    Start with:  ehrxqa demo
    """
    ctx.obj = {"debug": debug}


def run(arguments: list[str] | None = None) -> None:
    """Entry point of the `ehrxqa` script."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments or bool(os.environ.get("EHRXQA_DEBUG"))
    if "--debug" in arguments:  # accepted anywhere on the line
        arguments = ["--debug", *(argument for argument in arguments if argument != "--debug")]
    if sys.stderr is None:  # closed by the shell: no file that is opened later may get its number
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = Forgiving(sys.stderr)
    if sys.stdout is not None and sys.stdout.isatty():
        sys.stdout = Visible(sys.stdout)
    sys.exit(_guarded(arguments, debug))


class _Ending:
    """The signal that ends this command, once one has come."""

    sign: signal.Signals | None = None


def _end_like_ctrl_c() -> None:
    """SIGTERM and SIGHUP end a command as Ctrl-C does, unless someone (`nohup`) has decided otherwise; which is noted.

    What Ctrl-C interrupts may raise anything: while libraries are imported, it often ends as an error of theirs.
    """

    def end(number: int, _: object) -> None:
        _Ending.sign = signal.Signals(number)
        raise KeyboardInterrupt

    _Ending.sign = None
    if threading.current_thread() is threading.main_thread():
        for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(sign) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(sign, end)


def _interrupted() -> int:
    print("ehrxqa: interrupted; run the same command again to go on", file=sys.stderr)
    return 128 + (_Ending.sign or signal.SIGINT)


def _guarded(arguments: list[str], debug: bool) -> int:
    _end_like_ctrl_c()
    try:
        result: Any = main.main(args=arguments, prog_name="ehrxqa", standalone_mode=False)
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _interrupted()
    except EhrxqaError as error:
        if debug:
            raise
        if _Ending.sign is not None:
            return _interrupted()
        print(visible(f"ehrxqa: error: {error}"), file=sys.stderr)
        return 2 if isinstance(error, SettingsError) else 1
    except BrokenPipeError:
        # the reader of our output has gone (`ehrxqa … | head`): not an error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        if _Ending.sign is not None:
            return _interrupted()
        print(
            f"ehrxqa: unexpected {type(error).__name__} (a fault of ours): run again with --debug and report it",
            file=sys.stderr,
        )
        return 1
    return result if isinstance(result, int) else 0
