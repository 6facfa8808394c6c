"""The chest of one subject in one image, as a phantom: sizes and places in millimetres, and how it is projected.

One set of numbers decides both where the boxes are and what the X-ray shows. A subject keeps a body; an image adds
breath, posture and projection, and what the findings do to the shape (a wide heart, a high diaphragm, a bent spine).

Millimetres from the middle of the chest: x to the subject's left, y to the back, z down. The picture is the square of
224 × 224 pixels of the boxes; its left is the subject's right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ehrxqa.hospital.findings import Finding

__all__ = ["FRAME", "Chest", "Floats", "Lung", "View", "body_of", "pose"]

FRAME = 224
#: Side of the square in millimetres on the detector, before magnification by collimation.
FIELD_MM = 358.0
#: Upper end of the lungs of an average body, and how far below it the cage is widest.
APEX_MM = -138.0
#: A bent spine is a wave of this length over 2π.
WAVE_MM = 54.0

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class View:
    """How a chest is projected.

    Attributes:
        name: `AP`, `PA` or `LATERAL`.
        upright: Whether fluid sinks to the feet; lying on the back, it sinks to the back.
        turn: Rotation about the long axis of the body, in radians; near π/2 for a lateral view.
        spread: 1 / distance of the source from the middle of the chest, per mm, positive where it stands behind
            (PA): what is nearer to the source is shown larger.
        lean: Millimetres that a point moves down per millimetre towards the back (a tilted tube).
        scale: Pixels of the frame per millimetre.
        x, y: Pixels of the frame where the middle of the chest is shown.
    """

    name: str
    upright: bool
    turn: float
    spread: float
    lean: float
    scale: float
    x: float
    y: float

    @property
    def lateral(self) -> bool:
        """Whether the chest is seen from the side."""
        return self.name == "LATERAL"

    def depth(self, x: Floats | float, y: Floats | float) -> Floats:
        """Distance along the ray, in mm, larger towards the source of a PA view."""
        return np.asarray(np.asarray(y) * math.cos(self.turn) - np.asarray(x) * math.sin(self.turn))

    def project(self, x: Floats | float, y: Floats | float, z: Floats | float) -> tuple[Floats, Floats]:
        """Column and row, in pixels of the frame, of points of the chest."""
        across = np.asarray(x) * math.cos(self.turn) + np.asarray(y) * math.sin(self.turn)
        depth = self.depth(x, y)
        large = self.scale / (1 - self.spread * depth)
        return self.x + across * large, self.y + (np.asarray(z) + self.lean * depth) * large


@dataclass(frozen=True)
class Lung:
    """One lung.

    Attributes:
        sign: −1 for the right lung (image left), +1 for the left lung.
        dome: z of the top of the diaphragm.
        fall: Height of the dome over its edge: small in flat diaphragms.
        width: Half width of the cage on this side at its widest.
        axis: x of the highest point of the diaphragm, without sign.
    """

    sign: int
    dome: float
    fall: float
    width: float
    axis: float

    @property
    def angle(self) -> float:
        """Z of the costophrenic angle."""
        return self.dome + 0.62 * self.fall


@dataclass(frozen=True)
class Chest:
    """The chest of one image.

    Attributes:
        view: How it is projected.
        right, left: The lungs.
        apex: z of the apices.
        depth: Half depth of the cage.
        wall: Thickness of the chest wall.
        heart: Factor of the size of the heart, 1 normal; `heart_x` its sideways shift.
        globe: 0 for a heart of usual form, 1 for a bottle (fluid around it).
        shift: Sideways shift of the mediastinum.
        band: Half width of the upper mediastinum.
        arch: Radius of the aortic arch.
        winding: How far the descending aorta swings out to the left.
        bend: Sideways bend of the spine; `bend_at` its z.
        hilum, carina: z of the hila and of the carina.
        air: Share of air in the lungs that is not there in water: 0.72 in a good breath.
        seed: Number that gives the fine structure that a subject keeps.
        woman: Whether there are breasts, and `breast` their size.
        age: Years.
    """

    view: View
    right: Lung
    left: Lung
    apex: float
    depth: float
    wall: float
    heart: float
    heart_x: float
    globe: float
    shift: float
    band: float
    arch: float
    winding: float
    bend: float
    bend_at: float
    hilum: float
    carina: float
    air: float
    seed: int
    woman: bool
    breast: float
    age: int
    traits: tuple[float, ...] = field(default=(), repr=False)

    @property
    def lungs(self) -> tuple[Lung, Lung]:
        """The right and the left lung."""
        return self.right, self.left

    def lung(self, side: str) -> Lung:
        """The lung of a side, `left` or `right`."""
        return self.left if side == "left" else self.right

    def spread(self, z: Floats | float) -> Floats:
        """Half width of the cage at a height, as a share of its widest."""
        down = np.clip((np.asarray(z) - self.apex + 6) / 176.0, 0.0, 1.0)
        return np.asarray(0.40 + 0.60 * (1 - (1 - down) ** 2.7) - 0.03 * np.clip((np.asarray(z) - 90) / 60, 0, 1))

    def thick(self, z: Floats | float) -> Floats:
        """Half depth of the cage at a height."""
        down = np.clip((np.asarray(z) - self.apex) / 150.0, 0.0, 1.0)
        return np.asarray(self.depth * (0.42 + 0.58 * (1 - (1 - down) ** 1.9)))

    def spine(self, z: Floats | float) -> Floats:
        """X of the middle of the spine at a height."""
        bent = self.bend * np.cos((np.asarray(z) - self.bend_at) / WAVE_MM)
        return np.asarray(bent - self.bend * 0.3)

    def spine_y(self, z: Floats | float) -> Floats:
        """Y of the middle of the vertebral bodies at a height: bent to the front above and below the chest."""
        up, low = np.clip((-40 - np.asarray(z)) / 110, 0, 1.3), np.clip((np.asarray(z) - 50) / 110, 0, 1.2)
        return np.asarray(0.66 * self.depth + 2 - 21 * up**2 - 13 * low**2)

    def heart_edges(self) -> tuple[float, float, float, float]:
        """(right x, left x, top z, bottom z) of the heart."""
        large = self.heart
        middle = self.shift + self.heart_x
        bottom = 0.5 * (self.right.dome + self.left.dome) + 10
        return middle - 39 * large, middle + 83 * large, bottom - 94 - 16 * (large - 1), bottom


def body_of(rng: np.random.Generator, size: float) -> list[float]:
    """What stays the same in all images of a subject: standard normal numbers, the first is the size."""
    body: list[float] = np.clip(rng.standard_normal(20), -2.2, 2.2).tolist()
    body[0] = (size - 1) / 0.06
    return body


def _of(findings: tuple[Finding, ...], *attributes: str) -> list[Finding]:
    return [f for f in findings if any(a in attributes for a in f.attributes)]


def _worst(findings: list[Finding]) -> float:
    return max((f.severity for f in findings), default=0.0)


def pose(
    rng: np.random.Generator,
    body: list[float],
    view: str,
    findings: tuple[Finding, ...],
    *,
    bedside: bool = False,
    woman: bool = False,
    age: int = 60,
    seed: int = 0,
) -> Chest:
    """The chest of a body in one image with its findings.

    Args:
        rng: Chance of the pose.
        body: What the subject keeps; see `body_of`.
        view: View position; anything but AP and PA is a lateral view.
        findings: What the study shows.
        bedside: Whether the subject is in bed.
        woman: Whether the subject is a woman.
        age: Age in years.
        seed: Number of the fine structure that the subject keeps.
    """
    # plain floats: a numpy scalar would turn every field it meets into double precision
    jitter: list[float] = np.clip(rng.standard_normal(24), -2.3, 2.3).tolist()
    size = 1 + 0.045 * body[0] + (-0.02 if woman else 0.02)
    breath = 6.0 * jitter[0] + 4.0 * body[8] - (9.0 if bedside else 0.0)  # how far the diaphragm goes down
    low = _of(findings, "low lung volumes")
    airy = _of(findings, "hyperaeration", "copd/emphysema")
    if low:
        breath -= 12 + 24 * _worst(low)
    if airy:
        breath += 2 + 14 * _worst(airy)
    if _of(findings, "increased reticular markings/ild pattern", "interstitial lung disease"):
        breath -= 6
    lungs = [_lung(sign, size, breath, body, jitter, findings, _worst(airy) if airy else 0.0) for sign in (-1, 1)]
    bottle = _of(findings, "pericardial effusion")
    heart = 1.0 + 0.055 * body[5] + 0.012 * jitter[4] + 0.0016 * max(-breath, 0) - 0.05 * _worst(airy)
    large = _of(findings, "enlarged cardiac silhouette", "pericardial effusion")
    heart = 1.09 + 0.30 * _worst(large) + 0.035 * body[5] if large else min(heart, 1.15)
    # normal widths scatter so much that no finding is an outlier of its box: silver cohorts leave outliers out
    wide = _of(findings, "mediastinal widening", "superior mediastinal mass/enlargement", "goiter")
    band = 35.5 + 5.2 * body[7] + 1.2 * jitter[5] + (2.0 if bedside else 0.0)
    band = 41.5 + 9 * _worst(wide) + 1.5 * body[7] if wide else min(band, 45.5)
    winding = _of(findings, "tortuous aorta")
    bent = _of(findings, "scoliosis")
    # Cobb's angle, between the steepest parts of the curve: up to 9 degrees in everybody, 12 to 46 of a scoliosis
    angle = math.copysign(12 + 34 * _worst(bent), body[1]) if bent else 4.0 * body[1]
    bend = WAVE_MM * math.tan(math.radians(angle / 2))
    return Chest(
        view=_view(jitter, view, bedside, size, findings),
        right=lungs[0],
        left=lungs[1],
        apex=APEX_MM * size + 2.5 * body[4],
        depth=(92 + 6 * body[2] + (7 if airy else 0)) * size,
        wall=24 + 6 * body[3] + (4 if woman else 0),
        heart=heart * size,
        heart_x=3.0 * body[6],
        globe=0.5 + 0.5 * _worst(bottle) if bottle else 0.0,
        shift=_shift(findings) + 1.5 * jitter[6],
        band=band * size,
        arch=14.5 + 1.2 * body[9] + 0.05 * max(age - 50, 0) + (1 + 6 * _worst(winding) if winding else 0),
        winding=5 + 23 * _worst(winding) if winding else 3.0 + 3 * abs(body[9]) + 0.12 * max(age - 60, 0),
        bend=bend,
        bend_at=20 * body[10],
        hilum=-28 + 0.25 * breath + 3 * body[4],
        carina=-58 + 0.15 * breath + 3 * body[4],
        air=min(0.73 + 0.0016 * breath - 0.02 * bool(low), 0.78) + 0.05 * _worst(_of(findings, "copd/emphysema")),
        seed=seed,
        woman=woman,
        breast=1.0 + 0.3 * body[11],
        age=age,
        traits=tuple(body),
    )


def _lung(
    sign: int,
    size: float,
    breath: float,
    body: list[float],
    jitter: list[float],
    findings: tuple[Finding, ...],
    airy: float,
) -> Lung:
    side = "left" if sign > 0 else "right"

    def here(*attributes: str) -> list[Finding]:
        return [f for f in _of(findings, *attributes) if any(place.startswith(side) for place in f.places)]

    dome = (66 + (7 if sign > 0 else 0)) * size + breath + 2 * jitter[8 + (sign > 0)] + 2.5 * body[12 + (sign > 0)]
    fall = 60 + 6 * body[14] - 24 * airy
    raised = here("elevated hemidiaphragm")
    if raised:
        dome -= 22 + 22 * _worst(raised)
    if here("lobar/segmental collapse"):
        dome -= 14
    if here("atelectasis"):
        dome -= 5 + 6 * _worst(here("atelectasis"))
    width = 140 * size + (2 if sign < 0 else 0) + 1.5 * body[15]
    return Lung(sign, dome, fall, width, (66 + 2 * body[16]) * size)


def _view(jitter: list[float], name: str, bedside: bool, size: float, findings: tuple[Finding, ...]) -> View:
    frontal = name in ("AP", "PA")
    turn = math.radians(2.4 if bedside else 1.3) * jitter[10]
    if _of(findings, "rotated"):
        turn = math.copysign(math.radians(8 + 7 * _worst(_of(findings, "rotated"))), jitter[10])
    if not frontal:
        turn = math.pi / 2 + math.radians(2.5) * jitter[10]
    # PA and lateral: 1.83 m from the tube to the detector; at the bedside about 1.2 m, from the front
    spread = -1 / 1000 if name == "AP" else 1 / 1650
    lean = (0.14 + 0.07 * jitter[11]) if name == "AP" and bedside else 0.02 * jitter[11]
    zoom = 1 + 0.035 * jitter[12] - 0.5 * (size - 1)
    if not frontal:
        zoom *= 0.97
    scale = FRAME / FIELD_MM * zoom
    around = 5.0 if bedside else 2.5
    return View(
        name=name if frontal else "LATERAL",
        upright=not bedside or jitter[13] > 0.4,  # some sit up in bed
        turn=turn,
        spread=spread,
        lean=lean,
        scale=scale,
        x=FRAME / 2 + around * jitter[14],
        y=FRAME / 2 + 5 + around * jitter[15],
    )


def _shift(findings: tuple[Finding, ...]) -> float:
    """Sideways shift of the middle of the chest: away from air and fluid under pressure."""
    moved = _of(findings, "mediastinal displacement")
    if not moved:
        return 0.0
    pressing = _of(findings, "pneumothorax", "hydropneumothorax", "pleural effusion")
    left = any(p.startswith("left") for f in pressing for p in f.places)
    return (-1 if left else 1) * (11 + 12 * _worst(moved))
