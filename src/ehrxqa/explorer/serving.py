"""Running the explorer on a port of this machine."""

from __future__ import annotations

import contextlib
import secrets
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from threading import Thread, Timer

from ehrxqa.errors import SettingsError

__all__ = ["listen", "serve"]


def serve(
    out: Path | str,
    *,
    sources: Path | str | None = None,
    host: str = "127.0.0.1",
    port: int = 8765,
    quiz: bool = False,
    open_browser: bool = False,
    say: Callable[[str], None] = print,
) -> None:
    """Show an output folder in a browser until interrupted.

    Args:
        out: The output folder, or the folder of `ehrxqa demo`.
        sources: The sources of the build, or MIMIC-CXR-JPG alone: pictures, boxes and sentences of reports.
        host: Where to listen. Anything but this machine itself, and data of real patients, need the token that is
            part of the printed address.
        port: Port; 0 for any free one.
        quiz: Show the quiz only, and no answer before it is given.
        open_browser: Open the first page.
        say: Told the address.

    Raises:
        BuildError: There is no build.
        SettingsError: The port is taken, or the packages of the explorer are not there.
    """
    try:
        import uvicorn

        from ehrxqa.explorer.app import make_app
        from ehrxqa.explorer.safety import Policy, is_loopback
        from ehrxqa.explorer.state import open_explorer, warm
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"the explorer needs {error.name}, which is not installed; install it with: pip install 'ehrxqa[explorer]'"
        ) from error
    from ehrxqa.explorer.library import open_library

    library = open_library(out, sources)
    local = is_loopback(host)
    with contextlib.closing(listen(host, port)) as listening:
        port = listening.getsockname()[1]
        token = None if local and library.synthetic else secrets.token_urlsafe(24)
        names = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]", host)}
        policy = Policy(
            hosts=frozenset() if host in ("0.0.0.0", "::") else frozenset(map(str.lower, names)),
            token=token,
            keep_nothing=not library.synthetic,
            quiz_only=quiz,
        )
        explorer = open_explorer(library, quiz_only=quiz)
        app = make_app(explorer, policy)
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{port}/{'' if token is None else f'?token={token}'}"
        say(f"{library.out}: open {address}  (Ctrl-C ends)")
        if not library.synthetic:
            say("These are data of patients: do not share this address, and close the browser's window when done.")
        if open_browser:
            timer = Timer(0.5, webbrowser.open, (address,))
            timer.daemon = True
            timer.start()
        config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, date_header=False)
        Thread(target=library.quick.make, name="copies", daemon=True).start()
        Thread(target=warm, args=(explorer,), name="warm", daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):  # how one ends it
            uvicorn.Server(config).run(sockets=[listening])
        library.quick.remove()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 is any free one.

    Raises:
        SettingsError: It cannot.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # the protocol is named, else asyncio does not know that it may send small answers at once (TCP_NODELAY)
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except (OSError, OverflowError) as error:
        listening.close()
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(
            f"--host {host} --port {port}: cannot listen there ({reason}); choose another host or port"
        ) from error
    return listening
