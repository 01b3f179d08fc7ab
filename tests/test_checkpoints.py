"""Weights on disk: round trip, names, and what is said when a file is missing or does not fit."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from medgan_utils import _checkpoint_files, _paths, evaluation
from medgan_utils._checkpoint_files import read_architecture
from medgan_utils.models import (
    checkpoint_names,
    dcgan_discriminator,
    dcgan_generator,
    load_card,
    load_generator,
    save_generator,
)
from medgan_utils.training import GAN

WIDTHS = (8, 8, 4)
OUTPUTS = json.loads((Path(__file__).parent / "checkpoint_outputs.json").read_text())


@pytest.fixture
def mine(tmp_path):
    """A checkpoint of one's own."""
    return save_generator(dcgan_generator(32, 1, 8, WIDTHS), tmp_path / "mine", "# Card")


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder in the place of the course's checkpoints, and another to stand in."""
    folder, here = tmp_path / "shipped", tmp_path / "here"
    folder.mkdir()
    here.mkdir()
    monkeypatch.setattr(_checkpoint_files, "checkpoints_folder", lambda: folder)
    monkeypatch.chdir(here)
    return folder


def edited(path, change):
    """Write a checkpoint's JSON anew, changed."""
    file = Path(f"{path}.json")
    file.write_text(json.dumps(change(json.loads(file.read_text()))))
    return path


@pytest.mark.parametrize(
    "options",
    [{}, dict(num_classes=(2, 3)), dict(last_stage="depth-to-space", output="clipped-tanh")],
)
def test_round_trip(tmp_path, options):
    generator = dcgan_generator(32, 1, 8, WIDTHS, **options)
    save_generator(generator, tmp_path / "mine", "# Card")
    twin = load_generator(tmp_path / "mine")
    inputs = tf.random.normal((2, 8))
    if "num_classes" in options:
        inputs = [inputs, tf.ones((2, 2), tf.int32)]
    np.testing.assert_array_equal(generator(inputs), twin(inputs))
    assert load_card(tmp_path / "mine") == "# Card\n"


def test_the_json_names_builder_and_arguments_and_nothing_of_keras(tmp_path):
    save_generator(dcgan_generator(latent_dim=np.int64(8)), tmp_path / "mine", "")
    content = json.loads((tmp_path / "mine.json").read_text())
    assert set(content) == {"builder", "arguments", "package"}
    assert content["builder"] == "dcgan_generator"
    assert content["arguments"]["latent_dim"] == 8
    assert content["arguments"]["widths"] == [128, 64, 32, 16]  # the defaults may change


def test_the_averaged_generator_of_a_gan_can_be_kept(tmp_path):
    generator = dcgan_generator(32, 1, 8, WIDTHS)
    gan = GAN(generator, dcgan_discriminator(32, 1, WIDTHS))
    save_generator(gan.ema_generator, tmp_path / "mine", "")
    assert load_generator(tmp_path / "mine").architecture == generator.architecture


def test_half_the_bits_are_half_the_size_and_the_same_picture(tmp_path):
    generator = dcgan_generator(32, 1, 64, (64, 32, 16))
    generator.get_layer("stage_8_bn").moving_variance.assign(np.full(32, 0.37))
    whole = save_generator(generator, tmp_path / "whole", "")
    half = save_generator(generator, tmp_path / "half", "", half=True)
    sizes = [Path(f"{path}.weights.h5").stat().st_size for path in (whole, half)]
    assert sizes[1] < 0.6 * sizes[0]
    twin, z = load_generator(half), tf.random.normal((8, 64))
    assert {weight.dtype for weight in twin.weights} == {"float32"}
    apart = np.abs(twin(z) - generator(z)).max()
    assert 0 < apart < 1 / 255


def test_a_model_of_another_function_is_not_kept(tmp_path):
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)], name="other")
    with pytest.raises(ValueError, match=r"'other' does not say how it was made.*mine\.keras"):
        save_generator(other, tmp_path / "mine", "")
    assert not list(tmp_path.iterdir())


def test_saving_leaves_three_files_and_nothing_else(mine, tmp_path):
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mine.json",
        "mine.md",
        "mine.weights.h5",
    ]


def test_a_failed_save_keeps_the_old_files(mine, tmp_path, monkeypatch):
    generator = dcgan_generator(32, 1, 8, WIDTHS)

    def full_disk(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(generator, "save_weights", full_disk)
    with pytest.raises(OSError, match="No space"):
        save_generator(generator, mine, "new card")
    assert load_card(mine) == "# Card\n"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_bare_name_is_saved_where_one_stands_and_found_there(shipped):
    save_generator(dcgan_generator(32, 1, 8, WIDTHS), Path(".") / "generator", "card")
    assert not list(shipped.iterdir())
    assert load_generator(Path(".") / "generator").output_shape == (None, 32, 32, 1)


def test_what_the_course_ships_is_not_written_over(shipped, monkeypatch):
    generator = dcgan_generator(32, 1, 8, WIDTHS)
    save_generator(generator, shipped / "brain", "the course's", shipped=True)
    for path in ("brain", shipped / "brain", Path("../shipped/new")):
        with pytest.raises(ValueError, match=r"their names are for loading only.*runs/"):
            save_generator(generator, path, "mine")
    monkeypatch.chdir(shipped)
    with pytest.raises(ValueError, match="generator is a checkpoint of the course, or would lie"):
        save_generator(generator, "generator", "mine")
    assert load_card("brain") == "the course's\n" and len(list(shipped.iterdir())) == 3


def test_a_missing_checkpoint_names_those_there_are(shipped):
    save_generator(dcgan_generator(32, 1, 8, WIDTHS), shipped / "brain-test", "", shipped=True)
    assert checkpoint_names() == ["brain-test"]
    with pytest.raises(FileNotFoundError, match=r"no checkpoint 'brain-tset'.*brain-test"):
        load_generator("brain-tset")
    with pytest.raises(FileNotFoundError, match=r"brain-tset\.md is needed"):
        load_card("brain-tset")


def test_encoders_are_no_generators_and_the_other_way_round():
    assert not [name for name in checkpoint_names() if "encoder" in name]
    with pytest.raises(ValueError, match=r"evaluation\.load_encoder\('brain-encoder-64'\)"):
        load_generator("brain-encoder-64")
    with pytest.raises(ValueError, match=r"models\.load_generator\('brain-mri-64'\)"):
        evaluation.load_encoder("brain-mri-64")


FOREIGN = {
    "newer package": (
        lambda content: content | {"package": "99.1.0"},
        r"saved by medgan_utils 99\.1\.0, this is 0\.\d.*install the newer package",
    ),
    "another builder": (
        lambda content: content | {"builder": "style_generator"},
        r"builder 'style_generator', not 'dcgan_generator' or .*: it takes the pack",
    ),
    "unknown argument": (
        lambda content: content | {"arguments": content["arguments"] | {"future_option": 1}},
        r"arguments that dcgan_generator .* does not take \(.*future_option",
    ),
    "newer Keras": (
        lambda _: {"keras": "3.99.0", "model": json.loads(dcgan_generator().to_json())},
        rf"Keras 3\.99\.0 \(this is {keras.__version__}\): build the network with the code that",
    ),
    "plain model.to_json()": (
        lambda _: json.loads(dcgan_generator().to_json()),
        r"holds Keras' own model\.to_json\(\): build the network",
    ),
    "something else": (lambda _: ["a list"], r"no checkpoint of medgan_utils"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_of_elsewhere_gets_one_line_with_the_way_out(mine, kind):
    change, says = FOREIGN[kind]
    with pytest.raises(ValueError, match=says) as caught:
        load_generator(edited(mine, change))
    said = str(caught.value)
    assert "mine.json" in said and "\n" not in said and len(said) < 400


def test_a_damaged_json_is_named(mine):
    Path(f"{mine}.json").write_text('{"builder": "dcg')
    with pytest.raises(ValueError, match=r"mine\.json is damaged: .*take it from its save again"):
        load_generator(mine)


def test_weights_of_another_architecture_are_refused(mine, tmp_path):
    save_generator(dcgan_generator(32, 1, 8, (16, 8, 4)), tmp_path / "two", "card")
    shutil.copy(tmp_path / "two.weights.h5", tmp_path / "mine.weights.h5")
    with pytest.raises(ValueError, match=r"mine\.weights\.h5 does not hold the weights"):
        load_generator(mine)


def test_missing_and_truncated_weights_are_named(mine):
    weights = Path(f"{mine}.weights.h5")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"mine\.weights\.h5"):
        load_generator(mine)
    weights.unlink()
    with pytest.raises(FileNotFoundError, match=r"mine\.weights\.h5 is needed"):
        load_generator(mine)


def probe(name):
    """Return some outputs of a shipped checkpoint for inputs that every NumPy makes alike."""
    if "encoder" in name:
        wave = np.sin(np.arange(2 * 64 * 64) ** 1.3).reshape(2, 64, 64, 1)
        return evaluation.load_encoder(name).features(wave.astype(np.float32)).ravel()[::4]
    generator = load_generator(name)
    z = 2 * np.sin(np.arange(2 * 64).reshape(2, 64) ** 1.3).astype(np.float32)
    shapes = [i.shape[1:] for i in generator.inputs[1:]]
    labels = [np.stack([np.full(shape, value, "int32") for value in (0, 1)]) for shape in shapes]
    images = generator([z, *labels] if labels else z, training=False)
    return np.asarray(images).ravel()[:: 64 * 8 + 5]


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_shipped_checkpoint_draws_the_same_on_every_keras(name):
    np.testing.assert_allclose(probe(name), OUTPUTS[name], atol=1e-4)


def test_the_shipped_files_are_whole_and_within_the_size_promised():
    folder = _paths.checkpoints_folder()
    assert set(OUTPUTS) == {path.stem for path in folder.glob("*.json")}
    assert "brain-mri-64" in checkpoint_names()
    for name in OUTPUTS:
        assert (folder / f"{name}.weights.h5").stat().st_size < 5e6
        assert "licence" in load_card(name).lower()


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
