"""The liver: its lobes, two vessel trees that branch as Murray's law says, gallbladder and tumours.

Positions are millimetres in the frame of `abdomens`; the liver lies at positive x, on the
patient's right.
"""

from __future__ import annotations

import numpy as np

from .canvas import Box, HounsfieldCanvas
from .organ_anatomy import CAVA, PORTAL, kidney_distance, stomach_distance
from .solids import capsule, ellipsoid, random_field, smooth_cut, smooth_union
from .trunk_anatomy import Trunk

TUMOUR_KINDS = ("hypodense", "rim", "calcified")


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
    left = ellipsoid(points, (-10 - shape["left_lobe_mm"], 48, -46), (76, 42, 44 * size))
    caudate = ellipsoid(points, (8, 2, -52), (20, 18, 26))
    # The visceral side: from the left in front to the right behind, further right as it goes down.
    depth = np.maximum(-z - shape["hilum_mm"], 0) / size
    border = 12 - 0.62 * (y + 40) + 0.55 * depth + 0.0045 * depth**2 - 8 * (z > -200)
    side = (border - x) / np.sqrt(1 + 0.62**2 + 0.8**2)
    right = smooth_cut(right, side + 3 * trunk.texture["coarse"][box], 12)
    right = np.maximum(right, shape["tip_mm"] * 0.85 - (z + 2 * shape["tip_mm"] + 190) * 0.85)
    lower = (-z - 82 * size - 0.25 * (y - 40)) * 0.9
    liver = smooth_union(right, smooth_cut(left, lower, 10), 16)
    liver = smooth_union(liver, caudate, 10)
    # Fissure of the round ligament, porta hepatis, and what presses into the liver.
    fissure = np.maximum(np.abs(x + 18 + 0.12 * (y - 40)) - shape["fissure_mm"], 38 - y - 0.3 * z)
    fissure = np.maximum(fissure, z + 40)
    porta = capsule(points, PORTAL[1], PORTAL[2] + [4, 4, 4], 12, 5)
    cava = cava_distance(points, shape)
    kidney = kidney_distance(points, "right") - 4
    stomach = stomach_distance(points, shape) - 2
    gall = gallbladder_distance(points, shape) - 1.5
    spine = np.hypot(x / 1.5, y + 44) - 26
    for hollow in (fissure, porta, cava, kidney, stomach, gall, spine):
        liver = smooth_cut(liver, -hollow, 3)
    walls = (trunk.abdomen[box] + 3.0, trunk.cavity[box] + 2.0)
    distance[box] = np.maximum.reduce([liver, *walls])
    return distance


def cava_distance(points: np.ndarray, shape: dict[str, float]) -> np.ndarray:
    """Signed distance of points (3, …) to the vena cava behind the liver, mm."""
    return capsule(points, CAVA[1], CAVA[2], shape["cava_mm"], shape["cava_mm"])


def gallbladder_distance(points: np.ndarray, shape: dict[str, float]) -> np.ndarray:
    """Signed distance of points (3, …) to the gallbladder, mm."""
    size = shape["gallbladder"]
    return ellipsoid(points, (44, 48, -112), (14 * size, 22 * size, 27 * size))


def grow_tree(
    root: np.ndarray, leaves: np.ndarray, root_radius: float
) -> list[tuple[np.ndarray, np.ndarray, float, float]]:
    """Grow a vessel tree: every leaf joins where the tree is nearest, the nearest leaves first.

    The radius of a branch goes with the cube root of the number of leaves behind it (Murray, PNAS
    12:207-214, 1926, doi:10.1073/pnas.12.3.207).

    Args:
        root: (n, 3) the trunk of the tree, from its mouth on, mm.
        leaves: (m, 3) mm.
        root_radius: at the mouth, mm.

    Returns:
        Segments (start, end, radius at start, radius at end).
    """
    nodes, parents = [np.asarray(p, float) for p in root], list(range(-1, len(root) - 1))
    order = np.argsort(np.linalg.norm(leaves - root[-1], axis=1))
    for leaf in leaves[order]:
        tree = np.array(nodes)
        away = leaf - tree
        length = np.linalg.norm(away, axis=1)
        parent = np.array([max(p, 0) for p in parents])
        ahead = tree - tree[parent]
        turn = (away * ahead).sum(1) / np.maximum(length * np.linalg.norm(ahead, axis=1), 1e-3)
        cost = length * (1.35 - 0.35 * turn)  # branches leave at acute angles
        joint = int(np.argmin(cost))
        steps = max(1, int(length[joint] / 12))
        for step in range(1, steps + 1):
            share = step / steps
            bend = 0.12 * length[joint] * share * (1 - share) * ahead[joint]
            bend = bend / max(np.linalg.norm(ahead[joint]), 1e-3)
            nodes.append(tree[joint] + away[joint] * share + bend)
            parents.append(joint if step == 1 else len(nodes) - 2)
    behind = np.zeros(len(nodes))
    behind[np.setdiff1d(np.arange(len(nodes)), parents)] = 1
    for node in range(len(nodes) - 1, 0, -1):
        behind[parents[node]] += behind[node]
    radii = root_radius * np.cbrt(behind / behind[0])
    return [
        (
            nodes[parent],
            nodes[node],
            radii[node] if parent >= len(root) else radii[parent],
            radii[node],
        )
        for node, parent in enumerate(parents)
        if parent >= 0
    ]


def paint_liver(trunk: Trunk, hu: dict[str, float], rng: np.random.Generator) -> np.ndarray:
    """Paint liver, vessels and gallbladder, and mark the liver; returns its signed distance."""
    canvas, shape = trunk.canvas, trunk.shape
    liver = liver_distance(trunk)
    inside = canvas.cover(liver)
    rim = canvas.cover(liver - 1.5) * (cava_distance(canvas.points, shape) > 0.5)
    canvas.paint(rim, hu["fat"])
    texture = 2.0 * trunk.texture["coarse"] + 1.2 * trunk.texture["middle"]
    canvas.paint(inside, hu["liver"] + texture)
    canvas.mark("liver", inside)
    leaves = _points_inside(canvas, liver, 260, 5.0, rng)
    half = len(leaves) // 2
    root = np.add(PORTAL, [[0, 0, 0], [0, 0, 0], [6, 2, 4]])
    _paint_tree(canvas, liver, root, leaves[:half], 6.5, hu["portal"])
    mouth = CAVA[1] + np.array([0, 0, -6.0])
    targets = [(70, -10, -45), (38, 42, -40), (-15, 48, -40)]
    groups = np.argmin(
        [np.linalg.norm(leaves[half:] - target, axis=1) for target in targets], axis=0
    )
    for group, target in enumerate(targets):
        root = mouth + np.outer([0.0, 0.3, 0.55], np.subtract(target, mouth))
        own = leaves[half:][groups == group]
        if len(own):
            _paint_tree(canvas, liver, root, own, 4.6, hu["hepatic_vein"])
    gall = gallbladder_distance(canvas.points, shape)
    canvas.fill(gall - 1.2, hu["bowel_wall"])
    canvas.fill(gall + 0.8, hu["gallbladder"])
    return liver


def _paint_tree(canvas: HounsfieldCanvas, liver, root, leaves, radius: float, hu: float) -> None:
    for start, end, first, last in grow_tree(np.asarray(root), leaves, radius):
        if max(first, last) < 0.5:
            continue
        reach = first + 3
        box = canvas.box(np.minimum(start, end) - reach, np.maximum(start, end) + reach)
        if box is None:
            continue
        distance = capsule(canvas.points[:, *box], start, end, first, last)
        canvas.fill(np.maximum(distance, liver[box] + 1), hu, box)


def _points_inside(
    canvas: HounsfieldCanvas,
    liver: np.ndarray,
    count: int,
    depth_mm: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Points (n, 3) spread over the liver, so deep below its surface."""
    found = np.flatnonzero(liver.ravel() < -depth_mm)
    if len(found) == 0:
        return np.zeros((0, 3))
    chosen = rng.choice(found, count)
    return canvas.points.reshape(3, -1)[:, chosen].T.astype(float)


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
        phase: contrast is weaker without a contrast agent.

    Returns:
        What was painted: kind, radius_mm, contrast_hu.
    """
    canvas, painted = trunk.canvas, []
    canvas.mark("tumour", 0.0)
    for centre in _points_inside(canvas, liver, count, 7.0, rng):
        kind = str(rng.choice(TUMOUR_KINDS, p=(0.55, 0.33, 0.12)))
        radius = float(np.clip(np.exp(rng.normal(np.log(11), 0.55)), 4, 38))
        contrast = float(rng.uniform(15, 50) * (0.55 if phase == "plain" else 1.0))
        box = canvas.box(centre - 1.8 * radius - 4, centre + 1.8 * radius + 4)
        distance = _tumour_distance(canvas, box, centre, radius, rng)
        inside = canvas.cover(distance / rng.uniform(1.0, 2.2)) * canvas.cover(liver[box] + 0.5)
        fine, level = trunk.texture["fine"][box], hu["liver"] - contrast
        rim_hu = level + (8 if phase == "plain" else 45)
        _paint_tumour(canvas, box, distance, inside, radius, kind, level, rim_hu, fine)
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


def _paint_tumour(
    canvas: HounsfieldCanvas, box: Box, distance, inside, radius, kind: str, hu, rim_hu, fine
) -> None:
    """Paint one tumour by kind: even, with a bright rim and a dark middle, or with chalk."""
    canvas.paint(inside, hu + 2 * fine, box)
    if kind == "rim":
        rim = max(2.0, 0.22 * radius)
        shell = canvas.cover(np.abs(distance + 0.5 * rim) - 0.5 * rim)
        canvas.paint(inside * shell, rim_hu, box)
        canvas.paint(inside * canvas.cover(distance + 0.55 * radius), hu - 15, box)
    elif kind == "calcified":
        specks = np.clip(2 * (fine - 0.5), 0, 1) * canvas.cover(distance + 0.25 * radius)
        canvas.paint(inside * specks, 380.0, box)
