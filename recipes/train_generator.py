"""Train a generator of `data/checkpoints`; resumes by itself after a stop.

    MEDGAN_REAL_DATA=folder python recipes/train_generator.py brain-mri-64
    python recipes/train_generator.py liver-phantom-64
    python recipes/train_generator.py liver-phantom-64 --publish

A recipe whose rate falls is trained to the end of its decay, in as many calls as it takes, each
with the same `--images` where the recipe's own number is too many for the machine. One of constant
rate is trained until the score on the reference split has not improved over three evaluations.
`--go-on` is a leg more for weights that are shipped already: G starts from them, D and both
optimisers anew, and the rate falls once again. `--go-on FOLDER` starts from the average of the run
in that folder instead: a leg that was not shipped by itself.
`--publish` opens the test split once and writes weights, card and the test images' features to
`data/checkpoints`. Cards made before this script name the one of their commit.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

from recipes.recipe import ROOT, build, scorer  # first: quiets TensorFlow

# isort: split
import keras
import numpy as np

from medgan_utils._files import written_whole
from medgan_utils.data import Slices
from medgan_utils.display import plots
from medgan_utils.models import load_generator
from medgan_utils.training import GAN, Monitor, ResumableCheckpoint, SampleGrid
from recipes.growth import grow
from recipes.projects import PROJECTS, Project, balanced
from recipes.publish import Finished, publish
from recipes.settings import MAPS, Recipe, conditions

EPOCH = 250
WARMUP = 20_000  # images in which a trained G meets a new D


class Budget(keras.callbacks.Callback):
    """Stops after so many minutes, and says where the run stands."""

    def __init__(self, minutes: float):
        super().__init__()
        self.end = time.perf_counter() + 60 * minutes

    def on_epoch_end(self, epoch, logs=None):
        """Print one line; stop when the time is up."""
        numbers = ", ".join(f"{name} {value:.3f}" for name, value in (logs or {}).items())
        print(f"step {int(self.model.step.numpy())}: {numbers}", flush=True)
        if time.perf_counter() > self.end:
            self.model.stop_training = True


def train(
    gan: GAN,
    project: Project,
    parts: dict[str, Slices],
    monitor: Monitor,
    folder: Path,
    minutes: float,
    first: list[np.ndarray] | None = None,
) -> None:
    """Train until budget, rate or improvement end; go on where the last call stopped.

    G starts from the weights `first`, where they are given.
    """
    recipe, names = project.recipe, project.names
    keeper = ResumableCheckpoint(folder / "state", every=monitor.every)
    start = keeper.restore(gan)
    same_recipe(folder, recipe, start)
    if not start and first:
        gan.generator.set_weights(first)
        gan.ema_generator.set_weights(first)
    elif not start and project.grown_from:
        print("grown:", ", ".join(grow(gan, trained(project.grown_from))), flush=True)
    labels = conditions(parts["reference"].select(slice(64)), names)
    grid = SampleGrid(
        gan.latents(64), plots.grid_png, monitor.every, folder / "grids", labels=labels
    )
    asked = {"masks": True} if names == MAPS else {"label": names or None}
    gan.fit(
        balanced(parts["train"], project.balance).to_dataset(
            recipe.batch_size, seed=recipe.seed, start_step=start, flip=project.flip, **asked
        ),
        steps_per_epoch=EPOCH,
        epochs=-(-recipe.steps // EPOCH) if recipe.steps else 10**6,
        initial_epoch=start // EPOCH,
        verbose=0,
        callbacks=[grid, monitor, keeper, Budget(minutes)],
    )


def same_recipe(folder: Path, recipe: Recipe, start: int) -> None:
    """Write down what a run is trained by, or end where its folder holds another recipe's run."""
    note, said = folder / "recipe.json", json.loads(json.dumps(asdict(recipe)))
    if start and note.is_file() and json.loads(note.read_text(encoding="utf-8")) != said:
        sys.exit(f"{folder} was trained by another recipe or --images: pass the same, or move it")
    with written_whole(note) as unfinished:
        unfinished.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def trained(name: str, folder: Path | None = None) -> GAN:
    """Return a project's GAN as its run left it, or the run in a folder; or end with what to do."""
    project, folder = PROJECTS[name], folder or ROOT / "runs" / name
    gan = build(project.recipe, project.num_classes, project.names)
    if not ResumableCheckpoint(folder / "state").restore(gan):
        sys.exit(f"{folder} holds no training: python recipes/train_generator.py {name} first")
    return gan


def weights_to_go_on_from(name: str, run: str) -> list[np.ndarray]:
    """Return G's averaged weights of the run in a folder, or the shipped ones if `run` is empty."""
    if run:
        return trained(name, Path(run)).ema_generator.get_weights()
    return load_generator(name).get_weights()


def finished(gan: GAN, project: Project, folder: Path, facts: dict, watch: str) -> Finished:
    """Load what a run ends with, or its best weights, and what is known of it."""
    recipe = project.recipe
    same_recipe(folder, recipe, ResumableCheckpoint(folder / "state").restore(gan))
    if not recipe.steps:
        gan.ema_generator.load_weights(folder / "best.weights.h5")
    lines = (folder / "scores.jsonl").read_text(encoding="utf-8").splitlines()
    chosen = ", ".join(f"{key} {value}" for key, value in asdict(recipe).items() if key != "about")
    facts = facts | {"recipe": chosen, "batch_size": recipe.batch_size}
    facts |= {"seeds": f"split 2026, training {recipe.seed}, samples 1, 2, 3"}
    rows = [json.loads(line) for line in lines]
    weights = which_weights(int(gan.step.numpy()), recipe.steps, rows, watch)
    return Finished(gan, project.names, rows, watch, weights, facts, flip=project.flip)


def which_weights(step: int, steps: int, rows: list[dict], watch: str) -> str:
    """Return, as half a sentence, which weights are published.

    Args:
        step: Where the training stands.
        steps: Steps until the rate has fallen to its end; 0 for a constant rate, where the best
            score chooses.
        rows: Rows of the monitor.
        watch: The score that it watched.
    """
    if not steps:
        best = min(rows, key=lambda row: row[watch])["step"]
        return f"the weights are those of the best score on the reference subjects (step {best:,})"
    where = "the end of" if step >= steps else f"before step {steps:,}, the end of"
    return f"the weights are the average at step {step:,}, {where} a falling learning rate"


def as_asked(arguments: argparse.Namespace) -> tuple[Project, str]:
    """Return the project by the command line, and the options that changed it."""
    project, options = PROJECTS[arguments.name], ""
    if arguments.images:
        options += f" --images {arguments.images}"
        project = replace(project, recipe=replace(project.recipe, decay_images=arguments.images))
    if arguments.go_on is not None:
        options += f" --go-on {arguments.go_on}".rstrip()
        recipe = replace(project.recipe, warmup_images=WARMUP)
        project = replace(project, recipe=recipe, grown_from=None)
    return project, options


def command_of(name: str, project: Project, options: str) -> str:
    """Return how a card says that its weights were made."""
    command = f"`python recipes/train_generator.py {name}{options}`, then `--publish`"
    if project.grown_from:
        folder, usual = ROOT / "runs" / project.grown_from, PROJECTS[project.grown_from].recipe
        images = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))["decay_images"]
        other = f" --images {images}" if images != usual.decay_images else ""
        command += f"; before it `python recipes/train_generator.py {project.grown_from}{other}`"
        log = folder / "scores.jsonl"
        start = json.loads(log.read_text(encoding="utf-8").splitlines()[-1])
        command += f" ({start['step']:,} steps, {start['seconds']:,.0f} s)"
    return command


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("name", choices=list(PROJECTS))
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--images", type=int, help="seen when the rate has fallen to its end")
    parser.add_argument(
        "--go-on",
        nargs="?",
        const="",
        metavar="FOLDER",
        help="a leg more, from shipped weights or from the run in a folder",
    )
    parser.add_argument("--every", type=int, default=1500, help="steps between two scores")
    parser.add_argument("--patience", type=int, default=3, help="scores without a new best")
    parser.add_argument("--publish", action="store_true", help="open the test split; write all")
    arguments = parser.parse_args()
    name, (project, options) = arguments.name, as_asked(arguments)
    folder, watch = ROOT / "runs" / name, f"FD {project.encoder}"
    parts, gan = project.parts(), build(project.recipe, project.num_classes, project.names)
    if arguments.publish:
        facts = project.facts | {"command": command_of(name, project, options)}
        run = finished(gan, project, folder, facts, watch)
        print(publish(name, run, parts, "test", project.encoder))
        return 0
    monitor = Monitor(
        scorer(parts["reference"], project.encoder, project.names),
        watch,
        arguments.every,
        None if project.recipe.steps else arguments.patience,
        log=folder / "scores.jsonl",
        best=folder / "best.weights.h5",
    )
    going_on = arguments.go_on is not None
    first = weights_to_go_on_from(name, arguments.go_on) if going_on else None
    train(gan, project, parts, monitor, folder, arguments.minutes, first)
    return 0


if __name__ == "__main__":
    sys.exit(main())
