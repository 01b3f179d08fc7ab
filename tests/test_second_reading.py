"""Faults of training and evaluation that a second reader found, each by the call that showed it."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import WIDTHS, X, networks

from medgan_utils import evaluation
from medgan_utils.models import (
    dcgan_generator,
    patch_discriminator,
    save_generator,
    unet_generator,
)
from medgan_utils.training import (
    GAN,
    L1,
    CycleGAN,
    Mismatch,
    Monitor,
    Pix2Pix,
    PrivateGAN,
    ResumableCheckpoint,
    SampleGrid,
    StopAfter,
    start_anew,
)
from medgan_utils.training.batch import DiscriminatorBatch

Y = X[:8, :16, :16]


def gan(**settings):
    model = GAN(*networks())
    model.compile(**settings)
    return model


def translator():
    return unet_generator(16, widths=(4,)), patch_discriminator(16, widths=(4,))


def cycle():
    critics = [patch_discriminator(16, condition=0, widths=(4,)) for _ in range(2)]
    return CycleGAN(*(unet_generator(16, widths=(4,)) for _ in range(2)), *critics)


def private(noise):
    model = PrivateGAN(*networks(), noise=noise, lot=4, images_per_subject=1)
    model.compile()
    return model


def test_epsilon_is_known_after_a_resume_and_not_of_another_noise(tmp_path):
    first = private(0.5)
    keeper = ResumableCheckpoint(tmp_path)
    first.fit(X[:8], np.arange(8), steps_per_epoch=5, verbose=0, callbacks=[keeper])
    again, other = private(0.5), private(4.0)
    assert keeper.restore(again) == keeper.restore(other) == 5
    assert again.epsilon(1e-3) == other.epsilon(1e-3) == first.epsilon(1e-3)
    with pytest.raises(ValueError, match=r"noise=0\.5 before, now .*noise=4"):
        other.fit(X[:8], np.arange(8), steps_per_epoch=1, verbose=0)


def test_a_folder_that_is_ahead_is_refused(tmp_path):
    gan().fit(X, batch_size=4, verbose=0, callbacks=[ResumableCheckpoint(tmp_path, 2)])
    with pytest.raises(ValueError, match="ahead of step 0"):
        gan().fit(X, batch_size=8, verbose=0, callbacks=[ResumableCheckpoint(tmp_path, 2)])


def test_pictures_beside_checkpoints_are_no_checkpoints(tmp_path):
    model, keeper = gan(), ResumableCheckpoint(tmp_path, 2)
    grid = SampleGrid(model.latents(2), lambda images: b"picture", 2, tmp_path)
    model.fit(X, batch_size=4, epochs=2, verbose=0, callbacks=[grid, keeper])
    assert [path.name for path in keeper.saved()] == ["step-00000006", "step-00000008"]


@pytest.mark.parametrize("name", ["augment", "terms", "penalties"])
def test_what_a_translation_would_not_use_is_refused(name):
    setting = {name: keras.layers.Identity() if name == "augment" else [L1(1)]}
    with pytest.raises(ValueError, match=f"takes no {name}"):
        cycle().compile(**setting)
    if name == "augment":
        with pytest.raises(ValueError, match="takes no augment"):
            Pix2Pix(*translator()).compile(**setting)


def test_a_wrong_one_hot_label_is_another_class():
    shown = []

    def ask(pair):
        shown.append(pair[1])
        return tf.zeros((len(pair[0]), 1))

    labels, images = tf.eye(3), tf.constant(X[:3])
    loss = gan().loss_function
    batch = DiscriminatorBatch(ask, images, images, labels, (3,), loss)
    Mismatch()(batch, np.array([0, 1]))
    wrong = np.asarray(shown[0])
    assert (wrong.sum(axis=1) == 1).all() and not (wrong * np.eye(3)).any()


def test_a_perfect_mask_at_the_edge_of_the_image_has_no_error():
    masks = np.zeros((2, 32, 32), bool)
    masks[:, :20, 5:25] = True
    bias = evaluation.annotation_bias(masks, masks, [0, 1], 1.0)
    assert bias["border (mm)"].value == 0
    with pytest.raises(ValueError, match="no subject has the finding"):
        evaluation.annotation_bias(masks & False, masks, [0, 1], 1.0)


@pytest.mark.parametrize("kind", [keras.optimizers.Nadam, keras.optimizers.Adagrad])
def test_starting_anew_is_as_good_as_new(kind):
    fresh, old = translator(), Pix2Pix(*translator())
    old.compile(kind(1e-3), kind(1e-3), terms=[L1(1)])
    start_anew(old, *fresh)
    new = Pix2Pix(*fresh)
    new.compile(kind(1e-3), kind(1e-3), terms=[L1(1)])
    for model in (old, new):
        model.fit(Y, -Y, batch_size=4, verbose=0)
    pairs = zip(old.generator.get_weights(), new.generator.get_weights(), strict=True)
    assert max(np.abs(a - b).max() for a, b in pairs) < 1e-6


def test_scores_that_are_no_numbers_have_no_auc():
    with pytest.raises(ValueError, match="20 of 20 scores are NaN"):
        evaluation.membership_by_logit(np.full(10, np.nan), np.full(10, np.nan))


def test_a_clock_stops_nobody_elses_stop_and_counts_steps_anew():
    model = gan()
    early = Monitor(lambda _: {"s": 1.0}, "s", every=1, patience=1)
    model.fit(X, batch_size=8, epochs=5, verbose=0, callbacks=[early, StopAfter(100)])
    assert int(model.step.numpy()) == 2
    clock = StopAfter(1e-9)
    for _ in range(2):
        model = gan(steps_per_execution=2)
        model.fit(X, batch_size=4, verbose=0, callbacks=clock)
        assert clock.steps == int(model.step.numpy()) == 2


def test_a_cycle_gan_shows_samples_and_its_translators_can_be_saved(tmp_path):
    model = cycle()
    model.compile()
    model.fit(Y, Y, batch_size=8, verbose=0, callbacks=[SampleGrid(Y[:2], every=1)])
    save_generator(model.ema_generator.get_layer("forward"), tmp_path / "g", "card")
    assert [*tmp_path.iterdir()]


def test_a_number_of_classes_may_come_from_numpy():
    labels = np.array([0, 2])
    model = dcgan_generator(32, latent_dim=8, widths=WIDTHS, num_classes=labels.max() + 1)
    assert len(model.inputs) == 2
