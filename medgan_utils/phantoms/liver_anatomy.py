"""The liver: its lobes, portal and hepatic veins inside, gallbladder and tumours.

Positions are millimetres in the frame of `abdomens`; the liver lies at positive x, on the
patient's right.
"""

from __future__ import annotations

import numpy as np

from .canvas import Box, HounsfieldCanvas
from .ct_physics import PHASES
from .organ_anatomy import kidney_distance, stomach_distance
from .solids import capsule, ellipsoid, random_field, smooth_cut, smooth_union
from .trunk_anatomy import Trunk
from .vessel_anatomy import CAVAL_MOUTH, PORTAL, paint_tree, points_inside

TUMOUR_KINDS = ("hypodense", "rim", "calcified", "hypervascular")
CONTRAST_HU = {
    # plain, arterial, venous: least and most that a tumour's mean lies below the liver
    "hypodense": ((12, 28), (6, 28), (24, 50)),
    "rim": ((12, 28), (4, 22), (22, 48)),
    "calcified": ((10, 24), (6, 24), (22, 45)),
    "hypervascular": ((8, 20), (-50, -18), (20, 35)),
}
"""Kind -> how much darker than the liver it is in the phases; bright in the arterial one and washed
out later is what a hepatocellular carcinoma shows, a rim what a metastasis does."""
PORTAL_BRANCHES = (
    [(45, 17, -68), (62, 24, -56)],
    [(48, 6, -76), (68, -14, -86)],
    [(14, 20, -66), (-6, 33, -58), (-16, 46, -60)],
)
"""Right anterior, right posterior and left branch, from where the portal vein divides, mm."""
HEPATIC_VEINS = ((76, -8, -48), (44, 40, -44), (-12, 44, -36))
"""Where the right, middle and left hepatic vein lead to, mm."""


def liver_distance(trunk: Trunk) -> np.ndarray:
    """Signed distance (X, Y, Z) to the liver, mm: dome and left lobe, cut on the visceral side."""
    canvas, shape = trunk.canvas, trunk.shape
    distance = np.full(canvas.hu.shape, 60, np.float32)
    box = canvas.box((-120, -110, -260), (170, 130, 15))
    if box is None:
        return distance
    points = canvas.points[:, *box]
    x, y, z = points
    size = shape["liver"]
    right = ellipsoid(points, (62, 4, -100), (82, 81, 103 * size))
    left = ellipsoid(points, (-4 - shape["left_lobe_mm"], 46, -46), (70, 40, 44 * size))
    caudate = ellipsoid(points, (8, 2, -52), (20, 18, 26))
    # The visceral side: from the left in front to the right behind, further right as it goes down.
    depth = np.maximum(-z - shape["hilum_mm"], 0) / size
    border = 12 - 0.62 * (y + 40) + 0.55 * depth + 0.0045 * depth**2 - 8 * (z > -200)
    side = (border - x) / np.sqrt(1 + 0.62**2 + 0.8**2)
    right = smooth_cut(right, side + 3 * trunk.texture["coarse"][box], 12)
    right = np.maximum(right, shape["tip_mm"] * 0.85 - (z + 2 * shape["tip_mm"] + 190) * 0.85)
    # The left lobe thins out to the left.
    lower = (-z - 82 * size - 0.25 * (y - 40) - 0.45 * np.minimum(x + 5, 0)) * 0.85
    liver = smooth_union(right, smooth_cut(left, lower, 10), 16)
    liver = smooth_union(liver, caudate, 10)
    # Fissure of the round ligament, porta hepatis, and what presses into the liver.
    gap = shape["fissure_mm"] * (0.3 + np.clip((-z - 35) / 30, 0, 1.6))
    gap = gap * np.clip((y - 34) / 26, 0.2, 1.3)
    fissure = np.maximum(np.abs(x + 18 + 0.12 * (y - 40)) - gap, 38 - y - 0.3 * z)
    fissure = np.maximum(fissure, z + 40)
    porta = capsule(points, PORTAL[1], PORTAL[2] + [4, 4, 4], 12, 5)
    cava = trunk.cava[box] + 0.5
    kidney = kidney_distance(points, "right") - 4
    stomach = stomach_distance(points, shape) - 2
    gall = gallbladder_distance(points, shape) - 1.5
    spine = np.hypot(x / 1.5, y + 44) - 26
    for hollow in (fissure, porta, cava, kidney, stomach, gall, spine):
        liver = smooth_cut(liver, -hollow, 3)
    walls = (trunk.abdomen[box] + 1.5, trunk.cavity[box] + 0.8)
    distance[box] = np.maximum.reduce([liver, *walls])
    return distance


def gallbladder_distance(points: np.ndarray, shape: dict[str, float]) -> np.ndarray:
    """Signed distance of points (3, …) to the gallbladder, mm."""
    size = shape["gallbladder"]
    return ellipsoid(points, (44, 48, -112), (14 * size, 22 * size, 27 * size))


def paint_liver(trunk: Trunk, hu: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """Paint liver, vessels and gallbladder, and mark the liver; returns its signed distance."""
    canvas, shape = trunk.canvas, trunk.shape
    liver = liver_distance(trunk)
    inside = canvas.cover(liver)
    texture = 2.0 * trunk.texture["coarse"] + 1.2 * trunk.texture["middle"]
    canvas.paint(inside, hu["liver"] + texture, organ="liver")
    canvas.mark("liver", inside)
    leaves = points_inside(canvas, liver, 240, 5.0, rng)
    portal = [(PORTAL[-1], *line) for line in PORTAL_BRANCHES]
    veins = [
        CAVAL_MOUTH + np.outer([0.0, 0.3, 0.6], np.subtract(target, CAVAL_MOUTH))
        for target in HEPATIC_VEINS
    ]
    half = len(leaves) // 2
    _paint_trees(canvas, liver, portal, leaves[:half], 5.6, hu["portal"])
    _paint_trees(canvas, liver, veins, leaves[half:], 5.6, hu["hepatic_vein"])
    box = canvas.box((10, 5, -160), (80, 90, -60))
    if box is not None:
        gall = gallbladder_distance(canvas.points[:, *box], shape)
        canvas.fill(gall - 1.2, hu["bowel_wall"], box, "gallbladder")
        canvas.fill(gall + 0.8, hu["gallbladder"], box)
    return liver


def _paint_trees(canvas: HounsfieldCanvas, liver, roots: list, leaves, radius: float, hu) -> None:
    """Paint some trees into the liver: every leaf belongs to the root whose end is nearest."""
    if len(leaves) == 0:
        return
    ends = np.array([np.asarray(root)[-1] for root in roots])
    nearest = np.linalg.norm(leaves[:, None] - ends, axis=2).argmin(axis=1)
    for number, root in enumerate(roots):
        own = leaves[nearest == number]
        if len(own):
            paint_tree(canvas, liver, np.asarray(root), own, radius, hu, 0.0, "liver_vessel")


def paint_tumours(
    trunk: Trunk,
    liver: np.ndarray,
    hu: dict[str, float],
    count: int,
    rng: np.random.Generator,
    phase: str,
) -> list[dict[str, float | str]]:
    """Paint up to `count` tumours into the liver and mark them.

    Args:
        trunk: holds the canvas.
        liver: signed distance to the liver, mm.
        hu: of this subject.
        count: how many.
        rng: draws place, size, kind and border.
        phase: decides the contrast, see `CONTRAST_HU`.

    Returns:
        What was painted: kind, radius_mm, contrast_hu (how far its mean lies below the liver).
    """
    canvas, painted = trunk.canvas, []
    canvas.mark("tumour", 0.0)
    for centre in points_inside(canvas, liver, count, 7.0, rng):
        kind = str(rng.choice(TUMOUR_KINDS, p=(0.45, 0.3, 0.1, 0.15)))
        radius = float(np.clip(np.exp(rng.normal(np.log(11), 0.55)), 4, 38))
        contrast = float(rng.uniform(*CONTRAST_HU[kind][PHASES.index(phase)]))
        box = canvas.box(centre - 1.8 * radius - 4, centre + 1.8 * radius + 4)
        distance = _tumour_distance(canvas, box, centre, radius, rng)
        inside = canvas.cover(distance / rng.uniform(1.0, 1.8))
        inside = np.minimum(inside, canvas.marked["liver"][box])  # never beyond the liver
        rim = 8.0 if phase == "plain" else 28.0
        pattern = _tumour_pattern(canvas, distance, radius, kind, rim, trunk.texture["fine"][box])
        pattern -= (inside * pattern).sum() / max(inside.sum(), 1e-6)
        canvas.paint(inside, hu["liver"] - contrast + pattern, box, "tumour")
        canvas.mark("tumour", inside, box)
        painted.append({"kind": kind, "radius_mm": radius, "contrast_hu": contrast})
    return painted


def _tumour_distance(
    canvas: HounsfieldCanvas, box: Box, centre: np.ndarray, radius: float, rng: np.random.Generator
) -> np.ndarray:
    """Signed distance to one tumour with a smooth irregular border, mm."""
    radii = radius * rng.uniform(0.8, 1.2, 3)
    points = canvas.points[:, *box]
    distance = ellipsoid(points, centre, radii)
    for _ in range(int(rng.integers(0, 3))):  # lobes
        lobe = centre + rng.normal(0, 0.55 * radius, 3)
        distance = smooth_union(distance, ellipsoid(points, lobe, 0.6 * radii), 0.4 * radius)
    bumps = random_field(rng, distance.shape, canvas.spacing_mm, max(0.7 * radius, 5.0))
    return distance + 0.12 * radius * bumps


def _tumour_pattern(
    canvas: HounsfieldCanvas,
    distance: np.ndarray,
    radius: float,
    kind: str,
    rim_hu: float,
    fine: np.ndarray,
) -> np.ndarray:
    """HU around a tumour's mean, by kind: even, with a bright rim and a dark middle, with chalk."""
    pattern = 3 * fine
    if kind == "rim":
        rim = max(2.0, 0.22 * radius)
        pattern += rim_hu * canvas.cover(np.abs(distance + 0.5 * rim) - 0.5 * rim)
        pattern -= 15 * canvas.cover(distance + 0.55 * radius)
    elif kind == "calcified":
        specks = np.clip(2 * (fine - 1.4), 0, 1) * canvas.cover(distance + 0.3 * radius)
        pattern += 300.0 * specks
    elif kind == "hypervascular":
        pattern += 5 * fine
    return pattern
