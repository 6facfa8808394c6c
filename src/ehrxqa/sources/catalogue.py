"""Every source file the system needs, by its catalogue key.

The files of MIMIC-IV are declared with the tables that are made from them, in `ehrxqa.spec`; those of the images and
their labels here. The header check, the readers, the synthetic hospital, the downloader and the documentation page
all derive from these. Facts: MIMIC-IV 2.2, MIMIC-CXR-JPG 2.0.0 and Chest ImaGenome 1.0.0 as published on PhysioNet.
"""

from __future__ import annotations

from ehrxqa.spec.files import Form, SourceColumn, SourceFile, SourceKind, table_file
from ehrxqa.spec.human_labels import HUMAN_LABELS
from ehrxqa.spec.releases import CHEST_IMAGENOME, MIMIC_CXR_JPG, MIMIC_IV, PROJECTS, Project
from ehrxqa.spec.tables import TABLES

__all__ = [
    "CHEST_IMAGENOME",
    "FILES",
    "MIMIC_CXR_JPG",
    "MIMIC_IV",
    "PROJECTS",
    "Form",
    "Project",
    "SourceColumn",
    "SourceFile",
    "SourceKind",
    "source_file",
]

FILES: tuple[SourceFile, ...] = (
    *(table.source for table in TABLES.values() if table.source),
    table_file(
        MIMIC_CXR_JPG,
        "mimic-cxr-2.0.0-metadata.csv",
        "One row per image of a study.",
        """*dicom_id:text *subject_id:int *study_id:int PerformedProcedureStepDescription:text? *ViewPosition:text?
        Rows:int? Columns:int? *StudyDate:int *StudyTime:num ProcedureCodeSequence_CodeMeaning:text?
        ViewCodeSequence_CodeMeaning:text? PatientOrientationCodeSequence_CodeMeaning:text?""",
        key="cxr_metadata",
    ),
    SourceFile(
        "scene_graphs",
        CHEST_IMAGENOME,
        "silver_dataset/scene_graph.zip",
        Form.ZIP,
        doc="One JSON file per frontal image; also read unpacked, from silver_dataset/scene_graph/.",
        optional=True,
    ),
    table_file(
        CHEST_IMAGENOME,
        "silver_dataset/scene_tabular/attribute_relations_tabular.txt",
        "One row per statement of a report about one location and label.",
        """*study_id:int *image_id:text *row_id:text sent_loc:num? *bbox:text *relation:int *label_name:text
        *categoryID:text context:text?""",
        form=Form.TSV,
        optional=True,
    ),
    table_file(
        CHEST_IMAGENOME,
        "silver_dataset/scene_tabular/bbox_objects_tabular.txt",
        "One row per bounding box, in pixels of the 224 × 224 frame.",
        """*object_id:text *x1:num? y1:num? *x2:num? y2:num? *width:num? height:num? *bbox_name:text synsets:text?
        name:text?""",
        form=Form.TSV,
        optional=True,
    ),
    table_file(
        CHEST_IMAGENOME,
        "gold_dataset/gold_attributes_relations_500pts_500studies1st.txt",
        "One row per statement checked by hand, about 500 first studies of 500 subjects.",
        """*patient_id:int *study_id:int *image_id:text *row_id:text section:text? sentence:text? *bbox:text
        *relation:int *label_name:text *categoryID:text""",
        key="gold_attributes",
        form=Form.TSV,
    ),
    table_file(
        CHEST_IMAGENOME,
        "gold_dataset/gold_bbox_coordinate_annotations_1000images.csv",
        "One row per bounding box checked by hand.",
        "*image_id:text *bbox_name:text *coord224:text coord_original:text?",
        key="gold_boxes",
    ),
    SourceFile(
        "attribute_list",
        CHEST_IMAGENOME,
        "semantics/attribute_relations_v1.txt",
        Form.LINES,
        doc="One `category|relation|attribute` a line.",
    ),
    SourceFile(
        "object_list",
        CHEST_IMAGENOME,
        "semantics/objects_extracted_from_reports_v1.txt",
        Form.LINES,
        doc="One object (anatomical location) a line.",
    ),
    SourceFile(
        "ontology",
        CHEST_IMAGENOME,
        "semantics/label_to_UMLS_mapping.json",
        Form.JSON,
        doc="Children of objects and attributes; objects where an attribute may occur.",
    ),
)

_BY_KEY = {file.key: file for file in (*FILES, HUMAN_LABELS)}


def source_file(key: str | SourceFile) -> SourceFile:
    """The catalogue entry of that key, e.g. `labevents`; a file that is none of the catalogue is given itself."""
    return _BY_KEY[key] if isinstance(key, str) else key
