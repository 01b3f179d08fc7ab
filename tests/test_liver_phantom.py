"""The liver phantom: LiTS layout, same bytes for the same seed, anatomy in its place, true noise.

Grids are small, so that a body takes a fraction of a second.
"""

import csv
import gzip
import hashlib
import json

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from medgan_utils.data import load_slices
from medgan_utils.phantoms import (
    BODY_TISSUES,
    ORGANS,
    ct_physics,
    liver_anatomy,
    make_abdomen,
    vessel_anatomy,
    write_liver_phantom,
)
from medgan_utils.phantoms import cohort as writer
from medgan_utils.phantoms.canvas import HounsfieldCanvas
from medgan_utils.phantoms.solids import ellipsoid, random_field

SMALL = dict(matrix=64, slices=20)


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "cohort"
    paths = write_liver_phantom(folder, 4, **SMALL, progress=False)
    return folder, paths


@pytest.fixture(scope="module")
def bodies():
    return [make_abdomen(seed, **SMALL) for seed in range(6)]


@pytest.fixture(scope="module")
def fine():
    """One venous body with tumours on a finer grid."""
    return make_abdomen(7, tumours=3, phase="venous", matrix=128, slices=40)


# Files


def test_same_seed_same_bytes(cohort, tmp_path):
    folder, _ = cohort
    write_liver_phantom(tmp_path / "again", 4, **SMALL, progress=False)
    assert digests(tmp_path / "again") == digests(folder)


def test_other_seed_other_body(cohort, tmp_path):
    _, paths = cohort
    other = write_liver_phantom(tmp_path / "b", 1, seed=1, **SMALL, progress=False)
    volumes = [nib.load(path).get_fdata() for path in (paths[0], paths[1], other[0])]
    for a, b in ((0, 1), (0, 2)):
        assert np.corrcoef(volumes[a].ravel(), volumes[b].ravel())[0, 1] < 0.97


def test_lits_layout(cohort):
    folder, paths = cohort
    assert [path.name for path in paths] == [f"volume-{n}.nii.gz" for n in range(4)]
    for number in range(4):
        image, mask, organs = (
            nib.load(folder / f"{name}-{number}.nii.gz")
            for name in ("volume", "segmentation", "organs_segmentation")
        )
        assert image.shape == mask.shape == (64, 64, 20)
        assert organs.shape == image.shape and organs.get_data_dtype() == np.uint8
        np.testing.assert_array_equal(image.affine, mask.affine)
        np.testing.assert_array_equal(image.affine, organs.affine)
        assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
        assert image.header.get_zooms()[2] == pytest.approx(10.0)
        assert set(np.unique(mask.get_fdata())) <= {0, 1, 2}
        assert -1024 <= image.get_fdata().min() and image.get_fdata().max() <= 3071
    assert not [path for path in folder.parent.iterdir() if path != folder]


def test_the_table_says_what_was_made(cohort):
    folder, _ = cohort
    with open(folder / "participants.tsv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["participant_id"] for row in rows] == [f"volume-{n}" for n in range(4)]
    for number, row in enumerate(rows):
        mask = nib.load(folder / f"segmentation-{number}.nii.gz").get_fdata()
        assert row["phase"] in ct_physics.PHASES
        assert (float(row["tumour_ml"]) > 0) == (mask == 2).any()
        assert set(json.loads(row["tumours"])) <= set(liver_anatomy.TUMOUR_KINDS)
        assert 600 < float(row["liver_ml"]) < 2600


def test_load_slices_reads_it(monkeypatch):
    slices = load_slices("liver-phantom", 32, subjects=2, step_mm=20, **SMALL)
    assert np.unique(slices.subjects).tolist() == ["volume-0", "volume-1"]
    assert slices.modality == "CT" and set(slices.labels) == {"phase", "liver", "tumour"}
    assert slices.labels["liver"].mean() > 0.8
    # The patient's right, with the liver, is on the image's left.
    columns = np.nonzero(slices.masks.max(0))[1]
    assert columns.mean() < 14

    def never(*_, **__):
        raise AssertionError("the cohort is written once")

    monkeypatch.setattr(writer, "write_liver_phantom", never)
    again = load_slices("liver-phantom", 32, subjects=2, step_mm=40, **SMALL)
    assert len(again) < len(slices)


def test_load_slices_gives_every_organ(monkeypatch):
    options = dict(subjects=2, step_mm=10, **SMALL)
    liver = load_slices("liver-phantom", 32, **options)
    organs = load_slices("liver-phantom", 32, masks="organs", **options)
    np.testing.assert_array_equal(organs.images, liver.images)
    np.testing.assert_array_equal(np.where(organs.masks > 2, 0, organs.masks), liver.masks)
    np.testing.assert_array_equal(organs.labels["tumour"], liver.labels["tumour"])
    assert set(np.unique(organs.masks)) >= {ORGANS[n] for n in ("spleen", "kidney", "bone", "fat")}
    tissues = load_slices("liver-phantom", 32, masks="tissues", **options)
    np.testing.assert_array_equal(tissues.images, liver.images)
    vessels = tissues.masks == BODY_TISSUES["liver_vessel"]
    assert 0.01 < vessels.sum() / (liver.masks == 1).sum() < 0.15
    np.testing.assert_array_equal(np.where(vessels, 1, tissues.masks), organs.masks)
    with pytest.raises(ValueError, match="masks='organs' and masks='tissues'"):
        load_slices("liver-phantom", 32, masks="bones", **options)


# Bodies


def middle(where, axis):
    """Mean index along one of two or three axes."""
    return np.average(
        np.arange(where.shape[axis]), weights=where.sum(axis=tuple(set(range(where.ndim)) - {axis}))
    )


def test_liver_on_the_right_spine_behind_lungs_above(bodies):
    for subject in bodies:
        liver, body = subject.segmentation > 0, subject.body > -300
        assert middle(liver, 0) > middle(body, 0) + 4
        assert middle(subject.body > 200, 1) < middle(body, 1) - 3
        lung = ((subject.body < -750) & (subject.body > -900)).sum(axis=(0, 1))
        assert lung[-6:].sum() > 2 * lung[:6].sum()
        litres = liver.sum() * np.prod(np.diag(subject.affine)[:3]) / 1e6
        assert 0.7 < litres < 2.5


def test_subjects_differ(bodies):
    volumes = [(s.segmentation > 0).sum() * np.prod(np.diag(s.affine)[:3]) / 1e6 for s in bodies]
    assert np.std(volumes) / np.mean(volumes) > 0.05
    assert len({s.phase for s in bodies}) > 1 or len({len(s.tumours) for s in bodies}) > 1
    assert len({round(float(s.affine[0, 0]), 3) for s in bodies}) > 3


def test_the_label_map_names_every_organ(bodies, fine):
    for subject in (*bodies, fine):
        for code in (1, 2):
            np.testing.assert_array_equal(subject.organs == code, subject.segmentation == code)
        missing = {name for name, code in ORGANS.items() if not (subject.organs == code).any()}
        assert missing <= {"table"} | ({"tumour"} if not subject.tumours else set())
    assert set(np.unique(fine.organs)) == set(ORGANS.values())
    hu = {name: np.median(fine.body[fine.organs == code]) for name, code in ORGANS.items()}
    assert hu["air"] == -1000 and hu["lung"] < -700 and -130 < hu["fat"] < -70
    assert hu["bone"] > 130 and hu["kidney"] > hu["spleen"] > hu["liver"] > hu["muscle"] > 20
    assert hu["vessel"] > 100 and hu["heart"] > 60 and hu["gallbladder"] < 40


def test_the_tissues_name_the_vessels_of_the_liver_too(bodies, fine):
    vessel = BODY_TISSUES["liver_vessel"]
    for subject in (*bodies, fine):
        there = subject.tissues == vessel
        np.testing.assert_array_equal(np.where(there, 1, subject.tissues), subject.organs)
        assert 0.01 < there.sum() / (subject.organs == 1).sum() < 0.15
    venous = make_abdomen(3, 0, "venous", **SMALL)
    liver = np.median(venous.body[venous.tissues == 1])
    assert np.median(venous.body[venous.tissues == vessel]) > liver + 15


def test_organs_stay_in_the_body(bodies):
    hollow = [ORGANS[name] for name in ("bowel", "stomach", "liver", "spleen", "kidney", "vessel")]
    for subject in bodies:
        organs = np.isin(subject.organs, hollow)
        around = ndimage.binary_dilation(organs) & ~organs
        assert not np.isin(subject.organs[around], (ORGANS["air"], ORGANS["table"])).any()


def test_no_liver_in_front_of_the_heart(fine):
    for subject in (fine, make_abdomen(8, **SMALL), make_abdomen(9, **SMALL)):
        heart, liver = subject.organs == ORGANS["heart"], subject.segmentation > 0
        for plane in np.flatnonzero(heart.sum(axis=(0, 1)) > 0.01 * heart[:, :, 0].size):
            part = heart[:, :, plane]
            columns = part.sum(axis=1) > 0.3 * part.sum(axis=1).max()
            front = int(middle(part, 1)) if part.any() else 0
            assert liver[columns, front:, plane].sum() < 0.1 * part.sum()


def test_the_trunk_narrows_at_the_waist(bodies):
    narrower = []
    for subject in bodies:
        ribs = (subject.organs == ORGANS["bone"])[:, :, -6:].any(axis=(1, 2))
        chest = np.ptp(np.flatnonzero(ribs))
        flesh = (subject.organs == ORGANS["muscle"]).any(axis=1)
        widths = [np.ptp(np.flatnonzero(flesh[:, plane])) for plane in range(2, 10)]
        narrower.append(min(widths) / max(chest, 1))
    assert np.mean(narrower) < 1.02


def test_the_table_is_lines_not_dots():
    seen = 0
    for seed in (0, 1, 2, 3):
        plane = make_abdomen(seed, matrix=256, slices=4)
        shell = (plane.body[:, :, 1] > -600) & (plane.organs[:, :, 1] == ORGANS["table"])
        seen += shell.any()  # the field of view of some ends above it
        assert ndimage.label(shell, np.ones((3, 3)))[1] <= 6
    assert seen >= 2


@pytest.mark.parametrize(("phase", "low", "high"), [("plain", 25, 85), ("venous", 65, 145)])
def test_liver_hu_by_phase(phase, low, high):
    subject = make_abdomen(3, 0, phase, **SMALL)
    assert low < np.median(subject.body[subject.segmentation == 1]) < high


def test_contrast_orders_in_the_phases():
    rng = np.random.default_rng
    mean = {
        phase: {
            name: np.mean([ct_physics.draw_hu(rng(seed), phase)[name] for seed in range(40)])
            for name in ct_physics.HU
        }
        for phase in ct_physics.PHASES
    }
    assert mean["arterial"]["aorta"] > 200 > mean["venous"]["aorta"] > mean["venous"]["liver"]
    assert mean["venous"]["portal"] > mean["venous"]["liver"] + 25
    assert mean["plain"]["portal"] < mean["plain"]["liver"]  # blood is darker than plain liver
    assert mean["venous"]["spleen"] > mean["venous"]["liver"]
    assert mean["arterial"]["cortex"] > mean["arterial"]["medulla"] + 60
    assert all(-115 < mean[phase]["fat"] < -90 for phase in mean)


def test_same_body_with_and_without_tumours():
    without = make_abdomen(4, 0, "venous", **SMALL)
    with_some = make_abdomen(4, 3, "venous", **SMALL)
    assert (without.segmentation == 2).sum() == 0 and without.tumours == []
    assert len(with_some.tumours) == 3
    far = with_some.segmentation != 2
    np.testing.assert_array_equal(without.segmentation[far] > 0, with_some.segmentation[far] > 0)
    changed = np.abs(with_some.body - without.body) > 1
    assert 0 < changed.mean() < 0.02


def test_tumours_lie_in_the_liver_and_are_darker(fine):
    tumour, liver = fine.segmentation == 2, fine.segmentation == 1
    assert tumour.any()
    contrast = np.median(fine.body[liver]) - np.median(fine.body[tumour])
    assert 5 < contrast < 75
    shell = ndimage.binary_dilation(tumour, iterations=1) & ~tumour
    assert liver[shell].mean() > 0.6


@pytest.mark.parametrize("kind", liver_anatomy.TUMOUR_KINDS)
def test_tumour_kinds(kind):
    """A rim is brighter than the middle, chalk stands out, the other kinds are even."""
    axis = np.arange(-24, 24.0, 1.0)
    canvas = HounsfieldCanvas(
        np.stack(np.meshgrid(axis, axis, axis, indexing="ij")).astype(np.float32), [1] * 3
    )
    distance = ellipsoid(canvas.points, (0, 0, 0), (15, 15, 15))
    fine = random_field(np.random.default_rng(0), canvas.hu.shape, (1, 1, 1), 4)
    pattern = liver_anatomy._tumour_pattern(canvas, distance, 15.0, kind, 28.0, fine)
    core, rim = pattern[distance < -10], pattern[np.abs(distance + 1.6) < 1]
    if kind == "rim":
        assert rim.mean() > core.mean() + 30
    elif kind == "calcified":
        assert pattern[distance < -5].max() > 200 and np.median(core) < 30
    else:
        assert abs(rim.mean() - core.mean()) < 4


def contrast_of(subject):
    """How far the tumours' mean lies below the liver's, HU, before the scan."""
    liver, tumour = (subject.body[subject.segmentation == code] for code in (1, 2))
    return liver.mean() - tumour.mean()


def test_tumours_are_15_to_50_hu_below_the_liver_in_the_venous_phase():
    seeds = range(20, 28)
    found = {
        phase: np.array([contrast_of(make_abdomen(s, 3, phase, **SMALL)) for s in seeds])
        for phase in ("plain", "venous")
    }
    assert ((found["venous"] > 15) & (found["venous"] < 50)).mean() >= 0.85, found["venous"]
    assert 0 < found["plain"].mean() < 22
    assert found["venous"].mean() > found["plain"].mean() + 8


def test_a_hypervascular_tumour_lights_up_and_washes_out(monkeypatch):
    monkeypatch.setattr(liver_anatomy, "TUMOUR_KINDS", ("hypervascular",) * 4)
    plain, arterial, venous = (
        contrast_of(make_abdomen(7, 3, phase, **SMALL)) for phase in ct_physics.PHASES
    )
    assert arterial < -5 < 0 < plain < venous


def test_partial_volume_is_the_mean_of_finer_voxels():
    """A slanting surface and a sphere on a thick grid equal the mean of thin voxels."""
    thin = np.arange(-20, 20, 0.5) + 0.25
    points = np.stack(np.meshgrid(thin, thin, thin, indexing="ij")).astype(np.float32)
    thick = points.reshape(3, 40, 2, 40, 2, 8, 10).mean(axis=(2, 4, 6))
    canvas = HounsfieldCanvas(thick, (1.0, 1.0, 5.0))

    def sphere(p):
        return ellipsoid(p, (1, -2, 0.7), (12, 12, 12))

    def plane(p):
        return (p[0] + 2 * p[2]) / np.sqrt(5)

    for shape in (sphere, plane):
        expected = (shape(points) < 0).reshape(40, 2, 40, 2, 8, 10).mean(axis=(1, 3, 5))
        found = canvas.cover(shape(thick))
        assert np.abs(found - expected).max() < 0.3
        assert np.abs(found - expected).mean() < 0.012
        assert found.sum() == pytest.approx(expected.sum(), rel=0.03)


def test_vessel_trees_obey_murray():
    rng = np.random.default_rng(0)
    root = np.array([[0.0, 0, -10], [0, 0, 0]])
    leaves = rng.uniform([-40, -40, 5], [40, 40, 60], (80, 3))
    segments = vessel_anatomy.grow_tree(root, leaves, 6.0)
    into = {tuple(np.round(end, 6)): last for _, end, _, last in segments}
    out = {}
    for start, _, _, last in segments:
        out.setdefault(tuple(np.round(start, 6)), []).append(last)
    for leaf in leaves:
        assert tuple(np.round(leaf, 6)) in into  # every leaf is reached
    branching = [place for place, radii in out.items() if len(radii) > 1 and place in into]
    assert len(branching) > 20
    for place in branching:
        if tuple(np.round(leaves, 6)[0]) == place or place in {
            tuple(p) for p in np.round(leaves, 6)
        }:
            continue
        assert into[place] ** 3 == pytest.approx(sum(r**3 for r in out[place]), rel=1e-6)
    assert max(last for *_, last in segments) <= 6.0


def test_liver_holds_brighter_vessels_when_enhanced(fine):
    inside = fine.body[fine.segmentation == 1]
    median = np.median(inside)
    assert 0.005 < (inside > median + 15).mean() < 0.25


# The scanner


def water(size=96, pixel_mm=4.0, planes=6):
    axis = (np.arange(size) - (size - 1) / 2) * pixel_mm
    disc = np.hypot(*np.meshgrid(axis, axis, indexing="ij")) < 130
    return np.repeat(np.where(disc, 0.0, -1000.0)[..., None], planes, 2).astype(np.float32), disc


def noise_of(dose, **options):
    body, _ = water()
    error = ct_physics.scan(body, 4.0, np.random.default_rng(0), dose, **options)
    error -= ct_physics.scan(body, 4.0, np.random.default_rng(0), np.inf, **options)
    return error[42:54, 42:54]


def test_noise_goes_with_the_root_of_the_dose():
    full, quarter = noise_of(1.0), noise_of(0.25)
    assert quarter.std() / full.std() == pytest.approx(2.0, rel=0.12)
    assert abs(full.mean()) < full.std() / 3


def test_noise_is_correlated_and_kernels_differ():
    def power(error):
        spectrum = (np.abs(np.fft.fft2(error, axes=(0, 1))) ** 2).mean(axis=2)
        frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(12), np.fft.fftfreq(12)))
        return spectrum[(frequency > 0.35)].mean() / spectrum[(frequency < 0.25)].mean()

    assert power(noise_of(1.0, kernel="hann")) < 0.5 * power(noise_of(1.0, kernel="shepp-logan"))


def test_thick_patients_are_noisier_in_the_middle():
    body, disc = water(planes=12)
    error = ct_physics.scan(body, 4.0, np.random.default_rng(0)) - body
    edge = error[46:50, 20:24]
    assert error[44:52, 44:52].std() > 1.2 * edge.std()
    assert disc[46:50, 20:24].all()


def test_without_noise_the_body_stays():
    body, _ = water()
    image = ct_physics.scan(body, 4.0, np.random.default_rng(0), np.inf, blur_mm=0.01, hardening=0)
    np.testing.assert_allclose(image, body, atol=1e-3)


def test_hardening_darkens_between_two_bones():
    body, _ = water(planes=1)
    body[30:36, 45:51] = body[60:66, 45:51] = 1200
    image = ct_physics.scan(body, 4.0, np.random.default_rng(0), np.inf, hardening=0.16)
    between, beside = image[46:50, 46:50].mean(), image[46:50, 66:70].mean()
    assert between < beside - 3


def test_the_mean_tissue_survives_the_scan(fine):
    image = fine.scan()
    liver = fine.segmentation == 1
    assert np.median(image[liver]) == pytest.approx(np.median(fine.body[liver]), abs=6)
    np.testing.assert_array_equal(image, fine.scan())
    clean = fine.scan(dose=np.inf)
    noise = [(noisy - clean)[liver].std() for noisy in (image, fine.scan(dose=0.2))]
    assert noise[1] > 1.7 * noise[0]


def test_clear_errors(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="choose one of plain, arterial, venous"):
        make_abdomen(0, phase="delayed", **SMALL)
    with pytest.raises(ValueError, match="0 to 5"):
        make_abdomen(0, tumours=9, **SMALL)
    with pytest.raises(ValueError, match="out of range"):
        make_abdomen(0, matrix=8)
    with pytest.raises(ValueError, match="at least one"):
        write_liver_phantom(tmp_path / "a", 0)
    with pytest.raises(ValueError, match="must be positive"):
        ct_physics.scan(np.zeros((8, 8, 1)), 1.0, np.random.default_rng(0), dose=0)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("kept")
    with pytest.raises(FileExistsError, match="not empty"):
        write_liver_phantom(tmp_path / "full", 1)
    monkeypatch.setattr(writer, "_save", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_liver_phantom(tmp_path / "b", 2, **SMALL, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_files_are_gzip_without_a_clock(cohort):
    _, paths = cohort
    raw = paths[0].read_bytes()
    assert raw[4:8] == b"\0\0\0\0" and len(gzip.decompress(raw)) > 64 * 64 * 20 * 2
