"""What a GAN accepts, and how it refuses the rest: before the first step, and saying what to do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

LIMIT = 1.001  # of |pixel|: tanh cannot reach beyond 1, rounding may
MANY = 4  # images of a batch, of which some pixel is below 0: fewer may be bright all over


@contextmanager
def telling(expected: "Expected") -> Iterator[None]:
    """Raise what `expected` (or `ExpectedPairs`) refused of a dataset, not TensorFlow's error."""
    try:
        yield
    except tf.errors.OpError:
        if expected.refusal is None:
            raise
        raise expected.refusal from None


class Expected:
    """The images and labels that fit a GAN's networks.

    Labels are class numbers (N, n), one column a label, counted from 0; or, where the generator
    takes one label as wide as it has classes, one-hot rows; or maps (N, H, W) of one label.

    Args:
        image_shape: (H, W, C).
        num_classes: Classes of each label; None for a GAN without labels.
        label_shape: Of an image's labels as the generator takes them: (n,), or (H, W) for a map.

    Raises:
        ValueError: The number of columns is neither the number of labels nor of one's classes.
    """

    def __init__(
        self,
        image_shape: tuple,
        num_classes: tuple[int, ...] | None,
        label_shape: tuple[int, ...] = (0,),
    ):
        self.image_shape, self.num_classes = tuple(image_shape), num_classes
        self.label_shape = tuple(label_shape)
        self.columns = label_shape[0] if len(label_shape) == 1 else 1
        self.one_hot = num_classes == self.label_shape and self.columns > 1
        self.refusal: ValueError | None = None  # of `data`, for the caller to raise
        if num_classes is not None and not self.one_hot and len(num_classes) != self.columns:
            raise ValueError(
                f"the generator takes {self.columns} columns of labels and num_classes="
                f"{num_classes} counts the classes of {len(num_classes)}; give one number a column"
            )

    @classmethod
    def by(
        cls, generator: keras.Model, num_classes: int | Sequence[int] | None = None
    ) -> "Expected":
        """Return what fits a generator; None takes the classes it was built with.

        Raises:
            ValueError: It takes labels, and their classes are not known; or takes none, and has.
        """
        built = getattr(generator, "architecture", None)  # as our builders note it
        noted = built.arguments.get("num_classes") if built else None
        known = noted if num_classes is None else num_classes
        conditional = len(generator.inputs) > 1
        if conditional != (known is not None):
            wants = "num_classes= must say how many" if conditional else "it can have no classes"
            raise ValueError(f"the generator takes {'' if conditional else 'no '}labels: {wants}")
        classes = None if known is None else tuple(int(n) for n in np.atleast_1d(known))
        label_shape = generator.inputs[1].shape[1:] if conditional else (0,)
        return cls(generator.outputs[0].shape[1:], classes, label_shape)

    def data(self, x: np.ndarray | tf.Tensor | tf.data.Dataset, y: np.ndarray | None = None):
        """Return what `fit` is to train on, checked: arrays at once, datasets as they come.

        Raises:
            ValueError: An image or a label is none that fits.
            TypeError: It is neither array nor dataset.
        """
        self.refusal = None
        if isinstance(x, tf.data.Dataset):
            return self.dataset(x), y
        if not isinstance(x, np.ndarray | tf.Tensor):
            raise TypeError(f"fit takes an array or a tf.data.Dataset of images, no {type(x)}")
        x, y = np.asarray(x), None if y is None else np.asarray(y)
        self.check_images(x)
        self.check_labels(y, len(x))
        return x.astype(np.float32), y

    def check_images(self, images: np.ndarray) -> None:
        """Refuse images (N, H, W, C) of another shape, of whole numbers, or outside [-1, 1]."""
        self._check_shape("images", images.shape[1:], self.image_shape)
        if images.size == 0:
            raise ValueError("there are no images")
        if images.dtype.kind in "fiub" and not np.isfinite(images).all():
            odd = np.flatnonzero(~np.isfinite(images).reshape(len(images), -1).all(axis=1))
            raise ValueError(f"{len(odd)} of {len(images)} images hold NaN or infinity: {odd[:5]}")
        low, high = images.min(), images.max()
        if images.dtype.kind == "f" and -LIMIT <= low and high <= LIMIT and not 0 <= low < high:
            return
        raise ValueError(
            f"images are {images.dtype} from {low:g} to {high:g}; floats from -1 (black) to 1 are "
            f"needed, since the generator ends in tanh: {_advice(images.dtype, low, high)}"
        )

    def check_labels(self, labels: np.ndarray | None, count: int) -> None:
        """Refuse labels that are missing, of another form, or none of the classes."""
        if (labels is not None) != (self.num_classes is not None):
            sizes = ", ".join(map(str, self.label_shape))
            wants = f"needs labels (N, {sizes})" if self.num_classes else "takes no labels"
            raise ValueError(f"this GAN {wants}")
        if labels is None:
            return
        if labels.shape != (count, *self.label_shape):
            raise ValueError(
                f"labels have shape {labels.shape}; {(count, *self.label_shape)} is needed, "
                f"{'a row' if len(self.label_shape) == 1 else 'a map'} an "
                f"image{self._reshaped(labels.shape)}"
            )
        if labels.dtype.kind not in "fiub":
            raise ValueError(
                f"labels are {labels.dtype}, such as {labels.ravel()[0]!r}; class numbers are "
                "needed: labels.astype(int), or np.unique(names, return_inverse=True)[1] of names"
            )
        if (labels != np.round(labels)).any():
            odd = next(v for v in labels.ravel().tolist() if not isinstance(v, int) and v % 1 != 0)
            raise ValueError(f"a label is {odd!r}; class numbers are whole, counted from 0")
        if self.one_hot:
            if ((labels != 0) & (labels != 1)).any() or (labels.sum(axis=1) != 1).any():
                raise ValueError("one-hot labels have a single 1 in each row, and else zeros")
        elif (labels < 0).any() or (labels >= np.array(self.num_classes)).any():
            columns = labels.reshape(-1, self.columns)  # of a map all pixels are one
            low, high = columns.min(axis=0), columns.max(axis=0)
            raise ValueError(
                f"labels reach from {low} to {high}; this GAN knows {self.num_classes} classes, "
                f"counted from 0: {self._recounted(low, high)}"
            )

    def _check_shape(self, name: str, shape: tuple, wanted: tuple) -> None:
        pairs = zip(shape, wanted, strict=False)
        if len(shape) != len(wanted) or any(a not in (None, b) for a, b in pairs):
            raise ValueError(
                f"{name} have shape (N, {', '.join(map(str, shape))}); these networks take "
                f"(N, {', '.join(map(str, wanted))})"
            )

    def _reshaped(self, shape: tuple) -> str:
        if len(shape) == 1 and self.label_shape == (1,):
            return ": labels[:, None]"
        if self.num_classes is not None and shape[1:] == self.num_classes and not self.one_hot:
            return "; if they are one-hot: labels.argmax(axis=1)[:, None]"
        return ""

    def _recounted(self, low: np.ndarray, high: np.ndarray) -> str:
        if (low < 0).any():
            return "leave out images of unknown label (below 0)"
        if (low >= 1).all() and (high <= np.array(self.num_classes)).all():
            return "if yours count from 1, subtract 1"
        return "make both networks with num_classes= the highest label of each column plus one"

    def dataset(self, dataset: tf.data.Dataset) -> tf.data.Dataset:
        """Return the dataset, each of whose batches is checked before it is trained on.

        What does not fit stops the iteration with TensorFlow's error, after which `refusal` says
        why.

        Raises:
            ValueError: The batches have another structure, shape or type than is needed.
        """
        labels = self._label_spec(dataset.element_spec)

        def checked(*parts: tf.Tensor):
            fits = self.images_fit(tf.cast(parts[0], tf.float32))
            if labels is not None:
                fits &= self._labels_fit(tf.cast(parts[1], tf.float32))
            # Python looks only at what does not fit: it knows how to say why.
            passed = tf.cond(
                fits, lambda: True, lambda: tf.numpy_function(self._refuse, parts, tf.bool)
            )
            with tf.control_dependencies([passed]):
                same = [tf.ensure_shape(tf.identity(part), part.shape) for part in parts]
            return same[0] if labels is None else tuple(same)

        return dataset.map(checked)

    def _label_spec(self, spec) -> tf.TensorSpec | None:
        parts = spec if isinstance(spec, tuple) else (spec,)
        if len(parts) > 2 or not all(isinstance(part, tf.TensorSpec) for part in parts):
            raise ValueError(f"a dataset yields images, or (images, labels); this one: {spec}")
        images, labels = (*parts, None)[:2]
        if images.shape.rank == len(self.image_shape):
            raise ValueError("the dataset yields single images; add .batch(16) to it")
        if images.shape.rank is not None:
            self._check_shape("images", tuple(images.shape[1:]), self.image_shape)
        if not images.dtype.is_floating:
            raise ValueError(
                f"images are {images.dtype.name}; floats from -1 (black) to 1 are needed: "
                "dataset.map(lambda x: tf.cast(x, tf.float32) / 127.5 - 1) for 0 to 255"
            )
        if (labels is not None) != (self.num_classes is not None):
            self.check_labels(None if labels is None else np.zeros((1, 1)), 1)
        if labels is not None and not (labels.dtype.is_floating or labels.dtype.is_integer):
            self.check_labels(np.zeros((1, *self.label_shape), labels.dtype.as_numpy_dtype), 1)
        if labels is not None and labels.shape.rank is not None:
            count = images.shape[0]
            if not labels.shape.is_compatible_with((None, *self.label_shape)):
                self.check_labels(np.zeros([n or 1 for n in labels.shape]), count or 1)
        return labels

    def images_fit(self, images: tf.Tensor) -> tf.Tensor:
        """Whether a batch lies in [-1, 1], and is not one of many images in [0, 1]."""
        low, high = tf.reduce_min(images), tf.reduce_max(images)
        within = tf.reduce_all(tf.abs(images) <= LIMIT)  # false for NaN, too
        return within & ~((low >= 0) & (low < high) & (tf.shape(images)[0] >= MANY))

    def _labels_fit(self, labels: tf.Tensor) -> tf.Tensor:
        if self.one_hot:
            once = tf.reduce_all(tf.reduce_sum(labels, axis=1) == 1)
            return once & tf.reduce_all((labels == 0) | (labels == 1))
        counts = tf.constant(self.num_classes, tf.float32)
        whole = tf.reduce_all(labels == tf.round(labels))
        return whole & tf.reduce_all((labels >= 0) & (labels < counts))

    def _refuse(self, images: np.ndarray, labels: np.ndarray | None = None) -> np.bool_:
        try:
            images = images.astype(np.float32)
            if not self.images_fit(tf.constant(images)):  # a few bright ones do
                self.check_images(images)
            self.check_labels(labels, len(images))
        except ValueError as error:
            self.refusal = self.refusal or error  # batches may be fetched ahead
            raise
        return np.bool_(True)


def _advice(dtype: np.dtype, low: float, high: float) -> str:
    low, high = float(low), float(high)
    if low < 0 and -LIMIT <= low and high <= LIMIT:
        return "images.astype('float32')"
    if low >= 0 and high <= LIMIT:
        return "2 * images - 1" if dtype.kind == "f" else "2 * images.astype('float32') - 1"
    if low >= 0 and high <= 255:
        return "images.astype('float32') / 127.5 - 1"
    if -1.5 <= low and high <= 1.5:
        return "np.clip(images, -1, 1), if only a few pixels lie beyond"
    return f"2 * (images - {low:g}) / {high - low:g} - 1, or clip to a window first"
