"""What the rays meet if the lungs were solid: trunk, neck, shoulders, breasts, arms."""

from __future__ import annotations

import numpy as np

from ehrxqa.hospital.anatomy import Chest
from ehrxqa.hospital.xray.rays import Field, Rays, inside, soft

__all__ = ["body_water"]


def body_water(chest: Chest, rays: Rays) -> Field:
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
    here, trunk_ = rays.column(np.zeros_like(z), wide, deep, 8.0, 0.1 if view.lateral else 0.45)
    body[here] = inside(trunk_)
    if chest.woman:
        size = chest.breast
        for sign in (-1, 1):
            sag = 24 if view.upright else 0
            spec = (sign * 74.0, -chest.depth + 2, 34.0 + sag, 58 * size, 34 * size, 52 * size)
            here, chord = rays.chord(*spec)
            body[here] += (0.22 if view.lateral else 0.34) * chord * soft(rays.v[here[0]] + 60, 50)
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
