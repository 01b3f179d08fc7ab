import numpy as np
import pydicom
import pytest
from small_series import write_series

from medgan_utils.data import read_volume
from medgan_utils.data.dicom import is_dicom, patient_of, read_header

VOXELS = np.random.default_rng(1).integers(-500, 500, (7, 6, 5)) * 2.0


def test_a_series_gives_hu_in_ras(tmp_path):
    volume = read_volume(write_series(tmp_path / "case", VOXELS, (1.5, 2.0, 3.0)))
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    assert volume.spacing_mm == pytest.approx((1.5, 2.0, 3.0))
    assert volume.modality == "CT"
    # The first stored pixel lies at L -10, P -20: RAS (10, 20), the last voxel of x and y.
    np.testing.assert_allclose(volume.affine @ [6, 5, 0, 1], [10, 20, 5, 1])


def test_a_folder_that_is_not_one_whole_series_is_refused(tmp_path):
    voxels = np.zeros((4, 4, 6))
    with pytest.raises(ValueError, match="missing or doubled"):
        read_volume(write_series(tmp_path / "gap", voxels, skip=[2]))
    write_series(tmp_path / "two", voxels)
    mixed = tmp_path / "two" / "000.dcm"
    file = pydicom.dcmread(mixed)
    file.SeriesInstanceUID = "9.9"
    file.save_as(mixed)
    with pytest.raises(ValueError, match="2 series"):
        read_volume(tmp_path / "two")
    (tmp_path / "two" / "001.dcm").write_bytes(b"not DICOM")
    with pytest.raises(ValueError, match=r"001\.dcm"):
        read_volume(tmp_path / "two")
    (tmp_path / "none").mkdir()
    with pytest.raises(FileNotFoundError, match="no DICOM files"):
        read_volume(tmp_path / "none")


NAMES = ["IM{:04d}", "IM{:04d}.DCM", "{uid}", "MR.{uid}", "IM{:04d}.dicom", "{:04d}.001"]


@pytest.mark.parametrize("name", NAMES)
def test_files_are_known_by_their_bytes(tmp_path, name):
    folder = write_series(tmp_path / "case", VOXELS, name=name)
    (folder / "notes.txt").write_text("exported on Monday\n" * 20)
    (folder / "empty").touch()
    np.testing.assert_array_equal(read_volume(folder).voxels, VOXELS)


def test_a_file_without_preamble_is_known(tmp_path):
    folder = write_series(tmp_path / "case", VOXELS)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[132:])
    assert all(is_dicom(path) for path in folder.iterdir())
    np.testing.assert_array_equal(read_volume(folder).voxels, VOXELS)


def test_the_patient_is_named_by_the_header(tmp_path):
    folder = write_series(tmp_path / "anonymous-export", VOXELS, patient=" 007 ")
    assert patient_of(folder) == patient_of(folder / "000.dcm") == "007"
    assert "PixelData" not in read_header(folder / "000.dcm")
    unnamed = write_series(tmp_path / "unnamed", VOXELS, patient="")
    assert patient_of(unnamed) is None
    assert patient_of(tmp_path) is None


def test_a_header_of_something_else_is_named(tmp_path):
    path = tmp_path / "notes.dcm"
    path.write_text("exported on Monday\n" * 20)
    with pytest.raises(ValueError, match=r"notes\.dcm cannot be read as DICOM"):
        read_header(path)
