"""A canvas of Hounsfield units on which soft-edged solids are painted, and smooth random fields.

Positions are millimetres in the phantom's frame: x to the patient's right, y to the front, z up,
the origin in the middle of the trunk at the level of the liver's dome.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Box = tuple[slice, slice, slice]


class Canvas:
    """HU being painted; later paint covers earlier paint in proportion to its coverage.

    Attributes:
        points: (3, X, Y, Z) float32, what every voxel shows, mm in the phantom's frame.
        spacing_mm: edges of a voxel (x, y, z) in that frame.
        hu: (X, Y, Z) float32.
        marked: name -> (X, Y, Z) float32 coverage from 0 to 1 of what must stay known (liver,
            tumour).
    """

    def __init__(self, points: np.ndarray, spacing_mm: Sequence[float], hu: float = -1000.0):
        self.points = points
        self.spacing_mm = tuple(spacing_mm)
        self.hu = np.full(points.shape[1:], hu, np.float32)
        self.marked: dict[str, np.ndarray] = {}

    @property
    def whole(self) -> Box:
        """The box of all voxels."""
        return tuple(slice(0, size) for size in self.hu.shape)

    def box(self, low: Sequence[float], high: Sequence[float]) -> Box | None:
        """Voxels that may show points between two corners (mm); None if there are none."""
        inside = []
        for axis in range(3):
            line = self._extent(axis)
            hit = np.flatnonzero((line[1] >= low[axis]) & (line[0] <= high[axis]))
            if len(hit) == 0:
                return None
            inside.append(slice(int(hit[0]), int(hit[-1]) + 1))
        return tuple(inside)

    def _extent(self, axis: int) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest coordinate found in every plane across an axis."""
        if not hasattr(self, "_extents"):
            axes = [tuple({0, 1, 2} - {axis}) for axis in range(3)]
            self._extents = [
                (self.points[a].min(axes[a]), self.points[a].max(axes[a])) for a in range(3)
            ]
        return self._extents[axis]

    def cover(self, distance: np.ndarray) -> np.ndarray:
        """Share of every voxel that lies inside, from a signed distance (mm, negative inside).

        A voxel is seen as thick as its edges along the distance's own gradient, so that a slanting
        surface is smeared over a thick slice as in a scanner (partial volume).
        """
        inside = (distance < 0).astype(np.float32)
        reach = 0.5 * float(np.linalg.norm(self.spacing_mm))
        edge = np.nonzero(np.abs(distance) < reach)  # all other voxels lie on one side
        width = np.zeros(len(edge[0]), np.float32)
        for axis, size in enumerate(self.spacing_mm):
            before, after = list(edge), list(edge)
            before[axis] = np.maximum(edge[axis] - 1, 0)
            after[axis] = np.minimum(edge[axis] + 1, distance.shape[axis] - 1)
            apart = np.maximum(after[axis] - before[axis], 1)
            step = (distance[tuple(after)] - distance[tuple(before)]) / apart
            width += np.clip(step, -size, size) ** 2
        inside[edge] = np.clip(0.5 - distance[edge] / np.sqrt(np.maximum(width, 0.04)), 0, 1)
        return inside

    def paint(self, box: Box, coverage: np.ndarray, hu: np.ndarray | float) -> None:
        """Cover a box with HU in proportion to a coverage from 0 to 1."""
        part = self.hu[box]
        part += coverage * (hu - part)

    def mark(self, name: str, box: Box, coverage: np.ndarray) -> None:
        """Remember a coverage under a name; where two meet, the larger one."""
        marked = self.marked.setdefault(name, np.zeros_like(self.hu))
        marked[box] = np.maximum(marked[box], coverage)

    def fill(self, distance: np.ndarray, hu: np.ndarray | float, box: Box | None = None) -> None:
        """Paint where a signed distance (mm) is negative."""
        box = self.whole if box is None else box
        self.paint(box, self.cover(distance), hu)

    def ellipsoid(
        self, centre: Sequence[float], radii: Sequence[float], margin: float = 3.0
    ) -> tuple[Box, np.ndarray] | None:
        """Box and signed distance (mm) of an ellipsoid; None if it lies outside the canvas."""
        centre, radii = np.asarray(centre, np.float32), np.asarray(radii, np.float32)
        box = self.box(centre - radii - margin, centre + radii + margin)
        return None if box is None else (box, ellipsoid(self.points[:, *box], centre, radii))

    def solid(
        self, centre: Sequence[float], radii: Sequence[float], hu: np.ndarray | float
    ) -> None:
        """Paint an ellipsoid."""
        found = self.ellipsoid(centre, radii)
        if found is not None:
            self.fill(found[1], hu, found[0])

    def tube(
        self,
        line: np.ndarray,
        radii: np.ndarray | float,
        hu: np.ndarray | float,
        wall: float | None = None,
    ) -> None:
        """Paint a tube along a broken line.

        Args:
            line: (n, 3) points, mm.
            radii: at the points, (n,) or one for all, mm.
            hu: of the content; one number, or (X, Y, Z) for the whole canvas.
            wall: HU of a wall 2 mm thick around it, or None.
        """
        line = np.asarray(line, np.float32)
        radii = np.broadcast_to(np.asarray(radii, np.float32), len(line))
        pieces = []
        for a, b, ra, rb in zip(line[:-1], line[1:], radii[:-1], radii[1:], strict=True):
            reach = max(ra, rb) + 5
            box = self.box(np.minimum(a, b) - reach, np.maximum(a, b) + reach)
            if box is not None:
                pieces.append((box, capsule(self.points[:, *box], a, b, ra, rb)))
        for extra, value in ((2.0, wall), (0.0, hu)):
            for box, distance in pieces if value is not None else ():
                inside = value[box] if isinstance(value, np.ndarray) else value
                self.fill(distance - extra, inside, box)


def ellipsoid(points: np.ndarray, centre: Sequence[float], radii: Sequence[float]) -> np.ndarray:
    """Approximate signed distance of points (3, …) to an ellipsoid, mm, good near its surface."""
    offset = [(points[a] - np.float32(centre[a])) / np.float32(radii[a]) for a in range(3)]
    level = np.sqrt(sum(o * o for o in offset))
    slope = np.sqrt(sum((o / np.float32(radii[a])) ** 2 for a, o in enumerate(offset)))
    return (level - 1) * level / np.maximum(slope, 1e-4)


def capsule(points: np.ndarray, a: np.ndarray, b: np.ndarray, ra: float, rb: float) -> np.ndarray:
    """Signed distance of points (3, …) to a segment from a to b, its radius going from ra to rb."""
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


def noise_field(
    rng: np.random.Generator,
    shape: Sequence[int],
    spacing_mm: Sequence[float],
    knot_mm: float | Sequence[float],
) -> np.ndarray:
    """Smooth random field of about unit variance: normal numbers at knots, cubic B-splines between.

    Args:
        rng: source of the numbers.
        shape: (X, Y, Z) of the field.
        spacing_mm: edges of its voxels.
        knot_mm: distance of the knots, one number or one an axis.

    Returns:
        float32 of that shape.
    """
    knots = np.broadcast_to(np.asarray(knot_mm, float), len(shape))
    weights = [
        _spline_weights(size, spacing / knot)
        for size, spacing, knot in zip(shape, spacing_mm, knots, strict=True)
    ]
    field = rng.standard_normal([w.shape[1] for w in weights], dtype=np.float32)
    x, y, z = weights
    field = (x @ field.reshape(len(field), -1)).reshape(len(x), *field.shape[1:])
    return np.matmul(y, field) @ z.T


def _spline_weights(size: int, step: float) -> np.ndarray:
    """(size, knots) weights of cubic B-splines, scaled to unit variance on average."""
    position = np.arange(size) * step
    knots = np.arange(int(position[-1]) + 4)
    t = np.abs(position[:, None] - (knots[None] - 1))
    weight = np.where(t < 1, 2 / 3 - t**2 + t**3 / 2, np.where(t < 2, (2 - t) ** 3 / 6, 0))
    return (weight / np.sqrt((weight**2).sum(1, keepdims=True))).astype(np.float32)
