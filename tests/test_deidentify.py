"""De-identified series: nothing of the patient is left for another reader, the image is."""

from datetime import timedelta

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from small_series import write_series

from medgan_utils.data import read_volume
from medgan_utils.protection import deidentify_series, dicom_dates

SECRETS = ("Doe", "Jane", "Ann-Marie", "Roe", "Poe", "778812", "19610423", "20240131", "2024-01-31",
           "20240201", "SN-998877", "Elsewhere", "ELSEWHERE", "ACC-5512", "1.2.9.1", "1.2.77",
           "1.2.3", "062Y", "restless", "12 Elm")  # fmt: skip
VOXELS = np.arange(2 * 64, dtype=np.float32).reshape(4, 4, 8) * 2.0


def item(**values):
    """A data set with these elements."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def spoil(file, k):
    """Put a patient into every corner that people forget."""
    file.PatientName, file.PatientID = "Doe^Jane^Ann-Marie^Mrs", "HOSP-778812"
    file.PatientBirthDate, file.PatientAge, file.PatientAddress = (
        "19610423",
        "062Y",
        "12 Elm Street",
    )
    file.StudyInstanceUID, file.FrameOfReferenceUID = "1.2.9.1", "1.2.77"
    file.StudyDate, file.StudyTime = "20240131", "2355"
    file.AcquisitionDate = "20240131" if k < 4 else "20240201"
    file.AcquisitionTime = f"{'2359' if k < 4 else '0001'}{k:02d}.250000"
    file.AcquisitionDateTime = f"2024013123{50 + k:02d}30.5+0100"
    file.OperatorsName, file.AccessionNumber = "Roe^Richard", "ACC-5512"
    file.StudyDescription, file.ImageComments = "Brain of Jane Doe", "Jane Doe restless"
    file.DeviceSerialNumber, file.InstitutionName = "SN-998877", "Saint Elsewhere"
    file.BodyPartExamined, file.ContentLabel = "HEAD DOE", "DOE 778812"  # codes by their type
    file.ImageType = ["ORIGINAL", "PRIMARY", "DOE"]
    file.EvaluatorName = "Jane Doe"  # a name that the standard's table lacks
    file.TextValue = "said Jane, on 2024-01-31"  # free text that it lacks
    file.InstanceNumber, file.KVP = k + 1, 120
    file.preamble = b"Doe^Jane" + bytes(120)
    file.file_meta.SourceApplicationEntityTitle = "ELSEWHERE1"
    private = file.private_block(0x0029, "CSA of Jane", create=True)
    private.add_new(0x10, "OB", b"..Doe^Jane..")
    private.add_new(0x11, "SQ", [item(PatientName="Doe^Jane")])
    file.add_new(0x60003000, "OW", b"overlay of Jane.")
    file.add_new(0x00189999, "UN", b"Jane")
    source = item(ReferencedSOPClassUID=file.SOPClassUID, ReferencedSOPInstanceUID="1.2.3.1")
    source.PurposeOfReferenceCodeSequence = [item(CodeMeaning="as seen by Doe")]
    source.PersonName, source.ContentDate = "Doe^Jane", "20240131"
    source.private_block(0x0031, "HID", create=True).add_new(1, "LO", "Jane Doe")
    file.SourceImageSequence = [source]
    frame = item(FrameAcquisitionDateTime="20240131235900", FrameComments="Jane restless")
    file.DerivationImageSequence = [item(FrameContentSequence=[frame])]
    file.RequestAttributesSequence = [item(ScheduledProcedureStepDescription="Jane Doe")]
    file.ReferringPhysicianName, file.BurnedInAnnotation = "Poe^Edgar", "YES"


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    write_series(folder / "in", VOXELS, edit=spoil, name="DOE_JANE_{:03d}.dcm")
    (folder / "in" / "letter.txt").write_text("Dear Jane Doe")
    with pytest.warns(UserWarning, match="8 images may have text burned into"):
        table = deidentify_series(folder / "in", folder / "out", secret="s")
    return folder / "in", folder / "out", table


def read(folder):
    """The data sets of a folder by slice."""
    files = [pydicom.dcmread(path) for path in folder.glob("*.dcm")]
    return sorted(files, key=lambda file: file.InstanceNumber)


def test_no_byte_of_a_file_or_its_name_says_who(series):
    before, after, table = series
    for secret in SECRETS:
        assert any(secret.encode() in path.read_bytes() for path in before.glob("*.dcm"))
        for path in after.rglob("*"):
            assert secret.lower().encode() not in path.read_bytes().lower(), secret
            assert secret.lower() not in path.name.lower()
        assert secret not in str(table)
    assert sorted(path.name for path in after.iterdir()) == [f"{k:04d}.dcm" for k in range(1, 9)]


def test_no_element_holds_a_value_of_the_patient(series):
    """Read by pydicom: every value of every level, against every original value that names."""
    kept = {"1", "CT", "120", "YES"}
    for old, new in zip(*map(read, series[:2]), strict=True):
        named = {
            str(e.value) for e in old.iterall() if e.VR in ("PN", "LO", "SH", "DA", "DT", "UI")
        }
        for element in [*new.iterall(), *new.file_meta]:
            assert not element.tag.is_private
            value = str(element.value)
            standard = value.startswith("1.2.840.10008.") or element.VR in ("SQ", "OW", "US")
            assert standard or value in kept or value not in named, element
        assert new.preamble == bytes(128)
        assert new.PatientIdentityRemoved == "YES"
        assert [c.CodeValue for c in new.DeidentificationMethodCodeSequence] == ["113100", "113107"]


def test_another_library_reads_nothing_of_the_patient(series):
    """GDCM, which shares no code with pydicom, prints every element before and after."""
    gdcm = pytest.importorskip("gdcm", reason="GDCM comes with the extra `test`")
    printed = []
    for folder in series[:2]:
        text = ""
        for path in sorted(folder.glob("*.dcm")):
            reader = gdcm.Reader()
            reader.SetFileName(str(path))
            assert reader.Read(), path
            text += f"{reader.GetFile().GetHeader()}{reader.GetFile().GetDataSet()}"
        printed.append(text.lower())
    before, after = printed
    read_before = [secret for secret in SECRETS if secret.lower() in before]
    assert len(read_before) > len(SECRETS) * 2 / 3, read_before
    assert [secret for secret in SECRETS if secret.lower() in after] == []
    assert after.count("(0010,0010)") == 8


def test_image_and_references_are_whole(series):
    old, new = (read_volume(folder, modality="CT") for folder in series[:2])
    assert np.array_equal(old.voxels, new.voxels) and np.array_equal(old.affine, new.affine)
    files = read(series[1])
    uids = {file.SOPInstanceUID for file in files}
    assert len(uids) == 8 and all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID"):
        assert len({file[keyword].value for file in files}) == 1
    for file in files:
        assert file.file_meta.MediaStorageSOPInstanceUID == file.SOPInstanceUID
        assert file.SourceImageSequence[0].ReferencedSOPInstanceUID == files[0].SOPInstanceUID
        assert file.SourceImageSequence[0].ReferencedSOPClassUID == file.SOPClassUID
        assert file.PatientBirthDate == "" and file.KVP == 120


def moment(file, what):
    """The date and time of a file in seconds."""
    text = file[f"{what}Date"].value + file[f"{what}Time"].value
    return dicom_dates.datetime.strptime(text[:12], "%Y%m%d%H%M")


def test_intervals_between_dates_are_kept(series):
    before, after = map(read, series[:2])
    shifts = {moment(o, w) - moment(n, w) for o, n in zip(before, after, strict=True)
              for w in ("Study", "Acquisition")}  # fmt: skip
    assert len(shifts) == 1 and timedelta(365) <= shifts.pop() <= timedelta(3650)
    assert all(file.AcquisitionTime.endswith(f"{k:02d}.250000") for k, file in enumerate(after))
    assert all(file.AcquisitionDateTime.endswith("30.5+0100") for file in after)
    study = moment(after[0], "Study")
    inner = after[0].DerivationImageSequence[0].FrameContentSequence[0].FrameAcquisitionDateTime
    assert inner == f"{study + timedelta(minutes=4):%Y%m%d%H%M}00"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"StudyDate": "2024.01.31", "StudyTime": "10:15:00"}, ("20240129", "221500")),
        ({"StudyDate": "20240131"}, ("20240130", None)),
        ({"StudyTime": "10"}, (None, "22")),
        ({"StudyDate": "20240131", "StudyTime": "1015"}, ("20240129", "2215")),
        ({"StudyDate": "soon", "StudyTime": "1015"}, ("", "")),
        ({"StudyDate": "20241399"}, ("", None)),
        ({"PatientBirthDate": "19610423", "StudyDate": "20240101"}, ("20231231", None)),
    ],
)
def test_dates_as_people_write_them(old, new):
    with pydicom.config.disable_value_validation():
        made = item(**old)
        list(dicom_dates.shift_dates(made, timedelta(hours=-36)))
        found = (made.get("StudyDate"), made.get("StudyTime"))
    assert tuple("" if value is None else value for value in found) == tuple(
        "" if value is None else value for value in new
    )
    assert not made.get("PatientBirthDate")


def test_the_table_says_what_was_done(series):
    done = {(row["element"], row["done"]): row["files"] for row in series[2]}
    assert done["AccessionNumber", "emptied"] == done["PatientAge", "removed"] == 8
    assert done["private", "removed"] == done["SOPInstanceUID", "mapped"] == 8
    assert done["StudyDate", "shifted"] == done["EvaluatorName", "emptied"] == 8
    assert done["text burned into the pixels", "warned"] == 8
    assert done["a head: its face can be drawn from it", "warned"] == 8
    assert done["file that is not DICOM", "left out"] == 1


def test_a_secret_joins_series_and_no_secret_parts_them(tmp_path):
    def study(number, secret):
        edit = lambda file, k: setattr(file, "FrameOfReferenceUID", "1.2.77")  # noqa: E731
        write_series(tmp_path / f"in{number}", VOXELS[..., :2], series=f"1.{number}", edit=edit)
        deidentify_series(tmp_path / f"in{number}", tmp_path / f"out{number}", secret=secret)
        file = pydicom.dcmread(tmp_path / f"out{number}" / "0001.dcm")
        return file.PatientID, file.FrameOfReferenceUID

    assert study(1, "s") == study(2, "s")
    assert len({study(3, "t"), study(4, None), study(5, None), study(1 + 5, "s")}) == 4


def test_refusals_leave_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder"):
        deidentify_series(tmp_path / "none", tmp_path / "out")
    (tmp_path / "P1" / "S1").mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r"P1 holds folders alone \(S1\); give one"):
        deidentify_series(tmp_path / "P1", tmp_path / "out")
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_text("no DICOM")
    with pytest.raises(FileNotFoundError, match=r"no DICOM image \(1 × file that is not DICOM\)"):
        deidentify_series(tmp_path / "text", tmp_path / "out")

    def as_report(file, k):
        file.SOPClassUID = pydicom.uid.BasicTextSRStorage
        del file.PixelData, file.Rows

    write_series(tmp_path / "headless", VOXELS, edit=as_report)
    with pytest.raises(FileNotFoundError, match="8 × file without pixels"):
        deidentify_series(tmp_path / "headless", tmp_path / "out")
    write_series(tmp_path / "two", VOXELS[..., :2])
    write_series(tmp_path / "two", VOXELS[..., :2], patient="P2", name="b{}.dcm")
    with pytest.raises(ValueError, match="images of 2 patients"):
        deidentify_series(tmp_path / "two", tmp_path / "out")
    write_series(tmp_path / "cut", VOXELS)
    last = sorted((tmp_path / "cut").iterdir())[-1]
    last.write_bytes(b"not DICOM at all" * 20)
    with pytest.raises(ValueError, match=r"007\.dcm cannot be read as DICOM"):
        deidentify_series(tmp_path / "cut", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "text" / "b").mkdir()
    with pytest.raises(FileExistsError, match="is not empty"):
        deidentify_series(tmp_path / "two", tmp_path / "text")


@pytest.mark.parametrize(
    "syntax", ["ExplicitVRLittleEndian", "ImplicitVRLittleEndian", "ExplicitVRBigEndian"]
)
def test_files_without_file_meta_keep_their_encoding(tmp_path, syntax):
    syntax = getattr(pydicom.uid, syntax)
    write_series(tmp_path / "in", VOXELS, patient="HOSP-778812")
    for path in (tmp_path / "in").iterdir():
        file = pydicom.dcmread(path)
        if not syntax.is_little_endian:
            file.PixelData = file.pixel_array.astype(">u2").tobytes()
        file.file_meta, file.preamble = pydicom.dataset.FileMetaDataset(), None
        encoding = syntax.is_implicit_VR, syntax.is_little_endian
        pydicom.dcmwrite(path, file, None, implicit_vr=encoding[0], little_endian=encoding[1],
                         force_encoding=True)  # fmt: skip
        assert path.read_bytes()[128:132] != b"DICM"
    deidentify_series(tmp_path / "in", tmp_path / "out")
    for file in map(pydicom.dcmread, (tmp_path / "out").iterdir()):
        assert file.file_meta.TransferSyntaxUID == syntax and file.PatientID != "HOSP-778812"
    assert np.array_equal(read_volume(tmp_path / "out").voxels, VOXELS)


def test_a_fault_in_the_last_file_leaves_nothing(tmp_path, monkeypatch):
    write_series(tmp_path / "in", VOXELS)
    from medgan_utils.protection import deidentify

    real = deidentify.clean

    def fails(dataset, *others):
        if dataset.ImagePositionPatient[2] > 18:
            raise ValueError("damaged")
        yield from real(dataset, *others)

    monkeypatch.setattr(deidentify, "clean", fails)
    with pytest.raises(ValueError, match="cannot be de-identified: damaged"):
        deidentify_series(tmp_path / "in", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


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
