"""One NIfTI file (or another format that nibabel reads) to three dimensions and an affine."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._files import one_line
from .files import IS_SYNTHETIC, WORD

if TYPE_CHECKING:
    import nibabel

_STRANGERS = {
    b"\x1f\x8b": ((".nii", ".hdr", ".img"), "it is gzipped: rename it to end in .nii.gz"),
    b"<": ((), "it is a web page, perhaps of a log-in: download the file itself"),
    b"version https://git-lfs": ((), "it is a Git LFS pointer: fetch the file with `git lfs pull`"),
}
"""First bytes -> (suffixes for which they are wrong, by default all; what to do)."""
FEW = 8
"""So many values has an outline at most."""

SKEW = 0.02
"""Cosine between two axes above which a volume counts as sheared: 1.1 degrees."""


def read_nifti(path: Path, index: int | None = None, labels: bool = False) -> "nibabel.Nifti1Image":
    """Read a whole 3-D image in the order in which it is stored.

    Args:
        path: NIfTI, Analyze, MGH or what else nibabel reads as a grid of voxels.
        index: Which time point of a 4-D file.
        labels: Whether it is a mask; changes nothing but advice.

    Returns:
        The image, voxels float32 (scaled as the header says) and a usable affine.

    Raises:
        FileNotFoundError: The second file of a pair (.hdr and .img) is missing.
        ValueError: The file is damaged, is no volume, or its affine is unusable.
    """
    import nibabel

    image = open_nifti(path)
    if not isinstance(image, nibabel.spatialimages.SpatialImage):
        raise ValueError(
            f"{path} holds a {type(image).__name__}, not a volume of voxels; give a NIfTI volume"
        )
    if image.get_data_dtype().kind not in "biuf":
        raise ValueError(
            f"{path} holds colours or complex numbers ({image.get_data_dtype()}); convert it to "
            f"one number a voxel, for example the magnitude with numpy.abs"
        )
    _check_dimensions(path, image, index, labels)
    affine = _usable_affine(path, image)
    point = (..., index or 0, *[0] * (image.ndim - 4))
    with refuse_unreadable(path), np.errstate(over="ignore"):  # becomes infinite, which is told
        stored = image.dataobj if image.ndim == 3 else image.dataobj[point]
        voxels = np.asarray(stored, dtype=np.float32)
    _warn_of_contradictions(path, image, affine)
    return nibabel.Nifti1Image(voxels, affine)


def is_identity(affine: np.ndarray) -> bool:
    """Whether an affine says nothing: neither spacing nor orientation."""
    return bool(np.allclose(affine, np.eye(4), atol=1e-6))


def read_affine(path: Path) -> np.ndarray:
    """Return the affine of a file from its header alone; errors as of `read_nifti`."""
    return _usable_affine(path, open_nifti(path))


def open_nifti(path: Path) -> "nibabel.spatialimages.SpatialImage":
    """Read the header."""
    import nibabel

    with refuse_unreadable(path):
        return nibabel.load(path)


@contextmanager
def refuse_unreadable(path: Path) -> Iterator[None]:
    """Say what is wrong with a file on which nibabel fails in the block, and what to do.

    Raises:
        FileNotFoundError: One of .hdr and .img is missing.
        ValueError: Damaged files and headers out of bounds raise whatever they lead to, such as
            ImageFileError, HeaderDataError, PARRECError and MemoryError.
    """
    try:
        yield
    except FileNotFoundError as error:
        missing = one_line(error).replace(str(path.parent), ".")
        raise FileNotFoundError(
            f"{path} needs a second file that is missing ({missing}); copy it beside it, or "
            f"convert both to one .nii.gz"
        ) from error
    except Exception as error:
        raise ValueError(_unreadable(path, error)) from error


def few_values(path: Path) -> int | None:
    """Count the values of a file that holds a few small labels, as outlines do; None of others.

    Only files that gzip well are read, and unpacked ones of which the middle plane looks like it.
    """
    try:
        image = open_nifti(path)
        packed = path.suffix.lower() in (".gz", ".mgz")
        size = np.prod(image.shape) * image.get_data_dtype().itemsize
        if packed and path.stat().st_size > size / 20:
            return None
        for part in (image.dataobj[..., image.shape[-1] // 2], image.dataobj)[packed:]:
            values = np.asarray(part)
            with np.errstate(invalid="ignore"):  # NaN, negatives: they differ below
                codes = values.astype(np.uint8)
            count = np.count_nonzero(np.bincount(codes.ravel()))
            if count > FEW or (codes != values).any():
                return None
    except Exception:  # a damaged file is named when it is read
        return None
    return count


def _unreadable(path: Path, error: Exception) -> str:
    """Say what is wrong with a file that nibabel cannot read, and what to do."""
    with open(path, "rb") as file:
        start = file.read(64)
    for first, (suffixes, advice) in _STRANGERS.items():
        if start.lstrip().startswith(first) and (not suffixes or path.suffix in suffixes):
            return f"{path} cannot be read as NIfTI: {advice}"
    if path.suffix == ".gz" and start[:2] != b"\x1f\x8b" and start[:1] in (b"\x5c", b"\0"):
        return f"{path} cannot be read as NIfTI: it is not gzipped: rename it to end in .nii"
    said = one_line(error).replace(str(path), path.name)
    return (
        f"{path} cannot be read as NIfTI ({said}); the file is damaged or cut short: "
        f"delete it and download or copy it again, or repair its header with nibabel"
    )


def _check_dimensions(
    path: Path, image: "nibabel.spatialimages.SpatialImage", index: int | None, labels: bool
) -> None:
    """Refuse what is not a volume, or of which no time point is chosen."""
    import nibabel

    shape = tuple(int(size) for size in image.shape)
    if len(shape) < 3 or min(shape) < 1 or any(size > 1 for size in shape[4:]):
        raise ValueError(f"{path} has shape {shape}; a volume (X, Y, Z) is needed")
    if isinstance(image, nibabel.Minc1Image) and len(shape) > 3:
        raise ValueError(f"{path} is a MINC file of {len(shape)} dimensions; convert it: mnc2nii")
    count = shape[3] if len(shape) > 3 else 1
    if index is None and count > 1:
        advice = f"pick one time point with index=0 to index={count - 1} (command: --index 0)"
        if labels:
            advice = "combine its volumes into one label a voxel (numpy.argmax)"
        raise ValueError(f"{path} has 4 dimensions {shape}; {advice}")
    if not -count <= (index or 0) < count:
        points = f"{count} time points" if count > 1 else "one time point"
        raise ValueError(f"{path} has {points}; index={index} is none of them")


def _usable_affine(path: Path, image: "nibabel.spatialimages.SpatialImage") -> np.ndarray:
    """Return the affine; refuse what has no size, warn of what contradicts itself."""
    from nibabel.affines import voxel_sizes

    affine = getattr(image, "affine", None)
    usable = affine is not None and np.isfinite(affine).all()
    if not usable or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ValueError(
            f"{path} has no usable affine (NaN, zeros, or axes in one plane), so spacing and "
            f"orientation are not known; convert the original again (dcm2niix), or correct sform "
            f"and qform with nibabel"
        )
    sizes = voxel_sizes(affine)
    if sizes.min() < 0.01 or sizes.max() > 100:
        raise ValueError(
            f"{path} has voxels of {' x '.join(f'{size:g}' for size in sizes)} mm; no scanner has: "
            f"correct the spacing in its header"
        )
    axes = affine[:3, :3] / sizes
    if np.abs(axes.T @ axes - np.eye(3)).max() > SKEW:
        raise ValueError(
            f"{path}: its axes are not at right angles (a tilted gantry?), so its planes lie "
            f"nearer to each other than its voxels are long; take the straightened file that "
            f"dcm2niix writes beside it (…_Tilt…), or resample it"
        )
    return affine


def _warn_of_contradictions(
    path: Path, image: "nibabel.spatialimages.SpatialImage", affine: np.ndarray
) -> None:
    """Warn where a header says two things of one size, no orientation, or that nothing is real."""
    import nibabel
    from nibabel import aff2axcodes
    from nibabel.affines import voxel_sizes

    if not isinstance(image, nibabel.Nifti1Pair):
        if isinstance(image, nibabel.AnalyzeImage):
            warnings.warn(
                f"{path} is an Analyze file, which does not say which side is left: the "
                f"first voxel is taken for the patient's right; convert the original to NIfTI",
                stacklevel=2,
            )
        return
    header, said = image.header, None
    if WORD.encode() in bytes(header["descrip"]):
        warnings.warn(f"{path} {IS_SYNTHETIC}", stacklevel=2)
    sizes = voxel_sizes(affine)
    if header["qform_code"] > 0 and header["sform_code"] > 0:
        other = header.get_qform()
        if aff2axcodes(other) != aff2axcodes(affine):
            axes = "".join(aff2axcodes(affine)), "".join(aff2axcodes(other))
            said = f"sform says {axes[0]}, qform {axes[1]}; the sform is taken"
    elif header["qform_code"] <= 0 and header["sform_code"] <= 0:
        said = "neither sform nor qform is set, so which side is left is not known"
    if not np.allclose(header["pixdim"][1:4], sizes, rtol=0.02):
        spacings = [[f"{size:g}" for size in axes] for axes in (header["pixdim"][1:4], sizes)]
        said = f"pixdim says {' x '.join(spacings[0])} mm, the affine {' x '.join(spacings[1])} mm"
        said += "; the affine is taken"
    if said:
        warnings.warn(f"{path}: {said}", stacklevel=2)
