"""Pairs of contrasts for `translate`: names, grids and copies."""

import numpy as np
import pytest
from PIL import Image
from small_heads import head, write, write_cohort

from medgan_utils import data, translating
from medgan_utils.__main__ import main
from medgan_utils.data.loading import warn_of_copies


@pytest.fixture(scope="module")
def two_contrasts(tmp_path_factory):
    """Return a folder of three heads, each in T1 and, the same voxels, in FLAIR."""
    folder = tmp_path_factory.mktemp("pairs")
    first = next(iter(sorted(write_cohort(folder / "from", 1).rglob("*.nii*"))))
    for number in (1, 2, 3):
        for contrast in ("T1w", "FLAIR"):
            path = folder / "my" / f"sub-{number:02d}" / f"sub-{number:02d}_{contrast}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(first.read_bytes())
    return folder / "my"


def test_a_scan_under_two_names_is_told_where_contrasts_are_translated(two_contrasts):
    from medgan_utils.translating import find_pairs, pair_slices

    pairs = find_pairs(two_contrasts, "T1", "FLAIR")
    with pytest.warns(UserWarning, match="hold the very same image"):
        pair_slices(pairs, data.AxialCut(32))


def test_one_contrast_under_two_names_is_told_too():
    random = np.random.default_rng(0)
    one, others = random.uniform(-1, 1, (16, 16)), random.uniform(-1, 1, (2, 16, 16))
    pair = np.stack([np.stack([one, other], axis=-1) for other in others])
    with pytest.warns(UserWarning, match="a and b hold the very same image"):
        for channel in np.moveaxis(pair, -1, 0):
            warn_of_copies(channel, np.array(["a", "b"]))


def test_contrasts_on_two_grids_are_not_to_be_resampled_like_masks():
    from medgan_utils.data.volumes import check_shapes

    with pytest.raises(ValueError, match=r"continuous.*nearest' is for masks"):
        check_shapes("ct.nii", (4, 4, 4), "pet.nii", (2, 2, 4), of="contrast")
    with pytest.raises(ValueError, match="interpolation='nearest'"):
        check_shapes("ct.nii", (4, 4, 4), "mask.nii", (2, 2, 4))


def test_contrasts_are_named_in_any_case(two_contrasts, tmp_path, capsys):
    arguments = ["--from", "t1", "--to", "t2", "--out", str(tmp_path / "run")]
    assert main(["translate", str(two_contrasts), *arguments]) == 1
    assert "holds no T2; its files name: FLAIR, T1" in capsys.readouterr().err
    arguments = ["--modality", "flair", "--subjects", "2", "--out", str(tmp_path / "f")]
    assert main(["fetch", "brain-phantom", "--image-size", "32", *arguments]) == 1
    assert "2 subjects found" in capsys.readouterr().err  # so the contrast was known


def test_files_of_one_name_do_not_overwrite_each_other(tmp_path, capsys):
    files = [write(head(), tmp_path / who / "T1.nii.gz") for who in ("P1", "P2")]
    arguments = ["translate", str(tmp_path), "--from", "T1", "--to", "T2", "--apply"]
    assert main([*arguments, *map(str, files)]) == 1
    assert "several files called T1.nii.gz" in capsys.readouterr().err


def test_pictures_are_no_pairs_and_guesses_are_told(tmp_path):
    for n in range(3):
        for name in ("T1", "T2"):
            Image.new("L", (8, 8)).save(tmp_path / f"P{n}_{name}.png")
    with (
        pytest.raises(ValueError, match="holds pictures"),
        pytest.warns(UserWarning, match="known kind"),
    ):
        translating.find_pairs(tmp_path, "T1", "T2")
