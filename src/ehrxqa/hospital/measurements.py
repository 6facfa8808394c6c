"""Laboratory and charted values: many rows, so whole arrays per subject and whole columns per batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ehrxqa.hospital.csvtext import columns_text, decimal_texts, integers, seconds, taken
from ehrxqa.hospital.illnesses import illnesses
from ehrxqa.hospital.life import DAY, HOUR, IcuStay, Subject
from ehrxqa.hospital.plan import Plan
from ehrxqa.hospital.seeds import Purpose, stream
from ehrxqa.hospital.vocabulary import icu_items, labs

__all__ = ["ChartedRows", "LabRows", "charted_of", "charted_text", "labs_of", "labs_text"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

#: Share of blood draws in which a panel is measured: on a ward, in intensive care.
_PANELS = {
    "chem": (0.9, 0.95),
    "cbc": (0.85, 0.9),
    "diff": (0.3, 0.25),
    "liver": (0.3, 0.35),
    "coag": (0.4, 0.6),
    "gas": (0.04, 0.5),
    "cardiac": (0.1, 0.15),
    "urine": (0.12, 0.08),
    "text": (0.12, 0.1),
}
#: Panels of items that are measured one by one, and how usual an item of them is.
_ALONE = {"other": 4, "special": 1}
#: Item that only one sex is tested for, unless it is wanted for an illness.
_OF_SEX = {
    "Prostate Specific Antigen": "M",
    "Testosterone, Total": "M",
    "Testosterone, Free": "M",
    "Human Chorionic Gonadotropin, Tumor Marker": "M",
    "Human Chorionic Gonadotropin": "F",
    "Estradiol": "F",
    "Progesterone": "F",
    "CA-125": "F",
    "Cancer Antigen 15-3": "F",
    "Cancer Antigen 27-29": "F",
    "Rubella Antibody, IgG": "F",
}
#: Share of blood draws in which an item is measured that an illness asks for.
_ASKED = 0.22
#: Several illnesses together do not move an item further than this, in standard deviations.
_MOST = 7.0
#: Values end here, in standard deviations: of what is distributed normally, and of what is log-normal.
_ENDS = ((-4.8, 6.5), (-5.0, 8.5))
#: An illness asks for the items that it moves by so many standard deviations.
_MOVED = 0.75
_ONE_OTHER = 0.5
#: Items that go up and down together, within one blood draw.
_TOGETHER = ((51221, 51222, 51279, 50811), (50912, 51006, 50920), (50971, 50822), (50983, 50824), (51274, 51237))
_ID_STRIDE = 1_000_000


@dataclass(frozen=True)
class LabRows:
    """Columns of laboratory rows; `hadm` −1 is none, `state` 0 value, 1 text item, 2 value withheld."""

    subject: Ints
    hadm: Ints
    specimen: Ints
    item: Ints
    time: Ints
    delay: Ints
    ticks: Ints
    state: Ints
    words: Ints
    urgent: Ints
    row: Ints


@dataclass(frozen=True)
class ChartedRows:
    """Columns of charted rows; `state` 0 value, 1 text item, 2 no value."""

    subject: Ints
    hadm: Ints
    stay: Ints
    caregiver: Ints
    time: Ints
    delay: Ints
    item: Ints
    ticks: Ints
    state: Ints
    words: Ints


@cache
def _lab_arrays() -> dict[str, NDArray[np.float64]]:
    items = labs()
    return {
        "centre": np.array([lab.centre for lab in items]),
        "spread": np.array([lab.spread for lab in items]),
        "log": np.array([lab.shape == "ln" for lab in items], dtype=np.float64),
        "text": np.array([lab.shape == "t" for lab in items], dtype=np.float64),
        "decimals": np.array([lab.decimals for lab in items], dtype=np.float64),
        "low": np.array([float(lab.low or -1e9) for lab in items]),
        "high": np.array([float(lab.high or 1e9) for lab in items]),
        "signed": np.array([lab.label == "Base Excess" for lab in items], dtype=np.float64),
        "percent": np.array([lab.unit == "%" for lab in items], dtype=np.float64),
    }


@cache
def _panel_members() -> tuple[list[Ints], Ints]:
    """The items of each panel, and those that are measured alone, usual ones several times."""
    panels = [np.array([i for i, lab in enumerate(labs()) if lab.panel == p]) for p in _PANELS]
    alone = [[place] * _ALONE[lab.panel] for place, lab in enumerate(labs()) if lab.panel in _ALONE]
    return panels, np.concatenate(alone)


@cache
def _noise_source() -> Ints:
    """Item → item whose noise it shares."""
    position = {lab.itemid: i for i, lab in enumerate(labs())}
    source = np.arange(len(labs()))
    for group in _TOGETHER:
        for itemid in group:
            source[position[itemid]] = position[group[0]]
    return source


@cache
def _shifts() -> dict[str, Floats]:
    """Condition or illness → shift of each item in standard deviations; what is measured in one goes together."""
    items = labs()
    found: dict[str, Floats] = {}
    position = {lab.itemid: place for place, lab in enumerate(items)}
    effects: dict[str, dict[str, float]] = {name: illness.labs for name, illness in illnesses().items()}
    for lab in items:
        for name, shift in lab.effects.items():
            found.setdefault(name, np.zeros(len(items)))[position[lab.itemid]] += shift
    for name, own in effects.items():
        row = found.setdefault(name, np.zeros(len(items)))
        for place, lab in enumerate(items):
            row[place] += own.get(lab.label, 0.0)
        for group in _TOGETHER:
            first = row[position[group[0]]]
            second = row[position[group[1]]]
            lead = second if group[0] == 51221 else first  # a hematocrit follows the hemoglobin
            for itemid in group:
                if not row[position[itemid]]:
                    sign = -1 if itemid == 50920 else 1  # the estimated GFR falls as creatinine rises
                    row[position[itemid]] = sign * lead
    return found


def _effects(rng: np.random.Generator, names: tuple[str, ...]) -> Floats:
    """Shift of each item by all that a subject has; each weighs more or less."""
    total = np.zeros(len(labs()))
    for name, weight in zip(names, np.exp(0.22 * rng.standard_normal(len(names))).tolist(), strict=True):
        row = _shifts().get(name)
        if row is not None:
            total += weight * row
    return _MOST * np.tanh(total / _MOST)


@cache
def _asked_for(names: tuple[str, ...], sex: str) -> tuple[Ints, Ints]:
    """Items measured one by one that these illnesses ask for, and those that may be measured besides."""
    alone = _panel_members()[1]
    strength = np.zeros(len(labs()))
    for name in names:
        strength = np.maximum(strength, np.abs(_shifts().get(name, 0.0)))
    other = "F" if sex == "M" else "M"
    usual = np.array([i for i in alone.tolist() if _OF_SEX.get(labs()[i].label) != other])
    return np.unique(usual[strength[usual] >= _MOVED]), usual


def labs_of(plan: Plan, subject: Subject) -> LabRows:
    """The laboratory rows of a subject, in time order within each admission."""
    rng = stream(plan.seed, Purpose.LABS, subject.number)
    base = rng.standard_normal(len(labs())) * 0.6
    groups = []
    for admission in subject.admissions:
        days = (admission.end - admission.start) / DAY
        count = max(1, int(rng.poisson(days * 1.05 * plan.events_factor + 0.5)))
        start = admission.start if admission.emergency is None else admission.emergency[0]
        times = np.sort(rng.integers(start, admission.end, count))
        icu = np.zeros(count, dtype=bool)
        for stay in admission.icu:
            icu |= (times >= stay.start) & (times <= stay.end)
        names = (*admission.conditions, *admission.illnesses)
        groups.append((admission.hadm_id, times, icu, _effects(rng, names), _asked_for(names, subject.gender)))
    visits = int(rng.poisson(0.9 * min(plan.events_factor, 20.0)))
    if visits and subject.recorded:
        span = max(subject.last - subject.first, DAY)
        times = np.sort(subject.first + rng.integers(0, span, visits))
        names = (*subject.conditions, *subject.illnesses)
        asked = _asked_for(names, subject.gender)
        groups.append((-1, times, np.zeros(visits, dtype=bool), _effects(rng, names), asked))
    drawn = [_draws(rng, base, *group) for group in groups]
    return _numbered(plan, subject, drawn)


def _draws(
    rng: np.random.Generator,
    base: Floats,
    hadm: int,
    times: Ints,
    icu: NDArray[np.bool_],
    effects: Floats,
    asked: tuple[Ints, Ints],
) -> dict[str, Ints]:
    """Blood draws at `times`: which items, and their values."""
    arrays = _lab_arrays()
    members, _ = _panel_members()
    wanted, other = asked
    count = len(times)
    shares = np.array(list(_PANELS.values()))
    chosen = rng.random((count, len(members))) < shares[:, icu.astype(np.int64)].T
    draws = [np.repeat(np.flatnonzero(chosen[:, p]), len(m)) for p, m in enumerate(members)]
    items = [np.tile(m, int(chosen[:, p].sum())) for p, m in enumerate(members)]
    extra = np.flatnonzero(rng.random(count) < _ONE_OTHER)
    some, which = np.nonzero(rng.random((count, len(wanted))) < _ASKED)
    draw = np.concatenate([*draws, extra, some])
    item = np.concatenate([*items, other[rng.integers(0, len(other), len(extra))], wanted[which]])
    once = np.unique(draw * len(base) + item)  # asked for and drawn by chance is still one value
    draw, item = once // len(base), once % len(base)
    order = np.argsort(draw, kind="stable")
    draw, item = draw[order], item[order]
    noise = rng.standard_normal((count, len(base))) * np.where(rng.random((count, 1)) < 0.03, 2.2, 1)
    z = base[item] + effects[item] + 0.75 * noise[draw, _noise_source()[item]] + 0.15 * noise[draw, item]
    centre, spread = arrays["centre"][item], arrays["spread"][item]
    logarithmic = arrays["log"][item] > 0
    z = np.where(logarithmic, z.clip(*_ENDS[1]), z.clip(*_ENDS[0]))
    value = np.where(logarithmic, centre * np.exp(np.where(logarithmic, spread * z, 0)), centre + spread * z)
    value = np.where(arrays["signed"][item] > 0, value, np.maximum(value, 0))
    value = np.where(arrays["percent"][item] > 0, np.minimum(value, 100), value)
    fate = rng.random(len(item))
    return {
        "hadm": np.full(len(item), hadm),
        "draw": draw,
        "item": item,
        "time": (times - times % 60)[draw],
        "delay": rng.integers(20 * 60, 3 * HOUR, count)[draw] // 60 * 60,
        "ticks": np.rint(value * 10 ** arrays["decimals"][item]).astype(np.int64),
        "state": np.where(arrays["text"][item] > 0, 1, np.where(fate < 0.03, 2, 0)),
        "words": rng.integers(0, 60, len(item)),
        "urgent": np.where(fate > 0.9, 2, (fate > 0.5).astype(np.int64)),
    }


def _numbered(plan: Plan, subject: Subject, groups: list[dict[str, Ints]]) -> LabRows:
    if not groups:
        empty = np.zeros(0, dtype=np.int64)
        return LabRows(**{field.name: empty for field in fields(LabRows)})
    specimens, start = [], 0
    for group in groups:
        specimens.append(group["draw"] + start)
        start += int(group["draw"].max(initial=-1)) + 1
    joined = {name: np.concatenate([group[name] for group in groups]) for name in groups[0] if name != "draw"}
    count = len(joined["item"])
    stride = int(_ID_STRIDE * max(1.0, plan.events_factor))
    return LabRows(
        subject=np.full(count, subject.subject_id),
        specimen=np.concatenate(specimens) + subject.number * stride,
        row=np.arange(1, count + 1) + subject.number * stride,
        **joined,
    )


def _stacked(parts: list[LabRows] | list[ChartedRows], kind: type) -> dict[str, Ints]:
    return {f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(kind)}


def labs_text(parts: list[LabRows]) -> bytes:
    """The CSV text of laboratory rows of one or more subjects."""
    c = _stacked(parts, LabRows)
    arrays, items = _lab_arrays(), labs()
    item, state = c["item"], c["state"]
    decimals = arrays["decimals"][item].astype(np.int64)
    reported, shortest = decimal_texts(c["ticks"], decimals)
    words = [lab.texts or ("___",) for lab in items]
    reported, shortest = _worded(reported, shortest, state, item, c["words"], words)
    value = c["ticks"] / 10.0**decimals
    flagged = (state == 0) & ((value < arrays["low"][item]) | (value > arrays["high"][item]))
    fixed = [",".join((_quoted(lab.unit), lab.low, lab.high)) for lab in items]
    return columns_text(
        "labevents",
        {
            "labevent_id": integers(c["row"]),
            "subject_id": integers(c["subject"]),
            "hadm_id": integers(c["hadm"]),
            "specimen_id": integers(c["specimen"]),
            "itemid": taken([str(lab.itemid) for lab in items], item),
            "charttime": seconds(c["time"]),
            "storetime": seconds(c["time"] + c["delay"]),
            "value": reported,
            "valuenum": shortest,
            "valueuom+ref_range_lower+ref_range_upper": taken(fixed, item),
            "flag": taken(["", "abnormal"], flagged.astype(np.int64)),
            "priority": taken(["STAT", "ROUTINE", ""], c["urgent"]),
            "comments": taken(["", "", "___"], state),
        },
        len(item),
    )


def _worded(
    reported: Any, shortest: Any, state: Ints, item: Ints, draw: Ints, words: Sequence[tuple[str, ...]]
) -> tuple[Any, Any]:
    """The two texts of values, with a word of the item and no number wherever `state` is not 0."""
    if not state.any():
        return reported, shortest
    sizes = np.array([len(choices) for choices in words])
    starts = np.cumsum(sizes) - sizes
    which = (starts[item] + draw % sizes[item])[state > 0]
    mask = pa.array(state > 0)
    chosen = taken([word for choices in words for word in choices], which)
    return pc.replace_with_mask(reported, mask, chosen), pc.replace_with_mask(shortest, mask, pa.scalar(""))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ',"\n') else text


_VITALS = (220045, 220210, 220277, 220050, 220051, 220052, 223762)
_TEXTS = {
    220048: ("SR (Sinus Rhythm)", "AF (Atrial Fibrillation)", "ST (Sinus Tachycardia)", "V Paced"),
    220739: ("Spontaneously", "To Speech", "To Pain"),
    224642: ("Oral", "Axillary", "Rectal"),
}
_CHARTED = tuple(item for item in icu_items() if item.linksto == "chartevents")
_POSITION = {item.itemid: position for position, item in enumerate(_CHARTED)}
_DECIMALS = np.array([1 if item.itemid in (223762, 226512, 220228) else 0 for item in _CHARTED])


def charted_of(plan: Plan, subject: Subject) -> ChartedRows:
    """The charted rows of a subject's ICU stays: vital signs that drift together, and a few other items."""
    rng = stream(plan.seed, Purpose.ICU, subject.number)
    parts = [_stay_rows(plan, subject, stay, rng) for admission in subject.admissions for stay in admission.icu]
    if not parts:
        empty = np.zeros(0, dtype=np.int64)
        return ChartedRows(**{field.name: empty for field in fields(ChartedRows)})
    return ChartedRows(**_stacked(parts, ChartedRows))


def _stay_rows(plan: Plan, subject: Subject, stay: IcuStay, rng: np.random.Generator) -> ChartedRows:
    hours = (stay.end - stay.start) / HOUR
    count = int(np.clip(hours * plan.events_factor * plan.charted_factor, 3, 100_000))
    times = stay.start + ((np.arange(count) + 0.5) / count * (stay.end - stay.start - 120)).astype(np.int64)
    times -= times % 60 if count < hours * 30 else 0
    values = _vital_signs(rng, count, hours, subject)
    position = np.array([_POSITION[itemid] for itemid in _VITALS])
    item = np.tile(position, count)
    time = np.repeat(times, len(_VITALS))
    warm = rng.random(item.shape) < 0.72
    keep = ~((item == _POSITION[223762]) & warm)
    item, time, value = item[keep], time[keep], values.reshape(-1)[keep]
    once_items = [226512, 226730]
    once = np.array(
        [
            80 * subject.body**4 * (1.32 if "obesity" in subject.illnesses else 0.96) + rng.normal(0, 9),
            (176 if subject.gender == "M" else 163) + rng.normal(0, 6),
        ]
    )
    texts = max(1, count // 4)
    text_items = np.array([_POSITION[i] for i in _TEXTS])[rng.integers(0, len(_TEXTS), texts)]
    others = np.array([_POSITION[i] for i in (220179, 220180, 220228, 225664)])
    other_items = others[rng.integers(0, len(others), texts)]
    centre = np.array([i.centre for i in _CHARTED])
    spread = np.array([i.spread for i in _CHARTED])
    other_values = centre[other_items] + spread[other_items] * rng.standard_normal(texts)
    item = np.concatenate([item, [_POSITION[i] for i in once_items], text_items, other_items])
    value = np.concatenate([value, once, np.zeros(texts), other_values])
    late = times[rng.integers(0, count, 2 * texts)]
    time = np.concatenate([time, [times[0], times[0]], late])
    order = np.argsort(time, kind="stable")
    item, value, time = item[order], value[order], time[order]
    rows = len(item)
    is_text = np.isin(item, [_POSITION[i] for i in _TEXTS])
    return ChartedRows(
        subject=np.full(rows, subject.subject_id),
        hadm=np.full(rows, stay.hadm_id),
        stay=np.full(rows, stay.stay_id),
        caregiver=np.full(rows, int(rng.integers(1000, 99999))),
        time=time,
        delay=rng.integers(0, 55, rows) * 60,
        item=item,
        ticks=np.rint(np.maximum(value, 0) * 10.0 ** _DECIMALS[item]).astype(np.int64),
        state=np.where(is_text, 1, (rng.random(rows) < 0.008) * 2),
        words=rng.integers(0, 60, rows),
    )


def _vital_signs(rng: np.random.Generator, count: int, hours: float, subject: Subject) -> Floats:
    """Vital signs at `count` even times, one row a time: slow drifts shared by related signs, plus noise."""
    knots = max(int(hours / 5), 2)
    at = np.linspace(0, knots - 1, count)
    drift = rng.standard_normal((4, knots)) * 0.7 + rng.standard_normal((4, 1)) * 0.7
    stress, pressure, breath, fever = (np.interp(at, np.arange(knots), row) for row in drift)
    noise = rng.standard_normal((count, 6)) * 0.35
    sick = 0.35 * ("sepsis" in subject.admissions[-1].conditions)
    heart = 84 + 13 * (0.7 * stress + 0.4 * fever + sick + noise[:, 0])
    rate = 18.5 + 4 * (0.6 * breath + 0.4 * stress + sick + noise[:, 1])
    oxygen = np.minimum(96.7 - 2 * (0.7 * breath + noise[:, 2]), 100)
    systolic = 119 + 17 * (0.9 * pressure - sick + noise[:, 3])
    diastolic = np.minimum(61 + 9 * (0.75 * pressure + 0.2 * stress + noise[:, 4]), systolic - 12)
    mean = diastolic + (systolic - diastolic) * 0.36
    temperature = 37 + 0.55 * (fever + sick + noise[:, 5])
    return np.stack([heart, rate, oxygen, systolic, diastolic, mean, temperature], axis=1)


def charted_text(parts: list[ChartedRows]) -> bytes:
    """The CSV text of charted rows of one or more subjects."""
    c = _stacked(parts, ChartedRows)
    item, state = c["item"], c["state"]
    reported, shortest = decimal_texts(c["ticks"], _DECIMALS[item])
    words = [_TEXTS.get(i.itemid, ("",)) for i in _CHARTED]
    reported, shortest = _worded(reported, shortest, state, item, c["words"], words)
    units = [_quoted(i.unit) for i in _CHARTED]
    return columns_text(
        "chartevents",
        {
            "subject_id": integers(c["subject"]),
            "hadm_id": integers(c["hadm"]),
            "stay_id": integers(c["stay"]),
            "caregiver_id": integers(c["caregiver"]),
            "charttime": seconds(c["time"]),
            "storetime": seconds(c["time"] + c["delay"]),
            "itemid": taken([str(i.itemid) for i in _CHARTED], item),
            "value": reported,
            "valuenum": shortest,
            "valueuom": taken(units, item),
            "warning": taken(["0", "0", "1"], (c["words"] == 7).astype(np.int64) * 2),
        },
        len(item),
    )
