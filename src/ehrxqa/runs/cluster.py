"""A Dask cluster, as a user names it: where it is, what lies where on its workers, and who allowed it.

| text | cluster |
|---|---|
| `local` | one of this machine alone, started for the command and gone with it: 127.0.0.1, a certificate of its own |
| `tcp://HOST:PORT` | a scheduler that runs on this machine |
| `tls://HOST:PORT` | a scheduler anywhere; the certificates are those of Dask's own settings |
| `slurm:FILE` | jobs of SLURM, described in a TOML file and started for the command; see `runs.dask_slurm` |

Questions, answers and paths travel to the workers. So another machine is reached by TLS only, and only if the user
confirms it by name.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from ehrxqa.errors import SettingsError
from ehrxqa.net.consent import Ask, require_consent
from ehrxqa.net.endpoint import Endpoint, is_loopback

if TYPE_CHECKING:
    from ehrxqa.runs.dask_nodes import Nodes

__all__ = ["CONFIRM_OPTION", "LOCAL", "PATIENCE", "SLURM", "Cluster", "named_cluster"]

LOCAL: Final = "local"
SLURM: Final = "slurm:"
CONFIRM_OPTION: Final = "--confirm-cluster"
#: Seconds that a lost scheduler, or the last worker, may take to come back, if nothing else is said.
PATIENCE: Final = 300.0
_FORMS: Final = "local, tcp://127.0.0.1:PORT, tls://HOST:PORT or slurm:FILE"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster and what lies where on its workers; made by `named_cluster`.

    Attributes:
        address: As named: `local`, `tcp://…`, `tls://…` or `slurm:FILE`.
        moved: (path here, path on the workers); what lies below the one lies there below the other. All other paths are
            the same.
        patience: Seconds that a lost scheduler, or the last worker, may take to come back.
        nodes: Its nodes, where several pools use them one after the other; see `runs.shards.shared_nodes`.
    """

    address: str
    moved: tuple[tuple[str, str], ...] = ()
    patience: float = PATIENCE
    nodes: Nodes | None = field(default=None, repr=False, compare=False)

    def there(self, path: Path | str) -> str:
        """Where the workers find a file or folder of this machine.

        >>> named_cluster("local", ["/home/me/out=/data/out"]).there("/home/me/out/dataset")
        '/data/out/dataset'
        """
        here = os.path.abspath(path)  # noqa: PTH100 - links are followed on the worker
        for ours, theirs in sorted(self.moved, reverse=True):  # the longest first
            if here == ours or here.startswith(ours.rstrip("/") + "/"):
                return theirs.rstrip("/") + here[len(ours.rstrip("/")) :]
        return here


def named_cluster(
    address: str,
    on_workers: Sequence[str] = (),
    *,
    out: Path | str | None = None,
    confirmed: str | None = None,
    ask: Ask | None = None,
    patience: float = PATIENCE,
) -> Cluster:
    """Understand how a cluster is named, once the user has allowed it.

    Args:
        address: One of the forms of this module.
        on_workers: `HERE=THERE`, where a path of this machine is another one on the workers; `THERE` alone is said of
            `out`.
        out: The output folder of the command.
        confirmed: Host that the user has confirmed; of SLURM, the name of the file.
        ask: Asked if nothing was confirmed.
        patience: Seconds that a lost scheduler, or the last worker, may take to come back.

    Raises:
        SettingsError: The text is not understood, would send data unencrypted, or nobody has confirmed the host.
    """
    where = _endpoint(address)
    if where is not None and (confirmed is not None or not where.loopback):
        require_consent(
            where,
            "data of the build",
            synthetic=False,
            confirmed=confirmed,
            ask=ask,
            option=CONFIRM_OPTION,
        )
    return Cluster(address, tuple(_moved(text, out) for text in on_workers), patience)


def _endpoint(address: str) -> Endpoint | None:
    """What is to be confirmed; None for the cluster that never leaves this machine."""
    if address == LOCAL:
        return None
    if address.startswith(SLURM) and len(address) > len(SLURM):
        file = Path(address.removeprefix(SLURM))
        if not file.is_file():
            raise SettingsError(f"{file}: no such file; it describes the jobs of SLURM, see docs/scale.md")
        return Endpoint(address, file.name, loopback=False)
    try:
        parts = urlsplit(address)
        name, port = parts.hostname, parts.port
    except ValueError:
        name, port = None, None
    plain = not (parts.path or parts.query or parts.fragment or parts.username) if name else False
    if parts.scheme not in ("tcp", "tls") or name is None or port is None or not plain:
        raise SettingsError(f'cluster "{address}" is not one of: {_FORMS}')
    loopback = is_loopback(name)
    if parts.scheme == "tcp" and not loopback:
        raise SettingsError(
            f"{address}: another machine is reached by tls:// only; only 127.0.0.1 may be reached by tcp://"
        )
    return Endpoint(address, name, loopback)


def _moved(text: str, out: Path | str | None) -> tuple[str, str]:
    here, equals, there = text.rpartition("=")
    if not equals:
        if out is None:
            raise SettingsError(f'"{text}": say which path it is on the workers: HERE=THERE')
        here = str(out)
    if not here or not there.startswith("/"):
        raise SettingsError(f'"{text}" is not of the form THERE or HERE=THERE, with THERE from the root on')
    return os.path.abspath(here), there  # noqa: PTH100
