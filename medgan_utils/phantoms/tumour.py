"""Gliomas: where they grow, what they displace, how they are painted, by grade.

A low-grade glioma (WHO grade 2) is one homogeneous, infiltrating mass in white matter *and* cortex,
without oedema or necrosis; one in five is asked to enhance in a patch, which does not always come
out: `lesion_enhancing` says what was asked for, the mask what is there. A high-grade one (grade 4)
has a necrotic core, an enhancing ring and oedema that follows the white matter and spares the
cortex (Osborn's Brain, 2nd ed. 2017, chapter 17; VASARI features of the TCGA radiology group,
wiki.cancerimagingarchive.net; Bakas et al., Scientific Data 4:170117, 2017,
doi:10.1038/sdata.2017.117, for what the labels mean). Lobes are as frequent as in the registry of
Larjavaara et al., Neuro-Oncology 9:319-325, 2007, doi:10.1215/15228517-2007-016.

Positions are millimetres in MNI space.
"""

from __future__ import annotations

import numpy as np

from .brain_template import Template
from .canvas import TissueCanvas
from .mr_physics import TISSUE_NAMES

LESION_LABELS = {"core": 1, "ring": 2, "oedema": 3, "non-enhancing tumour": 4}

_LOBES = {
    # |x|, y, z in MNI space, mm; share of the gliomas
    "frontal": (((10, 48), (0, 56), (0, 56)), 0.42),
    "temporal": (((34, 56), (-42, 10), (-30, -4)), 0.27),
    "insula": (((30, 42), (-16, 20), (-6, 14)), 0.10),
    "parietal": (((12, 50), (-68, -22), (22, 56)), 0.16),
    "occipital": (((10, 38), (-90, -70), (-6, 28)), 0.05),
}


def draw_tumour(rng: np.random.Generator, template: Template) -> dict[str, float]:
    """Draw grade, lobe, place, size and shape; every second tumour is of high grade."""
    low = bool(rng.random() < 0.5)
    radius = rng.uniform(13, 29) if low else rng.uniform(9, 20)
    lobes, shares = zip(*_LOBES.values(), strict=True)
    box = np.array(lobes[rng.choice(len(lobes), p=shares)], float)
    side = rng.choice([-1, 1])
    while True:
        centre = rng.uniform(*box.T) * [side, 1, 1]
        grey, white, _ = template.sample("tissues", centre.reshape(3, 1))[:, 0]
        depth = -template.sample("pial", centre.reshape(3, 1))[0]
        reach = 3 if low else 0.6 * radius
        if depth > reach and (grey + white > 0.8 if low else white > 0.6):
            break
    stretch = np.exp(rng.normal(0, 0.16, 3))
    stretch /= stretch.prod() ** (1 / 3)
    return {
        "grade": 2 if low else 4,
        "x_mm": centre[0],
        "y_mm": centre[1],
        "z_mm": centre[2],
        "radius_mm": radius,
        "stretch_x": stretch[0],
        "stretch_y": stretch[1],
        "stretch_z": stretch[2],
        "ring_mm": 0.0 if low else rng.uniform(2.5, 5.5),
        "oedema_mm": 0.0 if low else rng.uniform(6, 18),
        "spread_mm": rng.uniform(3, 9),
        "density": rng.uniform(0.7, 1.0) if low else 1.0,
        "enhancing": float(not low or rng.random() < 0.2),
    }


def _offset(points: np.ndarray, tumour: dict[str, float]) -> np.ndarray:
    centre = np.array([tumour["x_mm"], tumour["y_mm"], tumour["z_mm"]], np.float32)
    return points - centre.reshape(3, 1, 1, 1)


def distance_to(points: np.ndarray, tumour: dict[str, float], texture: np.ndarray) -> np.ndarray:
    """Distance to the tumour, an ellipsoid with a wavy border, mm, negative inside."""
    stretch = np.array([tumour[f"stretch_{axis}"] for axis in "xyz"], np.float32)
    distance = np.sqrt(((_offset(points, tumour) / stretch.reshape(3, 1, 1, 1)) ** 2).sum(0))
    return distance - tumour["radius_mm"] * (1 + 0.22 * texture)


def displace(points: np.ndarray, template: Template, tumour: dict[str, float]) -> np.ndarray:
    """Mass effect: tumour and oedema push the brain outward, less and less up to the skull.

    A low-grade tumour infiltrates more than it pushes.
    """
    offset = _offset(points, tumour)
    radius = tumour["radius_mm"] + 0.35 * tumour["oedema_mm"]
    distance = np.maximum(np.sqrt((offset**2).sum(0)), 1e-3)
    strength = 0.6 if tumour["grade"] == 4 else 0.3
    share = strength * np.minimum(radius / distance, 1) ** 2.2  # of the distance to the centre
    free = np.clip(-template.sample("depth", points) / 14, 0, 1)
    return points - offset * share * free


def paint_tumour(
    canvas: TissueCanvas, tumour: dict[str, float], distance, texture, template
) -> np.ndarray:
    """Paint the tumour over the brain.

    Args:
        canvas: with the brain painted.
        tumour: from `draw_tumour`.
        distance: (X, Y, Z) to its border, mm.
        texture: (X, Y, Z) smooth random field.
        template: tells where the skull is.

    Returns:
        (X, Y, Z) uint8 mask of the voxels that a part fills by more than half, see
        `LESION_LABELS`. `Head.labels` goes by the largest fraction, and is 5 to 10 % larger.
    """
    parts = dict(zip(TISSUE_NAMES, canvas.fractions, strict=True))
    within = _same_side(canvas.points, tumour)
    if tumour["grade"] == 2:
        _paint_low_grade(canvas, parts, tumour, distance, texture, within)
    else:
        _paint_high_grade(canvas, parts, tumour, distance, texture, template, within)
    mask = np.zeros(distance.shape, np.uint8)
    tissues = ("tumour_core", "tumour_ring", "oedema", "tumour_solid")
    for label, tissue in zip(LESION_LABELS.values(), tissues, strict=True):
        mask[parts[tissue] > 0.5] = label
    return mask


def _same_side(points: np.ndarray, tumour: dict[str, float]) -> np.ndarray:
    """1 where falx and tentorium do not bar the way, 0 behind them, (X, Y, Z)."""
    x, y, z = points
    beside = np.clip(0.5 + np.sign(tumour["x_mm"]) * x / 2, 0, 1)
    above = np.clip((z + 14 + 0.45 * (y + 48)) / 3, 0, 1)
    return beside * np.where(y < -36, above, 1)


def _paint_low_grade(canvas, parts, tumour, distance, texture, within) -> None:
    """One mass in cortex and white matter, further along the latter, with a soft border."""
    brain = parts["white"] + parts["grey"]
    reach = distance - tumour["spread_mm"] * (parts["white"] - 0.3)
    inside = np.clip(0.5 - reach / 4, 0, 1) * within
    uneven = tumour["density"] - 0.1 * np.clip(texture, 0, 1.5)
    canvas.paint("tumour_solid", inside * uneven * np.clip(1.1 * brain, 0, 1))
    if tumour["enhancing"]:
        patch = np.clip(2 * (np.abs(texture) - 0.9), 0, 1) * (distance < -0.4 * tumour["radius_mm"])
        canvas.paint("tumour_ring", (patch * within * brain).astype(np.float32))


def _paint_high_grade(canvas, parts, tumour, distance, texture, template, within) -> None:
    """Oedema along the white matter, living ring, necrotic core."""
    brain = parts["white"] + 0.35 * parts["grey"]
    spread = distance - tumour["oedema_mm"] * (1 + 0.5 * texture)
    oedema = np.clip(0.5 - spread / 5, 0, 1) * np.clip(brain, 0, 1) * within
    canvas.paint("oedema", 0.9 * oedema)
    inside = np.clip(-template.sample("depth", canvas.points) / 2, 0, 1) * within
    canvas.fill("tumour_ring", distance, inside)
    canvas.fill("tumour_core", distance + tumour["ring_mm"] * (1 + 0.4 * texture), inside)
