"""Answers about images, and about images and tables; methods are named after families."""

from __future__ import annotations

import re

from plain_hospital import Row
from second_reader_rows import STAMP, Rows, listed


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


class OfImages(Rows):
    """Questions about what studies show, and about events beside them."""

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
        return [int(found)] if isinstance(found, bool) else listed(found)

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
        return listed(
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
        return [self._chosen().strftime(STAMP)]

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
            and ("age_group" not in self.options or self.age_by_date(Row(time, subject)) is not None)
        }

    def of_count_patients(self):
        return [len(self._subjects())]

    def of_list_patients(self):
        return listed(self._subjects())

    of_count_patients_of_an_age, of_list_patients_of_an_age = of_count_patients, of_list_patients

    def of_same_period(self):
        return [int(bool(self.rows()) and bool(self.shown()))]

    def of_study_after_event(self):
        shown = [Row(time, self.subject) for time, _ in self.shown()]
        return [int(any(self.follows(event, study) for event in self.rows() for study in shown))]

    def of_event_after_study(self):
        shown = [Row(time, self.subject) for time, _ in self.shown()]
        return [int(any(self.follows(study, event) for event in self.rows() for study in shown))]
