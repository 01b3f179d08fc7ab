import numpy as np
import pytest

from medgan_utils.evaluation import diagnosis, score_classifier, train_classifier


def lesions(subjects, seed, slices=8, size=32):
    """Noise with a bright spot in every second slice; images, labels, subjects."""
    random = np.random.default_rng(seed)
    count = subjects * slices
    images = random.normal(-0.5, 0.1, (count, size, size, 1)).astype(np.float32)
    labels = np.arange(count) % 2
    for index in np.flatnonzero(labels):
        row, column = random.integers(4, size - 8, 2)
        images[index, row : row + 5, column : column + 5] += 0.8
    return np.clip(images, -1, 1), labels, np.repeat(np.arange(subjects), slices)


def test_trained_on_the_finding_it_finds_it():
    images, labels, _ = lesions(20, 0)
    model = diagnosis.train_classifier(images, labels, steps=120)
    scores = diagnosis.score_classifier(model, *lesions(10, 1))
    assert list(scores) == ["AUC", "sensitivity", "specificity"]
    assert scores["AUC"].value > 0.95
    for estimate in scores.values():
        assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_a_share_of_nothing_or_all_has_the_interval_of_so_few_subjects():
    import keras

    no = keras.layers.Dense(
        1, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(-1)
    )
    says_no = keras.Sequential([keras.Input((32, 32, 1)), keras.layers.Flatten(), no])
    images, labels = np.zeros((12, 32, 32, 1)), np.tile([1, 0, 0], 4)
    subjects = np.repeat([0, 1, 2, 3], 3)
    rates = diagnosis.score_classifier(says_no, images, labels, subjects, repeats=20)
    reach = 1 - 0.025**0.25  # Clopper and Pearson, none of four
    np.testing.assert_allclose(rates["sensitivity"], (0, 0, reach))
    np.testing.assert_allclose(rates["specificity"], (1, 1 - reach, 1))


def test_trained_on_random_labels_it_finds_nothing():
    images, _, _ = lesions(20, 0)
    labels = np.random.default_rng(0).integers(2, size=len(images))
    scores = diagnosis.score_classifier(
        diagnosis.train_classifier(images, labels, steps=60), *lesions(10, 1)
    )
    assert 0.2 < scores["AUC"].value < 0.8


@pytest.mark.parametrize("name", ("of Keras", "of the course"))
def test_augmentation_works_while_training_only(name):
    import keras

    from medgan_utils.training import DiffAugment

    images, labels, subjects = lesions(6, 0)
    own = DiffAugment(brightness=0.5, seed=0)  # changes images whenever it is called
    shift = {"of Keras": keras.layers.RandomTranslation(0.1, 0.1, seed=0), "of the course": own}[
        name
    ]
    model = diagnosis.train_classifier(images, labels, steps=5, augment=shift)
    first, second = (diagnosis.score_classifier(model, images, labels, subjects) for _ in range(2))
    assert first == second


def test_a_classifier_is_the_same_whoever_was_trained_before_and_stays_as_it_was():
    """Classifiers of one shape share a compiled network: no training may leak into the next."""
    images, labels, _ = lesions(6, 0)
    first = diagnosis.train_classifier(images, labels, steps=5, seed=1)
    kept = [weight.copy() for weight in first.get_weights()]
    other = diagnosis.train_classifier(images, 1 - labels, steps=5, seed=2)
    again = diagnosis.train_classifier(images, labels, steps=5, seed=1)
    for before, now, apart, same in zip(
        kept, first.get_weights(), other.get_weights(), again.get_weights(), strict=True
    ):
        assert np.array_equal(before, now) and np.array_equal(before, same)
        assert not np.array_equal(before, apart)


def test_one_class_is_refused():
    images, labels, _ = lesions(2, 0)
    with pytest.raises(ValueError, match="both 0 and 1"):
        diagnosis.train_classifier(images, np.zeros_like(labels))
    with pytest.raises(ValueError, match="one class only"):
        diagnosis.score_classifier(None, images, np.ones_like(labels))


def test_a_label_a_subject_is_no_label_an_image():
    images, whole, _ = lesions(2, 0)
    for labels in (whole[:-1], np.concatenate([whole, whole])):
        with pytest.raises(ValueError, match=f"{len(images)} images but {len(labels)} labels"):
            diagnosis.train_classifier(images, labels)
        with pytest.raises(ValueError, match="give one label each"):
            diagnosis.score_classifier(None, images, labels)


@pytest.mark.parametrize("scale", [lambda x: (x + 1) / 2, lambda x: 300 * x, lambda x: x * np.nan])
def test_images_of_another_scale_are_refused(scale):
    images, labels, _ = lesions(4, 0)
    images = np.clip(images, -1, 1)
    images[0, 0, 0] = -1
    with pytest.raises(ValueError, match="images range from"):
        diagnosis.train_classifier(scale(images), labels)
    with pytest.raises(ValueError, match="images range from"):
        diagnosis.score_classifier(None, scale(images), labels)


def test_a_subject_with_both_classes_is_drawn_whole():
    """Slices whose scores hang on the subject: rates and AUC share the draws of subjects."""

    class Brightness:
        def __call__(self, images, training):
            return images.mean(axis=(1, 2, 3), keepdims=False)[:, None]

    random = np.random.default_rng(0)
    subjects = np.repeat(np.arange(10), 6)
    labels = np.arange(60) % 2
    level = 0.2 * random.normal(size=10)[subjects] + 0.1 * labels + 0.05 * random.normal(size=60)
    images = np.clip(level, -1, 1)[:, None, None, None] * np.ones((1, 4, 4, 1), np.float32)
    whole = diagnosis.score_classifier(Brightness(), images, labels, subjects)["AUC"]
    apart = diagnosis.score_classifier(Brightness(), images, labels, subjects + 100 * labels)["AUC"]
    assert whole.value == apart.value and whole.high - whole.low < 0.7 * (apart.high - apart.low)


def test_a_third_class_is_refused_by_training_and_by_test():
    images, labels = np.zeros((4, 8, 8, 1), np.float32), [0, 1, 2, 2]
    with pytest.raises(ValueError, match=r"labels hold \[2\]; 1 for a finding and 0"):
        train_classifier(images, labels, steps=1)
    with pytest.raises(ValueError, match=r"labels hold \[2\]"):
        score_classifier(None, images, labels)
