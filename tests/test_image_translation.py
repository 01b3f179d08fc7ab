"""Image to image: networks, steps, resuming, two replicas, and what is refused."""

import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf

from medgan_utils.data import Slices, as_channels
from medgan_utils.models import (
    fusion_generator,
    load_generator,
    patch_discriminator,
    save_generator,
    unet_generator,
)
from medgan_utils.training import (
    L1,
    R1,
    CycleGAN,
    FeatureDistance,
    Pix2Pix,
    ResumableCheckpoint,
    SampleGrid,
)

WIDTHS = (4, 8)


def blobs(count=32, channels=1, seed=0, size=16):
    """Smooth images (N, size, size, channels) in [-1, 1], each channel a shade of one picture."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size] / size - 0.5
    centres = random.uniform(-0.25, 0.25, (2, count, 1, 1))
    one = np.exp(-((rows - centres[0]) ** 2 + (columns - centres[1]) ** 2) / 0.05) * 1.6 - 0.9
    shades = [one if k % 2 == 0 else -one for k in range(channels)]
    return np.stack(shades, axis=-1).clip(-1, 1).astype(np.float32)


def adam():
    return keras.optimizers.Adam(5e-3, beta_1=0.5)


def paired(seed=0, kind=Pix2Pix, **settings):
    keras.utils.set_random_seed(seed)
    critic = patch_discriminator(16, 1, 1, WIDTHS)
    model = kind(unet_generator(16, widths=WIDTHS), critic, ema=0.9, seed=seed)
    model.compile(adam(), adam(), **settings)
    return model


def fusing(**settings):
    keras.utils.set_random_seed(0)
    generator = fusion_generator(16, 3, 3, WIDTHS[:1])
    model = Pix2Pix(generator, patch_discriminator(16, 3, 3, WIDTHS), ema=0.9)
    model.compile(adam(), adam(), **settings)
    return model


def cycling(seed=0, **settings):
    keras.utils.set_random_seed(seed)
    generators = [unet_generator(16, widths=(8,)) for _ in range(2)]
    critics = [patch_discriminator(16, 1, 0, (8,)) for _ in range(2)]
    model = CycleGAN(*generators, *critics, ema=0.9, seed=seed)
    model.compile(adam(), adam(), **settings)
    return model


@pytest.mark.parametrize("last, low", [("tanh", 1.0), ("logits", np.inf)])
def test_a_unet_keeps_the_size_and_ends_as_asked(last, low):
    model = unet_generator(16, 2, 5, WIDTHS, last=last)
    out = model(blobs(3, 2)).numpy()
    assert out.shape == (3, 16, 16, 5) and out.dtype == np.float32 and np.abs(out).max() <= low


def test_a_missing_modality_has_no_influence_and_a_present_one_has():
    model = fusion_generator(16, 3, 2, WIDTHS)
    images, presence = blobs(2, 3), np.array([[1, 0, 1]] * 2, np.float32)
    changed = images.copy()
    changed[..., 1] = 1 - changed[..., 1]
    np.testing.assert_array_equal(model([images, presence]), model([changed, presence]))
    changed[..., 2] *= 0.5
    assert np.abs(model([images, presence]) - model([changed, presence])).max() > 1e-4


def test_a_patch_sees_38_pixels():
    critic = patch_discriminator(64, 1, 0, (2, 2, 2))
    image = tf.Variable(tf.random.normal((1, 64, 64, 1), seed=1))
    with tf.GradientTape() as tape:
        logit = critic(image)[0, 4, 4, 0]
    seen = np.flatnonzero(np.abs(tape.gradient(logit, image).numpy()[0, :, :, 0]).sum(1))
    assert seen[-1] - seen[0] + 1 == 38 and critic.output_shape == (None, 8, 8, 1)


@pytest.mark.parametrize("build", [lambda: unet_generator(16, widths=WIDTHS),
                                   lambda: fusion_generator(16, 3, 1, WIDTHS)])  # fmt: skip
def test_both_generators_are_kept_and_loaded(build, tmp_path):
    keras.utils.set_random_seed(1)
    model = build()
    save_generator(model, tmp_path / "mine", "# Card")
    twin = load_generator(tmp_path / "mine")
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert twin.architecture == model.architecture


def test_l1_alone_learns_a_translation_and_leaves_the_critic_alone():
    model = paired(adversarial_weight=0, terms=[L1(10)])
    before = model.discriminator.get_weights()
    images = blobs(64)
    first = np.abs(model.translate(images) + images).mean()
    history = model.fit(images, -images, batch_size=16, epochs=20, verbose=0).history
    assert np.abs(model.translate(images) + images).mean() < first / 3
    assert history["g_loss"][-1] < history["g_loss"][0] / 3 and history["d_loss"][-1] == 0
    for one, other in zip(before, model.discriminator.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_one_adversarial_step_equals_the_same_step_written_by_hand():
    features = keras.Sequential([keras.Input((16, 16, 1)), keras.layers.Conv2D(2, 3)])
    terms = [L1(3.0), FeatureDistance(features, 2.0)]
    model = paired(loss="least-squares", adversarial_weight=0.5, terms=terms)
    x, y = (tf.constant(blobs(8, seed=seed)) for seed in (0, 1))
    generator, critic = model.generator, model.discriminator
    twins = [keras.models.clone_model(one) for one in (generator, critic)]
    for twin, one in zip(twins, (generator, critic), strict=True):
        twin.set_weights(one.get_weights())
    model.train_on_batch(x, y)

    fake = twins[0](x, training=True)
    rates = [adam(), adam()]
    with tf.GradientTape() as tape:
        real_logits, fake_logits = twins[1]([y, x]), twins[1]([tf.stop_gradient(fake), x])
        loss = 0.5 * tf.reduce_mean((real_logits - 1) ** 2 + fake_logits**2)
    variables = twins[1].trainable_variables
    rates[1].apply(tape.gradient(loss, variables), variables)
    for one, other in zip(critic.get_weights(), twins[1].get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
    with tf.GradientTape() as tape:
        fake = twins[0](x, training=True)
        loss = 0.5 * 0.5 * tf.reduce_mean((twins[1]([fake, x]) - 1) ** 2)
        loss += 3 * tf.reduce_mean(tf.abs(fake - y))
        loss += 2 * tf.reduce_mean(tf.abs(features(fake) - features(y)))
    variables = twins[0].trainable_variables
    rates[0].apply(tape.gradient(loss, variables), variables)
    for one, other in zip(generator.trainable_variables, variables, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)


def test_modalities_are_taken_away_in_training_one_stays_and_the_draw_is_the_steps():
    model = fusing(adversarial_weight=0)
    presence = model._presence(2000, 3).numpy()
    assert presence.sum(axis=1).min() == 1 and presence.sum(axis=1).max() == 3
    assert 0.5 < presence.mean() < 0.65  # 0.542 expected: 0.5 + 1/24
    np.testing.assert_array_equal(presence, model._presence(2000, 3))
    model.step.assign_add(1)
    assert (presence != model._presence(2000, 3).numpy()).any()


def test_a_fusing_generator_fills_in_what_is_missing():
    model = fusing(adversarial_weight=0, terms=[L1(10)])
    images = blobs(64, 3)
    model.fit(images, images, batch_size=16, epochs=30, verbose=0)
    for presence in ([1, 0, 0], [0, 1, 1]):
        out = model.translate(images, presence)
        assert np.abs(out - images).mean() < 0.12
        spoilt = images.copy()
        spoilt[..., np.flatnonzero(np.array(presence) == 0)] = 0.3
        np.testing.assert_array_equal(out, model.translate(spoilt, presence))


def test_a_cycle_comes_back_and_both_directions_learn():
    model = cycling()
    first, second = blobs(32), -blobs(32, seed=5)
    data = tf.data.Dataset.from_tensor_slices((first, second)).batch(8).repeat()
    before = np.abs(model.translate(model.translate(first), backward=True) - first).mean()
    model.fit(data, steps_per_epoch=40, verbose=0)
    after = np.abs(model.translate(model.translate(first), backward=True) - first).mean()
    assert after < before / 2 and int(model.step) == 40


@pytest.mark.parametrize("build", [paired, cycling])
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(build, tmp_path):
    images = blobs(16)
    data = tf.data.Dataset.from_tensors((images, -images)).repeat()
    whole, half = build(run_eagerly=True), build(run_eagerly=True)
    whole.fit(data, steps_per_epoch=1, epochs=4, verbose=0)
    half.fit(
        data, steps_per_epoch=1, epochs=2, verbose=0, callbacks=[ResumableCheckpoint(tmp_path, 1)]
    )
    again = build(run_eagerly=True)
    assert ResumableCheckpoint(tmp_path, 1).restore(again) == 2
    again.fit(data, steps_per_epoch=1, epochs=4, initial_epoch=2, verbose=0)
    for part in ("generator", "discriminator", "ema_generator"):
        pairs = zip(
            getattr(whole, part).get_weights(), getattr(again, part).get_weights(), strict=True
        )
        for one, other in pairs:
            np.testing.assert_allclose(one, other, atol=1e-6)


def test_callbacks_penalties_and_mixed_precision_are_those_of_a_gan():
    images = blobs(16)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = paired(penalties=[R1(0.01)])
        assert isinstance(model.g_optimizer, keras.optimizers.LossScaleOptimizer)
        grid = SampleGrid(images[:2], every=1)
        logs = model.fit(images, -images, batch_size=8, epochs=1, verbose=0, callbacks=[grid])
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(list(logs.history.values())).all() and grid.frames[0][1].dtype == np.float32
    assert logs.history["penalty"][0] > 0


def test_two_replicas_take_the_step_of_one():
    script = """
        from medgan_utils import profiles
        profiles.quiet_tensorflow()
        import keras, numpy as np, sys, tensorflow as tf
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
        from medgan_utils.models import patch_discriminator, unet_generator
        from medgan_utils.training import L1, R1, CycleGAN, JointPix2Pix, Pix2Pix, map_channels
        images = np.random.default_rng(0).uniform(-1, 1, (2, 8, 16, 16, 1)).astype("float32")
        data = tf.data.Dataset.from_tensors(tuple(images)).repeat()
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])

        def build(kind):
            keras.utils.set_random_seed(1)
            count, seen = (1, 1) if kind is Pix2Pix else (2, 0)
            parts = [unet_generator(16, widths=(4,)) for _ in range(count)]
            parts += [patch_discriminator(16, 1, seen, (4,)) for _ in range(count)]
            model = kind(*parts, ema=0.5)
            given = dict(terms=[L1(10)], penalties=[R1(0.1, 2)]) if kind is Pix2Pix else {}
            model.compile(keras.optimizers.SGD(0.01), keras.optimizers.SGD(0.01), **given)
            return model

        for kind in (Pix2Pix, CycleGAN):
            one = build(kind)
            logs = one.fit(data, steps_per_epoch=2, verbose=0).history
            with strategy.scope():
                two = build(kind)
            others = two.fit(data, steps_per_epoch=2, verbose=0).history
            for part in ("generator", "discriminator", "ema_generator"):
                pairs = zip(getattr(one, part).get_weights(), getattr(two, part).get_weights())
                gap = max(np.abs(a - b).max() for a, b in pairs)
                assert gap < 1e-4, (kind, part, gap)
            for name in ("d_loss", "g_loss"):
                assert abs(logs[name][0] - others[name][0]) < 1e-3, (kind, name)

        # Dice is taken over a replica's share of the batch: shares of one kind give the same step.
        one_map = np.random.default_rng(0).integers(0, 2, (1, 16, 16))
        maps = map_channels(np.repeat(one_map, 8, axis=0), 2)
        maps[..., 2] = 0
        data = tf.data.Dataset.from_tensors((maps, np.repeat(images[0, :1], 8, 0))).repeat()

        def joint():
            keras.utils.set_random_seed(1)
            parts = unet_generator(16, channels=3, widths=(4,)), patch_discriminator(16, 1, 3, (4,))
            model = JointPix2Pix(*parts, unet_generator(16, widths=(4,), last="logits"), ema=0.5)
            rates = [keras.optimizers.SGD(0.01) for _ in range(3)]
            model.compile(*rates[:2], findings=((1,),), segmenter_optimizer=rates[2])
            return model

        one = joint()
        one.fit(data, steps_per_epoch=2, verbose=0)
        with strategy.scope():
            two = joint()
        two.fit(data, steps_per_epoch=2, verbose=0)
        for part in ("generator", "segmenter"):
            pairs = zip(getattr(one, part).get_weights(), getattr(two, part).get_weights())
            gap = max(np.abs(a - b).max() for a, b in pairs)
            assert gap < 1e-4, (part, gap)
        print("the same")
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert "the same" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    "x, y, message",
    [
        (blobs(4), None, "no targets: hand fit"),
        (blobs(4), blobs(3), "4 inputs and 3 targets"),
        (blobs(4), blobs(4, size=8), r"targets: images have shape \(N, 8, 8, 1\)"),
        ((blobs(4) * 127 + 127).astype(np.uint8), blobs(4), "inputs: images are uint8"),
        (blobs(4), blobs(4) * 3, "targets: images are float32 from"),
        (blobs(4, 3), blobs(4), "inputs have 3 channels; these networks take 1"),
        ([1, 2], blobs(4), "takes arrays"),
    ],
)
def test_pairs_that_do_not_fit_are_named_before_a_step(x, y, message):
    model = paired()
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(x, y, verbose=0)
    assert int(model.step) == 0


def test_datasets_are_checked_batch_by_batch():
    model = paired()
    alone = tf.data.Dataset.from_tensor_slices(blobs(8)).batch(4)
    with pytest.raises(ValueError, match="must yield pairs"):
        model.fit(alone, verbose=0)
    spoilt = blobs(8)
    spoilt[6] = np.nan
    data = tf.data.Dataset.from_tensor_slices((blobs(8), spoilt)).batch(4)
    with pytest.raises(ValueError, match="targets: 1 of 4 images hold NaN"):
        model.fit(data, verbose=0)
    with pytest.raises(ValueError, match="single images"):
        model.fit(data.unbatch(), verbose=0)


def test_one_modality_where_several_are_taken_is_named():
    with pytest.raises(ValueError, match="inputs have 1 channels; these networks take 3"):
        fusing().fit(blobs(4), blobs(4, 3), verbose=0)
    with pytest.raises(ValueError, match="at least one modality must be there"):
        fusing().translate(blobs(4, 3), [0, 0, 0])
    with pytest.raises(ValueError, match="presence has shape"):
        fusing().translate(blobs(4, 3), [1, 1])
    with pytest.raises(ValueError, match="takes no presence"):
        paired().translate(blobs(4), [1])
    with pytest.raises(ValueError, match="nothing to fuse"):
        fusion_generator(16, 1)


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: unet_generator(20, widths=(4, 4, 4)), "cannot be halved 3 times"),
        (lambda: unet_generator(16, widths=WIDTHS, last="softmax"), "last='softmax' is none of"),
        (lambda: patch_discriminator(20, widths=(4, 4, 4)), "cannot be halved"),
        (lambda: paired(adversarial_weight=0, terms=[]), "nothing to minimise"),
        (lambda: CycleGAN(unet_generator(16, 2, 1, WIDTHS), unet_generator(16, 1, 1, WIDTHS),
                          *[patch_discriminator(16, 1, 0, WIDTHS)] * 2), "each must take"),
    ],
)  # fmt: skip
def test_networks_that_cannot_be_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def contrasts(rows):
    """Slices of these (subject, position, contrast)."""
    subjects, positions, codes = map(np.array, zip(*rows, strict=True))
    images = np.full((len(rows), 8, 8, 1), -1, np.float32) + codes[:, None, None, None] * 0.5
    labels = {"contrast": codes, "lesion": codes * 0}
    return Slices(images, subjects, positions.astype(np.float32), labels=labels,
                  info={"contrasts": ["T1", "T2"]})  # fmt: skip


def test_contrasts_become_channels_by_subject_and_level():
    rows = [("a", 1.0, 0), ("a", 2.0, 0), ("a", 2.0, 1), ("a", 1.0, 1), ("b", 1.0, 1), ("b", 1, 0)]
    stacked = as_channels(contrasts(rows))
    assert stacked.images.shape == (3, 8, 8, 2) and sorted(stacked.labels) == ["lesion"]
    np.testing.assert_array_equal(stacked.images[:, 0, 0], [[-1, -0.5]] * 3)
    with pytest.raises(ValueError, match="b has no T2 at 1"):
        as_channels(contrasts([("a", 1.0, 0), ("a", 1.0, 1), ("b", 1.0, 0)]))
    with pytest.raises(ValueError, match="one contrast"):
        as_channels(Slices(np.full((1, 8, 8, 1), -1.0), np.array(["a"]), np.zeros(1)))
