"""The sentences of reports, with what each states: of a few images, never of all.

They are the text of patients' reports: they are given to the caller and kept nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ehrxqa.errors import SourceError
from ehrxqa.sources.chest_imagenome import DROPPED_CATEGORY, DROPPED_OBJECT, image_id_of, sentence_position
from ehrxqa.sources.scene_graphs import Member, contents, decoded, find_members
from ehrxqa.sources.table_stream import stream_table
from ehrxqa.sources.tree import SourceTree

__all__ = ["Statement", "read_gold_sentences", "read_graph_sentences"]


@dataclass(frozen=True, slots=True)
class Statement:
    """That a sentence of a report states something about one location.

    Attributes:
        object, attribute: What it is about.
        relation: 1 stated present, 0 stated absent.
        sentence: Position of the sentence in the report, from 0.
        text: The sentence; None if the source has none.
    """

    object: str
    attribute: str
    relation: int
    sentence: float
    text: str | None


class _Location(msgspec.Struct):
    bbox_name: str
    attributes: list[list[str]]
    phrase_IDs: list[str]  # noqa: N815 (the name in the file)
    phrases: list[str] | None = None


class _Graph(msgspec.Struct):
    image_id: str
    study_id: int
    attributes: list[_Location]


def read_graph_sentences(
    path: Path, studies: Mapping[str, int], members: Mapping[str, Member] | None = None
) -> dict[str, list[Statement]]:
    """What the scene graphs of some images state, in the order of the JSON.

    Args:
        path: The zip file of the scene graphs, or their folder; of a zip file only these graphs are inflated.
        studies: Study of each image, by image id.
        members: Graphs of these and other images, if they were looked for before.

    Returns:
        Statements by image id; an image without a graph is left out.

    Raises:
        SourceError: A graph is damaged, not in the documented form, or of another study.
    """
    decoder = msgspec.json.Decoder(_Graph, strict=False)
    if members is None:
        members = find_members(path, studies)
    image_of = {members[image_id].name: image_id for image_id in studies if image_id in members}
    found = {}
    for member, content in contents([members[image_id] for image_id in image_of.values()]):
        where = f"{member.name}: " if member.offset >= 0 else ""
        image_id = image_of[member.name]
        try:
            graph = decoded(decoder, content)
            statements = list(_statements(graph))
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            # the error of the decoder names a place in the JSON, never a value of it
            message = f"{where}is not a scene graph in the documented form ({error})"
            raise SourceError(message, path=member.path) from error
        if (image_id_of(graph.image_id), graph.study_id) != (image_id, studies[image_id]):
            raise SourceError(f"{where}is of another image or study than its name says", path=member.path)
        found[image_id] = statements
    return found


def _statements(graph: _Graph) -> Iterator[Statement]:
    for location in graph.attributes:
        texts = location.phrases
        if len(location.attributes) != len(location.phrase_IDs):
            raise ValueError("attributes and phrase_IDs differ in length")
        if texts is not None and len(texts) != len(location.phrase_IDs):
            raise ValueError("phrases and phrase_IDs differ in length")
        if location.bbox_name == DROPPED_OBJECT:
            continue
        for number, (strings, phrase) in enumerate(zip(location.attributes, location.phrase_IDs, strict=True)):
            for string in strings:
                parts = string.split("|")
                if len(parts) != 3:
                    raise ValueError("an attribute is not category|yes or no|label")
                category, said, attribute = parts
                if category != DROPPED_CATEGORY:
                    text = None if texts is None else texts[number]
                    position = _position(phrase)
                    yield Statement(location.bbox_name, attribute, int(said == "yes"), position, text)


def _position(row_id: str) -> float:
    try:
        return sentence_position(row_id)
    except ValueError:
        raise ValueError("a phrase_ID does not end in |sentence position") from None


def read_gold_sentences(tree: SourceTree, image_ids: Collection[str]) -> dict[str, list[Statement]]:
    """What the file checked by hand states about some images, in file order; it is small and read whole.

    Returns:
        Statements by image id, empty for an image that the file does not name. Without a column `sentence` the texts
        are None.

    Raises:
        SourceError: The file is missing, damaged, or of another release.
    """
    found: dict[str, list[Statement]] = {image_id: [] for image_id in image_ids}
    columns = ["image_id", "row_id", "sentence", "bbox", "relation", "label_name", "categoryID"]
    for batch in stream_table(tree, "gold_attributes", columns):
        images = {
            code: image_id
            for code, text in enumerate(batch["image_id"].dictionary.to_pylist())
            if (image_id := image_id_of(text)) in found
        }
        codes = batch["image_id"].indices.to_pylist()
        for row in [number for number, code in enumerate(codes) if code in images]:
            of_row = {name: batch[name][row].as_py() for name in columns if name in batch.schema.names}
            if of_row["categoryID"] == DROPPED_CATEGORY or of_row["bbox"] == DROPPED_OBJECT:
                continue
            try:
                position = sentence_position(of_row["row_id"])
            except ValueError as error:
                path = tree.locate("gold_attributes")
                raise SourceError("a row_id does not end in |sentence position", path=path) from error
            found[images[codes[row]]].append(
                Statement(of_row["bbox"], of_row["label_name"], of_row["relation"], position, of_row.get("sentence"))
            )
    return found
