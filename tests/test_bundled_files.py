"""The files that nibabel and pydicom bring for their own tests: read, or one line with the name."""

import shutil
from pathlib import Path

import nibabel
import pydicom
import pytest

from medgan_utils.data import read_volume

NIBABEL = Path(nibabel.__file__).parent
FOLDERS = [
    NIBABEL / "tests" / "data",
    NIBABEL / "nicom" / "tests" / "data",
    Path(pydicom.__file__).parent / "data" / "test_files",
]
FILES = [
    path
    for folder in FOLDERS
    for path in sorted(folder.rglob("*"))
    if path.is_file() and "__pycache__" not in path.parts
]
READ = {
    "anatomical.nii": ((33, 41, 25), "MR"),
    "CT_small.dcm": ((128, 128, 1), "CT"),
    "examples_overlay.dcm": ((484, 300, 1), "MR"),
    "J2K_pixelrep_mismatch.dcm": ((512, 512, 1), "CT"),
    "MR_small_bigendian.dcm": ((64, 64, 1), "MR"),
    "MR_small_jp2klossless.dcm": ((64, 64, 1), "MR"),
    "MR_small_RLE.dcm": ((64, 64, 1), "MR"),
    "scaled+tlrc.HEAD": ((47, 54, 43), "MR"),
    "standard.nii.gz": ((4, 5, 7), "MR"),
}
"""Some that must be read, with shape and modality; others may be read or refused."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_bundled_file_is_read_or_refused_in_one_line(tmp_path, path):
    source = path
    if path.suffix in (".dcm", "") or "pydicom" in path.parts:
        shutil.copy(path, tmp_path)
        source = tmp_path
    try:
        volume = read_volume(source)
    except (ValueError, FileNotFoundError) as error:
        assert type(error) in (ValueError, FileNotFoundError)
        hidden = path.name.startswith(".")  # and so passed over: the folder is named
        assert "\n" not in str(error) and (hidden or path.name in str(error))
        assert path.name not in READ
    else:
        shape, modality = READ.get(path.name, (volume.voxels.shape, volume.modality))
        assert (volume.voxels.shape, volume.modality) == (shape, modality)
        assert len(shape) == 3 and min(volume.spacing_mm) > 0
