"""LiTS, the Decathlon, OrganAMNIST and yes/no folders: good files are read, known traps are met."""

import functools
import hashlib
import http.server
import tarfile
import threading
from dataclasses import replace

import nibabel
import numpy as np
import pytest
from PIL import Image
from small_bodies import AFFINE, SPACING_MM, body, write_case

from medgan_utils.data import load_slices
from medgan_utils.data.pictures import read_picture
from medgan_utils.data.sources import ct, labelled
from medgan_utils.data.sources.ct_cases import read_liver_ct

LEVELS = dict(levels=(0.0, 1.0), step_mm=10)


def case(tmp_path, **options):
    write_case(tmp_path, "volume-0.nii.gz", "segmentation-0.nii.gz", **options)
    return ct.lits_items(tmp_path)[0]


# CT with liver masks


def test_lits_is_found_read_and_labelled(tmp_path):
    write_case(tmp_path / "batch 1", "volume-0.nii", "segmentation-0.nii")
    write_case(tmp_path / "batch 2", "volume-11.nii.gz", "segmentation-11.nii.gz")
    write_case(tmp_path / "test", "test-volume-3.nii", "unused.nii")
    slices = load_slices("lits", 32, folder=tmp_path, fov_mm=260, **LEVELS)
    assert np.unique(slices.subjects).tolist() == ["volume-0", "volume-11"]
    assert slices.images.shape[1:] == (32, 32, 1)
    assert slices.labels["liver"].sum() > slices.labels["tumour"].sum() > 0
    assert (slices.labels["spacing_known"] == 1).all()
    # The patient's right, with the liver, is on the left of the image; the spine is below.
    columns = np.nonzero(slices.masks.max(0))[1]
    assert columns.max() < 16
    bright = (slices.images[..., 0] == slices.images.max()).nonzero()[1]
    assert bright.min() > 16


def test_volumes_are_cut_to_the_liver(tmp_path):
    volume, mask = read_liver_ct(case(tmp_path))
    planes = (mask.voxels > 0).any(axis=(0, 1))
    assert planes[:3].sum() == planes[-3:].sum() == 0  # 15 mm at 5 mm a slice
    assert planes[3:-3].all()
    first = np.flatnonzero((body()[1] > 0).any(axis=(0, 1)))[0] - 3
    assert volume.affine[2, 3] == pytest.approx(-100 + first * 5)
    assert volume.modality == "CT" and volume.spacing_mm == pytest.approx(SPACING_MM)


@pytest.mark.parametrize("order", [(1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1)])
def test_an_identity_affine_is_turned_by_what_it_shows(tmp_path, order):
    item = case(tmp_path, affine=np.eye(4), order=order)
    assert item.labels == {"spacing_known": 0}
    with pytest.warns(UserWarning, match="identity affine, so its spacing is not known"):
        volume, mask = read_liver_ct(item)
    labels = body()[1]
    planes = np.flatnonzero((labels > 0).any(axis=(0, 1)))
    np.testing.assert_array_equal(
        mask.voxels.sum(axis=(0, 1))[mask.voxels.any(axis=(0, 1))],
        labels.sum(axis=(0, 1))[planes],
    )
    inside = mask.voxels == 1
    assert np.argwhere(inside)[:, 0].mean() > 35  # on the right
    assert volume.voxels[..., -1].min() < -500  # lungs above
    assert np.argwhere(volume.voxels > 400)[:, 1].mean() < 15  # spine behind


@pytest.mark.parametrize("signs", [(1, -1), (-1, 1), (-1, -1)])
def test_masks_whose_header_disagrees(tmp_path, signs):
    flipped = AFFINE @ np.diag([*signs, 1.0, 1.0])
    item = case(tmp_path, mask_affine=flipped)  # the voxels match, the header lies
    with pytest.warns(UserWarning, match=r"segmentation-0.*affine differs from its image's"):
        volume, mask = read_liver_ct(item)
    assert volume.voxels[mask.voxels == 1].std() < 10
    labels = body()[1][:: signs[0], :: signs[1]].copy()
    nibabel.save(nibabel.Nifti1Image(labels, flipped), item.mask)  # stored in another order
    with pytest.warns(UserWarning, match="affine differs"):
        volume, mask = read_liver_ct(item)
    assert volume.voxels[mask.voxels == 1].std() < 10


@pytest.mark.parametrize("liver_hu", [1124, -924])
def test_impossible_liver_hu_ask_for_slope_or_offset(tmp_path, liver_hu):
    item = case(tmp_path, liver_hu=liver_hu)
    with pytest.raises(ValueError, match=r"volume-0\.nii\.gz.*rescale slope or offset\?"):
        read_liver_ct(item)


def test_a_mirrored_volume_is_refused(tmp_path):
    with pytest.raises(ValueError, match="lies on the patient's left"):
        read_liver_ct(case(tmp_path, order=(-1, 1, 1)))


def test_other_bad_volumes(tmp_path):
    item = case(tmp_path)
    nibabel.save(nibabel.Nifti1Image(np.full((64, 48, 40), 7, np.uint8), AFFINE), item.mask)
    with pytest.raises(ValueError, match=r"holds the labels \[7\]"):
        read_liver_ct(item)
    nibabel.save(nibabel.Nifti1Image(np.zeros((8, 8, 8), np.uint8), AFFINE), item.mask)
    with pytest.raises(ValueError, match=r"shape \(8, 8, 8\) but its image"):
        read_liver_ct(item)
    voxels = body()[0]
    voxels[0, 0, 0] = np.nan
    write_case(tmp_path, "volume-0.nii.gz", "segmentation-0.nii.gz")
    nibabel.save(nibabel.Nifti1Image(voxels, AFFINE), item.path)
    with pytest.raises(ValueError, match="NaN or infinite"):
        read_liver_ct(item)
    assert np.isfinite(read_liver_ct(replace(item, fill_nan=-1000))[0].voxels).all()
    whole = item.path.read_bytes()
    item.path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"volume-0\.nii\.gz cannot be read"):
        read_liver_ct(item)


def test_lits_without_files_says_where_they_are(tmp_path):
    with pytest.raises(ValueError, match=r"after registration.*liver-phantom"):
        load_slices("lits")
    with pytest.raises(FileNotFoundError, match="holds no images with masks"):
        load_slices("lits", folder=tmp_path)
    with pytest.raises(FileNotFoundError, match="is no folder"):
        load_slices("lits", folder=tmp_path / "nowhere")


@pytest.fixture
def served(tmp_path):
    """A folder that a server on loopback hands out, and its address."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def md5(path):
    return "md5:" + hashlib.md5(path.read_bytes()).hexdigest()


def test_the_decathlon_is_downloaded_checked_and_unpacked(served, tmp_path, monkeypatch):
    folder, address = served
    task = tmp_path / "Task03_Liver"
    for number in (0, 12):
        write_case(task, f"imagesTr/liver_{number}.nii.gz", f"labelsTr/liver_{number}.nii.gz")
    write_case(task, "imagesTs/liver_140.nii.gz", "labelsTr/._liver_0.nii.gz")
    archive = folder / "Task03_Liver.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(task, "Task03_Liver")
    monkeypatch.setattr(ct, "MSD_ADDRESS", f"{address}/Task03_Liver.tar")
    monkeypatch.setattr(ct, "MSD_HASH", md5(archive))
    items = ct.msd_liver_items()
    assert [item.subject for item in items] == ["liver_0", "liver_12"]
    assert items[1].mask.parent.name == "labelsTr"
    archive.unlink()  # from here on no network
    slices = load_slices("msd-liver", 32, subjects=["liver_12"], fov_mm=260, **LEVELS)
    assert set(slices.subjects) == {"liver_12"} and slices.labels["tumour"].any()


# OrganAMNIST


def write_organs(path, size=28):
    rng = np.random.default_rng(0)
    arrays = {}
    for part, count in (("train", 12), ("val", 5), ("test", 7)):
        arrays[f"{part}_images"] = rng.integers(0, 256, (count, size, size)).astype(np.uint8)
        arrays[f"{part}_labels"] = (np.arange(count) % 11)[:, None].astype(np.uint8)
    np.savez(path, **arrays)
    return arrays


def test_organamnist_keeps_the_publishers_parts(tmp_path):
    arrays = write_organs(tmp_path / "organamnist.npz")
    slices = load_slices("organamnist", 28, folder=tmp_path, size=28)
    assert [(slices.subjects == part).sum() for part in ("train", "val", "test")] == [12, 5, 7]
    test = slices.for_subjects("test")
    np.testing.assert_array_equal(np.rint((test.images[..., 0] + 1) * 127.5), arrays["test_images"])
    assert test.labels["liver"].tolist() == [0, 0, 0, 0, 0, 0, 1]
    assert labelled.ORGANS[6] == "liver"
    small = load_slices("organamnist", 16, folder=tmp_path, size=28, subjects=["val"])
    assert small.images.shape == (5, 16, 16, 1) and small.modality == "CT"


def test_organamnist_is_downloaded_and_checked(served, monkeypatch):
    folder, address = served
    write_organs(folder / "organamnist_64.npz", 64)
    monkeypatch.setitem(labelled.MEDMNIST_HASHES, 64, md5(folder / "organamnist_64.npz"))
    monkeypatch.setattr(labelled, "MEDMNIST_ADDRESS", address)
    assert len(load_slices("organamnist", 64)) == 24
    monkeypatch.setitem(labelled.MEDMNIST_HASHES, 128, "md5:" + "0" * 32)
    write_organs(folder / "organamnist_128.npz", 128)
    with pytest.raises(ValueError, match="wrong checksum"):
        load_slices("organamnist", 64, size=128)


def test_bad_organamnist_files(tmp_path):
    with pytest.raises(ValueError, match=r"size=100.*28, 64, 128, 224"):
        load_slices("organamnist", folder=tmp_path, size=100)
    with pytest.raises(FileNotFoundError, match=r"organamnist_64\.npz does not exist"):
        load_slices("organamnist", folder=tmp_path)
    (tmp_path / "organamnist_64.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(ValueError, match="no whole MedMNIST file"):
        load_slices("organamnist", folder=tmp_path)
    np.savez(tmp_path / "organamnist.npz", train_images=np.zeros((3, 28, 28, 3), np.uint8),
             train_labels=np.zeros((3, 1), np.uint8))  # fmt: skip
    with pytest.raises(ValueError, match="grey pictures"):
        load_slices("organamnist", folder=tmp_path, size=28, subjects=["train"])


# Folders yes and no


def head_picture(seed, size=(40, 36)):
    """A smooth picture that differs from seed to seed, uint8."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(30, 255, (5, 5)).astype(np.uint8))
    return np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))


@pytest.fixture
def heads(tmp_path):
    for side, seeds in (("yes", range(4)), ("no", range(10, 13))):
        folder = tmp_path / "brain" / side
        folder.mkdir(parents=True)
        for seed in seeds:
            Image.fromarray(head_picture(seed)).save(folder / f"{side[0].upper()}{seed}.png")
    return tmp_path / "brain"


def test_yes_and_no_become_labels(heads):
    slices = load_slices("brainmri", 32, folder=heads)
    assert len(slices) == len(np.unique(slices.subjects)) == 7
    assert slices.labels["tumour"].sum() == 4
    assert slices.labels["tumour"][np.char.startswith(slices.subjects, "yes")].all()
    assert -1 <= slices.images.min() < slices.images.max() <= 1


def test_every_mode_is_decoded_alike(tmp_path):
    grey = head_picture(3)
    pictures = {
        "L": Image.fromarray(grey),
        "RGB": Image.fromarray(grey).convert("RGB"),
        "RGBA": Image.fromarray(grey).convert("RGBA"),
        "LA": Image.fromarray(grey).convert("LA"),
        "P": Image.fromarray(grey).convert("P"),
    }
    for mode, picture in pictures.items():
        assert picture.mode == mode
        picture.save(tmp_path / f"{mode}.png")
        decoded = (read_picture(tmp_path / f"{mode}.png", colours=True) + 1) * 127.5
        np.testing.assert_allclose(decoded, grey, atol=1)
    clear = np.dstack([grey, grey, grey, np.zeros_like(grey)])
    Image.fromarray(clear).save(tmp_path / "clear.png")
    assert read_picture(tmp_path / "clear.png", colours=True).max() == -1
    Image.fromarray(grey.astype(np.uint16) * 200).save(tmp_path / "deep.png")
    deep = read_picture(tmp_path / "deep.png", colours=True)
    assert deep.max() == 1 and np.corrcoef(deep.ravel(), grey.ravel())[0, 1] > 0.99


def test_copies_are_left_out_and_near_ones_stay_together(heads):
    picture = Image.fromarray(head_picture(0))
    picture.convert("RGB").save(heads / "yes" / "copy.png")
    picture.resize((60, 54)).save(heads / "yes" / "larger.jpg")
    Image.fromarray(head_picture(10)).save(heads / "yes" / "contradiction.png")
    with pytest.warns(UserWarning, match="of 10 pictures, 1 exact duplicates, 2 that are in both"):
        items = labelled.brainmri_items(heads)
    names = [item.path.name for item in items]
    assert len(items) == 7 and {"contradiction.png", "N10.png"}.isdisjoint(names)
    by_name = {item.path.name: item.subject for item in items}
    first = "Y0.png" if "Y0.png" in by_name else "copy.png"
    assert by_name["larger.jpg"] == by_name[first] != by_name["Y1.png"]


def test_empty_and_damaged_pictures(heads):
    Image.fromarray(np.full((30, 30), 4, np.uint8)).save(heads / "no" / "blank.png")
    with pytest.warns(UserWarning, match="and 1 empty ones were left out"):
        assert len(labelled.brainmri_items(heads)) == 7
    for path in [*heads.rglob("Y*.png"), *heads.rglob("N*.png")]:
        Image.fromarray(np.zeros((30, 30), np.uint8)).save(path)
    with pytest.raises(ValueError, match="8 of 8 pictures are all but empty"):
        labelled.brainmri_items(heads)
    (heads / "no" / "blank.png").write_bytes(b"\x89PNG no more")
    with pytest.raises(ValueError, match=r"blank\.png cannot be read as a picture"):
        labelled.brainmri_items(heads)


def test_folders_without_yes_and_no(tmp_path):
    with pytest.raises(ValueError, match=r"kaggle\.com"):
        load_slices("brainmri")
    with pytest.raises(FileNotFoundError, match="found neither"):
        load_slices("brainmri", folder=tmp_path)
    with pytest.raises(FileNotFoundError, match="is no folder"):
        load_slices("brainmri", folder=tmp_path / "nowhere")
