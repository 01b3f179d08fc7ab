"""Move through a generator's latent space with sliders."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from html import escape

import ipywidgets as widgets
import numpy as np
import tensorflow as tf

from .controls import (
    announce,
    button,
    caption,
    control,
    picture,
    show,
    side_by_side,
    slider,
    status,
)
from .explorer_input import check_generator, label_choices, unit_rows

SLOW_SECONDS = 0.15  # above it a slider that follows the hand would queue up calls
REACH = 3.0  # standard deviations a slider goes either way
MOST_TRUNCATION = 1.5
LAST_SEED = 2**31 - 1


class LatentExplorer:
    """Sliders on latent directions, with the generator's picture beside them.

    Make it the last line of a cell to see it. The point shown is
    `z = truncation · ε(seed) + Σ sliderᵢ · directionᵢ`, where ε is standard normal and a
    direction is a unit vector, so that a slider counts standard deviations. Truncation below 1
    stays closer to the mean: safer pictures, less variety. (The truncation of Brock et al. 2019,
    arXiv:1809.11096, draws large entries of z anew instead.)
    SeFa directions are from Shen and Zhou 2021, arXiv:2007.06600.

    Args:
        generator: A model from z `(B, latent_dim)`, or from `[z, labels]` with integer labels
            `(B, n)`, to images `(B, H, W, 1 or 3)` in [−1, 1].
        directions: `(n, latent_dim)`, one row a slider, or a mapping from the slider's name to its
            row; rows are scaled to length 1.
        latent_dim: Read from the generator if left out.
        num_classes: Classes of a conditional generator, one number a label.
        class_names: Names for the dropdown; for several labels a mapping from the label's
            name to the names of its classes. Stands in for `num_classes`.
        truncation: Where its slider starts, 0 to 1.5.
        seed: Where the seed box starts.
        neighbour: Takes the sample `(H, W, C)` and returns an image of the same range to show
            beside it, for instance the nearest real one.
        size: The longer side of the picture in screen pixels.

    Attributes:
        sliders: One slider per direction; setting `sliders[0].value` moves the picture.
        truncation: Slider.
        seed: Number box.
        classes: One dropdown per label of a conditional generator.
        between: Slider from kept point A (0) to kept point B (1).
        seconds: Median time from a moved slider to a picture, as measured when it was made.

    Raises:
        ValueError: Directions, classes and generator do not fit together, truncation or seed is
            out of range, or the generator is a model without `inputs` or of other channels.
    """

    def __init__(
        self,
        generator: tf.keras.Model,
        directions: np.ndarray | Mapping[str, np.ndarray],
        *,
        latent_dim: int | None = None,
        num_classes: int | Sequence[int] | None = None,
        class_names: Sequence[str] | Mapping[str, Sequence[str]] | None = None,
        truncation: float = 0.7,
        seed: int = 0,
        neighbour: Callable[[np.ndarray], np.ndarray] | None = None,
        size: int = 384,
    ):
        self._choices = label_choices(num_classes, class_names)
        check_generator(generator, self._choices)
        latent_dim = latent_dim or generator.inputs[0].shape[-1]
        if not isinstance(directions, Mapping):
            directions = {f"Direction {k + 1}": row for k, row in enumerate(directions)}
        if not all(directions):
            raise ValueError("every direction needs a name for its slider; one is empty")
        self._directions = unit_rows(list(directions.values()), latent_dim)
        if not (0 <= truncation <= MOST_TRUNCATION and 0 <= seed <= LAST_SEED):
            raise ValueError(
                f"truncation={truncation} must lie between 0 and {MOST_TRUNCATION}, seed={seed} "
                f"between 0 and {LAST_SEED}"
            )
        self._generate = _compiled(generator, latent_dim, len(self._choices))
        self._neighbour = neighbour
        self._size = size
        self._kept: dict[str, np.ndarray] = {}
        self._interpolating = False
        self._make_controls(list(directions), truncation, seed)
        self._make_pictures()
        self.seconds = self._measure()
        self._connect(continuous=self.seconds <= SLOW_SECONDS)

    @property
    def z(self) -> np.ndarray:
        """The latent point shown, `(latent_dim,)` float32."""
        if self._interpolating:
            return slerp(self._kept["A"], self._kept["B"], self.between.value)
        noise = np.random.default_rng(self.seed.value).standard_normal(self._directions.shape[1])
        steps = np.array([one.value for one in self.sliders])
        return np.float32(self.truncation.value * noise + steps @ self._directions)

    @property
    def labels(self) -> tuple[int, ...]:
        """The class chosen in each dropdown; empty for an unconditional generator."""
        return tuple(dropdown.value for dropdown in self.classes)

    def image(self, z: np.ndarray | None = None) -> np.ndarray:
        """The picture at z, `(H, W, C)` float32 in [−1, 1]; at the point shown if left out."""
        z = self.z if z is None else np.asarray(z, dtype=np.float32)
        inputs = [z[None]] + ([np.array([self.labels], np.int32)] if self._choices else [])
        return self._generate(*map(tf.constant, inputs))[0].numpy()

    def frames(self, count: int = 7, direction: int = 0) -> np.ndarray:
        """Pictures along one direction, for a static figure: `plots.sample_grid(frames(7))`.

        Args:
            count: How many, with this direction's slider at −3 to +3 and all else as shown;
                between A and B, around the point shown.
            direction: Which row of the directions.

        Returns:
            `(count, H, W, C)` float32 in [−1, 1].
        """
        row = self._directions[direction]
        centre = self.z - (0 if self._interpolating else self.sliders[direction].value) * row
        return np.stack([self.image(centre + s * row) for s in np.linspace(-REACH, REACH, count)])

    def interpolate(self, count: int = 7) -> np.ndarray:
        """Pictures from kept point A to kept point B, `(count, H, W, C)` float32 in [−1, 1].

        All have the labels chosen now: labels have nothing between them.

        Raises:
            ValueError: A or B was not kept yet.
        """
        if set(self._kept) != {"A", "B"}:
            raise ValueError('keep two points first: keep("A"), move the sliders, keep("B")')
        points = (slerp(self._kept["A"], self._kept["B"], t) for t in np.linspace(0, 1, count))
        return np.stack([self.image(z) for z in points])

    def keep(self, name: str) -> None:
        """Remember the point z shown as "A" or "B", as its button does; labels stay as chosen."""
        if name not in ("A", "B"):
            raise ValueError(f'keep takes "A" or "B", got {name!r}')
        self._kept[name] = self.z
        self.between.disabled = len(self._kept) < 2
        # What was kept stays what is shown, and the slider stands at its end of the way.
        self.between.value = 0.0 if name == "A" else 1.0
        self._describe()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self._panel)

    def _make_controls(self, names: list[str], truncation: float, seed: int) -> None:
        self.sliders = [
            slider(
                name,
                f"Moves z along {name[0].lower()}{name[1:]}, in standard deviations",
                -REACH,
                REACH,
                0.1,
            )
            for name in names
        ]
        tip = "Scales the noise: 0 is the mean picture, 1 is what the generator was trained on"
        self.truncation = slider("Truncation", tip, 0.0, MOST_TRUNCATION, 0.05, truncation)
        self.seed = control(
            widgets.BoundedIntText,
            "Seed",
            "Another number is another picture",
            value=seed,
            max=LAST_SEED,
        )
        self.classes = [
            control(
                widgets.Dropdown,
                name,
                f"What the picture shall show: {name}",
                options=[(str(text), index) for index, text in enumerate(names)],
            )
            for name, names in self._choices.items()
        ]
        tip = "Goes from kept point A to kept point B; keep both first"
        self.between = slider("From A to B", tip, 0.0, 1.0, 0.05)
        self.between.disabled = True

    def _make_pictures(self) -> None:
        keep = [button(f"Keep {name}", f"Remember this point z as {name}") for name in "AB"]
        for one, name in zip(keep, "AB", strict=True):
            one.on_click(lambda _, name=name: self.keep(name))
        reset = button("Sliders to 0", "Set all directions back to 0")
        reset.on_click(lambda _: self._reset())
        self._status = status()
        self._sample = picture("The generator's picture at the sliders' position", self._size)
        views = [caption("Generated", self._sample)]
        if self._neighbour:
            self._near = picture("The image nearest to the generated one", self._size)
            views.append(caption("Nearest", self._near))
        buttons = widgets.HBox([*keep, reset])
        points = [*self.classes, *self.sliders, self.truncation, self.seed]
        left = widgets.VBox([*points, buttons, self.between, self._status])
        self._panel = side_by_side(left, side_by_side(*views))

    def _measure(self) -> float:
        """Draw the first picture, then time three more; the first one compiles."""
        self._draw()
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            self._draw()
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds)

    def _connect(self, continuous: bool) -> None:
        for one in (*self.sliders, self.truncation, self.between):
            one.continuous_update = continuous
        for source in (*self.sliders, self.truncation, self.seed):
            source.observe(lambda _: self._show(interpolating=False), "value")
        for dropdown in self.classes:
            dropdown.observe(lambda _: self._show(self._interpolating), "value")
        self.between.observe(lambda _: self._show(interpolating=len(self._kept) == 2), "value")

    def _show(self, interpolating: bool) -> None:
        self._interpolating = interpolating
        self._draw()

    def _reset(self) -> None:
        for one in self.sliders:
            one.value = 0.0
        self._show(interpolating=False)

    def _draw(self) -> None:
        image = self.image()
        show(self._sample, image, self._size)
        if self._neighbour:
            show(self._near, self._neighbour(image), self._size)
        self._describe()

    def _describe(self) -> None:
        kept = f"Kept: {' and '.join(sorted(self._kept))}." if self._kept else "Nothing kept yet."
        if self._interpolating:
            where = f"Between A and B, at {self.between.value:.2f}."
        else:
            where = f"‖z‖ = {np.linalg.norm(self.z):.1f}."
        announce(self._status, escape(f"{where} {kept}"))


def slerp(start: np.ndarray, end: np.ndarray, t: float) -> np.ndarray:
    """Go from `start` (t = 0) to `end` (t = 1) along an arc (Shoemake 1985).

    A straight line would cut through the middle of the sphere on which normal noise lies. The
    length changes linearly on the way; points in nearly the same or opposite direction, where no
    arc is defined, are joined by the line.
    """
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    if min(lengths) < 1e-6:
        return np.float32((1 - t) * start + t * end)
    a, b = start / lengths[0], end / lengths[1]
    angle = np.arccos(np.clip(a @ b, -1.0, 1.0))
    if np.sin(angle) < 1e-4:
        return np.float32((1 - t) * start + t * end)
    arc = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
    return np.float32(((1 - t) * lengths[0] + t * lengths[1]) * arc)


def _compiled(generator: tf.keras.Model, latent_dim: int, labels: int) -> Callable:
    """The generator as a graph for a batch of one; it follows later changes of the weights."""
    signature = [tf.TensorSpec((1, latent_dim), tf.float32)]
    if labels:
        signature.append(tf.TensorSpec((1, labels), tf.int32))

    @tf.function(input_signature=signature)
    def generate(*inputs):
        images = generator(list(inputs) if labels else inputs[0], training=False)
        return tf.cast(images, tf.float32)  # under mixed precision it is float16

    return generate
