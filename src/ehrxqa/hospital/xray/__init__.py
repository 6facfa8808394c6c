"""Chest X-rays that show their labels: rays through a phantom, with the findings in it.

`anatomy` poses the chest of a subject; `rays` go through it: `organs` and `body` are intervals of them, `bones`,
`spine` and `airways` clouds of points. A `scan` is what the rays have met; one module for each kind of finding adds to
it or takes away; `detector` makes grey values of it. Frontal and lateral views are the same phantom, turned.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from ehrxqa.files import disk_errors
from ehrxqa.hospital.anatomy import Chest
from ehrxqa.hospital.findings import Finding
from ehrxqa.hospital.ontology import CATEGORY_OF
from ehrxqa.hospital.studies import Image
from ehrxqa.hospital.xray.airways import airway_points, vessel_points
from ehrxqa.hospital.xray.bones import bones
from ehrxqa.hospital.xray.clutter import clutter, marked
from ehrxqa.hospital.xray.detector import Exposure, developed
from ehrxqa.hospital.xray.devices import DEVICES
from ehrxqa.hospital.xray.interstitium import INTERSTITIUM
from ehrxqa.hospital.xray.lumps import LUMPS
from ehrxqa.hospital.xray.opacities import OPACITIES
from ehrxqa.hospital.xray.pleura import PLEURA
from ehrxqa.hospital.xray.rays import Field, Points, Rays
from ehrxqa.hospital.xray.scan import Scan, normal_chest
from ehrxqa.hospital.xray.silhouettes import SILHOUETTES
from ehrxqa.hospital.xray.spine import spine_points
from ehrxqa.hospital.xray.wall import WALL

__all__ = ["PAINTERS", "draw", "write_jpeg"]

#: Attribute → its painter, in painting order: what takes the lung from the wall first, then what lies in it.
PAINTERS = {**PLEURA, **SILHOUETTES, **OPACITIES, **LUMPS, **INTERSTITIUM, **WALL, **DEVICES}
_ORDER = {attribute: position for position, attribute in enumerate(PAINTERS)}

#: Categories of what can be there twice, at two places; of a device there is one.
_LUNG = ("anatomicalfinding", "disease", "technicalassessment")

#: JPEG quality of the files.
QUALITY = 85
#: Pixels of a side of the grid of rays; finer things are drawn on the grid of the file.
_GRID = 256


def draw(
    rng: np.random.Generator, chest: Chest, image: Image, findings: tuple[Finding, ...], *, bedside: bool
) -> NDArray[np.uint8]:
    """The picture of an image, shape (rows, columns), 8-bit grey."""
    side = max(image.rows, image.columns)
    # apart from the rest, so that clutter and exposure are the same without the findings
    textures = np.random.Generator(np.random.PCG64(int(rng.integers(1 << 62))))
    scan = normal_chest(textures, chest, Rays(chest.view, _GRID))
    parts = {(_ORDER[a], a, f.places if CATEGORY_OF[a] in _LUNG else ()): f for f in findings for a in f.attributes}
    for (_, attribute, _), finding in sorted(parts.items(), key=lambda part: part[0][0]):
        PAINTERS[attribute](scan, _chance(chest, finding, attribute), finding.places, finding.severity)
    clutter(scan, rng, bedside=bedside)
    water = _water(scan)
    sharp = Points.joined(scan.sharp) if scan.sharp else None
    metal = scan.rays.project_sharp(sharp, side) if sharp else None
    picture = developed(rng, water, metal, _exposure(rng, scan, bedside), image.rows, image.columns)
    return marked(picture, rng, chest.view.name, bedside=bedside)


def _chance(chest: Chest, finding: Finding, attribute: str) -> np.random.Generator:
    """Chance of a finding: the same in all images of a subject, so that it keeps its place and form."""
    words = "|".join((finding.kind, attribute, *finding.places))
    return np.random.Generator(np.random.PCG64((chest.seed, zlib.crc32(words.encode()))))


def _water(scan: Scan) -> Field:
    """Water along the rays: body and findings, less the air of the lungs, with vessels, bones and airways."""
    chest, rays = scan.chest, scan.rays
    water = scan.water
    tissue = rays.zeros()
    for side, here in scan.extent.items():
        air = scan.air[side][here]
        water[here] -= air * np.float32(chest.air)
        air = np.clip(air * np.float32(1 / 25), 0, 1)
        air *= scan.tissue[side][here]
        np.maximum(tissue[here], air, out=tissue[here])
    tissue *= np.float32(chest.air)
    tissue *= rays.project(vessel_points(chest, scan.vessels, scan.upper))
    water += tissue
    parts = [bones(chest, scan.breaks), spine_points(chest, scan.crushed, scan.spurs), airway_points(chest)]
    water += rays.project(Points.joined([*parts, *scan.thin]))
    return water


def _exposure(rng: np.random.Generator, scan: Scan, bedside: bool) -> Exposure:
    """How an image was taken: automatic exposure holds the middle grey, technique and display vary."""
    a, b, c, d, e, f = rng.normal(0, 1, 6).tolist()
    lateral = scan.lateral
    return Exposure(
        quality=(0.0188 if bedside else 0.0178) * (0.84 if lateral else 1) * (1 + 0.03 * b),
        scatter=max((1.15 if bedside else 0.75) + 0.12 * c, 0.2),
        noise=(0.016 if bedside else 0.010) * float(np.exp(0.3 * d)),
        black=0.60 + 0.10 * a,
        white=0.78 + 0.16 * e,
        detail=0.30 + 0.10 * f,
        even=0.12,
        gamma=0.92 + 0.07 * a * 0.5 + 0.05 * e,
    )


def write_jpeg(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write an 8-bit grey JPEG, whole or not at all."""
    part = path.with_name(path.name + ".part")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        Pillow.fromarray(picture).save(part, format="JPEG", quality=QUALITY)
        part.replace(path)
