"""What a fifth reader of training, evaluation and recipes found."""

import json

import numpy as np
import pytest
import tensorflow as tf
from small_gan import networks

from medgan_utils import profiles
from medgan_utils.evaluation import score_classifier, summary, train_classifier
from medgan_utils.models import dcgan_generator, map_generator, patch_discriminator, unet_generator
from medgan_utils.table import Estimate, Table
from medgan_utils.training import GAN, DiceCrossEntropy, Mismatch, Monitor, Segmenter, losses
from recipes.publish import asked_for
from recipes.settings import Recipe
from recipes.train_generator import same_recipe


def test_a_third_class_is_refused_by_training_and_by_test():
    images, labels = np.zeros((4, 8, 8, 1), np.float32), [0, 1, 2, 2]
    with pytest.raises(ValueError, match=r"labels hold \[2\]; 1 for a finding and 0"):
        train_classifier(images, labels, steps=1)
    with pytest.raises(ValueError, match=r"labels hold \[2\]"):
        score_classifier(None, images, labels)


@pytest.mark.parametrize(
    ("recall", "said"), [(0.0, "as much as other real subjects"), (0.5, "many kinds")]
)
def test_nothing_of_nothing_is_no_loss_of_variety(recall, said):
    fake = {"coverage": Estimate(0.6, 0.5, 0.7), "recall": Estimate(0.0, 0.0, 0.0)}
    floor = fake | {"recall": Estimate(recall, recall, recall)}
    assert said in summary._variety(fake, floor)[0]


def test_a_finished_run_that_is_started_again_is_not_scored_twice(tmp_path):
    gan, log = GAN(*networks()), tmp_path / "scores.jsonl"
    gan.compile()
    images = np.zeros((8, 32, 32, 1), np.float32)
    for _ in range(3):
        again = Monitor(lambda _: {"score": 1.0}, "score", every=2, log=log)
        missing = 2 - int(gan.step.numpy())
        data = tf.data.Dataset.from_tensor_slices(images).batch(4).repeat().take(max(missing, 0))
        if missing:
            gan.fit(data, verbose=0, callbacks=[again])
        else:  # as `fit` does where its last epoch is behind it
            again.set_model(gan)
            again.on_train_begin()
            again.on_train_end()
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [2]


def test_mismatched_maps_work_with_a_critic_of_patches():
    maps = np.zeros((4, 32, 32), np.int32)
    maps[:2] = 1

    class Batch:
        labels, num_classes, real = tf.constant(maps), (2,), tf.zeros((4, 32, 32, 1))
        real_logits = tf.zeros((4, 8, 8, 1))
        loss = losses.get("non-saturating")

        def logits(self, images, labels):
            return tf.zeros((4, 8, 8, 1))

    values = Mismatch()(Batch(), [0, 1]).numpy()
    assert values.shape == (4,)
    np.testing.assert_allclose(values, np.log(4) * np.array([1, 0, 1, 0]), rtol=1e-5)


def test_a_segmenter_is_held_by_dice_unless_told_otherwise():
    model = Segmenter(unet_generator(32, widths=(8, 8), last="logits"), patch_discriminator(32))
    model.compile(adversarial_weight=0.0)
    assert [type(term) for term in model.terms] == [DiceCrossEntropy]


def test_shapes_pairs_and_the_endless_outlive_json(tmp_path):
    row = {"output": (64, 64, 1), "pair": (1, 2), "limit": np.inf, "found": Estimate(1, 0, 2)}
    saved = Table([row]).save(tmp_path / "new" / "table.json")
    [read] = json.loads(saved.read_text(), parse_constant=pytest.fail)["rows"]
    assert read["output"] == "(64, 64, 1)" and read["limit"] is None
    assert Table.from_plain_rows([read]).rows[0]["found"] == Estimate(1, 0, 2)


def test_only_whole_numbers_of_steps_are_divided():
    sizes = dict(rest_steps=(1, 2, 3), more_steps=None, inner={"steps": 900, "own_steps": 400})
    assert profiles._steps_divided(sizes, 100, {"inner": {"steps": 3}}) == {
        "rest_steps": (1, 2, 3),
        "more_steps": None,
        "inner": {"steps": 9, "own_steps": 4},
    }


@pytest.mark.parametrize(
    "generator",
    [
        lambda: map_generator(32, latent_dim=4, widths=(4, 4, 4), num_classes=5),
        lambda: dcgan_generator(32, latent_dim=4, widths=(4, 4, 4), num_classes=(2, 6)),
    ],
)
def test_half_precision_is_judged_on_labels_of_every_class(generator):
    generator = generator()
    latents, labels = asked_for(generator)
    most = np.atleast_1d(generator.architecture.arguments["num_classes"]) - 1
    assert np.array_equal(labels.reshape(-1, len(most)).max(axis=0), most) and labels.min() == 0
    assert generator.predict([latents, labels], verbose=0).shape == (64, 32, 32, 1)


def test_a_folder_of_another_recipe_is_not_gone_on_with(tmp_path):
    same_recipe(tmp_path, Recipe(widths=(8, 4)), 0)
    same_recipe(tmp_path, Recipe(widths=(8, 4)), 500)
    with pytest.raises(SystemExit, match="another recipe or --images"):
        same_recipe(tmp_path, Recipe(widths=(8, 4), decay_images=100), 500)
    same_recipe(tmp_path, Recipe(), 0)  # nothing was trained yet
