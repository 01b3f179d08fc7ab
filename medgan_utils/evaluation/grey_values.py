"""What costs nothing: one contrast told from another's grey value at the same pixel alone.

A translator that is no better has learned nothing of a pixel's neighbours. A straight line is a
weak control, for contrasts of one tissue do not lie on lines; a curve is the one to beat.
"""

import numpy as np

PIXELS = 100_000
"""So many pixels the curve learns from."""


def bodies(images: np.ndarray) -> np.ndarray:
    """Return where the body is in slices, `(N, H, W)` bool: above air in a contrast, holes filled.

    Args:
        images: `(N, H, W, contrasts)` in [-1, 1], air at -1.
    """
    from scipy import ndimage

    bright = images.max(axis=-1) > -0.8
    return np.stack([ndimage.binary_fill_holes(ndimage.binary_opening(one)) for one in bright])


def line_of_grey_values(
    x: np.ndarray, y: np.ndarray, new: np.ndarray, body: np.ndarray | None = None
) -> np.ndarray:
    """Fit a linear regression of grey values inside the bodies of x; return it for new images.

    Args:
        x: Given contrasts `(N, H, W, given)` in [-1, 1].
        y: Wanted contrast `(N, H, W, 1)` of the same slices.
        new: Given contrasts of other slices, `(M, H, W, given)`.
        body: Pixels to fit, `(N, H, W)` bool; None takes the `bodies` of x.

    Returns:
        The wanted contrast, `(M, H, W, 1)` in [-1, 1].

    Raises:
        ValueError: There is no such pixel.
    """
    body = _filled(x, body)
    design = np.c_[x[body], np.ones(body.sum())]
    line = np.linalg.lstsq(design, y[body], rcond=None)[0]
    return np.clip(new @ line[:-1] + line[-1], -1, 1)


def curve_of_grey_values(
    x: np.ndarray,
    y: np.ndarray,
    new: np.ndarray,
    seed: int = 0,
    body: np.ndarray | None = None,
) -> np.ndarray:
    """Fit boosted trees on grey values inside the bodies of x; return them for new images.

    They can be any function of the pixel's own grey values, and know nothing of its neighbours.

    Args:
        x: Given contrasts `(N, H, W, given)` in [-1, 1].
        y: Wanted contrast `(N, H, W, 1)` of the same slices.
        new: Given contrasts of other slices, `(M, H, W, given)`.
        seed: Of the choice of pixels (`PIXELS` of them), and of the trees.
        body: Pixels to fit, `(N, H, W)` bool; None takes the `bodies` of x.

    Returns:
        The wanted contrast, `(M, H, W, 1)` float32 in [-1, 1].

    Raises:
        ValueError: There is no such pixel.

    Source: Friedman 2001 (gradient boosting), doi:10.1214/aos/1013203451.
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    body = _filled(x, body)
    chosen = np.random.default_rng(seed).permutation(body.sum())[:PIXELS]
    trees = HistGradientBoostingRegressor(learning_rate=0.2, random_state=seed)
    trees.fit(x[body][chosen], y[body][chosen].ravel())
    drawn = trees.predict(new.reshape(-1, new.shape[-1])).reshape(*new.shape[:-1], 1)
    return np.clip(drawn, -1, 1).astype(np.float32)


def _filled(x: np.ndarray, body: np.ndarray | None) -> np.ndarray:
    """Return the pixels to fit, and refuse none."""
    body = bodies(x) if body is None else body
    if not body.any():
        raise ValueError("no pixel is above air (-0.8): there are no grey values to fit")
    return body
