"""Contrasts of one slice stacked as channels."""

import pytest
from PIL import Image
from small_heads import head, write

from medgan_utils.data import as_channels, load_slices


def test_visits_and_contrasts_cut_apart_are_not_stacked_on_each_other(tmp_path):
    for name in ("ses-1_T1w", "ses-1_T2w", "ses-2_T1w"):
        write(head(), tmp_path / f"sub-01_{name}.nii.gz")
    slices = load_slices("folder", 32, folder=tmp_path, cache=False)
    with pytest.raises(ValueError, match=r"each cut by its own body .* medgan_utils translate"):
        as_channels(slices)
    del slices.info["together"]  # as those of an older version
    with pytest.raises(ValueError, match="sub-01 has T1 more than once"):
        as_channels(slices)


def test_pictures_of_contrasts_are_stacked_as_they_are(tmp_path):
    for contrast in ("T1", "T2"):
        Image.linear_gradient("L").save(tmp_path / f"sub-01_{contrast}_slice001.png")
    slices = load_slices("folder", 8, folder=tmp_path, cache=False)
    assert as_channels(slices).images.shape == (1, 8, 8, 2)
