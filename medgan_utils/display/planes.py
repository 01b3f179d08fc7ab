"""Which way up: the three planes of a canonical (RAS) volume, their letters, and windows.

Display is radiological, as on a hospital's screen: in axial and coronal images the patient's right
is on the image's left; in sagittal images the face looks to the left.
"""

from dataclasses import dataclass

import numpy as np

# (low, high) in HU, from the centre and width in common use (Radiopaedia, "Windowing (CT)").
WINDOWS = {
    "brain": (0.0, 80.0),
    "soft tissue": (-160.0, 240.0),
    "liver": (-45.0, 105.0),
    "lung": (-1350.0, 150.0),
    "bone": (-500.0, 1300.0),
}


@dataclass(frozen=True)
class Plane:
    """One way to cut a RAS volume.

    Attributes:
        name: "axial", "coronal" or "sagittal".
        axis: The axis of the volume that is cut: 0 (x, to the right), 1 (y, forwards), 2 (z, up).
        rows: The axis that runs down the image, from its high end to its low end.
        columns: The axis that runs along a row, from its high end to its low end.
        letters: What lies at the image's left, right, top and bottom edge.
    """

    name: str
    axis: int
    rows: int
    columns: int
    letters: str

    def cut(self, voxels: np.ndarray, index: int) -> np.ndarray:
        """The image `(rows, columns)` at `index` of a RAS array `(X, Y, Z)`, as displayed."""
        return np.take(voxels, index, axis=self.axis).T[::-1, ::-1]


PLANES = {
    plane.name: plane
    for plane in (
        Plane("axial", axis=2, rows=1, columns=0, letters="RLAP"),
        Plane("coronal", axis=1, rows=2, columns=0, letters="RLSI"),
        Plane("sagittal", axis=0, rows=2, columns=1, letters="APSI"),
    )
}


def volume_parts(volume: object, spacing_mm: object = None) -> tuple[np.ndarray, np.ndarray]:
    """Voxels and spacing of a volume object or of a plain array.

    Args:
        volume: An object with `.voxels` `(X, Y, Z)` and `.spacing_mm` (3,), in canonical RAS
            orientation; or the array alone.
        spacing_mm: For an array: the voxel's size in mm, one number or three; 1 mm if left out.

    Returns:
        float32 voxels `(X, Y, Z)` and spacing (3,) in mm.

    Raises:
        ValueError: The array does not have three axes, holds no finite value, or a spacing is not
            positive.
    """
    if spacing_mm is None:
        spacing_mm = getattr(volume, "spacing_mm", 1.0)
    voxels = np.asarray(getattr(volume, "voxels", volume), dtype=np.float32)
    if voxels.ndim != 3 or voxels.size == 0:
        raise ValueError(
            f"a volume has three axes (X, Y, Z), got shape {voxels.shape}; "
            "of a 4-D series pick one volume with voxels[..., index]"
        )
    if not np.isfinite(voxels).any():
        raise ValueError("there is no finite voxel in the volume: was it read and scaled rightly?")
    spacing = np.ravel(np.asarray(spacing_mm, dtype=float))
    if spacing.size not in (1, 3) or not (spacing > 0).all():
        raise ValueError(f"spacing_mm must be one or three positive numbers, got {spacing_mm}")
    return voxels, np.broadcast_to(spacing, 3)


def resolve_window(window: str | tuple[float, float] | None, voxels: np.ndarray):
    """Turn a window into `(low, high)`, in the units of the voxels.

    Args:
        window: A name of `WINDOWS` (CT in HU), a pair `(low, high)`, or None for the range from
            the 0.5th to the 99.5th percentile of the finite values.
        voxels: What will be shown.

    Raises:
        ValueError: The name is unknown, or stands for a window in HU and the values are scaled to
            [-1, 1]; or low is not below high.
    """
    if isinstance(window, str):
        if window not in WINDOWS:
            raise ValueError(f"unknown window {window!r}; choose one of {', '.join(WINDOWS)}")
        finite = voxels[np.isfinite(voxels)]
        if finite.size and -1 <= finite.min() < finite.max() <= 1:
            raise ValueError(
                f"{window!r} is a window in HU, but these values lie between -1 and 1: they are "
                "scaled already; leave window out, or give (low, high)"
            )
        return WINDOWS[window]
    if window is not None:
        low, high = map(float, window)
        if not low < high:
            raise ValueError(f"a window is (low, high) with low < high, got {window}")
        return low, high
    low, high = map(float, np.percentile(voxels[np.isfinite(voxels)], (0.5, 99.5)))
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def resolve_centre(centre: tuple[int, int, int] | None, voxels: np.ndarray) -> tuple[int, int, int]:
    """The voxel `(i, j, k)` to cut through; the middle of the volume for None.

    Raises:
        ValueError: The voxel lies outside the volume.
    """
    if centre is None:
        return tuple(length // 2 for length in voxels.shape)
    centre = tuple(int(index) for index in centre)
    if len(centre) != 3 or not all(0 <= i < n for i, n in zip(centre, voxels.shape, strict=True)):
        raise ValueError(f"voxel {centre} is outside the volume of shape {voxels.shape}")
    return centre
