"""A small feature space of the course's own, learned from a real labelled task.

The encoder predicts where a slice lies and how much of each tissue it shows. Its last hidden layer
is the feature space in which real and generated images are compared.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .. import _checkpoint_files as files
from .inputs import check_range

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class EncoderConfig:
    """Everything needed to build an encoder again.

    Attributes:
        image_size: Height and width in pixels, a multiple of `2 ** len(widths)`.
        channels: Channels of an image.
        targets: Names of what it predicts, with units.
        target_mean: Mean of each target over the training images.
        target_std: Standard deviation of each target.
        num_features: Width of the feature layer.
        widths: Channels of the stride-2 convolutions.
        seed: Seed of the initial weights.
    """

    image_size: int
    channels: int
    targets: tuple[str, ...]
    target_mean: tuple[float, ...]
    target_std: tuple[float, ...]
    num_features: int = 32
    widths: tuple[int, ...] = (16, 32, 64, 64)
    seed: int = 0


class Encoder:
    """A network from images to features and, through them, to targets.

    Args:
        config: The architecture. The weights are the initial ones of `config.seed`.
        name: Name in tables.

    Raises:
        ValueError: If the image size does not suit the number of layers.
    """

    def __init__(self, config: EncoderConfig, name: str = "encoder"):
        import keras

        self.config, self.name = config, name
        self.network = files.Architecture("Encoder", vars(config)).noted_on(_network(config))
        self._features = keras.Model(
            self.network.input, self.network.get_layer("features").output, name="features"
        )

    def features(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Return the features of images.

        Args:
            images: Images `(N, H, W, C)` in [-1, 1] of the encoder's size, or of a multiple of it:
                then it sees the means of squares of pixels.
            batch_size: Images at a time.

        Returns:
            Features `(N, num_features)` float32.

        Raises:
            ValueError: If the images have another size or range.
        """
        return _run(self._features, self._checked(images), batch_size)

    def predict(self, images: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """Return the predicted targets in their own units.

        Args:
            images: Images `(N, H, W, C)` in [-1, 1].
            batch_size: Images at a time.

        Returns:
            Predictions `(N, targets)` float32.

        Raises:
            ValueError: If the images have another size or range.
        """
        standard = _run(self.network, self._checked(images), batch_size)
        return standard * np.float32(self.config.target_std) + np.float32(self.config.target_mean)

    def save(self, path: str | Path, *, shipped: bool = False) -> Path:
        """Write `PATH.weights.h5` and `PATH.json` (the architecture).

        Args:
            path: Path without suffix, for example `"runs/mine/encoder"`.
            shipped: Whether the course's own checkpoints may be replaced: for its recipes.

        Returns:
            The path without suffix.

        Raises:
            ValueError: The path leads to the course's checkpoints.
        """
        return files.save_checkpoint(self.network, path, shipped=shipped)

    def _checked(self, images: np.ndarray) -> np.ndarray:
        size, channels = self.config.image_size, self.config.channels
        times = np.shape(images)[1] // size if np.ndim(images) == 4 else 0
        if times < 1 or np.shape(images)[1:] != (times * size, times * size, channels):
            raise ValueError(
                f"images have shape {np.shape(images)}; the encoder {self.name!r} takes (N, "
                f"{size}, {size}, {channels}), or a multiple of that size"
            )
        images = np.asarray(images, np.float32)
        check_range(images)
        return images.reshape(-1, size, times, size, times, channels).mean(axis=(2, 4))


def train_encoder(
    images: np.ndarray,
    targets: np.ndarray,
    target_names: tuple[str, ...],
    steps: int = 2000,
    batch_size: int = 32,
    shift: int = 2,
    seed: int = 0,
    name: str = "encoder",
) -> Encoder:
    """Train an encoder to predict targets, by the squared error in each target's deviations.

    Args:
        images: Images `(N, H, W, C)` in [-1, 1], of subjects used for nothing else.
        targets: What to predict, `(N, T)`, each in its own unit; NaN where it is not known.
        target_names: `T` names with units.
        steps: Batches seen; the learning rate falls from 0.001 to 0 by a cosine.
        batch_size: Images a batch.
        shift: Images are moved by up to so many pixels at random.
        seed: Seed of weights, order and shifts.
        name: Name in tables.

    Returns:
        The trained encoder.

    Raises:
        ValueError: If images, targets and names do not match, or images are scaled otherwise.
    """
    check_range(images)
    encoder = Encoder(_config_for(images, targets, target_names, seed), name)
    mean, std = encoder.config.target_mean, encoder.config.target_std
    standard = ((np.asarray(targets) - mean) / std).astype(np.float32)
    trained = _compiled(encoder.network, steps)
    random = np.random.default_rng(seed)
    for _ in range(steps):
        chosen = random.integers(len(images), size=batch_size)
        offsets = random.integers(-shift, shift + 1, size=(batch_size, 2))
        trained.train_on_batch(_shifted(images[chosen], offsets), standard[chosen])
    return encoder


def random_encoder(encoder: Encoder, seed: int = 1, image_size: int | None = None) -> Encoder:
    """Return the twin of an encoder that has learned nothing: same layers, random weights.

    Args:
        encoder: The encoder whose architecture to take.
        seed: Seed of the weights.
        image_size: Pixels along each side that it sees; None for as many as the encoder.

    Returns:
        An untrained encoder called "random".
    """
    size = image_size or encoder.config.image_size
    return Encoder(replace(encoder.config, seed=seed, image_size=size), name="random")


def load_encoder(name_or_path: str | Path = "brain-encoder-64") -> Encoder:
    """Load an encoder that travels with the package, or one of your own.

    Args:
        name_or_path: Name of a shipped checkpoint, or a path without suffix.

    Returns:
        The encoder.

    Raises:
        FileNotFoundError: There is no such checkpoint; the message lists those there are. Train one
            with `train_encoder(...)` and save it.
        ValueError: It is no encoder, was saved by a newer package, or the weights do not fit the
            architecture beside them.
    """
    name = Path(name_or_path).name

    def build(**arguments):
        return Encoder(EncoderConfig(**arguments), name)

    return files.load_checkpoint(name_or_path, {"Encoder": build})


def _config_for(
    images: np.ndarray, targets: np.ndarray, names: tuple[str, ...], seed: int
) -> EncoderConfig:
    """Return the architecture for these images and targets."""
    targets = np.asarray(targets, np.float64)
    if targets.shape != (len(images), len(names)):
        raise ValueError(
            f"targets have shape {targets.shape}; {len(images)} images and {len(names)} names need "
            f"({len(images)}, {len(names)})"
        )
    return EncoderConfig(
        image_size=images.shape[1],
        channels=images.shape[3],
        targets=tuple(names),
        target_mean=tuple(np.nanmean(targets, axis=0).tolist()),
        target_std=tuple(np.maximum(np.nanstd(targets, axis=0), 1e-6).tolist()),
        seed=seed,
    )


def _network(config: EncoderConfig) -> "keras.Model":
    import keras
    from keras import layers

    if config.image_size % 2 ** len(config.widths):
        raise ValueError(
            f"image_size {config.image_size} is not a multiple of {2 ** len(config.widths)}"
        )
    seeds = iter(range(config.seed * 100, config.seed * 100 + 100))
    x = inputs = keras.Input((config.image_size, config.image_size, config.channels), name="image")
    for width in config.widths:
        start = keras.initializers.HeNormal(seed=next(seeds))
        x = layers.Conv2D(width, 3, strides=2, padding="same", kernel_initializer=start)(x)
        x = layers.LeakyReLU(0.2)(x)
    start = keras.initializers.GlorotUniform(seed=next(seeds))
    x = layers.Flatten()(x)
    x = layers.Dense(config.num_features, kernel_initializer=start, name="features")(x)
    start = keras.initializers.GlorotUniform(seed=next(seeds))
    x = layers.LeakyReLU(0.2)(x)
    outputs = layers.Dense(len(config.targets), kernel_initializer=start, name="targets")(x)
    return keras.Model(inputs, outputs, name="encoder")


def _compiled(network: "keras.Model", steps: int) -> "keras.Model":
    """Return a model on the same weights that can be trained; `network` stays without optimiser.

    Keras would save the optimiser's state, twice the weights, with a compiled network.
    """
    import keras

    trained = keras.Model(network.inputs, network.outputs)
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps)
    trained.compile(keras.optimizers.Adam(rate), _mean_known_square)
    return trained


def _mean_known_square(truth, predicted):
    """Mean squared error over the targets that are known (not NaN)."""
    from keras import ops

    known = ops.logical_not(ops.isnan(truth))
    squares = ops.square(ops.where(known, truth, predicted) - predicted)
    return ops.sum(squares) / ops.maximum(ops.sum(ops.cast(known, "float32")), 1.0)


def _run(network: "keras.Model", images: np.ndarray, batch_size: int) -> np.ndarray:
    batches = [images[i : i + batch_size] for i in range(0, len(images), batch_size)]
    return np.concatenate([np.asarray(network(batch, training=False)) for batch in batches])


def _shifted(images: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Move each image by whole pixels, the border repeated."""
    margin = int(np.abs(offsets).max())
    padded = np.pad(images, ((0, 0), (margin,) * 2, (margin,) * 2, (0, 0)), mode="edge")
    height, width = images.shape[1:3]
    rows = margin + offsets[:, :1] + np.arange(height)
    columns = margin + offsets[:, 1:] + np.arange(width)
    index = np.arange(len(images))[:, None, None]
    return padded[index, rows[:, :, None], columns[:, None, :]]
