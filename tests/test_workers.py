"""Two processes on loopback: equal weights, the batches of one, a kill in the middle.

Each start of two workers loads TensorFlow twice, so there are few.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from medgan_utils import run_folder
from medgan_utils.__main__ import main, parser
from medgan_utils.data import Slices
from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.training import GAN, R1, distributed, launch


class FixedLatents(GAN):
    """Reads z from the images, so that one process and two see the same."""

    def train_step(self, images):
        self.z = images[:, 0, :8, 0]
        return super().train_step(images)

    def _latents(self, batch):
        return self.z


def tiny():
    keras.utils.set_random_seed(1)
    gan = FixedLatents(dcgan_generator(32, 1, 8, (4, 4, 4)), dcgan_discriminator(32, 1, (4, 4, 4)))
    adams = [keras.optimizers.SGD(0.05) for _ in range(2)]
    gan.compile(*adams, penalties=[R1(1.0, every=2)])
    return gan


def noise_slices():
    images = np.random.default_rng(0).uniform(-1, 1, (40, 32, 32, 1)).astype(np.float32)
    return Slices(images, np.repeat([f"s{n:02d}" for n in range(10)], 4), np.zeros(40, np.float32))


def weights(gan):
    networks = (gan.generator, gan.discriminator, gan.ema_generator)
    return [value for network in networks for value in network.get_weights()]


WORKER = """
    import sys
    sys.path.insert(0, {tests!r})
    from medgan_utils import profiles
    profiles.quiet_tensorflow()
    import tensorflow as tf
    strategy = tf.distribute.MultiWorkerMirroredStrategy()
    from pathlib import Path
    import numpy as np
    from test_workers import noise_slices, tiny, weights
    from medgan_utils.training import ResumableCheckpoint, distributed
    index, folder = strategy.cluster_resolver.task_id, Path(sys.argv[1])
    with strategy.scope():
        gan = tiny()
    keeper = ResumableCheckpoint(folder / "state", every=2)
    assert distributed.restore_workers(gan, keeper) == 0
    data = noise_slices().to_dataset(8, seed=2)
    distributed.fit_workers(gan, data, 6, [keeper], every=3)
    np.savez(folder / f"end-{{index}}.npz", *weights(gan))
    distributed.check_equal(gan)
    gan.step.assign_add(index)
    try:
        distributed.check_equal(gan)
    except RuntimeError as error:
        (folder / f"differs-{{index}}").write_text(str(error))
"""


def test_two_processes_end_with_the_weights_of_one(tmp_path, capsys):
    code = textwrap.dedent(WORKER).format(tests=str(Path(__file__).parent))
    launch.launch([sys.executable, "-c", code, str(tmp_path)], 2, lambda: 0, restarts=0)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["step 3", "step 6"]
    with np.load(tmp_path / "end-0.npz") as chief, np.load(tmp_path / "end-1.npz") as other:
        two = [chief[name] for name in chief.files]
        for mine, same in zip(two, (other[name] for name in chief.files), strict=True):
            np.testing.assert_array_equal(mine, same)
    one = tiny()
    before = weights(one)
    one.fit(noise_slices().to_dataset(8, seed=2), steps_per_epoch=6, verbose=0)
    moved = max(np.abs(a - b).max() for a, b in zip(before, weights(one), strict=True))
    gap = max(np.abs(a - b).max() for a, b in zip(two, weights(one), strict=True))
    assert gap < 1e-4 < moved
    saves = sorted(path.name for path in (tmp_path / "state").iterdir())
    assert saves == ["step-00000004", "step-00000006"]
    assert [path.name for path in tmp_path.glob("differs-*")] == ["differs-1"]


def test_all_shares_together_are_the_batch_of_one():
    data = noise_slices().to_dataset(8, seed=2, start_step=3, flip=True)
    whole = next(iter(data)).numpy()
    strategy = SimpleNamespace(
        num_replicas_in_sync=4, extended=SimpleNamespace(worker_devices=("GPU:0", "GPU:1"))
    )
    shares = [iter(distributed._own_share(data, strategy, worker)) for worker in range(2)]
    parts = [next(share).numpy() for share in shares for _ in range(2)]
    assert [part.shape for part in parts] == [(2, 32, 32, 1)] * 4
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    pairs = tf.data.Dataset.from_tensors((tf.zeros((8, 4, 4, 1)), tf.range(8)[:, None])).repeat()
    labels = next(iter(distributed._own_share(pairs, strategy, 1)))[1]
    assert labels.numpy().ravel().tolist() == [4, 5]
    with pytest.raises(ValueError, match="batch of 6 images does not part evenly into 4"):
        distributed._own_share(noise_slices().to_dataset(6), strategy, 0)


STEPS = ("--steps", "80", "--every", "20", "--batch-size", "4", "--workers", "2")


def train(run):
    """Start the command with two workers on new slices."""
    noise_slices().save(run / "slices.npz")
    command = [sys.executable, "-m", "medgan_utils", "train", str(run), *STEPS]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def kill_one_worker(launcher):
    """End the second worker of a launcher; its children stand in /proc in order of their start."""
    path = Path(f"/proc/{launcher.pid}/task")
    children = sorted(
        int(pid) for task in path.iterdir() for pid in (task / "children").read_text().split()
    )
    os.kill(children[1], signal.SIGKILL)


def left(run):
    """Return every array and picture that a run left."""
    content = {path.name: path.read_bytes() for path in (run / "grids").iterdir()}
    with np.load(run / "state" / "step-00000080" / "state.npz") as state:
        content |= {name: state[name].tobytes() for name in state.files}
    rows = [json.loads(line) for line in (run / "scores.jsonl").read_text().splitlines()]
    return content | {f"score {row['step']}": row["SWD"] for row in rows}


def test_one_worker_killed_in_the_middle_changes_nothing(tmp_path):
    whole = train(tmp_path / "whole")
    out = whole.communicate(timeout=500)[0]
    assert whole.returncode == 0, out
    assert "starting at step 0 of 80 with 2 workers" in out and "going on" not in out
    assert "generator in" in out
    cut = train(tmp_path / "cut")
    end = time.monotonic() + 500
    while not (tmp_path / "cut" / "state" / "step-00000020").is_dir():
        assert cut.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    kill_one_worker(cut)
    out = cut.communicate(timeout=500)[0]
    assert cut.returncode == 0, out
    assert "worker 1 was ended by SIGKILL; all go on from step" in out
    start = int(out.partition("all go on from step ")[2].split()[0])
    assert 20 <= start < 80 and f"going on from step {start} of 80 with 2 workers" in out
    expected, found = left(tmp_path / "whole"), left(tmp_path / "cut")
    assert expected.keys() == found.keys() and len(found) > 50
    assert [name for name in expected if expected[name] != found[name]] == []
    assert (tmp_path / "cut" / "generator.weights.h5").is_file()


@pytest.mark.parametrize(
    ("config", "arguments", "said"),
    [
        (None, ["--workers", "0"], "--workers 0 must be at least 1"),
        (None, ["--workers", "3"], "--batch-size 16 does not part evenly into 3 workers"),
        (2, ["--workers", "3"], "TF_CONFIG names 2; leave the option out"),
        (2, ["--restart"], "--restart beside TF_CONFIG"),
        (None, ["--workers", "2", "--rate", "-1"], "must be positive"),
    ],
)
def test_numbers_that_do_not_go_together_are_named(
    tmp_path, monkeypatch, capsys, config, arguments, said
):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if config:
        monkeypatch.setenv("TF_CONFIG", launch.tf_config(["a:1"] * config, 0))
    noise_slices().save(tmp_path / "slices.npz")
    assert main(["train", str(tmp_path), *arguments]) == 1
    assert said in capsys.readouterr().err


def settings_of(*arguments):
    """Return what the command hands to `train`."""
    options = vars(parser().parse_args(["train", *arguments]))
    return {name: options[name] for name in options if name not in ("function", "command")}


def test_a_training_of_one_is_not_gone_on_with_by_two(tmp_path, capsys):
    noise_slices().save(tmp_path / "slices.npz")
    given = settings_of(str(tmp_path))
    kept = {k: v for k, v in given.items() if k not in ("run", "steps", "every", "restart")}
    del kept["workers"]  # as an older version wrote it
    data = run_folder.fingerprint(Slices.load(tmp_path / "slices.npz"))
    run_folder.write_settings(tmp_path, {"data": data} | kept)
    assert main(["train", str(tmp_path), "--workers", "2"]) == 1
    assert "workers 1 → 2" in capsys.readouterr().err


def test_workers_that_are_refused_delete_nothing(tmp_path, monkeypatch, capsys):
    noise_slices().save(tmp_path / "slices.npz")
    assert main(["train", str(tmp_path), "--steps", "1", "--every", "1"]) == 0
    before = sorted(path.name for path in tmp_path.iterdir())
    monkeypatch.setattr(launch, "launch", lambda *_: pytest.fail("nothing is to be started"))
    wrong = ["--loss", "foo", "--restart", "--workers", "2"]
    assert main(["train", str(tmp_path), *wrong]) == 1
    assert "foo" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_each_worker_gets_the_options_of_the_command(tmp_path, monkeypatch):
    slices = noise_slices()
    replace(slices, labels={"sex": np.arange(40) % 2}).save(tmp_path / "slices.npz")
    commands = []
    monkeypatch.setattr(launch, "launch", lambda command, *_: commands.append(command))
    given = [str(tmp_path), "--flip", "--rate", "0.01", "--condition", "sex", "--steps", "7"]
    given += ["--seed", "0", "--ema", "0", "--r1-gamma", "0"]  # 0 is a value
    assert main(["train", *given, "--workers", "4"]) == 0
    (command,) = commands
    assert command[:4] == [sys.executable, "-m", "medgan_utils", "train"]
    assert settings_of(*command[4:]) == settings_of(*given)
