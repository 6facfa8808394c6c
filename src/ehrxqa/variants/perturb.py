"""A copy of a database in which other things happened to the same people.

Another hospital would not do: a program that asks for a subject, a drug or a month gives nothing there, and so does
every wrong one. So ids, names, subjects and admissions stay, and what happened is drawn anew:

- What an event was (its item and value, drug and dose, code) becomes that of another row of the table: of the same
  subject, or of anyone; some things happen twice then, and some no more. Some events are left out, others are added;
  some happen at the very moment in which their admission or ICU stay begins.
- Studies show what others show, or what is drawn, at other times; some are left out, others are added.
- All that happened to some subjects is moved by some days. Sex, and what an admission was like, become those of others;
  some last admissions have not ended.

Copies are of three kinds in turn: what is asked for (`asked`) is absent while much else is there; it happens at other
times; much of everything happens. For subjects that are asked about, how much of that is there is drawn for each: all,
some or nothing.

What holds in every database of the kind stays true, so that two programs that rest on it still agree: keys and
references, to whom and to which admission and stay an event belongs, age, one title for a code, one cost for what an
event was, the same studies in all tables. Nothing else: such a copy is made to be asked, not to be learned from.
"""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw

from ehrxqa.variants.asked import Asked, asked_of, tables_of

__all__ = ["perturb"]

#: What is drawn, by kind of copy: what is asked for is absent, or happens at other times, or much happens.
#: Of the rows of a table: what they say is kept, or taken from another row of the subject; of anyone for the rest.
_KEPT: Final = (0.3, 0.7, 0.3)
_OF_SUBJECT: Final = (0.3, 0.1, 0.4)
#: Of rows of anyone: how many say what is asked for.
_ASKED_OF_ALL: Final = (0.1, 0.1, 0.2)
#: Rows of events, and studies, that are left out, and that are added for each subject asked about; rows added beside.
_LEFT_OUT: Final = 0.1
_MORE: Final = (10, 4, 10)
_MORE_STUDIES: Final = (4, 3, 5)
_ADDED: Final = (0.0, 0.0, 0.3)
#: Studies that are added at most.
_MOST_STUDIES: Final = 400
#: Studies that show what another one shows; findings of the others that are drawn, and how many of these are there.
_AS_ANOTHER: Final = 0.4
_DRAWN: Final = 0.5
_SHOWN: Final = (0.25, 0.2, 0.4)
#: Of findings that are asked for: how many are there. One of these holds for a subject that is asked about, another for
#: what is asked of anyone.
_SHOWN_OF_SUBJECT: Final = (0.0, 0.0, 0.02, 0.2, 0.6)
#: These hold for all of them, or for each place, finding or study by itself.
_SHOWN_OF: Final = ("subject_id", "object", "attribute", "study_id")
_SHOWN_OF_ALL: Final = (0.0, 0.3, 0.4)
#: Likewise, of rows: how many say what is asked for (None: what they say is another), and how many are left out.
_ASKED_OF_SUBJECT: Final = (None, None, 0.05, 0.3, 0.5)
_LEFT_OUT_OF_SUBJECT: Final = (0.1, 0.1, 0.1, 0.8, 1.0)
#: Technical assessments that are there, of subjects who are asked about: they are no abnormality.
_TECHNICAL: Final = 0.3
#: Days by which all that happened to a subject is moved, and subjects to whom that happens.
_DAYS: Final = (-800, -400, -190, -35, -3, 35, 190, 400)
_SHIFTED: Final = (0.4, 0.8, 0.4)
#: Studies at the time of any other one, and at that of an event of the subject.
_AT_OTHER_TIME, _AT_EVENT = 0.3, 0.3
#: Last admissions that have not ended.
_NOT_ENDED: Final = 0.4
#: Events that happen as their admission, or ICU stay, begins.
_AT_ONCE: Final = 0.1
#: Columns that stay with their row, beside ids and times.
_FIXED: Final = frozenset({"age", "dob", "dod", "discharge_location", "anchor_age", "eventtype", "event_type", "cost"})
#: Tables whose rows are never left out: others refer to them.
_WHOLE: Final = frozenset({"patients", "admissions", "icustays", "transfers"})
#: Numbers of rows and studies that are added, apart for each seed.
_NUMBERS: Final = 1_000_000_000
#: Draws of a row that says something else than what is asked for.
_TRIES: Final = 5
#: Treated as one.
_STUDIES: Final = ("tb_cxr", "tb_cxr_plus")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d")


def perturb(database: Path, copy: Path, seed: int, programs: Iterable[str] = ()) -> None:
    """Write a copy of a database in which other things happened; the same seed gives the same copy.

    Args:
        database: A SQLite database with subjects (`subject_id`); it is only read.
        copy: File to write.
        seed: Of all that is drawn, from 1. Copies of three seeds in a row differ in kind.
        programs: What they ask for is drawn more often than the rest (`asked`).
    """
    copy.touch(mode=0o600)  # rows of patients, for nobody else's eyes
    shutil.copyfile(database, copy)
    with closing(apsw.Connection(str(copy))) as db:
        db.execute("pragma journal_mode = off; pragma synchronous = off; pragma temp_store = memory")
        db.execute("begin")
        tables = tables_of(db)
        asked = asked_of(db, tables, programs)
        for name, columns in tables.items():
            if "subject_id" in columns and name not in (*_STUDIES, "cost"):
                _Events(db, name, tables, seed, asked).change()
        if _STUDIES[1] in tables:
            _studies(db, tables, seed, asked)
        _shift(db, tables, seed)
        db.execute("commit")


class _Events:
    """One table of events and what follows from it: the costs of its rows."""

    def __init__(
        self,
        db: apsw.Connection,
        table: str,
        tables: Mapping[str, Sequence[str]],
        seed: int,
        asked: Asked,
    ) -> None:
        self._db, self._table, self._tables = db, table, tables
        self._columns = tables[table]
        self._rng = random.Random(f"{seed}/{table}")
        self._kind, self._seed = (seed - 1) % len(_ADDED), seed
        self._asked, self._every = asked.rows.get(table, {}), asked.every.get(table, {})
        self._share = {subject: _drawn(seed, table, subject, "asked", _ASKED_OF_SUBJECT) for subject in self._asked}
        self._left_out = {
            subject: _drawn(seed, table, subject, "left out", _LEFT_OUT_OF_SUBJECT)
            for subject in sorted(asked.subjects, key=str)
        }
        self._rows: list[tuple[Any, ...]] = db.execute(
            f'select rowid, subject_id from "{table}" order by rowid'
        ).fetchall()
        self._times = _times(db, table, self._columns)
        self._number = dict(db.execute(f'select rowid, row_id from "{table}"')) if "row_id" in self._columns else {}
        has_cost = {"row_id", "subject_id"} <= set(self._columns) and "cost" in tables
        self._cost: dict[Any, Any] = (
            dict(db.execute("select event_id, cost from cost where event_type = ?", (table,))) if has_cost else {}
        )

    def change(self) -> None:
        """Draw anew what happened."""
        db, table, rng = self._db, self._table, self._rng
        whole = table in _WHOLE
        if self._cost:
            db.execute("create index perturbed_cost on cost(event_type, event_id)")
        sources = _sources(self._rows, rng, self._asked, self._every, self._share, self._kind)
        if not whole and self._number:
            sources += self._added()
        left_out = [
            row for row, subject in self._rows if not whole and rng.random() < self._left_out.get(subject, _LEFT_OUT)
        ]
        at_once = [row for row, _ in self._rows if rng.random() < _AT_ONCE]
        self._take(sources)
        if not whole:
            self._begin_at_once(at_once)
        self._charge(sources)
        db.executemany(f'delete from "{table}" where rowid = ?', [(row,) for row in left_out])
        if self._cost:
            gone = [(table, self._number[row]) for row in left_out]
            db.executemany("delete from cost where event_type = ? and event_id = ?", gone)
            db.execute("drop index perturbed_cost")
        if table == "admissions" and "dischtime" in self._columns:
            self._stay_on()

    def _added(self) -> list[tuple[int, int]]:
        """Rows at the places of others, and the rows whose content they take; most for the subjects asked about."""
        db, table, rng = self._db, self._table, self._rng
        of_subject: dict[Any, list[int]] = {}
        for row, subject in self._rows:
            of_subject.setdefault(subject, []).append(row)
        anyone: list[int] = [row for row, _ in self._rows]
        places = [rng.choice(anyone) for _ in range(round(_ADDED[self._kind] * len(anyone)))]
        pairs = [(place, rng.choice(anyone)) for place in places]
        for subject, asked in sorted(self._asked.items(), key=str):
            mine = [] if self._left_out.get(subject) == 1 else of_subject.get(subject, [])
            for _ in range(_MORE[self._kind] if mine else 0):
                share = self._share[subject] or 0.0
                what = rng.choice(asked) if asked and rng.random() < share else rng.choice(anyone)
                if self._share[subject] is None and what in self._every.get(subject, ()):
                    continue
                pairs.append((rng.choice(mine), what))
        names = ", ".join(f'"{name}"' for name in self._columns if name != "row_id")
        free, number = (_free(db, table, name, self._seed) for name in ("rowid", "row_id"))
        charged = ", ".join(name for name in self._tables.get("cost", ()) if name not in ("row_id", "event_id"))
        bill = _free(db, "cost", "row_id", self._seed) if self._cost else 0
        found = []
        for at, (place, what) in enumerate(pairs):
            self._number[free + at] = number + at
            db.execute(
                f'insert into "{table}"(rowid, row_id, {names}) select ?, ?, {names} from "{table}" where rowid = ?',
                (free + at, number + at, place),
            )
            if self._cost:
                db.execute(
                    f"insert into cost(rowid, row_id, event_id, {charged}) select ?, ?, ?, {charged} from cost "
                    "where event_type = ? and event_id = ?",
                    (bill + at, bill + at, number + at, table, self._number[place]),
                )
            found.append((free + at, what))
        return found

    def _take(self, sources: Sequence[tuple[int, int]]) -> None:
        """Let rows say what their sources say."""
        what = [
            name
            for name in self._columns
            if not name.endswith("_id") and name not in self._times and name not in _FIXED
        ]
        if not what:
            return
        db, names = self._db, ", ".join(f'"{name}"' for name in what)
        db.execute(f'create temp table was as select rowid as r, {names} from "{self._table}"')
        db.execute("create index temp.was_r on was(r)")
        db.execute("create temp table source(r integer primary key, s integer)")
        db.executemany("insert into source values (?, ?)", sources)
        db.execute(
            f'update "{self._table}" set ({names}) = (select {names} from was where was.r = '
            f'(select s from source where source.r = "{self._table}".rowid))'
        )
        db.execute("drop table was")
        db.execute("drop table source")

    def _begin_at_once(self, rows: Sequence[int]) -> None:
        """Let some events happen as their admission, or ICU stay, begins; what they cost is charged then."""
        time = next((name for name in ("charttime", "starttime") if name in self._times), None)
        visits, key, start = ("admissions", "hadm_id", "admittime")
        if "stay_id" in self._columns:
            visits, key, start = ("icustays", "stay_id", "intime")
        if time is None or key not in self._columns or visits not in self._tables:
            return
        db = self._db
        then = dict(db.execute(f"select {key}, {start} from {visits}"))
        belongs = dict(db.execute(f'select rowid, {key} from "{self._table}"'))
        moved = [(then[belongs[row]], row) for row in rows if then.get(belongs[row]) is not None]
        db.executemany(f'update "{self._table}" set {time} = ? where rowid = ?', moved)
        if self._cost and "chargetime" in self._tables["cost"]:
            charged = [(at, self._table, self._number[row]) for at, row in moved]
            db.executemany("update cost set chargetime = ? where event_type = ? and event_id = ?", charged)

    def _charge(self, sources: Sequence[tuple[int, int]]) -> None:
        """Let what an event costs follow what it was."""
        if not self._cost:
            return
        costs = [
            (self._cost[self._number[source]], self._table, self._number[row])
            for row, source in sources
            if self._number[source] in self._cost
        ]
        self._db.executemany("update cost set cost = ? where event_type = ? and event_id = ?", costs)

    def _stay_on(self) -> None:
        """Let some last admissions not have ended."""
        last = self._db.execute(
            "select hadm_id, max(admittime) from admissions group by subject_id order by 1"
        ).fetchall()
        staying = [(hadm,) for hadm, _ in last if self._rng.random() < _NOT_ENDED]
        self._db.executemany("update admissions set dischtime = null where hadm_id = ?", staying)


_T = TypeVar("_T")


def _drawn(seed: int, table: str, subject: Any, what: str, shares: Sequence[_T]) -> _T:
    """The share that holds for a subject in a copy."""
    return random.Random(f"{seed}/{table}/{subject}/{what}").choice(shares)


def _free(db: apsw.Connection, table: str, column: str, seed: int) -> int:
    """A number from which on none is in use, in any copy of another seed either."""
    first = seed * _NUMBERS
    sql = f'select coalesce(max({column}), 0) from "{table}" where {column} >= ?'
    return max(first, 1 + int(str(db.execute(sql, (first,)).fetchall()[0][0])))


def _times(db: apsw.Connection, table: str, columns: Sequence[str]) -> set[str]:
    """The columns that hold times."""
    found = set()
    for name in columns:
        first = db.execute(f'select "{name}" from "{table}" where "{name}" is not null limit 1').fetchall()
        if name in ("dod", "dob") or (first and isinstance(first[0][0], str) and _TIME.match(first[0][0])):
            found.add(name)
    return found


def _sources(
    rows: Sequence[tuple[Any, ...]],
    rng: random.Random,
    asked: Mapping[Any, Sequence[int]],
    every: Mapping[Any, Collection[int]],
    shares: Mapping[Any, float | None],
    kind: int,
) -> list[tuple[int, int]]:
    """Each row with the row whose content it takes."""
    of_subject: dict[Any, list[int]] = {}
    for row, subject in rows:
        of_subject.setdefault(subject, []).append(row)
    found = []
    for row, subject in rows:
        chance, mine = rng.random(), of_subject[subject]
        source = row
        if chance >= _KEPT[kind] + _OF_SUBJECT[kind] or (chance >= _KEPT[kind] and len(mine) < 2):
            source = rows[rng.randrange(len(rows))][0]
        elif chance >= _KEPT[kind]:
            source = mine[rng.randrange(len(mine))]
        pool, share = asked.get(subject), shares.get(subject)
        if (share is not None and pool and rng.random() < share) or (
            (pool := asked.get(None)) and rng.random() < _ASKED_OF_ALL[kind]
        ):
            source = pool[rng.randrange(len(pool))]
        for _ in range(_TRIES if share is None else 0):
            if source not in every.get(subject, ()):
                break
            source = rows[rng.randrange(len(rows))][0]
        found.append((row, source))
    return found


def _studies(db: apsw.Connection, tables: Mapping[str, Sequence[str]], seed: int, asked: Asked) -> None:
    """Let studies show something else, at other times, and leave some out, in all tables of studies."""
    rng, kind = random.Random(f"{seed}/studies"), (seed - 1) % len(_SHOWN)
    _add(db, tables, sorted(each for each in asked.subjects if each is not None), rng, seed)
    rows = db.execute(
        "select study_id, subject_id, min(studydatetime) from tb_cxr_plus group by study_id order by study_id"
    ).fetchall()
    _show(db, tables, rows, rng, kind)
    for subject in sorted(asked.subjects - {None}):
        technical = db.execute(
            "select rowid from tb_cxr_plus where subject_id = ? and category = 'technicalassessment' order by rowid",
            (subject,),
        ).fetchall()
        values = [(int(rng.random() < _TECHNICAL), row) for (row,) in technical]
        db.executemany("update tb_cxr_plus set relation = ? where rowid = ?", values)
    for subject, some in sorted(asked.findings.items(), key=str):
        of = _drawn(seed, "", subject, "of", _SHOWN_OF)
        parts = dict(db.execute(f"select rowid, {of} from tb_cxr_plus where rowid in ({', '.join(map(str, some))})"))
        values = []
        for row in dict.fromkeys(some):
            share = _SHOWN_OF_ALL[kind] if subject is None else _drawn(seed, of, subject, parts[row], _SHOWN_OF_SUBJECT)
            values.append((int(rng.random() < share), row))
        db.executemany("update tb_cxr_plus set relation = ? where rowid = ?", values)
    _move(db, tables, rows, rng)
    gone = [(study,) for study, *_ in rows if rng.random() < _LEFT_OUT and study not in asked.studies]
    for table in _STUDIES:
        if table in tables:
            db.executemany(f"delete from {table} where study_id = ?", gone)


def _shift(db: apsw.Connection, tables: Mapping[str, Sequence[str]], seed: int) -> None:
    """Move all that happened to some subjects by some days; not beyond the last time of the database."""
    rng, kind = random.Random(f"{seed}/days"), (seed - 1) % len(_SHIFTED)
    times = {
        table: sorted(found - {"dob"})
        for table, columns in tables.items()
        if "subject_id" in columns and (found := _times(db, table, columns))
    }
    last: dict[Any, str] = {}
    for table, columns in times.items():
        for column in columns:
            for subject, at in db.execute(f"select subject_id, max({column}) from {table} group by 1"):
                last[subject] = max(last.get(subject, ""), str(at or ""))
    end = max(last.values(), default="")
    db.execute("create temp table days(subject integer primary key, days text)")
    for subject in sorted(last):
        if rng.random() < _SHIFTED[kind]:
            days = f"{rng.choice(_DAYS):+d} days"
            ((then,),) = db.execute("select datetime(?, ?)", (last[subject], days)).fetchall()
            if then is not None and str(then) <= end:
                db.execute("insert into days values (?, ?)", (subject, days))
    for table, columns in times.items():
        moved = ", ".join(
            f"{column} = coalesce(strftime('%Y-%m-%d %H:%M:%S', {column}, "
            f"(select days from days where subject = subject_id)), {column})"
            for column in columns
        )
        db.execute(f"update {table} set {moved} where subject_id in (select subject from days)")
    db.execute("drop table days")


def _add(
    db: apsw.Connection, tables: Mapping[str, Sequence[str]], subjects: Sequence[Any], rng: random.Random, seed: int
) -> None:
    """Add studies of subjects: those of anyone, under new ids, in an admission of theirs or in none."""
    known = [study for (study,) in db.execute("select distinct study_id from tb_cxr_plus order by 1")]
    visits: dict[Any, list[Any]] = {}
    for subject, hadm in db.execute("select subject_id, hadm_id from tb_cxr_plus group by 1, 2 order by 1, 2"):
        visits.setdefault(subject, []).append(hadm)
    free = seed * _NUMBERS
    last = {table: _free(db, table, "rowid", seed) for table in _STUDIES if table in tables}
    each = min(_MORE_STUDIES[(seed - 1) % len(_MORE_STUDIES)], _MOST_STUDIES // max(1, len(subjects)))
    for table in _STUDIES:
        if table in tables:
            db.execute(f"create index perturbed_{table} on {table}(study_id)")
    for number, subject in enumerate(subject for subject in subjects if subject in visits for _ in range(each)):
        study, hadm = rng.choice(known), rng.choice(visits[subject])
        for table in _STUDIES:
            if table not in tables:
                continue
            same = [
                name
                for name in tables[table]
                if name not in ("row_id", "subject_id", "hadm_id", "study_id", "image_id")
            ]
            names = ", ".join(same)
            db.execute(
                f"insert into {table}(rowid, row_id, subject_id, hadm_id, study_id, image_id, {names}) "
                f"select ? + row_number() over (), ? + row_number() over (), ?, ?, ?, ?, {names} from {table} "
                "where study_id = ?",
                (last[table], last[table], subject, hadm, free + number, f"added-{seed}-{number}", study),
            )
            last[table] += db.changes()
    for table in _STUDIES:
        if table in tables:
            db.execute(f"drop index perturbed_{table}")


def _show(
    db: apsw.Connection,
    tables: Mapping[str, Sequence[str]],
    rows: Sequence[tuple[Any, ...]],
    rng: random.Random,
    kind: int,
) -> None:
    shown = [name for name in ("relation", "ct_ratio", "mt_ratio") if name in tables["tb_cxr_plus"]]
    names = ", ".join(shown)
    db.execute(f"create temp table was as select study_id, object, attribute, {names} from tb_cxr_plus")
    db.execute("create index temp.was_at on was(study_id, object, attribute)")
    db.execute("create temp table source(r integer primary key, s integer)")
    as_another = [(study, rng.choice(rows)[0]) for study, *_ in rows if rng.random() < _AS_ANOTHER]
    db.executemany("insert into source values (?, ?)", as_another)
    there = (
        "from was where was.study_id = (select s from source where r = tb_cxr_plus.study_id) "
        "and was.object = tb_cxr_plus.object and was.attribute = tb_cxr_plus.attribute"
    )
    values = ", ".join(f"{name} = coalesce((select {name} {there} limit 1), {name})" for name in shown)
    db.execute(f"update tb_cxr_plus set {values} where study_id in (select r from source)")
    others = db.execute(
        "select rowid from tb_cxr_plus where study_id not in (select r from source) order by rowid"
    ).fetchall()
    drawn = [(int(rng.random() < _SHOWN[kind]), row) for (row,) in others if rng.random() < _DRAWN]
    db.executemany("update tb_cxr_plus set relation = ? where rowid = ?", drawn)
    db.execute("drop table was")
    db.execute("drop table source")


def _move(
    db: apsw.Connection, tables: Mapping[str, Sequence[str]], rows: Sequence[tuple[Any, ...]], rng: random.Random
) -> None:
    """Give studies other times: those of other studies, or of what happened to the subject."""
    happened: dict[Any, list[str]] = {}
    for table, time in (
        ("prescriptions", "starttime"),
        ("diagnoses_icd", "charttime"),
        ("procedures_icd", "charttime"),
    ):
        if time in tables.get(table, ()):
            for subject, at in db.execute(
                f"select subject_id, {time} from {table} where {time} is not null order by rowid"
            ):
                happened.setdefault(subject, []).append(at)
    moved = []
    for study, subject, _ in rows:
        chance = rng.random()
        if chance < _AT_EVENT and subject in happened:
            moved.append((rng.choice(happened[subject]), study))
        elif chance < _AT_EVENT + _AT_OTHER_TIME:
            moved.append((rng.choice(rows)[2], study))
    for table in _STUDIES:
        if table in tables:
            db.execute(f"create index perturbed_{table} on {table}(study_id)")
            db.executemany(f"update {table} set studydatetime = ? where study_id = ?", moved)
            db.execute(f"drop index perturbed_{table}")
