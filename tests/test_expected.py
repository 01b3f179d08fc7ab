"""What a GAN is trained on: refused before the first step where it does not fit."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from small_gan import X

from medgan_utils.models import (
    dcgan_discriminator,
    dcgan_generator,
    patch_discriminator,
    unet_generator,
)
from medgan_utils.training import GAN, Pix2Pix
from medgan_utils.training.expected import Expected

WIDTHS = (8, 8, 4)
IMAGES = np.random.default_rng(0).uniform(-1, 1, (12, 32, 32, 1)).astype("float32")
CLASSES = np.arange(12)[:, None] % 3


def unconditional():
    return Expected((32, 32, 1), None)


def with_three_classes():
    return Expected((32, 32, 1), (3,), (1,))


def as_dataset(images, labels=None):
    parts = images if labels is None else (images, labels)
    return tf.data.Dataset.from_tensor_slices(parts).batch(4)


def refused(expected, images, labels=None):
    """The error of an array, and of the same as a dataset, if they agree."""
    with pytest.raises(ValueError) as by_array:
        expected.data(images, labels)
    try:
        dataset = expected.data(as_dataset(images, labels))[0]
        with pytest.raises(tf.errors.OpError):
            list(dataset)
        by_dataset = expected.refusal
    except ValueError as error:
        by_dataset = error
    assert by_dataset is not None
    return str(by_array.value), str(by_dataset)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ((IMAGES + 1) / 2, "2 * images - 1"),
        ((IMAGES + 1) * 127.5, "/ 127.5 - 1"),
        (((IMAGES + 1) * 127.5).astype("uint8"), "/ 127.5 - 1"),
        (IMAGES * 1000, "or clip to a window first"),
        (IMAGES * 1.2, "np.clip"),
        (np.where(IMAGES == IMAGES[3, 0, 0], np.nan, IMAGES).astype("float32"), "NaN"),
        (np.full_like(IMAGES, np.inf), "NaN or infinity"),
        (IMAGES[:, :16], "(N, 16, 32, 1); these networks take (N, 32, 32, 1)"),
        (np.repeat(IMAGES, 3, axis=-1), "(N, 32, 32, 3)"),
    ],
)
def test_images_of_another_range_or_shape_are_refused_with_a_way_out(images, message):
    for said in refused(unconditional(), images):
        assert message in said


@pytest.mark.parametrize(
    ("images", "advice"),
    [
        (IMAGES > 0, "2 * images.astype('float32') - 1"),
        (np.where(IMAGES > 0, 1, -1), "images.astype('float32')"),
    ],
)
def test_whoever_follows_the_advice_of_an_array_of_whole_numbers_is_through(images, advice):
    with pytest.raises(ValueError, match=re.escape(advice)):
        unconditional().data(images)
    unconditional().data(eval(advice, {"images": images}))


@pytest.mark.parametrize("images", [IMAGES, IMAGES.astype(float), IMAGES * 0, IMAGES * 0 - 1])
def test_images_in_range_pass_whatever_their_precision(images):
    x, _ = unconditional().data(images)
    assert x.dtype == np.float32
    batches = list(unconditional().data(as_dataset(images))[0])
    np.testing.assert_array_equal(np.concatenate(batches), images)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (CLASSES + 1, "subtract 1"),
        (np.eye(3)[CLASSES[:, 0]], "labels.argmax(axis=1)[:, None]"),
        (CLASSES - 1, "unknown label (below 0)"),
        (CLASSES + 0.5, "a label is 0.5; class numbers are whole"),
        (np.where(CLASSES == 2, np.nan, CLASSES), "a label is nan"),
        (CLASSES * 5, "num_classes= the highest label of each column plus one"),
        (CLASSES[:, 0], "labels[:, None]"),
        (None, "needs labels (N, 1)"),
    ],
)
def test_labels_that_are_no_classes_are_refused_with_a_way_out(labels, message):
    for said in refused(with_three_classes(), IMAGES, labels):
        assert message in said


@pytest.mark.parametrize("labels", [[["F"], ["M"]], np.array([[0], [None]]), [["0"], [b"1"]]])
def test_names_in_place_of_class_numbers_lead_to_numbers(labels):
    labels = np.resize(np.array(labels), (len(IMAGES), 1))
    with pytest.raises(ValueError, match=r"class numbers are needed: labels\.astype\(int\), or"):
        with_three_classes().data(IMAGES, labels)


def test_labels_for_a_gan_without_labels_are_refused():
    for said in refused(unconditional(), IMAGES, CLASSES):
        assert said == "this GAN takes no labels"


@pytest.mark.parametrize("kind", ["int64", "uint8", "float32", "bool"])
def test_class_numbers_pass_whatever_their_type(kind):
    labels = (CLASSES % 2).astype(kind)
    assert with_three_classes().data(IMAGES, labels)[1] is not None
    images, classes = next(iter(with_three_classes().data(as_dataset(IMAGES, labels))[0]))
    np.testing.assert_array_equal(classes, labels[:4])
    assert images.shape == (4, 32, 32, 1)


def test_single_images_and_odd_structures_are_named():
    with pytest.raises(ValueError, match=r"add \.batch"):
        unconditional().data(tf.data.Dataset.from_tensor_slices(IMAGES))
    with pytest.raises(ValueError, match=r"images, or \(images, labels\)"):
        unconditional().data(tf.data.Dataset.from_tensor_slices({"image": IMAGES}).batch(4))
    with pytest.raises(TypeError, match=r"an array or a tf\.data\.Dataset"):
        unconditional().data(iter([IMAGES]))


def test_one_hot_rows_are_the_labels_of_a_generator_that_takes_them():
    one_hot, expected = np.eye(3)[CLASSES[:, 0]], Expected((32, 32, 1), (3,), (3,))
    assert expected.data(IMAGES, one_hot)[1] is not None
    assert len(list(expected.data(as_dataset(IMAGES, one_hot))[0])) == 3
    for said in refused(expected, IMAGES, one_hot * 0):
        assert "a single 1 in each row" in said
    with pytest.raises(ValueError, match=r"takes 2 columns of labels and num_classes=\(3,\)"):
        Expected((32, 32, 1), (3,), (2,))


def one_hot_networks(width):
    """A generator without any Embedding layer, and a discriminator."""
    z, labels = keras.Input((8,)), keras.Input((width,), dtype="int32")
    hot = labels if width > 1 else keras.ops.one_hot(labels[:, 0], 3)
    joined = keras.layers.Concatenate()([z, keras.ops.cast(hot, "float32")])
    images = keras.layers.Dense(32 * 32, activation="tanh")(joined)
    generator = keras.Model([z, labels], keras.layers.Reshape((32, 32, 1))(images))
    x, y = keras.Input((32, 32, 1)), keras.Input((width,), dtype="int32")
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(x), keras.ops.cast(y, "float32")])
    return generator, keras.Model([x, y], keras.layers.Dense(1)(joined))


@pytest.mark.parametrize("width", [1, 3])
def test_a_generator_of_any_kind_trains_and_samples_when_its_classes_are_said(width):
    labels = CLASSES if width == 1 else np.eye(3, dtype=int)[CLASSES[:, 0]]
    with pytest.raises(ValueError, match="num_classes= must say how many"):
        GAN(*one_hot_networks(width))
    gan = GAN(*one_hot_networks(width), num_classes=3)
    gan.compile(penalties=[])
    gan.fit(IMAGES, labels, batch_size=6, verbose=0)
    assert gan.sample(12, labels).shape == IMAGES.shape
    with pytest.raises(ValueError, match="labels"):
        gan.sample(12, labels + 1)


def test_classes_come_from_the_builder_and_have_no_place_without_labels():
    networks = dcgan_generator(32, 1, 8, WIDTHS, (2, 3)), dcgan_discriminator(32, 1, WIDTHS[::-1])
    assert GAN(*networks).num_classes == (2, 3)
    with pytest.raises(ValueError, match="takes no labels"):
        GAN(dcgan_generator(32, 1, 8, WIDTHS), networks[1], num_classes=2)


def test_fit_refuses_before_a_step_is_taken():
    gan = GAN(dcgan_generator(32, 1, 8, WIDTHS), dcgan_discriminator(32, 1, WIDTHS[::-1]))
    gan.compile(penalties=[])
    before = gan.generator.get_weights()
    with pytest.raises(ValueError, match="2 \\* images - 1"):
        gan.fit(as_dataset((IMAGES + 1) / 2), verbose=0)
    assert int(gan.step.numpy()) == int(gan.d_optimizer.iterations.numpy()) == 0
    for one, other in zip(before, gan.generator.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    spoilt = IMAGES.copy()
    spoilt[9, 0, 0] = np.nan  # in the third batch
    with pytest.raises(ValueError, match="1 of 4 images hold NaN"):
        gan.fit(as_dataset(spoilt), verbose=0)
    assert int(gan.step.numpy()) == 2
    gan.fit(as_dataset(IMAGES.astype(float)), verbose=0)
    after = gan.generator.get_weights()
    assert all(np.isfinite(weight).all() for weight in after)
    assert any(np.abs(a - b).max() > 0 for a, b in zip(before, after, strict=True))


def test_validation_data_are_refused_at_once_and_lead_to_monitor():
    gan = GAN(dcgan_generator(32, 1, 8, WIDTHS), dcgan_discriminator(32, 1, WIDTHS[::-1]))
    gan.compile()
    for settings in (dict(validation_data=(IMAGES,)), dict(validation_split=0.5)):
        with pytest.raises(ValueError, match="Monitor"):
            gan.fit(IMAGES, verbose=0, **settings)
    with pytest.raises(ValueError, match="Monitor"):
        gan.evaluate(IMAGES)
    assert int(gan.step.numpy()) == 0


def test_a_bright_patch_alone_in_its_batch_is_trained_on():
    dark, bright = np.full((1, 8, 8, 1), -0.5, np.float32), np.linspace(0.1, 0.6, 64)
    images = np.concatenate([dark, bright.reshape(1, 8, 8, 1).astype(np.float32)])
    expected = Expected((8, 8, 1), None)
    assert len(list(expected.dataset(tf.data.Dataset.from_tensor_slices(images).batch(1)))) == 2
    with pytest.raises(tf.errors.OpError):
        list(expected.dataset(tf.data.Dataset.from_tensor_slices(images[[1] * 4]).batch(4)))
    assert "2 * images - 1" in str(expected.refusal)


def test_pairs_from_0_to_1_are_refused_from_a_dataset_too():
    model = Pix2Pix(unet_generator(32, widths=(8, 8, 8)), patch_discriminator(32, widths=(8, 8)))
    model.compile()
    half = (X + 1) / 2
    with pytest.raises(ValueError, match=r"2 \* images - 1"):
        model.fit(tf.data.Dataset.from_tensor_slices((half, half)).batch(8), verbose=0)


def test_labels_of_a_dataset_that_are_text_are_refused_before_the_first_batch():
    images = np.zeros((4, 8, 8, 1), np.float32)
    data_of_text = tf.data.Dataset.from_tensor_slices((images, np.array([["a"]] * 4))).batch(2)
    with pytest.raises(ValueError, match="class numbers are"):
        Expected((8, 8, 1), (3,), (1,)).dataset(data_of_text)


def test_a_wrong_label_is_not_blamed_on_a_few_bright_images():
    bright = np.linspace(0.01, 0.99, 3 * 64, dtype=np.float32).reshape(3, 8, 8, 1)
    expected = Expected((8, 8, 1), (3,), (1,))
    wrong = tf.data.Dataset.from_tensors((bright, np.array([[0], [7], [1]])))
    with pytest.raises(Exception, match="labels reach from"):
        list(expected.dataset(wrong))
    assert "labels reach" in str(expected.refusal)


def test_pairs_of_unknown_rank_are_seen_batch_by_batch(eagerly):
    def pairs():
        yield X[:4], X[:4]

    data = tf.data.Dataset.from_generator(pairs, output_types=(tf.float32, tf.float32))
    model = Pix2Pix(unet_generator(32, widths=(8, 8, 8)), patch_discriminator(32, widths=(8, 8)))
    model.compile()
    model.fit(data, verbose=0)
    assert int(model.step.numpy()) == 1
