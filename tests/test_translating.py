"""`translate`: from pairs to a network, and from a file to its translation on the same grid."""

import json

import nibabel
import numpy as np
import pytest
from small_heads import head, write

from medgan_utils import evaluation, translating
from medgan_utils.__main__ import main
from medgan_utils.data import AxialCut, Slices, read_volume
from medgan_utils.data.axial import every_plane

CUT = ["--image-size", "32", "--fov-mm", "240"]


def second_contrast(image):
    """What was bright is dark and the other way round, inside of the head."""
    voxels = np.asarray(image.dataobj)
    return nibabel.Nifti1Image(np.where(voxels > 0, 900 - voxels, 0).astype(np.int16), image.affine)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four heads in two contrasts, named as BIDS says, stored with other axes."""
    folder = tmp_path_factory.mktemp("pairs")
    for number in range(1, 5):
        image = head(spacing_mm=(6, 6, 6), centre_mm=(0, 0, -4.0 * number))
        stem = folder / f"sub-{number:02d}" / "anat" / f"sub-{number:02d}"
        write(image, stem.with_name(f"{stem.name}_T1w.nii.gz"), "PSR")
        write(second_contrast(image), stem.with_name(f"{stem.name}_T2w.nii.gz"), "PSR")
    return folder


def command(folder, out, *more):
    arguments = ["translate", str(folder), "--from", "T1", "--to", "T2", "--out", str(out)]
    return main([*arguments, *CUT, "--steps", "2", "--every", "2", "--batch-size", "4", *more])


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    """A run of two steps, and one file that went through it."""
    out = tmp_path_factory.mktemp("runs") / "run"
    new = write(head(spacing_mm=(5, 5, 7)), out.parent / "new_T1w.nii.gz", "LAS")
    assert command(folder, out, "--apply", str(new), "--into", str(out.parent / "made")) == 0
    return out, new, out.parent / "made" / "new_T1w_to-T2.nii.gz"


def test_it_writes_a_translation_with_the_affine_of_its_input(run):
    _, new, made = run
    before, after = nibabel.load(new), nibabel.load(made)
    assert after.shape == before.shape
    assert np.array_equal(after.affine, before.affine)
    assert nibabel.aff2axcodes(after.affine) == ("L", "A", "S")
    values = after.get_fdata()
    assert np.isfinite(values).all() and 0 <= values.min() and values.max() <= 1000
    assert values[before.get_fdata() > 0].std() > 0


def test_scores_are_those_inside_the_body_with_intervals_over_subjects():
    y, x = np.mgrid[:32, :32] - 15.5
    body = np.hypot(x, y) < 8
    grey = np.where(body, 0.1 * np.arange(1, 7)[:, None, None] + x / 20, -1)
    images = np.stack([grey, np.where(body, 0.5 * grey + 0.1, -1)], axis=-1).astype(np.float32)
    images[:, 15, 15] = -1  # a hole in the body is body
    slices = Slices(
        images=images,
        subjects=np.repeat(["a", "b", "c"], 2),
        positions=np.arange(6, dtype=np.float32),
        modality="T1",
        spacing_mm=7.5,
        info={},
    )
    assert (evaluation.bodies(images) == body).all()

    class Off:
        def translate(self, given):
            return images[..., 1:] + np.where(body, 0.2, 0.9)[:, :, None].astype(np.float32)

    rows = {row["image"]: row for row in translating.judged(Off(), slices, slices).rows}
    off, curve, line, copied = (row["PSNR (dB)"] for row in rows.values())
    assert off.value == pytest.approx(20)  # 0.2 of 2 is a tenth; the air's 0.9 does not count
    assert min(line.value, curve.value) > copied.value > off.value
    assert copied.low <= copied.value <= copied.high and copied.low < copied.high


def test_the_translation_says_that_it_is_none_of_a_scanner(run):
    _, _, made = run
    with pytest.warns(UserWarning, match="synthetic"):
        read_volume(made)
    assert b"SYNTHETIC" in bytes(nibabel.load(made).header["descrip"])


def test_the_same_command_goes_on_and_other_settings_are_refused(folder, run, capsys):
    out, _, _ = run
    assert command(folder, out) == 0
    said = capsys.readouterr().out
    assert "going on from step 2 of 2" in said and "the input itself" in said
    assert json.loads((out / "settings.json").read_text())["contrasts"] == ["T1", "T2"]
    assert command(folder, out, "--l1", "10") == 1
    assert "l1 100.0 → 10.0" in capsys.readouterr().err
    assert (out / "generator.weights.h5").is_file()


def test_a_restart_deletes_an_earlier_run_and_nobody_elses_files(folder, tmp_path, capsys):
    out = tmp_path / "thesis"
    (out / "state").mkdir(parents=True)
    (out / "report.html").write_text("my thesis")
    assert command(folder, out, "--restart") == 1
    said = capsys.readouterr().err
    assert f"{out} is no run of this course, and --restart would delete its state" in said
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "state"]
    ours = tmp_path / "ours"
    assert command(folder, ours) == 0
    (ours / "settings.json").write_text("{")  # damaged: --restart is the way out
    assert command(folder, ours, "--restart") == 0
    assert command(folder, ours, "--restart") == 0


def test_there_and_back_again_is_the_volume_where_the_square_reaches():
    image = head(spacing_mm=(3, 4, 5), centre_mm=(8, -4, 0))
    path_less = read_volume_of(image)
    cut = every_plane(path_less, AxialCut(image_size=128))
    back = cut.onto_grid(cut.images)
    scaled = np.clip(path_less.voxels / np.percentile(path_less.voxels[path_less.voxels > 0], 99.5),
                     0, 1) * 2 - 1  # fmt: skip
    inside = path_less.voxels == 700  # far from edges, which a coarser grid blurs
    core = inside & np.roll(inside, 2, 0) & np.roll(inside, -2, 0)
    core &= np.roll(inside, 2, 1) & np.roll(inside, -2, 1)
    assert np.abs(back - scaled)[core].max() < 0.05
    assert np.corrcoef(back.ravel(), scaled.ravel())[0, 1] > 0.98


def read_volume_of(image):
    from medgan_utils.data import Volume

    voxels = np.asarray(image.dataobj, np.float32)
    return Volume(voxels, image.affine, "T1", "sub", "made up")


def spoilt(folder, into, change):
    """A copy of the cohort, after `change`."""
    import shutil

    shutil.copytree(folder, into)
    change(into)
    return into


def other_grid(folder):
    image = second_contrast(head(spacing_mm=(8, 6, 6)))
    write(image, folder / "sub-02" / "anat" / "sub-02_T2w.nii.gz", "PSR")


def shifted_grid(folder):
    path = folder / "sub-02" / "anat" / "sub-02_T2w.nii.gz"
    image = nibabel.load(path)
    affine = image.affine.copy()
    affine[:3, 3] += 30
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj), affine), path)


def one_contrast(folder):
    for path in folder.rglob("*_T2w.nii.gz"):
        path.unlink()


def missing_file(folder):
    (folder / "sub-03" / "anat" / "sub-03_T2w.nii.gz").unlink()


def twice(folder):
    path = folder / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    (path.with_name("sub-01_run-2_T1w.nii.gz")).write_bytes(path.read_bytes())


def few(folder):
    for number in (3, 4):
        for path in (folder / f"sub-{number:02d}").rglob("*.nii.gz"):
            path.unlink()


def constant(folder):
    path = folder / "sub-01" / "anat" / "sub-01_T2w.nii.gz"
    image = nibabel.load(path)
    nibabel.save(nibabel.Nifti1Image(np.full(image.shape, 7, np.int16), image.affine), path)


def not_finite(folder):
    path = folder / "sub-01" / "anat" / "sub-01_T2w.nii.gz"
    image = nibabel.load(path)
    voxels = image.get_fdata(dtype=np.float32)
    voxels[0, 0, 0] = np.nan
    nibabel.save(nibabel.Nifti1Image(voxels, image.affine), path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_grid, "resample it onto the other's grid first, with interpolation='continuous'"),
        (shifted_grid, "lie in different places"),
        (one_contrast, "holds no T2; its files name: T1. A translation needs two contrasts"),
        (missing_file, "sub-03 has no T2 beside"),
        (twice, "sub-01 has 2 files of T1"),
        (few, "2 subjects have both T1 and T2; 3 are the least"),
        (constant, "the image is constant"),
        (not_finite, "NaN or infinite"),
    ],
)
def test_pairs_that_are_none_are_named(folder, tmp_path, capsys, change, said):
    bad = spoilt(folder, tmp_path / "bad", change)
    assert command(bad, tmp_path / "run") == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run" / "state").exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--to", "T1"], "are one contrast"),
        (["--to", "PET"], "holds no PET; its files name: T1, T2"),
        (["--apply", "nowhere.nii.gz"], "--apply nowhere.nii.gz is no file"),
        (["--apply", __file__], "must end in .nii or .nii.gz"),
        (["--steps", "0"], "must be positive"),
        (["--l1", "-1"], "--l1 and --seed"),
    ],
)
def test_wrong_options_are_named_before_anything_is_trained(folder, tmp_path, capsys, more, said):
    assert command(folder, tmp_path / "run", *more) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_file_of_another_contrast_is_not_translated(folder, tmp_path, capsys):
    other = next(folder.glob("sub-01/anat/*_T2w.nii.gz"))
    assert command(folder, tmp_path / "run", "--apply", str(other)) == 1
    assert "is T2 by its name; --from T1 needs such a file" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_refused_seed_deletes_no_training(folder, run, capsys):
    out = run[0]
    before = sorted(path.name for path in out.iterdir())
    assert command(folder, out, "--restart", "--seed", "20260101") == 1
    assert "must lie between" in capsys.readouterr().err
    assert command(folder, out, "--restart", "--l1", "nan") == 1
    assert sorted(path.name for path in out.iterdir()) == before


def test_levels_are_chosen_as_in_fetch(folder, tmp_path, capsys):
    assert command(folder, tmp_path / "run", "--levels", "900", "950") == 1
    said = capsys.readouterr().err
    assert "none of the levels (900.0, 950.0) lies in this volume" in said
    assert "choose other --levels" in said
    usual, few = (
        translating.pair_slices(
            translating.find_pairs(folder, "T1", "T2", glob=None, subject_pattern=None),
            translating._axial(dict.fromkeys(("anatomy", "window", "fov_mm")) | chosen),
        )
        for chosen in ({"image_size": 32, "levels": None}, {"image_size": 32, "levels": [40, 60]})
    )
    assert few.positions.min() >= 35 and few.positions.max() <= 65
    assert usual.positions.min() < 35 and usual.positions.max() > 65
