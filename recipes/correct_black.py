"""Let a trained generator's air reach black: its output is stretched by 1 % and cut, no more.

    MEDGAN_REAL_DATA=folder python recipes/correct_black.py WEIGHTS [--publish]

`brain-mri-128` ends in tanh, which comes near black and leaves a grain where stored scans are
exactly 0. Its weights stay as the last leg left them; only what they pass through last changes
(`output="clipped-tanh"`). Training with that output was tried and was worse: see the README.
WEIGHTS is the folder of that leg's run, or the path of a checkpoint without suffix. Without
`--publish` both are only looked at on the reference subjects.
"""

import sys
from dataclasses import asdict, replace
from pathlib import Path

from recipes.corrected import command_line  # first: quiets TensorFlow

# isort: split
import keras

from medgan_utils.evaluation import appearance_table
from medgan_utils.evaluation.evaluate import RealSet
from medgan_utils.models import dcgan_generator, load_generator
from recipes.projects import PROJECTS
from recipes.publish import SEEDS, Finished, publish
from recipes.recipe import build, scorer
from recipes.train_generator import WARMUP, trained

NAME = "brain-mri-128"
IMAGES, STEPS, SECONDS = 350_000, 11_000, 6_102.0  # of the last leg, which made the weights
COMMANDS = (
    f"`python recipes/correct_black.py runs/{NAME} --publish`; before it `python"
    f" recipes/train_generator.py {NAME} --images {IMAGES} --go-on runs/third-leg` (commit"
    " `ca19f69`), and before that `--images 200000 --go-on` (the third leg, commit `cbc9cbd`)"
)


def as_trained(weights: str) -> keras.Model:
    """Return the averaged generator of a run's folder, or that of a checkpoint."""
    if (Path(weights) / "state").is_dir():
        return trained(NAME, Path(weights)).ema_generator
    return load_generator(weights)


def reaching_black(weights: str) -> keras.Model:
    """Return the generator of a checkpoint with an output that reaches both ends of the scale."""
    before = as_trained(weights)
    after = dcgan_generator(**before.architecture.arguments | {"output": "clipped-tanh"})
    after.set_weights(before.get_weights())
    return after


def main() -> int:
    """Run the command line."""
    asked = command_line(__doc__)
    project = PROJECTS[NAME]
    recipe = replace(project.recipe, decay_images=IMAGES, warmup_images=WARMUP)
    parts, gan = project.parts(), build(recipe)
    gan.step.assign(STEPS)
    reference, watch = parts["reference"], f"FD {project.encoder}"
    score, rows, looks = scorer(reference, project.encoder), [], {}
    for said, made in (("before", as_trained), ("after", reaching_black)):
        gan.ema_generator = made(asked.weights)
        rows.append({"step": STEPS, "seconds": SECONDS, **score(gan)})
        for seed in SEEDS:
            looks[f"{said}, seed {seed}"] = RealSet(gan.sample(len(reference), seed=seed), None)
    print(*rows, appearance_table(RealSet(reference.images, reference.subjects), looks), sep="\n")
    if asked.publish:
        chosen = [f"{key} {value}" for key, value in asdict(recipe).items() if key != "about"]
        facts = project.facts | {"batch_size": recipe.batch_size, "command": COMMANDS}
        facts |= {"recipe": ", ".join([*chosen, "output clipped-tanh"])}
        facts |= {"seeds": f"split 2026, training {recipe.seed}, samples 1, 2, 3"}
        weights = (
            f"the average at step {STEPS:,}, the end of a falling learning rate, its output cut"
        )
        done = Finished(gan, (), rows, watch, weights, facts, discriminator=False, flip=True)
        print(publish(NAME, done, parts, "test", project.encoder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
