"""What the corrections of a trained generator share: their command line, their rate, their scores.

A correction moves G alone, for some hundred steps, by what its pictures should lose and by their
distance from what it drew before: `correct_painter.py`, `correct_grid.py`.
"""

import argparse
import json
import time
from collections.abc import Callable

from recipes.recipe import ROOT, build, scorer  # first: quiets TensorFlow

# isort: split
import keras

from medgan_utils.data import Slices
from medgan_utils.models import load_generator
from medgan_utils.training import GAN
from recipes.projects import PROJECTS
from recipes.publish import Finished, publish

Correct = Callable[[str, dict[str, Slices]], tuple[keras.Model, dict]]
"""From the path of weights and the parts to a generator and what its last step measured."""


def falling_adam(rate: float, steps: int) -> keras.optimizers.Adam:
    """Return an optimiser whose rate falls to 2 % over so many steps."""
    schedule = keras.optimizers.schedules.CosineDecay(rate, steps, alpha=0.02)
    return keras.optimizers.Adam(schedule, beta_1=0.5, beta_2=0.99)


def command_line(
    about: str, weights: str = "as its GAN left them, their path without suffix"
) -> argparse.Namespace:
    """Read which weights are to be corrected, and whether the result is published."""
    parser = argparse.ArgumentParser(description=about.split("\n", 1)[0])
    parser.add_argument("weights", help=weights)
    parser.add_argument("--publish", action="store_true", help="open the test split; write all")
    return parser.parse_args()


def run(
    name: str,
    steps: int,
    asked: argparse.Namespace,
    correct: Correct,
    measure: Callable[[GAN, dict[str, Slices]], dict[str, float]],
    card_facts: Callable[[list[dict]], dict],
) -> None:
    """Correct a checkpoint's weights, score both on the reference subjects, and perhaps publish.

    Args:
        name: Of the checkpoint.
        steps: That `correct` takes.
        asked: Of `command_line`.
        correct: The correction; not run again where `runs/` has its result.
        measure: From a GAN and the parts to more scores than the usual ones.
        card_facts: From the rows of both to what the card says of the correction.
    """
    project, kept = PROJECTS[name], ROOT / "runs" / f"{name}-corrected.weights.h5"
    parts, gan = project.parts(), build(project.recipe, project.num_classes, project.names)
    score = scorer(parts["reference"], project.encoder, project.names)
    gan.ema_generator.set_weights(load_generator(asked.weights).get_weights())
    rows = [{"step": 0, "seconds": 0.0, **score(gan), **measure(gan, parts)}]
    if not kept.exists():
        started = time.perf_counter()
        generator, means = correct(asked.weights, parts)
        kept.parent.mkdir(parents=True, exist_ok=True)
        generator.save_weights(kept)
        said = means | {"seconds": time.perf_counter() - started}
        kept.with_suffix(".json").write_text(json.dumps(said) + "\n", encoding="utf-8")
    said = json.loads(kept.with_suffix(".json").read_text(encoding="utf-8"))
    gan.ema_generator.load_weights(kept)
    gan.step.assign(steps)
    rows.append({"step": steps, "seconds": said["seconds"], **score(gan), **measure(gan, parts)})
    print(said, *rows, sep="\n")
    if asked.publish:
        weights = "the weights of the last step, the end of a falling learning rate"
        facts, watch = project.facts | card_facts(rows), f"FD {project.encoder}"
        done = Finished(
            gan, project.names, rows, watch, weights, facts, discriminator=False, flip=project.flip
        )
        print(publish(name, done, parts, "test", project.encoder))
