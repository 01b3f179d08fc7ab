"""Cohorts of phantoms, written once for every version and every settings."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from ...phantoms import VERSION
from ..cache import cache_folder


def phantom_folder(source: str, write: Callable, *settings: object) -> Path:
    """Return the folder of a cohort, written if it is not there yet.

    Args:
        source: Name of the source; its cohorts lie in the cache below it.
        write: Called with the folder and the settings.
        *settings: Of the cohort.
    """
    # A changed phantom is another cohort: old files must not pass for it.
    key = hashlib.sha256(repr((VERSION, *settings)).encode()).hexdigest()
    folder = cache_folder(source) / key[:16]
    if not folder.is_dir():
        try:
            write(folder, *settings)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise
    return folder
