"""The `ehrxqa` command: what it says of itself, and how errors and signals end it.

Exit status: 0 done, 1 something is wrong with files or data, 2 wrong usage, 130 interrupted (143 by SIGTERM, 129 by
SIGHUP, which end a command in the same way).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

import click

from ehrxqa.cli.groups import LazyGroup
from ehrxqa.errors import EhrxqaError, MissingError, SettingsError
from ehrxqa.terminal import Forgiving, Visible, visible

__all__ = ["main", "run"]


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(None, "-V", "--version", package_name="ehrxqa", prog_name="ehrxqa")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def main(ctx: click.Context, debug: bool) -> None:
    """Build, extend and evaluate EHRXQA: questions over health records and chest X-rays.

    Start with:  ehrxqa demo     More:  ehrxqa help COMMAND
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
    # Arrow's own pools keep what they were given once; the system's gives it back: a build's peak is a sixth lower
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    if sys.stdout is not None and sys.stdout.isatty():
        sys.stdout = Visible(sys.stdout)
    sys.exit(_guarded(arguments, debug))


#: Seconds until a signal that was lost is sent again.
_SOON = 0.05


class _Ending:
    """The signal that ends this command, once one has come, and whether it does."""

    sign: signal.Signals | None = None
    told = False


def _end_like_ctrl_c() -> None:
    """SIGTERM and SIGHUP end a command as Ctrl-C does, unless someone (`nohup`) has decided otherwise; which is noted.

    What Ctrl-C interrupts may raise anything: while libraries are imported, it often ends as an error of theirs.
    """

    def end(number: int, _: object) -> None:
        _Ending.sign = signal.Signals(number)
        raise KeyboardInterrupt

    _Ending.sign, _Ending.told = None, False
    if threading.current_thread() is threading.main_thread():
        signs = (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP"))  # Windows has no SIGHUP
        for sign in filter(None, signs):
            if signal.getsignal(sign) in (signal.SIG_DFL, signal.default_int_handler):
                signal.signal(sign, end)
        sys.unraisablehook = _sent_again


def _sent_again(lost: sys.UnraisableHookArgs) -> None:
    """Send a signal again that came while an object was being destroyed: Python drops what is raised there.

    Not if the command ends already: what was dropped was raised a second time (by C code that an import runs, say), and
    a signal amid Python's own end would become the status of the command.
    """
    if isinstance(lost.exc_value, KeyboardInterrupt) and (sign := _Ending.sign) is not None:

        def send() -> None:
            if not _Ending.told:
                os.kill(os.getpid(), sign)

        again = threading.Timer(_SOON, send)
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(lost)


def _interrupted() -> int:
    _Ending.told = True
    # Ctrl-C amid an `exec` of text (a dataclass that is being made, say) has Python end itself by that signal at the
    # very last, handled or not, unless other text is executed meanwhile
    exec("")
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
        return 2 if isinstance(error, SettingsError) and not isinstance(error, MissingError) else 1
    except BrokenPipeError:
        # the reader of our output has gone (`ehrxqa … | head`): not an error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if debug:
            raise
        if _Ending.sign is not None:
            return _interrupted()
        from ehrxqa.files import file_fault

        if isinstance(error, OSError) and (fault := file_fault(error)) is not None:
            print(visible(f"ehrxqa: error: {fault}"), file=sys.stderr)
            return 1
        print(
            f"ehrxqa: unexpected {type(error).__name__} (a fault of ours): run again with --debug and report it",
            file=sys.stderr,
        )
        return 1
    return result if isinstance(result, int) else 0
