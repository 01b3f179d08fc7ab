"""Grey and white matter, folded anew in every head, and the tumour that may displace them.

Positions are millimetres in MNI space.
"""

from __future__ import annotations

import numpy as np

from .brain_template import Template
from .canvas import TissueCanvas
from .mr_physics import TISSUE_NAMES
from .solids import random_field

LESION_LABELS = {"core": 1, "ring": 2, "oedema": 3}


def paint_brain(canvas: TissueCanvas, template: Template, points: np.ndarray, rng) -> None:
    """Grey and white matter and ventricles inside the skull.

    The maps are averages, blurred where people differ. Powers make them crisp again, and where they
    leave the choice open a random pattern of folds decides, other sulci in every subject.
    """
    spacing = canvas.spacing_mm
    grey, white, ventricle = template.sample("tissues", points)
    fluid = np.clip(1 - grey - white, 0, 1)
    x, y, z = points
    fold = np.abs(random_field(rng, x.shape, spacing, 9, same_at_every_spacing=True)) - 0.7
    superficial = np.clip(1 + template.sample("pial", points) / 16, 0, 1)
    fold = np.clip(1.5 * fold, -1, 1) * superficial
    # the leaves of the cerebellum, too thin for the average: shells around its stalk
    leaf = 0.8 * np.sin(2 * np.pi / 7.5 * np.sqrt(x**2 + (y + 36) ** 2 + (z + 30) ** 2)) + 0.9
    leaf *= np.clip((-14 - z - 0.45 * (y + 48)) / 6, 0, 1) * np.clip((-38 - y) / 6, 0, 1)
    logits = [3.2 * np.log(part + 0.02) for part in (grey, white, fluid)]
    logits[1] += 1.8 * fold + 0.4 + 2.0 * leaf
    logits[2] -= 1.4 * fold + 0.3
    parts = [np.exp(logit) for logit in logits]
    inside = np.clip(-template.sample("depth", canvas.points) / spacing + 0.5, 0, 1) / sum(parts)
    grey, white, fluid = (part * inside for part in parts)
    ventricle = fluid * np.clip(4 * ventricle, 0, 1)
    # later paint covers earlier paint: divide by what will be left
    canvas.paint("grey", np.clip(grey / np.maximum(1 - white - ventricle, 1e-3), 0, 1))
    canvas.paint("white", np.clip(white / np.maximum(1 - ventricle, 1e-3), 0, 1))
    canvas.paint("csf", ventricle)


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
