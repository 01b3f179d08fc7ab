"""A run's folder: other data, changed slices, other settings are refused; nothing is mixed."""

import json
from dataclasses import replace

import numpy as np
import pytest
from small_heads import write_cohort

from medgan_utils import fitting, run_folder
from medgan_utils.__main__ import main
from medgan_utils.data import Slices

SETTINGS = {"data": "0123", "rate": 0.001, "loss": "hinge"}


def slices_of(folder, grey=0.5, subjects=10):
    """Four slices of every subject, as `fetch folder --folder FOLDER` makes them."""
    names = np.repeat([f"{folder}{number:02d}" for number in range(subjects)], 4)
    images = np.full((len(names), 8, 8, 1), grey, np.float32)
    labels = {"sex": np.arange(len(names)) % 2}
    info = {"source": "folder", "fetched": {"folder": f"my/{folder}"}}
    return Slices(images, names, np.zeros(len(names), np.float32), labels=labels, info=info)


@pytest.fixture
def run(tmp_path):
    """A run that was fetched, trained and evaluated, with a file of the user's own in it."""
    run_folder.keep_slices(tmp_path, slices_of("a"), False)
    data = run_folder.fingerprint(slices_of("a"))
    run_folder.write_settings(tmp_path, SETTINGS | {"data": data})
    (tmp_path / "state" / "step-00000004").mkdir(parents=True)
    for name in ("generator.weights.h5", "report.html", "notes.txt"):
        (tmp_path / name).write_text("made before")
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        lambda s: replace(s, images=np.where(np.arange(40)[:, None, None, None] == 7, 0, s.images)),
        lambda s: replace(s, subjects=np.roll(s.subjects, 1)),
        lambda s: replace(s, labels={"sex": 1 - s.labels["sex"]}),
        lambda s: replace(s, masks=np.ones((40, 8, 8), np.uint8)),
        lambda s: s.select(np.arange(36)),
        lambda s: replace(s, modality="CT"),
    ],
)
def test_the_fingerprint_changes_with_the_content(change):
    slices = slices_of("a")
    assert run_folder.fingerprint(change(slices)) != run_folder.fingerprint(slices)


def test_the_fingerprint_survives_the_disk(tmp_path):
    slices = slices_of("a")
    loaded = Slices.load(slices.save(tmp_path / "slices.npz"))
    assert run_folder.fingerprint(loaded) == run_folder.fingerprint(slices)


@pytest.mark.parametrize("trained", [True, False])
def test_other_data_are_refused_and_both_are_named(run, trained):
    if not trained:
        run_folder.forget(run)
    with pytest.raises(ValueError, match=r"my/a \(10 subjects: a00.*my/b \(4 subjects.*--replace"):
        run_folder.keep_slices(run, slices_of("b", subjects=4), False)
    assert set(run_folder.read_slices(run).subjects) == set(slices_of("a").subjects)


def test_the_same_folder_may_be_cut_otherwise_until_something_is_trained(run):
    otherwise = slices_of("a", grey=0.1)
    with pytest.raises(ValueError, match=r"a training from other slices than these of my/a"):
        run_folder.keep_slices(run, otherwise, False)
    run_folder.forget(run)
    run_folder.keep_slices(run, otherwise, False)
    assert run_folder.read_slices(run).images.max() == np.float32(0.1)


def test_the_same_data_may_be_fetched_again(run):
    run_folder.keep_slices(run, slices_of("a"), False)
    assert (run / "generator.weights.h5").is_file()


def test_without_its_slices_a_training_takes_only_the_same_ones(run):
    (run / "slices.npz").unlink()
    with pytest.raises(ValueError, match="a training from other slices"):
        run_folder.keep_slices(run, slices_of("b"), False)
    run_folder.keep_slices(run, slices_of("a"), False)


def test_replacing_deletes_what_was_made_of_the_old_data_and_nothing_else(run):
    run_folder.keep_slices(run, slices_of("b"), True)
    assert sorted(path.name for path in run.iterdir()) == ["notes.txt", "slices.npz"]
    assert "b00" in run_folder.read_slices(run).subjects


def test_changed_slices_and_settings_are_named(run):
    data = run_folder.read_settings(run)["data"]
    run_folder.check_settings(run, SETTINGS | {"data": data})
    with pytest.raises(ValueError, match=r"slices.npz is not what the training .* began with"):
        run_folder.check_settings(run, SETTINGS | {"data": "4567"})
    with pytest.raises(ValueError, match=r"rate 0\.001 → 0\.1"):
        run_folder.check_settings(run, SETTINGS | {"data": data, "rate": 0.1})


@pytest.mark.parametrize("text", ["{", "3", ""])
def test_damaged_settings_are_named(run, text):
    (run / "settings.json").write_text(text)
    with pytest.raises(ValueError, match=r"settings.json is damaged .*--restart"):
        run_folder.read_settings(run)


def test_how_many_subjects_are_enough():
    few = slices_of("a", subjects=run_folder.TO_TRAIN - 1)
    with pytest.raises(ValueError, match="too few"):
        few.split(run_folder.SHARES)
    with pytest.raises(ValueError, match=r"3 subjects found \(a00, a01, a02\).*need 4 at least"):
        run_folder.enough_to_train(set(few.subjects))
    for subjects in range(run_folder.TO_TRAIN, 30):
        parts = slices_of("a", subjects=subjects).split(run_folder.SHARES)
        lacks = run_folder.too_few_to_evaluate(parts)
        assert bool(lacks) == (subjects < run_folder.TO_EVALUATE)
    assert "about 9 subjects" in run_folder.too_few_to_evaluate(
        slices_of("a", subjects=6).split(run_folder.SHARES)
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run trained to step 2, went on, and was stopped after it had saved step 4."""
    folder = tmp_path_factory.mktemp("stopped")
    write_cohort(folder / "files", 4)
    run = folder / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDGAN_CACHE", str(folder / "cache"))
        cut = ["--folder", str(folder / "files"), "--image-size", "32", "--levels", "20", "50"]
        assert main(["fetch", "folder", *cut, "--out", str(run)]) == 0
        train = ["train", str(run), "--every", "2", "--batch-size", "4", "--steps"]
        assert main([*train, "2"]) == 0
        (run / "generator.md").write_text("a card with an evaluation")
        assert main([*train, "2"]) == 0

        def stopped(*_):
            raise KeyboardInterrupt

        patch.setattr(fitting, "_keep", stopped)
        assert main([*train, "4"]) == 130
    return run


def test_a_finished_training_keeps_the_card_of_its_evaluation(trained):
    assert (trained / "generator.md").read_text() == "a card with an evaluation"


def test_a_stopped_continuation_says_of_which_step_the_generator_is(trained, capsys, tmp_path):
    assert json.loads((trained / "settings.json").read_text())["steps"] == 2
    assert run_folder.generator_step(trained) == 2 and run_folder.last_saved(trained) == 4
    out = ["--out", str(tmp_path / "samples.npz"), "--count", "2"]
    assert main(["sample", str(trained), *out]) == 0
    said = capsys.readouterr().out
    assert "is of step 2; the training went on to step 4" in said and "--steps 4" in said


def test_a_fingerprint_sees_the_pixels_whatever_a_label_is_called():
    images = np.random.default_rng(0).uniform(-1, 1, (3, 8, 8, 1)).astype(np.float32)
    labels = {"images": np.array([0, 1, 0])}
    one, other = (
        Slices(x, np.array(list("abc")), np.zeros(3, np.float32), labels=labels)
        for x in (images, -images)
    )
    assert run_folder.fingerprint(one) != run_folder.fingerprint(other)
