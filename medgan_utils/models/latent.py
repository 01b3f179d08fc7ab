"""Directions in latent space: those that change the picture most, or one measured thing."""

import keras
import numpy as np


def sefa_directions(generator: keras.Model, count: int = 6) -> np.ndarray:
    """Return the directions in latent space that change the generator's first layer the most.

    They are the right singular vectors of the first dense layer's kernel, restricted to z.

    Source: Shen & Zhou, "Closed-Form Factorization of Latent Semantics in GANs", CVPR 2021,
    arXiv:2007.06600.

    Args:
        generator: A generator whose dense layer is named `project`.
        count: How many directions.

    Returns:
        Float32 array (count, latent_dim) of orthonormal rows, strongest first. The sign of each is
        chosen so that its largest entry is positive.

    Raises:
        ValueError: More directions are asked for than z has entries, or the layer outputs.
    """
    latent_dim = generator.get_layer("z").output.shape[-1]
    kernel = np.asarray(generator.get_layer("project").kernel)[:latent_dim]
    most = min(kernel.shape)
    if not 1 <= count <= most:
        limit = f"latent_dim={latent_dim}" if most == latent_dim else f"{most}, the layer's outputs"
        raise ValueError(f"count={count} must lie between 1 and {limit}")
    rows = np.linalg.svd(kernel.T, full_matrices=False)[2][:count]
    signs = np.sign(rows[np.arange(count), np.abs(rows).argmax(axis=1)])
    return (rows * signs[:, None]).astype(np.float32)


def fitted_direction(z: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the direction along which a measured value rises most, by least squares.

    Sample z, let the generator draw, measure each picture (an encoder's level, its mean grey), and
    fit the measurement as a plane over z: the plane's steepest way up is the direction.

    Source: a regression in place of the classifier's normal of Shen et al. 2020 (InterFaceGAN),
    arXiv:1907.10786.

    Args:
        z: Latent vectors (N, latent_dim), more than latent_dim + 1 of them.
        values: What was measured of each picture, (N,).

    Returns:
        Float32 unit vector (latent_dim,).

    Raises:
        ValueError: Too few vectors, not one value each, or the value never changes.
    """
    z, values = np.asarray(z, np.float64), np.asarray(values, np.float64).ravel()
    if len(z) != len(values) or len(z) < z.shape[1] + 2:
        raise ValueError(
            f"{len(z)} vectors of {z.shape[1]} numbers and {len(values)} values: as many values as "
            f"vectors are needed, and at least {z.shape[1] + 2}"
        )
    slope = np.linalg.lstsq(z - z.mean(axis=0), values - values.mean(), rcond=None)[0]
    length = np.linalg.norm(slope)
    if not length > 1e-9 * max(np.abs(values).max(), 1e-9):
        raise ValueError("the value is the same for all vectors: no direction changes it")
    return (slope / length).astype(np.float32)
