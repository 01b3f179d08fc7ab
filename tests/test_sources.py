"""`load_slices` from every source of heads: what comes back, what is cached, what is refused."""

import hashlib
import json
import subprocess
import sys
import tarfile
import textwrap

import nibabel
import numpy as np
import pytest
from loopback import serve
from small_heads import head, write, write_cohort
from small_series import write_series
from test_download import names

from medgan_utils.data import list_sources, load_slices
from medgan_utils.data.sources import brain
from medgan_utils.phantoms import HEAD_TISSUES

SMALL = dict(subjects=4, spacing_mm=6.0)


def md5(path):
    return "md5:" + hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("ixi"), 4)


# The list of sources


def test_every_source_says_what_a_user_must_know():
    listed = {source["name"]: source for source in list_sources()}
    assert {"brain-phantom", "ixi", "aomic", "folder"} <= set(listed)
    assert all(all(source.values()) for source in listed.values())
    assert listed["brain-phantom"]["network"] == "no"
    with pytest.raises(ValueError, match=r"no source 'mri'; choose one of .*brain-phantom"):
        load_slices("mri")
    with pytest.raises(TypeError, match="'brain-phantom' has no option 'folder'"):
        load_slices("brain-phantom", folder="x")


# The brain phantom


@pytest.fixture(scope="module")
def phantom_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("phantom-cache")


@pytest.fixture
def phantom(phantom_cache, monkeypatch):
    monkeypatch.setenv("MEDGAN_CACHE", str(phantom_cache))
    return load_slices("brain-phantom", 64, modalities=("T1", "T2"), **SMALL)


def test_the_phantom_comes_with_masks_labels_and_contrasts(phantom):
    assert phantom.images.shape[1:] == (64, 64, 1) and phantom.images.dtype == np.float32
    assert phantom.images.min() >= -1 and phantom.images.max() <= 1
    assert len(np.unique(phantom.subjects)) == 4
    assert phantom.info["contrasts"] == ["T1", "T2"] and phantom.modality == "T1+T2"
    area_mm2 = (phantom.masks > 0).sum(axis=(1, 2)) * phantom.spacing_mm**2
    np.testing.assert_array_equal(phantom.labels["lesion"], area_mm2 >= 50)
    assert len(np.unique(phantom.subjects[phantom.labels["lesion"] == 1])) == 2
    first, second = (phantom.select(phantom.labels["contrast"] == code) for code in (0, 1))
    np.testing.assert_array_equal(first.positions, second.positions)
    np.testing.assert_array_equal(first.masks, second.masks)


def test_masks_of_a_head_may_name_every_tissue(phantom):
    tissues = load_slices("brain-phantom", 64, modalities=("T1", "T2"), masks="tissues", **SMALL)
    np.testing.assert_array_equal(tissues.images, phantom.images)
    named = np.where(tissues.masks > 4, 0, tissues.masks)
    # a voxel may hold more of another tissue than of the lesion that is outlined there
    assert ((named > 0) != (phantom.masks > 0)).mean() < 0.01 * (phantom.masks > 0).mean() + 1e-3
    for name in ("csf", "grey", "white", "bone", "fat"):
        assert (tissues.masks == HEAD_TISSUES[name]).any(axis=(1, 2)).mean() > 0.5
    t1 = tissues.select(tissues.labels["contrast"] == 0)
    grey, white = (t1.images[..., 0][t1.masks == HEAD_TISSUES[n]] for n in ("grey", "white"))
    assert white.mean() > grey.mean() + 0.05
    with pytest.raises(ValueError, match="masks='lesion' and masks='tissues'"):
        load_slices("brain-phantom", masks="bones", **SMALL)


def test_the_phantoms_nose_is_in_the_upper_rows(phantom):
    noses = phantom.select((phantom.labels["contrast"] == 0) & (phantom.positions > 95))
    assert len(noses) >= 20
    front, back = zip(*[ends_of(image) for image in noses.images[..., 0]], strict=True)
    assert np.mean(front) < 0.7 * np.mean(back)


def ends_of(image):
    """Width in pixels of the body in its first and in its last four rows."""
    rows = np.flatnonzero((image > -0.8).sum(axis=1) > 2)
    widths = (image > -0.8).sum(axis=1)
    return widths[rows[:4]].mean(), widths[rows[-4:]].mean()


def test_a_tumour_on_the_right_is_in_the_first_columns(phantom, phantom_cache):
    for mask in phantom_cache.glob("brain-phantom/*/*/anat/*_label-lesion_mask.nii.gz"):
        image = nibabel.load(mask)
        voxels = np.argwhere(np.asarray(image.dataobj) > 0)
        x_mm = (image.affine @ np.r_[voxels.mean(axis=0), 1])[0]
        assert abs(x_mm) > 5
        columns = np.nonzero(phantom.for_subjects(mask.name[:7]).masks)[2]
        assert (columns.mean() < 31.5) == (x_mm > 0)


def test_the_phantom_is_written_once(phantom, phantom_cache, monkeypatch):
    def never(*_):
        raise AssertionError("written again")

    monkeypatch.setattr("medgan_utils.phantoms.cohort.write_brain_phantom", never)
    again = load_slices("brain-phantom", 32, modalities=("T1", "T2"), **SMALL)
    assert len(again) == len(phantom)
    with pytest.raises(AssertionError, match="written again"):
        load_slices("brain-phantom", 32, seed=1, **SMALL)
    with pytest.raises(ValueError, match="sub-009 chosen; this source has 4"):
        brain.choose_subjects([f"sub-00{n}" for n in range(1, 5)], ["sub-009"])
    with pytest.raises(ValueError, match="subjects=60: this source has 2 here"):
        brain.choose_subjects(["sub-001", "sub-002"], 60)


# IXI and AOMIC, from replicas on loopback


def test_ixi_is_downloaded_checked_unpacked_and_kept(cohort, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDGAN_CACHE", str(tmp_path / "cache"))
    served = tmp_path / "served"
    served.mkdir()
    with tarfile.open(served / "IXI-T1.tar", "w") as tar:
        for path in sorted(cohort.iterdir()):
            tar.add(path, path.name)
    with serve(served) as (address, _):
        monkeypatch.setattr(brain, "IXI_ADDRESS", f"{address}/IXI-T1.tar")
        monkeypatch.setattr(brain, "IXI_HASH", "md5:" + "1" * 32)
        with pytest.raises(ValueError, match="wrong checksum"):
            load_slices("ixi", 32)
        assert names(tmp_path / "cache" / "ixi") == []
        monkeypatch.setattr(brain, "IXI_HASH", md5(served / "IXI-T1.tar"))
        slices = load_slices("ixi", 32, subjects=3)
    assert list(np.unique(slices.subjects)) == ["IXI001", "IXI002", "IXI003"]
    assert names(tmp_path / "cache" / "ixi" / "volumes") == names(cohort)
    assert not (tmp_path / "cache" / "ixi" / "IXI-T1.tar").exists()  # 4.8 GB are not kept twice
    offline = load_slices("ixi", 32, subjects=["IXI004"])  # the server is gone
    assert set(offline.subjects) == {"IXI004"}


def test_a_tar_that_climbs_out_leaves_no_ixi(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDGAN_CACHE", str(tmp_path / "cache"))
    served = tmp_path / "served"
    (served / "in").mkdir(parents=True)
    with tarfile.open(served / "IXI-T1.tar", "w") as tar:
        tar.add(served / "in", "../IXI999-HH-1_T1.nii.gz")
    with serve(served) as (address, _):
        monkeypatch.setattr(brain, "IXI_ADDRESS", f"{address}/IXI-T1.tar")
        monkeypatch.setattr(brain, "IXI_HASH", md5(served / "IXI-T1.tar"))
        with pytest.raises(ValueError, match="outside the destination"):
            load_slices("ixi", 32)
    assert names(tmp_path / "cache" / "ixi") == ["IXI-T1.tar"]
    assert not list(tmp_path.rglob("IXI999*"))


def test_aomic_is_downloaded_a_subject_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDGAN_CACHE", str(tmp_path / "cache"))
    served = tmp_path / "served"
    for name in ("sub-0001", "sub-0002"):
        write(head(), served / "ds" / name / "anat" / f"{name}_T1w.nii.gz", "LPI")
    with serve(served) as (address, asked):
        monkeypatch.setattr(brain, "AOMIC_ADDRESS", f"{address}/ds")
        slices = load_slices("aomic", 32, subjects=2)
        assert list(np.unique(slices.subjects)) == ["sub-0001", "sub-0002"]
        load_slices("aomic", 32, subjects=["sub-0002"])
        assert len(asked) == 2
        with pytest.raises(ConnectionError, match=r"sub-0003_T1w\.nii\.gz could not be downloaded"):
            load_slices("aomic", 32, subjects=3)
    with pytest.raises(ValueError, match="sub-9999 chosen"):
        load_slices("aomic", 32, subjects=["sub-9999"])
    assert len(brain.AOMIC_SUBJECTS) == len(set(brain.AOMIC_SUBJECTS)) == 40


def test_heads_on_disk_need_no_number_and_no_network(tmp_path):
    for name in ("sub-0001", "sub-0002"):
        write(head(), tmp_path / "aomic" / name / "anat" / f"{name}_T1w.nii.gz", "LPI")
    slices = load_slices("aomic", 32, folder=tmp_path / "aomic", cache=False)
    assert set(slices.subjects) == {"sub-0001", "sub-0002"}
    for contrast in ("T1", "T2"):
        write(head(), tmp_path / "ixi" / f"IXI012-HH-1211-{contrast}.nii.gz")
    slices = load_slices("ixi", 32, folder=tmp_path / "ixi", modality="T2", cache=False)
    assert slices.modality == "T2" and set(slices.subjects) == {"IXI012"}
    with pytest.raises(ValueError, match=r"only the T1 volumes.*get IXI-PD\.tar.*folder="):
        load_slices("ixi", modality="PD")
    with pytest.raises(TypeError, match=r"'ixi' has no option 'mask'; it takes .*masks"):
        load_slices("ixi", folder=tmp_path / "ixi", mask="x")


# Your own folder


def test_own_nifti_with_masks_and_a_table(cohort, tmp_path):
    for path in cohort.iterdir():
        image = nibabel.load(path)
        labels = (np.asarray(image.dataobj) == 700).astype(np.uint8)
        nibabel.save(nibabel.Nifti1Image(labels, image.affine), tmp_path / path.name)
    table = tmp_path / "people.csv"
    table.write_text("MRID,Age,Sex\nIXI001-HH-1,30.5,F\nIXI002-HH-2,41,M\n")
    slices = load_slices(
        "folder", 48, folder=cohort, masks=tmp_path, participants=table, cache=False
    )
    assert slices.modality == "T1" and len(np.unique(slices.subjects)) == 4
    assert slices.for_subjects("IXI001").labels["sex"].tolist()[0] == 0
    assert slices.for_subjects("IXI002").labels["age"].tolist()[0] == 41
    assert set(slices.for_subjects("IXI003").labels["sex"]) == {-1}
    assert slices.masks[:, :, :20].max() == 1 and slices.masks[:, :, 28:].max() == 0


def test_own_dicom_series(tmp_path):
    hu = np.full((20, 20, 30), -1000.0)
    hu[4:16, 4:16, 2:28] = 40
    for name in ("P1", "P2"):
        write_series(tmp_path / name, hu, (10.0, 10.0, 10.0), patient=name)
    slices = load_slices("folder", 32, folder=tmp_path, anatomy="body", step_mm=20, cache=False)
    assert sorted(set(slices.subjects)) == ["P1", "P2"] and slices.modality == "CT"
    assert slices.images[0, 16, 16, 0] == pytest.approx(0, abs=0.02)  # 40 HU in [-160, 240]


def write_png(path, pixels):
    from skimage.io import imsave

    path.parent.mkdir(parents=True, exist_ok=True)
    imsave(path, pixels, check_contrast=False)
    return path


def test_own_pictures(tmp_path):
    grey = np.arange(48 * 64, dtype=np.uint8).reshape(48, 64)
    write_png(tmp_path / "images" / "case1_slice007.png", grey)
    write_png(tmp_path / "masks" / "case1_slice007.png", (grey > 99).astype(np.uint8) * 255)
    options = dict(folder=tmp_path / "images", masks=tmp_path / "masks", cache=False)
    slices = load_slices("folder", 64, **options)
    assert slices.images.shape == (1, 64, 64, 1) and slices.subjects.tolist() == ["case1"]
    assert slices.positions.tolist() == [7] and set(np.unique(slices.masks)) == {0, 1}
    np.testing.assert_allclose(slices.images[0, 8:56, :, 0], grey / 127.5 - 1, atol=1e-5)
    write_png(tmp_path / "masks" / "case1_slice007.png", np.zeros((9, 9), np.uint8))
    with pytest.raises(ValueError, match=r"shape \(9, 9\) but its image.*\(48, 64\)"):
        load_slices("folder", 64, **options)
    colours = np.zeros((8, 8, 3), np.uint8)
    colours[..., 0] = 200
    write_png(tmp_path / "colour" / "shot.png", colours)
    with pytest.raises(ValueError, match=r"shot\.png is a colour image.*convert it"):
        load_slices("folder", 64, folder=tmp_path / "colour", cache=False)
    (tmp_path / "colour" / "shot.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(ValueError, match=r"shot\.png cannot be read as a picture"):
        load_slices("folder", 64, folder=tmp_path / "colour", cache=False)


def test_folders_that_cannot_be_used_are_named(cohort, tmp_path):
    with pytest.raises(ValueError, match="pass folder="):
        load_slices("folder")
    with pytest.raises(FileNotFoundError, match="nowhere is no folder"):
        load_slices("folder", folder=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty holds no \.nii.*brain-phantom"):
        load_slices("folder", folder=tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match=r"0 masks fit .*IXI001"):
        load_slices("folder", folder=cohort, masks=tmp_path / "empty")
    table = tmp_path / "people.csv"
    table.write_text("name,years\nx,3\n")
    with pytest.raises(ValueError, match="MRID or participant_id, Age and Sex are needed"):
        load_slices("folder", folder=cohort, participants=table)
    write_png(tmp_path / "both" / "a.png", np.zeros((4, 4), np.uint8))
    write(head(), tmp_path / "both" / "b.nii.gz")
    with pytest.raises(ValueError, match="volumes and pictures"):
        load_slices("folder", folder=tmp_path / "both")


# The cache


def test_what_was_cut_is_kept_and_a_changed_file_cut_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDGAN_CACHE", str(tmp_path / "cache"))
    folder = write_cohort(tmp_path / "files", 2)
    first = load_slices("folder", 32, folder=folder)
    (kept,) = (tmp_path / "cache" / "slices").iterdir()
    monkeypatch.setattr(
        "medgan_utils.data.sources.item.Item.slices", None
    )  # from here on nothing is cut
    again = load_slices("folder", 32, folder=folder)
    np.testing.assert_array_equal(first.images, again.images)
    assert again.info == first.info
    monkeypatch.undo()
    monkeypatch.setenv("MEDGAN_CACHE", str(tmp_path / "cache"))
    kept.write_bytes(kept.read_bytes()[:1000])
    with pytest.warns(UserWarning, match="is no whole file of slices"):
        mended = load_slices("folder", 32, folder=folder)
    np.testing.assert_array_equal(first.images, mended.images)
    write(head((8.0, 8.0, 4.0)), folder / "IXI001-HH-1_T1.nii.gz", "PSR")
    changed = load_slices("folder", 32, folder=folder)
    assert (changed.for_subjects("IXI001").images != first.for_subjects("IXI001").images).any()


def test_a_damaged_file_among_good_ones_leaves_no_slices(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDGAN_CACHE", str(tmp_path / "cache"))
    folder = write_cohort(tmp_path / "files", 3)
    last = folder / "IXI003-HH-3_T1.nii.gz"
    last.write_bytes(last.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"IXI003-HH-3_T1\.nii\.gz cannot be read"):
        load_slices("folder", 32, folder=folder)
    assert names(tmp_path / "cache" / "slices") == []


def test_a_cache_that_cannot_be_written_is_named(cohort, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("MEDGAN_CACHE", str(tmp_path / "file" / "cache"))
    for arguments in ({"source": "folder", "folder": cohort}, {"source": "brain-phantom"}):
        with pytest.raises(PermissionError, match=r"cannot be written.*MEDGAN_CACHE"):
            load_slices(image_size=32, **arguments)
    assert len(load_slices("folder", 32, folder=cohort, cache=False)) > 0


# Memory and patience


def test_memory_does_not_grow_with_the_number_of_volumes(tmp_path):
    """24 volumes need no more than 6 but for the slices kept."""
    folder = write_cohort(tmp_path, 24)
    code = """
        import json, resource, sys
        from medgan_utils.data import load_slices

        peak = lambda: 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        few = load_slices("folder", 32, folder=sys.argv[1], subjects=6, cache=False)
        before = peak()
        many = load_slices("folder", 32, folder=sys.argv[1], cache=False)
        print(json.dumps([peak() - before, many.images.nbytes, len(many) / len(few)]))
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(folder)]
    grown, kept, ratio = json.loads(subprocess.check_output(command, text=True).splitlines()[-1])
    one_volume = 4 * head().dataobj.size
    assert ratio == 4
    assert grown < 2.5 * kept + 4 * one_volume, (grown, kept, one_volume)


def test_whoever_waits_sees_a_bar(cohort, monkeypatch, capfd):
    import tqdm.auto

    bars = []
    plain = tqdm.auto.tqdm

    def recorded(*arguments, **options):
        bars.append(options)
        return plain(*arguments, **options)

    monkeypatch.setattr(tqdm.auto, "tqdm", recorded)
    load_slices("folder", 32, folder=cohort, cache=False)
    assert [bar["desc"] for bar in bars] == ["slicing folder"]
    assert bars[0]["delay"] == 2
    assert capfd.readouterr().err == ""  # it took less than two seconds
