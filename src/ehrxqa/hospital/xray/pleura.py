"""What lies between lung and chest wall: fluid that finds its level, air that rises, scars."""

from __future__ import annotations

import numpy as np

from ehrxqa.hospital.xray.places import Painter, lung_places, sides_of, spot
from ehrxqa.hospital.xray.rays import Field, soft
from ehrxqa.hospital.xray.scan import Scan

__all__ = ["PLEURA"]


def _effusion(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Upright: a level that climbs the wall, or fluid below the lung; lying: a veil, thickest at the back."""
    form = rng.random()
    for side in sides_of(places):
        amount = severity * float(rng.uniform(0.75, 1.25))
        if not scan.rays.view.upright:
            _lying(scan, side, amount)
        elif form < 0.14 and amount < 0.8:
            _below_the_lung(scan, side, amount)
        elif form < 0.24:
            _pocket(scan, rng, side, amount)
        else:
            _standing(scan, side, 10 + 92 * amount**1.3)
    if form > 0.8 and "right" in sides_of(places):
        z = scan.chest.hilum + 10  # fluid in the minor fissure
        scan.fill("right", (-72, -20, z, 30, 44, 2.0 + 5 * severity), 0.8)


def _standing(scan: Scan, side: str, height: float) -> None:
    """Fluid to a height (mm above the angle), with the rim that it draws up the wall."""
    z = scan.rays.v
    lung = scan.chest.lung(side)
    level = lung.angle + 10 - height
    above = np.maximum(level - z, 0)
    climb = min(height / 60, 1.0)
    rim = (95 * np.exp(-above / (4 + 9 * climb)) + 18 * climb * np.exp(-above / 34)).astype(np.float32)
    rim = np.where(z >= level, np.float32(600), rim).astype(np.float32)
    scan.pleura(side, rim, (0.6 * np.minimum(rim, 60)).astype(np.float32))


def _lying(scan: Scan, side: str, amount: float) -> None:
    z = scan.rays.v
    lung = scan.chest.lung(side)
    down = np.clip((z - scan.chest.apex) / (lung.angle - scan.chest.apex), 0, 1)
    back = ((12 + 52 * amount) * (0.35 + 0.65 * down)).astype(np.float32)
    rim = ((2 + 9 * amount) * np.clip(down * 1.6 - 0.5, 0, 1) ** 2).astype(np.float32)
    scan.pleura(side, rim, back)


def _below_the_lung(scan: Scan, side: str, amount: float) -> None:
    """Fluid between lung and diaphragm: a false dome whose top lies towards the wall."""
    lung = scan.chest.lung(side)
    scan.fill(side, (lung.sign * (lung.axis + 18), -10, lung.dome + 16, 66, 92, 26 + 30 * amount), 1.6)
    _standing(scan, side, 9 + 8 * amount)


def _pocket(scan: Scan, rng: np.random.Generator, side: str, amount: float) -> None:
    """Fluid held at the wall: a lens."""
    lung = scan.chest.lung(side)
    z = lung.angle - float(rng.uniform(38, 92))
    x = scan.wall_x(side, z)
    scan.fill(side, (x, 20, z, 15 + 24 * amount, 50, 26 + 26 * amount), 1.6)
    _standing(scan, side, 8 + 22 * amount)


def _blunting(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    for side in sides_of(places):
        _standing(scan, side, 14 + 20 * severity)


def _pneumothorax(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Air around the lung: at the apex and side in the upright, in front and at the base in the supine."""
    for side in sides_of(places):
        z = scan.rays.v
        lung = scan.chest.lung(side)
        depth = 8 + 42 * severity**1.3
        if scan.rays.view.upright:
            fall = np.clip((z - scan.chest.apex) / (70 + 190 * severity), 0, 1)
            rim = depth * (1 - fall) ** 1.2 + (6 * max(severity - 0.5, 0))
            back: Field | float = 0.0
        else:
            low = np.clip((z - scan.chest.hilum) / (lung.angle - scan.chest.hilum), 0, 1.3)
            rim = 0.35 * depth * (0.3 + low**2)
            back = np.broadcast_to(np.float32(-0.8 * depth), z.shape).astype(np.float32)
        rim = np.asarray(np.broadcast_to(rim, z.shape), dtype=np.float32)
        space = scan.pleura(side, rim, back)
        scan.water -= space
        _edge(scan, side)
        scan.air[side] *= np.float32(1 - 0.12 * severity)


def _edge(scan: Scan, side: str) -> None:
    """The visceral pleura: a thin skin of the lung, seen where rays graze it."""
    skin = scan.skin(side, 1.2)
    scan.water += np.minimum(skin, 26.0) * np.float32(0.6)


def _level(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """Air above fluid: level where the subject is upright, a veil with a bright front where not."""
    for side in sides_of(places):
        z = scan.rays.v
        lung = scan.chest.lung(side)
        level = lung.angle - 22 - 60 * severity
        rim = np.where(z >= level, 600.0, 14 + 34 * severity).astype(np.float32)
        if not scan.rays.view.upright:
            rim = np.full_like(z, 10 + 20 * severity)
            scan.water += 0.25 * scan.pleura(side, rim, np.full_like(z, 16 + 20 * severity))
            continue
        space = scan.pleura(side, rim)
        dry = soft(level - z, 0.4 * scan.rays.mm)
        scan.water -= space * dry
        _edge(scan, side)


def _scar(scan: Scan, rng: np.random.Generator, places: tuple[str, ...], severity: float) -> None:
    """A cap of thick pleura over the apex, and strands that draw towards the hilum."""
    for side, top, bottom in lung_places(scan, places):
        sign = scan.chest.lung(side).sign
        thick = 4 + 11 * severity
        for _ in range(3):
            x = sign * float(rng.uniform(28, 72))
            scan.fill(
                side,
                (x, float(rng.uniform(0, 30)), scan.chest.apex + 4, 26, 50, thick * float(rng.uniform(0.8, 1.5))),
                0.8,
                0.4,
                8,
            )
        for _ in range(3 + int(4 * severity)):
            x, y, z = spot(scan, rng, side, top, bottom + 16)
            share = np.linspace(0, 1, 30, dtype=np.float32)
            long = float(rng.uniform(12, 40))
            scan.thread(x - sign * long * 0.7 * share, y, z + long * share, 0.9, water=1.8 + 2.2 * severity)


PLEURA: dict[str, Painter] = {
    "pleural effusion": _effusion,
    "costophrenic angle blunting": _blunting,
    "hydropneumothorax": _level,
    "pneumothorax": _pneumothorax,
    "pleural/parenchymal scarring": _scar,
}
