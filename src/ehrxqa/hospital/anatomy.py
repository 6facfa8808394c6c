"""The shape of a chest in one frontal image, in pixels of the 224 × 224 frame.

One set of numbers decides both where the boxes are and where the X-ray is drawn. A subject keeps a body;
an image adds pose, projection (AP enlarges the heart) and what the findings do to the shape (a wide
heart, a high diaphragm, a bent spine). Image left is the subject's right side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ehrxqa.hospital.findings import Finding
from ehrxqa.hospital.ontology import BOXES

__all__ = ["FRAME", "Anatomy", "Box", "Lung", "body_of", "boxes_of", "pose"]

FRAME = 224

Floats = NDArray[np.floating[Any]]
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Lung:
    """One lung.

    Attributes:
        sign: −1 for the right lung (image left), +1 for the left lung.
        apex, dome, angle: y of the apex, of the top of the diaphragm, and of the costophrenic angle.
        outer: Distance of the outer wall from the midline at its widest.
        inner: Distance of the inner edge from the midline.
    """

    sign: int
    apex: float
    dome: float
    angle: float
    outer: float
    inner: float

    def wall(self, y: Floats | float) -> Floats:
        """Distance of the outer wall from the midline at height `y`."""
        s = np.clip((np.asarray(y) - self.apex - 16) / (self.angle - self.apex) / 0.66, 0, 1)
        return np.asarray(self.outer * (0.46 + 0.54 * (1 - (1 - s) ** 2.1)))

    def diaphragm(self, distance: Floats | float) -> Floats:
        """Y of the diaphragm at a distance from the midline."""
        centre = self.outer * 0.44
        d = np.asarray(distance)
        outward = np.clip((d - centre) / (self.outer - centre), 0, 1.15)
        inward = np.clip((centre - d) / centre, 0, 1)
        return np.asarray(self.dome + (self.angle - self.dome) * outward**2.3 + 9 * inward**1.6)

    def top(self, distance: Floats | float) -> Floats:
        """Y of the upper edge of the lung at a distance from the midline."""
        d = np.asarray(distance)
        u = np.clip(np.abs(d - 0.27 * self.outer) / (0.27 * self.outer), 0, 1)
        return np.asarray(self.apex + 26 * u**2.4)


@dataclass(frozen=True)
class Anatomy:
    """The chest of one image.

    Attributes:
        mid: x of the midline.
        right, left: The lungs.
        heart: (left edge, right edge, top, bottom) of the heart.
        upper: (left edge, right edge) of the upper mediastinum.
        arch: (x, y, radius) of the aortic knob.
        hilum: y of the hila.
        carina: (x, y) of the carina.
        trachea: x of the trachea at the top of the image.
        bend: Sideways bend of the spine.
        clavicle: y of the clavicles at the midline.
        body: Overall size; 1 is average.
    """

    mid: float
    right: Lung
    left: Lung
    heart: tuple[float, float, float, float]
    upper: tuple[float, float]
    arch: tuple[float, float, float]
    hilum: float
    carina: tuple[float, float]
    trachea: float
    bend: float
    clavicle: float
    body: float

    def lung(self, side: str) -> Lung:
        """The lung of a side, `left` or `right`."""
        return self.left if side == "left" else self.right

    @property
    def thorax(self) -> float:
        """Inner width of the chest."""
        return self.right.outer + self.left.outer

    def spine(self, y: Floats | float) -> Floats:
        """X of the middle of the spine at height `y`."""
        return np.asarray(self.mid + self.bend * np.sin((np.asarray(y) - 20) / 62.0))


def body_of(rng: np.random.Generator, size: float) -> list[float]:
    """What stays the same in all images of a subject: eight standard normal numbers, the first is the size."""
    body: list[float] = np.clip(rng.standard_normal(8), -2.2, 2.2).tolist()
    body[0] = (size - 1) / 0.06
    return body


def _of(findings: tuple[Finding, ...], *attributes: str) -> list[Finding]:
    return [f for f in findings if any(a in attributes for a in f.attributes)]


def pose(rng: np.random.Generator, body: list[float], portable: bool, findings: tuple[Finding, ...]) -> Anatomy:
    """The chest of a body in one image with its findings."""
    # plain floats: a numpy scalar would turn every field it meets into double precision
    jitter: list[float] = np.clip(rng.standard_normal(16), -2.3, 2.3).tolist()
    size = 1 + 0.035 * body[0] + (0.02 if portable else 0.0) + 0.008 * jitter[0]
    mid = 112 + 1.6 * body[1] * 0.5 + 1.8 * jitter[1]
    lift = 2.6 * jitter[2] + (-3.0 if portable else 0.0)
    if _of(findings, "low lung volumes"):
        lift -= 15
    if _of(findings, "hyperaeration", "copd/emphysema"):
        lift += 8
    sides = {}
    turn = math.copysign(8 + abs(jitter[3]), jitter[3]) if _of(findings, "rotated") else 0.8 * jitter[3]
    for sign, side in ((-1, "right"), (1, "left")):
        raised = [f for f in _of(findings, "elevated hemidiaphragm") if any(p.startswith(side) for p in f.places)]
        dome = 160 + lift + (5.5 if side == "left" else 0.0) + 1.5 * body[2] - (17 if raised else 0)
        dome += 0.9 * jitter[4 + (sign > 0)]
        angle = 186 + 0.75 * lift + 1.5 * jitter[6] + 1.2 * body[3] - (5 if raised else 0)
        if _of(findings, "hyperaeration", "copd/emphysema"):
            dome += 5  # flat
        outer = (84 + (1.5 if sign > 0 else 0.0)) * size + 0.9 * jitter[7 + (sign > 0)] - sign * turn * 0.5
        inner = 5.5 + 0.3 * jitter[9]
        apex = 34 + 1.5 * jitter[10] + 1.0 * body[4]
        sides[side] = Lung(sign, apex, dome, angle, outer, inner)
    right, left = sides["right"], sides["left"]
    thorax = right.outer + left.outer
    shift = _shift(findings)
    ratio = 0.435 + 0.017 * body[5] + 0.006 * jitter[11] + (0.012 if portable else 0.0)
    large = _of(findings, "enlarged cardiac silhouette", "pericardial effusion")
    if large:
        ratio = 0.555 + 0.07 * max(f.severity for f in large) + 0.01 * body[5]
    width = (ratio if large else min(ratio, 0.488)) * thorax
    share = 0.31 + 0.012 * body[6]
    bottom = 0.5 * (right.dome + left.dome) + 13
    top = bottom - 74 - (6 if large else 0) + 1.5 * jitter[12]
    heart = (mid + shift - share * width, mid + shift + (1 - share) * width, top, bottom)
    wide = _of(findings, "mediastinal widening", "superior mediastinal mass/enlargement", "goiter")
    # normal widths scatter so much that no finding is an outlier of its box: silver cohorts leave outliers out
    band = min(0.268 + 0.020 * body[7] + 0.007 * jitter[13], 0.325) * thorax
    if wide:
        band = (0.334 + 0.03 * max(f.severity for f in wide)) * thorax
    upper = (mid + shift * 0.6 - 0.49 * band, mid + shift * 0.6 + 0.51 * band)
    twisted = 4 if _of(findings, "tortuous aorta") else 0
    arch = (mid + 13 + shift * 0.6 + 0.5 * turn + twisted * 0.5, 66 + 1.4 * jitter[14] + body[4], 10.5 + twisted)
    bent = _of(findings, "scoliosis")
    bend = (9 + 9 * bent[0].severity) * (1 if body[1] > 0 else -1) if bent else 0.6 * body[1]
    return Anatomy(
        mid=mid,
        right=right,
        left=left,
        heart=heart,
        upper=upper,
        arch=arch,
        hilum=102 + 0.3 * lift + 1.2 * jitter[15],
        carina=(mid + 1.5 + shift * 0.7 + 0.4 * turn, 84 + 1.4 * jitter[14] + body[4]),
        trachea=mid + 0.5 * turn + shift * 0.8,
        bend=bend,
        clavicle=46 + 1.2 * jitter[2] + body[4],
        body=size,
    )


def _shift(findings: tuple[Finding, ...]) -> float:
    """Sideways shift of the middle of the chest: away from air and fluid under pressure."""
    moved = _of(findings, "mediastinal displacement")
    if not moved:
        return 0.0
    pressing = _of(findings, "pneumothorax", "hydropneumothorax", "pleural effusion")
    left = any(p.startswith("left") for f in pressing for p in f.places)
    return (-1 if left else 1) * (7 + 5 * moved[0].severity)


def boxes_of(chest: Anatomy) -> dict[str, Box]:
    """Name → (x1, y1, x2, y2) of the 36 boxes."""
    mid, top_of_heart, bottom = chest.mid, chest.heart[2], chest.heart[3]
    x1, x2 = chest.heart[0], chest.heart[1]
    boxes: dict[str, tuple[float, float, float, float]] = {}
    for side, lung in (("right", chest.right), ("left", chest.left)):
        height = lung.angle - lung.apex

        def span(
            name: str, top: float, low: float, near: float, far: float, side: str = side, lung: Lung = lung
        ) -> None:
            """A box between two heights and two distances from the midline."""
            edges = sorted((mid + lung.sign * near, mid + lung.sign * far))
            boxes[f"{side} {name}"] = (edges[0], top, edges[1], low)

        def zone(name: str, start: float, end: float, near: float, lung: Lung = lung, height: float = height) -> None:
            low = lung.apex + end * height
            span(name, lung.apex + start * height, low, near, float(lung.wall(low)))

        span("lung", lung.apex, lung.angle, lung.inner, lung.outer)
        zone("apical zone", 0.0, 0.18, lung.outer * 0.1)
        zone("upper lung zone", 0.04, 0.36, lung.inner)
        zone("mid lung zone", 0.33, 0.61, lung.inner)
        span("lower lung zone", lung.apex + 0.58 * height, lung.angle - 2, lung.inner, lung.outer)
        span("hilar structures", chest.hilum - 21, chest.hilum + 23, 7, 0.42 * lung.outer)
        span("costophrenic angle", lung.angle - 27, lung.angle + 2, lung.outer * 0.74, lung.outer + 1)
        reach = (x2 - mid) if lung.sign > 0 else (mid - x1)
        span("cardiophrenic angle", bottom - 26, bottom + 2, reach * 0.72, reach * 0.72 + 24)
        span("hemidiaphragm", lung.dome - 3, lung.angle, lung.inner + 1, lung.outer - 2)
        span("clavicle", chest.clavicle - 13, chest.clavicle + 9, 7, lung.outer * 0.8)
        span("upper abdomen", lung.dome + 6, 223, 4, lung.outer)
    boxes["trachea"] = (chest.trachea - 9.5, 8, chest.trachea + 10.5, chest.carina[1] + 4)
    boxes["carina"] = (chest.carina[0] - 10, chest.carina[1] - 9, chest.carina[0] + 10, chest.carina[1] + 12)
    curve = chest.spine(np.linspace(10, 200, 12))
    half = 12.5 + 0.2 * float(np.ptp(curve)) + 0.7 * (chest.carina[0] - chest.mid - 1.5) + 30 * (chest.body - 1)
    boxes["spine"] = (float(curve.mean()) - half, 10, float(curve.mean()) + half, 199)
    ax, ay, radius = chest.arch
    boxes["aortic arch"] = (ax - radius - 6, ay - radius, ax + radius, ay + radius + 7)
    boxes["descending aorta"] = (ax - 15, ay + 12, ax + 4, bottom - 4)
    boxes["upper mediastinum"] = (chest.upper[0], chest.clavicle - 6, chest.upper[1], chest.carina[1] + 6)
    boxes["svc"] = (mid - 20, chest.clavicle + 15, mid + 2, chest.hilum + 4)
    boxes["cavoatrial junction"] = (mid - 24, chest.hilum - 4, mid, chest.hilum + 22)
    boxes["right atrium"] = (x1, top_of_heart + 16, x1 + 31, bottom - 14)
    boxes["cardiac silhouette"] = (x1, top_of_heart, x2, bottom)
    boxes["right cardiac silhouette"] = (x1, top_of_heart + 4, mid, bottom - 2)
    boxes["left cardiac silhouette"] = (mid, top_of_heart + 1, x2, bottom - 1)
    boxes["mediastinum"] = (min(x1, chest.upper[0]), chest.clavicle - 8, max(x2, chest.upper[1]), bottom)
    boxes["abdomen"] = (mid - chest.right.outer, chest.right.dome + 8, mid + chest.left.outer, 223)
    return {name: _whole(boxes[name]) for name in BOXES}


def _whole(box: tuple[float, float, float, float]) -> Box:
    x1, y1, x2, y2 = (min(max(round(v), 0), FRAME - 1) for v in box)
    return x1, y1, x2, y2
