"""Brain phantom: MR, CT and PET volumes of subjects that do not exist, made on your computer.

Each subject is the average brain of 152 people (`brain_template`), deformed at random, put into a
head (`head_model`) and imaged by signal equations (`mr_physics`). `brain_cohort` writes
cohorts of them. Nothing is downloaded, no patient is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from .brain_template import Template, load_template, random_field
from .head_model import NAMES, Canvas, paint_head
from .mr_physics import MODALITIES, tissue_values

FIELD_OF_VIEW_MM = ((-96.0, 96.0), (-126.0, 120.0), (-112.0, 100.0))
"""Extent of every volume along x (right), y (front) and z (up)."""

LESION_LABELS = {"core": 1, "ring": 2, "oedema": 3}


@dataclass(frozen=True)
class Subject:
    """One phantom subject, before it is imaged.

    Attributes:
        fractions: (tissues, X, Y, Z) float32 in canonical RAS, in the order of
            `mr_physics.TISSUES`; they sum to 1 in every voxel (partial volume).
        lesion: (X, Y, Z) uint8, 0 none, 1 necrotic core, 2 enhancing ring, 3 oedema; None if
            healthy.
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
        return self.fractions[NAMES.index(name)]


def make_subject(
    seed: int, spacing_mm: float = 2.0, lesion: bool = False, mass_effect: bool = True
) -> Subject:
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
    shape_rng, warp_rng, head_rng, fold_rng, lesion_rng = _streams(seed, 5)
    parameters = _draw_parameters(shape_rng)
    affine, points = _grid(spacing_mm)
    head, brain = _deform(points, template, warp_rng, spacing_mm, parameters)
    canvas = Canvas(head, spacing_mm)
    paint_head(canvas, template, head_rng, parameters)
    if not lesion:
        _paint_brain(canvas, template, brain, fold_rng)
        return Subject(canvas.fractions, None, affine, parameters, int(seed))
    tumour = _draw_tumour(lesion_rng, template)
    texture = random_field(lesion_rng, brain.shape[1:], spacing_mm, 14)
    distance = _distance_to(brain, tumour) - 0.2 * tumour["radius_mm"] * texture
    if mass_effect:
        brain = _displace(brain, template, tumour)
    _paint_brain(canvas, template, brain, fold_rng)
    mask = _paint_tumour(canvas, tumour, distance, texture, template)
    parameters |= {f"lesion_{key}": value for key, value in tumour.items()}
    return Subject(canvas.fractions, mask, affine, parameters, int(seed))


def render(
    subject: Subject, modality: str = "T1", noise: float = 0.025, bias: float = 0.2
) -> np.ndarray:
    """Image a subject.

    Args:
        subject: what `make_subject` returned.
        modality: one of `mr_physics.MODALITIES`.
        noise: standard deviation of the noise in each of the two channels of the MR signal,
            relative to the brightest brain tissue; the magnitude is then Rician (Gudbjartsson and
            Patz, MRM 34:910-914, 1995, doi:10.1002/mrm.1910340618). CT has 400 times as many HU of
            Gaussian noise.
        bias: strength of the smooth receive field, about the relative change across the head; MR
            only.

    Returns:
        (X, Y, Z) float32: MR and PET with white or grey matter near 600, CT in HU.

    Raises:
        ValueError: unknown modality.
    """
    values = tissue_values(modality).astype(np.float32)
    image = np.tensordot(values, subject.fractions, axes=1)
    rng = np.random.default_rng([subject.seed, 7, MODALITIES.index(modality)])
    if modality == "CT":
        image += 400 * noise * rng.standard_normal(image.shape, dtype=np.float32)
        return np.clip(image, -1024, 3000)
    if modality == "PET":
        image = ndimage.gaussian_filter(image, 6 / 2.355 / subject.spacing_mm)  # 6 mm FWHM
        image *= 1 + 2 * noise * rng.standard_normal(image.shape, dtype=np.float32)
        return 600 * np.maximum(image, 0)
    image *= _receive_field(rng, image.shape, subject.spacing_mm, bias)
    channels = noise * rng.standard_normal((2, *image.shape), dtype=np.float32)
    return 600 * np.hypot(image + channels[0], channels[1])


def _streams(seed: int, count: int) -> list[np.random.Generator]:
    return [np.random.default_rng(s) for s in np.random.SeedSequence(int(seed)).spawn(count)]


def _draw_parameters(rng: np.random.Generator) -> dict[str, float]:
    """What makes one head differ from another; millimetres, degrees or factors."""
    atrophy = rng.beta(1.3, 2.2)  # 0 a young brain, 1 an old one
    return {
        "width": rng.normal(0.98, 0.03),
        "length": rng.normal(0.98, 0.03),
        "height": rng.normal(0.97, 0.03),
        "roll_deg": rng.normal(0, 2.0),
        "pitch_deg": rng.normal(-11, 4.5),
        "yaw_deg": rng.normal(0, 2.0),
        "atrophy": atrophy,
        "ventricle_mm": -1.0 + 5.0 * atrophy + rng.normal(0, 0.8),
        "asymmetry_mm": rng.normal(1.5, 1.0),
        "csf_mm": 1.5 * atrophy + rng.uniform(0, 0.6),
        "skull_mm": rng.normal(6.3, 0.8),
        "scalp_mm": rng.normal(6.2, 1.1),
        "face_mm": rng.normal(66, 3),
        "nose_mm": rng.normal(12, 3),
    }


def _grid(spacing_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Affine and (3, X, Y, Z) float32 world positions of the voxel centres, mm."""
    axes = [np.arange(low + spacing_mm / 2, high, spacing_mm) for low, high in FIELD_OF_VIEW_MM]
    affine = np.diag([spacing_mm] * 3 + [1.0])
    affine[:3, 3] = [axis[0] for axis in axes]
    return affine, np.stack(np.meshgrid(*axes, indexing="ij")).astype(np.float32)


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
    moved[2] += 0.12 * np.maximum(moved[2] - 40, 0)  # the average brain has too narrow a crown
    head = moved + 2.8 * coarse + 0.5 * middle
    brain = head + 2.0 * middle + 1.5 * fine
    # the usual twist: right frontal lobe and left occipital lobe reach further
    twist = np.tanh(brain[0] / 30) * np.abs(np.tanh(brain[1] / 50))
    brain[1] -= parameters["asymmetry_mm"] * twist
    return head, brain - parameters["ventricle_mm"] * template.sample("push", brain)


def _paint_brain(canvas: Canvas, template: Template, points: np.ndarray, rng) -> None:
    """Grey and white matter and ventricles inside the skull.

    The maps are averages, blurred where people differ. Powers make them crisp again, and where they
    leave the choice open a random pattern of folds decides, other sulci in every subject.
    """
    spacing = canvas.spacing_mm
    grey, white, ventricle = template.sample("tissues", points)
    fluid = np.clip(1 - grey - white, 0, 1)
    x, y, z = points
    fold = np.abs(random_field(rng, x.shape, spacing, 9)) - 0.7
    superficial = np.clip(1 + template.sample("pial", points) / 16, 0, 1)
    fold = np.clip(1.5 * fold, -1, 1) * superficial
    # the leaves of the cerebellum, too thin for the average: shells around its stalk
    leaf = 0.8 * np.sin(2 * np.pi / 7.5 * np.sqrt(x**2 + (y + 36) ** 2 + (z + 30) ** 2)) + 0.9
    leaf *= np.clip((-14 - z - 0.45 * (y + 48)) / 6, 0, 1) * np.clip((-38 - y) / 6, 0, 1)
    logits = [3.2 * np.log(part + 0.02) for part in (grey, white, fluid)]
    logits[1] += 1.8 * fold + 0.4 + 2.0 * leaf
    logits[2] -= 1.4 * fold + 0.3
    parts = [np.exp(logit) for logit in logits]
    inside = np.clip(-template.sample("depth", canvas.points) / spacing + 0.5, 0, 1) / sum(parts)
    grey, white, fluid = (part * inside for part in parts)
    ventricle = fluid * np.clip(4 * ventricle, 0, 1)
    # later paint covers earlier paint: divide by what will be left
    canvas.paint("grey", np.clip(grey / np.maximum(1 - white - ventricle, 1e-3), 0, 1))
    canvas.paint("white", np.clip(white / np.maximum(1 - ventricle, 1e-3), 0, 1))
    canvas.paint("csf", ventricle)


def _draw_tumour(rng: np.random.Generator, template: Template) -> dict[str, float]:
    """A random place in the white matter of the cerebrum, and a size."""
    radius = rng.uniform(8, 19)
    while True:
        centre = rng.uniform([-62, -85, -5], [62, 58, 60])
        white = template.sample("tissues", centre.reshape(3, 1))[1]
        depth = -template.sample("pial", centre.reshape(3, 1))
        if white > 0.8 and 0.8 * radius < depth < 34 and abs(centre[0]) > 0.8 * radius + 6:
            break
    return {
        "x_mm": centre[0],
        "y_mm": centre[1],
        "z_mm": centre[2],
        "radius_mm": radius,
        "ring_mm": rng.uniform(2.5, 5.0),
        "oedema_mm": rng.uniform(5, 14),
    }


def _distance_to(points: np.ndarray, tumour: dict[str, float]) -> np.ndarray:
    centre = np.array([tumour["x_mm"], tumour["y_mm"], tumour["z_mm"]], np.float32)
    return np.sqrt(((points - centre.reshape(3, 1, 1, 1)) ** 2).sum(0)) - tumour["radius_mm"]


def _displace(points: np.ndarray, template: Template, tumour: dict[str, float]) -> np.ndarray:
    """Mass effect: tumour and oedema push the brain outward, less and less up to the skull."""
    centre = np.array([tumour["x_mm"], tumour["y_mm"], tumour["z_mm"]], np.float32)
    offset = points - centre.reshape(3, 1, 1, 1)
    radius = tumour["radius_mm"] + 0.35 * tumour["oedema_mm"]
    distance = np.maximum(np.sqrt((offset**2).sum(0)), 1e-3)
    share = 0.6 * np.minimum(radius / distance, 1) ** 2.2  # of the distance to the centre
    free = np.clip(-template.sample("depth", points) / 14, 0, 1)
    return points - offset * share * free


def _paint_tumour(
    canvas: Canvas, tumour: dict[str, float], distance, texture, template
) -> np.ndarray:
    """Oedema along the white matter, ring, core; returns the mask by largest fraction."""
    brain = canvas.fractions[NAMES.index("white")] + 0.35 * canvas.fractions[NAMES.index("grey")]
    spread = distance - tumour["oedema_mm"] * (1 + 0.5 * texture)
    oedema = np.clip(0.5 - spread / 5, 0, 1) * np.clip(brain, 0, 1)
    canvas.paint("oedema", 0.9 * oedema)
    inside = np.clip(-template.sample("depth", canvas.points) / 2, 0, 1)
    canvas.fill("tumour_ring", distance, inside)
    canvas.fill("tumour_core", distance + tumour["ring_mm"] * (1 + 0.3 * texture), inside)
    mask = np.zeros(distance.shape, np.uint8)
    for name, tissue in (("oedema", "oedema"), ("ring", "tumour_ring"), ("core", "tumour_core")):
        mask[canvas.fractions[NAMES.index(tissue)] > 0.5] = LESION_LABELS[name]
    return mask


def _receive_field(rng, shape, spacing_mm: float, bias: float) -> np.ndarray:
    """Smooth sensitivity: a random part, and the bright middle and base of a head at 3 T."""
    _, points = _grid(spacing_mm)
    centre = np.array([0, -12, -28], np.float32) + rng.normal(0, 6, 3).astype(np.float32)
    squared = ((points - centre.reshape(3, 1, 1, 1)) ** 2).sum(0)
    peak = rng.uniform(2.5, 5.0) * np.exp(-squared / (2 * rng.uniform(55, 75) ** 2))
    return np.exp(bias * (0.4 * random_field(rng, shape, spacing_mm, 80) + peak - 1))
