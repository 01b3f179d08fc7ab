"""Downloads that are checked, and archives that cannot write outside their folder."""

import gzip
import tarfile
import zlib
from pathlib import Path

from .._files import written_whole

OFFLINE = "The sources 'brain-phantom' and 'liver-phantom' need no network"


def fetch(address: str, folder: Path, known_hash: str | None = None) -> Path:
    """Download a file once, and check it every time.

    Args:
        address: Of the file, http or https.
        folder: Where it is kept under its own name.
        known_hash: The publisher's checksum, such as "md5:…". Without one, the SHA-256 of the
            first download is kept beside the file and later copies must have the same.

    Raises:
        ConnectionError: The file cannot be fetched.
        ValueError: The checksum is wrong; nothing is kept.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    name = address.rsplit("/", 1)[1]
    record = folder / f"{name}.sha256"
    if known_hash is None and record.exists():
        known_hash = f"sha256:{record.read_text(encoding='ascii').strip()}"
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=30)
    try:
        path = Path(pooch.retrieve(address, known_hash, name, folder, downloader=downloader))
    except requests.RequestException as error:
        raise ConnectionError(
            f"{address} could not be downloaded ({error}); check the network and try again. "
            f"{OFFLINE}"
        ) from error
    except ValueError as error:
        raise ValueError(
            f"{name} has a wrong checksum: {error} Nothing was kept; try again, and if it stays "
            f"wrong, the file at {address} was replaced: do not use it before you know why"
        ) from error
    if known_hash is None:
        record.write_text(pooch.file_hash(str(path)), encoding="ascii")
    return path


def fetch_unpacked(address: str, folder: Path, known_hash: str | None = None) -> Path:
    """Download an archive and unpack it into a folder, if that is not there; see both functions."""
    if not folder.is_dir():
        archive = fetch(address, folder.parent, known_hash)
        unpack(archive, folder)
        archive.unlink()
    return folder


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar archive into a new folder; the folder appears whole or not at all.

    Args:
        archive: `.tar`, or compressed.
        folder: To be made. Sub-folders of the archive are kept.

    Raises:
        ValueError: The archive is damaged, or a member is a device or would lie, or point,
            outside the folder; nothing is unpacked then.
    """
    from tqdm.auto import tqdm

    try:
        with tarfile.open(archive) as tar, written_whole(folder, folder=True) as temporary:
            members = tqdm(tar, desc=f"unpacking {archive.name}", unit="file", delay=2)
            tar.extractall(temporary, members, filter="data")
    except tarfile.FilterError as error:
        raise ValueError(
            f"{archive.name}: {error}; nothing was unpacked. No data set needs that: get the "
            f"archive from its publisher"
        ) from error
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        reason = str(error).partition(":")[0]
        raise ValueError(
            f"{archive} is no whole tar archive ({reason}); delete it and download it again"
        ) from error
