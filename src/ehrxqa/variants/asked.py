"""What programs ask for, and of whom: so that it happens in a copy, and happens to others.

A copy in which things are drawn from thousands hardly ever gives a subject the one drug that a question is about. Then
every program says no, right or wrong. So what the programs name is drawn more often than the rest, for the subjects
that they name above all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw

from ehrxqa.errors import NeuralSqlError
from ehrxqa.sql.comparisons import Comparison, comparisons
from ehrxqa.sql.structure import read

__all__ = ["Asked", "asked_of", "subjects_of", "tables_of"]

#: Columns by which events refer to dictionaries.
_CODES: Final = ("itemid", "icd_code", "icd9_code")
_STUDIES: Final = "tb_cxr_plus"
#: Rows with what is asked for that are kept for each name.
_MOST: Final = 50


@dataclass
class Asked:
    """What a set of programs names.

    Attributes:
        rows: Table → subject (None: anyone) → rows that say what is asked for; of each name, not too many.
        every: The same of subjects; all rows.
        findings: Subject (None: anyone) → rowids of the findings that are asked for.
        subjects: The subjects that are asked about.
        studies: The studies that are asked about by their ids.
    """

    rows: dict[str, dict[Any, list[int]]] = field(default_factory=dict)
    every: dict[str, dict[Any, set[int]]] = field(default_factory=dict)
    findings: dict[Any, list[int]] = field(default_factory=dict)
    subjects: set[Any] = field(default_factory=set)
    studies: set[Any] = field(default_factory=set)


def asked_of(db: apsw.Connection, tables: Mapping[str, Sequence[str]], programs: Iterable[str]) -> Asked:
    """What programs name in a database.

    Args:
        db: The database.
        tables: Table → columns, in lower case.
        programs: As the database runs them; one that cannot be read is passed over.
    """
    schema = {name: frozenset(columns) for name, columns in tables.items()}
    found = Asked()
    known: dict[Comparison, list[tuple[str, list[int]]]] = {}
    for program in dict.fromkeys(programs):
        try:
            all_named = sorted(set(comparisons(read(program), schema)), key=repr)
        except NeuralSqlError:
            continue
        subjects = _subjects(db, all_named) or [None]
        found.subjects.update(subjects)
        found.studies.update(int(study) for each in all_named if each.column == "study_id" for study in each.literals)
        findings: dict[str, list[str]] = {}
        for each in all_named:
            if not each.text:
                continue
            if each.table == _STUDIES and each.column in ("object", "attribute", "category"):
                findings.setdefault(each.column, []).extend(each.literals)
                continue
            if each not in known:
                known[each] = list(_saying(db, tables, each))
            for table, rows in known[each]:
                for subject in subjects:
                    found.rows.setdefault(table, {}).setdefault(subject, []).extend(rows[:_MOST])
                    found.every.setdefault(table, {}).setdefault(subject, set()).update(rows)
        for subject in subjects if findings else []:
            found.findings.setdefault(subject, []).extend(_findings(db, subject, findings))
    return found


def subjects_of(database: Path, programs: Iterable[str]) -> list[tuple[Any, ...]]:
    """For each program the subjects that it names; none for one that names nobody, or cannot be read."""
    found: list[tuple[Any, ...]] = []
    with closing(apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)) as db:
        schema = {name: frozenset(columns) for name, columns in tables_of(db).items()}
        for program in programs:
            try:
                found.append(tuple(_subjects(db, sorted(set(comparisons(read(program), schema)), key=repr))))
            except NeuralSqlError:
                found.append(())
    return found


def tables_of(db: apsw.Connection) -> dict[str, list[str]]:
    """Table → columns, in lower case, of tables with rows of their own."""
    names = db.execute("select lower(name) from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
    return {
        str(name): [str(column).lower() for _, column, *_ in db.execute(f'pragma table_info("{name}")')]
        for (name,) in names.fetchall()
    }


def _subjects(db: apsw.Connection, named: Iterable[Comparison]) -> list[Any]:
    """The subjects that a program names, by their own id or by that of a study, admission or stay."""
    found: dict[Any, None] = {}
    for each in named:
        if each.column == "subject_id":
            found.update((int(literal), None) for literal in each.literals if literal.isdigit())
        elif each.column in ("study_id", "hadm_id", "stay_id"):
            listed = ", ".join(each.literals)
            sql = f"select distinct subject_id from {each.table} where {each.column} in ({listed})"
            found.update((subject, None) for (subject,) in db.execute(sql).fetchall())
    return sorted(found)


def _saying(
    db: apsw.Connection, tables: Mapping[str, Sequence[str]], named: Comparison
) -> Iterable[tuple[str, list[int]]]:
    """Tables with the rows that say what is named: by itself, or by the code that a dictionary has for it."""
    listed = ", ".join(named.literals)
    if "subject_id" in tables[named.table]:
        sql = f"select rowid from {named.table} where {named.column} in ({listed}) order by rowid"
        yield named.table, _rowids(db, sql)
        return
    for code in _CODES:
        if code not in tables[named.table]:
            continue
        codes = f"select {code} from {named.table} where {named.column} in ({listed})"
        for table, columns in tables.items():
            if code in columns and "subject_id" in columns:
                sql = f"select rowid from {table} where {code} in ({codes}) order by rowid"
                if rows := _rowids(db, sql):
                    yield table, rows


def _findings(db: apsw.Connection, subject: Any, named: Mapping[str, Sequence[str]]) -> list[int]:
    """The findings with one of the names in each column that is named."""
    where = " and ".join(f"{column} in ({', '.join(literals)})" for column, literals in sorted(named.items()))
    whose = "" if subject is None else f" and subject_id = {subject}"
    return _rowids(db, f"select rowid from {_STUDIES} where {where}{whose} order by rowid")


def _rowids(db: apsw.Connection, sql: str) -> list[int]:
    return [int(str(row)) for (row,) in db.execute(sql).fetchall()]
