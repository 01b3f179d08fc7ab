import nibabel
import numpy as np
import pydicom
import pytest
from small_series import new_file, store, write_enhanced, write_series

from medgan_utils.data import read_volume
from medgan_utils.data.dicom import is_dicom, read_header
from medgan_utils.data.loading import find_items
from medgan_utils.data.sources.walk import walk

VOXELS = np.random.default_rng(1).integers(-500, 500, (7, 6, 5)) * 2.0


def test_a_series_gives_hu_in_ras(tmp_path):
    volume = read_volume(write_series(tmp_path / "case", VOXELS, (1.5, 2.0, 3.0)))
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    assert volume.spacing_mm == pytest.approx((1.5, 2.0, 3.0))
    assert volume.modality == "CT"
    # The first stored pixel lies at L -10, P -20: RAS (10, 20), the last voxel of x and y.
    np.testing.assert_allclose(volume.affine @ [6, 5, 0, 1], [10, 20, 5, 1])


def test_a_folder_that_is_not_one_whole_series_is_refused(tmp_path):
    voxels = np.zeros((4, 4, 6))
    with pytest.raises(ValueError, match="missing or doubled"):
        read_volume(write_series(tmp_path / "gap", voxels, skip=[2]))
    write_series(tmp_path / "two", voxels)
    mixed = tmp_path / "two" / "000.dcm"
    file = pydicom.dcmread(mixed)
    file.SeriesInstanceUID = "9.9"
    file.save_as(mixed)
    with pytest.raises(ValueError, match="2 series"):
        read_volume(tmp_path / "two")
    (tmp_path / "two" / "001.dcm").write_bytes(b"not DICOM")
    with pytest.raises(ValueError, match=r"001\.dcm"):
        read_volume(tmp_path / "two")
    (tmp_path / "none").mkdir()
    with pytest.raises(FileNotFoundError, match="no DICOM files"):
        read_volume(tmp_path / "none")


NAMES = ["IM{:04d}", "IM{:04d}.DCM", "{uid}", "MR.{uid}", "IM{:04d}.dicom", "{:04d}.001"]


@pytest.mark.parametrize("name", NAMES)
def test_files_are_known_by_their_bytes(tmp_path, name):
    folder = write_series(tmp_path / "case", VOXELS, name=name)
    (folder / "notes.txt").write_text("exported on Monday\n" * 20)
    (folder / "empty").touch()
    np.testing.assert_array_equal(read_volume(folder).voxels, VOXELS)


def test_a_file_without_preamble_is_known(tmp_path):
    folder = write_series(tmp_path / "case", VOXELS)
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[132:])
    assert all(is_dicom(path) for path in folder.iterdir())
    np.testing.assert_array_equal(read_volume(folder).voxels, VOXELS)


def test_a_header_is_read_without_its_pixels(tmp_path):
    folder = write_series(tmp_path / "anonymous-export", VOXELS, patient=" 007 ")
    header = read_header(folder / "000.dcm")
    assert header.PatientID.strip() == "007" and "PixelData" not in header


def test_a_header_of_something_else_is_named(tmp_path):
    path = tmp_path / "notes.dcm"
    path.write_text("exported on Monday\n" * 20)
    with pytest.raises(ValueError, match=r"notes\.dcm cannot be read as DICOM"):
        read_header(path)


TAGS = ["PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient", "SeriesInstanceUID"]


@pytest.mark.parametrize("keyword", [*TAGS, "Modality"])
def test_a_missing_tag_is_named_with_its_file(tmp_path, keyword):
    def without(file, k):
        if k == 2:
            delattr(file, keyword)

    folder = write_series(tmp_path / "case", VOXELS, edit=without)
    number = pydicom.tag.Tag(keyword)
    wanted = rf"{keyword}.*\({number.group:04X},{number.element:04X}\)|differ in {keyword}"
    with pytest.raises(ValueError, match=wanted) as error:
        read_volume(folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)


def test_a_series_without_modality_is_read_when_the_reader_says_it(tmp_path):
    folder = write_series(tmp_path / "case", VOXELS, modality="")
    with pytest.raises(ValueError, match=r"case has no Modality .*--modality CT"):
        read_volume(folder)
    assert read_volume(folder, "CT").modality == "CT"


SPOILED = {
    "cut short": (lambda file: {"PixelData": file.PixelData[:-9]}, r"\.dcm: the pixels cannot be"),
    "spacing 0": (lambda file: {"PixelSpacing": [0, 1]}, r"\.dcm has PixelSpacing \[0.0, 1.0\]"),
    "one spacing": (lambda file: {"PixelSpacing": 1}, r"2 numbers are needed"),
    "turn of nothing": (lambda file: {"ImageOrientationPatient": [0] * 6}, "two unit vectors"),
    "empty slope": (lambda file: {"RescaleSlope": None}, r"no RescaleSlope \(0028,1053\)"),
    "slope 0": (lambda file: {"RescaleSlope": 0}, r"\.dcm has RescaleSlope 0"),
    "no unit": (lambda file: {"RescaleIntercept": None}, r"no RescaleIntercept \(0028,1052\)"),
    "other patient": (lambda file: {"PatientID": "P2"}, r"differ in PatientID \(P1, P2\)"),
    "contradiction": (lambda file: {"Modality": "MR"}, r"Modality .* is MR, but .* as CT"),
    "other size": (lambda file: {"PixelSpacing": [2, 2]}, "differ in size, spacing or orient"),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_one_spoiled_file_of_a_series_is_named(tmp_path, kind):
    change, message = SPOILED[kind]

    def spoil(file, k):
        if k == 3:
            for keyword, value in change(file).items():
                setattr(file, keyword, value)

    folder = write_series(tmp_path / "case", VOXELS, edit=spoil)
    with pytest.raises(ValueError, match=message) as error:
        read_volume(folder)
    assert "\n" not in str(error.value) and str(folder) in str(error.value)


def test_a_file_that_ends_in_its_header_is_named(tmp_path):
    folder = write_series(tmp_path / "case", VOXELS)
    (folder / "000.dcm").write_bytes((folder / "000.dcm").read_bytes()[:300])
    with pytest.raises(ValueError, match=r"000\.dcm is cut short"):
        read_volume(folder)


def test_what_has_no_pixels_is_passed_over(tmp_path):
    folder = write_series(tmp_path / "case", VOXELS)
    report = new_file("1.9", pydicom.uid.BasicTextSRStorage)
    report.save_as(folder / "DICOMDIR", enforce_file_format=True)
    np.testing.assert_array_equal(read_volume(folder).voxels, VOXELS)
    for path in folder.glob("*.dcm"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"only DICOMDIR \(Basic Text SR Storage\)"):
        read_volume(folder)


def _screenshot(file, k):
    file.PhotometricInterpretation, file.SeriesInstanceUID = "RGB", "7.7"


def _dose(file, k):
    file.Modality, file.SeriesInstanceUID = "RTDOSE", "7.8"


def _dose_report(file, k):
    kind = pydicom.uid.SecondaryCaptureImageStorage
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = kind
    file.SeriesInstanceUID = "7.9"
    del file.ImageOrientationPatient, file.ImagePositionPatient, file.PixelSpacing


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (_screenshot, "in colour"),
        (_dose, "with a dose"),
        (_dose_report, r"screenshots \(secondary captures\)"),
    ],
)
def test_what_is_no_scan_is_passed_over_or_named(tmp_path, edit, reason):
    folder = write_series(tmp_path / "case", VOXELS, name="A{:03d}", edit=edit)
    with pytest.raises(FileNotFoundError, match=rf"only A000 \({reason}\)"):
        read_volume(folder)
    write_series(folder, VOXELS, name="B{:03d}")
    np.testing.assert_array_equal(read_volume(folder).voxels, VOXELS)
    assert [len(found) for found in walk(tmp_path).passed_over.values()] == [len(VOXELS[0, 0])]


def test_a_header_that_lacks_something_is_named_before_anything_is_read(tmp_path):
    def without(file, k):
        if k == 4:
            del file.PixelSpacing

    write_series(tmp_path / "P1", VOXELS, edit=without)
    with pytest.raises(ValueError, match=r"\.dcm has no PixelSpacing \(0028,0030\)"):
        find_items("folder", 32, None, {"folder": tmp_path})


def test_low_values_that_are_bright_are_turned_round_but_hu_stay(tmp_path):
    def bright(file, k):
        file.PhotometricInterpretation = "MONOCHROME1"

    ct = read_volume(write_series(tmp_path / "ct", VOXELS, edit=bright))
    np.testing.assert_array_equal(ct.voxels, VOXELS)

    def mr(file, k):
        bright(file, k)
        file.Modality, file.SOPClassUID = "MR", pydicom.uid.MRImageStorage

    volume = read_volume(write_series(tmp_path / "mr", VOXELS, edit=mr))
    np.testing.assert_allclose(volume.voxels, VOXELS.min() + VOXELS.max() - VOXELS)


@pytest.mark.parametrize("padding", [-2000, 63536])
def test_padding_becomes_air(tmp_path, padding):
    def pad(file, k):
        stored = np.round(VOXELS[::-1, ::-1, k].T).astype(np.int16)
        stored[0, :2] = -2000
        store(file, stored)
        file.RescaleSlope, file.RescaleIntercept = 1, 0
        tag = "SS" if padding < 0 else "US"
        file.add_new("PixelPaddingValue", tag, padding)

    volume = read_volume(write_series(tmp_path / "ct", VOXELS, edit=pad))
    expected = VOXELS.copy()
    expected[-2:, -1] = -1000
    np.testing.assert_array_equal(volume.voxels, expected)


@pytest.mark.parametrize("padding", [-3024, 63536])
def test_padding_beyond_the_bits_stored_becomes_air(tmp_path, padding):
    kind = np.int16 if padding < 0 else np.uint16

    def pad(file, k):
        stored = np.round(VOXELS[::-1, ::-1, k].T + 1024).astype(kind)
        stored[0, :2] = padding
        store(file, stored)
        file.BitsStored, file.HighBit = 12, 11
        file.RescaleSlope, file.RescaleIntercept = 1, -1024
        file.add_new("PixelPaddingValue", "SS" if padding < 0 else "US", padding)

    volume = read_volume(write_series(tmp_path / "ct", VOXELS, edit=pad))
    assert (volume.voxels[-2:, -1] <= -1000).all()


def test_bits_above_those_stored_are_cleared(tmp_path):
    stored = np.random.default_rng(2).integers(0, 4096, (7, 6, 5))

    def garbage(file, k):
        store(file, (stored[::-1, ::-1, k].T | 0xA000).astype(np.uint16))
        file.BitsStored, file.HighBit = 12, 11
        file.RescaleSlope, file.RescaleIntercept = 1, -1024

    volume = read_volume(write_series(tmp_path / "ct", VOXELS, edit=garbage))
    np.testing.assert_array_equal(volume.voxels, stored - 1024)


def test_signed_values_that_the_header_calls_unsigned_are_named(tmp_path):
    def signed(file, k):
        store(file, np.round(VOXELS[::-1, ::-1, k].T).astype(np.int16).view(np.uint16))
        file.RescaleSlope, file.RescaleIntercept = 1, 0

    with pytest.raises(ValueError, match=r"6\d{4} HU.*PixelRepresentation"):
        read_volume(write_series(tmp_path / "ct", VOXELS, edit=signed))


def test_a_slope_of_each_slice_is_applied(tmp_path):
    def slopes(file, k):
        file.Modality, file.SOPClassUID = "PT", pydicom.uid.PositronEmissionTomographyImageStorage
        file.RescaleSlope, file.RescaleIntercept = 0.5 * (k + 1), 0

    volume = read_volume(write_series(tmp_path / "pet", VOXELS, edit=slopes))
    expected = (VOXELS + 1024) / 2 * 0.5 * np.arange(1, 6)
    np.testing.assert_allclose(volume.voxels, expected, rtol=1e-6)
    assert volume.modality == "PET"


def test_distances_and_tilt(tmp_path):
    def moved(move):
        def edit(file, k):
            file.ImagePositionPatient = [-10.0, *move(k)]

        return edit

    rounded = moved(lambda k: (-20.0, round(0.625 * k, 1)))
    spacing = read_volume(write_series(tmp_path / "rounded", VOXELS, edit=rounded)).spacing_mm
    assert spacing[2] == pytest.approx(0.625)
    uneven = moved(lambda k: (-20.0, 2.0 * k if k < 3 else 6.0 * k))
    with pytest.raises(ValueError, match=r"distances differ: 14\.00 mm between .*\.dcm and "):
        read_volume(write_series(tmp_path / "uneven", VOXELS, edit=uneven))
    tilted = moved(lambda k: (-20.0 + 0.5 * k, 2.0 * k))
    with pytest.raises(ValueError, match=r"up to 2\.0 mm, as with a tilted gantry.*dcm2niix"):
        read_volume(write_series(tmp_path / "tilted", VOXELS, edit=tilted))


def test_one_slice_is_read_with_a_warning(tmp_path):
    with pytest.warns(UserWarning, match="holds one slice only"):
        volume = read_volume(write_series(tmp_path / "one", VOXELS, skip=range(1, 5)))
    assert volume.voxels.shape == (7, 6, 1) and volume.spacing_mm == (1, 1, 2)


def test_of_several_images_a_level_one_is_picked(tmp_path):
    def echo(time):
        def edit(file, k):
            file.Modality, file.SOPClassUID = "MR", pydicom.uid.MRImageStorage
            file.EchoTime, file.InstanceNumber = time, int(100 * time) + k

        return edit

    write_series(tmp_path / "echoes", VOXELS, name="a{}", edit=echo(4.6))
    folder = write_series(tmp_path / "echoes", VOXELS + 100, name="b{}", edit=echo(9.2))
    with pytest.raises(
        ValueError, match=r"2 images at each level \(EchoTime 4\.6, 9\.2\).*index=0"
    ):
        read_volume(folder)
    np.testing.assert_array_equal(read_volume(folder, index=0).voxels, VOXELS)
    np.testing.assert_array_equal(read_volume(folder, index=1).voxels, VOXELS + 100)
    with pytest.raises(ValueError, match="index=2 is none of them"):
        read_volume(folder, index=2)
    (folder / "b2").unlink()
    with pytest.raises(ValueError, match=r"missing or doubled: a\d and b\d lie at one level"):
        read_volume(folder)


@pytest.mark.parametrize("asked", ["MR", "T1", "PET"])
def test_a_modality_that_the_header_contradicts_is_named(tmp_path, asked):
    folder = write_series(tmp_path / "case", VOXELS)
    with pytest.raises(ValueError, match=rf"says CT, but modality='{asked}'.*--modality CT"):
        read_volume(folder, asked)


def test_a_compressed_series_is_read_or_named(tmp_path):
    folder = write_series(tmp_path / "case", VOXELS)
    for path in folder.iterdir():
        file = pydicom.dcmread(path)
        file.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        file.save_as(path)
    np.testing.assert_array_equal(read_volume(folder).voxels, VOXELS)
    file = pydicom.dcmread(folder / "002.dcm")
    file.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLSLossless
    file.save_as(folder / "002.dcm")
    with pytest.raises(ValueError, match=r"002\.dcm: the pixels .*pip install pylibjpeg") as error:
        read_volume(folder)
    assert "\n" not in str(error.value)


SCALED = (np.random.default_rng(3).integers(-80, 80, (2, 7, 6, 5))) * 2 * np.arange(1, 6) - 1024
TIMES = SCALED - SCALED.min(axis=(0, 1, 2)) - 1024  # from -1024 on, in steps of each slope


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_an_enhanced_file_is_read_like_a_series(tmp_path, modality):
    volume = read_volume(write_enhanced(tmp_path / "case", TIMES[:1], modality))
    np.testing.assert_array_equal(volume.voxels, TIMES[0])
    assert volume.modality == modality and volume.spacing_mm == (1, 1, 2)
    np.testing.assert_allclose(volume.affine @ [6, 5, 0, 1], [10, 20, 5, 1])


@pytest.mark.filterwarnings("ignore:The DICOM readers")
def test_an_enhanced_file_is_read_as_nibabel_reads_it(tmp_path):
    from nibabel.nicom.dicomwrappers import MultiframeWrapper

    folder = write_enhanced(tmp_path / "case", TIMES[:1], "MR")
    volume = read_volume(folder)
    wrapper = MultiframeWrapper(pydicom.dcmread(folder / "enhanced"))
    affine = np.diag([-1, -1, 1, 1]) @ wrapper.affine
    other = nibabel.as_closest_canonical(nibabel.Nifti1Image(wrapper.get_unscaled_data(), affine))
    slopes = 2 * np.arange(1, 6)
    np.testing.assert_array_equal(volume.voxels, np.asarray(other.dataobj) * slopes - 1024)
    np.testing.assert_allclose(np.abs(volume.affine[:3, :3]), np.abs(other.affine[:3, :3]))


def test_of_an_enhanced_file_one_time_is_picked(tmp_path):
    folder = write_enhanced(tmp_path / "case", TIMES)
    with pytest.raises(ValueError, match=r"2 images at each level \(TemporalPositionIndex 1, 2\)"):
        read_volume(folder)
    for time in (0, 1):
        np.testing.assert_array_equal(read_volume(folder, index=time).voxels, TIMES[time])


def _without_positions(file):
    del file.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence


def _without_groups(file):
    del file.PerFrameFunctionalGroupsSequence


def _with_a_gap(file):
    for frame in file.PerFrameFunctionalGroupsSequence:
        position = frame.PlanePositionSequence[0].ImagePositionPatient
        position[2] = position[2] + 4 * (position[2] > 8)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (_without_positions, r"enhanced, frame 3 has no ImagePositionPatient \(0020,0032\)"),
        (_without_groups, "has 5 frames but says where 0 of them lie"),
        (_with_a_gap, r"slices are missing .* between enhanced, frame \d and enhanced, frame \d"),
        (lambda file: setattr(file, "ImageType", ["ORIGINAL", "MOSAIC"]), "is a mosaic"),
    ],
)
def test_an_enhanced_file_that_lacks_something_is_named(tmp_path, edit, message):
    with pytest.raises(ValueError, match=message):
        read_volume(write_enhanced(tmp_path / "case", TIMES[:1], edit=edit))


def test_one_enhanced_file_is_read_without_its_folder(tmp_path):
    path = write_enhanced(tmp_path / "case", TIMES[:1]) / "enhanced"
    np.testing.assert_array_equal(read_volume(path).voxels, TIMES[0])


@pytest.mark.parametrize(
    "start", [b"\x08\x00\x05\x00\x07\x00\x09\x00", b"\x08\x00", b"\x5c\x01\0\0"]
)
def test_other_bytes_are_no_dicom(tmp_path, start):
    path = tmp_path / "voxels.img"
    path.write_bytes(start + bytes(range(100, 240)))
    assert not is_dicom(path)
