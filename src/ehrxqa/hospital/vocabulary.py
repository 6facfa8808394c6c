"""The words of the hospital: codes, titles, items, drugs, cultures, findings and phrases.

They lie as tab-separated files in `hospital/data/`, written for this project; codes and item ids are
facts, titles and distributions our own wording and judgement.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ehrxqa.hospital.illnesses import People, illnesses
from ehrxqa.hospital.words import expanded, numbers, rows, split

__all__ = [
    "CONDITIONS",
    "Condition",
    "Culture",
    "Drug",
    "FindingKind",
    "IcuItem",
    "Lab",
    "Title",
    "WeightedChoice",
    "WeightedNames",
    "condition_titles",
    "cultures",
    "diagnoses",
    "drugs",
    "finding_kinds",
    "icu_items",
    "labs",
    "organisms",
    "phrases",
    "procedures",
    "recorded_values",
]


@dataclass(frozen=True)
class Condition:
    """An illness or state a subject can have.

    Attributes:
        name: Its key in the vocabulary files.
        young, old: Share of subjects who have it at 30 and at 80 years; linear between.
        chronic: Whether it lasts for life; otherwise it is the reason for one admission.
        reason: How an X-ray request or an admission names it.
    """

    name: str
    young: float
    old: float
    chronic: bool
    reason: str


CONDITIONS: tuple[Condition, ...] = (
    Condition("heart_failure", 0.02, 0.34, True, "shortness of breath and leg swelling"),
    Condition("hypertension", 0.15, 0.70, True, "hypertension"),
    Condition("coronary", 0.02, 0.35, True, "chest pain"),
    Condition("atrial_fibrillation", 0.01, 0.30, True, "palpitations"),
    Condition("pacer", 0.003, 0.11, True, "pacemaker placement"),
    Condition("valve", 0.01, 0.10, True, "valve disease"),
    Condition("aneurysm", 0.002, 0.03, True, "back pain"),
    Condition("copd", 0.02, 0.24, True, "cough and wheezing"),
    Condition("ild", 0.01, 0.05, True, "dyspnea on exertion"),
    Condition("granuloma", 0.02, 0.06, True, "prior tuberculosis exposure"),
    Condition("cancer_lung", 0.004, 0.06, True, "lung mass"),
    Condition("cancer_other", 0.03, 0.16, True, "malignancy"),
    Condition("diabetes", 0.06, 0.32, True, "hyperglycemia"),
    Condition("kidney", 0.04, 0.28, True, "renal failure"),
    Condition("liver", 0.04, 0.06, True, "cirrhosis"),
    Condition("alcohol", 0.12, 0.04, True, "altered mental status"),
    Condition("psychiatric", 0.30, 0.18, True, "confusion"),
    Condition("pneumonia", 0.08, 0.16, False, "fever and cough"),
    Condition("sepsis", 0.06, 0.12, False, "fever and hypotension"),
    Condition("stroke", 0.02, 0.09, False, "weakness"),
    Condition("trauma", 0.12, 0.07, False, "fall"),
    Condition("pneumothorax", 0.02, 0.01, False, "sudden chest pain"),
    Condition("embolism", 0.03, 0.04, False, "pleuritic chest pain"),
    Condition("gi", 0.16, 0.16, False, "abdominal pain"),
    Condition("urinary", 0.07, 0.13, False, "dysuria"),
    Condition("postop", 0.05, 0.08, False, "recent cardiac surgery"),
)


@dataclass(frozen=True)
class Title:
    """An ICD code with its title, the condition or illness it belongs to, and whom it can be given to."""

    code: str
    version: str
    title: str
    condition: str
    weight: float
    people: People


@dataclass(frozen=True)
class Lab:
    """A laboratory item and how its values are distributed.

    Attributes:
        panel: Items of one panel are measured together.
        decimals: Decimals its text is reported with.
        shape: `n` normal, `ln` log-normal, `t` text only.
        centre, spread: Mean and standard deviation (of the logarithm for `ln`, where `centre` is the median).
        low, high: Reference range as text, empty if none.
        effects: Condition → shift in standard deviations.
        texts: The possible texts of a `t` item.
    """

    panel: str
    itemid: int
    label: str
    fluid: str
    category: str
    unit: str
    decimals: int
    shape: str
    centre: float
    spread: float
    low: str
    high: str
    effects: dict[str, float]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Drug:
    """A drug with the doses (as text), unit and routes it is ordered in."""

    condition: str
    name: str
    doses: tuple[str, ...]
    unit: str
    routes: tuple[str, ...]
    strength: str
    form: str
    weight: float


@dataclass(frozen=True)
class IcuItem:
    """An item of the ICU record."""

    itemid: int
    label: str
    abbreviation: str
    linksto: str
    category: str
    unit: str
    param_type: str
    low: str
    high: str
    centre: float
    spread: float
    weight: float


@dataclass(frozen=True)
class Culture:
    """A specimen and test, with the organisms that may grow."""

    specimen: str
    test: str
    weight: float
    groups: tuple[str, ...]
    positive: float
    condition: str


@dataclass(frozen=True)
class FindingKind:
    """A kind of X-ray finding.

    Attributes:
        name: Its key.
        reported: Attribute that it can be reported as → how often it is among those reported; 1 where the file names
            no number.
        sides: `one`, `both`, `either` (one or both) or `none` (midline).
        places: Objects; `{s}` each side, `{z}` a lung zone, `{u}` an upper zone, `{r}` usually right.
        base: Probability in a study without any of the boosting conditions.
        boosts: Condition or state → added probability.
        texture: Usual texture word, or empty.
        keeps: Probability that it is still there days later; above 0.8 it lasts for life.
        bedside: Whether only patients in bed have it: never in a study of a walking patient.
    """

    name: str
    reported: dict[str, float]
    sides: str
    places: tuple[str, ...]
    base: float
    boosts: dict[str, float]
    texture: str
    keeps: float
    bedside: bool

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that it can be reported as."""
        return tuple(self.reported)

    @property
    def lasts(self) -> bool:
        """Whether it stays for life once it is there."""
        return self.keeps > 0.8


class WeightedChoice:
    """A weighted choice among fixed values, drawn by binary search."""

    def __init__(self, weights: list[float]) -> None:
        total = np.cumsum(np.asarray(weights, dtype=np.float64))
        self._edges: NDArray[np.float64] = total / total[-1]

    def draw(self, rng: np.random.Generator, count: int) -> NDArray[np.int64]:
        """`count` positions, with replacement."""
        return np.searchsorted(self._edges, rng.random(count), side="right").astype(np.int64)

    def at(self, share: float) -> int:
        """The position that a number from 0 to 1 stands for."""
        return int(np.searchsorted(self._edges, share, side="right"))


#: Names, and a weighted choice among them.
WeightedNames: TypeAlias = tuple[tuple[str, ...], WeightedChoice]


def _titles(*files: str) -> tuple[Title, ...]:
    """The codes of files, each once: the first line that gives a code, or a title of a version, wins."""
    found: dict[tuple[str, str], Title] = {}
    titles = set()
    for r in (row for name in files for row in rows(name)):
        version, people = r["icd_version"], People.parsed(r["people"])
        for code, title, weight in expanded(r["icd_code"], r["long_title"], float(r["weight"])):
            if (code, version) not in found and (title.lower(), version) not in titles:
                found[code, version] = Title(code, version, title, r["condition"], weight, people)
                titles.add((title.lower(), version))
    return tuple(found.values())


@cache
def diagnoses() -> tuple[Title, ...]:
    """The diagnosis codes."""
    return _titles("diagnoses.tsv")


@cache
def procedures() -> tuple[Title, ...]:
    """The procedure codes, those that are seldom done behind the others."""
    return _titles("procedures.tsv", "seldom_procedures.tsv")


@cache
def condition_titles(kind: str) -> dict[tuple[str, str], tuple[tuple[Title, ...], WeightedChoice]]:
    """(condition or illness, ICD version) → its codes and a weighted choice.

    Args:
        kind: `diagnoses`, `procedures`, or `seldom_procedures`, which are drawn apart from the others.
    """
    titles = _titles(f"{kind}.tsv")
    groups: dict[tuple[str, str], list[Title]] = {}
    for title in titles:
        groups.setdefault((title.condition, title.version), []).append(title)
    return {key: (tuple(group), WeightedChoice([t.weight for t in group])) for key, group in groups.items()}


@cache
def labs() -> tuple[Lab, ...]:
    """The laboratory items."""
    return tuple(
        Lab(
            panel=r["panel"],
            itemid=int(r["itemid"]),
            label=r["label"],
            fluid=r["fluid"],
            category=r["category"],
            unit=r["unit"],
            decimals=int(r["decimals"]),
            shape=r["shape"],
            centre=0.0 if r["shape"] == "t" else float(r["centre"]),
            spread=float(r["spread"] or 0),
            low=r["low"],
            high=r["high"],
            effects=numbers(r["effects"]),
            texts=split(r["centre"], "/") if r["shape"] == "t" else (),
        )
        for r in rows("labs.tsv")
    )


@cache
def drugs() -> tuple[Drug, ...]:
    """The drugs."""
    return tuple(
        Drug(
            condition=r["condition"],
            name=r["drug"],
            doses=split(r["doses"], ";"),
            unit=r["unit"],
            routes=split(r["routes"], ";"),
            strength=r["strength"],
            form=r["form"],
            weight=float(r["weight"]),
        )
        for r in rows("drugs.tsv")
    )


@cache
def icu_items() -> tuple[IcuItem, ...]:
    """The items of the ICU record."""
    return tuple(
        IcuItem(
            itemid=int(r["itemid"]),
            label=r["label"],
            abbreviation=r["abbreviation"],
            linksto=r["linksto"],
            category=r["category"],
            unit=r["unitname"],
            param_type=r["param_type"],
            low=r["low"],
            high=r["high"],
            centre=float(r["centre"]),
            spread=float(r["spread"]),
            weight=float(r["weight"]),
        )
        for r in rows("icu_items.tsv")
    )


@cache
def cultures() -> tuple[Culture, ...]:
    """The cultures and other microbiology tests."""
    return tuple(
        Culture(
            specimen=r["specimen"],
            test=r["test"],
            weight=float(r["weight"]),
            groups=split(r["organisms"], ","),
            positive=float(r["positive"]),
            condition=r["condition"],
        )
        for r in rows("cultures.tsv")
    )


@cache
def organisms() -> dict[str, WeightedNames]:
    """Group → organisms and a weighted choice."""
    return _weighted("organisms.tsv", "group", "organism")


@cache
def recorded_values() -> dict[str, WeightedNames]:
    """Kind of value (ward, icu, admission type, race …) → what may be recorded, and a weighted choice."""
    return _weighted("values.tsv", "kind", "name")


def _weighted(file: str, kind: str, name: str) -> dict[str, WeightedNames]:
    groups: dict[str, list[tuple[str, float]]] = {}
    for r in rows(file):
        groups.setdefault(r[kind], []).append((r[name], float(r["weight"])))
    return {g: (tuple(n for n, _ in v), WeightedChoice([w for _, w in v])) for g, v in groups.items()}


@cache
def finding_kinds() -> tuple[FindingKind, ...]:
    """The kinds of X-ray findings."""
    return tuple(
        FindingKind(
            name=r["name"],
            reported=_shares(r["attributes"]),
            sides=r["sides"],
            places=split(r["places"], ";"),
            base=float(r["base"]),
            boosts={**numbers(r["boosts"]), **_shown_by(r["name"])},
            texture=r["texture"],
            keeps=float(r["keeps"]),
            bedside=r["bedside"] == "1",
        )
        for r in rows("findings.tsv")
    )


def _shares(text: str) -> dict[str, float]:
    pairs = (part.partition(":") for part in split(text, ";"))
    return {name: float(number or 1) for name, _, number in pairs}


def _shown_by(kind: str) -> dict[str, float]:
    """Illness → how much likelier it makes a kind of finding."""
    return {name: illness.findings[kind] for name, illness in illnesses().items() if kind in illness.findings}


@cache
def phrases(kind: str) -> tuple[str, ...]:
    """Report phrases of a kind."""
    return tuple(r["text"] for r in rows("phrases.tsv") if r["kind"] == kind)
