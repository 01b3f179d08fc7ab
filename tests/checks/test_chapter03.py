import numpy as np

from medgan_utils.checks import chapter03


def count_modes(points, centres, radius):
    distances = np.linalg.norm(points[:, None] - centres, axis=-1)
    nearest = distances.argmin(axis=1)[distances.min(axis=1) < radius]
    return int(np.sum(np.bincount(nearest, minlength=len(centres)) >= 0.01 * len(points)))


def test_count_modes(capsys):
    assert chapter03.count_modes(count_modes)
    assert not chapter03.count_modes(lambda points, centres, radius: len(centres))
    anywhere = lambda points, centres, radius: count_modes(points, centres, np.inf)  # noqa: E731
    assert not chapter03.count_modes(anywhere)
    assert "half-way" in capsys.readouterr().out

    def one_point_is_enough(points, centres, radius):
        distances = np.linalg.norm(points[:, None] - centres, axis=-1)
        return len(np.unique(distances.argmin(axis=1)[distances.min(axis=1) < radius]))

    assert not chapter03.count_modes(one_point_is_enough)
    assert "stray" in capsys.readouterr().out
    assert not chapter03.count_modes(...)


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


def kept(before, after, lesion, around, size=lambda share: share):
    pairs = zip(before, after, lesion, around, strict=True)
    return np.mean([size(contrast(b, m, r) / contrast(a, m, r)) for a, b, m, r in pairs])


def test_kept_contrast(capsys):
    assert chapter03.kept_contrast(kept)
    assert not chapter03.kept_contrast(lambda *images: kept(*images, size=abs))
    assert "mind the sign" in capsys.readouterr().out
    assert not chapter03.kept_contrast(lambda a, b, m, r: b[m].mean() / a[m].mean())
    assert "brighter" in capsys.readouterr().out
    assert not chapter03.kept_contrast(lambda *images: 1.0)


def attack_auc(members, outsiders):
    difference = members[:, None] - outsiders
    return np.mean(difference > 0) + 0.5 * np.mean(difference == 0)


def test_attack_auc(capsys):
    assert chapter03.attack_auc(attack_auc)
    assert not chapter03.attack_auc(lambda members, outsiders: attack_auc(outsiders, members))
    assert "outsider" in capsys.readouterr().out
    assert not chapter03.attack_auc(lambda a, b: np.mean(a[:, None] > b))
    assert "0.5" in capsys.readouterr().out
