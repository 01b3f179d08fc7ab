"""An encoder judges what it has learned, and nothing else; the report says which did, and why."""

import numpy as np
import pytest

from medgan_utils.data import Slices
from medgan_utils.judging import encoders_for

HU = [-160.0, 240.0]


@pytest.mark.parametrize(
    ("anatomy", "modality", "spacing_mm", "size", "window", "name", "said"),
    [
        ("head", "T1", 3.75, 64, HU, "brain-encoder-64", "has learned T1 heads"),
        ("body", "CT", 6.25, 64, HU, "liver-encoder-64", "has learned CT of the liver"),
        ("body", "CT", 6.25, 64, [0.0, 255.0], "liver-encoder-64", "CT of the liver"),
        ("body", "CT", 6.25, 64, [-1000.0, 400.0], None, "has not seen the window [-1000.0, 400.0"),
        ("head", "CT", 3.75, 64, HU, None, "nothing has learned CT cut as head"),
        ("head", "FLAIR", 3.75, 64, HU, None, "nothing has learned FLAIR"),
        ("body", "T1", 6.25, 64, HU, None, "nothing has learned T1 cut as body"),
        ("head", "T1", float("nan"), 64, HU, None, "knows slices 240 mm wide, these are nan mm"),
        ("head", "T1", 3.75, 32, HU, None, "takes 64 pixels"),
        ("body", "CT", 5.0, 64, HU, None, "knows slices 400 mm wide, these are 320 mm"),
        ("knee", "T1", 3.75, 64, HU, None, "nothing has learned T1 cut as knee"),
    ],
)
def test_the_judge_fits_what_is_judged(anatomy, modality, spacing_mm, size, window, name, said):
    images, positions = np.zeros((2, size, size, 1), np.float32), np.zeros(2, np.float32)
    info = {"anatomy": anatomy, "window": window}
    slices = Slices(images, np.array(["a", "b"]), positions, None, {}, modality, spacing_mm, info)
    encoders, why = encoders_for(slices)
    assert set(encoders) == {"random"} | ({name} if name else set())
    assert said in why
