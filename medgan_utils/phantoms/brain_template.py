"""The average brain from which every head is deformed, and the distances that its skull is made of.

Grey and white matter are the ICBM152 2009a symmetric maps that nilearn ships in its wheel (Fonov et
al., NeuroImage 54:313-327, 2011, doi:10.1016/j.neuroimage.2010.07.033); their notice is in
`data/README.md`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import ndimage

from .solids import grid_points

GRID_ORIGIN = np.array([-100.0, -140.0, -120.0])
GRID_SHAPE = (101, 121, 121)
GRID_MM = 2.0
"""The 2 mm grid on which distances are kept, mm of MNI space; its ends lie outside every scalp."""


@dataclass(frozen=True)
class Template:
    """Maps of the average brain, in MNI space.

    Attributes:
        tissues: (3, X, Y, Z) float32 at 1 mm, fractions of grey matter, white matter and ventricle,
            0 to 1.
        tissues_origin: (3,) MNI position of voxel (0, 0, 0), mm.
        depth: (101, 121, 121) float32 at 2 mm, signed distance to the inside of the skull, mm,
            inside < 0.
        outline: same grid, `depth` with its hollows filled and smoothed, for the outside of the
            skull.
        pial: same grid, signed distance to the brain's surface without its sulci, mm, inside < 0.
        push: (3, 101, 121, 121) float32, outward direction from the ventricles, fading over 15 mm.
    """

    tissues: np.ndarray
    tissues_origin: np.ndarray
    depth: np.ndarray
    outline: np.ndarray
    pial: np.ndarray
    push: np.ndarray

    def sample(self, name: str, points: np.ndarray) -> np.ndarray:
        """Interpolate a map linearly at MNI positions `points` (3, ...) in mm; constant outside."""
        if name == "tissues":
            index = points - self.tissues_origin.reshape(3, *[1] * (points.ndim - 1))
            return np.stack([_interpolate(each, index) for each in self.tissues])
        index = (points - GRID_ORIGIN.reshape(3, *[1] * (points.ndim - 1))) / GRID_MM
        grid = getattr(self, name)
        if grid.ndim == 4:
            return np.stack([_interpolate(each, index, "nearest") for each in grid])
        return _interpolate(grid, index, "nearest")


def _interpolate(grid: np.ndarray, index: np.ndarray, mode: str = "constant") -> np.ndarray:
    return ndimage.map_coordinates(grid, index, order=1, mode=mode, output=np.float32)


def signed_distance(inside: np.ndarray, spacing_mm: float) -> np.ndarray:
    """Distance to the border of a boolean mask, mm, negative inside."""
    outside = ndimage.distance_transform_edt(~inside, sampling=spacing_mm)
    within = ndimage.distance_transform_edt(inside, sampling=spacing_mm)
    return (outside - within).astype(np.float32)


def _close(inside: np.ndarray, radius_mm: float) -> np.ndarray:
    """Morphological closing with a ball: grown by its radius, then shrunk by it."""
    grown = ndimage.distance_transform_edt(~inside, sampling=GRID_MM).astype(np.float32) < radius_mm
    return ndimage.distance_transform_edt(grown, sampling=GRID_MM).astype(np.float32) > radius_mm


@lru_cache(maxsize=1)
def load_template() -> Template:
    """Read nilearn's maps and derive the distances; about 5 s, once a process, no network."""
    from nilearn.datasets import load_mni152_gm_template, load_mni152_wm_template

    grey_image, white_image = (
        load_mni152_gm_template(resolution=1),
        load_mni152_wm_template(resolution=1),
    )
    origin = grey_image.affine[:3, 3].astype(np.float64)
    grey, white = (np.clip(i.get_fdata(dtype=np.float32), 0, 1) for i in (grey_image, white_image))

    axes = [GRID_ORIGIN[a] + GRID_MM * np.arange(n) for a, n in enumerate(GRID_SHAPE)]
    grid = grid_points(axes)
    brain = _interpolate(grey + white, grid - origin.reshape(3, 1, 1, 1)) > 0.4
    surface = ndimage.binary_fill_holes(_close(brain, 4))
    skull = _close(surface, 10)
    depth, pial = signed_distance(skull, GRID_MM), signed_distance(surface, GRID_MM)

    box, ventricle = _ventricles(grey + white, pial, origin)
    grey[box] = _without_rim(grey[box], white[box], ventricle)
    fluid = np.zeros_like(grey)
    fluid[box] = ventricle
    on_grid = _interpolate(fluid, grid - origin.reshape(3, 1, 1, 1)) > 0.5
    away = ndimage.gaussian_filter(np.maximum(signed_distance(on_grid, GRID_MM), 0), 1.5)
    push = np.stack(np.gradient(away, GRID_MM)) * np.exp(-away / 15)
    return Template(
        tissues=np.stack([grey, white, fluid]),
        tissues_origin=origin,
        depth=ndimage.gaussian_filter(depth, 1.0),
        outline=ndimage.gaussian_filter(signed_distance(_close(skull, 24), GRID_MM), 4.0),
        pial=ndimage.gaussian_filter(pial, 0.7),
        push=push.astype(np.float32),
    )


def _ventricles(brain: np.ndarray, pial: np.ndarray, origin: np.ndarray) -> tuple:
    """Fluid deep inside the brain: the box of voxels it lies in, and its fraction there, 0 to 1."""
    low, high = np.array([-36, -62, -32]), np.array([37, 43, 35])
    box = tuple(slice(int(a), int(b)) for a, b in zip(low - origin, high - origin, strict=True))
    axes = [np.arange(a, b, dtype=np.float32) for a, b in zip(low, high, strict=True)]
    index = (grid_points(axes) - GRID_ORIGIN.reshape(3, 1, 1, 1)) / GRID_MM
    deep = _interpolate(pial, index, "nearest") < -8
    fluid = np.clip(1 - brain[box], 0, 1) * deep
    labels, _ = ndimage.label(fluid > 0.5)
    kept = np.isin(labels, 1 + np.flatnonzero(np.bincount(labels.ravel())[1:] > 150))
    return box, np.where(ndimage.binary_dilation(kept, iterations=2), fluid, 0).astype(np.float32)


def _without_rim(grey: np.ndarray, white: np.ndarray, ventricle: np.ndarray) -> np.ndarray:
    """Take away the grey rim that averaging left around the ventricles."""
    near = np.clip(4 * ndimage.gaussian_filter(ventricle, 1.5), 0, 1)
    return (grey * (1 - 0.6 * near * np.clip(1 - white, 0, 1))).astype(np.float32)
