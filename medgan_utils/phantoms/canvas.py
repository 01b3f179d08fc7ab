"""What solids are painted on: tissue fractions for a head, Hounsfield units for an abdomen.

A head is imaged in seven ways, so it is kept as fractions of tissues; an abdomen is only seen by a
CT scanner and painted in its HU at once, on voxels that are thicker than wide. Later paint covers
earlier paint in proportion to its coverage.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .mr_physics import TISSUE_NAMES
from .organs import BODY_TISSUES
from .solids import capsule, ellipsoid

Box = tuple[slice, slice, slice]
WHOLE: Box = (slice(None),) * 3


class Canvas:
    """Points that every voxel shows, and which voxels show a region.

    Attributes:
        points: (3, X, Y, Z) float32, mm in the phantom's frame (MNI space for a head).
    """

    def __init__(self, points: np.ndarray):
        self.points = points

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


class TissueCanvas(Canvas):
    """Tissue fractions being painted.

    Attributes:
        points: (3, X, Y, Z) float32, MNI position that every voxel of the subject shows, mm.
        fractions: (tissues, X, Y, Z) float32, summing to 1 in every voxel.
        spacing_mm: voxel edge, mm.
    """

    def __init__(self, points: np.ndarray, spacing_mm: float):
        super().__init__(points)
        self.spacing_mm = spacing_mm
        self.fractions = np.zeros((len(TISSUE_NAMES), *points.shape[1:]), np.float32)
        self.fractions[0] = 1

    def cover(self, distance: np.ndarray) -> np.ndarray:
        """Share of every voxel inside, from a signed distance (mm); its edge is a voxel wide."""
        return np.clip(0.5 - distance / self.spacing_mm, 0, 1)

    def paint(self, tissue: str, coverage: np.ndarray, box: Box = WHOLE) -> None:
        """Cover with one tissue; `coverage` from 0 to 1, as large as the box."""
        tight = _tight(coverage > 0)
        part, coverage = self.fractions[:, *box][:, *tight], coverage[tight]
        part *= 1 - coverage
        part[TISSUE_NAMES.index(tissue)] += coverage

    def fill(
        self,
        tissue: str,
        distance: np.ndarray,
        where: np.ndarray | float = 1.0,
        box: Box = WHOLE,
    ) -> None:
        """Cover where a signed distance (mm) is negative, times `where` (0 to 1)."""
        self.paint(tissue, self.cover(distance) * where, box)

    def solid(self, tissue: str, centre, radii, where: np.ndarray | float = 1.0, both=True) -> None:
        """Fill an ellipsoid (mm); with `both`, also its mirror image across the midline.

        `where` is one number, or as large as the canvas.
        """
        radii = np.asarray(radii, np.float32)
        for side in (1, -1) if both else (1,):
            middle = np.asarray(centre, np.float32) * (side, 1, 1)
            box = self.box(middle - radii - self.spacing_mm, middle + radii + self.spacing_mm)
            if box is not None:
                distance = ellipsoid(self.points[:, *box], middle, radii)
                self.fill(tissue, distance, where[box] if np.ndim(where) else where, box)


def _tight(painted: np.ndarray) -> Box:
    """Return the smallest box that holds what is painted."""
    box = []
    for axis in range(3):
        hit = np.flatnonzero(painted.any(tuple({0, 1, 2} - {axis})))
        box.append(slice(hit[0], hit[-1] + 1) if len(hit) else slice(0, 0))
    return tuple(box)


class HounsfieldCanvas(Canvas):
    """HU being painted.

    Attributes:
        points: (3, X, Y, Z) float32, what every voxel shows, mm in the phantom's frame.
        spacing_mm: edges of a voxel (x, y, z) in that frame.
        hu: (X, Y, Z) float32.
        organs: (X, Y, Z) uint8, codes of `BODY_TISSUES`: the last that covered half of the voxel.
        marked: name -> (X, Y, Z) float32 coverage from 0 to 1 of what must stay known (liver,
            tumour).
    """

    def __init__(self, points: np.ndarray, spacing_mm: Sequence[float]):
        super().__init__(points)
        self.spacing_mm = tuple(spacing_mm)
        self.hu = np.full(points.shape[1:], -1000, np.float32)
        self.organs = np.zeros(points.shape[1:], np.uint8)
        self.marked: dict[str, np.ndarray] = {}

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

    def paint(
        self,
        coverage: np.ndarray,
        hu: np.ndarray | float,
        box: Box = WHOLE,
        organ: str | None = None,
    ) -> None:
        """Cover with HU in proportion to a coverage from 0 to 1; None leaves the organ as it is."""
        part = self.hu[box]
        part += coverage * (hu - part)
        if organ is not None:
            self.organs[box][coverage > 0.5] = BODY_TISSUES[organ]

    def mark(self, name: str, coverage: np.ndarray | float, box: Box = WHOLE) -> None:
        """Remember a coverage under a name; where two meet, the larger one."""
        marked = self.marked.setdefault(name, np.zeros_like(self.hu))
        marked[box] = np.maximum(marked[box], coverage)

    def fill(
        self,
        distance: np.ndarray,
        hu: np.ndarray | float,
        box: Box = WHOLE,
        organ: str | None = None,
    ) -> None:
        """Paint where a signed distance (mm) is negative."""
        self.paint(self.cover(distance), hu, box, organ)

    def solid(
        self, centre: Sequence[float], radii: Sequence[float], hu: float, organ: str | None = None
    ) -> None:
        """Paint an ellipsoid."""
        centre, radii = np.asarray(centre, np.float32), np.asarray(radii, np.float32)
        box = self.box(centre - radii - 3, centre + radii + 3)
        if box is not None:
            self.fill(ellipsoid(self.points[:, *box], centre, radii), hu, box, organ)

    def tube(
        self,
        line: np.ndarray,
        radii: np.ndarray | float,
        hu: np.ndarray | float,
        wall: float | None = None,
        organ: str | None = None,
        within: np.ndarray | None = None,
    ) -> None:
        """Paint a tube along a broken line.

        Args:
            line: (n, 3) points, mm.
            radii: at the points, (n,) or one for all, mm.
            hu: of the content; one number, or (X, Y, Z) for the whole canvas.
            wall: HU of a wall 2 mm thick around it, or None.
            organ: that it belongs to; None leaves what was there.
            within: (X, Y, Z) signed distance to what it must not leave, mm.
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
                if within is not None:
                    distance = np.maximum(distance, within[box] + extra)
                self.fill(distance - extra, inside, box, organ)
