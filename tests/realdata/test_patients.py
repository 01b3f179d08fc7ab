"""What chapter 11 shows of patients: the rows that need no training come out again."""

import os

import numpy as np
import pytest
from stored import check_provenance, stored_result

from experiments.translation import SETTINGS, patients

pytestmark = pytest.mark.skipif(
    "MEDGAN_REAL_DATA" not in os.environ, reason="set MEDGAN_REAL_DATA to the folder of lgg_slices"
)
UNTRAINED = ("real FLAIR", "T1 copied", "T1 after contrast copied", "regression of grey values")


def test_rows_without_training_come_out_again():
    stored = stored_result("translation_patients.json")
    check_provenance(stored, "translation")
    first = {row["arm"]: row for row in stored["results"] if row["seed"] == 0}
    again = {row["arm"]: row for row in patients(0, SETTINGS | {"steps": 5})}
    assert set(again) == set(first) > set(UNTRAINED)
    for arm in UNTRAINED:
        for key in {"psnr", "ssim", "excess", "patients"} & set(first[arm]):
            assert np.allclose(first[arm][key], again[arm][key], atol=2e-3), (arm, key)
