"""What R1, the averaged generator and DiffAugment add to the time of a training step.

    python benchmarks/training_extras.py

The bare loop of `loops.py` with each extra alone, all together and none, timed in turn.
"""

import argparse
from pathlib import Path

from medgan_utils import profiles

profiles.quiet_tensorflow()

from benchmarks.loops import BATCH_SIZE, EVERY, IMAGE_SIZE, BareLoop, new_gan
from benchmarks.timing import interleaved, said, store, summary
from benchmarks.training_loop import random_slices

STEPS, ROUNDS = 20, 45
NONE = "no extras"
RESULT = Path(__file__).parent / "results" / "training_extras.json"


def loops() -> dict[str, BareLoop]:
    """Return name -> loop."""
    dataset = random_slices().to_dataset(BATCH_SIZE)
    plain, r1 = dict(r1=False, augment=False), dict(r1=True, augment=False)
    augment, both = dict(r1=False, augment=True), dict(r1=True, augment=True)
    return {
        NONE: BareLoop(new_gan(**plain), dataset, ema=False),
        f"R1 at every {EVERY}th step": BareLoop(new_gan(**r1), dataset, ema=False),
        "R1 at every step": BareLoop(new_gan(**r1), dataset, ema=False, r1_every=1),
        "averaged generator (EMA)": BareLoop(new_gan(**plain), dataset),
        "DiffAugment": BareLoop(new_gan(**augment), dataset, ema=False),
        f"all three, R1 at every {EVERY}th step": BareLoop(new_gan(**both), dataset),
    }


def main() -> None:
    """Run, print and record."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    rows = summary(interleaved(loops(), STEPS, ROUNDS), NONE, BATCH_SIZE)
    store(
        RESULT,
        rows,
        batch_size=BATCH_SIZE,
        image_size=IMAGE_SIZE,
        steps_per_round=STEPS,
        rounds=ROUNDS,
    )
    for row in rows:
        print(f"{row['run']}: {row['ms_per_step']} ms, {said(row['time_over_base'])} × {NONE}")


if __name__ == "__main__":
    main()
