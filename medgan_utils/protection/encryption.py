"""Files encrypted at rest, with a passphrase: read by nobody without it, changed by nobody unseen.

AES-256 in Galois/counter mode, in chunks of one MiB: a volume of any size needs the memory of two
chunks. (Fernet, the simplest recipe of the package `cryptography`, takes a whole file at once and
in base64, so that a volume needs several times its size.) Each chunk is authenticated together with
its number, with whether it is the last, and with the file's header, so that chunks cannot be
changed, reordered, dropped or cut off unseen: the STREAM construction of Hoang, Reyhanitabar,
Rogaway and Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO
2015, doi:10.1007/978-3-662-47989-6_24. The key comes from the passphrase and a salt of the file by
scrypt (RFC 7914), which makes guessing slow: 128 MiB of memory and about half a second a guess.

What it does not do: a lost passphrase is lost data; the size and the name of a file stay visible;
and who may decrypt sees all. It protects a file, not the people in it: de-identify them as well.
"""

import os
from pathlib import Path

from .._files import refuse_existing, written_whole

CHUNK = 2**20
"""Bytes of plain text a chunk."""
COST = 17
"""Of scrypt, as a power of 2: memory and time of a guess double with each step."""
_MAGIC, _TAG, _SALT, _NONCE = b"MEDGAN1\n", 16, 16, 7
_HEADER = len(_MAGIC) + 1 + _SALT + _NONCE
_SHORTEST = 8


def encrypt_file(path: str | Path, into: str | Path, passphrase: str) -> Path:
    """Write an encrypted copy of a file; the original stays, and is yours to delete.

    Args:
        path: Any file.
        into: The encrypted file to be, written whole or not at all.
        passphrase: At least 8 characters; a sentence is better.

    Returns:
        `into`.

    Raises:
        ValueError: The passphrase is too short.
        FileExistsError: `into` is there already.
        OSError: The file cannot be read.
    """
    path, into = Path(path), Path(into)
    if len(passphrase) < _SHORTEST:
        raise ValueError(f"the passphrase needs {_SHORTEST} characters or more; take a sentence")
    refuse_existing(into)
    header = _MAGIC + bytes([COST]) + os.urandom(_SALT + _NONCE)
    cipher = _cipher(header, passphrase)
    with open(path, "rb") as plain, written_whole(into) as unfinished:
        with open(unfinished, "wb") as out:
            out.write(header)
            for nonce, chunk in _numbered(plain, CHUNK, header):
                out.write(cipher.encrypt(nonce, chunk, header))
    return into


def decrypt_file(path: str | Path, into: str | Path, passphrase: str) -> Path:
    """Write the plain copy of a file that `encrypt_file` made, once all of it is proved unchanged.

    Args:
        path: The encrypted file.
        into: The plain file to be, written whole or not at all.
        passphrase: As it was encrypted with.

    Returns:
        `into`.

    Raises:
        ValueError: The passphrase is wrong, or the file was changed, cut short or never encrypted:
            which of them cannot be told apart.
        FileExistsError: `into` is there already.
        OSError: The file cannot be read.
    """
    from cryptography.exceptions import InvalidTag

    path, into = Path(path), Path(into)
    refuse_existing(into)
    refusal = (
        f"{path} cannot be decrypted: the passphrase is wrong, or the file was changed, cut short "
        "or not made by `encrypt_file`; type the passphrase again, or fetch the file again"
    )
    with open(path, "rb") as sealed:
        header = sealed.read(_HEADER)
        # A cost that asks for more than a GiB is no cost of ours.
        if len(header) < _HEADER or header[: len(_MAGIC)] != _MAGIC or header[len(_MAGIC)] > 20:
            raise ValueError(refusal)
        try:
            cipher = _cipher(header, passphrase)
            with written_whole(into) as unfinished, open(unfinished, "wb") as out:
                for nonce, chunk in _numbered(sealed, CHUNK + _TAG, header):
                    out.write(cipher.decrypt(nonce, chunk, header))
        except (InvalidTag, ValueError) as error:  # ValueError: a cost of 0, a chunk of 3 bytes
            raise ValueError(refusal) from error
    return into


def _cipher(header: bytes, passphrase: str):
    """Return the cipher of a file's header and a passphrase."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    cost, salt = header[len(_MAGIC)], header[len(_MAGIC) + 1 :][:_SALT]
    key = Scrypt(salt=salt, length=32, n=2**cost, r=8, p=1).derive(passphrase.encode("utf-8"))
    return AESGCM(key)


def _numbered(file, size: int, header: bytes):
    """Yield each chunk of an open file with its nonce: the file's, the chunk's number, last or not.

    An empty file has one empty chunk.
    """
    chunk, number = file.read(size), 0
    while True:
        following = file.read(size)
        yield header[-_NONCE:] + number.to_bytes(4, "big") + bytes([not following]), chunk
        if not following:
            return
        chunk, number = following, number + 1
