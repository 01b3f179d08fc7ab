"""The shipped encoder on real heads: what its card says must be found again."""

import os

import numpy as np
import pytest
from landmark_rows import landmark_rows

from medgan_utils import evaluation
from medgan_utils._paths import checkpoints_folder
from recipes.ixi_split import ixi_splits
from recipes.train_encoder import errors_of

FOLDER = os.environ.get("MEDGAN_REAL_DATA")

pytestmark = pytest.mark.skipif(not FOLDER, reason="set MEDGAN_REAL_DATA to the folder with IXI")


@pytest.fixture(scope="module")
def reference():
    parts = ixi_splits(FOLDER, step_mm=2.0)
    subjects = [set(part.subjects) for part in parts.values()]
    assert [len(names) for names in subjects] == [66, 14, 15, 15]
    assert len(set.union(*subjects)) == 110
    return parts["reference"]


def test_the_errors_of_the_card_are_found_again(reference):
    card = (checkpoints_folder() / "brain-encoder-64.md").read_text(encoding="utf-8")
    printed = card.split("has not seen:")[1].split("The same on")[0]
    for target, error in errors_of(evaluation.load_encoder(), reference).items():
        row = next(line for line in printed.splitlines() if line.startswith(f"| {target}"))
        mae, r2 = map(float, row.split("|")[2:4])
        assert error["mean absolute error"] == pytest.approx(mae, abs=0.01, rel=0.01)
        assert error["R2"] == pytest.approx(r2, abs=0.01)


def test_blur_and_collapse_are_seen(reference):
    encoder = evaluation.load_encoder()
    encoders = {"enc": encoder, "random": evaluation.random_encoder(encoder)}
    codes = np.unique(reference.subjects, return_inverse=True)[1]
    half, other = (reference.select(codes % 2 == side) for side in (0, 1))
    rows = landmark_rows(encoders, others=other, against=half, count=300)
    floor = rows.pop("floor: other real subjects")
    assert rows["reals blurred"]["SWD"].value > 3 * floor["SWD"].value
    assert rows["reals noisy"]["SWD"].value > 2 * floor["SWD"].value
    assert rows["reals collapsed to ten"]["FD enc"].value > 2 * floor["FD enc"].value
    assert rows["reals collapsed to ten"]["recall"].value < 0.1 < floor["recall"].value
