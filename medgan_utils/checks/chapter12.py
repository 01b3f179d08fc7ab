"""Checks of chapter 12: reading a profile; a loss, an augmentation and a callback of one's own."""

from collections.abc import Callable, Mapping

import numpy as np

from .exercise import exercise, require

BAND = 8  # rows


@exercise(
    "12.1 Most to gain",
    hint="For each part: how long would it take at the matrix rate, and how much is that less? "
    "Mind the units: 1 GFLOP/s is a million operations a millisecond.",
)
def most_to_gain(answer: Callable[[Mapping[str, tuple[float, float]], float], tuple]) -> None:
    """Check `answer(parts, gigaflops)`: the part to work on, and the factor on the whole step.

    Args:
        answer: Takes name -> (milliseconds, operations) and a rate in GFLOP/s.
    """
    parts = {"D": (10.0, 1.8e9), "G": (6.0, 0.2e9), "copy": (3.0, 0)}
    name, factor = answer(dict(parts), 200.0)
    require(name != "D", "'D' is the slowest part, but it runs near the matrix rate already.")
    require(name == "G", f"{name!r} is not the part with most to gain.")
    require(
        np.isclose(float(factor), 19 / 14),
        f"the whole step takes 19 ms and could take 14; your factor is {float(factor):.3f}.",
    )
    name, factor = answer({"D": (10.0, 1.8e9), "G": (6.0, 1e9), "copy": (3.0, 0)}, 200.0)
    require(name == "copy", "a part without operations could vanish: it gains all of its time.")
    require(np.isclose(float(factor), 19 / 16), "the factor is that of the whole step.")
    name, _ = answer({"D": (10.0, 1.8e9), "G": (6.0, 0.2e9)}, 2000.0)
    require(name == "D", "on a machine of ten times the rate another part has most to gain.")


@exercise(
    "12.2 A loss of your own",
    hint="Look at `LeastSquares` in this chapter's package: which three numbers are its targets?",
)
def own_loss(kind: type, gan: type) -> None:
    """Check a sub-class of `AdversarialLoss` with targets 1, -1 and 0; train a `gan` with it."""
    require(
        isinstance(kind, type) and hasattr(kind, "relativistic"),
        "hand over a class that derives from losses.AdversarialLoss.",
    )
    real = np.array([[2.0], [-1.0], [0.5], [1.0]], np.float32)
    fake = np.array([[-2.0], [1.0], [3.0], [-1.0]], np.float32)
    loss = kind()
    of_d = _one_value_an_image(loss.discriminator_loss(real, fake), "discriminator_loss")
    of_g = _one_value_an_image(loss.generator_loss(fake, None), "generator_loss")
    expected = 0.5 * (real - 1)[:, 0] ** 2 + 0.5 * (fake + 1)[:, 0] ** 2
    require(not np.allclose(of_d, 2 * expected), "D's loss is twice too large: halve each square.")
    require(
        np.allclose(of_d, expected, atol=1e-5),
        "D's loss is off: for logits 1 of a real image and -1 of a fake it must be 0, and grow "
        "with the square of the distance from there.",
    )
    require(not np.allclose(of_g, fake[:, 0] ** 2), "G's loss is twice too large: halve it.")
    require(
        np.allclose(of_g, 0.5 * fake[:, 0] ** 2, atol=1e-5),
        "G's loss is off: it must be 0 where D answers 0, and grow on both sides of it.",
    )
    _trains(gan, loss=loss)


def _one_value_an_image(values: object, name: str) -> np.ndarray:
    if values is None:
        raise NotImplementedError
    found = np.asarray(values, np.float32)
    require(found.shape != (), f"{name} returns one number: leave the average to the GAN.")
    require(found.shape == (4,), f"{name} has shape {found.shape} for 4 images, not (4,).")
    return found


@exercise(
    "12.3 An augmentation of your own",
    hint="Draw one number an image from the seed; compare the row numbers with it; choose between "
    "-1 and the image.",
)
def own_augmentation(kind: type, gan: type) -> None:
    """Check a layer that blackens eight rows at a height drawn for each image; train with it."""
    images = np.random.default_rng(0).uniform(-0.9, 0.9, (6, 32, 32, 1)).astype(np.float32)
    layer = kind()
    first = _called(layer, images, [3, 5])
    starts = _starts(first, images)
    require(len(set(starts)) > 1, "all bands lie at one height: draw a number for each image.")
    require(np.array_equal(first, _called(layer, images, [3, 5])), "equal seeds, other bands.")
    again = _starts(_called(layer, images[::-1], [3, 5]), images[::-1])
    require(starts == again, "the band's height depends on the image: the seed alone decides.")
    for other in ([3, 6], [4, 5]):
        require(
            not np.array_equal(first, _called(layer, images, other)),
            f"the seeds [3, 5] and {other} give the same bands: use both numbers.",
        )
    drawn = [_starts(_called(layer, images, [k, 7]), images) for k in range(60)]
    seen, places = {start for one in drawn for start in one}, 32 - BAND + 1
    apart = {tuple((start - one[0]) % places for start in one) for one in drawn}
    require(len(apart) > 1, "the bands of a batch hang together: draw a number for each image.")
    require(min(seen) == 0, "the band never touches the first row.")
    require(max(seen) == 32 - BAND, "the band never touches the last row.")
    require(len(seen) == places, f"of {places} heights only {len(seen)} are ever drawn.")
    larger = np.random.default_rng(1).uniform(-0.9, 0.9, (6, 48, 32, 1)).astype(np.float32)
    seen = {start for k in range(60) for start in _starts(_called(kind(), larger, [k, 7]), larger)}
    require(
        max(seen) == 48 - BAND, "of 48 rows the band never touches the last: take their number."
    )
    _require_flow(layer, images, first)
    _trains(gan, augment=layer)


def _called(layer: object, images: np.ndarray, seed: list[int]) -> np.ndarray:
    found = layer(images, seed=seed)
    if found is None:
        raise NotImplementedError
    found = np.asarray(found)
    require(found.shape == images.shape, f"the shape changed to {found.shape}.")
    return found


def _starts(changed: np.ndarray, images: np.ndarray) -> list[int]:
    """Return the first row of each band; refuse what is no band of eight rows."""
    dark = (changed == -1).all(axis=(2, 3))
    for rows in dark:
        where = np.flatnonzero(rows)
        require(len(where) == BAND, f"{len(where)} rows of an image are black, not {BAND}.")
        require(where[-1] - where[0] == BAND - 1, "the black rows do not lie side by side.")
    kept = ~dark
    require(
        np.allclose(changed[kept], images[kept], atol=1e-6), "rows outside the band changed, too."
    )
    return [int(np.flatnonzero(rows)[0]) for rows in dark]


def _require_flow(layer: object, images: np.ndarray, changed: np.ndarray) -> None:
    """Require a gradient of 1 where the image is left, and of 0 in the band."""
    import tensorflow as tf

    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(layer(x, seed=[3, 5]))
    slope = tape.gradient(total, x)
    require(slope is not None, "no gradient flows: stay with TensorFlow or keras.ops.")
    kept = np.broadcast_to(~(changed == -1).all(axis=(2, 3), keepdims=True), images.shape)
    require(np.allclose(slope, kept), "the gradient is not 1 outside the band and 0 inside.")


@exercise(
    "12.4 A callback of your own",
    hint="Look at the last `patience` leads only; begin a new list in on_train_begin.",
)
def own_callback(kind: type, gan: type) -> None:
    """Check a callback that stops when D's lead is above a limit for some epochs in a row."""
    callback = kind(2.0, 3)
    leads = [3.0, 1.0, 3.0, 2.0, 3.0, 3.0, 3.0]
    stopped = _played(callback, leads)
    require(stopped is not None, "it never stops, though the lead was 3, 3, 3 at the end.")
    require(stopped != 2, "it counts epochs that do not lie in a row.")
    require(
        stopped != 4,
        "it stops after leads of 3, 2, 3: a lead equal to the limit is not above it, and epochs "
        "that do not lie in a row do not count.",
    )
    require(stopped != 5, "a lead equal to the limit is not larger than it.")
    require(stopped == 6, f"it stops after epoch {stopped + 1} of {leads}, not after the last.")
    count = len(callback.leads)
    require(count == len(leads), f"`leads` has {count} entries after {len(leads)} epochs.")
    require(np.allclose(callback.leads, leads), "`leads` does not hold the leads of all epochs.")
    _played(callback, [3.0, 3.0])  # a fit that ends in the middle of a row
    again = _played(callback, [3.0, 3.0, -5.0, -5.0, -5.0])
    require(again is None, "the second `fit` does not start anew, or a negative lead counts.")
    require(len(callback.leads) == 5, "`leads` still holds those of the first `fit`.")
    history = _trains(gan, epochs=5, callbacks=[kind(-1e9, 2)])
    count = len(history.epoch)
    require(count == 2, f"a GAN whose D always leads trained {count} epochs with patience 2.")


def _played(callback: object, leads: list[float]) -> int | None:
    """Return the epoch after which a callback stops a training with these leads, or None."""
    import keras

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.stop_training = False
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, lead in enumerate(leads):
        callback.on_epoch_end(epoch, {"real_logit": 0.5 + lead, "fake_logit": 0.5, "d_loss": 1.0})
        if model.stop_training:
            return epoch
    return None


def _trains(gan: type, epochs: int = 1, callbacks: list | None = None, **settings: object):
    """Train a small GAN for two steps an epoch; return its history."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(0)
    size = (32, 32, 1)
    generator = [layers.Dense(64), layers.Reshape((8, 8, 1)), layers.UpSampling2D(4)]
    generator = keras.Sequential(
        [keras.Input((4,)), *generator, layers.Conv2D(1, 3, padding="same")]
    )
    discriminator = [layers.Conv2D(4, 4, strides=4), layers.Flatten(), layers.Dense(1)]
    trained = gan(generator, keras.Sequential([keras.Input(size), *discriminator]))
    trained.compile(penalties=[], **settings)
    before = [np.array(weight) for weight in generator.trainable_variables]
    images = np.random.default_rng(0).uniform(-1, 1, (16, *size)).astype(np.float32)
    history = trained.fit(images, batch_size=8, epochs=epochs, verbose=0, callbacks=callbacks)
    after = [np.array(weight) for weight in generator.trainable_variables]
    moved = any(not np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    require(moved, "a small GAN was trained with it, and its generator did not move.")
    return history
