"""Weights on disk: round trip, names, and what is said when a file is missing or does not fit."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from medgan_utils.models import checkpoints, dcgan_generator
from medgan_utils.models.checkpoints import (
    checkpoint_names,
    load_card,
    load_generator,
    save_generator,
)

WIDTHS = (8, 8, 4)


@pytest.mark.parametrize(
    "options", [{}, dict(num_classes=(2, 3)), dict(last_stage="depth-to-space")]
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


def test_saving_leaves_three_files_and_nothing_else(tmp_path):
    save_generator(dcgan_generator(32, 1, 8, WIDTHS), tmp_path / "mine", "card")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "mine.json",
        "mine.md",
        "mine.weights.h5",
    ]


def test_a_failed_save_keeps_the_old_files(tmp_path, monkeypatch):
    generator = dcgan_generator(32, 1, 8, WIDTHS)
    save_generator(generator, tmp_path / "mine", "old card")

    def full_disk(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(generator, "save_weights", full_disk)
    with pytest.raises(OSError, match="No space"):
        save_generator(generator, tmp_path / "mine", "new card")
    assert load_card(tmp_path / "mine") == "old card\n"
    assert len(list(tmp_path.iterdir())) == 3


def test_a_missing_checkpoint_names_those_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoints, "checkpoints_folder", lambda: tmp_path)
    save_generator(dcgan_generator(32, 1, 8, WIDTHS), "brain-test", "card")
    assert checkpoint_names() == ["brain-test"]
    with pytest.raises(FileNotFoundError, match=r"no checkpoint 'brain-tset'.*brain-test"):
        load_generator("brain-tset")
    with pytest.raises(FileNotFoundError, match="no model card"):
        load_card("brain-tset")


def test_weights_of_another_architecture_are_refused(tmp_path):
    save_generator(dcgan_generator(32, 1, 8, WIDTHS), tmp_path / "one", "card")
    save_generator(dcgan_generator(32, 1, 8, (16, 8, 4)), tmp_path / "two", "card")
    shutil.copy(tmp_path / "two.weights.h5", tmp_path / "one.weights.h5")
    with pytest.raises(ValueError, match=r"one\.weights\.h5 does not hold the weights"):
        load_generator(tmp_path / "one")


def test_truncated_weights_are_refused(tmp_path):
    save_generator(dcgan_generator(32, 1, 8, WIDTHS), tmp_path / "one", "card")
    weights = tmp_path / "one.weights.h5"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"one\.weights\.h5"):
        load_generator(tmp_path / "one")


def test_the_shipped_generators_load_and_stay_within_the_size_promised():
    folder = checkpoints.checkpoints_folder()
    names = [name for name in checkpoint_names() if "encoder" not in name]
    assert "brain-mri-64" in names
    for name in names:
        generator = load_generator(name)
        inputs = [tf.zeros((1, *i.shape[1:]), i.dtype) for i in generator.inputs]
        image = generator(inputs if len(inputs) > 1 else inputs[0], training=False)
        assert np.abs(image).max() <= 1
        assert (folder / f"{name}.weights.h5").stat().st_size < 5e6
        assert "licence" in load_card(name).lower()
