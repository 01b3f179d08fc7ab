"""Operations are counted layer by layer, from shapes alone."""

import keras

from medgan_utils.models import dcgan_generator, layer_operations


def test_each_kind_of_layer_is_counted_by_its_rule():
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(5, 4, strides=2, padding="same", name="down")(image)
    x = keras.layers.Conv2DTranspose(2, 4, strides=2, padding="same", name="up")(x)
    x = keras.layers.LeakyReLU()(keras.layers.BatchNormalization()(x))
    x = keras.layers.Dense(1, name="score")(keras.layers.Flatten()(x))
    assert layer_operations(keras.Model(image, x)) == {
        "down": 2 * 4 * 4 * 3 * 5 * 4 * 4,  # once for each pixel that comes out
        "up": 2 * 4 * 4 * 5 * 2 * 4 * 4,  # once for each pixel that goes in
        "score": 2 * 8 * 8 * 2,
    }


def test_a_layer_of_twice_the_channels_costs_twice_each_side():
    narrow = layer_operations(dcgan_generator(32, widths=(16, 8, 4)))
    wide = layer_operations(dcgan_generator(32, widths=(32, 16, 8)))
    assert list(narrow) == ["project", "up_8", "up_16", "up_32"]
    assert [wide[name] / narrow[name] for name in narrow] == [2, 4, 4, 2]
