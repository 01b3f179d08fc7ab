"""Folders in which one person has several names, one series two places, one mask two visits."""

import errno
import struct
import zlib
from pathlib import PurePosixPath

import nibabel
import numpy as np
import pytest
from PIL import Image
from small_heads import head, write
from small_series import write_series

from medgan_utils import inspection, run_folder
from medgan_utils._files import written_whole
from medgan_utils.data import Slices, load_slices, read_volume
from medgan_utils.data.files import is_label_map, modality_of
from medgan_utils.data.loading import content_key
from medgan_utils.data.nifti import few_values
from medgan_utils.data.pictures import read_picture, read_picture_mask
from medgan_utils.data.sources.folder import survey
from medgan_utils.data.sources.item import Item
from medgan_utils.data.sources.masks import match_masks
from medgan_utils.data.sources.people import labels_by_image
from medgan_utils.data.sources.walk import walk
from medgan_utils.data.subjects import name_subjects
from medgan_utils.display.plots import grid_png

VOLUME = np.full((4, 4, 3), 40, int)


def people(*names, pattern=None):
    """How many subjects the names are taken for."""
    return len(set(name_subjects([PurePosixPath(name) for name in names], pattern)[0]))


def series(folder, uid, patient, study):
    def edit(file, _):
        file.StudyInstanceUID = study

    write_series(folder / uid, VOLUME, series=uid, patient=patient, modality="MR", edit=edit)


def subjects_of(folder):
    return {item.subject for item in survey(folder).items}


# DICOM


def test_series_without_a_patient_go_with_their_study(tmp_path):
    for number in range(3):
        for k in range(2):
            series(tmp_path, f"1.2.{number}.{k}", "ANONYMOUS", f"1.9.{number}")
    assert len(subjects_of(tmp_path)) == 3


def test_a_series_that_lost_its_patient_is_of_the_others_of_its_study(tmp_path):
    series(tmp_path, "1.2.1", "", "1.9.1")
    series(tmp_path, "1.2.2", "HN1", "1.9.1")
    series(tmp_path, "1.2.3", "HN2", "1.9.2")
    assert subjects_of(tmp_path) == {"HN1", "HN2"}


@pytest.mark.parametrize("first", ["ANON0001", "004710", "PAT01_V1"])
def test_pseudonyms_of_one_person_count(tmp_path, first):
    second = {"ANON0001": "ANON0001", "004710": "4710", "PAT01_V1": "PAT01_V2"}[first]
    series(tmp_path, "1.2.1", first, "1.9.1")
    series(tmp_path, "1.2.2", second, "1.9.2")
    series(tmp_path, "1.2.3", "ANON0002", "1.9.3")
    assert len(subjects_of(tmp_path)) == 2


def test_one_series_in_two_folders_is_named(tmp_path):
    write_series(tmp_path / "a", VOLUME, series="1.2.1", skip=(1,))
    write_series(tmp_path / "b", VOLUME, series="1.2.1", skip=(0, 2))
    (fault,) = walk(tmp_path).faults.values()
    assert "hold parts or copies of one series" in fault


def test_dicom_beside_the_nifti_made_of_it_is_refused(tmp_path):
    write_series(tmp_path / "P1", VOLUME)
    write(head(), tmp_path / "P1_T1.nii.gz")
    with pytest.raises(ValueError, match="perhaps the same scans twice; choose with glob="):
        survey(tmp_path)


@pytest.mark.parametrize(
    "path", ["{}/{}/t1.nii.gz", "{}/{}.nii.gz", "{1}_{0}.nii.gz", "{1}/{0}/t1.nii.gz"]
)
@pytest.mark.parametrize("end", ["", "3T", "_15T"])
def test_two_people_on_many_scanners_are_two(path, end):
    scanners = [maker + end for maker in ("GE", "Siemens", "Philips", "Canon")]
    assert people(*(path.format(s, who) for s in scanners for who in ("alice", "bob"))) == 2


def test_two_names_at_many_sites_are_two():
    paths = [f"site-{s}/{who}/t1.nii.gz" for s in "ABCD" for who in ("alice", "bob")]
    assert people(*paths) == 2


def topogram(file, _):
    file.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    file.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]


@pytest.mark.parametrize(
    ("description", "planned_on"),
    [
        ("AAHead_Scout_MPR_sag", True),
        ("3Plane Loc SSFSE", True),
        ("localizer", True),
        ("Survey_SHC", True),
        ("T1 local 3D", False),
        ("velocity map", False),
        ("", False),
    ],
)
def test_what_a_scan_was_planned_on_is_told_by_its_description(tmp_path, description, planned_on):
    def edit(file, _):
        file.SeriesDescription = description

    write_series(tmp_path / "quick", VOLUME, series="1.2.1", edit=edit)
    write_series(tmp_path / "scan", VOLUME, series="1.2.2")
    assert [path.name for path in walk(tmp_path).images] == ["quick", "scan"][planned_on:]


def test_topograms_are_no_scans(tmp_path):
    ct, one = tmp_path / "ct", tmp_path / "one"
    write_series(tmp_path / "topogram", VOLUME[..., :1], series="1.2.1", edit=topogram)
    write_series(ct, VOLUME, series="1.2.2", name="ct{}.dcm")
    write_series(ct, VOLUME[..., :1], series="1.2.3", edit=topogram)
    write_series(one, VOLUME[..., :1], series="1.2.4")
    found = walk(tmp_path)
    assert found.images == [ct, one]
    assert len(found.passed_over["DICOM topograms (localizers)"]) == 2
    assert read_volume(ct).voxels.shape == VOLUME.shape
    assert read_volume(one).voxels.shape == (4, 4, 1)


# Names


@pytest.mark.parametrize(
    "names",
    [
        ("000001_01_01/a.png", "000001_02_01/a.png"),  # DeepLesion
        ("Calc_P_00001_LEFT_CC/a.png", "Calc_P_00001_RIGHT_MLO/a.png"),  # CBIS-DDSM
        ("UPENN-GBM-00006_11/T1.nii.gz", "UPENN-GBM-00006_21/T1.nii.gz"),
        ("00000001_000.png", "00000001_001.png"),  # ChestX-ray14
        ("clinical/sub-01/T1.nii.gz", "research/sub-01/T1.nii.gz"),
        ("P1 /T1.nii.gz", "P1/T2.nii.gz"),
        ("P-01/T1.nii.gz", "P_01/T2.nii.gz"),
    ],
)
def test_visits_views_and_spellings_are_one_person(names):
    first = [PurePosixPath(name) for name in names]
    others = [PurePosixPath(name.replace("1", "7").replace("6", "8")) for name in names]
    found = name_subjects(first + others)[0]
    assert found[0] == found[1] and found[2] == found[3] and found[0] != found[2]


@pytest.mark.parametrize("dates", [("2020-02-28", "2021-03-01"), ("28.02.2020", "01.03.2021")])
def test_folders_of_dates_are_visits(dates):
    paths = [PurePosixPath(name, date, "T1.nii.gz") for name in ("anna", "bert") for date in dates]
    assert name_subjects(paths)[0] == ["anna", "anna", "bert", "bert"]
    assert people(*(f"{number}_{dates[0]}/T1.nii.gz" for number in ("0042", "0043"))) == 2


def test_hospitals_that_number_from_one_stay_apart():
    assert people("site1/P1/T1.nii.gz", "site2/P1/T1.nii.gz") == 2
    assert people("site1_012.nii.gz", "site1_013.nii.gz") == 2


PEOPLE = [f"{first}{last}" for first in "ABC" for last in ("smith", "jones", "li")]


@pytest.mark.parametrize(
    "scanners", [("Siemens3T", "GE15T"), ("Siemens3T", "GE15T", "Canon"), ("scanner1", "scanner2")]
)
@pytest.mark.parametrize("below", ["T1.nii.gz", "{}_T1.nii.gz", "knee/T1.nii.gz"])
def test_one_person_on_two_scanners_is_one(scanners, below):
    owners = [*PEOPLE, *PEOPLE[:2]]
    where = [*(len(PEOPLE) * scanners)[: len(PEOPLE)], scanners[1], scanners[0]]
    folders = [PurePosixPath(*pair) for pair in zip(where, owners, strict=True)]
    assert name_subjects([folder / below.format(folder.name) for folder in folders])[0] == owners


@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (("P1", "P2"), ("knee", "hip", "spine", "skull")),  # studies of numbered people
        (("anna", "bert", "carl"), ("knee", "hip", "spine", "skull")),
        (("siteA", "siteB"), tuple(f"{n:03d}" for n in range(9))),  # each numbers from 1
        (("AD", "CN"), tuple(f"{n:03d}" for n in range(9))),
    ],
)
def test_folders_that_are_no_scanners_still_tell_people_apart(outer, inner):
    paths = [PurePosixPath(f"{one}/{other}/T1.nii.gz") for one in outer for other in inner]
    expected = [str(path.parent) if inner[0].isdigit() else path.parts[0] for path in paths]
    assert name_subjects(paths)[0] == expected


def test_a_pattern_brings_names_to_one_spelling():
    files = ("Ja\u0308ger-1.png", "J\u00e4ger-2.png", "HN00-1.png", "hn00-2.png")
    assert people(*files, pattern=r"^([^-]+)") == 2


ENHANCED = ("post", "ce", "C", "Gd", "KM", "Gad", "Gado", "gadolinium", "post-contrast", "sag_km")


@pytest.mark.parametrize("words", ENHANCED)
def test_a_t1_with_contrast_agent_is_no_plain_t1(words):
    assert modality_of(f"P1_T1_{words}.nii.gz") == "T1CE"
    assert modality_of(f"P1_mprage+{words}_2.nii.gz") == "T1CE"
    assert modality_of(f"T1-{words}/P1.nii.gz") == "T1CE"
    assert people("smith_T1.nii.gz", f"smith_T1-{words}.nii.gz", "jones_T1.nii.gz") == 2


PLAIN = ("P1_T1_pre", "C_T1", "P1_C_T1", "post_T1", "T1_pre_KM", "T1_ohne_KM", "T1_post_op")


@pytest.mark.parametrize("name", [*PLAIN, "CE1_T1w", "sub-01_acq-post_T1w"])
def test_a_plain_t1_stays_one(name):
    assert modality_of(f"{name}.nii.gz") == "T1"
    assert modality_of(f"{name}_FLAIR.nii.gz") == "FLAIR"


# Masks, labels, copies


def test_the_mask_of_another_visit_is_refused(tmp_path):
    images = [tmp_path / "sub-00" / f"sub-00_ses-{k}_T1w.nii.gz" for k in (1, 2)]
    mask = tmp_path / "sub-00" / "sub-00_ses-2_T1w_seg.nii.gz"
    with pytest.raises(FileNotFoundError, match="is another image's"):
        match_masks(images, [mask])


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["a/P1/2.png", "a/P1/3.png", "a/P2/2.png"], ["b/P1/2.png", "b/P2/2.png", "b/P2/3.png"]),
        (["P1/P1_baseline_FLAIR.nii.gz"], ["P1/P1_followup_seg.nii.gz"]),
    ],
)
def test_the_mask_of_another_person_or_visit_is_refused(tmp_path, images, masks):
    with pytest.raises(FileNotFoundError, match="no mask fits"):
        match_masks([tmp_path / path for path in images], [tmp_path / path for path in masks])


def outline(path, dtype, *values):
    voxels = np.zeros((24, 24, 24), dtype)
    for number, value in enumerate(values):
        voxels[4 + 4 * number :, 6:12, 6:12] = value
    return write(nibabel.Nifti1Image(voxels, np.diag([4.0, 4.0, 4.0, 1.0])), path)


@pytest.mark.parametrize("name", ["sub-{}_tumor.nii.gz", "sub-{}_liver.nii", "rt/{}.nii.gz"])
@pytest.mark.parametrize(("dtype", "codes"), [(np.uint8, (1,)), (np.int16, (1, 2, 4)), (float, ())])
def test_outlines_beside_scans_are_label_maps(tmp_path, name, dtype, codes):
    for number in (1, 2):
        write(head(), tmp_path / f"sub-{number}_t1.nii.gz")
    outline(tmp_path / name.format(1), dtype, *codes)
    outline(tmp_path / name.format(2), np.uint8, 1)  # the other may be empty
    found = survey(tmp_path)
    assert [item.path.name for item in found.items] == ["sub-1_t1.nii.gz", "sub-2_t1.nii.gz"]
    assert len(found.passed_over["label maps"]) == 2


def test_outlines_may_be_chosen_and_empty_scans_are_no_outlines(tmp_path):
    outline(tmp_path / "sub-1_tumor.nii.gz", np.uint8, 1)
    assert len(walk(tmp_path).images) == 1  # nothing else is there
    write(head(), tmp_path / "sub-1_t1.nii.gz")
    assert len(walk(tmp_path).images) == 1
    assert [path.name for path in walk(tmp_path, "*tumor*").images] == ["sub-1_tumor.nii.gz"]
    (item,) = survey(tmp_path, masks="*_tumor.nii.gz").items
    assert item.mask.name == "sub-1_tumor.nii.gz"
    empty = outline(tmp_path / "other" / "sub-2_t1.nii.gz", np.int16)
    write(head(), empty.with_name("sub-3_t1.nii.gz"))
    assert len(walk(empty.parent).images) == 2


def test_outlines_of_pictures_are_told_by_what_they_hold(tmp_path):
    random, area = np.random.default_rng(0), np.zeros((128, 128), np.uint8)
    area[30:60, 30:60] = 1
    scan = random.integers(0, 255, area.shape, dtype=np.uint8)
    black, dust = 0 * area, random.integers(0, 2, area.shape, dtype=np.uint8)
    for number, slice_ in enumerate((scan, black, dust)):
        Image.fromarray(slice_).save(tmp_path / f"P1_{number:03}.png")
    assert len(walk(tmp_path).images) == 3  # black slices and noise are no outlines
    deep = Image.fromarray(area.astype(np.uint16) * 40_000)
    outlines = {"white": Image.fromarray(255 * area), "palette": Image.fromarray(3 * area, "P")}
    for name, outline_ in (outlines | {"deep": deep}).items():
        outline_.save(tmp_path / f"P1_000 {name}.png")
    found = walk(tmp_path)
    assert [path.name for path in found.images] == ["P1_000.png", "P1_002.png"]
    assert len(found.label_maps) == 4  # the black slice may be an empty outline
    (tmp_path / "P1_000 white.png").write_bytes(b"damaged")
    assert "P1_000 white.png" in [path.name for path in walk(tmp_path).images]


def test_a_scan_below_zero_is_no_outline(tmp_path, recwarn):
    for number, low in enumerate((-1000.0, np.nan)):
        voxels = np.full((8, 8, 8), low, np.float32)
        voxels[2:6] = 0
        path = write(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / f"{number}.nii.gz")
        assert few_values(path) is None
    assert not recwarn.list


@pytest.mark.parametrize("name", ["GTV", "GTVp1", "ptv_70", "CTV-T"])
def test_volumes_of_radiotherapy_are_label_maps(name):
    assert is_label_map(f"P1_{name}.nii.gz") and not is_label_map("P1_ct.nii.gz")


# Values of masks

DISC = (np.add.outer(np.arange(-32, 32) ** 2, np.arange(-30, 34) ** 2) < 200).astype(np.uint8)


def masks_of(folder, *masks):
    for number, mask in enumerate(masks):
        name = f"P{number}_slice1.png"
        for kind, pixels in (("images", np.roll(DISC * 90, number, 0)), ("masks", mask)):
            (folder / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / name)
    options = {"folder": folder / "images", "masks": folder / "masks", "cache": False}
    return load_slices("folder", 64, **options).masks


@pytest.mark.parametrize("white", [254, 255])
def test_white_of_eight_bits_is_one_if_nothing_else_is_marked(tmp_path, white):
    found = masks_of(tmp_path, DISC * white, DISC, DISC * 0)
    np.testing.assert_array_equal(found, [DISC, DISC, DISC * 0])


def test_a_white_class_among_greys_or_ones_stays_its_own(tmp_path):
    greys = np.where(np.arange(64) < 32, 85, 170) * DISC
    found = masks_of(tmp_path / "greys", greys, DISC * 255)
    np.testing.assert_array_equal(found, [greys, DISC * 255])
    border = np.where(np.arange(64) < 32, 1, 255) * DISC
    np.testing.assert_array_equal(masks_of(tmp_path / "border", border, DISC), [border, DISC])


def test_volumes_of_two_scales_are_one(tmp_path):
    for number, one in enumerate((1, 255)):
        image = head(centre_mm=(0, 0, 4 * number))
        write(image, tmp_path / "i" / f"P{number}.nii.gz")
        mask = nibabel.Nifti1Image((image.get_fdata() > 600).astype(np.uint8) * one, image.affine)
        write(mask, tmp_path / "m" / f"P{number}.nii.gz")
    slices = load_slices("folder", 32, folder=tmp_path / "i", masks=tmp_path / "m", cache=False)
    assert set(np.unique(slices.masks)) == {0, 1}


@pytest.mark.parametrize("side", [40, 50, 90])
def test_a_mask_that_was_interpolated_is_refused(tmp_path, side):
    soft = Image.fromarray(DISC * 255).resize((side, side), Image.Resampling.BILINEAR)
    soft.save(tmp_path / "soft.png")
    with pytest.raises(ValueError, match=r"soft\.png holds \d+ values .* interpolation='nearest'"):
        read_picture_mask(tmp_path / "soft.png")
    voxels = np.repeat(np.asarray(soft)[..., None], 4, 2)
    path = write(nibabel.Nifti1Image(voxels, np.diag([4.0, 4.0, 4.0, 1.0])), tmp_path / "soft.nii")
    with pytest.raises(ValueError, match=r"soft\.nii holds \d+ values"):
        read_volume(path, "labels")


@pytest.mark.parametrize("step", [1, 12])  # 0 to 20, and the same as greys of a picture
def test_a_map_of_many_labels_is_read(tmp_path, step):
    labels = (np.add.outer(np.arange(60) // 15 * 5, np.arange(60) // 12) * step).astype(np.uint8)
    labels = np.pad(labels, 4)
    noise = np.random.default_rng(0).integers(0, 21, (64, 64), dtype=np.uint8)
    for number, pixels in enumerate((labels, noise)):
        picture = Image.fromarray(pixels)
        picture.save(tmp_path / f"{number}.png")
        picture.putpalette(np.random.default_rng(1).permutation(768).astype(np.uint8).tolist())
        picture.save(tmp_path / f"{number}_palette.png")
        for name in (f"{number}.png", f"{number}_palette.png"):
            np.testing.assert_array_equal(read_picture_mask(tmp_path / name), pixels)


def test_contrasts_of_one_visit_share_a_mask(tmp_path):
    images = [tmp_path / f"P1_{contrast}.nii.gz" for contrast in ("t1", "flair")]
    mask = tmp_path / "P1_seg.nii.gz"
    assert match_masks(images, [mask]) == [mask, mask]


def test_a_row_of_a_visit_is_that_visits_alone():
    table = {"sub-00_ses-1": {"ill": 0}, "sub-00_ses-2": {"ill": 1}, "sub-01": {"ill": 1}}
    paths = [f"sub-00_ses-{k}_T1w.nii.gz" for k in (1, 2, 3)] + ["sub-01_ses-1_T1w.nii.gz"]
    given = labels_by_image(table, paths, ["sub-00", "sub-00", "sub-00", "sub-01"], "labels")
    assert [row["ill"] for row in given] == [0, 1, -1, 1]


def test_one_image_under_two_names_is_told(tmp_path):
    for name in ("HN1", "Q3"):
        write(head(), tmp_path / name / "T1.nii.gz")
    with pytest.warns(UserWarning, match="HN1 and Q3 hold the very same image"):
        load_slices("folder", folder=tmp_path, image_size=32, cache=False)


# Values and bytes


@pytest.mark.parametrize(("low", "told"), [(-1000, False), (24, True)])
def test_ct_without_air_is_told(tmp_path, low, told, recwarn):
    voxels = np.full((8, 8, 8), low, np.float32)
    voxels[2:6, 2:6, 2:6] = low + 1040
    image = nibabel.Nifti1Image(voxels, np.diag([2.0, 2.0, 2.0, 1.0]))
    read_volume(write(image, tmp_path / "ct.nii.gz"), modality="CT")
    assert any("air has -1000 HU" in str(one.message) for one in recwarn) == told


def test_sixteen_bits_with_transparency_are_refused(tmp_path):
    path = tmp_path / "deep.png"
    path.write_bytes(deep_png())
    with pytest.raises(ValueError, match="16 bits a channel"):
        read_picture(path)


def deep_png():
    """A PNG of 16-bit grey with transparency, of which Pillow keeps the upper 8."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    side = 4
    header = struct.pack(">IIBBBBB", side, side, 16, 4, 0, 0, 0)
    rows = b"".join(b"\0" + b"\x01\x23\xff\xff" * side for _ in range(side))
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + data


def test_a_changed_img_beside_its_hdr_is_another_content(tmp_path):
    header, voxels = tmp_path / "a.hdr", tmp_path / "a.img"
    header.write_bytes(b"header")
    keys = []
    for content in (b"one", b"other"):
        voxels.write_bytes(content)
        keys.append(content_key({}, [Item(header, "P1", "T1")]))
    assert keys[0] != keys[1]


# Runs


def test_pictures_of_a_run_are_no_scans(tmp_path):
    Image.new("L", (8, 8)).save(tmp_path / "P1.png")
    run = tmp_path / "run"
    (run / "grids").mkdir(parents=True)
    (run / "slices.npz").write_bytes(b"")
    Image.new("L", (8, 8)).save(run / "grids" / "step-1.png")
    found = walk(tmp_path)
    assert [path.name for path in found.images] == ["P1.png"]
    assert "folders that a run of ours wrote" in found.passed_over


def test_contact_sheets_and_samples_among_the_pictures_are_no_scans(tmp_path, capsys):
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 255, (16, 16), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / f"P{number}.png")
    samples = grid_png(np.zeros((2, 8, 8)), about="SYNTHETIC")
    (tmp_path / "samples.png").write_bytes(samples)
    for _ in range(2):
        inspection.inspect(tmp_path, tmp_path / "contact-sheet.png", 32)
    assert capsys.readouterr().out.count("3 images of 3 subjects") == 2
    passed_over = walk(tmp_path).passed_over["contact sheets and samples of ours"]
    assert [path.name for path in passed_over] == ["contact-sheet.png", "samples.png"]


def test_replace_touches_no_folder_that_is_not_ours(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "patients.xlsx").write_bytes(b"theirs")
    slices = Slices(np.zeros((2, 8, 8, 1), np.float32), ["a", "b"], [0.0, 0.0])
    with pytest.raises(ValueError, match="is no run of this course"):
        run_folder.keep_slices(tmp_path, slices, replace=True)
    assert (tmp_path / "state" / "patients.xlsx").read_bytes() == b"theirs"


FULL = [OSError(errno.ENOSPC, "No space left"), OSError("100 requested and 40 written")]  # NumPy's


@pytest.mark.parametrize("error", FULL)
def test_a_full_disk_is_named_and_leaves_no_half_file(tmp_path, error):
    target = tmp_path / "slices.npz"
    with pytest.raises(OSError, match=r"slices\.npz.*no room.*free some.*MEDGAN_CACHE"):
        with written_whole(target) as unfinished:
            unfinished.write_bytes(b"half")
            raise error
    assert not list(tmp_path.iterdir())


def test_other_errors_of_files_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError, match="mask"), written_whole(tmp_path / "a.npz"):
        (tmp_path / "mask").read_bytes()
