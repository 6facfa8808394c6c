"""Source files as bytes, inflated if need be; what is wrong with a file is said in one line."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from isal import igzip, isal_zlib

from ehrxqa.errors import SourceError

__all__ = ["open_bytes"]


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, inflating it if its name ends in `.gz`.

    Raises:
        SourceError: It cannot be opened, or what is read from it is damaged.
    """
    try:
        with open(path, "rb") as raw:  # noqa: PTH123
            if path.name.endswith(".gz"):
                with igzip.IGzipFile(fileobj=raw, mode="rb") as inflated:  # type: ignore[no-untyped-call]
                    yield cast(IO[bytes], inflated)
            else:
                yield raw
    except EOFError as error:
        raise SourceError("is cut off before its end (gzip); download it again", path=path) from error
    except (isal_zlib.error, zlib.error, igzip.BadGzipFile) as error:  # type: ignore[misc]
        raise SourceError("is not a sound gzip file; download it again", path=path) from error
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror or error})", path=path) from error
