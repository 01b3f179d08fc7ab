"""Chapter 7 follows a reader's own data when its one cell `your-data` is changed."""

import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[1])]

from small_heads import head, write
from template import outputs_with


def write_pictures(folder: Path, subjects: int = 10, slices: int = 8) -> Path:
    """Write PNG slices of discs, half of them with a bright spot, and a table that says which."""
    folder.mkdir()
    random, rows = np.random.default_rng(0), ["file,spot"]
    y, x = np.mgrid[:80, :80] - 40
    for subject in range(subjects):
        for level in range(slices):
            image = 90.0 * (x**2 + (y * (1 + 0.05 * level)) ** 2 < (25 + subject) ** 2)
            image += random.normal(20, 6, image.shape)
            if level % 2:
                image[30:38, 20 + subject : 28 + subject] = 240
            name = f"case{subject:02d}_slice{level:03d}.png"
            Image.fromarray(np.clip(image, 0, 255).astype(np.uint8)).save(folder / name)
            rows.append(f"{name},{level % 2}")
    table = folder.parent / "spots.csv"
    table.write_text("\n".join(rows), "utf-8")
    return table


def write_heads(folder: Path, subjects: int = 12) -> None:
    """Write T1 heads named as in IXI, each a little elsewhere and with noise of its own."""
    random = np.random.default_rng(0)
    for number in range(1, subjects + 1):
        clean = head(centre_mm=(0, 0, -4.0 * (number % 4)))
        voxels = clean.get_fdata() + random.normal(0, 20, clean.shape)
        noisy = nibabel.Nifti1Image(voxels.clip(0).astype(np.int16), clean.affine)
        write(noisy, folder / f"IXI{number:03d}-HH-{number}_T1.nii.gz", "PSR")


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """Return what every cell of the chapter says of a folder of heads and of one of pictures."""
    folder = tmp_path_factory.mktemp("mine")
    write_heads(folder / "heads")
    table = write_pictures(folder / "pictures")
    return outputs_with(
        f"""cohorts = {{
    "my heads": dict(
        source="folder",
        options=dict(folder={str(folder / "heads")!r}, anatomy="head", step_mm=20),
        label=None,
        encoder=None,
    ),
    "discs": dict(
        source="folder",
        options=dict(folder={str(folder / "pictures")!r}, labels={str(table)!r}),
        label="spot",
        encoder=None,
    ),
}}""",
        folder,
    )


def test_a_folder_of_volumes_without_labels(said):
    assert "my heads" in said["load-cohorts"] and "12 subjects, no label" in said["load-cohorts"]
    assert "train 6, encoder 1, reference 3, test 2" in said["check-split"]
    assert said["labelled"].count("no test of use") == 1
    assert "my heads: model-card.md" in said["report"]


def test_a_folder_of_pictures_with_a_table_of_labels(said):
    assert "80 slices of 10 subjects, spot on 50%" in said["load-cohorts"]
    assert "discs: model-card.md" in said["report"]
    assert "profile 'smoke'" in said["finish"]
