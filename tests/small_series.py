"""DICOM series with known geometry and values, and a hook to spoil each file."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset


def write_series(
    folder: Path,
    voxels: np.ndarray,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 2.0),
    modality: str = "CT",
    series: str = "1.2.3",
    patient: str = "P1",
    name: str = "{:03d}.dcm",
    skip: Iterable[int] = (),
    edit: Callable[[pydicom.Dataset, int], None] | None = None,
) -> Path:
    """Write a RAS volume as an axial series, its files in a shuffled order.

    Args:
        folder: Made if it is not there.
        voxels: (X, Y, Z), even whole numbers from -1024 on: stored as uint16 with slope 2.
        spacing_mm: Along x, y and z.
        modality: DICOM's, "CT" or "MR".
        series: SeriesInstanceUID.
        patient: PatientID.
        name: Of the files; a number and `uid` are put in.
        skip: Slices that are left out.
        edit: Called with each data set and its slice before it is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dx, dy, dz = spacing_mm
    order = np.random.default_rng(0).permutation(voxels.shape[2])
    for number, k in enumerate(order):
        if k in skip:
            continue
        file = new_file(f"{series}.{k + 1}", pydicom.uid.CTImageStorage)
        file.Modality, file.SeriesInstanceUID, file.PatientID = modality, series, patient
        # Columns run to the patient's left, rows to the back: both are flipped against RAS.
        plane = voxels[::-1, ::-1, k].T
        store(file, np.round((plane + 1024) / 2).astype(np.uint16))
        file.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        file.ImagePositionPatient = [-10.0, -20.0, 5.0 + k * dz]
        file.PixelSpacing, file.SliceThickness = [dy, dx], dz
        file.RescaleSlope, file.RescaleIntercept = 2, -1024
        if edit:
            edit(file, k)
        path = folder / name.format(number, uid=file.SOPInstanceUID)
        file.save_as(path, enforce_file_format=True)
    return folder


def write_enhanced(
    folder: Path,
    times: np.ndarray,
    modality: str = "CT",
    edit: Callable[[pydicom.Dataset], None] | None = None,
) -> Path:
    """Write RAS volumes as one enhanced (multi-frame) file, its frames in a shuffled order.

    Args:
        folder: Made if it is not there.
        times: (T, X, Y, Z), even whole numbers from -1024 on; voxels of 1 x 1 x 2 mm.
        modality: "CT" or "MR".
        edit: Called with the data set before it is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kind = "EnhancedCTImageStorage" if modality == "CT" else "EnhancedMRImageStorage"
    file = new_file("1.2.3", getattr(pydicom.uid, kind))
    file.Modality, file.SeriesInstanceUID, file.PatientID = modality, "1.2", "P1"
    shared = pydicom.Dataset()
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]
    shared.PixelMeasuresSequence = [_item(PixelSpacing=[1, 1], SliceThickness=2)]
    file.SharedFunctionalGroupsSequence = [shared]
    position, time = _item(), _item()
    position.DimensionIndexPointer = pydicom.tag.Tag("InStackPositionNumber")
    time.DimensionIndexPointer = pydicom.tag.Tag("TemporalPositionIndex")
    file.DimensionIndexSequence = [position, time]
    frames, planes = [], []
    for number in np.random.default_rng(0).permutation(times.shape[0] * times.shape[3]):
        t, k = divmod(int(number), times.shape[3])
        frame, slope = pydicom.Dataset(), 2 * (k + 1)
        frame.PlanePositionSequence = [_item(ImagePositionPatient=[-10, -20, 5.0 + 2 * k])]
        content = _item(TemporalPositionIndex=t + 1, InStackPositionNumber=k + 1)
        content.DimensionIndexValues = [k + 1, t + 1]
        frame.FrameContentSequence = [content]
        values = _item(RescaleSlope=slope, RescaleIntercept=-1024, RescaleType="HU")
        frame.PixelValueTransformationSequence = [values]
        frames.append(frame)
        planes.append(np.round((times[t, ::-1, ::-1, k].T + 1024) / slope))
    file.PerFrameFunctionalGroupsSequence, file.NumberOfFrames = frames, len(frames)
    store(file, np.stack(planes).astype(np.uint16))
    if edit:
        edit(file)
    file.save_as(folder / "enhanced", enforce_file_format=True)
    return folder


def _item(**values: object) -> pydicom.Dataset:
    """Return a data set with these elements."""
    item = pydicom.Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def new_file(uid: str, storage: str) -> FileDataset:
    """Return an empty data set that can be saved."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = storage, uid
    file = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = storage, uid
    return file


def store(file: FileDataset, stored: np.ndarray) -> None:
    """Put grey values of 16 bits, (rows, columns) or (frames, rows, columns), into a data set."""
    file.Rows, file.Columns = stored.shape[-2:]
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    file.BitsAllocated, file.BitsStored, file.HighBit = 16, 16, 15
    file.PixelRepresentation = int(stored.dtype.kind == "i")
    file.PixelData = stored.tobytes()
