"""Series as archives hold them: whose they are, what is left of the patient, what is damaged."""

import unicodedata
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from small_heads import head, write
from small_series import write_series

from medgan_utils.__main__ import main
from medgan_utils._files import written_whole
from medgan_utils.data import load_slices, read_volume, store_slices
from medgan_utils.data.sources.folder import survey
from medgan_utils.protection import deidentify_series

VOXELS = 2 * np.arange(64, dtype=np.float32).reshape(4, 4, 4)


def copies(tmp_path, edit, **options):
    """De-identify a series whose files were edited; return the data sets that come out."""
    write_series(tmp_path / "in", VOXELS, edit=edit)
    deidentify_series(tmp_path / "in", tmp_path / "out", **options)
    return [pydicom.dcmread(path) for path in sorted((tmp_path / "out").iterdir())]


def code_of(folder: Path, patient: str) -> str:
    """Return the code that a patient gets under one secret."""
    write_series(folder / "in", VOXELS, patient=patient)
    deidentify_series(folder / "in", folder / "out", secret="one sentence")
    return pydicom.dcmread(next((folder / "out").iterdir())).PatientID


def test_public_elements_that_nobody_knows_and_addresses_go(tmp_path):
    def spoil(file, k):
        file.add_new(0x00109990, "DA", "19600203")
        file.add_new(0x00109992, "DA", "20200102")
        file.add_new(0x00109994, "LO", "ward 7")
        file.add_new(0x00100033, "LO", "25030203")  # a birth date in another calendar
        file.RetrieveURL = "https://pacs.example/wado?studyUID=1.2.77"

    for file in copies(tmp_path, spoil):
        assert not {0x00109990, 0x00109992, 0x00109994} & {int(e.tag) for e in file}
        assert not file.get("RetrieveURL") and not file[0x00100033].value


@pytest.mark.parametrize(
    ("first", "second"),
    [("00123", "123"), ("P1_baseline", "P1_followup"), ("ab-12", "AB_12"), ("P001", "P-001")],
)
def test_one_person_has_one_code_however_the_id_is_spelled(tmp_path, first, second):
    assert code_of(tmp_path / "a", first) == code_of(tmp_path / "b", second)


def test_two_people_without_an_id_have_two_codes(tmp_path):
    def named(name):
        def edit(file, k):
            file.PatientID, file.PatientName = "ANONYMOUS", name

        return edit

    codes = []
    for name in ("Doe^Jane", "Roe^Jane"):
        codes.append(copies(tmp_path / name, named(name), secret="s")[0].PatientID)
    assert codes[0] != codes[1]


def test_nobody_has_no_code_of_a_secret(tmp_path):
    def unnamed(file, k):
        file.PatientID, file.PatientName = "", ""
        file.pop("PatientBirthDate", None)

    with pytest.raises(ValueError, match="give this patient a code="):
        copies(tmp_path / "1", unnamed, secret="s")
    assert copies(tmp_path / "2", unnamed, secret="s", code="A7")[0].PatientID == "A7"
    assert (
        copies(tmp_path / "3", unnamed)[0].PatientID != copies(tmp_path / "4", unnamed)[0].PatientID
    )


def test_a_code_that_rests_on_a_name_is_warned_of(tmp_path):
    write_series(
        tmp_path / "in", VOXELS, patient="", edit=lambda f, k: setattr(f, "PatientName", "A^B")
    )
    said = str(deidentify_series(tmp_path / "in", tmp_path / "out", secret="s"))
    assert "code from name and day of birth" in said and "warned" in said


def test_the_mark_that_windows_puts_before_a_secret_changes_no_code(tmp_path, capsys):
    write_series(tmp_path / "in", VOXELS, patient="P1")
    codes = set()
    for encoding in ("utf-8", "utf-8-sig"):
        (tmp_path / "secret.txt").write_text("one sentence", encoding=encoding)
        options = ["--secret-file", str(tmp_path / "secret.txt")]
        into = tmp_path / encoding
        assert main(["deidentify", str(tmp_path / "in"), str(into), *options]) == 0
        codes.add(pydicom.dcmread(next(into.iterdir())).PatientID)
    assert len(codes) == 1
    (tmp_path / "secret.txt").write_text("one sentence", encoding="utf-16")
    assert main(["deidentify", str(tmp_path / "in"), str(tmp_path / "x"), *options]) == 1
    assert "secret.txt is no UTF-8 text" in capsys.readouterr().err


def test_a_name_is_found_in_another_spelling(tmp_path):
    def spoil(file, k):
        file.PatientName = "Müller^Jörg" if k else "SMITH_JOHN"
        file.SpecificCharacterSet = "ISO_IR 192"
        file.SequenceName = unicodedata.normalize("NFD", "Müller")
        file.AcquisitionProtocolName = "knee Smith"

    for file in copies(tmp_path, spoil):
        assert not file.SequenceName and not file.AcquisitionProtocolName


def test_an_overlay_in_the_spare_bits_is_warned_of(tmp_path):
    def spoil(file, k):
        file.add_new(0x60000102, "US", 12)
        file.add_new(0x60000022, "LO", "ward 7")

    with pytest.warns(UserWarning, match="4 images may have text burned into"):
        made = copies(tmp_path, spoil)
    assert not any(0x6000 <= e.tag.group < 0x6020 for file in made for e in file)


def test_a_file_cut_short_has_no_sound_copy(tmp_path):
    write_series(tmp_path / "in", VOXELS)
    path = sorted((tmp_path / "in").iterdir())[1]
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match=rf"{path.name} cannot be de-identified: it is cut short"):
        deidentify_series(tmp_path / "in", tmp_path / "out")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["in"]


@pytest.mark.parametrize("length", [300, 400])  # among the names of classes, before the image
def test_a_file_that_ends_in_its_header_is_not_left_out(tmp_path, length):
    write_series(tmp_path / "in", VOXELS)
    path = sorted((tmp_path / "in").iterdir())[1]
    path.write_bytes(path.read_bytes()[:length])
    for reads in (read_volume, lambda folder: deidentify_series(folder, tmp_path / "out")):
        with pytest.raises(ValueError, match=rf"{path.name} is cut short"):
            reads(tmp_path / "in")
    assert survey(tmp_path / "in").passed_over == {"damaged DICOM files": [path]}


def test_whatever_pydicom_raises_names_the_file(tmp_path):
    write_series(tmp_path / "in", VOXELS)
    path = sorted((tmp_path / "in").iterdir())[1]
    path.write_bytes(path.read_bytes().replace(b"\x18\x00\x50\x00DS", b"\x18\x00\x50\x00ZZ"))
    for reads in (read_volume, lambda folder: deidentify_series(folder, tmp_path / "out")):
        with pytest.raises(ValueError, match=path.name):
            reads(tmp_path / "in")


def test_a_folder_behind_a_link_and_the_one_one_is_in_are_written(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path / "real")
    for name in (tmp_path / "link", Path(".")):
        with written_whole(name, folder=True) as unfinished:
            (unfinished / "a").touch()
        assert (tmp_path / "link").is_symlink()
        assert [path.name for path in (tmp_path / "real").iterdir()] == ["a"]
        (tmp_path / "real" / "a").unlink()
        monkeypatch.chdir(tmp_path / "real")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("in/one.dcm", "is a DICOM file; give the folder in which it lies"),
        ("nowhere", "nowhere does not exist"),
        ("nowhere.nii", "nowhere.nii does not exist"),
    ],
)
def test_wrong_sources_get_the_right_advice(tmp_path, capsys, source, said):
    write_series(tmp_path / "in", VOXELS, name="{:03d}.dcm")
    first = sorted((tmp_path / "in").iterdir())[0]
    first.rename(tmp_path / "in" / "one.dcm")
    assert main(["deidentify", str(tmp_path / source), str(tmp_path / "out.nii")]) == 1
    assert said in capsys.readouterr().err


def test_files_without_file_meta_are_read(tmp_path):
    write_series(tmp_path / "in", VOXELS)
    for path in (tmp_path / "in").iterdir():
        file = pydicom.dcmread(path)
        file.file_meta, file.preamble = FileMetaDataset(), None
        pydicom.dcmwrite(path, file, None, implicit_vr=True, little_endian=True,
                         force_encoding=True)  # fmt: skip
    assert np.array_equal(read_volume(tmp_path / "in").voxels, VOXELS)


def people(folder):
    """Return the subjects of a folder's images, in the order of their paths."""
    return [item.subject for item in sorted(survey(folder).items, key=lambda item: item.path)]


@pytest.mark.parametrize(
    ("names", "alike"),
    [
        (("1.5T/P1", "1.5T/P2", "3T/P1", "3T/P2"), (0, 1, 0, 1)),
        (("Doe 1.5T", "Doe 3T", "Smith 1.5T", "Smith 3.0T"), (0, 0, 1, 1)),
        (("case1_slice1", "case2_slice1", "case_1_slice2"), (0, 1, 0)),
    ],
)
def test_a_field_strength_and_a_separator_make_nobody_new(tmp_path, names, alike):
    for name in names:
        (tmp_path / name).mkdir(parents=True)
        write(head(), tmp_path / name / "T1.nii.gz")
    found = people(tmp_path)
    assert [found.index(one) for one in found] == [alike.index(one) for one in alike]


@pytest.mark.parametrize("nobody", ["", "ANON"])
def test_a_series_without_an_id_is_of_the_person_beside_it(tmp_path, nobody):
    for place, patient in (("P1/v1", "X1"), ("P1/v2", nobody), ("P2/v1", "X2")):
        write_series(tmp_path / place, VOXELS, patient=patient)
    assert people(tmp_path) == ["X1", "X1", "X2"]


def test_a_label_named_file_is_kept_in_a_store(tmp_path):
    for name in ("a", "b"):
        write(head(), tmp_path / "in" / f"{name}.nii.gz")
    (tmp_path / "labels.csv").write_text("subject,file,grade\na,3,1\nb,4,2\n", "utf-8")
    options = dict(folder=tmp_path / "in", labels=tmp_path / "labels.csv", anatomy="head")
    cut = load_slices("folder", 32, **options)
    kept = store_slices("folder", tmp_path / "store", 32, **options)
    assert set(cut.labels) <= set(kept.metadata.labels)
    np.testing.assert_array_equal(cut.labels["file"], kept.metadata.labels["file"])


VOLUME = np.full((4, 4, 3), 40, int)


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
