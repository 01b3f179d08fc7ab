"""The net of dots that slices of a generator share, and how it is taken out."""

import keras
import numpy as np
import pytest

from recipes.correct_grid import WithoutGrid
from recipes.grid import TISSUES, grid_strength


def test_a_pattern_of_every_eighth_pixel_is_found_and_noise_and_anatomy_are_not():
    random = np.random.default_rng(0)
    images = 0.05 * random.standard_normal((64, 64, 64, 1)).astype(np.float32)
    for image, (row, column) in zip(images, random.integers(0, 40, (64, 2)), strict=True):
        image[row : row + 20, column : column + 20] += random.uniform(0, 0.5)  # an organ
    alone = float(grid_strength(images))
    pattern = np.kron(np.ones((8, 8)), 0.1 * random.standard_normal((8, 8)))[None, :, :, None]
    assert alone < 0.003
    assert float(grid_strength(images + pattern)) == pytest.approx(pattern.std(), rel=0.2)


def test_air_and_bone_do_not_count():
    dots = np.zeros((2, 16, 16, 1), np.float32)
    dots[:, ::4, ::4] = 0.1
    assert float(grid_strength(dots)) > 0.02
    for level in (-0.95, 0.95):
        assert float(grid_strength(dots + level)) < 1e-5


def test_a_net_does_not_hide_behind_its_negative_in_another_tissue():
    rows, columns = np.indices((64, 64))
    chequer = 0.05 * (-1.0) ** (rows + columns)
    images = np.tile(np.where(columns < 32, -0.6 + chequer, 0.2 - chequer), (8, 1, 1))
    images = images[..., None].astype(np.float32)
    assert float(grid_strength(images)) < 0.02
    assert float(grid_strength(images, TISSUES)) == pytest.approx(0.05, rel=0.1)


def test_the_net_goes_and_the_picture_stays():
    """A generator whose last layer adds dots to a ramp; only it is moved."""
    keras.utils.set_random_seed(0)

    def drawn():
        z = keras.Input((2,))
        x = keras.layers.Reshape((8, 8, 64))(keras.layers.Dense(64 * 64)(z))
        return keras.Model(z, keras.layers.Activation("tanh")(_to_space(x)))

    generator, before = drawn(), drawn()
    dots = np.zeros(64, np.float32)
    dots[::4] = 0.3
    before.layers[1].set_weights([0.02 * np.ones((2, 64 * 64)), np.tile(dots, 64)])
    generator.set_weights(before.get_weights())
    model = WithoutGrid(generator, before)
    model.compile(keras.optimizers.Adam(1e-2))
    z = np.random.default_rng(0).standard_normal((32, 2)).astype(np.float32)
    old = before.predict(z, verbose=0)
    model.fit(z, batch_size=32, epochs=60, verbose=0)
    new = generator.predict(z, verbose=0)
    assert float(grid_strength(new)) < float(grid_strength(old)) / 5
    assert np.abs(new.mean((1, 2)) - old.mean((1, 2))).mean() < 0.1
    assert np.array_equal(before.predict(z, verbose=0), old)


def _to_space(x):
    """Blocks of 64 channels as 8 x 8 pixels."""
    x = keras.layers.Reshape((8, 8, 8, 8))(x)
    x = keras.layers.Permute((1, 3, 2, 4))(x)
    return keras.layers.Reshape((64, 64, 1))(x)
