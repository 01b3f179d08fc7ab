import numpy as np
import tensorflow as tf

from medgan_utils.checks import chapter03


def unevenness(points, centres, radius, far=False, total=None):
    distances = np.linalg.norm(points[:, None] - centres, axis=-1)
    kept = np.ones(len(points), bool) if far else distances.min(axis=1) < radius
    nearest = distances.argmin(axis=1)[kept]
    if not len(nearest):
        return np.log(len(centres))
    shares = np.bincount(nearest, minlength=len(centres)) / (total or len(nearest))
    shares = shares[shares > 0]
    return float(np.sum(shares * np.log(shares * len(centres))))


def entropy(points, centres, radius):
    return np.log(len(centres)) - unevenness(points, centres, radius)


def of_every_centre_within(points, centres, radius):
    near = np.linalg.norm(points[:, None] - centres, axis=-1) < radius
    shares = near.sum(0)[near.any(0)] / max(near.sum(), 1)
    return float(np.sum(shares * np.log(shares * len(centres)))) if near.any() else np.log(8)


def of_eight_centres(points, centres, radius):
    return unevenness(points, centres, radius) + np.log(8 / len(centres))


def test_unevenness(capsys):
    assert chapter03.unevenness(unevenness)
    assert chapter03.unevenness(lambda *given: tf.constant(unevenness(*given)))
    wrong = [
        entropy,
        lambda *given: unevenness(*given) / np.log(2),
        lambda *given: unevenness(*given, far=True),
        lambda points, centres, radius: unevenness(points, centres, radius, total=len(points)),
        lambda points, centres, radius: 0.0,
        lambda points, centres, radius: unevenness(points, centres, np.nextafter(radius, 9)),
        of_every_centre_within,
        of_eight_centres,
    ]
    assert not any(chapter03.unevenness(one) for one in wrong)
    assert capsys.readouterr().out.count("✗") == len(wrong)


def test_generator_push(capsys):
    def push(logits):
        return 1 / (1 + np.exp(-logits)), 1 / (1 + np.exp(logits))

    assert chapter03.generator_push(push)
    assert not chapter03.generator_push(lambda logits: push(logits)[::-1])
    assert "swapped" in capsys.readouterr().out
    assert not chapter03.generator_push(lambda logits: [-part for part in push(logits)])
    assert "negative" in capsys.readouterr().out
    assert not chapter03.generator_push(lambda logits: (np.ones(4), np.ones(4)))


def contrast(image, lesion, around):
    return image[lesion].mean() - image[around].mean()


def left(before, after, lesion, around):
    pairs = zip(before, after, lesion, around, strict=True)
    return np.array([contrast(b, m, r) / contrast(a, m, r) for a, b, m, r in pairs])


def inside_only(before, after, lesion, around):
    pairs = zip(before, after, lesion, strict=True)
    return np.mean([b[m].mean() / a[m].mean() < 0.5 for a, b, m in pairs])


def beside_the_whole(before, after, lesion, around):
    return np.mean(left(before, after, lesion, np.ones_like(lesion)) < 0.5)


def test_erased(capsys):
    assert chapter03.erased(lambda *given: np.mean(left(*given) < 0.5))
    assert chapter03.erased(lambda *given: sum(one < 0.5 for one in left(*given)) / len(given[0]))
    wrong = [
        lambda *given: np.mean(np.abs(left(*given)) < 0.5),
        lambda *given: float(np.mean(left(*given)) < 0.5),
        lambda *given: np.sum(left(*given) < 0.5),
        lambda *given: np.mean(left(*given) < 0.9),
        lambda *given: np.mean(left(*given) < 0.4),
        lambda *given: np.mean(left(*given) < 0.6),
        inside_only,
        lambda before, after, lesion, around: np.mean(left(before, after, lesion, ~lesion) < 0.5),
        lambda before, after, lesion, around: np.mean(
            left(before, after, lesion[:1].repeat(4, 0), around[:1].repeat(4, 0)) < 0.5
        ),
        beside_the_whole,
    ]
    assert not any(chapter03.erased(one) for one in wrong)
    assert capsys.readouterr().out.count("✗") == len(wrong)


def attack_auc(members, outsiders):
    difference = members[:, None] - outsiders
    return np.mean(difference > 0) + 0.5 * np.mean(difference == 0)


def test_attack_auc(capsys):
    assert chapter03.attack_auc(attack_auc)
    assert not chapter03.attack_auc(lambda members, outsiders: attack_auc(outsiders, members))
    assert "outsider" in capsys.readouterr().out
    assert not chapter03.attack_auc(lambda a, b: np.mean(a[:, None] > b))
    assert "0.6250" in capsys.readouterr().out
