"""Notebooks: their cells and outputs are texts, tables and pictures of their own, not lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ehrxqa.json_files import json_value

__all__ = ["Part", "notebook_parts"]


@dataclass(frozen=True)
class Part:
    """A cell's source or one of its outputs.

    Attributes:
        cell: 1-based number of the cell.
        kind: MIME type, `text/plain` for sources and printed text.
        text: Its content; base64 for pictures.
    """

    cell: int
    kind: str
    text: str


def notebook_parts(text: str) -> Iterator[Part]:
    """Sources, printed text and shown values of a notebook, in order.

    Raises:
        ValueError: It is not a notebook.
    """
    notebook: Any = json_value(text)
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise ValueError("no cells")
    for number, cell in enumerate(notebook["cells"], 1):
        if isinstance(cell, dict):
            yield Part(number, "text/plain", _joined(cell.get("source")))
            for shown in [*_outputs(cell), *_attachments(cell)]:
                yield Part(number, *shown)


def _outputs(cell: dict[str, Any]) -> Iterator[tuple[str, str]]:
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        if isinstance(output, dict):
            yield "text/plain", _joined(output.get("text"))
            yield "text/plain", _joined(output.get("traceback"))
            if isinstance(output.get("data"), dict):
                for kind, value in output["data"].items():
                    yield str(kind), _joined(value) if isinstance(value, str | list) else json.dumps(value)


def _attachments(cell: dict[str, Any]) -> Iterator[tuple[str, str]]:
    attachments = cell.get("attachments")
    for name, bundle in attachments.items() if isinstance(attachments, dict) else []:
        yield "text/plain", str(name)
        if isinstance(bundle, dict):
            yield from ((str(kind), _joined(value)) for kind, value in bundle.items())


def _joined(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "".join(part for part in value if isinstance(part, str)) if isinstance(value, list) else ""
