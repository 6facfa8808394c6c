"""Ten questions that show what EHRXQA asks: tables, images, and both; one study, two, many; one subject or all.

Each is declared once, with the SQL that picks its values from a database, its gold program (over the labels) and
its NeuralSQL (over the images). They are for the demo and the documentation, not for a benchmark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw

from ehrxqa.dataset.records import GOLD_PROGRAM, Record
from ehrxqa.errors import BuildError
from ehrxqa.layout import DATABASE_NAME

__all__ = ["SHOWCASE", "ShowcaseQuestion", "showcase_records"]


@dataclass(frozen=True)
class ShowcaseQuestion:
    """One question with holes.

    Attributes:
        scope: What it needs, in the terms of the benchmark.
        question: Text, with `{slot}` where a value goes.
        pick: SQL whose first row gives the values; the column names are the slots. Empty: no values.
        gold_sql: SQL over the label table.
        neural_sql: NeuralSQL over the images; empty if the question needs no image.
    """

    scope: str
    question: str
    pick: str
    gold_sql: str
    neural_sql: str = ""


_STUDIES = "select tb_cxr.study_id from tb_cxr where tb_cxr.subject_id = {patient_id}"
_LAST = _STUDIES + " order by tb_cxr.studydatetime desc limit 1"
_PREVIOUS = _STUDIES + " order by tb_cxr.studydatetime desc limit 1 offset 1"
_HISTORY = """
    select subject_id as patient_id, (select label.{wanted} from tb_cxr_plus as label
        where label.subject_id = tb_cxr_plus.subject_id and label.relation = 1 {where}
        group by label.{wanted} order by count(distinct label.study_id) desc, label.{wanted} limit 1) as {slot}
    from tb_cxr_plus where relation = 1 group by subject_id having count(distinct study_id) between 3 and 8
        and {slot} is not null order by count(*) desc, subject_id limit 1"""


def _picked_history(wanted: str, slot: str, where: str = "") -> str:
    return _HISTORY.format(wanted=wanted, slot=slot, where=where)


SHOWCASE: Final = (
    ShowcaseQuestion(
        "Table, no subject",
        "what is the intake method of {drug_name}?",
        "select drug as drug_name from prescriptions group by drug order by count(*) desc, drug limit 1",
        "select distinct prescriptions.route from prescriptions where prescriptions.drug = '{drug_name}'",
    ),
    ShowcaseQuestion(
        "Table, one subject",
        "what was the maximum value of {lab_name} of patient {patient_id}?",
        "select labevents.subject_id as patient_id, d_labitems.label as lab_name from labevents join d_labitems "
        "on labevents.itemid = d_labitems.itemid group by 1, 2 order by count(*) desc, 1, 2 limit 1",
        "select max(labevents.valuenum) from labevents where labevents.hadm_id in ( select admissions.hadm_id from "
        "admissions where admissions.subject_id = {patient_id} ) and labevents.itemid in ( select d_labitems.itemid "
        "from d_labitems where d_labitems.label = '{lab_name}' )",
    ),
    ShowcaseQuestion(
        "Table, all subjects",
        "count the number of current patients.",
        "",
        "select count( distinct admissions.subject_id ) from admissions where admissions.dischtime is null",
    ),
    ShowcaseQuestion(
        "Image, one study",
        "given the last study of patient {patient_id}, list all abnormality in the {object}.",
        _picked_history("object", "object"),
        f"select distinct tb_cxr_plus.attribute from tb_cxr_plus where tb_cxr_plus.study_id in ( {_LAST} ) and "
        "tb_cxr_plus.object = '{object}' and tb_cxr_plus.relation = 1 and tb_cxr_plus.category in "
        "( 'anatomicalfinding', 'disease', 'device', 'tubesandlines' )",
        f'select func_vqa("list all abnormality in the {{object}}.", t1.study_id) from ( {_LAST} ) as t1',
    ),
    ShowcaseQuestion(
        "Image, two studies",
        "given the last study of patient {patient_id}, list all newly detected abnormality compared to the previous study.",
        _picked_history("object", "object"),
        "select distinct tb_cxr_plus.attribute from tb_cxr_plus where tb_cxr_plus.study_id in "
        f"( {_LAST} ) and tb_cxr_plus.relation = 1 and tb_cxr_plus.category in ( 'anatomicalfinding', 'disease', 'device', "
        "'tubesandlines' ) except select distinct tb_cxr_plus.attribute from tb_cxr_plus where tb_cxr_plus.study_id in "
        f"( {_PREVIOUS} ) and tb_cxr_plus.relation = 1 and tb_cxr_plus.category in ( 'anatomicalfinding', 'disease', "
        "'device', 'tubesandlines' )",
        f'select func_vqa("list all abnormality.", t1.study_id) from ( {_LAST} ) as t1 except '
        f'select func_vqa("list all abnormality.", t2.study_id) from ( {_PREVIOUS} ) as t2',
    ),
    ShowcaseQuestion(
        "Image, all studies of a subject",
        "how many studies of patient {patient_id} show {attribute}?",
        _picked_history("attribute", "attribute", "and label.category = 'anatomicalfinding'"),
        "select count( distinct tb_cxr_plus.study_id ) from tb_cxr_plus where tb_cxr_plus.subject_id = {patient_id} and "
        "tb_cxr_plus.attribute = '{attribute}' and tb_cxr_plus.relation = 1",
        f"select count( distinct t1.study_id ) from ( {_STUDIES} ) as t1 where "
        'func_vqa("is there {attribute}?", t1.study_id) = true',
    ),
    ShowcaseQuestion(
        "Image, all subjects",
        "count the number of patients who had a study showing any {category} since 2103.",
        "select 'tubesandlines' as category",
        "select count( distinct tb_cxr_plus.subject_id ) from tb_cxr_plus where tb_cxr_plus.relation = 1 and "
        "tb_cxr_plus.category = '{category}' and strftime('%Y',tb_cxr_plus.studydatetime) >= '2103'",
        "select count( distinct t1.subject_id ) from ( select * from tb_cxr where "
        "strftime('%Y',tb_cxr.studydatetime) >= '2103' ) as t1 where "
        'func_vqa("are there any {category}?", t1.study_id) = true',
    ),
    ShowcaseQuestion(
        "Image+Table, one subject",
        "has patient {patient_id} been prescribed {drug_name} and also had a study showing {attribute}?",
        "select prescriptions.subject_id as patient_id, prescriptions.drug as drug_name, tb_cxr_plus.attribute as attribute "
        "from prescriptions join tb_cxr_plus on tb_cxr_plus.subject_id = prescriptions.subject_id and "
        "tb_cxr_plus.relation = 1 order by 1, 2, 3 limit 1",
        "select ( select count(*) > 0 from prescriptions where prescriptions.hadm_id in ( select admissions.hadm_id from "
        "admissions where admissions.subject_id = {patient_id} ) and prescriptions.drug = '{drug_name}' ) and "
        "( select count(*) > 0 from tb_cxr_plus where tb_cxr_plus.subject_id = {patient_id} and tb_cxr_plus.relation = 1 "
        "and tb_cxr_plus.attribute = '{attribute}' )",
        "select ( select count(*) > 0 from prescriptions where prescriptions.hadm_id in ( select admissions.hadm_id from "
        "admissions where admissions.subject_id = {patient_id} ) and prescriptions.drug = '{drug_name}' ) and "
        f"( select count( distinct t1.study_id ) > 0 from ( {_STUDIES} ) as t1 where "
        'func_vqa("is there {attribute}?", t1.study_id) = true )',
    ),
    ShowcaseQuestion(
        "Image+Table, one subject",
        "how many days passed between the first admission of patient {patient_id} and the first study showing {attribute}?",
        "select tb_cxr_plus.subject_id as patient_id, tb_cxr_plus.attribute as attribute from tb_cxr_plus join admissions on "
        "admissions.subject_id = tb_cxr_plus.subject_id where tb_cxr_plus.relation = 1 and "
        "tb_cxr_plus.studydatetime > admissions.admittime order by 1, 2 limit 1",
        "select ( select min( strftime('%J',tb_cxr_plus.studydatetime) ) from tb_cxr_plus where tb_cxr_plus.subject_id = "
        "{patient_id} and tb_cxr_plus.relation = 1 and tb_cxr_plus.attribute = '{attribute}' ) - ( select "
        "min( strftime('%J',admissions.admittime) ) from admissions where admissions.subject_id = {patient_id} )",
        "select ( select min( strftime('%J',tb_cxr.studydatetime) ) from tb_cxr where tb_cxr.subject_id = {patient_id} and "
        "func_vqa(\"is there {attribute}?\", tb_cxr.study_id) = true ) - ( select min( strftime('%J',admissions.admittime) ) "
        "from admissions where admissions.subject_id = {patient_id} )",
    ),
    ShowcaseQuestion(
        "Image+Table, all subjects",
        "count the number of patients aged 60 or above who had a study showing {attribute} during a hospital visit.",
        "select attribute from tb_cxr_plus where relation = 1 and category = 'disease' group by attribute "
        "order by count(*) desc, attribute limit 1",
        "select count( distinct tb_cxr_plus.subject_id ) from tb_cxr_plus where tb_cxr_plus.hadm_id in ( select "
        "admissions.hadm_id from admissions where admissions.age >= 60 ) and tb_cxr_plus.relation = 1 and "
        "tb_cxr_plus.attribute = '{attribute}'",
        "select count( distinct t1.subject_id ) from ( select * from tb_cxr where tb_cxr.hadm_id in ( select "
        "admissions.hadm_id from admissions where admissions.age >= 60 ) ) as t1 where "
        'func_vqa("is there {attribute}?", t1.study_id) = true',
    ),
)


def showcase_records(database: Path, split: str = "test") -> list[tuple[ShowcaseQuestion, Record]]:
    """The showcase questions with values from a database, as pre-release records.

    Raises:
        BuildError: The database has nothing to ask about.
    """
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        filled = []
        for number, showcase in enumerate(SHOWCASE):
            values = _picked(connection, showcase, database)
            gold_sql = showcase.gold_sql.format_map(values)
            filled.append((showcase, _record(number, split, showcase, values, gold_sql)))
        return filled
    finally:
        connection.close()


def _picked(connection: apsw.Connection, showcase: ShowcaseQuestion, database: Path) -> dict[str, Any]:
    if not showcase.pick:
        return {}
    cursor = connection.execute(showcase.pick)
    columns = [str(column[0]) for column in cursor.get_description()] if (row := cursor.fetchone()) else []
    if row is None:
        raise BuildError(f"{database}: too small for the question {showcase.question!r}; use more subjects")
    return dict(zip(columns, row, strict=True))


def _record(number: int, split: str, showcase: ShowcaseQuestion, values: Mapping[str, Any], gold_sql: str) -> Record:
    question = showcase.question.format_map(values)
    visual = {key: [values[key]] if key in values else [] for key in ("object", "category", "attribute")}
    return {
        "db_id": DATABASE_NAME,
        "split": split,
        "id": number,
        "question": question,
        "template": question,
        "query": (showcase.neural_sql or showcase.gold_sql).format_map(values).lower(),
        "value": {name: value for name, value in values.items() if name not in visual},
        "q_tag": showcase.question,
        "t_tag": [""] * 5,
        "o_tag": {},
        "v_tag": visual,
        "tag": showcase.question,
        "para_type": "machine",
        "is_impossible": False,
        GOLD_PROGRAM: gold_sql.lower(),
    }
