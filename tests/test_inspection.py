"""`inspect` says what would be read, what looks wrong, and draws it, before anything is made."""

import nibabel
import numpy as np
from skimage.io import imread
from small_bodies import AFFINE, body
from small_heads import write_cohort

from medgan_utils.__main__ import main


def said_of(folder, tmp_path, capsys, *options):
    """What is printed of a folder, and the contact sheet."""
    out = tmp_path / "sheet.png"
    assert main(["inspect", str(folder), "--image-size", "32", "--out", str(out), *options]) == 0
    return capsys.readouterr().out, imread(out)


def test_heads(tmp_path, capsys):
    said, sheet = said_of(write_cohort(tmp_path / "my", 9), tmp_path, capsys)
    for text in (
        "9 images of 9 subjects: IXI001, IXI002, IXI003, …",
        "59 × 59 × 59 voxels of 4 × 4 × 4 mm",
        "modality T1",
        "values from 0 to 700",
        "cut as head, 240 mm wide: 26 to 26 slices a subject of 32 × 32 pixels",
    ):
        assert text in said
    assert "look twice" not in said and "too few" not in said
    rows, columns = np.array(sheet.shape[:2]) // 32
    assert (rows, columns) == (6, 8)
    assert sheet.max() > 200


def test_a_body_cut_as_a_head_and_its_mask_are_doubted(tmp_path, capsys):
    voxels, labels = body()
    for name, content in (("abdomen", voxels.astype(np.int16)), ("abdomen_liver", labels)):
        (tmp_path / "my").mkdir(exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(content, AFFINE), tmp_path / "my" / f"{name}.nii.gz")
    said, _ = said_of(tmp_path / "my", tmp_path, capsys, "--modality", "CT")
    assert "too few: `train` needs 4 subjects" in said
    assert "abdomen_liver.nii.gz holds 3 values only: is it a mask? (--masks)" in said
