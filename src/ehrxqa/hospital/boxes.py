"""Where the 36 objects of a frontal image are: parts of the phantom, projected and enclosed, in the 224 frame."""

from __future__ import annotations

import numpy as np

from ehrxqa.hospital.anatomy import FRAME, Chest, Lung
from ehrxqa.hospital.ontology import BOXES

__all__ = ["Box", "boxes_of"]

Box = tuple[int, int, int, int]

#: Mean depth (y) of parts, in millimetres: the heart lies in front, the spine behind.
_HEART_Y, _HILUM_Y, _ARCH_Y, _SPINE_Y, _CLAVICLE_Y = -18.0, 12.0, 5.0, 62.0, -55.0


def boxes_of(chest: Chest) -> dict[str, Box]:
    """Name → (x1, y1, x2, y2) of the 36 boxes."""
    corners: dict[str, tuple[float, ...]] = {}

    def put(name: str, x: tuple[float, float], z: tuple[float, float], y: float = 0.0) -> None:
        """Add a rectangle at depth `y`."""
        corners[name] = (*sorted(x), y, *sorted(z))

    for side, lung in (("right", chest.right), ("left", chest.left)):
        _lung_boxes(put, chest, side, lung)
    x1, x2, top, bottom = chest.heart_edges()
    middle = chest.shift
    put("trachea", (middle * 0.7 - 15, middle * 0.7 + 16), (chest.apex - 48, chest.carina + 6))
    put("carina", (middle - 17, middle + 19), (chest.carina - 16, chest.carina + 22))
    curve = chest.spine(np.linspace(-150, 150, 13))
    half = 25 + 0.2 * float(np.ptp(curve)) + 1.6 * chest.traits[17]
    put("spine", (float(curve.mean()) - half, float(curve.mean()) + half), (-185, 160), _SPINE_Y)
    arch = chest.arch
    put("aortic arch", (middle + 12 - arch, middle + 25 + arch), (-68 - arch, -68 + arch + 12), _ARCH_Y)
    put("descending aorta", (middle + 2, middle + 38), (-50, bottom - 8), 40.0)
    put("upper mediastinum", (middle - chest.band, middle + chest.band), (chest.apex + 22, chest.carina + 10), -10.0)
    put("svc", (middle - 37, middle + 2), (-90, chest.hilum + 6))
    put("cavoatrial junction", (middle - 44, middle), (chest.hilum - 8, chest.hilum + 40))
    put("right atrium", (x1, x1 + 55), (top + 26, bottom - 24), _HEART_Y)
    put("cardiac silhouette", (x1, x2), (top, bottom), _HEART_Y)
    put("right cardiac silhouette", (x1, middle), (top + 7, bottom - 3), _HEART_Y)
    put("left cardiac silhouette", (middle, x2), (top + 2, bottom - 2), _HEART_Y)
    wide = (min(x1, middle - chest.band), max(x2, middle + chest.band))
    put("mediastinum", wide, (chest.apex + 18, bottom), -10.0)
    put("abdomen", (-chest.right.width, chest.left.width), (chest.right.dome + 14, 210))
    x1s, x2s, depth, z1s, z2s = np.array([corners[name] for name in BOXES]).T
    columns, rows = chest.view.project(np.stack([x1s, x2s]), depth, np.stack([z1s, z2s]))
    edges = np.clip(np.rint(np.stack([columns[0], rows[0], columns[1], rows[1]], axis=1)), 0, FRAME - 1)
    whole = edges.astype(int).tolist()
    return {name: (x1, y1, x2, y2) for name, (x1, y1, x2, y2) in zip(BOXES, whole, strict=True)}


def _lung_boxes(put: object, chest: Chest, side: str, lung: Lung) -> None:
    assert callable(put)
    sign, height = lung.sign, lung.angle - chest.apex

    def wall(z: float) -> float:
        return float(lung.width * chest.spread(z))

    def zone(name: str, start: float, end: float, near: float = 8.0) -> None:
        low = chest.apex + end * height
        put(f"{side} {name}", (sign * near, sign * wall(low)), (chest.apex + start * height, low))

    zone("lung", 0.0, 1.0)
    zone("apical zone", 0.0, 0.18, 15.0)
    zone("upper lung zone", 0.04, 0.36)
    zone("mid lung zone", 0.33, 0.61)
    zone("lower lung zone", 0.58, 0.99)
    outer = wall(lung.angle)
    put(f"{side} hilar structures", (sign * 12, sign * 60), (chest.hilum - 36, chest.hilum + 40), _HILUM_Y)
    put(f"{side} costophrenic angle", (sign * outer * 0.72, sign * (outer + 2)), (lung.angle - 46, lung.angle + 3))
    x1, x2, _, bottom = chest.heart_edges()
    reach = (x2 if sign > 0 else -x1) * 0.72
    put(f"{side} cardiophrenic angle", (sign * reach, sign * (reach + 42)), (bottom - 44, bottom + 4), _HEART_Y)
    put(f"{side} hemidiaphragm", (sign * 10, sign * (outer - 4)), (lung.dome - 5, lung.angle))
    put(f"{side} clavicle", (sign * 14, sign * lung.width * 0.86), (chest.apex + 6, chest.apex + 44), _CLAVICLE_Y)
    put(f"{side} upper abdomen", (sign * 8, sign * outer), (lung.dome + 10, 210))
