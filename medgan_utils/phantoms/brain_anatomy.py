"""Grey and white matter: a cortical ribbon folded anew in every head, cerebellum and deep nuclei.

Positions are millimetres in MNI space.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .brain_template import Template
from .canvas import TissueCanvas
from .solids import random_field

BRAIN_BOX = ((-84, -120, -86), (84, 86, 96))
"""Two corners between which every brain lies, mm."""
RIBBON_MM = 3.2
"""Thickness of the cortex; 2.5 mm on average (Fischl and Dale, PNAS 97:11050-11055, 2000)."""


def paint_brain(
    canvas: TissueCanvas, template: Template, points: np.ndarray, rng, shape: dict[str, float]
) -> None:
    """Grey and white matter and ventricles inside the skull.

    The maps are averages, blurred where people differ. Powers make them crisp again. In the
    cortex, where the average has lost the folds, a ribbon of grey matter follows random sulci.

    Args:
        canvas: the head, painted up to the fluid inside the skull.
        template: gives the maps.
        points: (3, X, Y, Z), where in the template every voxel of the brain looks, mm.
        rng: where the folds come from.
        shape: of this subject: `atrophy` (0 to 1) and `cavum_mm`.
    """
    box = canvas.box(*BRAIN_BOX)
    points = points[:, *box]
    below_skull = -template.sample("depth", canvas.points[:, *box]) - shape["csf_mm"] / 2
    maps = template.sample("tissues", points)
    logits = _folded(canvas, template, points, maps, below_skull, rng, shape["atrophy"])
    parts = [np.exp(logit) for logit in logits]
    share = canvas.cover(-below_skull) / sum(parts)
    # a voxel shows the mean of what it holds, not what is at its centre
    grey, white, fluid = (ndimage.gaussian_filter(part * share, 0.4) for part in parts)
    grey, white = _mixed(canvas, points, grey, white, rng)
    fluid = fluid * np.clip(4 * maps[2], 0, 1)
    # later paint covers earlier paint: divide by what will be left
    canvas.paint("grey", np.clip(grey / np.maximum(1 - white - fluid, 1e-3), 0, 1), box)
    canvas.paint("white", np.clip(white / np.maximum(1 - fluid, 1e-3), 0, 1), box)
    canvas.paint("csf", fluid, box)
    _paint_cavum(canvas, points, box, shape["cavum_mm"])


def _folded(canvas, template, points, maps, below_skull, rng, atrophy: float) -> list[np.ndarray]:
    """Log-odds of grey and white matter and fluid: the average's, and in the cortex the folds'."""
    grey, white, ventricle = maps
    depth = np.minimum(depth_below_surface(template, points), below_skull)
    below = infratentorial(points)
    cortex = np.clip((24 - depth) / 8, 0, 1) * (1 - below) * np.clip(1 - 4 * ventricle, 0, 1)
    cortex *= np.clip((0.98 - white) / 0.08, 0, 1)  # what is white in everybody stays white
    cortex *= np.clip(4 * (_level(points, (0, -10, -2), (26, 30, 22)) - 1), 0, 1)  # no deep nuclei
    surface = distance_to_fluid(canvas, points, depth, rng)
    trust = 3.2 - 2.4 * cortex - 1.8 * below
    maps = grey, white, np.clip(1 - grey - white, 0, 1)
    logits = [trust * np.log(part + 0.03) for part in maps]
    open_mm = 0.7 + 0.9 * atrophy  # half the width of a sulcus
    edge = 0.4 + 0.55 * canvas.spacing_mm  # partial volume
    stem = brain_stem(points)
    leaves = (below - stem) * _leaves(points)
    logits[1] += 4.0 * cortex * np.clip((surface - open_mm - RIBBON_MM) / edge, -1, 1)
    logits[1] += 0.4 * (1 - cortex) + leaves
    logits[1] += 2 * stem * np.clip(5 * (grey + white - 0.6), 0, 1)
    logits[2] += 4.0 * cortex * np.clip((open_mm - surface) / (0.6 * edge), -1, 1) - leaves
    cistern = np.clip(2 - _level(points, (0, -40, 0), (18, 13, 13)), 0, 1)  # behind the midbrain
    logits[2] -= (1.5 - atrophy) * ((1 - cortex) * (ventricle < 0.1) + 2 * cistern)
    return logits


def depth_below_surface(template: Template, points: np.ndarray) -> np.ndarray:
    """Depth below the brain's surface without its sulci, mm; the midline above the callosum counts.

    Args:
        template: gives the surface.
        points: (3, ...) mm.

    Returns:
        (...) float32, negative outside.
    """
    x, y, z = points
    callosum = 120 * (1 - np.hypot((y + 6) / 49, z / 33))  # inside an ellipse around it
    falx = np.maximum(np.abs(x) + 0.2, callosum)
    return np.minimum(-template.sample("pial", points), falx)


def distance_to_fluid(canvas: TissueCanvas, points: np.ndarray, depth, rng) -> np.ndarray:
    """Distance to the nearest fluid on the brain's surface or in a sulcus, mm.

    Sulci are sheets that reach inwards from the surface: the zeros of plane waves of one wavelength
    and random direction, added on a sphere around the brain's middle and continued along its radii.

    Args:
        canvas: gives the spacing.
        points: (3, X, Y, Z) mm, of a box of the canvas.
        depth: (X, Y, Z) mm below the surface, see `depth_below_surface`.
        rng: where the waves come from.
    """
    offset = points - np.array([0, -18, 8], np.float32).reshape(3, 1, 1, 1)
    offset += 5 * np.stack([random_field(rng, depth.shape, canvas.spacing_mm, 20) for _ in "xyz"])
    radius = np.maximum(np.sqrt((offset**2).sum(0)), 1)
    scale = (radius / 70) ** 0.75
    wavelength_mm, waves = rng.uniform(25, 31), 16
    directions = rng.standard_normal((waves, 3))
    directions *= 2 * np.pi / wavelength_mm / np.linalg.norm(directions, axis=1, keepdims=True)
    on_sphere = offset / scale
    total = np.zeros_like(radius)
    phases = rng.uniform(0, 2 * np.pi, waves).astype(np.float32)
    for direction, phase in zip(directions.astype(np.float32), phases, strict=True):
        total += np.cos(np.tensordot(direction, on_sphere, 1) + phase)
    # near its zeros a wave of unit variance changes by 2 pi / wavelength each mm
    sulcus = np.abs(total) * np.float32(np.sqrt(2 / waves) * wavelength_mm / (2 * np.pi)) * scale
    floor_mm = rng.uniform(13, 17) + 2.5 * np.sin(on_sphere[1] / 17) * np.cos(on_sphere[2] / 14)
    return np.minimum(depth, np.hypot(sulcus, np.maximum(depth - floor_mm, 0)))


def infratentorial(points: np.ndarray) -> np.ndarray:
    """1 in the cerebellum and the brain stem, 0 in the cerebrum, (...) float32."""
    x, y, z = np.abs(points[0]), points[1], points[2]
    tentorium = -6 + 0.4 * (y + 48) - 0.25 * x
    cerebellum = np.clip((tentorium - z) / 4, 0, 1) * np.clip((-34 - y) / 4, 0, 1)
    return np.maximum(cerebellum, brain_stem(points))


def brain_stem(points: np.ndarray) -> np.ndarray:
    """1 in the brain stem, 0 elsewhere, (...) float32."""
    x, y, z = np.abs(points[0]), points[1], points[2]
    front, back = np.clip((-4 - y) / 4, 0, 1), np.clip((y - 0.2 * z + 36) / 4, 0, 1)
    return np.clip((19 - x) / 4, 0, 1) * np.clip((-4 - z) / 4, 0, 1) * front * back


def _leaves(points: np.ndarray) -> np.ndarray:
    """Leaves of the cerebellum, too thin for the average: shells around its stalk, -2 to 2."""
    x, y, z = points
    radius = np.sqrt((0.7 * x) ** 2 + (y + 34) ** 2 + (z + 30) ** 2)
    return 2.2 * np.sin(2 * np.pi / 5.5 * radius) * np.clip((radius - 12) / 6, 0, 1)


def _mixed(canvas: TissueCanvas, points, grey, white, rng) -> tuple[np.ndarray, np.ndarray]:
    """Fibres in grey matter, most in thalamus and pallidum, and cells in white matter."""
    fibres = 0.04 + 0.05 * random_field(rng, grey.shape, canvas.spacing_mm, 8)
    fibres = np.clip(fibres, 0, 0.14)
    sides, nuclei = np.stack([np.abs(points[0]), points[1], points[2]]), 0
    thalamus, pallidum = ((11, -18, 8), (12, 16, 11), 0.3), ((20, -4, -1), (6, 11, 8), 0.65)
    for centre, radii, share in (thalamus, pallidum):
        nuclei = np.maximum(nuclei, share * np.clip(2 - 2 * _level(sides, centre, radii), 0, 1))
    moved = grey * np.maximum(fibres, nuclei) - white * fibres
    return grey - moved, white + moved


def _paint_cavum(canvas: TissueCanvas, points: np.ndarray, box, width_mm: float) -> None:
    """Fluid between the two leaves of the septum, in some people."""
    if width_mm > 0:
        level = np.sqrt(_level(points, (0, 8, 12), (width_mm, 16, 8)))
        canvas.fill("csf", (level - 1) * width_mm, box=box)


def _level(points: np.ndarray, centre, radii) -> np.ndarray:
    """Below 1 inside an ellipsoid, 1 on its surface; grows with the square of the distance."""
    return sum(((p - c) / r) ** 2 for p, c, r in zip(points, centre, radii, strict=True))
