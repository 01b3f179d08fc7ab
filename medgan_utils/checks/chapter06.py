"""Checks of chapter 6: the Dirac-GAN's eigenvalues, D's step, and five sick training steps."""

from collections.abc import Callable

import numpy as np

from .exercise import exercise, one_number, require

# Which fault each patient of the bug hunt has. Students find it from the charts.
WARD = {
    "A": "sigmoid twice",
    "B": "shared optimiser",
    "C": "batch norm in the wrong mode",
    "D": "detached generator",
    "E": "flipped labels",
}

# What the charts would show if a guess were right.
WOULD_SHOW = {
    "detached generator": "G's weights would not move at all, in either step",
    "shared optimiser": "G's weights would move in D's step too",
    "flipped labels": "D would call real images fake: D(real) near 0 and D(fake) near 1",
    "sigmoid twice": "no probability of D would ever leave the range 0.50 to 0.73",
    "batch norm in the wrong mode": "the two curves of D(fake) would disagree within a step",
}


@exercise("6.1 Where does the turning stop?", hint="λ² + γλ + ¼ = 0: when is the root real?")
def critical_gamma(answer: float) -> None:
    """Require the γ of critical damping, 1."""
    answer = one_number(answer)
    discriminant = answer**2 / 4 - 0.25
    if discriminant < -1e-4:
        require(False, f"at γ = {answer} the eigenvalues are still complex, so the path turns.")
    require(discriminant < 1e-4, f"γ = {answer} does not turn, but a smaller γ would do.")
    require(answer > 0, "γ is the strength of a penalty and positive.")


@exercise(
    "6.2 How fast, with several steps of D?",
    hint="Multiply matrices: D's steps on the right, since they come first, then G's step.",
)
def alternating_radius(function: Callable[[float, float, int], float]) -> None:
    """Require max |λ| of k steps of D and one of G, at several rates and strengths."""
    settings = ((0.2, 0.0), (0.5, 0.5), (2.0, 0.3), (1.0, 1.5), (2.0, 1.5), (3.0, 1.5))
    for rate, gamma in settings:  # in the last two the largest |λ| is of a negative λ
        for steps in (1, 2, 5):
            found = one_number(function(rate, gamma, steps))
            _require_radius(found, rate, gamma, steps)


def _require_radius(found: float, rate: float, gamma: float, steps: int) -> None:
    here = f"at rate {rate}, γ = {gamma} and {steps} steps of D"
    expected = _radius(rate, gamma, steps)
    if abs(found - expected) < 1e-5 * max(1, expected):
        return
    if steps == 1 and abs(found - _radius(rate, gamma, 1, alternating=False)) < 1e-6:
        require(False, "this is the eigenvalue of *simultaneous* steps: G must see the new D.")
    if steps > 1 and abs(found - _radius(rate, gamma, 1)) < 1e-6:
        require(False, f"{here} it returns what one step of D gives.")
    require(False, f"{here} it returns {found:.5f}, expected {expected:.5f}.")


def _radius(rate: float, gamma: float, steps: int, alternating: bool = True) -> float:
    step_d = np.array([[1, 0], [-rate / 2, 1 - rate * gamma]])
    step_g = np.array([[1, rate / 2], [0, 1]])
    steps_d = np.linalg.matrix_power(step_d, steps)
    step = step_g @ steps_d if alternating else step_g + steps_d - np.eye(2)
    return float(max(abs(np.linalg.eigvals(step))))


@exercise(
    "6.3 D's step, healthy",
    hint="Lines 4 to 9 of the table: stop the gradient, use logits, real = 1 and fake = 0, "
    "apply to D's weights only.",
)
def discriminator_step(function: Callable) -> None:
    """Require one update of D that is right in loss, direction, mode and reach."""
    import keras

    generator, discriminator, real, z = _tiny_networks()
    fake = keras.ops.convert_to_numpy(generator(z, training=True))
    norm = generator.layers[1]
    old_mean = keras.ops.convert_to_numpy(norm.moving_mean).copy()
    logits = [keras.ops.convert_to_numpy(discriminator(x)) for x in (real, fake)]
    before = {"G": _values(generator), "D": _values(discriminator)}
    loss = function(generator, discriminator, keras.optimizers.SGD(0.1), real, z)

    require(loss is not None, "return the loss.")
    require(np.size(loss) == 1, f"the loss has shape {np.shape(loss)}; average over the batch.")
    require(
        not np.array_equal(old_mean, keras.ops.convert_to_numpy(norm.moving_mean)),
        "G's batch normalisation was not in training mode: call generator(z, training=True).",
    )
    _require_loss(float(loss), *logits)
    require(
        all(np.array_equal(a, b) for a, b in zip(before["G"], _values(generator), strict=True)),
        "the generator's weights moved in D's step.",
    )
    _require_descent(before["D"], _values(discriminator), np.asarray(real), fake, *logits)
    for weight in discriminator.trainable_variables:
        weight.assign(weight * 1000)  # a D that is very sure
    sure = _loss(*(keras.ops.convert_to_numpy(discriminator(x)) for x in (real, fake)))
    loss = function(generator, discriminator, keras.optimizers.SGD(0.1), real, z)
    require(
        bool(np.isfinite(float(loss))),
        "the loss of a D that is very sure is not finite: take it from logits, not from log σ.",
    )
    require(
        bool(np.isclose(float(loss), sure, rtol=1e-3)),
        f"D is very sure and partly wrong: its loss is {sure:.0f}, not {float(loss):.1f}. "
        "A clipped probability hides that, and teaches nothing: take the loss from logits.",
    )


def _tiny_networks() -> tuple:
    """A generator with batch norm, a linear discriminator, a real batch and noise."""
    import keras

    layers = keras.layers
    generator = keras.Sequential(
        [keras.Input((2,)), layers.Dense(3), layers.BatchNormalization(), layers.Dense(2)]
    )
    discriminator = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    rng = np.random.default_rng(6)
    for model in (generator, discriminator):
        for weight in model.trainable_variables:
            weight.assign(rng.normal(size=weight.shape))
    real, z = rng.normal(size=(2, 16, 2)).astype("float32")
    return generator, discriminator, keras.ops.convert_to_tensor(real + 2), z


def _values(model) -> list[np.ndarray]:
    return [np.array(weight.numpy()) for weight in model.trainable_variables]


def _loss(real: np.ndarray, fake: np.ndarray) -> float:
    """D's loss on logits."""
    return float(np.mean(np.logaddexp(0, -real) + np.logaddexp(0, fake)))


def _require_loss(loss: float, real_logits: np.ndarray, fake_logits: np.ndarray) -> None:
    def squashed(logits):
        return 1 / (1 + np.exp(-logits))

    close = lambda other: abs(loss - other) < 1e-3  # noqa: E731
    require(not close(_loss(fake_logits, real_logits)), "labels are flipped: real is 1, fake is 0.")
    require(
        not close(_loss(squashed(real_logits), squashed(fake_logits))),
        "a sigmoid too many: the discriminator returns logits already.",
    )
    expected = _loss(real_logits, fake_logits)
    require(close(expected), f"the loss is {loss:.4f}, expected {expected:.4f}.")


def _require_descent(before, after, real, fake, real_logits, fake_logits) -> None:
    """Require that D's weights moved by −0.1 × the gradient of its loss."""
    wrong_real, wrong_fake = -1 / (1 + np.exp(real_logits)), 1 / (1 + np.exp(-fake_logits))
    kernel = (real.T @ wrong_real + fake.T @ wrong_fake) / len(real)
    moved = after[0] - before[0]
    require(bool(np.any(moved)), "the discriminator's weights did not move: apply the gradients.")
    require(
        np.allclose(moved, -0.1 * kernel, atol=1e-4),
        "the discriminator moved, but not down the gradient of its loss.",
    )
    bias = (wrong_real + wrong_fake).mean()
    require(
        np.allclose(after[1] - before[1], -0.1 * bias, atol=1e-4),
        "the discriminator's bias did not move down its gradient: apply all its weights.",
    )


@exercise("6.4 Ward round", hint="Go through the five questions above the charts, one by one.")
def diagnosis(patient: str, answer: str) -> None:
    """Require the patient's fault; a wrong guess is told what it would have shown."""
    require(patient in WARD, f"there is no patient {patient!r}; they are {', '.join(WARD)}.")
    require(isinstance(answer, str), f"write one name as text, not {answer!r}.")
    require(answer in WOULD_SHOW, f"{answer!r} is none of {', '.join(WOULD_SHOW)}.")
    require(
        answer == WARD[patient],
        f"patient {patient} does not have '{answer}': then {WOULD_SHOW[answer]}.",
    )
