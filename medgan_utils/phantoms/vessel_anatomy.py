"""Vessels: trees that branch as Murray's law says, and the great ones with their branches.

Positions are millimetres in the frame of `abdomens`, placed by eye on abdominal CT.
"""

from __future__ import annotations

import numpy as np

from .canvas import HounsfieldCanvas
from .solids import capsule

AORTA = [(-14, -22, 60), (-12, -18, -20), (-7, -13, -80), (-3, -12, -130), (-1, -14, -190)]
PORTAL = np.array([[8, 15, -106], [18, 15, -92], [31, 12, -76]], float)
"""From the confluence of its two roots to where it divides at the porta hepatis."""
CAVAL_MOUTH = np.array([21.0, -6.0, -18.0])
"""Where the hepatic veins join the vena cava, just below the diaphragm."""


def cava_line(shape: dict[str, float]) -> np.ndarray:
    """Return the vena cava from the right atrium down (n, 3), mm."""
    return np.array(
        [
            (8, 16, shape["heart_z_mm"] - 4),
            (17, 4, shape["heart_z_mm"] - 26),
            CAVAL_MOUTH,
            (24, -9, -50),
            (22, -10, -85),
            (17, -13, -125),
            (13, -15, -160),
            (11, -16, -196 + shape["fork_mm"]),
        ]
    )


def cava_distance(canvas: HounsfieldCanvas, shape: dict[str, float]) -> np.ndarray:
    """Signed distance (X, Y, Z) to the vena cava, mm: wide at the liver, oval below it."""
    distance = np.full(canvas.hu.shape, 60, np.float32)
    box = canvas.box((-15, -45, -400), (50, 45, 200))
    if box is None:
        return distance
    points = canvas.points[:, *box].copy()
    line, flat = cava_line(shape), shape["cava_flat"]
    points[1] *= flat
    line[:, 1] *= flat
    radii = shape["cava_mm"] * np.array([1.3, 1.1, 1.25, 1.15, 1.0, 0.95, 0.85, 0.8])
    pieces = zip(line[:-1], line[1:], radii[:-1], radii[1:], strict=True)
    for a, b, ra, rb in pieces:
        distance[box] = np.minimum(distance[box], capsule(points, a, b, ra, rb))
    return distance


def paint_vessels(
    canvas: HounsfieldCanvas,
    cava: np.ndarray,
    hu: dict[str, float],
    shape: dict[str, float],
    rng: np.random.Generator,
) -> None:
    """Paint the great vessels, from behind to the front.

    Args:
        canvas: painted.
        cava: signed distance to the vena cava, mm.
        hu: of this subject.
        shape: of this subject.
        rng: draws their bends.
    """
    vein, artery = hu["portal"], hu["aorta"]

    def tube(line: list, radii, value: float, sd: float = 1.5, pieces: int = 8) -> np.ndarray:
        line = wander(line, rng, sd, pieces)
        ends = np.linspace(0, 1, pieces)
        radii = np.interp(ends, np.linspace(0, 1, np.size(radii)), np.atleast_1d(radii))
        canvas.tube(line, radii, value, organ="vessel")
        return line

    thick, fork = shape["aorta_mm"], -196 + shape["fork_mm"]
    tube([(-44, -34, -112), (-6, 0, -110), (20, -8, -108)], (3.4, 4.6), hu["vena_cava"])
    tube([(-8, -16, -112), (-26, -26, -114), (-46, -36, -112)], (3.0, 2.4), artery)
    tube([(-6, -17, -116), (20, -24, -118), (46, -36, -126)], (3.0, 2.4), artery)
    tube([(22, -10, -118), (46, -34, -126)], (5.0, 3.8), hu["vena_cava"])
    canvas.fill(cava, hu["vena_cava"], organ="vessel")
    for side in (-1, 1):
        x = 11 + side * np.array([0, 18, 42])
        start = [(x[0], -16, fork), (x[1], -22, fork - 40), (x[2], -16, fork - 90)]
        tube(start, 0.75 * shape["cava_mm"], hu["vena_cava"])
        start = [(-1, -14, fork + 6), (side * 17, -14, fork - 30), (side * 40, -8, fork - 90)]
        tube(start, (0.7 * thick, 0.55 * thick), artery)
    line = [*AORTA, (-1, -14, fork + 4)]
    aorta = tube(line, thick * np.array([1.12, 1.08, 0.98, 0.85, 0.74, 0.7]), artery, 1.5, 18)
    _paint_calcium(canvas, aorta, shape, rng)
    tube([(-9, -8, -62), (-4, 8, -62), (20, 16, -70), (30, 18, -76)], (3.2, 2.2), artery)
    tube([(-4, 8, -62), (-40, 0, -60), (-84, -24, -60)], (2.8, 2.0), artery, 5, 14)
    tube([(-9, -6, -82), (-6, 8, -94), (-3, 15, -150), (4, 20, -230)], (3.8, 2.6), artery)
    splenic = [(-90, -28, -66), (-50, -6, -74), (-18, 6, -86), (8, 14, -106)]
    tube(splenic, (3.6, 5.0), vein, 3, 12)
    tube([(8, 15, -106), (11, 19, -150), (8, 25, -230)], (6.2, 4.0), vein, 2)
    tube(list(PORTAL), 7.0, vein, 0.5, 6)


def _paint_calcium(canvas: HounsfieldCanvas, aorta, shape, rng: np.random.Generator) -> None:
    """Plaques in the aorta's wall."""
    for _ in range(int(12 * shape["calcium"])):
        place, turn = aorta[rng.integers(len(aorta))], rng.uniform(0, 2 * np.pi)
        size = rng.uniform(0.8, 2.2)
        edge = place + 0.9 * shape["aorta_mm"] * np.array([np.cos(turn), np.sin(turn), 0])
        canvas.solid(edge, (size, size, 3 * size), 650)


def paint_mesentery(
    canvas: HounsfieldCanvas, cavity: np.ndarray, hu: dict[str, float], rng: np.random.Generator
) -> None:
    """Paint small vessels in the fat between the loops of bowel; `cavity` as in `Trunk`."""
    for _ in range(80):
        start = rng.uniform([-70, -15, -200], [60, 60, -50])
        line = wander(start + np.cumsum(rng.normal(0, 11, (3, 3)), 0), rng, 0, 5)
        value = hu[str(rng.choice(["portal", "aorta"]))] - 15
        canvas.tube(line, rng.uniform(0.8, 2.4), value, organ="vessel", within=cavity)


def wander(line: list, rng: np.random.Generator, sd_mm: float, pieces: int) -> np.ndarray:
    """Return a smooth line (pieces, 3) through points displaced by so much, mm."""
    from scipy.interpolate import CubicSpline

    line = np.asarray(line, float) + rng.normal(0, sd_mm, (len(line), 3))
    places = np.linspace(0, len(line) - 1, pieces)
    return CubicSpline(np.arange(len(line)), line)(places).astype(np.float32)


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


def paint_tree(
    canvas: HounsfieldCanvas,
    organ_distance: np.ndarray,
    root: np.ndarray,
    leaves: np.ndarray,
    radius: float,
    hu: float,
    within_mm: float = 1.0,
    organ: str | None = None,
) -> None:
    """Paint a tree of `grow_tree` where it runs so deep below an organ's surface.

    Args:
        canvas: painted.
        organ_distance: (X, Y, Z) signed distance to the organ, mm.
        root: as of `grow_tree`.
        leaves: as of `grow_tree`.
        radius: at the mouth, mm.
        hu: of the blood.
        within_mm: how deep.
        organ: that the tree counts to.
    """
    for start, end, first, last in grow_tree(np.asarray(root, float), leaves, radius):
        if max(first, last) < 0.5:
            continue
        reach = first + 3
        box = canvas.box(np.minimum(start, end) - reach, np.maximum(start, end) + reach)
        if box is None:
            continue
        distance = capsule(canvas.points[:, *box], start, end, first, last)
        canvas.fill(np.maximum(distance, organ_distance[box] + within_mm), hu, box, organ)


def points_inside(
    canvas: HounsfieldCanvas,
    distance: np.ndarray,
    count: int,
    depth_mm: float,
    rng: np.random.Generator,
) -> np.ndarray:
    """Points (n, 3) spread over an organ, so deep below its surface; none where it is not seen."""
    found = np.flatnonzero(distance.ravel() < -depth_mm)
    if len(found) == 0:
        return np.zeros((0, 3))
    chosen = rng.choice(found, count)
    return canvas.points.reshape(3, -1)[:, chosen].T.astype(float)
