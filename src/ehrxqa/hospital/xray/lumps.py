"""Round things in the lung: nodules, masses, calcified granulomas, cysts and bullae; and wide hila."""

from __future__ import annotations

import numpy as np

from ehrxqa.hospital.xray.places import Painter, lung_places, sides_of, spot
from ehrxqa.hospital.xray.scan import Scan

__all__ = ["LUMPS"]

#: Water that a mm of chalk is worth.
_CHALK = 4.5


def _ball(scan: Scan, side: str, place: tuple[float, float, float], radius: float, share: float) -> None:
    scan.fill(side, (*place, radius, radius, radius), share * 1.1)


def _nodules(count: tuple[int, int], size: tuple[float, float], share: float) -> Painter:
    def paint(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
        for side, top, bottom in lung_places(scan, places):
            if count[1] > 3:
                top, bottom = scan.chest.apex + 30, scan.chest.lung(side).angle - 10
            for _ in range(int(rng.integers(count[0], count[1] + 1))):
                place = spot(scan, rng, side, top, bottom)
                radius = (size[0] + (size[1] - size[0]) * severity) * float(rng.lognormal(0, 0.2))
                _ball(scan, side, place, radius, share)

    return paint


def _mass(size: tuple[float, float], spikes: int, share: float) -> Painter:
    """Lobulated, with strands into the lung, sometimes hollow."""

    def paint(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
        for side, top, bottom in lung_places(scan, places):
            radius = size[0] + (size[1] - size[0]) * severity
            x, y, z = spot(scan, rng, side, top, bottom, near=0.35, far=0.75)
            hollow = rng.random() < 0.2 and radius > 12
            for _ in range(4):
                dx, dy, dz = (rng.normal(0, 0.32, 3) * radius).tolist()
                _ball(scan, side, (x + dx, y + dy, z + dz), radius * float(rng.uniform(0.6, 0.9)), share)
            if hollow:
                scan.add((x, y, z - 0.15 * radius, 0.45 * radius, 0.45 * radius, 0.45 * radius), -0.8)
            for angle in rng.uniform(0, 2 * np.pi, spikes).tolist():
                share_ = np.linspace(0.7, 1 + float(rng.uniform(0.4, 1.0)), 24, dtype=np.float32)
                scan.thread(
                    x + radius * share_ * np.cos(angle),
                    np.full_like(share_, y),
                    z + radius * share_ * np.sin(angle),
                    0.7,
                    water=1.6,
                )

    return paint


def _calcified(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    for side, top, bottom in lung_places(scan, places):
        radius = 2.6 + 3.6 * severity
        place = spot(scan, rng, side, top, bottom)
        scan.add((*place, radius, radius, radius), _CHALK)
        if severity > 0.6:
            scan.add((place[0] + 6, place[1], place[2] - 5, 1.8, 1.8, 1.8), _CHALK)


def _granulomas(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Old infection: chalk in the lymph nodes of the hilum, and grains in the lung."""
    for side, top, bottom in lung_places(scan, places):
        sign = scan.chest.lung(side).sign
        for _ in range(2 + int(3 * severity)):
            x, z = sign * float(rng.uniform(26, 46)), scan.chest.hilum + float(rng.uniform(-22, 24))
            radius = float(rng.uniform(2.2, 4.4))
            scan.add((x, 14.0, z, radius, radius, radius * float(rng.uniform(0.8, 1.5))), _CHALK)
        for _ in range(2 + int(4 * severity)):
            place = spot(scan, rng, side, top - 20, bottom)
            radius = float(rng.uniform(1.5, 2.8))
            scan.add((*place, radius, radius, radius), _CHALK)


def _bulla(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Air without lung in it, in a thin wall."""
    for side, top, bottom in lung_places(scan, places):
        for _ in range(1 + int(2.4 * severity)):
            x, y, z = spot(scan, rng, side, top, bottom, near=0.45, far=0.9)
            radius = (15 + 20 * severity) * float(rng.lognormal(0, 0.2))
            here, _, part = scan.rays.ellipsoid(x, y, z, radius, radius, radius * 1.1)
            empty = scan.within(side, part, here)
            scan.water[here] -= empty * np.float32(1 - scan.chest.air)
            scan.tissue[side][here] *= np.float32(1) - np.clip(empty / 60, 0, 0.85)
            _, _, inner = scan.rays.ellipsoid(x, y, z, radius - 1, radius - 1, radius * 1.1 - 1)
            outer = np.maximum(part[1] - part[0], 0)
            within = np.zeros_like(outer)
            there = scan.rays.ellipsoid(x, y, z, radius - 1, radius - 1, radius * 1.1 - 1)[0]
            rows = slice(there[0].start - here[0].start, there[0].stop - here[0].start)
            columns = slice(there[1].start - here[1].start, there[1].stop - here[1].start)
            within[rows, columns] = np.maximum(inner[1] - inner[0], 0)
            scan.water[here] += 0.7 * (outer - within) * (empty > 0)


def _hilum(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Lymph nodes, or wide arteries."""
    nodes = rng.random() < 0.5
    for side in sides_of(places):
        sign = scan.chest.lung(side).sign
        grow = 0.8 + 0.5 * severity
        if nodes:
            for _ in range(4):
                x, z = sign * float(rng.uniform(34, 50)), scan.chest.hilum + float(rng.uniform(-20, 24))
                scan.fill(side, (x, 14, z, 13 * grow, 16 * grow, 12 * grow), 1.1)
        else:
            for x, z, a, c in ((36, -6, 14, 13), (44, 12, 9, 22), (50, 28, 7, 16)):
                scan.fill(side, (sign * x, 12, scan.chest.hilum + z, a * grow, 14 * grow, c * grow), 1.3)


LUMPS: dict[str, Painter] = {
    "lung lesion": _mass((11, 23), 0, 1.0),
    "mass/nodule (not otherwise specified)": _nodules((1, 1), (8, 20), 1.4),
    "multiple masses/nodules": _nodules((4, 9), (6.5, 13), 1.4),
    "calcified nodule": _calcified,
    "granulomatous disease": _granulomas,
    "lung cancer": _mass((13, 30), 12, 1.1),
    "cyst/bullae": _bulla,
    "enlarged hilum": _hilum,
}
