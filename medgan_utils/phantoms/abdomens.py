"""Abdomens of people who do not exist, scanned by CT, with the liver and its tumours marked.

Each has a trunk (`trunk_anatomy`), organs (`organ_anatomy`) and a liver with vessels and tumours
(`liver_anatomy`) of its own shape, and is scanned with photon noise (`ct_physics`). Nothing is
downloaded, no patient is shown.

Positions are millimetres in the phantom's frame: x to the patient's right, y to the front, z up,
the origin in the middle of the trunk at the level of the liver's dome.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .canvas import HounsfieldCanvas
from .chest_anatomy import paint_heart, paint_lungs, paint_oesophagus
from .ct_physics import PHASES, draw_hu, draw_scanner, scan
from .liver_anatomy import paint_liver, paint_tumours
from .organ_anatomy import paint_organs
from .organs import BODY_TISSUES, ORGANS
from .solids import grid_points, random_field
from .trunk_anatomy import Trunk, paint_frame, paint_table, paint_wall

SLICE_MM = 5.0
TOP_MM = 18.0
"""Height of the uppermost slice above the dome of the liver in the phantom's frame."""


@dataclass(frozen=True)
class Abdomen:
    """One abdomen.

    Attributes:
        body: (X, X, Z) float32, HU before the scan, canonical RAS.
        segmentation: (X, X, Z) uint8, 0 none, 1 liver, 2 tumour.
        organs: (X, X, Z) uint8, what every voxel shows, codes of `organs.ORGANS`; liver and tumour
            are those of `segmentation`.
        tissues: The same with codes of `organs.BODY_TISSUES`.
        affine: (4, 4) voxel to world, mm.
        phase: "plain", "arterial" or "venous".
        scanner: settings of `ct_physics.scan`.
        shape: what makes this body this body.
        tumours: kind, radius and contrast of each.
        seed: of the subject; the noise of its scan follows from it.
    """

    body: np.ndarray
    segmentation: np.ndarray
    organs: np.ndarray
    tissues: np.ndarray
    affine: np.ndarray
    phase: str
    scanner: dict
    shape: dict[str, float]
    tumours: list[dict]
    seed: int

    def scan(self, dose: float = 1.0) -> np.ndarray:
        """Return the noisy CT (X, X, Z) float32 in HU; see `ct_physics.scan` for the dose."""
        rng = np.random.default_rng([self.seed, 5])
        return scan(self.body, float(self.affine[0, 0]), rng, dose, **self.scanner)


def make_abdomen(
    seed: int,
    tumours: int | None = None,
    phase: str | None = None,
    matrix: int = 256,
    slices: int = 40,
) -> Abdomen:
    """Make the body of one subject.

    The same seed with other `tumours` or another `phase` is the same body, so that pairs can be
    made.

    Args:
        seed: which subject.
        tumours: how many, 0 to 5; drawn by default.
        phase: "plain", "arterial" or "venous"; drawn by default, mostly venous.
        matrix: voxels along x and y, over a field of view of 300 to 500 mm.
        slices: so many, over 200 mm.

    Raises:
        ValueError: a number out of range, or an unknown phase.
    """
    if not 32 <= matrix <= 512 or not 4 <= slices <= 200:
        raise ValueError(f"matrix {matrix} (32 to 512) or slices {slices} (4 to 200) out of range")
    streams = np.random.SeedSequence(int(seed)).spawn(8)
    pose, form, contrast, body, organs, vessels, lesions, bed = map(np.random.default_rng, streams)
    drawn_phase = str(contrast.choice(PHASES, p=(0.15, 0.15, 0.7)))
    drawn_tumours = int(lesions.choice(6, p=(0.3, 0.2, 0.2, 0.15, 0.1, 0.05)))
    phase = drawn_phase if phase is None else phase
    count = drawn_tumours if tumours is None else tumours
    if not 0 <= count <= 5:
        raise ValueError(f"tumours is {count}; 0 to 5 can be made")
    shape = draw_shape(form)
    across = shape["half_width_mm"] + 1.09 * shape["half_depth_mm"] + 2 * shape["fat_mm"]
    hu, scanner = draw_hu(contrast, phase), draw_scanner(contrast, across * shape["size"])
    affine, world, points = _grid(matrix, slices, pose, shape)
    spacing = np.diag(affine)[:3] / (shape["size"] * np.array([1.0, shape["depth"], 1.0]))
    canvas = HounsfieldCanvas(points, spacing)
    trunk = Trunk(canvas, shape, body)
    paint_wall(trunk, hu)
    paint_lungs(trunk, hu, body)
    paint_frame(trunk, hu, body)
    paint_organs(trunk, hu, organs)
    paint_oesophagus(trunk, hu)
    paint_heart(trunk, hu)
    liver = paint_liver(trunk, hu, vessels)
    painted = paint_tumours(trunk, liver, hu, count, lesions, phase)
    _paint_bed(canvas, world, bed)
    labels = _segment(canvas)
    return Abdomen(canvas.hu, *labels, affine, phase, scanner, shape, painted, int(seed))


def _segment(canvas: HounsfieldCanvas) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Segmentation, organs and tissues, (X, Y, Z) uint8 each, that agree in liver and tumour."""
    segmentation = (canvas.marked["liver"] > 0.5).astype(np.uint8)
    segmentation[canvas.marked["tumour"] > 0.5] = 2
    organs = canvas.organs
    vessels = organs == BODY_TISSUES["liver_vessel"]
    organs[vessels | (organs == ORGANS["liver"]) | (organs == ORGANS["tumour"])] = ORGANS["fat"]
    liver = segmentation > 0
    organs[liver] = segmentation[liver]
    tissues = np.where(vessels & (segmentation == 1), BODY_TISSUES["liver_vessel"], organs)
    return segmentation, organs, tissues.astype(np.uint8)


def draw_shape(rng: np.random.Generator) -> dict[str, float]:
    """Draw what makes one trunk differ from another: mm, or factors around 1."""
    fat = float(np.clip(np.exp(rng.normal(np.log(15), 0.55)), 4, 45))
    girth = 0.25 * (fat - 15) + rng.normal(0, 4)
    age = rng.uniform(0, 1)
    return {
        "size": float(np.clip(rng.normal(1.0, 0.06), 0.86, 1.15)),
        "depth": float(np.clip(rng.normal(1.09, 0.06), 0.95, 1.22)),
        "half_width_mm": 147 + girth + rng.normal(0, 4),
        "half_depth_mm": 101 + girth + rng.normal(0, 5),
        "fat_mm": fat,
        "fat_side": rng.uniform(-0.6, 1.0),
        "fatty_muscle": float(np.clip(0.25 * age + rng.normal(0.1, 0.1), 0, 0.5)),
        "wall_mm": rng.uniform(9, 13),
        "left_dome_mm": float(np.clip(rng.normal(-11, 6), -22, 2)),
        "waist": rng.uniform(0.5, 1.6),
        "belly_mm": 0.15 * (fat - 15) + rng.normal(0, 6),
        "crest_z_mm": rng.uniform(-215, -158),
        "heart": rng.uniform(0.88, 1.1),
        "heart_z_mm": rng.normal(16, 8),
        "heart_turn": rng.uniform(28, 52),
        "rib_z_mm": rng.uniform(67, 94),
        "vertebra_z_mm": rng.uniform(0, 34),
        "bone": float(np.clip(1.15 - 0.35 * age + rng.normal(0, 0.1), 0.6, 1.4)),
        "calcium": float(np.clip(1.6 * age - 0.6 + rng.normal(0, 0.3), 0, 1.5)),
        **_draw_organs(rng),
    }


def _draw_organs(rng: np.random.Generator) -> dict[str, float]:
    """The organs' part of `draw_shape`."""
    return {
        "liver": float(np.clip(rng.normal(0.96, 0.08), 0.8, 1.15)),
        "left_lobe_mm": rng.normal(-8, 15),
        "hilum_mm": rng.uniform(15, 40),
        "tip_mm": rng.uniform(-15, 14),
        "fissure_mm": rng.uniform(1.0, 4.0),
        "gallbladder": rng.uniform(0.6, 1.25),
        "cava_mm": rng.uniform(8.5, 12.0),
        "cava_flat": rng.uniform(0.95, 1.6),
        "fork_mm": rng.normal(0, 10),
        "aorta_mm": rng.uniform(8.5, 12.0),
        "stomach": rng.uniform(0.5, 1.15),
        "stomach_bend": rng.uniform(-1, 1),
        "stomach_turn": rng.uniform(-1, 1),
        "spleen": rng.uniform(0.8, 1.2),
        "pancreas": rng.uniform(0.7, 1.15),
        "oral_hu": float(rng.choice([0.0, 0.0, rng.uniform(80, 300)])),
        "gas_level_mm": rng.uniform(15, 90),
    }


def _grid(
    matrix: int, slices: int, rng: np.random.Generator, shape: dict[str, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Affine (4, 4), world positions and positions in the phantom's frame, both (3, X, Y, Z) mm."""
    widest = shape["size"] * (shape["half_width_mm"] + shape["fat_mm"])
    field = float(np.clip(2 * widest * rng.uniform(0.98, 1.3), 300, 500))
    pixel, step = field / matrix, SLICE_MM * 40 / slices
    plane = (np.arange(matrix) - (matrix - 1) / 2) * pixel
    heights = TOP_MM - step / 2 - step * np.arange(slices)[::-1]
    affine = np.diag([pixel, pixel, step, 1.0])
    affine[:3, 3] = plane[0], plane[0], heights[0]
    world = grid_points([plane, plane, heights]).astype(np.float32)
    turn, shift = np.deg2rad(rng.normal(0, 2.0)), rng.normal(0, (6, 8, 6))
    x, y, z = (world[axis] - np.float32(shift[axis]) for axis in range(3))
    y = y - 10
    points = np.stack([np.cos(turn) * x + np.sin(turn) * y, np.cos(turn) * y - np.sin(turn) * x, z])
    points = (points / shape["size"]).astype(np.float32)
    points[1] /= shape["depth"]
    spacing = (pixel, pixel, step)
    for knot, amplitude in ((90.0, 3.0), (32.0, 1.6)):
        for axis in range(3):
            points[axis] += amplitude * random_field(rng, x.shape, spacing, knot)
    return affine, world, points


def _paint_bed(canvas: HounsfieldCanvas, world: np.ndarray, rng: np.random.Generator) -> None:
    """Put the table just below the lowest point of the back."""
    body = (canvas.hu > -500).any(axis=(0, 2))
    paint_table(canvas, world, float(world[1, 0, np.argmax(body), 0]), rng)
