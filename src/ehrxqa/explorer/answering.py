"""From a request to a response: pages as HTML or, with `.json` added to the address, as JSON; errors as pages."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from ehrxqa.errors import EhrxqaError
from ehrxqa.explorer.addresses import Addresses, selection_of
from ehrxqa.explorer.state import Explorer

__all__ = ["addresses_of", "as_json", "explorer_of", "json_response", "missing", "on_error", "on_fault", "page"]


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
    return value


def json_response(value: Any) -> Response:
    """A typed value as JSON."""
    return JSONResponse(json.loads(json.dumps(as_json(value), default=str)))


def on_error(request: Request, error: Exception) -> Response:
    """The page for an address that leads nowhere, or a request that makes no sense."""
    assert isinstance(error, HTTPException)
    return page(request, "error.html", status=error.status_code, to=Addresses(), message=error.detail)


def on_fault(request: Request, error: Exception) -> Response:
    """The page for data that cannot be read; the message names files and options, never rows."""
    assert isinstance(error, EhrxqaError)
    return page(request, "error.html", status=500, to=Addresses(), message=str(error))
