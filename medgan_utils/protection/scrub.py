"""A NIfTI file without the words in its header, its extensions and its gzip frame."""

import gzip
from pathlib import Path

import numpy as np

from .._files import refuse_existing, written_whole
from ..data.nifti import open_nifti, refuse_unreadable
from ..table import Table

GEOMETRY = (
    *("dim_info", "dim", "intent_p1", "intent_p2", "intent_p3", "intent_code", "datatype"),
    *("bitpix", "slice_start", "pixdim", "scl_slope", "scl_inter", "slice_end", "slice_code"),
    *("xyzt_units", "cal_max", "cal_min", "slice_duration", "toffset", "qform_code", "sform_code"),
    *("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z"),
    *("srow_x", "srow_y", "srow_z"),
)
"""What is copied: where the voxels lie and what their numbers mean. All else is left behind."""
_SET_BY_NIFTI = ("sizeof_hdr", "magic", "vox_offset")


def scrub_nifti(path: str | Path, into: str | Path) -> Table:
    """Write a copy of a NIfTI file that holds its voxels and its geometry, and nothing else.

    `descrip`, `aux_file`, `db_name`, `intent_name` and unused fields come out empty; extensions
    (DICOM headers, comments, AFNI's history) are dropped; a `.nii.gz` gets neither a name nor a
    time in its gzip frame, where `gzip` and `pigz` write both. Voxels are the same to the bit.

    Args:
        path: A `.nii`, `.nii.gz`, or a pair `.hdr` and `.img`.
        into: The new file, `.nii` or `.nii.gz`. Its name is yours to choose: one that names nobody.

    Returns:
        Rows of `element` and `done` (emptied, removed, warned); no original value is in it.

    Raises:
        FileExistsError: `into` is there already.
        ValueError: The file is damaged or no NIfTI, or `into` ends in something else.
        OSError: The file cannot be read.
    """
    import nibabel

    path, into = Path(path), Path(into)
    if not into.name.endswith((".nii", ".nii.gz")):
        raise ValueError(f"{into} must end in .nii or .nii.gz")
    refuse_existing(into)
    image = open_nifti(path)
    if not isinstance(image, nibabel.Nifti1Pair):
        raise ValueError(f"{path} is a {type(image).__name__}, no NIfTI file; convert it first")
    old = image.header
    wide = isinstance(old, nibabel.Nifti2Header)
    kind = nibabel.Nifti2Header if wide else nibabel.Nifti1Header
    new = kind(endianness=old.endianness)
    for name in GEOMETRY:
        new[name] = old[name]
    # As stored: of an image that was saved as a pair or is scaled, the file's own numbers.
    new["scl_slope"], new["scl_inter"] = image.dataobj.slope, image.dataobj.inter
    new["magic"], new["vox_offset"] = kind.single_magic, kind.single_vox_offset
    with refuse_unreadable(path):
        voxels = np.asarray(image.dataobj.get_unscaled())
    stored = new.binaryblock + bytes(4) + voxels.tobytes(order="F")  # 4 × 0: no extensions
    with written_whole(into) as unfinished:
        packed = into.name.endswith(".gz")
        unfinished.write_bytes(gzip.compress(stored, mtime=0) if packed else stored)
    return Table(_report(path, old, new), caption=f"{into.name}: voxels and geometry alone")


def _report(path: Path, old, new) -> list[dict[str, str]]:
    rows = []
    for name in old.keys():
        if name not in (*GEOMETRY, *_SET_BY_NIFTI) and old[name].tobytes() != new[name].tobytes():
            rows.append({"element": name, "done": "emptied"})
    if old.extensions:
        rows.append({"element": f"{len(old.extensions)} extensions", "done": "removed"})
    with open(path, "rb") as file:
        start = file.read(8)
    if start[:2] == b"\x1f\x8b" and (start[3] & 0b11000 or any(start[4:8])):
        rows.append({"element": "name, comment or time in the gzip frame", "done": "removed"})
    name = path.name.removesuffix(".gz").rpartition(".")[0]
    if path.with_name(f"{name}.json").is_file():
        rows.append({"element": "the .json beside it, which was not copied", "done": "warned"})
    rows.append({"element": "the voxels: of a head, its face can be drawn", "done": "warned"})
    return rows
