"""A folder as people have it: what is read, what is passed over and said, which mask is whose."""

import os

import nibabel
import numpy as np
import pytest
from small_heads import head, write
from small_series import new_file, write_series

from medgan_utils.data import load_slices, store_slices
from medgan_utils.data.sources.folder import survey
from medgan_utils.data.sources.walk import walk

TINY = np.zeros((4, 4, 4), np.uint8)


def touch(*paths):
    """Write files that only their names tell apart."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"some bytes that nobody reads")


def relative(paths, folder):
    return sorted(str(path.relative_to(folder)) for path in paths)


# The walk


def test_hidden_files_and_copies_of_notebooks_are_not_searched(tmp_path):
    hidden = (".ipynb_checkpoints/a-checkpoint.png", "__MACOSX/._a.png", ".git/x.png", "b/.c.png")
    touch(tmp_path / "a.png", *(tmp_path / name for name in hidden))
    found = walk(tmp_path)
    assert relative(found.images, tmp_path) == ["a.png"]
    assert len(found.passed_over["hidden"]) == 4


def test_a_link_is_followed_once_and_no_circle_is_walked(tmp_path):
    touch(tmp_path / "z" / "a.nii.gz", tmp_path / "other" / "b.nii.gz")
    folder = tmp_path / "z"
    (folder / "again.nii.gz").symlink_to(folder / "a.nii.gz")
    (folder / "back").symlink_to(folder, target_is_directory=True)
    (folder / "self").symlink_to(folder / "self")
    (folder / "gone.nii.gz").symlink_to(tmp_path / "nowhere.nii.gz")
    (folder / "more").symlink_to(tmp_path / "other", target_is_directory=True)
    found = walk(folder)
    assert relative(found.images, folder) == ["a.nii.gz", "more/b.nii.gz"]
    (reason, paths), *rest = found.passed_over.items()
    assert "links" in reason and len(paths) == 4 and not rest


def test_suffixes_in_any_case_and_everything_else_is_counted(tmp_path):
    touch(*(tmp_path / name for name in ("A.NII.GZ", "B.Nii", "c.json", "d.bval", "notes")))
    touch(tmp_path / "T1.mgz", tmp_path / "pair.hdr", tmp_path / "pair.img")
    (tmp_path / "empty.nii.gz").touch()
    found = walk(tmp_path)
    assert relative(found.images, tmp_path) == ["A.NII.GZ", "B.Nii", "T1.mgz", "pair.hdr"]
    counted = {reason: len(paths) for reason, paths in found.passed_over.items()}
    assert counted == {
        "no images (.json)": 1,
        "no images (.bval)": 1,
        "no images (no suffix)": 1,
        "empty files (0 bytes)": 1,
    }
    assert walk(tmp_path, "*.nii").passed_over == {}  # what was not asked for is not counted


@pytest.mark.parametrize(
    "name",
    [
        "labelsTr/liver_1.nii.gz",
        "masks/a.png",
        "P1/seg/a.nii.gz",
        "BraTS20_Training_001_seg.nii.gz",
        "segmentation-12.nii",
        "sub-1_desc-aparcaseg_dseg.nii.gz",
        "sub-1_label-GM_probseg.nii.gz",
        "aparc+aseg.nii.gz",
        "a_slice_3_mask.png",
        "P1_brainmask.nii.gz",
        "patient001_frame01_gt.nii.gz",
        "patient19/lesions.nii.gz",
    ],
)
def test_label_maps_are_never_taken_for_images(tmp_path, name):
    touch(tmp_path / "images" / "P1_T1_masked.nii.gz", tmp_path / name)
    found = walk(tmp_path)
    assert [path.name for path in found.images] == ["P1_T1_masked.nii.gz"]
    assert relative(found.passed_over["label maps"], tmp_path) == [name]


def test_a_glob_may_ask_for_what_looks_like_label_maps(tmp_path):
    touch(tmp_path / "x" / "lesion_001.png")
    assert not walk(tmp_path).images
    with pytest.raises(FileNotFoundError, match=r"1 label maps.*choose files with glob="):
        survey(tmp_path)
    assert len(walk(tmp_path, "**/*.PNG").images) == 1


def test_dicom_is_found_by_its_bytes_and_grouped_by_folder(tmp_path):
    voxels = np.full((4, 4, 3), 40.0)
    write_series(tmp_path / "a" / "T1", voxels, modality="MR", patient="P7", name="MR.{uid}")
    write_series(tmp_path / "b" / "CT", voxels, patient="ANONYMOUS", name="{:03d}")
    report = new_file("1.9", "1.2.840.10008.5.1.4.1.1.88.11")
    report.PatientID, report.Modality = "P7", "SR"
    report.save_as(tmp_path / "a" / "T1" / "report", enforce_file_format=True)
    segmentation = new_file("1.10", "1.2.840.10008.5.1.4.1.1.66.4")
    segmentation.Rows, segmentation.Modality = 4, "SEG"
    segmentation.save_as(tmp_path / "seg.dcm", enforce_file_format=True)
    shot = new_file("1.11", "1.2.840.10008.5.1.4.1.1.7")
    shot.Rows, shot.Modality, shot.PhotometricInterpretation = 4, "OT", "RGB"
    shot.save_as(tmp_path / "shot.dcm", enforce_file_format=True)
    (tmp_path / "a" / "T1" / "cut.dcm").write_bytes(b"DICM? no")
    found = walk(tmp_path)
    assert relative(found.images, tmp_path) == ["a/T1", "b/CT"]
    assert found.patients == {
        tmp_path / "a" / "T1": ("P7", "MR", "", ""),
        tmp_path / "b" / "CT": (None, "CT", "", ""),
    }
    assert {reason: len(paths) for reason, paths in found.passed_over.items()} == {
        "DICOM without pixels": 1,
        "DICOM with a segmentation": 1,
        "DICOM in colour": 1,
        "damaged DICOM files": 1,
    }
    items = survey(tmp_path).items
    assert [(item.subject, item.modality) for item in items] == [("P7", "T1"), ("b", "CT")]


def test_a_description_says_the_contrast_where_header_and_path_do_not(tmp_path):
    said = {"SE1": "t1_mprage_sag", "SE2": "t2_flair_tra", "T2/SE3": "t1_tra", "SE4": "PET fusion"}
    for number, (folder, text) in enumerate(said.items()):

        def describe(file, k, text=text):
            file.SeriesDescription = text

        series = tmp_path / "PA1" / "ST1" / folder
        write_series(series, TINY * 2.0, modality="MR", series=f"1.{number}", edit=describe)
    found = {item.path.name: item.modality for item in survey(tmp_path).items}
    assert found == {"SE1": "T1", "SE2": "FLAIR", "SE3": "T2", "SE4": "MR"}
    with pytest.raises(ValueError, match=r"FLAIR and MR and T1 and T2 by their names.*--glob"):
        survey(tmp_path, modality="T1")
    alone = survey(tmp_path, modality="DWI", glob="PA1/ST1/SE1/*")
    assert {item.modality for item in alone.items} == {"DWI"}  # a wrong name can be overruled


# What a survey says


def test_five_patients_of_four_contrasts_are_five_subjects(tmp_path):
    for number in range(5):
        name = f"BraTS20_Training_{number:03d}"
        for contrast in ("t1", "t1ce", "t2", "flair", "seg"):
            write(head((12.0, 12.0, 12.0)), tmp_path / name / f"{name}_{contrast}.nii.gz")
    found = survey(tmp_path)
    assert len(found.items) == 20 and len(found.subjects) == 5 and found.understood
    assert {item.modality for item in found.items} == {"T1", "T1CE", "T2", "FLAIR"}
    with pytest.warns(UserWarning, match="passed over: 5 label maps; masks= takes"):
        slices = load_slices("folder", 32, folder=tmp_path, step_mm=40, cache=False)
    parts = slices.split({"train": 0.6, "reference": 0.2, "test": 0.2}, seed=4)
    sides = [set(part.subjects) for part in parts.values()]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 5
    items = survey(tmp_path, masks="*_seg.nii.gz").items
    assert all(item.mask.name == f"{item.subject}_seg.nii.gz" for item in items)


def test_names_that_are_not_understood_are_told(tmp_path):
    touch(*(tmp_path / f"scan_{number}.png" for number in range(5)))
    found = survey(tmp_path)
    assert not found.understood and found.rules == {"file name": 5}
    (note,) = found.notes()
    assert "5 subjects" in note and "scan_0, scan_1, scan_2 and 2 more" in note
    assert "subject_pattern= (--subject-pattern)" in note
    found = survey(tmp_path, subject_pattern=r"(scan)_")
    assert found.subjects == ["scan"] and not found.notes()


def test_few_subjects_say_how_to_tell_more(tmp_path):
    write(head(), tmp_path / "T1.nii.gz")
    slices = load_slices("folder", 32, folder=tmp_path, cache=False)
    with pytest.raises(ValueError, match=r"1 subjects are too few.*subject_pattern="):
        slices.split({"train": 0.5, "test": 0.5})


# Masks


def masks_of(folder, **options):
    return {item.path.name: relative([item.mask], folder)[0]
            for item in survey(folder, **options).items}  # fmt: skip


def test_sidecars_are_no_masks(tmp_path):
    touch(tmp_path / "i" / "sub-1_T1w.nii.gz")
    touch(*(tmp_path / "m" / f"sub-1_T1w_mask.{end}" for end in ("nii.gz", "json", "txt")))
    (item,) = survey(tmp_path / "i", masks=tmp_path / "m").items
    assert item.mask.name == "sub-1_T1w_mask.nii.gz"


def test_masks_beside_their_images_are_found_by_a_pattern(tmp_path):
    touch(*(tmp_path / f"STS_{n}" / f"{kind}_{what}.nii.gz"
            for n in (1, 2) for kind in ("CT", "PET") for what in ("image", "mask")))  # fmt: skip
    found = survey(tmp_path, masks="*_mask.nii.gz").items
    assert len(found) == 4
    for item in found:
        assert item.mask == item.path.with_name(item.path.name.replace("image", "mask"))


def test_a_mask_folder_inside_the_image_folder_gives_no_images(tmp_path):
    for name in ("P1", "P2"):
        touch(tmp_path / name / "scan.nii.gz", tmp_path / "truth" / name / "scan.nii.gz")
    found = survey(tmp_path, masks=tmp_path / "truth")
    assert found.subjects == ["P1", "P2"] and len(found.items) == 2
    assert [item.mask.parent.name for item in found.items] == ["P1", "P2"]


def test_a_mask_of_two_people_or_of_none_is_refused(tmp_path):
    touch(tmp_path / "i" / "P1.nii.gz", tmp_path / "i" / "P2.nii.gz", tmp_path / "m" / "P1.nii.gz")
    with pytest.raises(FileNotFoundError, match=r"0 masks fit .*P2\.nii\.gz"):
        survey(tmp_path / "i", masks=tmp_path / "m")
    touch(tmp_path / "m" / "P2_a.nii.gz", tmp_path / "m" / "P2_b.nii.gz")
    with pytest.raises(FileNotFoundError, match=r"2 masks fit .*P2_a\.nii\.gz, P2_b\.nii\.gz"):
        survey(tmp_path / "i", masks=tmp_path / "m")
    touch(tmp_path / "j" / "a" / "T1.nii.gz", tmp_path / "j" / "b" / "T1.nii.gz")
    touch(tmp_path / "n" / "T1.nii.gz")
    with pytest.raises(ValueError, match=r"only mask that fits .* of two subjects"):
        survey(tmp_path / "j", masks=tmp_path / "n")
    with pytest.raises(FileNotFoundError, match=r"match masks='\*_seg\.nii'"):
        survey(tmp_path / "j", masks="*_seg.nii")


# Labels


def test_labels_come_by_subject_or_file_and_stay_whole(tmp_path):
    touch(*(tmp_path / "i" / f"sub-0{n}_T1w.nii.gz" for n in (1, 2, 3)))
    table = tmp_path / "labels.csv"
    table.write_text("who;group;dose\n01;2;0.5\nsub-02_T1w.nii.gz;0;1\nSUB-03;;\n")
    items = survey(tmp_path / "i", labels=table).items
    assert [item.labels["group"] for item in items] == [2, 0, -1]
    assert isinstance(items[0].labels["group"], int)
    assert items[1].labels["dose"] == 1.0 and np.isnan(items[2].labels["dose"])
    touch(tmp_path / "p" / "case1_slice1.png", tmp_path / "p" / "case1_slice2.png")
    with pytest.warns(UserWarning, match="labels= has rows without an image here: case9_slice1"):
        labels = {name: {"group": 3} for name in ("case1_slice1.png", "case9_slice1")}
        items = survey(tmp_path / "p", labels=labels).items
    assert [item.labels["group"] for item in items] == [3, -1]
    items = survey(tmp_path / "i", labels={f"sub-0{n}": {"group": n} for n in (1, 2, 3)}).items
    assert [item.labels for item in items] == [{"group": 1}, {"group": 2}, {"group": 3}]


def test_labels_that_do_not_fit_are_named(tmp_path):
    touch(*(tmp_path / "i" / f"sub-0{n}_T1w.nii.gz" for n in (1, 2)))
    table = tmp_path / "labels.csv"

    def read(text):
        table.write_text(text)
        return survey(tmp_path / "i", labels=table).items

    with pytest.warns(UserWarning) as seen:
        items = read("who,group\nsub-01,1\nsub-09,1\n")
    assert [item.labels["group"] for item in items] == [1, -1]
    said = " ".join(str(warning.message) for warning in seen)
    assert "nothing of sub-02" in said and "without an image here: sub-09" in said
    with pytest.raises(ValueError, match="names none of the images: it has x; the images are of"):
        read("who,group\nx,1\n")
    with pytest.raises(ValueError, match=r"labels\.csv: group holds 'AD'; write each class"):
        read("who,group\nsub-01,AD\nsub-02,1\n")
    with pytest.raises(ValueError, match="two rows for sub-01 that differ"):
        read("who,group\nsub-01,1\nsub-01,0\n")
    with pytest.raises(ValueError, match="line 3: not as many cells"):
        read("who,group\nsub-01,1\nsub-02\n")
    with pytest.raises(ValueError, match="then a label a column"):
        read("who\nsub-01\n")
    with pytest.raises(FileNotFoundError, match=r"none\.csv does not exist"):
        survey(tmp_path / "i", labels=tmp_path / "none.csv")


def test_labels_reach_the_slices(tmp_path):
    for number in (1, 2):
        write(head(), tmp_path / f"sub-0{number}_T1w.nii.gz")
    labels = {"sub-01": {"group": 0}, "sub-02": {"group": 1}}
    slices = load_slices("folder", 32, folder=tmp_path, labels=labels, cache=False)
    assert slices.labels["group"].dtype == np.int64
    assert set(slices.for_subjects("sub-02").labels["group"]) == {1}
    assert slices.label_table(("group",)).shape == (len(slices), 1)


# State keyed by content


def test_files_of_one_name_do_not_collide_in_a_store(tmp_path):
    for number in (1, 2, 3):
        image = head()
        image.dataobj[20:30, 20:30] = 100 * number
        write(image, tmp_path / "in" / f"10030{number}" / "T1w" / "T1w.nii.gz")
    memory = load_slices("folder", 32, folder=tmp_path / "in", cache=False)
    store = store_slices("folder", tmp_path / "out", 32, folder=tmp_path / "in")
    np.testing.assert_array_equal(store.images(np.arange(len(store))), memory.images)
    first = [memory.for_subjects(name).images[0] for name in np.unique(memory.subjects)]
    assert len(np.unique(first, axis=0)) == 3


def test_a_file_changed_behind_the_clock_is_read_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDGAN_CACHE", str(tmp_path / "cache"))
    path = write(head((8.0, 8.0, 8.0)), tmp_path / "in" / "sub-1_T1w.nii")
    before = load_slices("folder", 32, folder=path.parent)
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    voxels = np.asarray(nibabel.load(path).dataobj).copy()
    voxels[voxels == 700] = 400
    nibabel.save(nibabel.Nifti1Image(voxels, nibabel.load(path).affine), path)
    os.utime(path, ns=times)
    after = load_slices("folder", 32, folder=path.parent)
    assert (before.images != after.images).any()
