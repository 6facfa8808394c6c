"""Illness has consequences: what is coded, what is measured, what is given and what is seen go together."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter, defaultdict
from functools import cached_property
from pathlib import Path
from statistics import mean, median

import numpy as np
import pytest

from ehrxqa.hospital import synth
from ehrxqa.hospital.illnesses import People, Rule, illnesses
from ehrxqa.hospital.life import DAY, live
from ehrxqa.hospital.measurements import labs_of
from ehrxqa.hospital.orders import orders_of
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.studies import studies_of
from ehrxqa.hospital.vocabulary import CONDITIONS, diagnoses, drugs, finding_kinds, labs, procedures
from ehrxqa.hospital.words import expanded

SUBJECTS = 500
SEED = 21

#: Codes (of either version, by their first signs), what goes with them, and how many times as often at least.
#: A drug is one that is ordered; `label<limit` a value; `~attribute` something that a study of the admission shows.
PAIRS = [
    ("E03 244", "Levothyroxine Sodium", 15),
    ("E05 242", "Methimazole", 20),
    ("E05 242", "Thyroid Stimulating Hormone<0.6", 4),
    ("E785 E782 2724 2722", "Cholesterol, LDL, Calculated>140", 1.5),
    ("M10 274", "Allopurinol", 4),
    ("M10 274", "Uric Acid>9", 2),
    ("N40 600", "Tamsulosin", 10),
    ("F03 F02 G30 331 294", "Donepezil", 12),
    ("G20 3320", "Carbidopa-Levodopa (25-100)", 100),
    ("G409 345", "LevETIRAcetam", 4),
    ("B20 042", "Emtricitabine-Tenofovir (Truvada)", 25),
    ("B20 042", "Absolute CD4 Count<300", 3),
    ("Z940 V420", "Tacrolimus", 20),
    ("Z940 V420", "Mycophenolate Mofetil", 10),
    ("Z944 V427", "Tacrolimus", 15),
    ("D50 280", "Ferrous Sulfate", 4),
    ("D50 280", "Ferritin<60", 2.5),
    ("E55 2689", "Vitamin D", 3),
    ("E538 D51 2810 2662", "Cyanocobalamin", 10),
    ("M81 7330", "Alendronate Sodium", 15),
    ("G40 345", "Phenytoin Sodium Extended", 4),
    ("G43 346", "Sumatriptan Succinate", 20),
    ("J45 493", "Fluticasone Propionate 110mcg", 10),
    ("K50 555", "Mesalamine", 40),
    ("M05 M06 714", "Methotrexate", 20),
    ("M05 M06 714", "Rheumatoid Factor>25", 2.5),
    ("H40 365", "Latanoprost 0.005% Ophth. Soln.", 40),
    ("F31 2968", "Lithium Carbonate", 20),
    ("F20 F25 295", "OLANZapine", 3),
    ("F1120 F1110 3040", "Methadone", 5),
    ("F17 3051", "Nicotine Patch", 4),
    ("Z7952 V5865", "PredniSONE", 3),
    ("Z7901 V5861", "Warfarin", 5),
    ("Z794 V5867", "Insulin Glargine", 6),
    ("I50 428", "Furosemide", 3),
    ("I50 428", "NTproBNP>4000", 3),
    ("I50 428", "~enlarged cardiac silhouette", 2),
    ("I48 4273", "INR(PT)>2.2", 2),
    ("E11 250", "Insulin", 3),
    ("E11 250", "Hemoglobin A1c>8", 3),
    ("E876 2768", "Potassium<3.2", 6),
    ("E876 2768", "Potassium Chloride", 2),
    ("E875 2767", "Potassium>5.6", 6),
    ("E871 2761", "Sodium<130.5", 6),
    ("E870 2760", "Sodium>148.5", 8),
    ("E8342 2752", "Magnesium<1.4", 8),
    ("E8342 2752", "Magnesium Sulfate", 3),
    ("E8351 27541", "Calcium, Total<7.5", 8),
    ("E8339 2753", "Phosphate<1.7", 2.5),
    ("E872 2762", "Bicarbonate<16.5", 6),
    ("D64 D63 2859", "Hemoglobin<8.6", 2.5),
    ("D696 D695 2875", "Platelet Count<95", 8),
    ("D72829 28860", "White Blood Cells>19", 6),
    ("E43 E46 262 2639", "Albumin<2.35", 6),
    ("R17 7824", "Bilirubin, Total>4", 8),
    ("R740 7904", "Alanine Aminotransferase (ALT)>220", 8),
    ("N17 584", "Creatinine>1.5", 2.5),
    ("N186 5856 Z992", "Sevelamer CARBONATE", 5),
    ("K85 5770", "Lipase>150", 5),
    ("K922 5789 K921", "Pantoprazole (IV)", 8),
    ("A047 00845", "Vancomycin Oral Liquid", 15),
    ("N390 5990", "White Cells in Urine>60", 2),
    ("I214 41071", "Troponin T>0.3", 3),
    ("I82 453", "Enoxaparin Sodium", 2),
    ("F05 2930", "Haloperidol", 3),
    ("K590 5640", "Bisacodyl", 1.5),
    ("L89 707", "Collagenase Ointment", 10),
    ("J93 512", "~pneumothorax", 2.5),
    ("J93 512", "~chest tube", 4),
    ("J90 J918 5119 51189", "~pleural effusion", 2.5),
    ("J9811 5180", "~atelectasis", 1.8),
    ("J189 486", "~pneumonia", 4),
    ("J189 486", "CeftriaXONE", 1.8),
    ("Z950 V4501", "~cardiac pacer and wires", 10),
    ("Z951 V4581", "~cabg grafts", 4),
    ("Z952 V433", "~prosthetic valve", 10),
    ("S22 8070", "~rib fracture", 5),
    ("K44 5533", "~hernia", 6),
    ("R911 79311", "~mass/nodule (not otherwise specified)", 6),
    ("M41 7373", "~scoliosis", 6),
    ("J44 496 491", "~copd/emphysema", 4),
    ("J69 5070", "~aspiration", 8),
    ("O Z37 650 64 65", "Oxytocin", 60),
    ("J10 487", "Oseltamivir", 40),
]


class Admissions:
    """A hospital by admission: codes, drugs, values and what studies show."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.rows = {row["hadm_id"]: row for row in self.read("admissions")}
        self.sex = {row["subject_id"]: row["gender"] for row in self.read("patients")}
        self.codes: dict[str, list[str]] = defaultdict(list)
        for row in self.read("diagnoses_icd"):
            self.codes[row["hadm_id"]].append(row["icd_code"])
        self.drugs: dict[str, list[str]] = defaultdict(list)
        for row in self.read("prescriptions"):
            self.drugs[row["hadm_id"]].append(row["drug"])
        label = {row["itemid"]: row["label"] for row in self.read("d_labitems")}
        self.values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for row in self.read("labevents"):
            if row["hadm_id"] and row["valuenum"]:
                self.values[row["hadm_id"]][label[row["itemid"]]].append(float(row["valuenum"]))

    def read(self, name: str) -> list[dict[str, str]]:
        folder = "icu" if name == "icustays" else "hosp"
        with gzip.open(self.root / f"mimiciv/2.2/{folder}/{name}.csv.gz", "rt", encoding="utf-8") as stream:
            return list(csv.DictReader(stream))

    @cached_property
    def shown(self) -> dict[str, set[str]]:
        """What the studies of each admission show; admissions without any study are not in it."""
        plan = Plan.checked(SUBJECTS, seed=SEED, images=False)
        found: dict[str, set[str]] = {}
        for number in range(SUBJECTS):
            subject = live(plan, number)
            for study in studies_of(plan, subject):
                for admission in subject.admissions:
                    if admission.start <= study.time // 1000 <= admission.end:
                        names = {name for finding in study.findings for name in finding.attributes}
                        found.setdefault(str(admission.hadm_id), set()).update(names)
        return found

    def has(self, hadm_id: str, evidence: str) -> bool | None:
        """Whether an admission has it (a value: whether one is recorded); None if it had no study."""
        if evidence.startswith("~"):
            seen = self.shown.get(hadm_id)
            return None if seen is None else evidence[1:] in seen
        rule = Rule.parsed(evidence)
        if rule is None:
            return evidence in self.drugs[hadm_id]
        values = self.values[hadm_id].get(rule.label)
        if not values:
            return False
        return min(values) < rule.limit if rule.below else max(values) > rule.limit


@pytest.fixture(scope="module")
def admissions(tmp_path_factory) -> Admissions:
    root = tmp_path_factory.mktemp("consequences") / "hospital"
    synth(root, subjects=SUBJECTS, seed=SEED, images=False, workers=2)
    return Admissions(root)


def ratio(admissions: Admissions, codes: str, evidence: str) -> tuple[float, int]:
    """Rate of the evidence among admissions with one of the codes against the others, and how many have a code."""
    counts = Counter[tuple[bool, bool]]()
    prefixes = tuple(codes.split())
    for hadm_id in admissions.rows:
        found = admissions.has(hadm_id, evidence)
        if found is not None:
            counts[any(code.startswith(prefixes) for code in admissions.codes[hadm_id]), found] += 1
    rates = [(counts[coded, True] + 0.5) / (counts[coded, True] + counts[coded, False] + 1) for coded in (True, False)]
    return rates[0] / rates[1], counts[True, True] + counts[True, False]


def test_there_are_at_least_sixty_pairs():
    assert len({(codes, evidence) for codes, evidence, _ in PAIRS}) == len(PAIRS) >= 60


@pytest.mark.parametrize(("codes", "evidence", "least"), PAIRS)
def test_codes_have_their_consequences(admissions, codes, evidence, least):
    found, coded = ratio(admissions, codes, evidence)
    assert coded >= 3, "too few admissions to tell"
    assert found > least


def test_a_low_potassium_is_coded_and_a_normal_one_is_not(admissions):
    low, normal = [], []
    for hadm_id in admissions.rows:
        values = admissions.values[hadm_id]["Potassium"]
        coded = any(code in ("E876", "2768") for code in admissions.codes[hadm_id])
        if values and min(values) <= 2.9 and np.mean(np.array(values) < 3.2) > 0.1:
            low.append(coded)
        elif values and min(values) >= 3.4:
            normal.append(coded)
    assert len(low) >= 10
    assert mean(low) > 0.7
    assert not any(normal)


MEN = re.compile(r"\b(prostat|testis|male erectile|male genital|orchi)")
WOMEN = re.compile(r"\b(ovar|uter|hysterec|cervix|pregnan|deliver|menopaus|menstru|vagin|trimester|puerper|cesarean)")
EITHER = re.compile("family|hypertrophic|female[)] [(]male")


def test_sex_and_age_fit_codes_and_procedures(admissions):
    age = {row["subject_id"]: int(row["anchor_age"]) for row in admissions.read("patients")}
    seen = Counter[str]()
    for events, dictionary in (("diagnoses_icd", diagnoses()), ("procedures_icd", procedures())):
        of = {(title.code, title.version): title for title in dictionary}
        for row in admissions.read(events):
            title, sex = of[row["icd_code"], row["icd_version"]], admissions.sex[row["subject_id"]]
            assert title.people.has(sex, age[row["subject_id"]]), title
            words = title.title.lower()
            male, female = (test.search(words) and not EITHER.search(words) for test in (MEN, WOMEN))
            if male or female:
                assert sex == ("M" if male else "F"), title
                seen["M" if male else "F"] += 1
    assert min(seen["M"], seen["F"]) > 20


def test_people_are_parsed():
    assert People.parsed("") == People()
    assert People.parsed("F") == People("F")
    assert People.parsed("M 50-") == People("M", 50, 200)
    assert People.parsed("16-46").has("M", 46)
    assert not People.parsed("F 16-46").has("M", 20)
    with pytest.raises(ValueError, match="not people"):
        People.parsed("women")


def test_one_line_of_the_catalogue_stands_for_many_codes():
    made = list(expanded("M255{joint}{side}", "Pain in {side} {joint}", 7))
    assert len(made) == 14
    assert made[0][:2] == ("M25511", "Pain in right shoulder")
    assert sum(weight for _, _, weight in made) == pytest.approx(7)


def test_the_hospital_is_as_wide_as_the_open_demo(admissions):
    """Distinct values in use, and in the catalogue: the open demo has 1,472, 631, 498 and 352 of these."""
    used = {
        "diagnoses": {code for codes in admissions.codes.values() for code in codes},
        "drugs": {drug for names in admissions.drugs.values() for drug in names},
        "labs": {row["itemid"] for row in admissions.read("labevents")},
        "procedures": {row["icd_code"] for row in admissions.read("procedures_icd")},
    }
    known = {"diagnoses": diagnoses(), "drugs": drugs(), "labs": labs(), "procedures": procedures()}
    for name, least in (("diagnoses", 1500), ("drugs", 600), ("labs", 300), ("procedures", 350)):
        assert len(used[name]) >= least, name
        assert len(known[name]) >= least, name
    stays = admissions.rows
    assert mean(len(admissions.codes[hadm_id]) for hadm_id in stays) >= 14
    assert mean(len(admissions.drugs[hadm_id]) for hadm_id in stays) >= 60
    assert max(len(codes) for codes in admissions.codes.values()) <= 39


def test_few_subjects_have_many_procedures_too(admissions):
    """The 240 subjects of the demo have as many different ones as the 100 of the open demo; 2 to 3 a stay, as there."""
    rows = admissions.read("procedures_icd")
    some = set(sorted({row["subject_id"] for row in admissions.rows.values()})[:240])
    own = [row for row in rows if row["subject_id"] in some]
    assert len({(row["icd_code"], row["icd_version"]) for row in own}) >= 350
    assert 2 < len(own) / sum(row["subject_id"] in some for row in admissions.rows.values()) < 3
    numbers = defaultdict(list)
    for row in rows:
        numbers[row["hadm_id"]].append(int(row["seq_num"]))
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_what_is_seldom_done_is_drawn_apart(monkeypatch):
    """Nothing else changes with it, and the usual procedures stand before it."""
    plan = Plan.checked(60, seed=4)
    seldom = 0
    for number in range(30):
        subject = live(plan, number)
        laboratory = labs_of(plan, subject)
        made = orders_of(plan, subject, laboratory)
        with monkeypatch.context() as patched:
            patched.setattr("ehrxqa.hospital.orders._SELDOM_DONE", 0)
            without = orders_of(plan, subject, laboratory)
        usual, more = without.pop("procedures_icd"), made.pop("procedures_icd")
        assert set(usual) <= set(more)
        seldom += len(more) - len(usual)
        assert made == without
    assert seldom > 20


def test_values_are_extreme_now_and_then_and_possible_always(admissions):
    for label, lowest, low, high, highest in (
        ("Potassium", 1.5, 2.8, 6.3, 8),
        ("Sodium", 110, 124, 152, 170),
        ("Hemoglobin", 2.5, 6, 15, 25),
        ("Platelet Count", 1, 45, 700, 2500),
        ("White Blood Cells", 0.05, 2, 35, 200),
        ("Glucose", 15, 50, 500, 1200),
        ("Creatinine", 0.1, 0.5, 6, 20),
    ):
        values = [value for own in admissions.values.values() for value in own[label]]
        assert lowest <= min(values) < low, label
        assert high < max(values) <= highest, label


def test_most_come_in_the_evening_and_intensive_care_lasts_about_two_days(admissions):
    hours = [int(row["admittime"][11:13]) for row in admissions.rows.values()]
    assert mean(hour >= 15 for hour in hours) > 0.55
    assert min(Counter(hour // 6 for hour in hours).values()) > 5
    days = [float(row["los"]) for row in admissions.read("icustays")]
    assert 1.2 < median(days) < 2.6
    assert 1.6 < mean(days) < 3.5


def test_what_lasts_keeps_its_code_from_stay_to_stay(admissions):
    by_subject = defaultdict(list)
    for hadm_id, row in admissions.rows.items():
        thyroid = [code for code in admissions.codes[hadm_id] if code.startswith("E03")]
        if thyroid:
            by_subject[row["subject_id"]].append(thyroid[0])
    several = [codes for codes in by_subject.values() if len(codes) > 1]
    assert several
    assert mean(len(set(codes)) == 1 for codes in several) > 0.9


def test_what_the_illnesses_name_is_there():
    known = {condition.name for condition in CONDITIONS}
    labels, names = {lab.label for lab in labs()}, {drug.name for drug in drugs()}
    kinds = {kind.name for kind in finding_kinds()}
    coded = {title.condition for title in diagnoses()}
    earlier = known | {"F", "M"} | {name for name, illness in illnesses().items() if illness.chronic}
    for name, illness in illnesses().items():
        assert name in coded, name
        assert illness.labs.keys() <= labels, name
        assert illness.drugs.keys() <= names, name
        assert illness.findings.keys() <= kinds, name
        assert illness.boosts.keys() <= earlier | illnesses().keys(), name
        assert illness.rule is None or illness.rule.label in labels, name
    places = {title.condition for title in (*diagnoses(), *procedures())} | {drug.condition for drug in drugs()}
    assert places <= known | illnesses().keys() | {"background", "formulary"}


def test_codes_and_titles_are_each_there_once():
    for titles in (diagnoses(), procedures()):
        assert len({(title.code, title.version) for title in titles}) == len(titles)
        assert len({(title.title.lower(), title.version) for title in titles}) == len(titles)
        for title in titles:
            assert 2 <= len(title.code) <= 7, title
            assert title.code.isalnum(), title
    assert len({drug.name.lower() for drug in drugs()}) == len(drugs())
    assert len({lab.itemid for lab in labs()}) == len(labs())


def test_the_obese_weigh_more():
    plan = Plan.checked(400, images=False)
    people = [live(plan, number) for number in range(400)]
    assert 0.1 < mean("obesity" in person.illnesses for person in people) < 0.4
    assert all((admission.end - admission.start) / DAY > 0.2 for person in people for admission in person.admissions)
