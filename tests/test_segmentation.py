"""Masks: what a segmenter should answer, its loss, its errors, and a painter trained beside it."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
import pytest
import tensorflow as tf

from medgan_utils import evaluation
from medgan_utils.data import moved_findings, shifted, with_bands
from medgan_utils.evaluation import annotation_bias, dice_by_subject, false_area, mean_dice
from medgan_utils.models import patch_discriminator, unet_generator
from medgan_utils.training import (
    DiceCrossEntropy,
    JointPix2Pix,
    ResumableCheckpoint,
    Segmenter,
    finding_channels,
    map_channels,
    start_anew,
)
from medgan_utils.training.fidelity import TranslationBatch

WIDTHS = (4, 8)


@pytest.fixture
def masks():
    """Three slices of 32 pixels: two of an ill subject, one of a healthy one."""
    masks = np.zeros((3, 32, 32), np.uint8)
    masks[0, 8:16, 8:16] = 1
    masks[1, 10:13, 20:23] = 2
    return masks


def test_a_finding_is_made_of_its_codes(masks):
    both, second = np.moveaxis(finding_channels(masks, ((1, 2), (2,))), -1, 0)
    assert np.array_equal(both > 0, masks > 0) and np.array_equal(second > 0, masks == 2)
    assert set(np.unique(both)) == {-1, 1} and both.dtype == np.float32


def test_a_painter_takes_a_channel_a_code_and_noise(masks):
    channels = map_channels(masks, 3, seed=1)
    assert channels.shape == (3, 32, 32, 4) and np.abs(channels).max() <= 1
    assert np.array_equal(channels[..., :3].argmax(-1), masks)
    assert (map_channels(masks, 3, seed=2)[..., 3] != channels[..., 3]).any()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda m: map_channels(m, 2), r"hold \[2\], but this painter knows the codes 0 to 1"),
        (lambda m: finding_channels(m[0]), r"label maps \(B, H, W\)"),
        (lambda m: finding_channels(m, ()), "at least one finding"),
        (lambda m: with_bands(m[..., None].astype(float), m[:2]), "do not fit"),
        (lambda m: moved_findings(m[:2], [1, 2], 1, inside=[0]), "2 maps with a finding and 0"),
        (lambda m: moved_findings(m, [1], 1, inside=[0], depth=99), "99 pixels deep"),
        (lambda m: mean_dice(m, m[:2], ["a", "a", "b"]), r"both must be \(N, H, W\)"),
        (lambda m: mean_dice(m, m, ["a", "a"]), "one subject an image"),
        (
            lambda m: mean_dice(finding_channels(m)[..., 0], m, list("aab")),
            r"truth is float32.*finding_channels: pass channels > 0",
        ),
        (
            lambda m: false_area(m, np.where(m > 0, 4.0, -4.0), list("aab")),
            "logits: pass found > 0",
        ),
        (
            lambda m: annotation_bias(m, np.full(m.shape, 0.01), list("aab"), 1.0),
            "found is float64",
        ),
        (lambda m: dice_by_subject(m, np.full(m.shape, np.nan), list("aab")), "found is float64"),
        (lambda m: dice_by_subject(m, m.astype(np.int8) - 1, list("aab")), "found is int8"),
    ],
)
def test_what_does_not_fit_is_named(masks, make, said):
    with pytest.raises(ValueError, match=said):
        make(masks)


def loss_of(logits, masks):
    target = finding_channels(masks, ((1, 2),))
    batch = TranslationBatch(np.float32(logits), None, target)
    return keras.ops.convert_to_numpy(DiceCrossEntropy()(batch, None))


def test_the_loss_is_least_where_the_answer_is_right_and_asks_for_nothing_where_nothing_is(masks):
    right = 20 * finding_channels(masks, ((1, 2),))  # logits
    assert (loss_of(right, masks) < 0.02).all()
    assert (loss_of(-right, masks) > 2).all()
    nothing = np.full_like(right, -20.0)
    assert loss_of(nothing[2:], masks[2:]) < 0.02
    for ill in (0, 1):  # a small finding costs as much as a large one
        assert 0.9 < loss_of(nothing[ill : ill + 1], masks[ill : ill + 1]) < 2.4
    one = loss_of(np.full((1, 2, 2, 1), np.log(3)), np.ones((1, 2, 2), int))[0]
    dice = (2 * 4 * 0.75 + 1) / (4 * 0.75 + 4 + 1)
    assert one == pytest.approx(-np.log(0.75) + 1 - dice, abs=1e-5)


def test_a_slice_without_a_finding_counts_by_its_pixels_beside_others(masks):
    logits = 20 * finding_channels(masks, ((1, 2),))
    logits[2, :2, :2] = 1.0  # four false pixels in the healthy slice
    assert loss_of(logits[2:], masks[2:]) > 0.7  # alone, nearly as much as a whole tumour
    assert (loss_of(logits[::2], masks[::2]) < 0.1).all()  # image by image: 0.4 in the mean


def test_a_network_that_is_sure_of_nothing_anywhere_can_still_learn(masks):
    target = finding_channels(masks, ((1, 2),))
    logits = tf.fill(target.shape, -100.0)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = tf.reduce_mean(DiceCrossEntropy()(TranslationBatch(logits, None, target), None))
    slope = tape.gradient(loss, logits).numpy()
    assert (slope[target > 0] < -1e-5).all()


def test_a_critic_sees_masks_between_minus_one_and_one(masks):
    critic = patch_discriminator(32, widths=WIDTHS)
    model = Segmenter(unet_generator(32, widths=WIDTHS, last="logits"), critic, ema=0.9)
    model.compile(adversarial_weight=0.1, terms=[DiceCrossEntropy()], run_eagerly=True)
    seen = []
    model._move_discriminator = lambda target, fake, shown: seen.append((target, fake)) or {}
    large = tf.constant(30.0 * finding_channels(masks, ((1, 2),)))
    model._game(large / 30, large, tf.zeros_like(large))
    (target, fake), *_ = seen
    np.testing.assert_allclose(fake, target, atol=1e-5)


class TestScores:
    subjects = np.array(["ill", "ill", "well"])

    def test_dice_is_that_of_all_slices_of_a_subject(self, masks):
        truth = masks > 0
        found = truth.copy()
        found[1] = False  # the small one is missed
        values, names = dice_by_subject(truth, found, self.subjects)
        assert names.tolist() == ["ill", "well"] and np.isnan(values[1])
        assert values[0] == pytest.approx(2 * 64 / (64 + 73))
        assert mean_dice(truth, found, self.subjects).value == pytest.approx(values[0])

    @pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32])
    def test_masks_may_be_of_any_type_that_holds_whole_numbers(self, masks, kind):
        assert mean_dice(masks.astype(kind), masks, list("iiw")).value == 1

    def test_false_alarms_are_counted_in_the_healthy(self, masks):
        found = np.zeros_like(masks, bool)
        found[0], found[2, :2, :5] = True, True
        assert false_area(masks > 0, found, self.subjects) == 10

    @pytest.mark.parametrize(
        ("change", "area", "border", "right"),
        [(0, 1.0, 0.0, 0.0), (1, 100 / 64, 2.0, 0.0), (-1, 36 / 64, -2.0, 0.0)],
    )
    def test_bias_knows_too_large_from_too_small(self, change, area, border, right):
        truth, found = np.zeros((2, 1, 32, 32), bool)
        truth[0, 8:16, 8:16] = True
        found[0, 8 - change : 16 + change, 8 - change : 16 + change] = True
        bias = annotation_bias(truth, found, ["a"], spacing_mm=2.0)
        assert bias["area"].value == pytest.approx(area)
        assert bias["border (mm)"].value == pytest.approx(border, abs=0.25)
        assert bias["right (mm)"].value == pytest.approx(right)

    def test_bias_knows_where_and_what_is_missed(self, masks):
        found = np.roll(masks > 0, 2, axis=2)
        found[1] = False
        bias = annotation_bias(masks > 0, found, self.subjects, 3.0, small_mm2=100)
        assert bias["right (mm)"].value == pytest.approx(6) and bias["down (mm)"].value == 0
        assert bias["small found"].value == 0 and bias["large found"].value == 1


class TestMaps:
    def test_bands_surround_what_was_outlined(self, masks):
        images = np.full((3, 32, 32, 1), -1.0, np.float32)
        images[:, 4:28, 4:28, 0] = np.linspace(-0.5, 0.9, 24)
        maps = with_bands(images, masks, 3)
        assert np.array_equal(maps > 3, masks > 0) and maps[0, 0, 0] == 0
        assert np.array_equal(maps[masks > 0], masks[masks > 0] + 3)
        assert (np.diff(maps[2, 16, 5:27].astype(int)) >= 0).all() and maps[2, 16, 26] == 3

    def test_findings_move_and_stay_inside(self, masks):
        maps = masks.copy()
        maps[2, 4:28, 4:28] = 3
        made, bases, sources = moved_findings(maps, [1, 2], 20, inside=[3], depth=2, seed=0)
        assert set(bases) == {2} and set(sources[:, 0]) == {0, 1}
        for one, (source, *shift) in zip(made, sources, strict=True):
            there = one < 3
            assert there[4:28, 4:28].any()
            moved = shifted(np.where(maps[source] < 3, maps[source], 0), shift)
            inside = (moved > 0) & (maps[2] == 3)
            assert np.array_equal(one[inside], moved[inside])
            assert np.array_equal(one[~inside], maps[2][~inside])

    @pytest.mark.parametrize("shift", [(2, -3), (0, 0), (-40, 1)])
    def test_shifted(self, masks, shift):
        moved = shifted(masks[0], shift)
        places = np.argwhere(masks[0]) + shift
        kept = places[((places >= 0) & (places < 32)).all(1)]
        assert np.array_equal(np.argwhere(moved), kept)


@pytest.fixture(scope="module")
def joint():
    keras.utils.set_random_seed(0)
    model = JointPix2Pix(*networks(), reader(), ema=0.5)
    model.compile(findings=((1, 2),), segmenter_optimizer=keras.optimizers.Adam(3e-3))
    return model


def networks():
    painter = unet_generator(32, channels=4, widths=WIDTHS)
    return painter, patch_discriminator(32, condition=4, widths=WIDTHS)


def reader():
    return unet_generator(32, widths=WIDTHS, last="logits")


def shown(count=8):
    random = np.random.default_rng(0)
    maps = np.zeros((count, 32, 32), int)
    for one in maps:
        row, column = random.integers(4, 20, 2)
        one[row : row + 8, column : column + 8] = random.integers(1, 3)
    images = np.where(maps > 0, 0.6, -0.6) + random.normal(0, 0.1, maps.shape)
    return map_channels(maps, 3), np.float32(np.clip(images, -1, 1))[..., None]


def test_painter_and_reader_learn_together(joint, tmp_path):
    channels, images = shown()
    before = [v.numpy().copy() for v in joint.segmenter.trainable_variables]
    keeper = ResumableCheckpoint(tmp_path, every=40)
    history = joint.fit(channels, images, batch_size=8, epochs=40, verbose=0, callbacks=[keeper])
    losses = history.history["s_loss"]
    parts = [history.history[name][-1] for name in ("d_loss", "g_loss", "penalty", "s_loss")]
    assert history.history["loss"][-1] == pytest.approx(sum(parts), rel=1e-4)
    assert losses[-1] < 0.6 * losses[0] and np.isfinite(losses).all()
    after = joint.segmenter.trainable_variables
    assert any((a != b.numpy()).any() for a, b in zip(before, after, strict=True))
    trained = joint.segment(images)
    assert trained.shape == (8, 32, 32, 1)
    start_anew(joint, *networks())
    joint.segmenter.set_weights(reader().get_weights())
    assert int(joint.step.numpy()) == 0 and not np.allclose(joint.segment(images), trained)
    assert all(not v.numpy().any() for v in joint.g_optimizer.variables if "rate" not in v.name)
    assert keeper.restore(joint) == 40
    np.testing.assert_allclose(joint.segment(images), trained, atol=1e-5)


def test_a_segmenter_with_other_findings_is_refused():
    model = JointPix2Pix(*networks(), reader())
    with pytest.raises(ValueError, match="outputs=2"):
        model.compile(findings=((1,), (2,)))


def test_painter_and_reader_learn_together_in_16_bits():
    channels, images = shown(2)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = JointPix2Pix(*networks(), reader(), ema=0.5)
        model.compile(findings=((1, 2),))
        assert isinstance(model.s_optimizer, keras.optimizers.LossScaleOptimizer)
        before = [v.numpy().copy() for v in model.segmenter.trainable_variables]
        logs = model.fit(channels, images, batch_size=1, verbose=0).history
    finally:
        keras.config.set_dtype_policy("float32")
    after = model.segmenter.trainable_variables
    assert all(v.dtype == "float32" for v in after) and np.isfinite(list(logs.values())).all()
    assert any((a != b.numpy()).any() for a, b in zip(before, after, strict=True))
    assert model.segment(images).dtype == np.float32


def test_a_perfect_mask_at_the_edge_of_the_image_has_no_error():
    masks = np.zeros((2, 32, 32), bool)
    masks[:, :20, 5:25] = True
    bias = evaluation.annotation_bias(masks, masks, [0, 1], 1.0)
    assert bias["border (mm)"].value == 0
    with pytest.raises(ValueError, match="no subject has the finding"):
        evaluation.annotation_bias(masks & False, masks, [0, 1], 1.0)


def test_a_segmenter_is_held_by_dice_unless_told_otherwise():
    model = Segmenter(unet_generator(32, widths=(8, 8), last="logits"), patch_discriminator(32))
    model.compile(adversarial_weight=0.0)
    assert [type(term) for term in model.terms] == [DiceCrossEntropy]
