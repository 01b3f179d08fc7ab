"""SIGKILL in the middle, then resume: equal to the uninterrupted run, to the bit, on CPU."""

import json
import os
import signal
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from small_gan import X, compiled, networks

from medgan_utils.models import dcgan_discriminator, dcgan_generator
from medgan_utils.training import GAN, DiffAugment, ResumableCheckpoint, SampleGrid

SCRIPT = textwrap.dedent("""
    import sys
    from pathlib import Path
    from medgan_utils import profiles
    profiles.quiet_tensorflow()
    import keras, numpy as np, tensorflow as tf
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(3)
    from medgan_utils.data import Slices
    from medgan_utils.models import dcgan_discriminator, dcgan_generator
    from medgan_utils.training import GAN, R1, DiffAugment, ResumableCheckpoint

    folder, steps, slow = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "slow"
    images = np.random.default_rng(0).uniform(-1, 1, (40, 32, 32, 1)).astype("float32")
    subjects = np.repeat([f"s{n}" for n in range(10)], 4)
    slices = Slices(images=images, subjects=subjects, positions=np.zeros(40, "float32"),
                    masks=None, labels={}, modality="T1", spacing_mm=1.0, info={})
    gan = GAN(dcgan_generator(32, 1, 8, (8, 8, 4)), dcgan_discriminator(32, 1, (4, 8, 8)), seed=5)
    gan.compile(augment=DiffAugment(cutout=0.2), penalties=[R1(every=3)])
    keeper = ResumableCheckpoint(folder / "run", every=4)
    start = keeper.restore(gan)

    class Slow(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            print("step", int(self.model.step.numpy()), flush=True)
            import time
            time.sleep(0.3)

    # 7 images a batch of 40: epochs of the data end within batches.
    gan.fit(slices.to_dataset(7, seed=2, start_step=start, flip=True), steps_per_epoch=1,
            epochs=steps, initial_epoch=start, verbose=0,
            callbacks=[keeper] + [Slow()] * slow)
    parts = (gan.generator, gan.discriminator, gan.ema_generator, gan.g_optimizer, gan.d_optimizer)
    state = [variable.numpy() for part in parts for variable in part.variables]
    np.savez(folder / "end.npz", *state, samples=gan.sample(4))
    print("started at", start)
""")


def start(folder, steps, slow=False):
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-c", SCRIPT, str(folder), str(steps), "slow" if slow else "fast"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    return out


def test_a_killed_run_resumes_to_the_bit(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    finish(start(whole, 14))
    process = start(cut, 14, slow=True)
    for line in process.stdout:
        if line.strip() == "step 10":
            process.send_signal(signal.SIGKILL)
            break
    process.wait()
    process.stdout.close()
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    assert not (cut / "end.npz").exists()
    assert "started at 8" in finish(start(cut, 14))
    with np.load(whole / "end.npz") as expected, np.load(cut / "end.npz") as resumed:
        assert sorted(expected.files) == sorted(resumed.files)
        for name in expected.files:
            np.testing.assert_array_equal(expected[name], resumed[name], err_msg=name)


def tiny(width=8):
    keras.utils.set_random_seed(0)
    gan = GAN(dcgan_generator(32, 1, 8, (width, 8, 4)), dcgan_discriminator(32, 1, (4, 8, 8)))
    gan.compile(augment=DiffAugment())
    return gan


def keeper_of(gan, folder):
    keeper = ResumableCheckpoint(folder)
    keeper.set_model(gan)
    return keeper


def test_restore_without_a_checkpoint_starts_at_zero(tmp_path):
    assert ResumableCheckpoint(tmp_path / "none").restore(tiny()) == 0


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path):
    keeper_of(tiny(8), tmp_path).act(0)
    with pytest.raises(ValueError, match=r"step-00000000 was saved by other networks"):
        ResumableCheckpoint(tmp_path).restore(tiny(16))


def test_networks_of_unnamed_layers_built_again_go_on(tmp_path):
    def own(width=64):
        z, image = keras.Input((8,)), keras.Input((8, 8, 1))
        drawn = keras.layers.Dense(width, activation="tanh")(z)
        drawn = keras.layers.Dense(64, activation="tanh")(drawn)
        generator = keras.Model(z, keras.layers.Reshape((8, 8, 1))(drawn))
        logit = keras.layers.Dense(1)(keras.layers.Flatten()(image))
        gan = GAN(generator, keras.Model(image, logit))
        gan.compile()
        return gan

    images = np.random.default_rng(0).uniform(-1, 1, (8, 8, 8, 1)).astype(np.float32)
    first = own()
    keeper = ResumableCheckpoint(tmp_path, every=2)
    first.fit(images, batch_size=4, epochs=1, verbose=0, callbacks=[keeper])
    again = own()  # Keras counts on: its layers are dense_3 to dense_5
    assert ResumableCheckpoint(tmp_path).restore(again) == 2
    np.testing.assert_array_equal(first.sample(4), again.sample(4))
    with pytest.raises(ValueError, match="was saved by other networks"):
        ResumableCheckpoint(tmp_path).restore(own(32))


def test_only_complete_checkpoints_count_and_the_last_two_are_kept(tmp_path):
    gan = tiny()
    keeper = keeper_of(gan, tmp_path)
    (tmp_path / ".1234567890ab-step-00000001").mkdir()
    for step in (1, 2, 3):
        gan.step.assign(step)
        keeper.act(step)
    assert sorted(os.listdir(tmp_path)) == ["step-00000002", "step-00000003"]
    described = json.loads((tmp_path / "step-00000003" / "state.json").read_text())
    assert described["step"] == 3
    assert ResumableCheckpoint(tmp_path).restore(tiny()) == 3


def test_a_save_that_fails_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch):
    gan = tiny()
    keeper = keeper_of(gan, tmp_path)
    keeper.act(0)
    gan.step.assign(5)

    def full_disk(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="No space left"):
        keeper.act(5)
    assert os.listdir(tmp_path) == ["step-00000000"]


def test_numbers_that_are_not_finite_are_not_saved_and_the_last_good_state_stays(tmp_path):
    gan = tiny()
    keeper = keeper_of(gan, tmp_path)
    keeper.act(0)
    gan.g_optimizer.variables[2].assign(gan.g_optimizer.variables[2] + np.nan)
    with pytest.raises(FloatingPointError, match=r"diverged by step 5 .*not saved"):
        keeper.act(5)
    assert os.listdir(tmp_path) == ["step-00000000"]


def spoil_archive(folder):
    path = folder / "state.npz"
    path.write_bytes(path.read_bytes()[:-1000])


def spoil_bytes(folder):
    path = folder / "state.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_archive,
        spoil_bytes,
        lambda folder: (folder / "state.json").write_text("{"),
        lambda folder: (folder / "state.json").unlink(),
        lambda folder: (folder / "state.npz").write_bytes(b""),
    ],
)
def test_a_damaged_newest_state_falls_back_to_the_one_before_and_says_so(tmp_path, spoil):
    gan = tiny()
    keeper = keeper_of(gan, tmp_path)
    for step in (4, 8):
        gan.step.assign(step)
        keeper.act(step)
    spoil(tmp_path / "step-00000008")
    again = tiny()
    with pytest.warns(UserWarning, match=r"step-00000008 is damaged .*on from step-00000004"):
        assert ResumableCheckpoint(tmp_path).restore(again) == 4
    again.step.assign(8)
    keeper_of(again, tmp_path).act(8)  # the step can be saved again
    assert ResumableCheckpoint(tmp_path).restore(tiny()) == 8


def test_where_all_states_are_damaged_it_is_said_how_to_start_anew(tmp_path):
    keeper_of(tiny(), tmp_path).act(0)
    spoil_archive(tmp_path / "step-00000000")
    with pytest.raises(ValueError, match=r"all checkpoints are damaged.*to start anew"):
        ResumableCheckpoint(tmp_path).restore(tiny())


def test_a_folder_that_is_ahead_is_refused(tmp_path):
    compiled().fit(X, batch_size=4, verbose=0, callbacks=[ResumableCheckpoint(tmp_path, 2)])
    with pytest.raises(ValueError, match="ahead of step 0"):
        compiled().fit(X, batch_size=8, verbose=0, callbacks=[ResumableCheckpoint(tmp_path, 2)])


def test_pictures_beside_checkpoints_are_no_checkpoints(tmp_path):
    model, keeper = compiled(), ResumableCheckpoint(tmp_path, 2)
    grid = SampleGrid(model.latents(2), lambda images: b"picture", 2, tmp_path)
    model.fit(X, batch_size=4, epochs=2, verbose=0, callbacks=[grid, keeper])
    assert [path.name for path in keeper.saved()] == ["step-00000006", "step-00000008"]


def test_a_copy_beside_the_checkpoints_is_nobodys_business(tmp_path):
    gan = GAN(*networks())
    gan.compile()
    keeper = ResumableCheckpoint(tmp_path, every=1)
    (tmp_path / "step-00000001-backup").mkdir()
    gan.fit(X, batch_size=4, steps_per_epoch=3, verbose=0, callbacks=[keeper])
    assert [path.name for path in keeper.saved()] == ["step-00000002", "step-00000003"]
    assert (tmp_path / "step-00000001-backup").is_dir()
    (tmp_path / "step-00000003" / "state.json").write_text("[]")
    again = GAN(*networks())
    again.compile()
    with pytest.warns(UserWarning):
        assert ResumableCheckpoint(tmp_path, every=1).restore(again) == 2


def test_other_learning_rates_than_those_saved_are_told(tmp_path, recwarn):
    first, keeper = compiled(), ResumableCheckpoint(tmp_path)
    first.fit(X[:4], batch_size=4, verbose=0, callbacks=[keeper])
    same = compiled()
    assert keeper.restore(same) == 1
    assert not [one for one in recwarn if one.category is UserWarning]
    slower = compiled(
        generator_optimizer=keras.optimizers.Adam(1e-6, beta_1=0.0, beta_2=0.99),
        discriminator_optimizer=keras.optimizers.Adam(4e-6, beta_1=0.0, beta_2=0.99),
    )
    with pytest.warns(UserWarning, match=r"0\.0004 and 0\.0004 .* not 1e-06 and 4e-06"):
        keeper.restore(slower)
    slower.optimizer.learning_rate = 1e-5
    assert float(slower.d_optimizer.learning_rate) == pytest.approx(1e-5)


def test_weights_that_were_set_back_are_not_saved_as_if_new(tmp_path):
    model, keeper = compiled(), ResumableCheckpoint(tmp_path, every=2)
    model.fit(X, batch_size=4, verbose=0, callbacks=[keeper])
    names = [path.name for path in keeper.saved()]
    model.step.assign(1)
    with pytest.warns(UserWarning, match="set back to step 1"):
        keeper.act(1)
    assert [path.name for path in keeper.saved()] == names
