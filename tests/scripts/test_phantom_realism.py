"""The phantom beside real heads: the measure, and the table that data/README.md prints."""

import json
from pathlib import Path

import numpy as np

from experiments import phantom_realism

ROOT = Path(__file__).resolve().parents[2]


def test_alike_subjects_score_one_and_every_pair_counts():
    image = np.random.default_rng(0).uniform(-1, 1, (40, 40))
    np.testing.assert_allclose(phantom_realism.pairwise_ssim(np.stack([image] * 4)), np.ones(6))
    others = np.random.default_rng(1).uniform(-1, 1, (4, 40, 40))
    assert phantom_realism.pairwise_ssim(others).max() < 0.3


def test_the_readme_prints_the_stored_rounds():
    stored = ROOT / "experiments" / "results" / "phantom_realism.json"
    content = json.loads(stored.read_text(encoding="utf-8"))
    measured = [row["change"] for row in content["results"]]
    assert measured == [name for name in phantom_realism.ROUNDS.values() if name in measured] != []
    readme = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert phantom_realism.summary(content) in readme
