"""Let a trained generator's air reach black: its output is stretched by 1 % and cut, no more.

    MEDGAN_REAL_DATA=folder python recipes/correct_black.py WEIGHTS [--publish]

`brain-mri-128` ends in tanh, which comes near black and leaves a grain where stored scans are
exactly 0. Its weights stay as the second leg left them; only what they pass through last changes
(`output="clipped-tanh"`). Training with that output was tried in a third leg and was worse: see
the README. Without `--publish` both are only looked at on the reference subjects.
"""

import sys
from dataclasses import asdict, replace

from recipes.corrected import command_line  # first: quiets TensorFlow

# isort: split
import keras

from medgan_utils.evaluation import appearance_table
from medgan_utils.evaluation.evaluate import RealSet
from medgan_utils.models import dcgan_generator, load_generator
from recipes.projects import PROJECTS
from recipes.publish import SEEDS, Finished, publish
from recipes.recipe import build, scorer
from recipes.train_generator import WARMUP

NAME = "brain-mri-128"
STEPS, SECONDS = 9_500, 8_240.0  # of the second leg, which made the weights
COMMANDS = (
    "`python recipes/correct_black.py` with the weights of commit `c8d9fb6`, then `--publish`;"
    f" before it `python recipes/train_generator.py {NAME} --images 300000 --go-on` (commit"
    " `e6b506c`)"
)


def reaching_black(weights: str) -> keras.Model:
    """Return the generator of a checkpoint with an output that reaches both ends of the scale."""
    before = load_generator(weights)
    after = dcgan_generator(**before.architecture.arguments | {"output": "clipped-tanh"})
    after.set_weights(before.get_weights())
    return after


def main() -> int:
    """Run the command line."""
    asked = command_line(__doc__)
    project = PROJECTS[NAME]
    recipe = replace(project.recipe, decay_images=300_000, warmup_images=WARMUP)
    parts, gan = project.parts(), build(recipe)
    gan.step.assign(STEPS)
    reference, watch = parts["reference"], f"FD {project.encoder}"
    score, rows, looks = scorer(reference, project.encoder), [], {}
    for said, made in (("before", load_generator), ("after", reaching_black)):
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
