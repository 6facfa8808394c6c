"""Leave to send something to an endpoint: from a person who named its host, never by default."""

from __future__ import annotations

from collections.abc import Callable

from ehrxqa.errors import SettingsError
from ehrxqa.net.endpoint import Endpoint

__all__ = ["Ask", "require_consent"]

#: Asked with what would be sent and the host; gives the host if the user agrees.
Ask = Callable[[str, str], str | None]


def require_consent(
    where: Endpoint,
    what: str,
    *,
    synthetic: bool,
    confirmed: str | None = None,
    ask: Ask | None = None,
    option: str = "--confirm-endpoint",
) -> None:
    """Go on only if `what` may be sent to an endpoint.

    Nothing need be confirmed where no real patient is in the data and the endpoint is this machine. A confirmation that
    was given is checked in any case: a host that does not fit is a mistake.

    Args:
        where: The endpoint.
        what: What would be sent, as a noun phrase.
        synthetic: Whether the data say of themselves that no real patient is in them.
        confirmed: The host that the user has confirmed.
        ask: Asked if nothing was confirmed.
        option: That confirms on the command line.

    Raises:
        SettingsError: Nobody confirmed, or another host.
    """
    if confirmed is None and synthetic and where.loopback:
        return
    if confirmed is None and ask is not None:
        confirmed = ask(f"{what} will be sent to {where.host}", where.host)
    if confirmed is None:
        raise SettingsError(f"nothing was sent: {what} would go to {where.host}; allow it with {option} {where.host}")
    if confirmed.strip().lower() != where.host.lower():
        raise SettingsError(f"nothing was sent: what was confirmed is not the host of the endpoint, {where.host}")
