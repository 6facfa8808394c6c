"""Answers about groups of patients, from tables; methods are named after families."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from datetime import timedelta
from statistics import fmean

from plain_hospital import NOW, Row
from second_reader_rows import STAMP, Rows, later, listed


class OfGroups(Rows):
    """Questions about groups of patients."""

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
        return listed({row.subject for row in self.rows()})

    def of_per_period(self):
        width = {"daily": 10, "monthly": 7, "yearly": 4}[self.options["unit_average"]]
        periods = defaultdict(set)
        for row in self.rows():
            periods[row.time.strftime(STAMP)[:width]].add(row.hadm)
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

    def pairs(self):
        befores = defaultdict(list)
        for row in self.rows(0):
            befores[row.subject].append(row)
        for row in self.rows(1):
            yield row, [one for one in befores[row.subject] if self.follows(one, row)]

    def of_patients_after(self):
        return [len({row.subject for row, before in self.pairs() if before})]

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
        rows = [row for row in self.rows() if self.aged(self.age_by_date(row))]
        return self.ranked(Counter(row.key for row in rows), self.name_of(kind))

    def of_top_after(self):
        gender = self.value.get("gender")
        counts = Counter(
            row.key
            for row, before in self.pairs()
            if before and self.aged(self.age_at(row)) and (gender is None or self.h.patients[row.subject][0] == gender)
        )
        return self.ranked(counts, self.name_of(self.kinds[1]))

    def of_top_with(self):
        return self.ranked(Counter(row.key for row, before in self.pairs() if before), self.name_of("rx"))
