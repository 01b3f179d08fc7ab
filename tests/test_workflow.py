"""The command line: from a stranger's folder to a report; stopped, resumed, and wrong input."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from small_heads import write_cohort

from medgan_utils import workflow
from medgan_utils.__main__ import main
from medgan_utils.data import Slices


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of ten made-up heads, trained for four steps."""
    folder = tmp_path_factory.mktemp("strangers")
    write_cohort(folder / "files", 10)
    out = folder / "run"
    os.environ["MEDGAN_CACHE"] = str(folder / "cache")
    try:
        where = ["--folder", str(folder / "files"), "--out", str(out)]
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
    assert main(["train", str(run), "--steps", "6", "--every", "2"]) == 0
    assert "going on from step 4 of 6" in capsys.readouterr().out


def test_samples_as_grid_and_as_arrays(run, tmp_path):
    assert main(["sample", str(run), "--count", "4", "--out", str(tmp_path / "a.png")]) == 0
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert main(["sample", str(run), "--count", "4", "--out", str(tmp_path / "a.npz")]) == 0
    images = np.load(tmp_path / "a.npz")["images"]
    assert images.shape == (4, 32, 32, 1) and np.abs(images).max() <= 1


def test_evaluation_writes_card_and_one_page(run, capsys):
    assert main(["evaluate", str(run), "--seeds", "1"]) == 0
    assert "floor: other real subjects" in capsys.readouterr().out
    card, page = (run / "model-card.md").read_text(), (run / "report.html").read_text()
    for text in (card, page):
        assert "floor: other real subjects" in text and "IXI001" in text and "tensorflow" in text
    assert page.count("data:image/png;base64,") == 3
    assert "<script" not in page and "http" not in page.replace("http://www.w3.org", "")
    assert (run / "generator.md").read_text() == card


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--rate", "5"], "rate 0.001 → 5.0"),
        (["--rate", "-1"], "must be positive"),
        (["--batch-size", "0"], "must be positive"),
    ],
)
def test_wrong_values_are_named_without_a_traceback(run, capsys, arguments, said):
    assert main(["train", str(run), *arguments]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "nowhere"], "make it with `fetch SOURCE"),
        (["evaluate", "nowhere"], "make it with `fetch SOURCE"),
        (["fetch", "nothing"], "there is no source 'nothing'"),
        (["fetch", "folder", "--folder", "nowhere"], "nowhere is no folder"),
        (["sample", "nothing"], "no checkpoint 'nothing'"),
        (["sample", "brain-mri-64", "--out", "a.jpg"], "must end in .png or .npz"),
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


@pytest.mark.parametrize(
    ("anatomy", "spacing_mm", "size", "name"),
    [
        ("head", 3.75, 64, "brain-encoder-64"),
        ("body", 6.0, 64, "liver-encoder-64"),
        ("head", float("nan"), 64, None),  # a cropped picture: nobody knows how large it is
        ("head", 3.75, 32, None),
        ("knee", 3.75, 64, None),
        (None, 3.75, 64, None),
    ],
)
def test_an_encoder_judges_only_what_it_was_trained_for(anatomy, spacing_mm, size, name):
    images, positions = np.zeros((2, size, size, 1), np.float32), np.zeros(2, np.float32)
    info = {} if anatomy is None else {"anatomy": anatomy}
    slices = Slices(images, np.array(["a", "b"]), positions, spacing_mm=spacing_mm, info=info)
    assert set(workflow._encoders(slices)) == {"random"} | ({name} if name else set())
