"""What a fifth reader of files, tables and the command found."""

import gzip
from pathlib import PurePosixPath

import nibabel
import numpy as np
import pydicom
import pytest
from small_heads import head, write
from small_series import write_series

from medgan_utils._files import write_nifti_whole
from medgan_utils.data import load_slices, read_volume
from medgan_utils.data.files import modality_of
from medgan_utils.data.loading import check_cut
from medgan_utils.data.sources.folder import survey
from medgan_utils.data.sources.labelled import OrganPart
from medgan_utils.data.sources.masks import match_masks
from medgan_utils.data.sources.people import labels_by_image, read_labels, read_table
from medgan_utils.data.subjects import name_subjects
from medgan_utils.protection.deidentify import deidentify_series

VOLUME = np.full((4, 4, 3), 40, int)


def named(*paths):
    return name_subjects([PurePosixPath(path) for path in paths])


@pytest.mark.parametrize("visit", ["wave{}", "exam{}"])
def test_waves_and_exams_are_visits(visit):
    paths = [f"{visit.format(v)}/P{p}.nii.gz" for v in (1, 2, 3) for p in (1, 2)]
    assert set(named(*paths)[0]) == {"P1", "P2"}


def test_folders_and_files_that_both_number_are_told_as_a_guess():
    paths = [f"M{month}/P{p}.nii.gz" for month in ("00", "06", "12") for p in (1, 2, 3, 4)]
    assert set(named(*paths)[1]) == {"file name"}  # of which the survey tells


def test_dates_and_counters_are_no_known_names():
    dated = named("P1/240115_3T_T1.nii.gz", "P1/240820_3T_T1.nii.gz")
    assert set(dated[1]) == {"file name"}  # a guess, which is told
    counted = (f"{who}/005000{n}.png" for who in ("mueller", "maier") for n in (1, 2, 3))
    assert set(named(*counted)[0]) == {"mueller", "maier"}
    assert named("100307_3T_T1w_MPR1.nii.gz")[0] == ["100307"]


def test_the_patient_id_keeps_what_is_no_visit():
    paths = [PurePosixPath("a"), PurePosixPath("b")]
    patients = dict(zip(paths, ("CT-0012", "MR-0012"), strict=True))
    assert name_subjects(paths, None, patients)[0] == ["CT-0012", "MR-0012"]


def test_the_label_of_an_absent_slice_is_nobodys():
    table = {"case7_001": {"t": 0}, "case7_099": {"t": 1}}
    paths = ["case7_001.png", "case7_006.png"]
    with pytest.warns(UserWarning):
        first, second = labels_by_image(read_labels(table), paths, ["case7"] * 2, "labels=")
    assert first["t"] == 0 and second.get("t", -1) == -1


def test_a_table_of_people_is_none_of_files():
    table, paths = {"1": {"t": 1}, "2": {"t": 0}}, ["1/2.png", "2/1.png"]
    rows = labels_by_image(read_labels(table), paths, ["1", "2"], "labels=")
    assert [row["t"] for row in rows] == [1, 0]


def test_masks_of_other_people_are_refused_and_usual_layouts_match(tmp_path):
    images = [tmp_path / "images" / "A" / f"{n}.png" for n in (1, 2)]
    masks = [tmp_path / "masks" / "A" / "2.png", tmp_path / "masks" / "B" / "1.png"]
    with pytest.raises(FileNotFoundError, match="no mask fits"):
        match_masks(images, masks)
    images = [tmp_path / p / "images" / "001.png" for p in ("P1", "P2")]
    masks = [tmp_path / p / "masks" / "001.png" for p in ("P1", "P2")]
    assert match_masks(images, masks) == masks


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("P1_FLAIR_to_T1", "FLAIR"),
        ("FLAIR_reg_T1", "FLAIR"),
        ("sub-1_FLAIR_space-T1w", "FLAIR"),
        ("P1_T1_to-FLAIR", "FLAIR"),  # what `translate` writes
        ("P1_T1", "T1"),
    ],
)
def test_a_registered_scan_is_what_it_was(name, shown):
    assert modality_of(f"{name}.nii.gz") == shown


def spoil(folder, how):
    """Add to a series what a computer leaves beside it."""
    first = folder / "000.dcm"
    if how == "link":
        (folder / "again.dcm").symlink_to(first)
    else:
        name, content = {
            "Mac": ("._000.dcm", b"\x00\x05\x16\x07"),
            "editor": (".000.dcm.swp", first.read_bytes()),
            "empty": ("999.dcm", b""),
        }[how]
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("how", ["Mac", "editor", "empty", "link"])
def test_what_lies_beside_a_series_is_not_read(tmp_path, how):
    folder = write_series(tmp_path / "ct", VOLUME)
    spoil(folder, how)
    assert read_volume(folder).voxels.shape == VOLUME.shape
    deidentify_series(folder, tmp_path / "out")


def test_a_modality_that_is_given_stands_in_for_a_missing_tag(tmp_path):
    def edit(file: pydicom.Dataset, _):
        del file.Modality

    write_series(tmp_path / "P1", VOLUME, edit=edit)
    (item,) = survey(tmp_path, modality="CT").items
    assert item.modality == "CT"


@pytest.mark.parametrize("name", ["a.nii", "b.nii.gz", "C.NII.GZ"])
def test_a_nifti_is_written_whole_and_as_its_name_says(tmp_path, name):
    write_nifti_whole(head(), tmp_path / name)
    zipped = (tmp_path / name).read_bytes()[:2] == b"\x1f\x8b"
    assert zipped == name.lower().endswith(".gz") and len(list(tmp_path.iterdir())) == 1
    stored = (tmp_path / name).read_bytes()
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(stored) if zipped else stored)
    np.testing.assert_array_equal(image.get_fdata(), head().get_fdata())


@pytest.mark.parametrize("cell", ["1_2", "inf"])
def test_what_only_python_calls_a_number_is_none(tmp_path, cell):
    path = tmp_path / "labels.csv"
    path.write_text(f"id,t\nA,{cell}\nB,1\n")
    with pytest.raises(ValueError, match=r"labels\.csv"):
        read_labels(path)


def test_tables_as_excel_saves_them(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("sep=;\nid;tumour;\nA;1;\nB;0;\n")
    assert read_table(path) == [{"id": "A", "tumour": "1"}, {"id": "B", "tumour": "0"}]


def test_labels_may_lack_a_column_and_must_have_names():
    rows = read_labels({"A": {"x": 1}, "B": {"x": 0, "y": 1}})
    assert rows["B"]["y"] == 1
    with pytest.raises(ValueError, match="needs names of labels"):
        read_labels({"A": 1})


def test_a_header_without_its_image_says_so(tmp_path):
    path = tmp_path / "a.hdr"
    nibabel.Nifti1Pair(head().get_fdata().astype(np.float32), head().affine).to_filename(path)
    (tmp_path / "a.img").unlink()
    with pytest.raises(FileNotFoundError, match="needs a second file that is missing"):
        read_volume(path)


def test_a_registered_contrast_is_labelled(tmp_path):
    for p in (1, 2):
        for shown in ("T1", "FLAIR_to_T1"):
            write(head(centre_mm=(8.0 * p, 0, 0)), tmp_path / f"P{p}_{shown}.nii.gz")
    slices = load_slices("folder", 32, folder=tmp_path, cache=False)
    assert set(np.unique(slices.labels["contrast"])) == {0, 1} and len(set(slices.subjects)) == 2


def test_levels_of_organamnist_would_change_nothing():
    part = OrganPart.__new__(OrganPart)
    with pytest.raises(ValueError, match="pictures are taken as they are"):
        check_cut([part], ["levels"])
