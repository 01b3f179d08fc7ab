"""Looking at images: figures for the page, and widgets to play with.

Names load on demand: a figure needs no TensorFlow, a slice browser needs no matplotlib.
"""

from .._lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "LatentExplorer": "explorer",
        "PaintPad": "paint_pad",
        "ReadingGame": "reading_game",
        "SliceBrowser": "browser",
        "plots": "plots",
        "reading_game": "reading_game",
        "switchboard": "switchboard",
    },
)
