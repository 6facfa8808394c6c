"""A second opinion, slow and obvious, on every record of a run: its answer, its filters, what it says of images.

Nothing here uses the code under test: the official rules are written out, the database is read with Python's own
sqlite3, and questions about images are answered from the rows of TB_CXR_PLUS.
"""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict

import pytest
from official_rules import answer_of_rows, normalised

from ehrxqa.layout import DATABASE_PATHS

_Y, _M, _D, _N = (rf"(?P<{name}>\d{{{width}}})" for name, width in (("y", "4"), ("m", "2"), ("d", "2"), ("n", "1,4")))
_YEAR_OF, _MONTH_OF = (
    {
        back: f"datetime(<c>,'start of {unit}') = datetime(current_time,'start of {unit}','-{back} {unit}')"
        for back in (0, 1)
    }
    for unit in ("year", "month")
)
_OVER = {"first": "is not null order by {} asc limit 1", "last": "is not null order by {} desc limit 1"}


def _filters():
    """Option, what the official sentence says, and what the program says, as the specification tables them."""
    for unit, at, date, code, value in (
        ("year", "in", _Y, "%y", "{y}"), ("month", "in", f"{_M}/{_Y}", "%y-%m", "{y}-{m}"),
        ("day", "on", f"{_M}/{_D}/{_Y}", "%y-%m-%d", "{y}-{m}-{d}"),
    ):  # fmt: skip
        for which, word, sign in (("in", at, "="), ("since", "since", ">="), ("until", "until", "<=")):
            yield f"abs-{unit}-{which}", f"{word} {date}", f"strftime('{code}',<c>) {sign} '{value}'"
    for unit, words in (
        ("year", ("this year", "last year")), ("month", ("this month", "last month")), ("day", ("today", "yesterday")),
    ):  # fmt: skip
        for back, which in enumerate(("this", "last")):
            start = f"'start of {unit}'"
            sql = f"datetime(<c>,{start}) = datetime(current_time,{start},'-{back} {unit}')"
            yield f"rel-{unit}-{which}", words[back], sql
        for which, sign in (("since", ">="), ("until", "<=")):
            sql = f"datetime(<c>) {sign} datetime(current_time,'-{{n}} {unit}')"
            yield f"rel-{unit}-{which}", f"{which} {_N} {unit} ago", sql
    for back, which in enumerate(("this", "last")):
        year, month = f"{which} year", f"{which} month"
        yield f"mix-month-{which}_year", f"in {_M}/{year}", f"{_YEAR_OF[back]} and strftime('%m',<c>) = '{{m}}'"
        yield (
            f"mix-day-{which}_year",
            f"on {_M}/{_D}/{year}",
            f"{_YEAR_OF[back]} and strftime('%m-%d',<c>) = '{{m}}-{{d}}'",
        )
        yield f"mix-day-{which}_month", f"on {month}/{_D}", f"{_MONTH_OF[back]} and strftime('%d',<c>) = '{{d}}'"
    for visit, stay, end, start in (
        ("hosp", "hospital", "admissions.dischtime", "admissions.admittime"),
        ("icu", "icu", "icustays.outtime", "icustays.intime"),
    ):
        yield f"rel-{visit}-cur", f"on the current {stay} visit", f"{end} is null"
        for which, order in _OVER.items():
            yield f"rel-{visit}-{which}", f"on the {which} {stay} visit", f"{end} {order.format(start)}"


FILTERS = {option: (said, sql) for option, said, sql in _filters()}


@pytest.fixture(scope="module")
def db(built):
    connection = sqlite3.connect(f"file:{built / DATABASE_PATHS['test']}?mode=ro", uri=True)
    yield connection
    connection.close()


def test_there_are_all_filters():
    assert len(FILTERS) == 33


def test_every_answer_is_what_the_gold_program_gives_on_the_plain_database(run, plain_rows):
    assert len(run.pairs) > 250
    for split, record, answer, _ in run.pairs:
        assert answer_of_rows(plain_rows[record["_gold_program"]]) == answer, (split, record["id"], record["template"])
        assert None not in answer
        assert len(answer) <= 20


def test_every_filter_is_worded_as_its_tag_and_its_program_say(run):
    seen = Counter()
    for _, record, _, _ in run.pairs:
        for slot, option in zip(("time_filter_global1", "time_filter_global2"), record["t_tag"], strict=False):
            if not option:
                continue
            seen[option] += 1
            said, sql = FILTERS[option]
            if f"[{slot}]" not in record["q_tag"]:
                # current visits: in the sentence itself; the drugs of today
                assert option in ("rel-hosp-cur", "rel-icu-cur"), record["q_tag"]
                assert "current" in record["template"]
                assert sql in record["_gold_program"]
                continue
            assert f"[{slot}:{option}]" in record["tag"]
            found = [match.groupdict() for match in re.finditer(rf"(?<![\w/]){said}(?![\w/])", record["template"])]
            assert found, (option, record["template"])
            wanted = [re.escape(sql.format(**values)).replace("<c>", r"\w+\.\w+") for values in found]
            for program in (record["_gold_program"], record["query"]):
                assert any(re.search(each, program) for each in wanted), (option, record["template"], program)
            # no date in the sentence that is not in the program, bar values of names
            assert all(int(values.get("y") or 2100) in range(2100, 2106) for values in found)
    assert len(seen) > 20, seen


def test_exact_filters_are_worded_as_their_tags_say(run):
    words = {
        "exact-first": "first",
        "exact-second": "second",
        "exact-last": "last",
        "exact-second_to_last": "second to last",
    }
    for _, record, _, _ in run.pairs:
        for slot, option in zip(("time_filter_exact1", "time_filter_exact2"), record["t_tag"][3:], strict=True):
            assert bool(option) is (f"[{slot}]" in record["q_tag"])
            if option == "exact-default":
                assert len(re.findall(r"at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", record["template"])) == 2
                assert record["t_tag"] == ["", "", "", "exact-default", "exact-default"]
            elif option:
                assert re.search(rf"\b{words[option]}\b", record["template"])
                assert f"[{slot}:{option}]" in record["tag"]


class Studies:
    """The studies of a database as the rows of TB_CXR_PLUS say."""

    def __init__(self, db):
        self.present = defaultdict(set)
        self.ratios, self.times = {}, {}
        self.possible = set()
        for study, subject, time, hadm, *finding, relation, ct, mt in db.execute(
            "select study_id, subject_id, studydatetime, hadm_id, object, attribute, category, relation, ct_ratio, "
            "mt_ratio from tb_cxr_plus"
        ):
            self.ratios[study] = ct, mt
            self.times[study] = (time, subject, hadm)
            self.possible.add(tuple(finding))
            if relation == 1:
                self.present[study].add(tuple(finding))
        self.dates = dict(db.execute("select study_id, studydatetime from tb_cxr"))

    def find(self, study, objects=(), attributes=(), categories=()):
        """Findings of a study with one of these names each; of no category: an abnormality."""
        categories = categories or (() if attributes else ("anatomicalfinding", "disease", "device", "tubesandlines"))
        return {
            (place, name, kind)
            for place, name, kind in self.present[study]
            if (not objects or place in objects) and (not attributes or name in attributes)
            and (not categories or kind in categories)
        }  # fmt: skip


def parts_of(question, tag):
    """The two things that a question joins, each as what `find` takes; or one."""
    names = {"objects": tag["object"], "attributes": tag["attribute"], "categories": tag["category"]}
    if not any(word in question for word in ("both", "either", " but not ", " or ", " and ")):
        return [names]
    return [{key: held if len(held) < 2 else [held[n]] for key, held in names.items()} for n in (0, 1)]


def asked_of_one(studies, study, question, tag):
    """What a study shows: a truth value, or a set of names."""
    if "wider than 1/2" in question or "wider than" in question:
        ct, mt = studies.ratios[study]
        return ct > 1 / 2 if "cardiac" in question else mt > 1 / 3
    parts = parts_of(question, tag)
    found = [studies.find(study, **part) for part in parts]
    column = 0 if "anatomical location" in question else 1
    names = [{finding[column] for finding in each} for each in found]
    if question.startswith(("list", "which")):
        if "common" in question or (" both " in question and column == 0):
            return names[0] & names[1]
        if "but not" in question:
            return names[0] - names[1]
        return set().union(*names)
    if len(found) == 2:
        return all(found) if "both" in question else any(found)
    return bool(found[0])


def patients_studies(db, studies, record, slot, exact):
    """The one study of a patient that a filter and first or last leave."""
    option = record["t_tag"][slot]
    held = sorted(
        (time, study, hadm)
        for study, (time, subject, hadm) in studies.times.items()
        if subject == record["value"]["patient_id"]
    )
    if option.startswith("rel-hosp"):
        stays = db.execute(
            "select hadm_id, dischtime from admissions where subject_id = ? order by admittime",
            (record["value"]["patient_id"],),
        ).fetchall()
        over = [hadm for hadm, end in stays if end is not None]
        wanted = {"cur": [hadm for hadm, end in stays if end is None], "first": over[:1], "last": over[-1:]}[option[9:]]
        held = [each for each in held if each[2] in wanted]
    elif option:
        said, sql = FILTERS[option]
        (match,) = re.finditer(rf"(?<![\w/]){said}(?![\w/])", record["template"])
        condition = normalised(sql.format(**match.groupdict())).replace("<c>", "t.c")
        held = [
            each for each in held if db.execute(f"select {condition} from (select ? as c) as t", each[:1]).fetchone()[0]
        ]
    return held[0 if record["t_tag"][exact] == "exact-first" else -1][1]


def test_questions_about_one_or_two_studies_are_answered_as_their_rows_say(run, db):
    studies = Studies(db)
    seen = Counter()
    for _, record, answer, links in run.pairs:
        number = int(links["template"].removeprefix("official/"))
        if not 1000 <= number < 3000:
            continue
        value, tag = record["value"], record["v_tag"]
        hundred = number // 100
        if hundred in (11, 22, 23):
            x = value.get("study_id") or value["study_id1"]
        else:
            x = patients_studies(db, studies, record, 0, 3)
        # the visual question: behind the study, without the comparison
        visual = re.sub(r"^given the .*?, (?=are|is|list|which)", "", record["template"])
        if number < 2000:
            expected = asked_of_one(studies, x, visual, tag)
            wanted = {x}
        else:
            time, subject, _ = studies.times[x]
            if hundred == 22:
                y = value["study_id2"]
            elif hundred == 20:
                y = patients_studies(db, studies, record, 1, 4)
            else:
                before = [
                    (each[0], study) for study, each in studies.times.items() if each[1] == subject and each[0] < time
                ]
                y = max(before)[1]
            assert studies.times[y][0] < time and studies.times[y][1] == subject
            (comparison,) = tag["comparison"]
            assert f" {comparison} " in visual
            visual = re.sub(rf"( that are)? {comparison}| compared to .*", "", visual)
            now, earlier = (asked_of_one(studies, each, visual, tag) for each in (x, y))
            if isinstance(now, bool):
                now_wanted, earlier_wanted = {
                    "still present": (True, True), "newly detected": (True, False), "resolved": (False, True),
                    "still absent": (False, False),
                }[comparison]  # fmt: skip
                expected = now is now_wanted and earlier is earlier_wanted
            else:
                expected = {"still present": now & earlier, "newly detected": now - earlier, "resolved": earlier - now}[
                    comparison
                ]
            wanted = {x, y}
        assert set(links["study_ids"]) == wanted
        if isinstance(expected, bool):
            assert answer == [int(expected)], record["template"]
        else:
            assert Counter(answer) == Counter(expected), record["template"]
        seen[number] += 1
    assert len(seen) > 45, len(seen)


def test_no_impossible_finding_is_asked_for(run, db):
    """Every object has the attribute it is asked about; a category has a member there."""
    studies = Studies(db)
    pairs = {finding[:2] for finding in studies.possible}
    members = {(place, kind) for place, _, kind in studies.possible}
    seen = 0
    for _, record, _, _ in run.pairs:
        tag = record["v_tag"]
        for place in tag["object"]:
            seen += 1
            assert all((place, name) in pairs for name in tag["attribute"]), record["template"]
            assert all((place, name) in members for name in tag["category"]), record["template"]
        for held in tag.values():
            assert len(set(held)) == len(held)
    assert seen > 100


def owners_of(db, table):
    """Row of a table → whom it belongs to, and the column that says so."""
    columns = {name for _, name, *_ in db.execute(f"pragma table_info({table})")}
    column = "subject_id" if "subject_id" in columns else "row_id"
    return column, dict(db.execute(f"select row_id, {column} from {table}"))


def test_links_name_the_rows_that_bear_the_answer(run, db):
    """Studies and images exist and belong together; rows exist and are of the patient asked about."""
    images = {
        study: (subject, image)
        for study, subject, image in db.execute("select study_id, subject_id, image_id from tb_cxr")
    }
    owners = {}
    for _, record, answer, links in run.pairs:
        assert len(links["study_ids"]) == len(links["image_ids"]) == len(links["image_paths"])
        assert links["studies_total"] == len(links["study_ids"]) == len(links["image_paths"])
        assert links["studies_total"] or links["modality"] == "table" or answer in ([0], [])
        for study, image, path in zip(links["study_ids"], links["image_ids"], links["image_paths"], strict=True):
            subject, right = images[study]
            assert image == right
            assert path == f"p{str(subject)[:2]}/p{subject}/s{study}/{image}.jpg"
            assert record["value"].get("patient_id", subject) == subject
        for row in links["rows"]:
            assert row["total"] >= len(row["row_ids"])
            column, known = owners.get(row["table"]) or owners.setdefault(row["table"], owners_of(db, row["table"]))
            held = [known[number] for number in row["row_ids"]]
            assert len(set(row["row_ids"])) == len(held)
            if column == "subject_id" and "patient_id" in record["value"] and links["family"] != "percentile":
                assert set(held) <= {record["value"]["patient_id"]}, record["template"]
        if links["modality"] == "table" and answer not in ([0], []) and links["scope"] != "table-none":
            assert sum(row["total"] for row in links["rows"]), record["template"]
        assert links["bounded"] is any(row["total"] > len(row["row_ids"]) for row in links["rows"])
