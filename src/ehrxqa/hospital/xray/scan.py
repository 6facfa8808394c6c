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
from ehrxqa.hospital.xray.rays import Field, Interval, Numbers, Points, Rays, Window, clouds, inside, overlap, soft

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
        self.lungs[side] = _lung(self.chest, self.rays, self.chest.lung(side), here, rim, back)
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
        inner = _lung(self.chest, self.rays, self.chest.lung(side), here, rim + np.float32(thick), back)
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
        a, r = _dome_axes(lung)
        share = min(((abs(x) - lung.axis) / a) ** 2 + ((y + 18) / 105) ** 2, 1.0)
        return float(lung.dome + r * (1 - np.sqrt(1 - share)))


def normal_chest(rng: np.random.Generator, chest: Chest, rays: Rays) -> Scan:
    """Rays through a chest of this shape, without findings."""
    none = np.zeros_like(rays.v)
    extent = {side: _extent(chest, rays, lung) for side, lung in zip(SIDES, chest.lungs, strict=True)}
    lungs, shown, domes = {}, {}, {}
    for side, lung in zip(SIDES, chest.lungs, strict=True):
        lungs[side] = _lung(chest, rays, lung, extent[side], none, none)
        shown[side] = _shown(chest, rays, lung, extent[side])
        domes[side] = _dome(chest, rays, lung)
    rows = slice(extent["right"][0].start, max(here[0].stop for here in extent.values()))
    heart, back = _heart(chest, rays, rows), _back(chest, rays, rows)
    scan = Scan(
        rng,
        chest,
        rays,
        _body(chest, rays),
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


def _floor(lung: Lung) -> float:
    return lung.dome + 1.02 * lung.fall + 8


def _extent(chest: Chest, rays: Rays, lung: Lung) -> Window:
    """The window of a lung, whatever takes it away from the wall later."""
    rows = slice(*np.searchsorted(rays.v[:, 0], (chest.apex - 1, _floor(lung) + 5)).tolist())
    if rays.view.lateral:
        return rows, slice(0, rays.size)
    middle = int(np.searchsorted(rays.u[0], chest.shift + 4 * np.sin(rays.view.turn) - lung.sign * 17))
    return rows, slice(middle, rays.size) if lung.sign > 0 else slice(0, middle)


def _lung(chest: Chest, rays: Rays, lung: Lung, here: Window, rim: Field, back: Field) -> Interval:
    """Where rays enter and leave a lung that is `rim` mm off the wall, at the back `back` more; in its window."""
    rows, columns = here
    z, u = rays.v[rows], rays.u[:, columns]
    rim, back = rim[rows], back[rows]
    wide = np.maximum(lung.width * chest.spread(z) - rim, 2.0).astype(np.float32)
    deep = np.maximum(chest.thick(z) - rim * 0.6 - back * 0.5, 2.0).astype(np.float32)
    found, cage = rays.column(np.zeros_like(z), wide, deep, 4.0, 0.6, rows)
    left = max(found[1].start, columns.start)
    kept = slice(left, max(min(found[1].stop, columns.stop), left))
    inner = slice(kept.start - found[1].start, kept.stop - found[1].start)
    u = rays.u[:, kept]
    shift = (-0.5 * back * np.cos(rays.view.turn)).astype(np.float32)
    # the cap: above the third rib each lung narrows to an apex of its own
    high = np.maximum((chest.apex + 82) - z, 0) / np.maximum(82 - 0.9 * rim, 20.0)
    at, _, depth, _ = rays.place(lung.sign * 50.0 + chest.shift * 0.3, 14.0, chest.apex + 70)
    if rays.view.lateral:
        steep, tall, middle, wide_ = 3.0, 52.0, at + 10, 88.0
    else:
        steep, tall, middle, wide_ = 2.2, 78.0, at, 52.0
    ease = np.clip(high * steep, 0, 1)
    half = (u - middle) / np.float32(wide_)
    half *= half
    half = half * -ease
    half += 1 - high**2
    np.maximum(half, 0, out=half)
    np.sqrt(half, out=half)
    half *= tall + 60 * (1 - ease)
    whole = rays.zeros(), rays.zeros()
    first = np.maximum(cage[0][:, inner] + shift, depth - half, out=whole[0][rows, kept])
    last = np.minimum(cage[1][:, inner] + shift, depth + half, out=whole[1][rows, kept])
    if rays.view.lateral:
        gap = 5.0 * np.clip((chest.carina - z) / 40, 0, 1)
        if lung.sign > 0:
            np.minimum(last, -gap - chest.shift, out=last)
        else:
            np.maximum(first, gap - chest.shift, out=first)
    return whole


def _shown(chest: Chest, rays: Rays, lung: Lung, here: Window) -> Field:
    """How much of a pixel belongs to a lung: the lungs part in the middle, and end at the floor."""
    rows, columns = here
    z = rays.v[rows]
    whole = rays.zeros()
    low = soft(_floor(lung) - 10 - z, 14.0)
    if rays.view.lateral:
        whole[here] = low
    else:
        edge = rays.u[:, columns] - chest.shift - 4.0 * np.sin(rays.view.turn)
        middle = 5.0 * np.clip((chest.carina - z) / 40, 0, 1)
        whole[here] = soft(lung.sign * edge - middle, 6.0 + 10.0 * np.clip((z - chest.carina) / 40, 0, 1)) * low
    return whole


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
        self._size = rays.size
        self._cubes, self._squares, self._depths = rays.zeros(), rays.zeros(), rays.zeros()
        self._left, self._right = rays.size, 0

    def add(self, here: Window, part: Interval) -> None:
        """Add a part, in a window."""
        half = part[1] - part[0]
        half *= np.float32(0.5)
        square = half * half
        half *= square
        self._cubes[here] += half
        self._squares[here] += square
        square *= part[0] + part[1]
        self._depths[here] += square
        self._left, self._right = min(self._left, here[1].start), max(self._right, here[1].stop)

    def interval(self, rows: slice) -> Interval:
        """Where rays enter and leave the whole."""
        here = rows, slice(self._left, self._right)
        half = np.cbrt(self._cubes[here])
        middle = self._depths[here]
        middle /= np.maximum(self._squares[here], np.float32(1e-3)) * np.float32(2)
        whole = np.zeros_like(self._cubes), np.zeros_like(self._cubes)
        np.subtract(middle, half, out=whole[0][here])
        np.add(middle, half, out=whole[1][here])
        return whole


def _heart(chest: Chest, rays: Rays, rows: slice) -> Interval:
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
        here, _, interval = rays.ellipsoid(*part)
        whole.add(here, interval)
    z = rays.v[rows]
    deep = (58 - 34 * np.clip((z - chest.carina) / 50, 0, 1)).astype(np.float32)
    whole.add(*rays.column(np.full_like(z, chest.shift), _column_half(chest, z), deep, 2.0, 0.25, rows))
    return whole.interval(rows)


def _back(chest: Chest, rays: Rays, rows: slice) -> Interval:
    """Spine and descending aorta."""
    z = rays.v[rows]
    swing = chest.winding * np.exp(-(((z - 5) / 48) ** 2))
    radius = np.where((z > -62) & (z < 150), 0.85 * chest.arch, 0.01).astype(np.float32)
    wide, deep = np.full_like(z, 17.0), np.full_like(z, 30.0)
    whole = _Union(rays)
    whole.add(*rays.column((chest.shift + 19 + swing).astype(np.float32), radius, radius, 46.0, 0.0, rows))
    whole.add(*rays.column(np.asarray(chest.spine(z), dtype=np.float32), wide, deep, 72.0, 0.1, rows))
    return whole.interval(rows)


def _body(chest: Chest, rays: Rays) -> Field:
    """Water along each ray if the lungs were solid: trunk, neck, shoulders, breasts, arms at the bedside."""
    z = rays.v
    view = rays.view
    trunk = np.maximum(chest.left.width, chest.right.width) * np.maximum(chest.spread(z), 0.6) + chest.wall
    down = np.clip((z - chest.apex + 78) / 92, 0, 1)
    down = down * down * (3 - 2 * down)
    if view.lateral:  # the arms are held up: what is left of the shoulders is added below
        slow = np.clip((z - chest.apex + 60) / 170, 0, 1)
        wide = (52 + (trunk - 52) * slow * slow * (3 - 2 * slow)).astype(np.float32)
    else:
        wide = (62 + (trunk + 46 * np.clip((chest.apex + 120 - z) / 90, 0, 1) - 62) * down).astype(np.float32)
    belly = np.clip((z - 60) / 80, 0, 1)
    deep = (70 + (chest.thick(z) + chest.wall * 0.95 - 70) * np.clip(down * 1.15, 0, 1) + 6 * belly).astype(np.float32)
    body = rays.zeros()
    here, trunk_ = rays.column(np.zeros_like(z), wide, deep, 8.0, 0.45)
    body[here] = inside(trunk_)
    if chest.woman:
        size = chest.breast
        for sign in (-1, 1):
            sag = 24 if view.upright else 0
            spec = (sign * 74.0, -chest.depth + 2, 34.0 + sag, 58 * size, 34 * size, 52 * size)
            here, chord = rays.chord(*spec)
            body[here] += 0.34 * chord * soft(rays.v[here[0]] + 60, 50)
    if view.lateral:
        _raised_arms(chest, rays, body)
    else:
        for sign in (-1, 1):
            if view.name == "AP":
                edge = np.abs(rays.u - sign * (chest.left.width + chest.wall + 46))
                limb = np.sqrt(np.maximum(1 - (edge / 40) ** 2, 0)) * 66
                body = np.maximum(body, limb * soft(z - chest.apex - 26, 14))
            here, chord = rays.chord(sign * (chest.left.width + 34), 6.0, chest.apex + 44, 42, 40, 44)
            body[here] = np.maximum(body[here], chord)
    return body


def _raised_arms(chest: Chest, rays: Rays, body: Field) -> None:
    """Add the shoulders and the arms held up and forward, as in a lateral view."""
    for sign in (-1, 1):
        for y, z, b, c, share in ((22.0, 22.0, 84.0, 74.0, 0.30), (-40.0, -30.0, 74.0, 52.0, 0.22)):
            here, chord = rays.chord(sign * chest.left.width, y, chest.apex + z, 70.0, b, c)
            body[here] += np.float32(share) * chord
