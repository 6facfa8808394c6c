"""A second reader of questions: from the official sentence and its slots to an answer, by plain loops over rows.

It shares nothing with the gold programs: no SQL but the reading of tables, no pattern, no renderer. And where a
sentence can be understood in two ways it takes the other one: a visit is what lies between its two times, ranks are
those of a competition, what followed something counts once, nobody is counted who could not have come back, and a
title stands for all titles that say the same. Where it agrees, the answer does not depend on the reading.
"""

from __future__ import annotations

import json
import math
import re
import sqlite3
import sys
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from statistics import fmean

from plain_hospital import NOW, Hospital, Row, moment

from ehrxqa.layout import DATABASE_OF_SPLIT, SPLITS, database_path, question_file
from ehrxqa.questions.families.catalogue import catalogue
from ehrxqa.questions.synonyms import title_key

_STAMP = "%Y-%m-%d %H:%M:%S"


def back(n, unit):
    """So many units before now, a day that a month has not running over into the next."""
    if unit == "day":
        return NOW - timedelta(days=n)
    months = NOW.year * 12 + NOW.month - 1 - n * (12 if unit == "year" else 1)
    return datetime(months // 12, months % 12 + 1, 1, NOW.hour, NOW.minute) + timedelta(days=NOW.day - 1)


def later(time, months):
    """So many months after a time."""
    count = time.year * 12 + time.month - 1 + months
    return time.replace(year=count // 12, month=count % 12 + 1, day=1) + timedelta(days=time.day - 1)


_FILTERS = (
    # said, what decides: from the groups and a time
    (r"in (\d{4})", lambda g, t: t.year == int(g[0])),
    (r"since (\d{4})", lambda g, t: t.year >= int(g[0])),
    (r"until (\d{4})", lambda g, t: t.year <= int(g[0])),
    (r"in (\d\d)/(\d{4})", lambda g, t: (t.year, t.month) == (int(g[1]), int(g[0]))),
    (r"since (\d\d)/(\d{4})", lambda g, t: (t.year, t.month) >= (int(g[1]), int(g[0]))),
    (r"until (\d\d)/(\d{4})", lambda g, t: (t.year, t.month) <= (int(g[1]), int(g[0]))),
    (r"on (\d\d)/(\d\d)/(\d{4})", lambda g, t: (t.year, t.month, t.day) == (int(g[2]), int(g[0]), int(g[1]))),
    (r"since (\d\d)/(\d\d)/(\d{4})", lambda g, t: (t.year, t.month, t.day) >= (int(g[2]), int(g[0]), int(g[1]))),
    (r"until (\d\d)/(\d\d)/(\d{4})", lambda g, t: (t.year, t.month, t.day) <= (int(g[2]), int(g[0]), int(g[1]))),
    (r"since (\d+) (year|month|day) ago", lambda g, t: t >= back(int(g[0]), g[1])),
    (r"until (\d+) (year|month|day) ago", lambda g, t: t <= back(int(g[0]), g[1])),
    (r"in (\d\d)/(this|last) year", lambda g, t: (t.year, t.month) == (2105 - (g[1] == "last"), int(g[0]))),
    (
        r"on (\d\d)/(\d\d)/(this|last) year",
        lambda g, t: (t.year, t.month, t.day) == (2105 - (g[2] == "last"), int(g[0]), int(g[1])),
    ),
    (r"on (this|last) month/(\d\d)", lambda g, t: (t.year, t.month, t.day) == (2105, 12 - (g[0] == "last"), int(g[1]))),
    (r"(this|last) year", lambda g, t: t.year == 2105 - (g[0] == "last")),
    (r"(this|last) month", lambda g, t: (t.year, t.month) == (2105, 12 - (g[0] == "last"))),
    (r"(today|yesterday)", lambda g, t: t.date() == (NOW - timedelta(days=g[0] == "yesterday")).date()),
    (r"on the (current|first|last) (hospital|icu) visit", None),
)


def find(hospital, study, objects=(), attributes=(), categories=()):
    """Findings of a study with one of these names each; of no category: an abnormality."""
    categories = categories or (() if attributes else ("anatomicalfinding", "disease", "device", "tubesandlines"))
    return {
        (place, name, kind)
        for place, name, kind in hospital.findings[study]
        if (not objects or place in objects)
        and (not attributes or name in attributes)
        and (not categories or kind in categories)
    }


def parts_of(question, tag):
    """The two things that a question joins, each as what `find` takes; or one."""
    names = {"objects": tag["object"], "attributes": tag["attribute"], "categories": tag["category"]}
    if not any(word in question for word in ("both", "either", " but not ", " or ", " and ")):
        return [names]
    return [{key: held if len(held) < 2 else [held[n]] for key, held in names.items()} for n in (0, 1)]


def asked_of_one(hospital, study, question, tag):
    """What a study shows: a truth value, or a set of names."""
    if "wider than" in question:
        ct, mt = hospital.ratios[study]
        return ct > 1 / 2 if "cardiac" in question else mt > 1 / 3
    found = [find(hospital, study, **part) for part in parts_of(question, tag)]
    column = 0 if "anatomical location" in question else 1
    names = [{finding[column] for finding in each} for each in found]
    if question.startswith(("list", "which")):
        if "common" in question or (" both " in question and column == 0):
            return names[0] & names[1]
        if "but not" in question:
            return names[0] - names[1]
        return set().union(*names)
    if len(found) == 2:
        # “related to the left lung and the spine”: in the one and in the other
        return all(found) if " or " not in question else any(found)
    return bool(found[0])


class Reader:
    """Answers records about one hospital.

    Args:
        hospital: Its rows.
        same_title: Whether two titles say the same thing.
    """

    def __init__(self, hospital, same_title):
        self.hospital, self.same_title = hospital, same_title

    def answer(self, record, template):
        """The answer of a record of a template, of which kinds of events, family and fixed filters are looked at."""
        q = _Query(self, record, template)
        name = re.sub(r"\W+", "_", template.family)
        return getattr(q, f"of_{name}")()


def _listed(values):
    return sorted(values, key=str)


class _Query:
    """One question; methods are named after families."""

    def __init__(self, reader, record, template):
        self.h, self.same_title = reader.hospital, reader.same_title
        self.record, self.template = record, template
        self.value, self.tag = record["value"], record["v_tag"]
        self.options = {slot: held["type"] for slot, held in record["o_tag"].items()}
        self.text = record["template"]
        self.plain = self.text
        for value in sorted((str(v) for s, v in self.value.items() if s[-3:] != "_id"), key=len, reverse=True):
            self.plain = re.sub(rf"(?<![\w/]){re.escape(value)}(?![\w/])", "…", self.plain)
        self.subject = self.value.get("patient_id")
        self.kinds = template.kinds

    # --- what is let through ---------------------------------------------------------------------------------------

    def filters(self):
        """The filters in the sentence, in order."""
        found = []
        for said, rule in _FILTERS:
            for match in re.finditer(rf"(?<![\w/-]){said}(?![\w/-])", self.plain):
                found.append((match.start(), match.end(), rule, match.groups()))
        # the longest at each place: "on 03/last year" is not "last year"
        kept = [
            one
            for one in found
            if not any(o[0] <= one[0] and one[1] <= o[1] and o[1] - o[0] > one[1] - one[0] for o in found)
        ]
        return sorted(kept, key=lambda each: each[0])

    def visit(self, which, kind, subject):
        stays = sorted(
            (s for s in (self.h.admissions if kind == "hospital" else self.h.icustays) if s.subject == subject),
            key=lambda s: s.begin,
        )
        ended = [s for s in stays if s.end]
        return {"current": [s for s in stays if not s.end][:1], "first": ended[:1], "last": ended[-1:]}[which]

    def passes(self, time, subject, number=0):
        """Whether something at a time passes the filter of the question."""
        option = self.record["t_tag"][number]
        if not option:
            return True
        held = self.filters()
        said = held[0] if number == 0 or len({each[3] for each in held}) == 1 or len(held) == 1 else held[1]
        if self.template.family == "new drugs":
            return _FILTERS[16][1](("today" if number else "yesterday",), time)
        if self.template.family.startswith("compare:"):
            ours = {0: self.record["t_tag"][0], 1: self.record["t_tag"][1]}
            said = held[0] if number == 0 or not ours[0] else held[-1]
        _, _, rule, groups = said
        if rule is None:
            return any(stay.holds(time) for stay in self.visit(*groups, subject))
        return rule(groups, time)

    def rows(self, place=0, *, named=True, subject=True, number=0):
        """The events of a place of the template that pass."""
        kind, slot = self.kinds[place], self.template.slots[place]
        found = self.h.events["rx" if kind == "route" else kind]
        if subject and self.subject is not None:
            found = [row for row in found if row.subject == self.subject]
        name = self.template.label or (self.value[slot] if slot and named else "")
        if name and kind == "route":
            found = [row for row in self.h.events["rx"] if row.subject == self.subject and row.route == name]
        elif name:
            found = [row for row in found if self.is_named(kind, row.name, name)]
        return [row for row in found if self.passes(row.time, row.subject, number)]

    def is_named(self, kind, name, asked):
        """Whether a name is that which is asked for, or a title that says the same."""
        return name == asked or (name is not None and self.same_title(name, asked, drug=kind in ("rx", "route")))

    def first_or_last(self, rows, slot=3):
        """The rows at the first or last of their times."""
        option = self.record["t_tag"][slot]
        if option == "exact-default":
            at = moment(re.findall(r"at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)", self.text)[1 if slot == 3 else 0])
            return [row for row in rows if row.time == at]
        times = sorted({row.time for row in rows})
        count = sorted(row.time for row in rows)
        if not times:
            return []
        at = {"exact-first": count[0], "exact-last": count[-1]}.get(option)
        if option == "exact-second":
            at = count[1]
        if option == "exact-second_to_last":
            at = count[-2]
        return [row for row in rows if row.time == at]

    def follows(self, one, other, hadms=True):
        """Whether the later of two is as near as the question says."""
        within = self.record["t_tag"][2]
        if within == "within-same":
            return one.time == other.time
        if one.time >= other.time:
            return False
        if within == "within-hosp":
            return any(
                a.subject == one.subject and a.holds(one.time) and a.holds(other.time) for a in self.h.admissions
            )
        if within == "within-month":
            return (one.time.year, one.time.month) == (other.time.year, other.time.month)
        if within == "within-day":
            return one.time.date() == other.time.date()
        if within == "within-n_month":
            return other.time <= later(one.time, 2)
        if within == "within-n_day":
            return other.time <= one.time + timedelta(days=2)
        return True

    def aged(self, age):
        option = self.options.get("age_group")
        if option is None:
            return True
        if age is None:
            return False
        return age >= 60 if option == "60 or above" else int(option[:2]) <= age <= int(option[:2]) + 9

    def age_at(self, row):
        """The age at the admission during which something was recorded."""
        return next((a.age for a in self.h.admissions if a.number == row.hadm), None)

    def compared(self, one, other):
        return one < other if self.options["comparison"] == "less" else one > other

    def aggregated(self, values):
        held = [value for value in values if value is not None]
        return {"maximum": max, "minimum": min, "average": fmean}[self.options["agg_function"]](held)

    def elapsed(self, time):
        days = (NOW - time) / timedelta(days=1)
        return days * (24 if self.options["unit_count"] == "hours" else 1)

    def ranked(self, counts, name):
        """Competition rank: as many before it as have more."""
        wanted = {"three": 3, "four": 4, "five": 5}[self.options["n_rank"]]
        best = [key for key, count in counts.items() if sum(other > count for other in counts.values()) < wanted]
        return _listed({title for key in best for title in name(key)})

    def name_of(self, kind):
        if kind in ("dx", "px"):
            return lambda key: self.h.codes[kind][key]
        known = self.h.labs if kind == "lab" else self.h.items
        return (lambda key: {known[key]}) if kind in ("lab", "in", "out") else (lambda key: {key})

    # --- tables, no patient ----------------------------------------------------------------------------------------

    def of_intake_method(self):
        return _listed({row.route for row in self.h.events["rx"] if row.name == self.value["drug_name"]})

    def of_cost(self):
        kind, (name,) = self.kinds[0], self.value.values()
        table = {"px": "procedures_icd", "lab": "labevents", "rx": "prescriptions", "dx": "diagnoses_icd"}[kind]
        known = self.name_of(kind)
        numbers = {
            row for row, key in self.h.ids[kind].items() if any(self.is_named(kind, n, name) for n in known(key))
        }
        return _listed({row.value for row in self.h.events["cost"] if row.name == table and row.key in numbers})

    def of_abbreviation(self):
        return _listed({label for short, label in self.h.abbreviations if short == self.value["abbreviation"]})

    # --- tables, one patient ---------------------------------------------------------------------------------------

    def of_patient(self):
        return [self.h.patients[self.subject][1 if "birth" in self.text else 0]]

    def of_length_of_stay(self):
        stays = self.h.icustays if "icu" in self.text else self.h.admissions
        ended = sorted((s for s in stays if s.subject == self.subject and s.end), key=lambda s: s.begin)
        stay = ended[0 if self.record["t_tag"][3] == "exact-first" else -1]
        return [(stay.end - stay.begin) / timedelta(days=1)]

    def measured(self, slot, number):
        return {row.value for row in self.first_or_last(self.rows(number=number), slot)}

    def of_change(self):
        (first,), (second,) = self.measured(3, 0), self.measured(4, 1)
        return [second - first]

    def of_compare(self):
        (first,), (second,) = self.measured(3, 0), self.measured(4, 1)
        return [int(self.compared(second, first))]

    def of_of_a_visit(self):
        ((_, _, _, groups),) = self.filters()
        (stay,) = self.visit(*groups, self.subject)
        return [stay.age if " age " in self.text else stay.insurance if "insurance" in self.text else stay.marital]

    def of_percentile(self):
        ((_, _, _, groups),) = self.filters()
        (stay,) = self.visit(*groups, self.subject)
        of_age = {a.number for a in self.h.admissions if a.age == stay.age}
        values = [
            row.value
            for row in self.h.events["lab"]
            if row.name == self.value["lab_name"] and row.hadm in of_age and row.value is not None
        ]
        below = sum(value < self.value["lab_value"] for value in values)
        return [below / (len(values) - 1) if len(values) > 1 else 0.0]

    def of_since_admission(self):
        stays = self.h.icustays if "icu" in self.text else self.h.admissions
        return [self.elapsed(s.begin) for s in stays if s.subject == self.subject and s.end is None]

    def of_since(self):
        return [self.elapsed(row.time) for row in self.first_or_last(self.rows())[:1]]

    def of_of_a_stay(self):
        found = self.first_or_last(self.rows())
        if self.kinds == ("adm",):
            return _listed({a.kind for a in self.h.admissions if a.number in {row.hadm for row in found}})
        return _listed({row.name for row in found})

    def of_value(self):
        return _listed({row.value for row in self.first_or_last(self.rows())})

    of_dose = of_value

    def of_name(self):
        return _listed({row.name for row in self.first_or_last(self.rows())})

    def of_drug_after(self):
        return _listed({drug.name for drug in self.rows(1) for event in self.rows(0) if self.follows(event, drug)})

    def of_total(self):
        return [sum(row.value for row in self.rows() if row.value is not None)]

    def of_n_times(self):
        counts = Counter(row.key for row in self.rows())
        exactly = self.options["n_times"] == "two times"
        kind = self.kinds[0]
        found = (key for key, count in counts.items() if (count == 2 if exactly else count >= 2))
        return _listed({name for key in found for name in self.name_of(kind)(key)})

    def of_new_drugs(self):
        return _listed({row.name for row in self.rows(number=1)} - {row.name for row in self.rows(number=0)})

    def of_extreme(self):
        return [self.aggregated([row.value for row in self.rows()])]

    def of_organism(self):
        grown = [row for row in self.rows() if row.text]
        return _listed({row.text for row in self.first_or_last(grown)})

    def of_balance(self):
        return [sum(row.value for row in self.rows(0)) - sum(row.value for row in self.rows(1))]

    def of_hospital_cost(self):
        return [sum(row.value for row in self.rows() if row.value is not None)]

    def of_when(self):
        return _listed({row.time.strftime(_STAMP) for row in self.first_or_last(self.rows())})

    def of_when_together(self):
        one, other = (
            [
                r
                for r in self.h.events["rx"]
                if r.subject == self.subject and r.name == self.value[slot] and self.passes(r.time, r.subject)
            ]
            for slot in ("drug_name1", "drug_name2")
        )
        both = [a for a in one for b in other if a.time == b.time]
        return _listed({row.time.strftime(_STAMP) for row in self.first_or_last(both)})

    def of_when_extreme(self):
        rows = [row for row in self.rows() if row.value is not None]
        limit = (min if self.options["sort"] == "min" else max)(row.value for row in rows)
        return _listed({r.time.strftime(_STAMP) for r in self.first_or_last([r for r in rows if r.value == limit])})

    def beyond(self):
        limit = self.value["vital_value"]
        return [row for row in self.rows() if row.value is not None and self.compared(row.value, limit)]

    def of_when_beyond(self):
        return _listed({row.time.strftime(_STAMP) for row in self.first_or_last(self.beyond())})

    def of_ever_beyond(self):
        return [int(bool(self.beyond()))]

    def of_has(self):
        if "emergency room" in self.text and self.kinds == ("adm",):
            return [int(any(row.name == "emergency room" for row in self.rows()))]
        if "drug_name1" in self.value:
            names = {self.value[f"drug_name{n}"] for n in (1, 2, 3)}
            return [int(any(row.name in names for row in self.rows()))]
        return [int(bool(self.rows()))]

    def of_has_organism(self):
        return [int(any(row.text for row in self.first_or_last(self.rows())))]

    def of_normal(self):
        low, high = {
            "temperature celsius": (35.5, 38.1),
            "o2 saturation pulseoxymetry": (95, 100),
            "heart rate": (60, 100),
            "respiratory rate": (12, 18),
            "arterial blood pressure systolic": (90, 120),
            "arterial blood pressure diastolic": (60, 90),
            "arterial blood pressure mean": (60, 110),
        }[self.value["vital_name"]]
        return [int(any(row.value is not None and low <= row.value <= high for row in self.rows()))]

    def of_list_visits(self):
        return _listed(row.time.strftime(_STAMP) for row in self.rows())

    def of_series(self):
        width = {"daily": 10, "monthly": 7, "yearly": 4}[self.options["unit_average"]]
        periods = defaultdict(list)
        for row in self.rows():
            periods[row.time.strftime(_STAMP)[:width]].append(row.value)
        return [self.aggregated(periods[period]) for period in sorted(periods)]

    def of_count_visits(self):
        return [len({row.key for row in self.rows()})]

    def of_count(self):
        rows = self.rows()
        return [len({row.name for row in rows} - {None}) if "number of drugs" in self.text else len(rows)]

    # --- tables, groups --------------------------------------------------------------------------------------------

    def of_current(self):
        return [len({a.subject for a in self.h.admissions if a.end is None and self.aged(a.age)})]

    def _firsts(self, name):
        """Subject → its first diagnosis of that name which is old enough; and when that was."""
        count, unit = re.fullmatch(r"(\w+)[ -](year|month)", self.options["n_survival_period"]).groups()
        number = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}.get(count) or int(count)
        days = number * 365 if unit == "year" else number * 365 / 12
        firsts = {}
        for row in self.h.events["dx"]:
            if self.is_named("dx", row.name, name) and (NOW - row.time) / timedelta(days=1) >= days:
                firsts[row.subject] = min(row.time, firsts.get(row.subject, row.time))
        return firsts, days

    def _died_within(self, subject, time, days):
        dead = self.h.patients[subject][2]
        return dead is not None and (dead - time) / timedelta(days=1) < days

    def of_survival(self):
        firsts, days = self._firsts(self.value["diagnosis_name"])
        if "drug_name" in self.value:
            drug = self.value["drug_name"]
            given = [row for row in self.h.events["rx"] if row.name == drug]
            firsts = {s: t for s, t in firsts.items() if any(r.subject == s and r.time > t for r in given)}
        return [fmean(not self._died_within(subject, time, days) for subject, time in firsts.items())]

    def of_mortality(self):
        rates = {}
        for code in {row.key for row in self.h.events["dx"]}:
            days = self._firsts("")[1]
            firsts = {}
            for row in self.h.events["dx"]:
                if row.key == code and (NOW - row.time) / timedelta(days=1) >= days:
                    firsts[row.subject] = min(row.time, firsts.get(row.subject, row.time))
            if firsts:
                rates[code] = round(fmean(self._died_within(s, t, days) for s, t in firsts.items()), 9)
        return self.ranked(rates, self.name_of("dx"))

    def of_cost_of_visits(self):
        kind, slot = self.kinds[0], self.template.slots[0]
        hadms = {row.hadm for row in self.h.events[kind] if self.is_named(kind, row.name, self.value[slot])}
        sums = defaultdict(float)
        for row in self.h.events["cost"]:
            if row.hadm in hadms and row.value is not None and self.passes(row.time, row.subject):
                sums[row.hadm] += row.value
        return [self.aggregated(sums.values())]

    def of_ids(self):
        return _listed({row.subject for row in self.rows()})

    def of_per_period(self):
        width = {"daily": 10, "monthly": 7, "yearly": 4}[self.options["unit_average"]]
        periods = defaultdict(set)
        for row in self.rows():
            periods[row.time.strftime(_STAMP)[:width]].add(row.hadm)
        return [self.aggregated([len(held) for held in periods.values()])]

    def of_patients(self):
        return [len({row.subject for row in self.rows()})]

    def of_dead_after(self):
        found = set()
        for row in self.rows():
            dead = self.h.patients[row.subject][2]
            if dead and self.passes(dead, row.subject) and self.follows(row, Row(dead, row.subject)):
                found.add(row.subject)
        return [len(found)]

    def of_not_back(self):
        rows = self.rows()
        back_again = {
            row.subject
            for row in rows
            for a in self.h.admissions
            if a.subject == row.subject and self.follows(row, Row(a.begin, a.subject))
        }
        found = set()
        for row in rows:
            month = self.record["t_tag"][2] == "within-month"
            over = later(row.time.replace(day=1, hour=0, minute=0, second=0), 1) if month else later(row.time, 2)
            dead = self.h.patients[row.subject][2]
            if over <= NOW and not (dead and dead < over):
                found.add(row.subject)
        return [len(found - back_again)]

    def _pairs(self):
        befores = defaultdict(list)
        for row in self.rows(0):
            befores[row.subject].append(row)
        for row in self.rows(1):
            yield row, [one for one in befores[row.subject] if self.follows(one, row)]

    def of_patients_after(self):
        return [len({row.subject for row, before in self._pairs() if before})]

    def of_patients_n_times(self):
        counts = Counter(row.subject for row in self.rows())
        exactly = self.options["n_times"] == "two times"
        return [sum(count == 2 if exactly else count >= 2 for count in counts.values())]

    def of_cases(self):
        return [len(self.rows())]

    def _distinct(self, rows):
        """Rows of coded events once, however many titles their code has."""
        return {
            id(row) if row.key is None else (row.subject, row.time, row.hadm, row.key, n): row
            for n, row in enumerate(rows)
        }.values()

    def of_top(self):
        kind = self.kinds[0]
        rows = [row for row in self.rows() if self.aged(self._age_by_date(row))]
        return self.ranked(Counter(row.key for row in rows), self.name_of(kind))

    def _age_by_date(self, row):
        if "age_group" not in self.options:
            return None
        ages = [a.age for a in self.h.admissions if a.subject == row.subject and a.holds(row.time)]
        return next((age for age in ages if self.aged(age)), None)

    def of_top_after(self):
        gender = self.value.get("gender")
        counts = Counter(
            row.key
            for row, before in self._pairs()
            if before and self.aged(self.age_at(row)) and (gender is None or self.h.patients[row.subject][0] == gender)
        )
        return self.ranked(counts, self.name_of(self.kinds[1]))

    def of_top_with(self):
        return self.ranked(Counter(row.key for row, before in self._pairs() if before), self.name_of("rx"))

    # --- images ----------------------------------------------------------------------------------------------------

    def studies(self, number=0):
        """Studies of the patient that pass, in order of time."""
        return sorted(
            (time, study)
            for study, (time, subject, _) in self.h.studies.items()
            if subject == self.subject and self.passes(time, subject, number)
        )

    def study(self, number=0):
        held = self.studies(number)
        return held[0 if self.record["t_tag"][3 + number] == "exact-first" else -1][1]

    @property
    def visual(self):
        """The image question: behind the study, without the comparison."""
        text = re.sub(r"^given the .*?, (?=are|is|list|which)", "", self.text)
        for comparison in self.tag.get("comparison", ()):
            text = re.sub(rf"( that are)? {comparison}| compared to .*", "", text)
        return text

    def shows(self, study):
        return bool(find(self.h, study, self.tag["object"], self.tag["attribute"], self.tag["category"]))

    def of_verify(self):
        x = self.value.get("study_id") or self.study()
        found = asked_of_one(self.h, x, self.visual, self.tag)
        return [int(found)] if isinstance(found, bool) else _listed(found)

    of_list_findings = of_choose = of_list_locations = of_size = of_verify

    def of_compare_verify(self):
        x = self.value.get("study_id1") or self.study()
        time, subject, _ = self.h.studies[x]
        y = self.value.get("study_id2")
        if y is None and "previous" in self.plain:
            y = max((t, s) for s, (t, who, _) in self.h.studies.items() if who == subject and t < time)[1]
        elif y is None:
            y = self.study(1)
        (comparison,) = self.tag["comparison"]
        now, earlier = (asked_of_one(self.h, each, self.visual, self.tag) for each in (x, y))
        if isinstance(now, bool):
            wanted = {
                "still present": (True, True),
                "newly detected": (True, False),
                "resolved": (False, True),
                "still absent": (False, False),
            }[comparison]
            return [int((now, earlier) == wanted)]
        return _listed(
            {"still present": now & earlier, "newly detected": now - earlier, "resolved": earlier - now}[comparison]
        )

    of_compare_list_findings = of_compare_list_locations = of_compare_verify

    def shown(self):
        return [(time, study) for time, study in self.studies() if self.shows(study)]

    def _chosen(self):
        held = self.shown()
        return held[0 if self.record["t_tag"][3] == "exact-first" else -1][0]

    def of_elapsed_studies(self):
        return [self.elapsed(self._chosen())]

    def of_when_studies(self):
        return [self._chosen().strftime(_STAMP)]

    def of_has_studies(self):
        return [int(bool(self.shown()))]

    def of_count_studies(self):
        return [len(self.shown())]

    def _subjects(self):
        gender = self.value.get("gender")
        return {
            subject
            for study, (time, subject, _) in self.h.studies.items()
            if self.passes(time, subject)
            and self.shows(study)
            and (gender is None or self.h.patients[subject][0] == gender)
            and ("age_group" not in self.options or self._age_by_date(Row(time, subject)) is not None)
        }

    def of_count_patients(self):
        return [len(self._subjects())]

    def of_list_patients(self):
        return _listed(self._subjects())

    of_count_patients_of_an_age, of_list_patients_of_an_age = of_count_patients, of_list_patients

    # --- images and tables -----------------------------------------------------------------------------------------

    def of_same_period(self):
        return [int(bool(self.rows()) and bool(self.shown()))]

    def of_study_after_event(self):
        shown = [Row(time, self.subject) for time, _ in self.shown()]
        return [int(any(self.follows(event, study) for event in self.rows() for study in shown))]

    def of_event_after_study(self):
        shown = [Row(time, self.subject) for time, _ in self.shown()]
        return [int(any(self.follows(study, event) for event in self.rows() for study in shown))]


def _same_title(one, other, *, drug):
    return _key(one, drug) == _key(other, drug)


@cache
def _key(title, drug):
    return title_key(title, drug=drug)


def same(one, other):
    """Whether two answers hold the same values in any order."""
    if len(one) != len(other):
        return False
    if all(isinstance(value, int | float) for value in (*one, *other)):
        return all(
            math.isclose(a, b, rel_tol=1e-6, abs_tol=2e-6) for a, b in zip(sorted(one), sorted(other), strict=True)
        )
    return _listed(one) == _listed(other)


def disagreements(out):
    """Every answered question of a folder: its family, record, and what the second reader says instead, if anything.

    Args:
        out: A folder with databases, question files and links.
    """
    readers = {}
    lines = (Path(out) / "dataset" / "links.jsonl").read_text().splitlines()
    links = {(each["split"], each["id"]): each for each in map(json.loads, lines)}
    for split in SPLITS:
        path = question_file(out, split)
        for record in json.loads(path.read_text()) if path.is_file() else ():
            if record["is_impossible"]:
                continue
            base = DATABASE_OF_SPLIT[split]
            if base not in readers:
                uri = f"file:{database_path(out, split)}?mode=ro"
                hospital = Hospital(sqlite3.connect(uri, uri=True))
                readers[base] = Reader(hospital, _same_title)
            template = catalogue()[links[split, record["id"]]["template"]]
            answer = readers[base].answer(record, template)
            yield template.family, record, None if same(answer, record["answer"]) else answer


if __name__ == "__main__":
    read = list(disagreements(sys.argv[1]))
    for family, record, answer in read:
        if answer is not None:
            print(f"{record['split']} {record['id']} ({family}): {record['question']} {record['answer']}, not {answer}")
    print(f"{len(read):,} questions of {len({each[0] for each in read})} families read again")
