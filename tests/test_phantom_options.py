"""Settings of a cohort of phantoms that are refused."""

import pytest

from medgan_utils.data import load_slices
from medgan_utils.phantoms import write_brain_phantom, write_liver_phantom


@pytest.mark.parametrize("maps", ["liver", "body"])
def test_maps_that_are_no_label_maps_are_refused(tmp_path, maps):
    with pytest.raises(ValueError, match="choose 'organs' or 'tissues'"):
        write_liver_phantom(tmp_path / "cohort", 1, maps=maps)
    assert not (tmp_path / "cohort").exists()


@pytest.mark.parametrize("modalities", [(), ("T1", "T1")])
def test_no_modality_and_one_twice_are_refused(tmp_path, modalities):
    with pytest.raises(ValueError, match="at least one, and each once"):
        write_brain_phantom(tmp_path / "cohort", 1, modalities=modalities)
    assert not (tmp_path / "cohort").exists()


@pytest.mark.parametrize("source", ["brain-phantom", "liver-phantom"])
def test_a_cohort_has_a_seed_from_0(source):
    with pytest.raises(ValueError, match=r"seed is -1; .* from 0"):
        load_slices(source, 32, subjects=4, seed=-1)
