"""Chapter 09: the right answer passes; the stub and plausible wrong ones are refused."""

import numpy as np
import pytest

from medgan_utils.checks import chapter09


def stub(*_):
    return None


def shared(first, second):
    return sorted(set(first) & set(second))


def once_a_slice(first, second):
    return [name for name in first if name in set(second)]


def unsorted_names(first, second):
    return sorted(set(first) & set(second), reverse=True)


def names_of_one_side(first, second):
    return sorted(set(first))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (stub, "not answered yet"),
        (once_a_slice, "listed twice"),
        (unsorted_names, "sort them"),
        (names_of_one_side, "are in both; you found"),
    ],
)
def test_shared_subjects(wrong, said, capsys):
    assert chapter09.shared_subjects(shared)
    assert not chapter09.shared_subjects(wrong)
    assert said in capsys.readouterr().out


def test_a_leak_of_one_slice_is_listed_once(capsys):
    def repeats(first, second):
        return sorted(name for name in second if name in set(first))

    assert not chapter09.shared_subjects(repeats)
    assert "listed twice" in capsys.readouterr().out


def scale(voxels, low_percentile, high_percentile):
    low, high = np.percentile(voxels, [low_percentile, high_percentile])
    return np.clip(2 * (voxels - low) / (high - low) - 1, -1, 1)


def to_zero_one(voxels, low_percentile, high_percentile):
    return (scale(voxels, low_percentile, high_percentile) + 1) / 2


def unclipped(voxels, low_percentile, high_percentile):
    low, high = np.percentile(voxels, [low_percentile, high_percentile])
    return 2 * (voxels - low) / (high - low) - 1


def by_extremes(voxels, low_percentile, high_percentile):
    return scale(voxels, 0, 100)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (stub, "not answered yet"),
        (to_zero_one, "whole range"),
        (unclipped, "clip them"),
        (by_extremes, "differ"),
        (lambda voxels, low, high: scale(voxels, low, high).ravel(), "shape"),
    ],
)
def test_scale(wrong, said, capsys):
    assert chapter09.scale(scale)
    assert not chapter09.scale(wrong)
    assert said in capsys.readouterr().out


def arc(start, end, t):
    cosine = start @ end / (np.linalg.norm(start) * np.linalg.norm(end))
    angle = np.arccos(np.clip(cosine, -1, 1))
    return (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)


def line(start, end, t):
    return (1 - t) * start + t * end


def line_made_long(start, end, t):
    point = line(start, end, t)
    return point * np.linalg.norm(start) / np.linalg.norm(point)


def uneven(start, end, t):
    return arc(start, end, t * t)


def too_long_at_a_quarter(start, end, t):
    return arc(start, end, t) * (1.8 if t == 0.25 else 1)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (stub, "not answered yet"),
        (lambda start, end, t: arc(end, start, t), "must give an end"),
        (line, "of the length of its ends"),
        (uneven, "not even"),
        (too_long_at_a_quarter, "not even"),
        (lambda start, end, t: arc(start, end, t if t != 0.5 else 0.25), "not even"),
    ],
)
def test_interpolate(wrong, said, capsys):
    assert chapter09.interpolate(arc)
    assert not chapter09.interpolate(wrong)
    assert said in capsys.readouterr().out


def test_a_line_pushed_out_to_the_sphere_is_no_even_walk():
    assert chapter09.interpolate(line_made_long) is False


def distance(image, stack):
    return np.linalg.norm((stack - image).reshape(len(stack), -1), axis=1).min()


def copy_score(fake, training, held_out):
    return np.mean([distance(x, training) > distance(fake, training) for x in held_out])


def share_nearer(fake, training, held_out):
    return 1 - copy_score(fake, training, held_out)


def to_held_out(fake, training, held_out):
    return np.mean([distance(x, training) > distance(fake, held_out) for x in held_out])


def just_the_distance(fake, training, held_out):
    return distance(fake, training)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (stub, "not answered yet"),
        (share_nearer, "the share is 1"),
        (just_the_distance, "the share is 1"),
        (to_held_out, "share"),
    ],
)
def test_copy_score(wrong, said, capsys):
    assert chapter09.copy_score(copy_score)
    assert not chapter09.copy_score(wrong)
    assert said in capsys.readouterr().out
