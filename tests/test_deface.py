"""Defacing: the face of a phantom goes, its brain does not change by a bit."""

from functools import cache

import numpy as np
import pytest

from medgan_utils.data import Volume
from medgan_utils.phantoms import make_head
from medgan_utils.protection import deface


@cache
def head(seed=0):
    made = make_head(seed, 4.0)
    return made, made.tissue("grey") + made.tissue("white") > 0.5


def volume(made, modality="T1", voxels=None):
    voxels = made.render(modality) if voxels is None else voxels
    return Volume(voxels, made.affine, modality, "phantom", "phantom.nii.gz")


@pytest.mark.parametrize("seed", [0, 1])
def test_face_goes_and_brain_stays(seed):
    made, brain = head(seed)
    old = volume(made)
    new = deface(old, brain)
    assert np.array_equal(new.voxels[brain], old.voxels[brain])
    assert (new.subject, new.modality) == (old.subject, old.modality)
    skin = np.argwhere(made.tissue("air") < 0.5)
    nose = tuple(skin[skin[:, 1].argmax()])  # what lies farthest in front
    assert old.voxels[nose] > 0.1 and new.voxels[nose] == 0
    eyes = made.tissue("vitreous") + made.tissue("lens")
    left = eyes[new.voxels != 0].sum() / eyes.sum()
    assert left < 0.5
    whole = made.tissue("air") < 0.5
    assert 0.6 < (whole & (new.voxels != 0)).sum() / whole.sum() < 0.95  # most of a head is no face


def test_a_larger_distance_cuts_less_and_ct_gets_air():
    made, brain = head()
    near, far = (deface(volume(made, "CT"), brain, mm).voxels for mm in (0.0, 40.0))
    assert (near == -1000).sum() > (far == -1000).sum()
    assert near.min() >= -1100 and not (near == 0).all()


def test_the_plane_touches_the_hull():
    """Against a brain whose lower hull is known: a box in front of a deeper one."""
    brain = np.zeros((3, 20, 20), bool)
    brain[:, 10:16, 12:18] = True  # front, bottom at z = 12
    brain[:, 4:10, 6:18] = True  # behind it, bottom at z = 6
    lit = Volume(np.ones(brain.shape, np.float32), np.eye(4), "T1", "s", "p")
    cut = deface(lit, brain, distance_mm=0.0).voxels[1] == 0
    # The hull runs from (15, 12) to (9, 6): one voxel down for each one back.
    assert [int(column.sum()) for column in cut] == [*([0] * 4), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                                                    12, 13, 14, 15, 16]  # fmt: skip


def test_a_brain_of_one_voxel_from_front_to_back_is_refused():
    flat = np.zeros((4, 5, 6), bool)
    flat[:, 2] = True
    lit = Volume(np.ones(flat.shape, np.float32), np.eye(4), "T1", "s", "p")
    with pytest.raises(ValueError, match=r"one voxel long from front to back; is it RAS\?"):
        deface(lit, flat)


@pytest.mark.parametrize(
    ("mask", "distance", "message"),
    [
        (np.ones((2, 2, 2)), 10.0, "must lie on one grid"),
        (None, 10.0, "not empty"),
        (None, -1.0, "distance_mm from 0"),
    ],
)
def test_bad_masks(mask, distance, message):
    made, brain = head()
    mask = np.zeros_like(brain) if mask is None else mask
    with pytest.raises(ValueError, match=message):
        deface(volume(made), mask, distance)
