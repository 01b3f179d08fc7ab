"""Where prepared slices and downloads are kept, and how files are written in one piece."""

import os
import tempfile
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
    default = root / "data" / "cache" if root else Path.home() / ".cache" / "medgan"
    folder = Path(os.environ.get("MEDGAN_CACHE") or default).joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise PermissionError(
            f"the cache folder {folder} cannot be written ({error.strerror}); set the environment "
            f"variable MEDGAN_CACHE to a folder you may write, or pass cache=False"
        ) from error
    return folder


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place only if the block succeeds."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
