"""Layers that Keras lacks, or has in a form that does not suit a GAN."""

import keras
from keras import layers, ops

_OTHER_KERNELS = (  # the last axis of whose kernel does not count the outputs
    layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose,
    layers.DepthwiseConv1D, layers.DepthwiseConv2D,
)  # fmt: skip


@keras.saving.register_keras_serializable("medgan_utils")
class SpectralNormalization(keras.layers.Wrapper):
    """Divides a linear layer's kernel by its largest singular value, without changing the kernel.

    Keras' own wrapper overwrites the kernel at every training call, so the optimiser's step and the
    normalisation fight over one variable, and a generator's step changes the discriminator. Here
    the stored kernel W is left alone; the layer computes (W / σ(W)) x + b, and the gradient flows
    through σ(W) = uᵀ W v. The vectors u and v follow W by one power iteration a training call.

    Source: Miyato et al., "Spectral Normalization for GANs", ICLR 2018, arXiv:1802.05957.

    Args:
        layer: `Dense`, `Conv2D` or another layer that is linear in its input and has a `kernel`
            whose last axis counts the outputs. Its `activation` must be linear.
        **kwargs: Passed to `keras.layers.Wrapper`.

    Raises:
        ValueError: The layer has an activation, no kernel, or one whose last axis counts something
            else (transposed and depthwise convolutions).
    """

    def __init__(self, layer: keras.layers.Layer, **kwargs):
        super().__init__(layer, **kwargs)
        if getattr(layer, "activation", None) not in (None, keras.activations.linear):
            raise ValueError(f"{layer.name} has an activation; put it in a layer of its own after")
        if isinstance(layer, _OTHER_KERNELS):
            raise ValueError(
                f"{layer.name}: the last axis of its kernel does not count its outputs"
            )

    def build(self, input_shape):
        """Build the wrapped layer and the left singular vector u, shape (1, outputs)."""
        super().build(input_shape)
        if not hasattr(self.layer, "kernel"):
            raise ValueError(f"{self.layer.name} has no kernel to normalise")
        self.vector_u = self.add_weight(
            shape=(1, self.layer.kernel.shape[-1]),
            initializer=keras.initializers.RandomNormal(seed=0),
            trainable=False,
            name="vector_u",
        )

    def sigma(self, training: bool = False) -> keras.KerasTensor:
        """Return the estimate of the kernel's largest singular value, a scalar.

        It is an estimate from below, which grows near with the first steps of a training.

        Args:
            training: Also move u by one power iteration.
        """
        kernel = ops.convert_to_tensor(self.layer.kernel)
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        fixed = ops.stop_gradient(matrix)
        u = _unit(ops.convert_to_tensor(self.vector_u))  # at the start it is not of length 1
        v = _unit(ops.matmul(u, ops.transpose(fixed)))
        if training:
            u = _unit(ops.matmul(v, fixed))
            v = _unit(ops.matmul(u, ops.transpose(fixed)))
            self.vector_u.assign(u)
        return ops.sum(ops.matmul(v, matrix) * u)

    def call(self, inputs, training=False):
        """Return (W / σ) x + b, of the wrapped layer's output shape."""
        outputs = self.layer(inputs)
        sigma = ops.cast(self.sigma(training=bool(training)), outputs.dtype)
        bias = getattr(self.layer, "bias", None)
        if bias is None:
            return outputs / sigma
        bias = ops.cast(bias, outputs.dtype)
        return (outputs - bias) / sigma + bias


@keras.saving.register_keras_serializable("medgan_utils")
def clipped_tanh(x: keras.KerasTensor) -> keras.KerasTensor:
    """Return tanh stretched by 1 % and cut to [-1, 1]: the ends are reached at |x| = 2.65.

    Most of the air of a stored scan is exactly 0; tanh comes near black, and a faint grain stays.
    """
    return ops.clip(1.01 * ops.tanh(x), -1.0, 1.0)


@keras.saving.register_keras_serializable("medgan_utils")
class DepthToSpace(keras.layers.Layer):
    """Turns (B, H, W, block² C) into (B, block H, block W, C): the last up-sampling, nearly free.

    By reshape and transpose, since Keras 3.13 has no `ops.depth_to_space`; the order of channels is
    TensorFlow's.

    Source: Shi et al., "Real-Time Single Image … Super-Resolution Using an Efficient Sub-Pixel
    CNN", CVPR 2016, arXiv:1609.05158.

    Args:
        block: Factor by which height and width grow.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, block: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.block = block

    def call(self, inputs):
        """Rearrange channels into pixels."""
        _, height, width, channels = self.compute_output_shape(inputs.shape)
        # Batch and rows stay one axis: four axes are quicker to transpose than six.
        rows = (-1, inputs.shape[2], self.block, self.block * channels)
        swapped = ops.transpose(ops.reshape(inputs, rows), (0, 2, 1, 3))
        return ops.reshape(swapped, (-1, height, width, channels))

    def compute_output_shape(self, input_shape):
        """Return (B, block H, block W, C)."""
        batch, height, width, channels = input_shape
        return (batch, height * self.block, width * self.block, channels // self.block**2)

    def get_config(self):
        """Return the configuration, with the block size."""
        return {**super().get_config(), "block": self.block}


@keras.saving.register_keras_serializable("medgan_utils")
class SpaceToDepth(DepthToSpace):
    """Turns (B, block H, block W, C) into (B, H, W, block² C): the inverse of `DepthToSpace`."""

    def call(self, inputs):
        """Rearrange pixels into channels."""
        _, height, width, channels = self.compute_output_shape(inputs.shape)
        rows = (-1, self.block, width, channels // self.block)
        swapped = ops.transpose(ops.reshape(inputs, rows), (0, 2, 1, 3))
        return ops.reshape(swapped, (-1, height, width, channels))

    def compute_output_shape(self, input_shape):
        """Return (B, H, W, block² C)."""
        batch, height, width, channels = input_shape
        return (batch, height // self.block, width // self.block, channels * self.block**2)


@keras.saving.register_keras_serializable("medgan_utils")
class LabelEmbedding(keras.layers.Embedding):
    """Embeds one column of an integer label array (B, n) as vectors (B, width).

    Args:
        input_dim: Number of classes of that label.
        output_dim: Width of the vectors.
        index: Which column.
        **kwargs: Passed to `keras.layers.Embedding`.
    """

    def __init__(self, input_dim: int, output_dim: int, index: int = 0, **kwargs):
        super().__init__(input_dim, output_dim, **kwargs)
        self.index = index

    def call(self, inputs):
        """Look the column's classes up; one below 0 (unknown) is refused, not the last class."""
        column = ops.cast(inputs[:, self.index], "int32")
        return super().call(ops.where(column < 0, self.input_dim, column))

    def compute_output_shape(self, input_shape):
        """Return (B, width)."""
        return (input_shape[0], self.output_dim)

    def compute_output_spec(self, inputs):
        """Return the symbolic output of shape (B, width)."""
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def get_config(self):
        """Return the configuration, with the column."""
        return {**super().get_config(), "index": self.index}


@keras.saving.register_keras_serializable("medgan_utils")
class OneHotMap(keras.layers.Layer):
    """Turns label maps (B, H, W) of whole numbers into (B, H, W, num_classes) of 0 and 1.

    A pixel whose number is none of the classes is 0 in all of them.

    Args:
        num_classes: Number of classes, the background included.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, num_classes: int, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def call(self, inputs):
        """Compare every pixel with every class."""
        classes = ops.arange(self.num_classes, dtype="int32")
        equal = ops.cast(inputs, "int32")[..., None] == classes
        return ops.cast(equal, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        """Return (B, H, W, num_classes)."""
        return (*input_shape, self.num_classes)

    def get_config(self):
        """Return the configuration, with the number of classes."""
        return {**super().get_config(), "num_classes": self.num_classes}


@keras.saving.register_keras_serializable("medgan_utils")
class OneChannel(keras.layers.Layer):
    """Takes one channel of (B, H, W, C), as (B, H, W, 1), black (-1) where it is missing.

    Args:
        index: Which channel.
        **kwargs: Passed to `keras.layers.Layer`.
    """

    def __init__(self, index: int, **kwargs):
        super().__init__(**kwargs)
        self.index = index

    def call(self, inputs):
        """Cut the channel out of images, for the images whose presence (B, C) says it is there."""
        images, presence = inputs
        there = presence[:, self.index, None, None, None] > 0
        return ops.where(there, images[..., self.index : self.index + 1], -1.0)

    def get_config(self):
        """Return the configuration, with the channel."""
        return {**super().get_config(), "index": self.index}


@keras.saving.register_keras_serializable("medgan_utils")
class FuseModalities(keras.layers.Layer):
    """Averages the maps of the modalities that are present."""

    def call(self, inputs):
        """Fuse a list of M maps (B, h, w, C) and their presence (B, M) of 0 and 1."""
        maps, presence = ops.stack(inputs[:-1], axis=1), ops.cast(inputs[-1], self.compute_dtype)
        there = presence[:, :, None, None, None]
        return ops.sum(there * maps, axis=1) / ops.maximum(ops.sum(there, axis=1), 1)

    def compute_output_shape(self, input_shape):
        """Return the shape of one map."""
        return input_shape[0]


def _unit(vector):
    """Return a vector of length 1 in the direction of a (1, n) vector."""
    return vector * ops.rsqrt(ops.maximum(ops.sum(ops.square(vector)), 1e-12))
