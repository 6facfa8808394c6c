"""The one host that is talked to: PhysioNet, or a loopback server in tests."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from ehrxqa.errors import SettingsError

__all__ = ["HOST_VARIABLE", "PHYSIONET", "Host", "named_host"]

PHYSIONET = "https://physionet.org"

#: Environment variable that points at a test server; anything but a loopback address is refused.
HOST_VARIABLE = "EHRXQA_PHYSIONET_URL"

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_DEFAULT_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Host:
    """Scheme, name and port: the origin that may see credentials."""

    scheme: str
    name: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether it is this machine."""
        return self.name in _LOOPBACK

    @property
    def trusted(self) -> bool:
        """Whether credentials may be sent: over TLS, or without leaving the machine."""
        return self.scheme == "https" or self.loopback

    def file_path(self, folder: str, path: str) -> str:
        """Path of a project's file in an address, e.g. `/files/mimiciv/2.2/hosp/patients.csv.gz`."""
        return f"/files/{quote(folder)}/{quote(path)}"

    def same_origin(self, address: str) -> bool:
        """Whether an absolute address has this scheme, name and port."""
        try:
            other = urlsplit(address)
            port = other.port or _DEFAULT_PORTS.get(other.scheme)
        except ValueError:
            return False
        return (other.scheme, other.hostname, port) == (self.scheme, self.name, self.port)


def named_host(address: str | None = None) -> Host:
    """PhysioNet, unless a loopback address is given, here or in the environment.

    Raises:
        SettingsError: The address is not a plain loopback address.
    """
    address = address or os.environ.get(HOST_VARIABLE) or PHYSIONET
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"{HOST_VARIABLE}: not an address like http://127.0.0.1:8000") from error
    host = Host(parts.scheme, parts.hostname or "", port or _DEFAULT_PORTS.get(parts.scheme, 0))
    if address == PHYSIONET:
        return host
    plain = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username or parts.password)
    if parts.scheme not in _DEFAULT_PORTS or not host.loopback or not plain:
        # the address itself is not repeated: it may hold a password
        raise SettingsError(
            f"{HOST_VARIABLE}: only a loopback address such as http://127.0.0.1:8000 is accepted; it is for tests"
        )
    return host
