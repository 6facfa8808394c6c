"""Trees as programs leave them: the same values are read, or one clear error says which file is wrong and why."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ehrxqa.building.build import build
from ehrxqa.errors import SettingsError, SourceError
from ehrxqa.hospital import as_downloaded, clutter, synth
from ehrxqa.hospital.as_downloaded import HARMLESS, KINDS, leave_clutter
from ehrxqa.sources.build_files import graphs_path
from ehrxqa.sources.catalogue import FILES, Form
from ehrxqa.sources.chest_imagenome import read_semantics
from ehrxqa.sources.found_releases import found_releases
from ehrxqa.sources.scene_graphs import decode_members, list_members
from ehrxqa.sources.table_stream import read_table
from ehrxqa.sources.tree import find_sources

HARMLESS_KINDS = [kind.name for kind in KINDS if not kind.error]
FAULTS = [kind for kind in KINDS if kind.error]


def values(root: Path) -> dict[str, Any]:
    """All that is read from a tree, but for who reads it."""
    tree = find_sources(root)
    tables = (file for file in FILES if file.form in (Form.CSV, Form.TSV) and not file.optional)
    read: dict[str, Any] = {file.key: read_table(tree, file.key).to_pydict() for file in tables}
    for key, columns in read.items():
        read[key] = {name: columns[name] for name in sorted(columns)}
    read["semantics"] = read_semantics(tree)
    read["graphs"] = decode_members(list_members(graphs_path(tree)))
    read["releases"] = {slug: release.version for slug, release in found_releases(tree).items()}
    read["synthetic"] = tree.synthetic
    return read


@pytest.fixture(scope="module")
def right(clean: Path) -> dict[str, Any]:
    return values(clean)


@pytest.mark.parametrize("kinds", [[HARMLESS], *([name] for name in HARMLESS_KINDS)], ids=lambda kinds: kinds[0])
def test_the_same_is_read(twin, right, kinds):
    assert values(twin(*kinds)) == right


@pytest.mark.parametrize("kind", FAULTS, ids=lambda kind: kind.name)
def test_a_fault_is_one_clear_error(twin, tmp_path, kind):
    root = twin(kind.name)
    with pytest.raises(SourceError) as caught:
        build(root, tmp_path / "out", workers=1)
    message = str(caught.value)
    assert kind.error in message
    assert "\n" not in message
    assert str(root) in message or kind.name == "other-checksums"


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("half-unpacked", r"/labevents\.csv and labevents\.csv\.gz .* \(it is the beginning of the other"),
        ("edited-copy", r"\.csv and \w+\.csv\.gz .* \(they differ from byte"),
        ("graphs-twice", r"/scene_graph/\S+ and \S+/scene_graph/scene_graph/\S+ do not hold"),
        ("two-copies", r"/mimic-iv-2\.2: .* in \S+/mimic-iv-2\.2 \(1\), too"),
    ],
)
def test_of_two_copies_that_differ_both_are_named(twin, tmp_path, kind, named):
    with pytest.raises(SourceError, match=named):
        build(twin(kind), tmp_path / "out", workers=1)


def test_half_a_table_is_told_by_whatever_reads_it(twin):
    tree = find_sources(twin("half-unpacked"))
    with pytest.raises(SourceError, match="do not hold the same"):
        read_table(tree, "labevents")


def test_a_table_packed_in_parts_may_lie_beside_the_unpacked_one(clean, tmp_path):
    tree = find_sources(shutil.copytree(clean, tmp_path / "sources"))
    packed = tree.locate("d_labitems")
    data = gzip.decompress(packed.read_bytes())
    packed.with_suffix("").write_bytes(data)
    packed.write_bytes(gzip.compress(data[:100]) + gzip.compress(data[100:]))
    assert tree.locate("d_labitems") == packed.with_suffix("")


def test_the_same_is_left_again_and_after_interruptions(twin, clean, tmp_path, monkeypatch):
    whole = digests(twin(HARMLESS))
    other = shutil.copytree(clean, tmp_path / "other")
    for name, calls in (("_write", 3), ("_drop", 40), ("write_json", 5), ("_drop", 200), ("_move_into", 2)):
        module = as_downloaded if name == "write_json" else clutter
        with monkeypatch.context() as patched:
            patched.setattr(module, name, interrupted_after(calls, getattr(module, name)))
            with pytest.raises(KeyboardInterrupt):
                leave_clutter(other, [HARMLESS], seed=3)
    assert leave_clutter(other, [HARMLESS], seed=3)
    assert digests(other) == whole
    assert not leave_clutter(other, [HARMLESS], seed=3)


def interrupted_after(calls: int, function: Callable[..., None]) -> Callable[..., None]:
    counted = itertools.count()

    def call(*arguments: Any, **named: Any) -> None:
        if next(counted) == calls:
            raise KeyboardInterrupt
        function(*arguments, **named)

    return call


def digests(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob("*")) if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_other_kinds_are_not_left_on_top(twin):
    root = twin("index-pages")
    for kinds in ([], ["unpacked"]):
        with pytest.raises(SettingsError, match="as downloaded, with index-pages; choose another folder"):
            synth(
                root, subjects=60, seed=3, images=False, events_factor=0.05, as_downloaded=kinds, workers=1
            )  # fmt: skip
    with pytest.raises(SettingsError, match="no kind is called 'rust'; there are harmless, unpacked-beside"):
        synth(root, subjects=60, as_downloaded=["rust"])


def test_the_documentation_lists_every_kind():
    page = (Path(__file__).parents[2] / "docs" / "hospital.md").read_text(encoding="utf-8")
    for kind in KINDS:
        said = f"“… {kind.error} …”" if kind.error else "the same"
        assert f"| `{kind.name}` | {kind.left_by} | {said} |" in page, kind.name
