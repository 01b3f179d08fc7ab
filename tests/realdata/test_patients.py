"""What chapter 11 shows of patients: the rows that need no training come out again."""

import os

import numpy as np
import pytest
from stored import check_provenance, stored_result

from experiments.translation import SETTINGS, patients

pytestmark = pytest.mark.skipif(
    "MEDGAN_REAL_DATA" not in os.environ, reason="set MEDGAN_REAL_DATA to the folder of lgg_slices"
)
UNTRAINED = ("real", "T1 copied", "T1 after contrast copied", "FLAIR copied", "regression")


def test_rows_without_training_come_out_again():
    stored = stored_result("translation_patients.json")
    check_provenance(stored, "translation")
    of_seed = [row for row in stored["results"] if row["seed"] == 0]
    again = patients(0, SETTINGS | {"steps": 5})
    assert [about(row) for row in again] == [about(row) for row in of_seed]
    untrained = [k for k, row in enumerate(again) if row["arm"].startswith(UNTRAINED)]
    assert len(untrained) == 8 < len(again)
    for k in untrained:
        for key in {"psnr", "ssim", "excess", "patients"} & set(of_seed[k]):
            assert np.allclose(of_seed[k][key], again[k][key], atol=2e-3), (about(again[k]), key)


def about(row):
    return row["target"], row["arm"]
