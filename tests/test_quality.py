import numpy as np
import pytest
from small_gan import X

from medgan_utils import evaluation


def disc(value=0.5, size=64, noise=0.0, seed=0, count=4):
    """Bright discs on black, `(count, size, size, 1)`, with Gaussian noise."""
    y, x = np.mgrid[:size, :size] - size / 2
    image = np.where(x**2 + y**2 < (size / 3) ** 2, value, -1.0)
    random = np.random.default_rng(seed)
    images = image[None, ..., None] + random.normal(0, noise, (count, size, size, 1))
    return np.clip(images, -1, 1).astype(np.float32)


def test_noise_is_measured_on_the_scale_0_to_1():
    flat = np.random.default_rng(0).normal(0, 0.1, (8, 64, 64, 1))
    assert evaluation.noise_sigma(flat).mean() == pytest.approx(0.05, rel=0.03)


def test_snr_is_mean_over_noise():
    random = np.random.default_rng(0)
    images = 0.2 + random.normal(0, 0.1, (8, 64, 64, 1))
    everything = np.ones((8, 64, 64), bool)
    assert evaluation.snr(images, everything).mean() == pytest.approx(0.6 / 0.05, rel=0.03)


def test_contrast_of_two_equal_halves():
    images = np.full((1, 16, 16, 1), -0.2)
    images[:, 8:] = 0.4
    assert evaluation.contrast(images, np.ones((1, 16, 16)))[0] == pytest.approx(0.15)


def test_cnr_is_difference_over_noise():
    random = np.random.default_rng(0)
    images = random.normal(0, 0.1, (8, 64, 64, 1))
    images[:, :32] += 0.4
    first = np.zeros((8, 64, 64), bool)
    first[:, :32] = True
    assert evaluation.cnr(images, first, ~first).mean() == pytest.approx(0.2 / 0.05, rel=0.1)


def test_an_empty_mask_gives_nan_and_no_warning():
    images, empty = disc(), np.zeros((4, 64, 64), bool)
    assert np.isnan(evaluation.snr(images, empty)).all()
    assert np.isnan(evaluation.contrast(images, empty)).all()


def test_pairs():
    clean, noisy = disc(), disc(noise=0.1)
    assert np.isinf(evaluation.psnr(clean, clean)).all()
    assert evaluation.ssim(clean, clean) == pytest.approx(1)
    assert evaluation.ssim(noisy, clean).max() < 0.9
    shifted = np.clip(np.zeros((1, 16, 16, 1)) + 0.2, -1, 1)
    assert evaluation.psnr(shifted, np.zeros((1, 16, 16, 1)))[0] == pytest.approx(20)
    expected = -10 * np.log10(np.mean((noisy - clean) ** 2, axis=(1, 2, 3)) / 4)
    np.testing.assert_allclose(evaluation.psnr(noisy, clean), expected)


@pytest.mark.parametrize("size", [16, 32, 64, 192])
def test_ms_ssim_takes_as_many_scales_as_fit(size):
    images = disc(size=size)
    assert evaluation.ms_ssim(images, images) == pytest.approx(1, abs=1e-5)


def test_ms_ssim_refuses_what_the_filter_does_not_fit():
    with pytest.raises(ValueError, match="at least 11"):
        evaluation.ms_ssim(disc(size=8), disc(size=8))


def test_diversity_sees_a_collapsed_generator():
    varied = np.concatenate([disc(size=32, value=v, count=1) for v in np.linspace(-0.9, 1, 20)])
    collapsed = np.repeat(varied[:1], 20, axis=0)
    assert evaluation.diversity(collapsed) == pytest.approx(1, abs=1e-5)
    assert evaluation.diversity(varied) < 0.9


def test_describe_names_what_it_measures():
    summary = evaluation.describe(disc(noise=0.05))
    assert set(summary) == {"contrast", "noise", "SNR", "CNR", "MS-SSIM between samples"}
    assert np.isfinite(list(summary.values())).all()


def test_wrong_range_and_shape_are_explained():
    with pytest.raises(ValueError, match="scale them to"):
        evaluation.noise_sigma(disc() * 255)
    with pytest.raises(ValueError, match="give \\(N, H, W, C\\)"):
        evaluation.noise_sigma(disc()[..., 0])


def test_images_from_0_to_1_are_no_images_from_minus_1():
    images = np.concatenate([disc()] * 4)
    with pytest.raises(ValueError, match=r"black is -1: pass 2 \* images - 1"):
        evaluation.psnr((images + 1) / 2, (images + 1) / 2)
    bright = np.linspace(0, 1, 64 * 64).reshape(1, 64, 64, 1)
    assert np.isfinite(evaluation.contrast(bright)).all()  # one patch may be bright all over
    young = np.concatenate([0.4 + bright / 4] * 4)  # as a network of few steps answers
    assert np.isfinite(evaluation.psnr(young, images[:4])).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda masks: np.where(masks, 1, -1), "finding_channels: pass channels > 0"),
        (lambda masks: masks[..., None], "64, 1\\); .* is needed: \\(N, H, W\\)"),
    ],
)
def test_masks_of_another_form_are_refused(change, message):
    images = disc()
    masks = change(images[..., 0] > 0)
    assert images.shape[1:3] == (64, 64)
    for measured in (
        lambda: evaluation.psnr(images, images, masks),
        lambda: evaluation.contrast(images, masks),
        lambda: evaluation.snr(images, masks),
        lambda: evaluation.cnr(images, masks, masks),
    ):
        with pytest.raises(ValueError, match=message):
            measured()


def test_inside_a_mask_only_the_mask_counts():
    images, masks = disc(), np.zeros((len(disc()), *disc().shape[1:3]), bool)
    masks[:, 10:20, 10:20] = True
    spoilt, outside = images.copy(), images.copy()
    spoilt[:, 12, 12] += 0.1
    outside[:, 0, 0] += 0.1
    inside = evaluation.psnr(spoilt, images, masks)
    np.testing.assert_allclose(inside, -10 * np.log10(0.05**2 / 100), rtol=1e-4)
    assert np.isinf(evaluation.psnr(outside, images, masks)).all()
    assert evaluation.ssim(outside, images, masks).min() == pytest.approx(1)
    assert evaluation.ssim(spoilt, images, masks).max() < 1
    assert np.isnan(evaluation.psnr(spoilt, images, ~(masks | True))).all()


def test_the_spread_within_labels_is_not_that_between_them():
    images = np.repeat([[[[-1.0]]], [[[0.0]]]], 4, axis=0)
    assert evaluation.spread_within(images, [0] * 4 + [1] * 4) == 0
    assert evaluation.spread_within(images, [0, 1] * 4) == pytest.approx(0.5)
    assert evaluation.spread_within(images, [0, 1] * 3 + [2, 3]) == pytest.approx(0.5, abs=0.03)


def test_labels_of_one_image_each_have_no_spread():
    with pytest.raises(ValueError, match="no label has two images"):
        evaluation.spread_within(X, np.arange(len(X)))
    with pytest.raises(ValueError, match="16 images but 15 labels"):
        evaluation.spread_within(X, np.zeros(15))


def test_channels_are_measured_one_by_one():
    """Their mean would be less noisy than any of them, and contrasts of two signs would cancel."""
    random = np.random.default_rng(0)
    flat = np.zeros((4, 32, 32, 1))
    flat[:, 8:24, 8:24] = 0.4
    one = flat + random.normal(0, 0.1, flat.shape)
    both = np.concatenate([one, -flat + random.normal(0, 0.1, flat.shape)], axis=-1)
    first, second = flat[..., 0] > 0, flat[..., 0] == 0
    for measured, ratio in (
        (evaluation.noise_sigma, 1),
        (lambda x: evaluation.contrast(x, first), 1),
        (lambda x: evaluation.cnr(x, first, second), 1),
    ):
        assert measured(both) == pytest.approx(measured(one) * ratio, rel=0.15)
    assert evaluation.snr(np.repeat(one, 3, axis=-1), first) == pytest.approx(
        evaluation.snr(one, first)
    )


def test_images_that_are_not_finite_are_named():
    spoilt = X.copy()
    spoilt[3, 0, 0] = np.nan
    with pytest.raises(ValueError, match="image 3 of 16 is not finite"):
        evaluation.laplacian_descriptors(spoilt)
    with pytest.raises(ValueError, match="images range from nan"):
        evaluation.psnr(spoilt, X)
    with pytest.raises(ValueError, match="1 is too few"):
        evaluation.diversity(X[:1])


@pytest.mark.parametrize("measure", [evaluation.psnr, evaluation.ssim, evaluation.ms_ssim])
def test_what_is_no_pair_is_refused(measure):
    images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 1))
    for other in (images[:1], np.repeat(images, 3, axis=-1)):
        with pytest.raises(ValueError, match="are no pairs"):
            measure(images, other)
