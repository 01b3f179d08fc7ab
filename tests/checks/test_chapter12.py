"""Chapter 12's checks pass right answers of several forms and refuse the mistakes students make."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from medgan_utils.checks import chapter12
from medgan_utils.training import GAN, losses
from medgan_utils.training.draws import Seed


def most_to_gain(parts, gigaflops):
    saved = {name: ms - count / gigaflops / 1e6 for name, (ms, count) in parts.items()}
    best = max(saved, key=saved.get)
    whole = sum(ms for ms, _ in parts.values())
    return best, whole / (whole - saved[best])


def by_arrays(parts, gigaflops):
    ms, count = np.array(list(parts.values()), float).T
    saved = ms - count / (gigaflops * 1e6)
    return [list(parts)[saved.argmax()], np.float32(ms.sum() / (ms.sum() - saved.max()))]


def slowest(parts, gigaflops):
    name = max(parts, key=lambda one: parts[one][0])
    return name, 2.0


def factor_of_the_part(parts, gigaflops):
    best, _ = most_to_gain(parts, gigaflops)
    ms, count = parts[best]
    return best, ms / max(count / gigaflops / 1e6, 1e-9)


@pytest.mark.parametrize("answer", [most_to_gain, by_arrays])
def test_a_profile_read_right(answer):
    assert chapter12.most_to_gain(answer)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (slowest, "near the matrix rate"),
        (factor_of_the_part, "whole step"),
        (lambda p, g: (most_to_gain(p, g)[0], 1 / most_to_gain(p, g)[1]), "could take 14"),
        (lambda p, g: (min(p, key=lambda n: p[n][1] / p[n][0]), 19 / 16), "most to gain"),
        (lambda p, g: most_to_gain(p, 200.0), "ten times the rate"),
    ],
)
def test_a_profile_misread(answer, said, capsys):
    assert not chapter12.most_to_gain(answer)
    assert said in capsys.readouterr().out


class Pearson(losses.AdversarialLoss):
    real, fake, wanted, half = 1.0, -1.0, 0.0, 0.5

    def discriminator_loss(self, real_logits, fake_logits):
        both = (real_logits - self.real) ** 2 + (fake_logits - self.fake) ** 2
        return ops.reshape(self.half * both, [-1])

    def generator_loss(self, fake_logits, real_logits):
        return ops.reshape(self.half * (fake_logits - self.wanted) ** 2, [-1])


class WithTensorFlow(losses.LeastSquares):
    def discriminator_loss(self, real_logits, fake_logits):
        return tf.squeeze(tf.square(real_logits - 1) + tf.square(fake_logits + 1), 1) / 2

    def generator_loss(self, fake_logits, real_logits):
        return tf.square(fake_logits)[:, 0] / 2


class Averaged(Pearson):
    def generator_loss(self, fake_logits, real_logits):
        return ops.mean(super().generator_loss(fake_logits, real_logits))


class Column(Pearson):
    def discriminator_loss(self, real_logits, fake_logits):
        return ops.reshape(super().discriminator_loss(real_logits, fake_logits), [-1, 1])


class Swapped(Pearson):
    def discriminator_loss(self, real_logits, fake_logits):
        return super().discriminator_loss(fake_logits, real_logits)


class Unhalved(Pearson):
    half = 1.0


class ThePackages(Pearson):
    fake, wanted = 0.0, 1.0


class Fooling(Pearson):
    wanted = 1.0


class NoLoss:
    discriminator_loss, generator_loss = Pearson.discriminator_loss, Pearson.generator_loss


@pytest.mark.parametrize("answer", [Pearson, WithTensorFlow])
def test_a_loss_of_ones_own(answer):
    assert chapter12.own_loss(answer, GAN)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Averaged, "leave the average"),
        (Column, "(4, 1)"),
        (Swapped, "D's loss is off"),
        (Unhalved, "twice too large"),
        (ThePackages, "D's loss is off"),
        (Fooling, "G's loss is off"),
        (NoLoss, "derives from"),
    ],
)
def test_another_loss_is_refused(answer, said, capsys):
    assert not chapter12.own_loss(answer, GAN)
    assert said in capsys.readouterr().out


class DarkBand(keras.layers.Layer):
    """Made to be varied: each fault is an attribute."""

    rows, last, alike, fill, used = 8, None, False, -1.0, (0, 1)

    def call(self, images, seed):
        count = 1 if self.alike else ops.shape(images)[0]
        pair = tf.gather(tf.cast(tf.convert_to_tensor(seed), tf.int32), self.used)
        last = self.last or images.shape[1] - 7
        first = tf.random.stateless_uniform([count, 1], pair, 0, last, tf.int32)
        row = tf.range(images.shape[1])[None, :]
        dark = (row >= first) & (row < first + self.rows)
        return tf.where(dark[:, :, None, None], self.fill, images)


class WithKerasOps(keras.layers.Layer):
    def call(self, images, seed):
        last = images.shape[1] - 7
        first = keras.random.randint((ops.shape(images)[0], 1), 0, last, seed=Seed(seed))
        row = ops.arange(images.shape[1])[None, :]
        dark = ops.cast((row >= first) & (row < first + 8), images.dtype)[:, :, None, None]
        return images * (1 - dark) - dark


def band(**faults):
    return type("Band", (DarkBand,), faults)


class TwoHeights(keras.layers.Layer):
    def call(self, images, seed):
        count, height = tf.shape(images)[0], images.shape[1]
        pair = tf.cast(seed, tf.int32)
        first = tf.random.stateless_uniform([count, 1], pair, 0, 2, tf.int32) * (height - 8)
        return darkened(images, first)


class OneDraw(keras.layers.Layer):
    def call(self, images, seed):
        count, places = tf.shape(images)[0], images.shape[1] - 7
        drawn = tf.random.stateless_uniform([1, 1], tf.cast(seed, tf.int32), 0, places, tf.int32)
        return darkened(images, (drawn + tf.range(count)[:, None]) % places)


class WidthForHeight(keras.layers.Layer):
    def call(self, images, seed):
        size = [tf.shape(images)[0], 1], tf.cast(seed, tf.int32), 0, images.shape[2] - 7, tf.int32
        return darkened(images, tf.random.stateless_uniform(*size))


def darkened(images, first):
    row = tf.range(images.shape[1])[None]
    dark = tf.cast((row >= first) & (row < first + 8), images.dtype)[:, :, None, None]
    return images * (1 - dark) - dark


class Detached(DarkBand):
    def call(self, images, seed):
        return tf.stop_gradient(super().call(images, seed))


class Unseeded(DarkBand):
    def call(self, images, seed):
        return super().call(images, tf.random.uniform([2], 0, 10**6, tf.int32))


class ByBrightness(DarkBand):
    def call(self, images, seed):
        order = tf.argsort(tf.reduce_mean(images, (1, 2, 3)))
        return tf.gather(super().call(tf.gather(images, order), seed), tf.argsort(order))


class Darker(DarkBand):
    def call(self, images, seed):
        return tf.where(super().call(images, seed) == -1.0, -1.0, 0.5 * images)


@pytest.mark.parametrize("answer", [DarkBand, WithKerasOps])
def test_an_augmentation_of_ones_own(answer):
    assert chapter12.own_augmentation(answer, GAN)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (band(rows=7), "7 rows of an image are black"),
        (band(alike=True), "at one height"),
        (band(last=24), "last row"),
        (band(last=25), "of 48 rows"),
        (band(fill=0.0), "0 rows of an image are black"),
        (band(used=(0, 0)), "use both numbers"),
        (band(used=(1, 1)), "use both numbers"),
        (Detached, "gradient"),
        (Unseeded, "equal seeds, other bands"),
        (Darker, "outside the band changed"),
        (ByBrightness, "depends on the image"),
        (TwoHeights, "only 2 are ever drawn"),
        (OneDraw, "hang together"),
        (WidthForHeight, "of 48 rows"),
    ],
)
def test_another_augmentation_is_refused(answer, said, capsys):
    assert not chapter12.own_augmentation(answer, GAN)
    assert said in capsys.readouterr().out


class StopWhenSure(keras.callbacks.Callback):
    def __init__(self, limit, patience):
        super().__init__()
        self.limit, self.patience = limit, patience

    def on_train_begin(self, logs=None):
        self.leads = []

    def lead(self, logs):
        return float(logs["real_logit"] - logs["fake_logit"])

    def on_epoch_end(self, epoch, logs=None):
        self.leads.append(self.lead(logs))
        if self.enough():
            self.model.stop_training = True

    def enough(self):
        last = self.leads[-self.patience :]
        return len(last) == self.patience and min(last) > self.limit


class Counting(StopWhenSure):
    def on_train_begin(self, logs=None):
        self.leads, self.above = [], 0

    def on_epoch_end(self, epoch, logs=None):
        self.leads += [logs["real_logit"] - logs["fake_logit"]]
        self.above = self.above + 1 if self.leads[-1] > self.limit else 0
        self.model.stop_training |= self.above >= self.patience


class NotInARow(StopWhenSure):
    def enough(self):
        return sum(lead > self.limit for lead in self.leads) >= self.patience


class AtLeast(StopWhenSure):
    def enough(self):
        last = self.leads[-self.patience :]
        return len(last) == self.patience and min(last) >= self.limit


class Never(StopWhenSure):
    def enough(self):
        return False


class Impatient(StopWhenSure):
    def enough(self):
        return self.leads[-1] > self.limit


class Absolute(StopWhenSure):
    def lead(self, logs):
        return abs(super().lead(logs))


class Remembering(StopWhenSure):
    def __init__(self, limit, patience):
        super().__init__(limit, patience)
        self.leads = []

    def on_train_begin(self, logs=None):
        pass


@pytest.mark.parametrize("answer", [StopWhenSure, Counting])
def test_a_callback_of_ones_own(answer):
    assert chapter12.own_callback(answer, GAN)


@pytest.mark.parametrize(
    "answer",
    [NotInARow, AtLeast, Never, Impatient, Absolute, Remembering],
    ids=lambda a: a.__name__,
)
def test_another_callback_is_refused(answer, capsys):
    assert not chapter12.own_callback(answer, GAN)
    assert capsys.readouterr().out.startswith("✗")


class StubLoss(losses.AdversarialLoss):
    def discriminator_loss(self, real_logits, fake_logits):
        raise NotImplementedError


class StubLayer(keras.layers.Layer):
    def call(self, images, seed):
        raise NotImplementedError


class StubCallback(keras.callbacks.Callback):
    def __init__(self, limit, patience):
        super().__init__()

    def on_epoch_end(self, epoch, logs=None):
        raise NotImplementedError


@pytest.mark.parametrize(
    ("check", "stub"),
    [
        (chapter12.own_loss, StubLoss),
        (chapter12.own_augmentation, StubLayer),
        (chapter12.own_callback, StubCallback),
    ],
)
def test_a_stub_is_not_answered_yet(check, stub, capsys):
    assert not check(stub, GAN)
    assert capsys.readouterr().out.startswith("○")
