"""Drawing chest X-rays that show their labels.

An image is drawn from its anatomy (which also gives the boxes) and its findings. Frontal views show
every attribute that can be labelled; lateral views the main ones.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from ehrxqa.files import disk_errors
from ehrxqa.hospital.anatomy import Anatomy, boxes_of
from ehrxqa.hospital.findings import Finding
from ehrxqa.hospital.studies import Image
from ehrxqa.hospital.xray.canvas import Canvas
from ehrxqa.hospital.xray.devices import DEVICES
from ehrxqa.hospital.xray.frontal import paint_chest
from ehrxqa.hospital.xray.lateral import paint_lateral
from ehrxqa.hospital.xray.signs import SIGNS

__all__ = ["PAINTERS", "draw", "write_jpeg"]

#: Attribute → its painter, in painting order: what lies in the lungs first, devices on top.
PAINTERS = {**SIGNS, **DEVICES}
_ORDER = {attribute: position for position, attribute in enumerate(PAINTERS)}

#: JPEG quality of the files.
QUALITY = 85


def draw(
    rng: np.random.Generator,
    chest: Anatomy,
    image: Image,
    findings: tuple[Finding, ...],
    *,
    portable: bool,
    female: bool,
) -> NDArray[np.uint8]:
    """The picture of an image, shape (rows, columns), 8-bit grey."""
    canvas = Canvas(rng, chest, boxes_of(chest), max(image.rows, image.columns))
    if not image.frontal:
        paint_lateral(canvas, chest, findings)
        return canvas.finished(image.rows, image.columns, noise=0.012, blur=0.0)
    shown = {attribute: finding.severity for finding in findings for attribute in finding.attributes}
    airy = 1.0 if "copd/emphysema" in shown else 0.5 if "hyperaeration" in shown else 0.0
    vessels = 1.0 + 0.9 * ("vascular congestion" in shown) + 0.4 * ("vascular redistribution" in shown) - 0.4 * airy
    paint_chest(canvas, portable=portable, female=female, airy=airy, vessels=vessels)
    parts = [(_ORDER[attribute], attribute, finding) for finding in findings for attribute in finding.attributes]
    for _, attribute, finding in sorted(parts, key=lambda part: part[0]):
        PAINTERS[attribute](canvas, finding.places, finding.severity)
    noise = 0.02 if portable else 0.011
    return canvas.finished(image.rows, image.columns, noise=noise, blur=0.5 if portable else 0.0)


def write_jpeg(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write an 8-bit grey JPEG, whole or not at all."""
    part = path.with_name(path.name + ".part")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(picture).save(part, format="JPEG", quality=QUALITY)
        part.replace(path)
