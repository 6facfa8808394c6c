"""Findings of the framework of the lung: nets of lines, wide airways, and lungs with too much air in them."""

from __future__ import annotations

from functools import cache

import numpy as np

from ehrxqa.hospital.xray.places import Painter, lung_places, sides_of, spot
from ehrxqa.hospital.xray.rays import Field, clouds
from ehrxqa.hospital.xray.scan import Scan

__all__ = ["INTERSTITIUM"]


@cache
def _net(scale: int) -> Field:
    """A net of curved lines, 512 × 512: where a cloudy field is near zero."""
    return np.asarray(np.exp(-((clouds(scale) / np.float32(0.22)) ** 2)), dtype=np.float32)


def _cut(scan: Scan, texture: Field) -> Field:
    y, x = scan.rng.integers(0, texture.shape[0] - scan.rays.size + 1, 2).tolist()
    return texture[y : y + scan.rays.size, x : x + scan.rays.size]


def _reticular(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """A fine net, mostly towards the base and the wall."""
    net = _cut(scan, _net(4)) + 0.6 * _cut(scan, _net(8))
    for side in sides_of(places):
        where = _peripheral(scan, side, places)
        scan.water += where * net * np.float32(8.0 + 19.0 * severity)


def _fibrosis(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Coarse: honeycombs, small airways drawn wide, less volume, veiled bases."""
    comb = _cut(scan, _net(8))
    holes = np.clip(_cut(scan, clouds(4)), 0, 2)
    for side in sides_of(places):
        where = _peripheral(scan, side, places) ** 2
        scan.water += where * (comb * np.float32(8 + 18 * severity) - holes * np.float32(3 + 9 * severity))
        lost = where * scan.air[side] * np.float32(0.10 + 0.16 * severity)
        scan.air[side] -= lost


def _peripheral(scan: Scan, side: str, places: tuple[str, ...]) -> Field:
    """How much of a pixel is lung near the base and the wall, 0 to 1."""
    chest = scan.chest
    lung = chest.lung(side)
    low = np.clip((scan.rays.v - chest.hilum + 20) / (lung.angle - chest.hilum), 0.12, 1)
    out = 1.0 if scan.lateral else np.clip(lung.sign * scan.rays.u / lung.width * 1.25, 0.25, 1)
    return np.asarray(np.clip(scan.air[side] / 70, 0, 1) * low * out, dtype=np.float32)


def _bronchiectasis(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Rings and tram tracks: airways with thick walls."""
    for side, top, bottom in lung_places(scan, places):
        sign = scan.chest.lung(side).sign
        turn = np.linspace(0, 2 * np.pi, 25, dtype=np.float32)
        for _ in range(5 + int(9 * severity)):
            x, y, z = spot(scan, rng, side, top - 10, bottom, near=0.22, far=0.7)
            radius = float(rng.uniform(2.6, 5.2))
            across = (
                (np.full_like(turn, x), y + radius * np.cos(turn))
                if scan.lateral
                else (x + radius * np.cos(turn), np.full_like(turn, y))
            )
            scan.thread(across[0], across[1], z + radius * np.sin(turn), 0.8, water=3.2 + 3.5 * severity)
        share = np.linspace(0, 1, 24, dtype=np.float32)
        for _ in range(3 + int(3 * severity)):
            x, y, z = spot(scan, rng, side, top - 10, bottom, near=0.2, far=0.55)
            long = float(rng.uniform(14, 26))
            for shift in (-2.0, 2.0):
                scan.thread(
                    x + sign * 0.5 * long * share + shift,
                    np.full_like(share, y),
                    z + long * share,
                    0.7,
                    water=2.2 + 2.0 * severity,
                )


def _emphysema(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Holes in the framework: fewer vessels, darker patches; the shape of the chest tells the rest."""
    scan.vessels *= 0.86 - 0.2 * severity
    patches = np.clip(scan.cloud(32), 0, 2)
    for side in sides_of(places):
        up = np.clip((scan.chest.hilum + 60 - scan.rays.v) / 110, 0.3, 1)
        scan.water -= np.clip(scan.air[side] / 70, 0, 1) * patches * up * np.float32(2 + 7 * severity)


def _shape_only(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """The finding is the shape of the chest already."""


INTERSTITIUM: dict[str, Painter] = {
    "increased reticular markings/ild pattern": _reticular,
    "interstitial lung disease": _fibrosis,
    "bronchiectasis": _bronchiectasis,
    "copd/emphysema": _emphysema,
    "hyperaeration": _shape_only,
    "low lung volumes": _shape_only,
}
