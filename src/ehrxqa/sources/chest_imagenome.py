"""What Chest ImaGenome says: statements about images, and bounding boxes.

The silver part comes from the two tabular files if both are there, else from the scene graphs
(`scene_graphs.py`); the gold part from its own two files. Either way the same two values come out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ehrxqa.errors import SourceError
from ehrxqa.json_files import read_json, read_text
from ehrxqa.sources.dictionary_codes import Vocabulary
from ehrxqa.sources.table_stream import concatenate, stream_table
from ehrxqa.sources.tree import SourceTree

__all__ = [
    "BOX_TYPES",
    "SIZE_OBJECTS",
    "STATEMENT_TYPES",
    "Boxes",
    "Parts",
    "Semantics",
    "Statements",
    "append",
    "image_id_of",
    "joined",
    "read_gold_boxes",
    "read_gold_statements",
    "read_semantics",
    "read_tabular_boxes",
    "read_tabular_statements",
    "sentence_position",
]

#: The four objects whose widths give the cardiothoracic and mediastinal-thoracic ratios.
SIZE_OBJECTS = ("left lung", "right lung", "cardiac silhouette", "upper mediastinum")

#: Rows that never take part: the category of plain "normal"/"abnormal", and boxes nobody could place.
DROPPED_CATEGORY = "nlp"
DROPPED_OBJECT = "unknown"


@dataclass
class Statements:
    """One entry per statement about an image, in file order, as parallel arrays of codes.

    Attributes:
        image: Number of the image in `images`.
        study: study_id.
        sentence: Position of the sentence in the report (float64, NaN: none).
        object, label, category: Numbers in the vocabularies.
        relation: 1 stated present, 0 stated absent.
    """

    image: npt.NDArray[np.int32]
    study: npt.NDArray[np.int64]
    sentence: npt.NDArray[np.float64]
    object: npt.NDArray[np.int32]
    relation: npt.NDArray[np.int8]
    label: npt.NDArray[np.int32]
    category: npt.NDArray[np.int32]
    images: Vocabulary
    objects: Vocabulary
    labels: Vocabulary
    categories: Vocabulary

    def __len__(self) -> int:
        return len(self.image)


@dataclass
class Boxes:
    """One entry per bounding box, in file order, as parallel arrays; pixels of the 224 × 224 frame.

    Attributes:
        image, name: Numbers in the vocabularies.
        x1, x2: Left and right edge as written (float64, NaN: none); a gold box may have them swapped.
        width: As written (float64, NaN: none); absent for gold boxes.
    """

    image: npt.NDArray[np.int32]
    name: npt.NDArray[np.int32]
    x1: npt.NDArray[np.float64]
    x2: npt.NDArray[np.float64]
    width: npt.NDArray[np.float64]
    images: Vocabulary
    names: Vocabulary


_DICOM_SUFFIX = re.compile(".dcm")


def image_id_of(text: str) -> str:
    """An image id without the `.dcm` that some files append (as the official pattern, any character before `dcm`).

    >>> image_id_of("1a-2b.dcm")
    '1a-2b'
    """
    return _DICOM_SUFFIX.sub("", text)


def sentence_position(row_id: str) -> float:
    """Position of the sentence in the report: what follows the last `|` of a row id.

    >>> sentence_position("54163501|3")
    3.0
    """
    return float(row_id.rpartition("|")[2])


#: Column → its parts, as they were read.
Parts = dict[str, list[npt.NDArray[Any]]]

#: Column → how it is held.
STATEMENT_TYPES: Final = {
    "image": np.int32,
    "study": np.int64,
    "sentence": np.float64,
    "object": np.int32,
    "relation": np.int8,
    "label": np.int32,
    "category": np.int32,
}
BOX_TYPES: Final = {"image": np.int32, "name": np.int32, "x1": np.float64, "x2": np.float64, "width": np.float64}


def append(parts: Parts, **columns: npt.NDArray[Any]) -> None:
    """Add a part to each of the columns."""
    for name, values in columns.items():
        parts[name].append(values)


def joined(parts: Parts, types: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """The parts of each column as one array; they are given up on the way, so that no more is held twice."""
    return {name: concatenate(parts.pop(name), kind) for name, kind in types.items()}


def _read_statements(tree: SourceTree, key: str, wanted: Callable[[str], bool]) -> Statements:
    images, objects, labels, categories = Vocabulary(image_id_of), Vocabulary(), Vocabulary(), Vocabulary()
    position_of: dict[str, float] = {}
    parts: Parts = {name: [] for name in STATEMENT_TYPES}
    keep_image = np.empty(0, dtype=bool)
    path = tree.locate(key)
    rows = 0
    for batch in stream_table(tree, key):
        image = images.encode(batch["image_id"])
        fresh = np.fromiter(map(wanted, images.texts[len(keep_image) :]), dtype=bool)
        keep_image = np.append(keep_image, fresh)
        object_code = objects.encode(batch["bbox"])
        category = categories.encode(batch["categoryID"])
        relation = batch["relation"].to_numpy()
        if ((relation != 0) & (relation != 1)).any():
            row = rows + int(np.flatnonzero((relation != 0) & (relation != 1))[0]) + 1
            raise SourceError(f"data row {row:,}: relation is neither 0 nor 1", path=path)
        keep = keep_image[image]
        keep &= category != categories.find(DROPPED_CATEGORY)
        keep &= object_code != objects.find(DROPPED_OBJECT)
        row_ids = batch["row_id"]
        table = np.empty(len(row_ids.dictionary), dtype=np.float64)
        for place, text in enumerate(row_ids.dictionary.to_pylist()):
            known = position_of.get(text)
            if known is None:
                try:
                    known = position_of.setdefault(text, sentence_position(text))
                except ValueError as error:
                    raise SourceError("a row_id does not end in |sentence position", path=path) from error
            table[place] = known
        position_of.clear()
        sentence = table[row_ids.indices.to_numpy()]
        append(
            parts,
            image=image[keep],
            study=batch["study_id"].to_numpy()[keep],
            sentence=sentence[keep],
            object=object_code[keep],
            relation=relation.astype(np.int8)[keep],
            label=labels.encode(batch["label_name"])[keep],
            category=category[keep],
        )
        rows += batch.num_rows
    return Statements(
        **joined(parts, STATEMENT_TYPES),
        images=images,
        objects=objects,
        labels=labels,
        categories=categories,
    )


def read_tabular_statements(tree: SourceTree, wanted: Callable[[str], bool]) -> Statements:
    """Silver statements from `attribute_relations_tabular.txt`.

    Args:
        tree: The sources.
        wanted: Says of an image id whether its statements are of use; the others are not kept.
    """
    return _read_statements(tree, "attribute_relations_tabular", wanted)


def read_gold_statements(tree: SourceTree) -> tuple[Statements, list[int]]:
    """Gold statements, and the gold subjects in order of first appearance."""
    subjects: dict[int, None] = {}
    for batch in stream_table(tree, "gold_attributes", ["patient_id"]):
        subjects.update(dict.fromkeys(batch["patient_id"].to_pylist()))
    return _read_statements(tree, "gold_attributes", lambda _: True), list(subjects)


def read_tabular_boxes(tree: SourceTree) -> Boxes:
    """Silver boxes from `bbox_objects_tabular.txt`; the image id is what precedes `_` in the object id."""
    images, names = Vocabulary(), Vocabulary()
    path = tree.locate("bbox_objects_tabular")
    parts: Parts = {name: [] for name in BOX_TYPES}
    for batch in stream_table(tree, "bbox_objects_tabular", as_text=["object_id"]):
        image_ids = _image_ids_of_objects(batch["object_id"], batch["bbox_name"].cast(pa.utf8()))
        if image_ids is None:
            raise SourceError("an object_id is not <image_id>_<bbox_name>", path=path)
        parts["image"].append(images.encode(image_ids.dictionary_encode()))
        parts["name"].append(names.encode(batch["bbox_name"]))
        for column in ("x1", "x2", "width"):
            parts[column].append(batch[column].to_numpy(zero_copy_only=False))
    return Boxes(**joined(parts, BOX_TYPES), images=images, names=names)


def _image_ids_of_objects(object_ids: Any, names: Any) -> Any:
    """What precedes the first `_` of each object id; None if what follows is not the box's name."""
    place = pc.find_substring(object_ids, "_")
    first = place[0].as_py() if len(place) else 0
    if pc.all(pc.equal(place, first)).as_py():  # ids of one length, as everywhere in MIMIC: cut whole columns
        image_ids = pc.utf8_slice_codeunits(object_ids, 0, first)
        suffixes = pc.utf8_slice_codeunits(object_ids, first + 1)
    else:
        parts = [text.partition("_") for text in object_ids.to_pylist()]
        image_ids = pa.array([part[0] for part in parts], pa.utf8())
        suffixes = pa.array([part[2] for part in parts], pa.utf8())
    return image_ids if pc.all(pc.equal(suffixes, names)).as_py() else None


def read_gold_boxes(tree: SourceTree) -> Boxes:
    """Gold boxes; `coord224` is the text `[x1, y1, x2, y2]`.

    Raises:
        SourceError: A box is not four numbers.
    """
    images, names = Vocabulary(image_id_of), Vocabulary()
    path = tree.locate("gold_boxes")
    image: list[int] = []
    name: list[int] = []
    edges: list[tuple[float, float]] = []
    for batch in stream_table(tree, "gold_boxes"):
        image.extend(images.encode(batch["image_id"]).tolist())
        name.extend(names.encode(batch["bbox_name"]).tolist())
        coordinates = [_edges(text, path) for text in batch["coord224"].dictionary.to_pylist()]
        edges.extend(coordinates[index] for index in batch["coord224"].indices.to_pylist())
    x = np.asarray(edges, dtype=np.float64).reshape(-1, 2)
    return Boxes(
        image=np.asarray(image, dtype=np.int32),
        name=np.asarray(name, dtype=np.int32),
        x1=x[:, 0],
        x2=x[:, 1],
        width=np.full(len(x), np.nan),
        images=images,
        names=names,
    )


def _edges(text: str, path: Path) -> tuple[float, float]:
    try:
        x1, _, x2, _ = (float(part) for part in text.strip().strip("[]").split(","))
    except ValueError as error:
        raise SourceError("a coord224 is not [x1, y1, x2, y2]", path=path) from error
    return x1, x2


@dataclass(frozen=True)
class Semantics:
    """The three files of `semantics/` as they are.

    Attributes:
        objects: Object names in file order.
        attributes: (category, attribute) in file order, all categories.
        all_children: Name → names below it, in file order.
        possible_attribute_of: Attribute → objects where it may occur, in file order.
    """

    objects: tuple[str, ...]
    attributes: tuple[tuple[str, str], ...]
    all_children: dict[str, list[str]]
    possible_attribute_of: dict[str, list[str]]


def _lines(path: Path) -> Iterable[str]:
    return (line.strip().replace(",", "") for line in read_text(path, fault=SourceError).splitlines())


def read_semantics(tree: SourceTree) -> Semantics:
    """Read the ontology files; commas are dropped and lines stripped.

    Raises:
        SourceError: A file is missing or not in its form.
    """
    path = tree.locate("attribute_list")
    attributes = []
    for number, line in enumerate(_lines(path), 1):
        parts = line.split("|")
        if len(parts) != 3:
            raise SourceError("expected category|relation|attribute", path=path, line=number)
        attributes.append((parts[0], parts[2]))
    path = tree.locate("ontology")
    ontology = read_json(path, fault=SourceError)
    try:
        children = {name: list(below) for name, below in ontology["all_children"].items()}
        places = {name: list(objects) for name, objects in ontology["possible_attribute_of"].items()}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        message = "is not the expected JSON object with all_children and possible_attribute_of"
        raise SourceError(message, path=path) from error
    return Semantics(tuple(_lines(tree.locate("object_list"))), tuple(attributes), children, places)
