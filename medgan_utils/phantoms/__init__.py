"""Patients that the course makes itself: anatomy, MR and CT physics, and cohorts as NIfTI files.

`make_head` and `make_abdomen` make one of them, `write_brain_phantom` and `write_liver_phantom` a
cohort; `load_slices("brain-phantom")` and `load_slices("liver-phantom")` write and read one.
"""

from .._lazy import exports

VERSION = 2
"""Of the cohorts' bytes: raise it whenever a change makes other images from the same seed."""

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "HEAD_TISSUES": "mr_physics",
        "BODY_TISSUES": "organs",
        "ORGANS": "organs",
        "make_abdomen": "abdomens",
        "make_head": "heads",
        "write_brain_phantom": "cohort",
        "write_liver_phantom": "cohort",
    },
)
