"""Real livers: HU, volume and side of one CT volume, and the side in slices of 88 cases."""

import os
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medgan_utils.data import load_slices
from medgan_utils.data.sources import SOURCES
from medgan_utils.data.sources.ct import LIVER_LABELS
from medgan_utils.data.sources.ct_cases import read_liver_ct
from medgan_utils.data.sources.item import Item

FOLDER = os.environ.get("MEDGAN_REAL_DATA")

pytestmark = pytest.mark.skipif(not FOLDER, reason="set MEDGAN_REAL_DATA to the real images")


@pytest.fixture
def item():
    folder = Path(FOLDER, "ct_volume")
    image, mask = folder / "abdomen_3mm.nii.gz", folder / "abdomen_3mm_liver.nii.gz"
    return Item(image, "abdomen", "CT", mask)


def test_a_plain_liver(item):
    volume, mask = read_liver_ct(item)
    liver = mask.voxels > 0
    assert 42 <= np.median(volume.voxels[liver]) <= 48
    litres = liver.sum() * np.prod(volume.spacing_mm) / 1e6
    assert litres == pytest.approx(1.13, abs=0.05)
    x = volume.affine[0, 3] + volume.spacing_mm[0] * np.arange(len(liver))
    body = (volume.voxels > -300).sum(axis=(1, 2))
    assert np.average(x, weights=liver.sum(axis=(1, 2))) > np.average(x, weights=body) + 20


@pytest.mark.parametrize("offset", [1024, -1024])
def test_a_forgotten_offset_is_found(item, tmp_path, offset):
    image = nibabel.load(item.path)
    voxels = (image.get_fdata() + offset).astype(np.int16)
    path = tmp_path / "volume-0.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, image.affine), path)
    with pytest.raises(ValueError, match=r"rescale slope or offset\?"):
        read_liver_ct(Item(path, "a", "CT", item.mask))


def test_mirrored_is_refused_and_identity_is_turned(item, tmp_path):
    image, mask = nibabel.load(item.path), nibabel.load(item.mask)
    good = read_liver_ct(item)[1].voxels > 0
    for name, affine in (("mirrored", image.affine), ("identity", np.eye(4))):
        paths = [tmp_path / f"{name}-{kind}.nii.gz" for kind in ("volume", "segmentation")]
        for path, source in zip(paths, (image, mask), strict=True):
            voxels = np.asarray(source.dataobj)[::-1].astype(np.int16)
            nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
        broken = Item(paths[0], "a", "CT", paths[1])
        if name == "mirrored":
            with pytest.raises(ValueError, match="patient's left"):
                read_liver_ct(broken)
            continue
        with pytest.warns(UserWarning, match="identity affine"):
            turned = read_liver_ct(broken)[1].voxels > 0
        filled = turned.any(axis=(0, 1))
        np.testing.assert_array_equal(turned[..., filled], good[..., good.any(axis=(0, 1))])


def test_slices_of_the_volume_show_the_liver_on_the_left(item, monkeypatch, tmp_path):
    for number, source in (("volume-0", item.path), ("segmentation-0", item.mask)):
        (tmp_path / f"{number}.nii.gz").symlink_to(source)
    slices = load_slices("lits", 64, folder=tmp_path, levels=(0.0, 1.0), step_mm=6)
    assert SOURCES["lits"].mask_labels == LIVER_LABELS
    assert slices.labels["liver"].mean() > 0.7 and slices.labels["tumour"].sum() == 0
    assert np.nonzero(slices.masks.max(0))[1].mean() < 28


def test_real_slices_by_case():
    folder = Path(FOLDER, "liver_ct_slices")
    slices = load_slices("folder", 64, folder=folder / "images", masks=folder / "masks",
                         modality="CT", anatomy="body")  # fmt: skip
    assert len(slices) == 458 and len(np.unique(slices.subjects)) == 88
    assert np.isnan(slices.spacing_mm)  # the slices do not say
    body = slices.images[..., 0] > -0.9
    columns = np.arange(64)
    for image, mask in zip(body, slices.masks, strict=True):
        if mask.sum() > 20:
            liver = np.average(columns, weights=mask.sum(axis=0))
            assert liver < np.average(columns, weights=image.sum(axis=0))
