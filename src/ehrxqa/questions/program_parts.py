"""What a program of one question is made of: each part a piece of SQL, written out from what was drawn.

A program of a template is a function that takes the `Parts` of a question and joins some of them with `words` and
`where`; what a filter, an order or a name does not ask for is empty, and `words` and `where` leave it out:

    def program(q: Parts) -> str:
        return words(f"select {q.a.time} from {q.a.table}", where(q.a.inside(), q.a.name, q.during(q.a.time)))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ehrxqa.questions.event_times import EXACT, MOMENT_SQL, WITHIN
from ehrxqa.questions.events import VITALS, EventKind
from ehrxqa.questions.image_sql import condition
from ehrxqa.questions.slots import operation_sql
from ehrxqa.vqa.render import render

if TYPE_CHECKING:
    from ehrxqa.questions.question import Question
    from ehrxqa.questions.template import StudySelector

__all__ = ["IMAGES", "INDEXED", "LABELS", "EventParts", "Parts", "Rendering", "bracketed", "where", "words"]


@dataclass(frozen=True)
class Rendering:
    """How a program is written: where it finds studies, and how it takes what can be taken in two ways.

    Attributes:
        name: The table, as conditions name it.
        source: What selects of studies read, as it stands behind FROM.
        listed: Selector → studies that are written out instead of selected.
        by_date: Whether a visit is what lies between its two times, instead of what bears its number.
        rank: The function that ranks.
        titles: Name of a diagnosis, procedure, drug or the like → all that are taken for the same.
    """

    name: str
    source: str
    listed: Mapping[StudySelector, tuple[int, ...]] = field(default_factory=dict)
    by_date: bool = False
    rank: str = "dense_rank()"
    titles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


LABELS: Final = Rendering("tb_cxr_plus", "tb_cxr_plus")
IMAGES: Final = Rendering("tb_cxr", "tb_cxr")
#: The labels, on a copy of the database that holds their distinct studies in a table of their own (see `copies`).
INDEXED: Final = Rendering("tb_cxr_plus", "cxr_studies as tb_cxr_plus")


def words(*parts: str) -> str:
    """The parts that are not empty, with a space between them.

    >>> words("select cost", "", "from cost")
    'select cost from cost'
    """
    return " ".join(filter(None, parts))


def bracketed(*parts: str) -> str:
    """The same in brackets, for a select within another."""
    return f"( {words(*parts)} )"


def where(*conditions: str) -> str:
    """A WHERE of the conditions that are not empty; nothing without any.

    >>> where("a = 1", "", "b = 2"), where("")
    ('where a = 1 and b = 2', '')
    """
    there = " and ".join(filter(None, conditions))
    return f"where {there}" if there else ""


class Parts:
    """The parts of the programs of a question.

    `n` is the number of a slot: 1 for `g1` or `e1`, 2 for `g2` or `e2`.

    Args:
        question: The question.
        how: How its programs are written.
    """

    def __init__(self, question: Question, how: Rendering) -> None:
        self.question, self.how = question, how
        self.choice, self.template = question.choice, question.template
        self.events = tuple(EventParts(self, place, event) for place, event in enumerate(self.template.events))

    @property
    def a(self) -> EventParts:
        """Of the first event that the template speaks of."""
        return self.events[0]

    @property
    def b(self) -> EventParts:
        """Of the second."""
        return self.events[1]

    def value(self, slot: str) -> str:
        """What was drawn for a value slot."""
        return str(self.choice.values[slot])

    @property
    def patient(self) -> str:
        """The number of the patient asked about."""
        return self.value("patient_id")

    def option(self, slot: str, column: str = "") -> str:
        """What stands for an operation slot, put on a column if it needs one."""
        return operation_sql(slot, self.choice.operations[slot], column)

    def during(self, column: str, n: int = 1) -> str:
        """The condition that a time passes the filter; empty where a visit is named instead."""
        return self.choice.time(f"g{n}").sql(column)

    def at_moment(self, column: str, n: int = 1) -> str:
        """The condition that a time is the recorded one that the question names, if it names one."""
        moment = self.choice.moments.get(f"e{n}")
        return MOMENT_SQL.format(column=column, time=moment) if moment else ""

    def nth(self, column: str, n: int = 1) -> str:
        """The order by which the first, second or last by time is taken."""
        name = self.choice.exact.get(f"e{n}", "")
        return EXACT[name].order.format(column=column) if name else ""

    def first_or_last(self, column: str) -> str:
        """The same as a further key of an order."""
        return f"{column} {'asc' if self.choice.exact['e1'] == 'exact-first' else 'desc'}"

    def within(self, earlier: str, later: str) -> str:
        """The condition that two times are as near as the question says."""
        if not self.choice.within:
            return ""
        one, other = (column.split(".")[0] for column in (earlier, later))
        if self.how.by_date and self.choice.within == "within-hosp":
            subject = self.patient if self.template.of_patient else f"{one}.subject_id"
            times = "admissions.admittime and coalesce(admissions.dischtime, current_time)"
            return (
                f"exists ( select 1 from admissions where admissions.subject_id = {subject} and {earlier} between {times} "
                f"and {later} between {times} )"
            )
        return WITHIN[self.choice.within].sql.format(
            earlier=earlier, later=later, earlier_visit=f"{one}.hadm_id", later_visit=f"{other}.hadm_id"
        )

    def end_of_window(self, time: str) -> str:
        """When the time is over in which something was to follow."""
        return WITHIN[self.choice.within].over.format(time=time)

    def of_visit(self, visit: str = "hosp", n: int = 1) -> str:
        """What selects the visit that a filter names, among the admissions (`hosp`) or ICU stays (`icu`) of a patient."""
        return self.choice.time(f"g{n}").visit_sql(visit)

    def admissions(self, n: int = 1) -> str:
        """The admissions meant, in brackets."""
        of_patient = f"admissions.subject_id = {self.patient}"
        return bracketed("select admissions.hadm_id from admissions", where(of_patient, self.of_visit("hosp", n)))

    def stays(self, n: int = 1) -> str:
        """The ICU stays meant, in brackets."""
        of_admissions = f"icustays.hadm_id in {self.admissions(n)}"
        return bracketed("select icustays.stay_id from icustays", where(of_admissions, self.of_visit("icu", n)))

    def lies_in_visit(self, time: str, n: int, visit: str = "hosp") -> str:
        """That a time lies between the two times of the visit that a filter names."""
        table, key, begun, ended, visits = (
            ("admissions", "hadm_id", "admittime", "dischtime", self.admissions(n))
            if visit == "hosp"
            else ("icustays", "stay_id", "intime", "outtime", self.stays(n))
        )
        return (
            f"exists ( select 1 from {table} where {table}.{key} in {visits} and {time} between {table}.{begun} and "
            f"coalesce({table}.{ended}, current_time) )"
        )

    def aged(self, table: str, time: str) -> str:
        """The condition that a row lies in an admission of the age group asked for."""
        age = f"admissions.age is not null and {self.option('age_group')}"
        if not self.how.by_date:
            return f"{table}.hadm_id in ( select admissions.hadm_id from admissions where {age} )"
        return (
            f"exists ( select 1 from admissions where admissions.subject_id = {table}.subject_id and {age} and {time} between "
            "admissions.admittime and coalesce(admissions.dischtime, current_time) )"
        )

    @property
    def rank(self) -> str:
        """The function that ranks."""
        return self.how.rank

    @property
    def studies(self) -> str:
        """The studies asked about, the later of two, in brackets."""
        return self.selected(self.template.studies[0])

    def selected(self, selector: StudySelector) -> str:
        """Some studies of the patient, in brackets."""
        if (known := self.how.listed.get(selector)) is not None:
            return f"( {', '.join(map(str, known))} )"
        if selector.startswith("id"):
            return f"( {self.value(f'study_id{selector[2:]}')} )"
        return f"( {self.select_of_studies(selector)} )"

    def select_of_studies(self, selector: StudySelector) -> str:
        """The select of some studies of the patient, which are not given by their numbers."""
        name, source = self.how.name, self.how.source
        time = f"{name}.studydatetime"
        if selector == "previous":
            later = self.selected(self.template.studies[0])
            return (
                f"select distinct {name}.study_id from {source} where {name}.subject_id in "
                f"( select {name}.subject_id from {source} where {name}.study_id in {later} ) and {time} < "
                f"( select distinct {time} from {source} where {name}.study_id in {later} ) "
                f"order by {time} desc limit 1"
            )
        n = 2 if selector == "earlier time" else 1
        meant = f"{name}.subject_id = {self.patient}"
        if self.choice.time(f"g{n}").visit:
            in_visit = f"{name}.hadm_id in {self.admissions(n)}"
            meant = f"{meant} and {self.lies_in_visit(time, n)}" if self.how.by_date else in_visit
        return words(
            f"select distinct {name}.study_id from {source}",
            where(meant, self.during(time, n)),
            "" if selector == "all" else self.nth(time, n),
        )

    @property
    def shown(self) -> str:
        """What a label must fulfil to say that the finding is there."""
        assert self.choice.visual is not None
        return " and ".join(condition(self.choice.visual))

    def asks(self, table: str) -> str:
        """The call that asks the image of the study in a row of `table`."""
        assert self.choice.visual is not None
        return f'func_vqa("{render(self.choice.visual)}", {table}.study_id)'


class EventParts:
    """What is known of one of the events that a question speaks of.

    Attributes:
        table: Its table.
        bare_time: Its time column; `time` with the table before it.
        time: The same.
        value: The column of its number, with the table before it.
        key: The column that says what it is.
        dictionary: The table that names it.
        named: The column that names it, with the table before it.
    """

    def __init__(self, parts: Parts, place: int, event: EventKind) -> None:
        self._parts, self._place, self._event = parts, place, event
        self.table, self.bare_time, self.time = event.table, event.time, event.column
        self.value = f"{event.table}.{event.value}"
        self.key, self.dictionary, self.named = event.key, event.dictionary, event.named

    def inside(self, n: int = 1) -> str:
        """The condition that it belongs to the patient, and to the visit that a filter names."""
        parts, table = self._parts, self.table
        visit = parts.choice.time(f"g{n}").visit
        if table == "admissions":
            return f"admissions.subject_id = {parts.patient}"
        if parts.how.by_date and visit:
            return f"{table}.subject_id = {parts.patient} and {parts.lies_in_visit(self.time, n, visit)}"
        if self._event.belongs_to == "stay":
            return f"{table}.stay_id in {parts.stays(n)}"
        if self._event.belongs_to == "stay of admission":
            stays = f"select icustays.stay_id from icustays where icustays.hadm_id in {parts.admissions(n)}"
            return f"{table}.stay_id in ( {stays} )"
        return f"{table}.hadm_id in {parts.admissions(n)}"

    @property
    def name(self) -> str:
        """The condition that it is the one which the question names; empty where it names none."""
        template, named_by = self._parts.template, self._event.named_by
        slot = template.slots[self._place]
        if named_by is None or not (slot or template.label):
            return ""
        values = self._parts.choice.values
        if titles := self._parts.how.titles.get(str(values.get(slot))):
            return named_by.any_of(titles)
        return named_by.one(template.label or str(values[slot]))

    @property
    def normal_range(self) -> tuple[str, str]:
        """The ends of the normal range of a vital sign, by the names that they have in programs."""
        vital = VITALS[self._parts.choice.values["vital_name"]]
        return f"{vital}_lower", f"{vital}_upper"
