"""What chest X-rays are labelled with: objects, and attributes in their categories.

The names are those of the published Chest ImaGenome labels (38 objects, 75 attributes in five categories, commas
removed); a database may add its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["ATTRIBUTES", "CATEGORIES", "OBJECTS", "one_within_other"]

#: The five categories of attributes, in the order of the published attribute list.
CATEGORIES: Final = ("anatomicalfinding", "technicalassessment", "disease", "tubesandlines", "device")

_SIDED: Final = (
    "lung",
    "apical zone",
    "upper lung zone",
    "mid lung zone",
    "lower lung zone",
    "hilar structures",
    "costophrenic angle",
    "hemidiaphragm",
    "clavicle",
    "shoulder",
    "chest wall",
    "breast",
    "arm",
)

#: Anatomical locations that can have labels.
OBJECTS: Final = (
    *(f"{side} {part}" for part in _SIDED for side in ("left", "right")),
    "aortic arch",
    "cardiac silhouette",
    "right atrium",
    "svc",
    "cavoatrial junction",
    "trachea",
    "carina",
    "mediastinum",
    "upper mediastinum",
    "abdomen",
    "spine",
    "neck",
)

_LUNG_PARTS: Final = (
    "apical zone",
    "upper lung zone",
    "mid lung zone",
    "lower lung zone",
    "hilar structures",
    "costophrenic angle",
)
#: Object → those that lie in it: a finding in the part is one in the whole.
_PARTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "left lung": tuple(f"left {part}" for part in _LUNG_PARTS),
        "right lung": tuple(f"right {part}" for part in _LUNG_PARTS),
        "left upper lung zone": ("left apical zone",),
        "right upper lung zone": ("right apical zone",),
        "mediastinum": (
            "upper mediastinum",
            "cardiac silhouette",
            "right atrium",
            "trachea",
            "carina",
            "cavoatrial junction",
            "aortic arch",
            "svc",
        ),
        "upper mediastinum": ("aortic arch", "svc"),
    }
)

#: Category → its attributes.
ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "anatomicalfinding": (
            "lung opacity",
            "airspace opacity",
            "consolidation",
            "infiltration",
            "atelectasis",
            "linear/patchy atelectasis",
            "lobar/segmental collapse",
            "pulmonary edema/hazy opacity",
            "vascular congestion",
            "vascular redistribution",
            "increased reticular markings/ild pattern",
            "pleural effusion",
            "costophrenic angle blunting",
            "pleural/parenchymal scarring",
            "bronchiectasis",
            "enlarged cardiac silhouette",
            "mediastinal displacement",
            "mediastinal widening",
            "enlarged hilum",
            "tortuous aorta",
            "vascular calcification",
            "pneumomediastinum",
            "pneumothorax",
            "hydropneumothorax",
            "lung lesion",
            "mass/nodule (not otherwise specified)",
            "multiple masses/nodules",
            "calcified nodule",
            "superior mediastinal mass/enlargement",
            "rib fracture",
            "clavicle fracture",
            "spinal fracture",
            "hyperaeration",
            "cyst/bullae",
            "elevated hemidiaphragm",
            "diaphragmatic eventration (benign)",
            "sub-diaphragmatic air",
            "subcutaneous air",
            "hernia",
            "scoliosis",
            "spinal degenerative changes",
            "shoulder osteoarthritis",
            "bone lesion",
        ),
        "technicalassessment": ("low lung volumes", "rotated", "artifact", "breast/nipple shadows", "skin fold"),
        "disease": (
            "pneumonia",
            "fluid overload/heart failure",
            "copd/emphysema",
            "granulomatous disease",
            "interstitial lung disease",
            "goiter",
            "lung cancer",
            "aspiration",
            "alveolar hemorrhage",
            "pericardial effusion",
        ),
        "tubesandlines": (
            "chest tube",
            "mediastinal drain",
            "pigtail catheter",
            "endotracheal tube",
            "tracheostomy tube",
            "picc",
            "ij line",
            "chest port",
            "subclavian line",
            "swan-ganz catheter",
            "intra-aortic balloon pump",
            "enteric tube",
        ),
        "device": (
            "sternotomy wires",
            "cabg grafts",
            "aortic graft/repair",
            "prosthetic valve",
            "cardiac pacer and wires",
        ),
    }
)


def one_within_other(one: str, other: str) -> bool:
    """Whether one of two objects lies within the other, so that no question should ask about both."""
    return other in _PARTS.get(one, ()) or one in _PARTS.get(other, ())
