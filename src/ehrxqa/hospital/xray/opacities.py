"""Findings that fill air spaces: consolidation, infiltrates, aspiration, haemorrhage, edema, and lungs that fall in."""

from __future__ import annotations

import numpy as np

from ehrxqa.hospital.xray.airways import airway_fan
from ehrxqa.hospital.xray.places import Painter, lung_places, sides_of, spot
from ehrxqa.hospital.xray.scan import Scan

__all__ = ["OPACITIES"]


def _patches(
    count: tuple[int, int], size: tuple[float, float], share: tuple[float, float], rough: float, scale: int
) -> Painter:
    """Ellipsoids in each object; their size and share grow with severity."""

    def paint(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
        for side, top, bottom in lung_places(scan, places):
            number = int(rng.integers(count[0], count[1] + 1))
            lean = float(rng.uniform(0.75, 1.3))
            for _ in range(number):
                x, y, z = spot(scan, rng, side, top, bottom)
                a = (size[0] + (size[1] - size[0]) * severity) * float(rng.lognormal(0, 0.22)) / number**0.4
                most = share[0] + (share[1] - share[0]) * severity
                scan.fill(side, (x, y, z, a * lean, a * float(rng.uniform(0.9, 1.7)), a / lean), most, rough, scale)

    return paint


def _consolidation(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Dense: lobar with a flat edge along a fissure, round, or a segment; airways stay open in it."""
    for side, top, bottom in lung_places(scan, places):
        x, y, z = spot(scan, rng, side, top, bottom, near=0.3, far=0.7)
        form = rng.random()
        a = (25 + 26 * severity) * float(rng.lognormal(0, 0.18))
        share = 0.55 + 0.5 * severity
        if form < 0.45:  # lobar: several ellipsoids that end at one height
            edge = z - 0.7 * a
            for _ in range(3):
                dx, dy = rng.normal(0, 0.5 * a, 2).tolist()
                c = a * float(rng.uniform(0.6, 1.0))
                scan.fill(side, (x + dx, y + dy, edge + c, a * 1.1, a * 1.3, c), share * 0.75, 0.25)
        elif form < 0.6:
            scan.fill(side, (x, y, z, 0.75 * a, 0.75 * a, 0.75 * a), share * 1.2, 0.1)
        else:
            scan.fill(side, (x, y, z, a * 1.15, a * 1.4, 0.85 * a), share, 0.35)
            scan.fill(side, (x * 0.9, y + 8, z + 0.4 * a, 0.8 * a, a, 0.7 * a), share * 0.7, 0.45, 8)
        if severity > 0.3:
            for line in airway_fan(scan.chest, rng, side, (x, y, z), a):
                scan.thread(*line, water=-0.7 * severity)


def _edema(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Fluid around the hila and downwards: haze, in bad cases wings."""
    chest = scan.chest
    lean = float(rng.normal(0, 0.35))
    for side in sides_of(places):
        lung = chest.lung(side)
        strong = max(severity * (1 + lean * lung.sign), 0.0)
        low = 0.0 if scan.rays.view.upright else -14.0
        scan.fill(
            side,
            (lung.sign * 50, 18, chest.hilum + 22 + low, 44 + 14 * severity, 62, 66),
            0.03 + 0.42 * strong**1.3,
            0.4,
        )
        if severity > 0.45:
            scan.fill(side, (lung.sign * 66, 10, chest.hilum + 46 + low, 44, 60, 40), 0.35 * strong, 0.6, 8)
        scan.fill(side, (lung.sign * 70, 6, chest.hilum + 30, 74, 90, 104), 0.01 + 0.14 * strong, 0.3, 32)
    scan.vessels *= 1.02 + 0.16 * severity


def _failure(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Thick septa at the wall (Kerley B), thick fissures, wide upper vessels."""
    chest = scan.chest
    scan.upper *= 1.1 + 0.45 * severity
    scan.vessels *= 1.05
    for side in sides_of(places):
        lung = chest.lung(side)
        for _ in range(5 + int(9 * severity)):
            z = lung.angle - float(rng.uniform(10, 70))
            angle = float(rng.uniform(1.0, 2.1))
            out = lung.width * float(chest.spread(z))
            share = np.linspace(0, 1, 12, dtype=np.float32)
            long = float(rng.uniform(9, 19))
            x = lung.sign * np.sin(angle) * (out - 2 - long * share)
            y = 4 + float(chest.thick(z)) * np.cos(angle) * (1 - 0.12 * share)
            scan.thread(x, y, z + 2 * share, 0.8, water=2.2 + 3.0 * severity)
        scan.air[side] *= np.float32(1 - 0.01 - 0.07 * severity)
    _fissure(scan, chest.hilum + 8, 3.0 + 5 * severity)


def _fissure(scan: Scan, z: float, water: float) -> None:
    """The minor fissure of the right lung, seen edge on."""
    share = np.linspace(0, 1, 60, dtype=np.float32)
    x = -(34 + 86 * share)
    for y in (-50.0, -25.0, 0.0):
        scan.thread(x, np.full_like(x, y), z + 5 * np.sin(share * 2.6) - 2, 0.7, water=water / 3)


def _congestion(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    scan.vessels *= 1.12 + 0.4 * severity
    scan.upper *= 1.1
    for side in sides_of(places):
        lung = scan.chest.lung(side)
        scan.fill(side, (lung.sign * 44, 14, scan.chest.hilum + 10, 34, 50, 54), 0.08 + 0.14 * severity, 0.3)


def _redistribution(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    scan.upper *= 1.3 + 0.4 * severity


def _atelectasis(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Loss of volume at the base: a low band of less air behind heart and diaphragm."""
    for side, _, _ in lung_places(scan, places):
        lung = scan.chest.lung(side)
        x = lung.sign * float(rng.uniform(45, 85))
        z = min(scan.floor(side, x, 40.0) - 4, lung.dome + 2)
        a = 32 + 20 * severity
        scan.fill(side, (x, 40, z, a, 46, 14 + 14 * severity), 0.3 + 0.6 * severity, 0.4, 8)
        if rng.random() < 0.6:
            _plates(scan, rng, side, z - 10, 1 + int(2 * severity), severity)


def _plates(scan: Scan, rng: np.random.Generator, side: str, z: float, count: int, severity: float) -> None:
    """Thin sheets of collapsed lung, seen edge on as lines."""
    sign = scan.chest.lung(side).sign
    for _ in range(count):
        share = np.linspace(0, 1, 50, dtype=np.float32)
        long, start = float(rng.uniform(28, 62)), float(rng.uniform(24, 66))
        tilt, bow = float(rng.normal(-4, 10)), float(rng.normal(0, 4))
        height = z + float(rng.uniform(-22, 10))
        thick = float(rng.uniform(0.7, 1.3)) * (0.8 + 0.9 * severity)
        y = float(rng.uniform(-30, 50))
        for depth in (-9.0, 0.0, 9.0):
            scan.thread(
                sign * (start + long * share),
                np.full_like(share, y + depth),
                height + tilt * share + bow * np.sin(share * 3.1),
                thick * np.sin(share * 3.0 + 0.08) ** 0.5,
                water=1.4 + 1.8 * severity,
            )


def _linear(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    for side, top, bottom in lung_places(scan, places):
        low = scan.chest.lung(side).dome - 14
        _plates(scan, rng, side, min((top + bottom) / 2, low), 1 + int(rng.integers(0, 3)), severity)


def _collapse(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """A lobe without air: a wedge with a sharp edge from the hilum to the wall."""
    for side, top, bottom in lung_places(scan, places):
        sign, chest = scan.chest.lung(side).sign, scan.chest
        share = 0.8 + 0.2 * severity
        if bottom < chest.hilum + 10:  # upper lobe: against the upper mediastinum
            for x, c in ((26, 40), (44, 34), (64, 24)):
                scan.fill(side, (sign * x, -6, chest.apex + 16 + 0.5 * c, 24, 70, c), share * 0.9)
        elif top > chest.hilum + 15:  # lower lobe: a triangle behind the heart
            for x, c in ((18, 62), (34, 46), (50, 28)):
                z = scan.floor(side, sign * x, 45.0)
                scan.fill(side, (sign * x, 50, z - 0.5 * c + 10, 19, 44, c), share)
        else:
            for x in (34, 58, 84):
                scan.fill(side, (sign * x, -20, chest.hilum + 34, 22, 50, 6 + 9 * (1 - (x - 34) / 70)), share)


OPACITIES: dict[str, Painter] = {
    "lung opacity": _patches((1, 2), (28, 52), (0.24, 0.68), 0.25, 16),
    "airspace opacity": _patches((2, 3), (28, 46), (0.30, 0.78), 0.5, 8),
    "infiltration": _patches((3, 6), (24, 42), (0.35, 0.85), 0.7, 8),
    "pneumonia": _patches((2, 5), (22, 40), (0.32, 0.85), 0.6, 8),
    "consolidation": _consolidation,
    "aspiration": _patches((3, 6), (16, 32), (0.28, 0.8), 0.7, 8),
    "alveolar hemorrhage": _patches((3, 5), (26, 44), (0.22, 0.65), 0.6, 8),
    "pulmonary edema/hazy opacity": _edema,
    "fluid overload/heart failure": _failure,
    "vascular congestion": _congestion,
    "vascular redistribution": _redistribution,
    "atelectasis": _atelectasis,
    "linear/patchy atelectasis": _linear,
    "lobar/segmental collapse": _collapse,
}
