"""What questions are drawn from: the events, visits and studies of a database, in memory.

Only what has a name that can stand in a sentence and in SQL is held, see `usable`. A worker reads it once.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw

from ehrxqa.errors import BuildError
from ehrxqa.questions.event_table import Event, EventTable
from ehrxqa.questions.events import EVENTS, HEIGHT, VITALS, WEIGHT
from ehrxqa.questions.times import TimeChoice
from ehrxqa.sql.official_text import normalise
from ehrxqa.vqa.database_labels import labels_of_database
from ehrxqa.vqa.image_labels import ImageLabels

__all__ = ["Event", "Facts", "StudyEvent", "read_facts", "usable"]

_LONGEST_NAME: Final = 90


class StudyEvent(NamedTuple):
    """One X-ray study; `name` is its number as text, so that it can stand where an event does.

    A study that is not `labelled` is in TB_CXR only: it counts when studies are put in order, but nothing is asked of
    it, since nobody knows the answer.
    """

    time: str
    name: str
    hadm: int
    stay: int
    value: Any
    subject: int
    study: int
    image: str
    row: int
    labelled: bool


@lru_cache(maxsize=65536)
def usable(name: object) -> bool:
    """Whether a name can be asked for.

    It must survive the official normalisation of queries unchanged, which takes out quotes and touches some
    percent signs, and it must be a name: not empty, not a number, not of extreme length.

    >>> [usable(name) for name in ("heparin", "crohn's disease", "123", "")]
    [True, False, False, False]
    """
    if not isinstance(name, str) or not 1 < len(name) <= _LONGEST_NAME or name != name.strip():
        return False
    if not re.search("[a-z]", name) or re.search(r"[\"'{}\[\]<>‘’“”|\\]|_lower|_upper|  ", name):
        return False
    return normalise(name) == name == name.lower()


_COLUMNS: Final = "cast({t} as text), cast({name} as text), cast({e}hadm_id as integer), {stay}, {value}, cast({e}subject_id as integer)"
_TITLES: Final = f"""select {_COLUMNS} from {{table}} e join {{d}} d on d.{{key}} = e.{{key}}
    where {{t}} is not null and e.hadm_id is not null {{more}} order by e.row_id"""
_PLAIN: Final = f"""select {_COLUMNS} from {{table}} where {{t}} is not null and {{name}} is not null and hadm_id is not null
    order by row_id"""
_ONE_CODE = "and d.{label} in ( select {label} from {d} group by {label} having count(*) = 1 )"


#: Kind → the only names of its events that questions are about, where its table has others.
_ONLY: Final = {"vit": tuple(VITALS), "body": (WEIGHT, HEIGHT)}


def _query(kind: str) -> str:
    event = EVENTS[kind]
    value = event.value or "null"
    has_stay = event.table in ("inputevents", "outputevents", "chartevents", "icustays")
    stay = "coalesce(cast({e}stay_id as integer), 0)" if has_stay else "0"
    if event.dictionary or event.table == "chartevents":
        d, label = event.dictionary or "d_items", event.label or "label"
        more = _ONE_CODE.format(label=label, d=d) if d.startswith("d_icd") else ""
        if kind in _ONLY:
            more = f"and d.{label} in ( {', '.join(map(repr, _ONLY[kind]))} )"
        return _TITLES.format(
            t=f"e.{event.time}",
            name=f"d.{label}",
            e="e.",
            stay=stay.format(e="e."),
            table=event.table,
            d=d,
            key=event.key,
            value=f"e.{value}" if value != "null" else value,
            more=more,
        )
    name = {"unit": "careunit", "adm": "admission_location", "route": "route"}.get(kind, event.key or event.time)
    value = {"spec": "org_name", "test": "org_name", "adm": "age"}.get(kind, value)
    return _PLAIN.format(t=event.time, name=name, e="", stay=stay.format(e=""), value=value, table=event.table)


@dataclass
class Facts:
    """The facts of one database.

    Attributes:
        events: Kind → subject → its events by time.
        visits: Name of a visit filter → subject → its admission or stay.
        studies: Subject → its studies by time.
        genders: Subject → m or f.
        ages: Admission → age.
        labels: The labels of all studies.
        abbreviations: Those with one meaning that differs from them.
        died: Subjects with a time of death.
    """

    events: dict[str, EventTable]
    visits: dict[str, dict[int, int]]
    studies: dict[int, list[StudyEvent]]
    genders: dict[int, str]
    ages: dict[int, int]
    labels: ImageLabels
    abbreviations: list[str]
    died: dict[int, str]
    subjects: list[int] = field(default_factory=list)

    @cached_property
    def by_name(self) -> dict[str, dict[str, Sequence[Event]]]:
        """Kind → name → events; only names that can be asked for."""
        return {kind: table.by_name(usable) for kind, table in self.events.items()}

    @cached_property
    def patients(self) -> dict[str, dict[str, int]]:
        """Kind → name that can be asked for → patients who have it."""
        return {
            kind: {name: self.events[kind].subjects_of(events) for name, events in names.items()}
            for kind, names in self.by_name.items()
        }

    @cached_property
    def names(self) -> dict[str, list[str]]:
        """Kind → names that can be asked for, the most widespread first."""
        return {kind: sorted(names, key=lambda name: (-names[name], name)) for kind, names in self.patients.items()}

    @cached_property
    def deadly_names(self) -> list[str]:
        """Diagnoses of somebody who died."""
        return [
            name for name in self.names["dx"] if any(event.subject in self.died for event in self.by_name["dx"][name])
        ]

    @cached_property
    def shared_names(self) -> dict[str, list[str]]:
        """Kind → names of more than one patient, likewise."""
        return {kind: [name for name in names if self.patients[kind][name] > 1] for kind, names in self.names.items()}

    def of(self, kind: str, subject: int) -> Sequence[Event]:
        """Events of a subject, by time."""
        return self.events[kind].get(subject, ())

    def passes(self, event: Event | StudyEvent, choice: TimeChoice) -> bool:
        """Whether an event passes a filter, whatever kind of filter it is."""
        visit = choice.visit
        if not visit:
            return choice.lets_through(event.time)
        wanted = self.visits[choice.name].get(event.subject)
        return wanted is not None and wanted == (event.hadm if visit == "hosp" else event.stay)

    def visit_options(self, event: Event | StudyEvent, visit: str) -> list[TimeChoice]:
        """The filters on visits that an event passes."""
        return [
            choice
            for which in ("cur", "first", "last")
            if self.passes(event, choice := TimeChoice(f"rel-{visit}-{which}"))
        ]


def read_facts(path: Path) -> Facts:
    """Read what questions about a database are drawn from.

    Raises:
        BuildError: There is no such database, or it is not one of ours.
    """
    if not path.is_file():
        raise BuildError(f"{path}: no such database; build it first: ehrxqa build SOURCES OUT")
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return _read(connection, path)
    except apsw.Error as error:
        raise BuildError(f"{path}: not an EHRXQA database ({error})") from error
    finally:
        connection.close()


def _read(db: apsw.Connection, path: Path) -> Facts:
    events = {kind: EventTable(db.execute(_query(kind))) for kind in EVENTS}
    labels = labels_of_database(path)
    row_of = labels.row_of_study
    labelled = {study for (study,) in db.execute("select distinct study_id from tb_cxr_plus")}
    studies: dict[int, list[StudyEvent]] = defaultdict(list)
    for time, study, hadm, image, subject in db.execute(
        "select studydatetime, study_id, hadm_id, image_id, subject_id from tb_cxr order by studydatetime, study_id"
    ):
        studies[subject].append(
            StudyEvent(
                time, str(study), int(hadm or 0), 0, None, subject, study, image, row_of[study], study in labelled
            )
        )
    query = "select abbreviation, min(label) from d_items group by abbreviation having count( distinct label ) = 1 and min(label) <> abbreviation"
    facts = Facts(
        events,
        _visits(db),
        dict(studies),
        dict(db.execute("select subject_id, gender from patients")),
        dict(db.execute("select hadm_id, age from admissions")),
        labels,
        [
            short
            for short, label in db.execute(f"{query} order by 1")
            if usable(short) and is_abbreviation(short, label)
        ],
        dict(db.execute("select subject_id, dod from patients where dod is not null")),
    )
    facts.subjects = sorted(facts.genders)
    return facts


def is_abbreviation(short: str, label: str) -> bool:
    """Whether one name abbreviates another: shorter, of its letters in their order, and not just its first words.

    >>> is_abbreviation("rr", "respiratory rate"), is_abbreviation("heparin sodium", "heparin sodium (prophylaxis)")
    (True, False)
    """
    if len(short) >= len(label) or label.startswith(short):
        return False
    rest = iter(label)
    return all(letter in rest for letter in short if letter.isalpha())


def _visits(db: apsw.Connection) -> dict[str, dict[int, int]]:
    visits: dict[str, dict[int, int]] = {}
    for visit, table, key, begun, ended in (
        ("hosp", "admissions", "hadm_id", "admittime", "dischtime"),
        ("icu", "icustays", "stay_id", "intime", "outtime"),
    ):
        for which, condition, order in (
            ("cur", "is null", "desc"),
            ("first", "is not null", "desc"),
            ("last", "is not null", "asc"),
        ):
            # the last row of a subject in this order is the one that is meant
            rows = db.execute(
                f"select subject_id, {key} from {table} where {ended} {condition} order by {begun} {order}"
            )
            visits[f"rel-{visit}-{which}"] = {int(subject): int(number) for subject, number in rows}
    return visits
