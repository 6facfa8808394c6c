"""A PhysioNet user name and password: where they come from, and how they stay out of sight.

They are looked for only when the host asks for them, in this order: the environment
(`PHYSIONET_USERNAME`, `PHYSIONET_PASSWORD`), `~/.netrc` (read only; `NETRC` may name another file), the
system's keyring (extra `keyring`), and a prompt without echo if someone sits at a terminal. They are
never written, and the types here do not show them in a traceback, a log line or a repr.
"""

from __future__ import annotations

import base64
import getpass
import importlib
import netrc
import os
import stat
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ehrxqa.errors import SettingsError
from ehrxqa.net.errors import DownloadError

__all__ = ["Credentials", "Secret", "find_credentials"]

#: Name of the host under which netrc files and keyrings keep the password, whatever server a test uses.
REALM = "physionet.org"

USERNAME_VARIABLE = "PHYSIONET_USERNAME"
PASSWORD_VARIABLE = "PHYSIONET_PASSWORD"

HOW_TO_GIVE_THEM = (
    f"set {USERNAME_VARIABLE} and {PASSWORD_VARIABLE}, or add 'machine {REALM} login NAME password …' to ~/.netrc "
    "(chmod 600), or run the command in a terminal to be asked"
)


class Secret:
    """Text that shows itself only when asked by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce__(self) -> Any:
        raise TypeError("a secret is not written down")


class Credentials:
    """A user name and its password, both hidden; `origin` says where they came from."""

    __slots__ = ("_password", "_username", "origin")

    def __init__(self, username: str, password: str, origin: str = "the caller") -> None:
        if ":" in username:
            raise SettingsError("a PhysioNet user name holds no ':'")
        self._username, self._password, self.origin = Secret(username), Secret(password), origin

    def authorization(self) -> str:
        """Value of the header that carries them (basic authentication, UTF-8 as PhysioNet asks for)."""
        pair = f"{self._username.reveal()}:{self._password.reveal()}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")

    def __repr__(self) -> str:
        return f"Credentials(from {self.origin})"

    def __reduce__(self) -> Any:
        raise TypeError("credentials are not written down")


def find_credentials(note: Callable[[str], None], *, prompt: bool = True) -> Credentials:
    """The user's PhysioNet credentials from the first place that has them.

    Args:
        note: Receives a warning when a file of passwords can be read by others.
        prompt: Whether to ask at the terminal if nothing else has them.

    Raises:
        DownloadError: Nobody has them.
        SettingsError: Only half of them is set, or the netrc file cannot be understood.
    """
    found = _from_environment() or _from_netrc(note) or _from_keyring()
    if found is None and prompt and sys.stdin is not None and sys.stdin.isatty():
        found = _from_prompt()
    if found is None:
        raise DownloadError(f"{REALM} asks for a user name and password: {HOW_TO_GIVE_THEM}", status=401)
    return found


def _from_environment() -> Credentials | None:
    username, password = os.environ.get(USERNAME_VARIABLE), os.environ.get(PASSWORD_VARIABLE)
    if username and password:
        return Credentials(username, password, "the environment")
    if password:
        raise SettingsError(f"{PASSWORD_VARIABLE} is set but {USERNAME_VARIABLE} is not")
    return None


def _from_netrc(note: Callable[[str], None]) -> Credentials | None:
    path = Path(os.environ.get("NETRC") or Path.home() / ".netrc")
    if not path.is_file():
        return None
    line: int | None
    try:
        entry = netrc.netrc(str(path)).authenticators(REALM)
    except netrc.NetrcParseError as error:
        line = error.lineno
    except (OSError, UnicodeDecodeError):
        line = None
    else:
        if entry is None or not entry[0] or not entry[2]:
            return None
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            note(f"warning: {path} can be read by others and holds passwords; run: chmod 600 {path}")
        wanted = os.environ.get(USERNAME_VARIABLE)
        if wanted and wanted != entry[0]:
            return None
        return Credentials(entry[0], entry[2], str(path))
    # raised outside the handler: the parser's own message may quote a password
    where = f"{path}, line {line}" if line is not None else str(path)
    raise SettingsError(f"{where}: cannot be read as a netrc file; mend it, or set {USERNAME_VARIABLE}")


def _from_keyring() -> Credentials | None:
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        return None
    failed = False
    try:
        entry = keyring.get_credential(REALM, os.environ.get(USERNAME_VARIABLE))
    except Exception:  # any backend's own error: a locked or missing keyring is no reason to stop
        failed = True
    if failed or entry is None or not entry.username or not entry.password:
        return None
    return Credentials(entry.username, entry.password, "the keyring")


def _from_prompt() -> Credentials | None:
    print(f"{REALM} user name: ", end="", file=sys.stderr, flush=True)
    username = os.environ.get(USERNAME_VARIABLE) or sys.stdin.readline().strip()
    if not username:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            password = getpass.getpass(f"{REALM} password (not shown): ", stream=sys.stderr)
        except (getpass.GetPassWarning, EOFError):
            return None  # never read a password that would be shown
    return Credentials(username, password, "the prompt") if password else None
