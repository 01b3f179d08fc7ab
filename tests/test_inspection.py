"""`inspect` says what would be read, what looks wrong, and draws it, before anything is made."""

from itertools import product

import nibabel
import numpy as np
import pytest
from skimage.io import imread, imsave
from small_bodies import AFFINE, body
from small_heads import head, write, write_cohort

from medgan_utils.__main__ import main


@pytest.fixture
def inspect(tmp_path, capsys):
    """Return a function: what is printed of the folder `my`, what is noted, the contact sheet."""

    def run(*options):
        out = tmp_path / "sheet.png"
        arguments = ["--image-size", "32", "--out", str(out), *options]
        code = main(["inspect", str(tmp_path / "my"), *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err, imread(out) if out.exists() else None

    return run


def test_heads(tmp_path, inspect):
    write_cohort(tmp_path / "my", 9)
    (tmp_path / "my" / "notes.txt").write_text("made by nobody")
    code, said, noted, sheet = inspect()
    assert code == 0 and not noted
    for text in (
        "9 images of 9 subjects",
        "IXI001, IXI002, IXI003 and 6 more; by names as known data sets have them (9)",
        "passed over: 1 no images (.txt) (notes.txt)",
        "read of 6: T1; values from 0 to 700",
        "59 × 59 × 59 voxels of 4 × 4 × 4 mm",
        "cut as head, 240 mm wide: 26 slices a subject, 32 × 32 pixels",
    ):
        assert text in said
    assert "look twice" not in said and "too few" not in said
    rows, columns = np.array(sheet.shape[:2]) // 32
    assert (rows, columns) == (6, 8) and sheet.max() > 200


def test_every_contrast_of_people_with_several_is_looked_at(tmp_path, inspect):
    voxels = np.random.default_rng(0).uniform(0, 500, (32, 32, 24)).astype(np.float32)
    for number, (name, top) in product(range(1, 8), (("T1w", 500), ("T2w", 900))):
        path = tmp_path / "my" / f"sub-{number:02d}" / "anat" / f"sub-{number:02d}_{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        voxels[16, 16, 12] = top
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([5.0, 5, 5, 1])), path)
    _, said, _, _ = inspect("--anatomy", "head")
    assert "14 images of 7 subjects" in said
    assert "read of 6: T1, T2; values from" in said and "to 900" in said
    assert "sub-01 (T1), sub-02 (T2)" in said


def write_abdomen(folder):
    """One CT and its mask beside it, named by no known rule."""
    voxels, labels = body()
    folder.mkdir()
    for name, content in (("abdomen", voxels.astype(np.int16)), ("abdomen_liver", labels)):
        nibabel.save(nibabel.Nifti1Image(content, AFFINE), folder / f"{name}.nii.gz")


def test_an_abdomen_taken_for_a_head_is_doubted_and_its_mask_no_image(tmp_path, inspect):
    write_abdomen(tmp_path / "my")
    code, said, noted, _ = inspect()
    assert code == 0
    assert "1 image of 1 subject\n" in said and "a guess (1)" in said
    assert "passed over: 1 label maps (abdomen_liver.nii.gz)" in said
    assert "too few for `train`, which needs 4 subjects" in said
    assert "pass --modality CT" in noted


def test_a_mask_taken_for_an_image_is_doubted(tmp_path, inspect):
    write_abdomen(tmp_path / "my")
    _, said, _, _ = inspect("--glob", "*_liver.nii.gz")
    assert "abdomen_liver.nii.gz holds 3 values only: is it a mask? (--masks" in said


def test_an_abdomen_with_its_mask(tmp_path, inspect):
    write_abdomen(tmp_path / "my")
    options = ("--anatomy", "body", "--modality", "CT", "--masks", "*_liver.nii.gz")
    code, said, noted, sheet = inspect(*options)
    assert code == 0 and not noted and "look twice" not in said
    assert "1 image (1 with a mask) of 1 subject\n" in said
    assert "read of 1: CT; values from -10" in said and "cut as body, 400 mm wide" in said
    assert sheet.shape[0] == 32


def test_an_abdomen_wider_than_a_head_is_said(tmp_path, inspect):
    write_abdomen(tmp_path / "my")
    affine = AFFINE * [[1.5], [1.5], [1], [1]]
    volume = nibabel.load(tmp_path / "my" / "abdomen.nii.gz")
    wide = nibabel.Nifti1Image(np.asarray(volume.dataobj), affine)
    nibabel.save(wide, tmp_path / "my" / "abdomen.nii.gz")
    _, _, noted, _ = inspect("--modality", "CT", "--glob", "abdomen.nii.gz")
    assert "so its sides are cut off; if it is no head, pass --anatomy body" in noted


def test_pictures_and_who_cannot_be_read(tmp_path, inspect):
    (tmp_path / "my").mkdir()
    grey = np.tile(np.arange(40, dtype=np.uint8), (40, 1)) * 5
    for case in range(3):
        for number in range(2):
            name = f"case{case:03d}_slice{number:03d}.png"
            imsave(tmp_path / "my" / name, grey, check_contrast=False)
    code, said, _, sheet = inspect()
    assert code == 0 and "6 images of 3 subjects" in said and "grid: pictures" in said
    assert "cut as" not in said and sheet.shape[0] // 32 == 3
    (tmp_path / "my" / "case001_slice000.png").write_bytes(b"\x89PNG, cut short")
    assert "cannot be used" in inspect()[1]


def test_a_file_of_four_dimensions_is_read_as_advised(tmp_path, inspect):
    write_cohort(tmp_path / "my", 1)
    (path,) = (tmp_path / "my").iterdir()
    image = nibabel.load(path)
    voxels = np.stack([np.asarray(image.dataobj)] * 3, axis=-1)
    nibabel.save(nibabel.Nifti1Image(voxels, image.affine), path)
    code, said, noted, _ = inspect()
    assert code == 1 and "--index 0" in said
    assert "none of the files that were tried can be used" in noted
    code, said, _, _ = inspect("--index", "0")
    assert code == 0 and "cannot be used" not in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--subject-pattern", "("], "--subject-pattern '(' is no regular expression"),
        (["--glob", "*.png"], "holds no *.png"),
        (["--labels", "nowhere.csv"], "nowhere.csv does not exist"),
        (["--masks", "nowhere"], "nowhere is no folder"),
        (["--levels", "9", "1"], "--levels 9.0 1.0; give (first, last)"),
    ],
)
def test_options_that_do_not_fit_are_one_line(tmp_path, inspect, options, said):
    write_cohort(tmp_path / "my", 1)
    code, _, noted, sheet = inspect(*options)
    assert code == 1 and said in noted and noted.count("\n") == 1
    assert sheet is None


def test_every_contrast_of_few_people_is_looked_at(tmp_path, capsys):
    source = next(iter(sorted(write_cohort(tmp_path / "from", 1).rglob("*.nii*"))))
    for number in (1, 2):
        for contrast in ("T1w", "T2w", "FLAIR", "PDw", "ce-GAD_T1w"):
            path = tmp_path / "my" / f"sub-{number:02d}" / f"sub-{number:02d}_{contrast}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read_bytes())
    assert main(["inspect", str(tmp_path / "my"), "--out", str(tmp_path / "sheet.png")]) == 0
    said = capsys.readouterr().out
    kinds = said.split("read of")[1].split(";")[0].split(": ")[1]
    assert len(kinds.split(", ")) == 5


def test_inspect_takes_the_field_of_view_and_tells_files_of_one_name_apart(tmp_path, capsys):
    for n in (1, 2, 3):
        path = write(head(), tmp_path / "my" / f"P{n}" / "T1.nii.gz")
    (tmp_path / "my" / "P2" / "T1.nii.gz").write_bytes(path.read_bytes()[:500])
    out = str(tmp_path / "sheet.png")
    assert main(["inspect", str(tmp_path / "my"), "--out", out, "--fov-mm", "300"]) == 0
    said = capsys.readouterr().out
    assert "300 mm wide" in said and "read of 2" in said and "P2/T1.nii.gz cannot be read" in said
