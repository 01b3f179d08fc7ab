"""Real heads: right is right, front is front, levels are the same place, masks lie on the brain."""

import os
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medgan_utils.data import load_slices, read_volume

FOLDER = os.environ.get("MEDGAN_REAL_DATA")
RIGHT = {
    "thalamus": (59, 60),
    "hippocampus": (47, 48),
    "cerebellum": (38, 39),
    "ventricle": (51, 52),
}
"""MUSE's labels of structures on the patient's right and left, in the published segmentations."""

pytestmark = pytest.mark.skipif(not FOLDER, reason="set MEDGAN_REAL_DATA to the folder with IXI")


@pytest.fixture(scope="module")
def heads():
    """24 subjects with their segmentations as masks."""
    return load_slices(
        "ixi",
        96,
        folder=Path(FOLDER, "ixi_t1"),
        masks=Path(FOLDER, "ixi_seg"),
        participants=Path(FOLDER, "ixi_participants.csv"),
        subjects=24,
        cache=False,
    )


def middle(heads, label, axis):
    """Mean column (axis 2) or row (axis 1) of one label."""
    return np.nonzero(heads.masks == label)[axis].mean()


def test_the_stored_axes_are_turned_to_ras():
    path = next(Path(FOLDER, "ixi_t1").glob("*.nii.gz"))
    stored = nibabel.load(path)
    assert nibabel.aff2axcodes(stored.affine) == ("P", "S", "R")
    volume = read_volume(path)
    assert nibabel.aff2axcodes(volume.affine) == ("R", "A", "S")
    assert volume.voxels.shape == (90, 120, 120) and volume.spacing_mm == pytest.approx((2, 2, 2))
    corner = np.linalg.inv(stored.affine) @ volume.affine @ [10, 20, 30, 1]
    index = tuple(np.rint(corner[:3]).astype(int))
    assert volume.voxels[10, 20, 30] == np.asarray(stored.dataobj)[index]


@pytest.mark.parametrize("name", RIGHT)
def test_the_patients_right_is_in_the_first_columns(heads, name):
    right, left = RIGHT[name]
    for subject in np.unique(heads.subjects):
        one = heads.for_subjects(subject)
        assert middle(one, right, 2) < middle(one, left, 2) - 5


def test_front_is_up(heads):
    for subject in np.unique(heads.subjects):
        one = heads.for_subjects(subject)
        thalamus, cerebellum = middle(one, 59, 1), middle(one, 38, 1)
        assert thalamus < cerebellum - 5  # the cerebellum lies behind


def test_a_level_shows_the_same_place_in_every_head(heads):
    """The thalamus is about as far below the vertex in all, and fully within the levels."""
    levels = [
        heads.for_subjects(subject)
        .positions[(heads.for_subjects(subject).masks == 59).any(axis=(1, 2))]
        .mean()
        for subject in np.unique(heads.subjects)
    ]
    assert 65 < np.mean(levels) < 90
    assert np.std(levels) < 8


def test_images_and_masks_fit(heads):
    assert heads.images.shape[1:] == (96, 96, 1) and len(np.unique(heads.subjects)) == 24
    assert (heads.images.min(), heads.images.max()) == (-1, 1)
    brain = heads.masks > 0
    assert heads.images[..., 0][brain].mean() > heads.images[..., 0][~brain].mean() + 0.5
    edge = np.ones((96, 96), bool)
    edge[2:-2, 2:-2] = False
    assert (heads.images[:, edge] > -0.5).mean() < 0.01  # nobody is cut off
    assert np.isfinite(heads.labels["age"]).mean() > 0.9 and set(heads.labels["sex"]) <= {-1, 0, 1}


def test_abdominal_ct_comes_in_hounsfield_units():
    volume = read_volume(Path(FOLDER, "ct_volume", "abdomen_3mm.nii.gz"), "CT")
    liver = read_volume(Path(FOLDER, "ct_volume", "abdomen_3mm_liver.nii.gz"), "labels")
    assert np.median(volume.voxels[liver.voxels > 0]) == pytest.approx(44, abs=3)
    x_mm = (volume.affine @ np.r_[np.argwhere(liver.voxels > 0).mean(axis=0), 1])[0]
    middle_mm = (volume.affine @ np.r_[np.array(volume.voxels.shape) / 2, 1])[0]
    assert x_mm > middle_mm  # the liver is on the right
