"""The cohorts of a version are always the same voxels.

Whoever changes a phantom raises `phantoms.VERSION` and stores the new cohorts with
`OMP_NUM_THREADS=1 python tests/test_phantom_cohorts.py`; whoever only moves code must not change
one voxel. Other processors, and other numbers of threads, round the last bit of a sine or a matrix
product otherwise: there every third voxel is compared, and may differ by 1 now and then.
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medgan_utils import phantoms

KEPT = Path(__file__).parent / "phantom_cohorts"
ALL = ("T1", "T1CE", "T2", "PD", "FLAIR", "CT", "PET")
ABDOMENS = dict(matrix=48, slices=8, dose=0.5)
COHORTS = {
    "heads": ("brain", dict(subjects=2, spacing_mm=6.0, modalities=("T1", "FLAIR"), seed=1)),
    "all-modalities": ("brain", dict(subjects=1, spacing_mm=8.0, modalities=ALL, seed=3)),
    "abdomens": ("liver", dict(subjects=2, matrix=64, slices=10, seed=2)),
    "plain": ("liver", dict(subjects=1, phase="plain", seed=1, **ABDOMENS)),
    "arterial": ("liver", dict(subjects=1, phase="arterial", seed=4, **ABDOMENS)),
    "venous": ("liver", dict(subjects=1, phase="venous", seed=5, **ABDOMENS)),
}


def written(name, folder):
    """Write a cohort; its digest, and every third voxel of every file."""
    organ, settings = COHORTS[name]
    getattr(phantoms, f"write_{organ}_phantom")(folder, **settings, progress=False)
    digest, sample = hashlib.sha256(), {}
    for path in sorted(folder.rglob("*.nii.gz")):
        voxels = np.asarray(nibabel.load(path).dataobj)
        digest.update(voxels.tobytes())
        sample[path.name] = voxels[::3, ::3, ::3]
    return digest.hexdigest(), sample


def arithmetic():
    """Digest of how this machine rounds, with as many threads as it has for a matrix product."""
    x = np.random.default_rng(0).uniform(0.1, 3, (300, 300))
    digest = hashlib.sha256()
    for values in (x, x.astype(np.float32)):
        functions = (np.exp, np.log, np.sin, np.cos, np.tanh, np.arctan, np.cbrt, values.dot)
        for function in functions:
            digest.update(function(values).tobytes())
        digest.update((values**2.35).tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("name", COHORTS)
def test_every_voxel_is_that_of_the_version(name, tmp_path):
    kept = json.loads(KEPT.with_suffix(".json").read_text(encoding="utf-8"))
    assert kept["version"] == phantoms.VERSION, "store the new cohorts"
    digest, sample = written(name, tmp_path / "cohort")
    if kept["arithmetic"] == arithmetic():
        assert digest == kept["digests"][name]
    with np.load(KEPT.with_suffix(".npz")) as file:
        assert {f"{name}/{path}" for path in sample} == {k for k in file if k.startswith(name)}
        for path, voxels in sample.items():
            off = voxels.astype(int) - file[f"{name}/{path}"]
            if path.startswith("volume"):  # another rounding may flip one draw of photons, and
                assert np.abs(off).max() <= 40, path  # then the noise of that slice is another
                assert np.abs(off.mean(axis=(0, 1))).max() < 1, path
                assert (np.abs(off).max(axis=(0, 1)) > 1).sum() <= 1, path
            else:
                assert np.abs(off).max() <= 1 and (off != 0).mean() < 0.01, path


def main():
    """Store the cohorts of the version."""
    digests, samples = {}, {}
    for name in COHORTS:
        with tempfile.TemporaryDirectory() as folder:
            digests[name], sample = written(name, Path(folder) / "cohort")
        samples |= {f"{name}/{path}": voxels for path, voxels in sample.items()}
    kept = {"version": phantoms.VERSION, "arithmetic": arithmetic(), "digests": digests}
    KEPT.with_suffix(".json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    np.savez_compressed(KEPT.with_suffix(".npz"), **samples)


if __name__ == "__main__":
    sys.exit(main())
