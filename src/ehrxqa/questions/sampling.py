"""Drawing values: from rows of the database, so that answers exist by construction.

A template names its way of drawing. A way first takes events (a patient's, or anybody's), then derives names, filters
and thresholds from them. Truth values are drawn before the rest, so that yes and no come about equally often.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from ehrxqa.questions.facts import Event, Facts, Study, usable
from ehrxqa.questions.image_sql import COMPARISONS
from ehrxqa.questions.question import Choice
from ehrxqa.questions.slots import OPERATIONS
from ehrxqa.questions.template import Template
from ehrxqa.questions.times import NO_TIME, TIME_OPTIONS, TimeChoice, candidates
from ehrxqa.questions.visuals import Visuals
from ehrxqa.vqa.question import Form, VqaQuestion

__all__ = ["Sampler"]

#: Of a hundred questions that may do without a filter, so many do.
_UNFILTERED_PERCENT: Final = 20
#: Names among which those of "no" questions are drawn: the most widespread.
_FREQUENT: Final = 60
_EXACT_PAIRS: Final = (
    ("exact-first", "exact-second"),
    ("exact-first", "exact-last"),
    ("exact-second_to_last", "exact-last"),
)
_PLACES: Final = {"exact-first": 0, "exact-second": 1, "exact-last": -1, "exact-second_to_last": -2}

_T = TypeVar("_T")
_Event = Event | Study


class Sampler:
    """Draws choices for templates from the facts of one database."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._visuals = Visuals(facts.labels)
        self._subjects_of: dict[tuple[str, frozenset[int] | None], list[int]] = {}
        self._ways: dict[str, Callable[[_Draw], Choice | None]] = {
            name.removeprefix("_way_").replace("_", " "): getattr(self, name)
            for name in dir(self)
            if name.startswith("_way_")
        }

    def draw(
        self, template: Template, rng: random.Random, *, truth: bool, empty: bool, subjects: frozenset[int] | None
    ) -> Choice | None:
        """One try; None if it came to nothing.

        Args:
            template: What to draw for.
            rng: Source of all chance.
            truth: The answer that a yes/no question shall have.
            empty: Whether a list shall be empty.
            subjects: Patients that questions about one patient may be about; None for all.
        """
        return self._ways[template.draw](_Draw(template, rng, truth, empty, subjects))

    # --- what the ways share

    def _subject(self, draw: _Draw, *kinds: str) -> int | None:
        """A subject with events of all these kinds."""
        key = ("+".join(kinds), draw.subjects)
        if key not in self._subjects_of:
            pools = [set(self._facts.studies if kind == "study" else self._facts.events[kind]) for kind in kinds] or [
                set(self._facts.subjects)
            ]
            found = set.intersection(*pools)
            self._subjects_of[key] = sorted(found if draw.subjects is None else found & draw.subjects)
        return _any(draw.rng, self._subjects_of[key])

    def _events(self, draw: _Draw, subject: int, *, place: int = 0) -> list[Event]:
        """Events of a subject that the template may be about."""
        template = draw.template
        kind = template.kinds[place]
        events = self._facts.of(kind, subject)
        if kind == "body":
            events = [event for event in events if event.name == template.label]
        if template.slots[place]:
            events = [event for event in events if usable(event.name)]
        if (fixed := template.fixed.get("g1")) and place == 0:
            events = [event for event in events if self._facts.passes(event, TimeChoice(fixed))]
        return events

    def _pick(self, draw: _Draw, events: Sequence[Event]) -> Event | None:
        """An event; every name is as likely as another."""
        if not events:
            return None
        name = draw.rng.choice(sorted({event.name for event in events}))
        return draw.rng.choice([event for event in events if event.name == name])

    def _filter(self, draw: _Draw, *events: _Event) -> TimeChoice:
        """A filter that lets all these events through."""
        template, rng = draw.template, draw.rng
        if fixed := template.fixed.get("g1"):
            return TimeChoice(fixed)
        grains = template.grains
        if "hosp!" in grains:
            return _any(rng, self._facts.visit_options(events[0], "hosp")) or NO_TIME
        if not grains or rng.randrange(100) < _UNFILTERED_PERCENT:
            return NO_TIME
        grain = rng.choice(grains)
        if grain in ("hosp", "icu"):
            options = self._facts.visit_options(events[0], grain)
        else:
            options = candidates(events[0].time, (grain,), rng)
        return (
            _any(rng, [each for each in options if all(self._facts.passes(event, each) for event in events)]) or NO_TIME
        )

    def _choice(self, draw: _Draw, **parts: Any) -> Choice:
        """A choice, its operations and simple exact filters drawn."""
        template, rng = draw.template, draw.rng
        operations = {
            slot: rng.choice(template.options.get(slot) or tuple(OPERATIONS[slot].options))
            for slot in template.operations
        } | parts.pop("operations", {})
        g1 = parts["times"]["g1"] if "times" in parts else NO_TIME
        if "unit_average" in operations and g1.option is not None:
            finer = {"year": ("daily", "monthly"), "month": ("daily",)}.get(g1.option.grain, ("daily", "monthly"))
            operations["unit_average"] = rng.choice(finer)
        exact = {slot: rng.choice(("exact-first", "exact-last")) for slot in template.times if slot in ("e1", "e2")}
        if "n_survival_period" in template.operations:
            operations["n_survival_period"] = rng.choice(template.options["n_survival_period"])
        return Choice(operations=operations, exact=exact | parts.pop("exact", {}), **parts)

    def _one(self, draw: _Draw, event: Event, time: TimeChoice, **more: Any) -> Choice:
        """The choice about one event of a patient."""
        values = {"patient_id": event.subject}
        if draw.template.slots and draw.template.slots[0]:
            values[draw.template.slots[0]] = event.name  # type: ignore[assignment]
        return self._choice(draw, values=values | more.pop("values", {}), times={"g1": time}, **more)

    # --- tables, one patient

    def _way_event(self, draw: _Draw) -> Choice | None:
        subject = self._subject(draw, draw.template.kinds[0])
        if subject is None:
            return None
        event = self._pick(draw, self._events(draw, subject))
        return None if event is None else self._one(draw, event, self._filter(draw, event))

    def _way_finished(self, draw: _Draw) -> Choice | None:
        return self._way_event(draw)

    def _way_finished_icu(self, draw: _Draw) -> Choice | None:
        return self._way_event(draw)

    def _way_patient(self, draw: _Draw) -> Choice | None:
        subject = self._subject(draw)
        return None if subject is None else self._choice(draw, values={"patient_id": subject})

    def _way_both(self, draw: _Draw) -> Choice | None:
        subject = self._subject(draw, "in", "out")
        if subject is None:
            return None
        one, other = (draw.rng.choice(self._facts.of(kind, subject)) for kind in ("in", "out"))
        return self._one(draw, one, self._filter(draw, one, other))

    def _way_measured(self, draw: _Draw) -> Choice | None:
        choice = self._way_event(draw)
        if choice is None or not choice.time("g1").name:
            return None
        event = draw.rng.choice([
            event for event in self._facts.of("lab", choice.values["patient_id"]) if event.name == choice.values["lab_name"]
        ])  # fmt: skip
        return Choice({**choice.values, "lab_value": _plain(event.value)}, choice.times, choice.exact)

    def _way_organism(self, draw: _Draw) -> Choice | None:
        subject = self._subject(draw, draw.template.kinds[0])
        if subject is None:
            return None
        event = self._pick(draw, [event for event in self._events(draw, subject) if event.value])
        return None if event is None else self._one(draw, event, self._filter(draw, event))

    def _way_repeated(self, draw: _Draw) -> Choice | None:
        kind = draw.template.kinds[0]
        subject = self._subject(draw, kind)
        if subject is None:
            return None
        events = self._events(draw, subject)
        again = [
            (one, other) for n, one in enumerate(events) for other in events[n + 1 :] if one.name == other.name
        ]  # fmt: skip
        pair = _any(draw.rng, again)
        return None if pair is None else self._one(draw, pair[0], self._filter(draw, *pair))

    def _way_today(self, draw: _Draw) -> Choice | None:
        now, before = TimeChoice("rel-day-this"), TimeChoice("rel-day-last")
        found = []
        for patient in self._facts.events["rx"]:
            events = self._facts.of("rx", patient)
            yesterday = {event.name for event in events if before.lets_through(event.time)}
            if any(now.lets_through(event.time) and event.name not in yesterday for event in events):
                found.append(patient)
        subject = _any(draw.rng, [each for each in found if draw.subjects is None or each in draw.subjects])
        return (
            None
            if subject is None
            else self._choice(draw, values={"patient_id": subject}, times={"g1": before, "g2": now})
        )

    def _way_change(self, draw: _Draw) -> Choice | None:
        template, rng = draw.template, draw.rng
        subject = self._subject(draw, template.kinds[0])
        if subject is None:
            return None
        event = self._pick(draw, self._events(draw, subject))
        if event is None:
            return None
        time = self._filter(draw, event)
        same = [
            each for each in self._events(draw, subject) if each.name == event.name and self._facts.passes(each, time)
        ]
        times = sorted({each.time for each in same})
        if len(times) < 2:
            return None
        e1, e2 = rng.choice(_EXACT_PAIRS)
        one, other = (next(each for each in same if each.time == times[_PLACES[exact]]) for exact in (e1, e2))
        operations = {}
        if template.answer == "truth":
            if one.value is None or other.value is None or one.value == other.value:
                return None
            operations = {"comparison": "greater" if (other.value > one.value) is draw.truth else "less"}
        values: dict[str, Any] = {"patient_id": subject}
        if template.slots[0]:
            values[template.slots[0]] = event.name
        return self._choice(
            draw, values=values, times={"g1": time, "g2": time}, exact={"e1": e1, "e2": e2}, operations=operations
        )  # fmt: skip

    def _way_threshold(self, draw: _Draw) -> Choice | None:
        subject = self._subject(draw, "vit")
        if subject is None:
            return None
        event = self._pick(draw, self._events(draw, subject))
        if event is None or event.value is None:
            return None
        time = self._filter(draw, event)
        same = [
            each.value
            for each in self._facts.of("vit", subject)
            if each.name == event.name and each.value is not None and self._facts.passes(each, time)
        ]
        comparison = draw.rng.choice(("less", "greater"))
        extreme = max(same) if comparison == "greater" else min(same)
        if draw.template.answer == "truth" and not draw.truth:
            limit = extreme
        else:
            limit = draw.rng.choice(same)
            if limit == extreme:
                return None
        return self._one(
            draw, event, time, values={"vital_value": _plain(limit)}, operations={"comparison": comparison}
        )

    def _way_normal(self, draw: _Draw) -> Choice | None:
        return self._way_event(draw)

    def _way_has(self, draw: _Draw) -> Choice | None:
        if draw.truth:
            return self._way_event(draw)
        template, rng, facts = draw.template, draw.rng, self._facts
        kind, slot = template.kinds[0], template.slots[0]
        subject = self._subject(draw)
        if subject is None:
            return None
        if not slot:
            time = self._gap(draw, subject, facts.of(kind, subject))
            return None if time is None else self._choice(draw, values={"patient_id": subject}, times={"g1": time})
        own = facts.of(kind, subject)
        anchor = _any(rng, own) or _any(rng, facts.of("adm", subject))
        if anchor is None:
            return None
        time = self._filter(draw, anchor)
        if time.visit == "icu" and not anchor.stay:
            time = NO_TIME
        there = {event.name for event in own if facts.passes(event, time)}
        elsewhere = sorted({event.name for event in own} - there)
        pool = elsewhere if elsewhere and rng.random() < 0.4 else facts.names[kind][:_FREQUENT]
        name = _any(rng, [name for name in pool if name not in there and usable(name)])
        if name is None:
            return None
        return self._choice(draw, values={"patient_id": subject, slot: name}, times={"g1": time})

    def _gap(self, draw: _Draw, subject: int, events: Sequence[_Event]) -> TimeChoice | None:
        """A filter that lets no event of a subject through, drawn near what else happened to the subject."""
        rng = draw.rng
        others: list[_Event] = [*self._facts.of("adm", subject), *self._facts.studies.get(subject, [])]
        anchor = _any(rng, others)
        if anchor is None:
            return None
        grains = [grain for grain in draw.template.grains if grain not in ("hosp", "icu")]
        moment = anchor.time if rng.random() < 0.5 else f"{rng.randrange(2100, 2106)}{anchor.time[4:]}"
        if moment.endswith("02-29", 4, 10) or moment > "2105-12-31 23:59:00":
            return None
        options = candidates(moment, (rng.choice(grains),), rng)
        if rng.random() < 0.3:
            for visit in ("hosp", "icu"):
                if visit in draw.template.grains:
                    options = [
                        TimeChoice(name)
                        for name, option in TIME_OPTIONS.items()
                        if option.grain == visit and subject in self._facts.visits[name]
                    ]  # fmt: skip
        return _any(rng, [time for time in options if not any(self._facts.passes(event, time) for event in events)])

    def _way_three(self, draw: _Draw) -> Choice | None:
        subject = self._subject(draw, "rx")
        if subject is None:
            return None
        own = [event for event in self._facts.of("rx", subject) if usable(event.name)]
        event = self._pick(draw, own)
        if event is None:
            return None
        time = self._filter(draw, event)
        there = {each.name for each in own if self._facts.passes(each, time)}
        others = [name for name in self._facts.names["rx"][:_FREQUENT] if name not in there]
        if len(others) < 3:
            return None
        names = draw.rng.sample(others, 3)
        if draw.truth:
            names[draw.rng.randrange(3)] = event.name
        values = {"patient_id": subject, **{f"drug_name{n}": name for n, name in enumerate(names, 1)}}
        return self._choice(draw, values=values, times={"g1": time})

    def _way_pair(self, draw: _Draw) -> Choice | None:
        a, b = draw.template.kinds
        subject = self._subject(draw, a, b)
        if subject is None:
            return None
        one = self._pick(draw, self._events(draw, subject))
        if one is None:
            return None
        within = draw.rng.choice(draw.template.withins)
        later = [event for event in self._facts.of(b, subject) if _follows(one, event, within)]
        other = _any(draw.rng, later)
        if other is None:
            return None
        return self._one(draw, one, self._filter(draw, one, other), within=within)

    def _way_together(self, draw: _Draw) -> Choice | None:
        subject = self._subject(draw, "rx")
        if subject is None:
            return None
        own = [event for event in self._facts.of("rx", subject) if usable(event.name)]
        one = _any(draw.rng, own)
        if one is None:
            return None
        other = _any(draw.rng, [event for event in own if event.time == one.time and event.name != one.name])
        if other is None:
            return None
        values = {"patient_id": subject, "drug_name1": one.name, "drug_name2": other.name}
        return self._choice(draw, values=values, times={"g1": self._filter(draw, one)}, within="within-same")

    # --- tables, no patient and groups

    def _way_nothing(self, draw: _Draw) -> Choice | None:
        fixed = draw.template.fixed.get("g1")
        return self._choice(draw, times={"g1": TimeChoice(fixed) if fixed else NO_TIME})

    def _way_names(self, draw: _Draw) -> Choice | None:
        name = _any(draw.rng, self._facts.names[draw.template.kinds[0]])
        return None if name is None else self._choice(draw, values={draw.template.slots[0]: name})

    def _way_abbreviation(self, draw: _Draw) -> Choice | None:
        name = _any(draw.rng, self._facts.abbreviations)
        return None if name is None else self._choice(draw, values={"abbreviation": name})

    def _anybody(self, draw: _Draw, place: int = 0) -> Event | None:
        """Anybody's event; half of the names are among the most widespread."""
        facts, rng, kind = self._facts, draw.rng, draw.template.kinds[place]
        if not draw.template.slots[place]:
            subject = self._subject(_Draw(draw.template, rng, draw.truth, draw.empty, None), kind)
            return None if subject is None else rng.choice(facts.of(kind, subject))
        names = facts.names[kind] if rng.random() < 0.5 else facts.names[kind][:_FREQUENT]
        name = _any(rng, names)
        return None if name is None else rng.choice(facts.by_name[kind][name])

    def _way_group(self, draw: _Draw) -> Choice | None:
        event = self._anybody(draw)
        if event is None:
            return None
        slot = draw.template.slots[0]
        within = draw.rng.choice(draw.template.withins) if draw.template.withins else ""
        return self._choice(
            draw, values={slot: event.name} if slot else {}, times={"g1": self._filter(draw, event)}, within=within
        )  # fmt: skip

    def _way_group_pair(self, draw: _Draw) -> Choice | None:
        template = draw.template
        a, b = template.kinds
        one = self._anybody(draw)
        if one is None:
            return None
        within = draw.rng.choice(template.withins) if template.withins else ""
        later = [
            event for event in self._facts.of(b, one.subject) if _follows(one, event, within) and usable(event.name)
        ]
        if a == b:
            later = [event for event in later if event.name != one.name]
        other = _any(draw.rng, later)
        if other is None:
            return None
        values = {slot: event.name for slot, event in zip(template.slots, (one, other), strict=True) if slot}
        operations = {}
        if "gender" in template.values:
            values["gender"] = self._facts.genders[one.subject]
        if "age_group" in template.operations:
            age = _age_group(self._facts.ages.get(other.hadm))
            if age is None:
                return None
            operations["age_group"] = age
        return self._choice(
            draw, values=values, times={"g1": self._filter(draw, one, other)}, within=within, operations=operations
        )  # fmt: skip

    def _way_group_repeated(self, draw: _Draw) -> Choice | None:
        subject = self._subject(_Draw(draw.template, draw.rng, draw.truth, draw.empty, None), draw.template.kinds[0])
        events = [] if subject is None else self._events(draw, subject)
        pair = _any(draw.rng, [(a, b) for n, a in enumerate(events) for b in events[n + 1 :] if a.name == b.name])
        if pair is None:
            return None
        one, other = pair
        return self._choice(
            draw, values={draw.template.slots[0]: one.name}, times={"g1": self._filter(draw, one, other)}
        )  # fmt: skip

    def _way_group_dead(self, draw: _Draw) -> Choice | None:
        facts = self._facts
        subject = _any(draw.rng, sorted(facts.died))
        event = _any(draw.rng, [event for event in facts.of("dx", subject or 0) if usable(event.name)])
        if event is None or subject is None:
            return None
        death = Event(facts.died[subject], "", event.hadm, 0, None, subject)
        within = draw.rng.choice(draw.template.withins)
        if not _follows(event, death, within) and draw.rng.random() < 0.9:
            return None
        return self._choice(
            draw, values={"diagnosis_name": event.name}, times={"g1": self._filter(draw, event, death)}, within=within
        )  # fmt: skip

    # --- images

    def _ask(self, draw: _Draw, rows: Sequence[int], fits: Callable[[VqaQuestion], bool]) -> VqaQuestion | None:
        return self._visuals.draw(draw.template.visual, rows, fits, draw.rng)

    def _ask_one(self, draw: _Draw, study: Study) -> VqaQuestion | None:
        """A question about one study with the answer that is wanted."""
        percent = draw.rng.randrange(100)
        size = 1 if percent < 80 else 2 * (percent % 2)

        def fits(question: VqaQuestion) -> bool:
            answer = self._visuals.answer(question, study.row)
            if question.form is Form.VERIFY:
                return answer is draw.truth
            if question.form is Form.CHOOSE:
                return isinstance(answer, tuple) and len(answer) == size and (size > 0 or draw.empty)
            return isinstance(answer, tuple) and (not answer) is draw.empty

        return self._ask(draw, (study.row,), fits)

    def _study(self, draw: _Draw) -> Study | None:
        subject = self._subject(draw, "study")
        return None if subject is None else draw.rng.choice(self._facts.studies[subject])

    def _place(self, draw: _Draw, study: Study, times: Sequence[TimeChoice]) -> tuple[TimeChoice, str] | None:
        """A filter and first or last by which this study is found."""
        found = []
        for time in times:
            passing = [each for each in self._facts.studies[study.subject] if self._facts.passes(each, time)]
            moments = [each.time for each in passing]
            if moments.count(study.time) != 1:
                continue
            if passing[0] is study:
                found.append((time, "exact-first"))
            if passing[-1] is study:
                found.append((time, "exact-last"))
        return _any(draw.rng, found)

    def _times_of(self, draw: _Draw, study: Study) -> list[TimeChoice]:
        grain = draw.rng.choice(("year", "month", "hosp", ""))
        if grain == "hosp":
            return self._facts.visit_options(study, "hosp") if study.hadm else []
        return candidates(study.time, (grain,), draw.rng) if grain else [NO_TIME]

    def _way_study_by_time(self, draw: _Draw) -> Choice | None:
        study = self._study(draw)
        place = None if study is None else self._place(draw, study, self._times_of(draw, study))
        visual = None if study is None or place is None else self._ask_one(draw, study)
        if study is None or place is None or visual is None:
            return None
        return self._choice(
            draw, values={"patient_id": study.subject}, times={"g1": place[0]}, exact={"e1": place[1]}, visual=visual
        )  # fmt: skip

    def _way_study_by_id(self, draw: _Draw) -> Choice | None:
        study = self._study(draw)
        visual = None if study is None else self._ask_one(draw, study)
        if study is None or visual is None:
            return None
        return self._choice(draw, values={"study_id": study.study}, visual=visual)

    def _pair(self, draw: _Draw, *, previous: bool) -> tuple[Study, Study] | None:
        """A later and an earlier study of a patient."""
        subject = self._subject(draw, "study")
        if subject is None:
            return None
        studies = self._facts.studies[subject]
        pairs = [
            (later, earlier)
            for n, later in enumerate(studies)
            for earlier in (studies[n - 1 : n] if previous else studies[:n])
            if earlier.time < later.time
        ]
        if previous:
            pairs = [pair for pair in pairs if sum(each.time == pair[1].time for each in studies) == 1]
        return _any(draw.rng, pairs)

    def _compare(self, draw: _Draw, later: Study, earlier: Study) -> tuple[VqaQuestion, str] | None:
        answer = self._visuals.answer
        verify = draw.template.answer == "truth"
        comparison = draw.rng.choice([name for name in COMPARISONS if verify or name != "still absent"])
        now, before = COMPARISONS[comparison]

        def fits(question: VqaQuestion) -> bool:
            x, y = answer(question, later.row), answer(question, earlier.row)
            if verify:
                return ((x is now) and (y is before)) is draw.truth
            assert isinstance(x, tuple)
            assert isinstance(y, tuple)
            kept = set(x) & set(y) if now and before else set(x) - set(y) if now else set(y) - set(x)
            return (not kept) is draw.empty

        visual = self._ask(draw, (later.row, earlier.row), fits)
        return None if visual is None else (visual, comparison)

    def _two(self, draw: _Draw, *, by_time: bool, previous: bool) -> Choice | None:
        pair = self._pair(draw, previous=previous)
        if pair is None:
            return None
        later, earlier = pair
        compared = self._compare(draw, later, earlier)
        if compared is None:
            return None
        visual, comparison = compared
        if not by_time:
            values = {"study_id1": later.study} | ({} if previous else {"study_id2": earlier.study})
            return self._choice(draw, values=values, visual=visual, comparison=comparison)
        one = self._place(draw, later, self._times_of(draw, later))
        times, exact = {}, {}
        if one is None:
            return None
        times["g1"], exact["e1"] = one
        if not previous:
            options = [NO_TIME, *(self._facts.visit_options(earlier, "hosp") if earlier.hadm else [])]
            other = self._place(draw, earlier, options)
            if other is None:
                return None
            times["g2"], exact["e2"] = other
        return self._choice(
            draw, values={"patient_id": later.subject}, times=times, exact=exact, visual=visual, comparison=comparison
        )  # fmt: skip

    def _way_two_studies_by_time(self, draw: _Draw) -> Choice | None:
        return self._two(draw, by_time=True, previous=False)

    def _way_two_studies_by_time_previous(self, draw: _Draw) -> Choice | None:
        return self._two(draw, by_time=True, previous=True)

    def _way_two_studies_by_id(self, draw: _Draw) -> Choice | None:
        return self._two(draw, by_time=False, previous=False)

    def _way_two_studies_by_id_previous(self, draw: _Draw) -> Choice | None:
        return self._two(draw, by_time=False, previous=True)

    def _shown(self, draw: _Draw, rows: Sequence[int], *, present: bool) -> VqaQuestion | None:
        """A verify question that is true of any of these studies, or of none."""
        answer = self._visuals.answer
        return self._ask(draw, rows, lambda question: any(answer(question, row) for row in rows) is present)

    def _filter_study(self, draw: _Draw, study: Study, *others: _Event) -> TimeChoice:
        if "hosp" in draw.template.grains and not study.hadm:
            grains = tuple(grain for grain in draw.template.grains if grain != "hosp")
            if draw.rng.randrange(100) < _UNFILTERED_PERCENT:
                return NO_TIME
            options = candidates(study.time, (draw.rng.choice(grains),), draw.rng)
            good = [each for each in options if all(self._facts.passes(other, each) for other in others)]
            return _any(draw.rng, good) or NO_TIME
        return self._filter(draw, study, *others)

    def _way_studies(self, draw: _Draw) -> Choice | None:
        study = self._study(draw)
        if study is None:
            return None
        time = self._filter_study(draw, study)
        rows = [each.row for each in self._facts.studies[study.subject] if self._facts.passes(each, time)]
        present = draw.truth if draw.template.answer == "truth" else draw.template.answer != "count" or not draw.empty
        visual = self._shown(draw, rows, present=present)
        if visual is None:
            return None
        return self._choice(draw, values={"patient_id": study.subject}, times={"g1": time}, visual=visual)

    def _way_study_group(self, draw: _Draw) -> Choice | None:
        template = draw.template
        study = self._study(_Draw(template, draw.rng, draw.truth, draw.empty, None))
        if study is None:
            return None
        visual = self._shown(draw, (study.row,), present=True)
        if visual is None:
            return None
        values: dict[str, Any] = {}
        operations = {}
        if "age_group" in template.operations:
            age = _age_group(self._facts.ages.get(study.hadm))
            if age is None:
                return None
            operations["age_group"] = age
        if "gender" in template.values:
            values["gender"] = self._facts.genders[study.subject]
        return self._choice(
            draw, values=values, times={"g1": self._filter(draw, study)}, visual=visual, operations=operations
        )  # fmt: skip

    # --- images and tables

    def _way_event_and_study(self, draw: _Draw) -> Choice | None:
        facts, rng, template = self._facts, draw.rng, draw.template
        study = self._study(draw)
        if study is None:
            return None
        kind, slot = template.kinds[0], template.slots[0]
        own = [event for event in facts.of(kind, study.subject) if not slot or usable(event.name)]
        with_event, with_finding = (True, True) if draw.truth else rng.choice(
            ((True, False), (False, True), (False, False))
        )  # fmt: skip
        event = _any(rng, own) if with_event else None
        if with_event and event is None:
            return None
        time = self._filter_study(draw, study, *((event,) if event is not None else ()))
        if with_event and time == NO_TIME and rng.random() < 0.6:
            return None
        there = [each for each in own if facts.passes(each, time)]
        name = event.name if event is not None else ""
        if not with_event:
            if not slot and there:
                return None
            absent = {each.name for each in there}
            name = _any(rng, [each for each in facts.names[kind][:_FREQUENT] if each not in absent]) or ""
            if slot and not name:
                return None
        rows = [each.row for each in facts.studies[study.subject] if facts.passes(each, time)]
        visual = self._shown(draw, rows, present=with_finding)
        if visual is None:
            return None
        values = {"patient_id": study.subject} | ({slot: name} if slot else {})
        return self._choice(draw, values=values, times={"g1": time}, visual=visual)

    def _one_after_other(self, draw: _Draw, *, study_later: bool) -> Choice | None:
        facts, rng, template = self._facts, draw.rng, draw.template
        kind, slot = template.kinds[0], template.slots[0]
        subject = self._subject(draw, kind, "study")
        if subject is None:
            return None
        event = self._pick(draw, [each for each in facts.of(kind, subject) if usable(each.name)])
        if event is None:
            return None
        within = rng.choice((*template.withins, ""))
        studies = facts.studies[subject]

        def fits(study: Study, one: Event) -> bool:
            return _follows(one, study, within) if study_later else _follows(study, one, within)

        near = [study for study in studies if fits(study, event)]
        anchor = _any(rng, near)
        if draw.truth and anchor is None:
            return None
        time = self._filter(draw, event, *((anchor,) if anchor is not None else ()))
        same = [each for each in facts.of(kind, subject) if each.name == event.name and facts.passes(each, time)]
        rows = [
            study.row for study in studies if facts.passes(study, time) and any(fits(study, each) for each in same)
        ]  # fmt: skip
        if draw.truth:
            visual = self._shown(draw, rows, present=True)
        else:
            shown = [study.row for study in studies]
            answer = self._visuals.answer
            visual = self._ask(draw, shown, lambda question: not any(answer(question, row) for row in rows))
        if visual is None:
            return None
        return self._choice(
            draw, values={"patient_id": subject, slot: event.name}, times={"g1": time}, within=within, visual=visual
        )  # fmt: skip

    def _way_study_after_event(self, draw: _Draw) -> Choice | None:
        return self._one_after_other(draw, study_later=True)

    def _way_event_after_study(self, draw: _Draw) -> Choice | None:
        return self._one_after_other(draw, study_later=False)


class _Draw:
    """One try of a template."""

    __slots__ = ("empty", "rng", "subjects", "template", "truth")

    def __init__(
        self, template: Template, rng: random.Random, truth: bool, empty: bool, subjects: frozenset[int] | None
    ) -> None:
        self.template = template
        self.rng = rng
        self.truth = truth
        self.empty = empty
        self.subjects = subjects


def _any(rng: random.Random, values: Sequence[_T]) -> _T | None:
    return rng.choice(values) if values else None


def _follows(one: _Event, other: _Event, within: str) -> bool:
    """Whether `other` comes after `one`, as near as `within` says (or at the same time)."""
    if within == "within-same":
        return one.time == other.time
    if one.time >= other.time:
        return False
    if within == "within-hosp":
        return bool(one.hadm) and one.hadm == other.hadm
    if within == "within-month":
        return one.time[:7] == other.time[:7]
    if within == "within-day":
        return one.time[:10] == other.time[:10]
    if within == "within-n_month":
        months = int(one.time[:4]) * 12 + int(one.time[5:7]) + 1
        return other.time <= f"{months // 12:04}-{months % 12 + 1:02}{one.time[7:]}"
    if within == "within-n_day":
        from datetime import datetime, timedelta

        return other.time <= (datetime.fromisoformat(one.time) + timedelta(days=2)).isoformat(" ")
    return True


def _age_group(age: int | None) -> str | None:
    if age is None or age < 20:
        return None
    return "60 or above" if age >= 60 else f"{age // 10 * 10}s"


def _plain(value: Any) -> Any:
    """A number as it is written in a question: whole numbers without a point."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
