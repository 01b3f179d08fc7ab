"""The brain phantom: same bytes for a seed, anatomy where it belongs, contrasts in order.

Everything runs at 6 mm, so that a head takes a fraction of a second.
"""

import csv
import hashlib

import nibabel as nib
import numpy as np
import pytest

from medgan_utils.phantoms import cohort as writer
from medgan_utils.phantoms import heads, make_head, mr_physics, write_brain_phantom

COARSE_MM = 6.0
HIGH, LOW = 4, 8  # seeds of heads with a tumour of this grade


def digests(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantom") / "cohort"
    paths = write_brain_phantom(
        folder, 4, COARSE_MM, ("T1", "CT"), lesion_fraction=0.5, progress=False
    )
    return folder, paths


@pytest.fixture(scope="module")
def healthy():
    return make_head(HIGH, COARSE_MM)


@pytest.fixture(scope="module")
def ill():
    """A head with a tumour of high grade."""
    return make_head(HIGH, COARSE_MM, lesion=True)


def mean_in(image, subject, tissue):
    """Mean of the voxels that are nearly pure."""
    return image[subject.tissue(tissue) > 0.85].mean()


def test_same_seed_same_bytes(cohort, tmp_path):
    folder, _ = cohort
    again = tmp_path / "again"
    write_brain_phantom(again, 4, COARSE_MM, ("T1", "CT"), progress=False)
    assert digests(again) == digests(folder)


def test_other_seed_other_heads(cohort, tmp_path):
    _, paths = cohort
    other = write_brain_phantom(tmp_path / "b", 1, COARSE_MM, seed=1, progress=False)
    volumes = [nib.load(path).get_fdata() for path in (paths[0], paths[2], other[0])]
    for a, b in ((0, 1), (0, 2)):
        assert np.corrcoef(volumes[a].ravel(), volumes[b].ravel())[0, 1] < 0.97


def test_files_and_names(cohort):
    folder, paths = cohort
    assert len(paths) == 8 and all(path.exists() for path in paths)
    assert paths[0] == folder / "sub-001/anat/sub-001_T1w.nii.gz"
    assert paths[1] == folder / "sub-001/ct/sub-001_ct.nii.gz"
    image = nib.load(paths[0])
    assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
    assert image.header.get_zooms() == (COARSE_MM,) * 3
    leftovers = [path for path in folder.parent.iterdir() if path != folder]
    assert leftovers == []


def test_mask_if_and_only_if_lesion(cohort):
    folder, _ = cohort
    with open(folder / "participants.tsv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert sum(int(row["lesion"]) for row in rows) == 2
    for row in rows:
        name = row["participant_id"]
        mask = folder / name / "anat" / f"{name}_label-lesion_mask.nii.gz"
        assert mask.exists() == (row["lesion"] == "1")
        assert (float(row["lesion_ml"]) > 0) == (row["lesion"] == "1")
        if mask.exists():
            assert set(np.unique(nib.load(mask).get_fdata())) <= {0, 1, 2, 3, 4}
    assert {"atrophy", "ventricle_mm", "width", "length", "height"} <= set(rows[0])


def test_fractions_are_fractions(healthy, ill):
    for subject in (healthy, ill):
        assert subject.fractions.min() >= -1e-6
        np.testing.assert_allclose(subject.fractions.sum(0), 1, atol=1e-5)


def test_lesion_lies_in_the_brain(healthy, ill):
    assert healthy.lesion is None
    inside = ill.lesion > 0
    assert inside.sum() * COARSE_MM**3 > 1000  # more than 1 ml
    brain = healthy.tissue("grey") + healthy.tissue("white") + healthy.tissue("csf")
    assert brain[inside].mean() > 0.9


def test_grades_look_as_a_radiologist_expects(ill):
    low = make_head(LOW, COARSE_MM, lesion=True)
    assert (low.parameters["lesion_grade"], ill.parameters["lesion_grade"]) == (2, 4)
    assert set(np.unique(low.lesion)) == {0, 4}  # no ring, no necrosis, no oedema
    assert {1, 2, 3} <= set(np.unique(ill.lesion)) and 4 not in ill.lesion
    well = make_head(LOW, COARSE_MM)
    inside = low.lesion == 4
    assert well.tissue("grey")[inside].mean() > 0.1 < well.tissue("white")[inside].mean()
    bright = {}
    for subject, label in ((low, 4), (ill, 2)):
        before, after = (subject.render(m, noise=0, bias=0) for m in ("T1", "T1CE"))
        where = subject.lesion == label
        bright[label] = after[where].mean() / before[where].mean()
    assert bright[2] > 2 and bright[4] < 1.05


def test_mass_effect_pushes_the_brain_away_from_the_tumour():
    """With the same tumour, mass effect moves matter on the midline to the other side."""
    for seed in (0, 4, 7):  # tumours of high grade beside the ventricles
        pushed = make_head(seed, 4.0, lesion=True)
        still = make_head(seed, 4.0, lesion=True, mass_effect=False)
        x_mm = pushed.affine[0, 3] + 4.0 * np.arange(pushed.fractions.shape[1])
        near = np.abs(x_mm) < 25
        shift = []
        for subject in (pushed, still):
            fluid = _central_fluid(subject)[near]
            shift.append((fluid * x_mm[near, None, None]).sum() / fluid.sum())
        away = -np.sign(pushed.parameters["lesion_x_mm"])
        assert away * (shift[0] - shift[1]) > 0.1


def _central_fluid(subject):
    """Fluid in the middle of the head: the ventricles and their neighbourhood."""
    _, nx, ny, nz = subject.fractions.shape
    part = np.zeros((nx, ny, nz), bool)
    part[:, ny // 3 : 2 * ny // 3, nz // 2 : 3 * nz // 4] = True
    return subject.tissue("csf") * part


def test_left_and_right_differ(healthy):
    white = healthy.tissue("white")
    assert np.corrcoef(white.ravel(), white[::-1].ravel())[0, 1] < 0.95


def test_larger_ventricles_with_the_parameter(monkeypatch):
    draw = heads._draw_parameters
    volumes = []
    for size in (-1.0, 4.0):
        monkeypatch.setattr(
            heads, "_draw_parameters", lambda rng, s=size: draw(rng) | {"ventricle_mm": s}
        )
        volumes.append(_central_fluid(make_head(3, 4.0)).sum())
    assert volumes[1] > 1.3 * volumes[0]


@pytest.mark.parametrize(
    ("modality", "darkest_first"),
    [("T1", ["csf", "grey", "white"]), ("T2", ["white", "grey", "csf"]), ("PD", ["white", "grey"])],
)
def test_contrast_order(healthy, modality, darkest_first):
    image = healthy.render(modality, noise=0, bias=0)
    means = [mean_in(image, healthy, tissue) for tissue in darkest_first]
    assert means == sorted(means) and means[-1] > 1.1 * means[0]


def test_flair_fluid_is_dark_and_oedema_bright(ill):
    image = ill.render("FLAIR", noise=0, bias=0)
    grey, fluid = mean_in(image, ill, "grey"), mean_in(image, ill, "csf")
    assert fluid < 0.15 * grey
    assert image[ill.lesion == 3].mean() > 1.05 * mean_in(image, ill, "white")


def values(modality):
    return dict(zip(mr_physics.TISSUES, mr_physics.tissue_values(modality), strict=True))


def test_the_ring_is_bright_only_after_gadolinium():
    before, after = values("T1"), values("T1CE")
    assert before["tumour_ring"] < before["grey"]
    assert after["tumour_ring"] > 1.3 * after["white"]
    kept = ("grey", "white", "csf", "tumour_core", "oedema")  # behind the blood-brain barrier
    assert [after[name] for name in kept] == [before[name] for name in kept]


def test_tumours_of_low_grade_are_cold_on_pet_and_dark_on_ct():
    pet, ct = values("PET"), values("CT")
    assert pet["tumour_ring"] > pet["grey"] > 2 * pet["tumour_solid"]
    assert 3 < pet["grey"] / pet["white"] < 4
    assert ct["grey"] - ct["white"] == pytest.approx(10)
    assert ct["csf"] < ct["tumour_core"] < ct["tumour_solid"] < ct["white"] < ct["tumour_ring"]


def test_flair_leaves_room_above_the_brain():
    """As in patients: fat is brightest, grey matter little brighter than white."""
    flair = values("FLAIR")
    assert 1.05 < flair["grey"] / flair["white"] < 1.2
    assert flair["fat"] > 1.5 * flair["grey"]
    assert 1.4 < flair["tumour_solid"] / flair["white"] < 2.2


def test_ct_is_in_hounsfield_units(healthy):
    image = healthy.render("CT", noise=0)
    assert image[0, 0, 0] == pytest.approx(-1000)
    assert 20 < mean_in(image, healthy, "white") < 40


def test_ct_noise_is_made_of_photons(healthy):
    """Half the noise is four times the photons; voxels of 6 mm average over many."""
    clean, brain = healthy.render("CT", noise=0), healthy.tissue("white") > 0.85
    usual, coarse = ((healthy.render("CT", n) - clean)[brain].std() for n in (0.025, 0.1))
    assert 0.2 < usual < 3
    assert coarse == pytest.approx(4 * usual, rel=0.25)


def test_pet_noise_grows_with_the_root_of_the_counts(healthy):
    clean = healthy.render("PET", noise=0)
    noise = healthy.render("PET", noise=0.1) - clean
    hot, cold = clean > 350, (clean > 60) & (clean < 170)
    expected = np.sqrt(clean[hot].mean() / clean[cold].mean())
    assert noise[hot].std() / noise[cold].std() == pytest.approx(expected, rel=0.2)


def test_noise_is_rician(healthy):
    """In air the magnitude of complex noise has a Rayleigh mean of sigma times the root of pi/2."""
    image = healthy.render("T1", noise=0.05, bias=0)
    air = image[healthy.tissue("air") == 1]
    assert air.mean() == pytest.approx(600 * 0.05 * np.sqrt(np.pi / 2), rel=0.03)


def test_spin_echo_closed_form():
    tissue = mr_physics.TISSUES["white"]
    expected = tissue.pd * (1 - np.exp(-500 / tissue.t1)) * np.exp(-20 / tissue.t2)
    value = mr_physics.spin_echo(500, 20)[list(mr_physics.TISSUES).index("white")]
    assert value == pytest.approx(expected)


def test_mprage_steady_state_by_following_every_pulse():
    """Fifty repetitions, pulse by pulse, end where the closed form says."""
    tissue, flip = mr_physics.TISSUES["grey"], np.deg2rad(9)
    wait, rest = 1100 - 88 * 7.0, 2300 - 1100 - 88 * 7.0
    z = 1.0
    for _ in range(50):
        z = 1 - (1 + z) * np.exp(-wait / tissue.t1)
        for pulse in range(176):
            if pulse == 88:
                centre = z * np.sin(flip) * tissue.pd
            z = 1 - (1 - z * np.cos(flip)) * np.exp(-7.0 / tissue.t1)
        z = 1 - (1 - z) * np.exp(-rest / tissue.t1)
    value = mr_physics.mprage()[list(mr_physics.TISSUES).index("grey")]
    assert value == pytest.approx(centre, rel=1e-6)


def test_clear_errors(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="choose from T1"):
        write_brain_phantom(tmp_path / "a", 1, COARSE_MM, ("T3",), progress=False)
    with pytest.raises(ValueError, match="between 0 and 1"):
        write_brain_phantom(tmp_path / "a", 1, COARSE_MM, lesion_fraction=2, progress=False)
    with pytest.raises(ValueError, match="1 to 8 mm"):
        make_head(0, 0.2)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("kept")
    with pytest.raises(FileExistsError, match="not empty"):
        write_brain_phantom(tmp_path / "full", 1, COARSE_MM, progress=False)
    monkeypatch.setattr(writer, "_save", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_brain_phantom(tmp_path / "b", 2, COARSE_MM, progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


@pytest.fixture(scope="module")
def people():
    return [make_head(seed, COARSE_MM) for seed in (5, 6, 7)]


def test_brains_have_the_size_of_real_ones(people):
    """19 IXI heads at 2 mm have brains of 1121 to 1652 ml with ventricles, 120 to 144 mm high."""
    for head in people:
        grey, white = (head.tissue(name).sum() * COARSE_MM**3 / 1000 for name in ("grey", "white"))
        assert 950 < grey + white < 1652
        assert 0.9 < grey / white < 1.9
        brain_mm2 = (head.tissue("grey") + head.tissue("white")).sum((0, 1)) * COARSE_MM**2
        filled = np.nonzero(brain_mm2 > 1000)[0]  # more than the cord
        assert 108 <= (filled.max() - filled.min()) * COARSE_MM <= 156


def test_no_horn_and_no_scalp_without_brain(people):
    """In IXI brains begin 4 to 20 mm below the vertex, and every slice at 20 mm shows one."""
    for head in people:
        area_mm2 = (head.tissue("air") < 0.5).sum((0, 1)) * COARSE_MM**2
        vertex = np.nonzero(area_mm2 > 200)[0].max()  # where `AxialCut` begins to count
        brain_mm2 = (head.tissue("grey") + head.tissue("white")).sum((0, 1)) * COARSE_MM**2
        top = np.nonzero(brain_mm2 > 200)[0].max()
        assert vertex < area_mm2.size - 1, "the head ends inside the volume"
        assert 0 < (vertex - top) * COARSE_MM <= 24
        assert brain_mm2[vertex - round(20 / COARSE_MM)] > 500


def test_each_part_of_the_ventricles_has_a_size_of_its_own():
    places = {
        "frontal": (12, 25, 12),
        "occipital": (-12, -60, 12),
        "temporal": (32, -20, -14),
        "third": (0, -10, -4),
        "fourth": (0, -45, -30),
    }
    points = np.array(list(places.values()), float).T
    usual = dict.fromkeys(("ventricle_mm", "horns_mm", "side_mm"), 0.0)
    usual |= dict.fromkeys(("temporal_mm", "third_mm", "fourth_mm"), 0.0)

    def growth(**changed):
        return dict(zip(places, heads._ventricle_growth(points, usual | changed), strict=True))

    assert growth(horns_mm=1.0)["frontal"] > 0.8 and growth(horns_mm=1.0)["occipital"] < -0.8
    assert growth(side_mm=1.0)["frontal"] > 0.8 and growth(side_mm=1.0)["occipital"] < -0.8
    for name in ("temporal", "third", "fourth"):
        grown = growth(**{f"{name}_mm": 2.0})
        assert grown[name] == pytest.approx(2.0) and grown["frontal"] == 0
