"""What every room does with files: write them whole, and say in one line why one is no good."""

import errno
import gzip
import os
import shutil
import tempfile
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import nibabel

_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_NO_PLACE = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR}


@contextmanager
def written_whole(path: Path, folder: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path` that takes its place only if the block succeeds.

    Args:
        path: The file or folder to be; the folders above it are made.
        folder: Whether to make a folder; if another process was faster, its folder stays.

    Raises:
        OSError: There is no room for it, or it may not be written there; other errors of the block
            stay what they are.
    """
    place = path.resolve()  # where a link leads; "." has a name there
    temporary = place.with_name(f".{uuid.uuid4().hex[:12]}-{place.name}")
    check_place(path)
    try:
        if folder:
            temporary.mkdir()
        yield temporary
        if not (folder and path.is_dir() and any(path.iterdir())):
            os.replace(temporary, place)
    except OSError as error:
        if error.errno in _FULL or "requested and" in str(error):  # so NumPy says it
            raise OSError(
                f"{path} cannot be written, no room is left on its disk or in your quota "
                f"({one_line(error)}); free some, or choose another place (cache: MEDGAN_CACHE)"
            ) from error
        raise
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def check_place(path: Path) -> None:
    """Make the folders above a file or folder to be, and see that it can be written there.

    Raises:
        OSError: It cannot; the message names the path and the way out.
    """
    place = path.resolve()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=place.parent):
            pass
    except OSError as error:
        if error.errno in _NO_PLACE or isinstance(error, FileExistsError):
            raise type(error)(
                f"{path} cannot be written ({one_line(error)}); choose another place"
            ) from error
        raise


def refuse_existing(path: Path, folder: bool = False) -> None:
    """Refuse to write where something is; early, before the work whose outcome is written.

    Args:
        path: The file or folder to be.
        folder: Whether it is a folder, which may be there if it is empty.

    Raises:
        FileExistsError: It is there.
    """
    if folder and path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path} is not empty; name a new folder, or delete it first")
    if not folder and path.exists():
        raise FileExistsError(f"{path} is there already; name a new file, or delete it first")


def write_nifti_whole(image: "nibabel.Nifti1Image", path: Path) -> None:
    """Write a NIfTI image whole or not at all, gzipped if the name ends in .gz, in any case."""
    stored = image.to_bytes()
    with written_whole(path) as temporary:
        gz = path.name.lower().endswith(".gz")
        temporary.write_bytes(gzip.compress(stored, 1, mtime=0) if gz else stored)


@contextmanager
def refuse_damaged(path: str | Path, what: str, way_out: str) -> Iterator[None]:
    """Name the file where reading it shows that it is damaged, or is something else.

    Args:
        path: The file that the block reads.
        what: What it should be: it "is no whole `what`".
        way_out: What the reader can do.

    Raises:
        ValueError: The block failed on what the file holds.
        FileNotFoundError: As the block raised it.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (
        *(OSError, EOFError, ValueError, TypeError, AttributeError, LookupError),
        *(zipfile.BadZipFile, zlib.error),
    ) as error:
        raise ValueError(f"{path} is no whole {what} ({one_line(error)}); {way_out}") from error


def one_line(error: Exception) -> str:
    """Return what an error of another library says, without its line breaks."""
    return " ".join(str(error).split()) or type(error).__name__
