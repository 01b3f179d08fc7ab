"""A head in a CT scanner and in a PET scanner: quantum noise of both, and what each blurs.

CT noise is made in the projections (`ct_physics.scan`), so that it is correlated, strongest in the
middle and streaky behind the skull base. PET counts are Poisson noise (Shepp and Vardi, IEEE TMI
1:113-122, 1982, doi:10.1109/TMI.1982.4307558) between the detectors' blur and the filter of the
reconstruction; scatter, randoms and attenuation count as corrected.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from .ct_physics import scan

_PHOTONS = 7e5
"""A detector element of a head scan without a patient, at `noise` 0.025."""
_COUNTS_ML = 4e4
"""True counts of a millilitre of grey matter, at `noise` 0.025."""
_FWHM_MM = (4.5, 4.0)
"""Blur of the detectors, and of the filter after the counts."""


def ct_image(hu: np.ndarray, spacing_mm: float, rng, noise: float) -> np.ndarray:
    """Scan a head; window it with level 40 and width 80 HU to see grey and white matter.

    Args:
        hu: (X, Y, Z) noise-free, HU.
        spacing_mm: edge of a voxel.
        rng: source of the noise.
        noise: 0.025 is a routine head scan: about 3 HU in the brain at 2 mm; 0 is none.

    Returns:
        (X, Y, Z) float32, HU.
    """
    width, depth, _ = hu.shape
    size = max(width, depth)
    margins = [(spare // 2, spare - spare // 2) for spare in (size - width, size - depth)]
    square = np.pad(hu.astype(np.float32), [*margins, (0, 0)], constant_values=-1000)
    dose = np.inf if noise == 0 else (0.025 / noise) ** 2
    settings = dict(photons=_PHOTONS * spacing_mm**2 / 4, kernel="hann", hardening=0.02)
    image = scan(square, spacing_mm, rng, dose, **settings)
    (left, _), (front, _) = margins
    return image[left : left + width, front : front + depth]


def pet_image(uptake: np.ndarray, spacing_mm: float, rng, noise: float) -> np.ndarray:
    """Scan a head with FDG.

    Args:
        uptake: (X, Y, Z) relative to grey matter.
        spacing_mm: edge of a voxel.
        rng: source of the noise.
        noise: 0.025 is a scan of ten minutes; the counts fall with its square; 0 is none.

    Returns:
        (X, Y, Z) float32, relative to grey matter.
    """
    detectors, after = (fwhm / 2.355 / spacing_mm for fwhm in _FWHM_MM)
    seen = np.maximum(ndimage.gaussian_filter(uptake, detectors), 0)
    if noise > 0:
        counts = _COUNTS_ML * spacing_mm**3 / 1000 * (0.025 / noise) ** 2
        seen = rng.poisson(seen * counts) / counts
    return ndimage.gaussian_filter(seen, after).astype(np.float32)
