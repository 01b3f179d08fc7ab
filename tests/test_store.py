"""Slices on disk: the same batches as from memory, bounded memory, a stopped run goes on."""

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image
from small_heads import write_cohort

from medgan_utils.data import Slices, SliceStore, load_slices, store_slices
from medgan_utils.data.sources.item import Item


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("files"), 4)


def test_the_batches_equal_those_from_memory(files, tmp_path):
    kept = store_slices("folder", tmp_path / "store", 32, folder=files)
    loaded = load_slices("folder", 32, folder=files, cache=False)
    assert len(kept) == len(loaded) and list(kept.subjects) == list(loaded.subjects)
    settings = dict(batch_size=7, seed=3, start_step=5, flip=True)
    pairs = zip(kept.to_dataset(**settings), loaded.to_dataset(**settings), strict=False)
    for _, (one, other) in zip(range(20), pairs, strict=False):
        np.testing.assert_array_equal(one, other)


def test_two_workers_write_what_one_writes(files, tmp_path):
    one = store_slices("folder", tmp_path / "one", 32, folder=files)
    two = store_slices("folder", tmp_path / "two", 32, folder=files, workers=2)
    everything = np.arange(len(one))
    np.testing.assert_array_equal(one.images(everything), two.images(everything))


def test_splits_go_by_subject_and_agree_with_those_in_memory(files, tmp_path):
    shares = {"train": 0.5, "test": 0.5}
    parts = store_slices("folder", tmp_path / "store", 32, folder=files).split(shares, seed=1)
    expected = load_slices("folder", 32, folder=files, cache=False).split(shares, seed=1)
    for name in shares:
        assert set(parts[name].subjects) == set(expected[name].subjects)
        chosen = parts[name].images(np.arange(len(parts[name])))
        np.testing.assert_array_equal(chosen, expected[name].images)
    assert not set(parts["train"].subjects) & set(parts["test"].subjects)


def test_labels_travel_with_the_slices(tmp_path):
    kept = store_slices(
        "brain-phantom", tmp_path, 32, subjects=2, spacing_mm=6.0, modalities=("T1", "T2")
    )
    images, labels = next(iter(kept.to_dataset(8, label=("lesion", "contrast"))))
    assert images.shape == (8, 32, 32, 1) and labels.shape == (8, 2)
    assert set(kept.metadata.labels["contrast"]) == {0, 1}


def test_a_stopped_run_goes_on_and_cuts_nothing_twice(files, tmp_path, monkeypatch):
    cut, calls = Item.slices, []

    def fails_at_the_third(*arguments):
        calls.append(arguments[0].subject)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return cut(*arguments)

    monkeypatch.setattr(Item, "slices", fails_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        store_slices("folder", tmp_path, 32, folder=files)
    with pytest.raises(FileNotFoundError, match=r"index\.npz"):
        SliceStore.open(tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    kept = store_slices("folder", tmp_path, 32, folder=files)
    assert len(calls) == 5 and len(np.unique(kept.subjects)) == 4


def test_a_folder_holds_one_way_to_cut(files, tmp_path):
    store_slices("folder", tmp_path, 32, folder=files)
    with pytest.raises(ValueError, match=r"image_size 32 → 64.*choose another folder"):
        store_slices("folder", tmp_path, 64, folder=files)
    with pytest.raises(ValueError, match="made otherwise"):
        store_slices("folder", tmp_path, 32, folder=files, subjects=2)
    assert len(np.unique(store_slices("folder", tmp_path, 32, folder=files).subjects)) == 4


def test_a_folder_holds_one_cohort_and_one_state_of_it(tmp_path):
    small = dict(subjects=2, spacing_mm=8.0, step_mm=30)
    store_slices("brain-phantom", tmp_path / "phantom", 32, seed=0, **small)
    with pytest.raises(ValueError, match="seed 0 → 1"):
        store_slices("brain-phantom", tmp_path / "phantom", 32, seed=1, **small)
    files = write_cohort(tmp_path / "files", 2)
    store_slices("folder", tmp_path / "store", 32, folder=files)
    (files / "IXI002-HH-2_T1.nii.gz").write_bytes((files / "IXI001-HH-1_T1.nii.gz").read_bytes())
    with pytest.raises(ValueError, match="of other files"):
        store_slices("folder", tmp_path / "store", 32, folder=files)


def test_a_lost_file_is_named(files, tmp_path):
    store_slices("folder", tmp_path, 32, folder=files)
    lost = tmp_path / "00001.npy"
    lost.unlink()
    with pytest.raises(FileNotFoundError, match=f"{lost.name} is gone"):
        SliceStore.open(tmp_path)
    before = lost.with_name("00000.npy").read_bytes()
    lost.with_name("00000.npy").unlink()
    again = store_slices("folder", tmp_path, 32, folder=files)
    expected = load_slices("folder", 32, folder=files, cache=False)
    np.testing.assert_array_equal(again.images(np.arange(len(again))), expected.images)
    assert lost.with_name("00000.npy").read_bytes() == before


@pytest.mark.parametrize("lost", ["00001.npy", "00001.npz"])
def test_what_is_cut_again_lies_where_its_group_was_cut(tmp_path, lost):
    settings = dict(subjects=1, spacing_mm=6.0, modalities=("T1", "T2"))
    kept = store_slices("brain-phantom", tmp_path, 32, **settings)
    before = kept.images(np.arange(len(kept)))
    (tmp_path / lost).unlink()
    again = store_slices("brain-phantom", tmp_path, 32, **settings)
    np.testing.assert_array_equal(again.images(np.arange(len(again))), before)


@pytest.mark.parametrize("content", [b"{", b"", b"PK\3\4 cut short", b"\0", b"of others"])
def test_a_damaged_index_is_named_and_made_again(files, tmp_path, content):
    store_slices("folder", tmp_path, 32, folder=files)
    for name in ("index.npz", "00001.npz"):
        (tmp_path / name).write_bytes(content)
        if content == b"of others":  # which do not say in what file each lies
            Slices(np.empty((1, 32, 32, 0)), np.array(["a"]), np.zeros(1)).save(tmp_path / name)
    with pytest.raises(ValueError, match=r"index\.npz is no whole.*run store_slices again"):
        SliceStore.open(tmp_path)
    assert len(np.unique(store_slices("folder", tmp_path, 32, folder=files).subjects)) == 4


def test_a_store_of_pictures_knows_no_spacing(tmp_path):
    random, folder = np.random.default_rng(0), tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        picture = Image.fromarray(random.integers(0, 255, (32, 32), np.uint8))
        picture.save(folder / f"case{number}_slice1.png")
    kept = store_slices("folder", tmp_path / "store", 32, folder=folder)
    assert np.isnan(kept.metadata.spacing_mm)


def test_a_store_of_volumes_knows_the_spacing_of_memory(files, tmp_path):
    kept = store_slices("folder", tmp_path, 32, folder=files)
    loaded = load_slices("folder", 32, folder=files, cache=False)
    assert kept.metadata.spacing_mm == loaded.spacing_mm


def test_ten_times_the_limit_is_read_within_the_limit(tmp_path):
    code = """
        import json, resource, sys
        from pathlib import Path
        from medgan_utils import profiles
        profiles.quiet_tensorflow()
        import numpy as np
        from medgan_utils.data import Slices, SliceStore

        folder, limit = Path(sys.argv[1]), 40_000_000
        files, count, total = [], 80, 0
        random = np.random.default_rng(0)
        while total < 10 * limit:
            name = f"sub-{len(files) // count:02d}"
            images = random.random((count, 256, 256, 1), np.float32)
            np.save(folder / f"{name}.npy", images)
            total += images.nbytes
            files += [f"{name}.npy"] * count
        empty = np.empty((len(files), 256, 256, 0), np.float32)
        labels = {"file of the store": np.array(files)}
        index = Slices(empty, np.array(files), np.zeros(len(files), np.float32), labels=labels)
        index.save(folder / "index.npz")
        store = SliceStore.open(folder)
        batches = iter(store.to_dataset(4))
        for _ in range(20):
            next(batches)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        seen = sum(len(next(batches)) for _ in range(len(store) // 4))
        grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        print(json.dumps(dict(total=total, limit=limit, grown=grown, seen=seen)))
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["total"] >= 10 * result["limit"] and result["seen"] >= 1600
    assert result["grown"] < result["limit"], result
