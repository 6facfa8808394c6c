"""Findings of heart, mediastinum, great vessels and diaphragm."""

from __future__ import annotations

import numpy as np

from ehrxqa.hospital.xray.places import Painter, sides_of
from ehrxqa.hospital.xray.rays import soft
from ehrxqa.hospital.xray.scan import SIDES, Scan

__all__ = ["SILHOUETTES"]


def _shape_only(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """The finding is the shape of the chest already."""


def _lump(scan: Scan, place: tuple[float, ...]) -> None:
    """Something solid that displaces lung."""
    for side in SIDES:
        scan.fill(side, place, 1.67)  # all of the air, from the first ellipsoid on


def _superior_mass(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    sign = 1 if rng.random() < 0.5 else -1
    grow = 0.8 + 0.6 * severity
    for _ in range(3):
        x, z = sign * float(rng.uniform(26, 40)), scan.chest.carina - float(rng.uniform(6, 46))
        _lump(scan, (x, float(rng.uniform(-40, 10)), z, 19 * grow, 24 * grow, 21 * grow))


def _goiter(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """A mass beside the trachea from the neck into the chest; the trachea gives way."""
    sign = 1 if rng.random() < 0.5 else -1
    top = scan.chest.apex - 12
    for x, z, a, c in (
        (sign * 20, top, 12 + 12 * severity, 30),
        (sign * 26, top + 34, 13 + 18 * severity, 16 + 16 * severity),
        (-sign * 14, top - 4, 14, 22),
    ):
        _lump(scan, (x, -8, z, a, 26, c))
        scan.add((x, -8, z, a, 26, c), 0.35)


def _rim_air(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Air along the edges of heart and great vessels: dark lines, and the lifted pleura beside them."""
    chest = scan.chest
    x1, x2, top, bottom = chest.heart_edges()
    share = np.linspace(0, 1, 140, dtype=np.float32)
    for edge, sign in ((x1, -1), (x2, 1)):
        z = chest.apex - 40 + (bottom - 20 - chest.apex + 40) * share
        waist = chest.shift + sign * chest.band * 0.8
        down = np.clip((z - chest.carina) / (top + 40 - chest.carina), 0, 1)
        x = waist + (edge - waist) * down**1.6 + sign * 2.5
        wide = (0.9 + 1.6 * severity) * (0.4 + np.sin(share * np.pi))
        for y in (-30.0, -12.0, 6.0):
            scan.thread(x, np.full_like(x, y), z, wide, water=-1.9, across=5)
            scan.thread(x + sign * (wide + 1), np.full_like(x, y), z, 0.6, water=1.1)


def _winding(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """The winding aorta is part of the shape; its ascending part stands out on the right, too."""
    for side in ("right",):
        scan.fill(side, (scan.chest.shift - 22, -20, -34, 14 + 9 * severity, 24, 30), 0.4 + 1.2 * severity)


def _rind(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Chalk in the wall of the aortic arch, and farther down when there is much."""
    arch = scan.chest.arch + 1
    turn = np.linspace(-0.5, 0.6 + 1.9 * severity, 60, dtype=np.float32) + float(rng.uniform(-0.2, 0.4))
    x = scan.chest.shift + 18 + arch * np.sin(turn)
    z = -66 - arch * np.cos(turn)
    broken = np.clip(rng.normal(0.9, 0.5, len(turn)), 0.1, 2).astype(np.float32)
    strong = np.float32(4.0 + 5.0 * severity)
    for y in (-4.0, 5.0, 14.0):
        scan.thread(x, np.full_like(x, y), z, 0.8, water=broken[:, None] * strong, across=5, sharp=True)
    if severity > 0.35:
        radius = 0.85 * scan.chest.arch
        z = np.linspace(-54, -54 + 40 + 90 * severity, 140, dtype=np.float32)
        edge = scan.chest.shift + 19 + scan.chest.winding * np.exp(-(((z - 5) / 48) ** 2))
        plaque = np.clip(np.sin(z / 5 + float(rng.uniform(0, 6))) + rng.normal(0, 0.4, len(z)), 0, 1.4)
        for sign in (-1, 1):
            behind = np.full_like(z, 46.0 + 0.4 * radius)
            water = (plaque[:, None] * strong * np.float32(0.7)).astype(np.float32)
            scan.thread(edge + sign * 0.92 * radius, behind, z, 1.0, water=water, across=5, sharp=True)


def _hump(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """A part of the diaphragm that bulges upwards."""
    for side in sides_of(places):
        lung = scan.chest.lung(side)
        x = lung.sign * (lung.axis + float(rng.uniform(-22, 10)))
        scan.fill(side, (x, -36, lung.dome + 10, 36 + 12 * severity, 46, 24 + 16 * severity), 1.67)


def _free_air(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Air under the diaphragm: a crescent in the upright, hardly seen in the supine."""
    for side in sides_of(places) or ["right"]:
        lung = scan.chest.lung(side)
        thick = (2.5 + 11 * severity) if scan.rays.view.upright else 2.0
        wide = 40 + 22 * severity
        spec = (lung.sign * lung.axis, -18.0, lung.dome + 1.35 * lung.fall, 88.0, 105.0, 1.35 * lung.fall)
        below = scan.rays.ellipsoid(*spec[:2], spec[2] + 3, *spec[3:], standing=True)
        under = scan.rays.ellipsoid(*spec[:2], spec[2] + 3 + thick, *spec[3:], standing=True)
        space = scan.rays.zeros()
        space[below[0]] = 2 * below[1]
        space[under[0]] -= 2 * under[1]
        off = np.abs(scan.rays.u - scan.rays.place(spec[0], spec[1], lung.dome)[0])
        space = np.clip(space, 0, 26 + 40 * severity) * soft((wide if not scan.lateral else 70) - off, 10)
        scan.water -= space * soft(lung.dome + 42 - scan.rays.v, 6)


def _hiatus(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Stomach behind the heart, often with air above a level."""
    radius = 24 + 20 * severity
    x, z = float(rng.uniform(2, 20)), scan.chest.heart_edges()[3] - 0.8 * radius
    place = (x, 30.0, z, radius * 1.15, radius, radius)
    _lump(scan, place)
    if rng.random() < 0.75:
        here, chord = scan.rays.chord(x, 30.0, z, radius * 1.0, radius * 0.85, radius * 0.86)
        dry = soft(z - scan.rays.v[here[0]], 0.5 * scan.rays.mm) if scan.rays.view.upright else np.float32(0.4)
        scan.water[here] -= 0.8 * chord * dry


def _calm(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Fluid around the heart keeps vessels small; its form is part of the shape."""
    scan.vessels *= 0.95


SILHOUETTES: dict[str, Painter] = {
    "enlarged cardiac silhouette": _shape_only,
    "pericardial effusion": _calm,
    "mediastinal displacement": _shape_only,
    "mediastinal widening": _shape_only,
    "superior mediastinal mass/enlargement": _superior_mass,
    "goiter": _goiter,
    "pneumomediastinum": _rim_air,
    "tortuous aorta": _winding,
    "vascular calcification": _rind,
    "elevated hemidiaphragm": _shape_only,
    "diaphragmatic eventration (benign)": _hump,
    "sub-diaphragmatic air": _free_air,
    "hernia": _hiatus,
}
