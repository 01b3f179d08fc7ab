"""What is seen of the chest above the diaphragm: lungs with their vessels, heart, oesophagus."""

from __future__ import annotations

import numpy as np

from .solids import stretched
from .trunk_anatomy import Trunk, heart_axes
from .vessel_anatomy import paint_tree, points_inside

LUNG_LEAVES = 32


def paint_lungs(trunk: Trunk, hu: dict[str, float], rng: np.random.Generator) -> None:
    """Paint the diaphragm, and lungs whose vessels come from a hilum above the highest slice."""
    canvas = trunk.canvas
    x, y, _ = canvas.points
    above = np.maximum(trunk.cavity + 1.0, -trunk.abdomen)
    mediastinum = np.hypot(x / 1.2, (y + 22) / 1.6) - 20
    pad = trunk.before + 0.7 * np.maximum(y - 62, 0)  # fat between heart and breastbone
    lung = np.maximum.reduce([above, -mediastinum, 5 - pad])
    canvas.fill(np.maximum(trunk.cavity, -trunk.abdomen - 2.0), hu["muscle"] - 5, organ="muscle")
    gradient = -0.5 * (y + 20)  # the lower parts of a lying patient's lungs are denser
    middle, fine = trunk.texture["middle"], trunk.texture["fine"]
    mist = 20 * middle + 15 * fine + gradient
    canvas.fill(np.maximum(above, -mediastinum), hu["fat"] + 8 * middle, organ="fat")
    canvas.fill(lung, hu["lung"] + mist, organ="lung")
    for side in (-1, 1):
        leaves = points_inside(canvas, np.maximum(lung, 12 - side * x), LUNG_LEAVES, 6.0, rng)
        if len(leaves):
            root = np.array([[side * 34.0, -14, 75], [side * 44.0, -22, 45]])
            paint_tree(canvas, lung, root, leaves, 4.6, hu["portal"] - 10, 1.0, "lung")


def paint_heart(trunk: Trunk, hu: dict[str, float]) -> None:
    """Paint the heart: fat around it, its muscle, left ventricle, right ventricle and atrium."""
    canvas, shape = trunk.canvas, trunk.shape
    box = canvas.box((-110, -40, shape["heart_z_mm"] - 60), (70, 110, 200))
    if box is None:
        return
    heart, cavity = trunk.heart[box], trunk.cavity[box]
    along, front, up = heart_axes(canvas.points[:, *box], shape)
    middle = trunk.texture["middle"][box]
    fat_mm = np.clip(0.2 * shape["fat_mm"], 1, 6)
    canvas.fill(np.maximum(heart - 4, cavity + 1), hu["fat"] + 8 * middle, box, "fat")
    outside = np.maximum(heart + fat_mm + 2 * middle, cavity + 3)
    canvas.fill(outside, hu["myocardium"] + 4 * middle, box, "heart")
    left = stretched([along - 6, front + 13, up], [36, 15, 24]) + 1.2 * middle
    right = np.maximum.reduce([outside + 3, 9 - left, -5 - front - 0.5 * np.minimum(along, 0)])
    valve = 2 - np.abs(along + 15 + 0.2 * front)
    canvas.fill(np.maximum(right, valve), hu["right_heart"], box)
    canvas.fill(left, hu["heart"], box)
    groove = np.maximum(np.abs(along + 15) - 4, -(heart + 13 + 2 * middle))
    groove = np.maximum(groove, -front)
    canvas.fill(np.maximum(groove, outside - 6), hu["fat"] + 15, box)


def paint_oesophagus(trunk: Trunk, hu: dict[str, float]) -> None:
    """Paint the oesophagus down to the stomach."""
    line = [[-4, -14, 60], [-10, -6, 0], [-22, -4, -24], [-46, -10, -30]]
    trunk.canvas.tube(line, 6.0, 40.0, hu["bowel_wall"], "bowel")
