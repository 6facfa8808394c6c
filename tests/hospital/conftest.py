"""One small hospital for all tests of this folder, read-only."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from ehrxqa.hospital import SynthReport, synth
from ehrxqa.sources.catalogue import Form, source_file


@dataclass(frozen=True)
class Hospital:
    root: Path
    report: SynthReport

    def path(self, key: str) -> Path:
        file = source_file(key)
        return self.root / file.project.folder / (file.path + (".gz" if file.compressed else ""))

    def text(self, key: str) -> str:
        path = self.path(key)
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return content.decode("utf-8")

    def rows(self, key: str) -> list[dict[str, str]]:
        if key not in self._tables:
            self._tables[key] = self._read(key)
        return self._tables[key]

    @cached_property
    def _tables(self) -> dict[str, list[dict[str, str]]]:
        return {}

    def _read(self, key: str) -> list[dict[str, str]]:
        mark = "\t" if source_file(key).form is Form.TSV else ","
        return list(csv.DictReader(self.text(key).splitlines(), delimiter=mark))

    @cached_property
    def graphs(self) -> list[dict[str, Any]]:
        with zipfile.ZipFile(self.path("scene_graphs")) as archive:
            return [json.loads(archive.read(name)) for name in archive.namelist()]


def tree_hash(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Hospital:
    root = tmp_path_factory.mktemp("hospital") / "tree"
    return Hospital(root, synth(root, subjects=80, images=False, workers=1))


@pytest.fixture(scope="session")
def hashed() -> Callable[[Path], dict[str, str]]:
    return tree_hash
