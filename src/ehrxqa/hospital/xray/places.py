"""From the objects that a finding is reported in to places of the phantom."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ehrxqa.hospital.xray.scan import SIDES, Scan

__all__ = ["Painter", "lung_places", "side_of", "sides_of", "spot"]

#: Paints an attribute: the scan, chance of the finding (the same in all images of a subject), objects, severity 0 to 1.
Painter = Callable[[Scan, np.random.Generator, tuple[str, ...], float], None]

#: Zone → where it begins and ends, as shares of the height of the lung.
_ZONES = {
    "apical zone": (0.02, 0.16),
    "upper lung zone": (0.12, 0.36),
    "mid lung zone": (0.36, 0.60),
    "lower lung zone": (0.62, 0.95),
    "lung": (0.15, 0.85),
    "costophrenic angle": (0.86, 1.0),
}


def side_of(place: str) -> str | None:
    """The side of an object; None in the middle."""
    return next((side for side in SIDES if place.startswith(side + " ")), None)


def sides_of(places: tuple[str, ...]) -> list[str]:
    """The sides of objects, each once."""
    return list(dict.fromkeys(side for side in map(side_of, places) if side))


def lung_places(scan: Scan, places: tuple[str, ...]) -> Iterator[tuple[str, float, float]]:
    """(side, top z, bottom z) of each object that is a part of a lung."""
    for place in places:
        side = side_of(place)
        zone = _ZONES.get(place.partition(" ")[2])
        if side and zone:
            lung = scan.chest.lung(side)
            height = lung.angle - scan.chest.apex
            yield side, scan.chest.apex + zone[0] * height, scan.chest.apex + zone[1] * height


def spot(
    scan: Scan,
    rng: np.random.Generator,
    side: str,
    top: float,
    bottom: float,
    *,
    near: float = 0.3,
    far: float = 0.82,
    room: float = 0.0,
) -> tuple[float, float, float]:
    """A point of a lung between two heights; `near` and `far` are shares of the way from the middle to the wall.

    Args:
        scan: Where.
        rng: Chance.
        side: Of the lung.
        top: Upper height.
        bottom: Lower height.
        near: Share of the way from the middle to the wall.
        far: The same, farther out.
        room: Millimetres to keep clear of the wall, for large things.
    """
    across, up, back = rng.random(3).tolist()
    z = top + (bottom - top) * (0.15 + 0.7 * up)
    wall = abs(scan.wall_x(side, z)) - room
    sign = scan.chest.lung(side).sign
    x = sign * max(wall, 30.0) * (near + (far - near) * across)
    deep = float(scan.chest.thick(z)) * np.sqrt(max(1 - (x / max(wall + room, 1)) ** 2, 0.05))
    y = 4 + float(deep) * (1.5 * back - 0.68)
    z = min(z, scan.floor(side, x, y) - 6)
    return x, y, z
