"""Scans of another kind: cut as the heads are, damaged in k-space, and every row stored."""

import nibabel as nib
import numpy as np
from stored import check_provenance, stored_result

from experiments import other_scans as script


def test_a_scan_is_cut_with_the_front_up_and_the_right_on_the_left(tmp_path):
    x, y, z = np.meshgrid(*[np.arange(-60, 61, 4)] * 3, indexing="ij")
    head = np.where(np.hypot(x, y) < 50, 100.0, 0) * (np.abs(z) < 50)
    head[(np.hypot(x - 30, y) < 12) & (head > 0)] = 200  # right
    head[(np.hypot(x, y - 30) < 12) & (head > 0)] = 150  # front
    affine = np.diag([4.0, 4, 4, 1])
    affine[:3, 3] = -60
    paths = {}
    for name, turned in {"T1": head, "mask": (head > 160).astype(float)}.items():
        image = nib.Nifti1Image(turned.astype(np.float32)[::-1], affine @ np.diag([-1.0, 1, 1, 1]))
        image.affine[0, 3] = 60  # stored from right to left
        nib.save(nib.Nifti1Image(image.get_fdata(), image.affine), tmp_path / f"{name}.nii")
        paths[name] = tmp_path / f"{name}.nii"
    stacks = script.slices_of(paths, ("mask",), pixel_mm=3.75)
    middle = stacks["T1"][len(stacks["T1"]) // 2]
    assert middle.shape == (64, 64)
    right, left = middle[32, 24], middle[32, 40]  # 30 mm from the middle are eight pixels
    front, back = middle[24, 32], middle[40, 32]
    assert right > front > left == back
    assert set(np.unique(stacks["mask"])) == {0, 1} and stacks["mask"][3, 32, 24] == 1


def test_lines_are_left_out_and_a_phase_changes_nothing_without_noise():
    assert script.kept_lines().sum() == 38 and script.kept_lines()[26:39].all()
    picture = np.zeros((1, 64, 64))
    picture[:, 20:44, 20:44] = 0.5
    plain = script.damaged(picture, seed=0, noise=0.0)
    turned = script.damaged(picture * np.exp(0.7j), seed=0, noise=0.0)
    np.testing.assert_allclose(plain, turned, atol=1e-6)
    assert np.abs(plain - script.as_image(picture)).max() > 0.05  # lines are missing
    noisy = script.damaged(np.zeros((1, 64, 64)), seed=0)
    assert 0.03 < (noisy.mean() + 1) / 2 < 0.06  # Rayleigh: 1.25 × 3 / 64, of 38 lines in 64


def test_every_network_and_seed_is_stored():
    stored = stored_result("other_scans.json")
    check_provenance(stored, "other_scans")
    asked = [(row["network"], row["seed"], row["asked about"]) for row in stored["results"]]
    assert len(asked) == len(set(asked)) == len(script.SEEDS) * (4 + 6 + 4 + 4 + 7)
    home = [row for row in stored["results"] if row["asked about"] == "home"]
    assert len(home) == 5 * len(script.SEEDS)
