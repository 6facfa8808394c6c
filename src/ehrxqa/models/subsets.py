"""Which questions of a split are asked: all, the first few, a list of ids, or a named subset.

Named subsets are fixed by digests of ids, not by chance or order of the file, so that everybody who has the same
questions asks the same ones.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ehrxqa.counting import counted
from ehrxqa.dataset.placement import Placement
from ehrxqa.errors import RecordError, SettingsError
from ehrxqa.json_files import read_ids
from ehrxqa.models.run_records import Subset
from ehrxqa.spec.scopes import MODALITIES, SCOPES

__all__ = ["choose", "ids_digest", "subset_names"]

_MINI = re.compile(r"mini-([1-9]\d{0,5})")


def subset_names() -> tuple[str, ...]:
    """What may stand behind `--subset`."""
    return ("mini-N", *(name.lower() for name in (*MODALITIES, *SCOPES)))


def choose(
    facts: Mapping[str, Placement],
    *,
    subset: str | None = None,
    ids: Path | None = None,
    limit: int | None = None,
) -> tuple[Subset, tuple[str, ...]]:
    """The questions to ask, in the order of the file.

    Args:
        facts: Id → what the question is about, for all questions of the split.
        subset: `mini-100` (or another number), a modality, or a scope.
        ids: File with a list of ids: JSON, or one per line.
        limit: Keep only the first so many.

    Raises:
        SettingsError: There is no such subset, or nothing is in it.
        RecordError: The file of ids cannot be read, or names a question that is not there.
    """
    if subset is not None and ids is not None:
        raise SettingsError("give either --subset or --ids, not both")
    name, chosen = "all", tuple(facts)
    if subset is not None:
        name, chosen = _named(subset.lower(), facts)
    elif ids is not None:
        name, chosen = "ids", _listed(ids, facts)
    if limit is not None:
        name, chosen = f"{name}, first {limit}", chosen[:limit]
    if not chosen:
        raise SettingsError(f"no question is in the subset {name}")
    return Subset(name, ids_digest(chosen), len(chosen)), chosen


def ids_digest(ids: Sequence[str]) -> str:
    """What fixes a subset: SHA-256 of its ids, one per line."""
    return hashlib.sha256("".join(f"{identifier}\n" for identifier in ids).encode()).hexdigest()


def _named(name: str, facts: Mapping[str, Placement]) -> tuple[str, tuple[str, ...]]:
    if match := _MINI.fullmatch(name):
        order = sorted(facts, key=lambda identifier: hashlib.sha256(identifier.encode()).digest())
        kept = set(order[: int(match[1])])
        return name, tuple(identifier for identifier in facts if identifier in kept)
    if name not in subset_names():
        raise SettingsError(f"subset must be one of {', '.join(subset_names())}, not {name!r}")
    return name, tuple(
        identifier for identifier, fact in facts.items() if name in (fact.scope.lower(), fact.modality.lower())
    )


def _listed(path: Path, facts: Mapping[str, Placement]) -> tuple[str, ...]:
    wanted = read_ids(path)
    if unknown := [identifier for identifier in wanted if identifier not in facts]:
        raise RecordError(
            f"{path}: {counted(len(unknown), 'id is', 'ids are')} not among the questions, the first is "
            f"{unknown[0][:40]}"
        )
    kept = set(wanted)
    return tuple(identifier for identifier in facts if identifier in kept)
