"""The normal frontal chest: soft tissue, lungs, vessels, bones, heart and mediastinum, diaphragm, abdomen."""

from __future__ import annotations

import numpy as np

from ehrxqa.hospital.anatomy import Lung
from ehrxqa.hospital.xray.canvas import Canvas, Field, soft

__all__ = ["paint_chest"]


def paint_chest(canvas: Canvas, *, portable: bool, female: bool, airy: float, vessels: float) -> None:
    """Paint a healthy chest of the canvas's anatomy.

    Args:
        canvas: What to paint on.
        portable: Bedside image: less contrast, arms and shoulders in view.
        female: Breast shadows over the lower zones.
        airy: How much darker than normal the lungs are (emphysema), 0 to 1.
        vessels: Thickness of the lung vessels; 1 is normal.
    """
    body = _soft_tissue(canvas, portable)
    for side in ("right", "left"):
        canvas.lungs[side] = _lung_mask(canvas, canvas.chest.lung(side))
    both = canvas.lungs["right"] + canvas.lungs["left"]
    _abdomen(canvas, body)
    depth = (0.27 if portable else 0.32) + 0.06 * airy
    vertical = 1.1 - 0.0022 * (canvas.rows - 60)
    canvas.value -= both * depth * vertical
    if female:
        _breasts(canvas)
    _ribs(canvas, both, body)
    _lung_vessels(canvas, vessels)
    _shoulders_and_clavicles(canvas)
    _mediastinum(canvas)
    _spine(canvas)
    _airway(canvas)
    canvas.value += 0.012 * canvas.cloud(16) * body
    canvas.value *= 0.25 + 0.75 * body


def _soft_tissue(canvas: Canvas, portable: bool) -> Field:
    """The outline of the body, and its even brightness."""
    chest = canvas.chest
    y = canvas.rows
    neck = 26 * chest.body
    wide = chest.thorax / 2 + 19 * chest.body + (4 if portable else 0)
    slope = np.clip((y - 12) / 40, 0, 1)
    half = neck + (wide - neck) * (slope * slope * (3 - 2 * slope)) ** 0.8 * (1 - 0.05 * np.clip((y - 120) / 100, 0, 1))
    body = soft(half - np.abs(canvas.columns - chest.mid), 2.2)
    arms = soft(wide + 26 - np.abs(canvas.columns - chest.mid), 3) * soft(y - 40 - 0.0 * canvas.columns, 8)
    canvas.value += 0.03 + 0.5 * body + (0.2 if portable else 0.08) * np.maximum(arms - body, 0)
    canvas.value += 0.0006 * (y - 100) * body
    return body


def _lung_mask(canvas: Canvas, lung: Lung) -> Field:
    y = canvas.rows
    distance = (canvas.columns - canvas.chest.mid) * lung.sign
    inside = np.minimum(lung.wall(y) - distance, distance - lung.inner)
    inside = np.minimum(inside, 0.8 * (y - lung.top(np.maximum(distance, 0))))
    inside = np.minimum(inside, 0.8 * (lung.diaphragm(np.maximum(distance, 0)) - y))
    return soft(inside, 1.6)


def _abdomen(canvas: Canvas, body: Field) -> None:
    """Below the diaphragm: liver, spleen, and gas in the stomach."""
    chest = canvas.chest
    below = np.zeros_like(canvas.value)
    for lung in (chest.right, chest.left):
        distance = (canvas.columns - chest.mid) * lung.sign
        edge = lung.diaphragm(np.clip(distance, 0, lung.outer))
        here = soft(canvas.rows - edge, 1.6 + 0.9 * np.clip(distance - lung.outer + 3, 0, 22))
        below += here * (distance >= 0)
    canvas.value += 0.17 * np.clip(below, 0, 1) * body
    x, y = chest.mid + 0.42 * chest.left.outer, chest.left.dome + 17
    canvas.value -= 0.17 * canvas.hill(x, y, 13 + 4 * canvas.rng.random(), 6 + 3 * canvas.rng.random())


def _breasts(canvas: Canvas) -> None:
    for lung in (canvas.chest.right, canvas.chest.left):
        x, y = canvas.chest.mid + lung.sign * lung.outer * 0.62, lung.dome - 8
        disc = canvas.disc(x, y, 33, 3)
        canvas.value += 0.055 * disc * soft(y + 26 - canvas.rows, 20)


def _ribs(canvas: Canvas, lungs: Field, body: Field) -> None:
    """Ribs behind (nearly level) and in front (falling towards the middle), as two families of arcs."""
    chest = canvas.chest
    spacing = (chest.right.angle - chest.right.apex) / 9.6
    distance = np.abs(canvas.columns - chest.mid)
    far = chest.thorax / 2
    cage = soft(far + 5 - distance, 2) * soft(canvas.rows - chest.right.apex + 12, 4) * soft(205 - canvas.rows, 8)
    u = distance / far
    back = (canvas.rows - chest.right.apex + 10 - 20 * u**2.4 + 13 * (1 - u) ** 3) / spacing
    front = (canvas.rows - chest.right.apex - 64 * (1 - u) - 10 * np.sin(3.0 * u)) / (spacing * 1.12)
    for phase, strength, width in ((back, 0.105, 0.23), (front, 0.05, 0.2)):
        across = np.abs(phase - np.floor(phase) - 0.5)
        rim = np.exp(-(((across - width) / 0.055) ** 2))
        bone = soft((width - across) * spacing, 0.9)
        canvas.value += strength * (0.62 * bone + 0.55 * rim) * cage * (0.45 + 0.55 * lungs) * np.clip(u * 4, 0, 1)


def _lung_vessels(canvas: Canvas, thickness: float) -> None:
    """Vessels that fan out from the hila, thinner towards the wall, and the hila themselves."""
    chest = canvas.chest
    strength = min(0.05 + 0.15 * thickness, 0.6)
    for side in ("right", "left"):
        lung = chest.lung(side)
        x0, y0 = chest.mid + lung.sign * 20, chest.hilum - (3 if side == "left" else 0)
        canvas.value += 0.13 * min(thickness, 1.5) * canvas.hill(x0, y0, 9, 17) * (0.4 + 0.6 * canvas.lungs[side])
        for angle in np.linspace(-1.35, 1.4, 10):
            angle += canvas.rng.normal(0, 0.1)
            reach = canvas.rng.uniform(0.55, 0.9) * lung.outer * (0.72 if abs(angle) > 1 else 0.82)
            bend = canvas.rng.normal(0.12, 0.4)
            points = []
            for s in (0.0, 0.35, 0.7, 1.0):
                turn = angle + bend * s
                points.append((x0 + lung.sign * reach * s * np.cos(turn), y0 + 1.05 * reach * s * np.sin(turn)))
            canvas.curve(points[:3], 1.9 * thickness, strength * 0.8)
            canvas.stroke(points[2:], 1.1 * thickness, strength * 0.55)
            fork = (
                points[2][0] + lung.sign * reach * 0.25 * np.cos(angle + 0.7),
                points[2][1] + reach * 0.25 * np.sin(angle + 0.7),
            )
            canvas.stroke([points[2], fork], 0.8 * thickness, strength * 0.4)


def _shoulders_and_clavicles(canvas: Canvas) -> None:
    chest = canvas.chest
    for lung in (chest.right, chest.left):
        distance = (canvas.columns - chest.mid) * lung.sign
        reach = lung.outer * 0.83
        t = np.clip(distance / reach, 0, 1.15)
        y = chest.clavicle + 3 - 15 * t + 5 * np.sin(2 * np.pi * t) * 0.5
        thick = 3.1 + 0.8 * np.cos(2 * np.pi * t)
        along = soft(distance - 7, 1) * soft(reach + 6 - distance, 2)
        inside = thick - np.abs(canvas.rows - y)
        edge = np.exp(-((inside / 0.9) ** 2))
        canvas.value += along * (0.10 * soft(inside, 0.8) + 0.05 * edge)
        x = chest.mid + lung.sign * (lung.outer + 13)
        canvas.value += 0.09 * canvas.disc(x, chest.clavicle + 3, 12, 1.5)
        blade = canvas.hill(x - lung.sign * 12, chest.clavicle + 32, 8, 26, 4)
        canvas.value += 0.035 * blade


def _mediastinum(canvas: Canvas) -> None:
    """Heart, great vessels and aortic knob, as one bright shape."""
    chest = canvas.chest
    x1, x2, top, bottom = chest.heart
    y, x = canvas.rows, canvas.columns
    t = np.clip((y - top) / (bottom - top), 0, 1)
    left = (x2 - chest.mid) * (0.40 + 0.60 * np.sin(np.clip(t / 0.70, 0, 1.32) * np.pi / 2) ** 1.05)
    right = (chest.mid - x1) * (0.66 + 0.34 * np.sin(np.clip(t / 0.55, 0, 1.5) * np.pi / 2) ** 1.2)
    inside = np.minimum(chest.mid + left - x, x - chest.mid + right)
    inside = np.minimum(inside, np.minimum(y - top + 3, bottom + 2 - y))
    heart = soft(inside, 1.5)
    up = np.clip((top + 8 - y) / (top + 8 - chest.clavicle), 0, 1)
    pedicle_left = chest.mid + 0.40 * (x2 - chest.mid) * (1 - up) + (chest.upper[1] - chest.mid) * up
    pedicle_right = chest.mid - 0.66 * (chest.mid - x1) * (1 - up) + (chest.upper[0] - chest.mid) * up
    inside = np.minimum(pedicle_left - x, x - pedicle_right)
    band = soft(np.minimum(inside, top + 14 - y), 1.6) * np.clip((y - 4) / 40, 0.0, 1)
    ax, ay, radius = chest.arch
    knob = canvas.disc(ax, ay, radius, 1.3)
    shape = np.maximum(np.maximum(heart, 0.82 * band), 0.9 * knob)
    bright = 0.66 + 0.10 * np.exp(-(((x - chest.mid) / 30) ** 2)) + 0.04 * t
    canvas.value += shape * np.maximum(bright - canvas.value, 0) * 0.95
    for side in canvas.lungs:
        canvas.lungs[side] = canvas.lungs[side] * (1 - shape)
    canvas.value += 0.03 * soft(3 - np.abs(x - (ax - 3 + 0.02 * (y - ay))), 2) * soft(y - ay, 4) * soft(bottom - y, 4)


def _spine(canvas: Canvas) -> None:
    """Vertebral bodies, faint behind the heart."""
    chest = canvas.chest
    middle = chest.spine(canvas.rows)
    off = canvas.columns - middle
    height = 12.5
    phase = (canvas.rows + 4) / height
    across = np.abs(phase - np.floor(phase) - 0.5)
    bodies = soft(8.5 - np.abs(off), 1.2) * soft((0.40 - across) * height, 0.9)
    edges = np.exp(-(((np.abs(off) - 8.5) / 1.1) ** 2))
    processes = soft(1.6 - np.abs(off), 0.8) * soft((0.3 - across) * height, 1)
    fade = np.clip((215 - canvas.rows) / 60, 0.25, 1)
    canvas.value += fade * (0.045 * bodies + 0.03 * edges + 0.02 * processes)


def _airway(canvas: Canvas) -> None:
    """Trachea and main bronchi: dark bands."""
    chest = canvas.chest
    cx, cy = chest.carina
    t = np.clip(canvas.rows / cy, 0, 1)
    middle = chest.trachea + (cx - chest.trachea) * t
    tube = soft(5.0 - np.abs(canvas.columns - middle), 1.2) * soft(cy + 2 - canvas.rows, 1.5)
    canvas.value -= 0.13 * tube
    for sign, fall in ((-1, 1.15), (1, 0.8)):
        along = (canvas.columns - cx) * sign
        bronchus = soft(3.0 - np.abs(canvas.rows - cy - fall * along), 1.2) * soft(along + 1, 1) * soft(19 - along, 2)
        canvas.value -= 0.06 * bronchus
