"""Distances to solids, and smooth random fields."""

import numpy as np
import pytest

from medgan_utils.phantoms.solids import capsule, ellipsoid, random_field, smooth_cut, stretched


@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 5.0), 4.0])
def test_a_random_field_is_smooth_and_of_unit_size(spacing_mm):
    field = random_field(np.random.default_rng(0), (50, 40, 30), spacing_mm, 20)
    assert field.shape == (50, 40, 30) and field.dtype == np.float32
    assert 0.7 < field.std() < 1.3
    assert np.abs(np.diff(field, axis=0)).std() < 0.5


def test_a_field_stays_where_it_is_at_every_spacing():
    coarse, fine = (
        random_field(np.random.default_rng(0), shape, mm, 20)
        for shape, mm in (((20, 24, 16), 4.0), ((40, 48, 32), 2.0))
    )
    means = fine.reshape(20, 2, 24, 2, 16, 2).mean(axis=(1, 3, 5))
    assert np.abs(means - coarse).max() < 0.1


def test_a_capsule_by_hand():
    points = np.array([[0.0, 5, 12], [3, 0, 0], [0, 0, 0]])
    distance = capsule(points, np.array([0.0, 0, 0]), np.array([10.0, 0, 0]), 1.0, 2.0)
    np.testing.assert_allclose(distance, [2.0, -1.5, 0.0], atol=1e-5)


def test_ellipsoids_by_hand():
    """At the end of the long axis both are 0; outside, the cheap one is too small there."""
    points = np.array([[30.0, 36, 0], [0, 0, 0], [0, 0, 12]])
    np.testing.assert_allclose(ellipsoid(points, (0, 0, 0), (30, 10, 10)), [0, 6, 2], rtol=1e-5)
    np.testing.assert_allclose(stretched(points, (30, 10, 10)), [0, 2, 2], atol=1e-6)


def test_what_two_solids_share_has_a_rounded_edge():
    inside = smooth_cut(np.array([-9.0, -1.0, 3.0]), np.array([-8.0, -1.0, -8.0]), 2.0)
    np.testing.assert_allclose(inside, [-7.875, -0.5, 3.0])
