"""Proof of a question before it is written: its answer, twice, its sentence read back, its gold program linted."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, NamedTuple, overload

from ehrxqa.dataset.links import MOST_LINKS, Links, RowLinks
from ehrxqa.errors import NeuralSqlError
from ehrxqa.layout import image_path
from ehrxqa.neuralsql.engine import Engine
from ehrxqa.questions.alternatives import alternative_programs, studies_by_date
from ehrxqa.questions.copies import Copies
from ehrxqa.questions.facts import usable
from ehrxqa.questions.lookup import Lookup
from ehrxqa.questions.needs import Needs, is_stratified, needs_of, open_programs
from ehrxqa.questions.official_sentences import filled
from ehrxqa.questions.programs import (
    INDEXED,
    AnswerRows,
    Rendering,
    answer_rows,
    denominator,
    gold_program,
    query,
    select_of,
    studies_of,
)
from ehrxqa.questions.question import Question
from ehrxqa.questions.reading import may_be_read_back, read_back
from ehrxqa.questions.synonyms import same_titles
from ehrxqa.questions.word_forms import MEASURED
from ehrxqa.sql.answer_list import answer_list
from ehrxqa.sql.errors import TimeLimit
from ehrxqa.sql.gold.indexed import schema_of
from ehrxqa.sql.gold.runner import Prover, Runner
from ehrxqa.sql.limits import Limits
from ehrxqa.sql.lint import Lint
from ehrxqa.sql.mutants import mutants
from ehrxqa.sql.official_text import normalise
from ehrxqa.sql.same_rows import same_rows
from ehrxqa.sql.structure import read
from ehrxqa.vqa.image_labels import ImageLabels
from ehrxqa.vqa.oracle import OracleModel

__all__ = ["LONGER_NAME", "TIES", "Checked", "Checker", "ToldApart"]

#: Longest list that is a good answer.
MOST_ANSWERS: Final = 20
#: Value slot → column that holds its names.
_COLUMNS: Final = {
    "admission_route": "admissions.admission_location",
    "careunit": "transfers.careunit",
    "diagnosis_name": "d_icd_diagnoses.long_title",
    "drug_name": "prescriptions.drug",
    "drug_route": "prescriptions.route",
    "output_name": "d_items.label",
    "procedure_name": "d_icd_procedures.long_title",
    "vital_name": "d_items.label",
    "lab_name": "d_labitems.label",
    "test_name": "microbiologyevents.test_name",
    "culture_name": "microbiologyevents.spec_type_desc",
    "intake_name": "d_items.label",
}
#: Value slots whose things may have two names in a database.
_TWICE_NAMED: Final = (
    "diagnosis_name",
    "procedure_name",
    "drug_name",
    "lab_name",
    "test_name",
    "culture_name",
    "intake_name",
    "output_name",
)
#: Why a ranking is no good answer: it has more names than were asked for.
TIES: Final = "ties in the ranking"
#: Why a sentence is none for what is asked: the names of the catalogue hold one that begins or ends with it.
LONGER_NAME: Final = "lint: longer-name"
#: Patients behind a rate or ranking: a twentieth of all, but not fewer and not more than this need be.
_LEAST_DENOMINATOR: Final = 2
_MOST_DENOMINATOR: Final = 5
_BY_DATE: Final = replace(INDEXED, by_date=True)
#: Steps of SQLite's machine that a mutant may take: some tenths of a second.
_MUTANT_STEPS: Final = 10_000_000
#: Seconds that a program may take.
_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of checking a question.

    Attributes:
        answer: The answer, if the question is good.
        reason: Why it is not written; drawing again may help.
        fault: What of ours is wrong; never a matter of chance.
        alternatives: Reading → answer, where a reading gives another one.
        needs: What the answer needs, the tables or the image.
    """

    answer: list[Any] | None = None
    reason: str = ""
    fault: str = ""
    alternatives: Mapping[str, list[Any]] = field(default_factory=dict)
    needs: Needs = "table"


class ToldApart(NamedTuple):
    """How well a question tells systems apart: mutants of its gold program, and those that give another answer.

    `told` and `untold` are what is misread: in mutants that give another answer, and in those that never do.
    """

    mutants: int
    killed: int
    told: frozenset[str] = frozenset()
    untold: frozenset[str] = frozenset()

    @property
    def share(self) -> float:
        """The mutation score, from 0 to 1."""
        return self.killed / self.mutants if self.mutants else 0.0


class Checker:
    """Checks questions about one database.

    Args:
        copies: The database and its copies.
        labels: Its labels, for the oracle.
    """

    def __init__(self, copies: Copies, labels: ImageLabels) -> None:
        limits = Limits(seconds=_SECONDS)
        self._prover = Prover(schema_of(copies.database), copies.now)
        self._plain = Lookup(copies.database, _SECONDS)
        self._gold = Runner(self._plain, Lookup(copies.twins, _SECONDS))
        self._normalised = partial(normalise, now=copies.now)
        self._fast = Lookup(copies.indexed, _SECONDS)
        self._engine = Engine(copies.indexed, OracleModel(labels), limits=limits, now=copies.now)
        self._plain_engine = Engine(copies.database, OracleModel(labels), limits=limits, now=copies.now)
        self._lint = Lint(self._fast.known_rows)
        self._names: dict[str, set[str]] = {}
        self._longer_names: dict[tuple[str, str], tuple[str, ...]] = {}
        self._doubtful: dict[tuple[str, str], tuple[str, ...]] = {}
        self._titles: dict[str, tuple[str, ...]] = {}
        for slot in _TWICE_NAMED:
            self._titles |= same_titles(filter(usable, self.names(slot)), drugs=slot == "drug_name")
        ((self._patients,),) = self._fast.known_rows("select count(*) from patients")
        self._fewest_patients = min(_MOST_DENOMINATOR, max(_LEAST_DENOMINATOR, self._patients // 20))
        self._images: dict[int, tuple[int, str]] = {
            int(str(study)): (int(str(subject)), str(image))
            for study, subject, image in self._fast.known_rows("select study_id, subject_id, image_id from tb_cxr")
        }

    def check(
        self, question: Question, *, truth: bool | None, empty: bool, strict: bool, ambiguous: bool = False
    ) -> Checked:
        """Answer a question and prove it.

        Args:
            question: The question.
            truth: The answer that a yes/no question should have; None for either.
            empty: Whether an empty list or a count of 0 is wanted.
            strict: Whether a ranking must end without ties.
            ambiguous: Whether another reading may give another answer.

        Raises:
            TimeLimit: Its program, or one that proves it, takes too long.
        """
        program = gold_program(question).lower()
        text = self._normalised(gold_program(question, INDEXED).lower())
        try:
            answer = answer_list(self._fast.known_rows(text))
        except TimeLimit:
            raise
        except NeuralSqlError as error:
            return Checked(fault=f"gold program fails: {error}: {program}")
        if reason := _unfit(question, answer, truth, empty, strict):
            return Checked(reason=reason)
        if "group" in question.template.scope and answer == [self._patients]:
            return Checked(reason="a count of all patients")
        fewest = max(self._fewest_patients, question.template.support)
        if (counted := denominator(question)) and self._count(counted) < fewest:
            return Checked(reason="a rate or ranking of too few patients")
        if rule := self._lint.check(program, text):
            return Checked(reason=f"lint: {rule}")
        alternatives = self._alternatives(question, answer, every=ambiguous)
        if alternatives and not ambiguous:
            return Checked(reason=f"lint: {next(iter(alternatives))}")
        if len(answer) > 1 or any(isinstance(value, float) for value in answer):
            # the order of a list, and of what a sum adds up, is that of the database without indexes
            ordered, failure = self._gold.run(self._prover.job(self._with_studies(question).lower())[1])
            if failure is not None and self._plain.was_slow:
                raise TimeLimit(failure)
            if failure is not None:
                return Checked(fault=f"gold program fails: {failure}: {program}")
            if not _same(ordered, answer):
                return Checked(fault=f"gold program gives {ordered}, with indexes {answer}: {program}")
            answer = ordered
        if question.template.modality != "table":
            try:
                asked = self._engine.run(query(question).lower()).answer
            except TimeLimit:
                raise
            except NeuralSqlError as error:
                return Checked(fault=f"NeuralSQL fails: {error}: {query(question)}")
            if not _same(asked, answer):
                return Checked(fault=f"NeuralSQL gives {asked}, gold {answer}: {query(question)}")
            if len(answer) > 1 and not _same_in_order(self._asked_plainly(question), answer):
                return Checked(reason="a list in another order")
        if self.longer_name(question, filled(question)):
            return Checked(reason=LONGER_NAME)
        if not read_back(question):
            if may_be_read_back(question):
                return Checked(reason="a name that makes the sentence ambiguous")
            return Checked(fault=f"the template does not read back: {filled(question)}")
        return Checked(answer, alternatives=alternatives, needs=self._needs(question))

    def glance(self, question: Question, *, truth: bool | None, empty: bool, strict: bool) -> str:
        """Why the answer of a question makes no good one, or nothing: what `check` looks at first."""
        try:
            rows = self._fast.known_rows(self._normalised(gold_program(question, INDEXED).lower()))
        except TimeLimit:
            raise
        except NeuralSqlError:
            return ""  # a fault, as `check` says
        return _unfit(question, answer_list(rows), truth, empty, strict)

    @overload
    def told_apart(self, question: Question, known: Collection[str] = ()) -> ToldApart: ...

    @overload
    def told_apart(
        self, question: Question, known: Collection[str], best: tuple[int, float] | None
    ) -> ToldApart | None: ...

    def told_apart(
        self, question: Question, known: Collection[str] = (), best: tuple[int, float] | None = None
    ) -> ToldApart | None:
        """How many single-fault mutants of the gold program give another answer; those that take too long do not count.

        Args:
            question: The question.
            known: Misreadings that others tell.
            best: Misreadings beside those, and the share, that are to be exceeded: None if they are not, as soon as
                that is certain.
        """
        text = self._normalised(gold_program(question, INDEXED).lower())
        gold = self._fast.known_rows(text)
        mutated = mutants(read(text))
        left = Counter(mutant.reading for mutant in mutated)
        readings, told = set(), set()
        hoped = len(left.keys() - known)  # misreadings that are new and told, or may still be
        made = killed = 0
        for mutant in mutated:
            left[mutant.reading] -= 1
            with suppress(NeuralSqlError):
                # a row more than the gold program has is another answer, whatever else there is
                rows = self._fast.first_rows(mutant.sql, len(gold) + 1, _MUTANT_STEPS)
                made += 1
                readings.add(mutant.reading)
                if not same_rows(rows, gold):
                    killed += 1
                    told.add(mutant.reading)
            if not left[mutant.reading] and mutant.reading not in told and mutant.reading not in known:
                hoped -= 1
            if best is not None and (hoped, (len(mutated) - made + killed) / len(mutated)) <= best:
                return None  # even if all others were told apart
        found = ToldApart(made, killed, frozenset(told), frozenset(readings - told))
        return found if best is None or (len(found.told - set(known)), found.share) > best else None

    def _asked_plainly(self, question: Question) -> list[Any]:
        """The NeuralSQL answer on the database without indexes, where a list has the order that systems will see."""
        return self._plain_engine.run(query(question).lower()).answer

    def _alternatives(self, question: Question, answer: list[Any], *, every: bool) -> dict[str, list[Any]]:
        """Reading → its answer, where that is another, or is the same by chance; the first one alone if not `every`."""
        found = {}
        if (others := studies_by_date(question)) and self._studies(others) != self._studies(studies_of(question)):
            found["visit-by-date"] = answer
        for reading, program in alternative_programs(question, self._titles).items():
            if found and not every:
                return found
            other = answer_list(self._fast.known_rows(self._normalised(program.lower())))
            if not _same(other, answer):
                found[reading] = other
        if is_stratified(question.template) and self._needs(question) != self._needs(question, _BY_DATE):
            found.setdefault("visit-by-date", answer)
        return found

    def _needs(self, question: Question, how: Rendering = INDEXED) -> Needs:
        """What the answer needs."""
        template = question.template
        if not is_stratified(template):
            return {"table": "table", "image": "image"}.get(template.modality, "both")  # type: ignore[return-value]
        tables, images = (bool(self._count(program)) for program in open_programs(question, how))
        return needs_of(open_to_tables=tables, open_to_images=images)

    def _studies(self, select: str) -> set[int]:
        return {int(str(study)) for (study,) in self._fast.known_rows(self._normalised(select))}

    def _count(self, sql: str) -> int:
        return int(self._fast.known_rows(self._normalised(sql.lower()))[0][0])

    def _with_studies(self, question: Question) -> str:
        """The gold program with the studies it selects written out: the same set, without looking for it row by row."""
        listed = {}
        for selector in question.template.studies:
            if select := select_of(question, selector):
                listed[selector] = tuple(
                    int(str(row[0])) for row in self._fast.known_rows(self._normalised(select.lower()))
                )
        # an empty list is no list in SQLite's grammar of the official programs: then the select stays
        kept = {selector: studies for selector, studies in listed.items() if studies}
        return gold_program(question, Rendering("tb_cxr_plus", "tb_cxr_plus", kept))

    def longer_name(self, question: Question, text: str) -> bool:
        """Whether a sentence can be read as asking for a longer name: `tf residual output` where `tf residual` is meant."""
        values = {slot: str(value) for slot, value in question.choice.values.items() if slot.rstrip("123") in _COLUMNS}
        for slot, name in values.items():
            rest = text
            for other in sorted(values.values(), key=len, reverse=True):
                if name in other and name != other:  # a longer name that is asked for as well
                    rest = rest.replace(other, "_")
            if any(re.search(rf"(?<!\w){re.escape(longer)}(?!\w)", rest) for longer in self._longer(slot, name)):
                return True
            if any(_says(rest, form) for form in self._doubtful_forms(slot, name)):
                return True
        return False

    def _doubtful_forms(self, slot: str, name: str) -> tuple[str, ...]:
        """What else a measurement is called, where that is in this database, too, the name of another one or part of it."""
        forms = MEASURED.get(slot, {}).get(name, ())
        if (slot, name) not in self._doubtful:
            others = {*self.names("lab_name"), *self.names("vital_name")} - {name} if forms else set()
            self._doubtful[slot, name] = tuple(form for form in forms if any(_says(other, form) for other in others))
        return self._doubtful[slot, name]

    def _longer(self, slot: str, name: str) -> tuple[str, ...]:
        """The names of a slot's catalogue that hold a name and more."""
        key = slot.rstrip("123"), name
        if key not in self._longer_names:
            self._longer_names[key] = tuple(each for each in self.names(slot) if name in each and name != each)
        return self._longer_names[key]

    def names(self, slot: str) -> set[str]:
        """All names that the database has for a value slot, whether they occur in events or not."""
        slot = slot.rstrip("123")
        if slot not in self._names:
            column = _COLUMNS[slot]
            rows = self._fast.known_rows(f"select distinct {column} from {column.split('.')[0]}")
            self._names[slot] = {str(name) for (name,) in rows}
        return self._names[slot]

    def links(self, question: Question, split: str, checked: Checked) -> Links:
        """What a question is about, and the rows its answer rests on; without its number in the split."""
        select = studies_of(question)
        studies = [int(str(row[0])) for row in self._fast.known_rows(self._normalised(select))] if select else []
        total = len(studies)
        images = [self._images[study] for study in studies]
        listed = f"( {', '.join(map(str, studies))} )" if 0 < total <= MOST_LINKS else ""
        rows = [self._rows(each) for each in answer_rows(question, listed)]
        template = question.template
        return Links(
            split=split,
            id=0,
            modality=template.modality,
            scope=template.scope,
            family=template.family,
            template=template.id,
            study_ids=studies,
            image_ids=[image for _, image in images],
            image_paths=[
                image_path(subject, study, image) for study, (subject, image) in zip(studies, images, strict=True)
            ],
            studies_total=total,
            rows=rows,
            needs=checked.needs,
            alternatives=dict(checked.alternatives),
            bounded=any(each.total > len(each.row_ids) for each in rows),
        )

    def _rows(self, rows: AnswerRows) -> RowLinks:
        table, rest = rows
        select = f"select {table}.row_id from {table} {rest} order by 1 limit {MOST_LINKS + 1}"
        found = [int(str(row[0])) for row in self._fast.known_rows(self._normalised(select.lower()))]
        total = len(found)
        if total > MOST_LINKS:
            total = self._count(f"select count(*) from {table} {rest}")
        return RowLinks(table, found[:MOST_LINKS], total)


def _says(text: str, words: str) -> bool:
    """Whether words stand in a text."""
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def _unfit(question: Question, answer: list[Any], truth: bool | None, empty: bool, strict: bool) -> str:
    """Why an answer makes no good question, or nothing."""
    kind = question.template.answer
    if None in answer:
        return "null in the answer"
    if kind == "truth":
        if len(answer) != 1 or answer[0] not in (0, 1):
            return "no single truth value"
        return "other truth value" if truth is not None and bool(answer[0]) is not truth else ""
    if answer and not isinstance(answer[0], str) and answer[0] < question.template.least:
        return "too small a count"
    if kind == "value":
        if question.template.inner and answer in ([0], [1]):
            return "an end of the scale"
        return "" if len(answer) == 1 else "several values" if answer else "empty"
    if kind == "count":
        return "" if (answer == [0]) is empty else "zero" if answer == [0] else "not zero"
    if kind == "top":
        wanted = question.ranks
        most = wanted if strict else MOST_ANSWERS
        return "" if wanted <= len(answer) <= most else TIES if len(answer) > most else "a ranking of too few"
    if not answer:
        return "" if empty else "empty"
    return "long list" if len(answer) > MOST_ANSWERS else ""


def _same(one: list[Any], other: list[Any]) -> bool:
    """Whether two answers hold the same values in any order; what is added up in another order may round otherwise."""
    if one == other:
        return True
    if len(one) != len(other):
        return False
    pairs = zip(sorted(one, key=_place), sorted(other, key=_place), strict=True)
    return all(
        math.isclose(a, b, rel_tol=1e-9, abs_tol=2e-6)
        if isinstance(a, int | float) and isinstance(b, int | float)
        else a == b
        for a, b in pairs
    )


def _same_in_order(one: list[Any], other: list[Any]) -> bool:
    """Whether two answers are the same as they stand: some rules of comparison keep the order of lists."""
    return len(one) == len(other) and all(_same([a], [b]) for a, b in zip(one, other, strict=True))


def _place(value: Any) -> tuple[str, Any]:
    return ("number", value) if isinstance(value, int | float) else (type(value).__name__, str(value))
