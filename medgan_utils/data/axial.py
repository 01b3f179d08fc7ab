"""From one volume to its axial slices: which levels, which square, which pixels."""

import warnings
from dataclasses import dataclass

import numpy as np

from .intensity import scale_percentiles, window_hu
from .volumes import RESAMPLE, Volume, check_shapes, whole_labels

_FIELD_OF_VIEW_MM = {"head": 240.0, "body": 400.0}
_LEVELS = {"head": (20.0, 120.0), "body": (0.1, 0.9)}


@dataclass(frozen=True)
class AxialCut:
    """How axial slices are cut. Everything in it is part of the cache key.

    Attributes:
        image_size: Pixels along each side.
        anatomy: "head" (levels in mm below the vertex) or "body" (levels as a fraction of the
            scanned length, 0 at the top).
        levels: First and last level. By default 20 to 120 mm below the vertex, from the upper
            end of the brain to the cerebellum; 0.1 to 0.9 for bodies.
        step_mm: Distance between levels.
        fov_mm: Side of the square, centred on the body; 240 mm for heads (measured on 110 IXI
            heads: from nose to occiput at most 236 mm), 400 mm for bodies.
        percentiles: Ends of the grey scale of all modalities but CT, see `scale_percentiles`.
        window: Ends of the grey scale of CT in HU, see `window_hu`.
    """

    image_size: int = 64
    anatomy: str = "head"
    levels: tuple[float, float] | None = None
    step_mm: float = 4.0
    fov_mm: float | None = None
    percentiles: tuple[float, float] = (1.0, 99.5)
    window: tuple[float, float] = (-160.0, 240.0)

    def __post_init__(self) -> None:
        """Fill in what depends on the anatomy and refuse what cannot be cut."""
        if self.anatomy not in _LEVELS:
            raise ValueError(f"anatomy={self.anatomy!r}; choose one of {sorted(_LEVELS)}")
        if self.levels is None:
            object.__setattr__(self, "levels", _LEVELS[self.anatomy])
        if self.fov_mm is None:
            object.__setattr__(self, "fov_mm", _FIELD_OF_VIEW_MM[self.anatomy])
        if not (0 < self.step_mm < np.inf and 0 < self.fov_mm < np.inf and self.image_size >= 1):
            raise ValueError("image_size, step_mm and fov_mm must be positive")
        if int(self.image_size) != self.image_size:
            raise ValueError(f"image_size={self.image_size}; whole pixels are needed")
        if not -np.inf < self.levels[0] <= self.levels[1] < np.inf:
            raise ValueError(f"levels={self.levels}; give (first, last) with first <= last")
        if not -np.inf < self.window[0] < self.window[1] < np.inf:
            raise ValueError(f"window={self.window}; give (low, high) in HU with low < high")


def body_mask(volume: Volume) -> np.ndarray:
    """Mark the body: above air, in one piece, on a grid of about 2 mm.

    Args:
        volume: CT in HU, or any modality in which air is dark.

    Returns:
        bool, shape (X, Y, Z).

    Raises:
        ValueError: Nothing in the volume stands out from air.
    """
    from scipy import ndimage
    from skimage.filters import threshold_otsu

    strides = [max(1, int(2 / size + 0.01)) for size in volume.spacing_mm]
    voxels = volume.voxels[tuple(slice(None, None, stride) for stride in strides)]
    if volume.modality == "CT":
        threshold = -300.0
    else:
        # Otsu separates dark from bright tissue; half of it separates tissue from air.
        air = _air(volume, voxels)
        threshold = 0.5 * (threshold_otsu(np.maximum(voxels, air)) + air)
    labels, count = ndimage.label(ndimage.binary_opening(voxels > threshold))
    if count == 0 or voxels.max() == voxels.min():
        low, usual, high = np.percentile(voxels, (0, 99, 100))
        raise ValueError(
            f"{volume.path}: no body found, every voxel is about as dark as air: the values go "
            f"from {low:g} to {high:g}, 99 % of them end at {usual:g}; if a few voxels are far "
            f"too bright, clip them and save the file again"
        )
    body = labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1
    for axis, stride in enumerate(strides):
        body = np.repeat(body, stride, axis)
    return body[tuple(slice(size) for size in volume.voxels.shape)]


def _air(volume: Volume, voxels: np.ndarray) -> float:
    """Return the lowest value, but for a few far below; warn if air seems to be another."""
    low, high = np.percentile(voxels, (1, 99))
    margin = (high - low) / 10
    values, counts = np.unique(voxels, return_counts=True)
    often = values[counts.argmax()]
    if counts.max() > 0.2 * voxels.size and low + margin < often < values[-1]:
        warnings.warn(
            f"{volume.path}: the background ({often:g}) is not the lowest value (z-scored?), so "
            f"the body may be found wrong; set it to the lowest value",
            stacklevel=3,
        )
    return values[0] if values[0] >= low - margin else low


def axial_slices(
    volume: Volume, axial: AxialCut, mask: Volume | None = None, body: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Cut, scale and resample the axial slices of one volume.

    Args:
        volume: In canonical RAS.
        axial: Levels, field of view and grey scale.
        mask: A label map on the same grid.
        body: Where the body is, bool (X, Y, Z); by default `body_mask(volume)`. Hand over the
            mask of one modality to cut another in the same places.

    Returns:
        Images (N, H, W, 1) float32 in [-1, 1], row 0 anterior, column 0 the patient's right;
        positions (N,) float32, mm below the vertex for heads, fraction of the length for bodies;
        masks (N, H, W), uint8 or the smallest unsigned type that holds the labels, or None.

    Raises:
        ValueError: The mask has another grid, or none of the levels lies in the volume.
    """
    if mask is not None:
        check_grid(volume, mask)
    body = body_mask(volume) if body is None else body
    planes, positions = _levels(volume, body, axial)
    if volume.modality == "CT":
        scaled = window_hu(volume.voxels[:, :, planes], axial.window)
    else:
        scaled = scale_percentiles(volume.voxels, body, axial.percentiles)[:, :, planes]
    box = _box(body[:, :, planes])
    _warn_if_wider(volume, box, axial)
    centre = box.mean(axis=1)[::-1]
    images = np.stack([_resample(plane, volume, axial, centre) for plane in scaled.T])
    masks = None
    if mask is not None:
        labels = mask.voxels[:, :, planes]
        masks = np.stack([_resample(plane, volume, axial, centre, True) for plane in labels.T])
        masks = whole_labels(masks, mask.path)
    return images[..., None], positions, masks


@dataclass(frozen=True)
class Cut:
    """All planes of a volume that show the body, cut, and the way back onto the volume's grid.

    Attributes:
        images: (N, H, W, 1) float32 in [-1, 1], as of `axial_slices`, from the bottom up.
        planes: (N,) which planes of the volume they are.
        centre: (2,) row and column of a plane in which the square's middle lies.
        volume: What was cut.
        axial: How.
    """

    images: np.ndarray
    planes: np.ndarray
    centre: np.ndarray
    volume: Volume
    axial: AxialCut

    def onto_grid(self, images: np.ndarray) -> np.ndarray:
        """Return images (N, H, W, 1) as voxels (X, Y, Z) of the volume; elsewhere -1, black."""
        from scipy import ndimage

        size, pixel_mm = self.axial.image_size, self.axial.fov_mm / self.axial.image_size
        scale = pixel_mm / np.array(self.volume.spacing_mm[1::-1])
        voxels = np.full(self.volume.voxels.shape, -1, np.float32)
        for index, image in zip(self.planes, images[..., 0], strict=True):
            voxels[:, :, index] = ndimage.affine_transform(
                image,
                -1 / scale,
                offset=self.centre / scale + (size - 1) / 2,
                output_shape=voxels.shape[1::-1],
                order=1,
                mode="constant",
                cval=-1.0,
            ).T
        return voxels


def every_plane(volume: Volume, axial: AxialCut) -> Cut:
    """Cut all planes that show the body, whatever levels are usual; arguments of `axial_slices`."""
    body = body_mask(volume)
    if volume.modality == "CT":
        scaled = window_hu(volume.voxels, axial.window)
    else:
        scaled = scale_percentiles(volume.voxels, body, axial.percentiles)
    planes = np.flatnonzero(body.any(axis=(0, 1)))
    try:
        seen = _levels(volume, body, axial)[0]  # centred as what was trained on
    except ValueError:
        seen = planes
    centre = _box(body[:, :, seen]).mean(axis=1)[::-1]
    _warn_if_wider(volume, _box(body), axial)
    images = [_resample(plane, volume, axial, centre) for plane in scaled[:, :, planes].T]
    return Cut(np.stack(images)[..., None], planes, centre, volume, axial)


def _levels(volume: Volume, body: np.ndarray, axial: AxialCut) -> tuple[np.ndarray, np.ndarray]:
    """Return the plane indices of the wanted levels and their positions, from the top down."""
    dx, dy, dz = volume.spacing_mm
    area_mm2 = body.sum(axis=(0, 1)) * dx * dy
    filled = np.nonzero(area_mm2 > 200)[0]
    if len(filled) == 0:
        raise ValueError(f"{volume.path}: the body is smaller than 2 cm² in every plane")
    top, bottom = filled.max(), filled.min()
    length_mm = 1.0 if axial.anatomy == "head" else max((top - bottom) * dz, dz)
    first, last = (level * length_mm for level in axial.levels)
    wanted_mm = np.arange(first, last + 1e-6, axial.step_mm)
    planes = np.unique(np.rint(top - wanted_mm / dz).astype(int))[::-1]
    planes = planes[(planes >= bottom) & (planes <= top)]
    if len(planes) == 0:
        raise ValueError(
            f"{volume.path}: none of the levels {axial.levels} lies in this volume, which covers "
            f"{(top - bottom) * dz:.0f} mm; choose other levels= (command: --levels)"
        )
    return planes, ((top - planes) * dz / length_mm).astype(np.float32)


def check_grid(volume: Volume, mask: Volume, of: str = "mask") -> None:
    """Refuse a mask, or another `of="contrast"`, whose voxels are not the image's (ValueError)."""
    check_shapes(volume.path, volume.voxels.shape, mask.path, mask.voxels.shape, of)
    ends = np.array([(0, size - 1) for size in volume.voxels.shape], float)
    corners = np.stack([*np.meshgrid(*ends), np.ones((2, 2, 2))], axis=-1)
    apart = (corners @ (mask.affine - volume.affine).T)[..., :3]
    apart_mm = np.linalg.norm(apart, axis=-1).max()
    if np.abs(apart @ np.linalg.inv(volume.affine[:3, :3]).T).max() > 0.5:  # voxels, along any axis
        raise ValueError(
            f"{mask.path} and {volume.path} have one shape but lie in different places (affines "
            f"differ, {apart_mm:.1f} mm apart); {RESAMPLE[of]}, or copy the image's affine if the "
            f"voxels do match"
        )


def _box(body: np.ndarray) -> np.ndarray:
    """Return the first and last filled voxel along x and y, (2, 2), over the chosen planes."""
    filled = [np.nonzero(body.any(axis=(1 - axis, 2)))[0] for axis in (0, 1)]
    return np.array([(voxels.min(), voxels.max()) for voxels in filled])


def _warn_if_wider(volume: Volume, box: np.ndarray, axial: AxialCut) -> None:
    """Warn if the usual square cannot hold the body, as when an abdomen is cut like a head."""
    width_mm = float(((np.diff(box)[:, 0] + 1) * volume.spacing_mm[:2]).max())
    chosen = axial.fov_mm != _FIELD_OF_VIEW_MM[axial.anatomy]  # by somebody who knows its size
    if not chosen and width_mm > 1.05 * axial.fov_mm:
        body = ""
        if axial.anatomy == "head":
            body = "if it is no head, pass anatomy='body' (command: --anatomy body), else "
        warnings.warn(
            f"{volume.path}: the body is {width_mm:.0f} mm wide, but the field of view of a "
            f"{axial.anatomy} is {axial.fov_mm:g} mm, so its sides are cut off; {body}pass "
            f"fov_mm={np.ceil(width_mm / 10) * 10:.0f} (command: --fov-mm)",
            stacklevel=3,
        )


def _resample(
    plane: np.ndarray, volume: Volume, axial: AxialCut, centre: np.ndarray, labels: bool = False
) -> np.ndarray:
    """Resample a plane (Y, X) around its centre (2,): anterior up, the patient's right first."""
    from scipy import ndimage

    size, pixel_mm = axial.image_size, axial.fov_mm / axial.image_size
    scale = pixel_mm / np.array(volume.spacing_mm[1::-1])
    if not labels:
        # Blur away what the coarser grid cannot hold; the width is scikit-image's choice.
        plane = ndimage.gaussian_filter(plane, np.maximum(0, (scale - 1) / 2))
    resampled = ndimage.affine_transform(
        plane,
        -scale,
        offset=centre + scale * (size - 1) / 2,
        output_shape=(size, size),
        order=0 if labels else 3,
        mode="constant",
        cval=0.0 if labels else -1.0,
    )
    return resampled if labels else np.clip(resampled, -1, 1)
