"""Where prepared slices and downloads are kept."""

import os
import tempfile
from pathlib import Path

from .._paths import repository_root


def cache_folder(*parts: str) -> Path:
    """Return (and make) a folder of the cache.

    The cache is the folder in the environment variable `MEDGAN_CACHE`, else `data/cache` in a
    checkout, else the user's own cache folder.

    Args:
        parts: Sub-folders below it.

    Raises:
        PermissionError: The folder cannot be written.
    """
    import pooch

    root = repository_root()
    default = root / "data" / "cache" if root else pooch.os_cache("medgan")
    folder = Path(os.environ.get("MEDGAN_CACHE") or default, *parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise PermissionError(
            f"the cache folder {folder} cannot be written ({error.strerror}); set the environment "
            f"variable MEDGAN_CACHE to a folder that you may write"
        ) from error
    return folder
