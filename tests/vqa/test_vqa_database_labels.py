"""The oracle on a database, against the gold SQL over TB_CXR_PLUS."""

from __future__ import annotations

import csv
import gzip
import random
import sqlite3
from pathlib import Path

import pytest

from ehrxqa.errors import BuildError
from ehrxqa.vqa.database_labels import labels_of_database, studies_of_database
from ehrxqa.vqa.models import VqaRequest
from ehrxqa.vqa.oracle import OracleModel
from ehrxqa.vqa.question import CATEGORIES, KINDS, Combination, Form, Target, VqaQuestion

TABLES = """
CREATE TABLE TB_CXR_PLUS (row_id INTEGER, subject_id INTEGER, study_id INTEGER, image_id TEXT, viewposition TEXT,
  object TEXT, relation INTEGER, attribute TEXT, category TEXT, ct_ratio REAL, mt_ratio REAL);
CREATE TABLE TB_CXR (row_id INTEGER, subject_id INTEGER, study_id INTEGER, image_id TEXT, viewposition TEXT);
CREATE TABLE PATIENTS (row_id INTEGER, subject_id INTEGER, gender TEXT);
"""

ABNORMAL = "tb_cxr_plus.category in ('anatomicalfinding','disease','device','tubesandlines')"


def gold_sql(question: VqaQuestion, study: int) -> str:
    """The gold program of a question on one study, as the benchmark's templates write it."""
    where = f"from tb_cxr_plus where tb_cxr_plus.study_id in ( {study} )"
    if question.target is Target.SIZE:
        ratio = "ct_ratio > 1.0/2" if question.kind.number == 47 else "mt_ratio > 1.0/3"
        return f"select distinct tb_cxr_plus.{ratio} {where}"

    def column(name: str, values: tuple[str, ...]) -> list[str]:
        return [f"tb_cxr_plus.{name} = '{value}'" for value in values]

    def condition(*parts: str) -> str:
        return " and ".join([f"{where} and tb_cxr_plus.relation = 1", *parts])

    objects, attributes = column("object", question.objects), column("attribute", question.attributes)
    findings = attributes or column("category", question.categories) or [ABNORMAL]
    if question.form is Form.CHOOSE:
        listed = "object" if question.target is Target.OBJECT else "attribute"
        either = [f"( {' or '.join(group)} )" for group in (objects, findings) if group]
        return f"select distinct tb_cxr_plus.{listed} {condition(*either)}"
    operands = [
        condition(*parts) for parts in ([(o, f) for o in objects for f in findings] or [(f,) for f in findings])
    ]
    if question.form is Form.VERIFY:
        joint = " and " if question.combination is Combination.AND else " or "
        return "select " + joint.join(f"( select count(*) > 0 {operand} )" for operand in operands)
    joint = {"intersection": " intersect ", "difference": " except "}.get(str(question.combination), " union ")
    listed = "object" if question.target is Target.OBJECT else "attribute"
    return joint.join(f"select distinct tb_cxr_plus.{listed} {operand}" for operand in operands)


def random_question(rng: random.Random, number: int, objects, attributes) -> VqaQuestion:
    kind = KINDS[number]
    return VqaQuestion.of_kind(
        number,
        objects=() if kind.measured else tuple(rng.sample(objects, kind.objects)),
        attributes=tuple(rng.sample(attributes, kind.attributes)),
        categories=tuple(rng.sample(CATEGORIES, kind.categories)),
    )


def agrees(connection: sqlite3.Connection, oracle: OracleModel, question: VqaQuestion, study: int) -> None:
    rows = [row[0] for row in connection.execute(gold_sql(question, study))]
    answer = oracle.answer([VqaRequest(study, "", question, "")])[0]
    if question.answer_type == "list":
        assert list(answer) == sorted(rows), question
    elif question.target is Target.SIZE and not rows:
        assert answer is None
    else:
        assert rows == [answer], question


@pytest.fixture(scope="module")
def made_up(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("labels") / "made up.db"
    rng = random.Random(5)
    objects, attributes = ["left lung", "spine", "neck"], ["picc", "rotated", "hernia", "pneumonia"]
    category = dict(
        zip(attributes, ["tubesandlines", "technicalassessment", "anatomicalfinding", "disease"], strict=True)
    )
    with sqlite3.connect(path) as connection:
        connection.executescript(TABLES)
        for number in range(30):
            study, subject = 500 + number, 100 + number // 3
            view = rng.choice(["ap", "pa", None])
            connection.execute("INSERT INTO TB_CXR VALUES (?,?,?,?,?)", (number, subject, study, f"i{number}", view))
            if number % 10 == 9:
                continue  # a study without labels
            ratios = (rng.choice([None, 0.4, 0.5, 0.6]), rng.choice([None, 0.3, 1 / 3, 0.4]))
            for place in objects:
                for attribute in attributes:
                    values = (place, int(rng.random() < 0.3), attribute, category[attribute], *ratios)
                    connection.execute(
                        "INSERT INTO TB_CXR_PLUS VALUES (0,?,?,?,?,?,?,?,?,?,?)",
                        (subject, study, f"i{number}", view, *values),
                    )
        connection.executemany("INSERT INTO PATIENTS VALUES (0,?,?)", [(100 + n, "mf"[n % 2]) for n in range(9)])
    connection.close()
    return path


def test_every_kind_agrees_with_its_gold_sql(made_up):
    labels = labels_of_database(made_up)
    oracle = OracleModel(labels)
    rng = random.Random(6)
    connection = sqlite3.connect(made_up)
    for number in sorted(set(KINDS) - set(range(41, 47))):
        for _ in range(8):
            question = random_question(
                rng, number, ["left lung", "spine", "neck"], ["picc", "rotated", "hernia", "pneumonia"]
            )
            for study in rng.sample(labels.study_ids, 6):
                agrees(connection, oracle, question, study)
    connection.close()


def test_views_and_genders_come_from_their_tables(made_up):
    labels = labels_of_database(made_up)
    connection = sqlite3.connect(made_up)
    views = dict(connection.execute("SELECT study_id, viewposition FROM tb_cxr"))
    assert dict(zip(labels.study_ids, labels.views, strict=True)) == views
    assert labels.genders == [
        {subject: "mf"[subject % 2] for subject in range(100, 109)}.get(subject) for subject in labels.subject_ids
    ]
    connection.close()
    assert studies_of_database(made_up)[500] == (100, "i0")
    assert "hernia" in labels.vocabulary.attributes


def test_the_file_is_not_changed(made_up):
    before = made_up.read_bytes()
    labels_of_database(made_up)
    assert made_up.read_bytes() == before
    assert [path.name for path in made_up.parent.iterdir()] == [made_up.name]


@pytest.mark.parametrize("content", [None, b"no database", b""])
def test_what_is_no_database_is_said(tmp_path, content):
    path = tmp_path / "x.db"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BuildError, match=r"x\.db: (no such|not an EHRXQA|not a SQLite database)"):
        labels_of_database(path)


@pytest.mark.shared
def test_reference_labels_agree_with_gold_sql(shared, tmp_path):
    """The synthetic reference tables, all kinds, with names that occur there."""
    folder = shared / "parity" / "expected" / "train"
    path = tmp_path / "train.db"
    connection = sqlite3.connect(path)
    for name in ("tb_cxr_plus", "tb_cxr", "patients"):
        with gzip.open(folder / f"{name}.csv.gz", "rt", newline="") as stream:
            header, *rows = csv.reader(stream)
        marks = ",".join("?" * len(header))
        types = ",".join(f"{column} {'INTEGER' if column.endswith('_id') else 'NUMERIC'}" for column in header)
        connection.execute(f"CREATE TABLE {name} ({types})")
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", [[cell or None for cell in row] for row in rows])
    connection.execute("CREATE INDEX study ON tb_cxr_plus (study_id)")
    connection.commit()
    labels = labels_of_database(path)
    assert len(labels.findings) > 500
    oracle = OracleModel(labels)
    rng = random.Random(7)
    objects = sorted({finding.object for finding in labels.findings})
    attributes = sorted({finding.attribute for finding in labels.findings})
    for number in sorted(set(KINDS) - set(range(41, 47))):
        question = random_question(rng, number, objects, attributes)
        for study in rng.sample(labels.study_ids, 5):
            agrees(connection, oracle, question, study)
    connection.close()
