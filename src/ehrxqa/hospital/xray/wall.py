"""Findings of the chest wall: bones, soft tissue, skin; and what is only in the way."""

from __future__ import annotations

import numpy as np

from ehrxqa.hospital.xray.bones import clavicle_line
from ehrxqa.hospital.xray.places import Painter, side_of, sides_of
from ehrxqa.hospital.xray.rays import Numbers, soft
from ehrxqa.hospital.xray.scan import Scan

__all__ = ["WALL", "nipples", "skin_fold", "skin_thing"]


def _sign(scan: Scan, side: str) -> int:
    return scan.chest.lung(side).sign


def _air_in_the_wall(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Streaks of air between the fibres of the muscles, from the wall to the neck."""
    chest = scan.chest
    for side in sides_of(places) or ["left"]:
        sign = _sign(scan, side)
        share = np.linspace(0, 1, 40, dtype=np.float32)
        for _ in range(10 + int(26 * severity)):
            z = chest.apex + float(rng.uniform(0, 210))
            out = abs(scan.wall_x(side, z)) + float(rng.uniform(4, chest.wall - 3))
            long, turn = float(rng.uniform(14, 42)), float(rng.normal(0, 7))
            x = sign * (out + turn * share + 2 * np.sin(share * 5 + z))
            wide = float(rng.uniform(0.7, 2.4)) * np.sin(share * np.pi)
            scan.thread(x, np.full_like(x, float(rng.uniform(-30, 30))), z + long * share, wide, water=-2.6, across=5)
        for _ in range(4 + int(8 * severity)):
            x0 = sign * float(rng.uniform(18, 70))
            x = x0 + sign * 8 * share
            up = chest.apex - 62 + float(rng.uniform(0, 34)) + 34 * share
            scan.thread(x, 0.0, up, 1.7 * np.sin(share * np.pi), water=-2.6, across=5)


def _broken_ribs(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Steps in neighbouring ribs at the side; old ones with a knot of callus."""
    for side in sides_of(places):
        sign = _sign(scan, side)
        first = int(rng.integers(2, 7))
        place = float(rng.uniform(0.34, 0.62))
        for number in range(first, min(first + 1 + int(3.4 * severity), 10)):
            step = float(rng.uniform(3.2, 7.5)) * (1 if rng.random() < 0.6 else -1)
            scan.breaks.setdefault((sign, number), []).append((place + float(rng.normal(0, 0.03)), step))


def _broken_clavicle(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    for side in sides_of(places):
        step = (9 + 12 * severity) * (1 if rng.random() < 0.8 else -1)
        scan.breaks.setdefault((_sign(scan, side), -1), []).append((float(rng.uniform(0.42, 0.6)), step))


def _crushed(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    scan.crushed[int(rng.integers(5, 11))] = 0.4 + 0.6 * severity
    if severity > 0.6:
        scan.crushed[int(rng.integers(4, 11))] = 0.6


def _spurs(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    scan.spurs = max(scan.spurs, 4.5 + 8 * severity)


def _worn_shoulder(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Dense joint surfaces, little space between them, a spur below."""
    if scan.lateral:
        return
    base = scan.chest.left.width
    out = 26.0 if scan.rays.view.name == "PA" else 2.0
    share = np.linspace(0, 1, 40, dtype=np.float32)
    for side in sides_of(places):
        sign = _sign(scan, side)
        x = sign * (base * 1.06 + out * 0.6 + 3 * np.sin(share * np.pi))
        z = scan.chest.apex + 24 + 38 * share
        for line, wide in ((x, 1.9), (x + sign * 5, 2.2)):
            scan.thread(line, np.full_like(line, 20.0), z, wide, water=3.2 + 3.4 * severity, across=5)
        scan.thread(x[-1] - sign * 9 * share, np.full_like(share, 20.0), z[-1] + 5 * share, 2.4, water=2.4, across=5)


def _bone_hole(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """A hole in the bone, or a dense spot."""
    dense = rng.random() < 0.35
    for place in places:
        side = side_of(place)
        if side is None:
            spec = (float(scan.chest.spine(20.0)), 60.0, float(rng.uniform(-20, 60)), 8.0, 9.0, 8.0)
        else:
            at = np.array([float(rng.uniform(0.35, 0.75))], dtype=np.float32)
            x, y, z = (float(part[0]) for part in clavicle_line(scan.chest, _sign(scan, side), at))
            spec = (x, y, z, 7 + 5 * severity, 6.0, 5 + 3 * severity)
        scan.add(spec, 1.7 if dense else -0.9 - 0.4 * severity)


def nipples(scan: Scan, rng: np.random.Generator, sides: list[str], strong: float) -> None:
    """Small soft discs over the lower lung, at the same height on both sides."""
    chest = scan.chest
    z = 38 + (26 if chest.woman else 0) + float(rng.normal(0, 8))
    x = 78 + float(rng.normal(0, 6))
    for side in sides:
        radius = float(rng.uniform(4, 6.2))
        scan.add((_sign(scan, side) * x, -chest.depth - chest.wall - 2, z, radius, 8.0, radius), strong)


def _nipple_shadows(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    nipples(scan, rng, sides_of(places), 0.55 + 0.5 * severity)


def skin_fold(scan: Scan, rng: np.random.Generator, side: str, strong: float) -> None:
    """A fold of skin: shade that rises to an edge and ends there."""
    if scan.lateral:
        return
    sign = _sign(scan, side)
    slope, out = float(rng.uniform(0.1, 0.5)), float(rng.uniform(52, 92))
    top = float(rng.uniform(-110, -60))
    bottom = top + float(rng.uniform(90, 190))
    rows = scan.rays.v
    edge = sign * scan.rays.u - (out + slope * (rows - top) + 6 * np.sin((rows - top) / 40))
    there = soft(rows - top, 10) * soft(bottom - rows, 14)
    scan.water += (strong * np.exp(np.minimum(edge, 0) / 13) * soft(-edge, 0.9) * there).astype(np.float32)


def _fold(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    for side in sides_of(places):
        for _ in range(1 + (rng.random() < 0.35)):
            skin_fold(scan, rng, side, 7 + 9 * severity)


def skin_thing(scan: Scan, rng: np.random.Generator, x: float, z: float, form: str) -> None:
    """Something on or above the skin: `electrode` with its wire, `button`, `necklace`, `braid` or `tubing`."""
    front = -float(scan.chest.thick(z)) - scan.chest.wall + 4
    turn = np.linspace(0, 2 * np.pi, 50, dtype=np.float32)
    share = np.linspace(0, 1, 700, dtype=np.float32)
    if form in ("electrode", "button"):
        radius = 4.6 if form == "electrode" else 6.5
        scan.thread(
            x + radius * np.cos(turn),
            front,
            z + radius * np.sin(turn),
            1.1,
            water=13,
            across=5,
            sharp=True,
        )
        scan.thread(
            x + 0.4 * radius * np.cos(turn),
            front,
            z + 0.4 * radius * np.sin(turn),
            1.4,
            water=16 if form == "electrode" else 5,
            across=5,
            sharp=True,
        )
        if form == "button":
            return
    line: tuple[Numbers, Numbers, Numbers]
    wide: Numbers
    if form == "necklace":
        line = (x + 62 * np.cos(np.pi * share), front, z + 46 * np.sin(np.pi * share))
        wide, strong = 0.9 * (0.6 + 0.4 * np.sin(share * 260)), 26.0
    elif form == "braid":
        line = (x + 9 * np.sin(share * 4) + 2 * np.sin(share * 90), front, z + 120 * share)
        wide, strong = 5.0 + 1.5 * np.sin(share * 80), 0.5
    elif form == "tubing":
        line = (x + 130 * (share - 0.5), front, z + 50 * np.sin(share * 2.4 + x))
        wide, strong = 2.6, 1.3
    else:
        bend = rng.uniform(-60, 60, 2).tolist()
        line = (x + bend[0] * share + bend[1] * share**2, front, z + (230 - z) * share + 26 * np.sin(share * 3))
        wide, strong = 0.75, 16.0
    scan.thread(line[0], line[1], line[2], wide, water=strong, across=5, sharp=True)


def _artifact(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    for side in sides_of(places):
        form = ("button", "necklace", "braid", "tubing")[int(rng.integers(0, 4))]
        sign = _sign(scan, side)
        skin_thing(scan, rng, sign * float(rng.uniform(30, 95)), float(rng.uniform(-80, 40)), form)
        if form == "button":
            skin_thing(scan, rng, sign * float(rng.uniform(30, 95)), float(rng.uniform(-20, 90)), form)


def _shape_only(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """The finding is the shape of the chest, or its pose, already."""


WALL: dict[str, Painter] = {
    "subcutaneous air": _air_in_the_wall,
    "rib fracture": _broken_ribs,
    "clavicle fracture": _broken_clavicle,
    "spinal fracture": _crushed,
    "spinal degenerative changes": _spurs,
    "scoliosis": _shape_only,
    "shoulder osteoarthritis": _worn_shoulder,
    "bone lesion": _bone_hole,
    "rotated": _shape_only,
    "artifact": _artifact,
    "breast/nipple shadows": _nipple_shadows,
    "skin fold": _fold,
}
