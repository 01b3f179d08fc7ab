"""The command line: from a stranger's folder to a report; stopped, resumed, and wrong input."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from small_heads import write_cohort

from medgan_utils import fitting, run_folder, workflow
from medgan_utils.__main__ import in_options, main
from medgan_utils._paths import checkpoints_folder
from medgan_utils.data import Slices, list_sources
from medgan_utils.models import save_generator, unet_generator


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of ten made-up heads, trained for four steps."""
    folder = tmp_path_factory.mktemp("strangers")
    write_cohort(folder / "files", 10)
    out = folder / "run"
    os.environ["MEDGAN_CACHE"] = str(folder / "cache")
    try:
        where = ["--folder", str(folder / "files"), "--out", str(out), "--levels", "20", "50"]
        assert main(["fetch", "folder", *where, "--image-size", "32"]) == 0
        assert main(["train", str(out), "--steps", "4", "--every", "2"]) == 0
    finally:
        del os.environ["MEDGAN_CACHE"]
    return out


def test_training_leaves_settings_samples_and_a_generator(run):
    settings = json.loads((run / "settings.json").read_text())
    assert settings["batch_size"] == 16 and settings["loss"] == "non-saturating"
    assert (run / "generator.weights.h5").is_file()
    assert sorted(path.name for path in (run / "grids").iterdir()) == [
        "step-00000002.png",
        "step-00000004.png",
    ]
    steps = [json.loads(line)["step"] for line in (run / "scores.jsonl").read_text().splitlines()]
    assert steps == [2, 4]


def test_the_same_command_does_nothing_twice_and_more_steps_go_on(run, capsys):
    assert main(["train", str(run), "--steps", "4", "--every", "2"]) == 0
    assert "going on from step 4 of 4" in capsys.readouterr().out
    report = run / "report.html"
    report.touch()  # as if it had been evaluated
    assert main(["train", str(run), "--steps", "4", "--every", "2"]) == 0 and report.exists()
    assert main(["train", str(run), "--steps", "6", "--every", "2"]) == 0
    assert "going on from step 4 of 6" in capsys.readouterr().out
    assert not report.exists()  # it spoke of step 4
    assert json.loads((run / "settings.json").read_text())["steps"] == 6


def test_samples_as_grid_and_as_arrays(run, tmp_path):
    assert main(["sample", str(run), "--count", "4", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert main(["sample", str(run), "--count", "4", "--out", str(tmp_path / "a.npz")]) == 0
    images = np.load(tmp_path / "a.npz")["images"]
    assert images.shape == (4, 32, 32, 1) and np.abs(images).max() <= 1


@pytest.mark.parametrize("labels", [[], ["--labels", "1"]])
def test_generators_that_need_images_or_maps_are_not_sampled(tmp_path, capsys, labels):
    save_generator(unet_generator(32), tmp_path / "generator", "# card")
    out = ["--out", str(tmp_path / "a.png")]
    assert main(["sample", str(tmp_path), *out, *labels]) == 1
    assert "from images, not from z alone; see `translate --apply`" in capsys.readouterr().err
    assert main(["sample", "liver-map-128", *out, *labels]) == 1
    assert "from label maps, not from z alone; see chapter 10" in capsys.readouterr().err


def test_evaluation_says_five_lines_and_where_the_report_is(run, capsys):
    assert main(["evaluate", str(run), "--seeds", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 9 and lines[4].startswith("Next: ")
    assert "random weights alone: brain-encoder-64 takes 64 pixels" in lines[5]
    assert lines[-1] == f"report: {run / 'report.html'}"
    card, page = (run / "model-card.md").read_text(), (run / "report.html").read_text()
    for text in (card, page):
        assert "floor: other real subjects" in text and "tensorflow" in text
        assert "their names stay in slices.npz" in text and "IXI001" not in text
        assert lines[5].removeprefix("judged by ") in text
    assert page.count("data:image/png;base64,") == 3
    assert "<script" not in page and "http" not in page.replace("http://www.w3.org", "")
    assert (run / "generator.md").read_text() == card


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rate", "5"], "rate 0.001 → 5.0"),
        (["--rate", "-1"], "must be positive"),
        (["--batch-size", "0"], "must be positive"),
        (["--rate", "nan"], "must be positive"),
        (["--seed", "-1"], "--seed -1 must be at least 0"),
        (["--restart", "--loss", "hing"], "is none of minimax"),
        (["--restart", "--ema", "1"], "--ema 1.0 must lie in [0, 1)"),
        (["--restart", "--condition", "size"], "there is no label 'size'"),
    ],
)
def test_wrong_values_are_named_and_leave_the_earlier_training_alone(run, capsys, arguments, said):
    assert main(["train", str(run), *arguments]) == 1
    assert said in capsys.readouterr().err
    assert (run / "generator.weights.h5").is_file() and list((run / "state").iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "nowhere"], "make it with `fetch SOURCE"),
        (["evaluate", "nowhere"], "make it with `fetch SOURCE"),
        (["fetch", "nothing"], "there is no source 'nothing'"),
        (["fetch", "folder", "--folder", "nowhere"], "nowhere is no folder"),
        (["sample", "nothing"], "no checkpoint 'nothing'"),
        (["sample", "brain-mri-64", "--out", "a.jpg"], "must end in .png, .npz or .nii.gz"),
        (["sample", "brain-mri-64", "--labels", "0"], "takes no --labels"),
        (["sample", "brain-mri-age-64"], "needs 2 whole numbers, for example 0,0"),
        (["sample", "brain-mri-age-64", "--labels", "99,0"], "label 99: this generator knows"),
        (["sample", "brain-phantom-64", "--labels", "0,0,7"], "label 7: this generator knows 0"),
        (["sample", "brain-mri-64", "--seed", "-1"], "--seed -1 must be at least 0"),
        (["fetch", "brain-phantom", "--out", __file__], "is a file; name a folder for the run"),
        (["fetch", "brain-phantom", "--modality", "T9"], "T9"),
        (["sample", "."], ". holds no trained generator; run `train .` first"),
        (["fetch", "brain-phantom", "--glob", "*"], "brain-phantom' has no option"),
        (["fetch", "folder"], "pass --folder 'path/to/images'"),
    ],
)
def test_what_is_missing_is_named(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [["train", "x", "--stepz", "3"], ["train"], [], ["draw"]])
def test_a_wrong_command_line_ends_with_2(wrong, capsys):
    with pytest.raises(SystemExit) as stop:
        main(wrong)
    assert stop.value.code == 2 and "usage:" in capsys.readouterr().err


def test_a_training_that_diverges_ends_with_1_and_keeps_no_bad_state(run, tmp_path, capsys):
    shutil.copy(run / "slices.npz", tmp_path)
    wild = ["--rate", "1e30", "--r1-gamma", "0", "--loss", "wasserstein"]
    assert main(["train", str(tmp_path), "--steps", "8", "--every", "1", *wild]) == 1
    said = capsys.readouterr().err
    assert "the training diverged" in said and "step" in said and "good state" in said
    assert not (tmp_path / "generator.weights.h5").exists()
    for path in tmp_path.glob("state/*/state.npz"):
        with np.load(path) as arrays:
            assert all(np.isfinite(arrays[name]).all() for name in arrays.files)


def test_a_killed_training_goes_on(run):
    command = [sys.executable, "-m", "medgan_utils", "train", str(run), "--steps", "2000"]
    command += ["--every", "2"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while not list((run / "state").glob("step-0000001*")) and time.monotonic() < end:
        time.sleep(0.2)
    child.send_signal(signal.SIGKILL)
    child.wait()
    saved = max(int(path.name[5:]) for path in (run / "state").glob("step-*"))
    assert 10 <= saved < 2000
    done = subprocess.run(
        [*command[:-3], str(saved + 1), "--every", "2"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert f"going on from step {saved} of {saved + 1}" in done.stdout


def test_slices_that_changed_are_refused(run, tmp_path, capsys):
    kept = (run / "slices.npz").read_bytes()
    slices = Slices.load(run / "slices.npz")
    slices.select(slices.positions > 30).save(run / "slices.npz")
    try:
        for command in ("train", "evaluate"):
            assert main([command, str(run)]) == 1
            assert "is not what the training in" in capsys.readouterr().err
    finally:
        (run / "slices.npz").write_bytes(kept)


def test_another_folder_is_refused_where_one_was_fetched(run, tmp_path, capsys):
    write_cohort(tmp_path / "others", 4)
    where = ["--image-size", "32", "--out", str(run)]
    assert main(["fetch", "folder", "--folder", str(tmp_path / "others"), *where]) == 1
    said = capsys.readouterr().err
    assert str(run.parent / "files") in said and str(tmp_path / "others") in said
    assert "--replace" in said
    assert len(np.unique(Slices.load(run / "slices.npz").subjects)) == 10


@pytest.fixture
def small_run(tmp_path):
    """Return a function that makes a run of so many subjects with four slices each."""

    def make(subjects, **labels):
        names = np.repeat([f"s{number:02d}" for number in range(subjects)], 4)
        count = len(names)
        images = np.random.default_rng(0).uniform(-1, 1, (count, 32, 32, 1)).astype(np.float32)
        labels = {name: np.resize(values, count) for name, values in labels.items()}
        slices = Slices(images, names, np.zeros(count, np.float32), labels=labels)
        slices.save(tmp_path / "run" / "slices.npz")
        return tmp_path / "run"

    return make


SHORT = ("--steps", "2", "--every", "2", "--batch-size", "4")


def test_fetch_says_at_once_what_evaluate_will_need(tmp_path, capsys):
    write_cohort(tmp_path / "six", 6)
    where = ["--folder", str(tmp_path / "six"), "--image-size", "32", "--out", str(tmp_path / "r")]
    assert main(["fetch", "folder", *where]) == 0
    assert "`evaluate` needs 2 subjects and 7 slices" in (said := capsys.readouterr().out)
    assert "about 9 subjects" in said
    assert main(["fetch", "folder", *where, "--subjects", "3", "--replace"]) == 1
    assert "3 subjects found (IXI001, IXI002, IXI003)" in capsys.readouterr().err
    assert (tmp_path / "r" / "slices.npz").is_file()


def test_evaluate_says_so_too_before_it_starts(small_run, capsys):
    run = small_run(6)
    (run / "generator.weights.h5").touch()
    data = run_folder.fingerprint(Slices.load(run / "slices.npz"))
    run_folder.write_settings(run, {"data": data, "condition": []})
    assert main(["evaluate", str(run)]) == 1
    assert "about 9 subjects" in capsys.readouterr().err


def test_an_image_size_that_no_network_has_is_refused_at_once(capsys):
    with pytest.raises(SystemExit):
        main(["fetch", "folder", "--folder", "x", "--image-size", "100"])
    said = capsys.readouterr().err
    assert all(size in said for size in ("32", "64", "128", "256"))


@pytest.mark.parametrize("command", [["list"], ["fetch", "list"]])
def test_the_list_names_every_source_and_its_network(command, capsys):
    assert main(command) == 0
    said = capsys.readouterr().out
    for source in list_sources():
        assert source["name"] in said and source["licence"] in said
        network = source["network"].replace("folder=", "--folder")
        assert f"network: {network}" in said


def test_a_conditional_run_in_the_working_folder_stays_there(small_run, monkeypatch, capsys):
    run = small_run(10, sex=[0] * 20 + [1] * 16 + [-1] * 4, age=[41.5])
    shipped = sorted(path.name for path in checkpoints_folder().iterdir())
    monkeypatch.chdir(run)
    assert main(["train", ".", *SHORT, "--condition", "age"]) == 1
    assert "'age' holds float64 values" in capsys.readouterr().err
    assert [path.name for path in run.iterdir()] == ["slices.npz"]
    assert main(["train", ".", *SHORT, "--condition", "sex"]) == 0
    assert "left out: 4 of 40 slices, whose sex is unknown" in capsys.readouterr().out
    assert (run / "generator.weights.h5").is_file()
    assert main(["sample", ".", "--count", "2", "--out", "two.png", "--labels", "1"]) == 0
    assert main(["sample", ".", "--count", "2", "--out", "two.png", "--labels", "2"]) == 1
    assert "sex 2: this generator knows 0 and 1" in capsys.readouterr().err
    assert main(["sample", ".", "--count", "2", "--out", "two.png"]) == 1
    assert "--labels needs 1 whole number (sex), for example 0" in capsys.readouterr().err
    assert main(["evaluate", ".", "--seeds", "1"]) == 0
    card = (run / "model-card.md").read_text()
    assert card.startswith("# GAN of run")
    assert "**test**: 2 (their names stay in slices.npz" in card and "s08" not in card
    assert sorted(path.name for path in checkpoints_folder().iterdir()) == shipped


def test_a_class_that_no_training_slice_has_is_named(small_run, capsys):
    slices = Slices.load(small_run(10, sex=[1] * 20 + [2] * 20) / "slices.npz")
    run_folder.say_unseen_classes(slices, ["sex"], [3])
    assert (
        "no slice to train on has sex 0: what is drawn for it is noise" in capsys.readouterr().out
    )
    run_folder.say_unseen_classes(slices.select(slices.labels["sex"] == 1), ["sex"], [3])
    assert "sex 0, 2" in capsys.readouterr().out


def test_the_command_and_the_gan_draw_the_same_latents():
    gan = fitting._gan((32, 32, 1), [], {"seed": 0, "ema": 0.9, "rate": 1e-3, "loss": "hinge",
                                          "r1_gamma": 0.1})  # fmt: skip
    drawn = workflow.draw(gan.ema_generator, 5, 3)
    np.testing.assert_allclose(drawn, gan.sample(5, seed=3), atol=1e-5)


@pytest.mark.parametrize(
    ("function", "command"),
    [
        ("pass fill_nan=0 to replace them", "pass --fill-nan 0 to replace them"),
        ("pick one with index=0 to index=3", "pick one with --index 0 to --index 3"),
        ("check folder= and masks=", "check --folder and masks="),
        ("folder='a b'; choose", "--folder 'a b'; choose"),
        ("window=(-160.0, 240.0) is odd", "--window -160.0 240.0 is odd"),
        ("my_index=3", "my_index=3"),
        (
            "pass fill_nan=0 (command: --fill-nan 0), or repair it",
            "pass --fill-nan 0, or repair it",
        ),
    ],
)
def test_advice_names_the_options_of_the_command(function, command):
    assert in_options(function, ["folder", "index", "fill_nan", "window"]) == command


def test_a_warning_is_a_note_and_a_bug_keeps_its_traceback(monkeypatch, capsys):
    def odd(**options):
        text = "three files were passed over; glob='*' takes them"
        warnings.warn_explicit(text, UserWarning, workflow.__file__, 1)
        for number in range(9):  # as from nine files
            warnings.warn_explicit(f"{number}", UserWarning, workflow.__file__, 2)
        raise KeyError("a fault of the package")

    monkeypatch.setattr(workflow, "fetch", odd)
    with pytest.raises(KeyError, match="a fault"):
        main(["fetch", "folder"])
    notes = capsys.readouterr().err.splitlines()
    assert notes[0] == "note: three files were passed over; --glob '*' takes them"
    assert notes[1:] == ["note: 0", "note: 1", "note: 2", "note: 6 more of these kinds"]


@pytest.mark.parametrize("error", [MemoryError("no room"), FloatingPointError("step 3: NaN")])
def test_memory_and_numbers_that_run_out_are_one_line(monkeypatch, capsys, error):
    def fail(**options):
        raise error

    monkeypatch.setattr(fitting, "train", fail)
    assert main(["train", "runs/x"]) == 1
    assert capsys.readouterr().err == f"medgan_utils train: {error}\n"
