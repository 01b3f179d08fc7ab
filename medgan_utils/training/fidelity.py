"""What holds a translation to its target: terms of G's loss beside the adversarial one.

Each is a `Term`, handed to `Pix2Pix.compile`. It is called with a `TranslationBatch` and two
integers as a seed, and returns one value an image, shape (B,). A new one is a sub-class here or in
a notebook.
"""

from dataclasses import dataclass

import keras
from keras import KerasTensor, ops

from .penalties import Term


@dataclass
class TranslationBatch:
    """Images as G made them, what they were made from, and what they should be.

    Attributes:
        fake: Images (B, H, W, C) as G made them.
        inputs: What G was shown of the inputs (B, H, W, M): missing modalities are black.
        target: What should have come out (B, H, W, C).
    """

    fake: KerasTensor
    inputs: KerasTensor
    target: KerasTensor


class L1(Term):
    """Mean |G(x) - y|: the distance whose best answer is the median of all that y could be.

    Source: Isola et al. 2017, arXiv:1611.07004 (weight 100).

    Args:
        weight: What it is multiplied with.
    """

    needs = ("target",)

    def __init__(self, weight: float = 100.0):
        super().__init__(weight)

    def __call__(self, batch, seed):
        """Return the mean absolute difference of each image."""
        return _mean_of_each(ops.abs(batch.fake - batch.target))


class FeatureDistance(Term):
    """Mean |φ(G(x)) - φ(y)| over the maps of a fixed network φ: alike to φ, not pixel by pixel.

    Source: Johnson, Alahi, Fei-Fei, "Perceptual Losses for Real-Time Style Transfer and
    Super-Resolution", ECCV 2016, arXiv:1603.08155 (there squared).

    Args:
        features: A model from images (B, H, W, C) to maps, or to a list of maps; not trained here.
        weight: What it is multiplied with.
    """

    needs = ("target",)

    def __init__(self, features: keras.Model, weight: float = 10.0):
        super().__init__(weight)
        self.features = features

    def __call__(self, batch, seed):
        """Return the mean absolute difference of each image's features, averaged over the maps."""
        made, wanted = (
            self.features(images, training=False) for images in (batch.fake, batch.target)
        )
        pairs = zip(made, wanted, strict=True) if isinstance(made, list) else [(made, wanted)]
        values = [_mean_of_each(ops.abs(a - ops.stop_gradient(b))) for a, b in pairs]
        return sum(values) / len(values)


def _mean_of_each(values):
    values = ops.reshape(ops.cast(values, "float32"), (ops.shape(values)[0], -1))
    return ops.mean(values, axis=1)
