"""`ehrxqa build --each`: one build for each source tree of a folder, such as one for each hospital."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ehrxqa.building.build import build
from ehrxqa.errors import EhrxqaError, SettingsError
from ehrxqa.progress import SILENT, Progress
from ehrxqa.runs.cluster import Cluster
from ehrxqa.runs.shards import shard_pool
from ehrxqa.sources.release_folder import is_clutter_folder

__all__ = ["BuiltTree", "build_each"]


@dataclass(frozen=True, slots=True)
class BuiltTree:
    """What came of a source tree.

    Attributes:
        name: Of its folder, and of that of its build.
        error: Why there is no build, in a line; None if there is one.
    """

    name: str
    error: str | None


def build_each(
    sources: Path | str,
    out: Path | str,
    *,
    settings: Mapping[str, Any] | None = None,
    workers: int | None = None,
    cluster: Cluster | None = None,
    progress: Progress = SILENT,
) -> list[BuiltTree]:
    """Build each folder below `sources` to the folder of that name below `out`; one that fails does not end the others.

    A tree is one worker's work, which does only what is not done yet; each build is what `build` makes of it alone.

    Args:
        sources: Folder of source trees.
        out: Folder of builds.
        settings: Arguments of `build`, the same for all.
        workers: Processes (default: number of processors), each with a tree of its own.
        cluster: A Dask cluster that builds instead, where its workers have both folders, too.
        progress: Told what happens.

    Returns:
        By name.

    Raises:
        SettingsError: There is no folder below `sources`.
        BuildError: A worker was killed.
    """
    sources, out = Path(sources), Path(out)
    if not sources.is_dir():
        raise SettingsError(f"{sources}: no such folder of source trees")
    names = sorted(path.name for path in sources.iterdir() if path.is_dir() and not is_clutter_folder(path.name))
    if not names:
        raise SettingsError(f"{sources}: holds no folders; each is one source tree for build --each")
    out.mkdir(parents=True, exist_ok=True)
    built = []
    one = partial(_built, sources=sources, out=out, settings=dict(settings or {}))
    with (
        shard_pool(workers, cluster, needs=[sources, out], progress=progress) as pool,
        progress.task("builds", total=len(names), unit="builds") as task,
    ):
        for tree in pool.map(one, names):
            built.append(tree)
            task.advance()
    return built


def _built(name: str, *, sources: Path, out: Path, settings: dict[str, Any]) -> BuiltTree:
    try:
        build(sources / name, out / name, workers=1, progress=SILENT, **settings)
    except EhrxqaError as error:
        return BuiltTree(name, str(error))
    return BuiltTree(name, None)
