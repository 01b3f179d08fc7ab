"""Losses, augmentation in front of the discriminator, the `GAN` model and its callbacks."""

from .._lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "losses": "losses",
        "Minimax": "losses",
        "NonSaturating": "losses",
        "LeastSquares": "losses",
        "Hinge": "losses",
        "Wasserstein": "losses",
        "Relativistic": "losses",
        "r1_penalty": "losses",
        "gradient_penalty": "losses",
        "mode_seeking": "losses",
        "DiffAugment": "augment",
        "GAN": "gan",
        "SampleGrid": "callbacks",
        "Monitor": "callbacks",
        "LiveLossPlot": "callbacks",
        "ResumableCheckpoint": "resume",
    },
)
