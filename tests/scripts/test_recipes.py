"""How a checkpoint is published: what its card says is what was measured."""

from functools import partial

import keras
import numpy as np
import pytest

from medgan_utils.data import Slices
from medgan_utils.evaluation import ReferenceFeatures
from medgan_utils.models import dcgan_generator, load_generator, map_generator
from medgan_utils.training import ResumableCheckpoint
from recipes import publish, train_generator
from recipes.growth import grow
from recipes.publish import asked_for
from recipes.recipe import build
from recipes.settings import Recipe, adam
from recipes.train_generator import same_recipe

ROWS = [{"step": 1500, "FD": 3.0, "seconds": 9.4}, {"step": 3000, "FD": 4.0, "seconds": 19.2}]


@pytest.mark.parametrize(
    ("step", "steps", "said"),
    [
        (3000, 0, "those of the best score on the reference subjects (step 1,500)"),
        (3000, 3000, "the average at step 3,000, the end of a falling learning rate"),
        (3000, 62_500, "the average at step 3,000, before step 62,500, the end of a falling"),
    ],
)
def test_the_card_says_which_weights(step, steps, said):
    assert said in train_generator.which_weights(step, steps, ROWS, "FD")


def test_a_leg_goes_on_from_shipped_weights_or_from_another_leg(tmp_path):
    name = "brain-mri-64"
    leg = build(train_generator.PROJECTS[name].recipe)
    moved = [0.5 * weights for weights in leg.generator.get_weights()]
    leg.ema_generator.set_weights(moved)
    leg.step.assign(3)
    keeper = ResumableCheckpoint(tmp_path / "state")
    keeper.set_model(leg)
    keeper.act(3)
    said = train_generator.weights_to_go_on_from(name, str(tmp_path))
    assert all(np.array_equal(*pair) for pair in zip(said, moved, strict=True))
    said = train_generator.weights_to_go_on_from(name, "")
    shipped = load_generator(name).get_weights()
    assert all(np.array_equal(*pair) for pair in zip(said, shipped, strict=True))
    with pytest.raises(SystemExit, match="holds no training"):
        train_generator.weights_to_go_on_from(name, str(tmp_path / "none"))


@pytest.fixture
def parts():
    """Three parts of noise with different levels, 4 subjects of 4 slices each."""
    random = np.random.default_rng(0)
    made = {}
    for part in ("train", "reference", "test"):
        subjects = np.repeat([f"{part}-{k}" for k in range(4)], 4)
        levels = np.repeat(random.uniform(-1, 1, (4, 1, 1, 1)), 4, axis=0)
        images = levels + 0.2 * random.normal(size=(16, 64, 64, 1))
        images = np.clip(images, -1, 1).astype(np.float32)
        labels = {"sex": np.arange(16) // 8, "age": np.full(16, 50.0)}
        made[part] = Slices(images, subjects, np.zeros(16, np.float32), labels=labels)
    return made


def test_what_is_published_can_be_scored_against(parts, tmp_path, monkeypatch):
    monkeypatch.setattr(publish, "checkpoints_folder", lambda: tmp_path)
    monkeypatch.setattr(publish, "evaluate", partial(publish.evaluate, repeats=4))
    judge_table = publish.judge_table  # asked about the floor and the last set only, to be quick
    monkeypatch.setattr(
        publish,
        "judge_table",
        lambda training, held_out, sets: judge_table(
            training, held_out, {k: sets[k] for k in (publish.FLOOR, [*sets][-1])}, (0,), epochs=1
        ),
    )
    facts = dict(data="noise", licence="CC0", about="Noise.", recipe="none", batch_size=4)
    facts |= dict(command="`none`", seeds="0")
    gan = build(Recipe(widths=(4, 4, 4, 4)))
    finished = publish.Finished(gan, (), ROWS, "FD", "the weights are new", facts)
    path = publish.publish("noise-64", finished, parts, "test", "brain-encoder-64")
    assert path == tmp_path / "noise-64"
    card = (tmp_path / "noise-64.md").read_text(encoding="utf-8")
    assert "shared\n  with other work; the weights are new.\n" in card
    assert "- Distance to the real images" in card and "- Next: " in card
    assert "- A judge, a small network (AUC " in card
    assert "| generated, 32 images | " in card
    assert "grey–white contrast" in card and "| noise-64, seed 3 | " in card
    assert "women: floor: other real subjects" in card and "test-3" in card
    reference = ReferenceFeatures.load(tmp_path / "noise-64.reference.npz")
    assert len(reference) == 16 and reference.landmarks[0]["set"] == publish.FLOOR
    assert "generated" not in {row["set"] for row in reference.landmarks}


def test_a_network_at_128_pixels_is_made_by_its_recipe():
    gan = build(Recipe(image_size=128, widths=(4, 4, 4, 4, 4), subpixel=True))
    assert gan.sample(2).shape == (2, 128, 128, 1)


def test_a_larger_gan_grows_from_a_smaller_one():
    smaller = build(Recipe(image_size=64, widths=(6, 5, 4, 3), subpixel=True))
    larger = build(Recipe(image_size=128, widths=(6, 5, 4, 3, 2), subpixel=True, seed=1))
    new = larger.generator.get_layer("up_64").get_weights()
    copied = grow(larger, smaller)
    assert {"project", "up_32", "down_8", "score"} <= set(copied)
    assert not {"up_64", "to_subpixels", "down_64", "down_32"} & set(copied)
    for network in ("generator", "ema_generator"):
        grown = getattr(larger, network).get_layer("up_32").get_weights()
        np.testing.assert_array_equal(
            grown[0], smaller.ema_generator.get_layer("up_32").get_weights()[0]
        )
    np.testing.assert_array_equal(larger.generator.get_layer("up_64").get_weights()[0], new[0])
    with pytest.raises(ValueError, match="no layer of generator fits"):
        grow(larger, build(Recipe(widths=(2, 2, 2, 2))))


def test_the_rate_of_a_trained_generator_rises_before_a_new_discriminator():
    recipe = Recipe(rate=1e-3, batch_size=10, decay_images=1000)
    falling, rising = adam(recipe), adam(recipe, warmup_images=200)
    rates = [[float(of._learning_rate(step)) for step in (0, 10, 20, 100)]
             for of in (falling, rising)]  # fmt: skip
    assert rates[0] == pytest.approx([1e-3, 9.76e-4, 9.06e-4, 2e-5], rel=1e-2)
    assert rates[1] == pytest.approx([0, 5e-4, 1e-3, 2e-5], rel=1e-2, abs=1e-9)


@pytest.mark.parametrize(("strength", "bits"), [(1, 16), (3000, 32)])
def test_weights_are_kept_in_16_bits_only_where_the_pictures_stay_the_same(
    tmp_path, strength, bits
):
    keras.utils.set_random_seed(0)
    generator = dcgan_generator(32, latent_dim=8, widths=(8, 8, 8))
    last = generator.trainable_variables[-2]
    last.assign(strength * last)
    path = publish.save(generator, tmp_path / "mine", "# Card")
    z = np.random.default_rng(0).normal(size=(16, 8)).astype("float32")
    again = load_generator(path).predict(z, verbose=0)
    assert np.abs(again - generator.predict(z, verbose=0)).max() <= 2 / 255
    kept = [w for w in load_generator(path).weights if w.path.endswith("kernel")]
    halves = all((w.numpy() == w.numpy().astype("float16")).all() for w in kept)
    assert halves == (bits == 16)


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
