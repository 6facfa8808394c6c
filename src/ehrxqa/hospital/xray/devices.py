"""Tubes, lines and devices: where they run in the body, and what they are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ehrxqa.hospital.xray.places import Painter
from ehrxqa.hospital.xray.rays import Field
from ehrxqa.hospital.xray.scan import Scan

__all__ = ["DEVICES"]

Point = tuple[float, float, float]


def _side(places: tuple[str, ...]) -> int:
    """−1 if the device comes from the right (also if no side is named), +1 from the left."""
    return 1 if any(place.startswith("left") for place in places) else -1


def _smooth(points: Sequence[Point], step: float = 0.5) -> tuple[Field, Field, Field]:
    """A smooth line near control points (three rounds of corner cutting), a point every `step` mm."""
    path = np.array(points, dtype=np.float64)
    for _ in range(3):
        quarter, three = 0.75 * path[:-1] + 0.25 * path[1:], 0.25 * path[:-1] + 0.75 * path[1:]
        path = np.concatenate([path[:1], np.stack([quarter, three], axis=1).reshape(-1, 3), path[-1:]])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.arange(0, along[-1], step)
    x, y, z = (np.interp(at, along, path[:, axis]).astype(np.float32) for axis in range(3))
    return x, y, z


def _run(scan: Scan, points: Sequence[Point], radius: float, dense: float, *, shell: float = 0.0) -> None:
    """Lay a tube through points; `dense` is the water that a mm of its wall is worth."""
    across = max(5, round(2.8 * radius))  # a point a pixel, or a wide tube would be striped
    scan.thread(*_smooth(points), radius, shell=shell if radius > 1.2 else 5, water=dense, across=across, sharp=True)


def _ring(
    scan: Scan, x: float, y: float, z: float, a: float, c: float, radius: float, dense: float, tilt: float = 0.0
) -> None:
    turn = np.linspace(0, 2 * np.pi, 160, dtype=np.float32)
    scan.thread(
        x + a * np.cos(turn),
        y + (a * np.sin(turn) if scan.lateral else 0 * turn),
        z + c * np.sin(turn + tilt),
        radius,
        water=dense,
        across=5,
        sharp=True,
    )


def _vein(scan: Scan, rng: np.random.Generator, entry: list[Point], radius: float, dense: float) -> None:
    """A line from its entry into the superior vena cava, down to the atrium."""
    chest = scan.chest
    x = chest.shift - 21 + float(rng.normal(0, 2.5))
    tip = chest.hilum + float(rng.uniform(-18, 40))
    way: list[Point] = [(x + 4, -8.0, chest.apex + 52), (x, -10.0, chest.carina - 14), (x - 1, -10.0, tip - 20)]
    _run(scan, [*entry, *(p for p in way if p[2] < tip - 4), (x, -8.0, tip)], radius, dense)


def _endotracheal(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest = scan.chest
    tip = chest.carina - float(rng.uniform(4, 62))
    x = chest.shift * 0.85 + float(rng.normal(1.5, 2.2))
    path: list[Point] = [(x - 4, 4.0, -230.0), (x - 2, 6.0, -180.0), (x, 10.0, tip - 40), (x + 1, 16.0, tip)]
    _run(scan, path, 4.6, 0.75, shell=0.9)
    _run(scan, [(px + 3.6, py, pz) for px, py, pz in path], 0.7, 11)


def _tracheostomy(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest = scan.chest
    x, z = chest.shift * 0.8 + float(rng.normal(0, 2)), chest.apex - 8 + float(rng.normal(0, 5))
    _run(scan, [(x, -58.0, z), (x, -10.0, z + 2), (x, 12.0, z + 22), (x + 1, 15.0, z + 62)], 5.4, 2.6, shell=0.9)
    _run(scan, [(x - 24, -60.0, z - 3), (x, -60.0, z - 1), (x + 24, -60.0, z - 3)], 2.8, 7)


def _enteric(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest = scan.chest
    x, dome = chest.shift + 4 + float(rng.normal(0, 2.5)), chest.left.dome
    short = rng.random() < 0.15
    path: list[Point] = [(x, 20.0, -230.0), (x + 2, 32.0, -110.0), (x, 34.0, -10.0), (x + 5, 28.0, dome - 12)]
    if not short:
        path += [
            (x + 22, 6.0, dome + 34),
            (x + 46, -20.0, dome + 62),
            (x + 74 * float(rng.uniform(0.4, 1.1)), -40.0, dome + 80),
        ]
    radius = float(rng.choice((1.3, 1.9, 2.6)))
    _run(scan, path, radius, 3.6 if radius > 1.6 else 7, shell=0.8 if radius > 1.6 else 0.0)
    _run(scan, path, 0.5, 10)
    if radius < 1.6:
        _run(scan, path[-2:], 1.4, 12)


def _chest_tube(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest, s = scan.chest, _side(places)
    lung = chest.left if s > 0 else chest.right
    wall = lung.width + chest.wall
    entry = lung.dome - float(rng.uniform(-10, 60))
    up = rng.random() < 0.7
    end = chest.apex + float(rng.uniform(30, 80)) if up else lung.dome - 6
    path: list[Point] = [
        (s * (wall + 34), 0.0, entry + 44),
        (s * wall, 8.0, entry + 6),
        (s * lung.width * 0.84, 30.0, entry - 18 if up else entry + 10),
        (s * lung.width * 0.66, 60.0, (entry + end) / 2),
        (s * lung.width * float(rng.uniform(0.3, 0.6)), 40.0 if up else 70.0, end),
    ]
    _run(scan, path, 4.4, 0.6, shell=0.9)
    _run(scan, [(x + s * 3, y, z) for x, y, z in path], 0.8, 12)


def _pigtail(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest, s = scan.chest, _side(places)
    lung = chest.left if s > 0 else chest.right
    x, z = s * lung.width * float(rng.uniform(0.5, 0.8)), lung.dome - float(rng.uniform(2, 40))
    _run(
        scan, [(s * (lung.width + chest.wall + 14), 20.0, z - 20), (x + s * 22, 50.0, z - 14), (x, 56.0, z - 9)], 1.5, 6
    )
    _ring(scan, x, 56.0, z, 9.0, 9.0, 1.4, 6, float(rng.uniform(0, 0.5)))


def _drain(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest = scan.chest
    for off in (-10.0, 12.0)[: 1 + int(rng.random() < 0.7)]:
        x, top = chest.shift + off + float(rng.normal(0, 3)), float(rng.uniform(-50, 30))
        path: list[Point] = [(x + 14, -70.0, 230.0), (x + 6, -62.0, 120.0), (x + 2, -58.0, 60.0), (x, -56.0, top)]
        _run(scan, path, 3.8, 0.6, shell=0.9)
        _run(scan, [(px - 2.6, py, pz) for px, py, pz in path], 0.7, 11)


def _picc(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest, s = scan.chest, _side(places)
    reach = chest.left.width
    out: list[Point] = [
        (s * (reach + 58), 0.0, chest.apex + 122),
        (s * (reach + 34), 0.0, chest.apex + 66),
        (s * reach * 0.86, -24.0, chest.apex + 40),
        (s * reach * 0.45, -40.0, chest.apex + 30),
        (s * 20, -30.0, chest.apex + 38),
    ]
    _vein(scan, rng, out, 0.9, 17)


def _ij(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest = scan.chest
    s = 1 if rng.random() < 0.2 else -1
    neck: list[Point] = [
        (s * 46, -30.0, chest.apex - 70),
        (s * 36, -24.0, chest.apex - 22),
        (s * 30, -22.0, chest.apex + 18),
    ]
    _vein(scan, rng, neck, 1.3, 9)


def _subclavian(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest, s = scan.chest, _side(places)
    entry: list[Point] = [
        (s * 104, -50.0, chest.apex + 66),
        (s * 80, -46.0, chest.apex + 42),
        (s * 40, -38.0, chest.apex + 36),
        (s * 16, -28.0, chest.apex + 42),
    ]
    _vein(scan, rng, entry, 1.25, 9)


def _port(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest, s = scan.chest, _side(places)
    x, z = s * (92 + float(rng.normal(0, 7))), chest.apex + 84 + float(rng.normal(0, 8))
    y = -float(chest.thick(z)) - 8
    _ring(scan, x, y, z, 12.0, 11.0, 2.6, 11)
    _ring(scan, x, y, z, 5.5, 5.0, 3.0, 10)
    _vein(
        scan, rng, [(x - s * 8, y, z - 10), (s * 62, -60.0, chest.apex + 26), (s * 34, -40.0, chest.apex + 16)], 1.1, 9
    )


def _swan(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest, s = scan.chest, _side(places)
    bottom = chest.heart_edges()[3] - 26
    m = chest.shift
    path: list[Point] = [
        (m - 38, -26.0, chest.apex - 66),
        (m - 24, -14.0, chest.apex + 34),
        (m - 20, -12.0, chest.hilum + 6),
        (m - 12, -24.0, bottom - 8),
        (m + 20, -44.0, bottom),
        (m + 30, -34.0, bottom - 40),
        (m + 22, -8.0, chest.hilum - 4),
        (m + s * 22, 6.0, chest.hilum - 10),
        (m + s * (40 + float(rng.uniform(0, 28))), 12.0, chest.hilum + 4),
    ]
    _run(scan, path, 1.15, 6)


def _balloon(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    x, z = scan.chest.shift + 19, -66 + scan.chest.arch + float(rng.uniform(0, 34))
    _run(scan, [(x, 45.0, z), (x - 1, 46.0, z + 5)], 1.6, 60)
    _run(scan, [(x, 46.0, z + 5), (x, 46.0, z + 120), (x - 4, 46.0, 230.0)], 0.8, 2.5)


def _sternotomy(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest = scan.chest
    count = int(rng.integers(5, 8))
    for number in range(count):
        x, z = float(rng.normal(0, 2.2)), chest.apex + 56 + 150 * number / count
        y = -float(chest.thick(z)) + 2
        turn = np.linspace(0, 2 * np.pi, 60, dtype=np.float32)
        tilt = float(rng.normal(0, 0.3))
        scan.thread(
            x + 8.5 * np.cos(turn) + 1.2 * np.sin(3 * turn),
            y + (5 * np.sin(turn) if scan.lateral else 0 * turn),
            z + 4.2 * np.sin(turn) + 3 * tilt * np.cos(turn),
            0.8,
            water=75,
            sharp=True,
        )
        _run(scan, [(x + 3, y, z + 4), (x + 6, y - 1, z + 8)], 0.8, 70)


def _clips(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest = scan.chest
    _, x2, top, bottom = chest.heart_edges()
    for _ in range(int(rng.integers(5, 14))):
        t = float(rng.random())
        x, z = chest.shift + 6 + (x2 - 34) * t + float(rng.normal(0, 3)), top - 20 + (bottom - top - 10) * t
        y, turn = -30 + float(rng.normal(0, 14)), float(rng.uniform(0, np.pi))
        _run(scan, [(x, y, z), (x + 3.2 * np.cos(turn), y + 2, z + 3.2 * np.sin(turn))], 0.75, 75)


def _stent(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """A mesh in the arch and the descending aorta."""
    chest = scan.chest
    share = np.linspace(0, 1, 420, dtype=np.float32)
    radius = 0.82 * chest.arch
    start, long = -66 + 4, 70 + 60 * float(rng.random())
    for sign in (-1, 1):
        zigzag = 5 * np.abs((share * 14 * 2) % 2 - 1)
        x = chest.shift + 19 + sign * radius * np.cos(share * 40)
        y = 46 + radius * np.sin(share * 40)
        scan.thread(x, y, start + long * share + zigzag, 0.45, water=26, sharp=True)


def _valve(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest = scan.chest
    top, bottom = chest.heart_edges()[2:]
    aortic = rng.random() < 0.6
    x, y, z = (chest.shift + 8, -12.0, top + 36) if aortic else (chest.shift + 28, 4.0, bottom - 42)
    _ring(scan, x, y, z, 11.0, 6.5 if aortic else 10.0, 1.3, 34, float(rng.uniform(-0.7, 0.7)))
    if rng.random() < 0.5:
        _run(scan, [(x - 7, y, z + 2), (x + 7, y, z - 2)], 0.8, 30)


def _pacer(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    chest, s = scan.chest, _side(places)
    top, bottom = chest.heart_edges()[2:]
    x, z = s * (96 + float(rng.normal(0, 6))), chest.apex + 78 + float(rng.normal(0, 8))
    y = -float(chest.thick(z)) - 8
    part = np.linspace(-1, 1, 97, dtype=np.float32)[:, None]  # the case: a rounded plate, line by line
    half = 21 * np.maximum(1 - np.abs(part) ** 3, 0.05) ** (1 / 3)
    # each line begins a little later and wavers, or its points would stand in columns and rows
    share = (np.arange(130, dtype=np.float32) + 0.618 * np.arange(97, dtype=np.float32)[:, None] % 1) / 130
    waver = (0.35 * (np.arange(130) * 0.618034 % 1 - 0.5)).astype(np.float32)
    scan.thread(x - half + 2 * half * share, y, z + 17 * part + waver, 0.36, water=115.0, across=1, sharp=True)
    entry: list[Point] = [(x - s * 4, y, z - 20), (s * 70, -52.0, chest.apex + 36), (s * 30, -36.0, chest.apex + 34)]
    down: list[Point] = [(chest.shift - 20, -10.0, chest.carina - 10), (chest.shift - 22, -12.0, chest.hilum + 22)]
    tip = (chest.shift + 50 + float(rng.normal(0, 6)), -40.0, bottom - 14 + float(rng.normal(0, 4)))
    _run(scan, [*entry, *down, (chest.shift - 8, -26.0, bottom - 22), tip], 0.85, 18)
    _run(scan, [(tip[0] - 5, tip[1], tip[2]), tip], 1.3, 40)
    if rng.random() < 0.6:  # a second lead in the atrium
        _run(scan, [*entry, *down, (chest.shift - 24, -24.0, top + 58), (chest.shift - 12, -34.0, top + 40)], 0.85, 18)
    if rng.random() < 0.3:  # a coil that can shock
        _run(scan, [(chest.shift - 4, -28.0, bottom - 21), (tip[0] - 12, tip[1], tip[2])], 1.7, 22)


DEVICES: dict[str, Painter] = {
    "endotracheal tube": _endotracheal,
    "tracheostomy tube": _tracheostomy,
    "enteric tube": _enteric,
    "chest tube": _chest_tube,
    "pigtail catheter": _pigtail,
    "mediastinal drain": _drain,
    "picc": _picc,
    "ij line": _ij,
    "subclavian line": _subclavian,
    "chest port": _port,
    "swan-ganz catheter": _swan,
    "intra-aortic balloon pump": _balloon,
    "sternotomy wires": _sternotomy,
    "cabg grafts": _clips,
    "aortic graft/repair": _stent,
    "prosthetic valve": _valve,
    "cardiac pacer and wires": _pacer,
}
