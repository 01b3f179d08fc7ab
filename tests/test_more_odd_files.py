"""More files as people have them: a second reader of the folder code found each of these."""

from pathlib import PurePosixPath

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from small_heads import head, write
from small_series import write_series

from medgan_utils import translating
from medgan_utils.__main__ import main
from medgan_utils.data import as_channels, load_slices, read_volume
from medgan_utils.data.axial import check_grid
from medgan_utils.data.sources.masks import match_masks
from medgan_utils.data.sources.people import labels_by_image, read_labels, read_participants
from medgan_utils.data.sources.walk import walk
from medgan_utils.data.subjects import name_subjects
from medgan_utils.protection import command, deidentify_series


@pytest.mark.parametrize("other", ["case1_slice050.png", "case1_slice002.jpg"])
def test_a_row_of_a_slice_that_is_not_here_is_no_row_of_the_others(other):
    table = {"case1_slice001.png": {"ill": 0}, other: {"ill": 1}}
    paths = ["case1_slice001.png", "case1_slice002.png"]
    with pytest.warns(UserWarning, match="rows without an image here"):
        given = labels_by_image(table, paths, ["case1"] * 2, "labels=")
    assert [row["ill"] for row in given] == [0, -1]


def test_visits_at_one_site_are_no_sites():
    paths = [
        PurePosixPath(f"{site}/sub-{n:02d}_T1w.nii.gz")
        for n in (1, 2)
        for site in ("hospital_baseline", "hospital_followup", "hospital_2021")
    ]
    assert name_subjects(paths)[0] == ["sub-01"] * 3 + ["sub-02"] * 3
    apart = [PurePosixPath(f"hospital_{x}/P1/T1.nii.gz") for x in "AB"]
    assert len(set(name_subjects(apart)[0])) == 2


@pytest.mark.parametrize("person", ["{}", "P{}", "anna-{}"])
def test_a_slice_with_more_digits_than_its_person_is_still_theirs(person):
    owners = [person.format(case) for case in (1, 2, 12) for _ in range(4)]
    paths = [
        PurePosixPath(f"{who}_{n}.png") for who, n in zip(owners, 3 * [1, 9, 10, 103], strict=False)
    ]
    assert name_subjects(paths)[0] == owners


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


def test_a_label_called_contrast_is_not_overwritten(tmp_path):
    for name in ("T1w", "FLAIR"):
        write(head(), tmp_path / f"sub-01_{name}.nii.gz")
    with pytest.raises(ValueError, match=r"has a column 'contrast'.*FLAIR, T1"):
        load_slices("folder", 32, folder=tmp_path, labels={"sub-01": {"contrast": 1}}, cache=False)


def test_files_of_one_name_do_not_overwrite_each_other(tmp_path, capsys):
    files = [write(head(), tmp_path / who / "T1.nii.gz") for who in ("P1", "P2")]
    arguments = ["translate", str(tmp_path), "--from", "T1", "--to", "T2", "--apply"]
    assert main([*arguments, *map(str, files)]) == 1
    assert "several files called T1.nii.gz" in capsys.readouterr().err


def test_pictures_are_no_pairs_and_guesses_are_told(tmp_path):
    for n in range(3):
        for name in ("T1", "T2"):
            Image.new("L", (8, 8)).save(tmp_path / f"P{n}_{name}.png")
    with (
        pytest.raises(ValueError, match="holds pictures"),
        pytest.warns(UserWarning, match="known kind"),
    ):
        translating.find_pairs(tmp_path, "T1", "T2")


def nameless(name):
    def edit(file, _):
        file.PatientID, file.PatientName, file.PatientBirthDate = "", name, "19500101"

    return edit


def test_people_without_an_id_are_told_apart_by_name(tmp_path):
    voxels, codes = np.full((4, 4, 2), 40), []
    for number, name in enumerate(("Smith^Anna", "Jones^Bert")):
        write_series(
            tmp_path / "both",
            voxels,
            series=f"1.2.{number}",
            name=f"{number}{{}}.dcm",
            edit=nameless(name),
        )
        write_series(tmp_path / name, voxels, edit=nameless(name))
        deidentify_series(tmp_path / name, tmp_path / f"{number}", secret="a long secret")
        codes.append(pydicom.dcmread(tmp_path / f"{number}" / "0001.dcm").PatientID)
    assert codes[0] != codes[1]
    with pytest.raises(ValueError, match="2 patients"):
        deidentify_series(tmp_path / "both", tmp_path / "out")


def test_an_empty_secret_is_refused(tmp_path):
    write_series(tmp_path / "in", np.full((4, 4, 2), 40))
    (tmp_path / "secret").write_text("\n")
    with pytest.raises(ValueError, match="the secret is empty"):
        command.deidentify(tmp_path / "in", tmp_path / "out", None, tmp_path / "secret")


def test_analyze_does_not_know_left(tmp_path):
    image = nibabel.AnalyzeImage(
        np.random.default_rng(0).random((8, 8, 8)).astype(np.float32), None
    )
    nibabel.save(image, tmp_path / "P1_T1.hdr")
    with pytest.warns(UserWarning, match="does not say which side is left"):
        read_volume(tmp_path / "P1_T1.hdr")


def test_inspect_takes_the_field_of_view_and_tells_files_of_one_name_apart(tmp_path, capsys):
    for n in (1, 2, 3):
        path = write(head(), tmp_path / "my" / f"P{n}" / "T1.nii.gz")
    (tmp_path / "my" / "P2" / "T1.nii.gz").write_bytes(path.read_bytes()[:500])
    out = str(tmp_path / "sheet.png")
    assert main(["inspect", str(tmp_path / "my"), "--out", out, "--fov-mm", "300"]) == 0
    said = capsys.readouterr().out
    assert "300 mm wide" in said and "read of 2" in said and "P2/T1.nii.gz cannot be read" in said


def test_ages_with_a_comma_are_read_and_odd_ones_told(tmp_path):
    table = tmp_path / "people.csv"
    table.write_text("id;age;sex\nP1;34,5;F\nP2;061Y;W\nP3;n/a;\n", encoding="utf-8-sig")
    with pytest.warns(UserWarning, match=r"people\.csv: 061Y, W say neither"):
        people = read_participants(table)
    assert people["P1"]["age"] == 34.5 and np.isnan(people["P2"]["age"])


def test_zeros_that_excel_took_away_do_not_matter():
    paths, subjects = ["001/T1.nii.gz", "100/T1.nii.gz"], ["001", "100"]
    given = labels_by_image(read_labels({"1": {"ill": 1}, "100": {"ill": 0}}), paths, subjects, "l")
    assert [row["ill"] for row in given] == [1, 0]
