"""Which mask belongs to which image, and where it lies."""

import nibabel
import numpy as np
import pytest
from small_heads import write

from medgan_utils.data import read_volume
from medgan_utils.data.axial import check_grid
from medgan_utils.data.sources.masks import match_masks


def test_masks_of_other_people_are_refused_and_usual_layouts_match(tmp_path):
    images = [tmp_path / "images" / "A" / f"{n}.png" for n in (1, 2)]
    masks = [tmp_path / "masks" / "A" / "2.png", tmp_path / "masks" / "B" / "1.png"]
    with pytest.raises(FileNotFoundError, match="no mask fits"):
        match_masks(images, masks)
    images = [tmp_path / p / "images" / "001.png" for p in ("P1", "P2")]
    masks = [tmp_path / p / "masks" / "001.png" for p in ("P1", "P2")]
    assert match_masks(images, masks) == masks


def test_the_only_mask_of_another_person_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"P2_seg\.nii\.gz is another image's"):
        match_masks([tmp_path / "P1_T1.nii.gz"], [tmp_path / "masks" / "P2_seg.nii.gz"])
    mask = tmp_path / "roi3.nii.gz"
    assert match_masks([tmp_path / "scan12.nii.gz"], [mask]) == [mask]


def test_a_mask_some_pixels_off_in_the_plane_is_refused(tmp_path):
    voxels, affine = np.ones((9, 9, 4), np.uint8), np.diag([0.7, 0.7, 5, 1.0])
    affine[0, 3] = 2.4
    image = write(nibabel.Nifti1Image(voxels, np.diag([0.7, 0.7, 5, 1.0])), tmp_path / "a_T1.nii")
    mask = write(nibabel.Nifti1Image(voxels, affine), tmp_path / "a_seg.nii")
    with pytest.raises(ValueError, match="lie in different places"):
        check_grid(read_volume(image), read_volume(mask, "labels"))
