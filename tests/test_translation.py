"""A GAN of label maps: what the map asks for stands where it asks, through fit, file and resume."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from medgan_utils.data import Slices
from medgan_utils.models import load_generator, map_discriminator, map_generator, save_generator
from medgan_utils.training import (
    GAN,
    R1,
    DiffAugment,
    Mismatch,
    ModeSeeking,
    ResumableCheckpoint,
    SampleGrid,
)

WIDTHS = (16, 16, 8)


def discs(count, seed=0):
    """Grey images with a bright disc where the map has class 1; the ground has a level of its own.

    Returns:
        Images (N, 32, 32, 1) and maps (N, 32, 32).
    """
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:32, :32]
    centres = random.uniform(8, 24, (2, count, 1, 1))
    maps = (np.hypot(rows - centres[0], columns - centres[1]) < 5).astype(np.uint8)
    images = random.uniform(-0.8, -0.4, (count, 1, 1)) + 1.0 * maps
    images = images + 0.05 * random.normal(size=maps.shape)
    return np.clip(images, -1, 1)[..., None].astype(np.float32), maps


def disc_slices(count=64):
    images, maps = discs(count)
    return Slices(images, np.arange(count).astype(str), np.zeros(count, np.float32), masks=maps)


def tiny(seed=0, **settings):
    keras.utils.set_random_seed(seed)
    networks = map_generator(32, 1, 8, WIDTHS, 2), map_discriminator(32, 1, WIDTHS[::-1], 2)
    gan = GAN(*networks, ema=0.9, seed=seed)
    gan.compile(**settings)
    return gan


def test_the_map_is_obeyed_after_a_hundred_steps():
    adams = [keras.optimizers.Adam(2e-3, beta_1=0, beta_2=0.99) for _ in range(2)]
    gan = tiny(
        0,
        generator_optimizer=adams[0],
        discriminator_optimizer=adams[1],
        penalties=[R1(0.1)],
        terms=[ModeSeeking(0.1)],
        augment=DiffAugment(brightness=0.05, contrast=0.1, shift=0.125),
    )
    data = disc_slices(256).to_dataset(8, flip=True, masks=True)
    gan.fit(data, steps_per_epoch=100, epochs=1, verbose=0)
    maps = discs(16, seed=1)[1]
    images = gan.sample(16, maps, seed=1)[..., 0]
    pairs = zip(images, maps, strict=True)
    contrast = [image[m == 1].mean() - image[m == 0].mean() for image, m in pairs]
    assert min(contrast) > 0.3 and np.mean(contrast) > 0.6  # 1 in the data
    others = gan.sample(16, np.zeros_like(maps), seed=1)[..., 0]
    asked = maps == 1
    assert images[asked].mean() - others[asked].mean() > 0.5  # the same z, without a disc


@pytest.mark.parametrize("size", [32, 64])
def test_shapes_ranges_and_a_logit_an_image(size):
    generator, discriminator = (
        map_generator(size, 2, 8, num_classes=4),
        map_discriminator(size, 2, num_classes=4),
    )
    maps = tf.random.uniform((3, size, size), 0, 4, tf.int32, seed=1)
    images = generator([tf.random.normal((3, 8)), maps], training=True)
    assert images.shape == (3, size, size, 2) and np.abs(images).max() <= 1
    assert discriminator([images, maps]).shape == (3, 1)
    normalising = [
        layer for layer in discriminator.layers if "norm" in type(layer).__name__.lower()
    ]
    assert not normalising


def test_every_scale_is_shown_the_shares_of_the_classes():
    generator = map_generator(32, 1, 8, WIDTHS, 3)
    probe = keras.Model(
        generator.inputs[1], [generator.get_layer(f"shares_{size}").output for size in (16, 8, 4)]
    )
    maps = np.random.default_rng(0).integers(0, 3, (2, 32, 32))
    for shares in probe(maps):
        size = shares.shape[1]
        blocks = maps.reshape(2, size, 32 // size, size, 32 // size)
        expected = np.stack([(blocks == k).mean(axis=(2, 4)) for k in range(3)], axis=-1)
        np.testing.assert_allclose(shares, expected, atol=1e-6)


def test_a_generator_of_maps_is_kept_and_loaded_like_any_other(tmp_path):
    gan = tiny()
    save_generator(gan.ema_generator, tmp_path / "mine", "# Card")
    twin = load_generator(tmp_path / "mine")
    z, maps = tf.random.normal((2, 8)), tf.constant(discs(2)[1])
    np.testing.assert_array_equal(gan.ema_generator([z, maps]), twin([z, maps]))
    assert twin.architecture.arguments["num_classes"] == 2


def test_a_generator_of_maps_converts_without_flex_ops():
    converter = tf.lite.TFLiteConverter.from_keras_model(map_generator(32, 1, 8, WIDTHS, 2))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    assert converter.convert()


def test_real_and_generated_images_and_their_map_are_moved_alike():
    seen = []

    class Watching(DiffAugment):
        def call(self, images, seed=None, maps=None):
            outputs = super().call(images, seed, maps)
            seen.append([images, maps, *outputs])
            return outputs

    layer = Watching(brightness=0, contrast=0, shift=0.25)
    gan = tiny(run_eagerly=True, augment=layer, penalties=[])
    images, maps = map(tf.constant, discs(8))
    gan.train_on_batch(images, maps)
    (real, _, moved, moved_maps), (_, _, _, moved_with_fakes) = seen
    np.testing.assert_array_equal(moved_maps, moved_with_fakes)
    assert (moved_maps.numpy() != maps.numpy()).any()
    brightest = moved.numpy()[..., 0] > real.numpy().mean((1, 2, 3))[:, None, None] + 0.3
    pairs = zip(brightest, moved_maps.numpy(), strict=True)
    inside = [image[m == 1].mean() for image, m in pairs]
    assert min(inside) == 1  # the disc is where the moved map has it
    assert brightest.sum() == (moved_maps.numpy() == 1).sum()


def test_masks_are_yielded_and_mirrored_with_their_images():
    batch = next(iter(disc_slices().to_dataset(64, flip=True, masks=True)))
    images, maps = (part.numpy() for part in batch)
    assert maps.dtype == np.int32 and maps.shape == (64, 32, 32)
    for image, one_map in zip(images[..., 0], maps, strict=True):
        assert image[one_map == 1].min() > image[one_map == 0].max()
    plain = next(iter(disc_slices().to_dataset(64, masks=True)))[1]
    turned = (maps == plain.numpy()[:, :, ::-1]).all((1, 2))
    assert 0.25 < turned.mean() < 0.75


def test_masks_that_are_not_there_or_stand_beside_labels_are_refused():
    slices = disc_slices(4)
    with pytest.raises(ValueError, match="labels or masks, not both"):
        slices.to_dataset(2, label="level", masks=True)
    bare = Slices(slices.images, slices.subjects, slices.positions)
    with pytest.raises(ValueError, match="have no masks"):
        bare.to_dataset(2, masks=True)


def test_maps_that_do_not_fit_are_refused_before_a_step():
    gan, (images, maps) = tiny(), discs(4)
    for wrong, message in [
        (maps[:, :16], r"shape \(.*, 16, 32\); \(.*, 32, 32\) is needed, a map an image"),
        (maps + 1, r"reach from \[1\] to \[2\]; this GAN knows \(2,\) classes.*subtract 1"),
        (None, r"needs labels \(N, 32, 32\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            gan.fit(images, wrong, verbose=0)
        parts = images if wrong is None else (images, wrong)
        with pytest.raises(ValueError, match=message):
            gan.fit(tf.data.Dataset.from_tensor_slices(parts).batch(4), verbose=0)
        with pytest.raises(ValueError, match=message):
            gan.sample(4, wrong)
    assert int(gan.step) == 0


def test_a_run_with_maps_resumes_where_it_stopped(tmp_path):
    def run(gan, start, steps, *callbacks):
        data = disc_slices().to_dataset(8, start_step=start, masks=True)
        gan.fit(data, steps_per_epoch=steps, verbose=0, callbacks=list(callbacks))
        return gan.sample(2, discs(2)[1])

    settings = dict(augment=DiffAugment(), penalties=[R1(every=2), Mismatch()])
    whole = run(tiny(**settings), 0, 4)
    keeper, grid = ResumableCheckpoint(tmp_path), SampleGrid(np.ones((2, 8)), labels=discs(2)[1])
    run(tiny(**settings), 0, 2, keeper, grid)
    assert grid.frames[-1][1].shape == (2, 32, 32, 1)
    again = tiny(1, **settings)
    assert keeper.restore(again) == 2
    again.seed = 0
    np.testing.assert_allclose(run(again, 2, 2), whole, atol=1e-4)


def test_a_wrong_map_is_that_of_another_image():
    class Batch:
        labels, num_classes, real = tf.constant(discs(3)[1]), (2,), None
        real_logits = tf.zeros((3, 1))

        class loss:
            discriminator_loss = staticmethod(lambda real, wrong: wrong)

        def logits(self, images, labels):
            return tf.cast(labels, tf.float32)

    wrong = Mismatch()(Batch(), [0, 1])
    expected = np.roll(Batch.labels, 1, axis=0).mean(axis=(1, 2))  # one value an image
    np.testing.assert_allclose(wrong, expected, rtol=1e-6)
