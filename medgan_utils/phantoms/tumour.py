"""A tumour of the brain: where it grows, what it displaces, how it is painted.

Positions are millimetres in MNI space.
"""

from __future__ import annotations

import numpy as np

from .brain_template import Template
from .canvas import TissueCanvas
from .mr_physics import TISSUE_NAMES

LESION_LABELS = {"core": 1, "ring": 2, "oedema": 3}


def draw_tumour(rng: np.random.Generator, template: Template) -> dict[str, float]:
    """A random place in the white matter of the cerebrum, and a size."""
    radius = rng.uniform(8, 19)
    while True:
        centre = rng.uniform([-62, -85, -5], [62, 58, 60])
        white = template.sample("tissues", centre.reshape(3, 1))[1]
        depth = -template.sample("pial", centre.reshape(3, 1))
        if white > 0.8 and 0.8 * radius < depth < 34 and abs(centre[0]) > 0.8 * radius + 6:
            break
    return {
        "x_mm": centre[0],
        "y_mm": centre[1],
        "z_mm": centre[2],
        "radius_mm": radius,
        "ring_mm": rng.uniform(2.5, 5.0),
        "oedema_mm": rng.uniform(5, 14),
    }


def distance_to(points: np.ndarray, tumour: dict[str, float]) -> np.ndarray:
    """Distance to the tumour as a ball, mm, negative inside."""
    centre = np.array([tumour["x_mm"], tumour["y_mm"], tumour["z_mm"]], np.float32)
    return np.sqrt(((points - centre.reshape(3, 1, 1, 1)) ** 2).sum(0)) - tumour["radius_mm"]


def displace(points: np.ndarray, template: Template, tumour: dict[str, float]) -> np.ndarray:
    """Mass effect: tumour and oedema push the brain outward, less and less up to the skull."""
    centre = np.array([tumour["x_mm"], tumour["y_mm"], tumour["z_mm"]], np.float32)
    offset = points - centre.reshape(3, 1, 1, 1)
    radius = tumour["radius_mm"] + 0.35 * tumour["oedema_mm"]
    distance = np.maximum(np.sqrt((offset**2).sum(0)), 1e-3)
    share = 0.6 * np.minimum(radius / distance, 1) ** 2.2  # of the distance to the centre
    free = np.clip(-template.sample("depth", points) / 14, 0, 1)
    return points - offset * share * free


def paint_tumour(
    canvas: TissueCanvas, tumour: dict[str, float], distance, texture, template
) -> np.ndarray:
    """Oedema along the white matter, ring, core; returns the mask by largest fraction."""
    parts = dict(zip(TISSUE_NAMES, canvas.fractions, strict=True))
    brain = parts["white"] + 0.35 * parts["grey"]
    spread = distance - tumour["oedema_mm"] * (1 + 0.5 * texture)
    oedema = np.clip(0.5 - spread / 5, 0, 1) * np.clip(brain, 0, 1)
    canvas.paint("oedema", 0.9 * oedema)
    inside = np.clip(-template.sample("depth", canvas.points) / 2, 0, 1)
    canvas.fill("tumour_ring", distance, inside)
    canvas.fill("tumour_core", distance + tumour["ring_mm"] * (1 + 0.3 * texture), inside)
    mask = np.zeros(distance.shape, np.uint8)
    for name, tissue in (("oedema", "oedema"), ("ring", "tumour_ring"), ("core", "tumour_core")):
        mask[parts[tissue] > 0.5] = LESION_LABELS[name]
    return mask
