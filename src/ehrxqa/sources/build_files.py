"""Which files a build reads: enough to tell, without reading any, that nothing has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ehrxqa.errors import SourceError
from ehrxqa.sources.catalogue import source_file
from ehrxqa.sources.tree import SourceTree
from ehrxqa.spec.tables import TABLES

__all__ = [
    "DATABASE_SOURCES",
    "FROM_GRAPHS",
    "FROM_TABLES",
    "LABEL_SOURCES",
    "graphs_path",
    "has_tabular_files",
    "silver_files",
]

#: Catalogue keys of the files that the stage of labels always reads.
LABEL_SOURCES: Final = (
    "cxr_metadata",
    "gold_attributes",
    "gold_boxes",
    "attribute_list",
    "object_list",
    "ontology",
    "patients",
)
#: Those of the files that the stage of databases reads.
DATABASE_SOURCES: Final = tuple(table.name for table in TABLES.values() if table.source)

#: Where the silver part of Chest ImaGenome is read from.
FROM_TABLES: Final = "tabular files"
FROM_GRAPHS: Final = "scene graphs"
_TABULAR: Final = ("attribute_relations_tabular", "bbox_objects_tabular")


def silver_files(tree: SourceTree) -> tuple[str, list[Path]]:
    """Where the silver part is read from, `FROM_TABLES` if both are there, and the files.

    Raises:
        SourceError: There are neither tables nor graphs.
    """
    if has_tabular_files(tree):
        return FROM_TABLES, [tree.locate(key) for key in _TABULAR]
    return FROM_GRAPHS, [graphs_path(tree)]


def has_tabular_files(tree: SourceTree) -> bool:
    """Whether both tabular files of the silver part are there; only then are they used."""
    return all(tree.find(source_file(key)) is not None for key in _TABULAR)


def graphs_path(tree: SourceTree) -> Path:
    """The zip file of the scene graphs, or the folder where they lie unpacked.

    Raises:
        SourceError: There is neither.
    """
    packed = source_file("scene_graphs")
    found = tree.find(packed)
    if found is not None:
        return found
    folder = tree.folder(packed.project) / packed.path.removesuffix(".zip")
    if folder.is_dir():
        return folder
    raise SourceError(
        f"{folder}.zip is missing, and so are the two files of silver_dataset/scene_tabular; download "
        f"{packed.project.title} {packed.project.version}, or give its folder with {packed.project.option}"
    )
