"""Results that notebooks read from `benchmarks/results` are whole, and can be computed again."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from medgan_utils import profiles

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
SCORES = ("FD", "KID", "SWD")


@pytest.fixture
def ablation(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import ablation

    return ablation


@pytest.fixture
def stored():
    return json.loads(profiles.stored_result("ablation.json").read_text(encoding="utf-8"))


def test_a_result_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"no stored result 'nothing.json'.*ablation.json"):
        profiles.stored_result("nothing.json")


def test_the_ablation_says_what_made_it(stored):
    made = stored["provenance"]
    assert made["command"].startswith("python benchmarks/ablation.py")
    assert len(made["commit"].removesuffix("+changes")) == 40
    assert made["seconds"] > 0 and {"tensorflow", "keras", "numpy"} <= set(made["versions"])


def test_every_trick_ran_with_every_seed_on_the_same_budget(ablation, stored):
    seeds = stored["provenance"]["seeds"]
    assert len(seeds) >= 3
    ran = [(row["trick"], row["seed"]) for row in stored["results"]]
    assert sorted(ran) == sorted(product(stored["tricks"], seeds))
    assert {row["steps"] for row in stored["results"]} == {stored["settings"]["steps"]}
    assert {row["subjects"] for row in stored["results"]} == {ablation.SETTINGS["subjects"]}


def test_the_stored_tricks_are_those_of_the_script(ablation, stored):
    for name, settings in stored["tricks"].items():
        assert json.loads(json.dumps(vars(ablation.TRICKS[name]))) == settings


def test_samples_of_every_run_are_there(stored):
    with np.load(profiles.stored_result("ablation.npz")) as file:
        names, samples = file["names"].tolist(), file["samples"]
    assert names == [f"{row['trick']}/{row['seed']}" for row in stored["results"]]
    assert samples.shape == (len(names), 16, 32, 32) and samples.dtype == np.uint8


def test_the_row_made_to_be_repeated_comes_out_again(ablation, stored):
    row, _ = ablation.train(**ablation.CHECK)
    for score in SCORES:
        assert row[score] == pytest.approx(stored["check"][score], rel=0.02)
        assert row["course"][score] == pytest.approx(stored["check"]["course"][score], rel=0.02)
