"""Chapter 05: the right answer passes, the stub and plausible wrong answers do not."""

import numpy as np
import pytest
from scipy.special import rel_entr

from medgan_utils.checks import chapter05


def jsd(p, q):
    middle = (p + q) / 2
    return 0.5 * rel_entr(p, middle).sum() + 0.5 * rel_entr(q, middle).sum()


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def from_probabilities(real, fake):
    d_real, d_fake = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    return -np.log(d_real) - np.log(1 - d_fake)


def from_clipped_probabilities(real, fake):
    d_real = np.clip(1 / (1 + np.exp(-real)), 1e-7, 1 - 1e-7)
    d_fake = np.clip(1 / (1 + np.exp(-fake)), 1e-7, 1 - 1e-7)
    return -np.log(d_real) - np.log(1 - d_fake)


def straight_from_three_on(real, fake):
    terms = (np.where(t > 3, t, np.log1p(np.exp(np.minimum(t, 3)))) for t in (-real, fake))
    return sum(terms)


def sorts_in_place(a, b):
    a.sort()
    b.sort()
    return np.mean(np.abs(a - b))


def only_common_bins(p, q):
    common = (p > 0) & (q > 0)
    return jsd(p[common], q[common]) if common.any() else np.log(2)


BY_HAND = {"value": -0.8675, "discriminator_loss": 0.8675, "generator_loss": 1.2040}

RIGHT = [
    (chapter05.losses_by_hand, BY_HAND),
    (chapter05.d_star, lambda p, q, share: share * p / (share * p + (1 - share) * q)),
    (chapter05.jensen_shannon, jsd),
    (chapter05.loss_from_logits, lambda real, fake: softplus(-real) + softplus(fake)),
    (chapter05.loss_from_logits, lambda r, f: np.logaddexp(0, -r) + np.logaddexp(0, f)),
    (chapter05.wasserstein, lambda a, b: np.mean(np.abs(np.sort(a) - np.sort(b)))),
]

WRONG = [
    (chapter05.losses_by_hand, BY_HAND | {"generator_loss": -1.2040}, "wrong sign"),
    (chapter05.losses_by_hand, BY_HAND | {"generator_loss": np.log(0.7)}, "not the number"),
    (chapter05.losses_by_hand, {k: v / np.log(10) for k, v in BY_HAND.items()}, "base 10"),
    (chapter05.d_star, lambda p, q, share: p / (p + q), "changes nothing"),
    (
        chapter05.d_star,
        lambda p, q, share: (1 - share) * q / (share * p + (1 - share) * q),
        "not p",
    ),
    (
        chapter05.d_star,
        lambda p, q, share: (1 - share) * p / ((1 - share) * p + share * q),
        "largest",
    ),
    (chapter05.jensen_shannon, lambda p, q: 2 * jsd(p, q), "twice"),
    (chapter05.jensen_shannon, lambda p, q: jsd(p, q) / np.log(2), "bits"),
    (chapter05.jensen_shannon, lambda p, q: np.sqrt(jsd(p, q)), "square root"),
    (chapter05.jensen_shannon, lambda p, q: rel_entr(p, q).sum(), "instead of"),
    (
        chapter05.jensen_shannon,
        lambda p, q: 0.5 * np.sum(p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))),
        "0 · log 0",
    ),
    (chapter05.jensen_shannon, only_common_bins, "leaves empty"),
    (chapter05.losses_by_hand, BY_HAND | {"value": -0.87}, "three decimals"),
    (chapter05.loss_from_logits, from_probabilities, "not finite"),
    (chapter05.loss_from_logits, from_clipped_probabilities, ""),
    (chapter05.loss_from_logits, straight_from_three_on, "±3.5"),
    (chapter05.loss_from_logits, lambda r, f: softplus(r) + softplus(-f), "instead of"),
    (chapter05.wasserstein, lambda a, b: abs(a.mean() - b.mean()), "means"),
    (chapter05.wasserstein, lambda a, b: np.mean(np.abs(a - b)), "cheaper"),
    (chapter05.wasserstein, sorts_in_place, "changed its arguments"),
]


@pytest.mark.parametrize(("check", "answer"), RIGHT)
def test_right_answer_passes(check, answer):
    assert check(answer)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("check", "answer", "said"), WRONG)
def test_wrong_answer_is_refused_with_a_reason_and_a_hint(check, answer, said, capsys):
    assert not check(answer)
    text = capsys.readouterr().out
    assert said in text and "Hint:" in text


@pytest.mark.parametrize(
    "check", list(dict.fromkeys(check for check, _ in RIGHT)), ids=lambda check: check.__name__
)
def test_stub_is_not_an_answer(check, capsys):
    def stub(*arguments):
        raise NotImplementedError

    assert not check(...) and not check(None)
    assert check is chapter05.losses_by_hand or not check(stub)
    assert "not answered yet" in capsys.readouterr().out
