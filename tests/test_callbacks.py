"""What the callbacks do while a GAN trains."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import X, compiled, networks

from medgan_utils.models import (
    dcgan_discriminator,
    dcgan_generator,
    patch_discriminator,
    unet_generator,
)
from medgan_utils.models.rivals import small_unet
from medgan_utils.training import (
    GAN,
    L1,
    Diffusion,
    LiveLossPlot,
    Monitor,
    Pix2Pix,
    ResumableCheckpoint,
    SampleGrid,
    StopAfter,
    start_anew,
)


@pytest.fixture
def gan():
    keras.utils.set_random_seed(0)
    made = GAN(dcgan_generator(32, 1, 8, (8, 8, 4)), dcgan_discriminator(32, 1, (4, 8, 8)))
    made.compile()
    return made


def train(gan, steps, *callbacks):
    images = np.zeros((8, 32, 32, 1), "float32")
    data = tf.data.Dataset.from_tensor_slices(images).repeat().batch(4)
    gan.fit(data, steps_per_epoch=steps, epochs=1, verbose=0, callbacks=list(callbacks))


def test_sample_grid_draws_the_same_latents_and_the_last_step(gan, tmp_path):
    grid = SampleGrid(gan.latents(3), lambda x: bytes(x.shape), every=2, folder=tmp_path)
    train(gan, 5, grid)
    assert [step for step, _ in grid.frames] == [2, 4, 5]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"step-{step:08d}.png" for step in (2, 4, 5)
    ]
    np.testing.assert_allclose(grid.frames[-1][1], gan.sample(gan.latents(3)), atol=1e-6)


def test_monitor_stops_when_the_score_stops_improving_and_keeps_the_best(gan, tmp_path):
    scores = iter([3.0, 1.0, 2.0, 2.5, 0.0])
    weights = []

    def score(model):
        weights.append(model.ema_generator.get_weights())
        return {"fd": next(scores)}

    monitor = Monitor(
        score, "fd", every=1, patience=2, best=tmp_path / "best.weights.h5", log=tmp_path / "log"
    )
    images = tf.data.Dataset.from_tensors(np.zeros((4, 32, 32, 1), "float32")).repeat()
    gan.fit(images, steps_per_epoch=1, epochs=10, verbose=0, callbacks=[monitor])
    assert [row["fd"] for row in monitor.rows] == [3.0, 1.0, 2.0, 2.5]
    assert [row["step"] for row in monitor.rows] == [1, 2, 3, 4]
    for kept, best in zip(monitor.best_weights, weights[1], strict=True):
        np.testing.assert_array_equal(kept, best)
    gan.ema_generator.load_weights(tmp_path / "best.weights.h5")
    for kept, best in zip(gan.ema_generator.get_weights(), weights[1], strict=True):
        np.testing.assert_array_equal(kept, best)


def test_a_score_that_is_no_number_is_never_the_best(gan):
    scores = iter([float("nan"), 3.0, float("nan"), 2.0, 2.5])
    monitor = Monitor(lambda _: {"fd": next(scores)}, "fd", every=1, patience=3)
    since, kept = [], []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: (
            since.append(monitor.scores_since_best()),
            kept.append(monitor.best_weights is not None),
        )
    )
    train(gan, 5, monitor, note)
    assert since == [1, 0, 1, 0, 1] and kept == [False, True, True, True, True]


def test_weights_that_are_no_numbers_are_not_scored(gan):
    bias = gan.ema_generator.get_layer("up_32").bias
    bias.assign(bias * np.nan)
    scored = []
    with pytest.raises(FloatingPointError, match=r"by step 1 .*not finite"):
        train(gan, 1, Monitor(lambda _: scored.append(1), "fd", every=1))
    assert not scored


def test_a_score_without_the_watched_name_is_named(gan):
    with pytest.raises(ValueError, match=r"watch='FD' is none of .* fd"):
        train(gan, 1, Monitor(lambda _: {"fd": 1.0}, "FD", every=1))


def test_monitor_goes_on_with_the_log_of_the_run_it_resumes(gan, tmp_path):
    log = tmp_path / "log.jsonl"
    train(gan, 3, Monitor(lambda _: {"fd": 1.0}, "fd", every=1, log=log))
    gan.step.assign(2)  # as if resumed from step 2
    monitor = Monitor(lambda _: {"fd": 2.0}, "fd", every=1, log=log)
    train(gan, 2, monitor)
    assert [(row["step"], row["fd"]) for row in monitor.rows] == [(1, 1), (2, 1), (3, 2), (4, 2)]
    assert len(log.read_text().splitlines()) == 4


def test_live_plot_replaces_its_picture(gan, monkeypatch):
    import IPython.display

    shown = []

    class Handle:
        def update(self, picture):
            shown.append(("update", picture.data))

    def display(picture, display_id):
        shown.append(("display", picture.data))
        return Handle()

    monkeypatch.setattr(IPython.display, "display", display)
    plot = LiveLossPlot(lambda history: b"%d" % len(history["step"]), every=2)
    train(gan, 6, plot)
    assert shown == [("display", b"1"), ("update", b"2"), ("update", b"3")]
    assert set(plot.history) == {"step", "d_loss", "g_loss", "real_logit", "fake_logit", "penalty"}


@pytest.mark.parametrize("every", [0, -1, 2.5])
def test_intervals_that_are_no_whole_number_from_one_are_refused(every, tmp_path):
    for make in (
        lambda: SampleGrid(np.zeros((1, 8)), every=every),
        lambda: Monitor(lambda _: {}, "fd", every=every),
        lambda: LiveLossPlot(bytes, every=every),
        lambda: ResumableCheckpoint(tmp_path, every=every),
    ):
        with pytest.raises(ValueError, match=f"every={every}"):
            make()


def test_every_multiple_is_acted_on_also_where_several_steps_are_taken_at_once(gan, tmp_path):
    gan.compile(penalties=[], steps_per_execution=8)
    grid = SampleGrid(gan.latents(1), every=10)
    keeper = ResumableCheckpoint(tmp_path, every=10)
    train(gan, 48, grid, keeper)
    assert [step for step, _ in grid.frames] == [16, 24, 32, 40, 48]
    assert [path.name for path in keeper.saved()] == ["step-00000040", "step-00000048"]
    train(gan, 24, grid)  # from 48 on: 50 and 60 are passed, 70 is reached with 72, the end
    assert [step for step, _ in grid.frames][5:] == [56, 64, 72]


def rates(gan):
    return [float(one.learning_rate.numpy()) for one in (gan.g_optimizer, gan.d_optimizer)]


def test_learning_rate_callbacks_move_both_optimisers_and_keep_their_ratio(gan):
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(4e-3))
    halve = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    train(gan, 1, halve)
    np.testing.assert_allclose(rates(gan), [5e-4, 2e-3], rtol=1e-6)
    plateau = keras.callbacks.ReduceLROnPlateau("g_loss", 0.1, 1, mode="min", min_delta=100)
    images = tf.data.Dataset.from_tensors(np.zeros((4, 32, 32, 1), "float32")).repeat()
    gan.fit(images, steps_per_epoch=1, epochs=2, verbose=0, callbacks=[plateau])
    np.testing.assert_allclose(rates(gan), [5e-5, 2e-4], rtol=1e-6)


def test_a_rate_that_follows_a_schedule_is_not_set_by_a_callback(gan):
    decay = keras.optimizers.schedules.CosineDecay(1e-3, 10)
    gan.compile(keras.optimizers.Adam(1e-3), keras.optimizers.Adam(decay))
    for callback in (
        keras.callbacks.LearningRateScheduler(lambda epoch: 1e-4),
        keras.callbacks.ReduceLROnPlateau("g_loss", mode="min"),
    ):
        with pytest.raises(ValueError, match="follows a schedule"):
            train(gan, 1, callback)
    assert int(gan.step.numpy()) == 0


Y = X[:8, :16, :16]


def translator():
    return unet_generator(16, widths=(4,)), patch_discriminator(16, widths=(4,))


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


def test_a_clock_stops_nobody_elses_stop_and_counts_steps_anew():
    model = compiled()
    early = Monitor(lambda _: {"s": 1.0}, "s", every=1, patience=1)
    model.fit(X, batch_size=8, epochs=5, verbose=0, callbacks=[early, StopAfter(100)])
    assert int(model.step.numpy()) == 2
    clock = StopAfter(1e-9)
    for _ in range(2):
        model = compiled(steps_per_execution=2)
        model.fit(X, batch_size=4, verbose=0, callbacks=clock)
        assert clock.steps == int(model.step.numpy()) == 2


def test_the_best_weights_need_a_log(tmp_path):
    with pytest.raises(ValueError, match="best= needs log="):
        Monitor(lambda _: {"s": 1.0}, "s", best=tmp_path / "best.weights.h5")


def test_a_finished_run_that_is_started_again_is_not_scored_twice(tmp_path):
    gan, log = GAN(*networks()), tmp_path / "scores.jsonl"
    gan.compile()
    images = np.zeros((8, 32, 32, 1), np.float32)
    for _ in range(3):
        again = Monitor(lambda _: {"score": 1.0}, "score", every=2, log=log)
        missing = 2 - int(gan.step.numpy())
        data = tf.data.Dataset.from_tensor_slices(images).batch(4).repeat().take(max(missing, 0))
        if missing:
            gan.fit(data, verbose=0, callbacks=[again])
        else:  # as `fit` does where its last epoch is behind it
            again.set_model(gan)
            again.on_train_begin()
            again.on_train_end()
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [2]


def test_a_grid_draws_a_second_gan_too(eagerly):
    images = np.random.default_rng(0).uniform(-1, 1, (4, 32, 32, 1)).astype(np.float32)
    grid = SampleGrid(np.zeros((1, 8), np.float32), every=5)
    for _ in range(2):
        compiled().fit(images, batch_size=4, verbose=0, callbacks=[grid])
    assert [step for step, _ in grid.frames] == [1, 1]


def test_folders_and_suffixes_that_cannot_be_are_refused_at_once(tmp_path):
    with pytest.raises(ValueError, match="folder= needs draw="):
        SampleGrid(np.zeros((1, 8)), folder=tmp_path)
    with pytest.raises(ValueError, match=r"must end in \.weights\.h5"):
        Monitor(lambda _: {"s": 1.0}, "s", log=tmp_path / "l.jsonl", best=tmp_path / "best.h5")
    with pytest.raises(ValueError, match="steps=0"):
        Diffusion(small_unet(32, (4, 4))).sample(1, steps=0)
