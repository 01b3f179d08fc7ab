"""Volumes, slices and where they come from. Nothing here imports TensorFlow at import time.

`load_slices("brain-phantom", image_size=64)` is the one call most readers need; `list_sources()`
lists what else it can read. Everything between a file and an array (orientation, grey scale, level,
crop) lies in `volumes`, `intensity` and `axial`, one step each.
"""

from .._lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "AxialCut": "axial",
        "SliceStore": "store",
        "Slices": "slices",
        "Volume": "volumes",
        "as_channels": "contrasts",
        "axial_slices": "axial",
        "body_mask": "axial",
        "cache_folder": "cache",
        "join": "slices",
        "load_slices": "loading",
        "moved_findings": "label_maps",
        "read_volume": "volumes",
        "shifted": "label_maps",
        "scale_percentiles": "intensity",
        "list_sources": "loading",
        "store_slices": "store",
        "subject_of": "names",
        "window_hu": "intensity",
        "with_bands": "label_maps",
    },
)
