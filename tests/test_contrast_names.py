"""How a contrast is known by its name, and labelled."""

import numpy as np
import pytest
from small_heads import head, write

from medgan_utils.data import load_slices
from medgan_utils.data.files import modality_of, spelled


def test_a_modality_is_known_however_it_is_spelled():
    assert [spelled(name) for name in ("ct", "t1", "Flair", "mr", "own", None)] == [
        *("CT", "T1", "FLAIR", "MR", "own"),
        None,
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("P1_FLAIR_to_T1", "FLAIR"),
        ("FLAIR_reg_T1", "FLAIR"),
        ("sub-1_FLAIR_space-T1w", "FLAIR"),
        ("P1_T1_to-FLAIR", "FLAIR"),  # what `translate` writes
        ("P1_T1", "T1"),
    ],
)
def test_a_registered_scan_is_what_it_was(name, shown):
    assert modality_of(f"{name}.nii.gz") == shown


def test_a_registered_contrast_is_labelled(tmp_path):
    for p in (1, 2):
        for shown in ("T1", "FLAIR_to_T1"):
            write(head(centre_mm=(8.0 * p, 0, 0)), tmp_path / f"P{p}_{shown}.nii.gz")
    slices = load_slices("folder", 32, folder=tmp_path, cache=False)
    assert set(np.unique(slices.labels["contrast"])) == {0, 1} and len(set(slices.subjects)) == 2


def test_a_label_called_contrast_is_not_overwritten(tmp_path):
    for name in ("T1w", "FLAIR"):
        write(head(), tmp_path / f"sub-01_{name}.nii.gz")
    with pytest.raises(ValueError, match=r"has a column 'contrast'.*FLAIR, T1"):
        load_slices("folder", 32, folder=tmp_path, labels={"sub-01": {"contrast": 1}}, cache=False)
