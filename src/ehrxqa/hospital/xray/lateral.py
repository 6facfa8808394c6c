"""The lateral chest: front of the body on the left, spine on the right; the main findings only."""

from __future__ import annotations

import numpy as np

from ehrxqa.hospital.anatomy import Anatomy
from ehrxqa.hospital.findings import Finding
from ehrxqa.hospital.xray.canvas import Canvas, soft

__all__ = ["paint_lateral"]

_HEIGHT = {"apical": 55.0, "upper": 78.0, "mid": 112.0, "lower": 150.0}


def paint_lateral(canvas: Canvas, chest: Anatomy, findings: tuple[Finding, ...]) -> None:
    """Paint the side view of the same chest, with what of its findings shows from the side."""
    y, x = canvas.rows, canvas.columns
    dome = 0.5 * (chest.right.dome + chest.left.dome) + 4
    front = 46 - 8 * np.sin(np.clip((y - 30) / 170, 0, 1) * np.pi)
    back = 186 + 6 * np.sin(np.clip((y - 20) / 190, 0, 1) * np.pi)
    body = soft(np.minimum(x - front + 10, back + 16 - x), 2.5) * soft(y - 6, 4)
    canvas.value += 0.04 + 0.5 * body
    spine = 168 + 7 * np.sin((y - 20) / 70.0)
    diaphragm = dome - 4 + 26 * np.clip((x - 95) / 90, 0, 1) ** 2 + 9 * np.clip((80 - x) / 50, 0, 1) ** 2
    top = 34 + 34 * np.clip(np.abs(x - 118) / 62, 0, 1) ** 2.2
    inside = np.minimum(np.minimum(x - front - 6, spine + 10 - x), np.minimum(y - top, diaphragm - y))
    lungs = soft(inside, 1.8)
    canvas.lungs = {"right": lungs, "left": lungs}
    canvas.value += 0.2 * soft(y - diaphragm, 2) * body
    canvas.value -= 0.31 * lungs
    phase = (y - 0.45 * (x - 110)) / 15.0
    across = np.abs(phase - np.floor(phase) - 0.5)
    canvas.value += 0.06 * soft((0.2 - across) * 15, 1) * soft(inside + 8, 2)
    height = 13.0
    bodies = soft(9 - np.abs(x - spine), 1) * soft(
        (0.4 - np.abs((y + 3) / height - np.floor((y + 3) / height) - 0.5)) * height, 1
    )
    canvas.value += 0.10 * bodies * body
    wide = (chest.heart[1] - chest.heart[0]) / chest.thorax
    canvas.value += 0.24 * soft(1 - np.hypot((x - 84) / (50 * wide + 14), (y - dome + 28) / 37), 0.1) * lungs
    canvas.value += 0.13 * canvas.hill(118, chest.hilum, 13, 16)
    canvas.value -= 0.12 * soft(4.5 - np.abs(x - 118 - 0.1 * y), 1.2) * soft(chest.carina[1] + 8 - y, 2)
    canvas.value += 0.012 * canvas.cloud(16) * body
    canvas.value *= 0.25 + 0.75 * body
    for finding in findings:
        for attribute in finding.attributes:
            _sign(canvas, attribute, finding, dome)


def _sign(canvas: Canvas, attribute: str, finding: Finding, dome: float) -> None:
    severity = finding.severity
    match attribute:
        case "pleural effusion" | "costophrenic angle blunting" | "hydropneumothorax":
            level = dome + 8 - (30 * severity if attribute != "costophrenic angle blunting" else 4)
            below = soft(canvas.rows - level + 0.25 * np.maximum(canvas.columns - 140, 0), 2) * soft(
                canvas.columns - 118, 12
            )
            canvas.value += canvas.lungs["left"] * below * np.maximum(0.72 - canvas.value, 0)
        case (
            "lung opacity" | "consolidation" | "infiltration" | "airspace opacity" | "atelectasis" | "aspiration"
            | "linear/patchy atelectasis" | "lobar/segmental collapse" | "alveolar hemorrhage"
        ):  # fmt: skip
            for height in sorted({_HEIGHT.get(place.split()[1], 130.0) for place in finding.places if " " in place}):
                canvas.value += (0.12 + 0.14 * severity) * canvas.hill(140, height, 22, 17) * canvas.lungs["left"]
        case "pulmonary edema/hazy opacity":
            canvas.value += (0.1 + 0.1 * severity) * canvas.hill(118, 112, 46, 48) * canvas.lungs["left"]
        case "mass/nodule (not otherwise specified)" | "lung cancer" | "lung lesion":
            disc = canvas.disc(
                132, _HEIGHT.get(finding.places[0].split()[-3] if " " in finding.places[0] else "", 110.0), 6
            )
            canvas.value += disc * np.maximum(0.64 - canvas.value, 0)
        case "sternotomy wires":
            for number in range(6):
                canvas.ring(44 - 6 * np.sin((30 + 15 * number) / 170 * np.pi), 62 + 15 * number, 1.6, 3, 0.9, 0.95)
        case "cardiac pacer and wires":
            canvas.block(48, 62, 54, 84, 0.9, 2)
            canvas.curve([(52, 64), (100, 60), (104, 110), (96, 140), (76, dome - 10)], 1.3, 0.9)
        case "prosthetic valve":
            canvas.ring(92, dome - 34, 4, 7, 1.6, 0.95)
        case "spinal fracture":
            canvas.block(160, 128, 178, 132, 0.6, 1)
        case "hernia":
            canvas.value += 0.15 * canvas.disc(128, dome - 14, 14, 1.2)
        case _:
            pass
