"""The endpoint that a user names, whether it needs confirmation, and the key it is given."""

from __future__ import annotations

import importlib
import ipaddress
import os
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ehrxqa.errors import SettingsError
from ehrxqa.net.credentials import Secret

__all__ = ["KEY_VARIABLE", "Endpoint", "find_key", "is_loopback", "named_endpoint"]

KEY_VARIABLE: Final = "EHRXQA_LLM_API_KEY"
#: The key that people who use this host have in their environment; it is offered to no other host.
_OPENAI: Final = ("api.openai.com", "OPENAI_API_KEY")
#: User name under which a keyring holds the key of a host.
_KEYRING_USER: Final = "ehrxqa"


@dataclass(frozen=True)
class Endpoint:
    """Where requests go.

    Attributes:
        url: Its address without a slash at the end; `/chat/completions` is added to it.
        host: Its name, with the port if that is not the usual one: what a user confirms.
        loopback: Whether it is this machine.
    """

    url: str
    host: str
    loopback: bool


def named_endpoint(url: str) -> Endpoint:
    """Understand the address of an endpoint.

    Raises:
        SettingsError: It is no address, holds credentials, or would send them unencrypted.
    """
    try:
        parts = urlsplit(url.strip())
        name, port = parts.hostname, parts.port
    except ValueError:
        name, port = None, None
    plain = name is not None and re.fullmatch(r"[a-z0-9._:-]+", name) and not re.search(r"[\s\\]", parts.path)
    if name is None or not plain or parts.scheme not in ("http", "https"):
        raise SettingsError("the endpoint must be an address like https://llm.example/v1")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        # not repeated here: it may hold a key
        raise SettingsError(
            f"the address of an endpoint holds no user, password, query or fragment; the key comes from {KEY_VARIABLE}"
        )
    loopback = is_loopback(name)
    if parts.scheme != "https" and not loopback:
        raise SettingsError(f"{name}: the endpoint must be https://…; only this machine may be asked by http://")
    shown = f"[{name}]" if ":" in name else name
    usual = port in (None, {"http": 80, "https": 443}[parts.scheme])
    host = shown if usual else f"{shown}:{port}"
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    return Endpoint(f"{parts.scheme}://{host}{path}", host, loopback)


def is_loopback(name: str) -> bool:
    """Whether the name or number of a host is this machine."""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def find_key(endpoint: Endpoint) -> Secret | None:
    """The key for an endpoint, from the environment or the keyring; None if nobody has one.

    Raises:
        SettingsError: The key cannot be sent in a header.
    """
    host, variable = _OPENAI
    found = os.environ.get(KEY_VARIABLE) or (os.environ.get(variable) if endpoint.host == host else None)
    key = (found or _from_keyring(endpoint.host) or "").strip()
    if not key:
        return None
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise SettingsError(f"{KEY_VARIABLE} holds a blank or a sign that no key has")
    return Secret(key)


def _from_keyring(host: str) -> str | None:
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        return None
    try:
        found = keyring.get_password(host, _KEYRING_USER)
    except Exception:  # any backend's own error: a locked or missing keyring is no reason to stop
        return None
    return str(found) if found else None
