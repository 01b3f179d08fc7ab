"""Cards of checkpoints: verdicts against tables, and groups against samples of their labels."""

import re

import numpy as np
import pytest
from cards import tables, verdict_lines

from medgan_utils import evaluation
from medgan_utils.data import Slices
from medgan_utils.models import checkpoint_names, load_card
from recipes.projects import PROJECTS
from recipes.publish import OWN_MAPS, Finished, group_rows
from recipes.settings import MAPS


def without_numbers(line):
    """A line's words: a card rounds what its verdict was computed from."""
    return re.sub(r"[\d.]+", "#", line)


@pytest.mark.parametrize(
    "name", [name for name in checkpoint_names() if "How good" in tables(name)]
)
def test_a_cards_verdict_is_what_its_tables_say(name):
    found = tables(name)
    lines = evaluation.verdict(found["How good"], found["Can it be told from real images?"])
    if PROJECTS[name].names == MAPS:
        lines = [OWN_MAPS if line.startswith("Copying") else line for line in lines]
        assert load_card(name).rstrip().endswith(f"privacy\n\n{OWN_MAPS}")
    assert list(map(without_numbers, verdict_lines(name))) == list(map(without_numbers, lines))


def test_a_group_is_compared_with_samples_that_were_asked_for_with_its_labels():
    """Samples of all labels say nothing of how well a conditional generator draws one group."""
    asked = []

    class Stub(Finished):
        def sample(self, real, seed):
            asked.append(real.labels["age"])
            return real.images

    random = np.random.default_rng(0)
    ages = np.repeat([30.0, 40.0, 70.0, 80.0], 4)
    images = random.uniform(-1, 1, (16, 64, 64, 1)).astype(np.float32)
    slices = Slices(
        images, np.repeat(list("abcd"), 4), np.arange(16.0), labels={"age": ages}, modality="T1"
    )
    encoder = evaluation.Encoder(
        evaluation.EncoderConfig(64, 1, ("none",), (0.0,), (1.0,), seed=1), "random"
    )
    rows = group_rows(Stub(None, ("age",), [], "", "", {}), slices, slices, {"random": encoder})
    assert [row["group"].split(":")[0] for row in rows] == ["under 45"] * 2 + ["over 60"] * 2
    assert [set(row) for row in asked] == [{30.0, 40.0}, {70.0, 80.0}]
