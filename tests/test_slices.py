import subprocess
import sys
import warnings
import zipfile
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from small_heads import HALF_AXES_MM, head, write

from medgan_utils.data import AxialCut, Slices, axial_slices, join, load_slices, read_volume


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    folder = tmp_path_factory.mktemp("head")
    return read_volume(write(head(), folder / "IXI001-HH-1_T1.nii.gz", "PSR"))


def some_slices(subjects=10, each=4, size=8, masks=False):
    """Slices whose first pixel is their own number, in 256ths."""
    count = subjects * each
    images = np.zeros((count, size, size, 1), np.float32)
    images[:, 0, 0, 0] = np.arange(count) / 256
    return Slices(
        images=images,
        subjects=np.repeat([f"s{number}" for number in range(subjects)], each),
        positions=np.tile(np.arange(each, dtype=np.float32) * 10, subjects),
        masks=np.ones((count, size, size), np.uint8) if masks else None,
        labels={"number": np.arange(count), "age": np.full(count, 30.5)},
        modality="T1",
        spacing_mm=3.75,
        info={"source": "test", "levels": [20.0, 120.0]},
    )


# From a volume to slices


def test_anterior_is_up_and_the_patients_right_comes_first(volume):
    images, positions, _ = axial_slices(volume, AxialCut(64, levels=(84, 116)))
    middle = images[positions == 100][0, :, :, 0]
    left_half, right_half = middle[24:40, 16:30], middle[24:40, 34:48]
    assert left_half.mean() > 0.9  # 700, the right half of the patient
    assert right_half.mean() == pytest.approx(2 * 500 / 700 - 1, abs=0.05)
    # The nose is in the upper rows and not cut: air above it, nose below, none at the back.
    column = middle[:, 31]
    first = np.argmax(column > 0)
    assert 2 < first < 12
    assert (column[:2] == -1).all()


def test_images_are_scaled_shaped_and_ordered_from_the_top(volume):
    images, positions, masks = axial_slices(volume, AxialCut(32))
    assert images.shape == (26, 32, 32, 1)
    assert images.dtype == np.float32
    assert -1 <= images.min() < -0.99
    assert 0.99 < images.max() <= 1
    np.testing.assert_allclose(positions, np.arange(20, 121, 4))
    assert masks is None


@pytest.mark.parametrize(
    ("spacing_mm", "centre_mm"), [((4.0, 4.0, 4.0), (0, 0, -12)), ((2.0, 4.0, 2.0), (8, -4, 6))]
)
def test_a_level_is_the_same_place_in_every_head(tmp_path, spacing_mm, centre_mm):
    path = write(head(spacing_mm, centre_mm), tmp_path / "other.nii.gz", "LPI")
    axial = AxialCut(96, levels=(40, 92), step_mm=4, fov_mm=240)
    images, positions, _ = axial_slices(read_volume(path), axial)
    pixel_mm = 240 / 96
    for image, position in zip(images[..., 0], positions, strict=True):
        if position > 75:  # the nose begins
            continue
        # The vertex is known to one plane: the place lies between two neighbouring ones.
        depth = 100 - np.array([position, position + spacing_mm[2]])
        area_mm2 = np.pi * HALF_AXES_MM[0] * HALF_AXES_MM[1] * (1 - (depth / HALF_AXES_MM[2]) ** 2)
        found_mm2 = (image > -0.5).sum() * pixel_mm**2
        assert 0.96 * area_mm2[0] < found_mm2 < 1.04 * area_mm2[1]
    rows, columns = np.nonzero(images.max(axis=0)[..., 0] > 0)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(47.5, abs=1)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(47.5, abs=1)


def test_the_field_of_view_is_in_millimetres(volume):
    for fov_mm in (200, 300):
        images, positions, _ = axial_slices(volume, AxialCut(100, levels=(60, 60), fov_mm=fov_mm))
        width_mm = (images[0, 50, :, 0] > -0.5).sum() * fov_mm / 100
        half = np.sqrt(1 - 0.4**2) * HALF_AXES_MM[0]
        assert positions.tolist() == [60]
        assert width_mm == pytest.approx(2 * half, abs=6)


def test_a_pattern_finer_than_a_pixel_becomes_its_mean(tmp_path):
    image = head((2.0, 2.0, 4.0))
    voxels = image.get_fdata().copy()
    parity = np.indices(voxels.shape)[:2].sum(axis=0) % 2
    voxels[voxels > 0] = 200 + 600 * parity[voxels > 0]
    path = write(nibabel.Nifti1Image(voxels, image.affine), tmp_path / "fine.nii.gz")
    images, *_ = axial_slices(read_volume(path), AxialCut(32, levels=(100, 100), fov_mm=256))
    core = images[0, 12:20, 12:20, 0]
    assert core.std() < 0.02
    assert core.mean() == pytest.approx(2 * 500 / 800 - 1, abs=0.03)


def test_masks_follow_their_image(tmp_path, volume):
    labels = np.where(volume.voxels == 700, 2, np.where(volume.voxels == 500, 1, 0))
    path = tmp_path / "labels.nii.gz"
    nibabel.save(nibabel.Nifti1Image(labels.astype(np.uint8), volume.affine), path)
    images, _, masks = axial_slices(volume, AxialCut(64), read_volume(path))
    assert masks.dtype == np.uint8
    assert set(np.unique(masks)) == {0, 1, 2}
    bright = images[..., 0] > 0.8
    assert (masks[bright] == 2).mean() > 0.97
    assert masks[:, :, :28].max() == 2
    assert masks[:, :, 36:].max() == 1


def test_a_mask_on_another_grid_is_named(tmp_path, volume):
    small = tmp_path / "seg.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 4, 4), np.uint8), np.eye(4)), small)
    with pytest.raises(ValueError, match=r"seg\.nii\.gz has shape \(4, 4, 4\) but its image"):
        axial_slices(volume, AxialCut(), read_volume(small))
    moved = tmp_path / "moved.nii.gz"
    affine = volume.affine.copy()
    affine[0, 3] += 10
    nibabel.save(nibabel.Nifti1Image(volume.voxels, affine), moved)
    with pytest.raises(ValueError, match=r"moved\.nii\.gz.*affines differ"):
        axial_slices(volume, AxialCut(), read_volume(moved))


def test_levels_of_bodies_are_fractions(tmp_path):
    voxels = np.full((40, 40, 50), -1000, np.float32)
    voxels[10:30, 10:30, 5:46] = 40.0
    voxels[22:26, 18:22, :][..., 5:46] = 240.0
    path = tmp_path / "case1.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([8.0, 8.0, 10.0, 1.0])), path)
    axial = AxialCut(40, anatomy="body", levels=(0.25, 0.75), step_mm=10, fov_mm=320)
    images, positions, _ = axial_slices(read_volume(path, "CT"), axial)
    assert (positions[0], positions[-1]) == (0.25, 0.75)
    assert len(positions) == 21
    assert images[0, 20, 25, 0] == pytest.approx(0, abs=0.01)  # 40 HU in [-160, 240]
    assert images[0, :, :17].max() == pytest.approx(1, abs=0.05)  # right of the patient
    assert images[0, 2, 2, 0] == -1


def test_levels_outside_the_volume_are_named(volume):
    with pytest.raises(ValueError, match=r"IXI001.*none of the levels \(900, 950\)"):
        axial_slices(volume, AxialCut(levels=(900, 950)))


@pytest.mark.parametrize(
    "wrong", [{"anatomy": "knee"}, {"step_mm": 0}, {"levels": (90, 20)}, {"fov_mm": -1}]
)
def test_settings_that_cannot_be_cut_are_refused(wrong):
    with pytest.raises(ValueError):
        AxialCut(**wrong)


# The container


def test_selecting_keeps_everything_together():
    slices = some_slices(masks=True)
    part = slices.select(np.array([3, 7]))
    assert len(part) == 2
    assert part.labels["number"].tolist() == [3, 7]
    assert part.subjects.tolist() == ["s0", "s1"]
    assert part.masks.shape == (2, 8, 8)
    assert len(slices.for_subjects(["s1", "s9"])) == 8
    assert set(slices.for_subjects("s3").subjects) == {"s3"}
    with pytest.raises(ValueError, match="no slices of s77"):
        slices.for_subjects(["s1", "s77"])


def test_parts_that_do_not_belong_together_are_refused():
    images = np.zeros((3, 4, 4, 1), np.float32)
    with pytest.raises(ValueError, match=r"positions has shape \(2,\) for 3 images"):
        Slices(images, np.array(["a"] * 3), np.zeros(2, np.float32))
    with pytest.raises(ValueError, match=r"\(N, H, W, C\)"):
        Slices(images[..., 0], np.array(["a"] * 3), np.zeros(3, np.float32))


def test_no_subject_is_on_two_sides_of_a_split():
    slices = some_slices()
    parts = slices.split({"train": 0.6, "reference": 0.2, "test": 0.2}, seed=1)
    sides = [set(part.subjects) for part in parts.values()]
    assert [len(side) for side in sides] == [6, 2, 2]
    assert len(set.union(*sides)) == 10
    assert sum(map(len, parts.values())) == len(slices)
    again = slices.split({"train": 0.6, "reference": 0.2, "test": 0.2}, seed=1)
    other = slices.split({"train": 0.6, "reference": 0.2, "test": 0.2}, seed=2)
    assert sides == [set(part.subjects) for part in again.values()]
    assert sides != [set(part.subjects) for part in other.values()]


def test_a_split_by_a_label_shares_out_those_who_have_it():
    slices = some_slices()
    ill = np.unique(slices.subjects)[:4]
    slices.labels["finding"] = np.isin(slices.subjects, ill).astype(int)
    slices.labels["finding"][::2] = 0  # a finding is in some slices of a subject, not in all
    shares = {"train": 0.5, "test": 0.5}
    for seed in range(20):
        sides = [
            set(part.subjects) for part in slices.split(shares, seed, label="finding").values()
        ]
        assert [len(side & set(ill)) for side in sides] == [2, 2]
        assert [len(side) for side in sides] == [5, 5] and not sides[0] & sides[1]
    with pytest.raises(ValueError, match=r"no label 'tumor'.*finding"):
        slices.split(shares, label="tumor")


def test_a_split_that_cannot_be_made_is_refused():
    with pytest.raises(ValueError, match="sum to 1"):
        some_slices().split({"train": 0.6, "test": 0.6})
    with pytest.raises(ValueError, match="2 subjects are too few"):
        some_slices(2).split({"train": 0.8, "reference": 0.1, "test": 0.1})


def test_levels_become_classes_of_equal_width():
    slices = some_slices(each=8).with_levels(4)
    assert slices.labels["level"][:8].tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert slices.labels["level"].dtype == np.int64
    unknown = some_slices()
    unknown.positions[2] = np.nan
    with pytest.raises(ValueError, match="needs a position"):
        unknown.with_levels(2)


def test_joining_fills_in_empty_masks():
    first, second = some_slices(2), some_slices(3, masks=True)
    joined = join([first, second])
    assert len(joined) == 20
    assert (256 * joined.images[:, 0, 0, 0]).tolist() == [*range(8), *range(12)]
    assert joined.masks.any(axis=(1, 2)).tolist() == [False] * 8 + [True] * 12
    assert joined.labels["number"].tolist() == [*range(8), *range(12)]


def test_joining_refuses_parts_of_another_size_or_with_other_labels():
    small = some_slices(2)
    wide = replace(small, images=np.repeat(small.images, 3, axis=-1))
    fewer = replace(small, labels={"number": small.labels["number"]})
    size = some_slices(2, size=16)
    for parts, said in (
        ([wide, small], r"\(8, 8, 3\).*\(8, 8, 1\)"),
        ([small, size], r"\(8, 8, 1\).*\(16, 16, 1\)"),
        ([fewer, small], "labels number and with age, number"),
        ([small, small, fewer], "labels age, number and with number"),
    ):
        with pytest.raises(ValueError, match=said):
            join(parts)


# On disk


def test_what_is_saved_is_loaded(tmp_path):
    slices = some_slices(masks=True)
    loaded = Slices.load(slices.save(tmp_path / "deep" / "slices.npz"))
    for name in ("images", "subjects", "positions", "masks"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(slices, name))
        assert getattr(loaded, name).dtype == getattr(slices, name).dtype
    assert loaded.labels.keys() == slices.labels.keys()
    np.testing.assert_array_equal(loaded.labels["age"], slices.labels["age"])
    assert (loaded.modality, loaded.spacing_mm, loaded.info) == ("T1", 3.75, slices.info)
    with np.load(tmp_path / "deep" / "slices.npz", allow_pickle=False) as file:
        assert "label_age" in file.files


def test_a_failed_save_leaves_nothing_and_keeps_the_old_file(tmp_path, monkeypatch):
    path = some_slices().save(tmp_path / "slices.npz")
    before = path.read_bytes()

    def full_disk(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "open", full_disk)
    with pytest.raises(OSError, match="No space"):
        some_slices(3).save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["slices.npz"]
    assert path.read_bytes() == before


def test_a_damaged_file_is_named(tmp_path):
    path = some_slices().save(tmp_path / "slices.npz")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=r"slices\.npz is no whole file.*delete it"):
        Slices.load(path)
    whole = some_slices().save(path).read_bytes()
    for start in range(50, 300, 10):  # where its images lie, packed
        path.write_bytes(whole[:start] + bytes(20) + whole[start + 20 :])
        with pytest.raises(ValueError, match=r"slices\.npz is no whole file"):
            Slices.load(path)
    np.savez(tmp_path / "other.npz", images=np.zeros(3))
    with pytest.raises(ValueError, match=r"other\.npz is no whole file"):
        Slices.load(tmp_path / "other.npz")
    with pytest.raises(FileNotFoundError):
        Slices.load(tmp_path / "none.npz")


# As batches


def numbers(dataset, steps):
    return [(256 * batch[:, 0, 0, 0].numpy()).tolist() for batch in dataset.take(steps)]


def test_a_batch_depends_on_seed_and_step_alone():
    slices = some_slices()
    whole = numbers(slices.to_dataset(6, seed=5), 12)
    assert numbers(slices.to_dataset(6, seed=5, start_step=7), 5) == whole[7:]
    assert numbers(slices.to_dataset(6, seed=6), 12) != whole


def test_every_epoch_is_another_permutation():
    order = np.concatenate(numbers(some_slices().to_dataset(16), 10))
    epochs = [order[start : start + 40] for start in range(0, 160, 40)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(40))
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_flips_mirror_about_half_and_can_be_repeated():
    slices = some_slices(size=4)
    slices.images[:, 0, 0, 0] = 1
    first, again = (
        np.concatenate([batch.numpy() for batch in slices.to_dataset(20, flip=True).take(20)])
        for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
    assert 0.35 < first[:, 0, 3, 0].mean() < 0.65
    np.testing.assert_array_equal(first[:, 0, 0, 0] + first[:, 0, 3, 0], np.ones(400))


def test_labels_go_with_their_images():
    slices = some_slices().with_levels(2)
    images, labels = next(iter(slices.to_dataset(8, label=("number", "level"))))
    assert labels.shape == (8, 2)
    assert labels.dtype == "int64"
    np.testing.assert_array_equal(256 * images[:, 0, 0, 0], labels[:, 0])
    assert next(iter(slices.to_dataset(8, label="level")))[1].shape == (8, 1)
    with pytest.raises(ValueError, match="no label 'lesion'"):
        slices.to_dataset(8, label="lesion")
    with pytest.raises(ValueError, match="'age' holds float64"):
        slices.to_dataset(8, label="age")
    slices.labels["sex"] = np.where(slices.labels["number"] < 3, -1, 1)
    with pytest.raises(ValueError, match=r"'sex' is unknown \(below 0\) for 3 slices"):
        slices.to_dataset(8, label="sex")
    with pytest.raises(ValueError, match="there is no batch"):
        slices.select(np.array([], int)).to_dataset(8)


def test_loading_names_of_the_room_loads_no_tensorflow():
    code = (
        "import sys, medgan_utils.data as data; "
        "data.load_slices, data.Slices, data.read_volume, data.list_sources(); "
        "print('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_labels_of_freesurfer_stay_what_they_are(volume, tmp_path):
    labels = head().get_fdata()
    labels = np.where(labels == 700, 1035, np.where(labels == 500, 11, 0)).astype(np.int16)
    path = write(nibabel.Nifti1Image(labels, head().affine), tmp_path / "aparc.nii.gz")
    masks = axial_slices(volume, AxialCut(32), read_volume(path, "labels"))[2]
    assert masks.dtype == np.uint16 and set(np.unique(masks)) == {0, 11, 1035}


def test_masks_of_two_types_are_joined_in_one_that_holds_both(volume):
    images, positions, _ = axial_slices(volume, AxialCut(32))
    subjects = np.full(len(images), "a")
    small = Slices(images, subjects, positions, np.ones(images.shape[:3], np.uint8))
    large = Slices(images, subjects, positions, np.full(images.shape[:3], 1035, np.uint16))
    assert set(np.unique(join([small, large]).masks)) == {1, 1035}
    assert join([small]).masks.dtype == np.uint8


def test_a_body_wider_than_the_usual_square_is_told(tmp_path):
    wide = head()
    wide.affine[:3, 0] *= 2
    path = write(wide, tmp_path / "abdomen.nii.gz")
    with pytest.warns(UserWarning, match=r"abdomen\.nii\.gz: the body is 2\d\d mm wide") as told:
        axial_slices(read_volume(path), AxialCut(32))
    assert "--anatomy body" in str(told[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axial_slices(read_volume(path), AxialCut(32, anatomy="body"))
        axial_slices(read_volume(path), AxialCut(32, fov_mm=200))


def test_a_time_point_and_a_value_for_nan_reach_the_reader(tmp_path):
    voxels = np.stack([head().get_fdata().astype(np.float32)] * 2, axis=-1)
    voxels[0, 0, 0] = np.nan
    voxels[..., 1] *= 3
    write(nibabel.Nifti1Image(voxels, head().affine), tmp_path / "sub-1_T1w.nii.gz")
    options = {"folder": tmp_path, "fov_mm": 256, "cache": False}
    with pytest.raises(ValueError, match=r"sub-1_T1w\.nii\.gz has 4 dim.*\(command: --index 0\)"):
        load_slices("folder", 32, **options)
    with pytest.raises(ValueError, match=r"sub-1_T1w\.nii\.gz holds 1 voxels.*--fill-nan 0"):
        load_slices("folder", 32, index=1, **options)
    assert len(load_slices("folder", 32, index=1, fill_nan=0, **options)) > 5
