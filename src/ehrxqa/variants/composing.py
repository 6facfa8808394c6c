"""One copy made of several: each subject's rows from the one in which most mutants of the questions about them die.

In a copy drawn at random most questions have some ways to misread them that do not show. Nearly all questions are about
one subject, and what they say rests on the rows of that subject. So several copies are drawn, and for each subject the
rows of the best one are taken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

__all__ = ["Told", "best_copies", "compose"]

#: For each program, the subjects that it names, and for each of its mutants the numbers of the copies that tell it.
Told = Sequence[tuple[tuple[Any, ...], Sequence[Collection[int]]]]


def best_copies(told: Told, copies: int, number: int) -> list[dict[Any, int]]:
    """For so many hospitals: subject (None: all others) → the copy whose rows are taken.

    Args:
        told: What copies tell; number 0 is the database itself.
        copies: Numbered from 1.
        number: Hospitals wanted; each tells what those before it leave.
    """
    left: dict[Any, list[Collection[int]]] = {}
    for subjects, mutants in told:
        for subject in subjects or (None,):
            left.setdefault(subject, []).extend(each for each in mutants if 0 not in each)
    found = []
    for hospital in range(number):
        first = hospital % copies + 1
        chosen: dict[Any, int] = {None: first}
        for subject, mutants in left.items():
            counts = Counter(copy for each in mutants for copy in each)
            # of equally good ones that of its turn, so that hospitals differ in kind
            chosen[subject] = max(range(1, copies + 1), key=lambda copy: (counts[copy], copy == first, -copy))
            left[subject] = [each for each in mutants if chosen[subject] not in each]
        found.append(chosen)
    return found


def compose(copies: Sequence[Path], chosen: Mapping[Any, int], out: Path) -> None:
    """Write a copy with the rows of each subject from the one that is chosen, those of all others from that of None.

    Args:
        copies: Of one database, the first is number 1.
        chosen: Subject → number.
        out: File to write, a copy of number `chosen[None]` so far.
    """
    by_copy: dict[int, list[Any]] = {}
    for subject, number in sorted(chosen.items(), key=str):
        if subject is not None and number != chosen[None]:
            by_copy.setdefault(number, []).append(subject)
    with closing(apsw.Connection(str(out))) as db:
        db.execute("pragma journal_mode = off; pragma synchronous = off; pragma temp_store = memory")
        for number, subjects in sorted(by_copy.items()):
            db.execute("attach ? as other", (f"{copies[number - 1].resolve()}",))
            db.execute("begin")
            for table, columns in _with_subjects(db):
                _exchange(db, table, columns, subjects)
            db.execute("commit")
            db.execute("detach other")


def _with_subjects(db: apsw.Connection) -> list[tuple[str, list[str]]]:
    """Tables with rows of subjects, and their columns."""
    names = db.execute(
        "select name from main.sqlite_schema where type = 'table' and name not like 'sqlite_%'"
    ).fetchall()
    tables = [(str(name), [str(each[1]) for each in db.execute(f'pragma table_info("{name}")')]) for (name,) in names]
    return [(name, columns) for name, columns in tables if "subject_id" in map(str.lower, columns)]


def _exchange(db: apsw.Connection, table: str, columns: Iterable[str], subjects: Sequence[Any]) -> None:
    """Rows of subjects in place of those that are there, with their numbers."""
    names = ", ".join(f'"{name}"' for name in columns)
    listed = ", ".join("?" * len(subjects))
    db.execute(f'delete from main."{table}" where subject_id in ({listed})', subjects)
    db.execute(
        f'insert into main."{table}"(rowid, {names}) select rowid, {names} from other."{table}" '
        f"where subject_id in ({listed}) order by rowid",
        subjects,
    )
