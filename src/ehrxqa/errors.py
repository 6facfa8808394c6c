"""What can go wrong, as a tree of exceptions.

::

    EhrxqaError
    ├── SettingsError    an option or argument does not make sense            (also ValueError)
    │   └── MissingError a database or folder that is named is not there
    ├── SourceError      a source file is missing, damaged or of another release (also ValueError)
    ├── BuildError       labels or databases cannot be built or written       (also RuntimeError)
    ├── RecordError      a question or answer file is not what it should be   (also ValueError)
    ├── NeuralSqlError   a NeuralSQL query cannot be understood or run        (also ValueError)
    ├── VqaError         an image question or its answer is not understood    (also ValueError)
    └── EndpointError    a language model's endpoint refuses or fails         (also RuntimeError)

Every message is one line that names the file, row or option, and what to do. Facts are kept as
attributes where a caller may want them. Patient rows never appear in a message.
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "BuildError",
    "EhrxqaError",
    "EndpointError",
    "MissingError",
    "NeuralSqlError",
    "RecordError",
    "SettingsError",
    "SourceError",
    "VqaError",
]


class EhrxqaError(Exception):
    """Base of all errors a user can mend; the command line prints it without a traceback."""


class SettingsError(EhrxqaError, ValueError):
    """An option, argument or combination of them does not make sense."""


class MissingError(SettingsError):
    """A database or folder that is named is not there; the command is right, so its exit status is 1, as for files."""


class SourceError(EhrxqaError, ValueError):
    """A source file is missing, damaged, or of another release.

    Attributes:
        path: The file, if one is concerned.
        line: The 1-based line in that file, if known.
    """

    def __init__(self, message: str, *, path: Path | str | None = None, line: int | None = None) -> None:
        where = "" if path is None else f"{path}: " if line is None else f"{path}, line {line}: "
        super().__init__(where + message)
        self.path = None if path is None else Path(path)
        self.line = line


class BuildError(EhrxqaError, RuntimeError):
    """Labels or databases cannot be built, written or verified."""


class RecordError(EhrxqaError, ValueError):
    """A question, answer or prediction file is not what it should be."""


class NeuralSqlError(EhrxqaError, ValueError):
    """A NeuralSQL query cannot be understood or run."""


class VqaError(EhrxqaError, ValueError):
    """An image question, or an answer to it, is not understood."""


class EndpointError(EhrxqaError, RuntimeError):
    """The endpoint of a language model refuses, fails, or is not what it should be.

    Attributes:
        status: Of the HTTP answer that refused a request, if that is the reason.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
