"""Where prepared slices and downloads are kept, and how they are written in one piece."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
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
    root = repository_root()
    default = root / "data" / "cache" if root else _user_cache()
    folder = Path(os.environ.get("MEDGAN_CACHE") or default).joinpath(*parts)
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


def _user_cache() -> Path:
    """Return the operating system's folder for caches, as pooch knows it."""
    import pooch

    return Path(pooch.os_cache("medgan"))


@contextmanager
def written_whole(path: Path, folder: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place only if the block succeeds.

    Args:
        path: The file or folder to be.
        folder: Whether to make a folder; if another process was faster, its folder stays.
    """
    temporary = path.with_name(f".{uuid.uuid4().hex[:12]}-{path.name}")
    if folder:
        temporary.mkdir()
    try:
        yield temporary
        if not (folder and path.is_dir() and any(path.iterdir())):
            os.replace(temporary, path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)
