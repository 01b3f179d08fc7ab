"""A painter that pays for what readers find where its map has nothing."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from medgan_utils.models import map_generator
from recipes import correct_painter
from recipes.correct_painter import Correction, mean_inside, misread


def test_a_right_reading_costs_nothing_and_false_pixels_cost_most():
    truth = np.zeros((2, 8, 8, 1), np.float32)
    truth[0, :4] = 1
    right = misread(tf.constant(40 * (2 * truth - 1)), tf.constant(truth))
    assert float(right) == pytest.approx(0, abs=1e-5)
    missed = misread(tf.constant(-40 + 0 * truth), tf.constant(truth))
    invented = misread(tf.constant(40 + 0 * truth), tf.constant(truth))
    assert 0 < float(missed) < float(invented)


def test_the_mean_of_a_tumour_is_counted_by_slice_and_nowhere_is_0():
    values, truth = np.zeros((2, 4, 4, 1), np.float32), np.zeros((2, 4, 4, 1), np.float32)
    values[0, 0, :2, 0], truth[0, 0, :2] = (1.0, 3.0), 1
    values[1] = 5
    assert mean_inside(values, truth).numpy().tolist() == [2.0, 0.0]


@pytest.fixture(scope="module")
def trained():
    """For two weights of the grey: what `corrected` returns."""
    with pytest.MonkeyPatch.context() as patch:
        return {grey: corrected(grey, patch) for grey in (0.0, 100.0)}


def corrected(grey, patch):
    """A painter of maps with a tumour, corrected; its images, those before, and its history."""
    patch.setattr(correct_painter, "GREY", grey)
    keras.utils.set_random_seed(0)
    shape = dict(latent_dim=4, widths=(8, 8, 8), num_classes=3)
    painter, before = map_generator(32, **shape), map_generator(32, **shape)
    before.set_weights(painter.get_weights())
    image = keras.Input((32, 32, 1))
    reader = keras.Model(image, keras.layers.Rescaling(20.0)(image))  # bright is a tumour
    model = Correction(painter, before, [reader], (2,))
    model.compile(keras.optimizers.Adam(1e-2))
    maps = np.ones((16, 32, 32), np.int32)
    maps[:8, 8:20, 8:20] = 2
    data = np.random.default_rng(0).standard_normal((16, 4), dtype=np.float32), maps
    kept = [weight.copy() for weight in before.get_weights()]
    history = model.fit(*data, batch_size=16, epochs=40, verbose=0).history
    assert all(map(np.array_equal, kept, before.get_weights()))
    images, old = (one.predict(list(data), verbose=0)[..., 0] for one in (painter, before))
    return images, old, maps, history


def test_only_the_painter_is_moved_and_learns_to_be_read(trained):
    images, _, maps, history = trained[0.0]
    assert history["read"][-1] < history["read"][0] / 2
    assert images[maps == 2].mean() > images[maps == 1].mean()


def test_the_grey_of_a_tumour_is_kept_where_it_counts(trained):
    moved = {
        grey: abs(images[maps == 2].mean() - old[maps == 2].mean())
        for grey, (images, old, maps, _) in trained.items()
    }
    assert moved[100.0] < moved[0.0] / 3
