"""Let a trained generator's air reach black: its output is stretched by 1 % and cut, no more.

    MEDGAN_REAL_DATA=folder python recipes/correct_black.py WEIGHTS [--publish]

`brain-mri-128` ends in tanh, which comes near black and leaves a grain where stored scans are
exactly 0. Its weights stay as the last leg left them; only what they pass through last changes
(`output="clipped-tanh"`). Training with that output was tried and was worse: see the README.
WEIGHTS is the folder of that leg's run. Without `--publish` both are only looked at on the
reference subjects.
"""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from recipes.corrected import command_line  # first: quiets TensorFlow

# isort: split
import keras

from medgan_utils.evaluation import appearance_table
from medgan_utils.evaluation.evaluate import RealSet
from medgan_utils.models import dcgan_generator
from recipes.projects import PROJECTS
from recipes.publish import SEEDS, Finished, publish
from recipes.recipe import build, scorer
from recipes.train_generator import WARMUP, trained

NAME = "brain-mri-128"
COMMANDS = (
    "`python recipes/correct_black.py {run} --publish`; before it `python"
    " recipes/train_generator.py {name} --images {images} --go-on runs/third-leg` (commit"
    " `ca19f69`), and before that `--images 200000 --go-on` (the third leg, commit `cbc9cbd`)"
)


def reaching_black(before: keras.Model) -> keras.Model:
    """Return a generator with an output that reaches both ends of the scale."""
    after = dcgan_generator(**before.architecture.arguments | {"output": "clipped-tanh"})
    after.set_weights(before.get_weights())
    return after


def last_leg(run: Path) -> tuple[int, int, float]:
    """Return images, steps and seconds of the training that left its run in a folder."""
    images = json.loads((run / "recipe.json").read_text(encoding="utf-8"))["decay_images"]
    last = (run / "scores.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    return images, json.loads(last)["step"], json.loads(last)["seconds"]


def main() -> int:
    """Run the command line."""
    asked = command_line(__doc__, "the folder of the run of its last leg")
    project = PROJECTS[NAME]
    images, steps, seconds = last_leg(Path(asked.weights))
    recipe = replace(project.recipe, decay_images=images, warmup_images=WARMUP)
    parts, gan = project.parts(), build(recipe)
    gan.step.assign(steps)
    reference, watch = parts["reference"], f"FD {project.encoder}"
    score, rows, looks = scorer(reference, project.encoder), [], {}
    before = trained(NAME, Path(asked.weights)).ema_generator
    for said, generator in (("before", before), ("after", reaching_black(before))):
        gan.ema_generator = generator
        rows.append({"step": steps, "seconds": seconds, **score(gan)})
        for seed in SEEDS:
            looks[f"{said}, seed {seed}"] = RealSet(gan.sample(len(reference), seed=seed), None)
    print(*rows, appearance_table(RealSet(reference.images, reference.subjects), looks), sep="\n")
    if asked.publish:
        chosen = [f"{key} {value}" for key, value in asdict(recipe).items() if key != "about"]
        facts = project.facts | {"batch_size": recipe.batch_size}
        facts |= {"command": COMMANDS.format(run=asked.weights, name=NAME, images=images)}
        facts |= {"recipe": ", ".join([*chosen, "output clipped-tanh"])}
        facts |= {"seeds": f"split 2026, training {recipe.seed}, samples 1, 2, 3"}
        weights = (
            f"the average at step {steps:,}, the end of a falling learning rate, its output cut"
        )
        done = Finished(gan, (), rows, watch, weights, facts, discriminator=False, flip=True)
        print(publish(NAME, done, parts, "test", project.encoder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
