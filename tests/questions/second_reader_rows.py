"""What a question of the second reader lets through: its time filters, its rows, and which of them come first."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from statistics import fmean

from plain_hospital import NOW, moment

STAMP = "%Y-%m-%d %H:%M:%S"


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


FILTERS = (
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


def listed(values):
    return sorted(values, key=str)


class Rows:
    """One question, and the rows of a hospital that it is about."""

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
        for said, rule in FILTERS:
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
            return FILTERS[16][1](("today" if number else "yesterday",), time)
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
        return listed({title for key in best for title in name(key)})

    def name_of(self, kind):
        if kind in ("dx", "px"):
            return lambda key: self.h.codes[kind][key]
        known = self.h.labs if kind == "lab" else self.h.items
        return (lambda key: {known[key]}) if kind in ("lab", "in", "out") else (lambda key: {key})

    def age_by_date(self, row):
        if "age_group" not in self.options:
            return None
        ages = [a.age for a in self.h.admissions if a.subject == row.subject and a.holds(row.time)]
        return next((age for age in ages if self.aged(age)), None)
