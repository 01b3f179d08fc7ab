import numpy as np
import pytest

from medgan_utils import evaluation
from medgan_utils.evaluation import RealSet


def heads(count=6, size=64, white=0.7, grain=0.0, seed=0):
    """Discs of bright "scalp", and inside it fluid, grey (0.5) and white matter, on black air."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    radius = np.hypot(x, y) / size
    image = np.select([radius > 0.4, radius > 0.36, radius > 0.3], [0, 0.9, 0.1], 0.5)
    image = np.where((radius < 0.3) & (x > 0), white, image)
    image = np.where(radius < 0.05, 0.1, image)
    random = np.random.default_rng(seed)
    images = image[None, ..., None] + random.normal(0, 0.01, (count, size, size, 1))
    images += grain * random.normal(size=images.shape)
    return np.clip(2 * images - 1, -1, 1).astype(np.float32)


def test_the_air_of_a_speckled_image_is_uneven():
    outside, corners = evaluation.air_deviation(heads())
    assert outside.max() < 0.01 and corners.max() < 0.01
    outside, corners = evaluation.air_deviation(heads(grain=0.1))
    half_normal = 0.1 * np.sqrt(1 / 2 - 1 / (2 * np.pi))  # clipped at 0
    assert outside.mean() == pytest.approx(half_normal, rel=0.1)
    assert corners.mean() == pytest.approx(half_normal, rel=0.1)


def test_an_image_without_air_has_no_deviation_of_air():
    outside, _ = evaluation.air_deviation(np.full((2, 32, 32, 1), 0.5) + heads(2, 32) * 0)
    assert not np.isnan(evaluation.air_deviation(heads(2))[0]).any()
    assert outside.max() == 0 or np.isnan(outside).all()


@pytest.mark.parametrize("white", [0.6, 0.7, 0.85])
def test_the_contrast_of_grey_and_white_is_their_difference(white):
    assert evaluation.grey_white_contrast(heads(white=white)) == pytest.approx(
        white - 0.5, abs=0.01
    )


def test_the_scalp_does_not_count_as_white_matter():
    image = heads(1)
    y, x = np.mgrid[:64, :64] - 31.5
    scalp = np.hypot(x, y) > 0.35 * 64
    darker = np.where(scalp[None, ..., None], -1 + (image + 1) / 2, image)
    assert evaluation.grey_white_contrast(darker) == pytest.approx(0.2, abs=0.01)


def test_a_wave_has_its_power_in_one_ring():
    x = np.arange(64)
    wave = np.broadcast_to(0.5 * np.sin(2 * np.pi * 5 * x / 64), (2, 64, 64))[..., None]
    spectrum = evaluation.radial_spectrum(wave)
    assert spectrum.shape == (2, 32)
    assert (spectrum.argmax(axis=1) == 4).all()
    assert np.delete(spectrum, 4, axis=1).max() < 1e-9 * spectrum.max()


def test_the_table_tells_blur_and_grain_from_real_images():
    from scipy.ndimage import gaussian_filter

    names = np.repeat(["a", "b", "c"], 2)
    real = RealSet(heads(grain=0.02), names)
    sets = {
        "others": RealSet(heads(grain=0.02, seed=1), names),
        "blurred": RealSet(gaussian_filter(real.images, (0, 1, 1, 0)), names),
        "grainy": RealSet(heads(grain=0.08, seed=2), None),
    }
    table = evaluation.appearance_table(real, sets)
    assert [row["set"] for row in table] == ["reference", *sets]
    assert table["reference"]["fine power"].value == pytest.approx(1)
    assert table["others"]["fine power"].value == pytest.approx(1, rel=0.1)
    assert table["blurred"]["fine power"].high < 0.7
    assert table["grainy"]["fine power"].low > 1.1
    assert table["grainy"]["air"].low > 2 * table["others"]["air"].high
    low, high = table["others"]["air"][1:]
    assert low < table["others"]["air"].value < high


def test_a_saturated_head_has_no_contrast():
    head = np.full((1, 64, 64, 1), -1.0)
    head[0, 8:-8, 8:-8] = 1
    head[0, 20:40, 20:40, 0] = np.random.default_rng(0).uniform(0, 1e-5, (20, 20))
    assert np.isnan(evaluation.grey_white_contrast(head)).all()
