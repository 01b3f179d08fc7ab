"""The experiment on label maps asks what it says it asks, and its stored result is whole."""

import numpy as np
import pytest
from stored import check_provenance, stored_result

from experiments import label_maps
from experiments.label_maps import CHECK, LIVER, TUMOUR
from medgan_utils.models import map_generator
from recipes.liver_split import MAP_CLASSES, map_splits

NONE = (
    "none: painted of maps of healthy slices",
    "none: painted of the maps without their tumours",
)


@pytest.fixture(scope="module")
def test_part():
    return map_splits(CHECK["subjects"])["test"]


def test_the_maps_hold_a_tumour_where_one_is_asked_for_and_else_none(test_part):
    asked = label_maps.questions(test_part, 1, seed=0)
    for name, (maps, subjects, images) in asked.items():
        there = (maps == TUMOUR).any((1, 2))
        assert there.all() if name.startswith("tumour") else not there.any()
        assert len(subjects) == len(maps) > 0
        assert (images is None) == ("painted" in name)
    ill = asked["tumour: own slices"][0]
    changed = asked[NONE[1]][0] != ill
    np.testing.assert_array_equal(changed, ill == TUMOUR)
    assert (asked[NONE[1]][0][changed] == LIVER).all()


def test_a_perfect_painter_has_the_dice_of_the_slices_and_the_step(test_part):
    class Oracle:
        def translate(self, images):
            return images

    maps = test_part.masks
    ill = (maps == TUMOUR).any((1, 2)) & (maps == LIVER).any((1, 2))
    images = np.where(maps == TUMOUR, 0.1, -0.1)[ill][..., None]
    answer = label_maps.answers(Oracle(), images, maps[ill], test_part.subjects[ill], CHECK)
    assert answer["Dice"][0] == 1 and answer["Dice, another slice's"] < 1
    assert answer["step (HU)"] == pytest.approx(40)
    blank = np.full_like(maps[ill], LIVER)
    answer = label_maps.answers(Oracle(), images, blank, test_part.subjects[ill], CHECK)
    sizes = (maps[ill] == TUMOUR).sum((1, 2))
    assert answer == {"positive slices": (sizes >= CHECK["least"]).mean()}


def test_one_small_run_answers_every_question():
    painter = map_generator(128, num_classes=len(MAP_CLASSES), widths=(8, 8, 8, 8, 8))
    rows = label_maps.run(painter, 0, CHECK | {"least": 1})
    assert len(rows) == 6
    for row in rows:
        assert ("Dice" in row) == row["slices"].startswith("tumour")
        assert ("positive slices" in row) == row["slices"].startswith("none")


def test_the_stored_result_is_whole():
    stored = stored_result("label_maps.json")
    check_provenance(stored, "label_maps")
    assert stored["checkpoint"] == label_maps.NAME
    for seed in label_maps.SEEDS:
        assert len({row["slices"] for row in stored["results"] if row["seed"] == seed}) == 6
