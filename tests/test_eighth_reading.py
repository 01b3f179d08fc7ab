"""What readers of the command, of protection/, recipes/ and the cards found."""

import os
import re

import nibabel
import numpy as np
import pytest
from cards import tables, verdict_lines
from PIL import Image

from medgan_utils import evaluation
from medgan_utils.__main__ import main
from medgan_utils._files import written_whole
from medgan_utils.data import Slices, load_slices
from medgan_utils.display import plots
from medgan_utils.evaluation.evaluate import FLOOR
from medgan_utils.models import checkpoint_names, load_card
from medgan_utils.table import Estimate
from recipes.projects import PROJECTS
from recipes.publish import OWN_MAPS, Finished, group_rows
from recipes.settings import MAPS


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


def test_a_place_where_nobody_can_write_is_named_with_the_way_out(tmp_path):
    scan = tmp_path / "patient.nii.gz"
    scan.write_bytes(b"")
    with pytest.raises(
        OSError, match=r"patient.nii.gz.run.slices.npz cannot be written .*another place"
    ):
        with written_whole(scan / "run" / "slices.npz"):
            pass
    if os.geteuid() == 0:
        return  # root may write anywhere
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    with pytest.raises(PermissionError, match=r"a\.png cannot be written .*another place"):
        with written_whole(closed / "a.png"):
            pass


def without_numbers(line):
    """A line's words: a card rounds what its verdict was computed from."""
    return re.sub(r"[\d.]+", "#", line)


@pytest.mark.parametrize(
    "name", [name for name in checkpoint_names() if "How good" in tables(name)]
)
def test_a_cards_verdict_is_what_its_tables_say(name):
    found = tables(name)
    lines = evaluation.verdict(found["How good"], found["Can it be told from real images?"])
    if PROJECTS[name].names == MAPS:
        lines = [OWN_MAPS if line.startswith("Copying") else line for line in lines]
        assert load_card(name).rstrip().endswith(f"privacy\n\n{OWN_MAPS}")
    assert list(map(without_numbers, verdict_lines(name))) == list(map(without_numbers, lines))


def test_a_verdict_names_every_distance_that_tells_the_samples_from_real_images():
    """Of two feature spaces one may see nothing: then the other's distance is named."""
    floor = {"set": FLOOR, "FD a": Estimate(1, 0.5, 2), "FD b": Estimate(1, 0.5, 2)}
    rest = dict(coverage=0.8, recall=0.8, precision=0.8)
    fake = {"set": "g", "FD a": Estimate(1.2, 0.8, 2), "FD b": Estimate(4, 3, 5)}
    lines = evaluation.verdict([floor | rest, fake | rest])
    assert "the intervals overlap" in lines[0]
    assert lines[0].endswith("But FD b lies above its floor: 4 (3 – 5) beside 1 (0.500 – 2).")
    assert "other features tell" in lines[-1]
    same = evaluation.verdict([floor | rest, fake | rest | {"FD b": Estimate(1.5, 1, 2.5)}])
    assert "But" not in same[0] and "no number of this table" in same[-1]


def test_a_group_is_compared_with_samples_that_were_asked_for_with_its_labels():
    """Samples of all labels say nothing of how well a conditional generator draws one group."""
    asked = []

    class Stub(Finished):
        def sample(self, real, seed):
            asked.append(real.labels["age"])
            return real.images

    random = np.random.default_rng(0)
    ages = np.repeat([30.0, 40.0, 70.0, 80.0], 4)
    images = random.uniform(-1, 1, (16, 64, 64, 1)).astype(np.float32)
    slices = Slices(
        images, np.repeat(list("abcd"), 4), np.arange(16.0), labels={"age": ages}, modality="T1"
    )
    encoder = evaluation.Encoder(
        evaluation.EncoderConfig(64, 1, ("none",), (0.0,), (1.0,), seed=1), "random"
    )
    rows = group_rows(Stub(None, ("age",), [], "", "", {}), slices, slices, {"random": encoder})
    assert [row["group"].split(":")[0] for row in rows] == ["under 45"] * 2 + ["over 60"] * 2
    assert [set(row) for row in asked] == [{30.0, 40.0}, {70.0, 80.0}]


@pytest.mark.parametrize("source", ["brain-phantom", "liver-phantom"])
def test_a_cohort_has_a_seed_from_0(source):
    with pytest.raises(ValueError, match=r"seed is -1; .* from 0"):
        load_slices(source, 32, subjects=4, seed=-1)
