"""Who is who: files of one person are one subject, whatever the folder looks like."""

from pathlib import PurePosixPath

import pytest

from medgan_utils.data.subjects import name_subjects


def named(*paths, **options):
    """Subjects of paths, in their order."""
    return name_subjects([PurePosixPath(path) for path in paths], **options)[0]


def rules(*paths, **options):
    return set(name_subjects([PurePosixPath(path) for path in paths], **options)[1])


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("sub-07/ses-2/anat/sub-07_ses-2_T1w.nii.gz", "sub-07"),
        ("fs/sub-07/mri/T1.nii.gz", "sub-07"),
        ("IXI/IXI012-HH-1211_T1.nii.gz", "IXI012"),
        ("ADNI_002_S_0413_MR_MPR__N3_Br_20060418_S13893_I6005.nii", "002_S_0413"),
        ("AD/002_S_0413/2006-04-18/S13893/scan.nii", "002_S_0413"),
        ("OAS1_0001_MR1_mpr_n4_anon_sbj_111.nii", "OAS1_0001"),
        ("OAS30001_MR_d0129/anat4/x.nii.gz", "OAS30001"),
        ("NYU/NYU_0051036_anat.nii.gz", "0051036"),
        ("TCGA_DU_7019_19940908_slice27.png", "TCGA_DU_7019"),
        ("LIDC-IDRI-0007/a/1-045.png", "LIDC-IDRI-0007"),
        ("BraTS20_Training_001/BraTS20_Training_001_t1ce.nii.gz", "BraTS20_Training_001"),
        ("BraTS2021_00006_flair.nii.gz", "BraTS2021_00006"),
        ("BraTS-GLI-00005-101/BraTS-GLI-00005-101-t1n.nii.gz", "BraTS-GLI-00005"),
        ("HGG/Brats18_CBICA_AAM_1/Brats18_CBICA_AAM_1_t2.nii.gz", "Brats18_CBICA_AAM"),
        ("100307/unprocessed/3T/100307_3T_T1w_MPR1.nii.gz", "100307"),
        ("Training Batch 1/volume-12.nii", "volume-12"),
        ("imagesTr/liver_12.nii.gz", "liver_12"),
        ("imagesTr/BRATS_012_0003.nii.gz", "BRATS_012"),
        ("patient001/patient001_frame01.nii.gz", "patient001"),
        ("case_00012/imaging.nii.gz", "case_00012"),
        ("case10007_slice133.png", "case10007"),
        ("P12_T1_slice003.png", "P12"),
    ],
)
def test_known_data_sets_are_understood(path, subject):
    assert named(path, "else/somebody_9.nii.gz")[0] == subject
    assert rules(path) == {"known name"}


def each(people, files):
    """Paths of every person with every file name; `{}` is the person."""
    return [file.format(person) for person in people for file in files]


@pytest.mark.parametrize(
    ("people", "files"),
    [
        (["100307", "100408"], ["{}/T1w/T1w_acpc_dc_restore.nii.gz"]),
        (["100307", "100408"], ["{}/T1w/T1w_acpc.nii.gz", "{}/T1w/T2w_acpc.nii.gz"]),
        (["anna", "bert", "carl"], [f"{{}}/slice_{n}.png" for n in range(9)]),
        (["anna", "bert", "carl"], [f"{{}}/{n}.png" for n in range(9)]),
        (["P01", "P02", "P03"], ["baseline/{}.nii.gz", "followup/{}.nii.gz"]),
        (["001", "002", "003"], ["T1/{}.nii.gz", "FLAIR/{}.nii.gz"]),
        (["P01", "P02", "P03"], ["train/{}/T1.nii.gz", "test/{}/T1.nii.gz"]),
        (["P01", "P02", "P03"], ["{}/study1/T1.nii.gz", "{}/study2/CT.nii.gz"]),
        (["AB12", "CD34"], ["{}/1.2.840.11.nii.gz", "{}/1.2.840.12.nii.gz"]),
        (["scan_01", "scan_02"], ["{}/T1.nii.gz", "{}/T2.nii.gz"]),
        (["P1", "P2"], ["{}.nii.gz", "{} (1).nii.gz", "{} - Copy.nii.gz", "copy/{}.NII.GZ"]),
        (["12", "13"], ["{}_pre.nii.gz", "{}_post.nii.gz", "{}_scan2.nii.gz"]),
        (["P1", "P2"], ["{}_20200101.nii.gz", "{}_20210405_T1.nii.gz", "{}_left.nii.gz"]),
        (["12345", "S0002"], ["{}_2019-05-06_T1.nii.gz", "{}-06.05.2021-120000-T1.nii.gz"]),
        (["M01", "F02"], ["{}_M06.nii.gz", "{}_visit-2.nii.gz", "{}_S1234_I567.nii.gz"]),
        (["NC1", "NC2"], ["V01_{}.nii.gz", "V02_{}.nii.gz"]),
        (["smith", "jones"], ["{}_arterial.nii.gz", "{}_venous.nii.gz", "{}_postop.nii.gz"]),
        (["S0001", "S0002"], ["{}/V1/T1.nii.gz", "{}/V2/T1.nii.gz"]),
        (["Müller", "山田"], ["{}_T1.nii.gz", "{}_T2.nii.gz"]),
        (["STS_025", "STS_008"], ["{}/CT_image.nii.gz", "{}/MR_T1_image.nii.gz"]),
        (["P01", "P02", "P03"], [f"{{}}_patch_{n}.png" for n in range(6)]),
        (["AA", "BB", "CC"], [f"{{}}_patch{n}.png" for n in range(6)]),
        (
            ["MUELLER", "ADAMS"],
            [
                "{}_t1_mprage_sag_20190304101112_3.nii.gz",
                "{}_t1_mprage_sag_20200304101112_4.nii.gz",
            ],
        ),
        (
            ["DOE_JOHN", "ROE_JANE"],  # dcm2niix: protocol, date and time, number of the series
            [
                "{}_t1_mprage_sag_p2_iso_20190304101112_3.nii.gz",
                "{}_t2_space_dark-fluid_20190304101112_7a.nii.gz",
                "{}_20190304101112_FLAIR_501.nii.gz",
            ],
        ),
        (["DOE_JOHN", "ROE_JANE"], ["{}/5_MPRAGE.nii.gz", "{}/7_FLAIR.nii.gz"]),
        (["DOE_JOHN", "ROE_JANE"], ["{}/t1_mprage_sag_3/i.nii.gz", "{}/t2_tirm_4/i.nii.gz"]),
        (["DOE", "ROE"], ["{}/localizer_1.nii.gz", "{}/ep2d_diff_5.nii.gz", "{}/tirm_6.nii.gz"]),
        (["DOE", "ROE"], [f"{{}}/{part}/i.nii.gz" for part in ("scout_1", "ep2d_5", "tirm_6")]),
        (["P01", "P02"], ["{}.nii.gz", "r{}.nii.gz", "wr{}.nii.gz", "mwp1{}.nii.gz"]),
        (["P01", "P02"], ["c1{}.nii.gz", "c2{}.nii.gz", "rc1{}.nii.gz"]),
        (["sub-01", "sub-02"], ["{}_T1w.nii.gz", "mwp1{}_T1w.nii.gz", "s8wr{}_T1w.nii.gz"]),
        (
            ["PROJ_S00001", "PROJ_S00002"],
            ["{}/XNAT_E00001/scans/1/image.nii.gz", "{}/XNAT_E00002/scans/1/image.nii.gz"],
        ),
        (
            ["PPMI_3102", "PPMI_3105"],
            [
                "{}_MR_T1_br_raw_20101221112424832_1_S97513_I210896.nii",
                "{}_MR_T1_br_raw_20111221112424832_1_S97999_I310896.nii",
            ],
        ),
        (["person23", "person9"], [f"{{}}_bacteria_{n}.jpeg" for n in (100, 107)]),
        (["hospitalA/P1", "hospitalB/P1"], ["{}/T1.nii.gz", "{}/T2.nii.gz"]),
        (["site1/sub-01", "site2/sub-01"], ["{}_T1w.nii.gz", "{}_FLAIR.nii.gz"]),
        (["AD/001", "AD/002", "CN/001"], ["{}/T1.nii.gz"]),
    ],
)
def test_all_files_of_a_person_are_one_subject(people, files):
    expected = [person for person in people for _ in files]
    assert named(*each(people, files)) == expected


def test_series_of_one_second_are_one_person_whatever_their_protocol_is_called():
    files = ["Doe_J_unheard_20190101120000_5.nii.gz", "Doe_J_of_20190101120000_7.nii.gz"]
    later = ["Doe_J_elsewhere_20200101120000_3.nii.gz", "Roe_K_unheard_20190102120000_5.nii.gz"]
    assert named(*files, *later)[:3] == ["Doe_J"] * 3
    assert named(*files, *later)[3].startswith("Roe_K")


def test_people_whose_studies_have_one_stamp_stay_apart():
    filled_in = ["P01_T1_20000101000000_5.nii.gz", "P02_T1_20000101000000_5.nii.gz"]
    assert named(*filled_in) == ["P01", "P02"]
    by_chance = [f"sub {k}_a_20190101120000_5.nii.gz" for k in (1, 2)]
    assert len(set(named(*by_chance, "sub 3_a_20190102120000_5.nii.gz"))) == 3


PEOPLE = ["Meier", "Schulz", "Roe"]


@pytest.mark.parametrize(
    "files",
    [
        ["Woche 1.nii.gz", "Woche 2.nii.gz"],
        ["M0_T1.nii.gz", "M2_T1.nii.gz"],
        ["Tag0.nii.gz"],
        ["x/Kontrolle 1.nii.gz"],
        ["190101_Meier_T1.nii.gz", "200301_Meier_T1.nii.gz"],
        ["190101.nii.gz"],
    ],
)
def test_files_that_are_visits_by_their_names_are_of_one_person(files):
    assert len(set(named(*files))) == 1  # the search for visits had no end


@pytest.mark.parametrize("visits", [("_190101", "_200301"), ("_01.02.19", "_1-2-2020"),
                                    ("_2019-01", "_2020-03"), ("_Jan2019", "_Mai 2020"),
                                    ("_links", "_rechts"), ("_praeop", "_nach")])  # fmt: skip
def test_a_folder_an_examination_is_its_persons(visits):
    files = [f"{{}}{visit}/T1.nii.gz" for visit in visits]
    assert named(*each(PEOPLE, files)) == [one for one in PEOPLE for _ in visits]


@pytest.mark.parametrize("ends", [("_MR1", "_MR2"), ("_1", "_2"), ("_A", "_B"), ("_L", "_R")])
def test_folders_that_differ_in_a_last_part_are_told(ends):
    paths = map(PurePosixPath, each(PEOPLE, [f"{{}}{end}/T1.nii.gz" for end in ends]))
    assert set(name_subjects([*paths])[1]) == {"layout"}
    counted = [PurePosixPath(f"P{number:02d}/T1.nii.gz") for number in range(12)]
    assert set(name_subjects(counted)[1]) == {"folder"}


@pytest.mark.parametrize(
    ("people", "files"),
    [
        (PEOPLE, ["raw/{}/T1.nii.gz", "brain/{}/T1.nii.gz"]),
        (PEOPLE, ["{}/T1.nii.gz", "backup/{}/T1.nii.gz"]),
        (PEOPLE, [f"wk{week}/{{}}.nii.gz" for week in (0, 4)]),
        (PEOPLE, ["Januar 2019/{}.nii.gz", "März 2019/{}.nii.gz", "April 2019/{}.nii.gz"]),
        (["Maier", "Marta", "Julia"], ["{}_2019/T1.nii.gz", "{}_2020/T1.nii.gz"]),
        (PEOPLE, [f"{{}}/liver_{number}.nii.gz" for number in (1, 2)]),
        (["sub-01", "sub-02"], [f"{{}}/case_{number}.nii.gz" for number in (1, 2)]),
        (["patient01", "patient02"], [f"{{}}/case_{number}.nii.gz" for number in (1, 2)]),
        (["P01", "P02"], [f"{{}}/site_{site}/T1.nii.gz" for site in "AB"]),
    ],
)
def test_what_lies_around_a_person_divides_nobody(people, files):
    assert named(*each(people, files)) == [one for one in people for _ in files]


def test_series_by_their_uid_alone_are_a_guess():
    series = [PurePosixPath(f"1.3.12.2.1107.{number}") for number in range(6)]
    assert set(name_subjects(series, patients=dict.fromkeys(series))[1]) == {"layout"}


def test_letters_before_a_name_are_not_always_spm():
    for people in (["c01", "c11", "c21", "p11", "s1", "s2"], ["anna", "susanna", "wanda"]):
        assert named(*each(people, ["{}.nii.gz"])) == people


def test_numbers_in_folders_of_classes_are_people():
    files = [f"{place}_T1.nii.gz" for place in ("tumour/1", "tumour/2", "normal/3", "normal/4")]
    assert named(*files) == ["1", "2", "3", "4"]


def test_no_contrast_or_visit_is_a_person_of_its_own():
    assert named("T1.nii.gz", "T2.nii.gz", root="bert") == ["bert", "bert"]
    assert named("P1/T1.nii.gz", "P1/FLAIR.nii.gz") == ["P1", "P1"]
    assert named("Mu\u0308ller_T1.nii.gz", "MÜLLER_T2.nii.gz") == ["Müller", "Müller"]


def test_pictures_with_numbers_only_belong_to_their_folder():
    paths = [f"{kind}/{n}.png" for kind in ("glioma", "none") for n in range(5)]
    assert set(named(*paths)) == {"glioma", "none"}
    assert named("scan_0.png", "scan_1.png", "img003.png") == ["scan_0", "scan_1", "img003"]
    assert named("a/gg (1).jpg", "a/gg (2).jpg", "b/no (1).jpg") == ["gg (1)", "gg (2)", "no (1)"]


def test_many_numbers_after_a_person_are_slices_of_pictures():
    slices = [f"p{person}_{level:03}.png" for person in (1, 2) for level in (12, 16, 20)]
    assert set(named(*slices)) == {"p1", "p2"}
    assert len(set(named(*(name.replace(".png", ".nii.gz") for name in slices)))) == 6
    for one_each in (
        [f"site{s}_{n:03}.png" for s in (1, 2) for n in (12, 16, 20)],
        [f"{year}_{year - 2010 + n:03}.png" for year in (2020, 2030) for n in (1, 2, 3)],
        [f"study1_{n:03}.png" for n in (12, 16, 20)],
    ):
        assert len(set(named(*one_each))) == len(one_each)


def test_guesses_are_called_guesses():
    assert rules("scan_0.png", "scan_1.png") == {"file name"}
    assert rules("P1/T1.nii.gz", "P2/T1.nii.gz") == {"folder"}


def test_dicom_says_who_it_is_and_the_folder_if_not():
    series = ["A/2_pre", "A/3_post", "B/2_pre", "B/3_post"]
    ids = {PurePosixPath(path): path[0] * 3 for path in series}
    assert named(*series, patients=ids) == ["AAA", "AAA", "BBB", "BBB"]
    silent = dict.fromkeys(ids)
    assert named(*series, patients=silent) == ["A", "A", "B", "B"]
    assert named("P1/T1", "P2/T1", patients=dict.fromkeys(map(PurePosixPath, ("P1/T1", "P2/T1"))))
    assert named(".", patients={PurePosixPath("."): None}, root="P7") == ["P7"]


def test_a_pattern_looks_at_the_whole_path():
    path = "100307/T1w/T1w_acpc.nii.gz"
    assert named(path, pattern=r"(1003\d+)") == ["100307"]
    assert named("deep/P12_x.nii.gz", pattern=r"^(P\d+)") == ["P12"]  # the name by itself
    assert named(path, pattern=r"^(\d+)/") == ["100307"]
    assert named("scan_P17_v2.nii.gz", pattern=r"P\d+") == ["P17"]  # no group: the whole match
    with pytest.raises(ValueError, match=r"T1w_acpc\.nii\.gz does not match subject_pattern"):
        named(path, pattern=r"(sub-\d+)")
    with pytest.raises(ValueError, match="is no regular expression"):
        named(path, pattern="(")


@pytest.mark.parametrize("visit", ["wave{}", "exam{}"])
def test_waves_and_exams_are_visits(visit):
    paths = [f"{visit.format(v)}/P{p}.nii.gz" for v in (1, 2, 3) for p in (1, 2)]
    assert set(named(*paths)) == {"P1", "P2"}


def test_folders_and_files_that_both_number_are_told_as_a_guess():
    paths = [f"M{month}/P{p}.nii.gz" for month in ("00", "06", "12") for p in (1, 2, 3, 4)]
    assert (rules(*paths)) == {"file name"}  # of which the survey tells


def test_dates_and_counters_are_no_known_names():
    dated = rules("P1/240115_3T_T1.nii.gz", "P1/240820_3T_T1.nii.gz")
    assert dated == {"file name"}  # a guess, which is told
    counted = (f"{who}/005000{n}.png" for who in ("mueller", "maier") for n in (1, 2, 3))
    assert set(named(*counted)) == {"mueller", "maier"}
    assert named("100307_3T_T1w_MPR1.nii.gz") == ["100307"]


def test_the_patient_id_keeps_what_is_no_visit():
    paths = [PurePosixPath("a"), PurePosixPath("b")]
    patients = dict(zip(paths, ("CT-0012", "MR-0012"), strict=True))
    assert name_subjects(paths, None, patients)[0] == ["CT-0012", "MR-0012"]


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
