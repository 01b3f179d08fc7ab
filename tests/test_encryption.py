"""Encrypted files: what comes back, what nobody reads, and what is refused."""

import tracemalloc

import pytest

from medgan_utils.__main__ import main
from medgan_utils.protection import decrypt_file, encrypt_file, encryption

WORDS = "a sentence as passphrase"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Small chunks and a cheap key; `test_cost_and_chunks` has the real ones."""
    monkeypatch.setattr(encryption, "COST", 4)
    monkeypatch.setattr(encryption, "CHUNK", 64)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 1000])
def test_what_goes_in_comes_out(tmp_path, size):
    plain = bytes(i % 251 for i in range(size))
    (tmp_path / "scan.nii").write_bytes(plain)
    sealed = encrypt_file(tmp_path / "scan.nii", tmp_path / "scan.enc", WORDS)
    assert decrypt_file(sealed, tmp_path / "again.nii", WORDS).read_bytes() == plain
    assert sealed.stat().st_size == 32 + size + 16 * max(1, -(-size // 64))


def test_nothing_is_read_and_nothing_repeats(tmp_path):
    (tmp_path / "a").write_bytes(b"Jane Doe " * 100)
    one = encrypt_file(tmp_path / "a", tmp_path / "1", WORDS).read_bytes()
    two = encrypt_file(tmp_path / "a", tmp_path / "2", WORDS).read_bytes()
    assert b"Jane" not in one + two
    same = sum(x == y for x, y in zip(one[32:], two[32:], strict=True)) / (len(one) - 32)
    assert same < 0.05  # 1/256 by chance: another salt is another key


def refused(tmp_path, content, words=WORDS):
    """Whether a changed file is refused with the one error, and nothing is left behind."""
    changed, out = tmp_path / "changed", tmp_path / "out"
    changed.write_bytes(content)
    before = set(tmp_path.iterdir())
    with pytest.raises(ValueError, match=r"changed cannot be decrypted: the passphrase is wrong"):
        decrypt_file(changed, out, words)
    assert set(tmp_path.iterdir()) == before


@pytest.fixture
def sealed(tmp_path):
    (tmp_path / "plain").write_bytes(bytes(range(200)))
    return encrypt_file(tmp_path / "plain", tmp_path / "sealed", WORDS).read_bytes()


def test_wrong_passphrase(tmp_path, sealed):
    refused(tmp_path, sealed, "another passphrase")
    refused(tmp_path, sealed, "")


def test_every_changed_byte_is_seen(tmp_path, sealed):
    for place in {*range(40), *range(40, len(sealed), 5)}:
        changed = bytearray(sealed)
        changed[place] ^= 1
        refused(tmp_path, bytes(changed))


def test_chunks_cannot_be_moved_dropped_or_cut(tmp_path, sealed):
    header, body = sealed[:32], sealed[32:]
    chunks = [body[i : i + 80] for i in range(0, len(body), 80)]
    assert len(chunks) == 4
    for order in ([1, 0, 2, 3], [0, 2, 3], [1, 2, 3], [0, 1, 2], [0], [], [0, 1, 1, 2, 3]):
        refused(tmp_path, header + b"".join(chunks[k] for k in order))
    for length in (0, 5, 31, 32, 33, 40, len(sealed) - 1):
        refused(tmp_path, sealed[:length])
    refused(tmp_path, sealed + b"\0")
    (tmp_path / "plain2").write_bytes(bytes(200))
    other = encrypt_file(tmp_path / "plain2", tmp_path / "sealed2", WORDS).read_bytes()
    refused(tmp_path, header + other[32:])  # of another file
    refused(tmp_path, sealed[:8] + b"\xff" + sealed[9:])  # a cost beyond all memory


def test_bad_calls(tmp_path):
    (tmp_path / "plain").write_bytes(b"x")
    with pytest.raises(ValueError, match="8 characters"):
        encrypt_file(tmp_path / "plain", tmp_path / "sealed", "short")
    with pytest.raises(FileNotFoundError):
        encrypt_file(tmp_path / "none", tmp_path / "sealed", WORDS)
    assert not (tmp_path / "sealed").exists()
    encrypt_file(tmp_path / "plain", tmp_path / "sealed", WORDS)
    with pytest.raises(FileExistsError, match="there already"):
        encrypt_file(tmp_path / "plain", tmp_path / "sealed", WORDS)
    with pytest.raises(FileExistsError, match="there already"):
        decrypt_file(tmp_path / "sealed", tmp_path / "plain", WORDS)


def test_a_large_file_needs_two_chunks_of_memory(tmp_path, monkeypatch):
    monkeypatch.undo()
    assert encryption.COST >= 17  # OWASP's least for scrypt with r = 8, p = 1
    monkeypatch.setattr(encryption, "COST", 10)
    size = 24 * encryption.CHUNK
    (tmp_path / "plain").write_bytes(bytes(size))
    tracemalloc.start()
    encrypt_file(tmp_path / "plain", tmp_path / "sealed", WORDS)
    decrypt_file(tmp_path / "sealed", tmp_path / "again", WORDS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (tmp_path / "again").stat().st_size == size
    assert peak < 6 * encryption.CHUNK


def test_what_cannot_be_encrypted_is_said_before_a_passphrase_is_asked(tmp_path, capsys):
    assert main(["encrypt", str(tmp_path / "nothing.nii"), str(tmp_path / "out")]) == 1
    assert "nothing.nii is no file" in capsys.readouterr().err
    (tmp_path / "a").write_text("a")
    assert main(["encrypt", str(tmp_path / "a"), str(tmp_path / "a")]) == 1
    assert "is there already" in capsys.readouterr().err
