"""From a request to a response: pages as HTML or, with `.json` added to the address, as JSON; errors as pages."""

from __future__ import annotations

import dataclasses
import json
import math
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ehrxqa.errors import EhrxqaError
from ehrxqa.explorer.addresses import Addresses, selection_of
from ehrxqa.explorer.safety import MOST_BODY_BYTES
from ehrxqa.explorer.state import Explorer
from ehrxqa.files import file_fault

__all__ = [
    "addresses_of",
    "as_json",
    "explorer_of",
    "form_of",
    "json_response",
    "missing",
    "on_error",
    "on_fault",
    "page",
]

#: What the router says of a request → that for readers.
_WORDS: Final = {
    HTTPStatus.NOT_FOUND.phrase: "There is no such page.",
    HTTPStatus.METHOD_NOT_ALLOWED.phrase: "This page takes no form, or is the answer to one.",
}


def explorer_of(request: Request) -> Explorer:
    """What pages are made from."""
    explorer: Explorer = request.app.state.explorer
    return explorer


def addresses_of(request: Request) -> Addresses:
    """Addresses that carry on the list the reader comes from."""
    return Addresses(selection=selection_of(request.url.query))


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page."""
    values.setdefault("to", addresses_of(request))
    addresses = values.pop("to")
    text = explorer_of(request).renderer.page(template, addresses, path=request.url.path, **values)
    return HTMLResponse(text, status_code=status)


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, the last of each name."""
    body = await request.body()
    if len(body) > MOST_BODY_BYTES:
        raise HTTPException(413, "The form is too large.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50))
    except ValueError as error:
        raise HTTPException(400, "The form cannot be read.") from error


def missing(what: str) -> HTTPException:
    """What to raise where there is nothing to show."""
    return HTTPException(404, what)


def as_json(value: Any) -> Any:
    """A typed value as JSON can hold it; paths are left out, since they tell of the machine only."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: as_json(inner)
            for field in dataclasses.fields(value)
            if not isinstance(inner := getattr(value, field.name), Path)
        }
    if isinstance(value, dict):
        return {str(key): as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [as_json(inner) for inner in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def json_response(value: Any) -> Response:
    """A typed value as JSON; what JSON cannot hold (bytes, infinite numbers) becomes its text."""
    return Response(json.dumps(as_json(value), default=str, allow_nan=False), media_type="application/json")


def on_error(request: Request, error: Exception) -> Response:
    """The page for an address that leads nowhere, or a request that makes no sense."""
    assert isinstance(error, HTTPException)
    said = _WORDS.get(error.detail, error.detail)
    return page(request, "error.html", status=error.status_code, to=Addresses(), message=said)


def on_fault(request: Request, error: Exception) -> Response:
    """The page for data that cannot be read; the message names files and options, never rows."""
    fault = error if isinstance(error, EhrxqaError) else file_fault(error) if isinstance(error, OSError) else None
    if fault is None:
        raise error
    return page(request, "error.html", status=500, to=Addresses(), message=str(fault))
