"""Answers about tables, of one patient or of none; methods are named after families."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import timedelta

from second_reader_rows import STAMP, Rows, listed


class OfTables(Rows):
    """Questions about one patient, or about none."""

    def of_intake_method(self):
        return listed({row.route for row in self.h.events["rx"] if row.name == self.value["drug_name"]})

    def of_cost(self):
        kind, (name,) = self.kinds[0], self.value.values()
        table = {"px": "procedures_icd", "lab": "labevents", "rx": "prescriptions", "dx": "diagnoses_icd"}[kind]
        known = self.name_of(kind)
        numbers = {
            row for row, key in self.h.ids[kind].items() if any(self.is_named(kind, n, name) for n in known(key))
        }
        return listed({row.value for row in self.h.events["cost"] if row.name == table and row.key in numbers})

    def of_abbreviation(self):
        return listed({label for short, label in self.h.abbreviations if short == self.value["abbreviation"]})

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
            return listed({a.kind for a in self.h.admissions if a.number in {row.hadm for row in found}})
        return listed({row.name for row in found})

    def of_value(self):
        return listed({row.value for row in self.first_or_last(self.rows())})

    of_dose = of_value

    def of_name(self):
        return listed({row.name for row in self.first_or_last(self.rows())})

    def of_drug_after(self):
        return listed({drug.name for drug in self.rows(1) for event in self.rows(0) if self.follows(event, drug)})

    def of_total(self):
        return [sum(row.value for row in self.rows() if row.value is not None)]

    def of_n_times(self):
        counts = Counter(row.key for row in self.rows())
        exactly = self.options["n_times"] == "two times"
        kind = self.kinds[0]
        found = (key for key, count in counts.items() if (count == 2 if exactly else count >= 2))
        return listed({name for key in found for name in self.name_of(kind)(key)})

    def of_new_drugs(self):
        return listed({row.name for row in self.rows(number=1)} - {row.name for row in self.rows(number=0)})

    def of_extreme(self):
        return [self.aggregated([row.value for row in self.rows()])]

    def of_organism(self):
        grown = [row for row in self.rows() if row.text]
        return listed({row.text for row in self.first_or_last(grown)})

    def of_balance(self):
        return [sum(row.value for row in self.rows(0)) - sum(row.value for row in self.rows(1))]

    def of_hospital_cost(self):
        return [sum(row.value for row in self.rows() if row.value is not None)]

    def of_when(self):
        return listed({row.time.strftime(STAMP) for row in self.first_or_last(self.rows())})

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
        return listed({row.time.strftime(STAMP) for row in self.first_or_last(both)})

    def of_when_extreme(self):
        rows = [row for row in self.rows() if row.value is not None]
        limit = (min if self.options["sort"] == "min" else max)(row.value for row in rows)
        return listed({r.time.strftime(STAMP) for r in self.first_or_last([r for r in rows if r.value == limit])})

    def beyond(self):
        limit = self.value["vital_value"]
        return [row for row in self.rows() if row.value is not None and self.compared(row.value, limit)]

    def of_when_beyond(self):
        return listed({row.time.strftime(STAMP) for row in self.first_or_last(self.beyond())})

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
        return listed(row.time.strftime(STAMP) for row in self.rows())

    def of_series(self):
        width = {"daily": 10, "monthly": 7, "yearly": 4}[self.options["unit_average"]]
        periods = defaultdict(list)
        for row in self.rows():
            periods[row.time.strftime(STAMP)[:width]].append(row.value)
        return [self.aggregated(periods[period]) for period in sorted(periods)]

    def of_count_visits(self):
        return [len({row.key for row in self.rows()})]

    def of_count(self):
        rows = self.rows()
        return [len({row.name for row in rows} - {None}) if "number of drugs" in self.text else len(rows)]
