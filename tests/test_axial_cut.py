"""Cuts that cannot be, and settings of a cut that would change nothing."""

import nibabel
import numpy as np
import pytest
from PIL import Image

from medgan_utils.__main__ import main
from medgan_utils.data import AxialCut
from medgan_utils.data.loading import check_cut
from medgan_utils.data.sources.labelled import OrganPart


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"fov_mm": float("nan")}, "must be positive"),
        ({"fov_mm": float("inf")}, "must be positive"),
        ({"step_mm": float("nan")}, "must be positive"),
        ({"levels": (float("nan"), 1.0)}, "first <= last"),
        ({"image_size": 64.5}, "whole pixels"),
        ({"window": (10.0, 10.0)}, "low < high"),
        ({"window": (float("nan"), 10.0)}, "low < high"),
    ],
)
def test_a_cut_that_cannot_be_is_refused_at_once(field, said):
    with pytest.raises(ValueError, match=said):
        AxialCut(**{"image_size": 64} | field)


@pytest.mark.parametrize(
    ("name", "option", "said"),
    [
        ("scan.png", ["--levels", "20", "120"], "so --levels would change nothing"),
        ("scan.png", ["--fov-mm", "200"], "so --fov-mm would change nothing"),
        ("scan_T1w.nii", ["--window", "0", "80"], "--window is in HU, of CT, and here are T1"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(tmp_path, capsys, name, option, said):
    for number in range(4):
        folder = tmp_path / "in" / f"sub-{number}"
        folder.mkdir(parents=True)
        if name.endswith("png"):
            Image.fromarray(np.full((8, 8), 40 * number, np.uint8)).save(folder / name)
        else:
            image = nibabel.Nifti1Image(np.ones((8, 8, 8), np.int16), np.diag([2, 2, 2, 1]))
            nibabel.save(image, folder / name)
    into = ["--out", str(tmp_path / "run"), "--folder", str(tmp_path / "in")]
    assert main(["fetch", "folder", *into, *option]) == 1
    assert said in capsys.readouterr().err
    sheet = ["--out", str(tmp_path / "sheet.png")]
    assert main(["inspect", str(tmp_path / "in"), *sheet, *option]) == 1
    assert said in capsys.readouterr().err


def test_levels_of_organamnist_would_change_nothing():
    part = OrganPart.__new__(OrganPart)
    with pytest.raises(ValueError, match="pictures are taken as they are"):
        check_cut([part], ["levels"])
