import numpy as np
import pytest

from medgan_utils.models import dcgan_generator, fitted_direction, sefa_directions


def test_sefa_directions_are_the_top_singular_vectors():
    generator = dcgan_generator(32, 1, 8, (8, 8, 4), 3)
    directions = sefa_directions(generator, 8)
    np.testing.assert_allclose(directions @ directions.T, np.eye(8), atol=1e-5)
    kernel = np.asarray(generator.get_layer("project").kernel)[:8]
    gains = np.linalg.norm(directions @ kernel, axis=1)
    np.testing.assert_allclose(gains, np.linalg.svd(kernel, compute_uv=False), rtol=1e-4)
    with pytest.raises(ValueError, match="between 1 and latent_dim=8"):
        sefa_directions(generator, 9)


def test_the_fitted_direction_is_the_way_up_of_the_value():
    random = np.random.default_rng(0)
    z = random.standard_normal((400, 16))
    truth = random.standard_normal(16)
    truth /= np.linalg.norm(truth)
    values = 100 + 7 * z @ truth + random.normal(0, 1, 400)
    direction = fitted_direction(z, values)
    assert direction.dtype == np.float32 and np.linalg.norm(direction) == pytest.approx(1)
    assert direction @ truth > 0.99
    np.testing.assert_allclose(fitted_direction(z, -values), -direction, atol=1e-6)


@pytest.mark.parametrize(
    ("count", "values", "said"),
    [(400, np.zeros(400), "the same"), (400, np.arange(3), "as many"), (17, np.arange(17), "18")],
)
def test_a_direction_that_cannot_be_fitted_is_refused(count, values, said):
    z = np.random.default_rng(0).standard_normal((count, 16))
    with pytest.raises(ValueError, match=said):
        fitted_direction(z, values)


def test_more_directions_than_the_first_layer_has():
    generator = dcgan_generator(32, latent_dim=64, widths=(1, 4, 4))
    assert sefa_directions(generator, 16).shape == (16, 64)
    with pytest.raises(ValueError, match="between 1 and 16"):
        sefa_directions(generator, 40)
