from __future__ import annotations

import json
from collections import defaultdict

import numpy as np

from ehrxqa.hospital.graphs import original_box
from ehrxqa.hospital.life import live
from ehrxqa.hospital.ontology import (
    ATTRIBUTES,
    BOXES,
    CATEGORY_OF,
    OBJECTS,
    PLACES,
    attribute_list_text,
    attribute_parents,
    object_list_text,
    object_parents,
    ontology_json,
)
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.reports import covered
from ehrxqa.hospital.studies import studies_of
from ehrxqa.hospital.vocabulary import finding_kinds

PARALLEL = (
    "attributes", "attributes_ids", "phrases", "phrase_IDs", "sections", "comparison_cues", "temporal_cues",
    "severity_cues", "texture_cues",
)  # fmt: skip
USED = {"anatomicalfinding": 43, "technicalassessment": 5, "disease": 10, "tubesandlines": 12, "device": 6}


def test_semantics_have_the_published_numbers():
    assert len(object_list_text().replace(",", "").split("\n")) - 1 == len(set(OBJECTS)) == 38
    lines = [line.replace(",", "").split("|") for line in attribute_list_text().splitlines()]
    counts = {category: sum(line[0] == category for line in lines) for category in USED}
    assert counts == USED  # 76, `sternotomy wires` twice
    assert [line[2] for line in lines].count("sternotomy wires") == 2
    content = json.loads(ontology_json())
    assert set(content["possible_attribute_of"]) == set(ATTRIBUTES)
    assert all(places and set(places) <= set(OBJECTS) for places in content["possible_attribute_of"].values())
    assert len(BOXES) == len(set(BOXES)) == 36


def test_possible_pairs_are_those_of_the_published_number():
    places = {attribute: list(objects) for attribute, objects in PLACES.items()}
    for objects in places.values():
        for child in _children_in_order():
            for parent in object_parents(child):
                if child in objects and parent not in objects:
                    objects.append(parent)
    for attribute in places:
        for parent in attribute_parents(attribute):
            places[parent] += [place for place in places[attribute] if place not in places[parent]]
    assert sum(len(objects) for objects in places.values()) == 609


def _children_in_order() -> list[str]:
    content = json.loads(ontology_json())["all_children"]
    hila = ["hilar structures", "right hilar structures", "left hilar structures"]
    content["lungs"] += hila
    content["left lung"].append("left hilar structures")
    content["right lung"].append("right hilar structures")
    content["mediastinum"] += ["aortic arch", "svc"]
    parents = [name for name in content if name in OBJECTS]
    return list(dict.fromkeys(child for parent in parents for child in content[parent] if child in OBJECTS))


def test_graphs_have_all_fields(hospital):
    metadata = {row["dicom_id"]: row for row in hospital.rows("cxr_metadata")}
    assert len({graph["image_id"] for graph in hospital.graphs}) == len(hospital.graphs)
    for graph in hospital.graphs:
        row = metadata[graph["image_id"]]
        assert (str(graph["patient_id"]), str(graph["study_id"])) == (row["subject_id"], row["study_id"])
        assert graph["viewpoint"] == row["ViewPosition"] in ("AP", "PA")
        assert graph["StudyDateTime"].replace("-", "").startswith(row["StudyDate"])
        assert {"gender", "age_decile", "reason_for_exam", "StudyOrder", "relationships"} <= graph.keys()
        for entry in graph["attributes"]:
            place = entry["bbox_name"]
            assert entry[place] is True
            assert len({len(entry[key]) for key in PARALLEL}) == 1
            assert all(identifier.startswith(f"{graph['study_id']}|") for identifier in entry["phrase_IDs"])
            assert set(entry["sections"]) <= {"finalreport", "history"}
            for labels, identifiers in zip(entry["attributes"], entry["attributes_ids"], strict=True):
                assert len(labels) == len(identifiers)
                for label in labels:
                    category, relation, name = label.split("|")
                    assert relation in ("yes", "no")
                    assert category == CATEGORY_OF.get(name, "nlp")


def test_boxes_lie_in_the_frame_and_in_the_file(hospital):
    sizes = {row["dicom_id"]: (int(row["Rows"]), int(row["Columns"])) for row in hospital.rows("cxr_metadata")}
    complete = 0
    for graph in hospital.graphs:
        rows, columns = sizes[graph["image_id"]]
        complete += len(graph["objects"]) == 36
        assert [o["bbox_name"] for o in graph["objects"]] == [
            n for n in BOXES if n in {o["bbox_name"] for o in graph["objects"]}
        ]
        for box in graph["objects"]:
            assert box["object_id"] == f"{graph['image_id']}_{box['bbox_name']}"
            assert 0 <= box["x1"] < box["x2"] < 224
            assert 0 <= box["y1"] < box["y2"] < 224
            assert (box["width"], box["height"]) == (box["x2"] - box["x1"], box["y2"] - box["y1"])
            own = tuple(box[f"original_{edge}"] for edge in ("x1", "y1", "x2", "y2"))
            assert own == original_box((box["x1"], box["y1"], box["x2"], box["y2"]), rows, columns)
            assert 0 <= own[0] < own[2] <= columns
            assert 0 <= own[1] < own[3] <= rows
    assert 0.93 < complete / len(hospital.graphs) < 1


def test_most_images_pass_the_width_filter(hospital):
    widths = defaultdict(list)
    for graph in hospital.graphs:
        for box in graph["objects"]:
            widths[box["bbox_name"]].append(box["width"])
    limits = {name: (np.mean(w), 3 * np.std(w, ddof=1)) for name, w in widths.items()}
    kept = sum(
        all(abs(box["width"] - limits[box["bbox_name"]][0]) <= limits[box["bbox_name"]][1] for box in graph["objects"])
        for graph in hospital.graphs
    )
    assert 0.8 < kept / len(hospital.graphs) < 1


def _labels(graph):
    """(object, attribute) → relation: the last statement, with what covers it, in a slow obvious loop."""
    told = []
    for entry in graph["attributes"]:
        for labels, identifier in zip(entry["attributes"], entry["phrase_IDs"], strict=True):
            for label in labels:
                category, relation, name = label.split("|")
                if category != "nlp" and entry["bbox_name"] != "unknown":
                    told.append((int(identifier.split("|")[1]), entry["bbox_name"], name, relation == "yes"))
    result = {}
    for _, place, name, present in sorted(told, key=lambda row: row[0]):
        reached = {(place, name)}
        while (
            more := {
                pair
                for p, n in reached
                for pair in (*((q, n) for q in object_parents(p)), *((p, m) for m in attribute_parents(n)))
            }
            - reached
        ):
            reached |= more
        for pair in reached:
            result[pair] = present
    return {pair for pair, present in result.items() if present}


def test_the_labels_of_a_graph_are_what_the_study_shows(hospital):
    plan = Plan.checked(80, images=False)
    graphs = {graph["image_id"]: graph for graph in hospital.graphs}
    compared = denied = 0
    for number in range(80):
        for study in studies_of(plan, live(plan, number)):
            truth = covered(study.findings)
            for image in study.images:
                if image.image_id in graphs:
                    assert _labels(graphs[image.image_id]) == truth
                    compared += 1
                    denied += any(
                        "|no|" in text
                        for e in graphs[image.image_id]["attributes"]
                        for row in e["attributes"]
                        for text in row
                    )
    assert compared > 150
    assert denied > 100


def test_reports_contradict_themselves_now_and_then(hospital):
    found = 0
    for graph in hospital.graphs:
        relations = defaultdict(set)
        for entry in graph["attributes"]:
            for labels in entry["attributes"]:
                for label in labels:
                    category, relation, name = label.split("|")
                    if category != "nlp":
                        relations[entry["bbox_name"], name].add(relation)
        found += any(len(group) == 2 for group in relations.values())
    assert 0 < found < 0.3 * len(hospital.graphs)
    assert any(entry["bbox_name"] == "unknown" for graph in hospital.graphs for entry in graph["attributes"])


def test_the_heart_is_mostly_wide_where_the_report_says_so(hospital):
    """The cone of an AP view and a rotated chest make some hearts wide that are not, as in life."""
    agreed = {"heart": [], "mediastinum": []}
    for graph in hospital.graphs:
        boxes = {box["bbox_name"]: box for box in graph["objects"]}
        if {"left lung", "right lung", "cardiac silhouette", "upper mediastinum"} <= boxes.keys():
            truth = _labels(graph)
            thorax = boxes["left lung"]["x2"] - boxes["right lung"]["x1"]
            heart = boxes["cardiac silhouette"]["width"] / thorax
            agreed["heart"].append((heart > 0.5) == (("cardiac silhouette", "enlarged cardiac silhouette") in truth))
            wide = ("upper mediastinum", "mediastinal widening") in truth
            goiter = ("upper mediastinum", "goiter") in truth
            agreed["mediastinum"].append((boxes["upper mediastinum"]["width"] / thorax > 1 / 3) == (wide or goiter))
    assert np.mean(agreed["heart"]) > 0.93
    assert np.mean(agreed["mediastinum"]) > 0.93


def test_findings_and_sentences_name_possible_places_only(hospital):
    for kind in finding_kinds():
        for side in ("left", "right"):
            for place in kind.places:
                for zone in ("upper lung zone", "apical zone") if "{u}" in place else ("lower lung zone",):
                    name = place.replace("{s}", side).replace("{r}", side).replace("{z}", zone).replace("{u}", zone)
                    assert name in OBJECTS, (kind.name, name)
    assert {attribute for kind in finding_kinds() for attribute in kind.attributes} == set(ATTRIBUTES)


def test_gold_subjects_have_their_first_study_checked(hospital):
    gold = hospital.rows("gold_attributes")
    metadata = {row["dicom_id"] + ".dcm": row for row in hospital.rows("cxr_metadata")}
    first = {}
    for row in metadata.values():
        key = (row["StudyDate"], float(row["StudyTime"]), row["study_id"])
        first[row["subject_id"]] = min(first.get(row["subject_id"], key), key)
    images = {(row["patient_id"], row["study_id"], row["image_id"]) for row in gold}
    assert len(images) == len({image[0] for image in images}) == 20
    for subject, study, image in images:
        assert metadata[image]["subject_id"] == subject
        assert metadata[image]["study_id"] == study == first[subject][2]
        assert metadata[image]["ViewPosition"] in ("AP", "PA")
    boxes = defaultdict(list)
    for row in hospital.rows("gold_boxes"):
        boxes[row["image_id"]].append(row["bbox_name"])
        assert len(json.loads(row["coord224"])) == 4
    assert all(names == list(BOXES) for names in boxes.values())
    assert {image for _, _, image in images} <= boxes.keys()


def test_findings_last():
    plan = Plan.checked(600, images=False)
    kept = {"cardiac pacer and wires": [], "pneumonia": []}
    for number in range(120):
        before = None
        for study in studies_of(plan, live(plan, number)):
            now = {attribute for finding in study.findings for attribute in finding.attributes}
            for name, group in kept.items():
                if before and name in before:
                    group.append(name in now)
            before = now
    assert np.mean(kept["cardiac pacer and wires"]) > 0.95
    assert np.mean(kept["pneumonia"]) < 0.6


def test_a_silver_study_may_have_two_frontal_images(hospital):
    per_study = defaultdict(int)
    for row in hospital.rows("cxr_metadata"):
        per_study[row["study_id"]] += row["ViewPosition"] in ("AP", "PA")
    assert set(per_study.values()) == {0, 1, 2}
