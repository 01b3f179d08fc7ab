"""The shipped liver encoder on real slices: what its card says must be found again."""

import os

import numpy as np
import pytest
from landmark_rows import landmark_rows

from medgan_utils import evaluation
from medgan_utils._paths import checkpoints_folder
from recipes.liver_split import CLIPPED, real_splits
from recipes.train_liver_encoder import errors_of, targets_of

FOLDER = os.environ.get("MEDGAN_REAL_DATA")

pytestmark = pytest.mark.skipif(
    not FOLDER, reason="set MEDGAN_REAL_DATA to the folder with liver_ct_slices"
)


@pytest.fixture(scope="module")
def parts():
    return real_splits(FOLDER)


def test_no_case_is_in_two_parts(parts):
    cases = [set(part.subjects) for part in parts.values()]
    assert sum(map(len, cases)) == len(set.union(*cases)) == 88
    assert sum(map(len, parts.values())) == 458


def test_the_errors_of_the_card_are_found_again(parts):
    real, encoder = parts["reference"], evaluation.load_encoder("liver-encoder-64")
    card = (checkpoints_folder() / "liver-encoder-64.md").read_text(encoding="utf-8")
    errors = errors_of(encoder, real, targets_of(real, CLIPPED, tumours_known=False))
    for target, (mae, r2) in zip(encoder.config.targets, errors, strict=True):
        row = next(line for line in card.splitlines() if line.startswith(f"| {target}"))
        printed = [text.strip() for text in row.split("|")[4:6]]
        if "tumour" in target:
            assert np.isnan(mae) and printed == ["–", "–"]
        else:
            assert mae == pytest.approx(float(printed[0]), abs=0.02, rel=0.02)
            assert r2 == pytest.approx(float(printed[1]), abs=0.03)


def test_features_of_blurred_slices_move_away(parts):
    encoders = {"enc": evaluation.load_encoder("liver-encoder-64")}
    real = parts["reference"]
    rows = landmark_rows(encoders, others=parts["test"], against=real, count=len(real))
    floor = rows.pop("floor: other real subjects")
    assert rows["reals blurred"]["SWD"].value > 2 * floor["SWD"].value
    assert rows["reals collapsed to ten"]["FD enc"].value > 1.5 * floor["FD enc"].value
