"""Every source file the system needs, with project, version, path, columns and types.

This is the only place where a source file or column is named with its type. The header check, the
readers, the synthetic hospital, the downloader and the documentation page all derive from it.
Facts: MIMIC-IV 2.2, MIMIC-CXR-JPG 2.0.0 and Chest ImaGenome 1.0.0 as published on PhysioNet.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = [
    "CHEST_IMAGENOME",
    "FILES",
    "MIMIC_CXR_JPG",
    "MIMIC_IV",
    "PROJECTS",
    "Column",
    "Form",
    "Kind",
    "Project",
    "SourceFile",
    "source_file",
]


class Kind(Enum):
    """Type of a source column, as it is written in the file."""

    INT = "integer"
    NUM = "decimal number"
    TEXT = "text"
    TIME = "time, YYYY-MM-DD HH:MM:SS"
    DATE = "date, YYYY-MM-DD"


class Form(Enum):
    """Form of a source file."""

    CSV = "comma-separated, with header"
    TSV = "tab-separated, with header"
    LINES = "lines of text"
    JSON = "JSON"
    ZIP = "zip of JSON files"


@dataclass(frozen=True)
class Project:
    """A PhysioNet project at the release that EHRXQA was made from.

    Attributes:
        slug: Name in PhysioNet's addresses, and of the folder below `physionet.org/files`.
        version: Release.
        title: Name for people.
        option: Command-line option that points at a copy elsewhere.
    """

    slug: str
    version: str
    title: str
    option: str

    @property
    def folder(self) -> str:
        """Folder below the root of the sources, e.g. `mimiciv/2.2`."""
        return f"{self.slug}/{self.version}"


MIMIC_IV = Project("mimiciv", "2.2", "MIMIC-IV", "--mimic-iv")
MIMIC_CXR_JPG = Project("mimic-cxr-jpg", "2.0.0", "MIMIC-CXR-JPG", "--mimic-cxr-jpg")
CHEST_IMAGENOME = Project("chest-imagenome", "1.0.0", "Chest ImaGenome", "--chest-imagenome")
PROJECTS = (MIMIC_IV, MIMIC_CXR_JPG, CHEST_IMAGENOME)


@dataclass(frozen=True)
class Column:
    """One column of a source file.

    Attributes:
        name: Name in the header.
        kind: Type of its values.
        used: Whether any rule of ours reads it; the others only have to be there or not at all.
        nullable: Whether the field may be empty.
    """

    name: str
    kind: Kind
    used: bool = False
    nullable: bool = True


@dataclass(frozen=True)
class SourceFile:
    """One source file.

    Attributes:
        key: Short name by which the code asks for it, e.g. `labevents`.
        project: The PhysioNet project.
        path: Path below the project's folder, without `.gz`.
        form: Form of its content.
        columns: Columns in file order; empty for files that are not tables.
        doc: What one row is.
        optional: Whether a build can do without it.
    """

    key: str
    project: Project
    path: str
    form: Form
    columns: tuple[Column, ...] = ()
    doc: str = ""
    optional: bool = False

    @property
    def used(self) -> tuple[Column, ...]:
        """The columns that are read, in file order."""
        return tuple(column for column in self.columns if column.used)

    @property
    def compressed(self) -> bool:
        """Whether PhysioNet publishes the file as `.gz`."""
        return self.form is Form.CSV and self.project in (MIMIC_IV, MIMIC_CXR_JPG)


_KINDS = {"int": Kind.INT, "num": Kind.NUM, "text": Kind.TEXT, "time": Kind.TIME, "date": Kind.DATE}


def _columns(declaration: str) -> tuple[Column, ...]:
    """Columns from lines of `name:kind`; `*` before a name: used, `?` after a kind: may be empty."""
    columns = []
    for word in declaration.split():
        name, _, kind = word.partition(":")
        columns.append(
            Column(
                name=name.removeprefix("*"),
                kind=_KINDS[kind.removesuffix("?")],
                used=name.startswith("*"),
                nullable=kind.endswith("?"),
            )
        )
    return tuple(columns)


def _table(
    project: Project,
    path: str,
    doc: str,
    columns: str,
    *,
    key: str | None = None,
    form: Form = Form.CSV,
    optional: bool = False,
) -> SourceFile:
    stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return SourceFile(key or stem, project, path, form, _columns(columns), doc, optional)


FILES: tuple[SourceFile, ...] = (
    _table(
        MIMIC_IV,
        "hosp/patients.csv",
        "One row per subject.",
        "*subject_id:int *gender:text? *anchor_age:int *anchor_year:int anchor_year_group:text? *dod:date?",
    ),
    _table(
        MIMIC_IV,
        "hosp/admissions.csv",
        "One row per hospital admission.",
        """*subject_id:int *hadm_id:int *admittime:time *dischtime:time deathtime:time? *admission_type:text?
        admit_provider_id:text? *admission_location:text? *discharge_location:text? *insurance:text?
        *language:text? *marital_status:text? race:text? edregtime:time? edouttime:time?
        hospital_expire_flag:int""",
    ),
    _table(
        MIMIC_IV,
        "hosp/transfers.csv",
        "One row per stay of a subject in one unit; without hadm_id for emergency stays without admission.",
        "*subject_id:int *hadm_id:int? *transfer_id:int *eventtype:text? *careunit:text? *intime:time? *outtime:time?",
    ),
    _table(
        MIMIC_IV,
        "hosp/diagnoses_icd.csv",
        "One row per diagnosis billed for an admission.",
        "*subject_id:int *hadm_id:int seq_num:int *icd_code:text? icd_version:int",
    ),
    _table(
        MIMIC_IV,
        "hosp/procedures_icd.csv",
        "One row per procedure billed for an admission.",
        "*subject_id:int *hadm_id:int seq_num:int *chartdate:date? *icd_code:text? icd_version:int",
    ),
    _table(
        MIMIC_IV,
        "hosp/d_icd_diagnoses.csv",
        "One row per ICD-9 or ICD-10 diagnosis code.",
        "*icd_code:text? icd_version:int *long_title:text?",
    ),
    _table(
        MIMIC_IV,
        "hosp/d_icd_procedures.csv",
        "One row per ICD-9 or ICD-10 procedure code.",
        "*icd_code:text? icd_version:int *long_title:text?",
    ),
    _table(
        MIMIC_IV,
        "hosp/labevents.csv",
        "One row per laboratory measurement.",
        """labevent_id:int *subject_id:int *hadm_id:int? specimen_id:int *itemid:int order_provider_id:text?
        *charttime:time? storetime:time? value:text? *valuenum:num? *valueuom:text? ref_range_lower:num?
        ref_range_upper:num? flag:text? priority:text? comments:text?""",
    ),
    _table(
        MIMIC_IV,
        "hosp/d_labitems.csv",
        "One row per laboratory item.",
        "*itemid:int *label:text? fluid:text? category:text?",
    ),
    _table(
        MIMIC_IV,
        "hosp/prescriptions.csv",
        "One row per prescribed drug.",
        """*subject_id:int *hadm_id:int pharmacy_id:int poe_id:text? poe_seq:int? order_provider_id:text?
        *starttime:time? *stoptime:time? drug_type:text? *drug:text? formulary_drug_cd:text? gsn:text? ndc:text?
        prod_strength:text? form_rx:text? *dose_val_rx:text? *dose_unit_rx:text? form_val_disp:text?
        form_unit_disp:text? doses_per_24_hrs:num? *route:text?""",
    ),
    _table(
        MIMIC_IV,
        "hosp/microbiologyevents.csv",
        "One row per microbiology test, organism and antibiotic.",
        """microevent_id:int *subject_id:int *hadm_id:int? micro_specimen_id:int order_provider_id:text?
        *chartdate:time? *charttime:time? spec_itemid:int *spec_type_desc:text? test_seq:int storedate:time?
        storetime:time? test_itemid:int *test_name:text? org_itemid:int? *org_name:text? isolate_num:int?
        quantity:text? ab_itemid:int? ab_name:text? dilution_text:text? dilution_comparison:text?
        dilution_value:num? interpretation:text? comments:text?""",
    ),
    _table(
        MIMIC_IV,
        "icu/icustays.csv",
        "One row per ICU stay.",
        """*subject_id:int *hadm_id:int *stay_id:int *first_careunit:text? *last_careunit:text? *intime:time?
        *outtime:time? los:num?""",
    ),
    _table(
        MIMIC_IV,
        "icu/chartevents.csv",
        "One row per charted item of an ICU stay.",
        """*subject_id:int *hadm_id:int? *stay_id:int? caregiver_id:int? *charttime:time? storetime:time? *itemid:int
        value:text? *valuenum:num? *valueuom:text? warning:int?""",
    ),
    _table(
        MIMIC_IV,
        "icu/inputevents.csv",
        "One row per fluid or drug given in an ICU stay.",
        """*subject_id:int *hadm_id:int? *stay_id:int? caregiver_id:int? *starttime:time? endtime:time? storetime:time?
        *itemid:int *amount:num? *amountuom:text? rate:num? rateuom:text? orderid:int? linkorderid:int?
        ordercategoryname:text? secondaryordercategoryname:text? ordercomponenttypedescription:text?
        ordercategorydescription:text? patientweight:num? totalamount:num? totalamountuom:text? isopenbag:int?
        continueinnextdept:int? statusdescription:text? originalamount:num? originalrate:num?""",
    ),
    _table(
        MIMIC_IV,
        "icu/outputevents.csv",
        "One row per fluid that left the body in an ICU stay.",
        """*subject_id:int *hadm_id:int? *stay_id:int? caregiver_id:int? *charttime:time? storetime:time? *itemid:int
        *value:num? *valueuom:text?""",
    ),
    _table(
        MIMIC_IV,
        "icu/d_items.csv",
        "One row per ICU item.",
        """*itemid:int *label:text? *abbreviation:text? *linksto:text? category:text? unitname:text? param_type:text?
        lownormalvalue:num? highnormalvalue:num?""",
    ),
    _table(
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
    _table(
        CHEST_IMAGENOME,
        "silver_dataset/scene_tabular/attribute_relations_tabular.txt",
        "One row per statement of a report about one location and label.",
        """*study_id:int *image_id:text *row_id:text sent_loc:num? *bbox:text *relation:int *label_name:text
        *categoryID:text context:text?""",
        form=Form.TSV,
        optional=True,
    ),
    _table(
        CHEST_IMAGENOME,
        "silver_dataset/scene_tabular/bbox_objects_tabular.txt",
        "One row per bounding box, in pixels of the 224 × 224 frame.",
        """*object_id:text *x1:num? y1:num? *x2:num? y2:num? *width:num? height:num? *bbox_name:text synsets:text?
        name:text?""",
        form=Form.TSV,
        optional=True,
    ),
    _table(
        CHEST_IMAGENOME,
        "gold_dataset/gold_attributes_relations_500pts_500studies1st.txt",
        "One row per statement checked by hand, about 500 first studies of 500 subjects.",
        """*patient_id:int *study_id:int *image_id:text *row_id:text section:text? sentence:text? *bbox:text
        *relation:int *label_name:text *categoryID:text""",
        key="gold_attributes",
        form=Form.TSV,
    ),
    _table(
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

_BY_KEY = {file.key: file for file in FILES}


def source_file(key: str) -> SourceFile:
    """The catalogue entry of that key, e.g. `labevents`."""
    return _BY_KEY[key]
