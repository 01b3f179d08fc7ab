"""The rivals of the benchmarks do the work that they are said to do."""

import json
import subprocess
import sys

import h5py
import keras
import numpy as np
import pytest
from small_heads import write_cohort
from stored import check_provenance

from benchmarks import kills, loading, loops, matrix_rate, strategies, timing, translators
from medgan_utils import evaluation
from medgan_utils.data import Slices, store_slices
from medgan_utils.models import checkpoint_names, load_generator
from recipes import projects


@pytest.fixture(scope="module")
def dataset():
    images = np.random.default_rng(0).uniform(-1, 1, (24, 32, 32, 1)).astype(np.float32)
    return Slices(images, np.repeat("noise", 24), np.zeros(24, np.float32)).to_dataset(8)


def weights(gan):
    networks = (gan.generator, gan.discriminator, gan.ema_generator)
    return [value for network in networks for value in network.get_weights()]


def test_the_bare_loop_ends_with_the_weights_of_fit(dataset):
    fitted, bare = loops.new_gan(image_size=32), loops.new_gan(image_size=32)
    start = weights(fitted)
    loops.fit(fitted, dataset)(9)
    loops.BareLoop(bare, dataset)(9)
    for one, other in zip(weights(fitted), weights(bare), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
    assert max(np.abs(a - b).max() for a, b in zip(start, weights(fitted), strict=True)) > 0.01


def test_the_other_styles_train_all_three_networks(dataset, eagerly):
    keras_style = loops.KerasStyle(loops.new_gan(image_size=32))
    keras_style.compile(run_eagerly=True)
    tutorial = loops.TutorialLoop(loops.new_gan(image_size=32), dataset)
    for gan, run in ((keras_style.gan, loops.fit(keras_style, dataset)), (tutorial.gan, tutorial)):
        before = weights(gan)
        run(5)
        moved = [np.abs(a - b).max() for a, b in zip(before, weights(gan), strict=True)]
        assert np.isfinite(moved).all() and min(moved) > 0


def test_the_stored_kills_left_no_trace():
    stored = json.loads(kills.RESULT.read_text("utf-8"))
    check_provenance(stored, "kills")
    results = stored["results"]
    assert len(results["kills"]) == 50 and results["compared"] > 100
    assert results["differing"] == []
    states = [row["newest_state"] for row in results["kills"]]
    assert states == sorted(states) and states[-1] < results["steps"]


def test_a_difference_between_two_runs_is_found(tmp_path):
    for name in ("whole", "cut"):
        run = kills.new_run(tmp_path / name)
        (run / "grids").mkdir()
        (run / "grids" / "step-00000005.png").write_bytes(b"picture")
        (run / "state" / "step-00000005").mkdir(parents=True)
        np.savez(run / "state" / "step-00000005" / "state.npz", v0=np.zeros(3))
        with h5py.File(run / "generator.weights.h5", "w") as file:
            file["layer/kernel"] = np.ones(2)
        (run / "scores.jsonl").write_text(f'{{"step": 5, "seconds": {len(name)}, "SWD": 1.0}}\n')
    whole, cut = (kills.left_behind(tmp_path / name) for name in ("whole", "cut"))
    assert whole == cut and len(whole) == 4
    with h5py.File(tmp_path / "cut" / "generator.weights.h5", "a") as file:
        file["layer/kernel"][0] = np.nextafter(1, 2)
    assert kills.left_behind(tmp_path / "cut") != whole


def test_ratios_are_those_of_the_same_round():
    times = np.array([1.0, 2.0, 5.0, 1.0])
    found = timing.ratio(2 * times, times)
    assert (found["ratio"], found["low"], found["high"]) == (2.0, 2.0, 2.0)


def test_interleaved_counts_what_a_run_says_it_took():
    calls = []

    def told(steps):
        calls.append(steps)
        return 0.004 * steps

    times = timing.interleaved({"told": told, "clocked": lambda steps: None}, steps=3, rounds=5)
    np.testing.assert_allclose(times["told"], 4.0)
    assert calls == [3] * 6 and len(times["clocked"]) == 5 and (times["clocked"] >= 0).all()


def test_operations_are_counted_from_the_shapes():
    gan = loops.new_gan()
    total, first = matrix_rate.forward_flops(gan.discriminator)
    assert first == 2 * 4 * 4 * 16 * 32 * 32  # a 4×4 kernel, 1 to 16 channels, 32×32 positions
    assert total == first + 2 * 16 * (16 * 32 * 16**2 + 32 * 64 * 8**2 + 64 * 128 * 4**2) + 2 * 2048
    assert matrix_rate.forward_flops(gan.generator)[1] == 2 * 64 * 2048
    for name, (function, flops) in matrix_rate.parts_of(gan).items():
        function()
        assert flops >= 0, name


@pytest.mark.parametrize("way", ["load_slices, one .npz", "store_slices, 2 workers"])
def test_loading_is_watched_in_a_process_of_its_own(way, tmp_path):
    folder = write_cohort(tmp_path / "files", 2)
    run = loading.watched(way, folder, tmp_path / "out", tmp_path / "cache")
    assert run["slices"] > 10 and run["seconds"] > 0 and run["peak_mb"] > 30


def test_one_pass_reads_every_slice_of_the_store(tmp_path):
    folder = write_cohort(tmp_path / "files", 2)
    store = store_slices("folder", tmp_path / "store_slices, 2 workers", folder=folder)
    assert len(loading.one_pass(tmp_path)) == len(store) > 10


TRAINED = sorted(set(projects.PROJECTS) & set(checkpoint_names()))


def test_what_ships_has_a_project_that_trained_it():
    assert set(checkpoint_names()) == set(TRAINED) and len(TRAINED) >= 5


@pytest.mark.parametrize("name", TRAINED)
def test_the_shipped_generators_take_the_labels_of_their_project(name):
    project, generator = projects.PROJECTS[name], load_generator(name)
    counts = [x.input_dim for x in generator.layers if isinstance(x, keras.layers.Embedding)]
    if project.names == projects.MAPS:
        counts = [generator.get_layer("one_hot").num_classes]
    assert tuple(counts) == (project.num_classes or ())
    assert len(counts) == len(project.names)
    judge = evaluation.ReferenceFeatures.load(name)
    assert {project.encoder, "random"} == set(judge.features)
    assert judge.info["split"] == "test" and judge.landmarks


def test_a_contestant_of_another_process_answers_until_it_ends():
    class Echo(strategies.Remote):
        def __init__(self, code):
            command = [sys.executable, "-c", code]
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    echo = Echo("import sys\nfor line in sys.stdin: print(0.5 * int(line), flush=True)")
    assert (echo(3), echo(4)) == (1.5, 2.0)
    with pytest.raises(RuntimeError, match="ended"):
        Echo("pass")(1)


def test_strategies_are_compared_by_the_time_of_an_image():
    runs = {
        strategies.BASE: (lambda steps: 0.01 * steps, 16),
        "larger": (lambda steps: 0.02 * steps, 64),
    }
    rows = strategies.measured(runs, steps=5, rounds=3)
    assert [row["ms_per_step"] for row in rows] == [10.0, 20.0]
    assert rows[1]["time_over_base"]["ratio"] == 0.5
    assert [row["images_per_second"] for row in rows] == [1600, 3200]


def test_a_gan_in_16_bits_keeps_its_weights_in_32():
    gan = strategies.in_precision("mixed_bfloat16")
    layer = gan.generator.get_layer("project")
    assert (layer.compute_dtype, layer.variable_dtype) == ("bfloat16", "float32")
    assert keras.config.dtype_policy().name == "float32"


def test_batches_from_python_and_in_turn_have_the_shape_of_the_others():
    images = np.zeros((20, 32, 32, 1), np.float32)
    for dataset in (strategies.in_turn(images), strategies.from_python(images)):
        assert next(iter(dataset)).shape == (strategies.BATCH_SIZE, 32, 32, 1)


def test_the_stored_strategies_say_what_was_not_tried():
    stored = json.loads(strategies.RESULT.read_text("utf-8"))
    check_provenance(stored, "strategies")
    names = [row["run"] for row in stored["results"]["rows"]]
    assert {strategies.BASE, strategies.BARE, strategies.REPLICAS, "XLA"} <= set(names)
    assert set(strategies.NOT_TRIED) <= set(stored["results"]["not_tried"])


def test_a_network_of_chapter_11_is_measured_whole(monkeypatch):
    monkeypatch.setattr(translators, "STEPS", 1)
    monkeypatch.setattr(translators, "ROUNDS", 1)
    row = translators.measured("painter and reader, jointly")
    model = translators.joint()[0]
    assert row["generators"] == sum(
        int(np.prod(v.shape))
        for v in model.generator.trainable_variables + model.segmenter.trainable_variables
    )
    assert row["critics"] > 0 and row["ms_a_step"] > 0 < row["ms_an_image"] and row["peak_mb"] > 0
    stored = json.loads(translators.RESULT.read_text())["results"]["rows"]
    assert [row["network"] for row in stored] == list(translators.NETWORKS)
