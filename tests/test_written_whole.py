"""Whatever the package writes whole, others may read: 0644 and 0755 under umask 022."""

import gzip
import os
import stat

import keras
import nibabel
import numpy as np
import pytest
from small_heads import head

from medgan_utils import evaluation
from medgan_utils._files import write_nifti_whole, written_whole
from medgan_utils.data import Slices
from medgan_utils.models import dcgan_discriminator, dcgan_generator, save_generator
from medgan_utils.table import Table
from medgan_utils.training import GAN, Monitor, ResumableCheckpoint

IMAGES = np.zeros((8, 32, 32, 1), np.float32)


def card_and_report(folder):
    evaluation.write_report(folder, "Run", {"Data": {"licence": "CC0"}}, {"T": Table([{"a": 1}])})


def reference(folder):
    class Flat:
        def features(self, images):
            return images[:, :4, 0, 0]

    evaluation.reference_features(IMAGES, {"flat": Flat()}).save(folder / "x.reference.npz")


def table(folder):
    Table([{"a": 1}]).save(folder / "table.json")


def slices(folder):
    names = np.repeat(["sub-1", "sub-2"], 4)
    Slices(IMAGES, names, np.zeros(8)).save(folder / "slices.npz")


def checkpoint(folder):
    save_generator(dcgan_generator(32, widths=(8, 8, 8)), folder / "generator", "# Card")


def training_state_and_scores(folder):
    gan = GAN(dcgan_generator(32, widths=(8, 8, 8)), dcgan_discriminator(32, widths=(8, 8, 8)))
    gan.compile(keras.optimizers.Adam(), keras.optimizers.Adam())
    monitor = Monitor(lambda gan: {"FD": 1.0}, "FD", 1, log=folder / "scores.jsonl")
    keeper = ResumableCheckpoint(folder / "state", 1)
    data = Slices(IMAGES, np.repeat(["a"], 8), np.zeros(8)).to_dataset(4, 0)
    gan.fit(data, steps_per_epoch=1, verbose=0, callbacks=[monitor, keeper])


@pytest.mark.parametrize(
    "write", [card_and_report, reference, table, slices, checkpoint, training_state_and_scores]
)
def test_files_have_the_usual_permissions(write, tmp_path):
    before = os.umask(0o022)
    try:
        write(tmp_path)
    finally:
        os.umask(before)
    paths = list(tmp_path.rglob("*"))
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in paths}
    assert paths and modes == {p.name: "0o755" if p.is_dir() else "0o644" for p in paths}


def test_a_failure_leaves_what_was_there_and_nothing_else(tmp_path):
    target = tmp_path / "card.md"
    target.write_text("old")
    with pytest.raises(RuntimeError), written_whole(target) as unfinished:
        unfinished.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_a_place_where_nobody_can_write_is_named_with_the_way_out(tmp_path):
    scan = tmp_path / "patient.nii.gz"
    scan.write_bytes(b"")
    with pytest.raises(
        OSError, match=r"patient.nii.gz.run.slices.npz cannot be written .*another place"
    ):
        with written_whole(scan / "run" / "slices.npz"):
            pass
    if os.geteuid() == 0:
        return  # root may write anywhere
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o555)
    with pytest.raises(PermissionError, match=r"a\.png cannot be written .*another place"):
        with written_whole(closed / "a.png"):
            pass


@pytest.mark.parametrize("name", ["a.nii", "b.nii.gz", "C.NII.GZ"])
def test_a_nifti_is_written_whole_and_as_its_name_says(tmp_path, name):
    write_nifti_whole(head(), tmp_path / name)
    zipped = (tmp_path / name).read_bytes()[:2] == b"\x1f\x8b"
    assert zipped == name.lower().endswith(".gz") and len(list(tmp_path.iterdir())) == 1
    stored = (tmp_path / name).read_bytes()
    image = nibabel.Nifti1Image.from_bytes(gzip.decompress(stored) if zipped else stored)
    np.testing.assert_array_equal(image.get_fdata(), head().get_fdata())
