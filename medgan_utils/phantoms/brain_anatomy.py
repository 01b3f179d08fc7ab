"""Grey and white matter, folded anew in every head.

Positions are millimetres in MNI space.
"""

from __future__ import annotations

import numpy as np

from .brain_template import Template
from .canvas import TissueCanvas
from .solids import random_field


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
