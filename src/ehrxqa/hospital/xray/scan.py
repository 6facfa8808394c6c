"""What the rays of one image have met: the normal chest, and what findings add to it or take away.

Everything is counted in millimetres of water along the ray. The body is water, the lungs are mostly air, and what lies
in the lungs replaces their air. So a shadow ends where air meets water: an opacity that touches the heart takes its
edge away, fluid hides the diaphragm, and what lies behind the heart is faint.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ehrxqa.hospital.anatomy import Chest
from ehrxqa.hospital.xray.body import body_water
from ehrxqa.hospital.xray.bones import Breaks
from ehrxqa.hospital.xray.organs import (
    back_interval,
    dome_axes,
    dome_interval,
    heart_interval,
    lung_interval,
    lung_window,
    share_shown,
)
from ehrxqa.hospital.xray.rays import Field, Interval, Numbers, Points, Rays, Window, clouds, inside, overlap
from ehrxqa.hospital.xray.tubes import tube

__all__ = ["Scan", "normal_chest"]

SIDES = ("right", "left")


_ALL: Window = (slice(None), slice(None))


@dataclass
class Scan:
    """The rays of one image, and what they have met.

    Attributes:
        rng: Chance of this image: textures.
        chest, rays: What is seen, and how.
        water: Water along each ray, mm, if the lungs were solid, and what findings add.
        extent: Side → the window of the grid that holds the lung of that side.
        lungs: Side → where rays are within the lung of that side.
        shown: Side → how much of a pixel belongs to that side, 0 to 1.
        heart: Heart and great vessels.
        back: Spine and descending aorta.
        domes: Side → what lies below the diaphragm.
        rims: Side → how far the lung is from the wall in each row, mm, and how much more at the back.
        air: Side → length of aerated lung, mm.
        tissue: Side → share of the space that has lung in it, and so vessels.
        thin, sharp: Points of thin things: on the coarse grid, and on that of the file.
        breaks, crushed, spurs: Broken ribs, crushed vertebrae, beaks of vertebrae in mm.
        vessels, upper: Factor of the width of lung vessels, and of those above the hila once more.
    """

    rng: np.random.Generator
    chest: Chest
    rays: Rays
    water: Field
    extent: dict[str, Window]
    lungs: dict[str, Interval]
    shown: dict[str, Field]
    heart: Interval
    back: Interval
    domes: dict[str, Interval]
    rims: dict[str, tuple[Field, Field]]
    air: dict[str, Field] = field(default_factory=dict)
    tissue: dict[str, Field] = field(default_factory=dict)
    thin: list[Points] = field(default_factory=list)
    sharp: list[Points] = field(default_factory=list)
    breaks: Breaks = field(default_factory=dict)
    crushed: dict[int, float] = field(default_factory=dict)
    spurs: float = 0.0
    vessels: float = 1.0
    upper: float = 1.0

    @property
    def lateral(self) -> bool:
        """Whether the chest is seen from the side."""
        return self.rays.view.lateral

    def cloud(self, scale: int, here: Window = _ALL) -> Field:
        """A cut of the cloudy texture at a random place, for a window of the grid."""
        texture = clouds(scale)
        y, x = self.rng.integers(0, texture.shape[0] - self.rays.size + 1, 2).tolist()
        return texture[y : y + self.rays.size, x : x + self.rays.size][here]

    def within(self, side: str, part: Interval, here: Window = _ALL) -> Field:
        """Length, in a window, of what lies in a part and in the lung of a side, outside heart, spine and diaphragm."""
        lung = self.lungs[side]
        return self._free(side, (np.maximum(part[0], lung[0][here]), np.minimum(part[1], lung[1][here])), here)

    def _free(self, side: str, held: Interval, here: Window) -> Field:
        """Length, in a window, of what lies in a part of the lung of a side, outside heart, spine and diaphragm."""
        dome, heart, back = ((each[0][here], each[1][here]) for each in (self.domes[side], self.heart, self.back))
        in_heart = np.maximum(held[0], heart[0]), np.minimum(held[1], heart[1])
        length = inside(held)
        length -= inside(in_heart)
        length -= overlap(held, back)
        length -= overlap(held, dome)
        length += overlap(in_heart, dome)
        np.maximum(length, np.float32(0), out=length)
        length *= self.shown[side][here]
        return length

    def fill(self, side: str, place: tuple[float, ...], share: float, rough: float = 0.0, scale: int = 16) -> None:
        """Put water into a share of the air of an ellipsoid: an opacity of the lung, with a soft edge.

        Args:
            side: `right` or `left`.
            place: x, y, z of its middle and its half axes, mm.
            share: Of the air that is lost in the middle.
            rough: Deviation of a cloudy texture, as a share.
            scale: Pixels of the features of the texture.
        """
        x, y, z, a, b, c = place
        for size in (1.0, 0.66):
            here, _, part = self.rays.ellipsoid(x, y, z, a * size, b * size, c * size)
            lost = self.within(side, part, here)
            if rough:
                lost = lost * np.clip(1 + rough * self.cloud(scale, here), 0, 2.4)
            lost = np.minimum(lost * np.float32(share * 0.6), self.air[side][here])
            self.air[side][here] -= lost

    def add(self, place: tuple[float, ...], share: float) -> None:
        """Add a share of an ellipsoid of water, wherever it lies."""
        here, chord = self.rays.chord(*place)
        self.water[here] += np.float32(share) * chord

    def thread(
        self,
        x: Numbers,
        y: Numbers,
        z: Numbers,
        radius: Numbers,
        *,
        water: Numbers,
        across: int = 3,
        shell: float = 0.0,
        sharp: bool = False,
    ) -> None:
        """Add a thin tube along a line of points.

        Args:
            x: The line, mm.
            y: The same.
            z: The same.
            radius: Of the tube, mm.
            water: What a mm of it is worth beyond the tissue it replaces; below zero for air.
            across: Points across it.
            shell: How much of it is in its wall, 0 to 1.
            sharp: Whether it is finer than the grid of rays.
        """
        line = tube(self.lateral, x, y, z, radius, shell=shell, across=across)
        weight = line.weight * np.asarray(water, dtype=np.float32)
        (self.sharp if sharp else self.thin).append(Points(line.x, line.y, line.z, weight))

    def pleura(self, side: str, rim: Field, back: Field | float = 0.0) -> Field:
        """Take the lung away from the wall by `rim` mm, at the back by `back` more; returns the space it leaves, mm."""
        here = self.extent[side]
        was = self._lung_length(side)
        rim, back = self.rims[side][0] + rim, self.rims[side][1] + back
        self.rims[side] = rim, back
        self.lungs[side] = lung_interval(self.chest, self.rays, self.chest.lung(side), here, rim, back)
        now = self._lung_length(side)
        space = self.rays.zeros()
        lost = np.maximum(was - now, np.float32(0), out=space[here])
        air = self.air[side][here]
        np.maximum(air - lost, np.float32(0), out=air)
        self.tissue[side][here] *= now / np.maximum(was, np.float32(1e-3))
        return space

    def skin(self, side: str, thick: float) -> Field:
        """Length along each ray of a thin skin around the lung of a side."""
        here = self.extent[side]
        rim, back = self.rims[side]
        inner = lung_interval(self.chest, self.rays, self.chest.lung(side), here, rim + np.float32(thick), back)
        skin = self.rays.zeros()
        less = self.within(side, (inner[0][here], inner[1][here]), here)
        np.maximum(self._lung_length(side) - less, 0, out=skin[here])
        return skin

    def _lung_length(self, side: str) -> Field:
        """Length of the lung of a side, in its window."""
        here = self.extent[side]
        first, last = self.lungs[side]
        return self._free(side, (first[here], last[here]), here)

    def wall_x(self, side: str, z: float) -> float:
        """X of the inner chest wall of a side at a height, with sign."""
        lung = self.chest.lung(side)
        return lung.sign * lung.width * float(self.chest.spread(z))

    def floor(self, side: str, x: float, y: float = -15.0) -> float:
        """Z of the diaphragm below a point."""
        lung = self.chest.lung(side)
        a, r = dome_axes(lung)
        share = min(((abs(x) - lung.axis) / a) ** 2 + ((y + 18) / 105) ** 2, 1.0)
        return float(lung.dome + r * (1 - np.sqrt(1 - share)))


def normal_chest(rng: np.random.Generator, chest: Chest, rays: Rays) -> Scan:
    """Rays through a chest of this shape, without findings."""
    none = np.zeros_like(rays.v)
    extent = {side: lung_window(chest, rays, lung) for side, lung in zip(SIDES, chest.lungs, strict=True)}
    lungs, shown, domes = {}, {}, {}
    for side, lung in zip(SIDES, chest.lungs, strict=True):
        lungs[side] = lung_interval(chest, rays, lung, extent[side], none, none)
        shown[side] = share_shown(chest, rays, lung, extent[side])
        domes[side] = dome_interval(chest, rays, lung)
    rows = slice(extent["right"][0].start, max(here[0].stop for here in extent.values()))
    heart, back = heart_interval(chest, rays, rows), back_interval(chest, rays, rows)
    scan = Scan(
        rng,
        chest,
        rays,
        body_water(chest, rays),
        extent,
        lungs,
        shown,
        heart,
        back,
        domes,
        dict.fromkeys(SIDES, (none,) * 2),
    )
    for side in SIDES:
        scan.air[side], scan.tissue[side] = rays.zeros(), rays.zeros()
        scan.air[side][extent[side]] = scan._lung_length(side)
        scan.tissue[side][extent[side]] = 1
    for side, x, z, a, c in (("right", -34, 8, 11, 24), ("left", 36, -6, 10, 15), ("left", 40, 14, 8, 18)):
        scan.fill(side, (chest.shift + x, 10.0, chest.hilum + z, a, 14.0, c), 0.75)  # the great vessels of the hila
    return scan
