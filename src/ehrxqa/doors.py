"""Doors for what is not official: families, tables, kinds of image questions, models and metrics of other packages.

A package declares them as entry points, and a command line may name one directly as `python:MODULE:NAME`:

| group | what it gives |
|---|---|
| `ehrxqa.families` | question families |
| `ehrxqa.vision_models` | models that answer image questions |
| `ehrxqa.parsers` | systems that turn a question into NeuralSQL |
| `ehrxqa.metrics` | functions over scores |
| `ehrxqa.tables` | more tables of a hospital |
| `ehrxqa.vqa_kinds` | kinds of image questions |
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, Literal

from ehrxqa.errors import SettingsError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["PYTHON", "Group", "load_all", "load_named", "load_python", "names"]

Group = Literal[
    "ehrxqa.families",
    "ehrxqa.vision_models",
    "ehrxqa.parsers",
    "ehrxqa.metrics",
    "ehrxqa.tables",
    "ehrxqa.vqa_kinds",
]

#: How a command line names something that no entry point declares: `python:MODULE:NAME`.
PYTHON: Final = "python:"


def names(group: Group) -> tuple[str, ...]:
    """Names that installed packages declare in a group, sorted."""
    return tuple(sorted({point.name for point in entry_points(group)}))


def load_named(group: Group, name: str) -> Any | None:
    """What an installed package declares under that name, or None if there is no such name.

    Raises:
        SettingsError: Two packages declare the name, or what it stands for cannot be imported.
    """
    found = [point for point in entry_points(group) if point.name == name]
    if not found:
        return None
    if len(found) > 1:
        packages = ", ".join(sorted(point.dist.name if point.dist else "?" for point in found))
        raise SettingsError(f'{group}: "{name}" is declared by several packages ({packages}); uninstall one')
    return _load(found[0], group)


def load_all(group: Group) -> dict[str, Any]:
    """All that installed packages declare in a group, by name, sorted.

    Raises:
        SettingsError: As for `load_named`.
    """
    return {name: load_named(group, name) for name in names(group)}


def load_python(text: str) -> Any:
    """What `python:MODULE:NAME` names; the current folder is looked in too, as `python -m` does.

    Raises:
        SettingsError: The text is not of that form, or the module or name is not there.
    """
    module_name, colon, name = text.removeprefix(PYTHON).partition(":")
    if not text.startswith(PYTHON) or not colon or not module_name or not name:
        raise SettingsError(f'"{text}" is not of the form python:MODULE:NAME')
    here = os.getcwd()  # noqa: PTH109 - sys.path holds texts
    added = here not in sys.path and "" not in sys.path
    if added:
        sys.path.append(here)
    try:
        value: Any = importlib.import_module(module_name)
    except Exception as error:  # the module is the user's: whatever it raises is said in one line
        raise SettingsError(f'"{text}": {module_name} cannot be imported ({type(error).__name__}: {error})') from error
    finally:
        if added:
            sys.path.remove(here)
    for part in name.split("."):
        if not hasattr(value, part):
            raise SettingsError(f'"{text}": {module_name} has no {name}')
        value = getattr(value, part)
    return value


def entry_points(group: Group) -> Iterable[EntryPoint]:
    """What installed packages declare in a group."""
    from importlib import metadata  # reads mail headers, and what that takes: only where somebody asks

    return metadata.entry_points(group=group)


def _load(point: EntryPoint, group: Group) -> Any:
    try:
        return point.load()
    except Exception as error:  # another package's code: whatever it raises is said in one line
        raise SettingsError(
            f'{group}: "{point.name}" ({point.value}) cannot be loaded ({type(error).__name__}: {error})'
        ) from error
