"""What a sixth reader of networks, phantoms, explorer and the command line found."""

import json

import keras
import numpy as np
import pytest
from small_heads import write_cohort

from medgan_utils import fitting, run_folder, workflow
from medgan_utils.__main__ import in_options, main
from medgan_utils._checkpoint_files import read_architecture
from medgan_utils.display import LatentExplorer, SliceBrowser
from medgan_utils.models import (
    dcgan_generator,
    export_generator,
    fusion_generator,
    load_generator,
    map_generator,
    save_generator,
    sefa_directions,
    unet_generator,
)
from medgan_utils.phantoms import write_brain_phantom, write_liver_phantom


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run trained to step 2, went on, and was stopped after it had saved step 4."""
    folder = tmp_path_factory.mktemp("stopped")
    write_cohort(folder / "files", 4)
    run = folder / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDGAN_CACHE", str(folder / "cache"))
        cut = ["--folder", str(folder / "files"), "--image-size", "32", "--levels", "20", "50"]
        assert main(["fetch", "folder", *cut, "--out", str(run)]) == 0
        train = ["train", str(run), "--every", "2", "--batch-size", "4", "--steps"]
        assert main([*train, "2"]) == 0
        (run / "generator.md").write_text("a card with an evaluation")
        assert main([*train, "2"]) == 0

        def stopped(*_):
            raise KeyboardInterrupt

        patch.setattr(fitting, "_keep", stopped)
        assert main([*train, "4"]) == 130
    return run


def test_a_finished_training_keeps_the_card_of_its_evaluation(trained):
    assert (trained / "generator.md").read_text() == "a card with an evaluation"


def test_a_stopped_continuation_says_of_which_step_the_generator_is(trained, capsys, tmp_path):
    assert json.loads((trained / "settings.json").read_text())["steps"] == 2
    assert run_folder.generator_step(trained) == 2 and run_folder.last_saved(trained) == 4
    out = ["--out", str(tmp_path / "samples.npz"), "--count", "2"]
    assert main(["sample", str(trained), *out]) == 0
    said = capsys.readouterr().out
    assert "is of step 2; the training went on to step 4" in said and "--steps 4" in said


def test_an_unknown_label_is_not_the_last_class():
    generator = dcgan_generator(32, latent_dim=8, num_classes=3, widths=(4, 4, 4))
    z = np.zeros((1, 8), np.float32)
    assert generator([z, np.array([[2]])]).shape == (1, 32, 32, 1)
    with pytest.raises(Exception, match="is not in"):  # TensorFlow's own, on a CPU
        generator([z, np.array([[-1]])])
    for label in (-1, 3):
        with pytest.raises(ValueError, match="must lie between 0 and 2"):
            workflow.draw(generator, 2, 0, np.array([label]))


@pytest.mark.parametrize("training", [False, True])
def test_what_a_missing_modality_holds_has_no_influence(training):
    network = fusion_generator(16, 2, widths=(4, 8))
    images = np.random.default_rng(0).uniform(-1, 1, (2, 16, 16, 2)).astype(np.float32)
    presence = np.array([[1, 1], [0, 1]], np.float32)
    answers = []
    for filled in (-1.0, 0.7, np.nan):
        images[1, ..., 0] = filled
        copy = keras.models.clone_model(network)
        copy.set_weights(network.get_weights())
        answers.append(np.asarray(copy([images, presence], training=training)))
    assert np.isfinite(answers[2]).all()
    for answer in answers[1:]:
        np.testing.assert_array_equal(answer, answers[0])


def test_a_code_for_a_nifti_is_refused(tmp_path, capsys):
    write_cohort(tmp_path / "files", 1)
    scan = next((tmp_path / "files").rglob("*.nii.gz"))
    into = tmp_path / "out.nii.gz"
    assert main(["deidentify", str(scan), str(into), "--code", "P7"]) == 1
    assert "would change nothing" in capsys.readouterr().err and not into.exists()


def test_parts_without_names_of_subjects_are_not_fetched(tmp_path, capsys):
    assert main(["fetch", "organamnist", "--out", str(tmp_path / "run")]) == 1
    assert "use it in Python" in capsys.readouterr().err


def test_an_option_the_source_lacks_is_named_without_those_the_command_lacks(tmp_path, capsys):
    out = ["--out", str(tmp_path / "run"), "--glob", "*"]
    assert main(["fetch", "brain-phantom", *out]) == 1
    said = capsys.readouterr().err
    assert "glob" in said and "lesion_fraction" not in said


def test_a_folder_named_like_an_option_keeps_its_name(tmp_path, capsys):
    run = tmp_path / "rate=0.001,seed=3"
    assert main(["train", str(run), "--steps", "1"]) == 1
    assert str(run / "slices.npz") in capsys.readouterr().err
    text = "seed=3/slices.npz is missing: pass seed=4"
    assert in_options(text, {"run": "seed=3", "seed": 0}) == (
        "seed=3/slices.npz is missing: pass --seed 4"
    )


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


def test_a_narrow_window_is_shown_as_it_was_given():
    voxels = np.linspace(0, 1000, 8**3, dtype=np.float32).reshape(8, 8, 8)
    browser = SliceBrowser(voxels, window=(0.0, 0.4))
    assert browser.window == pytest.approx((0.0, 0.4))


def test_weights_that_16_bits_cannot_hold_are_refused(tmp_path):
    generator = dcgan_generator(32, latent_dim=8, widths=(4, 4, 4))
    save_generator(generator, tmp_path / "g", "whole", half=True)
    there = (tmp_path / "g.weights.h5").read_bytes()
    variance = next(v for v in generator.weights if "moving_variance" in v.path)
    variance.assign(np.full(variance.shape, 1e5))
    with pytest.raises(ValueError, match="too large for 16 bits"):
        save_generator(generator, tmp_path / "g", "spoilt", half=True)
    assert (tmp_path / "g.weights.h5").read_bytes() == there
    assert load_generator(tmp_path / "g").count_params() == generator.count_params()


@pytest.mark.parametrize("changed", [{"arguments": [1]}, {"builder": ["a"]}, {"package": 1}])
def test_a_json_of_another_form_is_named(tmp_path, changed):
    whole = {"builder": "dcgan_generator", "arguments": {}, "package": "0.1"}
    (tmp_path / "g.json").write_text(json.dumps(whole | changed))
    with pytest.raises(ValueError, match=r"g\.json"):
        read_architecture(tmp_path / "g")


def test_more_directions_than_the_first_layer_has():
    generator = dcgan_generator(32, latent_dim=64, widths=(1, 4, 4))
    assert sefa_directions(generator, 16).shape == (16, 64)
    with pytest.raises(ValueError, match="between 1 and 16"):
        sefa_directions(generator, 40)


def test_generators_of_maps_and_of_images_are_refused_where_z_is_needed(tmp_path):
    maps = map_generator(32, latent_dim=8, num_classes=3, widths=(4, 4, 4))
    with pytest.raises(ValueError, match="PaintPad"):
        LatentExplorer(maps, np.eye(8, dtype=np.float32)[:2], num_classes=3)
    with pytest.raises(ValueError, match="makes images from images"):
        export_generator(unet_generator(16, widths=(4,)), tmp_path / "out")
    assert not (tmp_path / "out").exists()
