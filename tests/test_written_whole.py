"""Whatever the package writes whole, others may read: 0644 and 0755 under umask 022."""

import os
import stat

import keras
import numpy as np
import pytest

from medgan_utils import evaluation
from medgan_utils._files import written_whole
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
