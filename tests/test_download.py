"""Downloads from loopback: checked, whole or absent; archives stay inside their folder."""

import hashlib
import io
import tarfile

import pytest
from loopback import serve

from medgan_utils.data.download import fetch, unpack

CONTENT = b"head" * 5000


@pytest.fixture
def served(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "head.bin").write_bytes(CONTENT)
    return folder


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def make_tar(path, members, mode="w"):
    """A tar of (name, content) pairs; content None makes a symbolic link to the parent."""
    with tarfile.open(path, mode) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, ".."
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


# Downloading


def test_a_file_is_downloaded_once_and_its_checksum_recorded(served, tmp_path):
    with serve(served) as (address, asked):
        path = fetch(f"{address}/head.bin", tmp_path / "kept")
        assert path.read_bytes() == CONTENT
        assert fetch(f"{address}/head.bin", tmp_path / "kept") == path
        assert asked == ["/head.bin"]
    record = tmp_path / "kept" / "head.bin.sha256"
    assert record.read_text() == hashlib.sha256(CONTENT).hexdigest()
    assert names(tmp_path / "kept") == ["head.bin", "head.bin.sha256"]


def test_the_publishers_checksum_is_held_to(served, tmp_path):
    known = "md5:" + hashlib.md5(CONTENT).hexdigest()
    with serve(served) as (address, _):
        fetch(f"{address}/head.bin", tmp_path / "good", known)
        with pytest.raises(ValueError, match=r"head\.bin has a wrong checksum.*Nothing was kept"):
            fetch(f"{address}/head.bin", tmp_path / "bad", "md5:" + "0" * 32)
    assert names(tmp_path / "good") == ["head.bin"]
    assert names(tmp_path / "bad") == []


def test_a_file_changed_on_disk_is_fetched_again_and_one_replaced_there_refused(served, tmp_path):
    with serve(served) as (address, asked):
        path = fetch(f"{address}/head.bin", tmp_path / "kept")
        path.write_bytes(CONTENT[:100])
        assert fetch(f"{address}/head.bin", tmp_path / "kept").read_bytes() == CONTENT
        assert len(asked) == 2
        path.unlink()
        (served / "head.bin").write_bytes(b"another")
        with pytest.raises(ValueError, match="was replaced"):
            fetch(f"{address}/head.bin", tmp_path / "kept")
    assert names(tmp_path / "kept") == ["head.bin.sha256"]


def test_a_connection_that_breaks_off_leaves_nothing(served, tmp_path):
    with serve(served, broken={"head.bin"}) as (address, _):
        with pytest.raises(ConnectionError, match=r"head\.bin could not be downloaded"):
            fetch(f"{address}/head.bin", tmp_path / "kept")
    assert names(tmp_path / "kept") == []


def test_without_a_network_the_offline_sources_are_named(served, tmp_path):
    with serve(served) as (address, _):
        with pytest.raises(ConnectionError, match=r"404.*brain-phantom"):
            fetch(f"{address}/other.bin", tmp_path / "kept")
    with pytest.raises(ConnectionError, match=r"brain-phantom.*need no network"):
        fetch(f"{address}/head.bin", tmp_path / "kept")  # the server is gone
    assert names(tmp_path / "kept") == []


# Unpacking


@pytest.mark.parametrize("suffix", ["tar", "tar.gz"])
def test_an_archive_is_unpacked_with_its_folders(tmp_path, suffix):
    mode = "w:gz" if suffix == "tar.gz" else "w"
    archive = make_tar(tmp_path / f"a.{suffix}", [("top.txt", b"1"), ("deep/er.txt", b"22")], mode)
    folder = tmp_path / "out"
    unpack(archive, folder)
    assert (folder / "deep" / "er.txt").read_bytes() == b"22"
    assert names(folder) == ["deep", "er.txt", "top.txt"]


@pytest.mark.parametrize(
    ("name", "content"),
    [("../outside.txt", b"x"), ("deep/../../outside.txt", b"x"), ("link", None)],
)
def test_members_that_leave_the_folder_are_refused(tmp_path, name, content):
    archive = make_tar(tmp_path / "bad.tar", [("good.txt", b"1"), (name, content)])
    with pytest.raises(ValueError, match=rf"bad\.tar.*{name}.*outside.*nothing was unpacked"):
        unpack(archive, tmp_path / "out")
    assert names(tmp_path) == ["bad.tar"]


@pytest.mark.parametrize("name", ["/outside.txt", "..\\outside.txt", "C:/outside.txt"])
def test_absolute_and_foreign_paths_stay_inside_the_folder(tmp_path, name):
    archive = make_tar(tmp_path / "odd.tar", [(name, b"x")])
    unpack(archive, tmp_path / "out")
    (found,) = (path for path in tmp_path.rglob("*outside.txt"))
    assert tmp_path / "out" in found.parents


@pytest.mark.parametrize("kept", [0.0, 0.4, 0.8])
def test_an_archive_cut_short_is_named_and_leaves_nothing(tmp_path, kept):
    archive = make_tar(tmp_path / "cut.tar", [("a.bin", CONTENT), ("b.bin", CONTENT)])
    archive.write_bytes(archive.read_bytes()[: int(kept * 2 * len(CONTENT))])
    with pytest.raises(ValueError, match=r"cut\.tar is no whole tar archive.*download it again"):
        unpack(archive, tmp_path / "out")
    assert names(tmp_path) == ["cut.tar"]


def test_a_compressed_archive_that_is_damaged_is_named(tmp_path):
    text = b" ".join(str(number).encode() for number in range(60_000))
    archive = make_tar(tmp_path / "bad.tar.gz", [("a.txt", text), ("b.txt", text)], "w:gz")
    whole = archive.read_bytes()
    damages = {
        "cut": whole[: len(whole) // 2],
        "flipped": whole[:20_000] + bytes(9) + whole[20_009:],
    }
    for damaged in damages.values():
        archive.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"bad\.tar\.gz is no whole tar archive"):
            unpack(archive, tmp_path / "out")
        assert names(tmp_path) == ["bad.tar.gz"]
