"""Heads of people who do not exist: anatomy in tissue fractions, imaged as MR, CT and PET.

Each is the average brain of 152 people (`brain_template`), deformed at random, with its own folds
(`brain_anatomy`) and perhaps a tumour (`tumour`), in a skull and a face (`head_anatomy`), and
imaged by signal equations (`mr_physics`). Nothing is downloaded, no patient is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import mr_physics
from .brain_anatomy import paint_brain
from .brain_template import Template, load_template
from .canvas import Canvas, TissueCanvas
from .head_anatomy import paint_head
from .solids import grid_points, random_field
from .tumour import displace, distance_to, draw_tumour, paint_tumour

FIELD_OF_VIEW_MM = ((-96.0, 96.0), (-126.0, 120.0), (-120.0, 96.0))
"""Extent of every volume along x (right), y (front) and z (up)."""


@dataclass(frozen=True)
class Head:
    """One head, before it is imaged.

    Attributes:
        fractions: (tissues, X, Y, Z) float32 in canonical RAS, in the order of
            `mr_physics.TISSUES`; they sum to 1 in every voxel (partial volume).
        lesion: (X, Y, Z) uint8, 0 none, 1 necrotic core, 2 enhancing ring, 3 oedema, 4 tumour that
            does not enhance (see `tumour`); None if healthy.
        affine: (4, 4) voxel to world, mm.
        parameters: what makes this head this head; the columns of `participants.tsv`.
        seed: seed of the subject; its images' noise follows from it.
    """

    fractions: np.ndarray
    lesion: np.ndarray | None
    affine: np.ndarray
    parameters: dict[str, float]
    seed: int

    @property
    def spacing_mm(self) -> float:
        """Edge of a voxel, mm."""
        return float(self.affine[0, 0])

    @property
    def labels(self) -> np.ndarray:
        """The tissue of the largest fraction, (X, Y, Z) uint8, index into `mr_physics.TISSUES`."""
        return self.fractions.argmax(0).astype(np.uint8)

    def tissue(self, name: str) -> np.ndarray:
        """(X, Y, Z) float32 fraction of one tissue, 0 to 1."""
        return self.fractions[mr_physics.TISSUE_NAMES.index(name)]

    def render(self, modality: str = "T1", noise: float = 0.025, bias: float = 0.2) -> np.ndarray:
        """Return the image (X, Y, Z) float32 in one modality; see `mr_physics.image`."""
        return mr_physics.image(self.fractions, self.affine, modality, self.seed, noise, bias)


def make_head(
    seed: int, spacing_mm: float = 2.0, lesion: bool = False, mass_effect: bool = True
) -> Head:
    """Make the tissue maps of one head.

    The same seed with and without `lesion` is the same head, so that pairs before and after can be
    made.

    Args:
        seed: which head.
        spacing_mm: edge of the cubic voxels, 1 to 8 mm.
        lesion: put a tumour into it.
        mass_effect: let the tumour displace the brain around it.

    Raises:
        ValueError: spacing outside 1 to 8 mm.
    """
    if not 1 <= spacing_mm <= 8:
        raise ValueError(f"spacing_mm is {spacing_mm}; the phantom is made for 1 to 8 mm")
    template = load_template()
    streams = map(np.random.default_rng, np.random.SeedSequence(int(seed)).spawn(5))
    shape_rng, warp_rng, head_rng, fold_rng, lesion_rng = streams
    parameters = _draw_parameters(shape_rng)
    affine, points = _grid(spacing_mm)
    head, brain = _deform(points, template, warp_rng, spacing_mm, parameters)
    canvas = TissueCanvas(head, spacing_mm)
    paint_head(canvas, template, head_rng, parameters)
    if not lesion:
        paint_brain(canvas, template, brain, fold_rng, parameters)
        return Head(canvas.fractions, None, affine, parameters, int(seed))
    tumour = draw_tumour(lesion_rng, template)
    texture = random_field(lesion_rng, brain.shape[1:], spacing_mm, 14)
    distance = distance_to(brain, tumour, texture)
    if mass_effect:
        brain = displace(brain, template, tumour)
    paint_brain(canvas, template, brain, fold_rng, parameters)
    mask = paint_tumour(canvas, tumour, distance, texture, template)
    parameters |= {f"lesion_{key}": value for key, value in tumour.items()}
    return Head(canvas.fractions, mask, affine, parameters, int(seed))


def _draw_parameters(rng: np.random.Generator) -> dict[str, float]:
    """What makes one head differ from another; millimetres, degrees or factors."""
    atrophy = rng.beta(1.3, 2.2)  # 0 a young brain, 1 an old one
    return {
        "width": rng.normal(0.975, 0.035),
        "length": rng.normal(0.985, 0.035),
        "height": rng.normal(0.89, 0.035),
        "roll_deg": rng.normal(0, 1.5),
        "pitch_deg": rng.normal(-13, 6),
        "yaw_deg": rng.normal(0, 2.0),
        "atrophy": atrophy,
        "ventricle_mm": -1.0 + 5.0 * atrophy + rng.normal(0, 0.8),
        "horns_mm": rng.normal(0, 1.0),
        "side_mm": rng.normal(0, 0.8),
        "temporal_mm": -0.5 + 2.0 * atrophy + rng.normal(0, 0.8),
        "third_mm": -2.5 + 3.0 * atrophy + rng.normal(0, 0.5),
        "fourth_mm": rng.normal(0, 0.8),
        "cavum_mm": max(0.0, rng.normal(-2.5, 2.5)),
        "asymmetry_mm": rng.normal(1.5, 1.0),
        "csf_mm": 1.5 * atrophy + rng.uniform(0.2, 0.8),
        "skull_mm": max(3.0, rng.normal(5.4, 1.1)),
        "scalp_mm": max(3.0, rng.normal(5.0, 1.1)),
        "face_mm": rng.normal(64, 3),
        "nose_mm": rng.normal(13, 3),
        "sinus": rng.uniform(0.6, 1.3),
    }


def _grid(spacing_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Affine and (3, X, Y, Z) float32 world positions of the voxel centres, mm."""
    axes = [np.arange(low + spacing_mm / 2, high, spacing_mm) for low, high in FIELD_OF_VIEW_MM]
    affine = np.diag([spacing_mm] * 3 + [1.0])
    affine[:3, 3] = [axis[0] for axis in axes]
    return affine, grid_points(axes).astype(np.float32)


def _deform(
    points, template: Template, rng, spacing_mm: float, parameters: dict[str, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Where in the template each voxel looks: (3, X, Y, Z) for the head, and one for the brain.

    Both share pose, size and coarse warp; the brain adds finer warps and its ventricles.
    """
    angles = np.deg2rad([parameters["pitch_deg"], parameters["roll_deg"], parameters["yaw_deg"]])
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    pitch = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    roll = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    yaw = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    size = np.diag([1 / parameters[key] for key in ("width", "length", "height")])
    moved = np.tensordot((size @ yaw @ roll @ pitch).astype(np.float32), points, axes=1)
    shape = points.shape[1:]
    coarse, middle, fine = (
        np.stack([random_field(rng, shape, spacing_mm, knot_mm) for _ in range(3)])
        for knot_mm in (75, 32, 15)
    )
    head = moved + 2.8 * coarse + 0.5 * middle
    brain = head + 0.9 * middle + 1.2 * fine
    # the usual twist: right frontal lobe and left occipital lobe reach further
    twist = np.tanh(brain[0] / 30) * np.abs(np.tanh(brain[1] / 50))
    brain[1] -= parameters["asymmetry_mm"] * twist
    box = Canvas(brain).box((-65, -95, -60), (65, 65, 60))  # where ventricles push
    near = brain[:, *box]
    near -= _ventricle_growth(near, parameters) * template.sample("push", near)
    return head, brain


def _ventricle_growth(points: np.ndarray, parameters: dict[str, float]) -> np.ndarray:
    """How far the walls of the ventricles lie outside those of the average, mm, (...)."""
    x, y, z = points
    growth = parameters["ventricle_mm"] + parameters["horns_mm"] * np.tanh((y + 12) / 25)
    growth = growth + parameters["side_mm"] * np.tanh(x / 8)
    low, middle = np.clip((6 - z) / 8, 0, 1), np.clip((9 - np.abs(x)) / 4, 0, 1)
    back = np.clip((-24 - y) / 8, 0, 1)
    parts = {
        "temporal_mm": low * np.clip((np.abs(x) - 18) / 8, 0, 1),
        "third_mm": low * middle * np.clip((y + 50) / 6, 0, 1),
        "fourth_mm": np.clip((-14 - z) / 8, 0, 1) * middle * back,
    }
    for name, where in parts.items():
        growth += where * (parameters[name] - growth)
    return growth
