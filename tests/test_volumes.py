import gzip

import nibabel
import numpy as np
import pytest
from small_heads import HALF_AXES_MM, head, write

from medgan_utils.data import body_mask, read_volume, scale_percentiles, subject_of, window_hu
from medgan_utils.data.files import modality_of
from medgan_utils.data.volumes import whole_labels


@pytest.mark.parametrize("stored_as", ["RAS", "PSR", "LPI", "SAL"])
def test_every_orientation_is_read_as_ras(tmp_path, stored_as):
    image = head((2.0, 4.0, 8.0))
    volume = read_volume(write(image, tmp_path / "IXI001-HH-1_T1.nii.gz", stored_as))
    np.testing.assert_array_equal(volume.voxels, image.get_fdata())
    np.testing.assert_allclose(volume.affine, image.affine)
    assert volume.spacing_mm == (2.0, 4.0, 8.0)
    assert (volume.subject, volume.modality) == ("IXI001", "T1")
    assert volume.voxels.dtype == np.float32


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_named(tmp_path, kept):
    path = write(head(), tmp_path / "IXI007-HH-1_T1.nii.gz")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole))])
    with pytest.raises(ValueError, match=r"IXI007-HH-1_T1\.nii\.gz.*download or copy it again"):
        read_volume(path)


def test_a_truncated_file_without_compression_is_named(tmp_path):
    path = write(head(), tmp_path / "whole.nii")
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"whole\.nii cannot be read"):
        read_volume(path)


def test_bytes_that_are_no_nifti_are_named(tmp_path):
    path = tmp_path / "text.nii.gz"
    path.write_bytes(gzip.compress(b"hello"))
    with pytest.raises(ValueError, match=r"text\.nii\.gz"):
        read_volume(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_volume(tmp_path / "nowhere.nii.gz")


def test_of_four_dimensions_one_time_point_is_picked(tmp_path):
    series = np.random.default_rng(0).random((5, 6, 7, 3)).astype(np.float32)
    path = tmp_path / "bold.nii.gz"
    nibabel.save(nibabel.Nifti1Image(series, np.eye(4)), path)
    with pytest.raises(ValueError, match=r"bold\.nii\.gz has 4 dimensions.*index=0 to index=2"):
        read_volume(path)
    np.testing.assert_array_equal(read_volume(path, index=2).voxels, series[..., 2])
    with pytest.raises(ValueError, match="index=3 is none of them"):
        read_volume(path, index=3)


def test_colours_and_complex_numbers_are_refused(tmp_path):
    colours = np.zeros((4, 4, 4), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    for name, voxels in (("rgb", colours), ("kspace", np.zeros((4, 4, 4), np.complex64))):
        path = tmp_path / f"{name}.nii.gz"
        nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), path)
        with pytest.raises(ValueError, match=rf"{name}\.nii\.gz holds colours or complex"):
            read_volume(path)


def test_nan_is_refused_or_filled(tmp_path):
    voxels = np.ones((4, 4, 4), np.float32)
    nothing = np.finfo(np.float32).min  # as some tools write where nothing was measured
    voxels[1, 2, 3], voxels[0, 0, 0], voxels[3, 3, 3] = np.nan, np.inf, nothing
    path = tmp_path / "holes.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), path)
    with pytest.raises(ValueError, match=r"holes\.nii\.gz holds 3 voxels.*fill_nan=0"):
        read_volume(path)
    filled = read_volume(path, fill_nan=0).voxels
    assert filled[1, 2, 3] == filled[0, 0, 0] == filled[3, 3, 3] == 0
    assert filled.sum() == 61
    for value in (np.nan, np.inf, nothing):
        with pytest.raises(ValueError, match=r"fill_nan=.*give a number to put in"):
            read_volume(path, fill_nan=value)


def test_percentiles_do_not_depend_on_unit_or_air():
    rng = np.random.default_rng(0)
    voxels = np.zeros((20, 20, 20), np.float32)
    inside = np.zeros(voxels.shape, bool)
    inside[5:15, 5:15, 5:15] = True
    voxels[inside] = rng.uniform(100, 900, inside.sum())
    scaled = scale_percentiles(voxels, inside)
    assert (scaled.min(), scaled.max()) == (-1, 1)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scale_percentiles(7 * voxels, inside), scaled, atol=1e-5)
    wide, wide_inside = np.pad(voxels, 10), np.pad(inside, 10)
    padded = scale_percentiles(wide, wide_inside)[10:-10, 10:-10, 10:-10]
    np.testing.assert_allclose(padded, scaled, atol=1e-6)
    with pytest.raises(ValueError, match="constant"):
        scale_percentiles(np.ones(9))


def test_the_hu_window_is_linear_and_clips():
    hu = np.array([-1000, -160, 40, 240, 3000])
    np.testing.assert_allclose(window_hu(hu), [-1, -1, 0, 1, 1])
    np.testing.assert_allclose(window_hu(np.array([50.0]), (0, 100)), [0])
    with pytest.raises(ValueError, match="empty"):
        window_hu(hu, (100, 100))


@pytest.mark.parametrize("spacing_mm", [(4.0, 4.0, 4.0), (1.0, 2.0, 4.0)])
def test_the_body_is_found_without_specks(tmp_path, spacing_mm):
    image = head(spacing_mm)
    voxels = image.get_fdata()
    voxels[:3, :3, :3] = 900  # a bright speck in the air
    path = write(nibabel.Nifti1Image(voxels, image.affine), tmp_path / "head.nii.gz")
    body = body_mask(read_volume(path))
    assert not body[:3, :3, :3].any()
    volume_mm3 = body.sum() * np.prod(spacing_mm)
    assert volume_mm3 == pytest.approx(4 / 3 * np.pi * np.prod(HALF_AXES_MM), rel=0.05)


def test_a_voxel_far_below_air_changes_no_body(tmp_path):
    image = head()
    voxels = image.get_fdata()
    paths = []
    for name, lowest in (("as_it_is", 0), ("spike", -2000)):
        voxels[3, 3, 3] = lowest
        paths.append(write(nibabel.Nifti1Image(voxels, image.affine), tmp_path / f"{name}.nii.gz"))
    usual, spiked = (body_mask(read_volume(path)) for path in paths)
    np.testing.assert_array_equal(usual, spiked)


def test_air_in_the_middle_of_the_grey_scale_is_told(tmp_path, recwarn):
    image = head()
    voxels = image.get_fdata()
    inside = voxels > 0
    noise = np.random.default_rng(0).normal(0, 50, voxels.shape)
    voxels[inside] += noise[inside]
    body_mask(read_volume(write(nibabel.Nifti1Image(voxels, image.affine), tmp_path / "a.nii.gz")))
    assert not recwarn.list
    voxels[inside] = (voxels[inside] - voxels[inside].mean()) / voxels[inside].std()
    path = write(nibabel.Nifti1Image(voxels, image.affine), tmp_path / "zscored.nii.gz")
    with pytest.warns(UserWarning, match=r"zscored\.nii\.gz: the background \(0\) is not the low"):
        body_mask(read_volume(path))


def test_a_volume_of_nothing_but_air_is_named(tmp_path):
    path = tmp_path / "air.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((9, 9, 9), np.float32), np.eye(4)), path)
    with pytest.raises(ValueError, match=r"air\.nii\.gz: no body found"):
        body_mask(read_volume(path))


def test_a_voxel_far_too_bright_is_said_to_hide_the_body(tmp_path):
    image = head()
    voxels = image.get_fdata(dtype=np.float32)
    voxels[5, 5, 5] = 1e7
    path = write(nibabel.Nifti1Image(voxels, image.affine), tmp_path / "hot.nii.gz")
    with pytest.raises(ValueError, match=r"from 0 to 1e\+07, 99 % of them end at \d+; .* clip"):
        body_mask(read_volume(path))


@pytest.mark.parametrize(
    ("name", "subject", "modality"),
    [
        ("IXI012-HH-1211_T1.nii.gz", "IXI012", "T1"),
        ("IXI002-Guys-0828-T1.nii.gz", "IXI002", "T1"),
        ("case10007_slice133.png", "case10007", "MR"),
        ("sub-01_ses-2_FLAIR.nii.gz", "sub-01", "FLAIR"),
        ("sub-0003_T1w.nii", "sub-0003", "T1"),
        ("sub-0003_ce-gadolinium_T1w.nii", "sub-0003", "T1CE"),
        ("abdomen_3mm.nii.gz", "abdomen_3mm", "MR"),
    ],
)
def test_what_a_file_name_says(name, subject, modality):
    assert subject_of(name) == subject
    assert modality_of(name) == modality


def _labels(tmp_path, voxels):
    path = tmp_path / "seg.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, head().affine), path)
    return path


def test_labels_that_were_saved_as_floats_are_rounded(tmp_path):
    labels = np.arange(27).reshape(3, 3, 3) % 3
    path = _labels(tmp_path, labels.astype(np.float32) * 0.99608)
    np.testing.assert_array_equal(read_volume(path, "labels").voxels, labels)
    path = _labels(tmp_path, np.where(labels == 0, -0.0, labels).astype(np.float32))
    np.testing.assert_array_equal(read_volume(path, "labels").voxels, labels)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0.5, r"seg\.nii\.gz holds 0\.5, which is no label.*nearest"),
        (-1, r"seg\.nii\.gz holds the negative label -1"),
        (2**25, r"seg\.nii\.gz holds the label 3.*labels end at"),
    ],
)
def test_what_is_no_label_is_named(tmp_path, value, message):
    voxels = np.zeros((3, 3, 3), np.float32)
    voxels[1, 1, 1] = value
    with pytest.raises(ValueError, match=message):
        read_volume(_labels(tmp_path, voxels), "labels")


def test_holes_in_a_mask_are_filled_with_nothing(tmp_path):
    voxels = np.ones((3, 3, 3), np.float32)
    voxels[0, 0, 0] = np.nan
    path = _labels(tmp_path, voxels)
    assert read_volume(path, "labels", fill_nan=-1000).voxels[0, 0, 0] == 0


@pytest.mark.parametrize(
    ("largest", "kept"), [(2, np.uint8), (1035, np.uint16), (70000, np.uint32)]
)
def test_labels_are_kept_in_a_type_that_holds_them(largest, kept):
    labels = whole_labels(np.array([[0.0, largest]]), "seg")
    assert labels.dtype == kept and labels.max() == largest


def test_a_mask_of_four_dimensions_is_named(tmp_path):
    path = _labels(tmp_path, np.zeros((3, 3, 3, 2), np.uint8))
    with pytest.raises(ValueError, match=r"seg\.nii\.gz has 4 dimensions.*one label a voxel"):
        read_volume(path, "labels")
