"""The bounding boxes of a few images, in pixels of the pictures themselves: for eyes, not for the build.

The build needs the widths of four objects in the 224 frame only; a reader wants to see where things are. Scene graphs
hold up to 36 boxes of an image, and the file checked by hand those of its images; both also give them in pixels of
the picture as MIMIC-CXR-JPG holds it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import msgspec

from ehrxqa.errors import SourceError
from ehrxqa.sources.chest_imagenome import DROPPED_OBJECT, image_id_of
from ehrxqa.sources.scene_graphs import Member, contents, decoded
from ehrxqa.sources.table_stream import stream_table
from ehrxqa.sources.tree import SourceTree

__all__ = ["ImageBox", "read_gold_image_boxes", "read_graph_image_boxes"]


@dataclass(frozen=True, slots=True)
class ImageBox:
    """Where an object is.

    Attributes:
        object: Its name.
        x1, y1, x2, y2: Left, top, right and bottom edge, in pixels of the picture.
    """

    object: str
    x1: float
    y1: float
    x2: float
    y2: float


class _Object(msgspec.Struct, gc=False):
    bbox_name: str
    original_x1: float | None = None
    original_y1: float | None = None
    original_x2: float | None = None
    original_y2: float | None = None


class _Graph(msgspec.Struct):
    image_id: str
    objects: list[_Object]


def read_graph_image_boxes(member: Member) -> tuple[ImageBox, ...]:
    """The boxes of one scene graph, in the order of the JSON; one without its place in the picture is left out.

    Raises:
        SourceError: The graph is damaged or not in the documented form.
    """
    _, content = next(contents([member]))
    try:
        graph = decoded(msgspec.json.Decoder(_Graph, strict=False), content)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SourceError(
            f"{member.name}: is not a scene graph in the documented form ({error})", path=member.path
        ) from error
    return tuple(
        _ordered(found.bbox_name, found.original_x1, found.original_y1, found.original_x2, found.original_y2)
        for found in graph.objects
        if found.bbox_name != DROPPED_OBJECT
        and found.original_x1 is not None
        and found.original_y1 is not None
        and found.original_x2 is not None
        and found.original_y2 is not None
    )


def read_gold_image_boxes(tree: SourceTree, image_ids: Collection[str]) -> dict[str, tuple[ImageBox, ...]]:
    """The boxes checked by hand of some images, in file order; images without any are left out.

    Raises:
        SourceError: The file is missing, damaged or of another release, or a box is not four numbers.
    """
    path = tree.locate("gold_boxes")
    found: dict[str, list[ImageBox]] = {}
    columns = ["image_id", "bbox_name", "coord_original"]
    for batch in stream_table(tree, "gold_boxes", columns):
        if "coord_original" not in batch.schema.names:
            return {}
        images, names, places = (batch[column] for column in columns)
        wanted = {
            code: image_id
            for code, text in enumerate(images.dictionary.to_pylist())
            if (image_id := image_id_of(text)) in image_ids
        }
        texts, objects = places.dictionary.to_pylist(), names.dictionary.to_pylist()
        for image, name, place in zip(
            images.indices.to_pylist(), names.indices.to_pylist(), places.indices.to_pylist(), strict=True
        ):
            if image not in wanted or place is None or objects[name] == DROPPED_OBJECT:
                continue
            try:
                x1, y1, x2, y2 = (float(part) for part in texts[place].strip().strip("[]").split(","))
            except ValueError as error:
                raise SourceError("a coord_original is not [x1, y1, x2, y2]", path=path) from error
            found.setdefault(wanted[image], []).append(_ordered(objects[name], x1, y1, x2, y2))
    return {image_id: tuple(boxes) for image_id, boxes in found.items()}


def _ordered(name: str, x1: float, y1: float, x2: float, y2: float) -> ImageBox:
    """A box whose edges are in order; boxes drawn by hand may have them swapped."""
    return ImageBox(name, min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
