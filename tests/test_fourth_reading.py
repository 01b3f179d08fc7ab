"""Inputs that a reader of the package found to pass in silence, or to fail without saying why."""

import random

import keras
import nibabel
import numpy as np
import pytest
from PIL import Image

from medgan_utils import profiles
from medgan_utils.__main__ import main
from medgan_utils.data import AxialCut, read_volume
from medgan_utils.data.files import spelled
from medgan_utils.data.sources.walk import walk
from medgan_utils.display import LatentExplorer, plots
from medgan_utils.models import dcgan_generator
from medgan_utils.table import Estimate, format_value
from medgan_utils.training import GAN, losses


def test_a_sheared_volume_is_refused_by_name(tmp_path):
    affine = np.diag([2.0, 2.0, 4.0, 1.0])
    affine[1, 2] = 4 * np.tan(np.radians(20))  # a gantry tilted by 20 degrees
    nibabel.save(nibabel.Nifti1Image(np.ones((8, 8, 8), np.int16), affine), tmp_path / "tilted.nii")
    with pytest.raises(
        ValueError, match=r"tilted\.nii: its axes are not at right angles.*dcm2niix"
    ):
        read_volume(tmp_path / "tilted.nii")


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


def test_a_glob_that_is_no_pattern_is_said(tmp_path):
    with pytest.raises(ValueError, match="is no pattern"):
        walk(tmp_path, glob="**/*[b-a].nii")


def test_numpy_is_seeded_too(monkeypatch):
    draws = []
    for _ in range(2):
        profiles.set_seed(5)
        draws.append((random.random(), np.random.rand()))  # noqa: NPY002
    assert draws[0] == draws[1]


def test_what_cannot_be_encrypted_is_said_before_a_passphrase_is_asked(tmp_path, capsys):
    assert main(["encrypt", str(tmp_path / "nothing.nii"), str(tmp_path / "out")]) == 1
    assert "nothing.nii is no file" in capsys.readouterr().err
    (tmp_path / "a").write_text("a")
    assert main(["encrypt", str(tmp_path / "a"), str(tmp_path / "a")]) == 1
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize("option", [("--enlarge", "4"), ("--spacing-mm", "1")])
def test_a_picture_takes_no_spacing(option, tmp_path, capsys):
    out = ("--out", str(tmp_path / "x.png"))
    assert main(["sample", "brain-mri-64", *out, *option]) == 1
    assert "are for nifti and dicom, not for png" in capsys.readouterr().err


def test_a_modality_is_known_however_it_is_spelled():
    assert [spelled(name) for name in ("ct", "t1", "Flair", "mr", "own", None)] == [
        *("CT", "T1", "FLAIR", "MR", "own"),
        None,
    ]


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


def test_no_two_of_many_lines_look_alike():
    curves = plots.curves({str(number): [number, number] for number in range(12)})
    lines = curves.axes[0].get_lines()
    looks = {(line.get_color(), str(line._unscaled_dash_pattern)) for line in lines}
    assert len(looks) == 12


def test_a_shape_is_no_interval():
    assert format_value((64, 64, 1)) == "(64, 64, 1)"
    assert format_value((0.5, 0.25, 0.75)) == "0.500 (0.250 – 0.750)"
    assert format_value(Estimate(0, 0, 1)) == "0 (0 – 1)"


def test_an_explorer_refuses_what_its_generator_does_not_know():
    generator, row = dcgan_generator(32, num_classes=3), np.eye(64)[:1]
    with pytest.raises(ValueError, match=r"knows 3 classes of its labels, not \[4\]"):
        LatentExplorer(generator, row, num_classes=4)
    with pytest.raises(ValueError, match="truncation=2 must lie between 0 and"):
        LatentExplorer(generator, row, num_classes=3, truncation=2)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ([keras.layers.Dense(1, activation="sigmoid")], "the losses take logits"),
        ([keras.layers.Dense(1), keras.layers.Activation("sigmoid")], "the losses take logits"),
        ([keras.layers.Dense(2)], "one logit is needed"),
    ],
)
def test_a_discriminator_that_ends_in_no_logit_is_refused(ends, said):
    critic = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Flatten(), *ends])
    with pytest.raises(ValueError, match=said):
        GAN(dcgan_generator(32), critic)


@pytest.mark.parametrize("name", losses.NAMES)
def test_logits_of_two_shapes_are_no_pairs(name):
    column, row = np.zeros((4, 1), np.float32), np.zeros(4, np.float32)
    with pytest.raises(ValueError, match=r"have shapes \(4, 1\) and \(4,\)"):
        losses.get(name).discriminator_loss(column, row)
