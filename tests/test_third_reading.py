"""Faults of training and evaluation that a third reader found, each by the call that showed it."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import X, networks

from medgan_utils import evaluation
from medgan_utils.models import (
    dcgan_generator,
    patch_discriminator,
    unet_generator,
)
from medgan_utils.models.layers import SpectralNormalization
from medgan_utils.models.rivals import small_unet, vae_encoder
from medgan_utils.table import Estimate, Table, format_value
from medgan_utils.training import (
    GAN,
    VAE,
    Diffusion,
    LiveLossPlot,
    Mismatch,
    Monitor,
    Pix2Pix,
    PrivateGAN,
    ResumableCheckpoint,
    distributed,
    losses,
)


@pytest.fixture
def policy():
    """Sets a policy, and the usual one afterwards."""
    yield keras.config.set_dtype_policy
    keras.config.set_dtype_policy("float32")


# Training


def test_the_average_of_64_bit_weights_moves_too(policy):
    policy("float64")
    gan = GAN(*networks(), ema=0.0)
    gan.compile(penalties=[])
    gan.fit(X[:8].astype("float64"), batch_size=4, verbose=0)
    for one, other in zip(gan.generator.weights, gan.ema_generator.weights, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-12)  # a + (b - a) may round


def test_weights_of_16_bits_are_refused(policy):
    policy("bfloat16")
    with pytest.raises(ValueError, match="take the policy mixed_bfloat16"):
        GAN(*networks()).compile()


def test_the_best_weights_need_a_log(tmp_path):
    with pytest.raises(ValueError, match="best= needs log="):
        Monitor(lambda _: {"s": 1.0}, "s", best=tmp_path / "best.weights.h5")


def test_pairs_from_0_to_1_are_refused_from_a_dataset_too():
    model = Pix2Pix(unet_generator(32, widths=(8, 8, 8)), patch_discriminator(32, widths=(8, 8)))
    model.compile()
    half = (X + 1) / 2
    with pytest.raises(ValueError, match=r"2 \* images - 1"):
        model.fit(tf.data.Dataset.from_tensor_slices((half, half)).batch(8), verbose=0)


def test_weights_of_images_are_refused():
    gan = GAN(*networks())
    gan.compile()
    with pytest.raises(ValueError, match="sample_weight: every image counts the same"):
        gan.fit(X, sample_weight=np.ones(16), verbose=0)


def test_a_map_that_equals_its_neighbours_is_no_mismatch():
    maps = np.zeros((4, 8, 8), "int32")
    maps[3, 2:4, 2:4] = 1

    class Batch:
        real, real_logits, num_classes = X[:4], keras.ops.zeros(4), (2,)
        labels, loss = keras.ops.convert_to_tensor(maps), losses.get("hinge")

        def logits(self, images, labels):
            return keras.ops.ones(len(images))

    values = keras.ops.convert_to_numpy(Mismatch()(Batch(), np.array([0, 1])))
    assert list(values != 0) == [True, False, False, True]


def test_spectral_normalisation_is_near_before_the_first_step():
    layer = SpectralNormalization(keras.layers.Dense(32))
    layer.build((None, 64))
    true = np.linalg.norm(layer.layer.kernel, 2)
    assert 0.4 * true < float(layer.sigma()) <= 1.001 * true
    with pytest.raises(ValueError, match="does not count its outputs"):
        SpectralNormalization(keras.layers.Conv2DTranspose(3, 4))


def test_losses_of_32_bits_refuse_networks_of_16(policy):
    policy("mixed_float16")
    encoder, decoder = vae_encoder(32), dcgan_generator(32)
    private = PrivateGAN(*networks(), noise=1.0)
    with pytest.raises(ValueError, match="VAE computes in 32-bit"):
        VAE(encoder, decoder).compile("adam")
    policy("float32")
    with pytest.raises(ValueError, match="PrivateGAN computes in 32-bit"):
        private.compile()
    unet = Diffusion(small_unet(32))
    unet.compile("adam")


def test_a_copy_beside_the_checkpoints_is_nobodys_business(tmp_path):
    gan = GAN(*networks())
    gan.compile()
    keeper = ResumableCheckpoint(tmp_path, every=1)
    (tmp_path / "step-00000001-backup").mkdir()
    gan.fit(X, batch_size=4, steps_per_epoch=3, verbose=0, callbacks=[keeper])
    assert [path.name for path in keeper.saved()] == ["step-00000002", "step-00000003"]
    assert (tmp_path / "step-00000001-backup").is_dir()
    (tmp_path / "step-00000003" / "state.json").write_text("[]")
    again = GAN(*networks())
    again.compile()
    with pytest.warns(UserWarning):
        assert ResumableCheckpoint(tmp_path, every=1).restore(again) == 2


def test_callbacks_of_workers_read_the_means_before_they_are_reset(monkeypatch):
    monkeypatch.setattr(distributed, "is_chief", lambda strategy: True)  # the only one
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
        gan = GAN(*networks())
        gan.compile()
    plot = LiveLossPlot(lambda history: b"", every=2)
    data = tf.data.Dataset.from_tensor_slices(X).repeat().batch(4)
    distributed.fit_workers(gan, data, 4, [plot], 2)
    assert plot.history["step"] == [2, 4] and min(plot.history["d_loss"]) > 0.1


# Evaluation


def test_one_subject_gives_no_interval():
    scores = np.array([3.0, 2.0, -1.0, 0.0, -2.0])
    positive, who = np.array([1, 1, 0, 0, 0], bool), np.array([0, 0, 0, 1, 2])
    auc = evaluation.bootstrap_auc(scores, positive, who)
    assert auc.value == 1.0 and np.isnan([auc.low, auc.high]).all()
    model = keras.Sequential([keras.Input((1, 1, 1)), keras.layers.Flatten()])
    rates = evaluation.score_classifier(model, scores.reshape(-1, 1, 1, 1), positive, who)
    assert np.isnan(rates["sensitivity"].low) and np.isfinite(rates["specificity"].low)
    values = np.array([1.0, 2.0, np.nan, np.nan, np.nan])
    assert np.isnan(evaluation.bootstrap_mean(values, who, 50, 0).low)


def test_images_that_are_not_finite_are_named():
    spoilt = X.copy()
    spoilt[3, 0, 0] = np.nan
    with pytest.raises(ValueError, match="image 3 of 16 is not finite"):
        evaluation.laplacian_descriptors(spoilt)
    with pytest.raises(ValueError, match="images range from nan"):
        evaluation.psnr(spoilt, X)
    with pytest.raises(ValueError, match="1 is too few"):
        evaluation.diversity(X[:1])


def test_a_number_that_rounds_up_to_whole_is_written_whole():
    assert format_value(99.97) == "100" and format_value(99.4) == "99.4"
    assert format_value(0.9997) == "1.00"


def test_a_saved_table_is_json_that_others_read_too(tmp_path):
    table = Table([{"set": "a", "FD": Estimate(2.0, np.nan, np.nan), "KID": float("nan")}])
    refuse = lambda text: pytest.fail(f"{text} is no JSON")  # noqa: E731
    text = table.save(tmp_path / "t.json").read_text("utf-8")
    rows = json.loads(text, parse_constant=refuse)["rows"]
    assert rows == [{"set": "a", "FD": [2.0, None, None], "KID": None}]
    again = Table.from_plain_rows(rows)
    assert again.cells() == table.cells() and np.isnan(again.rows[0]["FD"].low)
