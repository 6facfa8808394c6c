"""Scene graphs of Chest ImaGenome, and its two gold files, from studies, chests and reports."""

from __future__ import annotations

import numpy as np

from ehrxqa.hospital.anatomy import FRAME, Chest
from ehrxqa.hospital.boxes import Box, boxes_of
from ehrxqa.hospital.clock import utc_text
from ehrxqa.hospital.life import Subject
from ehrxqa.hospital.ontology import ATTRIBUTES, BOXES, CATEGORY_OF, umls_id
from ehrxqa.hospital.reports import Sentence
from ehrxqa.hospital.studies import Image, Study

__all__ = ["gold_box_rows", "gold_rows", "graph_boxes", "original_box", "scene_graph"]

_ATTRIBUTE_ID = {name: f"A{number:04d}" for number, name in enumerate(ATTRIBUTES, 1)}
_UMLS = {name: umls_id(name) for name in BOXES}


def original_box(box: Box, rows: int, columns: int) -> Box:
    """A box of the 224 frame in pixels of the image.

    The frame is the image padded to a square, the image in the middle, and resized to 224 × 224.
    """
    side = max(rows, columns)
    left, top = (side - columns) // 2, (side - rows) // 2
    scale = side / FRAME
    x1, y1, x2, y2 = box
    return (
        min(max(round(x1 * scale) - left, 0), columns),
        min(max(round(y1 * scale) - top, 0), rows),
        min(max(round(x2 * scale) - left, 0), columns),
        min(max(round(y2 * scale) - top, 0), rows),
    )


def graph_boxes(rng: np.random.Generator, chest: Chest, image: Image) -> dict[str, Box]:
    """The boxes a scene graph lists: all 36, or a few less where the detector missed some."""
    boxes = boxes_of(chest)
    if image.graph == "partial":
        for missing in rng.choice(len(BOXES), int(rng.integers(1, 4)), replace=False).tolist():
            del boxes[BOXES[missing]]
    return boxes


def scene_graph(
    subject: Subject, study: Study, image: Image, boxes: dict[str, Box], report: tuple[Sentence, ...]
) -> dict[str, object]:
    """The scene graph of one frontal image, ready for JSON."""
    return {
        "image_id": image.image_id,
        "viewpoint": image.view,
        "patient_id": subject.subject_id,
        "study_id": study.study_id,
        "gender": subject.gender,
        "age_decile": f"{subject.age // 10 * 10}-{subject.age // 10 * 10 + 10}",
        "reason_for_exam": study.reason,
        "StudyOrder": study.order,
        "StudyDateTime": utc_text(image.time // 1000),
        "objects": [_object(image, name, box) for name, box in boxes.items()],
        "attributes": _locations(image, study, boxes, report),
        "relationships": _relationships(image, study, boxes, report),
    }


def _object(image: Image, name: str, box: Box) -> dict[str, object]:
    x1, y1, x2, y2 = box
    ox1, oy1, ox2, oy2 = original_box(box, image.rows, image.columns)
    return {
        "object_id": f"{image.image_id}_{name}",
        "x1": x1,
        "y1": y1,
        "x2": x2,
        "y2": y2,
        "width": x2 - x1,
        "height": y2 - y1,
        "bbox_name": name,
        "synsets": [_UMLS[name]],
        "name": name.title(),
        "original_x1": ox1,
        "original_y1": oy1,
        "original_x2": ox2,
        "original_y2": oy2,
        "original_width": ox2 - ox1,
        "original_height": oy2 - oy1,
    }


def _labels(sentence: Sentence) -> list[str]:
    """The statements of a sentence as `category|yes or no|label`, with the verdict at the end."""
    labels = [f"{CATEGORY_OF[a]}|{'yes' if present else 'no'}|{a}" for a, present in sentence.statements]
    present = any(present for _, present in sentence.statements)
    return [*labels, f"nlp|yes|{'abnormal' if present else 'normal'}"]


def _locations(
    image: Image, study: Study, boxes: dict[str, Box], report: tuple[Sentence, ...]
) -> list[dict[str, object]]:
    by_place: dict[str, list[tuple[int, Sentence]]] = {}
    for position, sentence in enumerate(report):
        for place in sentence.places:
            by_place.setdefault(place, []).append((position, sentence))
    locations = []
    for place, told in by_place.items():
        sentences = [sentence for _, sentence in told]
        labels = [_labels(sentence) for sentence in sentences]
        entry: dict[str, object] = {
            place: True,
            "bbox_name": place,
            "synsets": [umls_id(place)] if place != "unknown" else [],
            "name": place.title(),
            "attributes": labels,
            "attributes_ids": [[_ATTRIBUTE_ID.get(text.rsplit("|", 1)[1], "") for text in row] for row in labels],
            "phrases": [sentence.text for sentence in sentences],
            "phrase_IDs": [f"{study.study_id}|{position}" for position, _ in told],
            "sections": [sentence.section for sentence in sentences],
            "comparison_cues": [[f"comparison|yes|{w}" for w in s.comparison] for s in sentences],
            "temporal_cues": [[f"temporal|yes|{w}" for w in s.temporal] for s in sentences],
            "severity_cues": [[f"severity|yes|{w}" for w in s.severity] for s in sentences],
            "texture_cues": [[f"texture|yes|{w}" for w in s.texture] for s in sentences],
        }
        if place in boxes:
            entry["object_id"] = f"{image.image_id}_{place}"
        locations.append(entry)
    return locations


def _relationships(
    image: Image, study: Study, boxes: dict[str, Box], report: tuple[Sentence, ...]
) -> list[dict[str, object]]:
    """Comparisons with the study before; the earlier image is named by its study only."""
    found: list[dict[str, object]] = []
    for position, sentence in enumerate(report):
        for word in sentence.comparison if study.order > 1 else ():
            for place in sentence.places:
                if place in boxes:
                    found.append(
                        {
                            "relationship_id": f"{image.image_id}|{position}|{place}|{word}",
                            "predicate": f"['{word.title()}']",
                            "synsets": [],
                            "relationship_names": [f"comparison|yes|{word}"],
                            "relationship_contexts": [1.0],
                            "phrase": sentence.text,
                            "subject_id": f"{image.image_id}_{place}",
                            "object_id": f"{study.study_id}_previous_{place}",
                        }
                    )
    return found


def gold_rows(subject: Subject, study: Study, image: Image, report: tuple[Sentence, ...]) -> list[tuple[object, ...]]:
    """Rows of the gold attribute file: the statements of the final report, checked by hand.

    Columns: patient_id, study_id, image_id, row_id, section, sentence, bbox, relation, label_name, categoryID.
    """
    rows: list[tuple[object, ...]] = []
    for position, sentence in enumerate(report):
        if sentence.section != "finalreport":
            continue
        head = (subject.subject_id, study.study_id, f"{image.image_id}.dcm", f"{study.study_id}|{position}")
        for place in sentence.places:
            for label in _labels(sentence):
                category, relation, name = label.split("|")
                told = (sentence.section, sentence.text, place, int(relation == "yes"), name, category)
                rows.append((*head, *told))
    return rows


def gold_box_rows(rng: np.random.Generator, chest: Chest, image: Image) -> list[tuple[object, ...]]:
    """Rows of the gold box file: the boxes drawn by hand, a pixel or so from the detected ones."""
    boxes = boxes_of(chest)
    moves = rng.integers(-1, 2, (len(boxes), 4)).tolist()
    rows: list[tuple[object, ...]] = []
    for (name, box), move in zip(boxes.items(), moves, strict=True):
        x1, y1, x2, y2 = (min(max(v + d, 0), FRAME - 1) for v, d in zip(box, move, strict=True))
        own = original_box((x1, y1, x2, y2), image.rows, image.columns)
        rows.append((f"{image.image_id}.dcm", name, str([x1, y1, x2, y2]), str(list(own))))
    return rows
