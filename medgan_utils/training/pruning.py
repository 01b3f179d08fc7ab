"""Fewer weights: the smallest are set to zero, and stay there while the rest is fine-tuned.

Source: Han et al., "Learning both Weights and Connections for Efficient Neural Networks", NIPS
2015, arXiv:1506.02626. Zeros make a file smaller once it is compressed; they make no step faster,
since the usual kernels multiply with zeros too.
"""

import keras
import numpy as np


def prune(network: keras.Model, share: float) -> list[np.ndarray | None]:
    """Set the weights of least magnitude to zero, the same share in every kernel.

    Biases and the weights of batch normalisation, which are few, stay. Of what is already pruned
    the same weights go again, so that a resumed fine-tuning keeps its zeros.

    Args:
        network: For example `gan.generator`; it is changed.
        share: Of each kernel, in [0, 1).

    Returns:
        For each of `network.weights`, in order, a mask of its shape, true where weights stay; None
        for what is no kernel. For `KeepPruned`.

    Raises:
        ValueError: `share` is out of range.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share={share} of the weights: it must lie in [0, 1)")
    masks = []
    for weight in network.weights:
        mask = None
        if weight.name.endswith("kernel"):  # separable convolutions have two
            size = np.abs(weight.numpy()).ravel()
            mask = np.ones(size.shape, bool)
            mask[np.argsort(size, kind="stable")[: round(share * size.size)]] = False
            mask = mask.reshape(weight.shape)
        masks.append(mask)
    _apply(masks, network)
    return masks


class KeepPruned(keras.callbacks.Callback):
    """Sets the generator's pruned weights, and the averaged generator's, back to zero each step.

    Put it before callbacks that save, draw or score.

    Example::

        masks = prune(gan.generator, 0.5)
        gan.fit(dataset, steps_per_epoch=1000, callbacks=[KeepPruned(masks)])

    Args:
        masks: What `prune(gan.generator, share)` returned.
    """

    def __init__(self, masks: list[np.ndarray | None]):
        super().__init__()
        self.masks = masks

    def on_train_begin(self, logs=None):
        """The averaged generator was not pruned yet."""
        self._prune_both()

    def on_train_batch_end(self, batch, logs=None):
        """Undo what the step did to weights that are gone."""
        self._prune_both()

    def _prune_both(self) -> None:
        for network in (self.model.generator, self.model.ema_generator):
            _apply(self.masks, network)


def _apply(masks: list[np.ndarray | None], network: keras.Model) -> None:
    for mask, weight in zip(masks, network.weights, strict=True):
        if mask is not None:
            weight.assign(weight * mask.astype(weight.dtype))
