"""What the commands `deidentify`, `encrypt` and `decrypt` do."""

from getpass import getpass
from pathlib import Path

from .._files import refuse_existing
from ..data.dicom import is_dicom
from .deidentify import deidentify_series
from .encryption import decrypt_file, encrypt_file
from .scrub import scrub_nifti


def deidentify(source: Path, into: Path, code: str | None, secret_file: Path | None) -> None:
    """Copy a DICOM series, or a NIfTI file, without what names its patient; say what was done.

    Args:
        source: A folder of DICOM files of one patient, or one NIfTI file.
        into: The new folder, or the new file.
        code: What to call the patient in a DICOM series; by default a hash.
        secret_file: A file with the secret that maps one patient alike in several calls.

    Raises:
        ValueError: A file is damaged, two patients are in the folder, or a NIfTI file is given with
            a code or a secret.
        OSError: Nothing to read, or `into` is there already.
    """
    if not source.exists():
        raise FileNotFoundError(f"{source} does not exist; check its spelling")
    if source.is_file() and is_dicom(source):
        raise ValueError(f"{source} is a DICOM file; give the folder in which it lies")
    if source.is_dir():
        secret = None if secret_file is None else _secret(secret_file)
        print(deidentify_series(source, into, code, secret))
    elif code is not None or secret_file is not None:
        raise ValueError(
            f"{source} is no folder of DICOM files: code= and secret_file= would change nothing; "
            f"leave them out, and choose for {into} a name that names nobody"
        )
    else:
        print(scrub_nifti(source, into))
    print(f"kept in {into}; look at the images themselves before you pass them on")


def _secret(file: Path) -> str:
    """Return what a file of a secret says, with or without the mark that Windows puts first."""
    try:
        return file.read_text(encoding="utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no UTF-8 text; save the secret as UTF-8") from error


def encrypt(source: Path, into: Path) -> None:
    """Encrypt a file under a passphrase that is asked for twice; errors as of `encrypt_file`."""
    _check_places(source, into)
    passphrase = _asked("passphrase: ")
    if _asked("once more: ") != passphrase:
        raise ValueError("the two passphrases differ; nothing was written")
    print(f"encrypted in {encrypt_file(source, into, passphrase)}; {source} is as it was")


def decrypt(source: Path, into: Path) -> None:
    """Decrypt a file that `encrypt` made; errors as of `decrypt_file`."""
    _check_places(source, into)
    print(f"decrypted in {decrypt_file(source, into, _asked('passphrase: '))}")


def _check_places(source: Path, into: Path) -> None:
    """Refuse before anybody types a passphrase."""
    if not source.is_file():
        raise FileNotFoundError(f"{source} is no file; check its spelling")
    refuse_existing(into)


def _asked(prompt: str) -> str:
    """Ask for a passphrase without showing it."""
    try:
        return getpass(prompt)
    except Exception as error:  # EOFError without a terminal, termios.error with a broken one
        raise ValueError("no passphrase was given; run this in a terminal") from error
