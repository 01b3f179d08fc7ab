import numpy as np
import pytest

from medgan_utils import evaluation
from medgan_utils._paths import checkpoints_folder

NAMES = ("height (px)", "brightness")


def squares(count=300, seed=0):
    """Squares at a random height and of a random brightness, and both as targets."""
    random = np.random.default_rng(seed)
    heights, values = random.integers(0, 24, count), random.uniform(0, 1, count)
    images = np.full((count, 32, 32, 1), -1.0, np.float32)
    for image, height, value in zip(images, heights, values, strict=True):
        image[height : height + 8, 12:20] = value
    return images, np.stack([heights, values], axis=1)


@pytest.fixture(scope="module")
def encoder():
    return evaluation.train_encoder(*squares(), NAMES, steps=150, shift=1, name="squares")


def test_it_learns_the_task_on_new_images(encoder):
    images, targets = squares(100, seed=1)
    error = np.abs(encoder.predict(images) - targets).mean(axis=0)
    assert error[0] < 2
    assert error[1] < 0.1


def test_what_is_not_known_of_an_image_is_not_learned_from_it():
    images, targets = squares()
    targets[::2, 1] = np.nan
    partly = evaluation.train_encoder(images, targets, NAMES, steps=150, shift=1)
    images, targets = squares(100, seed=1)
    error = np.abs(partly.predict(images) - targets).mean(axis=0)
    assert error[0] < 2
    assert error[1] < 0.15


def test_features_are_few_and_the_network_is_small(encoder):
    features = encoder.features(squares(10)[0])
    assert features.shape == (10, 32)
    assert features.dtype == np.float32
    config = evaluation.EncoderConfig(64, 1, ("level (mm)",) * 6, (0,) * 6, (1,) * 6)
    assert 80_000 < evaluation.Encoder(config).network.count_params() < 110_000


def test_the_random_twin_has_the_same_layers_and_knows_nothing(encoder):
    twin = evaluation.random_encoder(encoder)
    images, targets = squares(100, seed=1)
    assert twin.name == "random"
    assert twin.network.count_params() == encoder.network.count_params()
    assert np.abs(twin.predict(images) - targets).mean(axis=0)[0] > 3
    again = evaluation.random_encoder(encoder)
    np.testing.assert_array_equal(twin.features(images), again.features(images))


def test_images_of_twice_the_size_are_seen_as_means_of_squares(encoder):
    images = np.random.default_rng(0).uniform(-1, 1, (5, 32, 32, 1)).astype(np.float32)
    large = images.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(encoder.features(large), encoder.features(images), atol=1e-5)
    checks = np.indices((64, 64)).sum(axis=0)[None, :, :, None] % 2 * 2 - 1  # their means are 0
    nothing = encoder.features(np.zeros((1, 32, 32, 1)))
    np.testing.assert_allclose(encoder.features(checks), nothing, atol=1e-5)
    finer = evaluation.random_encoder(encoder, image_size=64)
    plain = finer.features(np.zeros((1, 64, 64, 1)))
    assert np.abs(finer.features(checks) - plain).max() > 0.1  # it sees single pixels


def test_saved_and_loaded_it_is_the_same(encoder, tmp_path):
    path = encoder.save(tmp_path / "squares-32")
    assert {file.name for file in tmp_path.iterdir()} == {
        "squares-32.weights.h5",
        "squares-32.json",
    }
    loaded = evaluation.load_encoder(path)
    images, _ = squares(20, seed=2)
    np.testing.assert_array_equal(loaded.features(images), encoder.features(images))
    np.testing.assert_array_equal(loaded.predict(images), encoder.predict(images))
    assert loaded.config.targets == NAMES


def test_the_shipped_encoder_is_small_and_its_card_says_where_it_is_from():
    shipped = evaluation.load_encoder("brain-encoder-64")
    images = np.random.default_rng(0).uniform(-1, 1, (3, 64, 64, 1))
    assert shipped.features(images).shape == (3, 32)
    assert shipped.config.targets[0].startswith("level (mm")
    folder = checkpoints_folder()
    assert (folder / "brain-encoder-64.weights.h5").stat().st_size < 600_000
    card = (folder / "brain-encoder-64.md").read_text(encoding="utf-8")
    for words in ("CC BY-SA 3.0", "IXI", "Not for", "Command"):
        assert words in card


def test_a_missing_encoder_names_those_there_are():
    with pytest.raises(FileNotFoundError, match=r"'no-such-encoder'.*brain-encoder-64"):
        evaluation.load_encoder("no-such-encoder")


def test_wrong_shapes_are_explained(encoder):
    with pytest.raises(ValueError, match="takes \\(N, 32, 32, 1\\), or a multiple"):
        encoder.features(np.zeros((2, 48, 48, 1)))
    with pytest.raises(ValueError, match="names need"):
        evaluation.train_encoder(*squares(), ("one",), steps=1)
    with pytest.raises(ValueError, match="multiple of 16"):
        evaluation.train_encoder(np.zeros((4, 20, 20, 1)), np.zeros((4, 1)), ("x",), steps=1)


def test_images_of_another_scale_are_refused(encoder):
    images, targets = squares(8)
    for spoilt in ((images + 1) / 2, 100 * images, images * np.nan):
        with pytest.raises(ValueError, match="images range from"):
            encoder.features(spoilt)
        with pytest.raises(ValueError, match="images range from"):
            evaluation.train_encoder(spoilt, targets, NAMES, steps=1)
