"""What a `LatentExplorer` is given: a generator, directions and classes that fit together."""

from collections.abc import Mapping, Sequence

import keras
import numpy as np


def check_generator(generator: keras.Model, choices: Mapping[str, Sequence[str]]) -> None:
    """Refuse a generator without inputs, of other channels, or that takes other labels."""
    if not getattr(generator, "inputs", None):
        raise ValueError(
            "the generator has no inputs: a model of your own class is given its shapes with "
            "z = keras.Input((latent_dim,)); keras.Model(z, generator(z))"
        )
    if generator.outputs[0].shape[-1] not in (1, 3):
        raise ValueError(
            f"the generator draws images {generator.outputs[0].shape[1:]}; one or three channels "
            "can be shown: keras.Model(generator.inputs, generator.output[..., :1])"
        )
    count = len(generator.inputs)
    if count > 1 and len(generator.inputs[1].shape) != 2:
        raise ValueError("the generator takes label maps, not labels: use PaintPad")
    if bool(choices) != (count > 1):
        raise ValueError(
            f"the generator has {count} input(s): pass num_classes or class_names for one with "
            "[z, labels], and neither for one with z alone"
        )
    architecture = getattr(generator, "architecture", None)
    known = architecture.arguments.get("num_classes") if architecture else None
    counts = [len(names) for names in choices.values()]
    if known is not None and np.atleast_1d(known).tolist() != counts:
        raise ValueError(f"the generator knows {known} classes of its labels, not {counts}")


def unit_rows(directions: np.ndarray, latent_dim: int) -> np.ndarray:
    """Return directions (n, latent_dim) scaled to length 1."""
    directions = np.asarray(directions, dtype=np.float32)
    if directions.ndim != 2 or directions.shape[1] != latent_dim:
        raise ValueError(
            f"directions must have shape (n, {latent_dim}) for this generator, "
            f"got {directions.shape}; a row is a direction"
        )
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise ValueError("a direction of length 0, or with NaN, leads nowhere; take that row out")
    return directions / lengths


def label_choices(
    num_classes: int | Sequence[int] | None,
    class_names: Sequence[str] | Mapping[str, Sequence[str]] | None,
) -> dict[str, Sequence[str]]:
    """The name of every label with the names of its classes, in the order of the labels."""
    if class_names is None:
        counts = [] if num_classes is None else np.atleast_1d(num_classes).tolist()
        heads = ["Class"] if len(counts) == 1 else [f"Label {k + 1}" for k in range(len(counts))]
        return {
            head: list(map(str, range(count))) for head, count in zip(heads, counts, strict=True)
        }
    choices = dict(class_names) if isinstance(class_names, Mapping) else {"Class": class_names}
    counts = [len(names) for names in choices.values()]
    if not all(counts):
        raise ValueError("class_names holds no name; leave it out for a generator without labels")
    if num_classes is not None and np.atleast_1d(num_classes).tolist() != counts:
        raise ValueError(f"class_names has {counts} names, but num_classes is {num_classes}")
    return choices
