"""The transfer from phantom to patients: swaps exchange what they say, the result is whole."""

import numpy as np
import pytest
from stored import check_provenance, stored_result

from experiments import phantom_transfer as script
from experiments import transfer_swaps as swaps
from medgan_utils.data import Slices


@pytest.fixture
def phantom():
    """Discs of 0.6 (of 0 to 1) at two levels; every second has a tumour of 0.9."""
    y, x = np.mgrid[:64, :64] - 31.5
    disc = np.where(np.hypot(x, y) < 25, 0.6, 0.0)
    spot = np.hypot(x - 8, y) < 5
    grey = np.stack([np.where(spot & bool(i % 2), 0.9, disc) for i in range(12)])
    return Slices(
        images=(2 * grey - 1)[..., None].astype(np.float32),
        subjects=np.array([f"s{i // 4}" for i in range(12)]),
        positions=np.repeat([40.0, 60.0], [8, 4]).astype(np.float32),
        masks=np.stack([spot * (i % 2) for i in range(12)]).astype(np.uint8),
        labels={"lesion": np.arange(12) % 2},
        modality="FLAIR",
        spacing_mm=3.75,
        info={},
    )


@pytest.fixture
def patients(phantom):
    """Two patients, half and a third as bright as the phantom."""
    grey = (phantom.images[:4:2, ..., 0] + 1) / 2
    return 2 * grey * np.array([1 / 2, 1 / 3])[:, None, None] - 1, np.array(["a", "b"])


def test_a_median_and_a_histogram_are_the_phantoms(phantom, patients):
    images, who = patients
    scaled = swaps.to_the_phantoms_median(images, who, phantom)
    matched = swaps.to_the_phantoms_histogram(images, who, phantom)
    np.testing.assert_allclose(scaled[:, 32, 20], 0.2, atol=1e-5)
    np.testing.assert_allclose(matched[0], matched[1], atol=1e-6)
    assert scaled[:, 0, 0] == pytest.approx(-1)


def test_a_painted_tumour_keeps_its_contrast(phantom, patients):
    images, labels = swaps.with_the_phantoms_tumours(patients[0], phantom, seed=0)
    assert labels.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(images[:2], patients[0])
    grey = (images[2:] + 1) / 2
    np.testing.assert_allclose(grey[:, 32, 40] / grey[:, 32, 20], 1.5, rtol=0.05)


def test_every_slice_has_a_blot_and_no_tumour_is_left(phantom):
    images, masks = phantom.images[..., 0], phantom.masks > 0
    painted = swaps.with_blots(images, masks, seed=0)
    np.testing.assert_allclose(painted[masks], 0.2, atol=1e-5)  # the disc's own grey
    np.testing.assert_array_equal(painted[~masks.any(axis=(1, 2))], images[::2])
    y, x = np.mgrid[:64, :64] - 31.5
    brighter = np.where(np.hypot(x, y) < 25, 2 * (0.6 + 0.004 * x) - 1, -1)[None]  # no plain disc
    blotted = swaps.with_blots(np.concatenate([brighter, images[1:2]]), masks[:2], seed=0)
    assert np.ptp(blotted[0][masks[1]]) == 0 < np.ptp(brighter[0][masks[1]])


def test_a_dark_scalp_is_dark_and_the_brain_as_it_was(patients):
    dark = swaps.with_a_dark_scalp(patients[0])
    assert (dark[:, 32, 8] < patients[0][:, 32, 8]).all()
    np.testing.assert_array_equal(dark[:, 20:44, 20:44], patients[0][:, 20:44, 20:44])


def test_at_the_same_levels_position_tells_nothing(phantom):
    few = phantom.select(np.array([0, 1, 2, 4, 6, 9, 11]))
    kept = swaps.same_levels(few, seed=0)
    for level in np.unique(kept.positions):
        assert kept.labels["lesion"][kept.positions == level].mean() == 0.5


def test_every_round_and_seed_is_stored():
    stored = stored_result("phantom_transfer.json")
    check_provenance(stored, "phantom_transfer")
    assert stored["settings"] == script.SETTINGS and stored["rounds"] == script.ROUNDS
    ran = [(r["commit"], r["seed"]) for r in stored["results"] if r["trained on"] == "phantom"]
    assert ran == [(commit, seed) for commit in script.ROUNDS for seed in script.SEEDS]
    for row in stored["results"]:
        for name, interval in row.items():
            if name.startswith("AUC"):
                value, low, high = interval
                assert 0 <= low <= value <= high <= 1, row
