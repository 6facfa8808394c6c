"""What findings look like: one painter per attribute, working in the objects where it is reported.

Attributes that are shapes of the chest itself (a wide heart, a high diaphragm, a bent spine) are already
in the anatomy; their painters add the rest of the picture, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ehrxqa.hospital.anatomy import Box, Lung
from ehrxqa.hospital.xray.canvas import Canvas, Field, soft

__all__ = ["SIGNS", "Painter"]

#: Paints an attribute: canvas, objects it is reported in, severity 0 to 1.
Painter = Callable[[Canvas, tuple[str, ...], float], None]


def _side(place: str) -> str | None:
    return "left" if place.startswith("left") else "right" if place.startswith("right") else None


def _sides(places: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys(side for side in map(_side, places) if side))


def _lung_places(canvas: Canvas, places: tuple[str, ...]) -> Iterator[tuple[Box, Lung, Field]]:
    """(box, lung, lung mask) of each object that lies in a lung."""
    for place in places:
        side = _side(place)
        if side and place in canvas.boxes:
            yield canvas.boxes[place], canvas.chest.lung(side), canvas.lungs[side]


def _inside(canvas: Canvas, box: Box, margin: float = 0.25) -> tuple[float, float]:
    """A random point well inside a box."""
    x1, y1, x2, y2 = box
    fx, fy = canvas.rng.uniform(margin, 1 - margin, 2)
    return float(x1 + fx * (x2 - x1)), float(y1 + fy * (y2 - y1))


def _haze(strength: float, scale: int = 0, rough: float = 0.0) -> Painter:
    """A bright veil over the object; `rough` makes it patchy at `scale` pixels."""

    def paint(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
        for box, _, lung in _lung_places(canvas, places):
            veil = canvas.over(box, 0.52) * lung
            if scale:
                veil = veil * np.clip(1 + rough * canvas.cloud(scale), 0, 2.2)
            gain = np.minimum(veil * strength * (1.0 + 1.0 * severity), 0.8)
            canvas.value += gain * np.maximum(0.76 - canvas.value, 0)

    return paint


def _consolidation(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Dense white with cloudy edges, and the dark branches of the airways in it."""
    for box, lung, mask in _lung_places(canvas, places):
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        veil = canvas.over(box, 0.5, 6) * mask
        veil = veil * soft(1.1 + 0.9 * severity + canvas.cloud(8) - 0.2, 0.8)
        canvas.blend(veil, 0.66 + 0.06 * severity)
        for angle in (-0.35, 0.15, 0.6):
            end = (x + lung.sign * 15 * np.cos(angle), y + 15 * np.sin(angle))
            canvas.stroke([(x - lung.sign * 6, y - 4), end], 1.3, 0.35, dark=True)


def _streaks(count: int, thick: float, strength: float, tilt: float) -> Painter:
    """Bright bands, near the bottom of the object."""

    def paint(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
        for box, lung, mask in _lung_places(canvas, places):
            x1, y1, x2, y2 = box
            veil = canvas.hill((x1 + x2) / 2, y1 + 0.72 * (y2 - y1), 0.5 * (x2 - x1), 0.3 * (y2 - y1), 4) * mask
            canvas.value += 0.09 * (0.6 + severity) * veil
            for number in range(count):
                y = y1 + (0.35 + 0.45 * (number + canvas.rng.random()) / count) * (y2 - y1)
                x = x1 + canvas.rng.uniform(0.12, 0.35) * (x2 - x1)
                length = canvas.rng.uniform(0.35, 0.55) * (x2 - x1)
                rise = lung.sign * tilt * canvas.rng.uniform(-2, 7)
                canvas.curve([(x, y), (x + length / 2, y + rise / 2 - 1), (x + length, y + rise)], thick, strength)

    return paint


def _collapse(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """A dense wedge from the wall to the hilum with one sharp edge."""
    for box, lung, mask in _lung_places(canvas, places):
        x1, y1, x2, y2 = box
        near = x2 if lung.sign < 0 else x1
        along = np.clip(np.abs(canvas.columns - near) / max(x2 - x1, 1), 0, 1)
        middle = y1 + 0.45 * (y2 - y1)
        half = (0.14 + 0.30 * along) * (y2 - y1)
        wedge = soft(half - np.abs(canvas.rows - middle), 0.7) * soft(1.0 - along, 0.04)
        canvas.blend(wedge * mask, 0.72)


def _edema(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Butterfly haze around the hila, and short level lines at the wall (Kerley B)."""
    chest = canvas.chest
    for side in _sides(places):
        lung, mask = chest.lung(side), canvas.lungs[side]
        veil = canvas.hill(chest.mid + lung.sign * 30, chest.hilum + 10, 34, 46, 2)
        veil = veil * np.clip(1 + 0.35 * canvas.cloud(16), 0.2, 2)
        canvas.value += mask * veil * (0.17 + 0.17 * severity)
        for number in range(6):
            y = lung.angle - 22 - 5 * number
            x = chest.mid + lung.sign * float(lung.wall(y))
            canvas.stroke([(x - lung.sign * 2, y), (x - lung.sign * 9, y)], 0.8, 0.45)


def _failure(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Thick fissure and a general veil."""
    chest = canvas.chest
    for side in _sides(places):
        canvas.value += 0.035 * canvas.lungs[side]
    canvas.curve(
        [(chest.mid - 24, chest.hilum + 10), (chest.mid - 50, chest.hilum + 6), (chest.mid - 76, chest.hilum + 12)],
        1.1,
        0.4,
    )


def _net(step: float, strength: float, curl: float) -> Painter:
    """A net of fine lines over the object."""

    def paint(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
        for box, _, mask in _lung_places(canvas, places):
            veil = canvas.over(box, 0.55) * mask
            a, b = canvas.cloud(8), canvas.cloud(8)
            u = (canvas.columns + curl * a + 0.4 * canvas.rows) / step
            v = (canvas.rows + curl * b - 0.4 * canvas.columns) / step
            lines = np.exp(-(((u - np.floor(u) - 0.5) / 0.16) ** 2)) + np.exp(-(((v - np.floor(v) - 0.5) / 0.16) ** 2))
            canvas.value += veil * lines * strength * (0.6 + 0.6 * severity)

    return paint


def _fluid(height: float, spread: float) -> Painter:
    """Fluid in the costophrenic angle: white below a curve that climbs the wall."""

    def paint(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
        chest = canvas.chest
        for side in _sides(places):
            lung = chest.lung(side)
            distance = (canvas.columns - chest.mid) * lung.sign
            level = lung.angle - height - spread * severity
            climb = (8 + 26 * (height > 10)) * np.clip((distance / lung.outer - 0.35) / 0.65, 0, 1) ** 3
            below = soft(canvas.rows - (level - climb + 6), 2.2)
            chest_side = soft(distance - lung.inner, 1) * soft(lung.wall(canvas.rows) + 0.5 - distance, 1.2)
            canvas.value += below * chest_side * np.maximum(0.73 - canvas.value, 0) * soft(216 - canvas.rows, 6)

    return paint


def _level(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Air above fluid: a sharp level line."""
    chest = canvas.chest
    for side in _sides(places):
        lung = chest.lung(side)
        distance = (canvas.columns - chest.mid) * lung.sign
        level = lung.angle - 30 - 22 * severity
        across = soft(distance - 0.25 * lung.outer, 1) * soft(lung.wall(canvas.rows) - distance, 1)
        canvas.value += across * soft(canvas.rows - level, 0.5) * np.maximum(0.74 - canvas.value, 0)
        above = (
            soft(level - canvas.rows, 0.5) * soft(canvas.rows - level + 34, 5) * soft(distance - 0.6 * lung.outer, 2)
        )
        canvas.value -= 0.12 * above * across


def _scar(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """A cap over the apex, and strands below it."""
    for box, lung, mask in _lung_places(canvas, places):
        x1, y1, x2, y2 = box
        cap = soft(9 + 5 * severity + 3 * canvas.cloud(8) - (canvas.rows - y1), 1.5) * canvas.over(box, 0.62)
        canvas.value += 0.26 * cap * np.maximum(mask, 0.3)
        for _ in range(4):
            x, y = _inside(canvas, (x1, y1, x2, y2))
            canvas.stroke(
                [(x, y), (x + lung.sign * canvas.rng.uniform(4, 12), y - canvas.rng.uniform(2, 8))], 1.0, 0.42
            )


def _rings(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Widened airways: small rings and parallel lines."""
    for box, _, _ in _lung_places(canvas, places):
        for _ in range(7 + int(4 * severity)):
            x, y = _inside(canvas, box)
            canvas.ring(x, y, 2.8, 2.6, 0.9, 0.55)
        for _ in range(3):
            x, y = _inside(canvas, box)
            for shift in (0.0, 2.6):
                canvas.stroke([(x, y + shift), (x + 9, y + 5 + shift)], 0.8, 0.5)


def _pneumothorax(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """A black rim without vessels along the apex and wall, and the thin edge of the lung."""
    chest = canvas.chest
    for side in _sides(places):
        lung = chest.lung(side)
        depth = 10 + 16 * severity
        distance = (canvas.columns - chest.mid) * lung.sign
        y = canvas.rows
        wall = lung.wall(y) - depth * np.clip(1.25 - (y - lung.apex) / 150, 0.2, 1.2)
        from_edge = np.minimum(wall - distance, y - (lung.apex + depth * 1.1))
        outside = soft(-from_edge, 0.8) * canvas.lungs[side]
        empty = 0.07 + 0.25 * np.maximum(canvas.value - 0.24, 0)
        canvas.value += 0.92 * outside * (empty - canvas.value)
        canvas.value += 0.22 * np.exp(-((from_edge / 0.9) ** 2)) * canvas.lungs[side]
        canvas.value += 0.05 * soft(from_edge, 2) * canvas.lungs[side]


def _lumps(
    least: float, most: float, bright: float, count: tuple[int, int], *, edge: float = 0.8, spikes: int = 0
) -> Painter:
    """Round bright lumps in each object."""

    def paint(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
        for box, lung, _ in _lung_places(canvas, places):
            for _ in range(int(canvas.rng.integers(count[0], count[1] + 1))):
                x, y = _inside(canvas, box, 0.3)
                if (x - canvas.chest.mid) * lung.sign < 0.3 * lung.outer:  # keep clear of the heart
                    x = canvas.chest.mid + lung.sign * lung.outer * float(canvas.rng.uniform(0.42, 0.6))
                radius = least + (most - least) * severity
                disc = canvas.disc(x, y, radius, edge)
                canvas.value += disc * np.maximum(bright - canvas.value, 0)
                for angle in np.linspace(0, 2 * np.pi, spikes, endpoint=False):
                    reach = radius + canvas.rng.uniform(3, 6)
                    canvas.stroke([(x, y), (x + reach * np.cos(angle), y + reach * np.sin(angle))], 0.8, 0.22)

    return paint


def _bulla(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """A black round space with a hair-thin wall."""
    for box, lung, _ in _lung_places(canvas, places):
        x, y = (box[0] + box[2]) / 2 + lung.sign * 6, (box[1] + box[3]) / 2 + 4
        radius = 10 + 6 * severity
        disc = canvas.disc(x, y, radius, 1.0)
        canvas.value += disc * (0.07 - canvas.value) * 0.8
        canvas.ring(x, y, radius, radius, 0.8, 0.5)


def _dark_lungs(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    for side in _sides(places):
        canvas.value -= 0.015 * canvas.lungs[side]


def _hilum(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    for side in _sides(places):
        lung = chest.lung(side)
        for dy, size in ((-7, 9), (6, 10), (0, 12)):
            x = chest.mid + lung.sign * (27 + 3 * severity)
            disc = canvas.disc(x, chest.hilum + dy, size * (0.8 + 0.35 * severity), 2)
            canvas.value += disc * np.maximum(0.62 - canvas.value, 0) * 0.85


def _water_bottle(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Fluid round the heart: an even, globular shadow with a thin dark line inside its edge."""
    x1, x2, top, bottom = canvas.chest.heart
    x, y = (x1 + x2) / 2, (top + bottom) / 2 + 12
    inside = 1 - np.hypot((canvas.columns - x) / ((x2 - x1) * 0.5), (canvas.rows - y) / ((bottom - top) * 0.44))
    canvas.value += soft(inside * 30, 1.5) * np.maximum(0.74 - canvas.value, 0)
    canvas.ring(x, y, (x2 - x1) * 0.46, (bottom - top) * 0.40, 0.9, 0.75, dark=True)


def _bulge(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """A lobulated mass beside the upper mediastinum."""
    chest = canvas.chest
    for x, y in ((chest.upper[0] + 2, chest.clavicle + 16), (chest.upper[1] - 2, chest.clavicle + 11)):
        canvas.value += canvas.disc(x, y, 10 + 4 * severity, 1.4) * np.maximum(0.68 - canvas.value, 0)


def _goiter(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """A mass on both sides of a narrowed trachea."""
    chest = canvas.chest
    for sign in (-1, 1):
        disc = canvas.disc(chest.trachea + sign * 11, 24, 10 + 3 * severity, 1.5)
        canvas.value += disc * np.maximum(0.74 - canvas.value, 0)


def _rim_air(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Air along the edges of the mediastinum: thin black lines."""
    chest = canvas.chest
    for edge, upper, sign in ((chest.heart[0], chest.upper[0], -1), (chest.heart[1], chest.upper[1], 1)):
        points = [
            (upper + sign * 1, chest.clavicle - 16),
            (upper + sign * 2, chest.clavicle + 20),
            (edge + sign * 1, chest.heart[2] + 42),
        ]
        canvas.curve(points, 2.2, 1.0, dark=True)
        canvas.curve([(x + sign * 2, y) for x, y in points], 0.8, 0.45)


def _tortuous(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """A winding aorta: its edge swings out to the left."""
    ax, ay, radius = canvas.chest.arch
    canvas.value += canvas.disc(ax + 3, ay, radius + 2, 1.2) * np.maximum(0.74 - canvas.value, 0)
    swing = 9 + 5 * severity
    canvas.curve([(ax + radius, ay), (ax + radius + swing, ay + 34), (ax - 2, ay + 66), (ax + 6, ay + 96)], 1.6, 0.4)


def _rind(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Chalk in the wall of the aortic knob: a bright arc."""
    ax, ay, radius = canvas.chest.arch
    arc = [(ax + radius * 0.92 * np.sin(a), ay - radius * 0.92 * np.cos(a)) for a in np.linspace(-0.4, 2.0, 9)]
    canvas.stroke(arc, 1.5, 0.85)


def _hump(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """A hump on the diaphragm."""
    chest = canvas.chest
    for side in _sides(places):
        lung = chest.lung(side)
        disc = canvas.disc(chest.mid + lung.sign * lung.outer * 0.48, lung.dome + 7, 17, 1.2)
        canvas.value += disc * np.maximum(0.69 - canvas.value, 0)


def _crescent(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Free air: a black crescent under the diaphragm."""
    chest = canvas.chest
    for side in _sides(places) or ["right"]:
        lung = chest.lung(side)
        distance = (canvas.columns - chest.mid) * lung.sign
        depth = canvas.rows - lung.diaphragm(np.clip(distance, 0, lung.outer))
        thick = (4 + 5 * severity) * np.clip(1 - ((distance / lung.outer - 0.45) / 0.4) ** 2, 0, 1)
        canvas.blend(soft(depth - 2, 0.7) * soft(2 + thick - depth, 0.7) * (thick > 0.3), 0.12)


def _hiatus(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Stomach behind the heart: a round shadow with air above a level."""
    chest = canvas.chest
    x, y, radius = chest.mid + 12, chest.heart[3] - 20, 13 + 4 * severity
    disc = canvas.disc(x, y, radius, 1.0)
    canvas.value += disc * soft(canvas.rows - y, 0.5) * 0.10
    canvas.value -= disc * soft(y - canvas.rows, 0.5) * 0.30
    canvas.ring(x, y, radius, radius, 1.0, 0.4)


def _streaked_skin(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Air in the soft tissue: dark streaks outside the ribs and up the neck."""
    chest = canvas.chest
    for side in _sides(places) or ["left"]:
        lung = chest.lung(side)
        for number in range(16 + int(8 * severity)):
            y = 58 + 7.5 * number * 0.75 + canvas.rng.uniform(-3, 3)
            x = chest.mid + lung.sign * (float(lung.wall(y)) + canvas.rng.uniform(4, 15))
            canvas.stroke(
                [(x, y), (x + lung.sign * canvas.rng.uniform(-3, 3), y + canvas.rng.uniform(7, 15))],
                1.8,
                0.95,
                dark=True,
            )
        for number in range(5):
            x = chest.mid + lung.sign * (14 + 3 * number)
            canvas.stroke([(x, 4), (x + lung.sign * 3, 28)], 1.5, 0.9, dark=True)


def _broken_ribs(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Steps in the ribs near the wall: a dark gap between bright ends."""
    chest = canvas.chest
    for side in _sides(places):
        lung = chest.lung(side)
        spacing = (chest.right.angle - chest.right.apex) / 9.6
        for number in range(3, 6 + int(2 * severity)):
            y = lung.apex + spacing * number + 4
            x = chest.mid + lung.sign * (float(lung.wall(y)) - 6)
            canvas.stroke([(x - 6, y - 3), (x - 1, y - 1)], 3.6, 0.6)
            canvas.stroke([(x + 1, y + 2.5), (x + 6, y + 4)], 3.6, 0.6)
            canvas.stroke([(x, y - 5), (x, y + 6)], 1.4, 1.0, dark=True)


def _broken_clavicle(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    for side in _sides(places):
        lung = chest.lung(side)
        x, y = chest.mid + lung.sign * lung.outer * 0.45, chest.clavicle - 5
        canvas.stroke([(x - 1, y - 9), (x + 1, y + 9)], 3.2, 1.0, dark=True)
        canvas.stroke([(x + lung.sign * 2, y + 3), (x + lung.sign * 20, y + 6)], 5.0, 0.55)
        canvas.stroke([(x - lung.sign * 2, y - 4), (x - lung.sign * 14, y - 1)], 5.0, 0.45)


def _crushed(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """A flattened vertebra: bright plate under a dark gap."""
    y = 128.0
    x = float(canvas.chest.spine(y))
    canvas.block(x - 11, y, x + 11, y + 5, 0.62, 1)
    canvas.stroke([(x - 10, y - 3), (x + 10, y - 3)], 3.0, 0.8, dark=True)


def _spurs(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Osteophytes: short bright beaks at both sides of the disc spaces."""
    for number in range(5, 16):
        y = 12.5 * number - 4
        x = float(canvas.chest.spine(y))
        for sign in (-1, 1):
            canvas.stroke([(x + sign * 7, y), (x + sign * (12 + 3 * severity), y - 1.5)], 1.8, 0.55)


def _worn_shoulder(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    for side in _sides(places):
        lung = chest.lung(side)
        x, y = chest.mid + lung.sign * (lung.outer + 6), chest.clavicle + 2
        canvas.stroke([(x, y - 9), (x + lung.sign * 1.5, y), (x, y + 10)], 2.2, 0.75)
        canvas.stroke([(x, y + 10), (x - lung.sign * 5, y + 14)], 2.6, 0.7)


def _bone_hole(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """A punched-out hole with a bright rim."""
    for place in places:
        box = canvas.boxes.get(place)
        if box:
            x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2 - 2
            canvas.ring(x, y, 6, 4.5, 1.2, 0.7)
            canvas.value -= 0.22 * canvas.disc(x, y, 5, 0.8)


def _button(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """Something on the skin: an electrode with its wire."""
    for box, lung, _ in _lung_places(canvas, places):
        x, y = (box[0] + box[2]) / 2 + lung.sign * 10, box[1] + 0.45 * (box[3] - box[1])
        canvas.ring(x, y, 5, 5, 2.2, 0.95)
        canvas.block(x - 1.5, y - 1.5, x + 1.5, y + 1.5, 1.0)
        canvas.curve(
            [(x, y), (x + lung.sign * 22, y + 22), (x + lung.sign * 14, y + 70), (x + lung.sign * 40, 222)], 1.3, 0.8
        )


def _nipples(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    for side in _sides(places):
        lung = chest.lung(side)
        x, y = chest.mid + lung.sign * lung.outer * 0.60, lung.dome - 16
        canvas.value += 0.17 * canvas.disc(x, y, 4.2, 0.7)
        canvas.ring(x, y, 5.0, 5.0, 0.8, 0.35, dark=True)


def _fold(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """A fold of skin: brightness that rises to a straight edge and drops beyond it."""
    chest = canvas.chest
    for side in _sides(places):
        lung = chest.lung(side)
        distance = (canvas.columns - chest.mid) * lung.sign
        edge = lung.outer * 0.55 + 0.16 * (canvas.rows - 60)
        near = distance - edge
        inside = soft(canvas.rows - 62, 3) * soft(182 - canvas.rows, 3)
        canvas.value += 0.15 * np.exp(np.minimum(near, 0) / 10) * (near < 0) * inside


def _nothing(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """The finding is in the shape of the chest already, or in its vessels."""


SIGNS: dict[str, Painter] = {
    "lung opacity": _haze(0.30),
    "airspace opacity": _haze(0.34, 16, 0.5),
    "consolidation": _consolidation,
    "infiltration": _haze(0.40, 8, 1.0),
    "pneumonia": _haze(0.16, 16, 0.6),
    "aspiration": _haze(0.28, 8, 0.8),
    "alveolar hemorrhage": _haze(0.45, 8, 0.9),
    "atelectasis": _streaks(2, 2.6, 0.30, 0.4),
    "linear/patchy atelectasis": _streaks(3, 1.3, 0.55, 1.0),
    "lobar/segmental collapse": _collapse,
    "pulmonary edema/hazy opacity": _edema,
    "fluid overload/heart failure": _failure,
    "vascular congestion": _nothing,
    "vascular redistribution": _haze(0.10),
    "increased reticular markings/ild pattern": _net(4.6, 0.085, 1.6),
    "interstitial lung disease": _net(7.5, 0.085, 2.6),
    "pleural effusion": _fluid(22, 46),
    "costophrenic angle blunting": _fluid(10, 6),
    "pleural/parenchymal scarring": _scar,
    "bronchiectasis": _rings,
    "pneumothorax": _pneumothorax,
    "hydropneumothorax": _level,
    "lung lesion": _lumps(6.5, 9, 0.52, (1, 1), edge=2.5),
    "mass/nodule (not otherwise specified)": _lumps(4.5, 8, 0.66, (1, 1)),
    "multiple masses/nodules": _lumps(2.6, 4.2, 0.62, (5, 8)),
    "calcified nodule": _lumps(1.9, 2.6, 0.97, (1, 1), edge=0.5),
    "granulomatous disease": _lumps(1.2, 1.6, 0.95, (3, 5), edge=0.4),
    "lung cancer": _lumps(8, 13, 0.70, (1, 1), edge=1.2, spikes=12),
    "cyst/bullae": _bulla,
    "hyperaeration": _dark_lungs,
    "copd/emphysema": _dark_lungs,
    "enlarged hilum": _hilum,
    "enlarged cardiac silhouette": _nothing,
    "pericardial effusion": _water_bottle,
    "mediastinal displacement": _nothing,
    "mediastinal widening": _nothing,
    "superior mediastinal mass/enlargement": _bulge,
    "goiter": _goiter,
    "pneumomediastinum": _rim_air,
    "tortuous aorta": _tortuous,
    "vascular calcification": _rind,
    "elevated hemidiaphragm": _nothing,
    "diaphragmatic eventration (benign)": _hump,
    "sub-diaphragmatic air": _crescent,
    "hernia": _hiatus,
    "subcutaneous air": _streaked_skin,
    "rib fracture": _broken_ribs,
    "clavicle fracture": _broken_clavicle,
    "spinal fracture": _crushed,
    "spinal degenerative changes": _spurs,
    "scoliosis": _nothing,
    "shoulder osteoarthritis": _worn_shoulder,
    "bone lesion": _bone_hole,
    "low lung volumes": _nothing,
    "rotated": _nothing,
    "artifact": _button,
    "breast/nipple shadows": _nipples,
    "skin fold": _fold,
}
