"""The stored few-shot curve is whole, and one of its rows can be computed again."""

from itertools import product

import numpy as np
import pytest
from stored import check_provenance, skip_unless_of_these_cohorts, stored_result

from experiments import few_shot


@pytest.fixture(autouse=True)
def _fresh_cohort():
    few_shot.cohort.cache_clear()


@pytest.fixture
def stored():
    return stored_result("few_shot.json")


def test_it_says_what_made_it(stored):
    check_provenance(stored, "few_shot")
    assert stored["settings"].items() >= few_shot.SETTINGS.items()


def test_every_arm_ran_with_every_number_of_subjects_and_seed(stored):
    seeds = stored["provenance"]["seeds"]
    assert len(seeds) >= 3
    ran = [(row["arm"], row["subjects"], row["seed"]) for row in stored["results"]]
    assert sorted(ran) == sorted(product(few_shot.ARMS, few_shot.COUNTS, seeds))
    assert all(0 <= row["auc"] <= 1 for row in stored["results"])


def test_arms_of_one_run_share_their_real_images(stored):
    for row in stored["results"]:
        added = row["images"] - row["real_images"]
        assert added == (stored["settings"]["generated"] if "GAN" in row["arm"] else 0)


def test_nobody_is_in_pool_and_test():
    settings = few_shot.CHECK["settings"]
    slices = few_shot.cohort(settings["subjects"])
    ill, healthy, test = few_shot.split(slices, settings["pool"])
    assert len(ill) == len(healthy) == settings["pool"] // 2
    assert sorted([*ill, *healthy, *test]) == sorted(np.unique(slices.subjects))
    with pytest.raises(ValueError, match="pool=12"):
        few_shot.split(slices, 12)


def test_the_check_rows_come_out_again(stored):
    skip_unless_of_these_cohorts(stored)
    check = stored["check"]
    rows = few_shot.run_once(check["count"], check["seed"], check["settings"])
    for row, kept in zip(rows, check["rows"], strict=True):
        same = row.keys() - {"auc", "obeys", "seconds"}
        assert row.keys() == kept.keys()
        assert {name: row[name] for name in same} == {name: kept[name] for name in same}
        # Other processors sum in another order: a pair or two of slices may change places.
        assert row.get("auc") == pytest.approx(kept.get("auc"), abs=0.03)
        assert row.get("obeys") == pytest.approx(kept.get("obeys"), abs=0.1)


def test_every_gan_says_how_well_it_obeys(stored):
    ran = [(row["gan"], row["subjects"], row["seed"]) for row in stored["gans"]]
    seeds = stored["provenance"]["seeds"]
    assert sorted(ran) == sorted(product(few_shot.GANS, few_shot.COUNTS, seeds))
    assert all(0 <= row["obeys"] <= 1 for row in stored["gans"])


def test_balanced_slices_show_findings_half_of_the_time():
    slices = few_shot.cohort(few_shot.CHECK["settings"]["subjects"])
    shown = few_shot.balanced(slices, "finding")
    assert shown.labels["finding"].mean() == 0.5
    assert set(shown.subjects) == set(slices.subjects)
