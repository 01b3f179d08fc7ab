"""Hounsfield units of the abdomen in three contrast phases, and the noise and streaks of a scanner.

Liver, spleen and vessels follow what was measured on one plain and one contrast-enhanced case; the
other values are typical ones (see `data/README.md`). Noise is Poisson noise of the detected
photons, made in the projections and carried into the image by filtered back-projection (Kak and
Slaney, Principles of Computerized Tomographic Imaging, 1988, chapter 3,
doi:10.1137/1.9780898719277). That is why it is correlated, stronger in the middle of thick
patients, and streaky between dense bones.
"""

from __future__ import annotations

import warnings

import numpy as np
from scipy import ndimage

PHASES = ("plain", "arterial", "venous")

HU = {
    # plain, arterial, venous: mean of a cohort, and standard deviation between its subjects
    "liver": ((55, 66, 101), 11),
    "portal": ((42, 110, 158), 10),
    "hepatic_vein": ((42, 60, 152), 10),
    "aorta": ((42, 300, 150), 16),
    "vena_cava": ((42, 75, 122), 12),
    "spleen": ((47, 105, 117), 9),
    "cortex": ((32, 165, 175), 15),
    "medulla": ((30, 65, 112), 20),
    "pelvis": ((8, 8, 20), 6),
    "pancreas": ((40, 100, 95), 9),
    "muscle": ((46, 49, 52), 7),
    "bowel_wall": ((38, 70, 72), 10),
    "gallbladder": ((9, 9, 10), 4),
    "heart": ((43, 280, 150), 12),
    "right_heart": ((43, 230, 145), 14),
    "myocardium": ((48, 105, 112), 8),
    "disc": ((80, 82, 85), 8),
    "canal": ((25, 26, 28), 5),
    "fat": ((-103, -103, -101), 5),
    "lung": ((-840, -835, -830), 30),
    "marrow": ((135, 145, 160), 40),
}
"""Tissue -> (HU plain, arterial, venous), SD between subjects."""

_WATER_PER_MM = 0.0195
"""Attenuation of water at about 70 keV, 1/mm."""

_KERNELS = ("ramp", "shepp-logan", "cosine", "hamming")


def draw_hu(rng: np.random.Generator, phase: str) -> dict[str, float]:
    """Draw the HU of every tissue for one subject; the strength of the contrast varies as a whole.

    Raises:
        ValueError: unknown phase.
    """
    if phase not in PHASES:
        raise ValueError(f"phase {phase!r}; choose one of {', '.join(PHASES)}")
    column, strength = PHASES.index(phase), rng.normal(1.0, 0.15)
    values = {}
    for name, (means, sd) in HU.items():
        uptake = (means[column] - means[0]) * np.clip(strength, 0.65, 1.35)
        values[name] = float(means[0] + uptake + sd * np.clip(rng.standard_normal(), -2, 2))
    for name in ("portal", "hepatic_vein", "vena_cava", "heart", "right_heart"):
        if phase == "plain":  # unenhanced blood is one fluid
            values[name] = values["aorta"]
    if phase == "venous":  # however fat or full the liver is, its vessels are brighter
        for name in ("portal", "hepatic_vein"):
            values[name] = max(values[name], values["liver"] + 25)
    return values


def draw_scanner(rng: np.random.Generator, water_mm: float) -> dict[str, float | str]:
    """Draw how one subject is scanned: photons a detector element, kernel, sharpness, hardening.

    The exposure control gives thick patients more photons, half of what would keep the noise equal.

    Args:
        rng: source of the numbers.
        water_mm: the patient's mean diameter.
    """
    exposure = np.exp(0.5 * _WATER_PER_MM * (water_mm - 270))
    return {
        "photons": float(exposure * np.exp(rng.normal(np.log(4e5), 0.6))),
        "kernel": str(rng.choice(_KERNELS)),
        "blur_mm": float(rng.uniform(0.7, 1.2)),
        "hardening": float(rng.uniform(0.0, 0.16)),
    }


def scan(
    hu: np.ndarray,
    pixel_mm: float,
    rng: np.random.Generator,
    dose: float = 1.0,
    photons: float = 4e5,
    kernel: str = "hann",
    blur_mm: float = 0.7,
    hardening: float = 0.08,
) -> np.ndarray:
    """Image a noise-free body with a CT scanner, slice by slice.

    The image is the body, blurred a little, plus the filtered back-projection of what goes wrong in
    the projections: photon noise and beam hardening by bone. (Back-projecting only the errors gives
    the same noise and streaks as projecting the whole body, without its sampling artefacts.)

    Args:
        hu: (X, X, Z) body in HU, square planes.
        pixel_mm: edge of a pixel.
        rng: source of the noise.
        dose: share of the usual number of photons; 0.25 doubles the noise. `np.inf` is no noise.
        photons: a detector element receives without a patient at dose 1.
        kernel: window on the ramp filter, as `skimage.transform.iradon` names it.
        blur_mm: standard deviation of the in-plane point spread.
        hardening: what is lost of a line integral, per square of its part through bone.

    Returns:
        (X, X, Z) float32, HU, clipped to -1024 to 3071 as in 12-bit files.

    Raises:
        ValueError: the dose is not positive, or the planes are not square.
    """
    if not dose > 0 or hu.shape[0] != hu.shape[1]:
        raise ValueError(f"dose {dose} must be positive and planes {hu.shape[:2]} square")
    blur = blur_mm / pixel_mm
    image = ndimage.gaussian_filter(hu, (blur, blur, 0))
    seeds = rng.integers(2**63, size=hu.shape[2])

    box = _square_around(image)

    for plane, seed in enumerate(seeds):
        part = image[*box, plane]  # a view: what is added to it is added to the image
        settings = (pixel_mm, dose * photons, kernel, hardening)
        part += _plane_errors(part, np.random.default_rng(seed), *settings)
    return np.clip(image, -1024, 3071)


def _square_around(hu: np.ndarray) -> tuple[slice, slice]:
    """The square of even size around all that is not air; outside it noise would not be seen."""
    body = (hu > -700).any(axis=2)
    ends = []
    for axis in (0, 1):
        hit = np.flatnonzero(body.any(axis=1 - axis))
        ends.append((hit[0], hit[-1] + 1) if len(hit) else (0, len(hu)))
    size = min(max(end - start for start, end in ends) // 2 * 2 + 8, len(hu))
    starts = [min(max((start + end - size) // 2, 0), len(hu) - size) for start, end in ends]
    return tuple(slice(start, start + size) for start in starts)


def _plane_errors(
    plane: np.ndarray,
    rng: np.random.Generator,
    pixel_mm: float,
    photons: float,
    kernel: str,
    hardening: float,
) -> np.ndarray:
    """HU (X, X) that noise and beam hardening add to one plane."""
    from skimage.transform import iradon

    size = len(plane)
    views = 4 * round(0.325 * size)
    angles = np.linspace(0, 180, views, endpoint=False)
    mu = np.maximum(plane / 1000 + 1, 0) * _WATER_PER_MM
    bone = np.clip(plane - 250, 0, None) / 1000 * _WATER_PER_MM
    lines = _project(mu, pixel_mm, views)
    wrong = -hardening * _project(bone, pixel_mm, views) ** 2
    if np.isfinite(photons):
        expected = photons * np.exp(-lines)
        counted = np.maximum(rng.poisson(expected), 1)
        wrong += np.log(expected / counted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the corners lie outside the circle
        found = iradon(wrong.astype(np.float32), angles, size, filter_name=kernel, circle=True)
    return (found / pixel_mm / _WATER_PER_MM * 1000).astype(np.float32)


def _project(mu: np.ndarray, pixel_mm: float, views: int) -> np.ndarray:
    """Line integrals (X, views), made of half the pixels and a quarter of the views."""
    from skimage.transform import radon

    size = len(mu)
    half = size // 2
    coarse = mu[: 2 * half, : 2 * half].reshape(half, 2, half, 2).mean((1, 3))
    angles = np.linspace(0, 180, views // 4, endpoint=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        lines = radon(coarse, angles, circle=True) * (2 * pixel_mm)
    # Views follow on each other around the circle: the one after the last is the first, mirrored.
    lines = np.concatenate([lines, lines[::-1, :1]], axis=1)
    rows = (np.arange(size) + 0.5) / 2 - 0.5
    columns = np.arange(views) / 4
    grid = np.meshgrid(rows, columns, indexing="ij")
    return np.maximum(ndimage.map_coordinates(lines, grid, order=1, mode="nearest"), 0)
