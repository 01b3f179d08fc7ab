"""Files made fit to leave, or to lie somewhere: names, faces and words out, sealed, or marked.

Nothing here trains or draws: it composes what `data` reads, and is no room of its own.
"""

from .._lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "decrypt_file": "encryption",
        "deface": "defacing",
        "deidentify_series": "deidentify",
        "encrypt_file": "encryption",
        "encryption": "encryption",
        "scrub_nifti": "scrub",
        "synthetic": "synthetic",
    },
)
