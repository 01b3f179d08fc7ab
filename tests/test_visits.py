"""One person's visits are one subject, wherever folders, headers and tables put the person."""

from collections import Counter
from pathlib import PurePosixPath

import nibabel
import numpy as np
import pytest
from small_heads import head, write
from small_series import write_series

from medgan_utils import data, inspection
from medgan_utils.data.contrasts import as_channels
from medgan_utils.data.loading import warn_of_copies
from medgan_utils.data.sources.folder import survey
from medgan_utils.data.sources.people import read_labels
from medgan_utils.data.subjects import GUESSES, name_subjects
from medgan_utils.translating import find_pairs

VOLUME = np.full((4, 4, 3), 40, int)
NAMES = ("Meier", "Huber", "Schmidt", "Wagner", "Bauer", "Koch", "Wolf", "Klein", "Krause", "Lang")
PEOPLE = tuple(f"P{number:02d}" for number in range(30))
MONTHS = tuple(f"M{month}" for month in range(0, 25, 3))


def named(paths, **options):
    """Subject of each path, and the set of rules."""
    subjects, rules = name_subjects([PurePosixPath(path) for path in paths], **options)
    return subjects, set(rules)


# People without a number, studies with one

STUDIES = [
    ("M0", "M12"),
    ("190312", "200101"),
    ("01", "02"),
    ("MR1", "MR2"),
    ("Termin1", "Termin2"),
    ("Study1", "Study2"),
    ("d0", "d14"),
    ("12.3.2019", "1.1.2020"),
]


@pytest.mark.parametrize("studies", STUDIES)
@pytest.mark.parametrize("people", [NAMES, NAMES[:3]])
def test_the_outer_folder_is_the_person_of_few_numbered_studies(studies, people):
    paths = [f"{name}/{study}/T1" for name in people for study in studies]
    owners = [path.split("/")[0] for path in paths]
    assert named([f"{path}.nii.gz" for path in paths])[0] == owners
    series = dict.fromkeys(map(PurePosixPath, paths))  # without a PatientID
    assert named(paths, patients=series)[0] == owners


@pytest.mark.parametrize("study", ["acc{:03d}9567", "STU{:05d}"])
@pytest.mark.parametrize("path", ["{}/{}/T1.nii.gz", "{}/{}.nii.gz"])
def test_studies_with_numbers_of_their_own_are_no_people(study, path):
    pairs = [(name, study.format(3 * n + k)) for n, name in enumerate(NAMES) for k in (1, 2)]
    assert named([path.format(*pair) for pair in pairs])[0] == [name for name, _ in pairs]


@pytest.mark.parametrize("studies", STUDIES[:-1])
def test_people_in_groups_keep_their_studies_together(studies):
    where = [(("AD", "CN")[n % 2], name) for n, name in enumerate(NAMES)]
    paths = [f"{group}/{name}/{study}/T1.nii.gz" for group, name in where for study in studies]
    assert named(paths)[0] == ["/".join(path.split("/")[:2]) for path in paths]


def test_groups_that_number_their_people_stay_right_and_are_called_a_guess():
    paths = [f"{group}/{n:03d}/T1.nii.gz" for group in ("AD", "CN") for n in range(9)]
    subjects, rules = named(paths)
    assert len(set(subjects)) == 18 and rules <= set(GUESSES)


# Visits above, people below

VISITS = [
    MONTHS,
    tuple(f"Termin {n}" for n in range(1, 6)),
    tuple(f"Station {n}" for n in range(1, 6)),
    ("190312", "200101", "200601", "210101"),
    ("12.3.2019", "1.1.2020", "2.2.2021"),
    ("T0", "T1", "T2", "T3"),
    ("bl", "m06", "m12", "m24"),
]


@pytest.mark.parametrize("visits", VISITS)
@pytest.mark.parametrize("people", [PEOPLE, NAMES, PEOPLE[:3], [p[1:] for p in PEOPLE]])
@pytest.mark.parametrize("path", ["{}/{}/T1.nii.gz", "{}/{}_T1.nii.gz"])
def test_below_folders_of_visits_the_inner_name_is_the_person(visits, people, path):
    pairs = [(visit, person) for visit in visits for person in people]
    assert named([path.format(*pair) for pair in pairs])[0] == [person for _, person in pairs]


@pytest.mark.parametrize("visits", VISITS)
@pytest.mark.parametrize("path", ["{visit}/{group}/{who}/T1.nii.gz", "{group}/{visit}/{who}/a.nii"])
def test_visits_beside_groups_are_no_people(visits, path):
    paths = [
        path.format(visit=visit, group=("AD", "CN")[n % 2], who=who)
        for visit in visits
        for n, who in enumerate(PEOPLE)
    ]
    counts = Counter(named(paths)[0])
    assert len(counts) == len(PEOPLE) and set(counts.values()) == {len(visits)}


@pytest.mark.parametrize("visits", VISITS)
def test_who_missed_visits_is_still_one(visits):
    paths = [f"{visits[0]}/{who}/T1.nii.gz" for who in PEOPLE]
    paths += [f"{visit}/{who}/T1.nii.gz" for visit in visits[1:] for who in PEOPLE[:8]]
    assert named(paths)[0] == [path.split("/")[1] for path in paths]


def test_where_nobody_can_tell_people_from_visits_all_are_one_subject():
    paths = [f"Etappe{n}/{who}/T1.nii.gz" for n in range(5) for who in PEOPLE]
    subjects, rules = named(paths)
    assert len(set(subjects)) == 1 and rules <= set(GUESSES)


@pytest.mark.parametrize("names", ["{:03d}.png", "a{:03d}.png", "scan{}.nii.gz"])
def test_slices_below_visits_are_no_people(names):
    paths = [f"{visit}/{names.format(n)}" for visit in MONTHS for n in range(12)]
    subjects, rules = named(paths)
    assert len(set(subjects)) == 1 and rules <= set(GUESSES)


def test_numbered_people_above_stay_people():
    men = [f"M{n:02d}" for n in range(1, 10)]
    for below in (("knee", "hip"), ("S1", "S2"), ("study1", "study2"), tuple(MONTHS)):
        paths = [f"{who}/{study}/T1.nii.gz" for who in men for study in below]
        assert named(paths)[0] == [path[:3] for path in paths]
    numbers = [f"{who}/{k}/T1w.nii.gz" for who in ("100206", "100307") for k in ("MNI", "native")]
    assert named(numbers)[0] == [path[:6] for path in numbers]


def test_more_studies_than_numbered_people_are_told_as_a_guess():
    scans = ("localizer", "sag_iso", "ep2d", "tra_x", "thick", "thin")
    subjects, rules = named([f"P{n}/{scan}/T1.nii.gz" for n in range(5) for scan in scans])
    assert len(set(subjects)) == 5 and rules <= set(GUESSES)


def test_a_guess_from_folders_is_told(tmp_path, capsys):
    for group, number in (("AD", 1), ("AD", 2), ("CN", 1)):
        write(head((12.0, 12.0, 12.0)), tmp_path / group / f"{number:03d}" / "T1.nii.gz")
    found = survey(tmp_path)
    assert not found.understood and "3 subjects" in found.notes()[0]
    inspection.inspect(tmp_path, tmp_path / "sheet.png", image_size=32)
    said = capsys.readouterr().out
    assert "by how folders are nested, a guess" in said and "--subject-pattern" in said


# Headers


def by_ids(*patients, **shared):
    """Subjects and rules of one series a PatientID."""
    paths = [PurePosixPath(f"series{n}/a") for n in range(len(patients))]
    shared = {name: dict(zip(paths, values, strict=True)) for name, values in shared.items()}
    subjects, rules = name_subjects(
        paths, patients=dict(zip(paths, patients, strict=True)), **shared
    )
    return subjects, set(rules)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{}-1", "{}-2"),
        ("{}_M0", "{}_M12"),
        ("{}BL", "{}FU"),
        ("{}^^^HOSP", "{}"),
        ("{}", "{}-2"),
    ],
)
def test_patient_ids_that_differ_in_a_visit_are_one_person_as_a_guess(first, second):
    ids = [form.format(who) for who in ("P001", "P002", "P123") for form in (first, second)]
    subjects, rules = by_ids(*ids)
    assert subjects == [who for who in ("P001", "P002", "P123") for _ in range(2)]
    assert rules <= set(GUESSES)


def test_patient_ids_as_names_are_compared_without_case_and_empty_parts():
    assert len(set(by_ids("Meier^Hans^", "MEIER^HANS", "Huber^Anna")[0])) == 2
    assert by_ids("^^^HOSP", "12")[0][1] == "12"  # the first names nobody


@pytest.mark.parametrize(
    "ids",
    [
        ("P001", "P002", "P003"),
        ("01-01", "01-02", "02-01"),
        ("HN-CHUM-001", "HN-CHUM-002"),
        tuple(f"ABC123-{n:02d}" for n in range(1, 13)),
        ("CT-0012", "MR-0012"),
    ],
)
def test_other_patient_ids_stay_apart(ids):
    assert len(set(by_ids(*ids)[0])) == len(ids)


@pytest.mark.parametrize("shared", ["studies", "persons"])
def test_what_one_person_alone_has_joins_two_patient_ids_as_a_guess(shared):
    subjects, rules = by_ids("A1", "B7", "C3", **{shared: ["one", "one", ""]})
    assert len(set(subjects)) == 2 and rules == {"PatientIDs alike", "PatientID"}
    subjects, rules = by_ids("A1", "B7", "C3", "D5", **{shared: ["filled in"] * 4})
    assert len(set(subjects)) == 4 and rules <= set(GUESSES)


def test_headers_with_one_study_or_one_name_and_birthday_are_of_one_person(tmp_path):
    def edit(study, name, born):
        def change(file, _):
            file.StudyInstanceUID, file.PatientName, file.PatientBirthDate = study, name, born

        return change

    headers = [
        ("A1", "1.1", "", ""),
        ("B7", "1.1", "", ""),
        ("C3", "1.3", "Meier^Hans", "19600101"),
        ("D5", "1.4", "MEIER^HANS^", "19600101"),
        ("E6", "1.5", "Meier^Hans", "19700101"),
    ]
    for n, (patient, *rest) in enumerate(headers):
        write_series(
            tmp_path / f"s{n}", VOLUME, series=f"1.2.{n}", patient=patient, edit=edit(*rest)
        )
    found = survey(tmp_path)
    assert found.subjects == ["A1", "C3", "E6"] and "3 subjects" in found.notes()[0]


# What is advised, and copies


def test_visits_are_never_advised_to_be_subjects(tmp_path):
    for name in ("ses-1_T1w", "ses-1_T2w", "ses-2_T1w"):
        write(head(), tmp_path / f"sub-01_{name}.nii.gz")
    with pytest.raises(ValueError, match="choose one visit with --glob") as first:
        find_pairs(tmp_path, "T1", "T2")
    slices = data.load_slices("folder", 32, folder=tmp_path, cache=False)
    del slices.info["together"]
    with pytest.raises(ValueError, match="take one visit with glob=") as second:
        as_channels(slices)
    assert "pattern" not in str(first.value) + str(second.value)


@pytest.mark.parametrize("image_size", [64, 128])
def test_a_scan_on_another_scale_is_the_same_scan(tmp_path, image_size):
    voxels = np.asarray(head((3.0, 3.0, 3.0)).dataobj, np.float32)
    voxels += np.random.default_rng(0).normal(0, 20, voxels.shape).astype(np.float32)
    affine = head((3.0, 3.0, 3.0)).affine
    for name, scan in (("anna", voxels), ("bert", voxels / voxels.max())):
        write(nibabel.Nifti1Image(scan, affine), tmp_path / f"{name}_T1.nii.gz")
    with pytest.warns(UserWarning, match="anna and bert hold the very same image"):
        data.load_slices("folder", image_size, folder=tmp_path, cache=False)


def test_different_heads_and_black_slices_are_no_copies(recwarn):
    slices = data.load_slices("brain-phantom", 32, subjects=3, cache=False)
    black = np.full((4, 32, 32, 1), -1, np.float32)
    black[2:, :2, :2] = -0.9
    warn_of_copies(slices.images, slices.subjects)
    warn_of_copies(black, np.array(list("abcd")))
    assert not [one for one in recwarn if "very same image" in str(one.message)]


# Tables


def table(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("column", ["patient_id", "Patient ID", "participant_id", "Subject"])
def test_a_running_number_before_the_subjects_names_nobody(tmp_path, column):
    path = table(tmp_path, f"Nr;{column};tumour\n1;7;0\n2;3;1\n3;1;1\n")
    assert read_labels(path) == {"7": {"tumour": 0}, "3": {"tumour": 1}, "1": {"tumour": 1}}


def test_subjects_behind_another_column_are_refused_by_name(tmp_path):
    path = table(tmp_path, "room;patient_id;tumour\n12;7;0\n14;3;1\n")
    with pytest.raises(ValueError, match="subjects stand in 'patient_id', behind 'room'"):
        read_labels(path)
    first = table(tmp_path, "patient_id;id;tumour\n1;7;0\n2;3;1\n")
    assert read_labels(first)["1"] == {"id": 7, "tumour": 0}


def test_german_thousands_are_refused_as_english_ones_are(tmp_path):
    path = table(tmp_path, "subject;volume\na;987\nb;1.234\nc;12.500\n")
    with pytest.raises(ValueError, match=r"volume holds '1\.234'; write each class as a whole"):
        read_labels(path)
    for text in (
        "subject;volume\na;987\nb;1.234\nc;12.5\n",
        "subject;volume\na;0.125\nb;1.234\n",
        "subject,volume\na,987\nb,1.234\n",
    ):
        assert read_labels(table(tmp_path, text))["b"]["volume"] == 1.234
