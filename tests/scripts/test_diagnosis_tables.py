"""The stored diagnosis tables are whole, and their small run can be computed again."""

from itertools import product

import numpy as np
import pytest
from stored import check_provenance, skip_unless_of_these_cohorts, stored_result

from experiments import diagnosis_tables as script
from medgan_utils.data import Slices


@pytest.fixture
def stored():
    return stored_result("diagnosis.json")


def test_it_says_what_made_it(stored):
    check_provenance(stored, "diagnosis_tables")
    assert stored["seconds_in_all"] > 0 and stored["settings"] == script.SETTINGS


def test_every_arm_ran_for_every_task_size_and_seed(stored):
    seeds, rows = stored["provenance"]["seeds"], stored["results"]
    assert len(seeds) >= 3 and set(stored["test"]) == set(script.TASKS)
    for task in script.TASKS:
        mine = [row for row in rows if row["task"] == task]
        sizes = {row["subjects"] for row in mine}
        assert len(sizes) == len(script.SIZES) >= 4
        ran = [(row["arm"], row["subjects"], row["seed"]) for row in mine]
        assert sorted(ran) == sorted(product(script.ARMS, sizes, seeds))
    for row in rows:
        for name in ("AUC", "sensitivity", "specificity"):
            value, low, high = row[name]
            assert 0 <= low <= value <= high <= 1, row


def test_drawn_subjects_are_half_ill_and_of_the_training_part():
    train = script.flair_parts(12)["train"]
    few = script.draw(train, "lesion", 2, seed=0)
    ill = [few.for_subjects(name).labels["lesion"].any() for name in sorted(set(few.subjects))]
    assert sorted(ill) == [False, True]
    assert script.draw(train, "lesion", None, seed=0) is train


SMALL_RUNS = {
    "diagnosis.json": script.run_check,
    "diagnosis_teachers.json": script.check_teachers,
}


@pytest.mark.parametrize("name", SMALL_RUNS)
def test_the_small_run_comes_out_again(name):
    stored = stored_result(name)
    check_provenance(stored, "diagnosis_tables")
    skip_unless_of_these_cohorts(stored)
    for row, kept in zip(SMALL_RUNS[name](), stored["check"]["rows"], strict=True):
        same = ("task", "arm", "subjects", "seed", "real_images", "findings")
        assert {name: row[name] for name in same} == {name: kept[name] for name in same}
        # Other processors sum in another order: a few pairs of test slices may change places.
        assert row["AUC"][0] == pytest.approx(kept["AUC"][0], abs=0.03)


def test_the_level_alone_is_scored_by_what_the_training_subjects_show():
    positions = np.tile(np.linspace(0, 1, 12), 8)
    subjects = np.repeat([f"s{k}" for k in range(8)], 12)
    images = np.zeros((96, 4, 4, 1), np.float32)
    low = Slices(images, subjects, positions, labels={"ill": (positions > 0.5).astype(int)})
    assert script.level_alone(low, low, "ill")[0] == 1
    coin = np.arange(96) % 2
    even = Slices(images, subjects, positions, labels={"ill": coin})
    assert script.level_alone(even, even, "ill")[0] == 0.5
