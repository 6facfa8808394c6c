"""The findings that a radiologist read on test studies of MIMIC-CXR-JPG 2.1.0, and what they are in Chest ImaGenome.

The file has one row per study: 1 present, 0 absent, -1 uncertain, empty not mentioned. “Airspace Opacity” is what the
other label files of MIMIC-CXR-JPG call “Lung Opacity”.
"""

from __future__ import annotations

from typing import Final

from ehrxqa.spec.files import Form, SourceColumn, SourceFile, SourceKind
from ehrxqa.spec.releases import MIMIC_CXR_JPG

__all__ = [
    "DEVICE_CATEGORIES",
    "FINDING_CATEGORIES",
    "FINDING_COLUMNS",
    "HUMAN_LABELS",
    "NO_FINDING",
    "SUPPORT_DEVICES",
]

#: Column → attributes of which any means that the finding is there. A parent among the attributes stands for its
#: children too, because labels are passed on to parents.
FINDING_COLUMNS: Final[dict[str, tuple[str, ...]]] = {
    "Airspace Opacity": ("lung opacity",),
    "Atelectasis": ("atelectasis",),
    "Cardiomegaly": ("enlarged cardiac silhouette",),
    "Consolidation": ("consolidation",),
    "Edema": ("pulmonary edema/hazy opacity",),
    "Enlarged Cardiomediastinum": (
        "enlarged cardiac silhouette",
        "mediastinal widening",
        "superior mediastinal mass/enlargement",
    ),
    "Fracture": ("rib fracture", "clavicle fracture", "spinal fracture"),
    "Lung Lesion": (
        "lung lesion",
        "mass/nodule (not otherwise specified)",
        "multiple masses/nodules",
        "calcified nodule",
    ),
    "Pleural Effusion": ("pleural effusion", "hydropneumothorax"),
    "Pleural Other": ("pleural/parenchymal scarring",),
    "Pneumonia": ("pneumonia",),
    "Pneumothorax": ("pneumothorax", "hydropneumothorax"),
}
#: Present with any attribute of `DEVICE_CATEGORIES`.
SUPPORT_DEVICES: Final = "Support Devices"
#: Present with no attribute of `FINDING_CATEGORIES`.
NO_FINDING: Final = "No Finding"
DEVICE_CATEGORIES: Final = frozenset({"tubesandlines", "device"})
FINDING_CATEGORIES: Final = frozenset({"anatomicalfinding", "disease"})

#: Published first with release 2.1.0; no rule of a build reads it.
HUMAN_LABELS: Final = SourceFile(
    "cxr_human_labels",
    MIMIC_CXR_JPG,
    "mimic-cxr-2.1.0-test-set-labeled.csv",
    Form.CSV,
    (
        SourceColumn("study_id", SourceKind.INT, used=True, nullable=False),
        *(SourceColumn(name, SourceKind.NUM) for name in sorted((*FINDING_COLUMNS, SUPPORT_DEVICES, NO_FINDING))),
    ),
    "One row per study of the test set that a radiologist read.",
    optional=True,
    packed=False,
)
