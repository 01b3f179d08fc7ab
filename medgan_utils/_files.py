"""What every room does with files: write them whole, and say in one line why one is no good."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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


def one_line(error: Exception) -> str:
    """Return what an error of another library says, without its line breaks."""
    return " ".join(str(error).split()) or type(error).__name__
