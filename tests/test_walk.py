"""Which files a folder's walk takes: globs, and pictures in folders of masks."""

import pytest
from PIL import Image
from small_heads import head, write

from medgan_utils.data.sources.walk import walk


def test_a_glob_that_is_no_pattern_is_said(tmp_path):
    with pytest.raises(ValueError, match="is no pattern"):
        walk(tmp_path, glob="**/*[b-a].nii")


@pytest.mark.parametrize("folder", ["liver_masks", "masks_png", "manual segmentation"])
def test_pictures_in_a_folder_of_masks_are_no_images(tmp_path, folder):
    for kind in ("images", folder):
        (tmp_path / kind).mkdir()
        Image.new("L", (8, 8)).save(tmp_path / kind / "case1_slice1.png")
    assert [path.parent.name for path in walk(tmp_path).images] == ["images"]


def test_an_exclamation_mark_in_a_glob_means_not(tmp_path):
    for run in "123":
        write(head(), tmp_path / f"sub-01_run-{run}_T1w.nii.gz")
    found = walk(tmp_path, "*_run-[!2]_*").images
    assert [path.name[11] for path in found] == ["1", "3"]
