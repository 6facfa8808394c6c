"""What tubes, lines and devices look like: one painter per attribute."""

from __future__ import annotations

from ehrxqa.hospital.xray.canvas import Canvas, Point
from ehrxqa.hospital.xray.signs import Painter

__all__ = ["DEVICES"]


def _sign(places: tuple[str, ...]) -> int:
    """−1 if the device comes from the right (also if no side is named), +1 from the left."""
    return 1 if any(place.startswith("left") for place in places) else -1


def _vein(canvas: Canvas, entry: list[Point], *, width: float, strength: float) -> None:
    """A line from its entry into the superior vena cava, down to the atrium."""
    chest = canvas.chest
    x = chest.mid - 11
    tip = chest.hilum + canvas.rng.uniform(2, 16)
    path = [*entry, (x + 1, chest.clavicle + 18), (x, chest.clavicle + 34), (x, tip)]
    canvas.curve(path, width, strength)


def _endotracheal(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    tip = chest.carina[1] - canvas.rng.uniform(10, 22)
    bend = (chest.carina[0] - chest.trachea) * tip / chest.carina[1]
    for off, strength in ((-2.6, 0.6), (2.6, 0.75)):
        canvas.stroke([(chest.trachea + off, 0), (chest.trachea + bend + off, tip)], 1.0, strength)
    canvas.stroke([(chest.trachea + bend - 2.6, tip), (chest.trachea + bend + 2.6, tip + 3)], 1.0, 0.7)


def _tracheostomy(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    x = canvas.chest.trachea
    canvas.block(x - 12, 27, x + 12, 31, 0.75, 1.5)
    for off in (-4.2, 4.2):
        canvas.curve([(x + off, 28), (x + off + 0.5, 44), (x + off, 60)], 1.8, 0.85)
    canvas.stroke([(x - 4.2, 60), (x + 4.2, 60)], 1.4, 0.8)


def _enteric(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    x, y = chest.mid + 4, chest.left.dome
    path = [
        (x, 0),
        (x + 1, 60),
        (x, 110),
        (x + 3, y - 6),
        (x + 14, y + 16),
        (x + 34, y + 32),
        (x + 46, min(y + 36, 221)),
    ]
    canvas.curve(path, 1.5, 0.72)
    canvas.stroke([path[-2], path[-1]], 2.2, 0.9)


def _chest_tube(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    lung = chest.lung("left" if _sign(places) > 0 else "right")
    wall = chest.mid + lung.sign * (lung.outer + 16)
    path = [
        (wall, lung.dome + 8),
        (chest.mid + lung.sign * lung.outer * 0.78, lung.dome - 14),
        (chest.mid + lung.sign * lung.outer * 0.62, chest.hilum),
        (chest.mid + lung.sign * lung.outer * 0.42, lung.apex + 22),
    ]
    for off, strength in ((-2.2, 0.7), (2.2, 0.7)):
        canvas.curve([(x + off, y) for x, y in path], 1.0, strength)
    canvas.curve(path, 1.8, 0.25)


def _pigtail(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    lung = chest.lung("left" if _sign(places) > 0 else "right")
    x, y = chest.mid + lung.sign * lung.outer * 0.62, lung.dome - 6
    canvas.curve(
        [(chest.mid + lung.sign * (lung.outer + 17), y - 14), (x + lung.sign * 14, y - 10), (x, y - 6)], 1.5, 0.75
    )
    canvas.ring(x, y, 6, 6, 1.5, 0.8)


def _drain(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    for off, top in ((-7, 96), (8, 112)):
        x = chest.mid + off
        for wall in (-1.9, 1.9):
            canvas.curve([(x + wall + 6, 222), (x + wall + 2, 180), (x + wall, top)], 0.9, 0.7)


def _picc(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    s = _sign(places)
    reach = chest.thorax / 2
    out = [
        (chest.mid + s * (reach + 26), 86),
        (chest.mid + s * (reach + 12), 62),
        (chest.mid + s * reach * 0.7, 54),
        (chest.mid + s * reach * 0.35, chest.clavicle + 5),
    ]
    _vein(canvas, out, width=0.9, strength=0.85)


def _ij(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    _vein(
        canvas, [(chest.mid - 19, 0), (chest.mid - 17, 24), (chest.mid - 14, chest.clavicle)], width=1.6, strength=0.8
    )


def _subclavian(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    s = _sign(places)
    entry = [
        (chest.mid + s * 58, chest.clavicle + 16),
        (chest.mid + s * 40, chest.clavicle + 2),
        (chest.mid + s * 18, chest.clavicle + 3),
    ]
    _vein(canvas, entry, width=1.5, strength=0.8)


def _port(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    s = _sign(places)
    x, y = chest.mid + s * 60, chest.clavicle + 30
    canvas.ring(x, y, 7, 7, 2.6, 0.9)
    canvas.block(x - 3, y - 3, x + 3, y + 3, 0.65, 3)
    _vein(
        canvas,
        [(x - s * 4, y - 6), (chest.mid + s * 42, chest.clavicle - 4), (chest.mid + s * 20, chest.clavicle + 4)],
        width=1.1,
        strength=0.75,
    )


def _swan(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    bottom = chest.heart[3] - 16
    s = _sign(places)
    path = [
        (chest.mid - 17, 0),
        (chest.mid - 12, chest.clavicle + 10),
        (chest.mid - 12, chest.hilum + 22),
        (chest.mid - 6, bottom),
        (chest.mid + 18, bottom - 2),
        (chest.mid + 14, chest.hilum + 6),
        (chest.mid + s * 10, chest.hilum - 8),
        (chest.mid + s * 34, chest.hilum + 2),
    ]
    canvas.curve(path, 1.3, 0.85)


def _balloon(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    ax, ay, radius = canvas.chest.arch
    x = ax - 4
    canvas.block(x - 1.6, ay + radius + 6, x + 1.6, ay + radius + 13, 1.0, 0.5)
    canvas.stroke([(x, ay + radius + 12), (x - 2, 222)], 0.8, 0.4)


def _sternotomy(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    for number in range(6):
        x, y = chest.mid + canvas.rng.uniform(-1.5, 1.5), 66 + 16.5 * number
        canvas.ring(x, y, 5.2, 2.6, 0.9, 0.95)
        canvas.stroke([(x + 4, y + 1), (x + 6, y + 3.5)], 0.9, 0.95)


def _clips(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    for number in range(9):
        t = number / 8
        x = chest.mid + 16 + (chest.heart[1] - chest.mid - 26) * t + canvas.rng.uniform(-1, 1)
        y = chest.heart[2] + 2 + 52 * t + canvas.rng.uniform(-2, 2)
        canvas.stroke([(x, y), (x + 2.4, y + 1.6)], 1.2, 1.0)


def _stent(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    """A mesh along the aorta."""
    ax, ay, _ = canvas.chest.arch
    for number in range(9):
        y = ay - 4 + 7.5 * number
        x = ax - 4 - 0.15 * number
        zigzag = [(x - 8 + 4 * k, y + (3 if k % 2 else -3)) for k in range(5)]
        canvas.stroke(zigzag, 0.9, 0.85)


def _valve(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    x = chest.mid + 0.12 * (chest.heart[1] - chest.mid)
    y = chest.heart[2] + 0.46 * (chest.heart[3] - chest.heart[2])
    canvas.ring(x, y, 8, 4.6, 1.7, 0.95)
    canvas.stroke([(x - 5, y + 1), (x + 5, y - 2)], 1.0, 0.7)


def _pacer(canvas: Canvas, places: tuple[str, ...], severity: float) -> None:
    chest = canvas.chest
    s = _sign(tuple(place for place in places if "wall" in place or "shoulder" in place))
    x, y = chest.mid + s * 62, chest.clavicle + 24
    canvas.block(x - 12, y - 10, x + 12, y + 10, 0.85, 5)
    canvas.block(x - 8, y - 9, x + 8, y - 5, 1.0, 1)
    bottom = chest.heart[3]
    way = [(x - s * 6, y - 9), (chest.mid + s * 40, chest.clavicle - 2), (chest.mid + s * 18, chest.clavicle + 4)]
    canvas.curve(
        [
            *way,
            (chest.mid - 12, chest.clavicle + 22),
            (chest.mid - 12, chest.hilum + 18),
            (chest.mid - 22, chest.hilum + 34),
        ],
        1.3,
        0.9,
    )
    tip = (chest.mid + 0.62 * (chest.heart[1] - chest.mid), bottom - 12)
    canvas.curve(
        [
            *way,
            (chest.mid - 10, chest.clavicle + 22),
            (chest.mid - 11, chest.hilum + 30),
            (chest.mid + 4, bottom - 8),
            tip,
        ],
        1.3,
        0.9,
    )
    canvas.stroke([tip, (tip[0] + 3, tip[1] + 1)], 2.4, 1.0)


DEVICES: dict[str, Painter] = {
    "endotracheal tube": _endotracheal,
    "tracheostomy tube": _tracheostomy,
    "enteric tube": _enteric,
    "chest tube": _chest_tube,
    "pigtail catheter": _pigtail,
    "mediastinal drain": _drain,
    "picc": _picc,
    "ij line": _ij,
    "subclavian line": _subclavian,
    "chest port": _port,
    "swan-ganz catheter": _swan,
    "intra-aortic balloon pump": _balloon,
    "sternotomy wires": _sternotomy,
    "cabg grafts": _clips,
    "aortic graft/repair": _stent,
    "prosthetic valve": _valve,
    "cardiac pacer and wires": _pacer,
}
