"""What a chest X-ray can show, and where: objects, attributes and their hierarchy.

Names of objects, attributes and categories are those of Chest ImaGenome 1.0.0; which attribute may
occur where is declared here as attributes × groups of objects. The three semantics files of the
synthetic tree are rendered from these declarations, and the findings are drawn within them.
"""

from __future__ import annotations

import json
from functools import cache

__all__ = [
    "ATTRIBUTES",
    "BOXES",
    "CATEGORY_OF",
    "CHILD_ATTRIBUTES",
    "CHILD_OBJECTS",
    "OBJECTS",
    "PLACES",
    "attribute_list_text",
    "attribute_parents",
    "object_list_text",
    "object_parents",
    "ontology_json",
    "umls_id",
]

_ZONES = ("apical zone", "upper lung zone", "mid lung zone", "lower lung zone")
SIDES = ("right", "left")


def _both(*names: str) -> tuple[str, ...]:
    return tuple(f"{side} {name}" for name in names for side in SIDES)


#: Groups of objects by the short word used in the declarations below.
_GROUPS: dict[str, tuple[str, ...]] = {
    "zones": _both(*_ZONES),
    "upper": _both("apical zone", "upper lung zone"),
    "basal": _both("mid lung zone", "lower lung zone"),
    "lower": _both("lower lung zone"),
    "apex": _both("apical zone"),
    "lungs": _both("lung"),
    "hila": _both("hilar structures"),
    "angles": _both("costophrenic angle"),
    "domes": _both("hemidiaphragm"),
    "clavicles": _both("clavicle"),
    "shoulders": _both("shoulder"),
    "walls": _both("chest wall"),
    "breasts": _both("breast"),
    "arms": _both("arm"),
    "heart": ("cardiac silhouette",),
    "atrium": ("right atrium",),
    "veins": ("svc", "cavoatrial junction"),
    "arch": ("aortic arch",),
    "mediastinum": ("mediastinum",),
    "upper-mediastinum": ("upper mediastinum",),
    "airway": ("trachea", "carina"),
    "trachea": ("trachea",),
    "carina": ("carina",),
    "neck": ("neck",),
    "spine": ("spine",),
    "abdomen": ("abdomen",),
}

#: The 38 objects that reports mention, in the order of the object list.
OBJECTS: tuple[str, ...] = (
    *_both("lung", *_ZONES, "hilar structures", "costophrenic angle", "hemidiaphragm"),
    "mediastinum",
    "upper mediastinum",
    "cardiac silhouette",
    "aortic arch",
    "svc",
    "cavoatrial junction",
    "right atrium",
    "trachea",
    "carina",
    *_both("clavicle", "shoulder", "chest wall", "breast", "arm"),
    "spine",
    "neck",
    "abdomen",
)

#: The 36 objects that have a box in a complete image.
BOXES: tuple[str, ...] = (
    *(f"{side} {name}" for side in SIDES for name in ("lung", *_ZONES)),
    *_both("hilar structures", "costophrenic angle", "cardiophrenic angle", "hemidiaphragm", "clavicle"),
    "trachea",
    "carina",
    "spine",
    "aortic arch",
    "descending aorta",
    "mediastinum",
    "upper mediastinum",
    "svc",
    "cavoatrial junction",
    "right atrium",
    "cardiac silhouette",
    "left cardiac silhouette",
    "right cardiac silhouette",
    "abdomen",
    "left upper abdomen",
    "right upper abdomen",
)

#: category → attribute → groups of objects where it may occur.
_DECLARED: dict[str, dict[str, str]] = {
    "anatomicalfinding": {
        "lung opacity": "zones lungs hila angles",
        "airspace opacity": "zones lungs hila angles",
        "consolidation": "zones lungs hila angles",
        "infiltration": "zones lungs hila angles",
        "atelectasis": "zones lungs hila angles",
        "linear/patchy atelectasis": "zones lungs angles",
        "lobar/segmental collapse": "zones lungs hila",
        "pulmonary edema/hazy opacity": "zones lungs hila angles",
        "vascular congestion": "zones lungs hila",
        "vascular redistribution": "zones lungs hila",
        "increased reticular markings/ild pattern": "zones lungs hila angles",
        "pleural effusion": "zones lungs angles domes",
        "costophrenic angle blunting": "lungs angles domes",
        "pleural/parenchymal scarring": "zones lungs angles domes",
        "bronchiectasis": "zones lungs hila",
        "pneumothorax": "zones lungs angles",
        "hydropneumothorax": "zones lungs angles",
        "lung lesion": "zones lungs hila",
        "mass/nodule (not otherwise specified)": "zones lungs hila breasts",
        "multiple masses/nodules": "zones lungs hila",
        "calcified nodule": "zones lungs hila mediastinum",
        "cyst/bullae": "zones lungs",
        "hyperaeration": "lungs domes",
        "enlarged hilum": "hila",
        "enlarged cardiac silhouette": "heart",
        "mediastinal displacement": "mediastinum upper-mediastinum trachea heart",
        "mediastinal widening": "mediastinum upper-mediastinum",
        "superior mediastinal mass/enlargement": "upper-mediastinum",
        "pneumomediastinum": "mediastinum upper-mediastinum neck",
        "tortuous aorta": "arch mediastinum",
        "vascular calcification": "arch upper-mediastinum",
        "elevated hemidiaphragm": "domes",
        "diaphragmatic eventration (benign)": "domes",
        "sub-diaphragmatic air": "domes abdomen",
        "hernia": "mediastinum abdomen",
        "subcutaneous air": "walls neck shoulders clavicles breasts",
        "rib fracture": "zones lungs walls",
        "clavicle fracture": "clavicles",
        "spinal fracture": "spine",
        "spinal degenerative changes": "spine",
        "scoliosis": "spine",
        "shoulder osteoarthritis": "shoulders",
        "bone lesion": "spine clavicles shoulders walls",
    },
    "technicalassessment": {
        "low lung volumes": "lungs domes basal",
        "rotated": "mediastinum clavicles",
        "artifact": "lungs abdomen walls",
        "breast/nipple shadows": "breasts basal",
        "skin fold": "lungs walls",
    },
    "disease": {
        "pneumonia": "zones lungs hila angles",
        "aspiration": "zones lungs hila angles",
        "fluid overload/heart failure": "zones lungs hila heart",
        "copd/emphysema": "upper lungs",
        "interstitial lung disease": "zones lungs hila angles",
        "granulomatous disease": "zones lungs hila mediastinum",
        "lung cancer": "zones lungs hila mediastinum",
        "alveolar hemorrhage": "zones lungs hila angles",
        "pericardial effusion": "heart",
        "goiter": "neck trachea upper-mediastinum",
    },
    "tubesandlines": {
        "endotracheal tube": "airway",
        "tracheostomy tube": "trachea neck",
        "enteric tube": "neck mediastinum abdomen",
        "chest tube": "zones lungs walls angles",
        "pigtail catheter": "lower lungs walls angles",
        "mediastinal drain": "mediastinum",
        "picc": "veins atrium upper-mediastinum clavicles shoulders arms",
        "ij line": "veins atrium upper-mediastinum neck clavicles",
        "subclavian line": "veins atrium clavicles",
        "chest port": "veins atrium walls shoulders",
        "swan-ganz catheter": "hila atrium heart",
        "intra-aortic balloon pump": "arch mediastinum",
    },
    "device": {
        "sternotomy wires": "mediastinum upper-mediastinum",
        "cabg grafts": "heart mediastinum",
        "aortic graft/repair": "arch mediastinum",
        "prosthetic valve": "heart",
        "cardiac pacer and wires": "heart atrium walls shoulders",
    },
}


def _groups(declaration: str) -> tuple[str, ...]:
    """Objects of a declaration, a list of group names."""
    return tuple(dict.fromkeys(name for word in declaration.split() for name in _GROUPS[word]))


ATTRIBUTES: tuple[str, ...] = tuple(name for places in _DECLARED.values() for name in places)
CATEGORY_OF: dict[str, str] = {name: category for category, places in _DECLARED.items() for name in places}
PLACES: dict[str, tuple[str, ...]] = {
    name: _groups(declaration) for places in _DECLARED.values() for name, declaration in places.items()
}

#: Parent object → its parts at any depth.
CHILD_OBJECTS: dict[str, tuple[str, ...]] = {
    "lungs": (*_both("lung"), *_both(*_ZONES, "costophrenic angle")),
    **{f"{side} lung": tuple(f"{side} {name}" for name in (*_ZONES, "costophrenic angle")) for side in SIDES},
    **{f"{side} upper lung zone": (f"{side} apical zone",) for side in SIDES},
    "mediastinum": (
        "upper mediastinum",
        "cardiac silhouette",
        "right atrium",
        "cavoatrial junction",
        "descending aorta",
        "trachea",
        "carina",
    ),
    "upper mediastinum": ("aortic arch", "svc"),
    "cardiac silhouette": ("left cardiac silhouette", "right cardiac silhouette", "right atrium"),
    **{f"{side} shoulder": (f"{side} clavicle",) for side in SIDES},
    "diaphragm": _both("hemidiaphragm"),
    "chest wall": _both("chest wall"),
    "abdomen": _both("upper abdomen"),
}

_AIRSPACE = ("consolidation", "infiltration", "pneumonia", "aspiration", "alveolar hemorrhage")
_COLLAPSE = ("linear/patchy atelectasis", "lobar/segmental collapse")
_LESIONS = ("mass/nodule (not otherwise specified)", "multiple masses/nodules", "calcified nodule", "lung cancer")

#: Parent attribute → the more special attributes it covers.
CHILD_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "lung opacity": (
        "airspace opacity",
        *_AIRSPACE,
        "atelectasis",
        *_COLLAPSE,
        "pulmonary edema/hazy opacity",
        "increased reticular markings/ild pattern",
        "interstitial lung disease",
        "pleural/parenchymal scarring",
        "lung lesion",
        *_LESIONS,
    ),
    "airspace opacity": _AIRSPACE,
    "atelectasis": _COLLAPSE,
    "lung lesion": _LESIONS,
    "pleural effusion": ("hydropneumothorax",),
    "pneumothorax": ("hydropneumothorax",),
    "hyperaeration": ("copd/emphysema",),
    "copd/emphysema": ("cyst/bullae",),
    "mediastinal widening": ("superior mediastinal mass/enlargement",),
    "fracture": ("rib fracture", "clavicle fracture", "spinal fracture"),
}

#: Cues of the attribute file that are no labels: category → words.
CUES: dict[str, tuple[str, ...]] = {
    "texture": ("hazy", "patchy", "linear", "nodular", "confluent", "streaky"),
    "severity": ("mild", "moderate", "severe", "small", "large", "minimal"),
    "temporal": ("acute", "chronic"),
    "comparison": ("improved", "worsened", "no change"),
}


@cache
def attribute_parents(attribute: str) -> tuple[str, ...]:
    """The attributes that cover `attribute`."""
    return tuple(p for p, children in CHILD_ATTRIBUTES.items() if attribute in children and p in CATEGORY_OF)


@cache
def object_parents(name: str) -> tuple[str, ...]:
    """The objects (of the object list) that contain `name`."""
    parents = [p for p, children in CHILD_OBJECTS.items() if name in children and p in OBJECTS]
    if name.endswith("hilar structures"):
        parents.append(name.split()[0] + " lung")
    return tuple(parents)


@cache
def umls_id(name: str) -> str:
    """A made-up concept id of an object or attribute; the real ones are licensed."""
    names = (*dict.fromkeys((*BOXES, *OBJECTS)), *ATTRIBUTES)
    return f"SYN{names.index(name) + 1:04d}" if name in names else ""


def object_list_text() -> str:
    """Content of `objects_extracted_from_reports_v1.txt`: one name a line, with the file's stray commas."""
    return "".join(f"{name},\n" for name in OBJECTS)


def attribute_list_text() -> str:
    """Content of `attribute_relations_v1.txt`: `category|relation|attribute` a line.

    `sternotomy wires` comes twice, as in the published file: 76 lines of the five label categories.
    """
    lines = [f"{CATEGORY_OF[name]}|yes|{name}," for name in ATTRIBUTES]
    lines += ["device|yes|sternotomy wires,", "nlp|yes|abnormal,", "nlp|yes|normal,"]
    lines += [f"{category}|yes|{word}," for category, words in CUES.items() for word in words]
    return "".join(line + "\n" for line in lines)


def ontology_json() -> str:
    """Content of `label_to_UMLS_mapping.json`."""
    names = (*dict.fromkeys((*BOXES, *OBJECTS)), *ATTRIBUTES)
    content = {
        "all_children": {k: list(v) for k, v in {**CHILD_OBJECTS, **CHILD_ATTRIBUTES}.items()},
        "possible_attribute_of": {name: list(places) for name, places in PLACES.items()},
        "label_to_umls": {name: [umls_id(name)] for name in names},
    }
    return json.dumps(content, indent=1) + "\n"
