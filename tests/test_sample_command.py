"""The command `sample`: its options, and files of others that it leaves alone."""

import nibabel
import numpy as np
import pytest
from PIL import Image

from medgan_utils.__main__ import main
from medgan_utils.display import plots


@pytest.mark.parametrize("option", [("--enlarge", "4"), ("--spacing-mm", "1")])
def test_a_picture_takes_no_spacing(option, tmp_path, capsys):
    out = ("--out", str(tmp_path / "x.png"))
    assert main(["sample", "brain-mri-64", *out, *option]) == 1
    assert "are for nifti and dicom, not for png" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["patient.nii.gz", "patient.npz", "patient.png"])
def test_sample_does_not_write_over_what_somebody_else_made(name, tmp_path, capsys):
    path = tmp_path / name
    if name.endswith(".nii.gz"):
        nibabel.save(nibabel.Nifti1Image(np.ones((4, 4, 4), np.int16), np.eye(4)), path)
    elif name.endswith(".npz"):
        np.savez(path, scan=np.ones(3))
    else:
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    before = path.read_bytes()
    assert main(["sample", "brain-mri-64", "--count", "1", "--out", str(path)]) == 1
    assert name in capsys.readouterr().err and path.read_bytes() == before


def test_sample_and_inspect_draw_over_a_grid_of_their_own(tmp_path, capsys):
    grid = tmp_path / "grid.png"
    grid.write_bytes(plots.grid_png(np.zeros((2, 8, 8, 1))))
    assert main(["sample", "brain-mri-64", "--count", "1", "--out", str(grid)]) == 0
    photo = tmp_path / "photo.png"
    photo.write_bytes(b"not ours")
    assert main(["inspect", str(tmp_path), "--out", str(photo)]) == 1
    assert "photo.png is there already" in capsys.readouterr().err
    assert photo.read_bytes() == b"not ours"
