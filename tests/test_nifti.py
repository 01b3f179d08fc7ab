import gzip
import struct

import nibabel
import numpy as np
import pytest
from small_heads import head, write

from medgan_utils.data import read_volume

SPOILED = {
    "sform of zeros": (280, "<12f", [0.0] * 12, "no usable affine"),
    "sform of NaN": (280, "<f", [np.nan], "no usable affine"),
    "axes in one plane": (280, "<8f", [4, 0, 0, 0, 4, 0, 0, 0], "no usable affine"),
    "metres": (280, "<12f", [4e-3, 0, 0, 0, 0, 4e-3, 0, 0, 0, 0, 4e-3, 0], r"0\.004 x .* mm"),
    "vox_offset": (108, "<f", [348.0], "cannot be read as NIfTI"),
    "datatype": (70, "<h", [77], "cannot be read as NIfTI"),
    "intercept NaN": (112, "<ff", [1.0, np.nan], "cannot be read as NIfTI"),
    "30000 voxels a side": (42, "<hhh", [30000] * 3, "cannot be read as NIfTI"),
    "two dimensions": (40, "<h", [2], r"has shape \(\d+, \d+\)"),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_a_spoiled_header_is_one_line_with_the_file(tmp_path, kind):
    offset, form, values, message = SPOILED[kind]
    path = write(head(), tmp_path / "sub-01_T1w.nii")
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, offset, *values)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"sub-01_T1w\.nii .*{message}") as error:
        read_volume(path)
    assert "\n" not in str(error.value)


def test_a_quaternion_that_is_none_is_one_line(tmp_path):
    path = write(head(), tmp_path / "q.nii")
    content = bytearray(path.read_bytes())
    struct.pack_into("<hhfff", content, 252, 1, 0, 0.8, 0.8, 0.3)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"q\.nii cannot be read as NIfTI"):
        read_volume(path)


@pytest.mark.parametrize(("slope", "intercept"), [(0, 7), (np.nan, 0), (2, 10)])
def test_slope_zero_and_nan_mean_no_scaling(tmp_path, slope, intercept):
    path = write(head(), tmp_path / "scaled.nii")
    content = bytearray(path.read_bytes())
    struct.pack_into("<ff", content, 112, slope, intercept)
    path.write_bytes(content)
    scale, offset = (slope, intercept) if slope == 2 else (1, 0)
    expected = head().get_fdata() * scale + offset
    np.testing.assert_array_equal(read_volume(path).voxels, expected)


@pytest.mark.parametrize("stored", ["i1", "u1", ">i2", "u2", "i4", "u8", "i8", "f8", ">f4"])
def test_every_number_is_read(tmp_path, stored):
    image = head((8.0, 8.0, 8.0))
    voxels = (image.get_fdata() / 10).astype(stored)
    kind = nibabel.Nifti1Header(endianness=">" if stored[0] == ">" else "<")
    kind.set_data_dtype(voxels.dtype.newbyteorder("="))
    path = tmp_path / "volume.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, image.affine, kind), path)
    volume = read_volume(path)
    np.testing.assert_array_equal(volume.voxels, voxels.astype(np.float32))
    assert volume.voxels.dtype == np.float32


def test_pairs_and_other_formats_are_read(tmp_path):
    image = head((8.0, 8.0, 8.0))
    voxels = image.get_fdata().astype(np.float32)
    nibabel.save(nibabel.Nifti1Pair(voxels, image.affine), tmp_path / "pair.hdr")
    nibabel.save(nibabel.MGHImage(voxels, image.affine), tmp_path / "freesurfer.mgz")
    nibabel.save(nibabel.Nifti2Image(voxels, image.affine), tmp_path / "second.nii")
    for name in ("pair.hdr", "pair.img", "freesurfer.mgz", "second.nii"):
        np.testing.assert_array_equal(read_volume(tmp_path / name).voxels, voxels)
    (tmp_path / "pair.img").unlink()
    with pytest.raises(FileNotFoundError, match=r"pair\.hdr needs a second file"):
        read_volume(tmp_path / "pair.hdr")


def test_names_that_do_not_fit_the_bytes_say_how_to_rename(tmp_path):
    plain = write(head(), tmp_path / "whole.nii").read_bytes()
    (tmp_path / "plain.nii.gz").write_bytes(plain)
    (tmp_path / "packed.nii").write_bytes(gzip.compress(plain))
    (tmp_path / "login.nii.gz").write_bytes(b"<!DOCTYPE html><html>Please log in</html>")
    (tmp_path / "pointer.nii.gz").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    advice = {
        "plain.nii.gz": r"rename it to end in \.nii$",
        "packed.nii": r"rename it to end in \.nii\.gz",
        "login.nii.gz": "web page",
        "pointer.nii.gz": "git lfs pull",
    }
    for name, message in advice.items():
        with pytest.raises(ValueError, match=message) as error:
            read_volume(tmp_path / name)
        assert name in str(error.value)


def test_a_header_that_contradicts_itself_is_told(tmp_path):
    image = head((8.0, 8.0, 8.0))
    path = tmp_path / "sides.nii"
    image.set_qform(np.diag([-8.0, 8, 8, 1]), 1)
    image.set_sform(image.affine, 1)
    nibabel.save(image, path)
    with pytest.warns(UserWarning, match=r"sides\.nii: sform says RAS, qform LAS"):
        read_volume(path)
    content = bytearray(path.read_bytes())
    struct.pack_into("<hh", content, 252, 0, 1)
    struct.pack_into("<3f", content, 80, 1, 1, 5)
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="pixdim says 1 x 1 x 5 mm, the affine 8 x 8 x 8 mm"):
        read_volume(path)
    struct.pack_into("<hh", content, 252, 0, 0)
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="neither sform nor qform"):
        read_volume(path)


def test_an_identity_affine_is_told(tmp_path):
    path = tmp_path / "nothing.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.ones((4, 4, 4), np.float32), np.eye(4)), path)
    with pytest.warns(UserWarning, match=r"nothing\.nii\.gz: its affine is the identity"):
        read_volume(path)


def test_an_oblique_volume_keeps_its_axes(tmp_path):
    image = head((8.0, 8.0, 8.0))
    turn = nibabel.affines.from_matvec(nibabel.eulerangles.euler2mat(0.2, 0.1, 0.15))
    flipped = np.diag([-1.0, -1.0, 1.0, 1.0]) @ turn @ image.affine
    path = tmp_path / "oblique.nii"
    nibabel.save(nibabel.Nifti1Image(image.get_fdata()[::-1, ::-1], flipped), path)
    volume = read_volume(path)
    assert nibabel.aff2axcodes(volume.affine) == ("R", "A", "S")
    assert volume.spacing_mm == pytest.approx((8.0, 8.0, 8.0))


def test_values_like_hu_are_told_where_nothing_says_ct(tmp_path):
    image = head((8.0, 8.0, 8.0))
    hu = np.where(image.get_fdata() > 0, 40, -1000).astype(np.int16)
    path = tmp_path / "patient.nii.gz"
    nibabel.save(nibabel.Nifti1Image(hu, image.affine), path)
    with pytest.warns(UserWarning, match=r"patient\.nii\.gz: .*--modality CT"):
        assert read_volume(path).modality == "MR"
    assert read_volume(path, "CT").modality == "CT"


def test_a_sheared_volume_is_refused_by_name(tmp_path):
    affine = np.diag([2.0, 2.0, 4.0, 1.0])
    affine[1, 2] = 4 * np.tan(np.radians(20))  # a gantry tilted by 20 degrees
    nibabel.save(nibabel.Nifti1Image(np.ones((8, 8, 8), np.int16), affine), tmp_path / "tilted.nii")
    with pytest.raises(
        ValueError, match=r"tilted\.nii: its axes are not at right angles.*dcm2niix"
    ):
        read_volume(tmp_path / "tilted.nii")


def test_a_header_without_its_image_says_so(tmp_path):
    path = tmp_path / "a.hdr"
    nibabel.Nifti1Pair(head().get_fdata().astype(np.float32), head().affine).to_filename(path)
    (tmp_path / "a.img").unlink()
    with pytest.raises(FileNotFoundError, match="needs a second file that is missing"):
        read_volume(path)


def test_analyze_does_not_know_left(tmp_path):
    image = nibabel.AnalyzeImage(
        np.random.default_rng(0).random((8, 8, 8)).astype(np.float32), None
    )
    nibabel.save(image, tmp_path / "P1_T1.hdr")
    with pytest.warns(UserWarning, match="does not say which side is left"):
        read_volume(tmp_path / "P1_T1.hdr")
