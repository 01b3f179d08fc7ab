"""A network of several modalities, some of them missing."""

import keras
import numpy as np
import pytest

from medgan_utils.models import fusion_generator


@pytest.mark.parametrize("training", [False, True])
def test_what_a_missing_modality_holds_has_no_influence(training):
    network = fusion_generator(16, 2, widths=(4, 8))
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 2)).astype(np.float32)
    presence = np.array([[1, 1], [0, 1]], np.float32)
    answers = []
    for filled in (-1.0, 0.7, np.nan):
        images[1, ..., 0] = filled
        copy = keras.models.clone_model(network)
        copy.set_weights(network.get_weights())
        answers.append(np.asarray(copy([images, presence], training=training)))
    assert np.isfinite(answers[2]).all()
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])
