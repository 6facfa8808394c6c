"""Which run a folder holds: its name, what it must share with another to be the same, and how it is told."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ehrxqa.errors import SettingsError
from ehrxqa.evaluation.comparing import NULL
from ehrxqa.files import disk_errors
from ehrxqa.models.run_folder import (
    OUTCOMES,
    QUERIES,
    RUN,
    read_run,
    read_scores,
    run_path,
    write_answers,
    write_run,
    write_scores,
)
from ehrxqa.models.run_records import Cost, OutcomeLine, Run, Scores
from ehrxqa.runs.output_folder import exclusive

__all__ = ["default_name", "end_run", "open_run", "told_arguments"]


def told_arguments(given: Mapping[str, Any], function: Callable[..., Any]) -> dict[str, dict[str, Any]]:
    """Arguments of a function as given and as defaulted, as JSON holds them."""
    parameters = inspect.signature(function).parameters.values()
    defaults = {one.name: one.default for one in parameters if one.default is not one.empty}
    arguments: dict[str, Any] = {key: str(value) if isinstance(value, Path) else value for key, value in given.items()}
    arguments |= {
        key: "object" for key in ("parser", "vision") if key in arguments and not isinstance(arguments[key], str)
    }
    if "options" in arguments:
        arguments["options"] = dict(given["options"]) if given["options"] else None
    return {
        "given": {key: value for key, value in arguments.items() if value != defaults.get(key)},
        "defaulted": {key: value for key, value in arguments.items() if value == defaults.get(key)},
    }


def default_name(record: Run, profile: str) -> str:
    """What a run is called that nobody has named: system, vision model, split, subset, and a digest of all settings."""
    words = [record.parser.spec, record.vision.spec, record.split]
    if record.subset.name != "all":
        words.append(record.subset.name)
    name = re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(words)).strip("-.")[:70]
    digest = hashlib.sha256(json.dumps([_identity(record), profile], sort_keys=True).encode()).hexdigest()
    return f"{name}-{digest[:8]}"


@contextmanager
def open_run(
    out: Path, record: Run, *, name: str | None, profile: str, restart: bool
) -> Iterator[tuple[Path, Run, Scores | None]]:
    """Hold the folder of a run below `out`: gives it, the run with its name, and its scores if it is complete.

    A folder that is new goes again if an error comes before there is an answer: an endpoint that was not allowed, or
    does not answer, leaves no run behind.

    Args:
        out: Output folder of a build.
        record: The run.
        name: Its name; one is made of its settings by default.
        profile: Rules of the comparison.
        restart: Throw away what the folder holds.

    Raises:
        SettingsError: The folder holds another run.
        RecordError: Its files are damaged.
        BuildError: Another command holds it, or it cannot be written.
    """
    record = replace(record, id=default_name(record, profile) if name is None else name)
    folder = run_path(out, record.id)
    new = not folder.exists()
    with exclusive(folder) as work:
        if restart:  # only now: what another command is writing is not thrown away
            with disk_errors(folder):
                for path in folder.iterdir():
                    if path != work:
                        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        try:
            yield folder, record, _earlier_scores(folder, record, profile)
        except BaseException:
            if new and not any(_size(folder / file) for file in (QUERIES, OUTCOMES)):
                shutil.rmtree(folder, ignore_errors=True)
            raise


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def end_run(
    folder: Path,
    record: Run,
    used: Cost,
    ids: Iterable[str],
    outcomes: Mapping[tuple[str, int], OutcomeLine],
    scores: Scores,
) -> Run:
    """Write answers, scores and, last, that the run is done; gives it as it is then."""
    write_answers(folder, _first_answers(ids, outcomes))
    write_scores(folder, scores)
    record = replace(record, status="done", used=used)
    write_run(folder, record)
    return record


def _earlier_scores(folder: Path, record: Run, profile: str) -> Scores | None:
    """The scores of this very run, if it is complete; None if it is to be begun or gone on with."""
    if not (folder / RUN).is_file():
        return None
    before = read_run(folder)
    mine, theirs = _identity(record), _identity(before)
    if differing := [key for key in mine if mine[key] != theirs[key]]:
        raise SettingsError(
            f"{folder}: holds another run (it differs in {', '.join(differing)}); choose another --name, or --restart"
        )
    scores = read_scores(folder) if before.status == "done" else None
    return scores if scores is not None and scores.profile == profile else None


def _first_answers(ids: Iterable[str], outcomes: Mapping[tuple[str, int], OutcomeLine]) -> dict[str, Any]:
    """Answers of the first trial, as evaluation reads them."""
    first = {identifier: outcomes[identifier, 0] for identifier in ids}
    return {identifier: line.answer if line.outcome == "answered" else NULL for identifier, line in first.items()}


def _identity(record: Run) -> dict[str, Any]:
    """What two runs must share to be one."""
    return {key: value for key, value in asdict(record).items() if key not in ("id", "status", "used", "arguments")}
