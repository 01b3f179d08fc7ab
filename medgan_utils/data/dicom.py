"""One DICOM series to one array with its affine."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pydicom


def is_dicom(path: Path) -> bool:
    """Tell a DICOM file by its bytes: names and suffixes differ from one archive to the next.

    Files without the 128 bytes of preamble begin at once with a tag of group 0002 or 0008.
    """
    with open(path, "rb") as file:
        start = file.read(132)
    if start[128:] == b"DICM":
        return True
    group, element = start[:2], start[2:4]
    known = group in (b"\x02\x00", b"\x08\x00") and element[1:] == b"\x00"
    swapped = group == b"\x00\x08" and element[:1] == b"\x00"
    return len(start) == 132 and (known or swapped)


def read_header(path: Path) -> "pydicom.Dataset":
    """Read a DICOM file without its pixels.

    Raises:
        ValueError: The file is damaged or is not DICOM.
    """
    import pydicom

    try:
        return pydicom.dcmread(path, stop_before_pixels=True, force=is_dicom(path))
    except Exception as error:  # pydicom raises whatever damaged bytes lead to
        raise ValueError(
            f"{path} cannot be read as DICOM ({_one_line(error)}); copy or export it again"
        ) from error


def patient_of(path: Path) -> str | None:
    """Return the PatientID of a DICOM file, or of the first image in a folder.

    Returns:
        None if the header does not say who it is.
    """
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    for file in files:
        if file.is_file() and is_dicom(file):
            header = read_header(file)
            if "Rows" in header or file == path:  # else a DICOMDIR, a report, a plan
                return str(header.get("PatientID") or "").strip() or None
    return None


def _one_line(error: Exception) -> str:
    """Return what an error of another library says, without its line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def read_series(folder: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Read the DICOM series in a folder, in the units of its rescale slope (HU for CT).

    Args:
        folder: All images of one series, one file each, in any order.

    Returns:
        Voxels (columns, rows, slices) float32; affine (4, 4) from voxel index to RAS millimetres;
        the modality as DICOM names it ("CT", "MR", "PT").

    Raises:
        FileNotFoundError: No DICOM file in the folder.
        ValueError: Several series, damaged files, or slices missing.
    """
    import pydicom

    paths = sorted(path for path in folder.iterdir() if path.is_file())
    for path in paths:
        if path.suffix.lower() == ".dcm" and not is_dicom(path):
            raise ValueError(f"{path} is no whole DICOM image; copy or export it again")
    paths = [path for path in paths if is_dicom(path)]
    if not paths:
        raise FileNotFoundError(f"{folder} holds no DICOM files (.dcm); give the series' folder")
    try:
        files = [pydicom.dcmread(path, force=True) for path in paths]
        planes = {id(file): _plane(file) for file in files}
    except (pydicom.errors.InvalidDicomError, EOFError, AttributeError, ValueError) as error:
        raise ValueError(f"{folder}: a file is no whole DICOM image ({error})") from error
    except (RuntimeError, NotImplementedError) as error:
        raise ValueError(
            f"{folder}: the pixels are compressed ({error}); install pylibjpeg or convert the "
            f"series to NIfTI with dcm2niix"
        ) from error
    _check_series(folder, files)
    normal = np.cross(*np.reshape(files[0].ImageOrientationPatient, (2, 3)).astype(float))
    files.sort(key=lambda file: float(np.dot(normal, file.ImagePositionPatient)))
    voxels = np.stack([planes[id(file)].T for file in files], axis=2)
    return voxels, _affine(folder, files, normal), str(files[0].Modality)


def _plane(file: "pydicom.FileDataset") -> np.ndarray:
    """Return the pixels (rows, columns) float32 in real units."""
    if file.get("NumberOfFrames", 1) > 1 or file.get("SamplesPerPixel", 1) > 1:
        raise ValueError("it has many frames or colours; convert it to NIfTI with dcm2niix")
    slope, intercept = file.get("RescaleSlope", 1), file.get("RescaleIntercept", 0)
    return file.pixel_array.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def _check_series(folder: Path, files: list["pydicom.FileDataset"]) -> None:
    """Refuse a folder with more than one series, or with planes that do not fit together."""
    series = {str(file.SeriesInstanceUID) for file in files}
    if len(series) > 1:
        raise ValueError(f"{folder} holds {len(series)} series; put each into a folder of its own")
    shapes = {(file.Rows, file.Columns) for file in files}
    turns = {tuple(np.round(list(map(float, file.ImageOrientationPatient)), 3)) for file in files}
    if len(shapes) > 1 or len(turns) > 1:
        raise ValueError(
            f"{folder}: the images differ in size {sorted(shapes)} or orientation; remove "
            f"localisers and other extra images"
        )


def _affine(folder: Path, files: list["pydicom.FileDataset"], normal: np.ndarray) -> np.ndarray:
    """Build the affine; files are sorted along the normal."""
    first = files[0]
    positions = np.array([file.ImagePositionPatient for file in files], float)
    heights = positions @ normal
    step = first.get("SliceThickness", 1.0) * normal
    if len(files) > 1:
        gaps = np.diff(heights)
        if gaps.min() <= 0.01 or gaps.max() > 1.1 * np.median(gaps):
            raise ValueError(
                f"{folder}: slices are missing or doubled (gaps {gaps.min():.2f} to "
                f"{gaps.max():.2f} mm); export the whole series again"
            )
        step = (positions[-1] - positions[0]) / (len(files) - 1)
    along_row, along_column = np.reshape(first.ImageOrientationPatient, (2, 3)).astype(float)
    row_mm, column_mm = map(float, first.PixelSpacing)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([along_row * column_mm, along_column * row_mm, step], axis=1)
    affine[:3, 3] = positions[0]
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine  # DICOM counts to the left and to the back
