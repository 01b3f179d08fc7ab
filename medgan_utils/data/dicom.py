"""One DICOM series to one array with its affine."""

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._files import one_line
from .files import IS_SYNTHETIC
from .planes import Plane, planes_of, stack, tag

if TYPE_CHECKING:
    import pydicom

_GROUPS = "PerFrameFunctionalGroupsSequence"
NO_MODALITY = (
    "has no Modality (0008,0060); pass modality= what it shows, for example 'CT' (command: "
    "--modality CT)"
)
DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
_NO_SCANS = {"SEG": "with a segmentation", "RTDOSE": "with a dose", "REG": "with a registration"}
_LOCALIZER = re.compile(
    r"(?<![a-z])(locali[sz]ers?|loc|scouts?|survey|topograms?|scanograms?)(?![a-z])", re.IGNORECASE
)
"""How scanners describe the quick images that a scan is planned on; MR does not always tag them."""
_STORAGE = {"CT Image": "CT", "MR Image": "MR", "Positron": "PET"}
"""Words in the name of a SOPClassUID -> modality, of classic and of enhanced files."""


def is_dicom(path: Path) -> bool:
    """Tell a DICOM file by its bytes: names and suffixes differ from one archive to the next.

    Files without the 128 bytes of preamble begin at once with a tag of group 0002 or 0008.
    """
    with open(path, "rb") as file:
        start = file.read(132)
    if start[128:] == b"DICM":
        return True
    little = start[:2] in (b"\x02\x00", b"\x08\x00") and start[3:4] == b"\x00"
    big = start[:3] == b"\x00\x08\x00"
    explicit = start[4:6].isalpha() and start[4:6].isupper()
    short = little and int.from_bytes(start[4:8], "little") <= 64  # implicit: the length itself
    return len(start) == 132 and (little or big) and (explicit or short)


def series_files(folder: Path) -> list[Path]:
    """Return a folder's files but hidden and empty ones, and each once: links to them are none."""
    paths = sorted(folder.iterdir(), key=lambda path: (path.is_symlink(), path))
    own = {path.resolve(): path for path in reversed(paths) if path.is_file()}
    return sorted(p for p in own.values() if p.name[0] != "." and p.stat().st_size)


def read_header(path: Path, pixels: bool = False) -> "pydicom.Dataset":
    """Read a DICOM file, by default without its pixels.

    Raises:
        ValueError: The file is damaged or is not DICOM.
    """
    import pydicom

    try:
        file = pydicom.dcmread(path, stop_before_pixels=not pixels, force=is_dicom(path))
        no_scan(file)  # damaged values raise when they are looked at
        if "TransferSyntaxUID" not in file.file_meta:
            file.file_meta.TransferSyntaxUID = _encoding(file)
        return file
    except Exception as error:  # pydicom raises whatever damaged bytes lead to
        raise ValueError(
            f"{path} cannot be read as DICOM ({one_line(error)}); copy or export it again"
        ) from error


def _encoding(file: "pydicom.Dataset") -> str:
    """Return the transfer syntax in which a file without file meta was read: it is not packed."""
    from pydicom import uid

    implicit, little = file.original_encoding
    if implicit:
        return uid.ImplicitVRLittleEndian
    return uid.ExplicitVRLittleEndian if little else uid.ExplicitVRBigEndian


def look(path: Path, pixels: bool = False) -> tuple["pydicom.Dataset | None", str | None]:
    """Read a file if it is DICOM, as `read_header` does; say why it is no scan.

    Returns:
        Its header, None of other files; and the reason ("without pixels"), None of a scan.

    Raises:
        ValueError: The file is damaged, an image cut short before it, or DICOM by its name alone.
    """
    if is_dicom(path):
        header = read_header(path, pixels)
        reason = no_scan(header)
        if reason == "without pixels" and "Image" in _kind(header):
            raise ValueError(f"{path} is cut short: it has no image; copy or export it again")
        return header, reason
    if path.suffix.lower() in DICOM_SUFFIXES:
        raise ValueError(f"{path} cannot be read as DICOM; copy or export it again")
    return None, "that is not DICOM"


def no_scan(header: "pydicom.Dataset") -> str | None:
    """Return why a file is no scan ("without pixels", "in colour", "with a dose"), or None."""
    if "Rows" not in header:
        return "without pixels"
    photometric = str(header.get("PhotometricInterpretation") or "MONOCHROME")
    if (header.get("SamplesPerPixel") or 1) > 1 or "MONOCHROME" not in photometric:
        return "in colour"
    described = _LOCALIZER.search(str(header.get("SeriesDescription") or ""))
    if "LOCALIZER" in (header.get("ImageType") or ()) or described:
        return "topograms (localizers)"
    captured = "Secondary Capture" in _kind(header)
    if captured and "ImageOrientationPatient" not in header and not header.get(_GROUPS):
        return "screenshots (secondary captures)"
    return _NO_SCANS.get(modality_tag(header))


def _kind(header: "pydicom.Dataset") -> str:
    """Return the name of a file's SOPClassUID ("CT Image Storage"), "" without one."""
    kind = header.get("SOPClassUID") or header.file_meta.get("MediaStorageSOPClassUID")
    return getattr(kind, "name", "")


def check_tags(path: Path, header: "pydicom.Dataset") -> None:
    """Refuse an image whose header lacks a tag without which it has no place (ValueError)."""
    keywords = ["SeriesInstanceUID", "PhotometricInterpretation"]
    if (header.get("NumberOfFrames") or 1) == 1 and not header.get(_GROUPS):
        keywords += ["ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing"]
    for keyword in keywords:
        tag(str(path), header, keyword)


def read_series(folder: Path, index: int | None = None) -> tuple[np.ndarray, np.ndarray, str]:
    """Read the DICOM series in a folder, in the units of its rescale slope (HU for CT).

    What the header calls padding becomes air (-1000 HU in CT, elsewhere the lowest value).
    MONOCHROME1 (low values are bright) is inverted; HU and PET are not, they are units.

    Args:
        folder: All images of one series, in any order: one file each, or one enhanced file.
        index: Which image of each level, where there are several (times, echoes).

    Returns:
        Voxels (columns, rows, slices) float32; affine (4, 4) from voxel index to RAS millimetres;
        the modality as the header says ("CT", "MR", "PET"), or "".

    Raises:
        FileNotFoundError: No DICOM image in the folder.
        ValueError: Several series, damaged files, missing tags, or slices missing.
    """
    files = _read_images(folder)
    modality = _check_series(folder, files)
    planes = [plane for path, file in files.items() for plane in _planes(path, file)]
    if len(planes) == 1:
        warnings.warn(f"{folder} holds one slice only; is it the whole series?", stacklevel=2)
    voxels, affine = stack(folder, planes, index)
    first = next(iter(files.values()))
    if first.get("SyntheticData") == "YES":
        warnings.warn(f"{folder} {IS_SYNTHETIC}", stacklevel=2)
    inverted = first.PhotometricInterpretation == "MONOCHROME1" and modality not in ("CT", "PET")
    return _without_padding(folder, voxels, modality, inverted), affine, modality


def _planes(path: Path, file: "pydicom.Dataset") -> list[Plane]:
    """Return the planes of a file; name it in whatever damaged bytes make pydicom raise."""
    try:
        return planes_of(path, file)
    except (ValueError, MemoryError):
        raise
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as DICOM ({one_line(error)}); copy or export it again"
        ) from error


def modality_tag(header: "pydicom.Dataset") -> str:
    """Return the modality by our names."""
    modality = str(header.get("Modality") or "").strip().upper()
    return "PET" if modality == "PT" else modality


def _read_images(folder: Path) -> dict[Path, "pydicom.Dataset"]:
    """Read all DICOM images in a folder; what is no scan is passed over."""
    images, others = {}, []
    for path in series_files(folder) if folder.is_dir() else [folder]:
        file, reason = look(path, pixels=True)
        if file is None:
            others.append(path.name)
            continue
        if reason is None:
            images[path] = file
            continue
        kind = _kind(file) if reason == "without pixels" else ""
        others.append(f"{path.name} ({kind or reason})")
    if not images:
        seen = f", only {', '.join(others[:3])}{', …' * (len(others) > 3)}" if others else ""
        raise FileNotFoundError(
            f"{folder} holds no DICOM files with a scan{seen}; give the series' folder"
        )
    return images


def _check_scan(path: Path, file: "pydicom.Dataset") -> None:
    """Refuse a scan without place, a mosaic, and a header that names two modalities."""
    check_tags(path, file)
    modality = modality_tag(file)
    if "MOSAIC" in (file.get("ImageType") or []):
        raise ValueError(f"{path} is a mosaic: all slices tiled in one image; convert it: dcm2niix")
    stored = next((name for words, name in _STORAGE.items() if words in _kind(file)), modality)
    if modality and modality != stored:
        raise ValueError(
            f"{path} contradicts itself: Modality (0008,0060) is {modality}, but it is stored "
            f"as {stored} (SOPClassUID); correct the header"
        )


def _check_series(folder: Path, files: dict[Path, "pydicom.Dataset"]) -> str:
    """Return the modality; refuse what is not one series of one patient."""
    series: dict[str, list] = {}
    for path, file in files.items():
        _check_scan(path, file)
        series.setdefault(str(file.SeriesInstanceUID), []).append(file)
    if len(series) > 1:
        parts = [f"{len(s)} of {s[0].get('SeriesDescription') or 'one'}" for s in series.values()]
        raise ValueError(
            f"{folder} holds {len(series)} series ({', '.join(parts[:4])}); put each into a folder "
            f"of its own"
        )
    for keyword in ("PatientID", "Modality", "PhotometricInterpretation"):
        values = sorted({str(file.get(keyword) or "") for file in files.values()})
        if len(values) > 1:
            raise ValueError(
                f"{folder}: its files differ in {keyword} ({', '.join(values[:4])}); put what does "
                f"not belong together into folders of their own"
            )
    return modality_tag(next(iter(files.values())))


def _without_padding(folder: Path, voxels: np.ndarray, modality: str, inverted: bool) -> np.ndarray:
    """Replace padding (NaN), turn negatives into positives, and refuse impossible HU."""
    padded = np.isnan(voxels)
    if padded.all():
        raise ValueError(f"{folder} holds padding only (PixelPaddingValue); export it again")
    low, high = float(np.nanmin(voxels)), float(np.nanmax(voxels))
    if modality == "CT" and high > 32767:
        raise ValueError(
            f"{folder}: values reach {high:.0f} HU; are they signed, and does the header call them "
            f"unsigned (PixelRepresentation)? Correct the header"
        )
    if inverted:
        voxels = (low + high) - voxels
    return np.where(padded, np.float32(-1000 if modality == "CT" else low), voxels)
