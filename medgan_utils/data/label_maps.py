"""Label maps that nobody had to draw: grey bands around what was outlined, and findings moved."""

from collections.abc import Sequence

import numpy as np

AIR_BELOW = -0.85  # of the grey range [-1, 1]


def with_bands(images: np.ndarray, masks: np.ndarray, bands: int = 3) -> np.ndarray:
    """Fill what was not outlined with bands of grey, so that a map says where everything lies.

    The bands cost no annotator's work: the smoothed image is cut at quantiles of all images
    together. Code 0 is air, 1 to `bands` are dark to bright, and a mask's code c becomes bands + c.

    Args:
        images: (N, H, W, 1) in [-1, 1].
        masks: (N, H, W) whole numbers, 0 where nothing was outlined.
        bands: How many.

    Returns:
        Maps (N, H, W), uint8.

    Raises:
        ValueError: Shapes do not fit, or there are more codes than 255.
    """
    from scipy.ndimage import gaussian_filter

    if images.shape[:3] != masks.shape or images.shape[3:] != (1,):
        raise ValueError(f"masks {masks.shape} do not fit images {images.shape} of one channel")
    if bands < 1 or bands + int(masks.max(initial=0)) > 255:
        raise ValueError(f"{bands} bands and codes up to {masks.max()}: 1 to 255 codes fit a map")
    smooth = gaussian_filter(images[..., 0], (0, 0.7, 0.7))
    body = smooth > AIR_BELOW
    rest = smooth[body & (masks == 0)]
    edges = np.quantile(rest, np.arange(1, bands) / bands) if rest.size else []
    maps = np.where(body, 1 + np.digitize(smooth, edges), 0)
    return np.where(masks > 0, bands + masks.astype(int), maps).astype(np.uint8)


def moved_findings(
    maps: np.ndarray,
    findings: Sequence[int],
    count: int,
    *,
    inside: Sequence[int],
    depth: float = 0.0,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put findings of some maps at new places in maps that have none.

    Args:
        maps: Label maps (N, H, W), some with findings and some without.
        findings: Codes of what is moved, together.
        count: How many new maps.
        inside: Codes on which a finding may lie; the rest of a map stays as it is.
        depth: How many pixels the finding's centre lies at least from the border of `inside`.
        seed: Of the places.

    Returns:
        New maps (count, H, W); for each the index of the map without a finding that it was made
        of; and where its pixels come from: (count, 3) of the index of the map with the finding and
        the shift down and to the right.

    Raises:
        ValueError: No map has a finding, or none is without.
    """
    from scipy.ndimage import distance_transform_edt

    there = np.isin(maps, findings)
    ill, well = np.flatnonzero(there.any((1, 2))), np.flatnonzero(~there.any((1, 2)))
    if not len(ill) or not len(well):
        raise ValueError(f"{len(ill)} maps with a finding and {len(well)} without: both are needed")
    allowed = np.isin(maps[well], inside)
    deep = [distance_transform_edt(np.pad(one, 1))[1:-1, 1:-1] for one in allowed]
    usable = np.flatnonzero([(one > depth).any() for one in deep])
    if not len(usable):
        raise ValueError(f"no map without a finding has a place {depth} pixels deep inside")
    random = np.random.default_rng(seed)
    made, bases, sources = [], [], []
    for _ in range(count):
        base, source = random.choice(usable), random.choice(ill)
        places = np.argwhere(deep[base] > depth)
        centre = np.argwhere(there[source]).mean(axis=0)
        shift = np.rint(places[random.integers(len(places))] - centre).astype(int)
        moved = shifted(np.where(there[source], maps[source], 0), shift)
        made.append(np.where((moved > 0) & allowed[base], moved, maps[well[base]]))
        bases.append(well[base])
        sources.append((source, *shift))
    return np.stack(made), np.array(bases), np.array(sources)


def shifted(image: np.ndarray, shift: Sequence[int], fill: float = 0) -> np.ndarray:
    """Return an image moved by whole pixels.

    Args:
        image: Values (H, W).
        shift: Pixels down and to the right; negative ones go up and to the left.
        fill: Value of what comes in from outside.
    """
    from scipy import ndimage

    return ndimage.shift(image, shift, order=0, cval=fill)
