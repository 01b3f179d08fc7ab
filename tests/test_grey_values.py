"""Lines and curves of grey values, fitted where they are scored."""

import numpy as np
import pytest

from medgan_utils import evaluation


def test_a_dark_given_contrast_is_fitted_where_it_is_scored():
    x = np.full((2, 16, 16, 1), -0.88, np.float32)
    x[:, 4:8, 4:8] = 0.5
    y = np.where(x > 0, 0.1, 0.6).astype(np.float32)
    body = np.ones((2, 16, 16), bool)
    for fit in (evaluation.line_of_grey_values, evaluation.curve_of_grey_values):
        assert np.abs(fit(x, y, x, body=body) - y).max() < 0.01
        with pytest.raises(ValueError, match="no grey values to fit"):
            fit(np.full_like(x, -1), y, x)


def test_what_costs_nothing_is_a_curve_too():
    random = np.random.default_rng(0)
    x = random.uniform(-0.7, 1, (4, 16, 16, 1)).astype(np.float32)
    y = np.abs(x) * 1.6 - 0.8  # no line
    line, curve = (
        np.abs(fit(x, y, x) - y)[evaluation.bodies(x)].mean()
        for fit in (evaluation.line_of_grey_values, evaluation.curve_of_grey_values)
    )
    assert curve < 0.05 < 0.2 < line
