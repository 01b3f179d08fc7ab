"""Losses, penalties, augmentation in front of D, the `GAN` model and its callbacks."""

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
        "penalties": "penalties",
        "Penalty": "penalties",
        "Term": "penalties",
        "R1": "penalties",
        "GradientPenalty": "penalties",
        "Mismatch": "penalties",
        "ModeSeeking": "penalties",
        "input_gradient": "batch",
        "DiffAugment": "augment",
        "GAN": "gan",
        "PrivateGAN": "private",
        "epsilon": "private",
        "SampleGrid": "callbacks",
        "Monitor": "callbacks",
        "LiveLossPlot": "callbacks",
        "ResumableCheckpoint": "resume",
        "prune": "pruning",
        "KeepPruned": "pruning",
        "distributed": "distributed",
        "launch": "launch",
    },
)
