"""Signed distances to solids, how they are joined and cut, and smooth random fields.

Distances are in millimetres, negative inside, at points (3, ...) that hold x, y, z in mm.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.interpolate import BSpline


def grid_points(axes: Sequence[np.ndarray]) -> np.ndarray:
    """Return the points (3, X, Y, Z) of a grid from its coordinates along x, y and z."""
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def ellipsoid(points: np.ndarray, centre: Sequence[float], radii: Sequence[float]) -> np.ndarray:
    """Approximate signed distance to an ellipsoid, mm, good near its surface."""
    offset = [(points[a] - np.float32(centre[a])) / np.float32(radii[a]) for a in range(3)]
    level = np.sqrt(sum(o * o for o in offset))
    slope = np.sqrt(sum((o / np.float32(radii[a])) ** 2 for a, o in enumerate(offset)))
    return (level - 1) * level / np.maximum(slope, 1e-4)


def stretched(offsets: Sequence[np.ndarray], radii: Sequence) -> np.ndarray:
    """Signed distance to an ellipse or ellipsoid, too small where it is long; cheap, mm.

    Args:
        offsets: from the centre along each axis, mm.
        radii: along each axis, mm; numbers, or arrays like the offsets.
    """
    level = np.sqrt(sum((o / r) ** 2 for o, r in zip(offsets, radii, strict=True)))
    return (level - 1) * np.minimum.reduce(radii)


def capsule(points: np.ndarray, a: np.ndarray, b: np.ndarray, ra: float, rb: float) -> np.ndarray:
    """Signed distance to a segment from a to b, its radius going from ra to rb."""
    a, along = np.asarray(a, np.float32), np.asarray(b - a, np.float32)
    offset = [points[axis] - a[axis] for axis in range(3)]
    length2 = max(float(along @ along), 1e-6)
    share = np.clip(sum(o * d for o, d in zip(offset, along, strict=True)) / length2, 0, 1)
    squared = sum((o - share * d) ** 2 for o, d in zip(offset, along, strict=True))
    return np.sqrt(squared) - (ra + (rb - ra) * share)


def smooth_union(first: np.ndarray, second: np.ndarray, width_mm: float) -> np.ndarray:
    """Union of two signed distances with a fillet (polynomial smooth minimum)."""
    mix = np.clip(0.5 + 0.5 * (second - first) / width_mm, 0, 1)
    return second + (first - second) * mix - width_mm * mix * (1 - mix)


def smooth_cut(first: np.ndarray, second: np.ndarray, width_mm: float) -> np.ndarray:
    """Intersection of two signed distances with a rounded edge."""
    return -smooth_union(-first, -second, width_mm)


def random_field(
    rng: np.random.Generator,
    shape: Sequence[int],
    spacing_mm: float | Sequence[float],
    knot_mm: float,
) -> np.ndarray:
    """Smooth random field of unit variance: normal numbers at knots, cubic B-splines between.

    The knots are fixed to the edges of the volume, so the same generator gives the same field at
    every spacing as long as shape times spacing is the same.

    Args:
        rng: source of the numbers.
        shape: (X, Y, Z) of the field.
        spacing_mm: edges of its voxels, one number or one an axis.
        knot_mm: distance of the knots.

    Returns:
        shape float32.
    """
    steps = np.broadcast_to(np.asarray(spacing_mm, float), len(shape)) / knot_mm
    x, y, z = (_splines(size, step) for size, step in zip(shape, steps, strict=True))
    field = rng.standard_normal([x.shape[1], y.shape[1], z.shape[1]], dtype=np.float32)
    field = (x @ field.reshape(len(field), -1)).reshape(len(x), *field.shape[1:])
    return np.matmul(y, field) @ z.T


def _splines(size: int, step: float) -> np.ndarray:
    """(size, knots) float32 values of cubic B-splines at voxel centres, squares summing to 1."""
    positions, count = step * (np.arange(size) + 0.5), int(np.ceil(step * size)) + 3
    splines = BSpline.design_matrix(positions, np.arange(-3.0, count + 1), 3).toarray()
    return (splines / np.sqrt((splines**2).sum(1, keepdims=True))).astype(np.float32)
