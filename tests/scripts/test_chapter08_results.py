"""What chapter 8 reads from `experiments/results` is whole, and rows of it come out again."""

import json
from itertools import product

import numpy as np
import pytest
from stored import check_provenance, skip_unless_of_these_cohorts, stored_result

from experiments import age_groups, capacity, private
from medgan_utils import data
from medgan_utils.evaluation import ReferenceFeatures


def test_the_age_groups_say_what_made_them():
    stored = stored_result("age_groups.json")
    check_provenance(stored, "age_groups")
    reference = ReferenceFeatures.load(age_groups.NAME)
    groups = stored["results"]["groups"]
    for of_each in (groups, stored["results"]["sexes"]):
        assert len(of_each) == len(np.unique(reference.subjects)) and set(of_each) == {0, 1}
    levels = [row["level"] for row in stored["results"]["levels read"]]
    assert levels == sorted(set(stored["results"]["levels"]))
    read = [(row["heads"], row["group"]) for row in stored["results"]["tissues read"]]
    assert read == list(product(("train", "test"), age_groups.GROUPS))
    floors = [row["group"] for row in stored["results"]["floor"]]
    assert floors == [*age_groups.GROUPS, *age_groups.SEXES]
    ran = [(row["group"], row["asked for"], row["seed"]) for row in stored["results"]["rows"]]
    assert ran == list(product(age_groups.GROUPS, age_groups.GROUPS, age_groups.SEEDS))


def test_a_row_of_the_age_groups_comes_out_again_without_real_images():
    stored = stored_result("age_groups.json")["results"]
    row = stored["rows"][0]
    reference = ReferenceFeatures.load(age_groups.NAME)
    chosen = np.array(stored["groups"])[reference.subjects] == 0
    fake = age_groups.samples(0, stored["levels"], int(chosen.sum()), row["seed"])
    real, people = reference.features[age_groups.ENCODER][chosen], reference.subjects[chosen]
    assert age_groups.distance(real, fake, people)[0] == pytest.approx(row["KID"][0], abs=0.01)


def test_every_capacity_ran_with_every_seed():
    stored = stored_result("capacity.json")
    check_provenance(stored, "capacity")
    rows, seeds = stored["results"]["rows"], stored["provenance"]["seeds"]
    assert len(seeds) >= 3
    ran = [(row["seed"], row["capacity"]) for row in rows]
    assert ran == list(product(seeds, capacity.SIZES))
    weights = {row["capacity"]: row["weights"] for row in rows}
    for smaller, larger in (("a quarter", "one"), ("one", "four times")):
        assert 2.5 < weights[larger] / weights[smaller] < 4.5
    for name, (widths, helped) in capacity.SIZES.items():
        gan = capacity.build(widths, helped, 0)
        counted = gan.generator.count_params() + gan.discriminator.count_params()
        assert counted == weights[name]


def test_the_private_table_is_whole_and_its_epsilon_comes_out_again():
    stored = stored_result("private.json")
    check_provenance(stored, "private")
    settings, rows = stored["settings"], stored["results"]["training"]
    arms = [*private.ARMS, *(f"noise {noise:g}" for noise in private.NOISE)]
    ran = [(row["seed"], row["arm"]) for row in rows]
    assert ran == list(product(stored["provenance"]["seeds"], arms))
    rate, delta = settings["lot"] / settings["members"], private.delta(settings["members"])
    for noise in private.NOISE:
        found = {row["epsilon"] for row in rows if row["arm"] == f"noise {noise:g}"}
        expected = private.epsilon(noise, rate, settings["steps"], delta)
        assert found == {round(expected, 3)}
    for name in ("by_chance", "by_chance_few"):
        assert len(stored["results"][name]) == private.DRAWN
    larger = {(row["noise"], row["subjects"]) for row in stored["results"]["larger_cohorts"]}
    assert larger == set(product(private.NOISE, private.LARGER))


def test_the_two_eights_share_nobody():
    names = np.array([f"sub-{index:02}" for index in range(20)])
    everyone = data.Slices(np.zeros((20, 8, 8, 1), np.float32), names, np.zeros(20, np.float32))
    first, another = private.eights(everyone, 8)
    assert list(first.subjects) == list(names[:8]) and list(another.subjects) == list(names[8:16])


def test_the_other_people_are_neither_members_nor_outsiders(monkeypatch):
    asked = []

    def listed(source, **scan):
        asked.append(scan)
        names = np.array([f"sub-{index:03}" for index in range(scan["subjects"])])
        images = np.zeros((len(names), 8, 8, 1), np.float32)
        return data.Slices(images, names, np.zeros(len(names), np.float32))

    monkeypatch.setattr(private.data, "load_slices", listed)
    settings = {"members": 6, "others": 3}
    private.cohort(settings)
    assert len(private.strangers(settings)) == settings["members"]
    cohorts = [(scan.pop("seed"), scan.pop("subjects")) for scan in asked]
    assert [count for _, count in cohorts] == [9, 6] and asked[0] == asked[1]
    assert cohorts[0][0] != cohorts[1][0]  # heads of another seed are other heads


def test_what_is_stored_is_not_trained_again(tmp_path, monkeypatch):
    path = tmp_path / "private.json"
    rows = [{"arm": arm, "seed": 0, "swd": 0.5} for arm in ("untrained", "noise 4")]
    content = {"settings": {"steps": 8, "noise": [4.0]}, "results": {"training": rows}}
    path.write_text(json.dumps(content), encoding="utf-8")
    about = {"steps": 8, "noise": (4.0,), "strangers": 9}
    assert private.stored(path, about)["results"]["training"] == rows
    for other in (about | {"steps": 9}, {"steps": 8}):
        assert private.stored(path, other)["results"]["training"] == []
    assert private.stored(tmp_path / "none.json", about)["results"]["training"] == []

    trained = []
    monkeypatch.setattr(private, "ARMS", ("untrained", "no protection"))
    monkeypatch.setattr(private, "NOISE", (4.0,))

    def once(arm, seed, settings):
        trained.append(arm)
        return {"arm": arm, "seed": seed}

    monkeypatch.setattr(private, "finished", lambda function, *about: once)
    every = private.train_missing(rows, [0], {})
    assert trained == ["no protection"] and every[0] == rows[0] and every[2] == rows[1]


def test_a_defaced_head_comes_out_again():
    stored = stored_result("private.json")
    skip_unless_of_these_cohorts(stored)
    assert private.defacing(1)["heads"] == stored["results"]["defacing"]["heads"][:1]


def test_every_way_of_pruning_ran_with_every_seed():
    stored = stored_result("pruning.json")
    check_provenance(stored, "pruning")
    ways = list(dict.fromkeys(row["way"] for row in stored["results"]))
    assert {"all weights", "half, fine-tuned", "fewer channels"} <= set(ways)
    ran = {(row["way"], row["seed"]) for row in stored["results"]}
    assert ran == set(product(ways, stored["provenance"]["seeds"])) and len(ran) == 15
    whole, half = (
        next(row["weights"] for row in stored["results"] if row["way"] == way)
        for way in ("all weights", "half, fine-tuned")
    )
    assert half == whole / 2
