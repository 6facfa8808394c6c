"""Arguments of public functions are held against their types at the door: a wrong one is an error of ours.

`@checked` reads the annotations of a function when it is first called; it knows classes, unions, `Literal`, and the
outside of containers (`Mapping[str, int]` is a mapping). What it does not know it lets pass. Names of arguments, and
how many there are, are Python's own business.
"""

from __future__ import annotations

import inspect
import math
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache, wraps
from numbers import Integral, Real
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, ParamSpec, TypeVar, Union, get_args, get_origin

from ehrxqa.errors import EhrxqaError, SettingsError
from ehrxqa.files import file_fault

__all__ = ["checked"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


def checked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A public function that refuses arguments of a wrong type.

    >>> @checked
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> double("2")
    Traceback (most recent call last):
    ehrxqa.errors.SettingsError: double: number must be a whole number, not str

    Raises:
        SettingsError: An argument is of none of the types that its annotation names, or cannot name a file; says which.
        BuildError: The operating system lets a file or folder not be used; says which.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        given = signature.bind(*args, **kwargs).arguments
        hints = _hints(function)
        for name, value in given.items():
            hint = hints.get(name, Any)
            if not _fits(value, hint):
                named = getattr(function, "__name__", "ehrxqa")
                raise SettingsError(f"{named}: {name} must be {_words(hint)}, not {_shown(value)}")
            if _may_be_path(hint) and isinstance(value, str | os.PathLike) and not _is_path(value):
                raise SettingsError(f"{name}: {str(value)!a:.60} cannot name a file")
        try:
            return function(*args, **kwargs)
        except OSError as error:  # an unreadable folder, a name that is too long: the machine's, and no fault of ours
            fault = None if isinstance(error, EhrxqaError) else file_fault(error)
            if fault is None:
                raise
            raise fault from error

    return call


@cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """Types by argument; those that are written with names for type checkers alone are left out."""
    found = {}
    names = vars(sys.modules[function.__module__])
    for name, parameter in inspect.signature(function).parameters.items():
        hint = parameter.annotation
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or hint is parameter.empty:
            continue
        try:
            found[name] = eval(hint, names) if isinstance(hint, str) else hint  # our own annotations
        except (NameError, TypeError):
            continue
    return found


def _may_be_path(hint: Any) -> bool:
    return hint is Path or any(one is Path for one in get_args(hint))


def _is_path(value: str | os.PathLike[str]) -> bool:
    """Whether a text can be the name of a file at all: without NUL, and in the characters of the file system."""
    try:
        return b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def _fits(value: Any, hint: Any) -> bool:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in get_args(hint))
    if origin is Literal:  # which value it is, the function itself says better
        return any(type(value) is type(one) for one in get_args(hint))
    kind = origin or hint
    if kind is None or kind is NoneType:
        return value is None
    if kind is Path:
        return isinstance(value, os.PathLike)
    if kind is int:
        return isinstance(value, Integral) and not isinstance(value, bool)
    if kind is float:  # no limit, share or price of ours may be nan or inf
        return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)
    if kind is Any or not isinstance(kind, type):
        return True
    if getattr(kind, "_is_protocol", False):
        return not getattr(kind, "_is_runtime_protocol", False) or isinstance(value, kind)
    # a text is a sequence of texts to Python, and to nobody else
    return isinstance(value, kind) and not (isinstance(value, str) and kind is not str and kind is not object)


def _shown(value: Any) -> str:
    """What was given: a number that is none, or the type of anything else."""
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else type(value).__name__


_WORDS: Final[dict[Any, str]] = {
    str: "a text",
    Path: "a path",
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    Mapping: "a mapping",
    dict: "a mapping",
    Collection: "a list",
    Iterable: "a list",
    Sequence: "a list",
    list: "a list",
    tuple: "a tuple",
    Callable: "a function",
}


def _words(hint: Any) -> str:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        words = list(dict.fromkeys(_words(one) for one in get_args(hint)))
        return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
    if origin is Literal:
        return " or ".join(map(repr, get_args(hint)))
    kind = origin or hint
    if kind is None or kind is NoneType:
        return "None"
    return _WORDS.get(kind, getattr(kind, "__name__", str(kind)))
