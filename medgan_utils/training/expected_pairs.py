"""What a translation accepts: two images a row; the rest is refused before the first step."""

import numpy as np
import tensorflow as tf

from .expected import Expected


class ExpectedPairs:
    """The images that fit a translation's networks, side by side.

    Args:
        shapes: (H, W, C) of the first and of the second images.
        names: What they are called in messages.
        advice: Said where there is no second image.
    """

    num_classes = None

    def __init__(self, shapes: tuple[tuple, tuple], names: tuple[str, str], advice: str):
        self.sides = [Expected(shape, None) for shape in shapes]
        self.names, self.advice = names, advice
        self.refusal: ValueError | None = None  # of `data`, for the caller to raise

    def data(self, x: np.ndarray | tf.Tensor | tf.data.Dataset, y: np.ndarray | None = None):
        """Return what `fit` is to train on, checked: arrays at once, datasets as they come.

        Raises:
            ValueError: There is no second image, their numbers differ, or one does not fit.
            TypeError: It is neither array nor dataset.
        """
        self.refusal = None
        if isinstance(x, tf.data.Dataset):
            return self._dataset(x), None
        if not isinstance(x, np.ndarray | tf.Tensor):
            raise TypeError(f"fit takes arrays or a tf.data.Dataset of pairs, no {type(x)}")
        if y is None:
            raise ValueError(f"there are {self.names[0]} and no {self.names[1]}: {self.advice}")
        x, y = np.asarray(x), np.asarray(y)
        self.check(x, y)
        return x.astype(np.float32), y.astype(np.float32)

    def check(self, x: np.ndarray, y: np.ndarray) -> None:
        """Refuse images of another shape, number, type or range, and say which side it is."""
        for name, side, images in zip(self.names, self.sides, (x, y), strict=True):
            self.check_side(name, side, images)
        if len(x) != len(y):
            raise ValueError(
                f"{len(x)} {self.names[0]} and {len(y)} {self.names[1]}: one of each a row is "
                "needed; for images without partners zip two endless datasets, for CycleGAN"
            )

    def check_side(self, name: str, side: Expected, images: np.ndarray) -> None:
        """Refuse images that do not fit one side."""
        wanted = side.image_shape
        if images.shape[1:3] == wanted[:2] and images.shape[1:] != wanted:
            found = images.shape[3] if images.ndim == 4 else "no"
            raise ValueError(
                f"{name} have {found} channels; these networks take {wanted[2]}, one a modality: "
                "np.stack(modalities, axis=-1), and a presence that says which are there"
            )
        try:
            side.check_images(images)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None

    def _dataset(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """Return the dataset, each of whose batches is checked before it is trained on."""
        self._check_spec(dataset.element_spec)

        def checked(*parts: tf.Tensor):
            inside = [
                side.images_fit(tf.cast(part, tf.float32))
                for side, part in zip(self.sides, parts, strict=True)
            ]
            some = tf.shape(parts[0])[0] == tf.shape(parts[1])[0]
            passed = tf.cond(
                inside[0] & inside[1] & some,
                lambda: True,
                lambda: tf.numpy_function(self._refuse, parts, tf.bool),
            )
            with tf.control_dependencies([passed]):
                return tuple(tf.ensure_shape(tf.identity(part), part.shape) for part in parts)

        return dataset.map(checked)

    def _check_spec(self, spec) -> None:
        if not isinstance(spec, tuple) or len(spec) != 2:
            raise ValueError(
                f"the dataset must yield pairs ({', '.join(self.names)}); this one: {spec}: "
                f"{self.advice}"
            )
        for name, side, part in zip(self.names, self.sides, spec, strict=True):
            if part.shape.rank == 3:
                raise ValueError("the dataset yields single images; add .batch(16) to it")
            if part.shape.rank is None:  # of a generator without a signature: seen batch by batch
                continue
            shape = [n or 1 for n in part.shape]
            example = np.full(shape, -1.0, part.dtype.as_numpy_dtype)
            self.check_side(name, side, example)

    def _refuse(self, x: np.ndarray, y: np.ndarray) -> np.bool_:
        try:
            self.check(x, y)
        except ValueError as error:
            self.refusal = self.refusal or error  # batches may be fetched ahead
            raise
        return np.bool_(True)
