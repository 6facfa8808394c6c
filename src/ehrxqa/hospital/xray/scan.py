"""The normal chest as rays see it: body, lungs, heart and vessels, diaphragm; and what findings add or take away.

Everything is counted in millimetres of water along the ray. The body is water, the lungs are mostly air, and what lies
in the lungs replaces their air. So a shadow ends where air meets water: an opacity that touches the heart takes its
edge away, fluid hides the diaphragm, and what lies behind the heart is faint.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ehrxqa.hospital.anatomy import Chest, Lung
from ehrxqa.hospital.xray.bones import Breaks, tube
from ehrxqa.hospital.xray.rays import Field, Interval, Numbers, Points, Rays, clouds, inside, overlap, soft

__all__ = ["Scan", "normal_chest"]

SIDES = ("right", "left")


Window = tuple[slice, slice]
_ALL: Window = (slice(None), slice(None))


@dataclass
class Scan:
    """The rays of one image, and what they have met.

    Attributes:
        rng: Chance of this image: textures.
        chest, rays: What is seen, and how.
        water: Water along each ray, mm, if the lungs were solid, and what findings add.
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
        first, last = (np.maximum, np.minimum)
        lung, dome, heart, back = (
            (each[0][here], each[1][here]) for each in (self.lungs[side], self.domes[side], self.heart, self.back)
        )
        held = first(part[0], lung[0]), last(part[1], lung[1])
        in_heart = first(held[0], heart[0]), last(held[1], heart[1])
        length = inside(held) - inside(in_heart) - overlap(held, back) - overlap(held, dome) + overlap(in_heart, dome)
        held_air: Field = np.maximum(length, np.float32(0)) * self.shown[side][here]
        return held_air

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
        was = self.within(side, self.lungs[side])
        rim, back = self.rims[side][0] + rim, self.rims[side][1] + back
        self.rims[side] = rim, back
        self.lungs[side] = _lung(self.chest, self.rays, self.chest.lung(side), rim, back)[0]
        now = self.within(side, self.lungs[side])
        lost = np.maximum(was - now, np.float32(0))
        self.air[side] = np.maximum(self.air[side] - lost, np.float32(0))
        self.tissue[side] *= now / np.maximum(was, np.float32(1e-3))
        return np.asarray(lost, dtype=np.float32)

    def skin(self, side: str, thick: float) -> Field:
        """Length along each ray of a thin skin around the lung of a side."""
        was = self.within(side, self.lungs[side])
        rim, back = self.rims[side]
        inner = _lung(self.chest, self.rays, self.chest.lung(side), rim + np.float32(thick), back)[0]
        return np.asarray(np.maximum(was - self.within(side, inner), 0), dtype=np.float32)

    def wall_x(self, side: str, z: float) -> float:
        """X of the inner chest wall of a side at a height, with sign."""
        lung = self.chest.lung(side)
        return lung.sign * lung.width * float(self.chest.spread(z))

    def floor(self, side: str, x: float, y: float = -15.0) -> float:
        """Z of the diaphragm below a point."""
        lung = self.chest.lung(side)
        a, r = _dome_axes(lung)
        share = min(((abs(x) - lung.axis) / a) ** 2 + ((y + 18) / 105) ** 2, 1.0)
        return float(lung.dome + r * (1 - np.sqrt(1 - share)))


def normal_chest(rng: np.random.Generator, chest: Chest, rays: Rays) -> Scan:
    """Rays through a chest of this shape, without findings."""
    lungs, shown = {}, {}
    none = np.zeros_like(rays.v)
    for side, lung in zip(SIDES, chest.lungs, strict=True):
        lungs[side], shown[side] = _lung(chest, rays, lung, none, none)
    domes = {side: _dome(chest, rays, lung) for side, lung in zip(SIDES, chest.lungs, strict=True)}
    rims = dict.fromkeys(SIDES, (none, none))
    scan = Scan(
        rng, chest, rays, _body(chest, rays), lungs, shown, _heart(chest, rays), _back(chest, rays), domes, rims
    )
    for side in SIDES:
        scan.air[side] = scan.within(side, scan.lungs[side])
        scan.tissue[side] = np.ones_like(scan.water)
    for side, x, z, a, c in (("right", -34, 8, 11, 24), ("left", 36, -6, 10, 15), ("left", 40, 14, 8, 18)):
        scan.fill(side, (chest.shift + x, 10.0, chest.hilum + z, a, 14.0, c), 0.75)  # the great vessels of the hila
    return scan


def _lung(chest: Chest, rays: Rays, lung: Lung, rim: Field, back: Field) -> tuple[Interval, Field]:
    z = rays.v
    wide = np.maximum(lung.width * chest.spread(z) - rim, 2.0).astype(np.float32)
    deep = np.maximum(chest.thick(z) - np.asarray(rim) * 0.6 - np.asarray(back) * 0.5, 2.0).astype(np.float32)
    cage = rays.column(np.zeros_like(z), wide, deep, 4.0, 0.6)
    shift = (-0.5 * back * np.cos(rays.view.turn)).astype(np.float32)
    cage = cage[0] + shift, cage[1] + shift
    # the cap: above the third rib each lung narrows to an apex of its own
    high = np.maximum((chest.apex + 82) - z, 0) / np.maximum(82 - 0.9 * np.asarray(rim), 20.0)
    u, _, depth, _ = rays.place(lung.sign * 50.0 + chest.shift * 0.3, 14.0, chest.apex + 70)
    if rays.view.lateral:
        ease = np.clip(high * 3, 0, 1)
        half = np.sqrt(np.maximum(1 - high**2 - ease * ((rays.u - u - 10) / 88) ** 2, 0)) * (52.0 + 60 * (1 - ease))
    else:
        ease = np.clip(high * 2.2, 0, 1)
        half = np.sqrt(np.maximum(1 - high**2 - ease * ((rays.u - u) / 52) ** 2, 0)) * (78.0 + 60 * (1 - ease))
    first, last = np.maximum(cage[0], depth - half), np.minimum(cage[1], depth + half)
    middle = 5.0 * np.clip((chest.carina - z) / 40, 0, 1)
    if rays.view.lateral:
        if lung.sign > 0:
            last = np.minimum(last, -middle - chest.shift)
        else:
            first = np.maximum(first, middle - chest.shift)
        shown = np.ones_like(first)
    else:
        edge = rays.u - chest.shift - 4.0 * np.sin(rays.view.turn)
        shown = soft(lung.sign * edge - middle, 6.0 + 10.0 * np.clip((z - chest.carina) / 40, 0, 1))
    floor = lung.dome + 1.02 * lung.fall + 8
    shown = shown * soft(floor - 10 - z, 14.0)
    return (first.astype(np.float32), last.astype(np.float32)), shown


def _column_half(chest: Chest, z: Field) -> Field:
    """Half width of what lies in the middle, whatever the depth: neck, upper mediastinum, then only a septum."""
    up = np.clip((chest.carina - 6 - z) / (chest.carina - 6 - chest.apex - 4), 0, 1.5)
    upper = 0.86 * chest.band * (1 - 0.28 * up * up)
    down = np.clip((z - chest.carina + 12) / 52, 0, 1)
    down = down * down * (3 - 2 * down)
    return np.asarray(upper * (1 - down) + 22.0 * down, dtype=np.float32)


def _dome_axes(lung: Lung) -> tuple[float, float]:
    return 88.0 * lung.width / 140, 1.35 * lung.fall


def _dome(chest: Chest, rays: Rays, lung: Lung) -> Interval:
    a, r = _dome_axes(lung)
    place = (lung.sign * lung.axis, -18.0, lung.dome + r, a, 105.0 * chest.depth / 92, r)
    here, _, part = rays.ellipsoid(*place, standing=True)
    whole = rays.zeros(), rays.zeros()
    whole[0][here], whole[1][here] = part
    return whole


class _Union:
    """Parts of one body: where one ends inside another there is no edge."""

    def __init__(self, rays: Rays) -> None:
        self._cubes, self._squares, self._depths = rays.zeros(), rays.zeros(), rays.zeros()

    def add(self, half: Field, middle: Field, here: Window = _ALL) -> None:
        """Add a part by its half chords and its middle, in a window."""
        square = half * half
        self._cubes[here] += square * half
        self._squares[here] += square
        self._depths[here] += square * middle

    def interval(self) -> Interval:
        """Where rays enter and leave the whole."""
        half = np.cbrt(self._cubes)
        middle = self._depths / np.maximum(self._squares, np.float32(1e-3))
        return (middle - half).astype(np.float32), (middle + half).astype(np.float32)


def _heart(chest: Chest, rays: Rays) -> Interval:
    h, middle = chest.heart, chest.shift + chest.heart_x
    bottom = chest.heart_edges()[3]
    vessels = chest.shift
    arch = chest.arch
    parts = [
        (middle - 5 * h, -10.0, bottom - 46, 34 * h, 44 * h, 42 * h),  # right atrium
        (middle + 34 * h, -10.0, bottom - 38, 49 * h, 55 * h, 38 * h),  # left ventricle
        (middle + 14 * h, -42.0, bottom - 30, 46 * h, 28 * h, 32 * h),  # right ventricle
        (middle + 8 * h, 18.0, bottom - 68, 38 * h, 28 * h, 26 * h),  # left atrium
        (middle + 23 * h, -22.0, bottom - 76, 30 * h, 24 * h, 38 * h),  # outflow and pulmonary trunk
        (vessels - 9, -14.0, -45.0, 25.0, 19.0, 50.0),  # ascending aorta and superior vena cava
        (vessels + 14, 5.0, -66.0, 8 + arch, 34.0, arch + 2),  # aortic arch
        (vessels + 22, 6.0, -40.0, 21.0, 14.0, 15.0),  # left pulmonary artery
    ]
    if chest.globe:
        parts.append((middle + 22 * h, -15.0, bottom - 42, 61 * h, 52 * h, 44 * h + 8 * chest.globe))
    whole = _Union(rays)
    for part in parts:
        here, half, (start, _) = rays.ellipsoid(*part)
        whole.add(half, start + half, here)
    deep = (58 - 34 * np.clip((rays.v - chest.carina) / 50, 0, 1)).astype(np.float32)
    start, end = rays.column(np.full_like(rays.v, chest.shift), _column_half(chest, rays.v), deep, 2.0, 0.25)
    whole.add((end - start) * np.float32(0.5), (start + end) * np.float32(0.5))
    return whole.interval()


def _back(chest: Chest, rays: Rays) -> Interval:
    """Spine and descending aorta."""
    z = rays.v
    swing = chest.winding * np.exp(-(((z - 5) / 48) ** 2))
    radius = np.where((z > -62) & (z < 150), 0.85 * chest.arch, 0.01).astype(np.float32)
    aorta = rays.column((chest.shift + 19 + swing).astype(np.float32), radius, radius, 46.0)
    wide, deep = np.full_like(z, 17.0), np.full_like(z, 30.0)
    spine = rays.column(np.asarray(chest.spine(z), dtype=np.float32), wide, deep, 72.0, 0.1)
    whole = _Union(rays)
    for start, end in (aorta, spine):
        whole.add((end - start) * np.float32(0.5), (start + end) * np.float32(0.5))
    return whole.interval()


def _body(chest: Chest, rays: Rays) -> Field:
    """Water along each ray if the lungs were solid: trunk, neck, shoulders, breasts, arms at the bedside."""
    z = rays.v
    view = rays.view
    trunk = np.maximum(chest.left.width, chest.right.width) * np.maximum(chest.spread(z), 0.6) + chest.wall
    down = np.clip((z - chest.apex + 78) / 92, 0, 1)
    down = down * down * (3 - 2 * down)
    wide = (62 + (trunk + 46 * np.clip((chest.apex + 120 - z) / 90, 0, 1) - 62) * down).astype(np.float32)
    belly = np.clip((z - 60) / 80, 0, 1)
    deep = (70 + (chest.thick(z) + chest.wall * 0.95 - 70) * np.clip(down * 1.15, 0, 1) + 6 * belly).astype(np.float32)
    body = inside(rays.column(np.zeros_like(z), wide, deep, 8.0, 0.45))
    if chest.woman:
        size = chest.breast
        for sign in (-1, 1):
            sag = 24 if view.upright else 0
            spec = (sign * 74.0, -chest.depth - 10, 34.0 + sag, 58 * size, 36 * size, 52 * size)
            here, chord = rays.chord(*spec)
            body[here] += 0.34 * chord * soft(rays.v[here[0]] + 60, 50)
    if not view.lateral:
        for sign in (-1, 1):
            if view.name == "AP":
                edge = np.abs(rays.u - sign * (chest.left.width + chest.wall + 46))
                limb = np.sqrt(np.maximum(1 - (edge / 40) ** 2, 0)) * 66
                body = np.maximum(body, limb * soft(z - chest.apex - 26, 14))
            here, chord = rays.chord(sign * (chest.left.width + 34), 6.0, chest.apex + 44, 42, 40, 44)
            body[here] = np.maximum(body[here], chord)
    return body.astype(np.float32)
