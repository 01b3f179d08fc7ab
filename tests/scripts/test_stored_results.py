"""Results that notebooks read from `experiments/results` are whole, and can be computed again."""

import json
from dataclasses import asdict
from itertools import product

import numpy as np
import pytest
from stored import check_provenance, skip_unless_of_these_cohorts, stored_result

from experiments import (
    ablation,
    conditional,
    floor_of_people,
    interval_coverage,
    mirrored_copies,
)
from medgan_utils import profiles
from medgan_utils.evaluation.evaluate import FLOOR
from medgan_utils.models import checkpoint_names, load_card
from medgan_utils.table import Estimate
from medgan_utils.training import GAN

SCORES = ("FD", "KID", "SWD")


@pytest.fixture
def stored():
    return stored_result("ablation.json")


def test_a_result_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"no stored result 'nothing.json'.*ablation.json"):
        profiles.stored_result("nothing.json")


def test_the_ablation_says_what_made_it(stored):
    check_provenance(stored, "ablation")


def test_every_trick_ran_with_every_seed_on_the_same_budget(stored):
    seeds = stored["provenance"]["seeds"]
    assert len(seeds) >= 3
    ran = [(row["trick"], row["seed"]) for row in stored["results"]]
    assert sorted(ran) == sorted(product(stored["tricks"], seeds))
    assert {row["steps"] for row in stored["results"]} == {stored["settings"]["steps"]}
    assert {row["subjects"] for row in stored["results"]} == {ablation.SETTINGS["subjects"]}


def test_the_stored_tricks_are_those_of_the_script(stored):
    for name, settings in stored["tricks"].items():
        assert json.loads(json.dumps(vars(ablation.TRICKS[name]))) == settings


@pytest.mark.parametrize("name", ablation.TRICKS)
def test_every_trick_of_the_ablation_can_be_built(name):
    gan = ablation.build(ablation.TRICKS[name], seed=0)
    assert isinstance(gan, GAN)
    assert gan.generator.output_shape == (None, 32, 32, 1)


def test_samples_of_every_run_are_there(stored):
    with np.load(profiles.stored_result("ablation.npz")) as file:
        names, samples = file["names"].tolist(), file["samples"]
    assert names == [f"{row['trick']}/{row['seed']}" for row in stored["results"]]
    assert samples.shape == (len(names), 16, 32, 32) and samples.dtype == np.uint8


def test_the_row_made_to_be_repeated_comes_out_again(stored):
    skip_unless_of_these_cohorts(stored)
    row, _ = ablation.train(**ablation.CHECK)
    for score in SCORES:
        assert row[score] == pytest.approx(stored["check"][score], rel=0.02)
        assert row["course"][score] == pytest.approx(stored["check"]["course"][score], rel=0.02)


def test_the_conditional_runs_are_those_of_the_script():
    stored = stored_result("conditional.json")
    check_provenance(stored, "conditional")
    assert stored["settings"]["steps"] == conditional.STEPS
    runs = {row["run"]: row for row in stored["results"] if "scores" in row}
    assert list(runs) == list(conditional.RUNS)
    for name, (recipe, balanced) in conditional.RUNS.items():
        row = runs[name]
        settings = json.loads(json.dumps(asdict(recipe)))
        # Options that came later, as they were then.
        later = {"decay_images": 0, "image_size": 64, "warmup_images": 0}
        assert settings == {key: {**later, **row}[key] for key in settings}
        assert row["balanced"] == balanced
        assert [score["step"] for score in row["scores"]][-1] == conditional.STEPS


def test_a_faultless_generator_lies_below_every_checkpoints_floor_and_a_row_comes_out_again():
    stored = stored_result("floor_of_people.json")
    check_provenance(stored, "floor_of_people")
    rows = stored["results"]
    ran = [(row["checkpoint"], row["seed"]) for row in rows]
    assert ran == list(product(checkpoint_names(), stored["provenance"]["seeds"]))
    assert stored["settings"] == {"draws": floor_of_people.DRAWS}
    for row in rows:
        assert 0.55 < row["faultless / floor"] < 0.85 < row["other people / floor"] < 1.15
    again = floor_of_people.compare(*ran[0])
    same = {name: value for name, value in rows[0].items() if isinstance(value, float)}
    assert {name: again[name] for name in same} == pytest.approx(same, rel=1e-3)


def test_a_faultless_generator_lies_below_the_floor_of_few_people():
    found = floor_of_people.compare("liver-map-128", seed=0, draws=8)
    assert found["faultless / floor"] < 0.8 < 0.85 < found["other people / floor"] < 1.2
    assert found["below its floor"] >= 0.75


def test_mirrored_copies_are_found_and_the_cards_say_what_was_measured():
    stored = stored_result("mirrored_copies.json")
    check_provenance(stored, "mirrored_copies")
    rows = stored["results"]
    seeds = [f"samples {seed}" for seed in mirrored_copies.SEEDS]
    sets = [FLOOR, mirrored_copies.SHOWN, *seeds]
    asked = [(row["checkpoint"], row["set"]) for row in rows]
    assert asked == list(product(mirrored_copies.CHECKPOINTS, sets))
    for row in rows:
        plain, both = (row[f"copying, {way}"] for way in ("as they are", "mirrored or not"))
        if row["set"] == mirrored_copies.SHOWN:
            assert both["value"] > 0.999 and 0.8 < plain["value"] < 0.95
        if "members, as they are" in row:  # the samples of the card
            plain, both = (Estimate(*one.values()) for one in (plain, both))
            lines = f"encoder features: {plain}", f"encoder features, mirrored or not: {both}"
            assert any(line in load_card(row["checkpoint"]) for line in lines)


def test_how_often_an_interval_holds_the_truth_comes_out_again():
    stored = stored_result("interval_coverage.json")
    check_provenance(stored, "interval_coverage")
    ran = [(row["test subjects"], row["seed"]) for row in stored["results"]]
    assert ran == list(product(interval_coverage.DESIGNS, stored["provenance"]["seeds"]))
    assert interval_coverage.SETTINGS.items() <= stored["settings"].items()
    first = stored["results"][0]
    again = interval_coverage.coverage(*ran[0], **interval_coverage.SETTINGS)
    assert again["held"] == pytest.approx(first["held"], abs=0.01)
