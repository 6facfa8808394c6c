"""Findings of the chest wall: bones, soft tissue, skin; and what is only in the way."""

from __future__ import annotations

import numpy as np

from ehrxqa.hospital.xray.bones import Break, clavicle_line, rib_line, shoulder_joint
from ehrxqa.hospital.xray.places import Painter, side_of, sides_of
from ehrxqa.hospital.xray.rays import Numbers, soft
from ehrxqa.hospital.xray.scan import Scan

__all__ = ["WALL", "nipples", "skin_fold", "skin_thing"]


def _sign(scan: Scan, side: str) -> int:
    return scan.chest.lung(side).sign


def _air_in_the_wall(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Air between the fibres of the muscles: streaks along the wall, a fan over the breast muscle, up into the neck."""
    chest = scan.chest
    share = np.linspace(0, 1, 40, dtype=np.float32)
    thick = np.sin(share * np.pi)

    def streak(x: Numbers, y: float, z: Numbers, wide: float, deep: float) -> None:
        """A flat pocket, `deep` mm along the rays of a frontal view."""
        water = -deep / (2 * wide) * (0.35 if scan.lateral else 1.0)
        scan.thread(x, np.full_like(share, y), z, wide * thick, water=water, across=7)

    for side in sides_of(places) or ["left"]:
        sign = _sign(scan, side)
        for _ in range(9 + int(26 * severity)):
            z = chest.apex + float(rng.uniform(10, 215))
            out = abs(scan.wall_x(side, z)) + float(rng.uniform(5, chest.wall + 2))
            long, turn = float(rng.uniform(18, 58)), float(rng.normal(0, 6))
            x = sign * (out + turn * share + 2 * np.sin(share * 5 + z))
            streak(x, float(rng.uniform(-35, 35)), z + long * share, float(rng.uniform(1.2, 4.0)), 10 + 24 * severity)
        for number in range(3 + int(9 * severity)):  # from the arm to the sternum
            z = chest.apex + 62 + 13 * number + float(rng.normal(0, 4))
            start, long = float(rng.uniform(96, 122)), float(rng.uniform(30, 74))
            bend = 0.002 * (number - 4) * (long * share) ** 2
            x, down = sign * (start - long * share), z - 0.35 * long * share + bend
            streak(x, -chest.depth - 8, down, float(rng.uniform(0.9, 1.8)), 5 + 12 * severity)
        for _ in range(3 + int(8 * severity)):
            x = sign * (float(rng.uniform(14, 66)) + 9 * share)
            up = chest.apex - 66 + float(rng.uniform(0, 30)) + float(rng.uniform(20, 44)) * share
            streak(x, 0.0, up, float(rng.uniform(1.1, 2.6)), 9 + 18 * severity)


def _broken_ribs(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Steps in neighbouring ribs, with blood below the pleura beside them; old ones with a knot of callus."""
    old = rng.random() < 0.4
    for side in sides_of(places):
        sign = _sign(scan, side)
        first = int(rng.integers(2, 7))
        place = float(rng.uniform(0.14, 0.36) if rng.random() < 0.7 else rng.uniform(0.36, 0.56))
        for number in range(first, min(first + 1 + int(3.6 * severity), 9)):
            step = (4.2 + 7.5 * severity) * float(rng.uniform(0.8, 1.3)) * (1 if rng.random() < 0.7 else -1)
            at = place + float(rng.normal(0, 0.025))
            callus = float(rng.uniform(0.6, 1.0)) if old else 0.0
            scan.breaks.setdefault((sign, number), []).append(Break(at, step * (1 - 0.6 * old), callus))
            blood = severity - 0.35 + 0.2 * float(rng.normal())
            if blood > 0 and not old:
                line = rib_line(scan.chest, sign, number, np.array([at], dtype=np.float32))
                x, y, z = (float(part[0]) for part in line)
                scan.fill(side, (x, y, z, 7 + 12 * blood, 7 + 12 * blood, 13 + 9 * blood), 1.3)


def _broken_clavicle(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    old = rng.random() < 0.3
    for side in sides_of(places):
        step = (8 + 14 * severity) * (1 if rng.random() < 0.9 else -1)
        callus = float(rng.uniform(0.6, 1.0)) if old else 0.0
        at = float(rng.uniform(0.40, 0.66))
        scan.breaks.setdefault((_sign(scan, side), -1), []).append(Break(at, step * (1 - 0.5 * old), callus))


def _crushed(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Wedges low in the chest, where the load is."""
    first = int(rng.integers(6, 12))
    scan.crushed[first] = 0.4 + 0.6 * severity
    if severity > 0.6:
        scan.crushed[first + (1 if rng.random() < 0.5 else -2)] = 0.6


def _spurs(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    scan.spurs = max(scan.spurs, 4.0 + 9 * severity)


def _worn_shoulder(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Dense joint surfaces with little space between them, a beak below the head, a knot at the end of the clavicle."""
    if scan.lateral:
        return
    turn = np.linspace(-1.0, 1.0, 40, dtype=np.float32)
    share = np.linspace(0, 1, 24, dtype=np.float32)
    for side in sides_of(places):
        sign = _sign(scan, side)
        socket, head, z = shoulder_joint(scan.chest, sign)
        for middle, radius, wide in ((socket - sign * 3, -24.0, 2.2), (head, 22.0, 2.6)):
            arc = (middle + sign * (24 - 24 * np.cos(turn))) if radius < 0 else middle - sign * radius * np.cos(turn)
            scan.thread(
                arc, np.full_like(turn, 20.0), z + abs(radius) * np.sin(turn) * 0.9, wide, water=3 + 5 * severity
            )
        long = 8 + 14 * severity
        beak, low = head - sign * (10 + long * share), z + 19 + 0.25 * long * share
        scan.thread(beak, np.full_like(share, 15.0), low, 3.6 - 2.2 * share, water=2.4 + 2 * severity, across=5)
        at = clavicle_line(scan.chest, sign, np.linspace(0.93, 1.03, 12, dtype=np.float32))
        scan.thread(*at, 6.0 + 4.5 * severity, water=0.7 + 0.8 * severity, across=9)
        x, y, z = (float(part[-4:].mean()) for part in at)
        scan.thread(x - sign * 5 * share, np.full_like(share, y), z + 6 + (5 + 7 * severity) * share, 2.4, water=2.2)


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
