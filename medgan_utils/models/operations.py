"""What a network costs: the operations of its layers, counted from their shapes."""

import keras
import numpy as np


def layer_operations(network: keras.Model) -> dict[str, int]:
    """Return name -> floating-point operations of one image, forwards, for each layer that learns.

    A multiplication and the addition that follows count as two. Biases, activations and
    normalisation are left out: they are few beside a convolution's (chapter 4 compares the count
    with TensorFlow's own).

    Args:
        network: Whose dense layers and convolutions are counted, plain ones (not wrapped).
    """
    counts = {}
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):  # its kernel stamps each input pixel
            counts[layer.name] = 2 * int(np.prod(layer.kernel.shape)) * _area(layer.input)
        elif isinstance(layer, keras.layers.Conv2D):
            counts[layer.name] = 2 * int(np.prod(layer.kernel.shape)) * _area(layer.output)
        elif isinstance(layer, keras.layers.Dense):
            counts[layer.name] = 2 * int(np.prod(layer.kernel.shape))
    return counts


def _area(tensor: keras.KerasTensor) -> int:
    """Return the number of positions of a feature map (B, H, W, C)."""
    return tensor.shape[1] * tensor.shape[2]
